"""Which statements take longer the more rows a table has."""

from __future__ import annotations

import pytest

from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.slow import grows_with_rows, makes_table, table_of

CASES = [
    ("CREATE INDEX i ON post (a)", True, "POST"),
    ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY app.post USING btree (a)", True, "POST"),
    ("CREATE MATERIALIZED VIEW v AS SELECT 1", True, None),
    ("CREATE TABLE copy AS SELECT * FROM post", True, "COPY"),
    ("CREATE TABLE IF NOT EXISTS app.post (id int)", False, "POST"),
    ("CREATE VIEW v AS SELECT 1", False, None),
    ("UPDATE ONLY post SET a = 1", True, "POST"),
    ('UPDATE "Post" SET a = 1', True, ""),
    ("DELETE FROM post", True, "POST"),
    ("INSERT INTO post SELECT 1", True, "POST"),
    ("INSERT INTO post VALUES (1)", False, "POST"),
    ("REINDEX TABLE post", True, None),
    ("VACUUM post", True, None),
    ("CALL fill()", True, None),
    ("ALTER TABLE post ALTER COLUMN a TYPE bigint", True, "POST"),
    ("ALTER TABLE post ALTER a SET DATA TYPE bigint", True, "POST"),
    ("ALTER TABLE IF EXISTS ONLY post ALTER a SET NOT NULL", True, "POST"),
    ("ALTER TABLE post ALTER COLUMN type SET DEFAULT 1", False, "POST"),
    ("ALTER TABLE post ADD COLUMN type text", False, "POST"),
    ("ALTER TABLE post ADD COLUMN b int GENERATED ALWAYS AS (a) STORED", True, "POST"),
    ("ALTER TABLE post ADD CONSTRAINT c CHECK (a > 0)", True, "POST"),
    ("ALTER TABLE post ADD CONSTRAINT c CHECK (a > 0) NOT VALID", False, "POST"),
    ("ALTER TABLE post ADD CONSTRAINT c UNIQUE USING INDEX i", False, "POST"),
    ("ALTER TABLE post VALIDATE CONSTRAINT c", True, "POST"),
    ("ALTER TABLE post SET UNLOGGED", True, "POST"),
    ("ALTER TABLE post DROP COLUMN a", False, "POST"),
    ("ALTER INDEX i RENAME TO j", False, None),
    ("DROP TABLE post", False, None),
    ("COMMENT ON TABLE post IS 'TYPE'", False, None),
]


@pytest.mark.parametrize(("sql", "expected", "table"), CASES)
def test_what_goes_over_all_rows_is_told_with_its_table(sql: str, expected: bool, table: str | None) -> None:
    (statement,) = split(sql)
    assert grows_with_rows(statement.words) is expected
    if table is not None:
        assert table_of(statement.words) == table
    assert makes_table(statement.words) is sql.startswith("CREATE TABLE")
