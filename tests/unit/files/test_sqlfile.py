"""The SQL file: what it says, and what is refused, with place and cure."""

from __future__ import annotations

import codecs
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medusa_migrations.errors import FileError
from medusa_migrations.files.sqlfile import TEMPLATE, ParsedFile, parse, parse_stored, store
from medusa_migrations.files.text import decode
from medusa_migrations.migration import Direction, Part, checksum

PATH = "blog/sql_migrations/20240101000001_t.sql"


def up(text: str) -> str:
    """The SQL of the up part of a file with this text."""
    return sql(parse(text, PATH), Direction.UP)


def down(text: str) -> str | None:
    parsed = parse(text, PATH)
    return sql(parsed, Direction.DOWN) if parsed.down else None


def sql(parsed: ParsedFile, direction: Direction) -> str:
    part = parsed.up if direction is Direction.UP else parsed.down
    assert part is not None
    return parsed.text[part.start : part.end].strip()


def refusal(text: str) -> str:
    with pytest.raises(FileError) as caught:
        parse(text, PATH)
    return str(caught.value)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
    assert parsed.keep == ("blog_post.search_ix", 'blog_post."Odd-Name"')
    assert parsed.description == "Authors and their posts.\n\nMore about them; it's long.\nAnd this,\ntoo."
    assert parsed.up.line == HEADER[: HEADER.index("-- The table.")].count("\n") + 1
    assert parsed.text is HEADER


def test_a_file_without_a_header() -> None:
    parsed = parse("-- migrate:up\na;\n", PATH)
    assert (parsed.depends, parsed.feature, parsed.keep, parsed.description) == ((), None, (), "")


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


# The place, and words that the message must have: what is wrong, the line, and the cure.
REFUSED: dict[str, tuple[str, str, list[str]]] = {
    "an empty file": ("", "", ["no up part", "`-- migrate:up`"]),
    "comments only": ("-- a\n/* b */\n", "", ["no up part", "`-- migrate:up`"]),
    "SQL without a marker": (
        "-- a\n a;\n",
        ":2:2",
        ["SQL before the up part", "     2 |  a;\n       |  ^", "above it"],
    ),
    "SQL before the up part": ("a\n-- migrate:up\nb;", ":1:1", ["SQL before the up part", "`-- migrate:up`"]),
    "SQL between the header and the up part": (
        "-- migrate:feature a\n\nb;\n-- migrate:up\n",
        ":3:1",
        ["SQL before the up part"],
    ),
    "two up parts": ("-- migrate:up\na;\n-- migrate:up\nb;", ":3:1", ["a second migrate:up", "Split the file"]),
    "an up part behind the down part": (
        "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:up\nc;",
        ":5:1",
        ["a second migrate:up", "Split the file"],
    ),
    "two down parts": (
        "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:down\nc;",
        ":5:1",
        ["a second migrate:down", "Join the two"],
    ),
    "down before up": (
        "-- migrate:down\nb;\n-- migrate:up\na;",
        ":1:1",
        ["migrate:down before migrate:up", "up part first"],
    ),
    "down alone": ("\n-- migrate:down\nb;", ":2:1", ["migrate:down before migrate:up", "up part first"]),
    "a misspelt up": ("-- migrate:pu\na;", ":1:1", ["unknown directive: -- migrate:pu", "'migrate:up'"]),
    "a misspelt down": (
        "-- migrate:up\n-- migrate:dwon\n",
        ":2:1",
        ["-- migrate:dwon", "'migrate:down'", "\n       | ^"],
    ),
    "a misspelt depends": ("-- migrate:depend a\n", ":1:1", ["-- migrate:depend a", "'migrate:depends'"]),
    "a misspelt feature": ("-- migrate:features a\n", ":1:1", ["-- migrate:features a", "'migrate:feature'"]),
    "capitals": ("-- migrate:UP\n", ":1:1", ["unknown directive: -- migrate:UP", "'migrate:up'"]),
    "other capitals": ("-- Migrate:up\n", ":1:1", ["unknown directive: -- Migrate:up", "'migrate:up'"]),
    "white space before the colon": ("-- migrate :up\n", ":1:1", ["unknown directive: -- migrate :up", "'migrate:up'"]),
    "white space behind the colon": ("-- migrate: up\n", ":1:1", ["unknown directive: -- migrate: up", "'migrate:up'"]),
    "a directive without a word": ("-- migrate:\n", ":1:1", ["unknown directive: -- migrate:", "migrate:feature"]),
    "a directive that is like none": ("-- migrate:xyz\n", ":1:1", ["Known are migrate:up, migrate:down, "]),
    "a slip in the word migrate": (
        "-- migrate:up\na;\n-- mirgate:down\nb;",
        ":3:1",
        ["-- mirgate:down", "'migrate:down'"],
    ),
    "migration for migrate": ("-- migrate:up\na;\n-- migration: down\nb;", ":3:1", ["directive", "'migrate:down'"]),
    "a down marker without its colon": (
        "-- migrate:up\na;\n-- migrate down\nb;",
        ":3:1",
        ["-- migrate down", "'migrate:down'"],
    ),
    "three dashes before a down marker": (
        "-- migrate:up\n--- migrate:down\nb;",
        ":2:1",
        ["directive", "'migrate:down'"],
    ),
    "an unknown option": (
        "-- migrate:up transaction=false\n",
        ":1:1",
        ["unknown option: transaction=false", "'transaction:false'"],
    ),
    "a misspelt option": ("-- migrate:up transaction:flase\n", ":1:1", ["transaction:flase", "'transaction:false'"]),
    "an option in capitals": ("-- migrate:up transaction:FALSE\n", ":1:1", ["unknown option: transaction:FALSE"]),
    "an option for a down part": (
        "-- migrate:up\n-- migrate:down now\n",
        ":2:1",
        ["unknown option: now", "migrate:down takes"],
    ),
    "a semicolon behind a marker": ("-- migrate:up;\na;", ":1:1", ["unknown option: ;"]),
    "SQL behind a marker": ("-- migrate:up a;\n", ":1:1", ["unknown option: a;"]),
    "two options": ("-- migrate:up transaction:true transaction:false\n", ":1:1", ["unknown option"]),
    "depends in the up part": (
        "-- migrate:up\n-- migrate:depends a\n",
        ":2:1",
        ["migrate:depends belongs", "above `-- migrate:up`"],
    ),
    "feature in the down part": (
        "-- migrate:up\n-- migrate:down\n-- migrate:feature a\n",
        ":3:1",
        ["migrate:feature belongs", "above `-- migrate:up`"],
    ),
    "keep in the up part": ("-- migrate:up\n-- migrate:keep a.b\n", ":2:1", ["migrate:keep belongs"]),
    "depends on nothing": (
        "-- migrate:depends\n-- migrate:up\n",
        ":1:1",
        ["names one migration", "app.20230701000000_name"],
    ),
    "depends on two": ("-- migrate:depends a, b\n-- migrate:up\n", ":1:1", ["names one migration", "a line for each"]),
    "depends on no name": ("-- migrate:depends 1a\n-- migrate:up\n", ":1:1", ["names one migration"]),
    "depends on a file": (
        "-- migrate:depends a.20230701000000_b.sql c\n-- migrate:up",
        ":1:1",
        ["names one migration"],
    ),
    "a feature without a name": (
        "-- migrate:feature\n-- migrate:up\n",
        ":1:1",
        ["names one feature", "product_categories"],
    ),
    "a feature with two names": ("-- migrate:feature a b\n-- migrate:up\n", ":1:1", ["names one feature"]),
    "two features": ("-- migrate:feature a\n-- migrate:feature b\n-- migrate:up", ":2:1", ["two features"]),
    "keep without a name": ("-- migrate:keep\n-- migrate:up\n", ":1:1", ["table.object", "blog_post.search_ix"]),
    "keep with a table only": ("-- migrate:keep blog_post\n-- migrate:up\n", ":1:1", ["table.object"]),
    "keep with a table and a dot": ("-- migrate:keep blog_post.\n-- migrate:up\n", ":1:1", ["table.object"]),
    "keep with two objects": ("-- migrate:keep a.b c.d\n-- migrate:up\n", ":1:1", ["table.object"]),
    "a string that is not closed": (
        "-- migrate:up\na;\nSELECT 1,\n  'b;\n\n-- migrate:down\nc;",
        ":4:3",
        ["this string is not closed", "     4 |   'b;\n       |   ^", "add '"],
    ),
    "a name that is not closed": ('-- migrate:up\nSELECT "b;\n', ":2:8", ["this quoted name is not closed", 'add "']),
    "a dollar quote that is not closed": (
        "-- migrate:up\nDO $a$\nBEGIN\n$b$;\n-- migrate:down\n",
        ":2:4",
        ["this dollar quote is not closed", "add $a$"],
    ),
    "a comment that is not closed": ("-- migrate:up\n a /* /* */\n", ":2:4", ["this comment is not closed", "add */"]),
    "a comment in the header that is not closed": ("/*\n-- migrate:up\na;", ":1:1", ["this comment is not closed"]),
    "a string in the down part that is not closed": (
        "-- migrate:up\na;\n-- migrate:down\nSELECT 'b",
        ":4:8",
        ["this string is not closed"],
    ),
    "an atomic body that is not closed": (
        "-- migrate:up\nCREATE FUNCTION f() BEGIN ATOMIC\nSELECT 1;\n-- migrate:down\n",
        ":2:27",
        ["BEGIN ATOMIC has no END of its own"],
    ),
    "rows without an end": ("-- migrate:up\nCOPY t FROM stdin;\n1\n-- migrate:down\n", ":2:1", ["have no end", "\\."]),
    "a COPY without its semicolon": ("-- migrate:up\nCOPY t FROM stdin\n-- migrate:down\n", ":2:1", ["must start on"]),
    "rows to a client": ("-- migrate:up\nCOPY t TO stdout;\n", ":2:1", ["COPY … TO STDOUT"]),
    "strings with backslashes": (
        "-- migrate:up transaction:false\nSET standard_conforming_strings = off;",
        ":2:1",
        ["standard_conforming_strings must stay on", "E'…'"],
    ),
    "a command of psql": ("-- migrate:up\na;\n\\i b.sql\n", ":3:1", ["\\i is a command of psql", "Take it out"]),
    "a command of psql in the header": ("\\set a 1\n-- migrate:up\n", ":1:1", ["\\set is a command of psql"]),
    "a command of psql in a part without a transaction": (
        "-- migrate:up transaction:false\nSELECT 1 \\gexec\n",
        ":2:10",
        ["\\gexec is a command of psql"],
    ),
    "a command of psql in the down part": (
        "-- migrate:up\n-- migrate:down\n\\connect d\n",
        ":3:1",
        ["\\connect is a command"],
    ),
}


@pytest.mark.smoke
@pytest.mark.parametrize(("text", "place", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(text: str, place: str, says: list[str]) -> None:
    message = refusal(text)
    assert message.startswith(f"{PATH}{place}: ")
    for expected in says:
        assert expected in message


NOT_IN_A_TRANSACTION = {
    "BEGIN;": "BEGIN",
    "start transaction;": "START TRANSACTION",
    "COMMIT AND CHAIN;": "COMMIT",
    "COMMIT PREPARED 'a';": "COMMIT PREPARED",
    "END;": "END",
    "ROLLBACK;": "ROLLBACK",
    "ABORT": "ABORT",
    "PREPARE TRANSACTION 'a';": "PREPARE TRANSACTION",
    "CREATE INDEX CONCURRENTLY i ON t (a);": "CREATE INDEX CONCURRENTLY",
    "DROP INDEX CONCURRENTLY i;": "DROP INDEX CONCURRENTLY",
    "REINDEX TABLE CONCURRENTLY t;": "REINDEX CONCURRENTLY",
    "REINDEX DATABASE d;": "REINDEX DATABASE",
    "ALTER TABLE t DETACH PARTITION p CONCURRENTLY;": "DETACH PARTITION CONCURRENTLY",
    "VACUUM;": "VACUUM",
    "CLUSTER;": "CLUSTER without a table",
    "CREATE DATABASE d;": "CREATE DATABASE",
    "DROP TABLESPACE a;": "DROP TABLESPACE",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p;": "CREATE SUBSCRIPTION",
    "ALTER SYSTEM SET a = 1;": "ALTER SYSTEM",
    "DISCARD ALL;": "DISCARD ALL",
}


@pytest.mark.parametrize("option", ["", " transaction:true"], ids=["no option", "transaction:true"])
@pytest.mark.parametrize(("statement", "name"), NOT_IN_A_TRANSACTION.items(), ids=list(NOT_IN_A_TRANSACTION.values()))
def test_no_transaction_may_hold(statement: str, name: str, option: str) -> None:
    message = refusal(f"-- migrate:up\na;\n-- migrate:down{option}\nb;\n\tc; {statement}\n")
    assert message.splitlines() == [
        f"{PATH}:5:5: {name} cannot run inside a transaction",
        f"     5 | \tc; {statement}",
        "       | \t   ^",
        "Take it out, or mark the part `-- migrate:down transaction:false`.",
    ]


@pytest.mark.parametrize("statement", [one for one in NOT_IN_A_TRANSACTION if not one.startswith("COMMIT AND")])
def test_a_part_without_a_transaction_may_hold(statement: str) -> None:
    closes = statement.rstrip(";").split(" ")[0] in {"COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE"}
    before = "BEGIN;" if closes and "PREPARED" not in statement else ""
    after = "COMMIT;" if statement in {"BEGIN;", "start transaction;"} else ""
    text = f"{before}{statement}{after}"
    assert up(f"-- migrate:up transaction:false\n{text}\n") == text


def test_a_transaction_may_hold_savepoints() -> None:
    text = "SAVEPOINT a;\nROLLBACK TO a;\nROLLBACK WORK TO SAVEPOINT a;\nRELEASE a;\nSET TRANSACTION READ ONLY;"
    assert up(f"-- migrate:up\n{text}\n") == text


NOT_OPEN = {
    "never opened": ("SELECT 1;\nROLLBACK TO s;", ":3:1: ROLLBACK TO a savepoint that is not open here: s"),
    "released before": ("SAVEPOINT S;\nRELEASE s;\nRELEASE SAVEPOINT s;", ":4:1: RELEASE a savepoint"),
    "gone with an outer one": ("SAVEPOINT a;SAVEPOINT b;\nRELEASE a;\nROLLBACK TO SAVEPOINT b;", ":4:1: ROLLBACK TO"),
    "another name": ('SAVEPOINT "S";\nROLLBACK WORK TO s;', ":3:1: ROLLBACK TO a savepoint that is not open here: s"),
}


@pytest.mark.parametrize(("text", "says"), NOT_OPEN.values(), ids=NOT_OPEN.keys())
def test_a_savepoint_is_of_the_same_part(text: str, says: str) -> None:
    assert refusal(f"-- migrate:up\n{text}\n").startswith(f"{PATH}{says}")
    up(f"-- migrate:up transaction:false\nBEGIN;{text}COMMIT;\n")


def test_the_option_of_one_part_is_not_the_other_s() -> None:
    assert refusal("-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\nVACUUM;").startswith(
        f"{PATH}:4:1: VACUUM"
    )


UNBALANCED = {
    "BEGIN without COMMIT": ("a;\n BEGIN;\nb;", ":3:2: BEGIN without a COMMIT after it"),
    "COMMIT without BEGIN": ("a;\nCOMMIT;", ":3:1: COMMIT without a BEGIN before it"),
    "BEGIN in a transaction": ("BEGIN;\nstart transaction;\nCOMMIT;", ":3:1: START TRANSACTION inside another BEGIN"),
    "COMMIT AND CHAIN": ("BEGIN;\nCOMMIT AND CHAIN;\nCOMMIT;", ":3:1: COMMIT AND CHAIN begins a transaction"),
}


@pytest.mark.parametrize(("text", "says"), UNBALANCED.values(), ids=UNBALANCED.keys())
def test_unbalanced(text: str, says: str) -> None:
    message = refusal(f"-- migrate:up transaction:false\n{text}\n-- migrate:down\n")
    assert message.startswith(PATH + says)
    assert message.endswith("or leave both out: then every statement is committed by itself.")
    assert "^" in message


def test_a_transaction_does_not_reach_from_part_to_part() -> None:
    text = "-- migrate:up transaction:false\nBEGIN;\n-- migrate:down transaction:false\nCOMMIT;\n"
    assert refusal(text).startswith(f"{PATH}:2:1: BEGIN without a COMMIT")


class TestDecode:
    TEXT = "-- migrate:up\nSELECT 'é';\n-- migrate:down\n"

    def decoded(self, data: bytes) -> str:
        return decode(data, PATH)

    def refusal(self, data: bytes) -> str:
        with pytest.raises(FileError) as caught:
            decode(data, PATH)
        return str(caught.value)

    def test_utf_8(self) -> None:
        assert self.decoded(self.TEXT.encode()) == self.TEXT

    def test_an_empty_file(self) -> None:
        assert self.decoded(b"") == ""
        assert self.decoded(codecs.BOM_UTF8) == ""

    def test_a_byte_order_mark_is_no_text(self) -> None:
        assert self.decoded(codecs.BOM_UTF8 + self.TEXT.encode()) == self.TEXT

    @pytest.mark.parametrize("line_end", ["\r\n", "\r"], ids=["CRLF", "CR"])
    def test_line_ends_become_lf(self, line_end: str) -> None:
        assert self.decoded(self.TEXT.replace("\n", line_end).encode()) == self.TEXT

    def test_a_cr_in_a_line_stays(self) -> None:
        assert self.decoded(b"a\rb\r\nc\n") == "a\rb\nc\n"

    def test_line_ends_and_a_byte_order_mark_make_no_difference_to_the_checksum(self) -> None:
        text = "-- migrate:up\nDO $$\nBEGIN\nEND\n$$;\nCOPY t FROM stdin;\n1\n\\.\n-- migrate:down\nb;\n"
        forms = [
            text.encode(),
            codecs.BOM_UTF8 + text.encode(),
            text.replace("\n", "\r\n").encode(),
            codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode(),
            text.replace("\n", "\r").encode(),
        ]
        assert len({parse(self.decoded(form), PATH).checksum for form in forms}) == 1

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_utf_16(self, encoding: str) -> None:
        mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
        message = self.refusal(mark + self.TEXT.encode(encoding))
        assert message == f"{PATH}: the file is UTF-16\nSave it as UTF-8."

    @pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "with a byte order mark"])
    def test_other_encodings_name_line_and_byte(self, mark: bytes) -> None:
        message = self.refusal(mark + self.TEXT.encode("latin-1"))
        assert message.startswith(f"{PATH}: the file is not UTF-8 (line 2, byte ")
        assert message.endswith(": 0xe9)\nSave it as UTF-8.")

    def test_half_a_character_at_the_end(self) -> None:
        assert "not UTF-8 (line 2, byte 2: 0xc3)" in self.refusal(b"a\n\xc3")

    def test_nul(self) -> None:
        message = self.refusal(b"-- migrate:up\r\nSELECT 'a\0b';")
        assert message.startswith(f"{PATH}:2:10: NUL character")
        assert "Take it out" in message

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=50))
    def test_any_bytes_are_text_or_refused(self, data: bytes) -> None:
        try:
            text = decode(data, PATH)
        except FileError:
            return
        assert "\0" not in text
        assert "\r\n" not in text.replace("\r\r\n", "")


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
    "-- Words; it's some": ("description", "Words; it's some"),
    "/* More */": ("description", "More"),
    "": None,
}


@settings(max_examples=200, deadline=None)
@given(st.permutations(list(HEADER_LINES)), st.integers(0, len(HEADER_LINES)))
def test_a_header_in_any_order(lines: list[str], count: int) -> None:
    header = "".join(f"{line}\n" for line in lines[:count])
    parsed = parse(header + TEMPLATE, PATH)
    said: dict[str, list[str]] = {"depends": [], "keep": [], "feature": [], "description": []}
    for key, value in filter(None, (HEADER_LINES[line] for line in lines[:count])):
        said[key].append(value)
    assert parsed.depends == tuple(said["depends"])
    assert parsed.keep == tuple(said["keep"])
    assert parsed.feature == next(iter(said["feature"]), None)
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


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_text_is_a_migration_or_refused(text: str) -> None:
    try:
        parsed = parse(text, PATH)
    except FileError:
        return
    assert text[: parsed.up.start].rstrip("\n\r").splitlines()[-1].startswith("-- migrate:up")
    assert parsed.up.start <= parsed.up.end
    if parsed.down:
        assert parsed.up.end <= parsed.down.start <= parsed.down.end
        assert text[parsed.up.end :].startswith("-- migrate:down")
        assert parsed.down.end == len(text)
    else:
        assert parsed.up.end == len(text)


class TestStored:
    """The down part as the history keeps it."""

    @pytest.mark.parametrize("transaction", [None, True, False])
    @pytest.mark.parametrize("statements", ["", "b;\n", "\n\n  b;", "-- c\nb", "'\n-- migrate:up\n'", "é"])
    def test_round_trip(self, transaction: bool | None, statements: str) -> None:
        stored = store(statements, Part(5, 9, 3, transaction))
        part = parse_stored(stored, PATH)
        assert stored[part.start : part.end] == statements
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

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.sampled_from(["b;", "\n", " ", "'c'", "$$;$$", "-- d\n", " é ", "\t"])).map("".join))
    def test_round_trip_of_a_file_s_part(self, statements: str) -> None:
        parsed = parse(f"-- migrate:up\n-- migrate:down\n{statements}", PATH)
        assert parsed.down is not None
        kept = parsed.text[parsed.down.start : parsed.down.end]
        assert kept == statements
        stored = store(kept, parsed.down)
        part = parse_stored(stored, PATH)
        assert stored[part.start : part.end] == statements
