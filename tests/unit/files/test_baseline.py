"""`-- migrate:baseline`: what it may stand beside, and that a build keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from medusa_migrations.errors import FileError
from medusa_migrations.files import dist
from medusa_migrations.files.pyfile import parse as parse_python
from medusa_migrations.files.sqlfile import parse
from tests.support.builders import in_file

HEADER = "-- migrate:baseline\n"
UP = "-- migrate:up\nSELECT 1;\n"

REFUSED = {
    "a value": ("-- migrate:baseline blog\n" + UP, False, 1, "migrate:baseline takes nothing behind it"),
    "twice": (HEADER + "\n" + HEADER + UP, False, 3, "a second migrate:baseline"),
    "repeatable": (HEADER + UP, True, 1, "migrate:baseline is for files with a timestamp"),
    "without a transaction": (
        HEADER + "-- migrate:up transaction:false\nSELECT 1;\n",
        False,
        1,
        "migrate:baseline compares the up part in a transaction",
    ),
    "phase after": (
        "-- migrate:phase after\n" + HEADER + UP,
        False,
        2,
        "migrate:baseline is for what comes before all else",
    ),
    "drops": (
        HEADER + "-- migrate:drops blog.R__users\n" + UP,
        False,
        2,
        "migrate:drops has no place beside migrate:baseline",
    ),
    "below the marker": (UP + HEADER, False, 3, "migrate:baseline belongs into the header"),
    "misspelt": ("-- migrate:base-line\n" + UP, False, 1, "unknown directive"),
}


@pytest.mark.parametrize(("text", "repeatable", "at", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text: str, repeatable: bool, at: int, problem: str) -> None:
    with pytest.raises(FileError) as caught:
        parse(text, "blog/x.sql", repeatable=repeatable)
    assert str(caught.value).startswith(f"blog/x.sql:{at}:1: {problem}")


@pytest.mark.parametrize("down", ["", "-- migrate:down transaction:false\nSELECT 2;\n"])
def test_it_is_said_by_the_header(down: str) -> None:
    assert parse(HEADER + UP + down, "x.sql").baseline
    assert not parse(UP + down, "x.sql").baseline


@pytest.mark.parametrize("value", ["True", "False"])
def test_none_is_in_python(value: str) -> None:
    text = f"baseline = {value}\n\ndef up(schema):\n    pass\n"
    with pytest.raises(FileError, match=r"(?s)x\.py:1: a migration in Python is no baseline.*migrate:baseline"):
        parse_python(text, "x.py", "x.py")


def test_a_build_keeps_it(tmp_path: Path) -> None:
    one, other = (in_file(tmp_path, f"blog.{n}", header=header) for n, header in ((1, HEADER), (2, "")))
    dist.write(tmp_path / "dist", [one, other])
    loaded = dist.load(tmp_path / "dist")
    assert loaded is not None
    assert [one.baseline for one in loaded] == [True, False]
