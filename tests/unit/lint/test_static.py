"""squawk over our files: which of its rules count, and where their findings are."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from medusa_migrations.errors import LintError
from medusa_migrations.files import sqlfile
from medusa_migrations.lint import static as static_module
from medusa_migrations.lint.static import static
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.results import LintFinding


def migration(folder: Path, text: str, name: str = "20240101000001_t") -> Migration:
    path = folder / f"{name}.sql"
    path.write_text(text)
    source = f"blog/sql_migrations/{path.name}"
    parsed = sqlfile.parse(text, source)
    file_hash = hashlib.sha256(text.encode()).hexdigest()
    id_ = MigrationId("blog", name)
    return Migration(id_, source, str(path), file_hash, parsed.checksum, parsed.up, parsed.down)


def found(folder: Path, up: str) -> list[LintFinding]:
    return static([migration(folder, f"-- migrate:up\n{up}\n")])


@pytest.mark.parametrize(
    ("sql", "codes", "tables"),
    [
        ("CREATE INDEX i ON s.post (a)", ["index-build"], ("s.post",)),
        ('CREATE UNIQUE INDEX ON ONLY "Post" (a)', ["index-build"], ('"Post"',)),
        ("REINDEX TABLE post", ["index-build"], ("post",)),
        ("ALTER TABLE post ADD UNIQUE (a)", ["index-build"], ("post",)),
        ("ALTER TABLE post ADD PRIMARY KEY (a)", ["index-build"], ("post",)),
        ("ALTER TABLE post ADD EXCLUDE USING gist (a WITH =)", ["index-build"], ("post",)),
        ("ALTER TABLE post ALTER a TYPE bigint", ["rewrite"], ("post",)),
        ("ALTER TABLE post ADD a float8 DEFAULT random()", ["rewrite"], ("post",)),
        ("ALTER TABLE post ADD CHECK (a > 0)", ["scan"], ("post",)),
        ("ALTER TABLE post ADD FOREIGN KEY (a) REFERENCES b", ["scan"], ("post",)),
        ("ALTER TABLE IF EXISTS ONLY post ALTER a SET NOT NULL", ["scan"], ("post",)),
        ("ALTER TABLE post ADD a text NOT NULL", ["required-column"], ("post",)),
        ("DROP TABLE IF EXISTS a, s.b CASCADE", ["drop-table"], ("a", "s.b")),
        ("ALTER TABLE post DROP a", ["drop-column"], ("post",)),
        ("ALTER TABLE post RENAME TO b", ["rename-table"], ("post",)),
        ("ALTER TABLE post RENAME a TO b", ["rename-column"], ("post",)),
        ("ALTER TABLE post ADD a text NOT NULL, DROP b, DROP c", ["required-column", "drop-column"], ("post",)),
        ("ALTER TABLE post ADD a bigint REFERENCES b (id)", [], ()),
        ("ALTER TABLE post ADD UNIQUE USING INDEX i", [], ()),
        ("ALTER TABLE post ADD a text; DROP INDEX i; ALTER TABLE post ADD b int DEFAULT 1", [], ()),
        ("CREATE TABLE post (id serial, a varchar(3)); CREATE INDEX ON post (a)", [], ()),
        ("ALTER TABLE post ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID", [], ()),
        ("-- nothing", [], ()),
    ],
)
def test_which_statements_are_found(tmp_path: Path, sql: str, codes: list[str], tables: tuple[str, ...]) -> None:
    findings = found(tmp_path, f"{sql};")
    assert [one.code for one in findings] == codes
    assert {one.tables for one in findings} <= {tables}
    assert all(one.lock for one in findings)


def test_places_are_those_of_the_file_in_both_parts_and_in_letters(tmp_path: Path) -> None:
    text = (
        "-- Größe\n-- migrate:up\n"
        'SELECT \'漢字😀\'; ALTER TABLE "ñandú"\n  ALTER "größe" SET NOT NULL, ADD x text NOT NULL;\n'
        "-- migrate:down\n"
        '/* é */ DROP TABLE "ü";\n'
    )
    findings = static([migration(tmp_path, text)])
    assert [(str(one.part), one.code, one.line, one.column) for one in findings] == [
        ("up", "scan", 4, 17),
        ("up", "required-column", 4, 31),
        ("down", "drop-table", 6, 9),
    ]
    assert findings[0].statement.startswith('ALTER TABLE "ñandú"\n')
    assert findings[2].statement == 'DROP TABLE "ü"'


def test_the_parts_of_a_file_with_several(tmp_path: Path) -> None:
    pairs = "-- migrate:up\nDROP TABLE a{0};\n-- migrate:down\nDROP TABLE b{0};\n"
    findings = static([migration(tmp_path, pairs.format(1) + pairs.format(2))])
    assert [(str(one.part), one.line, one.tables) for one in findings] == [
        ("up", 2, ("a1",)),
        ("down", 4, ("b1",)),
        ("up", 6, ("a2",)),
        ("down", 8, ("b2",)),
    ]


def test_a_part_without_a_transaction_is_looked_at_as_such(tmp_path: Path) -> None:
    text = (
        "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON post (a);\n"
        "ALTER TABLE post ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE post VALIDATE CONSTRAINT c;\n"
        "-- migrate:down\nDROP INDEX i;\n"
    )
    assert static([migration(tmp_path, text)]) == []


def test_what_squawk_cannot_read_and_rows_hide_nothing(tmp_path: Path) -> None:
    sql = (
        "SELEKT 1; SELECT é FROM;\nCOPY t FROM stdin;\nDROP TABLE no;\t'\n\\.\nDROP TABLE a;\nSELECT (1;\nDROP TABLE b;"
    )
    findings = found(tmp_path, sql.replace("(1;", "1 +;"))
    assert [(one.code, one.line, one.column, one.severity) for one in findings] == [
        ("unreadable", 2, 1, "note"),
        ("unreadable", 2, 11, "note"),
        ("drop-table", 6, 1, "warning"),
        ("unreadable", 7, 1, "note"),
        ("drop-table", 8, 1, "warning"),
    ]


def test_migrations_come_in_their_order(tmp_path: Path) -> None:
    names = [f"2024010100{number:04d}_t" for number in range(1, 13)]
    migrations = [migration(tmp_path, "-- migrate:up\nDROP TABLE a;\n", name) for name in reversed(names)]
    assert [one.id.name for one in static(migrations)] == names[::-1]


def test_a_file_of_settings_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-drop-table"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert [one.code for one in found(tmp_path, "DROP TABLE a;")] == ["drop-table"]


def test_without_squawk_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_module.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LintError, match="pip install squawk-cli"):
        found(tmp_path, "DROP TABLE a;")


def test_what_squawk_says_when_it_fails_is_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "squawk"
    program.write_text("#!/bin/sh\necho out of paper >&2\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.setattr(static_module.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('sh') or '').parent}")
    with pytest.raises(LintError, match="squawk failed: out of paper"):
        found(tmp_path, "DROP TABLE a;")


def test_where_squawk_reads_nothing_each_statement_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = '[{"file": "0.sql", "line": 0, "column": 0, "rule_name": "syntax-error", "message": "no", "help": null}]'
    program = tmp_path / "squawk"
    program.write_text(f"#!/bin/sh\necho '{told}'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(static_module.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('sh') or '').parent}")
    findings = found(tmp_path, "DROP TABLE a; DROP TABLE b;")
    assert [(one.code, one.column) for one in findings] == [("unreadable", 1), ("unreadable", 15)]
