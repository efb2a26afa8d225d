"""Bad input: one clear CommandError, exit 1, no traceback, nothing changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.projects import Project, Server

GOOD = "-- migrate:up\nCREATE TABLE t (id int);\n-- migrate:down\nDROP TABLE t;\n"
NAME = "20240101000001_t.sql"

# name of the file, its content, and what the message says
FILES: dict[str, tuple[str, bytes | str, list[str]]] = {
    "a name without a timestamp": ("add_slug.sql", GOOD, ["add_slug.sql", "14 digits"]),
    "a timestamp that is no moment": ("20240231000000_x.sql", GOOD, ["20240231000000", "moment"]),
    "a name with a space": ("20240101000001_a b.sql", GOOD, ["letters, digits"]),
    "a name without a slug": ("20240101000001.sql", GOOD, ["letters, digits"]),
    "UTF-16": (NAME, GOOD.encode("utf-16"), [NAME, "UTF-16", "Save it as UTF-8"]),
    "Latin-1": (NAME, "-- migrate:up\n\nSELECT 'é';".encode("latin-1"), [NAME, "not UTF-8", "line 3"]),
    "a NUL": (NAME, "-- migrate:up\nSELECT '\0';", [f"{NAME}:2:9", "NUL"]),
    "no up part": (NAME, "SELECT 1;", [f"{NAME}:1:1", "-- migrate:up"]),
    "an empty file": (NAME, "", [NAME, "-- migrate:up"]),
    "two down parts": (NAME, GOOD + "-- migrate:down\n", [f"{NAME}:5:1", "Join the two"]),
    "down before up": (NAME, "-- migrate:down\n-- migrate:up\n", [f"{NAME}:1:1", "up part first"]),
    "a misspelt directive": (NAME, "-- migrate:depend x\n" + GOOD, [f"{NAME}:1:1", "migrate:depends"]),
    "a misspelt option": (NAME, "-- migrate:up transaction:fasle\n", [f"{NAME}:1:1", "transaction:false"]),
    "a string that is not closed": (NAME, "-- migrate:up\nSELECT 1;\nSELECT 'a;\n", [f"{NAME}:3:8", "not closed"]),
    "a dollar quote that is not closed": (NAME, "-- migrate:up\nDO $a$ x $b$;", [f"{NAME}:2:4", "$a$"]),
    "a comment that is not closed": (NAME, "-- migrate:up\n/* /* */\n", [f"{NAME}:2:1", "*/"]),
    "a psql command": (NAME, "-- migrate:up\n\\connect other\n", [f"{NAME}:2:1", "\\connect"]),
    "COPY without an end": (NAME, "-- migrate:up\nCOPY t FROM stdin;\n1\n", [f"{NAME}:2:1", "no end"]),
    "COMMIT in a transaction": (NAME, "-- migrate:up\nSELECT 1;\n commit;\n", [f"{NAME}:3:2", "transaction:false"]),
    "an index built concurrently in a transaction": (
        NAME,
        "-- migrate:up\nCREATE INDEX CONCURRENTLY i ON t (a);\n",
        [f"{NAME}:2:1", "     2 | CREATE INDEX", "transaction:false"],
    ),
    "a dependency on itself": (
        NAME,
        "-- migrate:depends blog.20240101000001_t\n" + GOOD,
        ["circle", "blog.20240101000001_t depends on blog.20240101000001_t"],
    ),
    "a dependency on what is not there": (
        NAME,
        "-- migrate:depends blog.20240101000009_t\n" + GOOD,
        ["blog.20240101000009_t", "(not there)", NAME],
    ),
    "a dependency on an app that is not installed": (
        NAME,
        "-- migrate:depends shop\n" + GOOD,
        ["'shop'", "INSTALLED_APPS"],
    ),
    "a Python migration": ("20240101000001_t.py", "", ["20240101000001_t.py"]),
}


@pytest.fixture(scope="module")
def good_build(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build of the good file makes, which is the same in every folder."""
    project = Project(tmp_path_factory.mktemp("good"), server, server.maintenance)
    (project.folder / "blog/sql_migrations" / NAME).write_text(GOOD)
    project.manage("migrations_build").ok()
    return project.folder / "dist"


@pytest.fixture
def built(project: Project, good_build: Path) -> Project:
    """A project of the good file alone, which is built."""
    (project.folder / "blog/sql_migrations" / NAME).write_text(GOOD)
    shutil.copytree(good_build, project.folder / "dist")
    return project


def refused(project: Project, *command: str, says: list[str], env: dict[str, str] | None = None) -> None:
    """The command fails as it should, and neither the database nor dist is touched."""
    dist = project.folder / "dist"
    before = sorted(path for path in dist.rglob("*")) if dist.is_dir() else None
    error = project.manage(*command, env=env).error()
    for text in says:
        assert text in error, error
    assert (sorted(path for path in dist.rglob("*")) if dist.is_dir() else None) == before
    assert project.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


@pytest.mark.parametrize("case", FILES)
def test_a_file(project: Project, case: str) -> None:
    name, content, says = FILES[case]
    path = project.folder / "blog/sql_migrations" / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(project, "migrations_run", "--build", says=says)


def test_all_that_is_wrong_is_said_at_once(project: Project) -> None:
    for name in ("one.sql", "two.sql"):
        (project.folder / "blog/sql_migrations" / name).write_text(GOOD)
    refused(project, "migrations_build", says=["2 problems", "one.sql", "two.sql"])


def test_an_id_that_is_taken_twice(project: Project) -> None:
    for suffix in ("sql", "py"):
        (project.folder / f"blog/sql_migrations/20240101000001_t.{suffix}").write_text(GOOD)
    refused(project, "migrations_build", says=["20240101000001_t.py"])


def test_a_circle_over_apps_shows_its_chain(project: Project) -> None:
    ids = [f"{app}.20240101000001_t" for app in ("blog", "shop", "news")]
    for id_, needed in zip(ids, [*ids[1:], ids[0]], strict=True):
        project.write(id_, "SELECT 1;", header=f"-- migrate:depends {needed}\n")
    says = [f"{one} depends on {other}" for one, other in zip(ids, [*ids[1:], ids[0]], strict=True)]
    refused(project, "migrations_build", says=says)


COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "an unknown app to run": (["migrations_run", "blgo"], ["'blgo'", "'blog'"]),
    "an unknown app to revert": (["migrations_revert", "blgo"], ["'blgo'", "'blog'"]),
    "an unknown app to show": (["migrations_show", "blgo"], ["'blgo'", "'blog'"]),
    "an unknown app to write for": (["makemigration", "blgo", "x"], ["'blgo'", "'blog'"]),
    "an unknown target": (["migrations_run", "--to", "blog.20240101000001_tt"], ["'blog.20240101000001_t'"]),
    "a target that is no id": (["migrations_run", "--to", "nonsense"], ["<app_label>.<timestamp>_<name>"]),
    "a target that is not applied": (["migrations_revert", "--to", "blog.20240101000001_t"], ["is not applied"]),
    "an unknown database": (["migrations_run", "--database", "defualt"], ["'defualt'", "'default'"]),
    "an unknown transaction mode": (["migrations_run", "--transaction", "al"], ["'al'", "'all'"]),
    "a lock timeout that is none": (["migrations_run", "--lock-timeout", "5 parsecs"], ["lock_timeout", "5s"]),
    "a negative wait": (["migrations_run", "--lock-wait", "-1"], ["lock_wait"]),
    "a negative number of retries": (["migrations_run", "--retries", "-1"], ["retries"]),
    "a name without letters": (["makemigration", "blog", "!!!"], ["no Latin letters"]),
    "a timestamp that is none": (["makemigration", "blog", "x", "--timestamp", "2024"], ["YYYYMMDDHHMMSS"]),
    "a file that is there": (["makemigration", "blog", "t", "--timestamp", "20240101000001"], ["is there already"]),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_line(built: Project, case: str) -> None:
    command, says = COMMANDS[case]
    refused(built, *command, says=says)
    assert (built.folder / "blog/sql_migrations" / NAME).read_text() == GOOD


def replace_dist(project: Project, change: Callable[[str], str], name: str = "manifest.json") -> None:
    path = next((project.folder / "dist/migrations").rglob(name))
    path.write_text(change(path.read_text()))


DIST: dict[str, tuple[Callable[[Project], None], list[str]]] = {
    "no JSON": (lambda project: replace_dist(project, lambda text: text[:50]), ["manifest.json", "migrations_build"]),
    "another JSON": (lambda project: replace_dist(project, lambda text: "[]"), ["manifest.json", "migrations_build"]),
    "a newer format": (
        lambda project: replace_dist(project, lambda text: text.replace('"format": 3', '"format": 4')),
        ["format 3"],
    ),
    "a changed file": (
        lambda project: replace_dist(project, lambda text: text + "DROP TABLE users;", "*.sql"),
        ["is not what migrations_build wrote", "blog/sql_migrations/20240101000001_t.sql"],
    ),
    "a missing file": (
        lambda project: next((project.folder / "dist").rglob("*.sql")).unlink(),
        ["Cannot read", "Run migrations_build"],
    ),
    "a folder in the manifest's place": (
        lambda project: (
            (project.folder / "dist/migrations/manifest.json").unlink(),
            (project.folder / "dist/migrations/manifest.json").mkdir(),
        )[0],
        ["Cannot read", "manifest.json"],
    ),
}


@pytest.mark.parametrize("case", DIST)
def test_a_build_that_is_not_as_it_was_written(built: Project, case: str) -> None:
    spoil, says = DIST[case]
    spoil(built)
    refused(built, "migrations_run", says=says)


def test_a_build_folder_that_cannot_be_written(project: Project) -> None:
    (project.folder / "blog/sql_migrations" / NAME).write_text(GOOD)
    (project.folder / "dist").write_text("a file")
    refused(project, "migrations_build", says=["Cannot write the build"])


@pytest.mark.not_root
@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything; CI runs this as an ordinary user too")
def test_a_source_that_cannot_be_read(project: Project) -> None:
    path = project.folder / "blog/sql_migrations" / NAME
    path.write_text(GOOD)
    path.chmod(0)
    refused(project, "migrations_build", says=["cannot be read: Permission denied", NAME])


SETTINGS: dict[str, tuple[object, list[str]]] = {
    "an unknown key": ({"DIST_DRI": "x"}, ["'DIST_DRI'", "'DIST_DIR'"]),
    "a wrong type": ({"AUTO_BUILD": "yes"}, ["MEDUSA_MIGRATIONS['AUTO_BUILD']", "True or False"]),
    "a wrong mode": ({"TRANSACTION": "eahc"}, ["'each'"]),
    "a wrong duration": ({"LOCK_TIMEOUT": "soon"}, ["'5s'"]),
    "no dictionary": ([1], ["dictionary"]),
}


@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("command", ["migrations_run", "migrations_show", "migrations_build"])
def test_a_setting(project: Project, case: str, command: str) -> None:
    value, says = SETTINGS[case]
    settings = project.folder / "settings.py"
    settings.write_text(f"{settings.read_text()}\nMEDUSA_MIGRATIONS = {value!r}\n")
    refused(project, command, says=says)


def test_a_feature_variable_that_is_neither_on_nor_off(project: Project) -> None:
    project.table(1, header="-- migrate:feature beta\n")
    project.manage("migrations_build").ok()
    refused(project, "migrations_run", says=["MEDUSA_FEATURE_BETA"], env={"MEDUSA_FEATURE_BETA": "maybe"})


def test_a_server_that_is_not_there(built: Project) -> None:
    nowhere = json.loads(built.environment()["TEST_DATABASE"]) | {"HOST": "127.0.0.1", "PORT": "1"}
    for command in ("migrations_run", "migrations_revert", "migrations_show"):
        refused(built, command, says=["Cannot connect", "127.0.0.1:1"], env={"TEST_DATABASE": json.dumps(nowhere)})


def test_a_database_that_is_not_there(built: Project) -> None:
    other = json.loads(built.environment()["TEST_DATABASE"]) | {"NAME": "there_is_none"}
    refused(built, "migrations_run", says=["there_is_none"], env={"TEST_DATABASE": json.dumps(other)})


def test_another_kind_of_database(built: Project) -> None:
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(built.folder / "db")}
    refused(built, "migrations_run", says=["PostgreSQL only"], env={"TEST_DATABASE": json.dumps(sqlite)})


def test_a_role_that_may_not_create_the_history(built: Project) -> None:
    role = f"weak_{built.database}"
    built.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    weak = json.loads(built.environment()["TEST_DATABASE"]) | {"USER": role, "PASSWORD": "x"}
    try:
        refused(
            built,
            "migrations_run",
            says=["permission denied", "Give this database user CREATE"],
            env={"TEST_DATABASE": json.dumps(weak)},
        )
        assert built.locks() == 0
    finally:
        built.sql(f"DROP ROLE {role}")


def test_an_app_installed_from_a_package(project: Project, tmp_path: Path) -> None:
    plugin = tmp_path / "site-packages/plugin"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").touch()
    project.apps.append("plugin")
    path = {"PYTHONPATH": f"{project.environment()['PYTHONPATH']}:{plugin.parent}"}
    refused(project, "makemigration", "plugin", "x", says=["installed from a package", "an app of your own"], env=path)
    assert not (plugin / "sql_migrations").exists()
