"""migrations_verify: what a migration does beside its scratch database is refused, or told with what stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.projects import Project


@pytest.fixture
def own(lone_project: Project) -> Iterator[Project]:
    """A server of its own, on which there is a live database."""
    lone_project.sql("CREATE DATABASE live")
    return lone_project


def only(project: Project, *options: str) -> Any:
    """The one migration that was proven."""
    (found,) = project.manage("migrations_verify", "--json", *options).json["migrations"]
    return found


def roles(project: Project) -> set[str]:
    return {name for (name,) in project.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'zz%'")}


_IN_DO = "DO $$BEGIN {} END$$;"

# What a transaction can take back: the statement of a DO block, and the catalog.
TAKEN_BACK = {
    "a right on a database": ("REVOKE CONNECT ON DATABASE live FROM PUBLIC;", "pg_database"),
    "a right on a database, in a subtransaction": (
        "BEGIN REVOKE CONNECT ON DATABASE live FROM PUBLIC; EXCEPTION WHEN division_by_zero THEN NULL; END;",
        "pg_database",
    ),
    "a right on a tablespace": ("GRANT CREATE ON TABLESPACE pg_default TO PUBLIC;", "pg_tablespace"),
    "a right on a setting": ("GRANT SET ON PARAMETER work_mem TO PUBLIC;", "pg_parameter_acl"),
    "a replication origin": ("PERFORM pg_replication_origin_create('zz');", "pg_replication_origin"),
    "a subscription": (
        "CREATE SUBSCRIPTION zz CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE);",
        "pg_subscription",
    ),
    "a role": ("CREATE ROLE zz;", "pg_authid"),
}


def test_what_a_transaction_can_take_back_is_refused_before_its_end(own: Project) -> None:
    cases = [(name, option) for option in ("", " transaction:false") for name in TAKEN_BACK]
    for number, (name, option) in enumerate(cases):
        own.write(f"blog.2024010100{number:04d}_n", f"SELECT 1;\n{_IN_DO.format(TAKEN_BACK[name][0])}", option=option)
    acl = "SELECT datacl::text FROM pg_database WHERE datname = 'live'"
    before = own.sql(acl)
    for lint in ([], ["--no-lint"]):
        found = own.manage("migrations_verify", "--json", *lint).json["migrations"]
        for one, case in zip(found, cases, strict=True):
            message, catalog = one["error"]["message"], TAKEN_BACK[case[0]][1]
            assert re.fullmatch(rf"This writes to .*{catalog}, and so changes the whole server", message), (case, one)
            assert (one["status"], one["error"]["line"]) == ("up_failed", 3), (case, lint)
    assert own.sql(acl) == before
    assert own.sql("SELECT roname FROM pg_replication_origin") == []
    assert roles(own) == set()


def test_it_is_said_where_it_can_be_proven(project: Project) -> None:
    project.write("blog.20240101000001_n", _IN_DO.format("CREATE ROLE zz;"))
    assert "with --server-wide" in project.manage("migrations_verify").stdout


def test_the_rights_of_the_own_database_are_its_own(project: Project) -> None:
    sql = "EXECUTE format('{} CREATE ON DATABASE %I {} PUBLIC', current_database());"
    project.write(
        "blog.20240101000001_own",
        _IN_DO.format(sql.format("GRANT", "TO")),
        _IN_DO.format(sql.format("REVOKE", "FROM")),
    )
    assert only(project)["error"] is None


# What no transaction can take back: what is sent without one, and what is told.
STAYS = {
    "a DO block that commits": ("DO $$BEGIN EXECUTE 'CREATE ROLE zz2'; COMMIT; END$$;", "role zz2 is new"),
    "one that fails behind it": (
        "DO $$BEGIN EXECUTE 'CREATE ROLE zz3'; COMMIT; PERFORM 1 / 0; END$$;",
        "role zz3 is new",
    ),
    "a procedure that commits": (
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$BEGIN CREATE ROLE zz4; COMMIT; END$$;\nCALL p();",
        "role zz4 is new",
    ),
    "a right on a database": (
        "DO $$BEGIN REVOKE CONNECT ON DATABASE live FROM PUBLIC; COMMIT; END$$;",
        "database live is changed",
    ),
    "a role that is gone": ("DO $$BEGIN EXECUTE 'DROP ROLE zz1'; COMMIT; END$$;", "role zz1 is gone"),
    "an origin that is gone": (
        "DO $$BEGIN PERFORM pg_replication_origin_drop('mine'); COMMIT; END$$;",
        "replication origin mine is gone",
    ),
    "a slot": (
        "DO $$BEGIN PERFORM pg_create_physical_replication_slot('zz'); COMMIT; END$$;",
        "replication slot zz is new",
    ),
}


@pytest.mark.parametrize("lint", [[], ["--no-lint"]], ids=["linted", "not linted"])
def test_what_stays_is_told_by_name(own: Project, lint: list[str]) -> None:
    own.sql("CREATE ROLE zz1; SELECT pg_replication_origin_create('mine')")
    for number, (sql, _) in enumerate(STAYS.values()):
        own.write(f"blog.2024010100{number:04d}_n", sql, option=" transaction:false")
    found = own.manage("migrations_verify", "--json", *lint).json["migrations"]
    for one, (name, (_, told)) in zip(found, STAYS.items(), strict=True):
        message = f"this changes the whole server, and stays: {told}"
        assert (one["status"], one["error"]["message"]) == ("up_failed", message), (name, one)


def test_a_migration_in_Python_without_a_transaction_is_looked_at_too(own: Project) -> None:
    own.add_app("blog").joinpath("20240101000001_n.py").write_text(
        "transaction = False\ndef up(schema):\n    schema.query('DO $$BEGIN CREATE ROLE zz2; END$$')\n"
    )
    assert only(own)["error"]["message"] == "this changes the whole server, and stays: role zz2 is new"


def test_a_slot_outlives_its_transaction(own: Project) -> None:
    own.write("blog.20240101000001_n", "SELECT pg_create_physical_replication_slot('zz');")
    found = only(own)
    assert found["error"]["message"] == "this changes the whole server, and stays: replication slot zz is new"


def test_what_has_changed_the_server_is_not_run_again(own: Project) -> None:
    own.write(
        "blog.20240101000001_old",
        "DO $$BEGIN EXECUTE 'CREATE ROLE zz2'; COMMIT; END$$;",
        option=" transaction:false",
    )
    own.table(2)
    own.configure(VERIFY_AFTER="blog.20240101000001_old")
    out = own.manage("migrations_verify")
    assert "role zz2 is new" in out.stdout, out
    assert "2 migrations" not in out.error()


# Django's migrations: operations, and what is told.
DJANGO = {
    "by a DO block": (
        "migrations.RunSQL('DO $$BEGIN CREATE ROLE zz1; END$$')",
        "pg_authid, and so changes the whole server",
    ),
    "composed": ("migrations.RunPython(composed)", "CREATE ROLE changes the whole server"),
    "as bytes": ("migrations.RunPython(as_bytes)", "CREATE ROLE changes the whole server"),
    "over the driver's own cursor": ("migrations.RunPython(own)", "pg_authid, and so changes the whole server"),
    "without a transaction": (
        "migrations.RunSQL('DO $$BEGIN CREATE ROLE zz5; END$$')]\n    atomic = False\n    more = [",
        "stays: role zz5 is new",
    ),
}
_FUNCTIONS = """
from psycopg2 import sql
def composed(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute(sql.SQL('create role {}').format(sql.Identifier('zz2')))
def as_bytes(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute(b'create role zz3')
def own(apps, editor):
    with editor.connection.connection.cursor() as cursor:
        cursor.execute('create role zz4')
"""


def test_Djangos_migrations_change_the_server_no_more_than_ours(own: Project) -> None:
    for number, (operation, _) in enumerate(DJANGO.values()):
        app = f"dj{number}"
        own.add_app(app)
        own.write(f"blog.2024010100000{number}_n", "SELECT 1;", header=f"-- migrate:depends {app}.0001_n\n")
        own.add_django_migration(app, "0001_n", operation)
        path = own.folder / app / "migrations/0001_n.py"
        path.write_text(path.read_text().replace("class", f"{_FUNCTIONS}class", 1))
    found = own.manage("migrations_verify").stdout.splitlines()
    errors = [line for line in found if line.startswith("Django's migration ")]
    for error, (name, (_, told)) in zip(errors, DJANGO.items(), strict=True):
        assert told in error, name
        assert "with --server-wide" in error, name
    assert roles(own) == {"zz5"}
    own.sql("DROP ROLE zz5")
    out = own.manage("migrations_verify", "--server-wide").ok()
    for number in range(1, 6):
        assert f"The role zz{number}, which a migration has made, was dropped." in out.stderr
    assert roles(own) == set()


def test_on_a_server_of_its_own_the_roles_of_others_stay(own: Project) -> None:
    own.add_app("blog").joinpath("20240101000001_wait.py").write_text(
        "import sys\ndef up(schema):\n    pass\ndef down(schema):\n    pass\n"
    )
    own.write("blog.20240101000002_made", "CREATE ROLE zzmade;", None)
    own.write("blog.20240101000003_stays", "CREATE ROLE zzleft; GRANT CONNECT ON DATABASE live TO zzleft;", None)
    (own.folder / "listening.py").write_text(_LISTENING)
    out = own.manage(script="listening.py").ok()
    assert roles(own) == {"zztheirs", "zzleft"}
    assert "The role zzmade, which a migration has made, was dropped." in out.stdout
    assert "The role zzleft, which a migration has made, is left: " in out.stdout
    assert "zztheirs" not in out.stdout


# Somebody else makes a role while it is proven, between two migrations.
_LISTENING = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
import psycopg2
from django.conf import settings
from medusa_migrations import api
given = settings.DATABASES["default"]
made = []
def told(event):
    if type(event).__name__ == "Proved" and not made:
        other = psycopg2.connect(host=given["HOST"], port=given["PORT"] or None, user=given["USER"], dbname="postgres")
        other.autocommit = True
        other.cursor().execute("CREATE ROLE zztheirs")
        other.close()
        made.append(1)
print("\\n".join(api.verify(server_wide=True, listener=told).notes))
"""


def test_who_may_only_make_databases_proves_the_same(own: Project) -> None:
    own.sql("CREATE ROLE zzapp LOGIN CREATEDB")
    own.env["TEST_DATABASE"] = json.dumps(json.loads(own.environment()["TEST_DATABASE"]) | {"USER": "zzapp"})
    own.table(1)
    own.table(2, option=" transaction:false")
    own.add_app("dj")
    own.add_django_migration("dj", "0001_n", "migrations.RunSQL('SELECT 1')")
    own.add_django_migration("dj", "0002_n", "migrations.RunSQL('SELECT 1')]\n    atomic = False\n    more = [")
    own.write("blog.20240101000003_n", "SELECT 1;", header="-- migrate:depends dj.0002_n\n")
    own.manage("migrations_verify").ok()


def test_another_proof_on_the_server_is_not_blamed(own: Project) -> None:
    """Scratch databases come and go meanwhile."""
    own.write(
        "blog.20240101000001_n",
        "DO $$BEGIN PERFORM pg_sleep(0.5); COMMIT; END$$;",
        "DO $$BEGIN PERFORM pg_sleep(0.5); COMMIT; END$$;",
        option=" transaction:false",
    )
    processes = [own.start("migrations_verify", "--all") for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == ["", "", ""]
    assert [process.returncode for process in processes] == [0, 0, 0]
