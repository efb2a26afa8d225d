"""From the models of apps and their live tables to a draft: an up and a down part, both proven on a copy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from medusa_migrations.database.postgresql import FIRST_SCHEMA
from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_
from medusa_migrations.sql.names import quoted

from .by_hand import in_no_model
from .catalog import print_plainly, read_tables
from .compare import Change, compare
from .copies import Copies
from .dependents import Standing, foreign_keys_on, keys_standing_on, refuse_taken, standing_on, touched_by
from .in_files import AppFile, prove_files, prove_order, referred_by, run_renames
from .name_files import prove_names
from .names import OtherName, other_names, refuse_taken_names
from .phases import DraftStatement
from .proof import NotProven, find_casts, refuse_difference
from .remade import Place, going_columns, retyped
from .renames import Rename, chosen_renames, given_renames
from .request import Request
from .scope import Scope
from .scratch import Scratch, build_models, copy_tables, open_scratch
from .stages import Stages, make_tables_alone, prove_stages, refuse_by_name
from .steps import steps_between
from .tables import Table, Tables, all_names
from .unreached import keys_left_out
from .unsaid import with_unsaid
from .unseen import computed_unseen, default_unseen, going_unseen
from .values import find_values
from .wanted import Wanted
from .watch import CopyWatch


@dataclass(frozen=True)
class Draft:
    """The statements of both parts, in their order, and what they come from; empty if nothing differs.

    `renames` and `changes` are what the up part does. `offered` are renames that may be meant and were not accepted.
    `referred` are the tables that new foreign keys refer to. `going` are the columns that the up part drops, and
    whether it adds each again. `standing` is what is in the way of the up part. `warnings` are sentences for whoever
    reads the file. `stages` are there if the statements are those of several releases, else `files`: what goes into the
    file of which app, in the order in which they run. `names` are those that are others than the models would give.
    """

    renames: tuple[Rename, ...] = ()
    changes: tuple[Change, ...] = ()
    up: tuple[DraftStatement, ...] = ()
    down: tuple[DraftStatement, ...] = ()
    offered: tuple[Rename, ...] = ()
    warnings: tuple[str, ...] = ()
    referred: frozenset[str] = field(default_factory=frozenset)
    going: Mapping[Place, bool] = field(default_factory=dict)
    standing: tuple[Standing, ...] = ()
    stages: Stages | None = None
    files: tuple[AppFile, ...] = ()
    names: tuple[OtherName, ...] = ()


def make_draft(session: Session, request: Request, scope: Scope) -> Draft:
    """Compare the live tables with the models in `scope`, and draft both parts as `request` says; nothing is changed.

    Raises PlanError for a wrong rename, for an extended model without its table, for a default that cannot be had and
    for a name that is taken; DatabaseError if the models cannot be built; NotProven if a part does not do what it
    should.
    """
    print_plainly(session)
    scope = replace(scope, keys_left_out=keys_left_out(session, scope))
    wanted, said = scope.wanted, (*scope.wanted.warnings, *scope.keys_left_out.values())
    names = {*wanted.tables, *scope.extra_tables}
    namespace = session.query(f"SELECT {FIRST_SCHEMA}")[0][0]
    all_live = read_tables(session, namespace, names)
    _refuse_without_table(wanted, all_live)
    live = scope.compared(all_live)
    with open_scratch(session, request.listener) as scratch:
        models = scope.compared(build_models(scratch, (*wanted.models, *wanted.extended), scope.keys_left_out))
        others = tuple(other_names(live, models, wanted.explicit_names))
        if request.rename_constraints:
            return replace(_draft_of_names(scratch, request, scope, others, live, models), warnings=said)
        given = given_renames(request.renames, live, models)
        # A table under a new name is copied too where a model has the old one again, and so nothing of it differs.
        part = _differing(request, scope, live, models).union(*(rename.tables for rename in given))
        if not part:
            return Draft(warnings=said, names=others)
        # A key that changes takes along the foreign keys that refer to it.
        part |= {key.table for key in foreign_keys_on(session, namespace, part)} & names
        target = _normalised(scratch, _only(models, part), models)
        going = scope.extra_tables if request.drop_tables else ()
        whole = {name: scope.without_keys(table) for name, table in _only(all_live, going).items()}
        copied = _only({**live, **whole}, part)
        try:
            draft = _draft_on_copy(scratch, request, scope, given, copied, target, {**models, **live})
        except NotProven as error:
            raise _with_partitions(error, copied) from error
        refuse_taken(session, namespace, draft.changes, live)
        touched = touched_by(draft.changes, draft.renames, draft.going)
        compared = {(name, one) for name, table in live.items() for one in table.constraints}
        standing = standing_on(session, namespace, touched)
        keys = keys_standing_on(scratch, namespace, touched, compared)
    unseen = _unseen(draft, all_live, live)
    by_hand = in_no_model(draft.changes)
    partitioned = _partitioned(draft, wanted, live)
    warnings = (*said, *partitioned, *keys, *by_hand, *unseen, *draft.warnings)
    return replace(draft, warnings=warnings, standing=tuple(standing), names=others)


def _draft_of_names(
    scratch: Scratch, request: Request, scope: Scope, names: Sequence[OtherName], live: Tables, models: Tables
) -> Draft:
    """What gives `names` and does nothing else."""
    if not names:
        return Draft()
    namespace = scratch.session.query("SELECT pg_catalog.to_regnamespace(%s)::oid", [quoted(scratch.live)])[0][0]
    refuse_taken_names(scratch.session, namespace, names)
    files = prove_names(scratch, scope, request.apps, names, live, models)
    up = tuple(one for file in files for one in file.up)
    down = tuple(one for file in reversed(files) for one in file.down)
    return Draft(up=up, down=down, files=files)


def _refuse_without_table(wanted: Wanted, live: Tables) -> None:
    """Raise PlanError if a table of another app, whose model has fields of ours, is not there."""
    missing = [model._meta.label for model in wanted.extended if model._meta.db_table not in live]
    if missing:
        raise PlanError(
            N_(
                "{models}: has fields that no Django migration makes, and its table, which one does, is not "
                "there yet. Run `migrate` first.",
                models=", ".join(missing),
            )
        )


def _differing(request: Request, scope: Scope, live: Tables, models: Tables) -> set[str]:
    """The tables that are to change; none if all that differs are tables of no model, which are left alone."""
    found = {change.table for change in compare(live, with_unsaid(models, live), scope.wanted.explicit_names)}
    return set() if found <= {*scope.extra_tables} and not request.drop_tables else found


def _draft_on_copy(
    scratch: Scratch,
    request: Request,
    scope: Scope,
    given: Sequence[Rename],
    live: Tables,
    target: Tables,
    known: Tables,
) -> Draft:
    """Copy the `live` tables, rename in the copy what was renamed, and draft from there to the `target`.

    `known` are all tables of the apps: a foreign key to one that is not copied needs its columns.
    """
    copy_tables(scratch, live, known, target)
    copied = scratch.read(live)
    renames, offered = chosen_renames(given, request.accept, scope.compared(copied), target)
    was = {rename.new: rename.old for rename in renames if not rename.table}
    left_alone = () if request.drop_tables else scope.extra_tables
    copy = Copies(scratch, CopyWatch(scratch), scope, {*live, *target, *was} - {*left_alone}, was)
    models = scope.compared(target, was=was)
    with scratch.undone():
        draft = _proven_draft(copy, request, renames, models, copied)
    if len(draft.files) > 1 and renames:
        prove_order(copy, draft.files, models, copied)
    return replace(draft, offered=tuple(offered), warnings=tuple(_doubts(live, copied)))


def _doubts(live: Tables, copied: Tables) -> list[str]:
    """Warnings that name what is wrong with a live table, or differs in its copy."""
    invalid = [
        N_(
            "The index {index} of {table} is invalid: an attempt to build it failed. REINDEX it, or drop it.",
            index=index.name,
            table=table.name,
        )
        for table in live.values()
        for index in table.indexes.values()
        if not index.valid
    ]
    differing = [
        N_(
            "PostgreSQL prints {table}.{name} otherwise for a copy: see that nothing of it is lost.",
            table=change.table,
            name=change.thing.name,
        )
        for change in compare(live, copied)
    ]
    return [*invalid, *differing]


def _proven_draft(copy: Copies, request: Request, renames: Sequence[Rename], models: Tables, copied: Tables) -> Draft:
    """Draft the parts from the copy to `models`, with what is renamed first, and back to what was `copied`.

    Each is proven by running it there.
    """
    scratch, scope = copy.scratch, copy.scope
    renamed = run_renames(copy, request.apps, renames)
    before = copy.compared(None if renames else copied)
    target = with_unsaid(models, before)
    changes = compare(before, target, scope.wanted.explicit_names)
    values = find_values(scratch.session, scope.wanted.fields, changes, target, request.value)
    draft = Draft(
        renames=tuple(renames),
        changes=tuple(changes),
        referred=frozenset(referred_by(changes)),
        going=going_columns(changes, before, target, find_casts(scratch, changes).impossible),
    )
    if request.online and (renames or not make_tables_alone(changes)):
        _refuse_several_online(request)
        refuse_by_name(renames, draft.going)
        stages = prove_stages(copy, before, target, models, values)
        draft = replace(draft, up=stages.up, down=stages.down, stages=stages)
    else:
        owners = {name: scope.owners.get(name, request.apps[0]) for name in (*before, *target)}
        new_names = {rename.table or rename.new for rename in renames}
        steps = steps_between(before, target, request.apps, owners, new_names)
        files = prove_files(copy, steps, before, models, renamed, values)
        up = tuple(one for file in files for one in file.up)
        down = tuple(one for file in reversed(files) for one in file.down)
        draft = replace(draft, up=up, down=down, files=files)
    refuse_difference("down", compare(scratch.read({*copy.names, *copied}), copied, all_names(copied)))
    return draft


def _refuse_several_online(request: Request) -> None:
    """Raise PlanError for several apps, whose steps would have to go with one another's releases."""
    if len(request.apps) > 1:
        raise PlanError(
            N_(
                "--online takes one app at a time where tables that are there change. Generate "
                "{apps} one after the other with --online, or together without it.",
                apps=", ".join(request.apps),
            )
        )


def _partitioned(draft: Draft, wanted: Wanted, live: Tables) -> list[str]:
    """Warnings that name tables that change and are partitioned, or should be by what another package's model says."""
    changing = sorted({change.table for change in draft.changes} & live.keys())
    new = [change.table for change in draft.changes if change.op == "create" and isinstance(change.new, Table)]
    partitioned = [
        N_(
            "{name} is partitioned by {key}, and stays so: a change of it is one of all its partitions.",
            name=name,
            key=live[name].partitioned,
        )
        for name in changing
        if live[name].partitioned
    ]
    plain = [
        N_(
            "{model} is a partitioned model, and {name} is made as a plain table: write its "
            "PARTITION BY and its partitions by hand.",
            model=wanted.tables[name]._meta.label,
            name=name,
        )
        for name in new
        if hasattr(wanted.tables[name], "_partitioning_meta")  # as django-postgres-extra marks it
    ]
    return [*partitioned, *plain]


def _with_partitions(error: NotProven, tables: Tables) -> NotProven:
    """The error, with what to do where it comes from a partitioned table, whose keys no model can say."""
    found = sorted(name for name, table in tables.items() if table.partitioned)
    if not found:
        return error
    return NotProven(
        N_(
            "{problem}\n{tables}: partitioned, which no model says. A key that has to be another for that is left "
            "alone where a migration says so: `-- migrate:keep {table}.{table}_pkey`.",
            problem=error.args[0],
            tables=", ".join(found),
            table=found[0],
        )
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
        found += default_unseen(live[name], compared[name], old, draft.going.get((table, column)))
        if (table, column) in draft.going:
            found += going_unseen(live[name], compared[name], old, draft.going[table, column])
    return found


def _normalised(scratch: Scratch, tables: Tables, known: Tables) -> Tables:
    """The tables as PostgreSQL prints them after they were made from what it printed before.

    Its first print of an expression may differ from every later one, and the copies of live tables have a later one.
    """
    with scratch.undone():
        copy_tables(scratch, tables, known, {})
        return scratch.read(tables)


def _only(tables: Tables, names: Collection[str]) -> Tables:
    """Those of the tables that have one of the names."""
    return {name: table for name, table in tables.items() if name in names}
