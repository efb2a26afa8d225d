"""The statements of each file of a draft, proven by running one after the other on the copy, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from medusa_migrations.messages import N_
from medusa_migrations.sql.names import quoted

from .compare import Change, compare
from .copies import Copies
from .names import OtherName
from .phases import DraftStatement
from .proof import NotProven, find_casts, refuse_difference, run_part
from .remade import Place
from .renames import Rename, renaming, renaming_back
from .render import alter_table, render
from .steps import Step
from .tables import Constraint, Table, Tables, all_names
from .unsaid import with_unsaid
from .values import Value
from .watch import CopyWatch


@dataclass(frozen=True)
class AppFile:
    """What of a draft goes into one file, of the app `label`, with what its name ends with.

    `referred` are the tables that must be there before it, as the files before it leave them. `names` are there where
    it does nothing but to give those.
    """

    label: str
    ending: str
    renames: tuple[Rename, ...]
    changes: tuple[Change, ...]
    up: tuple[DraftStatement, ...]
    down: tuple[DraftStatement, ...]
    referred: frozenset[str]
    names: tuple[OtherName, ...] = ()


class _Done(NamedTuple):
    """What the up part of the file for a step has done: from the tables `before` to those `after`."""

    step: Step
    changes: tuple[Change, ...]
    up: tuple[DraftStatement, ...]
    before: Tables
    after: Tables


def run_renames(
    copy: Copies, labels: Iterable[str], renames: Iterable[Rename]
) -> dict[str, tuple[Sequence[Rename], Sequence[DraftStatement]]]:
    """Rename in the copy, and give what belongs into the file of each app: the renames and their statements."""
    all_renames = list(renames)
    found: dict[str, tuple[Sequence[Rename], Sequence[DraftStatement]]] = {}
    for label in labels:
        own = [one for one in all_renames if copy.scope.owners.get(one.table or one.new, label) == label]
        found[label] = own, run_part(copy.scratch, "up", renaming(own), copy.watch)
    return found


def prove_files(
    copy: Copies,
    steps: Iterable[Step],
    before: Tables,
    models: Tables,
    renamed: Mapping[str, tuple[Sequence[Rename], Sequence[DraftStatement]]],
    values: Mapping[Place, Value],
) -> tuple[AppFile, ...]:
    """The files for `steps` from what the copy has, `before`, to `models`; those without a change are left out.

    `renamed` is what was renamed in the copy before, which is undone at the end. Raises NotProven as `run_part` does,
    and where anything differs from `models` at the end of the way there.
    """
    explicit = copy.scope.wanted.explicit_names
    done = list(_ups(copy, steps, before, values))
    now = done[-1].after
    refuse_difference("up", compare(now, with_unsaid(models, now), explicit))
    downs = [_down(copy, one) for one in reversed(done)]
    files = []
    for one, (watch, down) in zip(done, reversed(downs), strict=True):
        step = one.step
        renames, first = ([], []) if step.ending else renamed[step.label]
        down += run_part(copy.scratch, "down", renaming_back(renames), watch)
        referred = step.needs.union(referred_by(one.changes))
        up = (*first, *one.up)
        files.append(AppFile(step.label, step.ending, tuple(renames), one.changes, up, tuple(down), referred))
    return tuple(one for one in files if one.up)


def _ups(copy: Copies, steps: Iterable[Step], first: Tables, values: Mapping[Place, Value]) -> Iterator[_Done]:
    now = first
    for step in steps:
        changes = tuple(compare(now, step.tables, copy.scope.wanted.explicit_names))
        statements = render(changes, now, step.tables, values, find_casts(copy.scratch, changes))
        statements = _allowed(statements, [one for one in changes if step.ending], first)
        up = tuple(run_part(copy.scratch, "up", statements, copy.watch))
        before, now = now, copy.compared()
        yield _Done(step, changes, up, before, now)


def _allowed(statements: Iterable[DraftStatement], changes: Iterable[Change], first: Tables) -> list[DraftStatement]:
    """The statements; lint would find the foreign keys that come late between tables that are new as well."""
    new = tuple(
        f"{alter_table(one.table)} ADD CONSTRAINT {quoted(one.new.name)} "
        for one in changes
        if isinstance(one.new, Constraint) and one.table not in first and one.new.ref_table not in first
    )
    reason = "scan: both tables are new, made by files that come with this one"
    return [replace(one, allows=reason) if one.sql.startswith(new) else one for one in statements]


def _down(copy: Copies, done: _Done) -> tuple[CopyWatch, list[DraftStatement]]:
    """The statements of a down part, and what judges those of it that come after them."""
    # Back to the very names, whoever gave them.
    changes = compare(done.after, done.before, all_names(done.after, done.before))
    statements = render(changes, done.after, done.before, {}, find_casts(copy.scratch, changes))
    watch = CopyWatch(copy.scratch)
    return watch, run_part(copy.scratch, "down", statements, watch)


def prove_order(copy: Copies, files: Sequence[AppFile], models: Tables, copied: Tables) -> None:
    """Run the files as they will be run, each with what it renames, and back to what was `copied`.

    Raises NotProven where one needs a name that a later one gives.
    """
    watch = CopyWatch(copy.scratch)
    try:
        for file in files:
            run_part(copy.scratch, "up", file.up, watch)
        now = copy.compared()
        refuse_difference("up", compare(now, with_unsaid(models, now), copy.scope.wanted.explicit_names))
        for file in reversed(files):
            run_part(copy.scratch, "down", file.down, watch)
    except NotProven as error:
        raise NotProven(
            N_("{problem} Or generate what is renamed first, one app after the other.", problem=error.args[0])
        ) from error
    refuse_difference("down", compare(copy.scratch.read({*copy.names, *copied}), copied, all_names(copied)))


def referred_by(changes: Iterable[Change]) -> set[str]:
    """The tables that new foreign keys refer to."""
    made: list[Constraint] = []
    for change in changes:
        if isinstance(change.new, Table) and change.op == "create":
            made += change.new.constraints.values()
        elif isinstance(change.new, Constraint) and change.op in ("create", "alter"):
            made.append(change.new)
    return {constraint.ref_table for constraint in made if constraint.ref_table}
