"""What a statement is, by its first words: what no transaction may hold, and what opens and closes one."""

from __future__ import annotations

import pytest

from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.statements import (
    UnbalancedError,
    cannot_run,
    is_concurrent,
    loses_data,
    needs_transaction,
    outside_transaction,
    transactions,
)


def words(sql: str) -> tuple[str, ...]:
    (statement,) = split(sql)
    return statement.words


OUTSIDE = {
    "BEGIN": "BEGIN",
    "begin": "BEGIN",
    "BEGIN WORK": "BEGIN",
    "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE": "BEGIN",
    "Begin /* ; */ Work": "BEGIN",
    "/* BEGIN */ BEGIN -- ;": "BEGIN",
    "START TRANSACTION": "START TRANSACTION",
    "start\n-- now;\ntransaction READ ONLY": "START TRANSACTION",
    "COMMIT": "COMMIT",
    "COMMIT WORK": "COMMIT",
    "commit and chain": "COMMIT",
    "COMMIT TRANSACTION AND NO CHAIN": "COMMIT",
    "COMMIT PREPARED 'a'": "COMMIT PREPARED",
    "END": "END",
    "END TRANSACTION": "END",
    "end and chain": "END",
    "ABORT": "ABORT",
    "ABORT WORK": "ABORT",
    "ROLLBACK": "ROLLBACK",
    "ROLLBACK WORK": "ROLLBACK",
    "ROLLBACK TRANSACTION AND CHAIN": "ROLLBACK",
    "ROLLBACK PREPARED 'to'": "ROLLBACK PREPARED",
    "rollback /* to */ prepared $$to$$": "ROLLBACK PREPARED",
    "PREPARE TRANSACTION 'a'": "PREPARE TRANSACTION",
    "prepare/**/transaction E'a'": "PREPARE TRANSACTION",
    "PREPARE TRANSACTION $$a$$": "PREPARE TRANSACTION",
    "PREPARE TRANSACTION U&'a'": "PREPARE TRANSACTION",
    "CREATE INDEX CONCURRENTLY i ON t (a)": "CREATE INDEX CONCURRENTLY",
    "create index concurrently on t (a)": "CREATE INDEX CONCURRENTLY",
    "CREATE INDEX /* not */ CONCURRENTLY IF NOT EXISTS i ON t (a)": "CREATE INDEX CONCURRENTLY",
    "CREATE UNIQUE INDEX\nCONCURRENTLY i ON t (a)": "CREATE UNIQUE INDEX CONCURRENTLY",
    "DROP INDEX CONCURRENTLY i": "DROP INDEX CONCURRENTLY",
    "DROP INDEX CONCURRENTLY IF EXISTS s.i": "DROP INDEX CONCURRENTLY",
    "REINDEX INDEX CONCURRENTLY i": "REINDEX CONCURRENTLY",
    "REINDEX TABLE CONCURRENTLY t": "REINDEX CONCURRENTLY",
    "REINDEX SCHEMA CONCURRENTLY s": "REINDEX CONCURRENTLY",
    "REINDEX (VERBOSE) TABLE CONCURRENTLY t": "REINDEX CONCURRENTLY",
    "REINDEX (CONCURRENTLY) INDEX i": "REINDEX CONCURRENTLY",
    "REINDEX (CONCURRENTLY on) INDEX i": "REINDEX CONCURRENTLY",
    "REINDEX (CONCURRENTLY true, VERBOSE) TABLE t": "REINDEX CONCURRENTLY",
    "reindex (verbose, concurrently) table t": "REINDEX CONCURRENTLY",
    "REINDEX (TABLESPACE a, CONCURRENTLY, VERBOSE off) TABLE t": "REINDEX CONCURRENTLY",
    "REINDEX DATABASE d": "REINDEX DATABASE",
    "REINDEX DATABASE": "REINDEX DATABASE",
    "REINDEX SCHEMA s": "REINDEX SCHEMA",
    "REINDEX SYSTEM d": "REINDEX SYSTEM",
    "REINDEX (VERBOSE) SCHEMA s": "REINDEX SCHEMA",
    "REINDEX (CONCURRENTLY off) DATABASE d": "REINDEX DATABASE",
    "ALTER TABLE t DETACH PARTITION p CONCURRENTLY": "DETACH PARTITION CONCURRENTLY",
    'alter table "s"."t" detach partition "p" concurrently': "DETACH PARTITION CONCURRENTLY",
    "ALTER TABLE IF EXISTS ONLY s.t DETACH PARTITION p CONCURRENTLY -- ;": "DETACH PARTITION CONCURRENTLY",
    "VACUUM": "VACUUM",
    "VACUUM FULL t": "VACUUM",
    "VACUUM (VERBOSE, ANALYZE) t (a)": "VACUUM",
    "CLUSTER": "CLUSTER without a table",
    "CLUSTER VERBOSE": "CLUSTER without a table",
    "CLUSTER (VERBOSE)": "CLUSTER without a table",
    "cluster (verbose on) -- t": "CLUSTER without a table",
    "CREATE DATABASE d": "CREATE DATABASE",
    "DROP DATABASE IF EXISTS d WITH (FORCE)": "DROP DATABASE",
    "CREATE TABLESPACE a LOCATION '/a'": "CREATE TABLESPACE",
    "DROP TABLESPACE a": "DROP TABLESPACE",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p": "CREATE SUBSCRIPTION",
    "DROP SUBSCRIPTION IF EXISTS s": "DROP SUBSCRIPTION",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect, enabled = false)": "CREATE SUBSCRIPTION",
    "CREATE SUBSCRIPTION connect CONNECTION '' PUBLICATION p WITH (create_slot = true)": "CREATE SUBSCRIPTION",
    "ALTER SYSTEM SET a = 1": "ALTER SYSTEM",
    "alter system reset all": "ALTER SYSTEM",
    "DISCARD ALL": "DISCARD ALL",
}


@pytest.mark.smoke
@pytest.mark.parametrize(("sql", "name"), OUTSIDE.items(), ids=OUTSIDE.keys())
def test_no_transaction_may_hold(sql: str, name: str) -> None:
    assert outside_transaction(words(sql)) == name


INSIDE = [
    "SAVEPOINT a",
    "SAVEPOINT begin",
    "RELEASE a",
    "RELEASE SAVEPOINT a",
    "ROLLBACK TO a",
    "rollback to savepoint a",
    "ROLLBACK WORK TO a",
    "ROLLBACK TRANSACTION TO SAVEPOINT a",
    "ROLLBACK /* ; */ TO a",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "PREPARE a AS SELECT 1",
    "PREPARE transaction AS SELECT 1",
    "PREPARE transaction (int) AS SELECT $1",
    'PREPARE "transaction" AS SELECT 1',
    "EXECUTE transaction",
    "CREATE INDEX i ON t (a)",
    "CREATE UNIQUE INDEX i ON t (a)",
    'CREATE INDEX "CONCURRENTLY" ON t (a)',
    "CREATE INDEX i ON concurrently_t (a)",
    "DROP INDEX i",
    'DROP INDEX "concurrently"',
    "REINDEX TABLE t",
    "REINDEX INDEX i",
    "REINDEX (VERBOSE) TABLE t",
    "REINDEX (CONCURRENTLY off) TABLE t",
    "REINDEX (VERBOSE, concurrently false) INDEX i",
    "REINDEX TABLE database",
    'REINDEX INDEX "concurrently"',
    "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
    "refresh materialized view concurrently v with data",
    "ALTER TABLE t DETACH PARTITION p",
    "ALTER TABLE t DETACH PARTITION p FINALIZE",
    'ALTER TABLE t DETACH PARTITION "concurrently"',
    "ALTER TABLE t ADD COLUMN detach int",
    "ALTER TABLE t ATTACH PARTITION p DEFAULT",
    "CLUSTER t",
    "CLUSTER t USING i",
    "CLUSTER VERBOSE t",
    "CLUSTER (VERBOSE) t",
    'CLUSTER "verbose"',
    "CREATE TABLE database (vacuum int)",
    "CREATE SCHEMA s",
    "DROP TABLE database",
    "ALTER TABLE system ADD COLUMN a int",
    "ALTER DATABASE d SET a = 1",
    "ALTER SUBSCRIPTION s DISABLE",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (enabled = false, connect = false)",
    "create subscription s connection '' publication p with (create_slot=off)",
    "DISCARD PLANS",
    "DISCARD TEMP",
    "ANALYZE",
    "CHECKPOINT",
    "DO $$ BEGIN COMMIT; END $$",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
    "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
    "SELECT 'VACUUM'",
    "SELECT begin FROM commit",
    "INSERT INTO t SELECT 1 AS end",
    "(SELECT 1)",
    '"begin"',
    "'begin'",
    "COMMENT ON DATABASE d IS 'VACUUM'",
    "COPY t FROM '/tmp/a'",
    "LOCK TABLE t",
    "EXPLAIN SELECT 1",
]


@pytest.mark.smoke
@pytest.mark.parametrize("sql", INSIDE)
def test_a_transaction_may_hold(sql: str) -> None:
    assert outside_transaction(words(sql)) is None
    assert not is_concurrent(words(sql))


CONCURRENT = [sql for sql, name in OUTSIDE.items() if "CONCURRENTLY" in name]


@pytest.mark.parametrize("sql", OUTSIDE, ids=OUTSIDE.keys())
def test_is_concurrent(sql: str) -> None:
    assert is_concurrent(words(sql)) == (sql in CONCURRENT)


@pytest.mark.parametrize(
    "sql",
    ["PREPARE", "PREPARE TRANSACTION", "ROLLBACK", "REINDEX", "REINDEX (CONCURRENTLY", "CLUSTER (", "ALTER", ")", "''"],
)
def test_half_a_statement_is_no_trouble(sql: str) -> None:
    """What PostgreSQL will refuse, and say why."""
    outside_transaction(words(sql))
    cannot_run(split(sql)[0], sql)
    is_concurrent(words(sql))


CANNOT = {
    "rows to a client": ("COPY t TO STDOUT", "COPY … TO STDOUT"),
    "rows to a client, in lower case": ("copy t to stdout", "COPY … TO STDOUT"),
    "rows of a query to a client": ("COPY (SELECT 1) TO STDOUT WITH (FORMAT csv)", "COPY … TO STDOUT"),
    "STDIN, which the grammar takes for STDOUT": ("COPY t TO stdin", "COPY … TO STDOUT"),
    "strings with backslashes": ("SET standard_conforming_strings = off", "standard_conforming_strings"),
    "strings with backslashes, with TO": ("SET standard_conforming_strings TO off", "standard_conforming_strings"),
    "strings with backslashes, in quotes": ("SET standard_conforming_strings = 'off'", "standard_conforming_strings"),
    "strings with backslashes, for a transaction": (
        "set local standard_conforming_strings to false",
        "standard_conforming_strings",
    ),
    "strings with backslashes, for a session": ("SET SESSION standard_conforming_strings = 0", "standard_conforming"),
    "strings with backslashes, as a dump of old": (
        "SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false)",
        "standard_conforming",
    ),
    "another encoding": ("SET client_encoding = 'LATIN1'", "client_encoding must stay UTF8"),
    "another encoding, with TO": ("set local CLIENT_ENCODING to sql_ascii", "client_encoding must stay UTF8"),
    "another encoding, quoted": ("SET \"client_encoding\" = E'EUC_JP'", "client_encoding must stay UTF8"),
    "another encoding, as the standard has it": ("SET NAMES 'WIN1252'", "client_encoding must stay UTF8"),
    "the server's encoding": ("SET client_encoding TO DEFAULT", "client_encoding must stay UTF8"),
    "the server's encoding, by its absence": ("SET NAMES", "client_encoding must stay UTF8"),
    "the server's encoding, reset": ("RESET client_encoding", "client_encoding must stay UTF8"),
    "another encoding by a function": ("SELECT set_config('client_encoding','latin1', true)", "client_encoding must"),
}


@pytest.mark.parametrize(("sql", "problem"), CANNOT.values(), ids=CANNOT.keys())
def test_cannot_run(sql: str, problem: str) -> None:
    refused = cannot_run(split(sql)[0], sql)
    assert refused is not None
    assert problem in refused[0]
    assert refused[1]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY t FROM '/tmp/a'",
        "COPY t TO '/tmp/stdout'",
        "COPY t TO PROGRAM 'cat'",
        "COPY stdout TO '/tmp/a'",
        "SELECT 1 FROM stdout",
        "SET standard_conforming_strings = on",
        "SET standard_conforming_strings TO true",
        "SET standard_conforming_strings = 'on'",
        "SET client_encoding = 'UTF8'",
        "SET client_encoding TO 'utf-8'",
        "SET SESSION NAMES 'Utf_8'",
        "SET client_encoding = unicode",
        "SELECT pg_catalog.set_config('client_encoding', 'UTF8', false)",
        "SELECT pg_catalog.set_config('search_path', '', false)",
        "SELECT set_config(name, value, false) FROM t",
        "SHOW client_encoding",
        "RESET ALL",
        "ALTER ROLE r SET client_encoding = 'LATIN1'",
        "SET LOCAL lock_timeout = '1s'",
        "SET search_path TO off",
        "SHOW standard_conforming_strings",
        "BEGIN",
    ],
)
def test_can_run(sql: str) -> None:
    assert cannot_run(split(sql)[0], sql) is None


def test_rows_from_a_client_can_run() -> None:
    (copy,) = split("COPY t FROM STDIN;\n\\.\n")
    assert cannot_run(copy, "") is None


def steps(sql: str) -> list[str]:
    return [sql[step[0].start : step[-1].end] for step in transactions(split(sql))]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        ("a;b", ["a", "b"]),
        ("a;BEGIN;b;c;COMMIT;d", ["a", "BEGIN;b;c;COMMIT", "d"]),
        ("BEGIN;COMMIT", ["BEGIN;COMMIT"]),
        ("start transaction;a;end", ["start transaction;a;end"]),
        ("BEGIN;a;ROLLBACK;b", ["BEGIN;a;ROLLBACK", "b"]),
        ("BEGIN;a;ABORT", ["BEGIN;a;ABORT"]),
        ("BEGIN;a;COMMIT AND NO CHAIN", ["BEGIN;a;COMMIT AND NO CHAIN"]),
        ("BEGIN;a;COMMIT;BEGIN;b;END", ["BEGIN;a;COMMIT", "BEGIN;b;END"]),
        ("BEGIN;SAVEPOINT s;a;ROLLBACK TO s;RELEASE s;COMMIT", ["BEGIN;SAVEPOINT s;a;ROLLBACK TO s;RELEASE s;COMMIT"]),
        ("BEGIN;PREPARE TRANSACTION 'x';COMMIT PREPARED 'x'", ["BEGIN;PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'"]),
        ("ROLLBACK PREPARED 'x';VACUUM", ["ROLLBACK PREPARED 'x'", "VACUUM"]),
        ("CREATE INDEX CONCURRENTLY i ON t (a);VACUUM", ["CREATE INDEX CONCURRENTLY i ON t (a)", "VACUUM"]),
        ("DO $$BEGIN COMMIT; END$$;a", ["DO $$BEGIN COMMIT; END$$", "a"]),
    ],
)  # fmt: skip
def test_a_transaction_is_one_step(sql: str, expected: list[str]) -> None:
    assert steps(sql) == expected


# The offset is where `^` stands in the text.
UNBALANCED = {
    "BEGIN without COMMIT": ("a;^BEGIN;b", "without a COMMIT after it"),
    "START TRANSACTION without COMMIT": ("^START TRANSACTION;b", "without a COMMIT after it"),
    "ROLLBACK TO does not end a transaction": ("^BEGIN;ROLLBACK TO s", "without a COMMIT after it"),
    "BEGIN in a transaction": ("BEGIN;a;^BEGIN;COMMIT;COMMIT", "inside another BEGIN"),
    "COMMIT without BEGIN": ("a;^COMMIT", "without a BEGIN before it"),
    "a COMMIT too many": ("BEGIN;COMMIT;^COMMIT", "without a BEGIN before it"),
    "END without BEGIN": ("^END", "without a BEGIN before it"),
    "ROLLBACK without BEGIN": ("^ROLLBACK", "without a BEGIN before it"),
    "ABORT without BEGIN": ("^ABORT", "without a BEGIN before it"),
    "PREPARE TRANSACTION without BEGIN": ("^PREPARE TRANSACTION 'x'", "without a BEGIN before it"),
    "COMMIT AND CHAIN leaves a transaction open": ("BEGIN;a;^COMMIT AND CHAIN;b;COMMIT", "AND CHAIN begins"),
    "ROLLBACK AND CHAIN leaves one open": ("BEGIN;a;^rollback work and chain;b;COMMIT", "AND CHAIN begins"),
}


@pytest.mark.parametrize(("marked", "problem"), UNBALANCED.values(), ids=UNBALANCED.keys())
def test_unbalanced(marked: str, problem: str) -> None:
    with pytest.raises(UnbalancedError, match=problem) as caught:
        steps(marked.replace("^", ""))
    assert caught.value.statement.start == marked.index("^")
    assert caught.value.problem == str(caught.value)


LOSES = [
    "DROP TABLE a",
    "drop /* quietly */ table if exists a cascade",
    "DROP SCHEMA a CASCADE",
    "DROP DATABASE a",
    "DROP OWNED BY a",
    "DROP TYPE a CASCADE",
    "DROP EXTENSION citext CASCADE",
    "TRUNCATE a",
    "TRUNCATE TABLE ONLY a, b RESTART IDENTITY",
    "DELETE FROM a",
    "DELETE FROM a USING (SELECT 1 WHERE true) b",
    "WITH b AS (SELECT 1) DELETE FROM a",
    "ALTER TABLE a DROP b",
    "ALTER TABLE IF EXISTS ONLY x.a ADD c int, DROP COLUMN IF EXISTS b",
    'ALTER TABLE a DROP "b"',
    "ALTER TYPE a DROP ATTRIBUTE b CASCADE",
]
KEEPS = [
    "DROP INDEX a",
    "DROP VIEW a CASCADE",
    "DROP FUNCTION a()",
    "DROP TYPE a",
    "DROP",
    "DELETE FROM a WHERE b = 1",
    "WITH b AS (SELECT 1) SELECT 1",
    "INSERT INTO a VALUES ('DROP TABLE b; TRUNCATE c')",
    "ALTER TABLE a DROP CONSTRAINT b",
    "ALTER TABLE a ALTER COLUMN b DROP NOT NULL, ALTER b DROP DEFAULT, ALTER b DROP IDENTITY, ALTER b DROP EXPRESSION",
    "ALTER TABLE a ADD b int",
    "ALTER",
    "SELECT 1",
    "COMMENT ON TABLE a IS 'DROP TABLE a'",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'TRUNCATE a'",
]


@pytest.mark.parametrize("sql", LOSES)
def test_what_drops_or_empties_loses_data(sql: str) -> None:
    assert loses_data(words(sql))


@pytest.mark.parametrize("sql", KEEPS)
def test_what_only_looks_like_it_loses_none(sql: str) -> None:
    assert not loses_data(words(sql))


NEEDS_TRANSACTION = {
    "LOCK TABLE t": "LOCK",
    "lock t in share mode": "LOCK",
    "SAVEPOINT s": "SAVEPOINT",
    "RELEASE s": "RELEASE",
    "ROLLBACK WORK TO s": "ROLLBACK TO",
    "ROLLBACK": None,
    "DECLARE c CURSOR FOR SELECT 1": "DECLARE without WITH HOLD",
    "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1": "DECLARE without WITH HOLD",
    "DECLARE c BINARY CURSOR WITH HOLD FOR SELECT 1": None,
    "SET LOCAL lock_timeout = 0": "SET LOCAL",
    "SET TRANSACTION READ ONLY": "SET TRANSACTION",
    "SET CONSTRAINTS ALL DEFERRED": "SET CONSTRAINTS",
    "SET lock_timeout = 0": None,
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY": None,
    "SET": None,
    "BEGIN": None,
}


@pytest.mark.parametrize(("sql", "name"), NEEDS_TRANSACTION.items(), ids=NEEDS_TRANSACTION.keys())
def test_needs_transaction(sql: str, name: str | None) -> None:
    assert needs_transaction(words(sql)) == name
