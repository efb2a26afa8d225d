"""What JavaScript is told apart into, whatever it is."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations.adopt.javascript import literal, statements, tokens


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("a.b('c') // d", ["a", ".", "b", "(", "'c'", ")"]),
        ("/* ` */ x = /['`]/g; y = a / b / c", ["x", "=", "/['`]/g", ";", "y", "=", "a", "/", "b", "/", "c"]),
        ("`a ${b + `c ${'}'}`} d` e", ["`a ${b + `c ${'}'}`} d`", "e"]),
        ("'a\\'b' \"c\\\"d\"", ["'a\\'b'", '"c\\"d"']),
        ("`not closed", ["`not closed"]),
        ("'not closed\nx", ["'", "not", "closed", "x"]),
    ],
)
def test_tokens(source: str, texts: list[str]) -> None:
    assert [token.text for token in tokens(source)] == texts


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'a' + \"b\" + `c`", "abc"),
        ("`a${b}`", None),
        ("a", None),
        ("'a' + b", None),
        ("'a\\\nb\\tc\\q'", "ab\tcq"),
        ("`a\\${b}`", "a${b}"),
    ],
)
def test_the_value_of_a_literal(source: str, value: str | None) -> None:
    found = literal(tokens(source), 0)
    assert (found[0] if found else None) == value


@given(st.text(alphabet="ab'\"`\\/*${}()[];\n+=. ", max_size=60))
def test_any_text_is_told_apart_into_tokens_in_their_places_and_statements_of_all_of_them(source: str) -> None:
    found = tokens(source)
    assert all(source[token.start : token.end] == token.text for token in found)
    assert all(one.end <= two.start for one, two in itertools.pairwise(found))
    kept = [token for one in statements(found, source) for token in one]
    assert [token for token in kept if token.text != ";"] == [token for token in found if token.text != ";"]
