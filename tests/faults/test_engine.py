"""Crashes, races, hostile sessions, half-done work: the catalog, the history and the lock afterwards."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.support.projects import BLOCKED, SLEEPING, UNLOCKED, Project


@contextmanager
def transaction(project: Project, sql: str) -> Iterator[Any]:
    """Another client's open transaction."""
    connection = project.server.connect(project.database, application_name="somebody")
    connection.autocommit = False
    connection.cursor().execute(sql)
    try:
        yield connection
    finally:
        connection.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=30)
    return process.returncode, stdout, stderr


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the process says on stderr up to the line that has `text`."""
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            break
    return "".join(lines)


BACKENDS = "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'medusa_migrations %'"


def wait_for_backend(project: Project, run: subprocess.Popen[str]) -> None:
    """Until the server works for a run, or that has ended: Python's start takes most of the time."""
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        while run.poll() is None:
            cursor.execute(f"SELECT count(*) FROM {BACKENDS}")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.005)


def kill_client(project: Project, run: subprocess.Popen[str]) -> bool:
    """Tells whether it was still at work."""
    was_running = run.poll() is None
    run.kill()
    return was_running


def terminate_backend(project: Project, run: subprocess.Popen[str]) -> bool:
    """Tells whether it was still at work."""
    return bool(project.sql(f"SELECT pg_terminate_backend(pid) FROM {BACKENDS}"))


# Timeouts and retries


@pytest.mark.parametrize("mode", ["each", "all"])
@pytest.mark.smoke
def test_a_blocked_alter_gives_up_says_who_blocks_tries_again_and_wins(project: Project, mode: str) -> None:
    project.sql("CREATE TABLE busy (id int)")
    project.table(1)
    project.write("blog.20240101000002_alter", "ALTER TABLE busy ADD COLUMN more int;")
    project.manage("migrations_build").ok()
    with transaction(project, "SELECT * FROM busy") as other:
        run = project.start("migrations_run", "--lock-timeout", "700ms", "--retries", "20", "--transaction", mode)
        project.wait_for(BLOCKED)
        # A waiting ALTER that gives up lets readers through.
        project.sql("SET lock_timeout = '3s'; SELECT * FROM busy")
        said = read_until(run, "was rolled back")
        other.rollback()
        code, _, stderr = ended(run)
    stderr = said + stderr
    assert code == 0, stderr
    assert re.search(
        r"Waiting for a lock that is held by pid \d+, somebody, user \S+, .*last query: SELECT \* FROM busy", stderr
    )
    assert "was rolled back: canceling statement due to lock timeout. The lock is held by pid" in stderr
    assert len(project.applied()) == 2
    assert project.locks() == 0


def test_a_lock_that_stays_away_ends_the_run_with_its_holder(project: Project) -> None:
    project.sql("CREATE TABLE busy (id int)")
    project.write("blog.20240101000002_alter", "ALTER TABLE busy ADD COLUMN more int;")
    project.manage("migrations_build").ok()
    with transaction(project, "SELECT * FROM busy"):
        error = project.manage("migrations_run", "--lock-timeout", "400ms", "--retries", "0").error()
    assert "55P03" in error
    assert "--lock-timeout or --retries" in error
    assert project.history() == []


@pytest.mark.smoke
@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_what_is_deferred_is_checked_with_the_timeouts(project: Project, mode: str) -> None:
    """As COMMIT would do it, the lock on the row that a key refers to would be waited for without end."""
    project.sql(
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)"
    )
    project.sql("INSERT INTO p VALUES (1)")
    project.write("blog.20240101000002_insert", "INSERT INTO c VALUES (1);")
    project.manage("migrations_build").ok()
    with transaction(project, "SELECT * FROM p FOR UPDATE"):
        error = project.manage(
            "migrations_run", "--lock-timeout", "300ms", "--retries", "0", "--transaction", mode
        ).error()
    assert "55P03" in error
    assert project.applied() == []
    assert project.sql("SELECT count(*) FROM c") == [(0,)]


DEFERRED = {
    "temporary tables with a key between them": (
        "CREATE TEMP TABLE a (id int PRIMARY KEY);"
        "CREATE TEMP TABLE b (a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO b VALUES (1); INSERT INTO a VALUES (1);"
    ),
    "a trigger that needs the search_path": (
        "CREATE SCHEMA s; SET LOCAL search_path = s; CREATE TABLE t (id int); CREATE TABLE log (id int);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO log VALUES (1); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER c AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"
        "INSERT INTO t VALUES (1);"
    ),
}


@pytest.mark.parametrize("case", DEFERRED)
def test_what_is_deferred_is_checked_where_it_was_written(project: Project, case: str) -> None:
    project.write("blog.20240101000001_deferred", DEFERRED[case])
    project.run().ok()


def test_a_statement_outside_a_transaction_is_repeated_alone(project: Project) -> None:
    project.sql("CREATE TABLE busy (id int); CREATE TABLE counter (id int)")
    project.write(
        "blog.20240101000002_alter",
        "INSERT INTO counter VALUES (1);\nALTER TABLE busy ADD COLUMN more int;",
        option=" transaction:false",
    )
    project.manage("migrations_build").ok()
    with transaction(project, "SELECT * FROM busy") as other:
        run = project.start("migrations_run", "--lock-timeout", "300ms", "--retries", "20")
        read_until(run, "was rolled back")
        other.rollback()
        assert ended(run)[0] == 0
    assert project.sql("SELECT count(*) FROM counter") == [(1,)]


def test_an_index_built_concurrently_has_no_lock_timeout(project: Project) -> None:
    project.sql("CREATE TABLE busy (id int)")
    project.write("blog.20240101000002_ix", "CREATE INDEX CONCURRENTLY ix ON busy (id);", option=" transaction:false")
    project.manage("migrations_build").ok()
    with transaction(project, "INSERT INTO busy VALUES (1)") as other:
        run = project.start("migrations_run", "--lock-timeout", "200ms", "--retries", "0")
        project.wait_for(BLOCKED)
        time.sleep(0.6)
        other.commit()
        code, _, stderr = ended(run)
    assert code == 0, stderr
    assert project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix'::regclass") == [(True,)]


def test_a_deadlock_is_tried_again(project: Project) -> None:
    project.sql("CREATE TABLE a (id int); CREATE TABLE b (id int)")
    project.write("blog.20240101000002_dead", "LOCK TABLE a; SELECT pg_sleep(0.6); LOCK TABLE b;")
    project.manage("migrations_build").ok()
    with transaction(project, "LOCK TABLE b") as other:
        run = project.start("migrations_run", "--lock-timeout", "0")
        project.wait_for(SLEEPING)
        other.cursor().execute("SET deadlock_timeout = '30s'; LOCK TABLE a")
        other.rollback()
        code, _, stderr = ended(run)
    assert code == 0, stderr
    assert "deadlock detected" in stderr


def test_statement_timeout_is_obeyed(project: Project) -> None:
    project.write("blog.20240101000002_slow", "SELECT pg_sleep(20);")
    error = project.run("--statement-timeout", "300ms").error()
    assert "57014" in error
    assert "--statement-timeout" in error


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE q (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
            "INSERT INTO q VALUES (1); INSERT INTO p VALUES (1);",
            "ALTER TABLE q ADD COLUMN more int;",
        ),
        (
            "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (e e);",
            "ALTER TYPE e ADD VALUE 'b'; INSERT INTO t VALUES ('b');",
        ),
    ],
    ids=["pending trigger events", "a new enum value"],
)
def test_what_one_transaction_cannot_do_hints_at_each(project: Project, first: str, second: str) -> None:
    project.write("blog.20240101000001_one", first)
    if "ENUM" in first:
        project.run().ok()
        second, third = second.split(";")[:2]
        project.write("blog.20240101000002_two", second)
        project.write("blog.20240101000003_three", third)
    else:
        project.write("blog.20240101000002_two", second)
    assert "use --transaction each" in project.run("--transaction", "all").error()
    project.run("--transaction", "each").ok()


def test_the_lock_table_that_is_too_small_hints_at_each(lone_project: Project) -> None:
    project = lone_project
    for number in range(120):
        project.write(
            f"blog.2024010100{number // 60:02d}{number % 60:02d}_many",
            f"DO $$ BEGIN FOR i IN 1..150 LOOP EXECUTE format('CREATE TABLE m{number}_%s ()', i); END LOOP; END $$;",
        )
    error = project.run("--transaction", "all", timeout=120).error()
    assert "out of shared memory" in error
    assert "use --transaction each" in error
    assert (project.tables(), project.history()) == (set(), [])


# Clean sessions

HOSTILE = {
    "an empty search_path": "SELECT pg_catalog.set_config('search_path', '', false);",
    "another schema first": "CREATE SCHEMA other; SET search_path = other; CREATE TABLE medusa_migrations (id int);",
    "a role without rights": "SET ROLE pg_monitor;",
    "another user": "SET SESSION AUTHORIZATION pg_monitor;",
    "a tiny timeout": "SET statement_timeout = '1ms'; SET lock_timeout = '1ms';",
    "read-only transactions": "SET default_transaction_read_only = on;",
    "a serializable session": "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
    "another time zone": "SET TIME ZONE 'Asia/Kathmandu';",
    "another encoding": "SET client_encoding = 'LATIN1';",
    "backslashes in strings": "SELECT set_config('standard_conforming_strings', 'off', false);",
    "a temporary table": "CREATE TEMP TABLE t2 (id int); CREATE TEMP TABLE medusa_migrations (id int);",
    "a prepared statement and a cursor": "PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1; LISTEN x;",
    "no triggers": "SET session_replication_role = replica;",
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("option", ["", " transaction:false"])
def test_what_a_migration_leaves_in_its_session_reaches_nothing(project: Project, hostile: str, option: str) -> None:
    project.write("blog.20240101000001_hostile", HOSTILE[hostile], option=option)
    project.write(
        "blog.20240101000002_t2",
        "CREATE TABLE t2 AS SELECT current_schema AS schema, current_user AS role, session_user AS login,"
        " current_setting('TimeZone') AS zone, current_setting('lock_timeout') AS lock_timeout, 'é\\' AS text,"
        " (SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_cursors) AS left,"
        " current_setting('session_replication_role') AS role2, current_setting('transaction_isolation') AS isolation;",
    )
    project.run().ok()
    assert len(project.applied()) == 2
    user = project.server.parameters.get("user", "postgres")
    assert project.sql("SELECT * FROM public.t2") == [
        ("public", user, user, "UTC", "5s", "é\\", 0, "origin", "read committed")
    ]
    assert project.locks() == 0


@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_a_migration_that_frees_the_lock_is_rolled_back_and_named(project: Project, mode: str) -> None:
    project.table(1)
    project.write("blog.20240101000002_free", "SELECT pg_advisory_unlock_all(); CREATE TABLE freed (id int);")
    error = project.run("--transaction", mode).error()
    assert "blog.20240101000002_free failed" in error
    assert "pg_advisory_unlock_all" in error
    assert "blog.20240101000002_free" not in project.applied()
    if mode == "none":
        assert project.history()[-1] == ("blog.20240101000002_free", "failed")
        project.write("blog.20240101000002_free", "CREATE TABLE freed (id int);")
        project.run("--transaction", "none").ok()
    else:
        assert "freed" not in project.tables()


def test_a_history_that_a_migration_drops_is_an_error_and_rolled_back(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.write("blog.20240101000002_drop", "DROP TABLE medusa_migrations;")
    assert "medusa_migrations" in project.run().error()
    assert len(project.applied()) == 1


# Signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1), (signal.SIGHUP, 1)])
@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_a_signal_rolls_back_at_once_and_says_what_state_things_are_in(
    project: Project, number: signal.Signals, code: int, mode: str
) -> None:
    first = project.table(1)
    slow = "blog.20240101000002_slow"
    project.write(slow, "CREATE TABLE half (id int);\nSELECT pg_sleep(30);")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run", "--transaction", mode)
    project.wait_for(SLEEPING)
    begun = time.monotonic()
    run.send_signal(number)
    project.wait_for(f"NOT {SLEEPING}")
    assert time.monotonic() - begun < 0.5
    returned, _, stderr = ended(run)
    assert returned == code
    assert "Traceback" not in stderr
    assert stderr.count("CommandError") == 1
    assert f"Stopped by {number.name}. " in stderr
    assert slow in stderr
    assert project.applied() == ([] if mode == "all" else [first])
    assert ("half" in project.tables()) == (mode == "none")
    assert project.locks() == 0
    if mode == "none":
        assert project.history()[-1] == (slow, "failed")
    project.write(slow, "CREATE TABLE half (id int);\nSELECT 1;")
    project.run("--transaction", mode).ok()


def test_a_signal_rolls_back_within_a_tenth_of_a_second(project: Project) -> None:
    project.write("blog.20240101000002_slow", "SELECT pg_sleep(30);")
    project.manage("migrations_build").ok()
    connection = project.server.connect(project.database)
    took = []
    for _ in range(3):  # the fastest counts: other tests run at the same time
        run = project.start("migrations_run")
        project.wait_for(SLEEPING)
        begun = time.monotonic()
        run.send_signal(signal.SIGTERM)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {SLEEPING}")
            while cursor.fetchone() == (True,):
                cursor.execute(f"SELECT {SLEEPING}")
        took.append(time.monotonic() - begun)
        assert ended(run)[0] == 1
    connection.close()
    assert min(took) < 0.1, took


def test_a_signal_while_waiting_for_the_lock_ends_the_wait(project: Project) -> None:
    project.write("blog.20240101000002_slow", "SELECT pg_sleep(3);")
    project.manage("migrations_build").ok()
    first = project.start("migrations_run")
    project.wait_for(SLEEPING)
    second = project.start("migrations_run")
    assert second.stderr
    assert "Waiting" in second.stderr.readline()
    second.send_signal(signal.SIGINT)
    code, _, stderr = ended(second)
    assert code == 130, stderr
    code, _, stderr = ended(first)
    assert code == 0, stderr


def test_a_signal_with_json_still_prints_the_document(project: Project) -> None:
    project.write("blog.20240101000002_slow", "SELECT pg_sleep(30);")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run", "--json")
    project.wait_for(SLEEPING)
    run.send_signal(signal.SIGTERM)
    _, stdout, _ = ended(run)
    assert json.loads(stdout)["migrations"] == [
        {"id": "blog.20240101000002_slow", "status": "failed", "duration_ms": None}
    ]


# Killed clients and servers


def test_the_statement_of_a_killed_client_is_rolled_back_soon(project: Project) -> None:
    project.write("blog.20240101000002_slow", "CREATE TABLE half (id int); SELECT pg_sleep(30);")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    project.wait_for(SLEEPING)
    run.kill()
    ended(run)
    project.wait_for(f"NOT {SLEEPING}", seconds=5)
    project.wait_for(UNLOCKED, seconds=5)
    assert (project.tables(), project.history()) == (set(), [])


def test_a_terminated_backend_is_an_error_and_the_next_run_finds_out(project: Project) -> None:
    first = project.table(1)
    project.write("blog.20240101000002_slow", "CREATE TABLE half (id int); SELECT pg_sleep(2);")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    project.wait_for(SLEEPING)
    terminate_backend(project, run)
    code, _, stderr = ended(run)
    assert code == 1
    assert "Traceback" not in stderr
    assert "it looks into the history first" in stderr
    assert project.applied() == [first]
    project.run().ok()
    assert len(project.applied()) == 2
    assert project.locks() == 0


@pytest.mark.parametrize("end", [kill_client, terminate_backend])
@pytest.mark.parametrize("part", range(2))
def test_at_random_moments_nothing_is_lost_and_nothing_done_twice(
    project: Project, end: Callable[[Project, subprocess.Popen[str]], bool], part: int
) -> None:
    """Each migration adds a row, a table or an index; after every kill the history says exactly what is there."""
    rows, wanted = 24, 26
    project.sql("CREATE TABLE done (number int)")
    for number in range(rows):
        moment = f"blog.20240101{number:06d}"
        if number % 3 == 2:
            project.write(
                f"{moment}_steps",
                f"INSERT INTO done VALUES ({number});\nCREATE INDEX CONCURRENTLY ix{number} ON done (number);\n"
                f"SELECT pg_sleep(0.01);\nCREATE TABLE s{number} (id int);",
                option=" transaction:false",
            )
        else:
            project.write(f"{moment}_t", f"INSERT INTO done VALUES ({number}); SELECT pg_sleep(0.02);")
    project.manage("migrations_build").ok()
    dice = random.Random(part)
    kills = 0
    for _ in range(3 * wanted):
        if kills == wanted:
            break
        run = project.start("migrations_run", "--lock-wait", "20")
        wait_for_backend(project, run)
        time.sleep(dice.uniform(0, 0.6))
        kills += end(project, run)
        ended(run)
        check_history(project)
        if len(project.applied()) == rows:
            project.sql("TRUNCATE done, medusa_migrations")
            for number in range(2, rows, 3):
                project.sql(f"DROP INDEX ix{number}; DROP TABLE s{number}")
    assert kills == wanted
    project.manage("migrations_run").ok()
    check_history(project)
    assert len(project.applied()) == rows
    assert project.sql("SELECT count(*), count(DISTINCT number) FROM done") == [(rows, rows)]
    assert project.sql("SELECT count(*) FROM pg_index WHERE indrelid = 'done'::regclass AND indisvalid") == [
        (rows // 3,)
    ]
    assert project.locks() == 0


def check_history(project: Project) -> None:
    """What the history has as applied is there once; what is not there is not in the history."""
    project.wait_for(UNLOCKED, seconds=10)
    if not project.history():
        return
    applied = {int(id_[len("blog.20240101") :][:6]) for id_ in project.applied()}
    begun = {int(id_[len("blog.20240101") :][:6]) for id_, _ in project.history()}
    there = [number for (number,) in project.sql("SELECT number FROM done")]
    assert len(there) == len(set(there)), "done twice"
    assert applied <= set(there), "lost"
    assert set(there) <= begun, "done, and the history does not know"


# In doubt after a kill


def left_running(project: Project, statement: str, prepare: str, *, done: int = 1) -> None:
    """A history that a killed client leaves: `done` statements finished, the next one begun."""
    project.sql("CREATE TABLE t (a int, b int)")
    project.write("blog.20240101000001_doubt", f"SELECT 1;\n{statement};\nSELECT 2;", option=" transaction:false")
    project.write("blog.20240101000000_before", "SELECT 1;", option=" transaction:false")
    project.run("--to", "blog.20240101000000_before").ok()
    project.sql(
        "INSERT INTO medusa_migrations"
        " (app, name, checksum, state, applied_at, applied_by, run, statements_done, error)"
        " SELECT app, '20240101000001_doubt', encode(sha256('SELECT 1'), 'hex'), 'running', now(), '', run, 1, ''"
        " FROM medusa_migrations"
    )
    for command in filter(None, prepare.split(";")):
        project.sql(command)


INVALID = "CREATE INDEX ix ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix'::regclass"


@pytest.mark.parametrize(
    ("statement", "prepare", "says"),
    [
        ("CREATE INDEX CONCURRENTLY ix ON t (a)", "", ""),
        ("CREATE INDEX CONCURRENTLY ix ON t (a)", "CREATE INDEX ix ON t (a)", "is there and valid: taken as done"),
        ("CREATE INDEX CONCURRENTLY ix ON t (a)", INVALID, "Dropping the index public.ix, which was left invalid"),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS IX on public.t (a)", INVALID, "Dropping the index public.ix"),
        (
            'CREATE INDEX CONCURRENTLY "ix" /* c */ ON ONLY "public" . "t" USING btree (a)',
            "CREATE INDEX ix ON t (a)",
            "is there and valid",
        ),
        ("CREATE INDEX CONCURRENTLY ON t (a)", INVALID, "The invalid index public.ix may be left"),
        ("DROP INDEX CONCURRENTLY ix", "", "The index ix is gone: taken as done"),
        ("DROP INDEX CONCURRENTLY IF EXISTS public.ix", "CREATE INDEX ix ON t (a)", ""),
        ("VACUUM t", "", "running it again"),
    ],
)
def test_a_statement_that_was_cut_off_is_looked_at_before_it_is_run_again(
    project: Project, statement: str, prepare: str, says: str
) -> None:
    left_running(project, statement, prepare)
    assert "[F] blog.20240101000001_doubt" in project.manage("migrations_show").ok().stdout
    outcome = project.run().ok()
    assert says in outcome.stderr
    assert says or not outcome.stderr
    assert len(project.applied()) == 2
    valid = project.sql("SELECT relname::text, indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
                        " WHERE indrelid = 't'::regclass ORDER BY 1")  # fmt: skip
    if "CONCURRENTLY ON" in statement:
        assert valid == [("ix", False), ("t_a_idx", True)]
    else:
        assert valid == ([("ix", True)] if statement.startswith("CREATE") else [])


def test_an_index_that_failed_is_built_again_without_its_invalid_remains(project: Project) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    project.write(
        "blog.20240101000001_ix", "CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a);", option=" transaction:false"
    )
    project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    assert "Dropping the index public.ix" in project.run().ok().stderr
    assert project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix'::regclass") == [(True,)]


def test_letters_beyond_ascii_are_found_again_in_the_name_of_an_index(project: Project) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    up = "CREATE UNIQUE INDEX CONCURRENTLY ix_\u00dcber ON t (a);"
    project.write("blog.20240101000001_ix", up, option=" transaction:false")
    project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    assert "Dropping the index" in project.run().ok().stderr


@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_a_database_that_counts_bytes_tells_the_place_too(project: Project, mode: str) -> None:
    project.server.execute(f"DROP DATABASE {project.database}")
    project.server.execute(f"CREATE DATABASE {project.database} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    project.write(
        "blog.20240101000001_umlauts",
        "SELECT '\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc';\nSELECT '\u00e4', nothing;\nSELECT 2;",
    )
    error = project.run("--transaction", mode, "--json").json["error"]
    assert (error["line"], error["column"]) == (3, 13)


def test_what_was_set_for_the_session_is_set_again_when_it_goes_on(project: Project) -> None:
    up = "CREATE SCHEMA s;\nSET search_path = s;\nCREATE TABLE a (id int);\nSELECT 1/{};\nCREATE TABLE b (id int);"
    project.write("blog.20240101000001_steps", up.format(0), option=" transaction:false")
    project.run().error()
    project.write("blog.20240101000001_steps", up.format(1), option=" transaction:false")
    project.run().ok()
    assert project.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 's'") == [(2,)]


# Servers and routers that will not have it


def test_a_read_only_database_is_refused_before_anything_runs(project: Project) -> None:
    project.table(1)
    project.sql(f"ALTER DATABASE {project.database} SET default_transaction_read_only = on")
    error = project.run().error()
    assert "read-only" in error
    assert "Nothing was run" in error


def test_a_router_keeps_an_app_from_a_database(project: Project) -> None:
    project.table(1)
    kept = project.table(2, app="shop")
    (project.folder / "routers.py").write_text(
        "class Router:\n    def allow_migrate(self, db, app_label, **hints):\n        return app_label != 'shop'\n"
    )
    settings = project.folder / "settings.py"
    settings.write_text(f"{settings.read_text()}\nDATABASE_ROUTERS = ['routers.Router']\n")
    project.run().ok()
    assert project.tables() == {"t1"}
    assert kept not in project.manage("migrations_show").ok().stdout


# What the server says besides


def test_notices_are_shown_under_their_migration_at_verbosity_2(project: Project) -> None:
    project.write(
        "blog.20240101000001_notice", "DO $$ BEGIN RAISE NOTICE 'hello %', 1; RAISE WARNING 'careful'; END $$;"
    )
    project.table(2)
    out = project.run("--verbosity", "2").ok().stdout
    assert re.search(r"_notice\.\.\. OK \(\d+ ms\)\n    NOTICE:  hello 1\n    WARNING:  careful\n  Applying", out)
    project.manage("migrations_revert", "--all").ok()
    assert "hello" not in project.run().ok().stdout


def test_show_marks_what_is_running_now(project: Project) -> None:
    for option in ("", " transaction:false"):
        id_ = "blog.20240101000001_slow"
        project.write(id_, "SELECT pg_sleep(1.5);", "", option=option)
        project.manage("migrations_build").ok()
        run = project.start("migrations_run")
        project.wait_for(SLEEPING)
        assert f"[>] {id_}" in project.manage("migrations_show").ok().stdout
        assert ended(run)[0] == 0
        project.manage("migrations_revert").ok()


# Done, but not yet recorded

NOISY = "CREATE PROCEDURE log_it() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); COMMIT; {} END $$;"


def test_a_record_that_has_to_wait_does_not_repeat_the_statement(project: Project) -> None:
    project.sql("CREATE TABLE log (id int); " + NOISY.format("PERFORM pg_sleep(1);"))
    project.write("blog.20240101000001_call", "CALL log_it();", option=" transaction:false")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run", "--lock-timeout", "300ms")
    project.wait_for(SLEEPING)
    with transaction(project, "LOCK TABLE medusa_migrations IN SHARE MODE"):
        project.wait_for(BLOCKED)
        time.sleep(0.5)
    code, _, stderr = ended(run)
    assert code == 0, stderr
    assert project.sql("SELECT count(*) FROM log") == [(1,)]
    assert len(project.applied()) == 1


def test_a_stop_as_a_statement_ends_is_recorded_with_it(project: Project) -> None:
    swallowing = "BEGIN PERFORM pg_sleep(20); EXCEPTION WHEN query_canceled THEN NULL; END;"
    project.sql("CREATE TABLE log (id int); " + NOISY.format(swallowing))
    id_ = "blog.20240101000001_call"
    project.write(id_, "CALL log_it();\nSELECT 1;", option=" transaction:false")
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    project.wait_for(SLEEPING)
    run.send_signal(signal.SIGTERM)
    assert ended(run)[0] == 1
    assert project.sql("SELECT state, statements_done FROM medusa_migrations") == [("failed", 1)]
    project.run().ok()
    assert project.sql("SELECT count(*) FROM log") == [(1,)]


def test_two_reverts_without_the_lock_undo_once(project: Project) -> None:
    project.sql("CREATE TABLE c AS SELECT 10 AS n")
    project.write("blog.20240101000001_count", "UPDATE c SET n = n + 1;", "SELECT pg_sleep(1); UPDATE c SET n = n - 1;")
    project.run().ok()
    reverts = [project.start("migrations_revert", "--no-lock") for _ in range(2)]
    outcomes = [ended(revert) for revert in reverts]
    assert sorted(code for code, *_ in outcomes) == [0, 1]
    assert project.sql("SELECT n FROM c") == [(10,)]
    assert any("Another process has reverted it meanwhile" in stderr for *_, stderr in outcomes)


def test_an_unfinished_revert_goes_on_before_any_other_begins(project: Project) -> None:
    half = "shop.20240101000001_half"
    up = "CREATE TABLE a ();\nCREATE TABLE b ();"
    project.write(half, up, "DROP TABLE a;\nDROP TABLE {};", option=" transaction:false")
    project.run().ok()
    project.manage("migrations_revert").error()
    assert project.history() == [(half, "revert_failed")]
    other = "blog.20240101000002_other"
    project.write(other, "SELECT 1;", "SELECT 1;")
    assert "migrations_revert shop" in project.run().error()
    project.sql(
        "INSERT INTO medusa_migrations"
        " (app, name, checksum, state, applied_at, applied_by, run, statements_done, error)"
        f" SELECT 'blog', '20240101000002_other', '{'0' * 64}', 'applied', now(), '', run, 0, '' FROM medusa_migrations"
    )
    assert "migrations_revert shop" in project.manage("migrations_revert", "blog").error()
    project.write(half, up, "DROP TABLE a;\nDROP TABLE b;", option=" transaction:false")
    project.manage("migrations_revert", "--build").ok()
    assert [id_ for id_, _ in project.history()] == [other]


def test_last_run_knows_what_it_finished(project: Project) -> None:
    project.table(1)
    id_ = "blog.20240101000002_steps"
    project.write(id_, "SELECT 1;\nSELECT 1/0;", option=" transaction:false")
    project.run().error()
    project.write(id_, "SELECT 1;\nSELECT 1/1;", option=" transaction:false")
    project.run().ok()
    planned = project.manage("migrations_revert", "--last-run", "--plan", "--json").ok().json["migrations"]
    assert [one["id"] for one in planned] == [id_]


def test_what_was_finished_last_is_reverted_first(project: Project) -> None:
    id_ = "blog.20240101000005_steps"
    project.write(id_, "SELECT 1;\nSELECT 1/0;", "SELECT 1;", option=" transaction:false")
    project.run().error()
    late = project.table(2)
    project.run("--to", late).ok()
    project.write(id_, "SELECT 1;\nSELECT 1/1;", "SELECT 1;", option=" transaction:false")
    project.run().ok()
    for options in (["--last-run"], [], ["--to", late]):
        planned = project.manage("migrations_revert", *options, "--plan", "--json").ok().json["migrations"]
        assert [one["id"] for one in planned] == [id_]


def test_a_failure_before_it_goes_on_does_not_undo_what_is_said_to_be_done(project: Project) -> None:
    id_ = "blog.20240101000001_steps"
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
    project.write(id_, f"SET ROLE {role};\nCREATE TABLE a ();\nSELECT 1/0;", option=" transaction:false")
    assert "of its 3 statements, 2 are done and stay" in project.run().error()
    project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    error = project.run().error()
    assert "does not exist" in error
    assert "of its 3 statements, 2 are done and stay" in error
    assert project.sql("SELECT statements_done FROM medusa_migrations") == [(2,)]


def test_a_renamed_file_that_was_begun_is_not_done_from_its_start(project: Project) -> None:
    project.sql("CREATE TABLE log (id int)")
    up = "INSERT INTO log VALUES (1);\nSELECT 1/{};"
    old = project.write("blog.20240101000001_steps", up.format(0), option=" transaction:false")
    project.run().error()
    old.unlink()
    project.write("blog.20240101000009_steps", up.format(1), option=" transaction:false")
    assert "migrations_repair --renamed blog.20240101000001_steps=NEW" in project.run().error()
    renamed = "blog.20240101000001_steps=blog.20240101000009_steps"
    project.manage("migrations_repair", "--renamed", renamed).ok()
    project.run().ok()
    assert project.sql("SELECT count(*) FROM log") == [(1,)]


@pytest.mark.parametrize(
    "setting",
    [
        "SELECT pg_catalog.set_config('search_path', 's', false)",
        "BEGIN;\nSET search_path = s;\nCOMMIT",
        "SET search_path = s",
    ],
)
def test_every_way_to_set_something_is_followed_again(project: Project, setting: str) -> None:
    up = f"CREATE SCHEMA s;\n{setting};\nCREATE TABLE a (id int);\nSELECT 1/{{}};\nCREATE TABLE b (id int);"
    project.write("blog.20240101000001_steps", up.format(0), option=" transaction:false")
    project.run().error()
    project.write("blog.20240101000001_steps", up.format(1), option=" transaction:false")
    project.run().ok()
    assert project.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 's'") == [(2,)]


def test_discard_all_keeps_the_lock(project: Project) -> None:
    project.write(
        "blog.20240101000001_discard", "SET work_mem = '1MB';\nDISCARD ALL;\nSELECT 1;", option=" transaction:false"
    )
    project.run().ok()
    assert len(project.applied()) == 1


def test_a_read_only_transaction_of_the_authors_own_is_recorded_behind_it(project: Project) -> None:
    project.write(
        "blog.20240101000001_read", "BEGIN READ ONLY;\nSELECT 1;\nCOMMIT;\nSELECT 2;", option=" transaction:false"
    )
    project.run().ok()
    assert len(project.applied()) == 1


def test_the_lock_timeout_is_back_after_a_concurrent_statement_that_failed(project: Project) -> None:
    project.sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    up = (
        "CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a);\n"
        "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS v;"
    )
    project.write("blog.20240101000001_ix", up, option=" transaction:false")
    project.run().error()
    project.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    project.run("--lock-timeout", "4s").ok()
    assert project.sql("SELECT v FROM seen") == [("4s",)]


@pytest.mark.parametrize(
    ("option", "works"), [(" transaction:false", "migrations_revert"), (" transaction:false", "migrations_run")]
)
def test_who_comes_while_statements_run_one_by_one_waits(project: Project, option: str, works: str) -> None:
    id_ = "blog.20240101000001_slow"
    project.sql("CREATE TABLE gate ()")
    project.write(id_, "SELECT 1;\nSELECT FROM gate;", "SELECT 1;", option=" transaction:false")
    project.manage("migrations_build").ok()
    with transaction(project, "LOCK TABLE gate"):
        run = project.start("migrations_run", "--lock-timeout", "60s")
        project.wait_for(BLOCKED)
        assert "running now" in project.manage("migrations_repair").ok().stdout
        who_comes = project.start(works)
        assert "Waiting up to" in read_until(who_comes, "Waiting up to")
    assert ended(run)[0] == 0
    assert ended(who_comes)[0] == 0
    assert project.history() == ([] if works == "migrations_revert" else [(id_, "applied")])


def test_what_connection_created_sets_holds_for_every_migration(project: Project) -> None:
    project.sql("CREATE SCHEMA tenant")
    (project.folder / "blog/apps.py").write_text(
        "from django.apps import AppConfig\nfrom django.db.backends.signals import connection_created\n\n\n"
        "def choose(connection, **kwargs):\n    connection.cursor().execute('SET search_path = tenant')\n\n\n"
        "class Blog(AppConfig):\n    name = 'blog'\n\n"
        "    def ready(self):\n        connection_created.connect(choose)\n"
    )
    project.table(1)
    project.table(2)
    project.run().ok()
    tables = project.sql("SELECT tablename::text FROM pg_tables WHERE schemaname = 'tenant' ORDER BY 1")
    assert tables == [("medusa_migrations",), ("t1",), ("t2",)]


def test_a_role_with_one_connection_is_enough(project: Project) -> None:
    role = f"single_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1; GRANT CREATE ON SCHEMA public TO {role}")
    try:
        project.table(1)
        project.manage("migrations_build").ok()
        database = json.loads(project.environment()["TEST_DATABASE"]) | {"USER": role, "PASSWORD": "x"}
        project.manage("migrations_run", env={"TEST_DATABASE": json.dumps(database)}).ok()
    finally:
        project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_somebody_elses_table_of_that_name_is_left_alone(project: Project) -> None:
    project.sql("CREATE TABLE medusa_migrations (id int, name text); INSERT INTO medusa_migrations VALUES (1, 'x')")
    project.table(1)
    for command in (["migrations_run", "--build"], ["migrations_show"]):
        assert "no history of medusa_migrations" in project.manage(*command).error()
    project.sql("TRUNCATE medusa_migrations")
    assert "no history of medusa_migrations" in project.run().error()
    assert project.tables() == set()


# What a run says to whom


def test_a_reader_that_has_gone_does_not_stop_a_run(project: Project) -> None:
    for number in (1, 2, 3):
        project.table(number)
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    assert run.stdout
    run.stdout.close()
    run.stdout = None
    _, stderr = run.communicate(timeout=30)
    assert (run.returncode, stderr) == (0, "")
    assert len(project.applied()) == 3


def test_a_terminal_without_unicode_does_not_stop_a_run(project: Project) -> None:
    project.write("blog.20240101000001_é".replace("é", "e"), "DO $$ BEGIN RAISE NOTICE 'é€'; END $$;")
    project.table(2)
    project.run("--verbosity", "2", env={"PYTHONIOENCODING": "ascii"}).ok()
    assert len(project.applied()) == 2


def test_a_signal_that_was_ignored_stays_ignored(project: Project) -> None:
    project.write("blog.20240101000001_slow", "SELECT pg_sleep(1);")
    project.manage("migrations_build").ok()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does for its command
    try:
        run = project.start("migrations_run")
    finally:
        signal.signal(signal.SIGHUP, before)
    project.wait_for(SLEEPING)
    run.send_signal(signal.SIGHUP)
    assert ended(run)[0] == 0


def test_verbosity_0_leaves_notes_out(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.table(2)
    outcome = project.manage("migrations_run", "--verbosity", "0").ok()
    assert (outcome.stdout, outcome.stderr) == ("", "")
