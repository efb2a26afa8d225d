"""Django's sqlmigrate for migrations that refer to models which only SQL has made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.core.management.commands import sqlmigrate
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from medusa_migrations.files.owned import taken_over
from medusa_migrations.run.states import RenderableState


class _Loader(MigrationLoader):
    def project_state(self, nodes: Any = None, at_end: bool = True) -> ProjectState:
        return RenderableState.of(super().project_state(nodes, at_end), {label for label, _ in self.graph.nodes})


@contextlib.contextmanager
def with_models_of_today() -> Iterator[None]:
    """While this lasts, the name by which Django's command makes its loader stands for one of renderable states.

    There is no other way to hand it one.
    """
    if not taken_over():
        yield
        return
    theirs = vars(sqlmigrate)["MigrationLoader"]
    vars(sqlmigrate)["MigrationLoader"] = type("Loader", (_Loader, theirs), {})
    try:
        yield
    finally:
        vars(sqlmigrate)["MigrationLoader"] = theirs
