"""The admin with several databases, and with what is broken in one or in the project."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections

from tests.support.admin_site import (
    LIST,
    ONE,
    REVERT,
    RUN,
    Site,
    confirm,
    forget,
    form_of,
    get,
    page_of,
    post,
    problem,
    shown,
    tables,
    text,
)


@pytest.mark.smoke
def test_each_database_has_its_list_and_its_runs(site: Site, other: str) -> None:
    tables(site, 1)
    client = site.admin()
    assert "other" in text(get(client, LIST)).partition("By database")[2]
    page = get(client, RUN, database="other")
    assert "will be run in the database other" in text(page)
    assert "In the database other" in text(post(client, RUN, form_of(page)))
    assert site.project.history() == []
    assert site.project.server.execute("SELECT app FROM medusa_migrations", other) == [("blog",)]
    assert "State pending" in text(get(client, page_of(ONE)))
    assert "State applied" in text(get(client, page_of(ONE), database="other"))
    assert f"{ONE} applied" in text(get(client, LIST, database="other"))
    assert f'href="{RUN}?database=other"' in get(client, LIST, database="other")
    assert "In the database other" in text(confirm(client, REVERT, database="other"))


def test_a_form_is_for_the_database_that_it_was_shown_of(site: Site, other: str) -> None:
    """Both are in the same state, so that all else of the two plans is the same."""
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN))
    assert "What would be done is not what was shown any more" in problem(
        post(client, RUN, form | {"database": "other"})
    )
    assert site.project.server.execute("SELECT to_regclass('medusa_migrations')", other) == [(None,)]
    assert "The run is done" in text(post(client, RUN, form))


def test_a_database_of_another_kind_is_not_offered(site: Site, other: str) -> None:
    connections.settings["other"]["ENGINE"] = "django.db.backends.sqlite3"
    forget("other")
    client = site.admin()
    assert "By database" not in text(get(client, LIST))
    assert "is SQLite; migrations run on PostgreSQL only" in problem(get(client, LIST, database="other"))
    forget("other")
    connections.settings["other"]["ENGINE"] = "no.such.engine"
    assert "By database" not in text(get(client, LIST))
    assert "The database 'other' cannot be used" in problem(get(client, LIST, database="other"))
    connections.settings["other"]["ENGINE"] = "django.db.backends.postgresql"


def break_settings(site: Site, settings: Any, other: str) -> str:
    settings.MEDUSA_MIGRATIONS = {"LOCK_WAITS": 1}
    return "MEDUSA_MIGRATIONS has an unknown key 'LOCK_WAITS'. Did you mean 'LOCK_WAIT'?"


def break_a_file(site: Site, settings: Any, other: str) -> str:
    site.project.write(ONE, "SELECT 'open;")
    return "project/blog/sql_migrations/20240101000001_t1.sql:2:8:"


def break_the_connection(site: Site, settings: Any, other: str) -> str:
    connections.settings["other"]["NAME"] = "no_such_database"
    forget("other")
    return "Cannot connect to the database 'other'"


def break_the_history(site: Site, settings: Any, other: str) -> str:
    site.project.server.execute("CREATE TABLE medusa_migrations (something int)", other)
    return "The table 'medusa_migrations' of the database 'other' is no history"


@pytest.mark.parametrize("harm", [break_settings, break_a_file, break_the_connection, break_the_history])
def test_what_is_broken_is_a_message_on_every_page(site: Site, settings: Any, other: str, harm: Any) -> None:
    tables(site, 1)
    client = site.admin()
    form = form_of(get(client, RUN, database="other"))
    message = harm(site, settings, other)
    for address in (LIST, page_of(ONE), RUN, REVERT):
        assert message in problem(get(client, address, database="other"))
    for address in (RUN, REVERT):
        assert message in problem(post(client, address, form))


def test_nothing_built_is_a_message(site: Site, built: Any) -> None:
    tables(site, 1)
    client = site.admin()
    for address in (LIST, page_of(ONE), RUN, REVERT):
        assert "Nothing is built" in problem(get(client, address))
    assert "Nothing is built" in problem(post(client, RUN, {}))


def test_a_role_that_only_reads_sees_all_and_runs_nothing(site: Site, other: str) -> None:
    tables(site, 1)
    server = site.project.server
    role = f"reader_of_{other}"
    server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
    try:
        connections.settings["other"] |= {"USER": role, "PASSWORD": "reader"}
        forget("other")
        client = site.admin()
        assert shown(get(client, LIST, database="other")) == [1]
        page = confirm(client, RUN, database="other")
        assert "Cannot make the history table" in problem(page)
        assert not LogEntry.objects.exists()
    finally:
        forget("other")
        server.execute(f"DROP ROLE {role}")
