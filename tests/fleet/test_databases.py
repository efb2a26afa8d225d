"""Databases as targets: aliases, and databases that no alias names; and where the targets come from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fleets import build, history_of, make_fleet, on, run_on, tables
from tests.support.processes import ended, read_until, transaction
from tests.support.projects import BLOCKED, Project

PYTHON = """\
from django.db import models

def up(schema):
    schema.create_table("p", {"id": models.IntegerField(primary_key=True)})
    schema.query("INSERT INTO p VALUES (1)")
    assert schema.has_table("p")
    assert "p" in schema.tables()

def down(schema):
    schema.drop_table("p")
"""

BACKFILL = """\
transaction = False

def up(schema):
    schema.query("CREATE TABLE b (id int PRIMARY KEY, n int)")
    schema.query("INSERT INTO b SELECT i FROM generate_series(1, 5) i")
    schema.backfill("b", set={"n": 7}, where="n IS NULL")

def down(schema):
    schema.query("DROP TABLE b")
"""


@pytest.fixture
def other(project: Project) -> Iterator[str]:
    """Another database on the same server."""
    name = f"{project.database}_b"
    project.server.create_database(name)
    yield name
    project.server.drop_database(name)


def python_file(project: Project, name: str, text: str) -> str:
    (project.folder / f"blog/sql_migrations/{name}.py").write_text(text)
    return f"blog.{name}"


def test_a_database_that_no_alias_names(project: Project, other: str) -> None:
    project.configure(FLEETS={"tenants": {"TARGETS": [{"name": "eu", "settings": {"NAME": other}}]}})
    ids = [project.table(1), python_file(project, "20240101000002_p", PYTHON)]
    ids.append(python_file(project, "20240101000003_b", BACKFILL))
    build(project)
    run_on(project, "eu").ok()
    assert [id_ for (id_,) in project.server.execute("SELECT app || '.' || name FROM medusa_migrations", other)] == ids
    assert project.server.execute("SELECT n FROM b GROUP BY 1", other) == [(7,)]
    assert project.tables() == set()
    project.manage(*on("eu", "migrations_revert", "--all", "--no-input")).ok()
    assert "[ ]" in project.manage(*on("eu", "migrations_show")).ok().stdout


@pytest.mark.smoke
def test_python_in_a_schema_of_another_database(project: Project, other: str) -> None:
    settings = {"NAME": other}
    project.configure(FLEETS={"tenants": {"TARGETS": [{"schema": "Ada's", "settings": settings}]}})
    project.server.execute('CREATE SCHEMA "Ada\'s"', other)
    python_file(project, "20240101000002_p", PYTHON)
    python_file(project, "20240101000003_b", BACKFILL)
    build(project)
    run_on(project, "Ada's").ok()
    there = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = '\"Ada''s\"'::regnamespace ORDER BY 1"
    assert [name for (name,) in project.server.execute(there, other)] == [
        "b",
        "medusa_migrations",
        "medusa_migrations_log",
        "p",
    ]
    project.manage(*on("Ada's", "migrations_revert", "--all", "--no-input")).ok()


def test_the_orm_reaches_no_target_and_says_so(project: Project) -> None:
    make_fleet(project, "t1")
    project.add_models("blog", "class Author(models.Model):\n    pass")
    python_file(
        project,
        "20240101000001_orm",
        "from blog.models import Author\ndef up(schema):\n    Author.objects.count()\ndef down(schema):\n    pass\n",
    )
    project.manage("migrations_build").ok()
    message = run_on(project, "n0").error()
    assert "it uses a connection of Django's, where only `schema` may be used" in message
    assert history_of(project, "t1") == []


def test_aliases_are_targets_and_keep_their_own_histories(project: Project, other: str) -> None:
    project.add_settings(f"DATABASES['b'] = DATABASES['default'] | {{'NAME': {other!r}}}")
    project.configure(FLEETS={"tenants": {"TARGETS": ["default", "b"]}})
    project.table(1)
    build(project)
    outcome = run_on(project, "b", "--json").ok()
    assert (outcome.json["database"], outcome.json["target"]) == ("b", "b")
    assert "target" not in project.manage("migrations_run", "--json").ok().json
    assert "No migrations to apply." in project.manage("migrations_run", "--database", "b").ok().stdout
    assert "No migrations to apply." in run_on(project, "default").ok().stdout


def test_a_run_of_an_alias_and_one_of_its_target_exclude_each_other(project: Project) -> None:
    project.configure(FLEETS={"tenants": {"TARGETS": ["default"]}})
    project.sql("CREATE TABLE gate ()")
    project.write("blog.20240101000001_slow", "LOCK TABLE gate;")
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        run = project.start("migrations_run", "--lock-timeout", "60s")
        project.wait_for(BLOCKED)
        message = run_on(project, "default", "--lock-wait", "0").error()
        assert "Migrations of the target 'default' are being run by pid" in message
    assert ended(run)[0] == 0


def test_targets_are_asked_of_the_database(project: Project) -> None:
    project.sql("CREATE TABLE client AS SELECT s AS schema_name, true AS ready FROM unnest(ARRAY['t1', 'a b']) s")
    project.sql('CREATE SCHEMA t1; CREATE SCHEMA "a b"')
    sql = "SELECT schema_name AS schema FROM client WHERE ready -- all of them"
    project.configure(FLEETS={"tenants": {"TARGETS": {"SQL": sql}}})
    project.table(1)
    build(project)
    run_on(project, "a b").ok()
    assert "t1" in tables(project, "a b")
    assert "The fleet 'tenants' has no target 'a_b'. Did you mean 'a b'?" in run_on(project, "a_b").error()
    project.sql("DROP TABLE client")
    message = run_on(project, "t1").error()
    assert "['FLEETS']['tenants']: the SQL for its TARGETS failed: relation \"client\" does not exist." in message


def test_targets_come_of_a_callable_that_may_use_the_orm(project: Project) -> None:
    project.sql("CREATE SCHEMA t1; CREATE TABLE blog_client AS SELECT 1 AS id, 't1' AS schema_name")
    project.add_models("blog", "class Client(models.Model):\n    schema_name = models.TextField()")
    (project.folder / "blog/tenants.py").write_text(
        "from medusa_migrations.api import FleetTarget\n"
        "def password(): return {'PASSWORD': ''}\n"
        "def targets():\n"
        "    from blog.models import Client\n"
        "    for one in Client.objects.all():\n"
        "        yield FleetTarget(one.schema_name, schema=one.schema_name, settings=password)\n"
    )
    project.configure(FLEETS={"tenants": {"TARGETS": "blog.tenants.targets"}})
    project.table(1)
    build(project)
    run_on(project, "t1").ok()
    assert "t1" in tables(project, "t1")
    project.sql("DROP TABLE blog_client")
    message = run_on(project, "t1").error()
    assert 'blog.tenants.targets failed: relation "blog_client" does not exist' in message


def test_settings_are_asked_whenever_a_connection_is_made(project: Project) -> None:
    """The second connection of a run, which says who blocks it, may come when a token of its beginning has expired."""
    project.sql("CREATE SCHEMA t1; CREATE TABLE gate ()")
    (project.folder / "blog/tenants.py").write_text(
        "from medusa_migrations.api import FleetTarget\n"
        "def password():\n"
        "    with open('asked', 'a') as file: file.write('.')\n"
        "    return {'PASSWORD': ''}\n"
        "def targets(): return [FleetTarget('t1', schema='t1', settings=password)]\n"
    )
    project.configure(FLEETS={"tenants": {"TARGETS": "blog.tenants.targets"}})
    project.write("blog.20240101000001_slow", "LOCK TABLE public.gate;")
    build(project)
    with transaction(project, "LOCK TABLE gate"):
        run = project.start(*on("t1", "migrations_run", "--lock-timeout", "60s"))
        assert "Waiting for a lock that is held by" in read_until(run, "Waiting for a lock")
        assert (project.folder / "asked").read_text() == ".."
    assert ended(run)[0] == 0


def test_what_cannot_be_connected_to_is_named_without_its_password(project: Project) -> None:
    settings = {"NAME": "nowhere", "PASSWORD": "s3cret"}
    project.configure(FLEETS={"tenants": {"TARGETS": [{"name": "eu", "settings": settings}]}})
    message = run_on(project, "eu").error()
    assert "Cannot connect to the target 'eu'" in message
    assert "database 'nowhere'" in message
    assert "s3cret" not in message


def test_the_options_go_together_and_not_with_a_database(project: Project) -> None:
    make_fleet(project, "t1")
    for arguments in (("--fleet", "tenants"), ("--target", "n0")):
        outcome = project.manage("migrations_run", *arguments)
        assert "--fleet and --target go together" in outcome.stderr
        assert outcome.code == 2
    outcome = project.manage(*on("n0", "migrations_run", "--database", "default"))
    assert outcome.code == 2
    assert "not allowed with argument" in outcome.stderr


def test_signals_and_the_log_have_the_target_beside_the_database(project: Project) -> None:
    make_fleet(project, "t1")
    (project.folder / "blog/__init__.py").write_text(
        "from medusa_migrations import signals\n"
        "def told(database, target=None, **kwargs): print('told', database, target)\n"
        "signals.run_finished.connect(told)\n"
    )
    project.table(1)
    build(project)
    assert "told default n0" in run_on(project, "n0").ok().stdout
    assert "told default None" in project.manage("migrations_run").ok().stdout


def test_routers_are_told_of_the_target_unless_the_fleet_says_which_apps(project: Project) -> None:
    (project.folder / "routers.py").write_text(
        "class Router:\n"
        "    def allow_migrate(self, db, app_label, fleet=None, target=None, schema=None, **hints):\n"
        "        return (app_label == 'shop') == (schema is not None)\n"
    )
    project.add_settings("DATABASE_ROUTERS = ['routers.Router']")
    make_fleet(project, "t1", "t2")
    blog, shop = project.table(1), project.table(2, app="shop")
    build(project)
    run_on(project, "n0").ok()
    assert history_of(project, "t1") == [(shop, "applied")]
    project.manage("migrations_run").ok()
    assert project.applied() == [blog]
    project.settings["FLEETS"]["tenants"]["APPS"] = ["blog"]
    project.configure()
    run_on(project, "n1").ok()
    assert history_of(project, "t2") == [(blog, "applied")]


def test_a_schema_has_djangos_history_of_its_own_else_that_of_public(project: Project) -> None:
    make_fleet(project, "t1", "t2")
    project.add_contrib("contenttypes", "auth")
    project.write("blog.20240101000001_a", "CREATE TABLE a ();", header="-- migrate:depends auth.0001_initial\n")
    build(project)
    message = run_on(project, "n0").error()
    assert "depends on auth.0001_initial" in message
    assert "with django-tenants that is migrate_schemas" in message
    project.sql("CREATE TABLE django_migrations AS SELECT 1 AS id, 'auth' AS app, '0001_initial' AS name")
    run_on(project, "n0").ok()
    project.sql("CREATE TABLE t2.django_migrations AS SELECT 1 AS id, 'auth' AS app, '0002_other' AS name")
    assert "depends on auth.0001_initial" in run_on(project, "n1").error()


def test_waiting_for_a_target(project: Project) -> None:
    make_fleet(project, "t1")
    id_ = project.table(1)
    build(project)
    assert id_ in project.manage(*on("n0", "migrations_wait", "--timeout", "0.2")).error()
    run_on(project, "n0").ok()
    assert "The target 'n0' is ready" in project.manage(*on("n0", "migrations_wait")).ok().stdout
    assert project.manage(*on("n0", "migrations_wait", "--json")).ok().json["target"] == "n0"


def test_repairing_a_target(project: Project) -> None:
    make_fleet(project, "t1")
    id_ = project.table(1)
    build(project)
    project.manage(*on("n0", "migrations_repair", "--mark-applied", id_)).ok()
    assert history_of(project, "t1") == [(id_, "applied")]
    found = project.manage(*on("n0", "migrations_repair", "--json")).ok().json
    assert (found["database"], found["target"]) == ("default", "n0")


def test_what_to_do_next_names_the_target(project: Project) -> None:
    make_fleet(project, "t1")
    project.write("blog.20240101000001_a", "SELECT 1;", header="-- migrate:phase after\n")
    build(project)
    stderr = run_on(project, "n0", "--phase", "before").ok().stderr
    assert "migrations_run --fleet tenants --target n0 --phase after" in stderr


def test_a_no_op_of_a_database_imports_nothing_of_fleets(project: Project) -> None:
    make_fleet(project, "t1")
    project.run().ok()
    text = (project.folder / "manage.py").read_text()
    (project.folder / "manage.py").write_text(text + "print(*[name for name in sys.modules if 'fleet' in name])\n")
    outcome = project.manage("migrations_run", real=True).ok()
    assert "medusa_migrations.fleet" not in outcome.stdout
