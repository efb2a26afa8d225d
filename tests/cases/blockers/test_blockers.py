"""Whoever blocks a migration is named: in another encoding, after a while, and without a process.

Found on a real project: a blocker in a LATIN1 database was a traceback, the connection that looks died of the role's
idle_session_timeout, and a prepared transaction was never named. The last query was shown with the password in it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.processes import ended, read_until, transaction
from tests.support.projects import Project

LATIN1 = "CREATE DATABASE latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"


@pytest.fixture
def prepares_transactions(lone_folder: Path) -> None:
    """The server, which nobody has started yet, has room for prepared transactions."""
    with (lone_folder / "data/postgresql.auto.conf").open("a") as file:
        file.write("max_prepared_transactions = 5\n")


@pytest.mark.smoke
def test_everyone_who_blocks_is_named(prepares_transactions: None, lone_project: Project) -> None:
    project = lone_project
    for sql in ("CREATE TABLE busy (id int)", "CREATE TABLE left_over (id int)", "CREATE ROLE shared", LATIN1):
        project.sql(sql)
    project.sql("ALTER DATABASE postgres SET idle_session_timeout = '600ms'")
    with project.server.connect(project.database, options="-c idle_session_timeout=0") as prepared:
        prepared.cursor().execute("BEGIN; LOCK TABLE left_over; PREPARE TRANSACTION 'forgotten'")
    project.write(
        "blog.20240101000001_three",
        "ALTER ROLE shared CONNECTION LIMIT 6; ALTER TABLE busy ADD a int; ALTER TABLE left_over ADD a int;",
    )
    project.manage("migrations_build").ok()
    other = project.server.connect("latin1")
    other.autocommit = False
    other.cursor().execute("ALTER ROLE /* \u00e9 */ shared PASSWORD 'hunter2'")
    with transaction(project, "SELECT * FROM busy") as somebody:
        run = project.start("migrations_run", "--lock-timeout", "0")
        said = read_until(run, "last query: ALTER ROLE /* \ufffd */ shared PASSWORD…")
        other.rollback()
        said += read_until(run, "somebody, user postgres")
        somebody.rollback()
    said += read_until(run, "the prepared transaction 'forgotten', user postgres, since")
    project.sql("ROLLBACK PREPARED 'forgotten'")
    code, _, stderr = ended(run)
    other.close()
    assert code == 0, said + stderr
    assert "Traceback" not in said + stderr
    assert "hunter2" not in said
    assert "ROLLBACK PREPARED" in said
