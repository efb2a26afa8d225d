"""A schema that no other session ever sees: what files make in it, beside what is there under the same names."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import Error

from medusa_migrations.database.postgresql import INSUFFICIENT_PRIVILEGE, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.database.shapes import names_in, read, stub
from medusa_migrations.errors import FileError, PlanError
from medusa_migrations.messages import N_
from medusa_migrations.plan.alike import KIND, Line, Unmatched, match
from medusa_migrations.sql.names import literal, quoted
from medusa_migrations.sql.scanner import Statement
from medusa_migrations.sql.shaping import Shaping, sql_name

from .again import AGAIN, remade, remaking
from .sending import refused, send_statement
from .shared import Run
from .task import Script

# What a statement changes that is no table is looked for when it is sent: the server names some of them itself.
_LOOKED_FOR = {"INDEX", "SEQUENCE", "VIEW", "MATERIALIZED VIEW"}

_WITH_DATA = re.compile(r"\s+WITH\s+(NO\s+)?DATA\s*$", re.IGNORECASE)


class Sent(NamedTuple):
    """A statement to send, and what it makes or changes; None where it is for the session."""

    script: Script
    statement: Statement
    shaping: Shaping | None

    @property
    def sql(self) -> str:
        return self.script.sql[self.statement.start : self.statement.end]

    @property
    def has_query(self) -> bool:
        """Whether it fills what it makes by a query, which may be a long one."""
        is_table = (
            self.shaping is not None and self.shaping.is_made and self.shaping.kind in ("TABLE", "MATERIALIZED VIEW")
        )
        return is_table and "AS" in self.statement.words


class Seen(NamedTuple):
    """What differs, and how many facts `sent` has made that could."""

    unmatched: Unmatched
    made: int


def compare(run: Run, sent: Sequence[Sent], stubs: Iterable[str], extensions: Iterable[str]) -> Seen:
    """Compare what `sent` makes in a schema of its own with what is there; it is always rolled back.

    For each of the tables `stubs`, names as SQL writes them, another stands in that schema, so that nothing that is
    there is locked. `extensions` are those that `sent` leaves out. Raises StatementFailed, PlanError, FileError.
    """
    session = run.session
    try:
        with refused(session):
            schema = _Throwaway.open(session, run.options.timeouts("SET LOCAL"))
            return schema.compare(sent, stubs, extensions)
    finally:
        session.rollback()
        session.take_notices()


class _Throwaway(NamedTuple):
    """The schema `name` with the oid `oid`; `path` finds what is there, and `live` is where tables are made else."""

    session: Session
    name: str
    oid: int
    path: str
    live: int

    @classmethod
    def open(cls, session: Session, timeouts: str) -> _Throwaway:
        name = f"medusa_migrations_{uuid.uuid4().hex[:12]}"
        path, live, database = session.query(
            f"BEGIN; {timeouts} SELECT pg_catalog.current_setting('search_path'), COALESCE(pg_catalog.to_regnamespace("
            "pg_catalog.quote_ident(pg_catalog.current_schema()::text))::oid, 0::oid), pg_catalog.current_database()"
        )[0]
        try:
            session.execute(f"CREATE SCHEMA {name}")
        except Error as error:
            if server_error(error).sqlstate != INSUFFICIENT_PRIVILEGE:
                raise
            raise PlanError(
                N_(
                    "What is there cannot be compared with a baseline: that is made in a schema of its own, always "
                    "rolled back, and this user may not make one. GRANT CREATE ON DATABASE {database} to it",
                    database=quoted(database),
                )
            ) from None
        oid = session.query("SELECT pg_catalog.to_regnamespace(%s)::oid", [name])[0][0]
        return cls(session, name, oid, path, live)

    def compare(self, sent: Sequence[Sent], stubs: Iterable[str], extensions: Iterable[str]) -> Seen:
        self._find(is_first=True)
        for one in stubs:
            if sql := stub(self.session, self.name, one):
                self.session.execute(sql)
        before = read(self.session, self.oid)
        for each in sent:
            self._send(each)
        self._find(is_first=True)
        made = [line for line in read(self.session, self.oid) if line not in before]
        made += [Line(f"extension {name}", KIND, "", "extension") for name in extensions]
        names = names_in(self.session, self.oid) | {line.object for line in made}
        self._find(is_first=False)
        there = read(self.session, self.live, names)
        self._find(is_first=True)
        file, live = self._printed_again(made, there)
        found = match(file, live)
        in_part = {line.object for line in before}  # of which the file has more to say than what it adds
        return Seen(found._replace(live=tuple(one for one in found.live if one.object not in in_part)), len(made))

    def _find(self, *, is_first: bool) -> None:
        path = f"{self.name}, {self.path}" if is_first else self.path
        self.session.execute(f"SELECT pg_catalog.set_config('search_path', {literal(path)}, true)")

    def _send(self, sent: Sent) -> None:
        shaping = sent.shaping
        if shaping and not shaping.is_made and shaping.kind in _LOOKED_FOR and not self._has(sql_name(shaping.name)):
            raise FileError(
                N_("this changes {name}, which the baseline does not make", name=sql_name(shaping.name)),
                sent.script.place(sent.statement.start),
                N_("Nothing was run. Put it into a migration of its own."),
            )
        if not sent.has_query:
            send_statement(self.session, sent.script, sent.statement)
            return
        with refused(self.session, sent.script, sent.statement, sent=sent.sql):
            self.session.execute(f"{_WITH_DATA.sub('', sent.sql)} WITH NO DATA")

    def _has(self, name: str) -> bool:
        query = (
            "SELECT 1 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%s)::oid AND relnamespace = %s::oid"
        )
        return bool(self.session.query(query, [name, self.oid]))

    def _printed_again(self, file: Sequence[Line], live: Sequence[Line]) -> tuple[list[Line], list[Line]]:
        """Both sides, with what differs at first sight as PostgreSQL prints it once it has read its own print."""
        unmatched = match(file, live)
        sides = ((file, unmatched.file), (live, unmatched.live))
        file, live = ([*map(self._again(different, file).get, lines, lines)] for lines, different in sides)
        return file, live

    def _again(self, lines: Sequence[Line], file: Sequence[Line]) -> dict[Line, Line]:
        """For each of `lines` itself as it is printed then; those that cannot be made here are left out, or differ."""
        made = {line: sql for number, line in enumerate(lines) if (sql := remaking(line, number, file))}
        if not made:
            return {}
        self.session.execute(f"SAVEPOINT {AGAIN}")
        try:
            self.session.execute("; ".join(made.values()))
            found = remade(lines, read(self.session, self.oid))
        except Error:  # one of them needs what the file does not make
            found = None
        self.session.execute(f"ROLLBACK TO {AGAIN}")
        if found is not None or len(made) == 1:
            return found or {}
        one, *others = made
        half = len(others) // 2
        return self._again([one, *others[:half]], file) | self._again(others[half:], file)
