"""A run of a fleet of databases: each has its own connection, and one that is not there hides no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fleets import build
from tests.support.projects import Project

PYTHON = """\
from django.db import models

def up(schema):
    schema.create_table("p", {"id": models.IntegerField(primary_key=True)})
    schema.query("INSERT INTO p VALUES (1)")

def down(schema):
    schema.drop_table("p")
"""


@pytest.fixture
def databases(project: Project) -> Iterator[list[str]]:
    """Four more on the same server."""
    names = [f"{project.database}_{letter}" for letter in "abcd"]
    for name in names:
        project.server.create_database(name)
    yield names
    for name in names:
        project.server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def histories(project: Project, databases: list[str]) -> list[list[str]]:
    query = "SELECT name FROM medusa_migrations ORDER BY id"
    return [[name for (name,) in project.server.execute(query, database)] for database in databases]


def test_databases_and_schemas_of_them_in_stages_with_migrations_in_both_languages(
    project: Project, databases: list[str]
) -> None:
    targets = [{"name": name[-1], "settings": {"NAME": name}, "stage": 2} for name in databases]
    project.server.execute("CREATE SCHEMA t", databases[1])
    targets.append({"name": "t", "schema": "t", "settings": {"NAME": databases[1]}})
    project.configure(FLEETS={"regions": {"TARGETS": targets, "CANARY": ["c"]}})
    project.table(1)
    (project.folder / "blog/sql_migrations/20240101000002_p.py").write_text(PYTHON)
    build(project)
    outcome = project.manage("migrations_fleet", "run", "--json").ok().json
    assert [one["name"] for one in outcome["targets"]] == ["c", "t", "a", "b", "d"]
    assert outcome["counts"]["done"] == 5
    assert histories(project, databases) == [["20240101000001_t1", "20240101000002_p"]] * 4
    assert project.server.execute("SELECT count(*) FROM t.p", databases[1]) == [(1,)]
    status = project.manage("migrations_fleet", "status", "--json", "--all").ok().json
    assert status["groups"][0]["targets"] == ["a", "b", "c", "d", "t"]
    project.manage("migrations_fleet", "revert", "--run", "1").ok()
    assert histories(project, databases) == [[]] * 4


def test_a_database_that_is_not_there_fails_and_the_others_are_done(project: Project, databases: list[str]) -> None:
    project.server.execute(f"DROP DATABASE {databases[2]}")
    targets = [{"name": name[-1], "settings": {"NAME": name}} for name in databases]
    project.configure(FLEETS={"regions": {"TARGETS": targets, "MAX_FAILURES": 1}})
    project.table(1)
    build(project)
    outcome = project.manage("migrations_fleet", "run", "--json")
    assert outcome.code == 1
    assert outcome.json["counts"] == {"targets": 4, "current": 0, "done": 3, "failed": 1, "not_reached": 0}
    (error,) = outcome.json["errors"]
    assert error["targets"] == ["c"]
    assert "Cannot connect to the" in error["message"]
    assert "1 current" not in project.manage("migrations_fleet", "status").ok().stdout
    assert "3 current, 1 unreachable" in project.manage("migrations_fleet", "status").ok().stdout


def test_a_history_that_search_path_has_lost_is_that_targets_state(project: Project, databases: list[str]) -> None:
    targets = [{"name": name[-1], "settings": {"NAME": name}} for name in databases]
    project.configure(FLEETS={"regions": {"TARGETS": targets}})
    project.table(1)
    build(project)
    project.manage("migrations_fleet", "run").ok()
    move = "CREATE SCHEMA ops; ALTER TABLE medusa_migrations SET SCHEMA ops"
    project.server.execute(move, databases[0])
    status = project.manage("migrations_fleet", "status", "--json").ok().json
    assert status["counts"] == {"targets": 4, "current": 3, "unusable": 1}
    assert "has no history of migrations in its search_path" in project.manage("migrations_fleet", "run").error()


def test_settings_that_are_asked_for_per_connection(project: Project, databases: list[str]) -> None:
    (project.folder / "shards.py").write_text(
        "import functools\nfrom medusa_migrations.api import FleetTarget\n"
        "def targets():\n"
        f"    return [FleetTarget(n, settings=functools.partial(dict, NAME=n)) for n in {databases!r}]\n"
    )
    project.configure(FLEETS={"regions": {"TARGETS": "shards.targets", "JOBS": 2}})
    project.table(1)
    build(project)
    assert "4 done" in project.manage("migrations_fleet", "run").ok().stdout
    assert histories(project, databases) == [["20240101000001_t1"]] * 4


def test_the_ledger_may_be_in_a_database_that_is_a_target(project: Project, databases: list[str]) -> None:
    project.add_settings(f"DATABASES['other'] = DATABASES['default'] | {{'NAME': {databases[0]!r}}}")
    project.configure(FLEETS={"all": {"TARGETS": ["default", "other"], "CONTROL": "other"}})
    project.table(1)
    build(project)
    assert "2 targets of all: 2 done." in project.manage("migrations_fleet", "run").ok().stdout
    ledger = "SELECT name, state FROM medusa_fleet_targets ORDER BY position"
    assert project.server.execute(ledger, databases[0]) == [("default", "done"), ("other", "done")]
    assert "Nothing to do" in project.manage("migrations_fleet", "run").ok().stdout
    project.manage("migrations_fleet", "revert", "--run", "1", "--no-input").ok()
    assert histories(project, databases[:1]) == [[]]
