"""A run that was told to stop twice is over, whatever it waits for.

Found by an attack: while the network carried nothing, six signals did nothing for 30 seconds, and a stop hung without
end while its failure was recorded in a history that another session had locked.
"""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.faults.test_network import through
from tests.support.network import Proxy
from tests.support.processes import ended, transaction
from tests.support.projects import BLOCKED, SLEEPING, UNLOCKED, Project


def send_until_ended(run: subprocess.Popen[str], number: signal.Signals, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while run.poll() is None:
        assert time.monotonic() < deadline
        run.send_signal(number)
        time.sleep(0.05)


def slow(project: Project) -> None:
    project.write("blog.20240101000001_slow", "SELECT 1;\nSELECT pg_sleep(30);", option=" transaction:false")
    project.manage("migrations_build").ok()


@pytest.mark.smoke
def test_a_second_signal_ends_a_run_whose_network_carries_nothing(project: Project) -> None:
    slow(project)
    with Proxy(project.server) as proxy:
        run = project.start("migrations_run", env=through(project, proxy.port))
        project.wait_for(SLEEPING)
        proxy.stall()
        run.send_signal(signal.SIGTERM)
        send_until_ended(run, signal.SIGINT, seconds=5)
    code, _, stderr = ended(run)
    assert code == 130
    assert "Traceback" not in stderr
    assert "CommandError: Ended at once by SIGINT, a second signal" in stderr
    project.wait_for(UNLOCKED)
    assert project.manage("migrations_show").ok().stdout.startswith("[F] blog.20240101000001_slow")


def test_a_second_signal_in_a_proof_says_what_becomes_of_its_scratch(project: Project) -> None:
    project.write("blog.20240101000001_slow", "SELECT pg_sleep(30);")
    with Proxy(project.server) as proxy:
        proof = project.start("migrations_verify", env=through(project, proxy.port))
        assert proof.stdout
        name = proof.stdout.readline().split()[1]
        project.wait_for(f"EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}' AND wait_event = 'PgSleep')")
        proxy.stall()
        proof.send_signal(signal.SIGTERM)
        send_until_ended(proof, signal.SIGINT, seconds=5)
    _, _, stderr = ended(proof)
    assert "Ended at once by SIGINT, a second signal" in stderr
    assert "Run it again: it drops what this one has left." in stderr
    assert "migrations_show" not in stderr
    project.server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_one_that_comes_with_the_first_is_the_same(project: Project) -> None:
    slow(project)
    run = project.start("migrations_run")
    project.wait_for(SLEEPING)
    for _ in range(3):  # as `timeout` and wrappers do
        run.send_signal(signal.SIGTERM)
    code, _, stderr = ended(run)
    assert (code, stderr.count("CommandError: Stopped by SIGTERM. ")) == (1, 1), stderr
    assert project.history() == [("blog.20240101000001_slow", "failed")]


@pytest.mark.smoke
@pytest.mark.parametrize("again", [False, True], ids=["one signal", "a second one"])
def test_a_stop_does_not_wait_without_end_for_the_record_of_it(project: Project, again: bool) -> None:
    slow(project)
    run = project.start("migrations_run", "--lock-timeout", "0")
    project.wait_for(SLEEPING)
    with transaction(project, "LOCK TABLE medusa_migrations IN SHARE MODE"):
        run.send_signal(signal.SIGTERM)
        project.wait_for(BLOCKED)
        if again:
            send_until_ended(run, signal.SIGHUP, seconds=5)
        project.wait_for(f"NOT {BLOCKED}")
        code, _, stderr = ended(run)
    assert code == 1
    assert "Traceback" not in stderr
    assert ("Ended at once by SIGHUP" if again else "Stopped by SIGTERM. ") in stderr
    assert project.history() == [("blog.20240101000001_slow", "running")]
