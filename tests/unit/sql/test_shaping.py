"""What a statement makes or changes, by its words."""

from __future__ import annotations

import pytest

from medusa_migrations.sql.shaping import Shaping, shaping, sql_name

T = ("t",)
FOUND = {
    "a table with what it refers to": (
        'CREATE UNLOGGED TABLE IF NOT EXISTS T (a int REFERENCES u (b), FOREIGN KEY (c) REFERENCES s."V")',
        Shaping(True, "TABLE", T, (), (("u",), ("s", "V"))),
    ),
    "a partition": (
        "CREATE TABLE t PARTITION OF s.p FOR VALUES IN (1)",
        Shaping(True, "TABLE", T, (("s", "p"),)),
    ),
    "an index and its table": (
        "CREATE UNIQUE INDEX ix ON ONLY s.t USING gin (a)",
        Shaping(True, "INDEX", ("ix",), (("s", "t"),)),
    ),
    "an index without a name": ("CREATE INDEX ON t (a)", Shaping(True, "INDEX", (), (T,))),
    "a trigger": (
        'CREATE OR REPLACE TRIGGER g AFTER UPDATE OF a, "on" ON t FOR EACH ROW EXECUTE FUNCTION s.f()',
        Shaping(True, "TRIGGER", ("g",), (T,)),
    ),
    "a constraint trigger": (
        "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()",
        Shaping(True, "TRIGGER", ("g",), (T,)),
    ),
    "a rule": ("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING", Shaping(True, "RULE", ("r",), (T,))),
    "a policy": ("CREATE POLICY y ON t USING (true)", Shaping(True, "POLICY", ("y",), (T,))),
    "a view, and not what it reads": (
        "CREATE OR REPLACE RECURSIVE VIEW t AS SELECT a FROM s.u JOIN v ON true",
        Shaping(True, "VIEW", T),
    ),
    "a materialized view": ("CREATE MATERIALIZED VIEW t AS SELECT 1", Shaping(True, "MATERIALIZED VIEW", T)),
    "a function, and not its body": (
        "CREATE FUNCTION s.t(a int) RETURNS int LANGUAGE sql AS $$ SELECT a FROM x.y $$",
        Shaping(True, "FUNCTION", ("s", "t")),
    ),
    "an extension": ('CREATE EXTENSION IF NOT EXISTS "uuid-ossp"', Shaping(True, "EXTENSION", ("uuid-ossp",))),
    "a name with escapes": ('CREATE TYPE U&"\\0074" AS ENUM ()', Shaping(True, "TYPE", T)),
    "a table that is changed": (
        "ALTER TABLE IF EXISTS ONLY s.t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u",
        Shaping(False, "TABLE", ("s", "t"), (), (("u",),)),
    ),
    "a partition that is attached": (
        "ALTER TABLE t ATTACH PARTITION s.p DEFAULT",
        Shaping(False, "TABLE", T, (("s", "p"),)),
    ),
    "a sequence that is changed": ("ALTER SEQUENCE t OWNED BY u.a", Shaping(False, "SEQUENCE", T)),
    "an owner": ("ALTER TABLE t OWNER TO somebody", None),
    "a comment": ("COMMENT ON TABLE t IS 'x'", None),
    "rows": ("INSERT INTO t VALUES (1)", None),
    "rights": ("GRANT SELECT ON t TO u", None),
    "a table of the session": ("CREATE TEMP TABLE t (a int)", None),
    "a schema": ("CREATE SCHEMA t", None),
    "a role": ("CREATE ROLE t", None),
    "an operator": ("CREATE OPERATOR === (FUNCTION = f)", None),
    "what breaks off": ("CREATE TABLE", Shaping(True, "TABLE", ())),
    "no more than a word": ("CREATE", None),
}


@pytest.mark.parametrize(("sql", "expected"), FOUND.values(), ids=FOUND)
def test_what_is_made_or_changed(sql: str, expected: Shaping | None) -> None:
    assert shaping(sql) == expected


def test_a_name_is_written_in_quotes() -> None:
    assert sql_name(("s", 'a"b')) == '"s"."a""b"'
