"""SQL for psql: its variables stay out of it."""

from __future__ import annotations

import pytest

from medusa_migrations.sql.psql import for_psql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a[1:n]", "SELECT a[1: n]"),
        ("SELECT a[:'x']", "SELECT a[: 'x']"),
        ('SELECT a[:"x"]', 'SELECT a[: "x"]'),
        ("SELECT a[1:{?x}]", "SELECT a[1: {?x}]"),
        ("SELECT 1::text", "SELECT 1::text"),
        ("SELECT f(a := 1)", "SELECT f(a := 1)"),
        ("SELECT ':x', \":y\", $$ :z $$, E'\\':q' -- :c", "SELECT ':x', \":y\", $$ :z $$, E'\\':q' -- :c"),
        ("/* :x /* :y */ */ SELECT 1", "/* :x /* :y */ */ SELECT 1"),
        (
            "COPY t FROM stdin;\na:b\tit's :c\n\\.\nSELECT a[1:n];",
            "COPY t FROM stdin;\na:b\tit's :c\n\\.\nSELECT a[1: n];",
        ),
    ],
)
def test_only_a_colon_that_psql_reads_is_set_apart(sql: str, expected: str) -> None:
    assert for_psql(sql) == expected
