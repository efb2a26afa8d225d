"""What an SQL file may not say, with place and cure."""

from __future__ import annotations

import pytest

from tests.support.sql_files import PATH, refusal, up

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
    "an up part of several without its down part": (
        "-- migrate:up\na;\n-- migrate:up\nb;\n-- migrate:down\nc;",
        ":1:1",
        ["this up part has no down part", "others of the file have one", "`-- migrate:down`"],
    ),
    "an up part behind the down part, without its own": (
        "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:up\nc;",
        ":5:1",
        ["this up part has no down part", "with nothing behind"],
    ),
    "a second up part whose down marker has a slip": (
        "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:up\nc;\n-- mirgate:down\nd;",
        ":7:1",
        ["-- mirgate:down", "'migrate:down'"],
    ),
    "one of two up parts without a transaction": (
        "-- migrate:up transaction:false\na;\n-- migrate:down\nb;\n-- migrate:up\nc;\n-- migrate:down\nd;",
        ":5:1",
        ["this migrate:up and that of line 1 do not agree", "behind each migrate:up or behind none"],
    ),
    "one of two down parts without a transaction": (
        "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:up\nc;\n-- migrate:down transaction:false\nd;",
        ":7:1",
        ["this migrate:down and that of line 3 do not agree"],
    ),
    "a savepoint of another up part": (
        "-- migrate:up\nSAVEPOINT s;\n-- migrate:up\nRELEASE s;",
        ":4:1",
        ["a savepoint that is not open here", "in this part"],
    ),
    "a transaction over two up parts": (
        "-- migrate:up transaction:false\nBEGIN;\n-- migrate:up transaction:false\nCOMMIT;",
        ":2:1",
        ["BEGIN without a COMMIT"],
    ),
    "two down parts": (
        "-- migrate:up\na;\n-- migrate:down\nb;\n-- migrate:down\nc;",
        ":5:1",
        ["a second migrate:down behind one migrate:up", "Join the two"],
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
    "a phase that is none": (
        "-- a\n-- migrate:phase later\n-- migrate:up\n",
        ":2:1",
        ["migrate:phase takes the word after", "`-- migrate:phase after`"],
    ),
    "the phase that all have": (
        "-- migrate:phase before\n-- migrate:up\n",
        ":1:1",
        ["without the line it runs before"],
    ),
    "a phase without a word": ("-- migrate:phase\n-- migrate:up\n", ":1:1", ["takes the word after"]),
    "a phase in the up part": ("-- migrate:up\n-- migrate:phase after\n", ":2:1", ["migrate:phase belongs"]),
    "keep without a name": ("-- migrate:keep\n-- migrate:up\n", ":1:1", ["table.object", "blog_post.search_ix"]),
    "keep with a table only": ("-- migrate:keep blog_post\n-- migrate:up\n", ":1:1", ["table.object"]),
    "keep with a table and a dot": ("-- migrate:keep blog_post.\n-- migrate:up\n", ":1:1", ["table.object"]),
    "keep with two objects": ("-- migrate:keep a.b c.d\n-- migrate:up\n", ":1:1", ["table.object"]),
    "a space that is none": (
        "-- migrate:up\n-- \u00a0\nSELECT '\u00a0',\u00a01;",
        ":3:12",
        ["an invisible character: U+00A0, NO-BREAK SPACE", "plain space"],
    ),
    "a byte order mark inside, as of files that were joined": (
        "-- a\n\ufeff-- migrate:up\na;",
        ":2:1",
        ["an invisible character: U+FEFF"],
    ),
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
    "psql's restrict inside a statement": (
        "-- migrate:up\nSELECT 1\n\\restrict a\n;",
        ":3:1",
        ["\\restrict is a command of psql"],
    ),
    "psql's restrict behind a statement": ("-- migrate:up\na; \\restrict a\n", ":2:4", ["\\restrict is a command"]),
    "psql's restricted": ("-- migrate:up\n\\restricted a\n", ":2:1", ["\\restricted is a command of psql"]),
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


WRONG_SIDE = {
    "a lock": ("a;\nLOCK TABLE t;", ":3:1: LOCK means nothing where each statement is committed by itself"),
    "a savepoint": ("SAVEPOINT s;", ":2:1: SAVEPOINT means nothing"),
    "a savepoint behind a transaction": ("BEGIN;\nSAVEPOINT s;\nCOMMIT;\nRELEASE s;", ":5:1: RELEASE means nothing"),
    "a cursor": ("DECLARE c CURSOR FOR SELECT 1;", ":2:1: DECLARE without WITH HOLD means nothing"),
    "a setting of the transaction": ("BEGIN;COMMIT;\n SET LOCAL a = 1;", ":3:2: SET LOCAL means nothing"),
    "the transaction's mode": ("SET TRANSACTION READ ONLY;", ":2:1: SET TRANSACTION means nothing"),
    "constraints": ("SET CONSTRAINTS ALL DEFERRED;", ":2:1: SET CONSTRAINTS means nothing"),
    "an index": (
        "BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;",
        ":3:1: CREATE INDEX CONCURRENTLY cannot run between BEGIN and COMMIT",
    ),
    "a vacuum": ("BEGIN; a;\n VACUUM;\nROLLBACK;", ":3:2: VACUUM cannot run between BEGIN and COMMIT"),
    "what was prepared": ("BEGIN;\nCOMMIT PREPARED 'a';\nCOMMIT;", ":3:1: COMMIT PREPARED "),
}


@pytest.mark.parametrize(("text", "says"), WRONG_SIDE.values(), ids=WRONG_SIDE.keys())
def test_on_the_wrong_side_of_begin_and_commit(text: str, says: str) -> None:
    message = refusal(f"-- migrate:up transaction:false\n{text}\n-- migrate:down\n")
    assert message.startswith(PATH + says)
    assert "BEGIN" in message.splitlines()[-1]
    assert "mark" not in message


def test_between_begin_and_commit_stands_what_needs_a_transaction() -> None:
    text = "BEGIN;LOCK TABLE t;SET LOCAL a = 1;SAVEPOINT s;DECLARE c CURSOR FOR SELECT 1;RELEASE s;COMMIT;VACUUM;"
    assert up(f"-- migrate:up transaction:false\n{text}\n") == text


DROPS = {
    "the same": ("ALTER SUBSCRIPTION s SET (slot_name = NONE);\nDROP SUBSCRIPTION IF EXISTS S;", None),
    "another": ("ALTER SUBSCRIPTION s SET (slot_name = NONE);\nDROP SUBSCRIPTION t;", ":3:1: DROP SUBSCRIPTION"),
    "another slot": ("ALTER SUBSCRIPTION s SET (slot_name = b);\nDROP SUBSCRIPTION s;", ":3:1: DROP SUBSCRIPTION"),
}


@pytest.mark.parametrize(("text", "says"), DROPS.values(), ids=DROPS.keys())
def test_a_subscription_without_a_slot_may_be_dropped_in_a_transaction(text: str, says: str | None) -> None:
    if says is None:
        assert up(f"-- migrate:up\n{text}") == text
    else:
        assert refusal(f"-- migrate:up\n{text}").startswith(PATH + says)


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
