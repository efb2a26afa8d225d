"""How far a backfill is, shown as a bar on a terminal if tqdm is installed, elsewhere as a line every ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from django.core.management.base import OutputWrapper

from medusa_migrations.events import Progressed

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_SECONDS = 10


class Progress:
    """Shows Progressed events on `stream` if that is a terminal, else as lines given to `write`."""

    def __init__(self, stream: OutputWrapper, write: Callable[[str], None]) -> None:
        self.stream, self.write = stream, write
        self.bar: tqdm[NoReturn] | None = None
        self.next_line = time.monotonic() + LINE_SECONDS

    def __call__(self, event: Progressed) -> None:
        if self.stream.isatty() and self._has_drawn(event):
            return
        if event.is_done or time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + LINE_SECONDS
            self.write(line(event))

    def pause(self) -> None:
        """Close the bar, because something else is about to be written."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _has_drawn(self, event: Progressed) -> bool:
        try:
            from tqdm import tqdm
        except ImportError:
            return False
        bar = self.bar = self.bar or tqdm(
            desc=f"Backfill of {event.table}", unit=" rows", file=self.stream, initial=event.rows, dynamic_ncols=True
        )
        bar.total = event.total
        bar.update(event.rows - bar.n)
        if event.is_done:
            self.pause()
        return True


def line(event: Progressed) -> str:
    """How far a backfill is, in words: its rows of those that there are, rows a second, and the time left."""
    percent = 100 * event.rows // max(event.total, 1)
    rest = "" if event.is_done else f", {rounded(event.seconds)} left"
    return (
        f"Backfill of {event.table}: {event.rows:,} of {'' if event.is_done else 'about '}{event.total:,} rows "
        f"({percent} %), {event.rate:,.0f} rows/s{rest}"
    )


def rounded(seconds: float) -> str:
    """A time in whole seconds, such as `12 s` or `2 min 5 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
