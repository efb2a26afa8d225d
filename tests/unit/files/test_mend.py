"""A renamed migration is followed in what depends on it, and no other byte of those files is changed."""

from __future__ import annotations

import codecs

import pytest

from medusa_migrations.errors import FileError
from medusa_migrations.files.mend import mended
from medusa_migrations.migration import MigrationId

OLD, NEW = "blog.20240101000000_a", "blog.20250101000000_a"
LONGER = f"{OLD}_and_more"
RENAMED = {MigrationId(*OLD.split(".")): MigrationId(*NEW.split("."))}


def lines(*given: str, end: str = "\n") -> str:
    return end.join([*given, ""])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["", "BOM"])
@pytest.mark.parametrize(
    "text",
    [
        lines(f"-- migrate:depends {OLD}", "-- migrate:up"),
        lines("-- Ä.", "--migrate:depends   shop.20240101000000_a", f"-- migrate:depends\t{OLD}  ", "-- migrate:up"),
        lines(f"-- migrate:depends {LONGER}", f"-- migrate:depends {OLD}", "-- migrate:up", "SELECT 1;"),
    ],
    ids=["one", "others, and white space", "a longer name"],
)
def test_sql(text: str, mark: bytes, end: str) -> None:
    data = mark + text.replace("\n", end).encode()
    expected = data.replace(f"{OLD}  ".encode(), f"{NEW}  ".encode()).replace(
        f"{OLD}{end}".encode(), f"{NEW}{end}".encode()
    )
    assert expected != data
    assert mended(data, "a.sql", RENAMED) == expected
    assert mended(expected, "a.sql", {new: old for old, new in RENAMED.items()}) == data


@pytest.mark.parametrize(
    "text",
    [
        lines(f"-- Comes after {OLD}.", "-- migrate:up", f"SELECT '{OLD}';", f"-- migrate:depends {OLD}"),
        lines("/*", f"-- migrate:depends {OLD}", "*/", "-- migrate:up"),
        lines(f"  -- migrate:depends {OLD}", "-- migrate:up", "SELECT 1;"),
        lines("-- migrate:up", "SELECT $$", f"-- migrate:depends {OLD}", "$$;", "-- migrate:down", f"-- {OLD}"),
        lines(f"-- migrate:depends {LONGER}", "-- migrate:up"),
    ],
    ids=["comments and strings", "a block comment", "an indented comment", "a dollar quote", "a longer name"],
)
def test_what_is_no_dependency_in_sql_stays(text: str) -> None:
    assert mended(text.encode(), "a.sql", RENAMED) == text.encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["", "BOM"])
@pytest.mark.parametrize(
    "text",
    [
        lines(f'depends = ["{OLD}"]'),
        lines(f"depends: list[str] = ['auth', '{OLD}']  # Ä"),
        lines('"""Ä."""', "depends = (", f'    "ä.b", r"{OLD}",', ")", "", "def up(schema): pass"),
    ],
    ids=["a list", "with a type", "a tuple over lines"],
)
def test_python(text: str, mark: bytes, end: str) -> None:
    data = mark + text.replace("\n", end).encode()
    assert mended(data, "a.py", RENAMED) == data.replace(OLD.encode(), NEW.encode())


@pytest.mark.parametrize(
    "text",
    [
        lines(f'"""Comes after {OLD}."""', "", "def up(schema):", f"    depends = ['{OLD}']"),
        lines(f"depends = ['{LONGER}']"),
        lines(f"depends = ['auth']  # not {OLD}"),
        lines(f"depends = AFTER  # {OLD}"),
    ],
    ids=["a text elsewhere", "a longer name", "a comment", "another variable"],
)
def test_what_is_no_dependency_in_python_stays(text: str) -> None:
    assert mended(text.encode(), "a.py", RENAMED) == text.encode()


@pytest.mark.parametrize(
    "text",
    [
        f"depends = ['blog.' + '{OLD[5:]}']",
        f"depends = ['blog.' '{OLD[5:]}']",
        f"depends = MORE + ['{OLD}']",
        f"depends = [f'{{app}}.{OLD[5:]}']",
    ],
    ids=["a sum", "strings side by side", "more than a list", "a formatted string"],
)
def test_a_python_file_that_makes_it_up_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(FileError, match="Write each id of `depends` as one string") as caught:
        mended(f"# first\n{text}\n".encode(), "blog/a.py", RENAMED)
    assert str(caught.value).startswith("blog/a.py:2: ")


@pytest.mark.parametrize(
    ("file", "data", "problem"),
    [
        ("a.sql", f"/* {OLD}".encode(), "a.sql:1:1: "),
        ("a.py", f"depends = ['{OLD}'\n<<<<<<< HEAD\n".encode(), "a.py: this is no Python"),
        ("a.py", f"depends = ['{OLD}']".encode("utf-16"), ""),
        ("a.sql", b"-- migrate:depends " + OLD.encode() + b"\n\xff", "a.sql: the file is not UTF-8"),
    ],
    ids=["a comment without an end", "a conflict", "UTF-16, whose bytes are no name", "another encoding"],
)
def test_what_cannot_be_read_is_named(file: str, data: bytes, problem: str) -> None:
    if not problem:
        assert mended(data, file, RENAMED) == data
        return
    with pytest.raises(FileError) as caught:
        mended(data, file, RENAMED)
    assert str(caught.value).startswith(problem)
