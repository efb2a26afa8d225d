"""A long run is ended at random moments, in every way: what it has said is so, and the next one does the rest.

KILL_SEED is the seed that a failure has printed.
"""

from __future__ import annotations

import os
import random
import re
import time

import pytest

from medusa_migrations.run.several import MANY
from tests.support.journals import applied_by_journal
from tests.support.kills import WAYS, wait_for_backend
from tests.support.processes import ended
from tests.support.projects import UNLOCKED, Project

ROUNDS = 4
SEED = os.environ.get("KILL_SEED", str(random.SystemRandom().randrange(10**6)))


def check(project: Project, many: list[str]) -> set[str]:
    """What the history, the journal and the tables agree on."""
    project.wait_for(UNLOCKED, seconds=10)
    applied = set(project.applied())
    assert {id_ for id_ in many if id_.rpartition("_")[2] in project.tables()} == applied
    assert applied_by_journal(project) == applied
    return applied


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_a_long_run_says_of_its_end_is_so(lone_project: Project, way: str) -> None:
    project, dice = lone_project, random.Random(f"{SEED}/{way}")
    print(f"KILL_SEED={SEED}")
    project.sql("ALTER SYSTEM SET fsync = off")
    project.sql("ALTER SYSTEM SET wal_writer_delay = '10s'")  # so that what no COMMIT waited for is not on the disk
    project.sql("SELECT pg_reload_conf()")
    many = [project.table(number // 60 * 100 + number % 60) for number in range(MANY + 20)]
    for id_ in dice.sample(many, MANY // 3):
        name = id_.rpartition("_")[2]
        project.write(id_, f"CREATE TABLE {name} (id int); SELECT pg_sleep(0.01);", f"DROP TABLE {name};")
    project.manage("migrations_build").ok()
    for _ in range(ROUNDS):
        for command in (["migrations_run"], ["migrations_revert", "--all"]):
            before = set(project.applied())
            run = project.start(*command)
            wait_for_backend(project, run)
            time.sleep(dice.uniform(0, 0.4))
            was_running = WAYS[way](project, run)
            _, stdout, stderr = ended(run)
            print(f"{way}: {stderr if was_running else 'too late'}")
            assert "Traceback" not in stderr
            done = check(project, many) ^ before
            told = set(re.findall(r"ing (\S+)\.\.\. OK", stdout))
            named = re.search(r"ed before(?: it in this run)?: (.*)", stderr)
            said = set(many) & set(re.findall(r"blog\.\w+", named[1])) if named else told
            assert told <= done
            assert said == told
            if way.startswith("SIG") and way != "SIGKILL" and was_running:
                assert done == told
            elif open_ones := re.search(r"which of these are done: (.*)", stderr):
                assert done - told <= set(re.findall(r"blog\.\w+", open_ones[1]))
            project.manage(*command).ok()
            assert check(project, many) == (set(many) if "run" in command[0] else set())
