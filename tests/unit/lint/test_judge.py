"""What the facts of a statement come to; the facts are given as values."""

from __future__ import annotations

import pytest

from medusa_migrations.lint.facts import Column, ColumnChange, Constraint, Facts, Index, TableFacts
from medusa_migrations.lint.judge import judge
from medusa_migrations.migration import LINT_CODES
from medusa_migrations.sql.scanner import split

ALL = "AccessExclusiveLock"
WRITES = "ShareLock"
KEY_LOCK = "ShareRowExclusiveLock"
WEAK = "ShareUpdateExclusiveLock"
ROWS = "RowExclusiveLock"

INDEX = Index("i", "CREATE INDEX i ON public.post USING btree (slug)")
KEY = Constraint("fk", "f", "FOREIGN KEY (author_id) REFERENCES author(id)", "author")
REQUIRED = Column("n", "bigint", is_not_null=True)
POST = TableFacts("post", taken=ALL)


def found(sql: str, *tables: TableFacts) -> list[str]:
    """Each finding as its code, tables and message."""
    (statement,) = split(sql)
    judged = judge(Facts(0, tables), statement.words, sql)
    assert all(one.code in LINT_CODES and one.instead for one in judged)
    return [f"{one.code} {','.join(one.tables)} ({one.lock}): {one.message}" for one in judged]


CASES = [
    ("A lock alone is nothing", "ALTER TABLE post ADD n int", [POST], []),
    (
        "A table is read",
        "ALTER TABLE post ALTER slug SET NOT NULL",
        [POST._replace(is_read=True)],
        ["scan post (ACCESS EXCLUSIVE): SET NOT NULL reads all of post while its reads and writes wait"],
    ),
    (
        "A table is read under a weak lock",
        "ALTER TABLE post VALIDATE CONSTRAINT c",
        [TableFacts("post", taken=WEAK, is_read=True)],
        [],
    ),
    (
        "A table is read under the weak lock of this statement and the strong one of another",
        "ALTER TABLE post VALIDATE CONSTRAINT c",
        [TableFacts("post", taken=WEAK, held=ALL, is_read=True)],
        [
            "held post (ACCESS EXCLUSIVE): post stays locked by an earlier statement while VALIDATE CONSTRAINT "
            "works on post: its reads and writes wait"
        ],
    ),
    (
        "The lock that is needed was there",
        "ALTER TABLE post ALTER slug SET NOT NULL",
        [TableFacts("post", held=ALL, is_read=True)],
        ["scan post (ACCESS EXCLUSIVE): SET NOT NULL reads all of post while its reads and writes wait"],
    ),
    (
        "An index is built under a stronger lock of before",
        "CREATE INDEX i ON post (slug)",
        [TableFacts("post", taken=WRITES, held=ALL, is_read=True, indexes=(INDEX,))],
        ["index-build post (ACCESS EXCLUSIVE): CREATE INDEX builds an index on post while its reads and writes wait"],
    ),
    (
        "An index takes over a file",
        "ALTER TABLE post ALTER slug TYPE text",
        [POST._replace(indexes=(INDEX._replace(is_built=False),))],
        [],
    ),
    (
        "A rewrite is not told as a scan and an index too",
        "ALTER TABLE post ALTER views TYPE bigint",
        [POST._replace(is_read=True, is_rewritten=True, indexes=(INDEX,))],
        [
            "rewrite post (ACCESS EXCLUSIVE): ALTER COLUMN … TYPE writes post anew, indexes included, while its "
            "reads and writes wait"
        ],
    ),
    (
        "A new file of a table that was not read is an empty one",
        "TRUNCATE post",
        [POST._replace(is_rewritten=True)],
        ["loss post (ACCESS EXCLUSIVE): TRUNCATE deletes all rows of post"],
    ),
    (
        "A table moves",
        "ALTER TABLE post SET TABLESPACE fast",
        [POST._replace(is_rewritten=True, is_moved=True)],
        [
            "rewrite post (ACCESS EXCLUSIVE): SET TABLESPACE writes post anew, indexes included, while its reads "
            "and writes wait"
        ],
    ),
    (
        "A foreign key is checked in order",
        "ALTER TABLE post ADD CONSTRAINT fk FOREIGN KEY (author_id) REFERENCES author",
        [
            TableFacts("post", taken=KEY_LOCK, is_read=True, constraints=(KEY,)),
            TableFacts("author", taken=KEY_LOCK, is_read=True),
        ],
        ["scan post,author (SHARE ROW EXCLUSIVE): ADD CONSTRAINT reads all of post and author while their writes wait"],
    ),
    (
        "A foreign key is checked by an index",
        "ALTER TABLE post ADD CONSTRAINT fk FOREIGN KEY (author_id) REFERENCES author",
        [
            TableFacts("post", taken=KEY_LOCK, constraints=(KEY,)),
            TableFacts("author", taken=KEY_LOCK, is_searched=True),
        ],
        ["scan post,author (SHARE ROW EXCLUSIVE): ADD CONSTRAINT reads all of post and author while their writes wait"],
    ),
    (
        "A foreign key of a new column is not checked",
        "ALTER TABLE post ADD a bigint REFERENCES author",
        [POST._replace(constraints=(KEY,)), TableFacts("author", taken=KEY_LOCK)],
        [],
    ),
    (
        "A foreign key of a new table is checked",
        "ALTER TABLE tag ADD FOREIGN KEY (a) REFERENCES author",
        [TableFacts("author", taken=KEY_LOCK, is_read=True, is_referred_to=True)],
        [],
    ),
    (
        "Nobody but REFRESH writes a materialized view",
        "CREATE INDEX i ON m (a)",
        [TableFacts("m", "materialized view", taken=WRITES, is_read=True, indexes=(INDEX,))],
        [],
    ),
    (
        "A materialized view is written anew",
        "REFRESH MATERIALIZED VIEW m",
        [TableFacts("m", "materialized view", taken=ALL, is_rewritten=True)],
        [
            "rewrite m (ACCESS EXCLUSIVE): REFRESH MATERIALIZED VIEW writes m anew, indexes included, while its "
            "reads and writes wait"
        ],
    ),
    (
        "Partitions are one table",
        "ALTER TABLE part ADD CHECK (a > 0)",
        [
            TableFacts("part", "partitioned", taken=ALL),
            *(TableFacts(f"part_{n}", root="part", taken=ALL, is_read=True) for n in (1, 2)),
        ],
        ["scan part,part_1,part_2 (ACCESS EXCLUSIVE): ADD CHECK reads all of part while its reads and writes wait"],
    ),
    (
        "A partition alone",
        "ALTER TABLE part_1 ADD CHECK (a > 0)",
        [TableFacts("part_1", root="part", taken=ALL, is_read=True)],
        ["scan part_1,part (ACCESS EXCLUSIVE): ADD CHECK reads all of part_1 while its reads and writes wait"],
    ),
    (
        "Work on one table while another is locked",
        "CREATE INDEX i ON post (slug)",
        [TableFacts("author", held=ALL), TableFacts("post", taken=WRITES, is_read=True, indexes=(INDEX,))],
        [
            "index-build post (SHARE): CREATE INDEX builds an index on post while its writes wait",
            "held author (ACCESS EXCLUSIVE): author stays locked by an earlier statement while CREATE INDEX "
            "works on post: its reads and writes wait",
        ],
    ),
    (
        "A query reads nothing old while a table is locked",
        "INSERT INTO log VALUES (1)",
        [TableFacts("post", held=ALL), TableFacts("log", taken=ROWS)],
        [],
    ),
    (
        "All rows are updated",
        "UPDATE post SET a = 1",
        [TableFacts("post", taken=ROWS, is_read=True)],
        ["bulk-update post (ROW EXCLUSIVE): UPDATE locks every row of post until all of them are changed"],
    ),
    ("All rows of a new table are updated", "UPDATE tag SET a = 1", [], []),
    (
        "A column that fails",
        "ALTER TABLE post ADD n bigint NOT NULL",
        [POST._replace(is_read=True, changes=(ColumnChange("added", "n", REQUIRED),))],
        [
            "required-column post (ACCESS EXCLUSIVE): ADD COLUMN fails if post has a row: post.n is NOT NULL and "
            "has no default"
        ],
    ),
    (
        "A column whose default has filled it and is gone",
        "ALTER TABLE post ADD n bigint DEFAULT 0 NOT NULL, ALTER n DROP DEFAULT",
        [POST._replace(changes=(ColumnChange("added", "n", REQUIRED._replace(is_filled=True)),))],
        [],
    ),
    (
        "A column that breaks INSERTs",
        "ALTER TABLE post ALTER n DROP DEFAULT",
        [TableFacts("post", changes=(ColumnChange("required", "n", REQUIRED),))],
        [
            "insert-breaks post (None): INSERTs of the code that runs fail: post.n is NOT NULL, and in the end "
            "has no default"
        ],
    ),
    (
        "A column is dropped",
        "ALTER TABLE post DROP n",
        [POST._replace(changes=(ColumnChange("dropped", "n", REQUIRED),))],
        ["drop-column post (ACCESS EXCLUSIVE): Code that runs and still names post.n fails, and the values are lost"],
    ),
    (
        "A column is renamed",
        "ALTER TABLE post RENAME a TO n",
        [POST._replace(changes=(ColumnChange("renamed", "a", REQUIRED),))],
        ["rename-column post (ACCESS EXCLUSIVE): Code that runs and still names post.a fails: it is n now"],
    ),
    (
        "A table is dropped",
        "DROP TABLE post",
        [POST._replace(is_gone=True)],
        ["drop-table post (ACCESS EXCLUSIVE): Code that runs and still uses post fails, and its rows are lost"],
    ),
    (
        "A view is dropped",
        "DROP VIEW v",
        [TableFacts("v", "view", taken=ALL, is_gone=True)],
        ["drop-table v (ACCESS EXCLUSIVE): Code that runs and still uses v fails"],
    ),
    (
        "A table is renamed",
        "ALTER TABLE post RENAME TO article",
        [POST._replace(new_name="article")],
        ["rename-table post (ACCESS EXCLUSIVE): Code that runs and still uses post fails: it is article now"],
    ),
    (
        "What no transaction holds, by its words",
        "VACUUM FULL post",
        [],
        ["rewrite post (ACCESS EXCLUSIVE): VACUUM FULL writes post anew while reads and writes of it wait"],
    ),
    ("A statement without a lock to see", "CREATE INDEX CONCURRENTLY i ON post (slug)", [], []),
    ("What a savepoint takes back", "ROLLBACK TO a", [POST._replace(is_rewritten=True, is_read=True)], []),
]


@pytest.mark.parametrize(("sql", "tables", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_judge(sql: str, tables: list[TableFacts], expected: list[str]) -> None:
    assert found(sql, *tables) == expected


def test_a_text_that_the_scanner_reads_otherwise_is_judged_by_the_facts() -> None:
    sql = r"ALTER TABLE post ADD CHECK (slug <> '\'')"  # with standard_conforming_strings off
    (one,) = judge(Facts(0, (POST._replace(is_read=True),)), ("ALTER", "TABLE", '"', "ADD", "CHECK"), sql)
    assert one.message == "ADD CHECK reads all of post while its reads and writes wait"


def test_many_tables_are_counted() -> None:
    tables = [TableFacts(f"t{n}", taken=ALL, is_read=True) for n in range(9)]
    (one,) = found("ALTER DOMAIN d ADD CHECK (VALUE > 0)", *tables)
    assert one.endswith("ALTER DOMAIN reads all of t0, t1, t2 and 6 more while their reads and writes wait")
