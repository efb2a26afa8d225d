"""What is offered instead is what it says: it runs as it is pasted, and the watch finds nothing wrong with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from medusa_migrations.files import sqlfile
from medusa_migrations.lint.judge import Found
from medusa_migrations.migration import LINT_CODES
from medusa_migrations.sql.scanner import split
from tests.lint.support import Case, Database, cases, lint_database
from tests.support.projects import Server

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("lint")]

# What has no safe way, or takes an UPDATE of all rows that Python makes in batches.
_NO_WAY = "PostgreSQL has no other way|pg_repack|Write what it executes|for an hour in which few"


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Database]:
    with lint_database(server) as found:
        yield found


# What a statement before would have to do is not offered.
ALONE = [one for one in cases() if len(split(one.sql)) == 1]
CASES = [one for one in ALONE if any(LINT_CODES[found.split()[0]] == "error" for found in one.finds)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_safe_way_is_safe(case: Case, database: Database) -> None:
    if database.major < case.first:
        pytest.skip(f"needs PostgreSQL {case.first}")
    found = database.findings(case, rows=False)
    for text in [one.instead for one in found if one.code in _WITH_A_WAY]:
        assert text
        if not re.search(_NO_WAY, text):
            database.have_tables(rows=True, given=case.given)
            assert [one.message for one in run(database, text) if LINT_CODES[one.code] == "error"] == []


# The others are told to send the same statement in another way, or to think again.
_WITH_A_WAY = {"rewrite", "index-build", "scan", "required-column"}


def run(database: Database, text: str) -> list[Found]:
    """The findings of the migrations that are offered, one after the other; what Python does is no matter here."""
    found = []
    for piece in re.split(r"\n\n+(?=-- |#)", text):
        if "-- migrate:up" in piece:
            text = piece
            up = sqlfile.parse(text, "").up
            flags = frozenset({"commits"}) if up.transaction is not False else frozenset({"transaction:false"})
            found += database.go_on(Case("", "", (), up.sql(text), flags))
        elif "schema.backfill(" in piece:
            fill(database, piece)
    return found


def fill(database: Database, text: str) -> None:
    """What a backfill does, in one statement."""
    call = ast.parse(text[text.index("transaction") :]).body[1].body[0].value  # type: ignore[attr-defined]  # as it is
    options = {option.arg: ast.literal_eval(option.value) for option in call.keywords}
    sets = options["set"].replace("…", "1")
    database.execute(f"UPDATE {ast.literal_eval(call.args[0])} SET {sets} WHERE {options.get('where', 'true')}")
    database.spoil()
