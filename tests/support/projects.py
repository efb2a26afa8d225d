"""A Django project in a folder of its own, with a database of its own, run through manage.py in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2

from tests.support import forked

ROOT = Path(__file__).resolve().parents[2]

MANAGE = """\
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

SETTINGS = """\
import json, os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = "test"
USE_TZ = True
DEBUG = os.environ.get("DEBUG") == "1"
INSTALLED_APPS = ["medusa_migrations", *json.loads(os.environ["TEST_APPS"])]
DATABASES = {"default": json.loads(os.environ["TEST_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""

# The commands that it is given, one after the other, until one fails: most of what a command takes is Python's start.
SEVERAL = """\
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
for arguments in sys.argv[1:]:
    execute_from_command_line(["manage.py", *json.loads(arguments)])
"""

MODELS = "from django.db import models"

CONTRIB = """
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
"""

# Conditions for `Project.wait_for`, on this database alone: other tests run on the same server.
_HERE = "(SELECT oid FROM pg_database WHERE datname = current_database())"
SLEEPING = "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')"
# A second run has looked who holds the lock.
QUEUED = (
    "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND query LIKE '%pg_locks l LEFT JOIN%')"
)
BLOCKED = "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
UNLOCKED = f"NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = {_HERE})"

# A statement that sleeps until the table `go` has a row.
UNTIL_GO = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM go) LOOP PERFORM pg_sleep(0.05); END LOOP; END $$;"


@dataclass(frozen=True)
class Server:
    """Where the tests' PostgreSQL is: parameters for psycopg2."""

    parameters: dict[str, Any]
    maintenance: str
    strategy: str = ""  # of CREATE DATABASE: its default, or what is cheaper here
    template: str = "template0"  # of new databases

    def connect(self, database: str | None = None, **parameters: Any) -> Any:
        connection = psycopg2.connect(**self.parameters | {"dbname": database or self.maintenance} | parameters)
        connection.autocommit = True
        return connection

    @cached_property
    def _maintainer(self) -> Any:
        """What makes and drops databases. A connection for each would be a third of the work."""
        return self.connect().cursor()

    def create_database(self, name: str, template: str = "") -> None:
        self._maintainer.execute(f"CREATE DATABASE {name} TEMPLATE {template or self.template} {self.strategy}")

    def drop_database(self, name: str) -> None:
        self._maintainer.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


@dataclass(frozen=True)
class Outcome:
    """What a process said and how it ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    def ok(self) -> Outcome:
        assert self.code == 0, self
        return self

    def error(self) -> str:
        """The one message of a command that failed as a command should."""
        assert self.code == 1, self
        assert "Traceback" not in self.stdout + self.stderr, self
        assert self.stderr.count("CommandError: ") == 1, self
        return self.stderr


@dataclass
class Project:
    """`folder` holds manage.py, settings.py and the apps; `env` may be changed; `extra` ends the settings."""

    folder: Path
    server: Server
    database: str
    apps: list[str] = field(default_factory=lambda: ["blog"])
    env: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    python: str = sys.executable
    packages: tuple[str, ...] = ()  # modules that are imported before the fork of a command
    extra: str = ""

    def __post_init__(self) -> None:
        (self.folder / "manage.py").write_text(MANAGE)
        (self.folder / "several.py").write_text(SEVERAL)
        self.configure()
        for app in self.apps:
            self.add_app(app)

    def configure(self, **medusa_migrations: Any) -> None:
        self.settings |= medusa_migrations
        text = SETTINGS + (f"MEDUSA_MIGRATIONS = {self.settings!r}\n" if self.settings else "") + self.extra
        (self.folder / "settings.py").write_text(text)

    def add_app(self, name: str) -> Path:
        sources = self.folder / name / "sql_migrations"
        sources.mkdir(parents=True, exist_ok=True)
        (self.folder / name / "__init__.py").touch()
        if name not in self.apps:
            self.apps.append(name)
        return sources

    def add_settings(self, text: str) -> None:
        self.extra += f"{text}\n"
        self.configure()

    def add_contrib(self, *names: str) -> None:
        """Apps of Django's, with the settings that they ask for."""
        self.apps += [f"django.contrib.{name}" for name in names]
        self.add_settings(CONTRIB)

    def add_app_of_others(self, name: str) -> None:
        """An installed package's."""
        self.apps.append(name)

    def add_models(self, app: str, text: str) -> None:
        """The models of an app, which is made if it is not there; it may go without SQL migrations."""
        (self.folder / app).mkdir(exist_ok=True)
        (self.folder / app / "__init__.py").touch()
        (self.folder / app / "models.py").write_text(f"from django.conf import settings\n{MODELS}\n{text}\n")
        if app not in self.apps:
            self.apps.append(app)

    def add_django_migration(self, app: str, name: str, operations: str, *dependencies: tuple[str, str]) -> None:
        """A Django migration, after `dependencies` and the app's one before; its package is made."""
        package = self.folder / app / "migrations"
        package.mkdir(exist_ok=True)
        before = [(app, path.stem) for path in sorted(package.glob("0*.py"))[-1:]]
        (package / "__init__.py").touch()
        (package / f"{name}.py").write_text(
            f"from django.db import migrations\n{MODELS}\nclass Migration(migrations.Migration):\n"
            f"    dependencies = {[*before, *dependencies]!r}\n    operations = [{operations}]\n"
        )

    def django_history(self) -> list[str]:
        return [f"{app}.{name}" for app, name in self.sql("SELECT app, name FROM django_migrations ORDER BY id")]

    def write(self, id_: str, up: str, down: str | None = "", *, header: str = "", option: str = "") -> Path:
        """A migration file; `option` goes on both markers."""
        app, _, name = id_.partition(".")
        text = f"{header}-- migrate:up{option}\n{up}\n"
        if down is not None:
            text += f"-- migrate:down{option}\n{down}\n"
        path = self.add_app(app) / f"{name}.sql"
        path.write_text(text)
        return path

    def source(self, id_: str) -> str:
        """The path of an SQL migration's file."""
        app, _, name = id_.partition(".")
        return f"{app}/sql_migrations/{name}.sql"

    def table(self, number: int, app: str = "blog", **options: Any) -> str:
        """A migration that makes and drops a table; gives its id."""
        id_ = f"{app}.2024010100{number:04d}_t{number}"
        self.write(id_, f"CREATE TABLE t{number} (id int);", f"DROP TABLE t{number};", **options)
        return id_

    def environment(self) -> dict[str, str]:
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.database,
            "HOST": self.server.parameters.get("host", ""),
            "PORT": str(self.server.parameters.get("port", "")),
            "USER": self.server.parameters.get("user", ""),
            "PASSWORD": self.server.parameters.get("password", ""),
        }
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("MEDUSA_", "DJANGO_", "DEBUG"))
        }
        return (
            kept
            | forked.PYTHON
            | {
                "TEST_APPS": json.dumps(self.apps),
                "TEST_DATABASE": json.dumps(database),
            }
            | self.env
        )

    def start(
        self,
        *arguments: str,
        env: dict[str, str] | None = None,
        script: str = "manage.py",
        real: bool = False,
        **streams: Any,
    ) -> subprocess.Popen[str]:
        """A process of a script; its streams are pipes, but for those that are given, and it reads nothing.

        `real`: with a start of its own, for what is about Python's start or its imports.
        """
        command, environment = [self.python, script, *arguments], self.environment() | (env or {})
        how: dict[str, Any] = {"cwd": self.folder, "env": environment, "text": True, "stdin": subprocess.DEVNULL}
        how |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        if real or not forked.can_fork(command, environment, self.packages):
            return subprocess.Popen(command, **how)
        return forked.Forked(command, self.packages, **how)

    def manage(self, *arguments: str, timeout: float = 60, **options: Any) -> Outcome:
        """What comes of a process; the options are those of `start`."""
        process = self.start(*arguments, **options)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Outcome(process.returncode, stdout, stderr)

    def manage_several(self, *commands: tuple[str, ...], env: dict[str, str] | None = None) -> Outcome:
        """Commands in one process, for which models and settings stay as they are."""
        return self.manage(*map(json.dumps, commands), env=env, script="several.py")

    def run(self, *arguments: str, **options: Any) -> Outcome:
        """Build and run."""
        return self.manage("migrations_run", "--build", *arguments, **options)

    def sql(self, sql: str) -> list[tuple[Any, ...]]:
        return self.server.execute(sql, self.database)

    def wait_for(self, condition: str, seconds: float = 30) -> None:
        """Until an SQL condition holds."""
        deadline = time.monotonic() + seconds
        with closing(self.server.connect(self.database)) as connection, connection.cursor() as cursor:
            while True:
                cursor.execute(f"SELECT {condition}")
                if cursor.fetchone()[0]:
                    return
                assert time.monotonic() < deadline, condition
                time.sleep(0.02)

    def history(self) -> list[tuple[str, str]]:
        """(id, state) in the order of execution; nothing if there is no table."""
        try:
            return self.sql("SELECT app || '.' || name, state FROM medusa_migrations ORDER BY id")
        except psycopg2.errors.UndefinedTable:
            return []

    def applied(self) -> list[str]:
        return [id_ for id_, state in self.history() if state == "applied"]

    def tables(self) -> set[str]:
        rows = self.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        return {name for (name,) in rows} - {"medusa_migrations", "medusa_migrations_log"}

    def locks(self) -> int:
        """How many hold an advisory lock in this database."""
        return self.sql(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )[0][0]
