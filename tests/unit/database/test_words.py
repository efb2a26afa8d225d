"""What comes from elsewhere and is shown: no passwords, no more of another's statement than tells what it is."""

from __future__ import annotations

from typing import Any

import pytest

from medusa_migrations.database.blockers import first_words
from medusa_migrations.database.connect import _address, without_passwords

QUERIES = {
    "CREATE ROLE app PASSWORD 'hunter2'": "CREATE ROLE app PASSWORD…",
    "ALTER ROLE app PASSWORD E'hun\\'ter2": "ALTER ROLE app PASSWORD…",
    "SELECT * FROM t WHERE a LIKE'x' AND b = 2": "SELECT * FROM t WHERE a LIKE…",
    "SELECT * FROM t1  \n WHERE ssn = 123": "SELECT * FROM t1 WHERE ssn =…",
    "DO $x$ BEGIN PERFORM login('hunter2'); END $x$": "DO…",
    "UPDATE t SET a = $1": "UPDATE t SET a = $1",
    "SELECT * FROM busy": "SELECT * FROM busy",
    "": "",
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_statement_is_shown_up_to_its_first_constant(query: str) -> None:
    assert first_words(query) == QUERIES[query]


def test_a_long_statement_is_cut() -> None:
    assert first_words("x" * 101) == "x" * 100 + "…"


TEXTS = {
    "postgres://u:hunter2@db.example/x?sslmode=require": "postgres://***@db.example/x?sslmode=require",
    "postgres://u:hun@ter2@db/x": "postgres://***@db/x",
    "postgres://u:hun/ter2@db/x": "postgres://***@db/x",
    "postgres://db/x?password=hunter2&user=u": "postgres://db/x?password=***&user=u",
    "dbname=x password='hunter 2' host=h": "dbname=x password=*** host=h",
    "postgres://db/x": "postgres://db/x",
}


@pytest.mark.parametrize("text", TEXTS)
def test_passwords_are_not_shown(text: str) -> None:
    assert without_passwords(f'could not translate host name "{text}" to address') == (
        f'could not translate host name "{TEXTS[text]}" to address'
    )


@pytest.mark.parametrize(
    ("settings", "environment", "shown"),
    [
        ({"HOST": "db", "PORT": 5433, "NAME": "shop"}, {"PGHOST": "no"}, "db:5433, database 'shop'"),
        ({"NAME": "shop"}, {"PGHOST": "127.0.0.1", "PGPORT": "5499"}, "127.0.0.1:5499, database 'shop'"),
        ({"HOST": "db", "USER": "ann"}, {"PGPORT": "5499"}, "db:5499, user 'ann'"),
        ({"NAME": "shop"}, {}, "local socket, database 'shop'"),
        ({"OPTIONS": {"service": "s"}, "NAME": "shop"}, {"PGHOST": "no"}, "service 's', database 'shop'"),
    ],
)
def test_an_address_is_that_of_the_settings_or_of_libpq(
    settings: dict[str, Any], environment: dict[str, str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _address({"OPTIONS": {}, **settings}) == shown
