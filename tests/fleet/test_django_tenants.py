"""The tenants of django-tenants as a fleet, with the package itself, where it is installed."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from tests.support.fleets import history_of, on, run_on, tables
from tests.support.projects import ROOT, Project

pytestmark = pytest.mark.skipif(find_spec("django_tenants") is None, reason="needs django-tenants")

BOTH = {"medusa_migrations", "medusa_migrations_log"}
HOOK = "medusa_migrations.management.migrate.command.Command"

CUSTOMERS = """
from django_tenants.models import DomainMixin, TenantMixin
class Client(TenantMixin):
    name = models.TextField()
class Domain(DomainMixin):
    pass
"""

CLIENT = """
migrations.CreateModel("Client", [
    ("id", models.BigAutoField(primary_key=True)),
    ("schema_name", models.CharField(max_length=63, unique=True)),
    ("name", models.TextField()),
]),
migrations.CreateModel("Domain", [
    ("id", models.BigAutoField(primary_key=True)),
    ("domain", models.CharField(max_length=253, unique=True)),
    ("is_primary", models.BooleanField(default=True)),
    ("tenant", models.ForeignKey("customers.Client", models.CASCADE)),
]),
"""

RECIPE = next(
    block
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/fleets.md").read_text(), re.DOTALL)
    if "post_schema_sync" in block
)

APPS = """
from django.apps import AppConfig
class Customers(AppConfig):
    name = "customers"
    def ready(self):
        from . import receivers
"""

PYTHON = """\
from django.db import models

def up(schema):
    schema.create_table("p", {"id": models.IntegerField(primary_key=True)})
    assert list(schema.query("SELECT current_schemas(false)::text")) == [("{t1}",)]

def down(schema):
    schema.drop_table("p")
"""


# The next command, which knows nothing of SQL migrations, for a schema that is new.
WITHIN = """
from django.core.management import call_command
from django.core.management.commands.migrate import Command
from django.db import connection
from django.db.models.signals import post_migrate
from django_tenants.utils import schema_context
def more(sender, **kwargs):
    if sender.name == "customers" and connection.schema_name == "public":
        connection.cursor().execute("CREATE SCHEMA bare")
        with schema_context("bare"):
            call_command(Command(), verbosity=0)
post_migrate.connect(more)
"""


def make_tenants(project: Project) -> None:
    """`notes` is the tenants', by Django; `shop` too, by SQL; `blog` is shared, by SQL."""
    project.add_contrib("contenttypes")
    project.add_models("customers", CUSTOMERS)
    project.add_django_migration("customers", "0001_initial", CLIENT)
    project.add_models("notes", "class Note(models.Model):\n    pass")
    project.add_django_migration(
        "notes", "0001_initial", 'migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True))]),'
    )
    project.table(1)
    project.table(2, app="shop")
    (project.folder / "shop/sql_migrations/20240101000003_p.py").write_text(PYTHON)
    project.apps.append("django_tenants")
    project.add_settings(
        'DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"\n'
        'DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]\n'
        'TENANT_MODEL, TENANT_DOMAIN_MODEL = "customers.Client", "customers.Domain"\n'
        'SHARED_APPS = ["medusa_migrations", "django_tenants", "django.contrib.contenttypes", "customers", "blog"]\n'
        'TENANT_APPS = ["notes", "shop"]\n'
        f"TENANT_BASE_MIGRATE_COMMAND = {HOOK!r}"
    )
    project.configure(
        FLEETS={
            "tenants": {
                "TARGETS": {"SQL": "SELECT schema_name AS schema FROM customers_client WHERE schema_name <> 'public'"},
                "APPS": ["shop"],
            }
        }
    )
    project.env["PYTHONWARNINGS"] = "default"  # what django-tenants says of itself
    project.manage("migrations_build").ok()


def make_tenant(project: Project, name: str) -> None:
    (project.folder / "make.py").write_text(
        "import os, sys, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
        "django.setup()\n"
        "from customers.models import Client\n"
        "Client(schema_name=sys.argv[1], name=sys.argv[1]).save(verbosity=0)\n"
    )
    project.manage(name, script="make.py").ok()


def test_its_tenants_are_a_fleet(project: Project) -> None:
    make_tenants(project)
    assert "E012" not in project.manage("check").ok().stderr
    outcome = project.manage("migrate_schemas", "--shared").ok()
    assert "Applying blog.20240101000001_t1... OK" in outcome.stdout
    assert "shop" not in outcome.stdout
    make_tenant(project, "t1")
    assert "notes_note" in tables(project, "t1")
    assert "t2" not in tables(project, "t1") | tables(project, "public")

    outcome = run_on(project, "t1").ok()
    assert "Applying shop.20240101000002_t2... OK" in outcome.stdout
    assert "Applying shop.20240101000003_p... OK" in outcome.stdout
    assert {*BOTH, "notes_note", "t2", "p"} <= tables(project, "t1")
    assert not {"t2", "p"} & tables(project, "public")
    assert project.applied() == ["blog.20240101000001_t1"]
    assert [id_ for id_, _ in history_of(project, "t1")] == ["shop.20240101000002_t2", "shop.20240101000003_p"]

    outcome = project.manage("migrate_schemas").ok()  # the tenants' Django migrations, and nothing of the fleet's
    assert "No migrations to apply" in outcome.stdout
    assert "[X] shop.20240101000003_p" in project.manage(*on("t1", "migrations_show")).ok().stdout
    project.manage(*on("t1", "migrations_revert", "--all", "--no-input")).ok()
    assert not {"t2", "p"} & tables(project, "t1")


def test_tenant_command_says_what_to_do_and_takes_a_target(project: Project) -> None:
    make_tenants(project)
    project.manage("migrate_schemas", "--shared").ok()
    make_tenant(project, "t1")
    message = project.manage("tenant_command", "migrations_run", "-s", "t1").error()
    assert "The connection 'default' is set to the schema 't1' of a tenant." in message
    assert "--fleet and --target" in message
    command = on("t1", "migrations_run")
    outcome = project.manage("tenant_command", command[0], "-s", "t1", *command[1:]).ok()
    assert "Applying shop.20240101000002_t2... OK" in outcome.stdout
    assert "t2" in tables(project, "t1")


def test_an_app_of_tenants_that_no_fleet_runs_is_an_error_still(project: Project) -> None:
    make_tenants(project)
    project.configure(FLEETS={})
    assert "(medusa_migrations.E012) shop: SQL migrations run in the schema" in project.manage("check").stderr
    project.manage("migrate_schemas", "--shared", "--skip-checks").ok()
    project.sql("INSERT INTO customers_client VALUES (1, 't1', 't1'); CREATE SCHEMA t1")
    outcome = project.manage("migrate_schemas", "--schema=t1", "--skip-checks")
    assert "name it in APPS of one of FLEETS" in outcome.stdout + outcome.stderr


def test_a_new_tenant_gets_its_sql_migrations_by_the_recipe(project: Project) -> None:
    make_tenants(project)
    (project.folder / "customers/receivers.py").write_text(RECIPE)
    (project.folder / "customers/apps.py").write_text(APPS)
    project.manage("migrate_schemas", "--shared").ok()
    make_tenant(project, "t1")
    assert {*BOTH, "notes_note", "t2", "p"} <= tables(project, "t1")


def test_a_migrate_of_a_schema_within_that_of_all_looks_for_its_history_there_alone(project: Project) -> None:
    make_tenants(project)
    (project.folder / "customers/apps.py").write_text(APPS)
    (project.folder / "customers/receivers.py").write_text(WITHIN)
    project.manage("migrations_build").ok()
    project.manage("migrate_schemas", "--shared").ok()
    assert {"django_migrations", "notes_note"} <= tables(project, "bare")
