"""Several up and down parts in one file: what runs, in which order, where it stands in the file, and its checksum."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medusa_migrations.files.dist import store
from medusa_migrations.files.sqlfile import parse, parse_stored
from medusa_migrations.migration import Direction, MigrationId, Part
from medusa_migrations.run.task import Script
from tests.support.sql_files import PATH, down, sha, sql, up

TWO = """\
-- Two tables.
-- migrate:up
CREATE TABLE a ();
-- migrate:down
DROP TABLE a;
-- The other one.
-- migrate:up
CREATE TABLE b ();

-- migrate:down
DROP TABLE b;
"""

# What a file says, and what is sent for its ups and its downs.
SENT = {
    "two pairs": (TWO, "CREATE TABLE a ();\nCREATE TABLE b ();", "DROP TABLE b;\nDROP TABLE a;\n-- The other one."),
    "no semicolons": (
        "-- migrate:up\na\n-- migrate:down\nb\n-- migrate:up\nc\n-- migrate:down\nd",
        "a\n;\nc",
        "d\n;\nb",
    ),
    "a comment at the end that holds the semicolon": (
        "-- migrate:up\na -- b;\n-- migrate:up\nc",
        "a -- b;\n;\nc",
        None,
    ),
    "a comment behind the semicolon": ("-- migrate:up\na; -- b\n-- migrate:up\nc", "a; -- b\n;\nc", None),
    "a semicolon in a string": ("-- migrate:up\nSELECT ';'\n-- migrate:up\nb;", "SELECT ';'\n;\nb;", None),
    "rows": (
        "-- migrate:up\nCOPY t FROM stdin;\n-- migrate:up\n\\.\n-- migrate:up\nb;",
        "COPY t FROM stdin;\n-- migrate:up\n\\.\n;\nb;",
        None,
    ),
    "no down part at all": ("-- migrate:up\na;\n-- migrate:up\nb;", "a;\nb;", None),
    "three pairs": (
        "".join(f"-- migrate:up\nu{one};\n-- migrate:down\nd{one};\n" for one in "123"),
        "u1;\nu2;\nu3;",
        "d3;\nd2;\nd1;",
    ),
    "parts without a statement are left out": (
        "-- migrate:up\n-- x\n-- migrate:down\n-- migrate:up\nb;\n-- migrate:down\n-- y\n",
        "b;",
        "-- y",
    ),
    "the last line of a file without a line break": (
        "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:up\nc;\n-- migrate:down\nd;",
        "a;\nc;",
        "d;\nb;",
    ),
    "what pg_dump writes around a dump": (
        "\\restrict a\n-- migrate:up\n--\n-- dump\n\n\\restrict aB1\n\na;\n\\unrestrict aB1\n\n"
        "-- migrate:down\n\\restrict",
        "a;",
        "",
    ),
    "two dumps in a part": (
        "-- migrate:up\n\\restrict a\na;\n-- end\n\\unrestrict a\n\\restrict b\nb;\n\\unrestrict b\n",
        "a;\n-- end\n;\nb;",
        None,
    ),
    "two dumps, to be undone": (
        "-- migrate:up\n-- migrate:down\n\\restrict a\na;\n\\unrestrict a\nb;\n"
        "-- migrate:up\n-- migrate:down\nc;\n\\restrict b\nd;\n",
        "",
        "c;\nd;\na;\nb;",
    ),
    "what looks like it in a string": ("-- migrate:up\nSELECT '\n\\restrict a\n';", "SELECT '\n\\restrict a\n';", None),
    "lines that end in CR, as data": ("-- migrate:up\na;\r-- migrate:up\nb;", "a;\r\nb;", None),
}


@pytest.mark.parametrize(("text", "up_sql", "down_sql"), SENT.values(), ids=SENT.keys())
def test_what_is_sent(text: str, up_sql: str, down_sql: str | None) -> None:
    found = down(text)
    assert (up(text), found) == (up_sql, down_sql)


def script(text: str, direction: Direction) -> Script:
    parsed = parse(text, PATH)
    part = parsed.up if direction is Direction.UP else parsed.down
    assert part is not None
    return Script(MigrationId("a", "b"), part.sql(text), PATH, part.pieces_of_sql(text))


# A text with ^ before what is looked for, the direction, and how far behind that the server points.
PLACES = {
    "the second up part": (TWO.replace("TABLE b ()", "TABLE ^b ()"), Direction.UP, 0),
    "the first up part": (TWO.replace("TABLE a ()", "TABLE ^a ()"), Direction.UP, 0),
    "the down part that runs last": (TWO.replace("DROP TABLE a", "DROP TABLE ^a"), Direction.DOWN, 0),
    "the down part that runs first": (TWO.replace("DROP TABLE b", "DROP TABLE ^b"), Direction.DOWN, 0),
    "what is added behind a part": ("-- migrate:up\n a (^\n-- migrate:up\nb", Direction.UP, 1),
    "behind a line that is left out": (
        TWO.replace("CREATE TABLE b", "\\restrict x\n\nCREATE ^TABLE b"),
        Direction.UP,
        0,
    ),
    "a part that begins in the middle of a line": ("-- migrate:up\na;\r-- migrate:up\n ^b", Direction.UP, 0),
}


@pytest.mark.parametrize(("marked", "direction", "behind"), PLACES.values(), ids=PLACES.keys())
def test_an_offset_has_its_place_in_the_file(marked: str, direction: Direction, behind: int) -> None:
    text = marked.replace("^", "")
    rest = marked[marked.index("^") + 1 :].partition("\n")[0]
    found = script(text, direction)
    offset = found.sql.index(rest) if rest else found.sql.index("(") + 1
    place = found.place(offset + behind)
    before = marked[: marked.index("^")]
    assert (place.line, place.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert place.source == text.split("\n")[place.line - 1].rstrip()


SAME = {
    "the header": ("-- Two tables.", "-- Some tables."),
    "a comment above the second up part": ("-- The other one.\n", "-- Another one.\n\n"),
    "the down parts": ("DROP TABLE a;", "DROP TABLE IF EXISTS a;"),
    "white space at the ends of a part": ("CREATE TABLE a ();\n", "\n  CREATE TABLE a ();  \n\n"),
    "a part without a statement": (
        "-- migrate:up\nCREATE TABLE b",
        "-- migrate:up\n-- c\n-- migrate:down\n-- migrate:up\nCREATE TABLE b",
    ),
}
SAME["the key of a dump"] = ("CREATE TABLE b", "\\restrict x\nCREATE TABLE b")
OTHER = {
    "the first up part": ("CREATE TABLE a", "CREATE TABLE c"),
    "the second up part": ("CREATE TABLE b", "CREATE TABLE c"),
    "a comment in an up part": ("CREATE TABLE b ();", "CREATE TABLE b (); -- c"),
}


class TestChecksum:
    def test_is_that_of_all_up_parts(self) -> None:
        assert parse(TWO, PATH).checksum == sha("CREATE TABLE a ();\nCREATE TABLE b ();")

    def test_is_that_of_one_part_with_the_same_sql(self) -> None:
        assert (
            parse("-- migrate:up\nCREATE TABLE a ();\nCREATE TABLE b ();", PATH).checksum == parse(TWO, PATH).checksum
        )

    def test_tells_two_statements_from_one(self) -> None:
        two = "-- migrate:up\nSELECT a\n-- migrate:up\nFROM b"
        assert parse(two, PATH).checksum != parse(two.replace("\n-- migrate:up\nF", "\nF"), PATH).checksum

    @pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME.keys())
    def test_does_not_change_with(self, old: str, new: str) -> None:
        assert parse(TWO.replace(old, new), PATH).checksum == parse(TWO, PATH).checksum

    @pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER.keys())
    def test_changes_with(self, old: str, new: str) -> None:
        assert parse(TWO.replace(old, new), PATH).checksum != parse(TWO, PATH).checksum


TRANSACTIONS = {
    ("", ""): None,
    ("", " transaction:true"): True,
    (" transaction:true", ""): True,
    (" transaction:false", " transaction:false"): False,
}


@pytest.mark.parametrize(("options", "transaction"), TRANSACTIONS.items())
def test_the_options_of_all_up_parts(options: tuple[str, str], transaction: bool | None) -> None:
    assert parse("".join(f"-- migrate:up{one}\na;\n" for one in options), PATH).up.transaction is transaction


def test_copies_of_any_part() -> None:
    parsed = parse("-- migrate:up\na;\n-- migrate:up\nCOPY t FROM stdin;\n\\.\n", PATH)
    assert parsed.up.copies


def test_what_is_stored_is_what_would_be_sent() -> None:
    parsed = parse(TWO, PATH)
    assert parsed.down is not None
    stored = store(parsed.down.sql(TWO), parsed.down)
    part = parse_stored(stored, PATH)
    assert part.sql(stored) == parsed.down.sql(TWO)
    assert part.pieces_of_sql(stored) == ((0, sys.maxsize, 2),)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["a;", "b", "\n", " ", " 'c;' ", " $$;$$ ", "-- d;\n", "é", "/* ; */"]), max_size=6))
def test_parts_are_split_as_each_of_them_alone(texts: list[str]) -> None:
    """A statement that ends with its part is not joined with the next."""
    from medusa_migrations.sql.scanner import split

    part = "".join(texts)
    one = parse(f"-- migrate:up\n{part}\n", PATH)
    two = parse(f"-- migrate:up\n{part}\n-- migrate:up\n{part}\n-- migrate:up\nlast", PATH)
    alone = [statement.words for statement in split(sql(one, Direction.UP))]
    assert [statement.words for statement in split(sql(two, Direction.UP))] == [*alone, *alone, ("LAST",)]


def test_many_parts_take_time_in_proportion() -> None:
    """The line of each is counted from the one before: the text is gone through once."""

    class Counted(str):
        characters = 0

        def count(self, part: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
            Counted.characters += (len(self) if end is None else end) - start
            return super().count(part, start, end)

    text = Counted("-- migrate:up\na;\n-- migrate:down\nb;\n" * 200)
    parse(text, PATH)
    assert 0 < Counted.characters <= 2 * len(text)  # for the ups and for the downs


def test_a_part_is_found_by_its_pieces() -> None:
    assert isinstance(parse(TWO, PATH).up, Part)
    assert [TWO[one.start : one.end] for one in parse(TWO, PATH).up.pieces] == [
        "CREATE TABLE a ();\n",
        "CREATE TABLE b ();\n\n",
    ]
