"""A server that speaks another language gets the same places, cures and warnings.

Found on a real project with a German server: the row of a COPY had no line, and pending trigger events and another
app's table had no cure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.memory import temporary_folder
from tests.support.projects import ROOT, Project
from tests.support.servers import server_in, stop

BIN = Path("/usr/lib/postgresql/15/bin")
GERMAN = Path("/usr/share/locale/de/LC_MESSAGES/postgres-15.mo")


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    if not (BIN.exists() and GERMAN.exists()):
        pytest.skip("PostgreSQL 15 of Debian with its German messages is not installed")
    monkeypatch.setenv("EMBEDDED_POSTGRES_BIN", str(BIN))
    monkeypatch.setenv("LANGUAGE", "de")
    with temporary_folder(ROOT) as name:
        folder = Path(name) / "project"
        folder.mkdir()
        yield Project(folder, server_in(Path(name) / "pg"), "postgres")
        stop(Path(name) / "pg")


@pytest.mark.smoke
def test_a_german_server(german: Project) -> None:
    project = german
    project.sql("CREATE TABLE p (id int PRIMARY KEY)")
    project.sql("CREATE TABLE c2 (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
    warning = "DO $$ BEGIN RAISE WARNING 'vorsicht'; RAISE NOTICE 'nebenbei'; END $$;"
    project.write("blog.20240101000001_warns", warning)
    told = project.run().ok()
    assert told.stderr == "WARNUNG:  vorsicht\n"
    project.write("blog.20240101000002_copy", "COPY c2 (p) FROM stdin;\n1\n2\nx\n\\.\n")
    error = project.run().error()
    assert "Zeile" in error
    assert "20240101000002_copy.sql:5\n     5 | x\n" in error
    project.write("blog.20240101000002_copy", "INSERT INTO c2 VALUES (1); ALTER TABLE c2 ADD a int;")
    assert "SET CONSTRAINTS ALL IMMEDIATE before it" in project.run().error()
    project.add_models("shop", "class Post(models.Model):\n    pass")
    project.write("blog.20240101000002_copy", "ALTER TABLE shop_post ADD a int;")
    error = project.run().error()
    assert "existiert nicht" in error
    assert "That is a table of the app 'shop'." in error
