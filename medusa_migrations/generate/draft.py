"""From the models of an app and the live tables to a proven up and down part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError

from .catalog import read_tables
from .compare import Change, compare
from .dependents import computed_unseen, foreign_keys_on, going_unseen, not_in_models, refuse_taken, standing_on
from .kept import without_kept
from .phases import Statement
from .proof import find_casts, refuse_difference, run_part
from .remade import Place, going, retyped
from .renames import Rename, chosen_renames, given_renames
from .render import render
from .scratch import Scratch, build_models, copy_tables, scratch
from .tables import Constraint, Table, Tables
from .values import find_values
from .wanted import Wanted


@dataclass(frozen=True)
class Request:
    """What is to be generated, and how.

    `ignore` are globs `table.object`. `renames` are as --rename gives them; `accept` is asked about others that may be
    one, and `value` for SQL where rows that are there need a value and the models have none, given what stands for
    nothing. `extra_tables` are tables of the app that no model has any more: what is not renamed is dropped, if
    `drop_tables`, or left alone.
    """

    wanted: Wanted
    ignore: Sequence[str] = ()
    renames: Sequence[str] = ()
    extra_tables: Sequence[str] = ()
    drop_tables: bool = False
    accept: Callable[[Rename], bool] = lambda rename: False
    value: Callable[[str, str], str | None] = lambda place, nothing: None


@dataclass(frozen=True)
class Draft:
    """The statements of both parts, in their order; `offered` are renames that nobody answered for.

    `referred` are the tables that new foreign keys refer to. `going` are the columns that the up part drops, and
    whether it adds each again.
    """

    renames: tuple[Rename, ...] = ()
    changes: tuple[Change, ...] = ()
    up: tuple[Statement, ...] = ()
    down: tuple[Statement, ...] = ()
    offered: tuple[Rename, ...] = ()
    warnings: tuple[str, ...] = ()
    referred: frozenset[str] = field(default_factory=frozenset)
    going: Mapping[Place, bool] = field(default_factory=dict)


def make_draft(session: Session, request: Request) -> Draft:
    """Raises DatabaseError where the models cannot be built, NotProven, and PlanError.

    That is for a wrong rename, for an extended model without its table, and for a name that is taken.
    """
    wanted = request.wanted
    names = [*wanted.tables, *request.extra_tables]
    namespace = session.query("SELECT pg_catalog.current_schema()::pg_catalog.regnamespace::oid")[0][0]
    all_live = read_tables(session, namespace, names)
    _refuse_without_table(wanted, all_live)
    live = _compared(all_live, request)
    with scratch(session) as work:
        models = _compared(build_models(work, (*wanted.models, *wanted.extended)), request)
        given = given_renames(request.renames, live, models)
        part = {change.table for change in compare(live, models, wanted.explicit_names)}
        if not part or (part <= {*request.extra_tables} and not request.drop_tables):
            return Draft(warnings=wanted.warnings)
        part |= {table for table, _, _ in foreign_keys_on(session, namespace, part)} & set(names)
        target = _normalised(work, _part(models, part), models)
        whole = _part(all_live, request.extra_tables if request.drop_tables else ())
        draft = _draft(work, request, given, _part({**live, **whole}, part), target, {**models, **live})
        refuse_taken(session, namespace, draft.changes, live)
        warnings = [
            *wanted.warnings,
            *standing_on(session, namespace, draft.changes, draft.going),
            *not_in_models(draft.changes),
        ]
        warnings += _unseen(draft, all_live, live)
    return replace(draft, warnings=(*warnings, *draft.warnings))


def _refuse_without_table(wanted: Wanted, live: Tables) -> None:
    """Raise PlanError if a table of another app, whose model has fields of ours, is not there."""
    missing = [model._meta.label for model in wanted.extended if model._meta.db_table not in live]
    if missing:
        raise PlanError(
            f"{', '.join(missing)}: has fields that no Django migration makes, and its table, which one does, is not "
            "there yet. Run `migrate` first."
        )


def _draft(
    work: Scratch, request: Request, given: Sequence[Rename], live: Tables, target: Tables, known: Tables
) -> Draft:
    """Compare a copy of the live tables with the target, and prove what comes of it on that copy."""
    copy_tables(work, live, known, target)
    copied = work.read(live)
    warnings = [
        f"The index {index.name} of {table.name} is invalid: an attempt to build it failed. REINDEX it, or drop it."
        for table in live.values()
        for index in table.indexes.values()
        if not index.valid
    ]
    warnings += [
        f"PostgreSQL prints {change.table}.{change.thing.name} otherwise for a copy: see that nothing of it is lost."
        for change in compare(live, copied)
    ]
    renames, offered = chosen_renames(given, request.accept, _compared(copied, request), target)
    work.run(rename.statement.sql for rename in renames)
    was = {rename.new: rename.old for rename in renames if not rename.table}
    names = {*live, *target, *was}
    if not request.drop_tables:
        names -= {*request.extra_tables}

    def read() -> Tables:
        return _compared(work.read(names), request, whole=request.extra_tables, was=was)

    before, target = read(), _compared(target, request, was=was)
    changes = compare(before, target, request.wanted.explicit_names)
    casts = find_casts(work, changes)
    values = find_values(work.session, request.wanted.fields, changes, target, request.value)
    up = render(changes, before, target, values, casts)
    run_part(work, "up", up)
    after = read()
    refuse_difference("up", compare(after, target, request.wanted.explicit_names))
    # Back to the very names, whoever gave them.
    back = compare(after, before, _all_names(before, after))
    down = render(back, after, before, {}, find_casts(work, back))
    down += [rename.back.statement for rename in reversed(renames)]
    run_part(work, "down", down)
    refuse_difference("down", compare(work.read({*names, *copied}), copied, _all_names(copied, after)))
    return Draft(
        tuple(renames),
        tuple(changes),
        (*(rename.statement for rename in renames), *up),
        tuple(down),
        tuple(offered),
        tuple(warnings),
        frozenset(_referred(changes)),
        going(changes, before, target, casts.impossible),
    )


def _unseen(draft: Draft, live: Tables, compared: Tables) -> list[str]:
    """Warnings that name what is not compared and goes with a column, or is in the way of its change."""
    was = {(rename.table, rename.new): rename.old for rename in draft.renames}
    tables = {change.table for change in draft.changes}
    changing = {(table, column) for table in tables for column in retyped(draft.changes, table)}
    found = []
    for table, column in sorted({*draft.going, *changing}):
        name, old = was.get((None, table), table), was.get((table, column), column)
        found += computed_unseen(live[name], compared[name], old)
        if (table, column) in draft.going:
            found += going_unseen(live[name], compared[name], old, draft.going[table, column])
    return found


def _all_names(*schemas: Tables) -> set[str]:
    return {name for tables in schemas for table in tables.values() for name in (*table.constraints, *table.indexes)}


def _normalised(work: Scratch, tables: Tables, known: Tables) -> Tables:
    """The tables as PostgreSQL prints what it has made of its own print; the first print may differ for ever."""
    with work.undone():
        copy_tables(work, tables, known, {})
        return work.read(tables)


def _referred(changes: Iterable[Change]) -> set[str]:
    """The tables that new foreign keys refer to."""
    made: list[Constraint] = []
    for change in changes:
        if isinstance(change.new, Table) and change.op == "create":
            made += change.new.constraints.values()
        elif isinstance(change.new, Constraint) and change.op in ("create", "alter"):
            made.append(change.new)
    return {constraint.ref_table for constraint in made if constraint.ref_table}


def _part(tables: Tables, names: Collection[str]) -> Tables:
    return {name: table for name, table in tables.items() if name in names}


def _compared(
    tables: Tables, request: Request, *, whole: Collection[str] = (), was: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Table]:
    """What of the tables is compared. What is kept is in neither side, or a down part would make it once more.

    Not so of the `whole` ones: with a table all of it goes, and comes again. `was` has the old names of renamed tables.
    """
    extended = {model._meta.db_table: columns for model, columns in request.wanted.extended.items()}
    tables = {name: table.only(extended[name]) if name in extended else table for name, table in tables.items()}
    return {
        name: table if name in whole else without_kept(table, request.ignore, {name, was.get(name, name)})
        for name, table in tables.items()
    }
