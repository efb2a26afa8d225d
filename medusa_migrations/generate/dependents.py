"""What else of the live database changes touch: what stands on tables and columns, and names that are taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.messages import N_

from .compare import Change
from .proof import can_do
from .remade import Place, retyped
from .renames import Rename
from .scratch import Scratch
from .tables import Column, Constraint, Index, Table, Tables

_FOREIGN_KEYS = """
SELECT CASE WHEN c.relnamespace = t.relnamespace THEN '' ELSE n.nspname::text || '.' END || c.relname::text,
    k.conname::text, t.relname::text, i.relname::text,
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place),
    ARRAY(SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class i ON i.oid = k.conindid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0::oid AND t.relnamespace = %s::oid AND t.relname = ANY (%s::text[])
ORDER BY 1, 2
"""

# What stands on a thing must be dropped before it, and what stands on that too (manual, 5.15, and pg_depend). Parts of
# it (deptype a and i) go with it, unless the thing itself stays: a column that only gets another type. A view is what
# its rule stands for. Foreign keys are told of by themselves. Statistics go silently, and nothing makes them again.
_OBJECTS = """
WITH RECURSIVE reached (place, classid, objid, objsubid, stays, is_part) AS (
    SELECT w.place, (CASE WHEN k.oid IS NULL THEN 'pg_catalog.pg_class' ELSE 'pg_catalog.pg_constraint' END)
            ::pg_catalog.regclass::pg_catalog.oid,
        COALESCE(k.oid, t.oid), COALESCE(a.attnum, 0)::pg_catalog.int4, w.stays, true
    FROM ROWS FROM (
        pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]),
        pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::bool[])
    ) w (place, table_name, column_name, key_name, stays)
    JOIN pg_catalog.pg_class t ON t.relnamespace = %s::oid AND t.relname = w.table_name
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attname = w.column_name
    LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.conname = w.key_name
    WHERE (a.attnum IS NULL) = (w.column_name IS NULL) AND (k.oid IS NULL) = (w.key_name IS NULL)
UNION
    SELECT o.place, CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::pg_catalog.regclass::oid END,
        COALESCE(r.ev_class, d.objid), CASE WHEN r.oid IS NULL THEN d.objsubid ELSE 0 END, false,
        d.classid <> 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::oid AND EXISTS (
            SELECT FROM pg_catalog.pg_depend p
            WHERE p.classid = d.classid AND p.objid = d.objid AND p.objsubid = d.objsubid AND p.deptype <> 'n'
            AND p.refclassid = o.classid AND p.refobjid = o.objid AND (o.objsubid = 0 OR p.refobjsubid = o.objsubid))
    FROM reached o
    JOIN pg_catalog.pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
        AND (o.objsubid = 0 OR d.refobjsubid = o.objsubid)
    LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::oid
        AND r.oid = d.objid AND r.ev_type = '1'
    LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid
        AND k.oid = d.objid AND k.contype = 'f'
    WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S') AND (d.deptype = 'n' OR NOT o.stays) AND k.oid IS NULL
    AND r.ev_class IS DISTINCT FROM o.objid
    AND NOT (o.objsubid = 0 AND o.is_part AND d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::oid)
)
SELECT place, pg_catalog.pg_describe_object(classid, objid, objsubid),
    (pg_catalog.pg_identify_object(classid, objid, objsubid)).identity FROM reached o
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class t WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
    AND t.oid = o.objid AND t.relnamespace = %s::oid AND t.relname = ANY (%s::text[]))
GROUP BY place, classid, objid, objsubid HAVING NOT pg_catalog.bool_or(is_part)
ORDER BY 1, 2
"""


class ForeignKey(NamedTuple):
    """A live foreign key: its `table`, with the schema if that is another; and what it refers to, by which index.

    `types` are those of its own columns.
    """

    table: str
    name: str
    target: str
    unique_index: str
    columns: Sequence[str]
    types: Sequence[str]


def foreign_keys_on(session: Session, namespace: int, tables: Collection[str]) -> list[ForeignKey]:
    """The foreign keys that refer to `tables` of the schema with the oid `namespace`, of all schemas."""
    return [ForeignKey(*row) for row in session.query(_FOREIGN_KEYS, [namespace, sorted(tables)])]


class Standing(NamedTuple):
    """What stands on a `place` that changes, and no part makes again.

    `what` is PostgreSQL's description, in its language, and `identity` the name in any.
    """

    place: str
    what: str
    identity: str

    def __str__(self) -> str:
        return N_(
            "{what} depends on {place}, which changes: drop it before, and make it again after that.",
            what=self.what,
            place=self.place,
        )


@dataclass(frozen=True)
class Touched:
    """What cannot stay as it is while a draft is run, under its name in the database today.

    `tables` are dropped; `columns` are dropped, or get the type that stands beside them; `keys` are constraints and
    unique indexes that are dropped, and made again or not.
    """

    tables: frozenset[str]
    columns: Mapping[Place, str | None]
    keys: frozenset[Place]


def touched_by(changes: Sequence[Change], renames: Iterable[Rename], going: Collection[Place]) -> Touched:
    """What `changes`, which come after `renames`, touch. `going` are the columns that are dropped, also to be added."""
    was = {(rename.table, rename.new): rename.old for rename in renames}

    def today(table: str, column: str = "") -> Place:
        return was.get((None, table), table), was.get((table, column), column)

    typed = {
        today(change.table, change.new.name): change.new.type
        for change in changes
        if isinstance(change.new, Column) and change.new.name in retyped(changes, change.table)
    }
    keys = {
        (today(change.table)[0], change.old.name)
        for change in changes
        if change.op in ("drop", "alter") and isinstance(change.old, Constraint | Index) and not change.is_of_comment
    }
    dropped = {today(change.table)[0] for change in changes if change.op == "drop" and isinstance(change.old, Table)}
    return Touched(frozenset(dropped), typed | {today(*place): None for place in going}, frozenset(keys))


def keys_standing_on(scratch: Scratch, namespace: int, touched: Touched, compared: Collection[Place]) -> list[str]:
    """Warnings that name the foreign keys that stand on what is `touched`, and that no part makes again.

    `compared` are the constraints that a draft takes care of.
    """
    tables = touched.tables | {table for table, _ in (*touched.columns, *touched.keys)}
    keys = [
        key
        for key in foreign_keys_on(scratch.session, namespace, tables)
        if (key.table, key.name) not in compared and key.table not in touched.tables
    ]
    return [
        N_(
            "The foreign key {key} of {table}, which is not compared here, stands on {danger}: drop it "
            "before, and make it again after that.",
            key=key.name,
            table=key.table,
            danger=danger,
        )
        for key in keys
        if (danger := _danger(scratch, key, touched))
    ]


def _danger(scratch: Scratch, key: ForeignKey, touched: Touched) -> str:
    """What a foreign key refers to, and why it is in the way of that; nothing if it is not."""
    if key.target in touched.tables:
        return N_("{target}, which is dropped", target=key.target)
    for column, own in zip(key.columns, key.types, strict=True):
        if (place := (key.target, column)) in touched.columns:
            new = touched.columns[place]
            if new is None:
                return N_("{target}.{column}, which is dropped", target=key.target, column=column)
            if not _can_refer(scratch, own, new):
                return N_("{target}.{column}, which becomes {new}", target=key.target, column=column, new=new)
    if (key.target, key.unique_index) in touched.keys:
        return N_(
            "{target}.{columns}, whose key {key} goes",
            target=key.target,
            columns=", ".join(key.columns),
            key=key.unique_index,
        )
    return ""


def _can_refer(scratch: Scratch, own: str, target: str) -> bool:
    """Whether a column of the type `own` may refer to one of the type `target`."""
    table = "CREATE TEMP TABLE medusa_migrations"
    return can_do(
        scratch, f"{table}_target (c {target} UNIQUE); {table}_own (c {own} REFERENCES medusa_migrations_target (c))"
    )


def standing_on(session: Session, namespace: int, touched: Touched) -> list[Standing]:
    """What else than foreign keys stands on what is `touched`: whatever PostgreSQL knows to depend on it."""
    things: list[tuple[str, str, str | None, str | None, bool]] = [
        *((table, table, None, None, False) for table in touched.tables),
        *((".".join(one), one[0], one[1], None, bool(type_)) for one, type_ in touched.columns.items()),
        *((".".join(one), one[0], None, one[1], False) for one in touched.keys),
    ]
    columns = [list(column) for column in zip(*things, strict=True)] or [[]] * 5
    rows = session.query(_OBJECTS, [*columns, namespace, namespace, sorted({table for _, table, *_ in things})])
    return [Standing(*row) for row in rows]


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
        raise PlanError(
            N_("The database has something of the name {names} already, outside of this app's tables.", names=names)
        )


def _relations(thing: object) -> set[str]:
    """The names that a table, a constraint or an index has among relations."""
    if isinstance(thing, Table):
        parts: list[object] = [*thing.constraints.values(), *thing.indexes.values()]
        return {thing.name}.union(*map(_relations, parts))
    if isinstance(thing, Index) or (isinstance(thing, Constraint) and thing.kind in "pux"):
        return {thing.name}
    return set()
