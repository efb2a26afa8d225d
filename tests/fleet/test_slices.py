"""Several processes that share a run of a fleet, as the pods of a job do."""

from __future__ import annotations

import signal
import subprocess

from tests.fleet.test_run import counted, end, fleet, run, runs, states
from tests.support.fleets import build
from tests.support.projects import SLEEPING, UNTIL_GO, Project

WAITS = UNTIL_GO.replace(" go", " public.go")


def make(project: Project, count: int, more: str = "", **keys: object) -> list[str]:
    project.sql("CREATE TABLE counter (schema name, number int); CREATE TABLE go ()")
    names = fleet(project, count, **keys)
    counted(project, 0, more)
    build(project)
    return names


def start(project: Project, number: int, of: int, *arguments: str) -> subprocess.Popen[str]:
    return project.start("migrations_fleet", "run", "--slice", f"{number}/{of}", *arguments)


def schemas(project: Project) -> list[str]:
    return [name for (name,) in project.sql("SELECT schema::text FROM public.counter ORDER BY 1")]


def test_processes_share_a_run_wait_for_the_canary_and_the_last_one_ends_it(project: Project) -> None:
    names = make(project, 9, WAITS, canary=1)
    others = [start(project, number, 3) for number in (2, 3)]
    project.wait_for("to_regclass('medusa_fleet_targets') IS NOT NULL")
    project.wait_for("(SELECT count(*) = 9 FROM medusa_fleet_targets)")
    first = start(project, 1, 3)
    project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
    assert states(project) == {"running": 1, "waiting": 8}
    project.sql("INSERT INTO go DEFAULT VALUES")
    outcomes = [end(process).ok() for process in (first, *others)]
    assert "Waiting for other processes, which have 1 to do first: s000" in outcomes[1].stderr
    assert sorted(schemas(project)) == names
    assert [outcome.stdout.splitlines()[-1].partition(" targets")[0] for outcome in outcomes] == ["4", "2", "3"]
    assert runs(project) == [(1, "up", "complete", True)]
    assert project.sql("SELECT count(DISTINCT worker) FROM medusa_fleet_targets") == [(3,)]
    assert "Nothing to do" in end(start(project, 2, 3)).ok().stdout


def test_a_canary_that_fails_ends_the_run_of_all(project: Project) -> None:
    make(project, 6, "SELECT FROM public.missing;", canary=1)
    second = start(project, 2, 2)
    project.wait_for("to_regclass('medusa_fleet_targets') IS NOT NULL")
    project.wait_for("(SELECT count(*) = 6 FROM medusa_fleet_targets)")
    message = end(start(project, 1, 2)).error()
    assert "The canary failed" in message
    assert "Fix the cause and run migrations_fleet run tenants --slice 1/2 again" in message
    assert "migrations_fleet run tenants --slice 1/2 does what is left" in message
    outcome = end(second)
    assert outcome.code == 1
    assert "Another process has ended run 1: canary_failed." in outcome.stderr
    assert "2 not reached" in outcome.stderr
    assert states(project) == {"failed": 1, "waiting": 5}


def test_stages_are_kept_and_one_that_was_killed_is_started_again(project: Project) -> None:
    project.sql("CREATE TABLE counter (schema name, number int); CREATE TABLE go ()")
    names = [f"s{number:03}" for number in range(8)]
    project.sql("".join(f"CREATE SCHEMA {name};" for name in names))
    targets = [{"schema": name, "stage": 1 + number // 4} for number, name in enumerate(names)]
    project.configure(FLEETS={"tenants": {"TARGETS": targets}})
    counted(project, 0, WAITS)
    build(project)
    first, second = start(project, 1, 2), start(project, 2, 2)
    project.wait_for(f"(SELECT count(*) = 4 {SLEEPING.removeprefix('EXISTS (SELECT').removesuffix(')')})")
    project.wait_for("(SELECT count(*) = 4 FROM medusa_fleet_targets WHERE state = 'running')")  # it is told of by then
    second.kill()
    second.communicate()
    project.sql("INSERT INTO go DEFAULT VALUES")
    project.wait_for("(SELECT count(*) = 4 FROM public.counter)")
    assert states(project)["waiting"] == 4, "those of the second stage wait for what the other process has not told"
    end(start(project, 2, 2)).ok()
    end(first).ok()
    assert sorted(schemas(project)) == names
    assert runs(project) == [(1, "up", "complete", True)]


def test_one_that_failed_and_is_started_again_has_its_part_of_the_next_run_and_waits_for_no_ghost(
    project: Project,
) -> None:
    project.sql("CREATE TABLE counter (schema name, number int); CREATE TABLE go ()")
    names = [f"s{number:03}" for number in range(8)]
    project.sql("".join(f"CREATE SCHEMA {name};" for name in names))
    project.sql("".join(f"CREATE TABLE {name}.needed ();" for name in names[1:]))
    targets = [{"schema": name, "stage": 1 + number // 4} for number, name in enumerate(names)]
    project.configure(FLEETS={"tenants": {"TARGETS": targets}})
    counted(project, 0, f"SELECT FROM needed; {WAITS}")
    build(project)
    second = start(project, 2, 2)
    project.wait_for(SLEEPING)
    assert "1 failed" in end(start(project, 1, 2, "--jobs", "1")).error()
    project.sql("CREATE TABLE s000.needed ()")
    first = start(project, 1, 2)
    project.wait_for("(SELECT count(*) = 3 FROM medusa_fleet_targets WHERE run = 2 AND state = 'running')")
    project.sql("INSERT INTO go DEFAULT VALUES")
    outcome = end(second)
    assert (outcome.code, "Another process has ended run 1: budget_spent." in outcome.stderr) == (1, True)
    project.wait_for("(SELECT count(*) = 4 FROM public.counter)")
    second = start(project, 2, 2)
    end(first).ok()
    end(second).ok()
    assert sorted(schemas(project)) == names
    assert runs(project) == [(1, "up", "budget_spent", True), (2, "up", "complete", True)]


def test_one_that_is_started_again_when_others_are_through_leaves_nothing(project: Project) -> None:
    names = make(project, 8, "SELECT FROM needed;", canary=0, max_failures=0)
    project.sql("".join(f"CREATE TABLE {name}.needed ();" for name in names[1:]))
    second = start(project, 2, 2)
    assert "1 failed" in end(start(project, 1, 2, "--jobs", "1")).error()
    end(second)
    project.sql("CREATE TABLE s000.needed ()")
    end(start(project, 1, 2)).ok()
    assert sorted(schemas(project)) == names
    assert runs(project)[-1][2:] == ("complete", True)


def test_another_number_of_processes_is_another_run(project: Project) -> None:
    make(project, 4, WAITS)
    first = start(project, 1, 2)
    project.wait_for(SLEEPING)
    assert "slices was 2, and is 3" in end(start(project, 3, 3)).error()
    assert "slices was 2, and is null" in run(project).error()
    project.sql("INSERT INTO go DEFAULT VALUES")
    end(first).ok()
    assert runs(project) == [(1, "up", "", False)]
    assert "1 done" in end(start(project, 2, 2)).ok().stdout
    assert runs(project) == [(1, "up", "complete", True)]


def test_one_that_waits_for_others_is_stopped_and_says_what_it_left(project: Project) -> None:
    make(project, 4, canary=1)
    second = start(project, 2, 2, "--json")
    project.wait_for("to_regclass('medusa_fleet_targets') IS NOT NULL")
    project.wait_for("(SELECT count(*) = 4 FROM medusa_fleet_targets)")
    assert second.stderr is not None
    assert "Waiting for other processes, which have 1 to do first: s000" in second.stderr.readline()
    second.send_signal(signal.SIGINT)
    outcome = end(second)
    assert (outcome.code, outcome.json["outcome"]) == (130, "interrupted")
    assert outcome.json["counts"]["not_reached"] == 1
    lost = start(project, 2, 2)
    assert lost.stderr is not None
    assert "Going on with run 1" in lost.stderr.readline()
    assert "Waiting" in lost.stderr.readline()
    project.sql("DROP TABLE medusa_fleet_targets")
    outcome = end(lost)
    assert outcome.code == 1
    assert "Traceback" not in outcome.stderr
    assert "The ledger of fleets in the database 'default' cannot be used" in outcome.stderr
