"""The SQL file: what it says, and how it is kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medusa_migrations.errors import FileError
from medusa_migrations.files.dist import store
from medusa_migrations.files.sqlfile import TEMPLATE, parse, parse_stored
from medusa_migrations.migration import Direction, Part, checksum
from tests.support.sql_files import PATH, down, sha, sql, up

# Files as dbmate's manual has them.
DBMATE = {
    "one statement in each part": (
        "-- migrate:up\ncreate table users (\n  id integer\n);\n\n-- migrate:down\ndrop table users;\n",
        "create table users (\n  id integer\n);",
        "drop table users;",
    ),
    "what dbmate new writes": ("-- migrate:up\n\n\n-- migrate:down\n\n", "", ""),
    "no white space behind the dashes": ("--migrate:up\na;\n--migrate:down\nb;", "a;", "b;"),
    "much white space behind the dashes": ("-- \t migrate:up  \na;\n--  migrate:down\t\nb;", "a;", "b;"),
    "comments and empty lines before the up part": ("-- Users.\n\n\n-- migrate:up\na;", "a;", None),
    "statements without semicolons": ("-- migrate:up\na\n-- migrate:down\nb", "a", "b"),
    "an option": ("-- migrate:up transaction:false\nVACUUM;\n-- migrate:down transaction:true\nb;", "VACUUM;", "b;"),
    "no down part": ("-- migrate:up\na;\n", "a;", None),
    "an empty up part": ("-- migrate:up\n-- migrate:down\nb;\n", "", "b;"),
    "no line break at the end": ("-- migrate:up\na;\n-- migrate:down", "a;", ""),
    "nothing but the marker": ("-- migrate:up", "", None),
}


@pytest.mark.smoke
@pytest.mark.parametrize(("text", "up_sql", "down_sql"), DBMATE.values(), ids=DBMATE.keys())
def test_a_file_of_dbmate(text: str, up_sql: str, down_sql: str | None) -> None:
    assert (up(text), down(text)) == (up_sql, down_sql)


# Each stands in an up part; the marker in it is none.
NO_MARKERS = {
    "a string": "SELECT '\n-- migrate:down\n';",
    "an E string": "SELECT E'\\'\n-- migrate:down\n';",
    "the continuation of an E string": "SELECT E'a'\n'\\'\n-- migrate:down\n';",
    "a quoted name": 'SELECT "\n-- migrate:down\n";',
    "a dollar quote": "DO $$\n-- migrate:down\n$$;",
    "a dollar quote with a tag": "DO $a$ $$\n-- migrate:up\n$$\n-- migrate:down\n$a$;",
    "a block comment": "/*\n-- migrate:down\n*/ a;",
    "a nested block comment": "/* /*\n-- migrate:down\n*/\n-- migrate:nonsense\n*/ a;",
    "the rows of a COPY": "COPY t FROM stdin;\n-- migrate:down\n\\.\na;",
    "a comment behind a statement": "a; -- migrate:down",
    "a comment in a comment": "a; -- -- migrate:down",
    "a line of three dashes, beside the real one": "a;\n--- migrate:down",
    "a heading, beside the real one": "a;\n-- Migrate down",
    "a sentence": "-- migrate the users\n-- We migrate: up and down\na;",
}


@pytest.mark.smoke
@pytest.mark.parametrize("part", NO_MARKERS.values(), ids=NO_MARKERS.keys())
def test_no_marker_in(part: str) -> None:
    text = f"-- migrate:up\n{part}\n-- migrate:down\nb;"
    assert (up(text), down(text)) == (part, "b;")


def test_a_marker_ends_a_statement_without_a_semicolon() -> None:
    assert up("-- migrate:up\nCREATE TABLE t (\n-- migrate:down\nDROP TABLE t") == "CREATE TABLE t ("


def test_a_marker_at_the_very_end_begins_an_empty_part() -> None:
    parsed = parse("-- migrate:up\na;\n-- migrate:down", PATH)
    assert parsed.down == Part(32, 32, 3)


def test_an_indented_marker_is_a_comment_and_a_warning() -> None:
    parsed = parse("-- migrate:up\na;\n  -- migrate:down\nb;", PATH)
    assert parsed.down is None
    assert sql(parsed, Direction.UP) == "a;\n  -- migrate:down\nb;"
    (warning,) = parsed.warnings
    assert warning.startswith(f"{PATH}:3:3: ")
    assert "-- migrate:down" in warning


def test_a_good_file_has_no_warnings() -> None:
    assert parse("-- about migrate:down\n-- migrate:up\na; -- migrate:down\n-- migrate:down\nb;", PATH).warnings == []


HEADER = """\
-- Authors and their posts.
--
-- More about them; it's long.
/* And this,
 * too. */
-- migrate:depends accounts.20230701000000_init
-- migrate:depends auth.0012_alter_user_first_name_max_length
-- migrate:depends contenttypes
-- migrate:depends auth.0012_alter_user_first_name_max_length
--migrate:feature product_categories
-- migrate:keep blog_post.search_ix
-- migrate:keep blog_post."Odd-Name"
-- migrate:phase after
-- migrate:up transaction:false
-- The table.
a;
-- migrate:down
"""


@pytest.mark.smoke
def test_a_header() -> None:
    parsed = parse(HEADER, PATH)
    assert parsed.depends == (
        "accounts.20230701000000_init",
        "auth.0012_alter_user_first_name_max_length",
        "contenttypes",
    )
    assert parsed.feature == "product_categories"
    assert parsed.phase == "after"
    assert parsed.keep == ("blog_post.search_ix", 'blog_post."Odd-Name"')
    assert parsed.description == "Authors and their posts.\n\nMore about them; it's long.\nAnd this,\ntoo."
    assert parsed.up.line == HEADER[: HEADER.index("-- The table.")].count("\n") + 1
    assert parsed.text is HEADER


def test_a_file_without_a_header() -> None:
    parsed = parse("-- migrate:up\na;\n", PATH)
    assert (parsed.depends, parsed.feature, parsed.keep, parsed.description) == ((), None, (), "")
    assert parsed.phase == "before"


OPTIONS = {"": None, " transaction:true": True, " transaction:false": False, "\ttransaction:false  ": False}


@pytest.mark.parametrize(("option", "transaction"), OPTIONS.items(), ids=["none", "true", "false", "spaced"])
@pytest.mark.parametrize("direction", Direction)
def test_transaction(direction: Direction, option: str, transaction: bool | None) -> None:
    marker = f"-- migrate:{direction}"
    parsed = parse("-- migrate:up\na;\n-- migrate:down\nb;\n".replace(marker, marker + option), PATH)
    parts = {Direction.UP: parsed.up, Direction.DOWN: parsed.down}
    assert {key: part and part.transaction for key, part in parts.items()} == {
        other: transaction if other is direction else None for other in Direction
    }


def test_copies() -> None:
    parsed = parse("-- migrate:up\nCOPY t FROM stdin;\n1\n\\.\n-- migrate:down\nb;\n", PATH)
    assert parsed.down is not None
    assert (parsed.up.copies, parsed.down.copies) == (True, False)


@pytest.mark.parametrize("name", ["a", "A.b-c_1", "product_categories"])
def test_names_of_features(name: str) -> None:
    assert parse(f"-- migrate:feature  {name} \n-- migrate:up", PATH).feature == name


DEPENDENCIES = [
    "auth",
    "auth.0012_x",
    "auth.__latest__",
    "a_1.20230701000000_init",
    "a.20230701000000-x.y-z",
    "a.20230701000000_1",
]


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_names_of_dependencies(name: str) -> None:
    assert parse(f"-- migrate:depends {name}\n-- migrate:up", PATH).depends == (name,)


class TestChecksum:
    TEXT = "-- a\n-- migrate:up\n\n a;\n b; \n\n-- migrate:down\nc;\n"

    def test_is_sha_256_of_the_up_part_without_white_space_at_its_ends(self) -> None:
        assert parse(self.TEXT, PATH).checksum == sha("a;\n b;")
        assert checksum(" a;\n b; \n") == sha("a;\n b;")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("c;", "d; e;"),
            ("-- a", "-- b\n-- migrate:depends auth"),
            ("up\n", "up transaction:false\n"),
            ("b; \n\n", "b;\n"),
        ],
        ids=["the down part", "the header", "the option", "white space at the end"],
    )
    def test_does_not_change_with(self, old: str, new: str) -> None:
        assert parse(self.TEXT.replace(old, new), PATH).checksum == parse(self.TEXT, PATH).checksum

    @pytest.mark.parametrize(
        ("old", "new"),
        [("b;", "B;"), ("a;\n b", "a;\n  b"), ("b;", "b; -- c")],
        ids=["a statement", "white space inside", "a comment"],
    )
    def test_changes_with(self, old: str, new: str) -> None:
        assert parse(self.TEXT.replace(old, new), PATH).checksum != parse(self.TEXT, PATH).checksum

    def test_does_not_change_without_the_down_part(self) -> None:
        assert parse(self.TEXT.partition("-- migrate:down")[0], PATH).checksum == parse(self.TEXT, PATH).checksum


def test_the_template_is_a_migration_that_does_nothing() -> None:
    parsed = parse(TEMPLATE, PATH)
    assert (sql(parsed, Direction.UP), sql(parsed, Direction.DOWN)) == ("", "")
    assert parsed.checksum == sha("")


HEADER_LINES = {
    "-- migrate:depends auth": ("depends", "auth"),
    "-- migrate:depends blog.20230701000000_init": ("depends", "blog.20230701000000_init"),
    "--migrate:keep a.b": ("keep", "a.b"),
    "-- migrate:keep a.c": ("keep", "a.c"),
    "-- migrate:feature f": ("feature", "f"),
    "-- migrate:phase after": ("phase", "after"),
    "-- Words; it's some": ("description", "Words; it's some"),
    "/* More */": ("description", "More"),
    "": None,
}


@settings(max_examples=200)
@given(st.permutations(list(HEADER_LINES)), st.integers(0, len(HEADER_LINES)))
def test_a_header_in_any_order(lines: list[str], count: int) -> None:
    header = "".join(f"{line}\n" for line in lines[:count])
    parsed = parse(header + TEMPLATE, PATH)
    said: dict[str, list[str]] = {"depends": [], "keep": [], "feature": [], "phase": [], "description": []}
    for key, value in filter(None, (HEADER_LINES[line] for line in lines[:count])):
        said[key].append(value)
    assert parsed.depends == tuple(said["depends"])
    assert parsed.keep == tuple(said["keep"])
    assert parsed.feature == next(iter(said["feature"]), None)
    assert parsed.phase == next(iter(said["phase"]), "before")
    assert parsed.description == "\n".join(said["description"])
    assert parsed.up.line == count + 2
    assert parsed.checksum == sha("")


PIECES = [
    *(
        "-- migrate:up",
        "-- migrate:down",
        " transaction:false",
        "-- migrate:depends a\n",
        "-- migrate:x",
        "-- migrate down",
    ),
    *(
        "COPY t FROM stdin;\n",
        "\\.\n",
        "BEGIN;",
        "COMMIT;",
        "a",
        ";",
        "'",
        "$$",
        "/*",
        "*/",
        "--",
        "\\",
        " ",
        "\n",
        "\r",
    ),
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_text_is_a_migration_or_refused(text: str) -> None:
    try:
        parsed = parse(text, PATH)
    except FileError:
        return
    for direction, part in ((Direction.UP, parsed.up), (Direction.DOWN, parsed.down)):
        for piece in part.pieces if part else ():
            before = text[: piece.start]
            assert before.rstrip("\n\r").splitlines()[-1].startswith((f"-- migrate:{direction}", "\\"))
            assert piece.line == before.count("\n") + 1
            assert piece.start <= piece.end
            assert piece.end == len(text) or text[piece.end :].startswith(("-- migrate:", "\\"))


class TestStored:
    """The down part as the history keeps it."""

    @pytest.mark.parametrize("transaction", [None, True, False])
    @pytest.mark.parametrize("statements", ["", "b;\n", "\n\n  b;", "-- c\nb", "'\n-- migrate:up\n'", "é"])
    def test_round_trip(self, transaction: bool | None, statements: str) -> None:
        stored = store(statements, Part(5, 9, 3, transaction))
        part = parse_stored(stored, PATH)
        assert part.sql(stored) == statements
        assert part == Part(len(stored) - len(statements), len(stored), 2, transaction)

    def test_copies(self) -> None:
        stored = store("COPY t FROM stdin;\n-- migrate:down\n\\.\n", Part(0, 1, 1, False, copies=True))
        assert parse_stored(stored, PATH).copies

    def test_is_a_down_part_of_a_file(self) -> None:
        stored = store("b;\n", Part(0, 1, 1, transaction=False))
        parsed = parse(f"-- migrate:up\n{stored}", PATH)
        assert sql(parsed, Direction.DOWN) == "b;"
        assert parsed.down is not None
        assert parsed.down.transaction is False

    def test_sql_without_a_marker_is_all_of_it(self) -> None:
        part = parse_stored("b;\nc;", PATH)
        assert part == Part(0, 5, 1)

    def test_what_cannot_be_split_is_an_error_with_its_place(self) -> None:
        with pytest.raises(FileError, match="this string is not closed") as caught:
            parse_stored("-- migrate:down\nb; 'c", "the stored down part of a.b")
        assert str(caught.value).startswith("the stored down part of a.b:2:4: ")

    def test_a_marker_alone_is_an_empty_part(self) -> None:
        assert parse_stored("-- migrate:down\n", PATH) == Part(16, 16, 2)

    @settings(max_examples=200)
    @given(st.lists(st.sampled_from(["b;", "\n", " ", "'c'", "$$;$$", "-- d\n", " é ", "\t"])).map("".join))
    def test_round_trip_of_a_file_s_part(self, statements: str) -> None:
        parsed = parse(f"-- migrate:up\n-- migrate:down\n{statements}", PATH)
        assert parsed.down is not None
        kept = parsed.down.sql(parsed.text)
        assert kept == statements
        stored = store(kept, parsed.down)
        part = parse_stored(stored, PATH)
        assert part.sql(stored) == statements
