"""A traceback of Django's, or a message whose cure makes it worse, where the way out is known: one connection only, a
Django migration that comes first when SQL is only recorded, and an app converted to SQL that others name. Found by
attacks and on real projects (healthchecks)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.projects import Project


@pytest.fixture
def modest(project: Project) -> Iterator[Project]:
    """Its user may have one connection."""
    role = f"one_{project.database}"
    project.server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'one' CONNECTION LIMIT 1")
    project.server.execute(f"ALTER DATABASE {project.database} OWNER TO {role}")
    project.add_settings(f'DATABASES["default"] |= {{"USER": {role!r}, "PASSWORD": "one"}}')
    yield project
    project.server.execute(f"ALTER DATABASE {project.database} OWNER TO CURRENT_USER")
    project.sql(f"DROP OWNED BY {role}")
    project.server.execute(f"DROP ROLE {role}")


@pytest.mark.smoke
def test_migrate_with_one_connection(modest: Project) -> None:
    modest.table(1)
    modest.run().ok()
    message = modest.manage("migrate", "--skip-checks").error()
    assert "`migrate` needs two connections to the database 'default', one for Django's migrations and" in message
    assert "too many connections for role" in message
    assert "Nothing was done. See that CONNECTION LIMIT of the user" in message


def test_what_is_only_recorded_is_not_run_by_the_cure(project: Project) -> None:
    project.add_models("shop", "")
    project.add_django_migration("shop", "0001_initial", "")
    baseline = project.table(1, header="-- migrate:depends shop\n")
    message = project.run("--fake").error()
    assert f"  {baseline} depends on shop.0001_initial\n" in message
    assert "Run `migrate shop` first. `migrate` alone would run the SQL too." in message
    project.manage("migrate", "shop").ok()
    assert "t1" not in project.tables()
    project.run("--fake").ok()
    project.manage("migrate", "shop", "zero", "--fake").ok()
    project.manage("migrations_revert", "--fake").ok()  # what came first is no matter now


def test_django_migrations_that_name_a_converted_app(project: Project) -> None:
    project.table(1)
    project.add_models("api", "")
    project.add_models("web", "")
    project.add_django_migration("api", "0001_initial", "", ("blog", "0003_post"))
    project.add_django_migration("api", "0002_more", "", ("blog", "__first__"))
    project.add_django_migration("web", "0001_initial", "", ("blog", "0001_initial"))
    for command in ("makemigrations", "migrate"):
        outcome = project.manage(command)
        assert "Traceback" not in outcome.stderr
        assert (
            "(medusa_migrations.E013) Django migrations depend on one of 'blog', whose tables are made by SQL:\n"
            "  api/migrations/0001_initial.py:4: api.0001_initial depends on blog.0003_post\n"
            "  web/migrations/0001_initial.py:4: web.0001_initial depends on blog.0001_initial\n"
            "\tHINT: Write ('blog', '__first__') there instead" in outcome.stderr
        )
    for path in project.folder.glob("*/migrations/0001_initial.py"):
        path.write_text(path.read_text().replace("0003_post", "__first__").replace("'0001_initial'", "'__first__'"))
    project.manage("migrate", env={"DEBUG": "1"}).ok()
