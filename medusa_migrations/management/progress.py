"""How far something is, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medusa_migrations.events import Indexing, Progressed, Working
from medusa_migrations.messages import N_

if TYPE_CHECKING:
    from medusa_migrations.results import IndexProgress

# A shorter time is over before it is read.
_TOLD_SECONDS = 2


def line(event: Progressed | Indexing | Working) -> str:
    """What an event tells, as a line of its own."""
    match event:
        case Progressed():
            return backfill_line(event)
        case Indexing(progress):
            return index_line(progress)
        case Working(what):
            counted = count(event)
            return f"  {counted}: {what}" if counted else f"  {what}"


def count(event: Working) -> str:
    """Which of how many is under way, and the time that is left; an empty string where nothing is counted."""
    seconds = round(event.seconds or 0)
    left = N_(", about {time} left", time=rounded(seconds)) if seconds >= _TOLD_SECONDS else ""
    return N_("{number:,} of {total:,}{left}", number=event.number, total=event.total, left=left) if event.total else ""


def backfill_line(event: Progressed) -> str:
    """Its rows of those that there are, rows a second, and the time that is left."""
    if event.is_done:
        text = N_("Backfill of {table}: {rows:,} of {total:,} rows ({percent} %), {rate:,.0f} rows/s")
    else:
        text = N_(
            "Backfill of {table}: {rows:,} of about {total:,} rows ({percent} %), {rate:,.0f} rows/s, {time} left"
        )
    return text.filled(
        table=event.table,
        rows=event.rows,
        total=event.total,
        percent=100 * event.rows // max(event.total, 1),
        rate=event.rate,
        time=rounded(event.seconds),
    )


def index_line(progress: IndexProgress) -> str:
    """The phase that an index is in, and how much of that is done."""
    return N_(
        "Building {index}{table}: {phase}{percent}",
        index=N_("index {name}", name=progress.name) if progress.name else N_("an index"),
        table=N_(" of {table}", table=progress.table) if progress.table else "",
        phase=progress.phase,
        percent="" if progress.percent is None else f", {progress.percent} %",
    )


def rounded(seconds: float) -> str:
    """A time in whole seconds, such as `12 s` or `2 min 5 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
