"""At random moments, in every way: nothing is lost, nothing is done twice, and the lock is free.

KILL_ROUNDS is how often a run is ended in its middle, by default 25, in each of two parts that run beside each other,
and at night in two more; KILL_SEED is the seed that a failure has printed.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest

from tests.support.journals import applied_by_journal
from tests.support.kills import WAYS, one_connection, wait_for_backend
from tests.support.processes import ended
from tests.support.projects import UNLOCKED, Project

ROUNDS = int(os.environ.get("KILL_ROUNDS", "25"))
SEED = os.environ.get("KILL_SEED", str(random.SystemRandom().randrange(10**6)))
PARTS = [0, 1, *(pytest.param(part, marks=pytest.mark.slow) for part in (2, 3))]
WITHOUT_TRANSACTION = " transaction:false"

SETTING = """
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
CREATE TABLE done (what text);
CREATE TABLE big AS SELECT n AS id, 0 AS touched FROM generate_series(1, 300) n;
ALTER TABLE big ADD PRIMARY KEY (id);
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (2);
CREATE PROCEDURE many() LANGUAGE plpgsql AS $$ BEGIN
    FOR n IN 1..5 LOOP
        INSERT INTO done VALUES ('call ' || n);
        COMMIT;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;
"""

BACKFILL = """
from medusa_migrations import Schema
transaction = False

def up(schema: Schema) -> None:
    schema.backfill("big", set="touched = touched + 1", batch=30, pause=0.01)
"""

CALLED = [f"call {number}" for number in range(1, 6)]

# What each migration has written into `done` once it is applied.
WRITES = {
    "first": ["first"],
    "index": ["before the index", "after the index"],
    "steps": ["step 1", "step 2", "own 1", "own 2", "step 3"],
    "detach": ["before the detach", "after the detach"],
    "call": ["before the call", *CALLED],
    "fill": [],
    "last": ["last"],
}
NAMES = list(WRITES)


def insert(what: str) -> str:
    return f"INSERT INTO done VALUES ('{what}');\nSELECT pg_sleep(0.01);\n"


def id_of(name: str) -> str:
    return f"blog.20240101{NAMES.index(name):06d}_{name}"


def write_migrations(project: Project) -> None:
    texts = {
        "detach": f"{insert('before the detach')}ALTER TABLE parted DETACH PARTITION parted_1 CONCURRENTLY;\n"
        f"{insert('after the detach')}",
        "call": f"{insert('before the call')}CALL many();",
        "index": f"{insert('before the index')}CREATE INDEX CONCURRENTLY big_ix ON big (touched);\n"
        f"{insert('after the index')}",
        "steps": f"{insert('step 1')}{insert('step 2')}CREATE TABLE made (id int);\n"
        f"BEGIN;\n{insert('own 1')}{insert('own 2')}COMMIT;\n{insert('step 3')}",
    }
    for name in ("first", "last"):
        project.write(id_of(name), insert(name))
    for name, text in texts.items():
        project.write(id_of(name), text, option=WITHOUT_TRANSACTION)
    (project.add_app("blog") / f"{id_of('fill').partition('.')[2]}.py").write_text(BACKFILL)
    project.manage("migrations_build").ok()


def names_of(ids: list[str]) -> set[str]:
    return {id_.rpartition("_")[2] for id_ in ids}


def check(project: Project) -> None:
    """What the history has as applied is there once, and what is not in it is not there."""
    project.wait_for(UNLOCKED, seconds=10)
    applied = names_of(project.applied())
    assert applied_by_journal(project) == set(project.applied()), "journal and history disagree"
    begun = names_of([id_ for id_, _ in project.history()])
    there = [what for (what,) in project.sql("SELECT what FROM done")]
    assert len(there) == len(set(there)), f"done twice: {Counter(there)}"
    assert {what for name in applied for what in WRITES[name]} <= set(there), "lost"
    assert set(there) <= {what for name in begun for what in WRITES[name]}, "done, and the history does not know"
    touched = dict(project.sql("SELECT touched, count(*) FROM big GROUP BY 1"))
    assert set(touched) <= ({1} if "fill" in applied else {0, 1}), f"a backfill lost or did rows twice: {touched}"
    valid = project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('big_ix')")
    assert valid == [(True,)] or "index" not in applied
    assert "detach" not in applied or project.sql("SELECT count(*) FROM pg_inherits") == [(0,)]


def operate(project: Project, message: str) -> None:
    """What whoever is on duty does about a run that stops by itself, as only a CALL that has committed makes one do.

    Where all that it does is there, it is recorded; else the half is undone by hand, and it may be sent again.
    """
    assert f"{id_of('call')} stopped at statement 3, which may be committed in part" in message
    if project.sql("SELECT count(*) FROM done WHERE what LIKE 'call %'") == [(len(CALLED),)]:
        project.manage("migrations_repair", "--mark-applied", id_of("call")).ok()
    else:
        project.sql("DELETE FROM done WHERE what LIKE 'call %'")
        project.manage("migrations_repair", "--send-again", id_of("call")).ok()


@pytest.mark.parametrize("part", PARTS)
def test_at_random_moments_nothing_is_lost_and_nothing_done_twice(lone_project: Project, part: int) -> None:
    project, dice = lone_project, random.Random(f"{SEED}/{part}")
    print(f"KILL_SEED={SEED}")
    project.sql("ALTER SYSTEM SET fsync = off")
    project.sql("SELECT pg_reload_conf()")
    project.sql(SETTING)
    write_migrations(project)
    kills = 0
    while kills < ROUNDS:
        way = dice.choices(list(WAYS), [3, 2, 2, 2, 3, 1])[0]
        run = project.start("migrations_run", "--lock-wait", "20")
        wait_for_backend(project, run)
        time.sleep(dice.uniform(0, 0.3))
        was_running = WAYS[way](project, run)
        code, _, stderr = ended(run)
        with one_connection(project):
            print(f"{way}: {names_of(project.applied()) if was_running else 'too late'}\n{stderr}")
            assert "Traceback" not in stderr
            kills += was_running
            if code and not was_running:
                operate(project, stderr)
            check(project)
            if len(project.applied()) == len(NAMES):
                project.sql(SETTING)
    last = project.manage("migrations_run")
    if last.code:
        operate(project, last.stderr)
        project.manage("migrations_run").ok()
    check(project)
    assert project.applied() == [id_of(name) for name in NAMES]
