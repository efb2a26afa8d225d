"""Drafts in this process: models that are made here, against tables in a database of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.apps.registry import Apps
from django.db import models

from medusa_migrations.database.session import Session
from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.draft import Draft, make_draft
from medusa_migrations.generate.phases import DraftStatement
from medusa_migrations.generate.request import Request
from medusa_migrations.generate.scope import Scope
from medusa_migrations.generate.tables import Table
from medusa_migrations.generate.wanted import wanted_of
from tests.support.projects import Server
from tests.support.sessions import session_on

Models = list[type[models.Model]]

PLAIN = Request(
    apps=("blog",),
    name=None,
    check=False,
    dry_run=False,
    timestamp=None,
    renames=(),
    drop_tables=False,
    accept=lambda rename: False,
    value=lambda place, nothing: None,
    database="default",
)


def models_of(**bodies: dict[str, Any]) -> Models:
    """Models of an app `blog`, in a registry of their own; `Meta` of a body is a dict."""
    registry = Apps()
    for name, body in bodies.items():
        meta = type("Meta", (), {"app_label": "blog", "apps": registry, **body.get("Meta", {})})
        has_key = any(getattr(field, "primary_key", False) for field in body.values())
        key = {} if has_key else {"id": models.BigAutoField(primary_key=True)}
        type(name, (models.Model,), {"__module__": __name__, **key, **body, "Meta": meta})
    return list(registry.all_models["blog"].values())


@dataclass(frozen=True)
class Bench:
    """A session on a database of which the app has the tables `blog_…`."""

    session: Session

    def reset(self) -> None:
        self.session.rollback()
        self.session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def draft(self, wanted: Models, *, ignore: Iterable[str] = (), **request: Any) -> Draft:
        given = wanted_of(wanted)
        gone = [name for name in self.tables() if name not in given.tables]
        scope = Scope(given, tuple(ignore), gone)
        return make_draft(self.session, replace(PLAIN, **request), scope)

    def become(self, wanted: Models, **options: Any) -> Draft:
        """Draft, and run what the draft's up part says."""
        draft = self.draft(wanted, **options)
        self.run(draft.up)
        return draft

    def run(self, statements: Iterable[DraftStatement]) -> None:
        self.session.execute("BEGIN; " + "; ".join(statement.sql for statement in statements) + "; COMMIT")

    def tables(self) -> list[str]:
        sql = "SELECT relname::text FROM pg_class WHERE relname ~ '^blog_' AND relkind IN ('r', 'p')"
        return [name for (name,) in self.session.query(sql)]

    def catalog(self) -> dict[str, Table]:
        return read_tables(self.session, self.session.query("SELECT 'public'::regnamespace::oid")[0][0], self.tables())


@contextmanager
def open_bench(server: Server, name: str) -> Iterator[Bench]:
    """pytest-django must have been told to let connections be made (`django_db_blocker.unblock`)."""
    database = f"test_{os.getpid()}_{name}"
    server.create_database(database)
    with session_on(server, database) as session:
        yield Bench(session)
    server.drop_database(database)
