"""A changed search_path started a second history, and all migrations ran again: node-pg-migrate #1729 names a history
that is in another schema. Where the history is to be is now a setting, too."""

from __future__ import annotations

import json

import pytest

from tests.support.projects import Project

DOUBLE = "blog.20240101000000_double"


@pytest.fixture
def accounts(project: Project) -> Project:
    project.sql("CREATE SCHEMA app; CREATE TABLE public.accounts (balance int); INSERT INTO accounts VALUES (100)")
    project.write(DOUBLE, "UPDATE public.accounts SET balance = balance * 2;")
    return project


def set_search_path(project: Project, path: str) -> None:
    project.sql(f"ALTER DATABASE {project.database} SET search_path = {path}")


def balance(project: Project) -> int:
    return project.sql("SELECT balance FROM public.accounts")[0][0]


def histories(project: Project) -> list[str]:
    schemas = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'medusa_migrations' ORDER BY 1"
    return [name for (name,) in project.sql(schemas)]


@pytest.mark.smoke
def test_nothing_runs_again_where_search_path_has_lost_the_history(accounts: Project) -> None:
    accounts.run().ok()
    set_search_path(accounts, "app")
    accounts.table(2)
    for command in (
        ["migrations_run", "--build"],
        ["migrations_run", "--plan"],
        ["migrations_show"],
        ["migrations_revert"],
        ["migrations_repair"],
        ["migrations_repair", "--mark-applied", DOUBLE],
    ):
        error = accounts.manage(*command).error()
        assert "no history of migrations in its search_path, which is now app, but one in the schema 'public'" in error
        assert "HISTORY_SCHEMA'] = {'default': 'public'}" in error
        assert "{'default': 'app'}" in error  # one more history
    assert "medusa_migrations.E011" in accounts.manage("migrate").stderr  # and so do checks of the database
    assert (balance(accounts), histories(accounts)) == (200, ["public"])

    accounts.configure(HISTORY_SCHEMA={"default": "public"})
    assert "[X] blog.20240101000000_double" in accounts.manage("migrations_show").ok().stdout
    accounts.run().ok()
    assert (balance(accounts), histories(accounts)) == (200, ["public"])
    assert accounts.sql("SELECT to_regclass('app.t2') IS NOT NULL") == [(True,)]


@pytest.mark.smoke
def test_the_history_is_in_its_schema_whatever_search_path_finds(accounts: Project) -> None:
    accounts.configure(HISTORY_SCHEMA="ops")
    accounts.table(2)
    accounts.run().ok()  # of a new database, as of tests, the schema is made
    assert histories(accounts) == ["ops"]
    set_search_path(accounts, "app, public")
    assert "No migrations to apply" in accounts.run().ok().stdout
    accounts.manage("migrations_revert").ok()
    accounts.manage("migrations_repair", "--mark-applied", "blog.20240101000002_t2").ok()
    accounts.table(3)
    accounts.manage("migrations_build").ok()
    accounts.manage("migrate").ok()
    assert (balance(accounts), histories(accounts)) == (200, ["ops"])
    assert accounts.sql("SELECT count(*) FROM ops.medusa_migrations") == [(3,)]


def test_a_schema_for_the_history_does_not_begin_a_second_one(accounts: Project) -> None:
    accounts.run().ok()
    accounts.configure(HISTORY_SCHEMA="ops")
    error = accounts.run().error()
    assert "no history of migrations in the schema 'ops', which HISTORY_SCHEMA names" in error
    assert 'CREATE SCHEMA "ops"; ALTER TABLE "public".medusa_migrations SET SCHEMA "ops"' in error
    accounts.sql("CREATE SCHEMA ops")
    assert "but one in the schema 'public'" in accounts.manage("migrations_show").error()
    accounts.sql("ALTER TABLE public.medusa_migrations SET SCHEMA ops")
    assert "No migrations to apply" in accounts.run().ok().stdout
    accounts.configure(HISTORY_SCHEMA="opps")  # misspelt
    assert "but one in the schema 'ops'" not in accounts.manage("migrations_show").stdout
    assert "'opps'" in accounts.run().error()
    assert (balance(accounts), histories(accounts)) == (200, ["ops"])


def test_a_tenant_has_a_history_of_its_own_where_its_schema_is_named(accounts: Project) -> None:
    accounts.write(DOUBLE, "CREATE TABLE things (id int);")
    accounts.run().ok()
    accounts.sql("CREATE SCHEMA t2")
    set_search_path(accounts, "t2, public")
    accounts.configure(HISTORY_SCHEMA={"default": "t2"})
    accounts.run().ok()
    assert accounts.sql("SELECT to_regclass('t2.things') IS NOT NULL") == [(True,)]
    assert histories(accounts) == ["public", "t2"]


def test_a_history_that_this_user_may_not_look_into_is_another_ones(accounts: Project) -> None:
    accounts.run().ok()
    role = f"role_{accounts.database}"
    accounts.sql("ALTER SCHEMA public RENAME TO theirs; REVOKE USAGE ON SCHEMA theirs FROM public")
    accounts.sql(f"CREATE ROLE {role} LOGIN; CREATE SCHEMA mine AUTHORIZATION {role}")
    accounts.sql(f"ALTER ROLE {role} SET search_path = mine")
    database = json.loads(accounts.environment()["TEST_DATABASE"]) | {"USER": role}
    try:
        accounts.write(DOUBLE, "CREATE TABLE things (id int);")
        accounts.run(env={"TEST_DATABASE": json.dumps(database)}).ok()
        assert histories(accounts) == ["mine", "theirs"]
    finally:
        accounts.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_migration_that_moves_the_history_is_told_so(accounts: Project) -> None:
    accounts.run().ok()
    accounts.write("blog.20240101000002_move", "ALTER TABLE medusa_migrations SET SCHEMA app;")
    error = accounts.run().error()
    assert "migrate:depends" not in error
    assert "A migration must neither drop, rename nor move the history" in error
    assert "HISTORY_SCHEMA" in error
    assert histories(accounts) == ["public"]
    accounts.write("blog.20240101000002_move", "DROP TABLE medusa_migrations_log;")
    assert "nor move the history or its journal" in accounts.run().error()


def test_no_schema_to_create_in_has_a_cure(accounts: Project) -> None:
    set_search_path(accounts, "nowhere")
    error = accounts.run().error()
    assert "search_path names no schema that exists" in error
    accounts.configure(HISTORY_SCHEMA="public")
    accounts.write(DOUBLE, "CREATE TABLE things (id int);")
    error = accounts.run().error()
    assert "no schema has been selected to create in (SQLSTATE 3F000)" in error
    assert "see that search_path names one that is there" in error


def test_a_wrong_setting_is_named(accounts: Project) -> None:
    accounts.configure(HISTORY_SCHEMA={"defualt": "ops"})
    assert "MEDUSA_MIGRATIONS['HISTORY_SCHEMA'] is {'defualt': 'ops'}. It must be" in accounts.run().error()
