"""Signals: what a run that is stopped leaves, and how soon."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.support.processes import ended
from tests.support.projects import SLEEPING, Project


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1), (signal.SIGHUP, 1)])
@pytest.mark.parametrize("mode", ["each", "all", "none"])
def test_a_signal_rolls_back_at_once_and_says_what_state_things_are_in(
    project: Project, number: signal.Signals, code: int, mode: str
) -> None:
    first = project.table(1)
    slow = "blog.20240101000002_slow"
    project.write(slow, "CREATE TABLE half (id int);\nSELECT pg_sleep(30);")
    run = project.start("migrations_run", "--build", "--transaction", mode)
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
    first = project.start("migrations_run", "--build")
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
    run = project.start("migrations_run", "--build", "--json")
    project.wait_for(SLEEPING)
    run.send_signal(signal.SIGTERM)
    _, stdout, _ = ended(run)
    assert json.loads(stdout)["migrations"] == [
        {"id": "blog.20240101000002_slow", "status": "failed", "duration_ms": None, "phase": "before"}
    ]


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
