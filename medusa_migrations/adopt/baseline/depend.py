"""What depends on what in a database, and so what belongs to some tables and what they need."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from medusa_migrations.database.session import Session
from medusa_migrations.sql.names import folded

from .pieces import Address

# The first number that the server gives to what is not its own is 16384 (FirstNormalObjectId in its transam.h).
_EDGES = """
SELECT d.classid::pg_catalog.regclass::pg_catalog.text, d.objid, d.objsubid,
    d.refclassid::pg_catalog.regclass::pg_catalog.text, d.refobjid, d.refobjsubid, d.deptype::pg_catalog.text
FROM pg_catalog.pg_depend d
WHERE d.objid >= 16384::pg_catalog.oid AND d.refobjid >= 16384::pg_catalog.oid
ORDER BY d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid
"""

_RELATIONS = """
SELECT c.oid, c.relname::pg_catalog.text, n.nspname::pg_catalog.text, c.relkind::pg_catalog.text, c.relispartition,
    ARRAY(SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid ORDER BY h.inhseqno)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid >= 16384::pg_catalog.oid AND c.relkind NOT IN ('t', 'i', 'I', 'c') AND c.relpersistence <> 't'
"""

# What goes with a table and is an object of its own. What partitions have from their table is none, but for what they
# are attached with; nor is NOT NULL, a constraint since PostgreSQL 18.
_HANGING = """
SELECT k.conrelid, 'pg_constraint', k.oid FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = conrelid
WHERE k.contype IN ('p', 'u', 'c', 'f', 'x') AND NOT (k.contype = 'f' AND k.conparentid <> 0::pg_catalog.oid)
    AND (k.conislocal OR k.coninhcount = 0 OR c.relispartition)
UNION ALL
SELECT i.indrelid, 'pg_class', i.indexrelid FROM pg_catalog.pg_index i WHERE i.indisvalid AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT d.adrelid, 'pg_attrdef', d.oid FROM pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated = ''
UNION ALL
SELECT g.tgrelid, 'pg_trigger', g.oid FROM pg_catalog.pg_trigger g
WHERE NOT g.tgisinternal AND g.tgparentid = 0::pg_catalog.oid
UNION ALL
SELECT w.ev_class, 'pg_rewrite', w.oid FROM pg_catalog.pg_rewrite w WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT p.polrelid, 'pg_policy', p.oid FROM pg_catalog.pg_policy p
UNION ALL
SELECT s.stxrelid, 'pg_statistic_ext', s.oid FROM pg_catalog.pg_statistic_ext s
"""

# Functions that the server keeps as text, of which it does not know what they call.
_FUNCTIONS = """
SELECT p.oid, p.proname::pg_catalog.text, CASE WHEN l.lanname IN ('sql', 'plpgsql') AND
    p.prosqlbody IS NULL THEN p.prosrc END
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid >= 16384::pg_catalog.oid AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_proc s WHERE s.proname = p.proname AND s.oid < 16384::pg_catalog.oid)
"""

_TYPES = """
SELECT t.oid, t.typname::pg_catalog.text FROM pg_catalog.pg_type t
WHERE t.oid >= 16384::pg_catalog.oid AND t.typtype IN ('e', 'd', 'c', 'r')
    AND (t.typrelid = 0::pg_catalog.oid OR EXISTS (
        SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
"""

# A constraint trigger has a constraint, which depends on it, and not the other way round.
_OF_TRIGGERS = """
SELECT g.tgconstraint, g.oid FROM pg_catalog.pg_trigger g
WHERE g.tgconstraint <> 0::pg_catalog.oid AND NOT g.tgisinternal
"""

_NAME = r'("(?:[^"]|"")+"|[^\W\d][\w$]*)'
_CALLED = re.compile(rf"{_NAME}\s*\(")
_TYPED = re.compile(rf"::\s*{_NAME}|\bAS\s+{_NAME}\s*\)|\w\s+{_NAME}(?:\[\])?\s*(?::=|;|DEFAULT\b)", re.IGNORECASE)
_TABLE_NAMED = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|ONLY)\s+{_NAME}", re.IGNORECASE)


class Relation(NamedTuple):
    """A table, a view, a sequence or a foreign table, as pg_class has it."""

    oid: int
    name: str
    schema: str
    kind: str
    is_partition: bool
    parents: tuple[int, ...]

    @property
    def is_table(self) -> bool:
        return self.kind in "rp"


class Edge(NamedTuple):
    """That something depends on `on`, or on its column `column`; its own column is `own`."""

    own: int
    on: Address
    column: int


@dataclass
class Depends:
    """All that depends on something in a database, with parts of objects taken for the objects."""

    relations: dict[int, Relation]
    edges: dict[Address, list[Edge]]
    extensions: dict[Address, Address]
    hanging: dict[Address, list[Address]]
    tables: dict[Address, Address]
    owners: dict[Address, set[Address]]
    functions: dict[int, tuple[str, str]] = field(default_factory=dict)
    types: dict[str, list[Address]] = field(default_factory=dict)

    def of(self, address: Address) -> Address:
        """What has to be made for `address`: the extension that it is of, or itself."""
        return self.extensions.get(address, address)

    def needs(self, address: Address) -> set[Address]:
        """What has to be there before `address` is made. A sequence is made before the table that owns it."""
        owners = self.owners.get(address, set())
        found = {self.of(edge.on) for edge in self.edges.get(address, ()) if edge.on not in owners}
        return {one for one in found if one.catalog != "pg_namespace"} - {address}

    def body(self, address: Address) -> str:
        """The text of a function that the server does not look into, or ""."""
        return self.functions.get(address.oid, ("", ""))[1] if address.catalog == "pg_proc" else ""

    def mentioned(self, address: Address) -> Iterator[Address]:
        """The functions and types that the text of a function names."""
        body = self.body(address)
        if not body:
            return
        called = {folded(name) for name in _CALLED.findall(body)}
        for oid, (name, _) in self.functions.items():
            if name in called:
                yield self.of(Address("pg_proc", oid))
        for names in _TYPED.findall(body):
            for one in self.types.get(folded("".join(names)), ()):
                yield self.of(one)

    def tables_named(self, address: Address) -> set[str]:
        """The names behind FROM, INTO and the like in the text of a function."""
        return {folded(name) for name in _TABLE_NAMED.findall(self.body(address))}


def read_depends(session: Session) -> Depends:
    """Read what depends on what in the session's database. Raises django.db.Error, StopRequested."""
    rows = session.query(_EDGES)
    of_triggers = {
        Address("pg_constraint", constraint): Address("pg_trigger", oid)
        for constraint, oid in session.query(_OF_TRIGGERS)
    }
    parts: dict[Address, Address] = {}
    for catalog, oid, _, on_catalog, on_oid, _, kind in rows:
        if kind == "i" and (catalog, oid) != (on_catalog, on_oid):
            parts.setdefault(Address(catalog, oid), Address(on_catalog, on_oid))
    for constraint, trigger in of_triggers.items():
        parts.pop(trigger, None)
        parts[constraint] = trigger
    relations = {row[0]: Relation._make((*row[:-1], tuple(row[-1]))) for row in session.query(_RELATIONS)}
    return _brought_together(session, rows, parts, relations)


def _brought_together(
    session: Session,
    rows: Iterable[tuple[str, int, int, str, int, int, str]],
    parts: Mapping[Address, Address],
    relations: dict[int, Relation],
) -> Depends:
    edges: dict[Address, list[Edge]] = defaultdict(list)
    extensions: dict[Address, Address] = {}
    hanging: dict[Address, list[Address]] = defaultdict(list)
    owners: dict[Address, set[Address]] = defaultdict(set)
    for catalog, oid, own, on_catalog, on_oid, column, kind in rows:
        one, on = _whole(Address(catalog, oid), parts), _whole(Address(on_catalog, on_oid), parts)
        if kind == "e":
            extensions[Address(catalog, oid)] = on
        elif one != on:
            edges[one].append(Edge(own, on, column))
            if kind == "a" and _kind(relations, one) == "S":
                owners[one].add(on)
                hanging[on].append(one)
    for table, catalog, oid in session.query(_HANGING):
        hanging[Address("pg_class", table)].append(Address(catalog, oid))
    tables = {one: table for table, some in hanging.items() for one in some if _kind(relations, table) in ("r", "p")}
    found = Depends(relations, edges, extensions, hanging, tables, owners)
    found.functions = {oid: (name, body or "") for oid, name, body in session.query(_FUNCTIONS)}
    for oid, name in session.query(_TYPES):
        found.types.setdefault(name, []).append(Address("pg_type", oid))
    return found


def _whole(address: Address, parts: Mapping[Address, Address]) -> Address:
    """What an object is a part of, as an array type is of its type."""
    while address in parts:
        address = parts[address]
    return address


def _kind(relations: Mapping[int, Relation], address: Address) -> str:
    return relations[address.oid].kind if address.catalog == "pg_class" and address.oid in relations else ""


class Belonging(NamedTuple):
    """What is to be made: the tables with their `apps`, and all objects with what each needs and calls.

    `outside` are the tables of others that are needed, with the numbers of the columns that are.
    """

    apps: Mapping[Address, str]
    needs: Mapping[Address, frozenset[Address]]
    outside: Mapping[Address, frozenset[int]]
    calls: Mapping[Address, frozenset[Address]]


def belonging(depends: Depends, roots: Mapping[int, str], others: Collection[int]) -> Belonging:
    """What belongs to the tables `roots`, which have apps, and what that needs; `others` are tables of other models.

    Partitions and children of a table belong to it, and its parents are needed by it.
    """
    apps = _with_relatives(depends, roots, others)
    needs: dict[Address, frozenset[Address]] = {}
    outside: dict[Address, set[int]] = defaultdict(set)
    calls: dict[Address, frozenset[Address]] = {}
    todo: list[Address] = list(apps)
    while todo:
        one = todo.pop()
        if one in needs:
            continue
        found = {_or_its_table(depends, need, apps) for need in depends.needs(one)}
        strange = {on for on in found if _is_table(depends, on) and on not in apps}
        for edge in depends.edges.get(one, ()):
            if edge.on in strange:
                outside[edge.on] |= {edge.column} if edge.column > 0 else set()
        calls[one] = frozenset(depends.mentioned(one)) - {one}
        needs[one] = frozenset(found)
        todo += [*(found - strange), *calls[one], *depends.hanging.get(one, ())]
    columns = {table: frozenset(numbers) for table, numbers in outside.items()}
    return Belonging(apps, needs, columns, calls)


def _or_its_table(depends: Depends, address: Address, apps: Mapping[Address, str]) -> Address:
    """What is needed; for the key of a table of others, that table."""
    table = depends.tables.get(address)
    return address if table is None or table in apps else table


def _is_table(depends: Depends, address: Address) -> bool:
    return _kind(depends.relations, address) in ("r", "p")


def _with_relatives(depends: Depends, roots: Mapping[int, str], others: Collection[int]) -> dict[Address, str]:
    """The tables with their parents and children, but for those that another model has."""
    children: dict[int, list[int]] = defaultdict(list)
    for one in depends.relations.values():
        for parent in one.parents:
            children[parent].append(one.oid)
    found = dict(roots)
    todo = list(roots)
    while todo:
        oid = todo.pop()
        for other in (*children[oid], *depends.relations[oid].parents):
            is_free = other not in found and other not in others and other in depends.relations
            if is_free and depends.relations[other].is_table:
                found[other] = found[oid]
                todo.append(other)
    return {Address("pg_class", oid): label for oid, label in found.items()}
