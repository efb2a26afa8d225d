"""The system checks: each with its id, what it says and its hint; and that all is well says nothing."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.support.projects import Project
from tests.support.shop import BLOG

SQLITE = "DATABASES[{!r}] = {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}"


def check(project: Project, *arguments: str, **options: object) -> dict[str, str]:
    """The messages of this app by their ids, each with its hint, in one line."""
    outcome = project.manage("check", *arguments, **options)  # type: ignore[arg-type]
    assert "Traceback" not in outcome.stderr, outcome
    found = {}
    for part in outcome.stderr.split("(medusa_migrations.")[1:]:
        id_, _, text = part.partition(") ")
        found[id_] = " ".join(text.partition("\n\n")[0].split())
    return found


@pytest.mark.smoke
@pytest.mark.usefixtures("all_is_applied")
def test_all_is_well(shop: Project) -> None:
    assert check(shop) == {}
    assert check(shop, "--database", "default", "--deploy") == {}


def test_a_wrong_setting(shop: Project) -> None:
    shop.configure(LOCK_WAITS=3)
    found = check(shop, "--deploy", "--database", "default")
    assert list(found) == ["E001"]
    assert "MEDUSA_MIGRATIONS has an unknown key 'LOCK_WAITS'. Did you mean 'LOCK_WAIT'?" in found["E001"]
    assert "HINT" in found["E001"]
    assert "(medusa_migrations.E001)" in shop.manage("migrate").stderr


def test_a_wrong_setting_is_no_traceback_in_commands(shop: Project) -> None:
    shop.configure(LOCK_WAIT="long")
    assert "It must be a number of seconds" in shop.manage("migrate", "--skip-checks").error()
    assert "It must be a number of seconds" in shop.manage("makemigrations", "--skip-checks", "blog").error()


def test_the_default_database_is_no_postgresql(shop: Project) -> None:
    shop.add_settings(SQLITE.format("default"))
    found = check(shop)
    assert list(found) == ["E002"]
    assert "The database 'default' is SQLite; SQL migrations run on PostgreSQL only." in found["E002"]
    assert "HINT: Set its ENGINE to 'django.db.backends.postgresql', or have allow_migrate()" in found["E002"]
    (shop.folder / "routers.py").write_text(
        "class Router:\n    def allow_migrate(self, db, app_label, **hints):\n        return app_label != 'blog'\n"
    )
    shop.add_settings("DATABASE_ROUTERS = ['routers.Router']")
    assert check(shop) == {}


@pytest.mark.parametrize("databases", ["{}", "{'default': {}}"])
def test_no_database_at_all_is_djangos_matter(shop: Project, databases: str) -> None:
    shop.add_settings(f"DATABASES = {databases}")
    assert check(shop) == {}


def test_a_database_without_its_driver_is_djangos_matter(shop: Project) -> None:
    shop.add_settings("DATABASES['legacy'] = {'ENGINE': 'django.db.backends.oracle', 'NAME': 'x'}")
    code = "from medusa_migrations.management.checks import check_databases; print(check_databases())"
    assert shop.manage("shell", "-v0", "-c", code).ok().stdout.strip() == "[]"


def test_another_database_is_no_postgresql(shop: Project) -> None:
    shop.add_settings(SQLITE.format("cache"))
    found = check(shop)
    assert list(found) == ["W003"]
    assert "keep blog away from it" in found["W003"]
    assert shop.manage("check").code == 0
    (shop.folder / "routers.py").write_text(
        "class Router:\n    def allow_migrate(self, db, app_label, **hints):\n        return db == 'default'\n"
    )
    shop.add_settings("DATABASE_ROUTERS = ['routers.Router']")
    assert check(shop) == {}


def test_django_migrates_another_kind_of_database_as_ever(shop: Project) -> None:
    shop.add_settings(SQLITE.format("cache"))
    out = shop.manage("migrate", "auth", "--database", "cache").ok().stdout
    assert "Applying auth.0012" in out
    assert "blog" not in out


@pytest.mark.smoke
def test_files_that_cannot_be_built(shop: Project) -> None:
    shop.write("blog.20240102000000_a", "SELECT 'never closed;")
    (shop.folder / "blog/sql_migrations/today.sql").write_text("SELECT 1;")
    outcome = shop.manage("check")
    assert outcome.code == 1
    assert outcome.stderr.count("(medusa_migrations.E005)") == 2
    assert "blog/sql_migrations/20240102000000_a.sql:2:8" in outcome.stderr
    assert "blog/sql_migrations/today.sql: a migration is named <timestamp>_<slug>" in outcome.stderr


def test_dependencies_that_are_not_there(shop: Project) -> None:
    shop.table(2, header="-- migrate:depends blog.20200101000000_gone\n")
    assert "depends on blog.20200101000000_gone" in check(shop)["E005"]


@pytest.mark.usefixtures("auth_is_there")
def test_an_empty_package_of_django_migrations(shop: Project) -> None:
    (shop.folder / "blog/migrations").mkdir()
    assert check(shop) == {}  # as for Django, a folder alone is none
    (shop.folder / "blog/migrations/__init__.py").touch()
    shop.add_models("shop", "")
    shutil.rmtree(shop.folder / "shop/migrations")
    found = check(shop)
    assert list(found) == ["E006"]
    assert "The app 'blog' has SQL migrations, and a package for Django migrations with none in it." in found["E006"]
    assert "MIGRATION_MODULES = {'blog': None}" in found["E006"]
    shop.add_settings("MIGRATION_MODULES = {'blog': None}")
    assert check(shop) == {}
    shop.manage("migrate").ok()
    assert shop.applied() == [BLOG]


def test_an_app_of_both_kinds_without_a_place_in_djangos_order(shop: Project) -> None:
    shop.write("shop.20240101000000_view", "CREATE VIEW v AS SELECT id FROM shop_product;", "DROP VIEW v;")
    found = check(shop)
    assert list(found) == ["W007"]
    assert "shop.20240101000000_view belongs to an app that has Django migrations too" in found["W007"]
    assert "-- migrate:depends shop.0001_initial" in found["W007"]
    shop.write("shop.20240101000000_view", "CREATE VIEW v AS SELECT id FROM shop_product;", "DROP VIEW v;",
               header="-- migrate:depends shop.0001_initial\n")  # fmt: skip
    assert check(shop) == {}
    shop.write("shop.20240102000000_more", "SELECT 1;")
    assert list(check(shop)) == ["W007"]


def test_a_baseline_beside_the_django_migrations_that_it_stands_for(shop: Project) -> None:
    text = "CREATE TABLE shop_product (id bigint);"
    shop.write("shop.20240101000000_baseline", text, "DROP TABLE shop_product;", header="-- migrate:baseline\n")
    found = check(shop)
    assert list(found) == ["W007"]
    assert "shop.20240101000000_baseline makes tables in the place of Django migrations" in found["W007"]
    assert "Delete the package shop.migrations" in found["W007"]
    assert "-- migrate:depends" not in found["W007"]


@pytest.mark.parametrize("state", ["missing", "stale"])
def test_a_build_that_is_not_todays(shop: Project, state: str) -> None:
    if state == "missing":
        (shop.folder / "dist/migrations/manifest.json").unlink()
    else:
        shop.table(2)
    assert check(shop) == {}
    found = check(shop, "--deploy")
    assert list(found) == ["W008"]
    assert "HINT: Run migrations_build before the release" in found["W008"]
    shop.manage("migrations_build").ok()
    assert check(shop, "--deploy") == {}


@pytest.mark.smoke
@pytest.mark.usefixtures("all_is_applied")
def test_changed_since_it_was_applied(shop: Project) -> None:
    shop.write(BLOG, "SELECT 1;")
    shop.manage("migrations_build").ok()
    assert check(shop) == {}
    found = check(shop, "--database", "default")
    assert list(found) == ["E009"]
    assert f"{BLOG} in the database 'default': changed since it was applied." in found["E009"]
    assert f"migrations_repair --accept-changes {BLOG}" in found["E009"]
    shop.configure(RUN_ON_MIGRATE=False)
    assert list(check(shop, "--database", "default")) == ["W010"]
    shop.manage("migrate").ok()


@pytest.mark.smoke
@pytest.mark.usefixtures("all_is_applied")
def test_failed_part_way(shop: Project) -> None:
    shop.write("blog.20240102000000_bad", "CREATE TABLE bad (id int);\nSELECT nothing;", option=" transaction:false")
    shop.manage_several(("migrations_build",), ("migrate",))
    found = check(shop, "--database", "default")
    assert list(found) == ["W010"]
    assert "blog.20240102000000_bad in the database 'default': its up part failed" in found["W010"]
    assert "migrations_repair --mark-applied blog.20240102000000_bad" in found["W010"]


def test_what_is_pending_is_for_migrate(shop: Project) -> None:
    assert check(shop, "--database", "default") == {}


@pytest.mark.usefixtures("all_is_applied")
def test_a_history_that_cannot_be_read(shop: Project) -> None:
    role = f"{shop.database}_reader"
    shop.sql(f"CREATE ROLE {role} LOGIN; SELECT 1")
    try:
        shop.add_settings(f"DATABASES['default']['USER'] = {role!r}")
        found = check(shop, "--database", "default")
        assert list(found) == ["E011"]
        assert "permission denied for table medusa_migrations. Give this database user SELECT on it." in found["E011"]
    finally:
        shop.sql(f"DROP ROLE {role}; SELECT 1")


@pytest.mark.smoke
def test_a_server_that_is_not_there(shop: Project) -> None:
    database = json.loads(shop.environment()["TEST_DATABASE"]) | {"HOST": str(shop.folder)}
    found = check(shop, "--database", "default", env={"TEST_DATABASE": json.dumps(database)})
    assert "Cannot connect to the database 'default'" in found["E011"]


@pytest.mark.usefixtures("all_is_applied")
def test_a_broken_file_is_told_once(shop: Project) -> None:
    shop.write("blog.20240102000000_a", "SELECT 'never closed;")
    assert list(check(shop, "--database", "default", "--deploy", env={"DEBUG": "1"})) == ["E005"]


def test_without_sql_migrations_only_the_database_matters(project: Project) -> None:
    (project.folder / "blog/sql_migrations").rmdir()
    assert check(project, "--deploy", "--database", "default") == {}
