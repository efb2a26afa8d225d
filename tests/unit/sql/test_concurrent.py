"""What a statement CONCURRENTLY names, as far as it can be told."""

from __future__ import annotations

import pytest

from medusa_migrations.sql.concurrent import CreateIndex, Detach, DropIndex, Reindex, Target, target
from medusa_migrations.sql.names import without_escapes
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.tokens import tokens


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("CREATE INDEX CONCURRENTLY ix ON t (a)", CreateIndex("ix", "t")),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON s.t USING gin (a)", CreateIndex("ix", "s.t", True)),
        ('create index concurrently "on" on only "s" . "t" (a)', CreateIndex('"on"', '"s"."t"')),
        ("CREATE INDEX CONCURRENTLY ON t * (lower(b) DESC)", CreateIndex(None, "t")),
        ("CREATE INDEX CONCURRENTLY /* ( */ ix ON ONLY (s.t) (a)", CreateIndex("ix", "s.t")),
        ('CREATE INDEX CONCURRENTLY U&"d\\0061" ON t (a)', CreateIndex('"da"', "t")),
        ("CREATE INDEX ix ON t (a)", None),
        ("DROP INDEX CONCURRENTLY s.ix CASCADE", DropIndex("s.ix")),
        ('DROP INDEX CONCURRENTLY IF EXISTS "I x"', DropIndex('"I x"')),
        ("ALTER TABLE m DETACH PARTITION s.p CONCURRENTLY", Detach("m", "s.p")),
        ('ALTER TABLE IF EXISTS ONLY "M" * DETACH PARTITION p CONCURRENTLY', Detach('"M"', "p")),
        ("ALTER TABLE detach DETACH PARTITION partition CONCURRENTLY", Detach("detach", "partition")),
        ("ALTER TABLE m DETACH PARTITION p FINALIZE", None),
        ("REINDEX TABLE CONCURRENTLY s.t", Reindex("TABLE", "s.t")),
        ("REINDEX (CONCURRENTLY, TABLESPACE x) INDEX ix", Reindex("INDEX", "ix")),
        ("REINDEX DATABASE CONCURRENTLY", Reindex("DATABASE", "")),
        ("REINDEX TABLE t", None),
        ("VACUUM t", None),
    ],
)
def test_what_is_named(sql: str, named: Target | None) -> None:
    assert target(sql, split(sql)[0]) == named


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (r'U&"\0441\043B\+00006Fn"', ['"слon"']),
        (r'u&"a\\b""c"', ['"a\\b""c"']),
        (r"""U&"d!0061t!+000061!!" UESCAPE '!' ON""", ['"data!"', "ON"]),
        (r'U&"\D83D\DE00"', ['"😀"']),
        (r'U&"\D83D\+FFFFFF"', ['"\ufffd\U0010ffff"']),
        ('a & "b"', ["a", "&", '"b"']),
        ("U & b U", ["U", "&", "b", "U"]),
    ],
)
def test_names_without_their_escapes(written: str, plain: list[str]) -> None:
    assert without_escapes(tokens(written)) == plain
