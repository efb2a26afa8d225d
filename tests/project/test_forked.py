"""A command that was forked for a test is as one that was started (tests/support/forked.py)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.projects import Project, Server
from tests.support.terminals import Terminal

FACTS = """
import json, os, signal, sys, warnings
from django.apps import apps
from django.conf import settings
from django.utils import translation
json.dump({
    "modules": [sys.modules["__main__"].__dict__ is globals(), __name__, __file__, __spec__],
    "python": [sys.argv, sys.path, sys.executable, str(sys.flags), sys.warnoptions, str(warnings.filters)],
    "place": [os.getcwd(), os.getpgrp() == os.getpid(), os.getsid(0), os.getppid() > 1, dict(os.environ)],
    "files": os.listdir("/proc/self/fd"),
    "django": [settings.configured, list(apps.app_configs), apps.apps_ready, apps.ready, vars(translation._trans)],
    "signals": [str(signal.getsignal(one)) for one in signal.Signals] + sorted(signal.pthread_sigmask(0, [])),
    "streams": [
        [one.name, one.encoding, one.errors, one.line_buffering, one.seekable(), one.isatty()]
        for one in (sys.stdin, sys.stdout, sys.stderr)
    ],
}, sys.stdout)
"""

ENDS = {
    "at its end": "print('done')",
    "a number": "sys.exit(3)",
    "words": "sys.exit('no')",
    "an error": "print('begun'); 1 / 0",
    "Ctrl-C": "raise KeyboardInterrupt",
    "killed": "os.kill(os.getpid(), 9)",
    "nobody reads": "os.close(1); print('lost')",
    "a thread goes on": "threading.Timer(0.1, print, ['late']).start()",
    "what is done at the exit": "import atexit; atexit.register(print, 'last')",
    "a file that is open": "left = open(__file__)",
    "a circle with an open file": "left = [open(__file__)]; left.append(left); del left",
    "a generator that is not at its end": "going = waiting(); next(going)",
}
WAITING = """
def waiting():
    try:
        yield
    finally:
        print('finally')
"""


pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="every command is started where Linux is not")


@pytest.fixture
def lone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of which nothing asks a database."""
    monkeypatch.delenv("TEST_REAL_STARTS", raising=False)
    return Project(tmp_path, Server({}, ""), "")


@pytest.mark.parametrize("env", [{}, forked.WARNS])
def test_it_is_forked_and_finds_what_a_start_finds(lone: Project, env: dict[str, str]) -> None:
    (lone.folder / "facts.py").write_text(FACTS)
    process = lone.start("a", "b", script="facts.py", env=env, process_group=0)
    assert isinstance(process, forked.Forked)
    assert os.getpgid(process.pid) == process.pid
    found = json.loads(process.communicate(timeout=30)[0])
    started = lone.start("a", "b", script="facts.py", env=env, process_group=0, real=True)
    assert found == json.loads(started.communicate(timeout=30)[0])


def test_on_a_terminal_its_streams_are_those_of_a_start(lone: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (lone.folder / "facts.py").write_text(FACTS)
    found = []
    for _ in range(2):
        with Terminal(lone, script="facts.py", both=True) as terminal:
            streams = json.loads(terminal.end().stderr)["streams"]
            found.append([stream[:4] + stream[5:] for stream in streams])  # nobody seeks
            assert isinstance(terminal.process, forked.Forked) == (len(found) == 1)
        monkeypatch.setenv("TEST_REAL_STARTS", "1")
    assert found[0] == found[1]
    assert found[0][1][4]


@pytest.mark.parametrize("how", ENDS)
def test_it_ends_as_a_start_does(lone: Project, how: str) -> None:
    (lone.folder / "end.py").write_text(f"import os, sys, threading\n{WAITING}\n{ENDS[how]}\n")
    forked_one, started = (lone.manage(script="end.py", real=real) for real in (False, True))
    assert (forked_one.code, forked_one.stdout) == (started.code, started.stdout)
    assert forked_one.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]


def test_it_is_waited_for_and_killed_as_any_process(lone: Project) -> None:
    (lone.folder / "sleep.py").write_text("import time; print('up', flush=True); time.sleep(60)")
    one, other = (lone.start(script="sleep.py") for _ in range(2))
    assert one.stdout
    assert one.stdout.readline() == "up\n"
    assert one.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        one.wait(timeout=0.01)
    one.send_signal(signal.SIGTERM)
    assert one.wait() == one.poll() == one.returncode == -signal.SIGTERM
    assert one.communicate() == ("", "")
    other.kill()
    assert other.communicate()[0] in ("", "up\n")
    assert other.returncode == -signal.SIGKILL


@pytest.mark.parametrize("name", ["PYTHONWARNINGS", "PYTHONPATH", "LANG", "TZ", "PATH", "HOME"])
def test_what_is_read_at_the_start_is_given_to_a_start(lone: Project, name: str) -> None:
    command = [sys.executable, "manage.py"]
    assert forked.can_fork(command, lone.environment())
    assert not forked.can_fork(command, lone.environment() | {name: "C"})
    assert not forked.can_fork([sys.executable, "-m", "django"], lone.environment())
    assert not forked.can_fork(["python-of-others", "manage.py"], lone.environment())
