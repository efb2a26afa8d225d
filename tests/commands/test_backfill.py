"""schema.backfill: batches, resumed where they stopped, nothing twice."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from tests.support.projects import Project

ID = "blog.20240101000001_fill"

FILE = """
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from medusa_migrations import Schema
transaction = False

def up(schema: Schema) -> None:
    {up}
"""

# Every change of a row is counted by a trigger, so that a row that is changed twice is found.
COUNTED = """
ALTER TABLE {table} ADD touched int NOT NULL DEFAULT 0;
CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql
    AS $$BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END$$;
CREATE TRIGGER counted BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION count_it();
"""


def write(project: Project, up: str, file: str = FILE) -> None:
    text = file.format(up="\n    ".join(up.strip().splitlines()))
    (project.add_app("blog") / f"{ID.partition('.')[2]}.py").write_text(text)


def make_posts(project: Project, count: int) -> None:
    project.sql(
        "CREATE TABLE post AS SELECT n AS id, n % 3 AS part, 'Title ' || n AS title, NULL::text AS slug"
        f" FROM generate_series(1, {count}) n;"
        "ALTER TABLE post ADD PRIMARY KEY (id), ALTER part SET NOT NULL, ALTER title SET NOT NULL;"
        + COUNTED.format(table="post")
    )


def touches(project: Project) -> list[tuple[int, int]]:
    return project.sql("SELECT touched, count(*) FROM post GROUP BY 1 ORDER BY 1")


WAYS = {
    "SQL": """schema.backfill("post", set="slug = lower(title)", where="slug IS NULL", batch=100)""",
    "SQL with comments and percent signs": (
        """schema.backfill("post", set="slug = lower(title) -- %", where="title LIKE 'T%' -- all of them", batch=100)"""
    ),
    "SQL with parameters": (
        """schema.backfill("post", set="slug = %(new)s", where="slug IS NULL AND title <> %(none)s",
            params={"new": "it's", "none": "x%"}, batch=100)"""
    ),
    "expressions of Django's": """schema.backfill("post", set={"slug": Lower("title")}, where=Q(slug=None))""",
    "values": """schema.backfill("post", set={"slug": "it's 100 %"}, where=Q(slug=None, title__contains="T"))""",
    "no condition": """schema.backfill("post", set={"slug": F("title")}, batch=77)""",
}


@pytest.mark.smoke
@pytest.mark.server
@pytest.mark.parametrize("way", WAYS)
def test_every_row_is_changed_once(project: Project, way: str) -> None:
    make_posts(project, 1050)
    write(project, f"assert {WAYS[way]} == 1050")
    outcome = project.run().ok()
    assert touches(project) == [(1, 1050)]
    assert project.sql("SELECT count(*) FROM post WHERE slug IS NULL") == [(0,)]
    assert project.sql("SELECT state, progress FROM medusa_migrations") == [("applied", None)]
    assert re.search(r"Backfill of post: 1,050 of 1,050 rows \(100 %\), [\d,]+ rows/s", outcome.stderr)


KEYS = {
    "two columns": "PRIMARY KEY (part, id)",
    "two columns with an order of their own": "PRIMARY KEY (title, part)",
    "one that has another column along": "PRIMARY KEY (id) INCLUDE (slug)",
    "an array": "k int[] PRIMARY KEY DEFAULT ARRAY[(random() * 1e9)::int, (random() * 1e9)::int]",
    "a uuid": "u uuid PRIMARY KEY DEFAULT gen_random_uuid()",
    "a text": "t text PRIMARY KEY DEFAULT md5(random()::text)",
    "a name with quotes": '"a ""b" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
    "characters of a fixed length": "c char(7) PRIMARY KEY DEFAULT left(md5(random()::text), 7)",
    "bits": "b bit(64) PRIMARY KEY DEFAULT (random() * 1e18)::bigint::bit(64)",
    "a number with decimals": "t numeric PRIMARY KEY DEFAULT random()",
}


@pytest.mark.server
@pytest.mark.parametrize("key", KEYS)
def test_any_primary_key_will_do(project: Project, key: str) -> None:
    project.sql(
        f"CREATE TABLE post (id int, part int, title text, slug text); ALTER TABLE post ADD {KEYS[key]};"
        "INSERT INTO post (id, part, title) SELECT n, n % 7, 'T' || n FROM generate_series(1, 1000) n;"
        + COUNTED.format(table="post")
    )
    write(project, 'schema.backfill("post", set="slug = title", where="slug IS NULL", batch=64)')
    project.run().ok()
    assert touches(project) == [(1, 1000)]


def test_a_condition_that_changed_rows_still_match_changes_none_of_them_twice(project: Project) -> None:
    make_posts(project, 500)
    write(project, 'schema.backfill("post", set="part = part + 1", where="part >= 0", batch=50)')
    project.run().ok()
    assert touches(project) == [(1, 500)]


def test_rows_that_do_not_match_are_left_alone(project: Project) -> None:
    make_posts(project, 500)
    write(project, 'assert schema.backfill("post", set="slug = title", where="part = 1", batch=50) == 167')
    project.run().ok()
    assert touches(project) == [(0, 333), (1, 167)]


@pytest.mark.smoke
def test_rows_added_behind_the_key_meanwhile_are_changed_at_the_end(project: Project) -> None:
    make_posts(project, 500)
    write(project, 'schema.backfill("post", set="slug = title", where="slug IS NULL", batch=50, pause=0.1)')
    process = project.start("migrations_run", "--build")
    project.wait_for("EXISTS (SELECT FROM post WHERE slug IS NOT NULL)")
    project.sql("INSERT INTO post SELECT -n, 1, 'late' FROM generate_series(1, 120) n")
    assert process.wait(60) == 0, process.communicate()
    process.communicate()
    assert touches(project) == [(1, 620)]


def test_several_backfills_of_one_table_are_known_apart(project: Project) -> None:
    make_posts(project, 300)
    up = (
        'schema.backfill("post", set="slug = title", where="slug IS NULL", batch=50)\n'
        'schema.backfill("post", set="part = 6 / (part - part)", where="id > 200", batch=50)'
    )
    write(project, up)
    error = project.run().error()
    assert "division by zero" in error
    assert "_fill.py:10" in error
    assert "migrations_run calls up again from its top, and goes on with the backfill of post #2 (200 rows)." in error
    assert touches(project) == [(1, 300)]
    write(project, up.replace("6 / (part - part)", "7"))
    assert "post #2 has come to 200 rows with another `set` or `where`" in project.run().error()
    write(project, up)
    assert "The backfill of post #2 goes on after 200 rows." in project.run().stderr
    project.manage("migrations_repair", "--mark-reverted", ID).ok()
    write(project, up.replace("6 / (part - part)", "7"))
    project.run().ok()
    assert touches(project) == [(1, 200), (2, 100)]


def test_a_backfill_that_comes_to_stand_in_another_s_place_is_no_part_of_it(project: Project) -> None:
    make_posts(project, 100)
    first = 'schema.backfill("post", set="slug = title", batch=50)'
    write(project, f"{first}\nschema.backfill('post', set='part = 1 / (id - 70)', batch=50)")
    assert "division by zero" in project.run().error()
    write(project, "schema.backfill('post', set='part = 1', batch=50)")
    assert "the backfill of post #2 has come to 50 rows with another `set` or `where`" in project.run().error()
    project.manage("migrations_repair", "--mark-reverted", ID).ok()
    project.run().ok()
    assert project.sql("SELECT DISTINCT part FROM post") == [(1,)]


def test_other_values_are_another_backfill(project: Project) -> None:
    make_posts(project, 300)
    project.sql("CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN IF NEW.id = 120 THEN RAISE 'stop'; END IF; RETURN NEW; END$$;"
                "CREATE TRIGGER stop BEFORE UPDATE ON post FOR EACH ROW EXECUTE FUNCTION stop()")  # fmt: skip
    up = 'schema.backfill("post", set={{"slug": "{}"}}, where=Q(part__gte={}), batch=50)'
    write(project, up.format("one", 0))
    assert "stop" in project.run().error()
    project.sql("DROP TRIGGER stop ON post")
    for changed in (up.format("two", 0), up.format("one", 1)):
        write(project, changed)
        assert "has come to 100 rows with another `set` or `where`" in project.run().error()
    write(project, up.format("one", 0))
    project.run().ok()
    assert touches(project) == [(1, 300)]


def test_a_moment_may_be_another_in_every_run(project: Project) -> None:
    make_posts(project, 300)
    project.sql("ALTER TABLE post ADD at timestamptz; CREATE TABLE gate (open int); INSERT INTO gate VALUES (0)")
    write(
        project,
        """
from django.utils import timezone
schema.backfill("post", set={"at": timezone.now()}, where=Q(at=None) & Q(part__lt=3), batch=50)
schema.query("SELECT 1 / open FROM gate")
""",
    )
    project.sql("CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN IF NEW.id = 120 AND 0 = (SELECT open FROM gate) THEN RAISE 'stop'; END IF; RETURN NEW; END$$;"
                "CREATE TRIGGER stop BEFORE UPDATE ON post FOR EACH ROW EXECUTE FUNCTION stop()")  # fmt: skip
    assert "stop" in project.run().error()
    project.sql("UPDATE gate SET open = 1")
    project.run().ok()
    assert touches(project) == [(1, 300)]


def test_backfills_in_a_loop_are_known_by_what_they_do(project: Project) -> None:
    make_posts(project, 300)
    loop = """
for part in {}:
    schema.backfill("post", set="slug = %(part)s", where="part = %(part)s AND slug IS NULL", params={{"part": part}})
{}
"""
    write(project, loop.format("[1]", "schema.query('SELECT 1/0')"))
    project.run().error()
    write(project, loop.format("[0, 1, 2]", ""))
    project.run().ok()
    assert project.sql("SELECT slug, count(*) FROM post GROUP BY 1 ORDER BY 1") == [("0", 100), ("1", 100), ("2", 100)]
    assert touches(project) == [(1, 300)]


REFUSED = {
    "backfill commits each batch by itself, so it needs `transaction = False` at the top of the file": (
        'schema.backfill("post", set="slug = title")',
        FILE.replace("transaction = False\n", ""),
    ),
    "and no transaction() around it": ('with schema.transaction(): schema.backfill("post", set="slug = title")', FILE),
    "plain has no primary key, by which backfill goes": ('schema.backfill("plain", set="id = 1")', FILE),
    "batch is at least 1": ('schema.backfill("post", set="slug = title", batch=0)', FILE),
    'relation \\"nowhere\\" does not exist': ('schema.backfill("nowhere", set="id = 1")', FILE),
    "`set` changes the primary key of post, by which backfill goes": (
        'schema.backfill("post", set="id = id + 100")',
        FILE,
    ),
    "there is no table nowhere": ('schema.backfill("nowhere", set={"id": 1})', FILE),
    'column \\"nope\\" of relation \\"post\\" does not exist': ('schema.backfill("post", set="nope = 1")', FILE),
    "Cannot resolve keyword 'nope'": ('schema.backfill("post", set={"slug": F("nope")})', FILE),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_is_refused_with_its_line(project: Project, message: str) -> None:
    make_posts(project, 3)
    project.sql("CREATE TABLE plain (id int)")
    up, file = REFUSED[message]
    write(project, up, file)
    error = project.run().error()
    assert message.replace("\\", "") in error
    assert "_fill.py:" in error
    assert touches(project) == [(0, 3)]


@pytest.mark.smoke
def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(project: Project) -> None:
    make_posts(project, 1000)
    write(project, 'schema.backfill("post", set="slug = title", batch=50, pause=0.1)')
    process = project.start("migrations_run", "--build")
    project.wait_for("EXISTS (SELECT FROM post WHERE slug IS NOT NULL)")
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode == 130
    assert "Stopped by SIGINT" in stderr
    assert "goes on with the backfill of post (" in stderr
    assert project.history() == [(ID, "failed")]
    done = dict(touches(project))[1]
    assert 0 < done < 1000
    assert f"The backfill of post goes on after {done:,} rows." in project.run().ok().stderr
    assert touches(project) == [(1, 1000)]


def test_a_batch_that_waits_for_a_lock_is_tried_again(project: Project) -> None:
    make_posts(project, 100)
    write(project, 'schema.backfill("post", set="slug = title", batch=50)')
    other = project.server.connect(project.database)
    with other.cursor() as cursor:
        cursor.execute("BEGIN; SELECT FROM post WHERE id = 60 FOR UPDATE")
        process = project.start("migrations_run", "--build", "--lock-timeout", "100ms")
        project.wait_for("count(*) = 50 FROM post WHERE slug IS NOT NULL")
        time.sleep(0.3)
        cursor.execute("ROLLBACK")
    other.close()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "was rolled back: canceling statement due to lock timeout" in stderr
    assert touches(project) == [(1, 100)]


@pytest.mark.smoke
def test_a_batch_that_takes_long_is_followed_by_a_smaller_one(project: Project) -> None:
    make_posts(project, 600)
    project.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END$$;"
        "CREATE TRIGGER slow BEFORE UPDATE ON post FOR EACH ROW EXECUTE FUNCTION slow();"
        "ALTER TABLE post ADD at timestamptz DEFAULT now()"
    )
    write(project, 'schema.backfill("post", set="slug = title, at = now()", batch=200)')
    project.run().ok()
    sizes = [count for _, count in project.sql("SELECT at, count(*) FROM post GROUP BY 1 ORDER BY 1")]
    assert sizes[0] == 200
    assert all(40 <= size <= 110 for size in sizes[1:-1]), sizes


def test_down_may_backfill_too(project: Project) -> None:
    make_posts(project, 100)
    file = (
        FILE
        + "\ndef down(schema):\n    schema.backfill('post', set='slug = NULL', where='slug IS NOT NULL', batch=7)\n"
    )
    write(project, 'schema.backfill("post", set="slug = title", where="slug IS NULL", batch=7)', file)
    project.run().ok()
    project.manage("migrations_revert").ok()
    assert touches(project) == [(2, 100)]
    assert project.history() == []


@pytest.mark.smoke
@pytest.mark.server
def test_a_million_rows_killed_twice_are_changed_once_each_while_the_table_is_written_to(project: Project) -> None:
    make_posts(project, 1_000_000)
    write(project, 'schema.backfill("post", set="slug = lower(title)", where="slug IS NULL")')
    project.table(0)
    project.manage("migrations_run", "--build", "--to", "blog.20240101000000_t0").ok()
    for least in (150_000, 500_000):
        process = project.start("migrations_run")
        project.wait_for(
            f"EXISTS (SELECT FROM medusa_migrations WHERE (progress #>> '{{backfills,post,rows}}')::int > {least})", 60
        )
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        project.sql(f"UPDATE post SET title = 'Changed ' || id WHERE id BETWEEN 999990 AND {10**6}")
        project.sql("INSERT INTO post SELECT -n, 1, 'late ' || n FROM generate_series(1, 5) n ON CONFLICT DO NOTHING")
        project.sql(
            "INSERT INTO post SELECT 2000000 + n, 1, 'new ' || n FROM generate_series(1, 5) n ON CONFLICT DO NOTHING"
        )
        project.wait_for("NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database ="
                         " (SELECT oid FROM pg_database WHERE datname = current_database()))")  # fmt: skip
    project.manage("migrations_run", timeout=120).ok()
    assert project.sql("SELECT count(*) FROM post WHERE slug IS DISTINCT FROM lower(title)") == [(0,)]
    assert project.sql("SELECT count(*) FROM post WHERE touched <> 1 AND id < 999990") == [(0,)]
    assert project.sql("SELECT count(*) FROM post") == [(1_000_010,)]
