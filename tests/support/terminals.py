"""Commands on a terminal, which they ask questions on, and what a terminal shows."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from .projects import Outcome, Project

SECONDS = 60


def rows(said: str) -> list[str]:
    """The rows that a terminal shows, to which this was written."""
    shown = []
    for line in said.replace("\r\n", "\n").split("\n"):
        row = ""
        for text in line.split("\r"):
            row = text + row[len(text) :]
        shown.append(row.rstrip())
    return shown


class Screen(io.StringIO):
    """A terminal in this process; `line` is what its last line shows."""

    def isatty(self) -> bool:
        return True

    @property
    def line(self) -> str:
        return rows(self.getvalue())[-1]


class Terminal:
    """A command whose stdin and stderr are a terminal, and with `both` its stdout too. `said` is what that gets."""

    def __init__(self, project: Project, *arguments: str, both: bool = False, script: str = "manage.py") -> None:
        self.ours, theirs = pty.openpty()
        self.said = ""
        self.open = ExitStack()
        self.open.callback(os.close, self.ours)
        self.process = self.open.enter_context(
            project.start(
                *arguments, script=script, stdin=theirs, stdout=theirs if both else subprocess.PIPE, stderr=theirs
            )
        )
        self.open.callback(self.process.kill)
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.open.close()

    def write(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def wait_for(self, text: str) -> None:
        while text not in self.said:
            assert self._read(), (text, self.said)

    def interrupt(self) -> None:
        """Ctrl-C, once the process sleeps: Python hears of one that comes right before it reads with the next key."""
        while Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            assert self.process.poll() is None, self.said
        self.process.send_signal(signal.SIGINT)

    def end(self) -> Outcome:
        while self._read():
            pass
        stdout, _ = self.process.communicate(timeout=SECONDS)
        return Outcome(self.process.returncode, stdout or "", self.said.replace("\r\n", "\n"))

    def _read(self) -> bool:
        """Read on; False at the end, which Linux tells by an error."""
        assert select.select([self.ours], [], [], SECONDS)[0], self.said
        try:
            found = os.read(self.ours, 10_000)
        except OSError:
            return False
        self.said += found.decode()
        return bool(found)


def answered(project: Project, typed: str, *arguments: str) -> Outcome:
    """What comes of a command on a terminal where `typed` is typed."""
    with Terminal(project, *arguments) as terminal:
        terminal.write(typed)
        return terminal.end()
