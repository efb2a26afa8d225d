"""The scanner against PostgreSQL's own lexer and parser, which pglast brings along.

Two judges. The lexer (`pglast.parser.scan`) judges any text: a semicolon of its own outside parentheses ends a
statement, so its tokens say what ours must be. It knows nothing of BEGIN ATOMIC. The parser (`pglast.parser.split`)
does, but judges only what is valid SQL.

Statements are compared from the first token to the end of the last one, by the lexer's account: what the parser puts
around them (white space, comments) depends on its version, and ours have none.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from pglast import parser

from medusa_migrations.sql.scanner import Comment, Statement, scan, split
from medusa_migrations.sql.tokens import ScanError
from tests.support.projects import ROOT

CORPUS = sorted((ROOT / "tests/scenarios/sql").glob("*.sql"))
LINE_ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}

thorough = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])

Spans = list[tuple[int, int]]


def ours(sql: str) -> Spans:
    return [(statement.start, statement.end) for statement in split(sql)]


def tokens(sql: str) -> list[tuple[int, int, str]]:
    """The lexer's tokens without comments. Raises ParseError for what it does not take."""
    return [
        (token.start, token.end + 1, token.name)
        for token in parser.scan(sql)
        if token.name not in {"SQL_COMMENT", "C_COMMENT"}
    ]


def by_lexer(sql: str) -> Spans:
    """As psql does it: semicolons in parentheses end nothing, and a closing one too many is of no account."""
    spans: Spans = []
    begun: int | None = None
    depth = behind = 0
    for start, end, name in tokens(sql):
        depth = max(0, depth + {"ASCII_40": 1, "ASCII_41": -1}.get(name, 0))
        if name != "ASCII_59" or depth:
            begun, behind = start if begun is None else begun, end
        elif begun is not None:
            spans.append((begun, behind))
            begun = None
    return spans if begun is None else [*spans, (begun, behind)]


def by_parser(sql: str) -> Spans:
    """Raises ParseError for what is not valid SQL."""
    found = tokens(sql)
    starts = [start for start, _, _ in found]
    spans = []
    for part in parser.split(sql, with_parser=True, only_slices=True):
        inside = found[bisect_left(starts, part.start) : bisect_left(starts, part.stop)]
        spans.append((inside[0][0], inside[-1][1]))
    return spans


# By the parser's account, so that these do not depend on what is tested.
STATEMENTS = [
    sql[slice(*span)] for sql in (path.read_text(encoding="utf-8") for path in CORPUS) for span in by_parser(sql)
]


def test_the_corpus_is_large() -> None:
    assert len(STATEMENTS) >= 200


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS.keys())
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_splits_the_corpus_as_the_parser_does(path: Path, line_end: str) -> None:
    sql = path.read_text(encoding="utf-8").replace("\n", line_end)
    assert [sql[slice(*span)] for span in ours(sql)] == [sql[slice(*span)] for span in by_parser(sql)]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_words_of_the_corpus_begin_with_the_lexer_s_tokens(path: Path) -> None:
    sql = path.read_text(encoding="utf-8")
    found = tokens(sql)
    for statement in split(sql):
        first = next(sql[start:end] for start, end, _ in found if start == statement.start)
        assert statement.words[0] == first.upper()


# What stands between two statements: it must end the one before, so a line comment ends with its line.
SEPARATORS = [
    ";",
    ";\n",
    " ; ",
    ";;",
    "\n;\n;\n",
    ";--x;'\n",
    " -- y\n;",
    ";/* ; ' $$ */",
    "/*/*;*/*/;",
    ";\r\n",
    ";\r",
]


@thorough
@given(st.data())
def test_splits_statements_in_any_order_as_the_parser_does(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=8))
    separators = data.draw(st.lists(st.sampled_from(SEPARATORS), min_size=len(parts) + 1, max_size=len(parts) + 1))
    sql = separators[0] + "".join(itertools.chain(*zip(parts, separators[1:], strict=True)))
    assert ours(sql) == by_parser(sql)
    assert [sql[slice(*span)] for span in ours(sql)] == parts


# Statements that the body of a routine may hold; each has a trap in it.
BODY = [
    "SELECT 1",
    "SELECT CASE WHEN a THEN 1 END",
    "SELECT CASE a WHEN 1 THEN CASE WHEN b THEN 2 END ELSE 3 END AS end",
    "SELECT a end FROM t",
    'SELECT a "end", t.end FROM t',
    "SELECT end_, atomic, begin FROM atomic",
    "SELECT begin atomic FROM t",
    "SELECT 'END;', $$END;$$, E'\\'END;'",
    "INSERT INTO t VALUES (1, ';')",
    "UPDATE t SET a = CASE WHEN true THEN 1 END",
    "SELECT (SELECT 1 AS end)",
    "RETURN CASE WHEN true THEN 1 END",
    "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
    "/* END; */ SELECT 1 -- END;\n",
    "",
]
HEADERS = [
    "CREATE FUNCTION f() RETURNS int",
    "create or replace function f(a int default 1, b text = ';') returns int language sql",
    "CREATE PROCEDURE p(begin int, atomic int)",
    "CREATE /* ; */ OR REPLACE -- ;\n PROCEDURE p() LANGUAGE sql",
    "CREATE FUNCTION f() RETURNS TABLE (a int, b int) STABLE SET search_path = a, b COST 1",
]
GAPS = [" ", "\n", "/* ; */", " -- END;\n"]


@thorough
@given(
    st.lists(
        st.tuples(st.sampled_from(HEADERS), st.lists(st.sampled_from(BODY), max_size=5), st.sampled_from(GAPS)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(STATEMENTS),
)
def test_splits_atomic_bodies_as_the_parser_does(routines: list[tuple[str, list[str], str]], last: str) -> None:
    sql = ""
    for header, body, gap in routines:
        inside = "".join(f"{statement};{gap}" for statement in body)
        sql += f"{header}{gap} BEGIN{gap}ATOMIC{gap}{inside}END{gap};{gap}"
    sql += last
    assert ours(sql) == by_parser(sql)
    assert len(ours(sql)) == len(routines) + 1


LETTERS = "'\"$\\-/*;()EeUu&nNbBxX_aA1é \t\n"
PIECES = [
    "'a;'", "''", "'''", "E'a\\';'", "e'\\\\'", "E'", "'\\'", "U&'\\003b'", "U&\"a\"", "N';'", "b'0'", "X'1'",
    '"a;"', '"a"";"', "$$a;$$", "$a$;$a$", "$A$", "$a$", "$$", "$é$;$é$", "a$$b", "$1", "$",
    "-- a;\n", "--'\n", "--", "/* ; */", "/*/**/*/", "/*", "*/", "/*/",
    ";", "(", ")", "SELECT", "E", "e", "U&", "a", "é", "_1", "1", "1.5", "0x1F", "1e5", "..", ".",
    " ", "\n", "\t", "\r", "\r\n", "\f", "\v", "+", "-", "*", "/", "<", "=", "::", "?|", "#>>", "@", ",", "[", "]",
]  # fmt: skip
texts = st.one_of(
    st.text(LETTERS, max_size=40),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join),
    # Far into a statement and in parentheses the scanner takes short cuts.
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "SELECT " + "a, " * 40 + "".join(pieces)),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "SELECT (a, " + "".join(pieces)),
)

# libpg_query takes a letter right behind a parameter's number or a number for a token of its own; the server does not.
JUNK = re.compile(r"\$[0-9]+[A-Za-z_\u0080-\U0010ffff]")


@settings(thorough, max_examples=3000)
@given(texts)
@example("1..E'\\';'")
def test_splits_any_text_as_the_lexer_does(sql: str) -> None:
    assume(not JUNK.search(sql))
    try:
        expected = by_lexer(sql)
    except parser.ParseError as error:
        # The lexer refuses more than we do (an empty quoted name, an escape that is none): the server will say so.
        if "unterminated" in error.args[0]:
            with pytest.raises(ScanError):
                split(sql)
        else:
            spans_or_error(sql)
        return
    if any(name == "ASCII_92" for _, _, name in tokens(sql)):
        with pytest.raises(ScanError, match="command of psql"):
            split(sql)
    else:
        assert ours(sql) == expected


def spans_or_error(sql: str) -> Spans | None:
    """Nothing but ScanError may come out of it."""
    try:
        return ours(sql)
    except ScanError as error:
        found = error
    assert 0 <= found.offset < len(sql)
    assert found.problem
    assert found.cure
    return None


COPIES = [
    "COPY t FROM stdin;\n1\n\\.\n",
    "COPY t FROM stdin;\n;'\n$$/*\n\\.\n",
    "COPY t FROM stdin",
    "\\.\n",
    "-- cut\n",
]


@thorough
@given(st.one_of(texts, st.lists(st.sampled_from([*PIECES, *COPIES, *BODY, *HEADERS]), max_size=15).map("".join)))
def test_loses_no_text(sql: str) -> None:
    """Between the statements is nothing but white space, semicolons, comments and the rows of COPY."""
    try:
        items = list(scan(sql, re.compile("-- cut")))
    except ScanError:
        return
    found = [item for item in items if isinstance(item, Statement)]
    comments = [item for item in items if isinstance(item, Comment)]
    rest = list(sql)
    at = 0
    for statement in found:
        assert at <= statement.start < statement.end
        assert statement.words
        at = statement.end
        rest[statement.start : statement.end] = " " * (statement.end - statement.start)
        if statement.data:
            start, end = statement.data
            assert at <= start <= end
            assert sql[start - 1] == "\n"
            assert sql[end : end + 2] == "\\."
            at = end + 2
            rest[start : end + 2] = " " * (end + 2 - start)
    at = 0
    for comment in comments:
        assert at <= comment.start < comment.end
        assert sql[comment.start : comment.start + 2] in {"--", "/*"}
        at = comment.end
        rest[comment.start : comment.end] = " " * (comment.end - comment.start)
    assert at <= len(sql)
    assert set(rest) <= set(" \t\n\r\f\v;")


@thorough
@given(st.text(max_size=60))
def test_any_characters_are_split_or_refused(sql: str) -> None:
    spans_or_error(sql)


@thorough
@given(texts)
def test_splitting_a_statement_again_changes_nothing(sql: str) -> None:
    """A part is cut out of its file and split again when it runs."""
    for start, end in spans_or_error(sql) or []:
        assert ours(sql[start:end]) == [(0, end - start)]
