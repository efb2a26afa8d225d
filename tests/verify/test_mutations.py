"""Each kind of change is seen, as exactly what it is, and none where nothing is left of one.

The cases are in the files of `mutations/`, a paragraph each: the differences that are expected as comments, then the
statements. "-- from 18" in front stands for a case that older servers do not know, "(from 18)" behind a difference for
one that they do not have. The cases of the files `…_superuser.sql` need one, and the tests see to it that they do.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.db import Error

from medusa_migrations.database.postgresql import server_error, server_version
from medusa_migrations.database.session import Session
from medusa_migrations.results import Difference
from medusa_migrations.verify.catalog.difference import differences
from medusa_migrations.verify.catalog.query import catalog_query
from medusa_migrations.verify.catalog.snapshot import Reader
from tests.support.projects import Server
from tests.support.sessions import session_on

FILES = Path(__file__).parent / "mutations"

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("mutations")]


class Case(NamedTuple):
    sql: str
    expected: tuple[tuple[str, int], ...]  # a difference in words, and the major version from which on it is there
    first: int  # major version

    def on(self, major: int, names: dict[str, str]) -> list[str]:
        return sorted(filled(words, names) for words, first in self.expected if first <= major)


def cases(name: str) -> list[Any]:
    paragraphs = (FILES / f"{name}.sql").read_text().strip().split("\n\n")
    return [pytest.param(case, id=" ".join(case.sql.split())) for case in map(parse, paragraphs)]


def parse(paragraph: str) -> Case:
    lines = paragraph.splitlines()
    comments = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
    sql = "\n".join(line for line in lines if not line.startswith("-- "))
    first = [int(words.removeprefix("from ")) for words in comments if words.startswith("from ")]
    expected = [since(words) for words in comments if not words.startswith("from ")]
    return Case(sql, tuple(expected), *(first or [0]))


def since(words: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*) \(from (\d+)\)", words)
    return (match[1], int(match[2])) if match else (words, 0)


def in_words(difference: Difference) -> str:
    words = f"{difference.change} {difference.kind} {difference.object}"
    return f"{words}: {difference.attribute}" if difference.attribute else words


class Forbidden(Exception):
    """The role may not do it."""


class Probe:
    """A session of one role on the database of all cases: what it does is rolled back."""

    def __init__(self, session: Session, names: dict[str, str]) -> None:
        self.session = session
        self.major = server_version(session.connection) // 10000
        self.names = names
        self._reader = Reader(session)
        self.before = self._reader.read()

    def changed_by(self, case: Case, role: str = "") -> list[str]:
        """What differs after the statements of the case, which `role` sends."""
        if self.major < case.first:
            pytest.skip(f"PostgreSQL {case.first} is the first that knows it")
        self.session.execute(f"BEGIN; SET LOCAL search_path = public; SET LOCAL ROLE {role or 'NONE'}")
        try:
            self._send(filled(case.sql, self.names))
            self.session.execute("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL ROLE NONE")
            return sorted(map(in_words, differences(self.before, self._reader.read(self.before))))
        finally:
            self.session.execute("ROLLBACK")

    def _send(self, sql: str) -> None:
        try:
            self.session.execute(sql)
        except Error as error:
            if server_error(error).sqlstate in ("42501", "2BP01"):  # insufficient_privilege, or on what depends on it
                raise Forbidden(sql) from error
            raise


def filled(sql: str, names: dict[str, str]) -> str:
    return re.sub(r"(?<!:):(\w+)", lambda match: names[match[1]], sql)


@pytest.fixture(scope="module")
def names(server: Server) -> Iterator[dict[str, str]]:
    """A database with an object of each kind, and its owner, who is no superuser."""
    names = {"database": f"test_mutations_{os.getpid()}", "owner": f"test_owner_{os.getpid()}"}
    server.execute(f"CREATE ROLE {names['owner']} LOGIN")
    server.execute(f"CREATE DATABASE {names['database']} TEMPLATE template0 OWNER {names['owner']}")
    server.execute(f"ALTER SCHEMA public OWNER TO {names['owner']}", names["database"])
    for name, role in ("setup_superuser", {}), ("setup", {"user": names["owner"]}):
        connection = server.connect(names["database"], **role)
        connection.cursor().execute(filled((FILES / f"{name}.sql").read_text(), names))
        connection.close()
    yield names
    server.execute(f"DROP DATABASE {names['database']} WITH (FORCE)")
    server.execute(f"DROP ROLE {names['owner']}")


@pytest.fixture(scope="module")
def superuser(server: Server, names: dict[str, str], django_db_blocker: Any) -> Iterator[Probe]:
    with django_db_blocker.unblock(), session_on(server, names["database"]) as session:
        yield Probe(session, names)


@pytest.fixture(scope="module")
def owner(server: Server, names: dict[str, str], django_db_blocker: Any) -> Iterator[Probe]:
    as_owner = Server(server.parameters | {"user": names["owner"]}, server.maintenance)
    with django_db_blocker.unblock(), session_on(as_owner, names["database"]) as session:
        yield Probe(session, names)


@pytest.mark.parametrize("case", cases("seen"))
def test_what_the_owner_changes_is_seen_by_a_superuser(superuser: Probe, case: Case) -> None:
    assert superuser.changed_by(case, superuser.names["owner"]) == case.on(superuser.major, superuser.names)


@pytest.mark.parametrize("case", cases("seen"))
def test_what_the_owner_changes_is_seen_by_the_owner(owner: Probe, case: Case) -> None:
    assert owner.changed_by(case) == case.on(owner.major, owner.names)


@pytest.mark.parametrize("case", cases("seen_superuser"))
def test_what_a_superuser_changes_is_seen(superuser: Probe, case: Case) -> None:
    assert superuser.changed_by(case) == case.on(superuser.major, superuser.names)


@pytest.mark.parametrize("case", cases("same"))
def test_of_what_the_owner_undoes_a_superuser_sees_nothing(superuser: Probe, case: Case) -> None:
    assert superuser.changed_by(case, superuser.names["owner"]) == []


@pytest.mark.parametrize("case", cases("same"))
def test_of_what_the_owner_undoes_the_owner_sees_nothing(owner: Probe, case: Case) -> None:
    assert owner.changed_by(case) == []


@pytest.mark.parametrize("case", cases("same_superuser"))
def test_of_what_a_superuser_undoes_nothing_is_seen(superuser: Probe, case: Case) -> None:
    assert superuser.changed_by(case) == []


@pytest.mark.parametrize("case", cases("seen_superuser"))
def test_the_owner_cannot_do_what_needs_a_superuser(owner: Probe, case: Case) -> None:
    with contextlib.suppress(Forbidden):
        assert owner.changed_by(case) == []  # or there is but a warning that no privileges were granted


def test_the_owner_reads_what_a_superuser_reads(owner: Probe, superuser: Probe) -> None:
    """But for the options of a user mapping of others, which the server keeps from an ordinary user."""
    told = differences(superuser.before, owner.before)
    assert list(map(in_words, told)) == ["differs user_mapping public on srv: options"]


def test_no_two_objects_have_the_same_kind_and_name(superuser: Probe) -> None:
    objects = superuser.session.query(catalog_query(superuser.major, "ARRAY[]::text[]"))
    assert len({(kind, name) for kind, name, *_ in objects}) == len(objects) > 100
