"""Watches the statements of one part, and tells what each has done to the tables that were there before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_

from . import queries
from .difference import column_changes, validated
from .facts import Column, Constraint, Facts, Index, RelationKind, TableFacts
from .late import Late
from .locks import changes_definitions, strongest
from .relations import Known, Query, Relation, add_columns, files_of

_KINDS: dict[str, RelationKind] = {
    "r": "table",
    "p": "partitioned",
    "m": "materialized view",
    "v": "view",
    "f": "foreign table",
}


class _Locked(NamedTuple):
    """A relation that the transaction has locked, and as it is now; None if it is gone."""

    oid: int
    modes: frozenset[str]
    scans: int
    root: int  # 0 for none
    relation: Relation | None


class _State(NamedTuple):
    """What a statement has left of what the transaction has locked: by OID, and constraints by table and OID."""

    modes: Mapping[int, frozenset[str]] = {}
    scans: Mapping[int, int] = {}
    relations: Mapping[int, Relation] = {}
    gone: frozenset[int] = frozenset()
    columns: Mapping[int, Mapping[int, Column]] = {}
    constraints: Mapping[int, Mapping[int, tuple[bool, Constraint]]] = {}


class Watch:
    """Looks at the catalog behind each statement of a part, in the transaction of that statement.

    `query` sends a statement with its parameters over the session that runs the part, and gives the rows. What takes
    place outside a transaction, such as CREATE INDEX CONCURRENTLY, is not seen: its words have to do. A Watch can be
    started again for the next part, and then reads only what has changed since.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._known = Known(query)

    def start(self) -> None:
        """Begin a part, behind its first BEGIN and before its first statement. Raises DatabaseError."""
        self._major = self._server()
        self._number = 0
        self._late = Late()
        self.begin()
        self._old = dict(self._known.relations)
        self._old_columns = dict(self._known.columns)

    def begin(self) -> None:
        """Begin the next transaction of the part: call it behind each further BEGIN."""
        self._known.update()
        self._state = _State(scans=dict(self._query(queries.COUNTS, None)))

    def after(self) -> Facts:
        """What the statement that was sent last has done."""
        locked = sorted(_locked(row) for row in self._query(queries.LOCKED, None))
        now = self._read(locked)
        indexes = self._indexes(locked)
        locked += self._unlocked(set(indexes) - {one.oid for one in locked})
        bounds = self._bounds(locked)
        referred = self._referred_to(now)
        tables = []
        for one in locked:
            if self._is_old_table(one.oid):
                table = self._table(one, now, indexes.get(one.oid, []), locked)
                table = table._replace(
                    bounds=bounds.get(one.oid, ""), is_attached=one.oid in bounds, is_referred_to=table.name in referred
                )
                tables.append(self._late.note(self._number, one.oid, table))
        facts = Facts(self._number, tuple(tables), self._major)
        self._state = now
        self._number += 1
        return facts

    def end(self) -> dict[int, Facts]:
        """What can be told at the end of the part alone, by the number of the statement that has done it."""
        tables = self._late.tables
        if not tables:
            return {}
        columns: dict[int, dict[int, Column]] = {}
        add_columns(columns, self._query(queries.COLUMNS, [sorted(tables)]))
        names = {name for (name,) in self._query(queries.NAMES, [sorted(self._late.names)])}
        found: dict[int, list[TableFacts]] = {}
        for number, table in self._late.settle(names, columns, {oid: self._plain(oid) for oid in tables}):
            found.setdefault(number, []).append(table)
        return {number: Facts(number, tuple(found[number]), self._major) for number in sorted(found)}

    def _server(self) -> int:
        """The major version. Raises DatabaseError for a server that does not count."""
        counts, version = self._query(queries.COUNTS_ON, None)[0]
        if counts != "on":
            raise DatabaseError(
                N_(
                    "track_counts is off on this server, so that it cannot be told which tables a statement reads.\n"
                    "Set track_counts = on in postgresql.conf, which is PostgreSQL's default, and reload the server."
                )
            )
        return int(version) // 10000

    def _read(self, locked: Sequence[_Locked]) -> _State:
        """What the statement has left."""
        changed = [
            one.oid
            for one in locked
            if one.relation and self._is_old_table(one.oid) and any(map(changes_definitions, one.modes))
        ]
        columns: dict[int, dict[int, Column]] = {}
        constraints: dict[int, dict[int, tuple[bool, Constraint]]] = {}
        if changed:
            add_columns(columns, self._query(queries.COLUMNS, [changed]))
            for table, oid, is_valid, *rest in self._query(queries.CONSTRAINTS, [changed, changed]):
                constraints.setdefault(table, {})[oid] = (is_valid, Constraint(*rest))
        return _State(
            {one.oid: one.modes for one in locked},
            {**self._state.scans, **{one.oid: one.scans for one in locked}},
            {one.oid: one.relation for one in locked if one.relation},
            frozenset(one.oid for one in locked if one.relation is None),
            columns,
            constraints,
        )

    def _indexes(self, locked: Sequence[_Locked]) -> dict[int, list[tuple[_Locked, Index]]]:
        """The indexes of old tables that are new or have a new file, by table."""
        found: list[tuple[_Locked, int, Index]] = []
        files = files_of([*self._known.relations.values(), *self._state.relations.values()])
        for one in locked:
            now, was = one.relation, self._relation(one.oid)
            if now and self._is_old_table(now.index_of) and (was is None or was.file != now.file):
                is_built = bool(now.file) and now.file not in files
                found.append((one, now.index_of, Index(now.name, "", is_built, was is None)))
        definitions = self._query(queries.INDEX_DEFINITIONS, [[one.oid for one, _, _ in found]]) if found else []
        texts: dict[int, str] = dict(definitions)
        by_table: dict[int, list[tuple[_Locked, Index]]] = {}
        for one, table, index in found:
            by_table.setdefault(table, []).append((one, index._replace(definition=texts[one.oid])))
        return by_table

    def _unlocked(self, oids: Iterable[int]) -> list[_Locked]:
        """Tables of which nothing but an index is locked, as an ALTER INDEX does."""
        return [_Locked(oid, frozenset(), 0, 0, self._relation(oid)) for oid in sorted(oids)]

    def _bounds(self, locked: Sequence[_Locked]) -> dict[int, str]:
        """The bounds of old tables that have become partitions."""
        attached = [
            one.oid
            for one in locked
            if one.relation and one.relation.is_partition and self._is_old_table(one.oid)
            if (was := self._relation(one.oid)) and not was.is_partition
        ]
        return dict(self._query(queries.BOUNDS, [attached])) if attached else {}

    def _referred_to(self, now: _State) -> set[str]:
        """The tables that new foreign keys of new tables refer to."""
        return {
            key.other
            for oid, constraints in now.constraints.items()
            if not self._is_old_table(oid)
            for key in validated(self._valid(oid), constraints)
            if key.kind == "f"
        }

    def _table(
        self, one: _Locked, now: _State, indexes: Sequence[tuple[_Locked, Index]], locked: Sequence[_Locked]
    ) -> TableFacts:
        was = self._relation(one.oid)
        assert was is not None  # as it is an old table
        rebuilt = [index for index, facts in indexes if not facts.is_new]
        table = TableFacts(
            was.name,
            _KINDS[was.kind],
            self._root(one, now),
            strongest(mode for each in [one, *rebuilt] for mode in self._taken(each)),
            strongest(one.modes & self._state.modes.get(one.oid, frozenset())),
            is_read=self._is_scanned(one),
            is_searched=any(
                self._is_scanned(index) for index in locked if index.relation and index.relation.index_of == one.oid
            ),
            is_gone=one.relation is None and one.oid not in self._state.gone,
            indexes=tuple(index for _, index in indexes),
        )
        if one.relation is None:
            return table
        return self._changed(table, was, one.relation, now)

    def _changed(self, table: TableFacts, was: Relation, now: Relation, state: _State) -> TableFacts:
        """`table` with what has become of its definition and its file."""
        columns = state.columns.get(now.oid, {})
        before = self._columns(now.oid)
        old = self._old_columns.get(now.oid, {})
        self._late.note_columns(self._number, now.oid, before, columns, [at for at in columns if at not in old])
        return table._replace(
            is_rewritten=was.file != now.file,
            new_name=now.name if was.name == self._old[now.oid].name != now.name else "",
            is_unlogged=now.persistence == "u" if now.persistence != was.persistence else None,
            is_moved=now.tablespace != was.tablespace,
            changes=tuple(column_changes(before, columns, old)),
            constraints=tuple(validated(self._valid(now.oid), state.constraints.get(now.oid, {}))),
        )

    def _taken(self, one: _Locked) -> frozenset[str]:
        return one.modes - self._state.modes.get(one.oid, frozenset())

    def _is_scanned(self, one: _Locked) -> bool:
        return one.scans > self._state.scans.get(one.oid, 0)

    def _root(self, one: _Locked, now: _State) -> str:
        """The partitioned table at the top of a partition's, if that is an old one too."""
        if one.root == one.oid or not self._is_old_table(one.root):
            return ""
        return self._plain(one.root).name

    def _is_old_table(self, oid: int) -> bool:
        return oid in self._old and self._old[oid].kind in _KINDS

    def _relation(self, oid: int) -> Relation | None:
        """As it was before the statement."""
        return self._state.relations.get(oid) or self._known.relations.get(oid)

    def _columns(self, oid: int) -> Mapping[int, Column]:
        return self._state.columns.get(oid) or self._known.columns.get(oid, {})

    def _valid(self, oid: int) -> Mapping[int, bool]:
        if oid in self._state.constraints:
            return {number: is_valid for number, (is_valid, _) in self._state.constraints[oid].items()}
        return self._known.valid.get(oid, {})

    def _plain(self, oid: int) -> TableFacts:
        """A table and nothing that was done to it."""
        relation = self._relation(oid) or self._old[oid]
        return TableFacts(relation.name, _KINDS[relation.kind])


def _locked(row: Iterable[Any]) -> _Locked:
    oid, modes, scans, root, *relation = row
    exists = relation[0] is not None
    return _Locked(oid, frozenset(modes), scans, root or 0, Relation(*relation) if exists else None)
