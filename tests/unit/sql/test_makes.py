"""What the statements of a part make, by their words."""

from __future__ import annotations

import pytest

from medusa_migrations.sql.makes import made_names

MADE = {
    "a table with its columns and constraints": (
        "CREATE TABLE IF NOT EXISTS s.t (id int, b numeric(3, 2) REFERENCES u (c), CONSTRAINT k CHECK (d > 0))",
        {"t", "id", "b", "k"},
    ),
    "a quoted name": ('CREATE TABLE "My table" (A int)', {"My table", "a"}),
    "a view, and not what it reads": ("CREATE OR REPLACE VIEW v AS SELECT a FROM t", {"v"}),
    "an index, and not its table": ("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)", {"ix"}),
    "a function, and not its arguments": ("CREATE FUNCTION f(a int) RETURNS t LANGUAGE sql AS 'SELECT b'", {"f"}),
    "a partition, and not its parent": ("CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)", {"p1"}),
    "a type and a schema": ("CREATE TYPE mood AS ENUM ('ok'); CREATE SCHEMA s", {"mood", "s"}),
    "a sequence, and not whose it is": ("CREATE SEQUENCE q OWNED BY t.a", {"q"}),
    "columns that are added": ("ALTER TABLE t ADD a int, ADD COLUMN IF NOT EXISTS b int DEFAULT (c)", {"a", "b"}),
    "a new name": ("ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN a TO b", {"u", "b"}),
    "no more than that": (
        "INSERT INTO t VALUES (1); ALTER TABLE t ALTER a TYPE int; DROP TABLE u; UPDATE t SET b = 1;"
        "DO $$ BEGIN CREATE TABLE x (); END $$; COMMENT ON TABLE t IS 'CREATE TABLE y'",
        set(),
    ),
    "what breaks off": ("CREATE TABLE bad (", {"bad"}),
}


@pytest.mark.parametrize(("sql", "names"), MADE.values(), ids=MADE)
def test_what_is_made(sql: str, names: set[str]) -> None:
    words = {"create", "or", "replace", "table", "view", "unique", "index", "concurrently", "function", "constraint"}
    assert made_names(sql) - words - {"if", "not", "exists", "type", "schema", "sequence"} == names
