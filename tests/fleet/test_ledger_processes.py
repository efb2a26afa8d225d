"""The ledger of fleet runs where several processes meet, and where one or the server ends in the middle."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connections

from medusa_migrations.errors import DatabaseError
from medusa_migrations.fleet import writer as writing
from medusa_migrations.fleet.ledger import KEY, Begun, Wanted, Work, begin, shown
from medusa_migrations.fleet.stages import Slot
from medusa_migrations.fleet.writer import Change, LedgerWriter
from tests.support import ledger_worker
from tests.support.admin_site import forget, on_databases
from tests.support.network import Proxy
from tests.support.projects import Project

SEED = random.SystemRandom().randrange(10**6)
COUNT = 3000


def start(project: Project, count: int, stop_at: str = "") -> subprocess.Popen[str]:
    script = project.folder / "ledger.py"
    if not script.exists():  # one that has begun may be reading it
        script.write_text(ledger_worker.SCRIPT)
    return project.start(str(count), stop_at, script="ledger.py", env={"DJANGO_SETTINGS_MODULE": "settings"})


def end(process: subprocess.Popen[str]) -> tuple[int, bool]:
    """The number of its run, and whether that was resumed."""
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    run, is_resumed = json.loads(stdout)
    return run, is_resumed


def test_of_those_that_begin_at_once_one_makes_the_tables_and_the_run_and_the_others_join(project: Project) -> None:
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({KEY})")
        processes = [start(project, 20, stop_at="t0") for _ in range(3)]
        project.wait_for("(SELECT count(*) = 3 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
    begun = []
    for process in processes:
        assert process.stdout
        begun.append(tuple(json.loads(process.stdout.readline())))
    for process in processes:
        process.kill()
        process.communicate()
    assert sorted(begun) == [(1, False), (1, True), (1, True)]
    assert project.sql("SELECT count(*) FROM medusa_fleet_targets") == [(20,)]


def test_a_process_that_was_killed_leaves_what_it_had_written_and_the_next_goes_on(project: Project) -> None:
    killed = start(project, 5, stop_at="t2")
    project.wait_for("to_regclass('medusa_fleet_targets') IS NOT NULL")
    project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE name = 't2' AND state = 'running')")
    killed.kill()
    killed.communicate()
    assert project.sql("SELECT state FROM medusa_fleet_targets ORDER BY position") == [
        (state,) for state in ("done", "done", "running", "waiting", "waiting")
    ]
    assert project.sql("SELECT outcome, ended_at FROM medusa_fleet_runs") == [("", None)]
    assert end(start(project, 5)) == (1, True)
    assert project.sql("SELECT name, attempt FROM medusa_fleet_targets WHERE attempt <> 1") == [("t2", 2)]
    assert project.sql("SELECT outcome, ended_at IS NOT NULL FROM medusa_fleet_runs") == [("complete", True)]


def test_kills_at_random_moments(project: Project) -> None:
    choose = random.Random(SEED)
    begin_at = "to_regclass('medusa_fleet_targets') IS NOT NULL"
    done = [f"(SELECT count(*) >= {count} FROM medusa_fleet_targets WHERE state = 'done')" for count in range(COUNT)]
    at_work = "EXISTS (SELECT FROM medusa_fleet_targets WHERE name = 't5' AND state = 'running')"
    moments = [("t5", at_work), *((f"t{COUNT - 1}", done[count]) for count in sorted(choose.sample(range(COUNT), 5)))]
    for stop_at, moment in moments:
        process = start(project, COUNT, stop_at)  # or it might be at its end before it is killed
        project.wait_for(begin_at)
        project.wait_for(moment)
        process.kill()
        process.communicate()
    assert end(start(project, COUNT)) == (1, True), SEED
    assert project.sql("SELECT count(*) FROM medusa_fleet_runs WHERE outcome = 'complete'") == [(1,)], SEED
    counted = "count(*), count(*) FILTER (WHERE state = 'done' AND applied = to_jsonb(ARRAY['blog.' || name]))"
    found = project.sql(f"SELECT {counted}, min(attempt), max(attempt) > 1, max(position) FROM medusa_fleet_targets")
    assert found == [(COUNT, COUNT, 1, True, COUNT - 1)], SEED
    assert project.locks() == 0


def test_a_run_without_a_fleet_imports_nothing_of_it(project: Project) -> None:
    project.table(1)
    project.run().ok()
    command = [project.python, "-X", "importtime", "manage.py", "migrations_run"]
    ran = subprocess.run(command, cwd=project.folder, env=project.environment(), capture_output=True, text=True)
    assert "No migrations to apply" in ran.stdout
    assert "medusa_migrations.run" in ran.stderr
    assert "medusa_migrations.fleet" not in ran.stderr


def test_two_unfinished_runs_of_a_fleet_there_cannot_be(project: Project) -> None:
    end(start(project, 1))
    with pytest.raises(Exception, match="medusa_fleet_runs_unfinished"):
        project.sql(
            "UPDATE medusa_fleet_runs SET ended_at = NULL; INSERT INTO medusa_fleet_runs (fleet, direction,"
            " build, options, applied_by, begun_at, outcome, targets)"
            " SELECT fleet, direction, build, options, applied_by, begun_at, '', 1 FROM medusa_fleet_runs"
        )


@pytest.fixture
def proxy(project: Project, django_db_blocker: Any) -> Iterator[Proxy]:
    """This process's `default` is the project's database, through it."""
    with (
        Proxy(project.server) as proxy,
        django_db_blocker.unblock(),
        on_databases(project.server, default=project.database),
    ):
        connections.settings["default"] |= {"HOST": "127.0.0.1", "PORT": str(proxy.port)}
        forget("default")
        yield proxy


def started() -> Begun:
    work = [Work(Slot(f"t{number}", 1, number), 1) for number in range(3)]
    return begin("default", Wanted("tenants", "up", "a" * 64, {}, "ada", 3), work)


def states(project: Project) -> list[str]:
    return [state for (state,) in project.sql("SELECT state FROM medusa_fleet_targets ORDER BY position")]


def test_what_could_not_be_written_is_written_when_the_database_is_there_again(
    project: Project, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "RETRY_SECONDS", 0.05)
    begun = started()
    with LedgerWriter("default", begun) as writer:
        writer.change(begun.targets[0], Change("running"))
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
        proxy.cut()
        for target in begun.targets:
            writer.change(target, Change("done"))
        project.wait_for("NOT EXISTS (SELECT FROM medusa_fleet_targets WHERE state <> 'done')")
        writer.end("complete")
    assert writer.behind == ""
    assert shown("default", begun.run.id)[0].outcome == "complete"


@pytest.mark.parametrize("piece", [b"running", b"blog.1"])
def test_a_change_whose_answer_was_lost_is_written_once(project: Project, proxy: Proxy, piece: bytes) -> None:
    begun = started()
    proxy.cut_at, proxy.cut_after = piece, True
    with LedgerWriter("default", begun) as writer:
        writer.change(begun.targets[0], Change("running"))
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
        proxy.cut_at = None if piece == b"running" else piece
        writer.change(begun.targets[0], Change("done", ["blog.1", "blog.2"]))
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'done')")
        proxy.cut_at = None
    assert writer.behind == ""
    target = shown("default", begun.run.id)[1][0]
    assert (target.applied, target.attempt) == (("blog.1", "blog.2"), 1)


def test_without_the_database_the_run_goes_on_and_says_at_the_end_that_the_ledger_is_behind(
    project: Project, proxy: Proxy
) -> None:
    begun = started()
    with LedgerWriter("default", begun) as writer:
        writer.change(begun.targets[0], Change("running"))
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
        proxy.refuse()
        proxy.cut()
        for target in begun.targets:
            writer.change(target, Change("done"))
        writer.end("complete")
    assert "The ledger in the database 'default' is behind" in writer.behind
    assert "connection to server at" in writer.behind
    assert states(project) == ["running", "waiting", "waiting"]


def test_a_server_that_does_not_answer_holds_up_neither_the_run_nor_its_end(
    project: Project, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "END_SECONDS", 0.2)
    begun = started()
    proxy.stall()
    with LedgerWriter("default", begun) as writer:
        writer.change(begun.targets[0], Change("running"))
    assert "is behind" in writer.behind
    proxy.carries.set()
    project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
    writer._thread.join()
    assert writer.behind == ""


def test_a_connection_that_was_lost_in_an_idle_hour_is_made_anew_at_the_end(project: Project, proxy: Proxy) -> None:
    begun = started()
    with LedgerWriter("default", begun) as writer:
        writer.change(begun.targets[0], Change("running"))
        project.wait_for("EXISTS (SELECT FROM medusa_fleet_targets WHERE state = 'running')")
        proxy.cut()
        writer.end("complete")
    assert writer.behind == ""
    assert shown("default", begun.run.id)[0].outcome == "complete"


def test_an_error_of_its_own_is_raised_once_and_not_over_another(project: Project, proxy: Proxy) -> None:
    begun = started()
    project.sql("ALTER TABLE medusa_fleet_targets ADD CHECK (state <> 'done')")
    with pytest.raises(DatabaseError, match="violates check constraint"), LedgerWriter("default", begun) as writer:
        writer.change(begun.targets[0], Change("done"))
    with pytest.raises(ZeroDivisionError), LedgerWriter("default", begun) as writer:
        _ = writer.change(begun.targets[0], Change("done")), 1 / 0
