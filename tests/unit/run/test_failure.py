"""What is told of a failure, in whatever language the server speaks."""

from __future__ import annotations

import pytest

from medusa_migrations.database.postgresql import ServerError
from medusa_migrations.errors import PlanError
from medusa_migrations.migration import Direction, MigrationId, Piece
from medusa_migrations.run.cures import cure
from medusa_migrations.run.failure import Ending, StatementFailed
from medusa_migrations.run.options import Options
from medusa_migrations.run.task import Script
from medusa_migrations.sql.scanner import split

COPY = "COPY public.t1 (id, note) FROM stdin;\n1\ta\n2\tb\nx\tc\n\\.\n"

CONTEXTS = [
    'COPY t1, line 3, column id: "x"',
    "COPY t1, Zeile 3, Spalte id: »x«",
    "COPY t1, ligne 3, colonne id : « x »",
    'COPY t1, строка 3, столбец id: "x"',
    't1のCOPY、行 3、列 id: "x"',
    't1 복사, 3번째 줄, id 열: "x"',
    "COPY t1, línea 3",
    'PL/pgSQL function t1_check() line 7 at RAISE\nCOPY t1, line 3: "x\tc"',
]


def failed(sql: str, error: ServerError, offset: int | None = None, *, alone: bool = False) -> StatementFailed:
    script = Script(MigrationId("blog", "20240101000000_t"), sql, "t.sql", (Piece(0, len(sql), 2),))
    return StatementFailed(script, error, offset, split(sql)[0] if alone else None)


def message(one: StatementFailed) -> str:
    what_to_do = cure(one, Direction.UP, Ending(), Options.chosen({}, command="migrations_run"))
    return one.message(Direction.UP, [], Ending(), what_to_do)


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_row_of_a_copy_is_found_in_every_language(context: str) -> None:
    place = failed(COPY, ServerError("invalid", "22P02", context=context), alone=True).location()
    assert place is not None
    assert (place.line, place.source) == (5, "x\tc")


@pytest.mark.parametrize("table", ['"a 1"', "public.a1", 'a . "B2"'])
def test_digits_of_the_name_are_no_row(table: str) -> None:
    name = {"public.a1": "a1"}.get(table, table.partition('"')[2].strip('"'))
    sql = COPY.replace("public.t1", table)
    place = failed(sql, ServerError("invalid", "22P02", context=f"COPY {name}, Zeile 2: »«"), alone=True).location()
    assert place is not None
    assert place.line == 4


@pytest.mark.parametrize(
    "text",
    [
        'relation "auth_user" does not exist',
        "Relation »auth_user« existiert nicht",
        "la relation « public.auth_user » n'existe pas",
        "no existe la relación «auth_user»",
    ],
)
def test_the_app_of_a_missing_table_is_named_in_every_language(text: str) -> None:
    assert "That is a table of the app 'auth'" in message(failed("SELECT 1", ServerError(text, "42P01")))


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ('cannot ALTER TABLE "t" because it has pending trigger events', "SET CONSTRAINTS ALL IMMEDIATE before it"),
        ("… nicht möglich, weil es anstehende Trigger-Ereignisse gibt", "SET CONSTRAINTS ALL IMMEDIATE before it"),
        ("… is being used by active queries in this session", "End the loop or close the cursor"),
    ],
)
def test_a_table_in_use_has_its_cure_in_every_language(text: str, cure: str) -> None:
    assert cure in message(failed("SELECT 1", ServerError(text, "55006", function="CheckTableNotInUse")))


def test_an_invisible_character_at_the_place_is_named() -> None:
    sql = "SELECT 1;\nSELECT\u00a01, 'un\u00a0deux';"
    found = message(failed(sql, ServerError("syntax error", "42601", position=11), 10))
    assert "There is a character that cannot be seen: U+00A0 (NO-BREAK SPACE)." in found
    assert "cannot be seen" not in message(failed("SELECT x, '\u00a0';", ServerError("no x", "42703"), 7))
    found = message(failed("\ufeffSELECT 1", ServerError("syntax error", "42601"), 0))
    assert "U+FEFF (ZERO WIDTH NO-BREAK SPACE)" in found


LACKS = ServerError(
    'character with byte sequence 0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1"', "22P05"
)


def test_a_character_that_the_database_lacks_has_its_place_and_name() -> None:
    one = failed("SELECT 1;\n-- 5 €\nSELECT 2", LACKS)
    assert str(one.location()) == "t.sql:3:6"
    assert "The encoding of this database lacks U+20AC (EURO SIGN). Take it out" in message(one)
    assert failed("SELECT 1", LACKS).location() is None  # of the down part, which the history stores


def test_a_new_value_of_an_enum_has_a_cure() -> None:
    found = message(failed("SELECT 1", ServerError('unsafe use of new value "b" of enum type e', "55P04")))
    assert "put that into a migration of its own before this one, or mark the part `-- migrate:up tran" in found


def test_where_the_reason_of_a_lost_connection_is() -> None:
    lost = ServerError("server closed the connection unexpectedly", is_lost=True)
    assert "Why it was lost is in the server's log" in message(failed("SELECT 1", lost))


def test_a_lock_that_is_waited_for_on_a_worker_is_said_to_be_one_of_there() -> None:
    error = ServerError("canceling statement due to lock timeout", "55P03")
    assert "citus_lock_waits" not in message(failed("SELECT 1", error))
    on_worker = error._replace(context="while executing command on worker-1:5432")
    assert "SELECT * FROM citus_lock_waits on the coordinator tells which." in message(failed("SELECT 1", on_worker))


GERMAN = {
    "{id} failed ({direction})": "{id} ist gescheitert ({direction})",
    "table {name}": "Tabelle {name}",
    "It was rolled back.": "Es wurde zurückgenommen.",
    "Applied before it in this run: {ids}.": "Vorher angewendet: {ids}.",
    "run {command} again": "rufe {command} noch einmal auf",
    "Make that schema first, or see that search_path names one that is there, and {again}.": "Lege es an und {again}.",
}


def test_a_failure_can_be_said_in_another_language_in_all_its_parts() -> None:
    one = failed("SELECT 1", ServerError('schema "x" does not exist', "3F000", table="t"))
    before = [MigrationId("blog", "20230101000000_s")]
    what_to_do = cure(one, Direction.UP, Ending(), Options.chosen({}, command="migrations_run"))
    error = PlanError(one.message(Direction.UP, before, Ending(), what_to_do))
    assert error.in_language(lambda template: GERMAN.get(template, template)).splitlines() == [
        'blog.20240101000000_t ist gescheitert (up): schema "x" does not exist (SQLSTATE 3F000)',
        "t.sql",
        "AT: Tabelle t",
        "Es wurde zurückgenommen.",
        "Vorher angewendet: blog.20230101000000_s.",
        "Lege es an und rufe migrations_run noch einmal auf.",
    ]
