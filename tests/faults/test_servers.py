"""Databases, roles and routers that will not have it."""

from __future__ import annotations

import json

from tests.support.projects import Project


def test_a_read_only_database_is_refused_before_anything_runs(project: Project) -> None:
    project.table(1)
    project.sql(f"ALTER DATABASE {project.database} SET default_transaction_read_only = on")
    error = project.run().error()
    assert "read-only" in error
    assert "Nothing was run" in error


def test_a_router_keeps_an_app_from_a_database(project: Project) -> None:
    project.table(1)
    kept = project.table(2, app="shop")
    (project.folder / "routers.py").write_text(
        "class Router:\n    def allow_migrate(self, db, app_label, **hints):\n        return app_label != 'shop'\n"
    )
    settings = project.folder / "settings.py"
    settings.write_text(f"{settings.read_text()}\nDATABASE_ROUTERS = ['routers.Router']\n")
    project.run().ok()
    assert project.tables() == {"t1"}
    assert kept not in project.manage("migrations_show").ok().stdout


def test_a_role_with_one_connection_is_enough(project: Project) -> None:
    role = f"single_{project.database}"
    project.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1; GRANT CREATE ON SCHEMA public TO {role}")
    try:
        project.table(1)
        project.manage("migrations_build").ok()
        database = json.loads(project.environment()["TEST_DATABASE"]) | {"USER": role, "PASSWORD": "x"}
        project.manage("migrations_run", env={"TEST_DATABASE": json.dumps(database)}).ok()
    finally:
        project.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_somebody_elses_table_of_that_name_is_left_alone(project: Project) -> None:
    project.sql("CREATE TABLE medusa_migrations (id int, name text); INSERT INTO medusa_migrations VALUES (1, 'x')")
    project.table(1)
    for command in (["migrations_run", "--build"], ["migrations_show"]):
        assert "no history of medusa_migrations" in project.manage(*command).error()
    project.sql("TRUNCATE medusa_migrations")
    assert "no history of medusa_migrations" in project.run().error()
    assert project.tables() == set()
