"""migrations_verify: its options, what it keeps from one call to the next, and what it works beside."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import termios
from typing import Any

import pytest

from tests.support.projects import Outcome, Project
from tests.support.shop import AUTHOR, BLOG, SHOP

STATUS = dict[str, str]


def statuses(outcome: Outcome) -> STATUS:
    return {one["id"].partition("_")[2]: one["status"] for one in outcome.json["migrations"]}


def verify(project: Project, *options: str, **more: Any) -> Outcome:
    return project.manage("migrations_verify", "--json", *options, **more)


def scratches(project: Project) -> list[str]:
    found = project.server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'medusa\\_verify\\_%'")
    return [name for (name,) in found if project.database in str(name)]


@pytest.mark.smoke
def test_what_is_proven_stays_proven_until_it_or_what_comes_before_it_changes(project: Project) -> None:
    for number in (1, 2, 3):
        project.table(number)
    assert statuses(verify(project).ok()) == {"t1": "proven", "t2": "proven", "t3": "proven"}
    again = project.manage("migrations_verify").ok().stdout
    assert again == "3 of 3 migrations proven before.\nModels: no difference. 0 faults, 0 unsafe statements.\n"

    project.write("blog.20240101000002_t2", "CREATE TABLE t2 (id int);", "DROP TABLE IF EXISTS t2;")
    assert statuses(verify(project).ok()) == {"t1": "cached", "t2": "proven", "t3": "cached"}, "its down part alone"
    project.write("blog.20240101000002_t2", "CREATE TABLE t2 (id bigint);", "DROP TABLE t2;")
    assert statuses(verify(project).ok()) == {"t1": "cached", "t2": "proven", "t3": "proven"}, "its up part"
    project.table(0)
    assert set(statuses(verify(project).ok()).values()) == {"proven"}, "one that comes before all"
    assert set(statuses(verify(project, "--all").ok()).values()) == {"proven"}

    for text in ("{", "[" * 200_000):
        (project.folder / "dist/verified.json").write_text(text)
        assert set(statuses(verify(project).ok()).values()) == {"proven"}, "what cannot be read proves nothing"


def test_a_fault_is_not_kept_and_is_found_again(project: Project) -> None:
    project.table(1)
    project.write("blog.20240101000002_bad", "CREATE TABLE bad ();", "SELECT 1;")
    for _ in range(2):
        found = verify(project)
        found.error()
        assert statuses(found)["bad"] == "drift"
    assert statuses(found)["t1"] == "cached"


def test_one_app_is_proven_and_what_comes_before_it_is_run(project: Project) -> None:
    base = project.table(1)
    project.table(2, app="shop", header=f"-- migrate:depends {base}\n")
    assert statuses(verify(project, "shop").ok()) == {"t2": "proven"}
    assert statuses(verify(project).ok()) == {"t1": "proven", "t2": "cached"}
    assert "Did you mean 'shop'?" in project.manage("migrations_verify", "shpo").error()


def test_an_old_project_begins_behind_the_migration_of_VERIFY_AFTER(project: Project) -> None:
    project.write("blog.20240101000001_old", "CREATE TABLE old ();", "SELECT 1;")
    project.table(2)
    project.configure(VERIFY_AFTER="blog.20240101000001_old")
    assert statuses(verify(project).ok()) == {"old": "skipped", "t2": "proven"}
    assert statuses(verify(project).ok()) == {"old": "skipped", "t2": "cached"}
    project.configure(VERIFY_AFTER="blog.20240101000001_odl")
    assert "Did you mean 'blog.20240101000001_old'?" in project.manage("migrations_verify").error()
    project.configure(VERIFY_AFTER="old")
    assert "It must be the id of a migration" in project.manage("migrations_verify").error()


def test_a_down_part_can_be_asked_for(project: Project) -> None:
    project.write("blog.20240101000001_forever", "CREATE TABLE forever ();", None)
    assert statuses(verify(project).ok()) == {"forever": "irreversible"}
    found = verify(project, "--require-down")
    assert "blog.20240101000001_forever" in found.error()
    assert found.json["migrations"][0]["error"]["line"] == 1


def test_features_are_all_on_and_migrations_in_Python_are_proven_too(project: Project) -> None:
    project.write(
        "blog.20240101000001_t1",
        "CREATE TABLE t1 (id int PRIMARY KEY);",
        "DROP TABLE t1;",
        header="-- migrate:feature some_day\n",
    )
    project.write("blog.20240101000002_row", "INSERT INTO t1 VALUES (1);", "DELETE FROM t1;")
    (project.folder / "blog/sql_migrations/20240101000003_code.py").write_text(
        "from django.db import models\ntransaction = False\n"
        "def up(schema):\n    schema.add_column('t1', 'n', models.IntegerField(null=True))\n"
        "    schema.backfill('t1', set='n = 1', where='n IS NULL')\n"
        "def down(schema):\n    schema.drop_column('t1', 'n')\n"
    )
    (project.folder / "blog/sql_migrations/20240101000004_wrong.py").write_text(
        "def up(schema):\n    schema.query('CREATE TABLE made ()')\ndef down(schema):\n    raise ValueError('no way')\n"
    )
    found = verify(project)
    found.error()
    assert statuses(found) == {"t1": "proven", "row": "proven", "code": "proven", "wrong": "down_failed"}


def test_Djangos_migrations_take_their_places_and_the_models_are_compared(shop: Project) -> None:
    author = AUTHOR.replace("CASCADE)", "CASCADE, db_index=False)")
    shop.add_models("blog", author)
    outcome = shop.manage("migrations_verify").ok()
    assert f"{BLOG}... proven" in outcome.stdout
    assert "Models: no difference. 0 faults, 0 unsafe statements." in outcome.stdout
    assert shop.tables() == set(), "the live database is as it was"
    shop.add_models("blog", author + "    age = models.IntegerField(null=True)\n")
    found = verify(shop)
    found.error()
    assert found.json["models"] == ["blog: create blog_author.age"]
    assert statuses(found) == {"author": "cached"}
    shop.add_models("blog", author)
    shop.add_django_migration("shop", "0002_wrong", "migrations.RunSQL('SELECT wrong')")
    shop.write("blog.20240101000009_late", "SELECT 1;", "", header="-- migrate:depends shop.0002_wrong\n")
    found = shop.manage("migrations_verify")
    assert "1 migration of Django's" in found.error()
    assert "Django's migration shop.0002_wrong fails" in found.stdout
    assert f"{BLOG.replace('author', 'late')}" not in found.stdout
    assert "it depends on shop.0002_wrong, which fails" in found.stdout
    assert SHOP.startswith("shop.")


def test_what_depends_on_a_failed_one_is_skipped_and_the_rest_is_not(project: Project) -> None:
    project.write("blog.20240101000001_bad", "CREATE TABLE bad (;", "")
    project.table(2, app="shop", header="-- migrate:depends blog.20240101000001_bad\n")
    project.table(3, app="shop")
    project.write("blog.20240101000004_needs", "ALTER TABLE bad ADD n int;", "")
    found = verify(project)
    found.error()
    assert statuses(found) == {"bad": "up_failed", "t2": "skipped", "t3": "proven", "needs": "up_failed"}
    text = project.manage("migrations_verify").stdout
    assert "It may only need blog.20240101000001_bad, whose up part fails." in text


def test_what_a_transaction_has_taken_back_needs_no_new_scratch_database(project: Project) -> None:
    function = (
        "CREATE FUNCTION place() RETURNS int LANGUAGE plpgsql AS"
        " $$BEGIN RAISE 'in %', (SELECT oid FROM pg_database WHERE datname = current_database()); END$$;"
    )
    made = f"CREATE TABLE made (id int) PARTITION BY LIST (id); {function}"
    fails = "CREATE TABLE part PARTITION OF made FOR VALUES IN (place());"
    project.write("blog.20240101000001_made", made, "DROP TABLE made; DROP FUNCTION place();")
    project.write("blog.20240101000002_up", f"CREATE TABLE t (); SET work_mem = '1MB';\n{fails}")
    project.write("blog.20240101000003_up", f"CREATE TABLE t ();\n{fails}")
    project.write("blog.20240101000004_down", "CREATE TABLE t4 ();", fails)
    project.write("blog.20240101000005_alone", f"CREATE TABLE t ();\n{fails}", option=" transaction:false")
    project.write("blog.20240101000006_up", f"CREATE TABLE t ();\n{fails}")
    project.write("blog.20240101000007_frees", f"SELECT pg_advisory_unlock_all();\n{fails}")
    project.write("blog.20240101000008_down", "DROP TABLE t4;", f"CREATE TABLE t4 ();\n{fails}")
    project.write("blog.20240101000009_last", fails)
    found = verify(project).json["migrations"]
    errors = [one["error"]["message"] for one in found if one["error"]]
    scratches = list(dict.fromkeys(errors))
    assert [scratches.index(error) for error in errors] == [0, 0, 0, 0, 1, 1, 2, 2], errors
    assert all(error.startswith("in ") for error in errors), errors


def test_what_was_proven_without_an_earlier_migration_is_proven_again(project: Project) -> None:
    role = f"role_{project.database}"
    project.write("blog.20240101000001_a", f"CREATE TABLE a (id int); GRANT SELECT ON a TO {role};", "DROP TABLE a;")
    project.write("blog.20240101000002_b", "CREATE TABLE IF NOT EXISTS a (id int);", "DROP TABLE IF EXISTS a;")
    found = verify(project)
    assert statuses(found) == {"a": "up_failed", "b": "proven"}
    assert f'CREATE ROLE "{role}" there' in project.manage("migrations_verify").stdout
    project.sql(f"CREATE ROLE {role}")
    try:
        assert statuses(verify(project)) == {"a": "proven", "b": "drift"}
    finally:
        project.sql(f"DROP ROLE {role}")


def test_later_migrations_stand_on_one_up_alone(project: Project) -> None:
    create = (
        "CREATE TABLE author (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text); CREATE TABLE flag (n int);"
    )
    project.write("blog.20240101000001_a", create, "DROP TABLE author, flag;")
    project.write("blog.20240101000002_row", "INSERT INTO author (name) VALUES ('x');", "DELETE FROM author;")
    project.write(
        "blog.20240101000003_ref", "CREATE TABLE post AS SELECT id FROM author WHERE id = 1;", "DROP TABLE post;"
    )
    project.write("blog.20240101000004_one", "SELECT 1 / count(*) FROM post;", "")
    project.write("blog.20240101000005_left", "INSERT INTO author (name) VALUES ('y');", "SELECT 1;")
    project.write(
        "blog.20240101000006_unique",
        "ALTER TABLE author ADD UNIQUE (name);",
        "ALTER TABLE author DROP CONSTRAINT author_name_key;",
    )
    once = "IF NOT EXISTS (SELECT FROM flag) THEN CREATE TABLE important (); INSERT INTO flag VALUES (1); END IF;"
    project.write("blog.20240101000007_once", f"DO $$BEGIN {once} END$$;", "DROP TABLE IF EXISTS important;")
    found = verify(project, "--no-lint")
    expected = dict.fromkeys(("a", "row", "ref", "one", "left", "unique"), "proven")
    assert statuses(found) == expected | {"once": "second_up_failed"}
    (once_found,) = [one for one in found.json["migrations"] if one["status"] == "second_up_failed"]
    assert [(one["change"], one["object"]) for one in once_found["drift"]] == [("gone", "public.important")]


def test_what_runs_only_so_often_is_told_in_words(project: Project) -> None:
    (project.folder / "blog/sql_migrations").mkdir(exist_ok=True)
    (project.folder / "blog/sql_migrations/20240101000001_twice.py").write_text(
        "from pathlib import Path\ncounted = Path('counted')\n\n\ndef up(schema):\n"
        "    counted.write_text((counted.read_text() if counted.exists() else '') + 'x')\n"
        "    if len(counted.read_text()) > 2:\n        raise ValueError('once more')\n\n\ndef down(schema):\n    pass\n"
    )
    project.write("blog.20240101000002_bad", "SELECT 1;", "SELECT wrong;")
    error = project.manage("migrations_verify").error()
    assert "blog.20240101000001_twice was applied once in a scratch database, and fails now" in error
    assert "once more" in error


def test_a_failed_migration_that_only_names_what_is_missing_is_not_said_to_make_it(project: Project) -> None:
    project.write("blog.20240101000001_bad", "INSERT INTO t SELECT b FROM wrong;", "")
    project.write("blog.20240101000002_needs", "INSERT INTO t VALUES (1);", "")
    found = project.manage("migrations_verify")
    found.error()
    assert "It may only need" not in found.stdout


def test_a_live_database_is_compared_with_what_its_applied_migrations_make(project: Project) -> None:
    project.table(1)
    project.run().ok()
    project.table(2)
    assert verify(project, "--live").ok().json["live"] == [], "what is pending is no drift"
    project.sql("CREATE INDEX by_hand ON t1 (id); ALTER TABLE t1 ADD quick int; COMMENT ON TABLE t1 IS 'mine'")
    found = verify(project, "--live", "default")
    assert "3 differences of the live database" in found.error()
    assert [(one["change"], one["kind"], one["object"]) for one in found.json["live"]] == [
        ("new", "column", "public.t1.quick"),
        ("new", "index", "public.by_hand"),
        ("differs", "table", "public.t1"),
    ]
    project.configure(IGNORE=["t1", "t1.quick", "by_hand"])
    verify(project, "--live").ok()
    project.write("blog.20240101000001_t1", "CREATE TABLE t1 (id bigint);", "")
    assert "its file has changed since" in project.manage("migrations_verify", "--live").error()


def test_Djangos_own_history_is_no_drift_whichever_version_made_it(shop: Project) -> None:
    shop.manage("migrate").ok()
    shop.sql(
        "ALTER TABLE django_migrations ALTER id DROP IDENTITY; ALTER TABLE django_migrations ALTER id TYPE int;"
        "CREATE SEQUENCE django_migrations_id_seq AS int OWNED BY django_migrations.id;"
        "ALTER TABLE django_migrations ALTER id SET DEFAULT nextval('django_migrations_id_seq');"
        "ALTER TABLE django_migrations RENAME CONSTRAINT django_migrations_pkey TO older"
    )
    assert verify(shop, "--live").json["live"] == []


def test_a_scratch_database_can_be_named_and_kept(project: Project) -> None:
    project.table(1)
    name = f"{project.database}_scratch"
    project.server.create_database(name)
    try:
        out = project.manage("migrations_verify", "--scratch", name).ok().stdout
        assert f"Scratch {name} (PostgreSQL " in out
        found = project.server.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384", name)
        assert found == [(0,)], "it is empty again"
        out = project.manage("migrations_verify", "--scratch", name, "--keep", "--all").ok().stdout
        assert f"Kept: {name}." in out
        assert project.server.execute("SELECT to_regclass('t1') IS NOT NULL", name) == [(True,)]
        assert "is not empty" in project.manage("migrations_verify", "--scratch", name, "--all").error()
    finally:
        project.server.drop_database(name)


def test_there_may_be_nothing_to_prove(project: Project) -> None:
    assert project.manage("migrations_verify").ok().stdout == "(no migrations)\n0 faults, 0 unsafe statements.\n"
    assert verify(project, "blog").ok().json["migrations"] == []


@pytest.mark.parametrize("transaction", ["", "transaction = False\n"])
def test_code_changes_the_server_no_more_than_SQL_does(project: Project, transaction: str) -> None:
    (project.folder / "blog/sql_migrations").mkdir(exist_ok=True)
    (project.folder / "blog/sql_migrations/20240101000001_role.py").write_text(
        f"{transaction}def up(schema):\n    schema.query('SELECT 1; CREATE ROLE by_code')\n"
    )
    found = verify(project)
    assert "CREATE ROLE changes the whole server" in found.json["migrations"][0]["error"]["message"]
    assert found.json["migrations"][0]["error"]["line"] == 2 + bool(transaction)
    assert project.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'by_code'") == [(0,)]


def on_terminal(project: Project, columns: int, *arguments: str) -> str:
    """What a command says on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(ours, "rb") as reading:
        process = project.start(*arguments, stdout=theirs, stderr=theirs)
        os.close(theirs)
        found = b""
        while part := read_some(reading.fileno()):
            found += part
        process.wait()
    return found.decode()


def read_some(number: int) -> bytes:
    try:
        return os.read(number, 4096)
    except OSError:  # Linux has it where nobody else has the terminal open any more
        return b""


@pytest.mark.parametrize("columns", [40, 200, 0])
def test_the_line_that_tells_how_far_it_is_fits_into_the_terminal_and_is_no_error(
    project: Project, columns: int
) -> None:
    for number in (1, 2, 3):
        project.write(f"blog.2024010100000{number}_{'long_' * 8}", "SELECT 1;")
    said = on_terminal(project, columns, "migrations_verify")
    assert "\x1b[31" not in said, "red"
    lines = [one.rstrip() for one in said.split("\r") if " of 3" in one and "\n" not in one]
    name = f"blog.20240101000001_{'long_' * 8}"
    assert lines[0] == (f"  1 of 3: {name}"[:38] + "…" if columns == 40 else f"  1 of 3: {name}")
    assert [line[:8] for line in lines] == ["  1 of 3", "  2 of 3", "  3 of 3"]
    assert max(map(len, lines)) <= (columns or 80)


def test_a_scratch_database_needs_a_name(project: Project) -> None:
    assert "--scratch is empty: give the name of an empty database" in verify(project, "--scratch", "").error()


def test_a_server_that_is_not_there_is_told_of_once(project: Project) -> None:
    project.add_settings("DATABASES['default'] |= {'HOST': '127.0.0.1', 'PORT': '1'}")
    error = project.manage("migrations_verify").error()
    assert error.count("See that the server runs") == 1
    assert error.count("Connection refused") == 1


def test_a_part_that_drops_the_history_is_told_to_leave_it_alone(project: Project) -> None:
    project.write("blog.20240101000001_drops", "DROP TABLE medusa_migrations;", "")
    for option in ("--all", "--no-lint"):
        found = project.manage("migrations_verify", option)
        found.error()
        assert "A migration must neither drop, rename nor move the history" in found.stdout, option


def test_errors_are_told_in_words_and_as_JSON(project: Project) -> None:
    project.table(1)
    found = verify(project, "--database", "othr")
    assert "There is no database 'othr'" in found.error()
    assert "There is no database 'othr'" in json.loads(found.stdout)["error"]["message"]


def test_a_server_of_its_own_proves_roles_and_is_left_without_them(lone_project: Project) -> None:
    lone_project.write("blog.20240101000001_role", "CREATE ROLE reader;", "DROP ROLE reader;")
    lone_project.write("blog.20240101000002_bad", "GRANT reader TO CURRENT_USER;", "SELECT wrong;")
    lone_project.write("blog.20240101000003_table", "CREATE TABLE t (); GRANT SELECT ON t TO reader;", "DROP TABLE t;")
    assert set(statuses(verify(lone_project)).values()) == {"up_failed"}
    found = verify(lone_project, "--server-wide")
    assert statuses(found) == {"role": "proven", "bad": "down_failed", "table": "proven"}
    assert lone_project.server.execute("SELECT rolname FROM pg_roles WHERE rolname = 'reader'") == []
