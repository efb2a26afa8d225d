"""A long run with a transaction for each: migrations that share a message, and all that holds as if they did not."""

from __future__ import annotations

import json
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from medusa_migrations.run.several import FILES, MANY
from tests.support.processes import ended, read_until, transaction
from tests.support.projects import BLOCKED, SLEEPING, Project
from tests.support.servers import server_in, stop

COUNT = MANY + 7
WRONG = 3 * FILES + 4


@pytest.fixture
def many(project: Project) -> list[str]:
    return write_many(project)


def write_many(project: Project) -> list[str]:
    return [project.table(number // 60 * 100 + number % 60) for number in range(COUNT)]  # as minutes and seconds


def transactions(project: Project) -> int:
    """How many transactions have added the rows of the history."""
    return int(project.sql("SELECT count(DISTINCT xmin::text) FROM medusa_migrations")[0][0])


@pytest.mark.smoke
def test_all_are_applied_in_their_order_each_in_its_transaction(project: Project, many: list[str]) -> None:
    outcome = project.run("--json").ok()
    assert [(one["id"], one["status"]) for one in outcome.json["migrations"]] == [(id_, "applied") for id_ in many]
    assert project.applied() == many
    assert transactions(project) == COUNT
    times = project.sql("SELECT applied_at, duration_ms FROM medusa_migrations ORDER BY id")
    assert all(before <= after for (before, _), (after, _) in pairwise(times))
    assert all(0 <= milliseconds < 5000 for _, milliseconds in times)
    assert project.sql("SELECT name, checksum, action FROM medusa_migrations_log ORDER BY id") == project.sql(
        "SELECT name, checksum, 'applied' FROM medusa_migrations ORDER BY id"
    )
    assert project.locks() == 0


def test_the_time_of_each_is_its_own(project: Project, many: list[str]) -> None:
    slow = many[WRONG]
    project.write(slow, "SELECT pg_sleep(0.4);")
    outcome = project.run("--json").ok()
    assert longest(project, "medusa_migrations") == slow
    assert longest(project, "medusa_migrations_log") == slow
    assert max(outcome.json["migrations"], key=lambda one: one["duration_ms"])["id"] == slow


def longest(project: Project, table: str, condition: str = "true") -> str:
    """The id of what took the longest, as a table has it."""
    ids = f"SELECT app || '.' || name FROM {table} WHERE {condition} ORDER BY duration_ms DESC LIMIT 1"
    return str(project.sql(ids)[0][0])


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("wrong", "column", "state"),
    [("SELECT nothing;", 8, "42703"), ("SELECT 1 1;", 10, "42601"), ("SELECT 1/(SELECT 0);", None, "22012")],
    ids=["as it is planned", "as the message is parsed", "as it runs"],
)
def test_one_that_fails_is_told_with_its_place_and_those_before_it_stay(
    project: Project, many: list[str], wrong: str, column: int | None, state: str
) -> None:
    project.write(many[WRONG], f"SELECT 1;\n{wrong}")
    outcome = project.run("--json")
    assert outcome.code == 1
    error = outcome.json["error"]
    assert (error["id"], error["line"], error["column"], error["sqlstate"]) == (
        many[WRONG],
        3 if column else None,
        column,
        state,
    )
    assert [(one["id"], one["status"]) for one in outcome.json["migrations"]] == [
        *((id_, "applied") for id_ in many[:WRONG]),
        (many[WRONG], "failed"),
    ]
    assert project.applied() == many[:WRONG]
    assert len(project.tables()) == WRONG
    project.write(many[WRONG], "SELECT 1;")
    project.run().ok()
    assert project.applied() == many


@pytest.mark.smoke
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_one_that_is_stopped_is_told_and_those_before_it_stay(project: Project, many: list[str], name: str) -> None:
    project.write(many[WRONG], "SELECT pg_sleep(60);")
    process = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    process.send_signal(getattr(signal, name))
    stdout, stderr = process.communicate(timeout=30)
    assert f"{many[WRONG]} was stopped. It was rolled back. Applied before: {', '.join(many[:WRONG])}." in stderr
    assert f"Applying {many[WRONG - 1]}... OK" in stdout
    assert f"Applying {many[WRONG]}... FAILED" in stdout
    assert many[WRONG + 1] not in stdout
    assert project.applied() == many[:WRONG]
    assert project.locks() == 0


def test_one_that_is_stopped_does_not_wait_for_who_has_locked_the_journal(project: Project, many: list[str]) -> None:
    project.run("--to", many[0]).ok()
    with transaction(project, "LOCK TABLE medusa_migrations_log") as other:
        run = project.start("migrations_run")
        project.wait_for(BLOCKED)
        run.send_signal(signal.SIGINT)
        _, _, stderr = ended(run)
        other.rollback()
    assert f"It is not known here which of these are done: {', '.join(many[1 : FILES + 1])}." in stderr
    assert project.applied() == many[:1]


def test_all_are_reverted_in_their_order_each_in_its_transaction(project: Project, many: list[str]) -> None:
    project.write(many[-WRONG], "SELECT 1;", "SELECT pg_sleep(0.4);")
    project.run().ok()
    outcome = project.manage("migrations_revert", "--all", "--json").ok()
    assert [one["id"] for one in outcome.json["migrations"]] == many[::-1]
    logged = project.sql("SELECT app || '.' || name, xmin::text FROM medusa_migrations_log WHERE action = 'reverted'")
    assert [id_ for id_, _ in logged] == many[::-1]
    assert longest(project, "medusa_migrations_log", "action = 'reverted'") == many[-WRONG]
    assert max(outcome.json["migrations"], key=lambda one: one["duration_ms"])["id"] == many[-WRONG]
    assert len({transaction for _, transaction in logged}) == COUNT
    assert project.tables() == set()
    assert project.history() == []


@pytest.mark.parametrize("command", ["migrations_run", "migrations_revert"])
def test_a_long_journal_is_not_read_from_its_beginning_for_each_message(
    project: Project, many: list[str], command: str
) -> None:
    project.run().ok()
    if command == "migrations_run":
        project.manage("migrations_revert", "--all").ok()
    columns = "at, action, app, name, checksum, applied_by, database_user, process, release, database, sqlstate"
    project.sql(
        f"INSERT INTO medusa_migrations_log (run, message, {columns}) SELECT gen_random_uuid(), '', {columns}"
        " FROM medusa_migrations_log, generate_series(1, 50)"
    )
    all_is_counted = "n_tup_ins = pg_sequence_last_value('medusa_migrations_log_id_seq')"
    statistics = "FROM pg_stat_user_tables WHERE relname = 'medusa_migrations_log'"
    project.wait_for(f"EXISTS (SELECT {statistics} AND {all_is_counted})")
    before = project.sql(f"SELECT n_tup_ins, seq_tup_read {statistics}")[0]
    project.manage(command, *(["--all"] if command == "migrations_revert" else [])).ok()
    project.wait_for(f"EXISTS (SELECT {statistics} AND {all_is_counted} AND n_tup_ins > {before[0]})")
    assert project.sql(f"SELECT n_tup_ins, seq_tup_read {statistics}") == [(before[0] + COUNT, before[1])]


def test_one_that_cannot_be_reverted_is_told_and_those_before_it_are_gone(project: Project, many: list[str]) -> None:
    project.write(many[-WRONG], "SELECT 1;", "SELECT 1;\nSELECT nothing;")
    project.run().ok()
    outcome = project.manage("migrations_revert", "--all", "--json")
    error = outcome.json["error"]
    assert (error["id"], error["line"], error["column"], error["sqlstate"]) == (many[-WRONG], 5, 8, "42703")
    assert [one["status"] for one in outcome.json["migrations"]] == ["reverted"] * (WRONG - 1) + ["failed"]
    assert project.applied() == many[: COUNT - WRONG + 1]


@pytest.mark.parametrize("is_revert", [False, True], ids=["a run", "a revert"])
def test_which_one_is_under_way_is_seen(project: Project, many: list[str], is_revert: bool) -> None:
    project.write(many[WRONG], "" if is_revert else "SELECT pg_sleep(60);", "SELECT pg_sleep(60);")
    if is_revert:
        project.run().ok()
    process = project.start(*(["migrations_revert", "--all"] if is_revert else ["migrations_run", "--build"]))
    project.wait_for(SLEEPING)
    shown = {one["id"]: one["state"] for one in project.manage("migrations_show", "--json").ok().json["migrations"]}
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert shown == dict.fromkeys(many[:WRONG], "applied") | {many[WRONG]: "running"} | dict.fromkeys(
        many[WRONG + 1 :], "pending"
    )


def test_what_a_killed_run_has_done_is_known_to_the_next(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "SELECT pg_sleep(60);")
    process = project.start("migrations_run", "--build")
    project.wait_for(SLEEPING)
    process.kill()
    process.communicate()
    project.write(many[WRONG], "SELECT 1;")
    project.run().ok()
    assert project.applied() == many


def test_a_connection_that_is_lost_leaves_open_which_of_them_are_applied(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "SELECT pg_terminate_backend(pg_backend_pid());")
    outcome = project.run()
    said = outcome.error()
    sent = many[WRONG // FILES * FILES :][:FILES]
    assert [line.split()[1] for line in outcome.stdout.splitlines() if line.endswith("FAILED")] == [f"{sent[0]}..."]
    assert f"{sent[0]} failed (up): " in said
    assert f"It is not known here which of these are done: {', '.join(sent)}." in said
    assert "To find out, run migrations_run again: it looks into the history first." in said
    assert project.applied() == many[:WRONG]
    project.write(many[WRONG], "SELECT 1;")
    project.run().ok()
    assert project.applied() == many


@pytest.fixture
def lazy(lone_project: Project) -> Project:
    """A project on a server that writes what no COMMIT waits for much later."""
    lone_project.sql("ALTER SYSTEM SET wal_writer_delay = '10s'")
    lone_project.sql("SELECT pg_reload_conf()")
    return lone_project


def test_a_server_that_crashes_has_all_that_was_told_and_nothing_by_halves(lazy: Project, lone_folder: Path) -> None:
    many = write_many(lazy)
    lazy.write(many[WRONG], "SELECT pg_sleep(60);")
    process = lazy.start("migrations_run", "--build")
    lazy.wait_for(SLEEPING)
    stop(lone_folder, signal.SIGQUIT)
    stdout, stderr = process.communicate(timeout=30)
    assert "It is not known here which of these are done" in stderr
    server_in(lone_folder)
    applied = lazy.applied()
    told = [id_ for id_ in many if f"Applying {id_}... OK" in stdout]
    assert told == many[: WRONG // FILES * FILES]
    assert applied == many[: len(applied)]
    assert len(told) <= len(applied) <= WRONG
    assert len(lazy.tables()) == len(applied)
    lazy.write(many[WRONG], "SELECT 1;")
    lazy.run().ok()
    assert lazy.applied() == many


def test_a_server_that_crashes_before_one_is_tried_again_has_those_before_it(lazy: Project, lone_folder: Path) -> None:
    many = write_many(lazy)
    lazy.sql("CREATE TABLE held (id int)")
    lazy.write(many[WRONG], "ALTER TABLE held ADD COLUMN more int;")
    lazy.manage("migrations_build").ok()
    with transaction(lazy, "SELECT * FROM held"):
        run = lazy.start("migrations_run", "--lock-timeout", "200ms", "--retries", "9")
        read_until(run, f"{many[WRONG]} was rolled back")
        stop(lone_folder, signal.SIGQUIT)
        stdout, _ = run.communicate(timeout=30)
    server_in(lone_folder)
    told = [id_ for id_ in many if f"Applying {id_}... OK" in stdout]
    assert lazy.applied() == told == many[:WRONG]


def test_those_before_one_that_fails_are_told_when_a_standby_has_them(lone_project: Project) -> None:
    many = write_many(lone_project)
    lone_project.write(many[5], "SELECT nothing;")
    lone_project.sql("ALTER ROLE postgres SET synchronous_commit = local")
    expect_standby(lone_project, "nobody")
    lone_project.run("--to", many[0]).ok()
    database = json.loads(lone_project.environment()["TEST_DATABASE"])
    waits = {"OPTIONS": {"options": "-c synchronous_commit=on"}}
    run = lone_project.start("migrations_run", env={"TEST_DATABASE": json.dumps(database | waits)})
    lone_project.wait_for("EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')")
    expect_standby(lone_project, "")
    assert f"{many[5]} failed (up): " in ended(run)[2]
    assert lone_project.applied() == many[:5]


def expect_standby(project: Project, name: str) -> None:
    project.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    project.sql("SELECT pg_reload_conf()")


def test_a_user_that_may_not_read_the_journal_sends_one_by_one(project: Project, many: list[str]) -> None:
    role = f"writer_{project.database}"
    project.run("--to", many[0]).ok()
    project.sql(
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT CREATE ON SCHEMA public TO {role};"
        f" GRANT SELECT, INSERT, UPDATE, DELETE ON medusa_migrations TO {role};"
        f" GRANT INSERT ON medusa_migrations_log TO {role}"
    )
    try:
        database = json.loads(project.environment()["TEST_DATABASE"]) | {"USER": role, "PASSWORD": "x"}
        project.run(env={"TEST_DATABASE": json.dumps(database)}).ok()
        assert project.applied() == many
    finally:
        project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_what_waits_for_a_lock_is_tried_again(project: Project, many: list[str]) -> None:
    project.sql("CREATE TABLE held (id int)")
    project.write(many[WRONG], "ALTER TABLE held ADD COLUMN more int;")
    project.manage("migrations_build").ok()
    with transaction(project, "SELECT * FROM held") as other:
        run = project.start("migrations_run", "--lock-timeout", "200ms", "--retries", "9")
        read_until(run, f"{many[WRONG]} was rolled back")
        other.rollback()
        code, _, stderr = ended(run)
    assert code == 0, stderr
    assert project.applied() == many


@pytest.mark.parametrize("retries", [0, 1])
def test_what_waits_for_a_lock_is_tried_no_more_often_than_was_asked_for(
    project: Project, many: list[str], retries: int
) -> None:
    project.sql("CREATE TABLE held (id int); CREATE SEQUENCE tries")
    project.write(many[WRONG], "SELECT nextval('tries'); ALTER TABLE held ADD COLUMN more int;")
    with transaction(project, "SELECT * FROM held"):
        said = project.run("--lock-timeout", "100ms", "--retries", str(retries)).error()
    assert f"{many[WRONG]} failed (up): " in said
    assert project.sql("SELECT last_value FROM tries") == [(retries + 1,)]
    assert project.applied() == many[:WRONG]


def test_one_that_frees_the_run_lock_is_told(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "SELECT pg_advisory_unlock_all();")
    outcome = project.run()
    assert f"{many[WRONG]} failed (up): " in outcome.error()
    assert project.applied() == many[:WRONG]
    assert [one.split("...")[0] for one in outcome.stdout.split("Applying ")[1:]] == many[: WRONG + 1]


@pytest.mark.parametrize("table", ["medusa_migrations", "medusa_migrations_log"])
def test_what_is_done_is_not_sent_again_where_the_record_of_it_is_gone(
    project: Project, many: list[str], table: str
) -> None:
    project.write(many[WRONG - 1], f"DELETE FROM {table};")
    project.write(many[WRONG + 1], "SELECT nothing;")
    assert f"{many[WRONG + 1]} failed (up): " in project.run().error()


def test_what_cannot_share_a_message_goes_in_its_place(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "CREATE INDEX CONCURRENTLY i ON t3 (id);", None, option=" transaction:false")
    project.write(many[WRONG + 2], "COPY t1 (id) FROM stdin;\n1\n2\n\\.")
    project.run().ok()
    assert project.applied() == many
    assert project.sql("SELECT count(*) FROM t1") == [(2,)]


def test_what_one_sets_reaches_no_other(project: Project, many: list[str]) -> None:
    project.write(many[WRONG], "SET search_path TO pg_catalog; SET statement_timeout = '1ms'; SET ROLE pg_monitor;")
    project.run().ok()
    assert len(project.tables()) == COUNT - 1


def test_a_deferred_check_is_made_before_the_next_begins(project: Project, many: list[str]) -> None:
    project.write(
        many[WRONG],
        "CREATE TABLE p (id int PRIMARY KEY);"
        " CREATE TABLE c (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (1);",
    )
    assert f"{many[WRONG]} failed (up): " in project.run().error()
    assert project.applied() == many[:WRONG]


def test_only_the_history_of_many_is_written(project: Project, many: list[str]) -> None:
    project.run("--fake").ok()
    assert project.applied() == many
    assert project.tables() == set()
    assert project.sql("SELECT DISTINCT action, duration_ms FROM medusa_migrations_log") == [("faked", None)]
