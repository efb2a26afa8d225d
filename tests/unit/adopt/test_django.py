"""What is made of one of Django's migrations by what was recorded of it, and of Django's history."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations
from django.db.migrations.operations.base import Operation

from medusa_migrations.adopt.django.convert import Recorded, draft_of
from medusa_migrations.adopt.django.history import history_of
from medusa_migrations.adopt.django.lines import Lines
from medusa_migrations.adopt.django.record import Record
from medusa_migrations.adopt.django.renames import renames
from medusa_migrations.adopt.django.undo import Undone
from medusa_migrations.files import sqlfile

HEAD = "from django.db import migrations\n"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a migration of the text of its file."""
    monkeypatch.chdir(tmp_path)

    def loaded(body: str) -> migrations.Migration:
        path = tmp_path / "0007_x.py"
        path.write_text(f"{HEAD}{body}")
        module = types.ModuleType("theirs_0007_x")
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(path.read_text(), str(path), "exec"), vars(module))
        found: migrations.Migration = module.Migration("0007_x", "blog")
        return found

    return loaded


def recorded(sent: Mapping[Operation | None, Sequence[str]]) -> Record:
    """A record of what the schema editor has sent for operations, None for the end."""
    record = Record()
    for operation, statements in sent.items():
        for sql in statements:
            with record.in_editor():
                if operation is None:
                    record.add(sql)
                else:
                    with record.at(operation):
                        record.add(sql)
    return record


TWO = """
class Migration(migrations.Migration):
    operations = [
        migrations.RunSQL("A"),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL("B", "")],
        ),
    ]
"""


def test_operations_are_in_the_order_of_the_part_and_what_was_deferred_at_its_end(load: Any) -> None:
    migration = load(TWO)
    first, second = migration.operations[0], migration.operations[1].database_operations[0]
    up = recorded({None: ["SELECT 3"], first: ["\n  SELECT 1 -- one\n"], second: ["SELECT 2;", "SELECT 2.5"]})
    down = Undone(recorded({first: ["SELECT 4"]}), ["ALTER INDEX a RENAME TO b"])
    draft = draft_of(Recorded(migration, ["auth.0001_initial"], up, down))
    assert draft.text.splitlines() == [
        "-- Imported from 0007_x.py, by the SQL that Django sends for it.",
        "-- Irreversible, as it is for Django: Raw SQL operation (line 5).",
        "-- migrate:depends auth.0001_initial",
        "-- migrate:up",
        "-- Raw SQL operation",
        "  SELECT 1; -- one",
        "-- Raw SQL operation",
        "SELECT 2;",
        "SELECT 2.5;",
        "SELECT 3;",
        "-- migrate:down",
        "-- Undo: Raw SQL operation",
        "-- Undo: Raw SQL operation",
        "SELECT 4;",
        "-- Under the names that these had: Django looks names up, and SQL has them written.",
        "ALTER INDEX a RENAME TO b;",
    ]
    parsed = sqlfile.parse(draft.text, "x")
    assert (parsed.depends, parsed.up.transaction) == (("auth.0001_initial",), None)
    assert (draft.key, f"{draft.moment:%Y%m%d%H%M%S}") == ("0007_x", "20000101000007")


# What is sent in a migration without a transaction, and what the file has of it.
OUTSIDE = [
    ("SET CONSTRAINTS x IMMEDIATE; ALTER TABLE a ADD b int", "ALTER TABLE a ADD b int;\n"),
    ("ALTER TABLE a ADD b int; SET CONSTRAINTS x IMMEDIATE", "ALTER TABLE a ADD b int;\n"),
    ("SET CONSTRAINTS ALL DEFERRED", ""),
    (
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; SELECT 1; COMMIT",
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; SELECT 1; COMMIT;\n",
    ),
    ("SELECT 'SET CONSTRAINTS x'", "SELECT 'SET CONSTRAINTS x';\n"),
]


@pytest.mark.parametrize(("sent", "made"), OUTSIDE, ids=[sent for sent, _ in OUTSIDE])
def test_without_a_transaction_nothing_is_said_of_what_is_deferred(load: Any, sent: str, made: str) -> None:
    migration = load("class Migration(migrations.Migration):\n    atomic = False\n")
    text = draft_of(Recorded(migration, [], recorded({None: [sent]}), None)).text
    assert text.partition("-- migrate:up transaction:false\n")[2] == made
    sqlfile.parse(text, "x")


WRITTEN = [
    ("one by one", "[\n        migrations.RunSQL('A'),\n        migrations.RunSQL('B'),\n    ]", [4, 5]),
    ("by a function", "\\\n        list(map(migrations.RunSQL, 'AB'))", [4, 4]),
    ("partly", "[\n        *map(migrations.RunSQL, 'AB'),\n    ]", [3, 3]),
]


@pytest.mark.parametrize(("text", "lines"), [one[1:] for one in WRITTEN], ids=[one[0] for one in WRITTEN])
def test_an_operation_is_cited_by_its_line_or_that_of_the_list(load: Any, text: str, lines: list[int]) -> None:
    migration = load(f"class Migration(migrations.Migration):\n    operations = {text}\n")
    found = Lines(migration)
    assert [found.of(operation) for operation in migration.operations] == lines


def moment(day: int) -> datetime:
    return datetime(2024, 5, day, tzinfo=UTC)


def loader(replaces: Mapping[str, Sequence[str]]) -> Any:
    squashed = {
        ("blog", name): types.SimpleNamespace(replaces=[("blog", one) for one in ones])
        for name, ones in replaces.items()
    }
    return types.SimpleNamespace(replacements=squashed)


SQUASHED = {"s": ["1", "2"], "t": ["s", "3"]}

HISTORIES: list[tuple[str, list[str], list[str], list[tuple[str, int]]]] = [
    ("rows as they are", ["1", "2"], ["1", "2", "3"], [("1", 1), ("2", 2)]),
    ("all that a squashed one replaces", ["1", "2", "3"], ["s", "3"], [("s", 2), ("3", 3)]),
    ("a part of it", ["1"], ["s"], [("1", 1)]),
    ("the squashed one itself, beside what it replaces", ["1", "2", "s"], ["s"], [("s", 3)]),
    ("one that replaces a squashed one", ["1", "2", "3"], ["t"], [("t", 3)]),
    ("what has no file", ["0", "s"], ["s"], [("0", 1), ("s", 2)]),
]


@pytest.mark.parametrize(("rows", "keys", "applied"), [one[1:] for one in HISTORIES], ids=[one[0] for one in HISTORIES])
def test_a_history_has_squashed_migrations_by_those_that_they_replace(
    rows: list[str], keys: list[str], applied: list[tuple[str, int]]
) -> None:
    table = [("blog", name, moment(day)) for day, name in enumerate(rows, 1)]
    found = history_of(loader(SQUASHED), "blog").read([*table, ("auth", "9", moment(9))], keys)
    assert [(one.key, one.at) for one in found] == [(key, moment(day)) for key, day in applied]


def test_only_what_is_the_same_gets_its_name_back() -> None:
    before = {("INDEX ", "on a"): {"one", "two"}, ("TABLE t RENAME CONSTRAINT ", "CHECK (a)"): {'a"b'}}
    now = {("INDEX ", "on a"): {"two", "three"}, ("TABLE t RENAME CONSTRAINT ", "CHECK (b)"): {"x"}}
    assert renames(now, before) == ['ALTER INDEX "three" RENAME TO "one"']
    now = {("TABLE t RENAME CONSTRAINT ", "CHECK (a)"): {"x"}}
    assert renames(now, before) == ['ALTER TABLE t RENAME CONSTRAINT "x" TO "a""b"']
