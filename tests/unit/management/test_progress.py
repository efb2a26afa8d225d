"""How far something is that takes long, on a terminal and elsewhere."""

from __future__ import annotations

import io
import threading

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import no_style

from medusa_migrations import events
from medusa_migrations.events import Blocked, Event, Finished, Indexing, Progressed, Started, Waiting, Working, working
from medusa_migrations.management.console import Console, alert_text
from medusa_migrations.management.progress import line
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import IndexProgress
from tests.support.terminals import Screen, rows

ID = MigrationId("blog", "20240101000001_t")
STARTED, FINISHED = Started(ID, Direction.UP), Finished(ID, 3)
THIRD = Working(str(ID), 3, 30, 12)
INDEX = Indexing(IndexProgress("post", "post_idx", "building index: scanning table", 45))
BACKFILL = Progressed(ID, "post", 10, 100, 5, 18, False)
HEADING = "Running migrations:"
DONE = f"  Applying {ID}... OK (3 ms)"


def console(stdout: io.StringIO, stderr: io.StringIO, verbosity: int = 1, *, quiet: bool = False) -> Console:
    return Console(OutputWrapper(stdout), OutputWrapper(stderr), no_style(), verbosity, quiet=quiet)


def test_behind_the_migration_stands_which_of_how_many_it_is() -> None:
    screen = Screen()
    with console(screen, screen) as listener:
        listener(STARTED)
        listener(THIRD)
        assert screen.line == f"  Applying {ID}... 3 of 30, about 12 s left"
        listener(FINISHED)
        assert rows(screen.getvalue()) == [HEADING, DONE, ""]


def test_what_takes_long_in_it_stands_below_until_something_else_is_said() -> None:
    screen = Screen()
    with console(screen, screen) as listener:
        for event in (STARTED, THIRD, INDEX):
            listener(event)
        assert screen.line == "Building index post_idx of post: building index: scanning table, 45 %"
        listener(BACKFILL)
        assert screen.line == "Backfill of post: 10 of about 100 rows (10 %), 5 rows/s, 18 s left"
        listener(Blocked("pid 7"))
        listener(FINISHED)
    waits = "Waiting for a lock that is held by pid 7"
    assert rows(screen.getvalue()) == [HEADING, f"  Applying {ID}...", waits, DONE, ""]


@pytest.mark.parametrize(
    ("stdout", "quiet", "said"),
    [(io.StringIO, False, f"{HEADING}\n{DONE}\n"), (io.StringIO, True, ""), (Screen, True, "")],
)
def test_where_stdout_goes_elsewhere_the_line_names_the_migration(
    stdout: type[io.StringIO], quiet: bool, said: str
) -> None:
    out, screen = stdout(), Screen()
    with console(out, screen, quiet=quiet) as listener:
        listener(STARTED)
        listener(THIRD)
        assert screen.line == f"  3 of 30, about 12 s left: {ID}"
        listener(FINISHED)
    assert (out.getvalue(), screen.line) == (said, "")


@pytest.mark.parametrize(("stderr", "verbosity"), [(io.StringIO, 1), (Screen, 0)])
def test_without_a_terminal_and_with_verbosity_0_nothing_is_said(stderr: type[io.StringIO], verbosity: int) -> None:
    err = stderr()
    with console(io.StringIO(), err, verbosity) as listener:
        for event in (Working("reading the migrations", 3, 30), STARTED, THIRD, INDEX, BACKFILL):
            listener(event)
    assert err.getvalue() == ""


def test_a_backfill_that_is_done_is_told_once_and_for_all() -> None:
    for stderr in (io.StringIO(), Screen()):
        with console(io.StringIO(), stderr) as listener:
            listener(BACKFILL._replace(rows=100, is_done=True))
        assert stderr.getvalue() == "Backfill of post: 100 of 100 rows (100 %), 5 rows/s\n"


def test_after_an_error_nothing_is_left_of_the_line() -> None:
    screen = Screen()

    def stopped() -> None:
        with console(screen, screen) as listener:
            listener(Working("reading the migrations", 3, 30))
            assert screen.line == "  3 of 30: reading the migrations"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    screen.write("CommandError")
    assert rows(screen.getvalue()) == ["CommandError"]


@pytest.mark.parametrize("columns", [10, 40, 42, 80])
@pytest.mark.parametrize("event", [THIRD, Working("東京" * 30), Working("x\x1b\n" * 30)])
def test_no_line_is_longer_than_the_terminal(columns: int, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Screen()
    with console(screen, screen) as listener:
        listener(event)
        assert 0 < len(screen.line) < columns
        assert "\n" not in screen.getvalue()
        listener(STARTED)
        listener(event)
        assert len(screen.line) < max(columns, len(DONE))
        listener(FINISHED)
    assert rows(screen.getvalue())[-3:] == [HEADING, DONE, ""]


def test_a_terminal_that_has_gone_stops_nothing() -> None:
    class Gone(Screen):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with console(io.StringIO(), Gone()) as listener:
        listener(THIRD)
        listener(THIRD)


def test_threads_that_tell_do_not_disturb_each_other() -> None:
    screen = Screen()
    with console(io.StringIO(), screen) as listener:
        threads = [
            threading.Thread(target=lambda: [listener(one) for one in (THIRD, Blocked("pid 7"), INDEX)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert rows(screen.getvalue()) == ["Waiting for a lock that is held by pid 7"] * 8 + [""]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Working("comparing the models"), "  comparing the models"),
        (Working("reading", 1200, 5000, 1), "  1,200 of 5,000: reading"),
        (Working("reading", 1, 5000, 125), "  1 of 5,000, about 2 min 5 s left: reading"),
    ],
)
def test_the_words(event: Working, expected: str) -> None:
    assert line(event) == expected


def test_what_is_done_soon_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    assert list(working("reading", "abc", 3, told.append)) == ["a", "b", "c"]
    assert told == []
    now = iter(range(0, 100, 2))  # seconds
    monkeypatch.setattr(events.time, "monotonic", lambda: next(now))
    assert list(working("reading", "abc", 25, told.append, size=10)) == ["a", "b", "c"]
    assert [(one.number, one.total) for one in told if isinstance(one, Working)] == [(1, 25), (11, 25), (21, 25)]
    assert next(one.seconds for one in told if isinstance(one, Working)) is None


@pytest.mark.parametrize(("left", "said"), [(0.3, "1 s"), (59.94, "60 s"), (60, "60 s"), (3599.2, "3600 s")])
def test_how_long_the_lock_is_waited_for_is_told_in_whole_seconds(left: float, said: str) -> None:
    assert f"Waiting up to {said} for the lock" in alert_text(Waiting("pid 1", left))
