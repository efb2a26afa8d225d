"""Which repeatable migrations a run makes, undoes and makes again, and which a revert takes along."""

from __future__ import annotations

from typing import Any

import pytest

from medusa_migrations.errors import PlanError
from medusa_migrations.files.order import ordered
from medusa_migrations.migration import Migration
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.plan.known import Known, in_order, know, out_of_order, state_of
from medusa_migrations.plan.steps import Plan, fingerprint
from tests.support.builders import known, migration, row

LABELS = ("blog", "shop")
B1, B2 = migration("blog.1"), migration("blog.2")
DROPPING = migration("blog.3", drops=("blog.R__a",))
A = migration("blog.R__a", "blog.1")
REPLACED = migration("blog.R__a", "blog.1", replace=True)
ON_A = migration("blog.R__b", "blog.R__a")
ON_B = migration("shop.R__c", "blog.R__b")
LONE = migration("blog.R__aa")


def state(*migrations: Migration, applied: tuple[Migration, ...] = (), old: tuple[Migration, ...] = ()) -> Known:
    """`applied` are as they are today, `old` as they were."""
    rows = [row(one, down="") for one in applied]
    rows += [row(one, down="DROP", up="SELECT 'old';") for one in old]
    return known(ordered(migrations, LABELS), rows)


def told(plan: Plan) -> list[str]:
    """Each step, with what it undoes, and a plus where it shares the transaction of the one before."""
    return [
        ("+" if step.joins else "") + " ".join([_short(step.id), *(f"-{_short(one.id)}" for one in step.undoes)])
        for step in plan.steps
    ]


def _short(id_: Any) -> str:
    return id_.name[3:] if id_.is_repeatable else str(int(id_.name[8:14]))


ALL = (B1, DROPPING, A, ON_A, ON_B)

# What is there, what a run is asked for, and what it does.
RUNS: dict[str, tuple[Known, dict[str, Any], list[str]]] = {
    "new ones come last": (state(B1, A, B2), {}, ["1", "2", "a"]),
    "the same one is not run again": (state(B1, A, applied=(B1, A)), {}, []),
    "a changed one is run again": (state(B1, A, ON_A, applied=(B1, ON_A), old=(A,)), {}, ["a"]),
    "one that is replaced takes what stands on it along": (
        state(B1, REPLACED, ON_A, ON_B, LONE, applied=(B1, ON_A, ON_B, LONE), old=(REPLACED,)),
        {},
        ["a -c -b -a", "+b", "+c"],
    ),
    "what comes between shares the transaction": (
        state(B1, REPLACED, ON_A, LONE, applied=(B1, ON_A), old=(REPLACED,)),
        {},
        ["a -b -a", "+aa", "+b"],
    ),
    "one that is replaced for the first time undoes nothing": (state(B1, REPLACED, ON_A), {}, ["1", "a", "b"]),
    "a replaced one alone": (state(REPLACED, B1, applied=(B1,), old=(REPLACED,)), {}, ["a -a"]),
    "what is dropped is made again": (state(*ALL, applied=(B1, A, ON_A, ON_B)), {}, ["3 -c -b -a", "a", "b", "c"]),
    "what is dropped and not applied": (state(*ALL, applied=(B1,)), {}, ["3", "a", "b", "c"]),
    "what is dropped and has gone already is replaced by itself": (
        state(B1, DROPPING, REPLACED, applied=(B1, REPLACED)),
        {},
        ["3 -a", "a"],
    ),
    "what is dropped twice goes once": (
        state(*ALL, migration("blog.4", drops=("blog.R__b",)), applied=(B1, A, ON_A)),
        {},
        ["3 -b -a", "4", "a", "b", "c"],
    ),
    "up to one with a timestamp": (state(B1, A, B2), {"to": str(B2.id)}, ["1", "2"]),
    "up to one that drops": (
        state(*ALL, B2, LONE, applied=(B1, A, ON_A)),
        {"to": str(DROPPING.id)},
        ["2", "3 -b -a", "a", "b"],
    ),
    "of an app": (state(B1, A, ON_A, ON_B, applied=(B1,)), {"app": "shop"}, ["a", "b", "c"]),
    "recorded only": (state(*ALL, applied=(B1, A, ON_A, ON_B)), {"fake": True}, ["3"]),
    "with late arrivals refused": (state(B1, B2, A, applied=(B1, A)), {"strict": True}, ["2"]),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run(name: str) -> None:
    there, options, expected = RUNS[name]
    assert told(Forwards(labels=LABELS, **options).plan(there)) == expected


ON_2 = migration("blog.R__d", "blog.2")
THREE = (B1, B2, DROPPING, A, ON_A, ON_2)

# What is applied, what a revert is asked for, and what it undoes.
REVERTS: dict[str, tuple[Known, dict[str, Any], list[str]]] = {
    "the last with a timestamp": (state(B1, B2, A, applied=(B1, B2, A)), {}, ["2"]),
    "what it depends on goes": (state(B1, B2, A, ON_A, ON_2, applied=(B1, B2, A, ON_A, ON_2)), {}, ["d", "2"]),
    "all that stands on it goes": (state(B1, A, ON_A, applied=(B1, A, ON_A)), {"app": "blog"}, ["b", "a", "1"]),
    "what it had to drop goes": (state(*THREE, applied=THREE), {}, ["b", "a", "3"]),
    "what it had to drop goes first, also where it was made before": (
        state(*THREE, applied=(B1, B2, A, ON_A, DROPPING)),
        {},
        ["b", "a", "3"],
    ),
    "what it had to drop stays in the history": (state(*THREE, applied=THREE), {"fake": True}, ["3"]),
    "two steps": (state(B1, B2, A, applied=(B1, A, B2)), {"steps": 2}, ["2", "a", "1"]),
    "everything": (state(B1, A, LONE, applied=(B1, A, LONE)), {"everything": True}, ["aa", "a", "1"]),
    "one without a file": (state(B1, applied=(B1, LONE)), {"missing": True}, ["aa"]),
    "down to one": (state(B1, B2, A, applied=(B1, A, B2)), {"to": str(B1.id)}, ["2"]),
}


@pytest.mark.parametrize("name", REVERTS)
def test_a_revert(name: str) -> None:
    there, options, expected = REVERTS[name]
    assert told(Backwards(labels=LABELS, **options).plan(there)) == expected


def test_the_last_run_that_only_made_them_again_leaves_nothing_to_revert() -> None:
    rows = [row(B1, run="first"), row(A, run="second")]
    there = known([B1, A], rows)
    assert told(Backwards(labels=LABELS, last_run=True).plan(there)) == []


def test_the_stored_down_part_is_sent_of_what_is_another_today() -> None:
    there = state(B1, DROPPING, A, applied=(B1,), old=(A,))
    (dropping, _) = Forwards(labels=LABELS).plan(there).steps
    assert [step.stored for step in dropping.undoes] == ["DROP"]
    assert dropping.is_transactional("none")


def test_one_that_cannot_be_undone_is_named() -> None:
    bare = migration("blog.R__a", down=None)
    there = known([B1, DROPPING, bare], [row(B1), row(bare)])
    with pytest.raises(PlanError, match=r"blog\.\d+_x needs blog\.R__a dropped first"):
        Forwards(labels=LABELS).plan(there)
    with pytest.raises(PlanError, match=r"blog\.R__a is repeatable, and stays"):
        Backwards(labels=LABELS, to=str(bare.id)).plan(there)


def test_one_that_could_not_be_made_again_in_this_phase_is_named() -> None:
    later = migration("blog.R__a", "blog.1", phase="after")
    there = state(B1, DROPPING, later, applied=(B1,), old=(later,))
    with pytest.raises(PlanError, match=r"blog\.R__a: would have to go .* held back for phase after"):
        Forwards(labels=LABELS, phase="before").plan(there)
    assert told(Forwards(labels=LABELS, phase="after").plan(there)) == ["3 -a", "a"]
    as_it_is = state(B1, DROPPING, later, applied=(B1,))._replace(
        rows={one.id: row(one, down="DROP") for one in (B1, later)}
    )
    with pytest.raises(PlanError, match=r"blog\.R__a: would have to go"):
        Forwards(labels=LABELS, phase="before").plan(as_it_is)


def test_one_that_depends_on_what_the_run_leaves_out_is_named() -> None:
    today = migration("blog.R__a", "shop.4")
    there = state(B1, DROPPING, migration("shop.4"), today, applied=(B1,), old=(today,))
    with pytest.raises(PlanError, match=r"blog\.R__a would have to go .* depends on shop\.\d+_x, which this run"):
        Forwards(labels=LABELS, to=str(DROPPING.id)).plan(there)
    assert told(Forwards(labels=LABELS, app="blog").plan(there)) == ["3 -a", "4", "a"]


def test_nothing_goes_for_what_goes_on_without_a_transaction() -> None:
    begun = row(DROPPING, state="failed", statements_done=1)
    there = known([B1, DROPPING, A], [row(B1), row(A), begun])
    with pytest.raises(PlanError, match=r"_x was begun without .* --mark-reverted blog\.R__a, and run"):
        Forwards(labels=LABELS).plan(there)
    without = known([B1, DROPPING, A], [row(B1), begun])
    assert told(Forwards(labels=LABELS).plan(without)) == ["3", "a"]


def test_one_that_takes_over_what_a_deleted_one_made_runs_when_that_is_undone() -> None:
    """It has a row of its own, so that the other cannot have been renamed to it."""
    merged = migration("blog.R__b", up="SELECT 'a';")
    deleted = row("blog.R__a", checksum=merged.checksum, down="")
    there = known([merged], [deleted, row(merged, up="SELECT 'old';")])
    with pytest.raises(PlanError, match=r"Undo blog\.R__a first, .*: migrations_revert --missing"):
        Forwards(labels=LABELS).plan(there)
    assert told(Backwards(labels=LABELS, missing=True).plan(there)) == ["a"]


def test_it_is_never_changed_and_never_late() -> None:
    there = state(B1, A, B2, applied=(B1,), old=(A,))
    assert there.changed() == []
    assert out_of_order(there) == set()
    assert [state_of(id_, there, locked=False) for id_ in in_order(there)] == ["applied", "pending", "pending"]


def test_a_feature_decides_whether_it_is_run_again() -> None:
    off = migration("blog.R__a", feature="off")
    for changed, expected in ((False, "applied"), (True, "disabled")):
        there = know([off], [row(off, 1, **({"up": "SELECT 'old';"} if changed else {}))], lambda name: False)
        assert state_of(off.id, there, locked=False) == expected
        assert there.pending() == []


def test_another_plan_has_another_fingerprint() -> None:
    prints = {
        fingerprint(Forwards(labels=LABELS).plan(there), "each", "default")
        for there in (
            state(B1, DROPPING, A, applied=(B1,), old=(A,)),
            state(B1, DROPPING._replace(drops=()), A, applied=(B1,), old=(A,)),
        )
    }
    assert len(prints) == 2
