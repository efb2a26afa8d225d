"""What lint says of the statements of a part: by what each has done to the copies, and the lock that its form takes.

The locks on the copies tell nothing: the transaction that has made them holds them all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from medusa_migrations.lint.facts import Constraint, Facts, Index, RelationKind, TableFacts
from medusa_migrations.lint.judge import judge
from medusa_migrations.lint.locks import strongest
from medusa_migrations.migration import LINT_CODES
from medusa_migrations.sql.names import folded
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.tokens import is_name, tokens

from .phases import DraftStatement
from .scratch import Scratch

_TABLES = """
SELECT c.oid::int8, pg_catalog.quote_ident(c.relname::text), c.relkind::text, c.relfilenode::int8,
    pg_catalog.pg_partition_root(c.oid)::oid::int8, COALESCE(pg_catalog.pg_stat_get_xact_numscans(c.oid), 0::int8)
FROM pg_catalog.pg_class c
WHERE c.relnamespace = %s::oid AND c.relkind IN ('r', 'p') AND (%s::oid[] IS NULL OR c.oid = ANY (%s::oid[]))
"""

_INDEXES = """
SELECT i.indrelid::int8, c.relname::text, c.relfilenode::int8,
    COALESCE(pg_catalog.pg_stat_get_xact_numscans(c.oid), 0::int8)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ANY (%s::oid[])
"""

_KEYS = """
SELECT k.conrelid::int8, k.oid::int8, k.confrelid::int8, k.convalidated
FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.conrelid = ANY (%s::oid[])
"""

_KINDS: dict[str, RelationKind] = {"r": "table", "p": "partitioned"}

# The forms of statements that lock out writes at least (manual, 13.3.1), the first that matches.
_NAME = '"(?:[^"]|"")+"'
_EXCLUSIVE = "AccessExclusiveLock"
_NEW_KEY = re.compile(
    f"ALTER TABLE ({_NAME}) ADD CONSTRAINT {_NAME} "
    rf"FOREIGN KEY \((?:{_NAME}|[^\")])+\) REFERENCES ({_NAME}|[^\"(]+)\("
)
_FORMS = (
    (re.compile(f"ALTER TABLE {_NAME} VALIDATE "), ""),
    (_NEW_KEY, "ShareRowExclusiveLock"),
    (re.compile(f"(?:ALTER|DROP) TABLE ({_NAME})"), _EXCLUSIVE),
    (re.compile(f"CREATE (?:UNIQUE )?INDEX {_NAME} ON ({_NAME})"), "ShareLock"),
)


class _Key(NamedTuple):
    other: int
    is_valid: bool


class _Copy(NamedTuple):
    """A table of the scratch as it is; `indexes` are their files by name, `keys` the foreign keys by OID.

    `root` is the OID of the partitioned table that it is a partition of. `scans` counts how often it was read in order,
    and `searches` by each index.
    """

    oid: int
    name: str
    kind: str
    file: int
    root: int
    scans: int
    indexes: dict[str, int]
    searches: dict[str, int]
    keys: dict[int, _Key]


class CopyWatch:
    """Judges the statements of one part, which begins now: the tables that are in the scratch are those in use.

    With `each_alone` every statement is a transaction of its own, and holds no lock behind it.
    """

    def __init__(self, scratch: Scratch, *, each_alone: bool = False) -> None:
        self._scratch, self._each_alone = scratch, each_alone
        self._held: dict[int, set[str]] = {}
        self._copies = self._read(None)

    def resume(self) -> None:
        """Look anew, behind statements that are not of the part."""
        self._copies |= self._read(self._copies)

    def judged(self, statement: DraftStatement) -> DraftStatement:
        """The statement, which was run last, with what lint calls an error of it."""
        if self._each_alone:
            self._held.clear()
        touched = self._touched(statement.sql)
        if not touched:
            return statement
        now = self._read(touched)
        facts = Facts(tables=tuple(self._facts(statement.sql, touched, now)))
        self._copies |= now
        found = judge(facts, split(f"{statement.sql};")[0].words, statement.sql)
        errors = [f"{one.code}: {one.message}." for one in found if LINT_CODES[one.code] == "error"]
        return replace(statement, findings=tuple(errors))

    def _read(self, oids: Iterable[int] | None) -> dict[int, _Copy]:
        """The tables with these OIDs, or all, as they are now."""
        query, given = self._scratch.session.query, None if oids is None else sorted(oids)
        found = {
            oid: _Copy(oid, name, kind, file, root, scans, {}, {}, {})
            for oid, name, kind, file, root, scans in query(_TABLES, [self._scratch.namespace, given, given])
        }
        for oid, name, file, scans in query(_INDEXES, [[*found]]):
            found[oid].indexes[name] = file
            found[oid].searches[name] = scans
        for oid, key, other, is_valid in query(_KEYS, [[*found]]):
            found[oid].keys[key] = _Key(other, is_valid)
        return found

    def _touched(self, sql: str) -> set[int]:
        """The tables that a statement names, by themselves or by an index, those they refer to, and all partitions."""
        names = {folded(token) for token in tokens(sql) if is_name(token)}
        copies = self._copies.values()
        found = {one.oid for one in copies if folded(one.name) in names or not names.isdisjoint(one.indexes)}
        found |= {key.other for oid in found for key in self._copies[oid].keys.values()} & self._copies.keys()
        return found | {one.oid for one in copies if one.root in found}

    def _facts(self, sql: str, touched: Collection[int], now: Mapping[int, _Copy]) -> Iterator[TableFacts]:
        """What the statement has done to the tables it touches, and what others have locked before it."""
        modes = self._modes(sql, touched, now)
        key = _NEW_KEY.match(sql)
        referred = self._named(key[2]) if key and not self._named(key[1]) else set()
        for oid in sorted({*touched, *self._held}):
            was, held, mode = self._copies[oid], self._held.get(oid, set()), modes.get(oid, "")
            table = TableFacts(
                was.name,
                _KINDS[was.kind],
                self._root(was),
                taken=mode if mode not in held else "",
                held=strongest(held),
                is_referred_to=oid in referred,
            )
            yield self._done(table, was, now[oid]) if oid in now else table
        for oid, mode in modes.items():
            self._held.setdefault(oid, set()).add(mode)

    def _done(self, table: TableFacts, was: _Copy, now: _Copy) -> TableFacts:
        built = {*now.indexes.values()} - {*was.indexes.values(), 0}
        checked = [one for oid, one in now.keys.items() if one.is_valid and one != was.keys.get(oid)]
        return table._replace(
            is_read=now.scans > was.scans,
            is_searched=any(count > was.searches.get(name, 0) for name, count in now.searches.items()),
            is_rewritten=now.file != was.file,
            indexes=(Index("", ""),) * len(built),
            constraints=tuple(Constraint("", "f", "", self._name(one.other)) for one in checked),
        )

    def _modes(self, sql: str, touched: Collection[int], now: Mapping[int, _Copy]) -> dict[int, str]:
        """What the statement locks so that others wait: the table of its form, and both ends of a foreign key."""
        modes: dict[int, str] = {}
        form = next(((found, mode) for pattern, mode in _FORMS if (found := pattern.match(sql))), None)
        if form:
            found, mode = form
            modes |= {oid: mode for name in found.groups() for oid in self._named(name)}
        for oid in touched:
            was, left = self._copies[oid], now.get(oid)
            if sql.startswith("DROP INDEX ") and left and left.indexes != was.indexes:
                modes[oid] = _EXCLUSIVE
            gone = [key.other for number, key in was.keys.items() if left is None or number not in left.keys]
            modes |= {other: _EXCLUSIVE for other in gone if other in self._copies}
        return modes

    def _named(self, name: str) -> set[int]:
        """The table of that name with its partitions; none if it is new."""
        found = {oid for oid, one in self._copies.items() if folded(one.name) == folded(name)}
        return found | {oid for oid, one in self._copies.items() if one.root in found}

    def _root(self, copy: _Copy) -> str:
        """The name of the partitioned table that it is a partition of, "" if it is none."""
        return self._copies[copy.root].name if copy.root in self._copies and copy.root != copy.oid else ""

    def _name(self, oid: int) -> str:
        """What people know the table by; "" for one that is new."""
        copy = self._copies.get(oid)
        return (self._root(copy) or copy.name) if copy else ""
