"""Django's own migrations in the scratch database: which there are, and how one is applied."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from django.db import connections
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from medusa_migrations.database import postgresql
from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.types import renew_types
from medusa_migrations.errors import MigrationError, PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Key
from medusa_migrations.run.states import RenderableState

from .beside import Beside


class DjangoFailed(MigrationError):
    """One of Django's migrations failed in the scratch database."""


class DjangoPart:
    """Django's migrations over its own connection, which `alias` has; `to_come` are apps that have no tables yet."""

    def __init__(self, alias: str, to_come: Collection[str], beside: Beside, interruption: Interruption) -> None:
        self.connection, self._beside, self._interruption = connections[alias], beside, interruption
        try:
            self.executor = MigrationExecutor(self.connection)
        except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
            raise PlanError(
                N_("Django's migrations cannot be loaded: {error}. See `showmigrations`.", error=str(error))
            ) from None
        self.loader = self.executor.loader
        self._to_come = to_come
        self._state: ProjectState | None = None

    def plan(self) -> list[Key]:
        """All that is not applied, in Django's order."""
        steps = self.executor.migration_plan(self.loader.graph.leaf_nodes())
        return [(migration.app_label, migration.name) for migration, _ in steps]

    def file_of(self, key: Key) -> bytes:
        """The file of a migration."""
        file = sys.modules[type(self.migration(key)).__module__].__file__
        return Path(file).read_bytes() if file else b""

    def apply(self, key: Key, begun: Collection[str] = ()) -> None:
        """Apply a migration. SQL has gone on from the past of the apps `begun`. Raises DjangoFailed, StopRequested."""
        renew_types(self.connection)
        state = self._current()
        if isinstance(state, RenderableState):
            state.take_over(begun)
            state.let_in()
        if "apps" not in vars(state):
            state.apps  # noqa: B018  # rendered once, and then kept up to date: as MigrationExecutor does it
        try:
            with self.stoppable(), self._beside.looking_at_django(self.connection, self.migration(key)):
                self._state = self.executor.apply_migration(state, self.migration(key))
        except Exception as error:  # the author's code
            raise DjangoFailed(
                N_(
                    "Django's migration {id} fails in the scratch database: {type}: {error}",
                    id=".".join(key),
                    type=type(error).__name__,
                    error=str(error).strip(),
                )
            ) from error

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """While Django's connection sends something: a stop that was requested cancels that. Raises StopRequested."""
        self._interruption.check()
        self.connection.ensure_connection()
        try:
            with self._interruption.cancels(functools.partial(postgresql.cancel, self.connection)):
                yield
        finally:
            self._interruption.check()

    def pass_by(self, key: Key) -> None:
        """Go on as if a migration were applied: something else has made what it makes."""
        state = self._current()
        vars(state).pop("apps", None)  # rendered anew, once, behind all that are passed by
        self._state = self.migration(key).mutate_state(state, preserve=False)

    def state(self) -> ProjectState:
        """A copy of the project's state behind what is applied."""
        return self._current().clone()

    def migration(self, key: Key) -> DjangoMigration:
        """The migration itself."""
        found: DjangoMigration = self.loader.graph.nodes[key]
        return found

    def _current(self) -> ProjectState:
        self._state = self._state or self._first_state()
        return self._state

    def _first_state(self) -> ProjectState:
        state: ProjectState = self.executor._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]  # not in stubs
        by_django = {label for label, _ in self.loader.graph.nodes}
        return RenderableState.of(state, by_django, set(self._to_come) - by_django)
