"""A fleet that workers run: whatever becomes of a job, each target gets each migration once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.fleet.test_run import counted, end, fleet, run, runs, states
from tests.support.fleets import build
from tests.support.forked import WARNS
from tests.support.projects import SLEEPING, UNTIL_GO, Project, Server
from tests.support.workers import PACKAGES, Workers, kill, set_up

# Commands with the packages of an engine are forks of a process that has imported them, and to make that takes longer
# than most of these tests: one worker of the tests makes it. Procrastinate has its own, of another Python.
pytestmark = pytest.mark.xdist_group("engines")
OF_PROCRASTINATE = pytest.mark.xdist_group("procrastinate")

PROCRASTINATE = pytest.param("procrastinate", marks=OF_PROCRASTINATE)
ENGINES = ["celery", PROCRASTINATE, "tasks"]
SEED = random.SystemRandom().randrange(10**6)

WAITS = UNTIL_GO.replace(" go", " public.go")

# The jobs of the last run, sent again by hand.
SEND_AGAIN = """
import json, sys, django
django.setup()
from medusa_migrations.engines.engine import engine
jobs = [json.loads(text) for text in sys.argv[2:]]
engine(sys.argv[1], "medusa_fleet", "").send(jobs)
"""

# What a worker makes of jobs, without an engine.
DO = """
import json, sys, django
django.setup()
from medusa_migrations.engines import work
for text in sys.argv[1:]:
    print(work.do(json.loads(text)))
"""

# One whose jobs no worker takes, which is for a test to do.
FILES = """
from celery import Celery
app = Celery("tests", broker="filesystem://")
app.conf.broker_transport_options = {name: "broker" for name in ("data_folder_in", "data_folder_out", "control_folder")}
app.conf.task_publish_retry = False
"""


@pytest.fixture(scope="module")
def made(server: Server) -> Iterator[dict[str, str]]:
    """Databases for `set_up`, which fills this."""
    databases: dict[str, str] = {}
    yield databases
    for name in databases.values():
        server.drop_database(name)


@pytest.fixture(params=ENGINES)
def workers(request: pytest.FixtureRequest, project: Project, made: dict[str, str]) -> Iterator[Workers]:
    with set_up(request.param, project, made) as found:
        yield found


def make(project: Project, engine: str | None, count: int, *migrations: str, **keys: object) -> list[str]:
    """A fleet that the engine runs, and its build; each statement adds a row to public.counter."""
    project.sql("CREATE TABLE counter (schema name, number int); CREATE TABLE go ()")
    names = fleet(project, count, engine=engine, **keys)
    for number, more in enumerate(migrations or ("", "")):
        counted(project, number, more)
    build(project)
    return names


def each_once(project: Project, count: int) -> None:
    counts = project.sql("SELECT count(*)::int, count(DISTINCT (schema, number))::int FROM public.counter")
    assert counts == [(count, count)]


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    return project.start("migrations_fleet", "run", *arguments)


def job(number: int, target: str) -> str:
    how = {"lock_timeout": None, "statement_timeout": None, "retries": 0, "applied_by": None}
    given = {"what": "fleet", "fleet": "tenants", "number": number, "control": "default", "how": how, "target": target}
    return json.dumps(given)


def begin(project: Project, text: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """Python with the settings of the project."""
    (project.folder / "script.py").write_text(text)
    return project.start(*arguments, script="script.py", env={"DJANGO_SETTINGS_MODULE": "settings", **WARNS, **env})


def script(project: Project, *arguments: str, **env: str) -> str:
    """What it says."""
    ended = begin(project, *arguments, **env)
    stdout, stderr = ended.communicate()
    assert (ended.returncode, "Traceback" in stderr) == (0, False), stderr
    return stdout


def send(workers: Workers, *jobs: str) -> None:
    script(workers.project, SEND_AGAIN, workers.name, *jobs)


def queued(project: Project, count: int) -> None:
    project.wait_for("to_regclass('medusa_fleet_targets') IS NOT NULL")
    project.wait_for(f"(SELECT count(*) = {count} FROM medusa_fleet_targets WHERE state = 'queued')")


def test_workers_do_all_targets_and_tell_what_failed_and_where(workers: Workers) -> None:
    project = workers.project
    names = make(project, workers.name, 10, "", "SELECT FROM needed;", canary=1, max_failures=3)
    broken = ("s003", "s007")
    project.sql("".join(f"CREATE TABLE {name}.needed ();" for name in names if name not in broken))
    with workers.at_work():
        outcome = run(project, "--json")
        assert outcome.code == 1, outcome
        document = outcome.json
        assert document["counts"] == {"targets": 10, "current": 0, "done": 8, "failed": 2, "not_reached": 0}
        (error,) = document["errors"]
        assert (error["targets"], error["sqlstate"]) == ([*broken], "42P01")
        assert (error["file"], error["line"]) == (project.source("blog.20240101000001_c1"), 2)
        assert [one["name"] for one in document["targets"]] == names
        assert all(one["duration_ms"] is not None and one["attempt"] == 1 for one in document["targets"])
        project.sql("".join(f"CREATE TABLE {name}.needed ();" for name in broken))
        assert "10 targets of tenants: 2 done, 8 had nothing to do." in run(project).ok().stdout
        each_once(project, 20)
        assert runs(project) == [(1, "up", "incomplete", True), (2, "up", "complete", True)]
        hosts = project.sql("SELECT DISTINCT worker FROM medusa_fleet_targets")
        assert f"{os.uname().nodename}:{os.getpid()}" not in {worker for (worker,) in hosts}
        # The jobs of a run that has ended come late, and twice.
        send(workers, job(1, "s000"), job(1, "s000"), job(2, "s003"), '{"what": "other"}')
        assert "Nothing to do" in run(project).ok().stdout
        reverted = project.manage("migrations_fleet", "revert", "--run", "2", "--no-input").ok()
        assert "2 done" in reverted.stdout
        assert project.sql("SELECT count(*) FROM pg_class WHERE relname = 'c1' AND relkind = 'r'") == [(8,)]
    each_once(project, 20)


def test_a_worker_that_is_killed_at_work_is_taken_over_by_another(workers: Workers) -> None:
    project = workers.project
    make(project, workers.name, 4, "", WAITS)
    command = start(project)
    with workers.at_work() as worker:
        project.wait_for(SLEEPING)
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
        send(workers, job(1, "s001"), job(1, "s001"))  # a second and a third time
        kill(worker)
    project.sql("INSERT INTO go DEFAULT VALUES")
    assert command.stderr is not None
    assert any("is gone. Another one goes on there." in line for line in command.stderr)
    with workers.at_work():
        outcome = end(command).ok()
    assert "4 targets of tenants: 4 done." in outcome.stdout
    each_once(project, 8)
    assert states(project) == {"done": 4}


@pytest.mark.parametrize(
    ("name", "jobs"),
    [
        pytest.param("procrastinate", "procrastinate_jobs", marks=OF_PROCRASTINATE),
        ("tasks", "django_tasks_database_dbtaskresult"),
    ],
)
def test_a_job_that_is_lost_is_sent_again_and_that_nobody_works_is_said(
    project: Project, made: dict[str, str], name: str, jobs: str
) -> None:
    with set_up(name, project, made) as workers:
        make(project, workers.name, 3)
        command = start(project)
        queued(project, 3)
        project.wait_for(f"(SELECT count(*) = 3 FROM {jobs})")
        project.sql(f"DELETE FROM {jobs}")
        with workers.at_work():
            outcome = end(command).ok()
        assert "No worker has begun with a target for 10 s." in outcome.stderr
        assert outcome.stderr.count("No worker") == 1
        each_once(project, 6)


@pytest.fixture
def celery(project: Project, made: dict[str, str]) -> Iterator[Workers]:
    with set_up("celery", project, made) as found:
        yield found


def test_a_worker_with_another_build_takes_nothing(celery: Workers) -> None:
    project = celery.project
    project.add_settings("MEDUSA_MIGRATIONS['DIST_DIR'] = BASE_DIR / os.environ.get('TEST_DIST', 'dist/migrations')")
    make(project, celery.name, 3)
    project.manage("migrations_build", env={"TEST_DIST": "old"}).ok()
    counted(project, 7)
    build(project)
    command = start(project)
    with celery.at_work(TEST_DIST="old"):
        project.wait_for("to_regclass('medusa_fleet_targets') IS NOT NULL")
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE error LIKE '%Start the workers anew%')")
        assert project.sql("SELECT count(*) FROM pg_class WHERE relname = 'c0'") == [(0,)]
    with celery.at_work():
        outcome = end(command).ok()
    assert "does not take targets of tenants: run 1 is of the build" in outcome.stderr
    each_once(project, 9)


def test_what_no_worker_has_begun_is_withdrawn_by_a_stop_and_the_next_run_goes_on(celery: Workers) -> None:
    project = celery.project
    make(project, celery.name, 6, WAITS, "", jobs=4)
    command = start(project)
    with celery.at_work(jobs=1):
        project.wait_for(SLEEPING)
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
        command.send_signal(signal.SIGTERM)
        outcome = end(command)
        assert outcome.code == 1, outcome
        assert "a worker is at work there, and goes to its end." in outcome.stderr
        assert "Stopped by SIGTERM. 6 targets of tenants: 6 not reached." in outcome.stderr
        assert states(project) == {"running": 1, "waiting": 5}
        project.sql("INSERT INTO go DEFAULT VALUES")
        project.wait_for("(SELECT count(*) = 1 FROM medusa_fleet_targets WHERE state = 'done')")
        assert "5 done" in run(project).ok().stdout
    each_once(project, 12)
    assert runs(project) == [(1, "up", "complete", True)]


def test_a_run_whose_process_is_killed_is_gone_on_with(celery: Workers) -> None:
    project = celery.project
    make(project, celery.name, 6, WAITS, "", jobs=4)
    command = start(project)
    with celery.at_work():
        project.wait_for(SLEEPING)
        command.kill()
        command.communicate()
        project.sql("INSERT INTO go DEFAULT VALUES")
        outcome = run(project).ok()
    assert "Going on with run 1" in outcome.stderr
    each_once(project, 12)


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        (("--engine", "cellery"), "", "--engine is 'cellery'. It must be one of celery, procrastinate, tasks."),
        (("--engine", "procrastinate"), "", "needs medusa-migrations[procrastinate]. Install that."),
        (("--engine", "celery", "--slice", "1/2"), "", "--engine none goes with --slice"),
        (("--engine", "celery", "--no-lock"), "", "--no-lock cannot go with an engine"),
        (("--slice", "3/2"), "", "--slice is '3/2'. Write which process this is, and of how many"),
        (("--slice", "2/2", "--new"), "", "--new is for the first of the processes, --slice 1/2"),
        (
            ("--engine", "celery"),
            "from celery import Celery; app = Celery('x', broker='redis://127.0.0.1:1'); "
            "app.conf.broker_connection_timeout = 1",
            "Celery cannot reach its broker",
        ),
        (
            ("--engine", "tasks"),
            "INSTALLED_APPS += ['django_tasks']; "
            "TASKS = {'default': {'BACKEND': 'django_tasks.backends.dummy.DummyBackend'}}",
            "whose QUEUES have 'medusa_fleet', or are []",
        ),
        (
            ("--engine", "celery"),
            "from celery import Celery; app = Celery('x', broker='nosuch://x')",
            "Celery cannot reach its broker: 'No such transport: nosuch'. Start that",
        ),
        (
            ("--engine", "tasks"),
            "INSTALLED_APPS += ['django_tasks']; TASKS = {'default': {'BACKEND': 'nosuch.Backend'}}",
            "Django's tasks cannot take a job: No module named 'nosuch'. The setting TASKS needs a backend",
        ),
        (
            ("--engine", "tasks"),
            "INSTALLED_APPS += ['django_tasks', 'django_tasks_db']; "
            "TASKS = {'default': {'BACKEND': 'django_tasks_db.DatabaseBackend', 'QUEUES': []}}",
            'cannot take a job: relation "django_tasks_database_dbtaskresult" does not exist. The setting TASKS',
        ),
    ],
)
def test_what_cannot_be_delivered_is_said(
    project: Project, arguments: tuple[str, ...], settings: str, says: str
) -> None:
    project.packages = PACKAGES
    project.add_settings(settings)
    fleet(project, 2)
    project.table(1)
    build(project)
    assert says in run(project, *arguments, env=WARNS).error()


def test_who_only_looks_needs_no_package_of_an_engine(project: Project) -> None:
    fleet(project, 2, engine="procrastinate")
    project.sql("CREATE TABLE s000.t1 ()")
    project.table(1)
    build(project)
    looks = project.manage_several(("migrations_fleet", "status"), ("migrations_fleet", "run", "--plan")).ok()
    assert looks.stdout.count("2 pending") == 4
    message = run(project, "--engine", "none").error()
    assert "migrations_run --fake --to blog.20240101000001_t1 --fleet tenants --target s000." in message


@pytest.fixture
def by_hand(project: Project) -> Project:
    """With a broker whose jobs nobody takes."""
    (project.folder / "broker").mkdir()
    project.packages = PACKAGES
    project.add_settings(FILES)
    return project


def test_a_job_says_which_run_and_target_and_the_ledger_what_is_done(by_hand: Project) -> None:
    project = by_hand
    make(project, "celery", 2)
    command = start(project)
    queued(project, 2)
    older = json.loads(job(1, "s000"))
    older["asked"], older["how"] = {"to": None}, older["how"] | {"fake": True}
    odd = [{**older, "control": "elsewhere"}, {**older, "number": "x"}, {**older, "number": 10**30}, {"what": []}, []]
    said = script(project, DO, *map(json.dumps, odd), json.dumps(older), job(1, "s001")).splitlines()
    assert "'elsewhere'" in said[0]
    assert said[1] == "not wanted: a job of another version of medusa_migrations"
    assert said[-2:] == ["s000: done", "s001: done"]
    end(command).ok()
    each_once(project, 4)


def test_a_worker_with_other_settings_takes_nothing_or_is_found_out(by_hand: Project, server: Server) -> None:
    project = by_hand
    other = f"{project.database}_other"
    server.create_database(other)
    try:
        server.execute("CREATE TABLE counter (schema name, number int); CREATE SCHEMA s000", other)
        project.add_settings(
            f"DATABASES['other'] = DATABASES['default'] | {{'NAME': '{other}'}}\n"
            "FLEETS = MEDUSA_MIGRATIONS['FLEETS']\n"
            "if 'TEST_OTHER' in os.environ: FLEETS['tenants']['DATABASE'] = 'other'\n"
            "if 'TEST_RENAMED' in os.environ: FLEETS['clients'] = FLEETS.pop('tenants')"
        )
        make(project, "celery", 1)
        command = start(project)
        queued(project, 1)
        assert "has no fleet 'tenants'" in script(project, DO, job(1, "s000"), TEST_RENAMED="1")
        project.wait_for("(SELECT error = '' AND state = 'queued' FROM medusa_fleet_targets)")
        assert script(project, DO, job(1, "s000"), TEST_OTHER="1") == "s000: done\n"
        message = end(command).error()
        assert "does not take targets of tenants: MEDUSA_MIGRATIONS['FLEETS'] has no fleet 'tenants'" in message
        assert "A worker has done s000, and nothing of that is where this command looks." in message
        assert states(project) == {"failed": 1}
    finally:
        server.drop_database(other)


def test_what_a_worker_did_that_may_not_write_the_ledger_is_seen(by_hand: Project) -> None:
    project = by_hand
    role = f"role_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN")
    try:
        project.add_settings("DATABASES['default']['USER'] = os.environ.get('TEST_ROLE', DATABASES['default']['USER'])")
        make(project, "celery", 1)
        command = start(project)
        queued(project, 1)
        project.sql(f"GRANT ALL ON SCHEMA s000 TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        project.sql(f"GRANT INSERT ON counter TO {role}")
        said = script(project, DO, job(1, "s000"), TEST_ROLE=role)
        assert "Cannot write the ledger of fleets" in said
        assert "1 done" in end(command).ok().stdout
        each_once(project, 2)
        assert project.sql("SELECT state, jsonb_array_length(applied) FROM medusa_fleet_targets") == [("done", 2)]
    finally:
        project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_two_commands_share_what_workers_do(by_hand: Project) -> None:
    project = by_hand
    make(project, "celery", 2)
    first = start(project)
    queued(project, 2)
    second = start(project, "--jobs", "1")
    assert second.stderr is not None
    assert "Going on with run 1" in second.stderr.readline()
    while len(list((project.folder / "broker").glob("*.msg"))) < 3:
        time.sleep(0.02)
    script(project, DO, job(1, "s001"), job(1, "s000"))
    assert "2 done" in end(first).ok().stdout
    assert "2 done" in end(second).ok().stdout
    each_once(project, 4)
    assert states(project) == {"done": 2}


@pytest.mark.slow
def test_where_workers_are_busy_nobody_is_asked_whether_there_are_any(by_hand: Project) -> None:
    project = by_hand
    make(project, "celery", 2, WAITS)
    command = start(project)
    queued(project, 2)
    with begin(project, DO, job(1, "s000")):
        broker = project.folder / "broker"
        while len(list(broker.glob("*.msg"))) < 3:  # of the other one, that is sent again
            time.sleep(0.1)
        project.sql("INSERT INTO go DEFAULT VALUES")
    script(project, DO, job(1, "s001"))
    assert "No worker has begun" not in end(command).ok().stderr
    each_once(project, 2)


def test_a_run_that_another_command_closes_is_waited_for_no_more(by_hand: Project) -> None:
    project = by_hand
    make(project, "celery", 3)
    command = start(project, "--jobs", "2")
    queued(project, 2)
    assert "3 done" in run(project, "--engine", "none", "--new").ok().stdout
    message = end(command).error()
    assert message.count("Another process has ended run 1: incomplete.") == 1
    assert "3 targets of tenants: 3 not reached." in message
    assert project.sql("SELECT DISTINCT state FROM medusa_fleet_targets WHERE run = 1") == [("waiting",)]
    counted(project, 2)
    build(project)
    command = start(project)
    project.wait_for("(SELECT count(*) = 3 FROM medusa_fleet_targets WHERE state = 'queued')")
    project.sql("DELETE FROM medusa_fleet_runs")
    assert "run 3 is not there any more. What each target has is in its own history: run again." in end(command).error()
    each_once(project, 6)


def test_a_broker_that_is_gone_for_a_while_is_asked_again(by_hand: Project) -> None:
    project = by_hand
    make(project, "celery", 2)
    command = start(project, "--jobs", "1")
    while not list((project.folder / "broker").glob("*.msg")):
        time.sleep(0.02)
    (project.folder / "broker").rename(project.folder / "gone")
    script(project, DO, job(1, "s000"))
    assert command.stderr is not None
    assert "Celery cannot reach its broker" in (said := command.stderr.readline())
    assert "It is tried again for a minute." in said
    (project.folder / "gone").rename(project.folder / "broker")
    project.wait_for("(SELECT count(*) = 1 FROM medusa_fleet_targets WHERE state = 'queued' AND name = 's001')")
    script(project, DO, job(1, "s001"))
    end(command).ok()
    each_once(project, 4)


def kills(project: Project, workers: Workers | None, count: int, times: int) -> None:
    """Workers, and the command, are killed at random moments, and all comes to an end, each statement once."""
    choose = random.Random(SEED)
    make(project, workers.name if workers else None, count, "SELECT pg_sleep(0.01);", "", jobs=8, max_failures="100%")
    command = start(project)
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(workers.at_work()) if workers else None
        for number in range(times):
            done = f"(SELECT count(*) FROM public.counter) >= {2 * count * number // (times + 1)}"
            project.wait_for(done, 120)
            time.sleep(choose.random() * 0.2)
            if worker:
                kill(worker)
            if worker is None or number % 4 == 3:
                command.kill()
                command.communicate()
                command = start(project)
            if workers:
                worker = stack.enter_context(workers.at_work())
        outcome = end(command, 240)
        assert outcome.code == 0, (SEED, outcome)
    each_once(project, 2 * count)
    assert runs(project) == [(1, "up", "complete", True)]
    assert states(project) == {"done": count}


@pytest.mark.parametrize("name", ["celery", PROCRASTINATE])
def test_kills_at_random_moments(project: Project, made: dict[str, str], name: str) -> None:
    with set_up(name, project, made) as workers:
        kills(project, workers, 20, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["celery", PROCRASTINATE])
def test_twenty_kills_over_two_hundred_targets(project: Project, made: dict[str, str], name: str) -> None:
    with set_up(name, project, made) as workers:
        kills(project, workers, 200, 20)


@pytest.mark.slow
def test_twenty_kills_over_two_hundred_targets_of_one_machine(project: Project) -> None:
    kills(project, None, 200, 20)
