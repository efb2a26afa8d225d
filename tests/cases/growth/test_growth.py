"""What took the square of the number of migrations, found by load: `migrations_repair` (68 s for 2,000 files and
100,000 rows without one) and its options with many ids, errors over chains of `depends`, `migrate` of both kinds.

Each is timed with so many migrations and with eight times as many, by the processor's time: linear is 8 times as long,
the square 64 times.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from medusa_migrations.database.history import History
from medusa_migrations.database.repair import Repair, Wanted, findings
from medusa_migrations.errors import MigrationError
from medusa_migrations.files.order import ordered
from medusa_migrations.migration import Key, Migration, MigrationId
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.plan.interleaving import interleave, with_declared
from medusa_migrations.plan.known import Known, in_order, know
from tests.support.builders import migration, row

SMALL, TIMES, MOST = 400, 8, 24
ONE = migration("blog.1")


class NoHistory:
    """In place of the history, whose SQL is not what is measured."""

    def __getattr__(self, name: str) -> Callable[..., str]:
        return lambda *args, **values: ""


def moment(number: int) -> str:
    return f"2024{1 + number // 20_000:02d}{1 + number // 1000 % 20:02d}{number // 60 % 17:02d}{number % 60:02d}00"


def many(count: int, app: str = "blog") -> list[Migration]:
    return [
        ONE._replace(id=MigrationId(app, f"{moment(n)}_x{n}"), checksum=f"{app}{n}", down=None) for n in range(count)
    ]


def chain(count: int) -> list[Migration]:
    """Each depends on the one before, the first on what is not there."""
    ones = many(count)
    before = ["blog.20230101000000_gone", *(str(one.id) for one in ones)]
    return [one._replace(depends=(needed,)) for one, needed in zip(ones, before, strict=False)]


def circle(count: int) -> list[Migration]:
    first, *rest = chain(count)
    return [first._replace(depends=(str(rest[-1].id),)), *rest]


def half_behind_a_circle(count: int) -> list[Migration]:
    first, second, *rest = chain(count // 2)
    return [*many(count // 2, "shop"), first._replace(depends=(str(second.id),)), second, *rest]


def state(files: Sequence[Migration], rows: Sequence[Migration], **values: Any) -> Known:
    return know(files, [row(one, n, **values) for n, one in enumerate(rows, 1)], lambda feature: True)


def whole_chain(count: int) -> list[Migration]:
    return [many(1)[0], *chain(count)[1:]]


def without_files(count: int) -> Known:
    return state(many(count), many(count, "gone"))


def repair(known: Known, **wanted: Sequence[str]) -> None:
    Repair(known, cast(History, NoHistory())).settle(Wanted(**wanted))


def ids(known: Known) -> list[str]:
    return [str(id_) for id_ in known.by_id or known.rows]


def both_kinds(count: int) -> tuple[list[Key], list[Key], dict[Key, set[Key]]]:
    """One of Django's migrations names an app made by SQL, whose models refer to all of Django's."""
    django: list[Key] = [("auth", f"{n:04d}") for n in range(20)]
    sql: list[Key] = [one.id for one in many(count)]
    needs = {one: {before} for kind in (django, sql) for before, one in itertools.pairwise(kind)}
    return django, sql, with_declared(needs, {django[-1]: sql})


# For each what is given, of so many, and what is done with it.
CASES: dict[str, tuple[Callable[[int], Any], Callable[[Any], object]]] = {
    "what needs repair": (without_files, lambda known: findings(known, "default", locked=False)),
    "the order with those without a file": (without_files, in_order),
    "accept changes": (
        lambda count: state(many(count), many(count), checksum="another"),
        lambda known: repair(known, accept_changes=ids(known)),
    ),
    "mark applied": (lambda count: state(many(count), ()), lambda known: repair(known, mark_applied=ids(known))),
    "mark reverted": (lambda count: state((), many(count)), lambda known: repair(known, mark_reverted=ids(known))),
    "renamed": (
        without_files,
        lambda known: repair(known, renamed=[f"gone{id_.removeprefix('blog')}={id_}" for id_ in ids(known)]),
    ),
    "an unknown target": (
        lambda count: state(many(count), ()),
        lambda known: Forwards(to="blog.20240101000000_y").plan(known),
    ),
    "half-done reverts": (
        lambda count: state(many(count), many(count), state="revert_failed"),
        lambda known: Backwards(fake=True).plan(known),
    ),
    "revert all": (
        lambda count: state(chain(count), chain(count)),
        lambda known: Backwards(everything=True, fake=True).plan(known),
    ),
    "run all of an app": (
        lambda count: state(chain(count), ()),
        lambda known: Forwards(app="blog").plan(known),
    ),
    "a chain": (whole_chain, lambda ones: ordered(ones, ["blog"])),
    "a chain that ends nowhere": (chain, lambda ones: ordered(ones, ["blog"])),
    "a circle": (circle, lambda ones: ordered(ones, ["blog"])),
    "behind a circle": (half_behind_a_circle, lambda ones: ordered(ones, ["blog", "shop"])),
    "migrate of both kinds": (both_kinds, lambda kinds: interleave(*kinds, dict.fromkeys(kinds[1], kinds[0]))),
}


def seconds(work: Callable[[Any], object], given: Any) -> float:
    begun = time.process_time()
    with contextlib.suppress(MigrationError):
        work(given)
    return time.process_time() - begun


@pytest.mark.parametrize("name", CASES)
def test_nothing_takes_the_square(name: str) -> None:
    give, work = CASES[name]
    small, large = give(SMALL), give(TIMES * SMALL)
    gc.collect()
    gc.disable()  # it looks at all that is there, whoever made it
    try:
        bound = MOST * max(0.0005, min(seconds(work, small) for _ in range(5)))
        taken = [seconds(work, large)]
        while taken[-1] >= bound and len(taken) < 3:
            taken.append(seconds(work, large))
        assert min(taken) < bound
    finally:
        gc.enable()
