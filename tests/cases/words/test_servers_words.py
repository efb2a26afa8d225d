"""What the server and other sessions say reaches the reader: all of it, as text, and at the right verbosity.

Found by attacks and on real projects: psycopg2 kept the last 50 notices, a WARNING such as "canceling wait for
synchronous replication" was never seen, and control characters of messages, names and statements went to the terminal.
"""

from __future__ import annotations

import json

import pytest

from tests.support.projects import Project

NOTICES = """DO $$ BEGIN
    FOR i IN 1..120 LOOP RAISE NOTICE 'step %.', i; END LOOP;
    RAISE WARNING E'care\\x1b[31mful\\x1b]0;title\\x07';
END $$;"""


@pytest.mark.smoke
def test_every_notice_is_told_and_warnings_at_verbosity_1_too(project: Project) -> None:
    project.write("blog.20240101000001_many", NOTICES)
    project.manage("migrations_build").ok()
    told = project.manage("migrations_run", "--verbosity", "2").ok()
    assert [f"NOTICE:  step {i}." in told.stdout for i in range(1, 121)] == [True] * 120
    assert r"WARNING:  care\x1b[31mful\x1b]0;title\x07" in told.stdout
    assert told.stderr == ""
    project.manage("migrations_revert").ok()
    told = project.manage("migrations_run").ok()
    assert "step" not in told.stdout + told.stderr
    assert told.stderr == "WARNING:  care\\x1b[31mful\\x1b]0;title\\x07\n"


def test_an_error_and_a_history_that_hold_control_characters_are_text(project: Project) -> None:
    id_ = project.table(1)
    project.write("blog.20240101000002_bad", "DO $$ BEGIN RAISE EXCEPTION E'bad\\x1b[2J'; END $$;")
    error = project.run().error()
    assert r"bad\x1b[2J" in error
    assert project.applied() == [id_]
    project.sql(r"UPDATE medusa_migrations SET name = name || E'\x1b[2J', applied_by = E'\x1b[2J'")
    for command in ("migrations_show", "migrations_repair"):
        shown = project.manage(command).ok().stdout
        assert rf"{id_}\x1b[2J" in shown
        assert "\x1b" not in shown


def test_an_address_that_is_a_url_is_shown_without_its_password(project: Project) -> None:
    database = json.loads(project.environment()["TEST_DATABASE"])
    wrong = database | {"HOST": "postgres://u:hunter2@127.0.0.1:1/x"}
    error = project.manage("migrations_show", env={"TEST_DATABASE": json.dumps(wrong)}).error()
    assert "hunter2" not in error
    assert "DATABASES has a URL where one part of it belongs" in error


def test_a_connection_that_cannot_be_made_says_what_was_asked_for(project: Project) -> None:
    database = json.loads(project.environment()["TEST_DATABASE"])
    service = {"ENGINE": database["ENGINE"], "OPTIONS": {"service": "nowhere"}}
    error = project.manage("migrations_show", env={"TEST_DATABASE": json.dumps(service)}).error()
    assert "'default' (service 'nowhere'): " in error
    assert "See that ~/.pg_service.conf" in error
    project.sql(f"CREATE ROLE {project.database} LOGIN CONNECTION LIMIT 0")
    try:
        none_left = database | {"USER": project.database}
        error = project.manage("migrations_show", env={"TEST_DATABASE": json.dumps(none_left)}).error()
        assert "The server has no connection left for this user." in error
    finally:
        project.sql(f"DROP ROLE {project.database}")
