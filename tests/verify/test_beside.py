"""What changes on the server while a part runs, as other databases of it do."""

from __future__ import annotations

import os
from typing import Any

import pytest

from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.plan.steps import Step
from medusa_migrations.run.task import Piece, Script, Task
from medusa_migrations.verify.beside import Beside
from medusa_migrations.verify.beyond import HasChanged
from tests.support.projects import Server
from tests.support.sessions import session_on


@pytest.mark.parametrize(
    ("sql", "is_told"),
    [
        ("CREATE INDEX CONCURRENTLY n ON t (n);", False),
        ("DROP INDEX CONCURRENTLY n; CREATE UNIQUE INDEX CONCURRENTLY n ON t (n)", False),
        ("DROP INDEX CONCURRENTLY n; CALL p();", True),
        ("DO $$BEGIN END$$;", True),
    ],
)
def test_what_only_builds_or_drops_indexes_changes_nothing_there(
    server: Server, sql: str, is_told: bool, django_db_blocker: Any
) -> None:
    role = f"test_beside_{os.getpid()}"
    id_ = MigrationId("blog", "20240101000001_t")
    script = Script(id_, sql, "t.sql", (Piece(0, len(sql), 1),))
    task = Task(Step(id_, Direction.UP), script, transactional=False, fake=False)
    told = ""
    try:
        with django_db_blocker.unblock(), session_on(server, server.maintenance) as session:
            session.execute("SET search_path = pg_catalog")
            try:
                with Beside(session, None, {}).looking(task):
                    server.execute(f"CREATE ROLE {role}")
            except HasChanged as changed:
                told = changed.error.message
    finally:
        server.execute(f"DROP ROLE IF EXISTS {role}")
    assert (f"role {role} is new" in told) == is_told
