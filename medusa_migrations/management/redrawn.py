"""One line of a terminal that is written again and again, until something else is to be written."""

from __future__ import annotations

import os
import shutil
import unicodedata

from django.core.management.base import OutputWrapper


class Redrawn:
    """Such a line of `stream`, without any codes of terminals; where that is no terminal, nothing is written."""

    def __init__(self, stream: OutputWrapper) -> None:
        self.stream = stream
        self.is_shown = stream.isatty()
        self.is_empty = True
        self.behind = ""

    def show(self, text: str, behind: str = "") -> None:
        """Have it say `text`, as much of it as fits, behind what is on that line already and stays."""
        if self.is_shown and (room := self._columns() - _width(behind)) > 0:
            self.is_empty, self.behind = False, behind
            shown = _cut("".join(" " if char.isspace() else char for char in text), room)
            self._write(f"\r{behind}{shown}{' ' * (room - _width(shown))}")

    def clear(self) -> None:
        """Take it away, with the cursor where it was before."""
        if not self.is_empty:
            self.is_empty = True
            self._write(f"\r{self.behind}{' ' * (self._columns() - _width(self.behind))}\r{self.behind}")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text, str, "")
            self.stream.flush()
        except (OSError, ValueError):  # nobody reads it any more
            self.is_shown, self.is_empty = False, True

    def _columns(self) -> int:
        """How many are written to: behind the last one, terminals begin another line."""
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except OSError:
            columns = 0
        return (columns or shutil.get_terminal_size().columns) - 1


def _width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _cut(text: str, width: int) -> str:
    """As much of `text` as fits into one line."""
    if _width(text) <= width:
        return text
    while text and _width(text) >= width:
        text = text[:-1]
    return f"{text}…"
