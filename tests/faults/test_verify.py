"""migrations_verify where something comes in between: signals, kills, others, a server in trouble."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.memory import temporary_folder
from tests.support.processes import ended
from tests.support.projects import ROOT, Project
from tests.support.servers import server_in, stop

POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")
SLOW = "blog.20240101000002_slow"
UNTIL_GO = "DO $$ BEGIN WHILE to_regclass('never') IS NULL LOOP PERFORM pg_sleep(0.05); END LOOP; END $$;"


@contextmanager
def in_the_middle(project: Project, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A proof whose first migration is proven and whose second one does not end; and its scratch database's name."""
    project.table(1)
    project.write(SLOW, f"CREATE TABLE half ();\n{UNTIL_GO}", "SELECT 1;")
    process = project.start("migrations_verify", *options)
    assert process.stdout
    try:
        name = process.stdout.readline().split()[1]
        project.wait_for(f"EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}' AND wait_event = 'PgSleep')")
        yield process, name
    finally:
        process.kill()
        process.communicate()


def is_there(project: Project, name: str) -> bool:
    found: bool = project.sql(f"SELECT EXISTS (SELECT FROM pg_database WHERE datname = '{name}')")[0][0]
    return found


def proven(project: Project) -> list[str]:
    return list(json.loads((project.folder / "dist/verified.json").read_text())["default"]["proven"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_signal_ends_it_and_leaves_no_scratch_and_what_was_proven(
    project: Project, number: signal.Signals, code: int
) -> None:
    with in_the_middle(project) as (process, name):
        process.send_signal(number)
        returned, _, stderr = ended(process)
        assert returned == code
        assert "Traceback" not in stderr
        assert stderr.count("CommandError") == 1
        assert f"Stopped by {number.name}. What was proven so far is kept" in stderr
        assert not is_there(project, name)
    assert proven(project) == ["blog.20240101000001_t1"]
    assert project.tables() == set()


def test_a_signal_ends_what_one_of_djangos_migrations_has_sent(project: Project) -> None:
    project.add_models("shop", "")
    project.add_django_migration("shop", "0001_initial", f'migrations.RunSQL("{UNTIL_GO}")')
    project.write("blog.20240101000001_a", "SELECT 1;", "SELECT 1;", header="-- migrate:depends shop.0001_initial\n")
    process = project.start("migrations_verify")
    assert process.stdout
    try:
        name = process.stdout.readline().split()[1]
        project.wait_for(f"EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}' AND wait_event = 'PgSleep')")
        process.send_signal(signal.SIGTERM)
        returned, _, stderr = ended(process)
    finally:
        process.kill()
    assert (returned, "Traceback" in stderr) == (1, False)
    assert "Stopped by SIGTERM. What was proven so far is kept" in stderr
    assert not is_there(project, name)


def test_a_signal_with_keep_says_what_is_kept(project: Project) -> None:
    with in_the_middle(project, "--keep") as (process, name):
        process.send_signal(signal.SIGINT)
        _, _, stderr = ended(process)
    try:
        assert f"The scratch database {name!r} is kept as it is. Drop it when you have looked." in stderr
        assert "gone" not in stderr
        assert is_there(project, name)
    finally:
        project.server.drop_database(name)


@pytest.mark.parametrize("keep", [(), ("--keep",)])
def test_a_signal_says_nothing_of_a_named_database_that_is_empty_again_and_else_what_is_kept(
    project: Project, keep: tuple[str, ...]
) -> None:
    name = f"{project.database}_scratch"
    project.server.create_database(name)
    try:
        with in_the_middle(project, "--scratch", name, *keep) as (process, _):
            process.send_signal(signal.SIGINT)
            _, _, stderr = ended(process)
        assert "gone" not in stderr
        assert (f"The scratch database {name!r} is kept as it is." in stderr) == bool(keep)
        assert project.server.execute("SELECT to_regclass('t1') IS NOT NULL", name) == [(bool(keep),)]
    finally:
        project.server.drop_database(name)


STOPPED_EARLY = """\
import os, signal
class Router:
    def allow_migrate(self, database, app, **hints):
        os.kill(os.getpid(), signal.SIGINT)
DATABASE_ROUTERS = [Router()]
"""


@pytest.mark.parametrize("command", ["migrations_verify", "migrations_lint"])
def test_a_signal_before_a_scratch_is_made_tells_of_none(project: Project, command: str) -> None:
    project.table(1)
    project.add_settings(STOPPED_EARLY)
    found = project.manage(command)
    assert found.code == 130
    assert "Stopped by SIGINT." in found.stderr
    assert "scratch" not in found.stderr
    assert "migrations_show" not in found.stderr
    assert ("is kept" in found.stderr) == (command == "migrations_verify")


def test_an_error_with_keep_says_what_is_kept(project: Project) -> None:
    project.write(SLOW, "DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$;")
    error = project.manage("migrations_verify", "--keep").error()
    name = scratch_of(error.replace("'", " "))
    assert f"The scratch database {name!r} is kept as it is." in error
    project.server.drop_database(name)


def compared_with(project: Project, body: str) -> None:
    """Have the comparison of the models do this, as it makes tables."""
    project.add_models("blog", "class T1(models.Model):\n    class Meta:\n        db_table = 't1'\n")
    project.write("blog.20240101000001_t1", "CREATE TABLE t1 (id bigint PRIMARY KEY);", "DROP TABLE t1;")
    project.write(
        "blog.20240101000002_trigger",
        f"CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;\n"
        "CREATE EVENT TRIGGER e ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION f();",
        "DROP EVENT TRIGGER e; DROP FUNCTION f();",
    )


def test_a_signal_ends_the_comparison_of_the_models(project: Project) -> None:
    compared_with(project, "LOOP PERFORM pg_sleep(0.05); END LOOP;")
    process = project.start("migrations_verify")
    try:
        project.wait_for(
            "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%pg_temp%' AND datname "
            f"LIKE 'medusa\\_verify\\_default\\_{process.pid}%')"
        )
        process.send_signal(signal.SIGINT)
        code, _, stderr = ended(process)
        assert code == 130, stderr
        assert "Stopped by SIGINT. What was proven so far is kept" in stderr
    finally:
        process.kill()
        process.communicate()


def test_a_connection_that_is_lost_is_no_difference_of_the_models(project: Project) -> None:
    compared_with(project, "PERFORM pg_terminate_backend(pg_backend_pid());")
    found = project.manage("migrations_verify", "--json")
    error = found.error()
    assert "terminat" in error
    assert "migrations_show" not in error
    assert "Run it again: it drops what this one has left" in error
    assert found.json["models"] == []


def test_what_the_comparison_refuses_is_a_difference_of_the_models(project: Project) -> None:
    project.table(1)
    project.add_models(
        "blog",
        "class Odd(models.TextField):\n    def db_type(self, connection): return 'odd'\n"
        "class T1(models.Model):\n    odd = Odd()\n",
    )
    found = project.manage("migrations_verify", "--json")
    assert "1 difference of the models" in found.error()
    assert 'type "odd" does not exist' in found.json["models"][0]


def test_what_a_killed_one_has_left_is_dropped_by_the_next(lone_project: Project) -> None:
    """On a server of its own: elsewhere the next one may be of another test."""
    with in_the_middle(lone_project) as (process, name):
        process.kill()
        process.wait()
    lone_project.wait_for(f"NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}')")
    assert is_there(lone_project, name)
    lone_project.write(SLOW, "SELECT 1;")
    lone_project.manage("migrations_verify").ok()
    assert not is_there(lone_project, name)


def test_two_at_once_do_not_meet(project: Project) -> None:
    for number in range(1, 5):
        project.table(number)
    both = [project.start("migrations_verify", "--all") for _ in range(2)]
    outcomes = [ended(one) for one in both]
    assert [code for code, _, _ in outcomes] == [0, 0], outcomes
    names = {stdout.split()[1] for _, stdout, _ in outcomes}
    assert len(names) == 2
    assert not any(is_there(project, name) for name in names)


def test_a_statement_that_was_cancelled_is_no_fault_of_the_migration(project: Project) -> None:
    project.write("blog.20240101000001_cancelled", "SELECT pg_cancel_backend(pg_backend_pid()); SELECT pg_sleep(30);")
    error = project.manage("migrations_verify").error()
    assert "blog.20240101000001_cancelled met what is not of its making" in error
    assert "57014" in error


def test_a_full_disk_is_the_servers_and_no_fault_of_the_migration(project: Project) -> None:
    project.table(1)
    raised = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left' USING ERRCODE = '53100'; END $$;"
    project.write("blog.20240101000002_full", raised)
    project.table(3)
    found = project.manage("migrations_verify", "--json")
    assert "blog.20240101000002_full met what is not of its making" in found.error()
    assert "53100" in found.json["error"]["message"]
    assert proven(project) == ["blog.20240101000001_t1"]
    assert not project.server.execute(f"SELECT FROM pg_database WHERE datname = '{scratch_of(found.stderr)}'")


def scratch_of(text: str) -> str:
    return next((word for word in text.split() if word.startswith("medusa_verify_")), "")


def test_a_live_database_is_not_compared_while_migrations_run_there(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.write(SLOW, UNTIL_GO)
    run = project.start("migrations_run", "--build")
    try:
        project.wait_for(
            "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')"
        )
        error = project.manage("migrations_verify", "--live").error()
        assert "are being run by pid" in error
        assert "Nothing was compared" in error
    finally:
        run.kill()
        run.communicate()


def test_the_live_database_is_not_written(project: Project) -> None:
    written = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
    flush = "SELECT pg_stat_clear_snapshot(); "
    project.table(1)
    project.run().ok()
    project.write("blog.20240101000002_row", "INSERT INTO t1 VALUES (1); CREATE TABLE more ();", "DROP TABLE more;")
    catalog = "SELECT array_agg(c ORDER BY c.oid) FROM (SELECT oid, xmin, relname FROM pg_class) c"
    project.wait_for("(SELECT sum(n_tup_ins) > 0 FROM pg_stat_user_tables)")
    before, objects = project.sql(flush + written), project.sql(catalog)
    project.manage("migrations_verify", "--live", "--rows").ok()
    assert project.sql(flush + written) == before
    assert project.sql(catalog) == objects
    assert project.sql("SELECT count(*) FROM t1") == [(0,)]


def test_a_user_who_may_only_read_can_look_for_drift(project: Project) -> None:
    project.table(1)
    project.run().ok()
    reader = f"reader_{project.database}"
    project.sql(f"CREATE ROLE {reader} LOGIN PASSWORD 'x'; GRANT SELECT ON medusa_migrations TO {reader}")
    project.add_settings(
        f"DATABASES['live'] = DATABASES['default'] | {{'USER': {reader!r}, 'PASSWORD': 'x'}}\n"
        "DATABASES['live']['HOST'] = DATABASES['default']['HOST']"
    )
    try:
        found = project.manage("migrations_verify", "--live", "live", "--json").ok().json
        assert (found["live"], found["faults"]) == ([], 0)
    finally:
        project.sql(f"DROP OWNED BY {reader}; DROP ROLE {reader}")


def test_an_extension_that_is_missing_or_not_ones_own_to_make_is_told_with_its_cure(project: Project) -> None:
    owner = f"owner_{project.database}"
    project.sql(f"CREATE ROLE {owner} LOGIN CREATEDB PASSWORD 'x'")
    project.add_settings(f"DATABASES['default'] |= {{'USER': {owner!r}, 'PASSWORD': 'x'}}")
    project.write("blog.20240101000001_missing", "CREATE EXTENSION no_such_extension;")
    project.write("blog.20240101000002_denied", "CREATE EXTENSION file_fdw;")
    try:
        out = project.manage("migrations_verify").stdout
        assert "Install that extension on the server" in out
        assert "Only a superuser may make it." in out
        assert "'TEMPLATE'" in out
    finally:
        project.sql(f"DROP ROLE {owner}")


@pytest.mark.skipif(not POSTGRESQL_15.exists(), reason="PostgreSQL 15 is not installed")
def test_a_live_database_of_another_major_version_is_not_compared(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    if project.server.execute("SHOW server_version_num")[0][0].startswith("15"):
        pytest.skip("the tests' server is the same")
    project.table(1)
    monkeypatch.setenv("EMBEDDED_POSTGRES_BIN", str(POSTGRESQL_15))
    with temporary_folder(ROOT) as name:
        old = server_in(Path(name) / "pg").parameters
        other = {key.upper(): str(value) for key, value in old.items()} | {"NAME": "postgres", "PASSWORD": ""}
        project.add_settings(f"DATABASES['old'] = DATABASES['default'] | {other!r}")
        project.manage("migrations_run", "--build", "--database", "old").ok()
        error = project.manage("migrations_verify", "--live", "old").error()
        stop(Path(name) / "pg")
    assert "The database 'old' is on PostgreSQL 15" in error
    assert "Name with --database an alias on a server of the same major version." in error
