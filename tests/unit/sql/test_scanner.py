"""The scanner: where the statements of a text are, what they begin with, and what is refused."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from medusa_migrations.sql.scanner import Comment, Statement, copies_in, scan, split, starts_line
from medusa_migrations.sql.tokens import ScanError


def texts(sql: str) -> list[str]:
    return [sql[statement.start : statement.end] for statement in split(sql)]


def words(sql: str) -> tuple[str, ...]:
    (statement,) = split(sql)
    return statement.words


def named(*cases: tuple[object, ...]) -> dict[str, Any]:
    """Arguments for `parametrize` from cases that each begin with a sentence."""
    return {"argvalues": [case[1:] for case in cases], "ids": [str(case[0]) for case in cases]}


# Each of these is two statements: the one written here, which must not end early or late, and a last one behind it.
WHOLE = {
    "a semicolon in a string is data": "SELECT 'a;b'",
    "a doubled quote does not end a string": "SELECT 'it''s;'",
    "a string of quotes only": "SELECT '''', ''';'''",
    "an empty string": "SELECT '', ';'",
    "a backslash escapes a quote in an E string": r"SELECT E'it\'s; --'",
    "a lower case e makes an E string too": r"SELECT e'it\'s; --'",
    "a doubled backslash escapes nothing behind it": r"SELECT E'\\', ';'",
    "three backslashes escape the quote": r"SELECT E'\\\';'",
    "a doubled quote in an E string": r"SELECT E'it''s;\''",
    "a backslash before a line break in an E string": "SELECT E'a\\\n;'",
    "a backslash is a character in a plain string": r"SELECT 'C:\'",
    "an E that ends a name makes no E string": r"SELECT typE'C:\'",
    "an E behind a dot makes an E string": r"SELECT a.E'\';'",
    "an E behind an operator makes an E string": r"SELECT 1+E'\';'",
    "an E far into a statement makes an E string": "SELECT " + "a, " * 100 + r"E'\';'",
    "an E in parentheses makes an E string": r"SELECT f(a, E'\';)', b)",
    "a string continues over a line break": "SELECT 'a;'\n'b;'",
    "an E string's continuation is one": "SELECT E'a;'\n'\\';'",
    "an E string's continuation in parentheses is one": "SELECT (E'a;'\n'\\';')",
    "an E string's continuation behind white space": "SELECT E'a;' \t\f\v\n\n\t '\\';'",
    "an E string's continuation over CRLF": "SELECT E'a;'\r\n'\\';'",
    "an E string's continuation over CR": "SELECT E'a;'\r'\\';'",
    "an E string's continuation behind a comment": "SELECT E'a;' -- the 'next' one;\n'\\';'",
    "an E string's continuation behind comments and blank lines": "SELECT E'a;'\n\n-- one'\n -- two;\n'\\';'",
    "an E string continues twice": "SELECT E'a'\n'\\''\n'\\';'",
    "a plain string's continuation has no escapes": "SELECT 'a;'\n'\\'",
    "a string on the same line continues no E string": r"SELECT E'\'' '\'",
    "a string behind a block comment continues no E string": "SELECT E'\\'' /*\n*/ '\\'",
    "a string behind a comma continues no E string": "SELECT E'\\'',\n'\\'",
    "a Unicode string": r"SELECT U&'\0041;', u&'it''s;'",
    "a Unicode string has no escaped quote": r"SELECT U&'\\'",
    "a Unicode string with an escape character of its own": r"SELECT U&'d!0061;' UESCAPE '!'",
    "a national string": r"SELECT N';', n'\'",
    "bit strings": r"SELECT B'0;', X'1;', b'\', x'\'",
    "a quoted name": 'SELECT "a;b"',
    "a doubled quote in a name, with all that is special elsewhere": 'CREATE TABLE "a;b""--$$/*\'\\" (a int)',
    "a Unicode name": r'SELECT U&"a;\0041", u&"b;"',
    "a backslash in a quoted name is a character": 'SELECT "a\\"',
    "a quoted name that begins behind an E": 'SELECT E"a\\"',
    "a dollar quote": "SELECT $$a;b$$",
    "an empty dollar quote": "SELECT $$$$",
    "a dollar quote with a tag": "SELECT $tag$a;$$;$tag$",
    "a dollar quote's tag is case sensitive": "SELECT $a$;$A$;$a$",
    "dollar quotes nest": "SELECT $a$ $b$;$b$ $$;$$ $a$",
    "a dollar quote's tag may begin with any letter": "SELECT $é1$;$e1$;$é1$, $_$;$_$, $漢$;$漢$",
    "a dollar quote right behind another": "SELECT $a$;$a$$b$;$b$",
    "a longer tag ends no dollar quote": "SELECT $a$;$ab$;$ba$;$a$",
    "half a tag does not end a dollar quote": "SELECT $a$;$a ;$ a$;a$;$a$",
    "a dollar quote right before a word": "CREATE FUNCTION f() RETURNS int AS $$SELECT 1;$$LANGUAGE sql",
    "a dollar quote right behind an operator": "SELECT 1+$$;$$",
    "a dollar quote right behind a number": "SELECT 1$$;$$",
    "quotes and comments in a dollar quote": "SELECT $$'\"--/*\\$$",
    "CRLF in a dollar quote": "DO $$\r\nBEGIN\r\nNULL;\r\nEND\r\n$$",
    "a dollar quote far into a statement": "SELECT " + "a, " * 100 + "$$;$$, $x$;$x$",
    "a number behind a dollar is a parameter": "PREPARE p AS SELECT $1, $2",
    "a parameter between dollars is no tag": "SELECT $1$ $2$",
    "a lone dollar opens nothing": "SELECT $ a",
    "dollars in a name": "SELECT a$$b, c$d$e, f$",
    "dollars at the end of a name that is not ASCII": "SELECT é$$",
    "a line comment": "SELECT 1 -- a; 'b\n+ 1",
    "a line comment right behind an operator": "SELECT 1+--;\n1",
    "an E string right behind a line comment": "SELECT 1 --\nE'\\';'",
    "a line comment ends at CR": "SELECT 1 --;\r+ 1",
    "a line comment far into a statement": "SELECT " + "a, " * 100 + "1 -- ;'\n + 2",
    "a line comment in parentheses": "SELECT (1 -- ;')\n + 2)",
    "two dashes in a string": "SELECT '--', '/*'",
    "a block comment": "SELECT /* ; ' \" $$ */ 1",
    "block comments nest": "SELECT /* /* ; */ ; */ 1",
    "a block comment far into a statement": "SELECT " + "a, " * 100 + "1 /* ; /* ' */ */ + 2",
    "a block comment in parentheses": "SELECT (1 /* ;') */)",
    "a slash right behind the opening of a block comment": "SELECT /*/ ' */ 1",
    "stars at both ends of a block comment": "SELECT /***;***/ 1",
    "an empty block comment": "SELECT /**/ 1",
    "a line comment in a block comment does not hide its end": "SELECT /* -- */ 1",
    "a block comment in a line comment opens nothing": "SELECT 1 -- /*\n+ 1",
    "a block comment right behind an operator": "SELECT 1 */*;*/ 2",
    "a star and a slash that open nothing": "SELECT 1 * / 2 - - 1",
    "semicolons in parentheses": "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b;)",
    "a closing parenthesis in a string": "SELECT (')', \")\", $$)$$ /* ) */ -- )\n)",
    "semicolons far into a statement's parentheses": "SELECT " + "a, " * 100 + "(1;2)",
    "JSON operators": "SELECT a ? 'b', c @> d, e #>> '{a;b}', f #- g, h ?| i, j @? '$.a'",
    "percent signs": "SELECT 10 % 3 FROM t WHERE a LIKE 'a%;'",
    "casts and slices": "SELECT a::int[1:2], 'x;'::text",
    "a statement of 64 words": "SELECT" + " a" * 63,
    "a statement of 65 words": "SELECT" + " a" * 64,
    "a plpgsql body": "DO $$ BEGIN RAISE '%; %', 1, 'x;'; END; $$",
    "an atomic body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
    "an empty atomic body": "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC END",
    "an atomic body in lower case": "create function f() returns int begin atomic select 1; end",
    "an atomic body of OR REPLACE": "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
    "an atomic body of a procedure": "CREATE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END",
    "an atomic body of a replaced procedure": "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END",
    "CASE in an atomic body": "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; SELECT 2; END",
    "nested CASE in an atomic body": (
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE a WHEN CASE WHEN b THEN 1 END THEN 1 END; END"
    ),
    "a quoted label end in an atomic body": 'CREATE FUNCTION f() BEGIN ATOMIC SELECT 1 "end"; SELECT 2; END',
    "a plain label end in an atomic body": "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1 AS end; SELECT 2 end; END",
    "a column called end in an atomic body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.end FROM t; END",
    "comments between the words of an atomic body": (
        "CREATE /*a;*/ FUNCTION f() RETURNS int BEGIN --;\n ATOMIC SELECT 1; /* END; */ -- END;\n END"
    ),
    "empty statements in an atomic body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ;; SELECT 1;; END",
    "an alias atomic in an atomic body": "CREATE FUNCTION f() BEGIN ATOMIC SELECT begin atomic FROM t; SELECT 2; END",
    "an atomic body behind a long header": (
        "CREATE FUNCTION f() RETURNS int " + "SET a.b = 1 " * 40 + "BEGIN ATOMIC SELECT 1; SELECT 2; END"
    ),
    "an argument called atomic": "CREATE FUNCTION f(begin atomic) RETURNS int AS 'SELECT 1;'",
    "a function called atomic": "CREATE FUNCTION atomic() RETURNS int RETURN 1",
    "a name that contains atomic": "CREATE FUNCTION begin_atomic() RETURNS atomic_int RETURN begin.atomic",
    "a quoted name begin before atomic": 'CREATE FUNCTION f() RETURNS "begin" atomic',
    "begin and atomic outside a routine": "SELECT begin atomic FROM t",
    "BEGIN alone": "BEGIN",
    "the E of a number is no E string": r"SELECT 1e'\'",
}


@pytest.mark.smoke
@pytest.mark.parametrize("sql", WHOLE.values(), ids=WHOLE.keys())
def test_one_statement(sql: str) -> None:
    assert texts(sql) == [sql]
    assert texts(f"{sql};SELECT 'last'") == [sql, "SELECT 'last'"]


SPLITS = named(
    ("an empty text has no statement", "", []),
    ("white space has no statement", " \t\r\n\f\v", []),
    ("comments have no statement", "-- a\n/* b */--c", []),
    ("semicolons alone have no statement", ";; ;\n;", []),
    ("empty statements are left out", ";a;;b; ;", ["a", "b"]),
    ("the last statement needs no semicolon", "a;b", ["a", "b"]),
    ("a statement begins at its first token and ends at its last", " /*x*/ a b -- y\n ; --z", ["a b"]),
    ("a comment inside is part of a statement", "a /*x*/ b", ["a /*x*/ b"]),
    ("a comment right behind a word is not part of it", "a--x\n;b/*x*/;", ["a", "b"]),
    ("CRLF separates as LF does", "a\r\n;\r\n-- x\r\nb;\r\n", ["a", "b"]),
    ("CR separates as LF does", "a\r;\r-- x\rb;\r", ["a", "b"]),
    ("a closing parenthesis too many does not hide a semicolon", "a);b", ["a)", "b"]),
    ("a parenthesis that stays open takes the rest", "a (;b", ["a (;b"]),
    ("a backslash is data in comments", "a /* \\i */ -- \\g\n; b", ["a", "b"]),
    (
        "a dollar quote behind a word with no space is part of the word",
        "AS$a$b;$a$c;$a$;d",
        ["AS$a$b", "$a$c;$a$", "d"],
    ),
    (
        "a wide space in a string, a name, a comment and a dollar quote",
        "SELECT '\u00a0', \"\ufeff\", $a$\u2003$a$ -- \u00a0\n/* \u200b */;b",
        ["SELECT '\u00a0', \"\ufeff\", $a$\u2003$a$", "b"],
    ),
    (
        "letters that are seen",
        "SELECT \u00fc\u00a1\u00ac\u061b\u4e00\U0001f600 \ufffd;b",
        ["SELECT \u00fc\u00a1\u00ac\u061b\u4e00\U0001f600 \ufffd", "b"],
    ),
    ("a file separator is not white space to PostgreSQL", "a \x1c;b", ["a \x1c", "b"]),
    ("BEGIN ATOMIC outside a routine is split", "BEGIN ATOMIC; END;", ["BEGIN ATOMIC", "END"]),
    (
        "what follows an atomic body is split again",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; SELECT CASE WHEN a THEN 1 END; END; b",
        ["CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END", "SELECT CASE WHEN a THEN 1 END", "END", "b"],
    ),
    ("the continuation of an E string ends where it ends", "E'a'\n'\\';';b", ["E'a'\n'\\';'", "b"]),
    ("a comment far into a statement is not its end", f"SELECT {'a,' * 70}b -- x\n;c", [f"SELECT {'a,' * 70}b", "c"]),
    ("a comment in open parentheses is not their end", "SELECT (a -- x\n", ["SELECT (a"]),
    ("astral characters count as one", "SELECT '🐘;';b", ["SELECT '🐘;'", "b"]),
)


@pytest.mark.smoke
@pytest.mark.parametrize(("sql", "expected"), **SPLITS)
def test_split(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


WORDS = named(
    ("key words and plain names are in capitals", "create Table foo", ("CREATE", "TABLE", "FOO")),
    ("a quoted name is its quote", 'DROP TABLE "a"', ("DROP", "TABLE", '"')),
    ("any string is a quote", "'a' E'b' $$c$$ $d$e$d$", ("'", "'", "'", "'")),
    ("a number is 0", "LIMIT 10 0xFF 1e5 1_000", ("LIMIT", "0", "0", "0", "0")),
    ("anything else is itself", "a.b=+$1", ("A", ".", "B", "=", "+", "$", "0")),
    ("comments are no words", "a/*b*/--c\nd", ("A", "D")),
    ("what is in parentheses is left out", "CLUSTER (VERBOSE, (x)) t", ("CLUSTER", "(", ")", "T")),
    ("of REINDEX it is not", "REINDEX (VERBOSE) TABLE t", ("REINDEX", "(", "VERBOSE", ")", "TABLE", "T")),
    ("a name with a dollar is one word", "a$1 b$$", ("A$1", "B$$")),
    ("a statement may begin with a parenthesis", "(SELECT 1) UNION", ("(", ")", "UNION")),
)


@pytest.mark.parametrize(("sql", "expected"), **WORDS)
def test_words(sql: str, expected: tuple[str, ...]) -> None:
    assert words(sql) == expected


def test_only_the_first_words_are_kept() -> None:
    assert words("SELECT " + "a, " * 1000) == ("SELECT", *("A", ",") * 31, "A")


COPY_ROWS = named(
    (
        "rows with what looks like SQL",
        "COPY t FROM stdin;\na;b'\n\"\t$$\n/*\n--\n\\.\nSELECT 1;",
        "a;b'\n\"\t$$\n/*\n--\n",
    ),
    ("an empty last field", "COPY t FROM stdin;\na\t\n\\.\nSELECT 1;", "a\t\n"),
    ("no rows", "COPY t FROM stdin;\n\\.\nSELECT 1;", ""),
    ("an empty row", "COPY t FROM stdin;\n\n\\.\nSELECT 1;", "\n"),
    (
        "rows with what begins like the end",
        "COPY t FROM stdin;\n\\.x\n\\\\.\n \\.\n\\.\nSELECT 1;",
        "\\.x\n\\\\.\n \\.\n",
    ),
    ("rows with a backslash", "COPY t FROM stdin;\n\\N\t\\x41\n\\.\nSELECT 1;", "\\N\t\\x41\n"),
    ("white space behind the semicolon", "COPY t FROM stdin; \t\na\n\\.\nSELECT 1;", "a\n"),
    ("a comment behind the semicolon", "COPY t FROM stdin; -- it's; rows\na\n\\.\nSELECT 1;", "a\n"),
    ("columns and options", 'COPY "s"."t" (a, "b;") FROM STDIN WITH (FORMAT csv);\n1,2\n\\.\nSELECT 1;', "1,2\n"),
    ("comments between the words", "COPY t FROM /* ; */ stdin --;\n;\na\n\\.\nSELECT 1;", "a\n"),
    ("a condition", "COPY t FROM stdin WHERE a > 1;\na\n\\.\nSELECT 1;", "a\n"),
    ("STDOUT, which the grammar takes for STDIN", "COPY t FROM stdout;\na\n\\.\nSELECT 1;", "a\n"),
    ("lower case", "copy t from stdin;\na\n\\.\nSELECT 1;", "a\n"),
)


@pytest.mark.smoke
@pytest.mark.parametrize(("sql", "rows"), **COPY_ROWS)
def test_rows_of_copy(sql: str, rows: str) -> None:
    copy, last = split(sql)
    assert copy.data is not None
    assert sql[slice(*copy.data)] == rows
    assert sql[last.start : last.end] == "SELECT 1"
    assert last.data is None


def test_rows_of_copy_may_end_with_the_text() -> None:
    (copy,) = split("COPY t FROM stdin;\na\n\\.")
    assert copy.data == (19, 21)
    assert copy.end == 17


NO_ROWS = {
    "from a file": "COPY t FROM '/tmp/stdin'",
    "from a program": "COPY t FROM PROGRAM 'stdin'",
    "to a client": "COPY t TO STDOUT",
    "of a query": "COPY (SELECT 1 FROM stdin) TO '/tmp/a'",
    "of a table called stdin": "COPY stdin FROM '/tmp/a'",
    "no COPY at all": "SELECT 1 FROM stdin",
    "a quoted name": 'COPY t FROM "stdin"',
}


@pytest.mark.parametrize("sql", NO_ROWS.values(), ids=NO_ROWS.keys())
def test_copy_without_rows(sql: str) -> None:
    first, second = split(f"{sql};\nSELECT 1;")
    assert first.data is None
    assert second.words == ("SELECT", "0")


def test_copies_in_looks_at_neighbours_only() -> None:
    assert copies_in(["COPY", "T", "FROM", "STDIN"])
    assert not copies_in(["COPY", "STDIN", "FROM", "'"])
    assert not copies_in([])


# The offset is where `^` stands in the text.
ERRORS = named(
    ("a string that is not closed", "SELECT 1;\nSELECT ^'a;\n", "this string is not closed", "'"),
    ("a string that ends in a doubled quote", "SELECT ^'a''", "this string is not closed", "'"),
    ("an E string that is not closed", "SELECT ^E'a;\\'", "this string is not closed", "'"),
    ("an E string that ends in a backslash", "SELECT ^E'a\\", "this string is not closed", "'"),
    ("an E string whose continuation is not closed", "SELECT ^E'a'\n'\\'", "this string is not closed", "'"),
    ("a string far into a statement", "SELECT " + "a, " * 100 + "^'a", "this string is not closed", "'"),
    ("a string in parentheses", "SELECT (1, ^'a)", "this string is not closed", "'"),
    ("a Unicode string that is not closed", "SELECT U&^'a\\''", "this string is not closed", "'"),
    ("a backslash closes a plain string", "SELECT 'C:\\', ^';", "this string is not closed", "'"),
    ("a quoted name that is not closed", 'SELECT ^"a;""', "this quoted name is not closed", '"'),
    ("a quoted name far into a statement", "SELECT " + "a, " * 100 + '^"a', "this quoted name is not closed", '"'),
    ("a dollar quote that is not closed", "DO ^$$ BEGIN;\n", "this dollar quote is not closed", "$$"),
    ("a tag that is not closed", "DO ^$a$ $A$ $$ $a", "this dollar quote is not closed", "$a$"),
    ("a comment that is not closed", "a;\n^/* b;\n", "this comment is not closed", "*/"),
    ("a nested comment that is not closed names the outer", "a ^/* /* */ b", "this comment is not closed", "*/"),
    ("a comment that its opening cannot close", "^/*/", "this comment is not closed", "*/"),
    (
        "an atomic body without END",
        "CREATE FUNCTION f() BEGIN ^ATOMIC SELECT 1; a;",
        "BEGIN ATOMIC has no END of its own",
        "END",
    ),
    (
        "an atomic body whose only END is a CASE's",
        "CREATE FUNCTION f() BEGIN ^ATOMIC SELECT CASE WHEN a THEN b END;",
        "BEGIN ATOMIC has no END of its own",
        "END",
    ),
    ("COPY without its end", "a;\n^COPY t FROM stdin;\n1\n", "the rows of COPY … FROM stdin have no end", "\\."),
    (
        "COPY whose end is not alone",
        "^COPY t FROM stdin;\n1\n\\. \n",
        "the rows of COPY … FROM stdin have no end",
        "\\.",
    ),
    (
        "COPY without a semicolon",
        "^COPY t FROM stdin\n",
        "the rows of COPY … FROM stdin must start on the line after",
        "semicolon",
    ),
    (
        "rows on the line of COPY",
        "^COPY t FROM stdin; 1\n\\.\n",
        "the rows of COPY … FROM stdin must start on the",
        "break",
    ),
    ("SQL on the line of COPY", "^COPY t FROM stdin; b;\n", "the rows of COPY … FROM stdin must start on the", "break"),
    ("COPY as the last word of a text", "^COPY t FROM stdin;", "the rows of COPY … FROM stdin have no end", "\\."),
    ("a command of psql", "a;\n^\\i other.sql\n", "\\i is a command of psql, not SQL", "psql"),
    ("a command of psql behind a statement", "SELECT 1 ^\\gexec\n", "\\gexec is a command of psql, not SQL", "psql"),
    ("psql's connect with its arguments", "^\\connect - user", "\\connect is a command of psql, not SQL", "psql"),
    ("psql's escaped semicolon", "a^\\; b", "\\; is a command of psql, not SQL", "psql"),
    ("psql's restrict of new dumps", "^\\restrict abc\n", "\\restrict is a command of psql, not SQL", "psql"),
    ("the end of rows without COPY", "a;\n^\\.\n", "\\. is a command of psql, not SQL", "psql"),
    ("a no-break space", "SELECT 1^\u00a0;", "an invisible character: U+00A0, NO-BREAK SPACE", "plain space"),
    (
        "a byte order mark inside",
        "a;\n^\ufeffb",
        "an invisible character: U+FEFF, ZERO WIDTH NO-BREAK SPACE",
        "Take it out",
    ),
    ("a zero width space in a word", "SELECT ab^\u200bc", "U+200B, ZERO WIDTH SPACE", "in double quotes"),
    ("a line separator", "SELECT^\u2028 1", "U+2028, LINE SEPARATOR", "Take it out"),
    ("a control character", "SELECT^\u0085 1", "U+0085, a control character", "Take it out"),
    ("a wide space in a dollar quote's tag", "SELECT $a^\u00a0b$", "U+00A0", "Take it out"),
    ("a wide space behind digits", "SELECT 1a^\u00a0b", "U+00A0", "Take it out"),
    ("a wide space far into a statement", f"SELECT {'a,' * 70}b ^\u00a0 ;", "U+00A0, NO-BREAK SPACE", "Take it out"),
    ("a wide space in parentheses", "SELECT (a,^\u3000b)", "U+3000, IDEOGRAPHIC SPACE", "Take it out"),
    ("a backslash alone", "a ^\\ b", "\\ is a command of psql, not SQL", "psql"),
    (
        "a command of psql far into a statement",
        "SELECT " + "a, " * 100 + "^\\g",
        "\\g is a command of psql, not SQL",
        "psql",
    ),
    ("a command of psql in parentheses", "SELECT (^\\g)", "\\g) is a command of psql, not SQL", "psql"),
)


@pytest.mark.smoke
@pytest.mark.parametrize(("marked", "problem", "cure"), **ERRORS)
def test_refused(marked: str, problem: str, cure: str) -> None:
    with pytest.raises(ScanError, match=re.escape(problem)) as caught:
        split(marked.replace("^", ""))
    assert caught.value.offset == marked.index("^")
    assert caught.value.problem == str(caught.value)
    assert cure in caught.value.cure


def test_what_comes_before_an_error_is_yielded() -> None:
    found = scan("a; -- b\n'")
    assert next(found) == Statement(0, 1, ("A",))
    assert next(found) == Comment(3, 7)
    with pytest.raises(ScanError):
        next(found)


class TestBoundary:
    """A comment that ends the statement before it."""

    BOUNDARY = re.compile("--cut")

    def cut(self, sql: str) -> list[str]:
        return [sql[item.start : item.end] for item in scan(sql, self.BOUNDARY)]

    def test_ends_a_statement_without_a_semicolon(self) -> None:
        assert self.cut("a\n--cut\nb") == ["a", "--cut", "b"]

    def test_ends_a_statement_in_parentheses(self) -> None:
        assert self.cut("a (\n--cut\nb)") == ["a (", "--cut", "b)"]

    def test_counts_at_the_start_of_a_line_only(self) -> None:
        assert self.cut("a --cut\n --cut\nb") == ["--cut", "--cut", "a --cut\n --cut\nb"]

    def test_counts_behind_cr(self) -> None:
        assert self.cut("a\r--cut\rb") == ["a", "--cut", "b"]

    def test_does_not_count_in_quotes_and_comments(self) -> None:
        sql = "a '\n--cut\n' \"\n--cut\n\" $$\n--cut\n$$ /*\n--cut\n*/ E'\n--cut\n' b"
        assert [sql[s.start : s.end] for s in scan(sql, self.BOUNDARY) if isinstance(s, Statement)] == [sql]

    def test_does_not_count_in_rows_of_copy(self) -> None:
        assert self.cut("COPY t FROM stdin;\n--cut\n\\.\n--cut") == ["COPY t FROM stdin", "--cut"]

    def test_does_not_hide_an_open_atomic_body(self) -> None:
        with pytest.raises(ScanError, match="ATOMIC"):
            self.cut("CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;\n--cut\nEND;")

    def test_does_not_hide_a_copy_without_rows(self) -> None:
        with pytest.raises(ScanError, match="must start"):
            self.cut("COPY t FROM stdin\n--cut\n")


def test_a_line_starts_behind_lf_and_cr() -> None:
    assert [starts_line("a\nb\r\nc", offset) for offset in range(6)] == [True, False, True, False, True, True]


# Inputs that make a scanner with backtracking, or one that looks ahead again and again, take quadratic time.
NASTY: dict[str, Callable[[int], str]] = {
    "a long word": lambda n: "a" * n,
    "a long number": lambda n: "1" * n,
    "a long string on one line": lambda n: f"SELECT '{'a' * n}'",
    "a long tag that is none": lambda n: "$" + "a" * n,
    "many dollars": lambda n: "$ " * (n // 2),
    "many tags that are none": lambda n: "$a " * (n // 3),
    "many parameters": lambda n: "$1," * (n // 3),
    "many dollar quotes": lambda n: "$$;$$," * (n // 6),
    "a dollar quote full of other tags": lambda n: "$a$" + "$$ $b$ $a" * (n // 9),
    "many E strings": lambda n: "E'a'," * (n // 5),
    "many words that end in E": lambda n: "typE 'a'," * (n // 9),
    "an E string that never ends": lambda n: "E'" + "a\\'" * (n // 3),
    "an E string of backslashes": lambda n: "E'" + "\\\\" * (n // 2) + "'",
    "an E string that goes on and on": lambda n: "E'a'" + "\n'b'" * (n // 4),
    "E strings behind which comments go on": lambda n: ("E'a'" + " --\n" * 20) * (n // 84),
    "E strings behind which white space goes on": lambda n: ("E'a'" + " " * 80) * (n // 84),
    "many quotes": lambda n: "'" * n,
    "an odd number of quotes": lambda n: "'" * (n | 1),
    "an odd number of double quotes": lambda n: '"' * (n | 1),
    "a string open at the end of a long statement": lambda n: "a," * (n // 2) + "'",
    "many dashes": lambda n: "- " * (n // 2),
    "many line comments": lambda n: "--\n" * (n // 3),
    "comments nested deep": lambda n: "/*" * (n // 4) + "*/" * (n // 4),
    "comments nested deep and left open": lambda n: "/*" * (n // 2),
    "many block comments": lambda n: "/**/" * (n // 4),
    "parentheses nested deep": lambda n: "(" * (n // 2) + ")" * (n // 2),
    "many parentheses": lambda n: "()" * (n // 2),
    "many semicolons": lambda n: ";" * n,
    "many statements": lambda n: "a;" * (n // 2),
    "many rows of VALUES": lambda n: "INSERT INTO t VALUES " + "(1, 'a')," * (n // 9),
    "a long IN list": lambda n: "SELECT a IN (" + "1," * (n // 2) + "1)",
    "a long atomic body": lambda n: "CREATE FUNCTION f() BEGIN ATOMIC " + "SELECT 1;" * (n // 9) + "END",
    "many rows of COPY": lambda n: "COPY t FROM stdin;\n" + "a\n" * (n // 2) + "\\.\n",
    "many COPYs": lambda n: "COPY t FROM stdin;\n\\.\n" * (n // 22),
    "many COPYs without rows of their own": lambda n: "COPY t FROM stdin;\n" * (n // 19),
    "white space": lambda n: " " * n,
    "control characters": lambda n: "\x01" * n,
}


@pytest.mark.parametrize("make", NASTY.values(), ids=NASTY.keys())
def test_time_is_linear(make: Callable[[int], str]) -> None:
    """Twice the text takes about twice the time; other processes disturb a measurement, hence the repetitions."""
    size = 32_000
    ratios = []
    for _ in range(5):
        short, long = _seconds(make(size)), _seconds(make(2 * size))
        assert long < 5
        if long < 0.002 or long < 3 * short:
            return
        ratios.append(long / short)
    pytest.fail(f"twice the text takes {min(ratios):.1f} times as long")


def _seconds(sql: str) -> float:
    def once() -> float:
        begun = time.process_time()
        with contextlib.suppress(ScanError):
            split(sql)
        return time.process_time() - begun

    return min(once() for _ in range(3))


@pytest.mark.parametrize("value", ["a", "''", ";", "$$ ", "--", "E'"], ids=repr)
def test_a_line_of_five_megabytes(value: str) -> None:
    sql = f"INSERT INTO t VALUES ($t${value * (5_000_000 // len(value))}$t$);SELECT 1"
    begun = time.process_time()
    assert len(split(sql)) == 2
    assert time.process_time() - begun < 5


def test_five_megabytes_of_values() -> None:
    sql = "INSERT INTO t VALUES " + ", ".join(["(1, 'a;b', E'\\';', \"c\")"] * 200_000) + ";SELECT 1"
    begun = time.process_time()
    assert len(split(sql)) == 2
    assert time.process_time() - begun < 20
