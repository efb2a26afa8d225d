"""A project with a fleet of schemas in its database."""

from __future__ import annotations

from typing import Any

from tests.support.projects import Outcome, Project


def make_fleet(project: Project, *schemas: str, **others: Any) -> None:
    """The fleet `tenants`, of `schemas`, which are made; `others` are keys of it in small letters."""
    for schema in schemas:
        project.sql(f"CREATE SCHEMA {identifier(schema)}")
    given = {"TARGETS": [{"name": f"n{number}", "schema": schema} for number, schema in enumerate(schemas)]}
    project.configure(FLEETS={"tenants": given | {name.upper(): value for name, value in others.items()}})


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


def history_of(project: Project, schema: str) -> list[tuple[str, str]]:
    """As `Project.history`, of a schema."""
    if "medusa_migrations" not in tables(project, schema):
        return []
    return project.sql(f"SELECT app || '.' || name, state FROM {identifier(schema)}.medusa_migrations ORDER BY id")
