"""A project with a fleet of schemas in its database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.apps import apps
from django.test import override_settings

from medusa_migrations import api
from tests.support.projects import Outcome, Project


def make_fleet(project: Project, *schemas: str, **others: Any) -> None:
    """The fleet `tenants`, of `schemas`, which are made; `others` are keys of it in small letters."""
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        for schema in schemas:
            cursor.execute(f"CREATE SCHEMA {identifier(schema)}")
    given = {"TARGETS": [{"name": f"n{number}", "schema": schema} for number, schema in enumerate(schemas)]}
    project.configure(FLEETS={"tenants": given | {name.upper(): value for name, value in others.items()}})


def build(project: Project) -> None:
    """What `migrations_build` makes, by a call in this process: the command would take ten times as long.

    It looks at no fleet, and what those name is not in this process's settings. Files in Python are imported here, so
    that they may import nothing of the project.
    """
    settings = {name: value for name, value in project.settings.items() if name != "FLEETS"}
    installed = [
        SimpleNamespace(name=name, label=name.rpartition(".")[2], path=str(project.folder / name))
        for name in project.apps
    ]
    with (
        mock.patch.object(apps, "get_app_configs", return_value=installed),
        override_settings(BASE_DIR=project.folder, MEDUSA_MIGRATIONS=settings),
    ):
        api.build()


def on(target: str, command: str, *arguments: str) -> tuple[str, ...]:
    """The arguments of a command for a target of `tenants`."""
    return (command, "--fleet", "tenants", "--target", target, *arguments)


def run_on(project: Project, target: str, *arguments: str, **options: Any) -> Outcome:
    return project.manage(*on(target, "migrations_run", *arguments), **options)


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def tables(project: Project, schema: str) -> set[str]:
    """All tables of a schema, the history and the journal too."""
    found = project.sql(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE c.relkind = 'r' AND n.nspname = $name${schema}$name$"
    )
    return {name for (name,) in found}


def histories(project: Project, schemas: Iterable[str]) -> list[list[tuple[str, str]]]:
    """As `Project.history`, of each of the schemas."""
    found = []
    with closing(project.server.connect(project.database)) as connection, connection.cursor() as cursor:
        for schema in schemas:
            table = f"{identifier(schema)}.medusa_migrations"
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
            is_there = cursor.fetchone()[0]
            if is_there:
                cursor.execute(f"SELECT app || '.' || name, state FROM {table} ORDER BY id")
            found.append(cursor.fetchall() if is_there else [])
    return found


def history_of(project: Project, schema: str) -> list[tuple[str, str]]:
    return histories(project, [schema])[0]
