"""Commands on a terminal, which they ask questions on."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from .projects import Outcome, Project

SECONDS = 60


class Terminal:
    """A command whose stdin and stderr are a terminal; its stdout is none. `said` is what the terminal shows."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        self.said = ""
        self.open = ExitStack()
        self.open.callback(os.close, self.ours)
        self.process = self.open.enter_context(
            subprocess.Popen(
                [project.python, "manage.py", *arguments],
                cwd=project.folder,
                env=project.environment(),
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=theirs,
                text=True,
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

    def end(self) -> Outcome:
        while self._read():
            pass
        stdout, _ = self.process.communicate(timeout=SECONDS)
        return Outcome(self.process.returncode, stdout, self.said.replace("\r\n", "\n"))

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
