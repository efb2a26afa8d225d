"""What else of the live database changes touch: what depends on tables and columns, and names that are taken."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError

from .compare import Change
from .remade import Place, mentions, retyped
from .tables import Constraint, Index, Table, Tables

# What Django names itself has a hash: of 6 digits for an Index without a name, else of 8.
_BY_DJANGO = re.compile(r"_([0-9a-f]{8}(_fk|_fk_.*|_uniq|_check|_like|_idx)?|[0-9a-f]{6}_idx)$")

_FOREIGN_KEYS = """
SELECT CASE WHEN c.relnamespace = t.relnamespace THEN '' ELSE n.nspname || '.' END || c.relname, k.conname::text,
    t.relname::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND t.relnamespace = %s::oid AND t.relname = ANY (%s::text[])
ORDER BY 1, 2
"""

# A column's number is 0 where the whole table is meant, as by count(*).
_OBJECTS = """
SELECT t.relname::text, COALESCE(a.attname::text, ''), pg_catalog.pg_describe_object(
    CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::regclass END, COALESCE(r.ev_class, d.objid), 0)
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND t.relnamespace = %s::oid AND t.relname = ANY (%s::text[])
AND d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_trigger'::regclass,
    'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_statistic_ext'::regclass)
AND r.ev_class IS DISTINCT FROM t.oid
ORDER BY 1, 2, 3
"""


def foreign_keys_on(session: Session, namespace: int, tables: Collection[str]) -> list[tuple[str, str, str]]:
    """The foreign keys that refer to `tables` of the schema with the oid `namespace`, of all schemas.

    Each is its table, with the schema if that is another; its name; and the table that it refers to.
    """
    return [(table, name, target) for table, name, target in session.query(_FOREIGN_KEYS, [namespace, sorted(tables)])]


def _objects_on(session: Session, namespace: int, columns: Collection[Place], dropped: Collection[str]) -> list[str]:
    """Warnings that name views, triggers, policies and statistics on `columns`, and views on `dropped` tables."""
    rows = session.query(_OBJECTS, [namespace, sorted({*dropped, *(table for table, _ in columns)})])
    views = ("view", "materialized view")
    found = [
        f"{what} depends on {f'{table}.{column}' if column else table}, which changes: drop it before, and make it "
        "again after that."
        for table, column, what in rows
        if (table, column) in columns or (table in dropped and what.startswith(views))
    ]
    return list(dict.fromkeys(found))


def not_in_models(changes: Sequence[Change]) -> list[str]:
    """Warnings that name what was made by hand, to judge by its name, and goes although its columns stay."""
    gone = {(change.table, change.old.name) for change in changes if change.op == "drop" and change.old}
    made = {(change.table, change.new.name) for change in changes if change.op == "create" and change.new}
    return [
        f"{change.table}.{change.old.name} is in no model, and goes. If it was made by hand and is to stay, put "
        f"`-- migrate:keep {change.table}.{change.old.name}` above the up part of the migration that made it, or its "
        "name into IGNORE."
        for change in changes
        if change.op == "drop"
        and isinstance(change.old, Constraint | Index)
        and (change.table, change.old.name) not in made
        and not _BY_DJANGO.search(change.old.name)
        and not any((change.table, column) in gone for column in change.old.columns)
    ]


def going_unseen(live: Table, compared: Table, column: str, again: bool) -> list[str]:
    """Warnings that name the constraints and indexes that are kept, so not `compared`, and go with a column.

    `again` tells whether the column is added again after it was dropped.
    """
    unseen: list[Constraint | Index] = [
        *(one for name, one in live.constraints.items() if name not in compared.constraints),
        *(one for name, one in live.indexes.items() if name not in compared.indexes),
    ]
    how = "dropped and added" if again else "dropped"
    return [
        f"{live.name}.{one.name} is kept, but goes with the column {column}, which is {how}. Neither part makes "
        "it again: write that into both, or into a migration of its own."
        for one in unseen
        if column in one.columns or (isinstance(one, Index) and mentions(one.definition, column))
    ]


def computed_unseen(live: Table, compared: Table, column: str) -> list[str]:
    """Warnings that name the generated columns that are kept, so not `compared`, and are made of `column`."""
    return [
        f"The generated column {live.name}.{name} is kept and stands on {column}, which changes: drop it before, and "
        "make it again after that."
        for name, one in live.columns.items()
        if name not in compared.columns and one.generated is not None and mentions(one.generated, column)
    ]


def standing_on(session: Session, namespace: int, changes: Sequence[Change], going: Collection[Place]) -> list[str]:
    """Warnings that name what depends on what `changes` drop or give another type, and that no part makes again.

    Those are views, triggers, policies, statistics, and foreign keys of other apps. `going` are the columns that are
    dropped, also those that are added again.
    """
    dropped = {change.table for change in changes if change.op == "drop" and isinstance(change.old, Table)}
    columns = {*going} | {
        (table, column) for table in {change.table for change in changes} for column in retyped(changes, table)
    }
    keys = {
        (change.table, column)
        for change in changes
        if change.op in ("drop", "alter") and isinstance(change.old, Constraint) and change.old.kind in "pu"
        for column in change.old.columns
    }
    own = {change.table for change in changes}
    touched = dropped | {table for table, _ in columns | keys}
    return [
        *_objects_on(session, namespace, columns, dropped),
        *(
            f"The foreign key {name} of {table}, which is not of this app, stands on {target}: drop it before, and "
            "make it again after that."
            for table, name, target in foreign_keys_on(session, namespace, touched)
            if table not in own
        ),
    ]


def refuse_taken(session: Session, namespace: int, changes: Sequence[Change], live: Tables) -> None:
    """Raise PlanError if `changes` make a relation whose name is taken in the schema, but not by `live` tables."""
    made = {name for change in changes if change.op == "create" for name in _relations(change.new)}
    own = {name for table in live.values() for name in _relations(table)}
    rows = session.query(
        "SELECT relname::text FROM pg_catalog.pg_class WHERE relnamespace = %s::oid AND relname = ANY (%s::text[])",
        [namespace, sorted(made - own)],
    )
    if rows:
        names = ", ".join(sorted(name for (name,) in rows))
        raise PlanError(f"The database has something of the name {names} already, outside of this app's tables.")


def _relations(thing: object) -> set[str]:
    """The names that a table, a constraint or an index has among relations."""
    if isinstance(thing, Table):
        parts: list[object] = [*thing.constraints.values(), *thing.indexes.values()]
        return {thing.name}.union(*map(_relations, parts))
    if isinstance(thing, Index) or (isinstance(thing, Constraint) and thing.kind in "pux"):
        return {thing.name}
    return set()
