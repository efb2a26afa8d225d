"""migrations_repair, and history tables of other versions."""

from __future__ import annotations

import pytest

from tests.support.projects import Project


def repair(project: Project, *options: str) -> str:
    return project.manage("migrations_repair", *options).ok().stdout


def test_nothing_to_repair_is_said(project: Project) -> None:
    project.table(1)
    project.run().ok()
    assert repair(project) == "Nothing needs repair.\n"


def test_what_needs_repair_is_listed_with_the_command_that_settles_it(project: Project) -> None:
    ids = [project.table(number) for number in (1, 2)]
    project.run().ok()
    failed = "blog.20240101000003_failed"
    project.write(failed, "CREATE TABLE a (id int);\nSELECT 1/0;", option=" transaction:false")
    project.run().error()
    project.write(ids[0], "CREATE TABLE t1 (id bigint);")
    (project.folder / "blog/sql_migrations/20240101000002_t2.sql").unlink()
    project.manage("migrations_build").ok()
    out = repair(project)
    assert f"{ids[0]}: changed since it was applied\n    migrations_repair --accept-changes {ids[0]}" in out
    assert f"migrations_repair --renamed {ids[1]}=NEW" in out
    assert f"migrations_repair --mark-applied {failed}, or --mark-reverted {failed}" in out


@pytest.mark.parametrize("named", [False, True])
def test_accepted_changes_stop_no_run_any_more(project: Project, named: bool) -> None:
    id_ = project.table(1)
    project.run().ok()
    project.write(id_, "CREATE TABLE t1 (id bigint);", "DROP TABLE IF EXISTS t1;")
    project.run().error()
    assert f"{id_}: today's checksum is recorded" in repair(project, "--accept-changes", *([id_] if named else []))
    project.run("--check").ok()
    assert project.sql("SELECT down FROM medusa_migrations") == [("-- migrate:down\nDROP TABLE IF EXISTS t1;\n",)]


def test_a_state_that_was_settled_by_hand_is_recorded(project: Project) -> None:
    id_ = "blog.20240101000001_half"
    project.write(id_, "CREATE TABLE a (id int);\nSELECT 1/0;", "DROP TABLE a;", option=" transaction:false")
    project.run().error()
    repair(project, "--mark-applied", id_)
    project.run("--check").ok()
    project.manage("migrations_revert").ok()
    assert (project.tables(), project.history()) == (set(), [])
    project.run().error()
    project.sql("DROP TABLE a")
    repair(project, "--mark-reverted", id_)
    assert project.history() == []


def test_one_that_was_never_run_can_be_marked_too(project: Project) -> None:
    first, second = project.table(1), project.table(2)
    project.manage("migrations_build").ok()
    repair(project, "--mark-applied", first, "--mark-applied", second)
    assert (project.applied(), project.tables()) == ([first, second], set())
    assert "faked" in project.manage("migrations_show").ok().stdout


def test_a_renamed_file_is_followed(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    folder = project.folder / "blog/sql_migrations"
    (folder / "20240101000001_t1.sql").rename(folder / "20240101000009_renamed.sql")
    error = project.run().error()
    options = error.split("migrations_repair ")[1].split()[:2]
    repair(project, *options)
    project.run("--check").ok()
    assert project.applied() == ["blog.20240101000009_renamed"]
    assert id_ not in project.manage("migrations_show").ok().stdout


def test_a_renamed_app_is_followed(project: Project) -> None:
    project.table(1, app="old")
    project.table(2, app="old")
    project.run().ok()
    (project.folder / "old").rename(project.folder / "new")
    project.apps = ["blog", "new"]
    project.manage("migrations_build").ok()
    repair(project, "--renamed", "old=new")
    project.run("--check").ok()


@pytest.mark.parametrize(
    "options",
    [
        ["--accept-changes", "blog.20240101000001_t1"],
        ["--mark-applied", "blog.20240101000001_t1"],
        ["--mark-applied", "blog.20990101000001_t1"],
        ["--mark-reverted", "blog.20990101000001_t1"],
        ["--renamed", "blog.20240101000001_t1=blog.20240101000002_t2"],
        ["--renamed", "nonsense"],
        ["--renamed", "shop=blog"],
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_done(project: Project, options: list[str]) -> None:
    project.table(1)
    project.run().ok()
    before = project.sql("SELECT * FROM medusa_migrations")
    project.manage("migrations_repair", *options).error()
    assert project.sql("SELECT * FROM medusa_migrations") == before


def test_the_history_of_an_older_version_is_brought_up_to_date(project: Project) -> None:
    first = project.table(1)
    project.run().ok()
    project.sql(
        "ALTER TABLE medusa_migrations DROP COLUMN progress, DROP COLUMN error, DROP COLUMN statements_done;"
        "COMMENT ON TABLE medusa_migrations IS NULL"
    )
    assert f"[X] {first}" in project.manage("migrations_show").ok().stdout
    second = project.table(2)
    project.run().ok()
    assert project.applied() == [first, second]
    assert project.sql("SELECT statements_done, error, progress FROM medusa_migrations") == [(0, "", None)] * 2
    project.manage("migrations_revert", "--all").ok()


def test_the_history_of_a_newer_version_is_left_alone(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.sql("COMMENT ON TABLE medusa_migrations IS 'History of medusa_migrations, format 99'")
    project.table(2)
    error = project.run().error()
    assert "format 99" in error
    assert "Update medusa_migrations" in error
    assert project.tables() == {"t1"}


def test_repairs_as_documents(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    nothing = {"database": "default", "done": [], "findings": []}
    assert project.manage("migrations_repair", "--json").ok().json == nothing
    project.write(id_, "CREATE TABLE t1 (id bigint);")
    project.manage("migrations_build").ok()
    cure = f"migrations_repair --accept-changes {id_}"
    found = {"id": id_, "state": "changed", "problem": "changed since it was applied", "cure": cure}
    assert project.manage("migrations_repair", "--json").ok().json == {**nothing, "findings": [found]}
    done = project.manage(*cure.split(), "--json").ok()
    assert done.json == {**nothing, "done": [f"{id_}: today's checksum is recorded"]}
    refused = project.manage(*cure.split(), "--json")
    message = refused.json["error"]["message"]
    assert refused.error() == f"CommandError: {message}\n"
    assert refused.json == {**nothing, "error": {"message": message}}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ((), "with migrations_repair --accept-changes {id}"),
        (("--database", "b"), "Add --database b to migrations_revert, migrations_repair."),
        (("--fleet", "f", "--target", "b"), "Add --fleet f --target b to migrations_revert, migrations_repair."),
    ],
    ids=["the default database", "another", "a target"],
)
def test_a_cure_is_for_the_database_that_the_error_is_about(
    project: Project, option: tuple[str, ...], said: str
) -> None:
    project.add_settings("DATABASES['b'] = DATABASES['default']")
    project.configure(FLEETS={"f": {"TARGETS": ["b"]}})
    id_ = project.table(1)
    project.run(*option).ok()
    project.write(id_, "SELECT 1;")
    error = project.run(*option).error()
    assert f"migrations_repair --accept-changes {id_}" in error
    assert error.rstrip().endswith(said.format(id=id_))
    options = " ".join(["migrations_repair", *option])
    assert f"    {options} --accept-changes {id_}\n" in repair(project, *option)
