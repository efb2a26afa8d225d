"""Cases of the watch, and a database to see them in."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from medusa_migrations.lint.facts import Facts
from medusa_migrations.lint.judge import Found, judge
from medusa_migrations.lint.watch import Watch
from medusa_migrations.sql.scanner import Statement, split
from medusa_migrations.sql.statements import outside_transaction
from tests.support.projects import Server

FILES = Path(__file__).parent / "cases"
TABLES = (FILES / "tables.sql").read_text()

_DROP = """DROP SCHEMA IF EXISTS public, shop, evil, "My Shop" CASCADE;"""
_ANALYZE = "ANALYZE author, post, part, part_2, plain, post_m"  # with the catalog's own tables it is most of a test


class Case(NamedTuple):
    name: str
    given: str
    finds: tuple[str, ...]
    sql: str
    flags: frozenset[str]

    @property
    def has_transaction(self) -> bool:
        return "transaction:false" not in self.flags

    @property
    def first(self) -> int:
        """The major version that has it."""
        return max((int(flag.removeprefix("from ")) for flag in self.flags if flag.startswith("from ")), default=0)


def cases() -> list[Case]:
    """Those of all files, each a paragraph."""
    return [
        _parse(paragraph)
        for file in sorted(FILES.glob("*.sql"))
        if file.name != "tables.sql"
        for paragraph in re.split(r"\n\n(?=-- )", file.read_text().strip())
    ]


def _parse(paragraph: str) -> Case:
    lines = paragraph.splitlines()
    name, *comments = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
    given = [line.removeprefix("given ") for line in comments if line.startswith("given ")]
    finds = [line.removeprefix("finds ") for line in comments if line.startswith("finds ")]
    flags = frozenset(line for line in comments if not line.startswith(("given ", "finds ")))
    sql = "\n".join(line for line in lines if not line.startswith("-- "))
    return Case(name, "\n".join(given), tuple(finds), sql, flags)


class Database:
    """The tables of all cases, which are made anew when one of them has committed."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.major = connection.server_version // 10000
        self._rows: bool | None = None
        self._is_spoilt = True

    def execute(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def query(self, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def have_tables(self, rows: bool, given: str = "") -> None:
        """Have them as they are for a case with what it has `given`."""
        if self._is_spoilt or self._rows is not rows:
            self.execute(f"{_DROP} CREATE SCHEMA public; {TABLES if rows else _without_rows(TABLES)}")
            self.execute(_ANALYZE)
            self._rows, self._is_spoilt = rows, False
        if given:
            self.spoil()
            self.execute(given)

    def spoil(self) -> None:
        """The next case needs them anew."""
        self._is_spoilt = True

    def findings(self, case: Case, rows: bool) -> list[Found]:
        """What the watch finds. Raises psycopg2.Error."""
        self.have_tables(rows, case.given)
        return self.go_on(case)

    def go_on(self, case: Case) -> list[Found]:
        """What the watch finds on the tables as they are. Raises psycopg2.Error."""
        try:
            return Seen(self, case).all()
        finally:
            self.execute("ROLLBACK")


def _without_rows(sql: str) -> str:
    return "\n".join(sql[one.start : one.end] + ";" for one in split(sql) if one.words[0] != "INSERT")


@contextlib.contextmanager
def lint_database(server: Server) -> Iterator[Database]:
    name = f"test_lint_{os.getpid()}"
    server.create_database(name)
    with contextlib.closing(server.connect(name)) as connection:
        yield Database(connection)
    server.drop_database(name)


class Seen:
    """What the watch sees of one case, in a transaction that stays open, or in one for each statement."""

    def __init__(self, database: Database, case: Case) -> None:
        self.database, self.case = database, case
        self.watch = Watch(database.query)
        self.is_whole = case.has_transaction
        self.seen: list[Statement] = []  # by the watch's numbers
        if not self.is_whole:
            database.spoil()

    def all(self) -> list[Found]:
        if self.is_whole:
            self.database.execute("BEGIN")
        self.watch.start()
        found = [one for statement in split(self.case.sql) for one in self._one(statement)]
        for number, facts in self.watch.end().items():
            found += self._judged(facts, self.seen[number])
        if "commits" in self.case.flags:
            self.database.execute("COMMIT")
            self.database.spoil()
        return found

    def _one(self, statement: Statement) -> list[Found]:
        sql = self._text(statement)
        if not self.is_whole and outside_transaction(statement.words):
            self.database.execute(sql)
            return self._judged(Facts(), statement)
        if not self.is_whole:
            self.database.execute("BEGIN")
            self.watch.begin()
        self.database.execute(sql)
        facts = self.watch.after()
        self.seen.append(statement)
        if not self.is_whole:
            self.database.execute("COMMIT")
        return self._judged(facts, statement)

    def _text(self, statement: Statement) -> str:
        return self.case.sql[statement.start : statement.end]

    def _judged(self, facts: Facts, statement: Statement) -> list[Found]:
        return judge(facts, statement.words, self._text(statement))
