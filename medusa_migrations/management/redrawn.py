"""One line of a terminal that is written again and again, until something else is to be written."""

from __future__ import annotations

import shutil

from django.core.management.base import OutputWrapper

from medusa_migrations.results import IndexProgress


class Redrawn:
    """Such a line of `stream`, which is a terminal."""

    def __init__(self, stream: OutputWrapper) -> None:
        self.stream = stream
        self.width = 0

    def show(self, text: str) -> None:
        """Have it say `text`, as much of it as fits."""
        shown = text[: shutil.get_terminal_size().columns - 1]
        self._write(f"\r{shown.ljust(self.width)}")
        self.width = len(shown)

    def clear(self) -> None:
        """Have it be empty, with the cursor at its beginning."""
        if self.width:
            self._write(f"\r{' ' * self.width}\r")
            self.width = 0

    def _write(self, text: str) -> None:
        self.stream.write(text, str, "")
        self.stream.flush()


def index_line(progress: IndexProgress) -> str:
    """How far an index is, in words."""
    what = f"index {progress.name}" if progress.name else "an index"
    table = f" of {progress.table}" if progress.table else ""
    return f"Building {what}{table}: {progress.phase}" + ("" if progress.percent is None else f", {progress.percent} %")
