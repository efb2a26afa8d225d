"""Drafts in this process of models that are given as text, and run both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import models
from django.test.utils import isolate_apps

from medusa_migrations.database.session import Session
from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.draft import Draft, make_draft
from medusa_migrations.generate.phases import DraftStatement
from medusa_migrations.generate.scope import Scope
from medusa_migrations.generate.tables import Table
from medusa_migrations.generate.wanted import wanted_of
from tests.support.drafts import PLAIN


@dataclass(frozen=True)
class Drafts:
    """What is generated for the models of the app `blog` on the database of `session`."""

    session: Session

    def draft(self, text: str, *, renames: Sequence[str] = (), online: bool = False, **scope: Any) -> Draft:
        """What leads from the tables that are there to the models in `text`; `extra_tables` are dropped if `online`."""
        request = replace(PLAIN, renames=renames, online=online, drop_tables=online)
        return make_draft(self.session, request, Scope(wanted_of(models_of(text)), **scope))

    def run(self, statements: Iterable[DraftStatement]) -> None:
        """As a migration would."""
        self.session.execute("BEGIN; " + "; ".join(one.sql for one in statements) + "; COMMIT")

    def become(self, text: str, **options: Any) -> Draft:
        """Draft and run the up part; nothing is left to be done then."""
        draft = self.draft(text, **options)
        self.run(draft.up)
        assert self.draft(text, **options | {"renames": ()}).up == ()
        return draft

    def both_ways(self, text: str, between: Callable[[], object] = lambda: None, **options: Any) -> Draft:
        """As `become`, and back to exactly what was there."""
        was = self.catalog()
        draft = self.become(text, **options)
        between()
        self.run(draft.down)
        assert self.catalog() == was
        return draft

    def sql(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        return self.session.query(sql)

    def catalog(self) -> dict[str, Table]:
        """All tables."""
        names = [name for (name,) in self.sql("SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p')")]
        return read_tables(self.session, self.sql("SELECT 'public'::regnamespace::oid")[0][0], names)


def models_of(text: str) -> list[type[models.Model]]:
    """The models of the app `blog` in `text`; those with another app_label there are only to be referred to."""
    with isolate_apps("project.blog") as registry:
        exec(text, {"models": models, "__name__": "project.blog.models"})
        return [one for one in registry.get_models(include_auto_created=True) if one._meta.app_label == "blog"]


def sql_of(statements: Iterable[DraftStatement]) -> str:
    """The statements as one text."""
    return "\n".join(one.sql for one in statements)
