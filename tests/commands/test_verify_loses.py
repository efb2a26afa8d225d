"""What a revert is said to lose, of migrations that a server has run and snapshots that were taken of it."""

from __future__ import annotations

from typing import Any

import pytest

from medusa_migrations.database.session import Session
from medusa_migrations.verify.catalog.snapshot import Reader
from medusa_migrations.verify.loses import loses
from tests.support.projects import Server
from tests.support.sessions import session_on

pytestmark = pytest.mark.server

MADE = """
CREATE TYPE e AS ENUM ('draft', 'done');
CREATE TABLE post (id bigint PRIMARY KEY, state text, price numeric(10,2), at timestamptz, kind e, "Odd.One" int,
    double numeric GENERATED ALWAYS AS (price * 2) STORED);
CREATE TABLE part (id int, state text) PARTITION BY LIST (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE VIEW seen AS SELECT id FROM post;
"""

# The up part, the down part, what is lost.
MIGRATIONS = {
    "a column dropped and added": ("ALTER TABLE post DROP state", "ALTER TABLE post ADD state text", ("post.state",)),
    "a column whose name needs quotes": (
        'ALTER TABLE post DROP "Odd.One"',
        'ALTER TABLE post ADD "Odd.One" int',
        ('post."Odd.One"',),
    ),
    "a column that is filled again": (
        "ALTER TABLE post RENAME state TO status; ALTER TABLE post ADD s2 text; ALTER TABLE post DROP status",
        "ALTER TABLE post RENAME s2 TO old; ALTER TABLE post ADD state text; UPDATE post SET state = old;"
        "ALTER TABLE post DROP old",
        (),
    ),
    "a column of all partitions": (
        "ALTER TABLE part DROP state",
        "ALTER TABLE part ADD state text",
        ("part.state", "part_1.state"),
    ),
    "a generated column": (
        "ALTER TABLE post DROP double",
        "ALTER TABLE post ADD double numeric GENERATED ALWAYS AS (price * 2) STORED",
        (),
    ),
    "a table made anew": (
        "DROP TABLE part",
        "CREATE TABLE part (id int, state text) PARTITION BY LIST (id);"
        "CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1)",
        ("part", "part_1"),
    ),
    "a view made anew": ("DROP VIEW seen", "CREATE VIEW seen AS SELECT id FROM post", ()),
    "a table under another name and back": ("ALTER TABLE post RENAME TO p", "ALTER TABLE p RENAME TO post", ()),
    "a price in whole numbers under another name": (
        "DROP VIEW seen; ALTER TABLE post DROP double, ALTER price TYPE int; ALTER TABLE post RENAME price TO cost;"
        "ALTER TABLE post RENAME TO p",
        "ALTER TABLE p RENAME TO post; ALTER TABLE post RENAME cost TO price; ALTER TABLE post ALTER price TYPE"
        " numeric(10,2), ADD double numeric GENERATED ALWAYS AS (price * 2) STORED",
        ("post.price",),
    ),
    "a moment as a day": (
        "ALTER TABLE post ALTER at TYPE date",
        "ALTER TABLE post ALTER at TYPE timestamptz",
        ("post.at",),
    ),
    "an enum as a text": (
        "ALTER TABLE post ALTER kind TYPE text",
        "ALTER TABLE post ALTER kind TYPE e USING kind::e",
        (),
    ),
    "an enum as a text too short": (
        "ALTER TABLE post ALTER kind TYPE varchar(3)",
        "ALTER TABLE post ALTER kind TYPE e USING kind::e",
        ("post.kind",),
    ),
    "a key that grows": (
        "DROP VIEW seen; ALTER TABLE post ALTER id TYPE numeric",
        "ALTER TABLE post ALTER id TYPE bigint; CREATE VIEW seen AS SELECT id FROM post",
        (),
    ),
}


@pytest.mark.parametrize(("up", "down", "lost"), MIGRATIONS.values(), ids=MIGRATIONS)
def test_a_revert_loses(session: Session, server: Server, session_database: str, up: str, down: str, lost: Any) -> None:
    session.execute(MADE)
    with session_on(server, session_database) as other:
        reader = Reader(other)
        snapshots = [reader.read()]
        for part in (up, down):
            session.execute(part)
            snapshots.append(reader.read(snapshots[-1]))
    assert loses(*snapshots, down) == lost
