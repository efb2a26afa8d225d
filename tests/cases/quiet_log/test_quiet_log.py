"""Each look at a database without history left an ERROR in the server's log: found under load, 1,079 in 25 minutes."""

from __future__ import annotations

from typing import Any

from medusa_migrations.database.history import History
from tests.support.projects import Project
from tests.support.sessions import session_on


def test_a_database_without_history_is_looked_at_without_an_error(project: Project, django_db_blocker: Any) -> None:
    project.table(1)
    errors = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    with django_db_blocker.unblock(), session_on(project.server, project.database) as session:
        assert History(session).rows() == []
        assert History(session).rows(details=True) == []
        session.query("SELECT pg_stat_force_next_flush()")
    assert project.sql(errors) == [(0,)]


def test_a_history_is_read_with_one_message(project: Project, django_db_blocker: Any) -> None:
    project.table(1)
    project.run().ok()
    with django_db_blocker.unblock(), session_on(project.server, project.database) as session:
        sent: list[str] = []
        query = session.query
        session.query = lambda sql, params=None: sent.append(sql) or query(sql, params)  # type: ignore[method-assign,func-returns-value]  # counts
        assert [str(row.id) for row in History(session).rows()] == ["blog.20240101000001_t1"]
        assert len(sent) == 1
