"""With a schema for each tenant, SQL migrations ran in the shared schema and said OK, or were left out without a word,
and the hook for another `migrate` ended in a RecursionError. Found with django-tenants 4 (the hook is its #840); the
engine, router and commands here do what its do, with two schemas and no table of tenants."""

from __future__ import annotations

from tests.support.projects import Project

OURS = ["public.medusa_migrations", "public.medusa_migrations_log"]
HOOK = "medusa_migrations.management.migrate.command.Command"

ENGINE = """\
from django.db.backends.postgresql import base
class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.path = self.schema_name = "public"
    def set_schema(self, name, *others):
        self.schema_name, self.path = name, ",".join([name, *others])
    def _cursor(self, name=None):
        cursor = super()._cursor(name)
        cursor.execute(f"SET search_path = {self.path}")
        return cursor
"""
ROUTER = """\
from django.apps import apps
from django.conf import settings
from django.db import connections
class Router:
    def allow_migrate(self, db, app_label, **hints):
        public = connections[db].schema_name == "public"
        return apps.get_app_config(app_label).name in (settings.SHARED_APPS if public else settings.TENANT_APPS)
"""
MIGRATE_SCHEMAS = """\
import sys
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.recorder import MigrationRecorder
from django.utils.module_loading import import_string
class Command(BaseCommand):
    autodetector = MigrationAutodetector
    def add_arguments(self, parser):
        parser.add_argument("app_label", nargs="?")
        parser.add_argument("migration_name", nargs="?")
        parser.add_argument("--database", default="default")
        parser.add_argument("--schema")
        parser.add_argument("--plan", action="store_true")
        for name in ("interactive", "fake", "fake_initial", "check_unapplied", "prune", "run_syncdb"):
            parser.add_argument("--" + name, action="store_true")
    def handle(self, *args, **options):
        for schema in [options["schema"]] if options["schema"] else ["public", "t1"]:
            connection.set_schema(schema)
            MigrationRecorder(connection).ensure_schema()
            connection.set_schema(schema, "public")
            print("schema", schema, flush=True)
            path = getattr(settings, "TENANT_BASE_MIGRATE_COMMAND", "django.core.management.commands.migrate.Command")
            import_string(path)(stdout=sys.stdout, stderr=sys.stderr).execute(*args, **options)
            connection.close()
        connection.set_schema("public")
"""
TENANT_COMMAND = """\
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
class Command(BaseCommand):
    requires_system_checks = []
    def add_arguments(self, parser):
        parser.add_argument("command")
    def handle(self, command, **options):
        connection.set_schema("t1", "public")
        call_command(command)
"""
NOTE = 'migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True))]),'
TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 't1') ORDER BY 1"


def make_tenants(project: Project) -> None:
    """`blog`, by SQL, is shared; `notes`, by Django, is the tenants'."""
    folder = project.folder / "tenants"
    for name, text in {
        "engine/base.py": ENGINE,
        "router.py": ROUTER,
        "management/commands/migrate.py": MIGRATE_SCHEMAS,
        "management/commands/migrate_schemas.py": MIGRATE_SCHEMAS,
        "management/commands/tenant_command.py": TENANT_COMMAND,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    project.add_models("tenants", "")
    project.add_models("notes", "class Note(models.Model):\n    pass")
    project.add_django_migration("notes", "0001_initial", NOTE)
    project.add_settings(
        'DATABASES["default"]["ENGINE"] = "tenants.engine"\nDATABASE_ROUTERS = ["tenants.router.Router"]\n'
        'SHARED_APPS = ["medusa_migrations", "blog"]\nTENANT_APPS = ["notes"]'
    )
    project.table(1)
    project.sql("CREATE SCHEMA t1")
    project.env["DEBUG"] = "1"


def tables(project: Project) -> list[str]:
    found = [name for (name,) in project.sql(TABLES) if not name.endswith(".django_migrations")]
    return [name for name in found if name != "public.notes_note"]  # Django makes it where a router forbids it not


def test_sql_runs_in_the_shared_schema_and_nowhere_else(project: Project) -> None:
    make_tenants(project)
    message = project.manage("tenant_command", "migrations_run").error()
    assert "The connection 'default' is set to the schema 't1' of a tenant." in message
    assert "one schema, 'public', which all tenants share. Nothing was done." in message
    message = project.manage("migrate_schemas").stderr
    assert "(medusa_migrations.E012) migrate_schemas, and what makes a tenant, leave SQL migrations out" in message
    assert f"Set TENANT_BASE_MIGRATE_COMMAND = '{HOOK}'" in message
    project.add_settings("TENANT_BASE_MIGRATE_COMMAND = 'medusa_migrations.management.commands.migrate.Command'")
    assert f"in a circle. Set it to '{HOOK}'." in project.manage("migrate_schemas", "--skip-checks").error()
    assert tables(project) == []

    project.add_settings(f"TENANT_BASE_MIGRATE_COMMAND = {HOOK!r}")
    outcome = project.manage("migrate_schemas").ok()
    assert outcome.stdout.count("Applying blog.20240101000001_t1... OK") == 1
    assert tables(project) == [*OURS, "public.t1", "t1.notes_note"]
    project.table(2)
    assert "Applying blog.20240101000002_t2... OK" in project.manage("migrate").ok().stdout

    project.add_settings('TENANT_APPS = ["notes", "blog"]')
    outcome = project.manage("migrate_schemas", "--schema=t1")
    assert "(medusa_migrations.E012) blog: SQL migrations run in the schema that all tenants share" in outcome.stderr
    message = project.manage("migrate_schemas", "--schema=t1", "--skip-checks").error()
    assert "blog: SQL migrations run in the schema 'public' alone, so 't1' would be left without." in message
    assert tables(project) == [
        "public.medusa_migrations",
        "public.medusa_migrations_log",
        "public.t1",
        "public.t2",
        "t1.notes_note",
    ]


def test_without_the_hook_migrate_runs_sql_in_the_shared_schema_alone(project: Project) -> None:
    make_tenants(project)
    outcome = project.manage("migrate", "--skip-checks").ok()
    assert outcome.stdout.count("Applying blog.20240101000001_t1... OK") == 1
    assert tables(project) == [*OURS, "public.t1", "t1.notes_note"]
    project.add_settings('TENANT_APPS = ["notes", "blog"]')
    message = project.manage("migrate", "--schema=t1", "--skip-checks").error()
    assert "so 't1' would be left without." in message
