"""migrations_show."""

from __future__ import annotations

import re

from tests.support.projects import Project


def test_every_migration_has_a_line_in_order(project: Project) -> None:
    first, second = project.table(1), project.table(2, app="shop")
    project.run("--to", first).ok()
    lines = project.manage("migrations_show").ok().stdout.splitlines()
    assert re.fullmatch(rf"\[X\] {first} \(\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \w+, \d+ ms\)", lines[0])
    assert lines[1:] == [f"[ ] {second}"]
    assert project.manage("migrations_show", "shop").ok().stdout.splitlines() == [f"[ ] {second}"]


def test_it_reads_only_with_a_role_that_may_do_no_more(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    project.table(2)
    project.manage("migrations_build").ok()
    role = f"reader_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT ON medusa_migrations TO {role}")
    try:
        project.server = type(project.server)(
            project.server.parameters | {"user": role, "password": "x"}, project.server.maintenance
        )
        assert f"[X] {id_}" in project.manage("migrations_show").ok().stdout
        error = project.manage("migrations_run").error()
        assert "permission denied" in error
    finally:
        project.server = type(project.server)(
            {**project.server.parameters, "user": "postgres"}, project.server.maintenance
        )
        project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_it_works_before_the_history_exists(project: Project) -> None:
    id_ = project.table(1)
    project.manage("migrations_build").ok()
    assert project.manage("migrations_show").ok().stdout == f"[ ] {id_}\n"
    assert project.sql("SELECT to_regclass('medusa_migrations')") == [(None,)]


def test_check_fails_for_what_is_not_settled(project: Project) -> None:
    project.table(1)
    project.manage("migrations_build").ok()
    assert "1 pending" in project.manage("migrations_show", "--check").error()
    project.run().ok()
    project.manage("migrations_show", "--check").ok()
    (project.folder / "blog/sql_migrations/20240101000001_t1.sql").unlink()
    project.manage("migrations_build").ok()
    assert "1 missing" in project.manage("migrations_show", "--check").error()


def test_json_has_every_field(project: Project) -> None:
    first, second = project.table(1), project.table(2)
    project.run("--to", first).ok()
    document = project.manage("migrations_show", "--json").ok().json
    assert document["database"] == "default"
    one, two = document["migrations"]
    assert (one["id"], one["app"], one["name"], one["state"]) == (first, "blog", "20240101000001_t1", "applied")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00$", one["applied_at"])
    assert one["duration_ms"] >= 0
    assert one["applied_by"]
    assert re.fullmatch("[0-9a-f]{64}", one["checksum"])
    assert two == {
        "id": second,
        "app": "blog",
        "name": "20240101000002_t2",
        "state": "pending",
        "applied_at": None,
        "duration_ms": None,
        "applied_by": None,
        "checksum": two["checksum"],
        "out_of_order": False,
        "phase": "before",
        "repeatable": False,
    }


def test_with_debug_the_sources_are_shown_and_nothing_is_built(project: Project) -> None:
    id_ = project.table(1)
    assert project.manage("migrations_show", env={"DEBUG": "1"}).ok().stdout == f"[ ] {id_}\n"
    assert not (project.folder / "dist").exists()


def test_an_empty_project_says_so(project: Project) -> None:
    assert project.manage("migrations_show").ok().stdout == "(no migrations)\n"
    assert project.manage("migrations_show", "--json").ok().json["migrations"] == []
