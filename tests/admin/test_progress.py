"""What is told of a run while it is under way: an index, a backfill, and who is at work."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import uuid
from typing import Any

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import no_style
from django.db import connections

from medusa_migrations import api
from medusa_migrations.database.index_progress import percent
from medusa_migrations.events import Event, Finished, Indexing
from medusa_migrations.management.console import Console
from medusa_migrations.migration import MigrationId
from medusa_migrations.results import IndexProgress
from tests.support.admin_site import LIST, ONE, RUN, TWO, VIEW, Site, get, page_of, tables, text
from tests.support.projects import UNLOCKED

# An index whose expression takes its time until the test frees the lock 7.
SLOW_INDEX = "CREATE INDEX slow_idx ON slow (slowly(id));"
SLOWLY = """
CREATE TABLE slow (id int, fill text);
INSERT INTO slow SELECT n, repeat('x', 2000) FROM generate_series(1, 40) n;
CREATE FUNCTION slowly(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    WHILE $1 = 21 AND NOT pg_try_advisory_lock_shared(7) LOOP PERFORM pg_sleep(0.02); END LOOP;
    RETURN $1; END $$;
"""


def held(site: Site) -> Any:
    connection = site.project.server.connect(site.project.database)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(7)")
    return connection


@pytest.mark.smoke
def test_an_index_that_takes_long_tells_its_phase_and_per_cent(site: Site) -> None:
    site.project.sql(SLOWLY)
    site.project.write(ONE, SLOW_INDEX)
    holder = held(site)
    told: list[Event] = []
    seen = threading.Event()

    def listen(event: Event) -> None:
        told.append(event)
        if isinstance(event, Indexing):
            seen.set()

    def run() -> None:
        try:
            api.run(listener=listen)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert seen.wait(30)
        client = site.client(VIEW)
        page = get(client, LIST)
        assert f"{ONE} is being run. By pid" in text(page)
        assert "An index of slow: building index: scanning table" in text(page)
        assert "follow.js" in page
        page = get(client, page_of(ONE))
        assert "An index of slow: building index: scanning table" in text(page)
        assert "http-equiv" in page
    finally:
        holder.close()
        thread.join()
    found = next(event for event in told if isinstance(event, Indexing))
    assert (found.progress.table, found.progress.name) == ("slow", "")
    assert found.progress.percent is not None
    assert 0 < found.progress.percent < 100
    page = get(client, LIST)
    assert "is being run" not in page
    assert "follow.js" not in page


def test_on_a_terminal_a_line_says_how_far_an_index_is(site: Site) -> None:
    site.project.sql(SLOWLY)
    site.project.write(ONE, SLOW_INDEX)
    holder = held(site)
    terminal, other_end = os.openpty()
    command = ("migrations_run", "--build", "--no-color")
    process = site.project.start(*command, env={"COLUMNS": "100"}, stdout=other_end, stderr=other_end)
    os.close(other_end)
    said = ""
    with contextlib.suppress(OSError):  # the other end is closed
        while found := os.read(terminal, 1000).decode():
            said += found
            if "Building an index of slow: building index: scanning table, " in said:
                holder.close()
    os.close(terminal)
    assert process.wait(30) == 0
    last = said.replace("\r\n", "\n").splitlines()[-1]
    assert last.rpartition("\r")[2].startswith(f"  Applying {ONE}... OK (")


def told_by(stream: io.StringIO, verbosity: int) -> str:
    """What is written of an index that is under way."""
    out = OutputWrapper(stream)
    console = Console(out, out, no_style(), verbosity)
    console(Indexing(IndexProgress("post", "post_idx", "building index: scanning table", 45)))
    console(Finished(MigrationId("blog", "20240101000000_x"), 3))
    return stream.getvalue()


def test_an_index_is_told_on_a_terminal_alone() -> None:
    assert "Building index post_idx of post: building index: scanning table, 45 %" in told_by(Terminal(), 1)
    assert "Building" not in told_by(io.StringIO(), 1)
    assert told_by(Terminal(), 0) == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("building index: scanning table", 10),
        ("index validation: scanning index", 10),
        ("building index: sorting live tuples", None),
        ("index validation: sorting tuples", None),
        ("building index: loading tuples in tree", 50),
        ("waiting for writers before build", 75),
    ],
)
def test_each_phase_counts_what_it_goes_over(phase: str, expected: int | None) -> None:
    assert percent(phase, 1, 10, 5, 10, 3, 4) == expected
    assert percent(phase, 0, 0, 0, 0, 0, 0) is None


def test_a_backfill_that_is_under_way_shows_its_rows(site: Site) -> None:
    site.project.sql("CREATE TABLE big (id int PRIMARY KEY, done bool);")
    site.project.sql("INSERT INTO big SELECT n, false FROM generate_series(1, 1000) n; ANALYZE big")
    source = site.project.folder / "blog/sql_migrations/20240101000001_t1.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(
        "transaction = False\n\n\ndef up(schema):\n"
        "    schema.backfill('big', set='done = true', where='not done', batch=100, pause=20)\n"
    )
    process = site.project.start("migrations_run", "--build")
    try:
        site.project.wait_for("EXISTS (SELECT FROM big WHERE done)")
        page = text(get(site.client(VIEW), LIST))
        assert "Backfill of big: 100 of about 1000 rows 10 %" in page.replace(",", "")
        assert f"{ONE} is being run. By pid" in page
    finally:
        process.terminate()
        process.communicate(timeout=30)
    site.project.wait_for(UNLOCKED)


def test_a_run_of_the_command_line_has_its_page_too(site: Site) -> None:
    tables(site, 1)
    api.run(applied_by="deploy")
    ((run,),) = site.project.sql("SELECT run::text FROM medusa_migrations")
    found = api.progress(run)
    assert (found.state, found.planned, found.at_work) == (None, (), None)
    page = text(get(site.client(VIEW), f"{LIST}runs/{uuid.UUID(run)}/"))
    assert f"A run In the database default Migration Result Took {ONE} applied" in page
    assert "by deploy" in page.lower() or "deploy" in page


def test_the_confirmation_shows_the_code_of_a_migration_in_python(site: Site) -> None:
    source = site.project.folder / "blog/sql_migrations/20240101000001_t1.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(
        "def up(schema):\n    if not schema.has_column('t1', 'x'):\n        schema.sql('SELECT 42', reverse_sql='')\n"
    )
    page = text(get(site.admin(), RUN))
    assert "schema.sql('SELECT 42', reverse_sql='')" in page
    assert "The SQL that it will send, as far as that can be told before" in page
    assert "What follows depends on the database: has_column in line 2." in page


def test_what_may_take_long_is_said_unless_its_table_is_new(site: Site) -> None:
    made = 'CREATE TABLE t1 (id int);\nCREATE TABLE "T2" (id int);'
    site.project.write(ONE, f"{made}\nCREATE INDEX i1 ON t1 (id);\nUPDATE t1 SET id = 1;")
    client = site.admin()
    assert "30 seconds" not in text(get(client, RUN))
    api.run()
    site.project.write(TWO, "CREATE INDEX i2 ON t1 (id);\nALTER TABLE t1 ADD COLUMN type text;")
    page = text(get(client, RUN))
    assert f"{TWO}: CREATE INDEX i2 ON t1 (id)" in page
    assert "ADD COLUMN type" not in page.partition("go over all rows")[2].partition("30 seconds")[0]
    assert "30 seconds" in page
    assert "set ADMIN_ENGINE" in page
