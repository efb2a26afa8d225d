"""Two schemas at once, one schema twice, and a run of the whole database beside them, as real processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from medusa_migrations.database.keys import OF_DATABASE, SCHEMA_CLASS, WAITING, of_schema
from medusa_migrations.database.postgresql import LOCK_KEY, REACHED_KEY
from tests.support.fleets import build, history_of, make_fleet, on, run_on, tables
from tests.support.processes import ended, read_until, transaction
from tests.support.projects import BLOCKED, UNLOCKED, Project

SLOW = "blog.20240101000001_slow"

# A run of the whole database has told that it waits.
QUEUED = f"EXISTS (SELECT FROM pg_locks WHERE classid = {SCHEMA_CLASS} AND objid = {WAITING} AND objsubid = 2)"


def make_gated(project: Project, *schemas: str, option: str = "") -> None:
    """Each run waits in its migration until `gate`, which is public, is not locked any more."""
    make_fleet(project, *schemas)
    project.sql("CREATE TABLE gate ()")
    project.write(
        SLOW, "LOCK TABLE public.gate IN SHARE MODE;\nCREATE TABLE t (id int);", "DROP TABLE t;", option=option
    )
    build(project)


@contextmanager
def holding(project: Project, sql: str) -> Iterator[None]:
    """Another client, of an older version maybe, that holds a lock."""
    with closing(project.server.connect(project.database)) as connection:
        connection.cursor().execute(sql)
        yield


def waiting(number: int) -> str:
    return f"{number} = (SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass)"


def test_the_keys_are_each_others_none() -> None:
    assert len({SCHEMA_CLASS, REACHED_KEY}) == 2


def test_the_number_of_a_schema_is_that_of_its_key_as_the_server_has_it(project: Project) -> None:
    for oid in (1, 2**31 - 1, 2**31, 2**32 - 1):
        ((key,),) = project.sql(f"SELECT {oid}::bigint::oid::int4")
        assert f"({SCHEMA_CLASS}, {key})" in of_schema("t1", oid).take


@pytest.mark.smoke
def test_two_schemas_run_at_once_and_one_of_them_twice_waits(project: Project) -> None:
    make_gated(project, "t1", "t 2")
    with transaction(project, "LOCK TABLE gate"):
        runs = [project.start(*on(name, "migrations_run", "--lock-timeout", "60s")) for name in ("n0", "n1")]
        project.wait_for(waiting(2))
        message = run_on(project, "n1", "--lock-wait", "0").error()
        assert "Migrations of the target 'n1' (schema 't 2') are being run by pid" in message
        assert f":{runs[1].pid}" in message
        assert "in the schema 't 2'" in message
        again = project.start(*on("n0", "migrations_run"))
        assert f":{runs[0].pid}" in read_until(again, "Waiting up to")
    for run in (*runs, again):
        code, stdout, stderr = ended(run)
        assert code == 0, stderr
    assert "No migrations to apply." in stdout
    assert history_of(project, "t1") == history_of(project, "t 2") == [(SLOW, "applied")]
    assert project.locks() == 0


@pytest.mark.parametrize("stop", [False, True])
def test_two_schemas_with_one_transaction_for_all_each_know_how_far_they_are(project: Project, stop: bool) -> None:
    make_fleet(project, "t1", "t2")
    project.sql("CREATE TABLE gate ()")
    slow = "blog.20240101000002_slow"
    project.table(1)
    project.write(slow, "LOCK TABLE public.gate IN SHARE MODE;")
    project.table(3)
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        runs = [
            project.start(*on(name, "migrations_run", "--transaction", "all", "--lock-timeout", "60s"))
            for name in ("n0", "n1")
        ]
        project.wait_for(waiting(2))
        for run in runs if stop else ():
            run.send_signal(signal.SIGTERM)
            assert f"{slow} was stopped. Everything was rolled back" in ended(run)[2]
    for run in () if stop else runs:
        code, _, stderr = ended(run)
        assert (code, stderr) == (0, "")
    project.wait_for(UNLOCKED)  # those of the way through the migrations go with their session


def test_the_whole_database_waits_for_its_schemas_and_they_for_it(project: Project) -> None:
    make_gated(project, "t1", "t2")
    with transaction(project, "LOCK TABLE gate"):
        tenant = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(waiting(1))
        message = project.manage("migrations_run", "--lock-wait", "0").error()
        assert "Migrations of the database 'default' are being run by pid" in message
        assert "in the schema 't1'" in message
        whole = project.start("migrations_run", "--lock-timeout", "60s")
        assert "in the schema 't1'" in read_until(whole, "Waiting up to")
        project.wait_for(QUEUED)
        message = run_on(project, "n1", "--lock-wait", "0").error()
        assert f":{whole.pid}" in message
        assert "it waits for the whole database" in message
        late = project.start(*on("n1", "migrations_run"))
        assert "it waits for the whole database" in read_until(late, "Waiting up to")
    assert [ended(run)[0] for run in (tenant, whole, late)] == [0, 0, 0]
    assert project.history() == history_of(project, "t1") == history_of(project, "t2") == [(SLOW, "applied")]
    at = [project.sql(f"SELECT applied_at FROM {one}.medusa_migrations")[0][0] for one in ("t1", "public", "t2")]
    assert at == sorted(at)
    assert project.locks() == 0


def test_while_the_whole_database_is_at_work_no_schema_is(project: Project) -> None:
    make_gated(project, "t1")
    with transaction(project, "LOCK TABLE gate"):
        whole = project.start("migrations_run", "--lock-timeout", "60s")
        project.wait_for(waiting(1))
        message = run_on(project, "n0", "--lock-wait", "0").error()
        assert f":{whole.pid}" in message
    assert ended(whole)[0] == 0
    run_on(project, "n0").ok()


def test_versions_that_know_of_no_fleets_exclude_all(project: Project) -> None:
    make_fleet(project, "t1")
    project.table(1)
    build(project)
    with holding(project, f"SELECT pg_try_advisory_lock({LOCK_KEY})"):
        assert "are being run by pid" in run_on(project, "n0", "--lock-wait", "0").error()
    assert tables(project, "t1") == set()
    run_on(project, "n0").ok()


def test_who_waits_for_the_whole_database_and_is_killed_holds_up_nobody(project: Project) -> None:
    make_gated(project, "t1", "t2")
    with transaction(project, "LOCK TABLE gate"):
        tenant = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(waiting(1))
        whole = project.start("migrations_run")
        project.wait_for(QUEUED)
        whole.send_signal(signal.SIGKILL)
        whole.communicate()
        project.wait_for(f"NOT {QUEUED}")
        other = project.start(*on("n1", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(waiting(2))
    assert [ended(run)[0] for run in (tenant, other)] == [0, 0]


def test_two_that_wait_for_the_whole_database_both_get_it(project: Project) -> None:
    make_gated(project, "t1")
    with transaction(project, "LOCK TABLE gate"):
        tenant = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(waiting(1))
        both = [project.start("migrations_run") for _ in range(2)]
        for one in both:
            read_until(one, "Waiting up to")
    assert [ended(run)[0] for run in (tenant, *both)] == [0, 0, 0]
    assert project.locks() == 0


@pytest.mark.parametrize("option", ["", " transaction:false"])
def test_a_killed_run_of_a_schema_leaves_no_lock_and_the_next_goes_on(project: Project, option: str) -> None:
    make_fleet(project, "t1")
    project.sql("CREATE TABLE gate ()")
    project.write(SLOW, "CREATE TABLE t (id int);\nSELECT FROM public.gate;\nCREATE TABLE u (id int);", option=option)
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        run = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(BLOCKED)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        project.wait_for(UNLOCKED)  # the server has noticed
    assert history_of(project, "t1") == ([(SLOW, "running")] if option else [])
    run_on(project, "n0").ok()
    assert history_of(project, "t1") == [(SLOW, "applied")]
    assert tables(project, "t1") >= {"t", "u"}


@pytest.mark.parametrize("mode", ["each", "all"])
def test_a_migration_that_frees_the_lock_is_rolled_back(project: Project, mode: str) -> None:
    make_fleet(project, "t1")
    for sql in ("pg_advisory_unlock_all()", f"pg_advisory_unlock_shared({LOCK_KEY})"):
        project.write("blog.20240101000001_frees", f"CREATE TABLE t (id int); SELECT {sql}, {sql};")
        build(project)
        message = run_on(project, "n0", "--transaction", mode).error()
        assert "the run lock was freed" in message
        assert tables(project, "t1") == {"medusa_migrations", "medusa_migrations_log"}


@pytest.mark.parametrize("mode", ["each", "all"])
def test_a_schema_that_is_made_again_during_a_run_is_another(project: Project, mode: str) -> None:
    """What is left of the run would be written into the new one, beside a run that has begun there."""
    make_fleet(project, "t1", search_path=["{schema}", "public"])
    project.sql("CREATE TABLE gate ()")
    project.write(SLOW, "LOCK TABLE public.gate IN SHARE MODE; CREATE TABLE t (id int);")
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        run = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s", "--transaction", mode))
        project.wait_for(waiting(1))
        project.sql("DROP SCHEMA t1 CASCADE; CREATE SCHEMA t1")
    code, _, stderr = ended(run)
    assert code == 1
    assert "Traceback" not in stderr
    assert tables(project, "t1") == set()
    assert tables(project, "public") == {"gate"}
    run_on(project, "n0").ok()
    assert history_of(project, "t1") == [(SLOW, "applied")]


def test_a_schema_that_was_made_again_with_a_history_is_another_too(project: Project) -> None:
    make_fleet(project, "t1")
    project.sql("CREATE TABLE gate ()")
    project.write(SLOW, "LOCK TABLE public.gate IN SHARE MODE; CREATE TABLE t (id int);")
    project.table(0)
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        run = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(waiting(1))
        project.sql("DROP SCHEMA t1 CASCADE; CREATE SCHEMA t1")
        run_on(project, "n0", "--to", "blog.20240101000000_t0").ok()
    code, _, stderr = ended(run)
    assert code == 1
    assert "the schema is another" in stderr
    assert "The schema of the target was dropped or renamed meanwhile" in stderr
    assert history_of(project, "t1") == [("blog.20240101000000_t0", "applied")]


def test_who_looks_at_a_schema_sees_that_it_is_being_run(project: Project) -> None:
    make_fleet(project, "t1", "t2")
    project.sql("CREATE TABLE gate ()")
    project.write(SLOW, "SELECT 1;\nSELECT FROM public.gate;", option=" transaction:false")
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        run = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(BLOCKED)
        assert "running now" in project.manage(*on("n0", "migrations_show")).ok().stdout
        assert "running now" not in project.manage(*on("n1", "migrations_show")).ok().stdout
        assert "running now" not in project.manage("migrations_show").ok().stdout
    assert ended(run)[0] == 0


def test_two_names_of_one_place_that_cannot_be_seen_to_be_one_exclude_each_other(project: Project) -> None:
    make_fleet(project, "t1")
    host = project.server.parameters.get("host", "")
    project.settings["FLEETS"]["tenants"]["TARGETS"].append({"name": "b", "schema": "t1", "settings": {"HOST": host}})
    project.configure()
    project.sql("CREATE TABLE gate ()")
    project.write(SLOW, "LOCK TABLE public.gate IN SHARE MODE;")
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        run = project.start(*on("n0", "migrations_run", "--lock-timeout", "60s"))
        project.wait_for(waiting(1))
        assert (
            "Migrations of the target 'b' (schema 't1') are being run by pid"
            in run_on(project, "b", "--lock-wait", "0").error()
        )
    assert ended(run)[0] == 0
    assert "No migrations to apply." in run_on(project, "b").ok().stdout


def test_no_lock_is_left_by_who_did_not_get_it(project: Project) -> None:
    make_fleet(project, "t1")
    with holding(project, OF_DATABASE.take):
        project.table(1)
        build(project)
        run_on(project, "n0", "--lock-wait", "0").error()
        project.wait_for(f"NOT EXISTS (SELECT FROM pg_locks WHERE classid = {SCHEMA_CLASS} AND objsubid = 2)")
