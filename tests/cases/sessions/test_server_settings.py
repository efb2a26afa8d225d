"""What the database, the role or DATABASES sets for every session neither breaks a run nor is left out of it.

Found on a real project: with transaction_timeout (PostgreSQL 17) a run lost its connection for ever, and a CREATE INDEX
CONCURRENTLY was dropped and built again without end. Django's `isolation_level` of OPTIONS was ignored.
"""

from __future__ import annotations

import json

import pytest

from medusa_migrations.database.postgresql import server_error
from tests.support.projects import Project

RESET = "RESET ALL; SET default_transaction_isolation = 'read uncommitted';"
LEVEL = "CREATE TABLE {0} AS SELECT current_setting('transaction_isolation') AS level;"


def test_a_transaction_timeout_of_the_database_does_not_end_the_run(project: Project) -> None:
    if int(project.sql("SHOW server_version_num")[0][0]) < 170000:
        pytest.skip("transaction_timeout came with PostgreSQL 17")
    project.sql(f"ALTER DATABASE {project.database} SET transaction_timeout = '200ms'")
    project.write("blog.20240101000001_a", "SELECT pg_sleep(0.4); RESET ALL;")
    project.write("blog.20240101000002_b", "VACUUM;\nSELECT pg_sleep(0.4);", option=" transaction:false")
    project.run().ok()
    assert len(project.applied()) == 2
    project.write("blog.20240101000003_c", "SET transaction_timeout = '100ms'; SELECT pg_sleep(5);")
    error = project.run().error()
    assert "not known here whether it was applied" in error


@pytest.mark.parametrize("sqlstate", ["25P03", "25P04", "57P01", "08006"])
def test_what_ends_the_connection_is_a_lost_connection(sqlstate: str) -> None:
    class Diag:
        message_primary = "terminating connection"
        statement_position = message_detail = message_hint = context = None
        table_name = column_name = constraint_name = internal_query = source_function = None

    class Refused(Exception):
        diag = Diag()

    Diag.sqlstate = sqlstate
    assert server_error(Refused()).is_lost


@pytest.mark.smoke
def test_the_isolation_level_of_options_holds_for_every_migration(project: Project) -> None:
    database = json.loads(project.environment()["TEST_DATABASE"])
    project.add_settings(
        "from django.db.backends.postgresql.psycopg_any import IsolationLevel\n"
        'DATABASES["default"]["OPTIONS"] = {"isolation_level": IsolationLevel.REPEATABLE_READ}'
    )
    project.write("blog.20240101000001_a", LEVEL.format("a") + RESET)
    project.write("blog.20240101000002_b", LEVEL.format("b"))
    project.write("blog.20240101000003_c", LEVEL.format("c"), option=" transaction:false")
    project.run(env={"TEST_DATABASE": json.dumps(database)}).ok()
    for table in "abc":
        assert project.sql(f"SELECT level FROM {table}") == [("repeatable read",)], table
