"""`check`, which most commands begin with, parsed every file anew: 1.5 s for 5,000 of them. Found by load."""

from __future__ import annotations

from pathlib import Path

import pytest

from medusa_migrations.files import sqlfile
from medusa_migrations.files.build import build
from medusa_migrations.management.checks import check_files
from tests.support.builders import app_folder, installed

SQL = "-- migrate:up\nSELECT 1;\n-- migrate:down\n"
FIRST, SECOND = "20240101000001_a.sql", "20240101000002_b.sql"


def test_what_is_built_is_not_parsed_again_and_what_is_not_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = app_folder(tmp_path, "grown", {FIRST: SQL, SECOND: SQL})
    parsed: list[str] = []
    parse = sqlfile.parse
    monkeypatch.setattr(sqlfile, "parse", lambda text, path: parsed.append(path) or parse(text, path))
    with installed("grown", path=tmp_path, BASE_DIR=tmp_path, MEDUSA_MIGRATIONS={"DIST_DIR": str(tmp_path / "dist")}):
        assert check_files() == []
        assert len(parsed) == 2
        build()
        parsed.clear()
        assert check_files() == []
        assert parsed == []
        (folder / SECOND).write_text(SQL.replace("SELECT 1", "SELECT 'open"))
        (error,) = check_files()
        assert error.id == "medusa_migrations.E005"
        assert f"grown/sql_migrations/{SECOND}:2:8" in str(error.msg)
        assert parsed == [f"grown/sql_migrations/{SECOND}"]
        (folder / SECOND).unlink()
        (folder / "20240101000003_c.sql").write_text(f"-- migrate:depends grown.{SECOND.removesuffix('.sql')}\n{SQL}")
        assert "depends on grown.20240101000002_b, which no installed app has" in str(check_files()[0].msg)
