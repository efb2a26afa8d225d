"""How a run of a fleet looks."""

from __future__ import annotations

import io
import json
import threading

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import no_style

from medusa_migrations.fleet.results import FleetResult, TargetResult, grouped
from medusa_migrations.management.fleet_console import FleetProgress, errors_text, fleet_json, progress_line
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import Failure
from tests.support.terminals import Screen

ID = MigrationId("blog", "20240101000001_t")
FILE = "blog/sql_migrations/20240101000001_t.sql"
WHY = Failure(ID, "no such column", FILE, 3, 35, "42703")
TOLD = f"{ID} failed (up): no such column (SQLSTATE 42703)\n{FILE}:3:35\n     3 | UPDATE t;\n       |   ^"


def progress(stdout: io.StringIO, stderr: io.StringIO, verbosity: int = 1, *, quiet: bool = False) -> FleetProgress:
    return FleetProgress(OutputWrapper(stdout), OutputWrapper(stderr), no_style(), verbosity, total=1000, quiet=quiet)


DONE = TargetResult("t1", "done", (ID, ID), 120, 1)
CURRENT = TargetResult("t2", "current")
FAILED = TargetResult("t3", "failed", (ID,), 50, 1, WHY, TOLD)
LINES = (
    "  t1: applied 2 migrations (120 ms)\n"
    "  t3: applied 1 migration, then FAILED (50 ms): blog.20240101000001_t: no such column\n"
)


@pytest.mark.parametrize(
    ("stdout", "stderr", "verbosity", "quiet", "said", "is_drawn"),
    [
        pytest.param(io.StringIO, io.StringIO, 1, False, LINES, False, id="no terminal"),
        pytest.param(Screen, Screen, 1, False, "", True, id="a terminal"),
        pytest.param(io.StringIO, Screen, 1, False, LINES, True, id="stdout into a file"),
        pytest.param(Screen, io.StringIO, 1, False, LINES, False, id="stderr into a file"),
        pytest.param(io.StringIO, io.StringIO, 1, True, "", False, id="JSON"),
        pytest.param(Screen, Screen, 0, False, "", False, id="verbosity 0"),
    ],
)
def test_where_it_is_written(
    stdout: type[io.StringIO], stderr: type[io.StringIO], verbosity: int, quiet: bool, said: str, is_drawn: bool
) -> None:
    out, err = stdout(), stderr()
    with progress(out, err, verbosity, quiet=quiet) as shown:
        for target in (DONE, CURRENT, FAILED):
            shown.began(target.name)
            shown.ended(target)
        if isinstance(err, Screen):
            assert ("3 of 1,000 targets" in err.line and "1 failed" in err.line) == is_drawn
    assert out.getvalue() == said
    if isinstance(err, Screen):
        assert err.line == "", "nothing is left of it"
    else:
        assert err.getvalue() == ""


def test_what_is_said_meanwhile_stands_on_a_line_of_its_own() -> None:
    screen = Screen()
    with progress(Screen(), screen) as shown:
        shown.began("t1")
        shown.alert("t1 waits\x1b")
        assert screen.line == "0 of 1,000 targets, running t1"
    assert "\rt1 waits\\x1b\n" in screen.getvalue()


def test_the_line_fits_into_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    with progress(Screen(), screen) as shown:
        for name in ("long " * 20, "東京" * 20):
            shown.began(name)
            assert screen.line.endswith("…")
            assert len(screen.line) <= 39
            shown.ended(CURRENT._replace(name=name))


def test_threads_do_not_disturb_each_other() -> None:
    out = io.StringIO()
    shown = progress(out, io.StringIO())
    threads = [
        threading.Thread(target=lambda part=part: [shown.ended(DONE._replace(name=f"{part}")) for _ in range(100)])
        for part in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown.done == 800
    assert len(out.getvalue().splitlines()) == 800


@pytest.mark.parametrize(
    ("done", "failed", "running", "seconds", "expected"),
    [
        (0, 0, [], 0.0, "0 of 1,000 targets"),
        (0, 0, ["a"], 5.0, "0 of 1,000 targets, running a"),
        (500, 2, ["a", "b"], 10.0, "500 of 1,000 targets, 50.0/s, 10 s left, 2 failed, running a, b"),
        (1000, 0, [], 10.0, "1,000 of 1,000 targets, 100.0/s"),
    ],
)
def test_how_far_it_is_in_words(done: int, failed: int, running: list[str], seconds: float, expected: str) -> None:
    assert progress_line(done, 1000, failed, running, seconds) == expected


def test_a_thousand_equal_failures_are_told_once() -> None:
    targets = [FAILED._replace(name=f"t{number}") for number in range(1000)]
    assert errors_text(grouped(targets)) == f"1000 targets failed: t0, t1, t2, t3, t4, t5, t6 and 993 more\n{TOLD}"


def test_errors_that_all_differ_are_cut() -> None:
    targets = [FAILED._replace(name=f"t{n}", error=WHY._replace(message=f"no {n}"), told="") for n in range(30)]
    text = errors_text(grouped(targets))
    assert text.startswith("1 target failed: t0\nno 0\n\n1 target failed: t1\n")
    assert text.endswith("\n\nAnd 20 other errors of 20 targets: --json has all.")


def test_the_document() -> None:
    left = TargetResult("t4", "not_reached")
    result = FleetResult("tenants", 7, Direction.UP, "abc", "budget_spent", (DONE, CURRENT, FAILED, left))
    document = json.loads(fleet_json(result))
    targets = document.pop("targets")
    why = {"sqlstate": "42703", "message": "no such column", "file": FILE, "line": 3}
    assert document == {
        "fleet": "tenants",
        "run": 7,
        "direction": "up",
        "build": "abc",
        "outcome": "budget_spent",
        "counts": {"targets": 4, "current": 1, "done": 1, "failed": 1, "not_reached": 1},
        "errors": [{"migration": str(ID), **why, "targets": ["t3"]}],
    }
    assert [one["name"] for one in targets] == ["t1", "t3", "t4"]
    assert targets[1] == {
        "name": "t3",
        "state": "failed",
        "applied": [str(ID)],
        "duration_ms": 50,
        "attempt": 1,
        "error": {"id": str(ID), **why, "column": 35},
    }
    assert [one["name"] for one in json.loads(fleet_json(result, every=True))["targets"]] == ["t1", "t2", "t3", "t4"]
