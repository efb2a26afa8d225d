"""A signal that comes at any moment stops the run.

Found by an attack: Ctrl-C could hang a backfill for ever, its handler waiting for a lock that the interrupted thread
held; and one that came while the handlers were set was a traceback.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from tests.support.processes import ended
from tests.support.projects import ROOT, Project

# The project's own handler and interruption, without a database: each round is a pause that a signal ends at a random
# moment, and a handler that waits for a lock ends the process with all stacks.
ROUNDS = """
    import faulthandler, os, random, signal, threading, time
    from medusa_migrations.database.interruption import StopRequested
    from medusa_migrations.errors import Interrupted
    from medusa_migrations.management.stop import stopped_by_signals

    faulthandler.dump_traceback_later(8, exit=True)
    sending = threading.Event()

    def send():
        sending.wait()
        time.sleep(random.random() / 500)
        os.kill(os.getpid(), signal.SIGINT)
"""

PAUSES = """
    for _ in range(40):
        thread = threading.Thread(target=send)
        thread.start()
        try:
            with stopped_by_signals() as interruption, interruption.cancels(lambda: None):
                sending.set()
                with interruption.in_code(True):
                    while True:
                        interruption.wait(0)
        except StopRequested as stop:
            assert str(stop) == interruption.reason == "SIGINT"
        sending.clear()
        thread.join()
    print("all ended")
"""

# Nothing is attached: the signal comes while the handlers are set, later, or before that, where it is Python's.
SETTING = """
    ends = set()
    for _ in range(100):
        thread = threading.Thread(target=send)
        thread.start()
        sending.set()
        try:
            with stopped_by_signals() as interruption:
                thread.join()
                time.sleep(1)
        except (Interrupted, KeyboardInterrupt) as error:
            ends.add(type(error))
        sending.clear()
        thread.join()
        assert signal.set_wakeup_fd(-1) == -1, "the wakeup file is left"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "a handler is left"
    assert Interrupted in ends
    print("all ended")
"""


def outcome(script: str) -> subprocess.CompletedProcess[str]:
    source = textwrap.dedent(ROUNDS) + textwrap.dedent(script)
    return subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_handler_waits_for_no_lock() -> None:
    found = outcome(PAUSES)
    assert (found.returncode, found.stdout) == (0, "all ended\n"), found.stderr


def test_a_signal_while_the_handlers_are_set_stops_and_leaves_nothing_behind() -> None:
    found = outcome(SETTING)
    assert (found.returncode, found.stdout) == (0, "all ended\n"), found.stderr


BACKFILL = """
from medusa_migrations import Schema
transaction = False

def up(schema: Schema) -> None:
    schema.backfill("post", set="done = true", where="NOT done", batch=1, pause=0.001)
"""


@pytest.mark.smoke
def test_a_backfill_between_two_batches_is_stopped(project: Project) -> None:
    project.sql("CREATE TABLE post (id int PRIMARY KEY, done bool NOT NULL DEFAULT false)")
    project.sql("INSERT INTO post SELECT n FROM generate_series(1, 100000) n")
    (project.add_app("blog") / "20240101000001_fill.py").write_text(BACKFILL)
    project.manage("migrations_build").ok()
    run = project.start("migrations_run")
    project.wait_for("EXISTS (SELECT FROM post WHERE done)")
    run.send_signal(signal.SIGINT)
    code, _, stderr = ended(run)
    assert code == 130, stderr
    assert stderr.count("CommandError: Stopped by SIGINT. blog.20240101000001_fill was stopped.") == 1
    assert project.history() == [("blog.20240101000001_fill", "failed")]
