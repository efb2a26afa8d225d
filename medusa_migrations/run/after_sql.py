"""Which of Django's migrations come after SQL migrations, of those apps that they name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from django.apps import apps
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations import SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.utils import resolve_relation

from medusa_migrations.files.owned import taken_over
from medusa_migrations.files.past import check_past
from medusa_migrations.migration import Key

from .prerequisites import apps_named

# How one of Django's names whatever is the last of an app: of one that was taken over, all its SQL migrations.
LATEST = "__latest__"


class AfterSql:
    """The apps `labels` whose tables are SQL's, and which of Django's migrations come after their SQL migrations.

    An app that was taken over has a past which others of Django's stand on, and are as old as. After its SQL comes only
    what says so, as `("blog", "__latest__")`, or refers to a model that the past lacks.
    """

    def __init__(self, loader: MigrationLoader, labels: Collection[str]) -> None:
        check_past(loader.disk_migrations)
        self.loader = loader
        self.over = {label: last for label, last in taken_over().items() if label in labels}
        self.by_sql = set(labels) - {label for label, _ in loader.graph.nodes}

    def apps_before(self, key: Key) -> set[str]:
        """The labels of the apps whose SQL migrations come before one of Django's."""
        migration = self.loader.graph.nodes[key]
        named = apps_named(migration) - {key[0]}
        return named & self.by_sql | {
            label
            for label in named & self.over.keys()
            if (label, LATEST) in migration.dependencies or self._is_new(migration, label)
        }

    def apps_behind(self, key: Key) -> set[str]:
        """The labels of the apps that were taken over, and that one of Django's names as what they were before."""
        named = apps_named(self.loader.graph.nodes[key]) & self.over.keys() if self.over else set()
        return named - {key[0]} - self.apps_before(key) if named else named

    def _is_new(self, migration: DjangoMigration, label: str) -> bool:
        today = {(label, str(model._meta.model_name)) for model in apps.get_app_config(label).get_models()}
        return not (today - self._past).isdisjoint(models_named(migration))

    @cached_property
    def _past(self) -> set[Key]:
        """The models that the apps had at the end of their past, as (app label, name in small letters)."""
        ends = [leaf for label in self.over for leaf in self.loader.graph.leaf_nodes(label)]
        return set(self.loader.project_state(ends).models)


def models_named(migration: DjangoMigration) -> Iterator[Key]:
    """The models that one of Django's refers to, or extends: (app label, name in small letters)."""
    for operation in _all_of(migration.operations):
        name = str(getattr(operation, "model_name", getattr(operation, "name", "")))
        fields = [field for _, field in getattr(operation, "fields", ())]
        for field in (*fields, getattr(operation, "field", None)):
            remote = getattr(field, "remote_field", None)
            for model in (getattr(remote, "model", None), getattr(remote, "through", None)):
                if model:
                    yield resolve_relation(model, migration.app_label, name)
        for base in getattr(operation, "bases", ()):
            if isinstance(base, str):
                yield resolve_relation(base, migration.app_label, name)


def _all_of(operations: Iterable[Operation]) -> Iterator[Operation]:
    """The operations on the database and on the state, those inside others too."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _all_of((*operation.database_operations, *operation.state_operations))
        else:
            yield operation
