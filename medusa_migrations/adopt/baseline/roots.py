"""The tables of the models of apps, and what has to be so of the apps before they are written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from django.apps import apps
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.generate.remade import mentions
from medusa_migrations.generate.wanted import NAME_LENGTH
from medusa_migrations.messages import N_
from medusa_migrations.plan.known import Known
from medusa_migrations.run.prerequisites import applied_by_django

FOUND = """
SELECT u.name, c.oid, c.relkind::pg_catalog.text, n.nspname::pg_catalog.text
FROM pg_catalog.unnest(%s::pg_catalog.text[]) u(name)
LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(u.name))::pg_catalog.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY u.name
"""


def refuse_unapplied(session: Session, labels: Collection[str], loader: MigrationLoader) -> None:
    applied = applied_by_django(session, loader)
    waiting = sorted(".".join(key) for key in loader.graph.nodes if key[0] in labels and key not in applied)
    if waiting:
        raise PlanError(
            N_(
                "{ids}: not applied in the database {database!r}, so that its tables are not what the models say yet. "
                "Nothing was written. Run migrate first.",
                ids=", ".join(waiting),
                database=session.alias,
            )
        )


def roots_of(session: Session, labels: Sequence[str]) -> dict[int, tuple[str, str]]:
    """The tables of the models, by their OIDs, each with its app. Raises PlanError for one that is not there."""
    tables = {
        _plain_table(model): label
        for label in labels
        for model in models_of(label, session.connection)
        if router.allow_migrate_model(session.alias, model)
    }
    rows = session.query(FOUND, [sorted(tables)])
    schema = session.query("SELECT pg_catalog.current_schema()::pg_catalog.text")[0][0]
    for name, oid, kind, namespace in rows:
        if problem := _problem_of_table(oid, kind, namespace, schema):
            raise PlanError(
                N_(
                    "{name} of the app {app!r} in the database {database!r}: {problem}. Nothing was written.",
                    name=name,
                    app=tables[name],
                    database=session.alias,
                    problem=problem,
                )
            )
    if not rows:
        raise PlanError(N_("{apps}: no model has a table, so there is nothing to write.", apps=", ".join(labels)))
    return {oid: (name, tables[name]) for name, oid, _, _ in rows}


def tables_of_models() -> list[str]:
    models = apps.get_models(include_auto_created=True, include_swapped=True)
    return sorted({model._meta.db_table for model in models})


def models_of(label: str, connection: BaseDatabaseWrapper) -> Iterator[type[Model]]:
    """The models of an app that have tables of their own, with the automatic many-to-many ones."""
    for model in apps.get_app_config(label).get_models(include_auto_created=True):
        options = model._meta
        if options.managed and not options.proxy and not options.swapped and options.can_migrate(connection):
            yield model


def _plain_table(model: type[Model]) -> str:
    """The name of a model's table. Raises PlanError for one that is no plain name."""
    table = model._meta.db_table
    if '"' in table or len(table.encode()) > NAME_LENGTH:
        raise PlanError(
            N_(
                "{model} has the db_table {table!r}, which names a schema, has quotes, or is longer than PostgreSQL's "
                "{most} bytes: a baseline has the tables of one schema, the first of search_path, under their plain "
                "names. Nothing was written. Move the table there and give it a plain db_table, or write this "
                "baseline by hand, with pg_dump.",
                model=model._meta.label,
                table=table,
                most=NAME_LENGTH,
            )
        )
    return table


def _problem_of_table(oid: int | None, kind: str, namespace: str, schema: str) -> str | None:
    if oid is None:
        return N_("there is no such table")
    if kind not in ("r", "p"):
        return N_("that is no table")
    if namespace != schema:
        return N_(
            "in the schema {place!r}; tables are made in the first of search_path, which is {schema!r}",
            place=namespace,
            schema=schema,
        )
    return None


def refuse_own_migrations(known: Known, labels: Sequence[str], tables: Collection[str]) -> None:
    """Raise PlanError for SQL migrations of the apps that are pending, are about the tables, or have no file."""
    if gone := [row.id for row in known.missing() if row.id.app in labels]:
        marks = " ".join(f"--mark-reverted {id_}" for id_ in gone)
        raise PlanError(
            N_(
                "Applied, and without a file: {ids}. What it did would be in the baseline too, and migrations_revert "
                "--missing would undo it there. Nothing was written. Bring the file back; or, if all of it is to be "
                "in the baseline, as that of an earlier baseline is: migrations_repair {options}",
                ids=", ".join(map(str, gone)),
                options=marks,
            )
        )
    pending = {one.id for one in (*known.pending(), *known.changed())}
    for one in known.migrations:
        if one.id.app not in labels:
            continue
        if one.id in pending:
            raise PlanError(
                N_(
                    "{id}: not applied as it is now, so that the tables are not what they will be. Nothing was "
                    "written. Run migrations_run {app} first, or delete that file.",
                    id=one.id,
                    app=one.id.app,
                )
            )
        text = Path(one.file).read_text(errors="replace")
        table = next((table for table in sorted(tables) if mentions(text, table)), None)
        if table and not one.is_repeatable:
            raise PlanError(
                N_(
                    "{id}: is about {table}. What it did would be in the baseline too, and on a new database it would "
                    "run before that. Nothing was written. If all of it is to be in the baseline, delete that file, "
                    "and then migrations_repair --mark-reverted {id}",
                    id=one.id,
                    table=table,
                )
            )
