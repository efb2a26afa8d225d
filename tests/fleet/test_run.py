"""A run of a fleet in a process of its own: canary, budget, resume, and what comes and goes meanwhile."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing
from typing import Any

import pytest

from tests.fleet.test_schemas import NAMES
from tests.support.fleets import build, histories, make_fleet, run_on, tables
from tests.support.network import Proxy
from tests.support.projects import UNTIL_GO, Outcome, Project

QUERY = {"TARGETS": {"SQL": "SELECT nspname AS schema FROM pg_namespace WHERE nspname ~ '^s[0-9]+$' ORDER BY nspname"}}

SLEEPERS = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"


def fleet(project: Project, count: int, **others: Any) -> list[str]:
    """Schemas, as a query gives them; the names of the targets."""
    names = [f"s{number:03}" for number in range(count)]
    project.sql("".join(f"CREATE SCHEMA {name};" for name in names))
    keys = {name.upper(): value for name, value in others.items()}
    project.configure(FLEETS={"tenants": QUERY | keys})
    return names


def run(project: Project, *arguments: str, **options: Any) -> Outcome:
    return project.manage("migrations_fleet", "run", *arguments, **options)


def end(process: subprocess.Popen[str], seconds: float = 60) -> Outcome:
    stdout, stderr = process.communicate(timeout=seconds)
    return Outcome(process.returncode, stdout, stderr)


def with_table(project: Project, table: str) -> set[str]:
    """The schemas that have it."""
    found = project.sql(f"SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = '{table}'")
    return {name for (name,) in found}


def with_history(project: Project) -> set[str]:
    return with_table(project, "medusa_migrations")


def counted(project: Project, number: int, more: str = "") -> str:
    """A migration whose statement adds a row to public.counter for the schema that it runs in; gives its id."""
    id_ = f"blog.2024010100{number:04d}_c{number}"
    up = f"CREATE TABLE c{number} (); {more} INSERT INTO public.counter VALUES (current_schema(), {number});"
    project.write(id_, up, f"DROP TABLE c{number};")
    return id_


def written(project: Project) -> list[tuple[Any, ...]]:
    """How many rows of tables were ever written in the database, and how many things there are in it."""
    rows = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
    return project.sql(f"SELECT ({rows}), (SELECT count(*) FROM pg_class), (SELECT count(*) FROM medusa_fleet_runs)")


def states(project: Project) -> dict[str, int]:
    return dict(project.sql("SELECT state, count(*)::int FROM medusa_fleet_targets GROUP BY 1"))


def runs(project: Project) -> list[tuple[Any, ...]]:
    return project.sql("SELECT id, direction, outcome, ended_at IS NOT NULL FROM medusa_fleet_runs ORDER BY id")


def test_all_targets_get_all_migrations_and_the_ledger_tells(project: Project) -> None:
    names = fleet(project, 20, canary=1)
    ids = [project.table(1), project.table(2)]
    build(project)
    outcome = run(project, "--json").ok().json
    assert outcome["counts"] == {"targets": 20, "current": 0, "done": 20, "failed": 0, "not_reached": 0}
    assert (outcome["run"], outcome["outcome"], outcome["errors"]) == (1, "complete", [])
    assert [one["name"] for one in outcome["targets"]] == names
    assert all(one["applied"] == ids and one["attempt"] == 1 for one in outcome["targets"])
    assert histories(project, names) == [[(id_, "applied") for id_ in ids]] * 20
    assert states(project) == {"done": 20}
    assert runs(project) == [(1, "up", "complete", True)]
    both = "SELECT run FROM s001.medusa_migrations UNION SELECT run FROM s009.medusa_migrations"
    assert project.sql(f"SELECT count(DISTINCT run) FROM ({both}) r") == [(1,)]
    assert "1  tenants  up  complete" in project.manage("migrations_fleet", "runs").ok().stdout
    assert "[done] s003: 2 migrations of 2" in project.manage("migrations_fleet", "show", "1").ok().stdout
    assert project.manage("migrations_fleet", "show", "1", "--json").ok().json["targets"][0]["applied"] == ids


def test_what_has_nothing_to_do_says_so_and_writes_nothing(project: Project) -> None:
    fleet(project, 8)
    project.table(1)
    build(project)
    assert "s004: applied 1 migration" in run(project).ok().stdout
    before = written(project)
    assert "Nothing to do: 8 targets of tenants: 8 had nothing to do." in run(project).ok().stdout
    assert written(project) == before
    project.add_settings("DATABASES['default']['OPTIONS'] = {'options': '-c default_transaction_read_only=on'}")
    assert "Nothing to do" in run(project).ok().stdout


def test_a_canary_that_fails_leaves_all_others_untouched(project: Project) -> None:
    fleet(project, 20)
    project.sql("CREATE TABLE s000.t1 ()")
    project.table(1)
    build(project)
    message = run(project, "--canary", "1").error()
    assert 'relation "t1" already exists' in message
    assert "The canary failed, so nothing else was begun." in message
    assert "19 not reached" in message
    assert with_history(project) == {"s000"}
    assert runs(project) == [(1, "up", "canary_failed", True)]
    project.sql("DROP TABLE s000.t1")
    assert "20 done" in run(project, "--canary", "1").ok().stdout


def test_with_a_budget_the_rest_goes_on_and_the_errors_are_one(project: Project) -> None:
    broken = ("s007", "s011", "s030")
    whole = [name for name in fleet(project, 40, max_failures=3) if name not in broken]
    project.sql("".join(f"CREATE TABLE {name}.kept (id int);" for name in whole))
    project.table(1)
    id_ = "blog.20240101000002_t2"
    project.write(id_, "CREATE TABLE t2 (id int);\nINSERT INTO t2 SELECT id FROM kept;")
    build(project)
    outcome = run(project, "--json")
    assert outcome.code == 1
    assert outcome.json["outcome"] == "incomplete"
    assert outcome.json["counts"] == {"targets": 40, "current": 0, "done": 37, "failed": 3, "not_reached": 0}
    (error,) = outcome.json["errors"]
    assert error["targets"] == ["s007", "s011", "s030"]
    assert (error["migration"], error["sqlstate"], error["line"]) == (id_, "42P01", 3)
    assert error["file"] == project.source(id_)
    assert project.manage("migrations_fleet", "show", "1", "--failed").ok().stdout == "s007\ns011\ns030\n"
    message = run(project, "--max-failures", "3").error()
    assert message.count(f"{project.source(id_)}:3") == 1
    assert "3 targets failed: s007, s011, s030" in message
    project.sql("".join(f"CREATE TABLE {name}.kept (id int);" for name in broken))
    (project.folder / "names").write_text("s007\ns011\n")
    assert "2 targets of tenants: 2 done." in run(project, "--only", "@names").ok().stdout
    assert "40 targets of tenants: 1 done, 39 had nothing to do." in run(project).ok().stdout


def test_without_a_budget_the_first_failure_lets_nothing_new_begin(project: Project) -> None:
    fleet(project, 60, jobs=4)
    project.sql("CREATE TABLE s002.t1 ()")
    project.table(1)
    build(project)
    outcome = run(project, "--json").json
    assert outcome["outcome"] == "budget_spent"
    assert outcome["counts"]["failed"] == 1
    assert outcome["counts"]["not_reached"] >= 60 - 4 - 3 - 4
    assert runs(project) == [(1, "up", "budget_spent", True)]


def test_what_no_run_may_go_on_with_fails_before_anything_is_begun(project: Project) -> None:
    fleet(project, 10)
    id_ = project.table(1)
    build(project)
    run_on(project, "s003").ok()
    project.sql("UPDATE s003.medusa_migrations SET checksum = 'another'")
    message = run(project).error()
    assert f"{id_} was applied" in message or id_ in message
    assert "9 not reached" in message
    assert with_history(project) == {"s003"}
    assert "9 done, 1 failed" in run(project, "--max-failures", "10%").error()


def test_a_killed_run_is_resumed_and_no_statement_is_sent_twice(project: Project) -> None:
    names = fleet(project, 40, jobs=4, canary=2)
    project.sql("CREATE TABLE public.counter (schema text, number int)")
    for number in (1, 2, 3):
        counted(project, number)
    build(project)
    for done in (5, 30, 70, 100):
        process = project.start("migrations_fleet", "run")
        project.wait_for(f"(SELECT count(*) >= {done} FROM counter)")
        process.kill()
        process.communicate()
    outcome = run(project).ok()
    assert "Going on with run 1" in outcome.stderr
    assert project.sql("SELECT schema, number, count(*) FROM counter GROUP BY 1, 2 HAVING count(*) <> 1") == []
    assert project.sql("SELECT count(*) FROM counter") == [(3 * len(names),)]
    assert runs(project) == [(1, "up", "complete", True)]
    assert states(project) == {"done": 40}


def test_an_unfinished_run_is_not_gone_on_with_by_another_build_or_with_other_options(project: Project) -> None:
    fleet(project, 6, jobs=1)
    project.sql("CREATE TABLE public.counter (schema text, number int)")
    counted(project, 1, "SELECT pg_sleep(0.3);")
    build(project)
    process = project.start("migrations_fleet", "run")
    project.wait_for("(SELECT count(*) >= 2 FROM counter)")
    process.kill()
    process.communicate()
    assert 'only was null, and is ["s00*"]' in run(project, "--only", "s00*").error()
    counted(project, 2)
    build(project)
    assert "the build was" in run(project).error()
    assert "6 done" in run(project, "--new").ok().stdout
    assert runs(project) == [(1, "up", "incomplete", True), (2, "up", "complete", True)]
    assert project.sql("SELECT schema, number, count(*) FROM counter GROUP BY 1, 2 HAVING count(*) <> 1") == []


def test_two_runs_at_once_come_to_the_same_end(project: Project) -> None:
    fleet(project, 30, jobs=4)
    project.sql("CREATE TABLE public.counter (schema text, number int)")
    counted(project, 1, "SELECT pg_sleep(0.05);")
    counted(project, 2)
    build(project)
    processes = [project.start("migrations_fleet", "run") for _ in range(2)]
    for process in processes:
        end(process).ok()
    assert project.sql("SELECT schema, number, count(*) FROM counter GROUP BY 1, 2 HAVING count(*) <> 1") == []
    assert project.sql("SELECT count(*) FROM counter") == [(60,)]
    assert {(outcome, ended) for _, _, outcome, ended in runs(project)} == {("complete", True)}
    assert states(project) == {"done": 30}


@pytest.mark.parametrize(("signal", "code"), [("INT", 130), ("TERM", 1)])
def test_a_signal_cancels_all_and_the_next_run_goes_on(project: Project, signal: str, code: int) -> None:
    fleet(project, 12, jobs=3)
    project.sql("CREATE TABLE go (x int)")
    project.write("blog.20240101000001_a", f"CREATE TABLE a (); SET LOCAL search_path = public; {UNTIL_GO}")
    build(project)
    process = project.start("migrations_fleet", "run", "--json")
    project.wait_for(f"(SELECT count(*) = 3 {SLEEPERS})")
    process.send_signal(getattr(__import__("signal"), f"SIG{signal}"))
    begun = time.monotonic()
    outcome = end(process)
    assert time.monotonic() - begun < 10
    assert outcome.code == code, outcome
    assert outcome.json["outcome"] == "interrupted"
    assert outcome.json["counts"]["failed"] == 3
    assert outcome.json["counts"]["not_reached"] == 9
    assert all("It was rolled back." in one["message"] for one in outcome.json["errors"])
    assert f"Stopped by SIG{signal}." in outcome.stderr
    assert runs(project) == [(1, "up", "", False)]
    project.sql("INSERT INTO go VALUES (1)")
    resumed = run(project).ok()
    assert "Going on with run 1" in resumed.stderr
    assert runs(project) == [(1, "up", "complete", True)]


def test_a_tenant_that_comes_while_the_fleet_runs_is_done_too_and_one_that_goes_is_no_failure(project: Project) -> None:
    fleet(project, 6, jobs=2, max_failures=1)
    project.sql("CREATE TABLE go (x int)")
    project.write("blog.20240101000001_a", f"CREATE TABLE a (); SET LOCAL search_path = public; {UNTIL_GO}")
    build(project)
    process = project.start("migrations_fleet", "run", "--json")
    project.wait_for(f"(SELECT count(*) = 2 {SLEEPERS})")
    project.sql("CREATE SCHEMA s900; DROP SCHEMA s004; INSERT INTO go VALUES (1)")
    outcome = end(process)
    assert outcome.code == 0, outcome
    assert outcome.json["counts"] == {"targets": 6, "current": 0, "done": 6, "failed": 0, "not_reached": 0}
    assert "s004 was taken out of the fleet meanwhile" in outcome.stderr
    assert "a" in tables(project, "s900")
    assert states(project) == {"done": 6, "skipped": 1}


def test_a_schema_that_was_dropped_and_is_a_target_still_fails_by_itself(project: Project) -> None:
    make_fleet(project, *(f"s{number}" for number in range(6)), max_failures=1)
    project.table(1)
    build(project)
    project.sql("DROP SCHEMA s2")
    message = run(project).error()
    assert "There is no schema 's2'" in message
    assert "5 done, 1 failed" in message


def test_a_target_that_somebody_holds_does_not_hide_the_others(project: Project) -> None:
    fleet(project, 12, jobs=3, max_failures=1)
    project.table(1)
    build(project)
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        from medusa_migrations.database.keys import SCHEMA_CLASS

        cursor.execute(f"SELECT pg_advisory_lock({SCHEMA_CLASS}, 's005'::regnamespace::oid::int4)")
        outcome = run(project, "--lock-wait", "2", "--json")
    assert outcome.json["counts"] == {"targets": 12, "current": 0, "done": 11, "failed": 1, "not_reached": 0}
    assert "s005: Waiting up to" in outcome.stderr
    assert "are being run by" in outcome.json["errors"][0]["message"]


def test_a_target_that_is_listed_twice_is_refused(project: Project) -> None:
    project.sql("CREATE SCHEMA a")
    project.configure(FLEETS={"tenants": {"TARGETS": [{"schema": "a"}, {"schema": "a"}]}})
    project.table(1)
    build(project)
    for action in ("status", "run"):
        assert "two targets with the name 'a'" in project.manage("migrations_fleet", action).error()


def test_where_the_ledger_cannot_be_reached_nothing_is_begun(project: Project) -> None:
    fleet(project, 3, control="other")
    project.add_settings("DATABASES['other'] = DATABASES['default'] | {'NAME': 'nowhere'}")
    project.table(1)
    build(project)
    assert "Cannot connect to the database 'other'" in run(project).error()
    assert with_history(project) == set()


def test_where_the_ledger_is_lost_midway_the_run_goes_on_and_says_so(project: Project) -> None:
    fleet(project, 6, jobs=2, control="ledger")
    project.sql("CREATE TABLE go (x int)")
    project.write("blog.20240101000001_a", f"CREATE TABLE a (); SET LOCAL search_path = public; {UNTIL_GO}")
    with Proxy(project.server) as proxy:
        elsewhere = f"{{'HOST': '127.0.0.1', 'PORT': {proxy.port}}}"
        project.add_settings(f"DATABASES['ledger'] = DATABASES['default'] | {elsewhere}")
        build(project)
        process = project.start("migrations_fleet", "run", "--json")
        project.wait_for(f"to_regclass('medusa_fleet_targets') IS NOT NULL AND (SELECT count(*) = 2 {SLEEPERS})")
        proxy.refuse()
        proxy.cut()
        project.sql("INSERT INTO go VALUES (1)")
        outcome = end(process)
    assert outcome.code == 0, outcome
    assert outcome.json["counts"]["done"] == 6
    assert "The ledger in the database 'ledger' is behind" in outcome.stderr
    project.add_settings("DATABASES['ledger'] = DATABASES['default']")
    assert "Nothing to do" in run(project).ok().stdout
    assert (runs(project), states(project)) == ([(1, "up", "complete", True)], {"done": 6})


def test_what_comes_first_is_refused_to_be_left(project: Project) -> None:
    fleet(project, 3, after=["default"], apps=["shop"])
    project.add_app("shop")
    project.table(1)
    project.table(2, "shop")
    build(project)
    message = run(project).error()
    assert "AFTER of the fleet 'tenants' names 'default', which comes first, and 2 migrations" in message
    assert with_history(project) == set()
    project.run().ok()
    assert "3 done" in run(project).ok().stdout


def test_a_revert_undoes_what_that_run_applied_where_it_did(project: Project) -> None:
    names = fleet(project, 8, jobs=2)
    first = project.table(1)
    build(project)
    run_on(project, "s000").ok()
    run(project).ok()
    project.table(2)
    build(project)
    run(project).ok()
    reverted = project.manage("migrations_fleet", "revert", "--run", "1", "--json").ok().json
    assert reverted["counts"] == {"targets": 8, "current": 1, "done": 7, "failed": 0, "not_reached": 0}
    assert all(one["applied"] == [first] for one in reverted["targets"])
    assert with_table(project, "t1") == {"s000"}
    assert with_table(project, "t2") == {*names}
    assert [row[1:] for row in runs(project)] == [("up", "complete", True)] * 2 + [("down", "complete", True)]
    assert "Nothing to do" in project.manage("migrations_fleet", "revert", "--run", "1").ok().stdout
    assert "has no fleet run 9" in project.manage("migrations_fleet", "revert", "--run", "9").error()
    assert "goes down" in project.manage("migrations_fleet", "revert", "--run", "3").error()


def test_a_run_that_was_killed_is_reverted_exactly(project: Project) -> None:
    fleet(project, 20, jobs=2)
    project.sql("CREATE TABLE public.counter (schema text, number int)")
    counted(project, 1, "SELECT pg_sleep(0.05);")
    build(project)
    process = project.start("migrations_fleet", "run")
    project.wait_for("(SELECT count(*) >= 5 FROM counter)")
    process.kill()
    process.communicate()
    project.manage("migrations_fleet", "revert", "--run", "1").ok()
    assert project.sql("SELECT count(*) FROM pg_class WHERE relname = 'c1'") == [(0,)]
    assert [row[1:] for row in runs(project)] == [("up", "incomplete", True), ("down", "complete", True)]


def test_only_some_and_only_the_canary(project: Project) -> None:
    fleet(project, 12)
    project.table(1)
    build(project)
    assert "3 targets of tenants: 3 done." in run(project, "--only", "s00[0-3]", "--except", "s002").ok().stdout
    outcome = run(project, "--canary", "2", "--canary-only").ok()
    assert "7 have something to do: run without --canary-only" in outcome.stderr
    assert with_history(project) == {"s000", "s001", "s003", "s002", "s004"}
    assert "--only 'x*' is the name of no target" in run(project, "--only", "x*").error()
    assert "has no canary to keep to" in run(project, "--canary-only").error()


def test_a_plan_shows_each_distinct_history_once_and_writes_nothing(project: Project) -> None:
    fleet(project, 10)
    first, second = project.table(1), project.table(2)
    build(project)
    run_on(project, "s001", "--to", first).ok()
    plan = run(project, "--plan", "--json").ok().json
    assert [(len(one["targets"]), [step["id"] for step in one["migrations"]]) for one in plan["groups"]] == [
        (9, [first, second]),
        (1, [second]),
    ]
    text = run(project, "--sql").ok().stdout
    assert text.count("CREATE TABLE t2 (id int);") == 2
    assert f"  {second}" in run(project, "--plan").ok().stdout
    assert with_history(project) == {"s001"}


def test_too_many_connections_are_refused_before_anything(project: Project) -> None:
    fleet(project, 100)
    project.table(1)
    build(project)
    assert "targets at once may need 201 connections" in run(project, "--jobs", "100").error()
    assert with_history(project) == set()


def test_a_fleet_that_comes_first_is_refused_to_be_left(project: Project) -> None:
    project.sql("CREATE SCHEMA a; CREATE SCHEMA b")
    project.configure(
        FLEETS={"first": {"TARGETS": [{"schema": "a"}]}, "last": {"TARGETS": [{"schema": "b"}], "AFTER": ["first"]}}
    )
    project.table(1)
    build(project)
    assert "1 of the targets of the fleet 'first' are not done" in run(project, "last").error()
    assert "Name the fleet. There is 'first', 'last'" in run(project).error()
    run(project, "first").ok()
    run(project, "last").ok()
    assert with_history(project) == {"a", "b"}


def test_what_a_phase_leaves_is_said_and_is_done_by_the_next(project: Project) -> None:
    fleet(project, 3)
    project.table(1)
    project.table(2, header="-- migrate:phase after\n")
    build(project)
    outcome = run(project, "--phase", "before").ok()
    assert "On 3 targets migrations are held back until the new code is live: --phase after." in outcome.stderr
    again = run(project, "--phase", "before").ok()
    assert "Nothing to do" in again.stdout
    assert "held back" in again.stderr
    assert "3 done" in run(project, "--phase", "after").ok().stdout


def test_a_revert_leaves_a_target_where_something_later_depends_on_it(project: Project) -> None:
    fleet(project, 4, max_failures=4)
    first = project.table(1)
    build(project)
    run(project).ok()
    project.table(2, header=f"-- migrate:depends {first}\n")
    build(project)
    run_on(project, "s002").ok()
    message = project.manage("migrations_fleet", "revert", "--run", "1").error()
    assert "1 target failed: s002" in message
    assert "depends on it and is applied" in message
    assert with_table(project, "t1") == {"s002"}


def test_a_server_that_is_away_for_a_moment_costs_no_budget(project: Project) -> None:
    fleet(project, 8, jobs=2)
    project.write(
        "blog.20240101000001_a",
        "CREATE TABLE a ();",
    )
    build(project)
    (project.folder / "blog/apps.py").write_text(
        "from django.apps import AppConfig\n"
        "class Blog(AppConfig):\n"
        "    name = 'blog'\n"
        "    def ready(self):\n"
        "        import psycopg2\n"
        "        from django.db.backends.postgresql.base import DatabaseWrapper\n"
        "        theirs, tries = DatabaseWrapper.get_new_connection, []\n"
        "        def connect(self, parameters):\n"
        "            if 's005' in str(parameters.get('options')) and len(tries) < 5:\n"
        "                tries.append(1)\n"
        "                raise psycopg2.OperationalError('the server is starting up')\n"
        "            return theirs(self, parameters)\n"
        "        DatabaseWrapper.get_new_connection = connect\n"
    )
    outcome = run(project, "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["counts"]["done"] == 8
    assert runs(project) == [(1, "up", "complete", True)]


def test_the_functions_of_the_api_give_what_the_command_shows(project: Project) -> None:
    fleet(project, 3)
    project.table(1)
    build(project)
    (project.folder / "manage.py").write_text(
        "import os, django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\ndjango.setup()\n"
        "from medusa_migrations import api\n"
        "print(api.fleet_status('tenants').counts, api.fleet_plan().groups[0].targets)\n"
        "result = api.fleet_run(canary=1, jobs=2)\n"
        "print(result.outcome, result.counts.done, result.run)\n"
        "print(api.fleet_show(1)[0].outcome, len(api.fleet_runs()))\n"
        "print(len(api.fleet_revert_plan(1).groups), api.fleet_revert(1).counts.done)\n"
        "print(api.fleet_run(only=['s00[01]']).counts)\n"
    )
    assert project.manage().ok().stdout.splitlines() == [
        "{'targets': 3, 'pending': 3} ('s000', 's001', 's002')",
        "complete 3 1",
        "complete 1",
        "1 3",
        "Counts(targets=2, current=0, done=2, failed=0, not_reached=0)",
    ]


def killed(project: Project, count: int) -> None:
    """A run that was killed when so many rows were in public.counter."""
    process = project.start("migrations_fleet", "run")
    project.wait_for(f"(SELECT count(*) >= {count} FROM counter)")
    process.kill()
    process.communicate()


def test_a_run_that_was_killed_at_its_end_is_ended_by_the_next_and_is_in_no_builds_way(project: Project) -> None:
    fleet(project, 4, jobs=1)
    project.sql("CREATE TABLE public.counter (schema text, number int)")
    counted(project, 1, "SELECT pg_sleep(0.3);")
    build(project)
    killed(project, 2)
    for name in ("s001", "s002", "s003"):
        project.manage("migrations_run", "--fleet", "tenants", "--target", name).ok()
    assert "Nothing to do" in run(project).ok().stdout
    assert runs(project) == [(1, "up", "complete", True)]
    assert states(project) == {"done": 4}
    counted(project, 2)
    build(project)
    assert "4 done" in run(project).ok().stdout


def test_a_target_that_goes_before_a_run_is_resumed_is_skipped(project: Project) -> None:
    fleet(project, 4, jobs=1)
    project.sql("CREATE TABLE public.counter (schema text, number int)")
    counted(project, 1, "SELECT pg_sleep(0.3);")
    build(project)
    killed(project, 1)
    project.sql("DROP SCHEMA s003")
    run(project).ok()
    assert states(project) == {"done": 3, "skipped": 1}
    assert runs(project) == [(1, "up", "complete", True)]


@pytest.mark.smoke
def test_whatever_schemas_are_called(project: Project) -> None:
    make_fleet(project, *NAMES)
    first, second = project.table(1), project.table(2)
    build(project)
    run_on(project, "n0", "--to", first).ok()
    assert f"{len(NAMES)} done" in run(project).ok().stdout
    assert histories(project, NAMES) == [[(first, "applied"), (second, "applied")]] * len(NAMES)
    status = project.manage("migrations_fleet", "status", "--json").ok().json
    assert status["counts"] == {"targets": len(NAMES), "current": len(NAMES)}
    reverted = project.manage("migrations_fleet", "revert", "--run", "1", "--json").ok().json
    assert [one["applied"] for one in reverted["targets"]] == [[second], *[[second, first]] * (len(NAMES) - 1)]
    assert tables(project, "public") == {"medusa_fleet_runs", "medusa_fleet_targets"}


def test_indexes_are_built_concurrently_on_targets_of_one_database_at_once(project: Project) -> None:
    """Each waits for older snapshots of all of them, so none of those that wait for a lock may hold one."""
    fleet(project, 6, jobs=6)
    project.table(1)
    index = "CREATE INDEX CONCURRENTLY i ON t1 (id) WHERE id > 0;"
    project.write("blog.20240101000002_i", index, "DROP INDEX i;", option=" transaction:false")
    build(project)
    assert "6 done" in run(project).ok().stdout
    assert project.sql("SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid::regclass::text ~ 'i$'") == [(6,)]
