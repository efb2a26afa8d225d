"""Rows that SQL migrations wrote, for tests with serialized_rollback."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Model

from .ordering import sort_after


def keep_rows(connection: BaseDatabaseWrapper, labels: Collection[str]) -> None:
    """Have what Django serializes of a new test database hold the rows of the apps `labels` too.

    Django takes apps with Django migrations only (BaseDatabaseCreation.serialize_db_to_string), and asks nobody. So
    its method is replaced for this one connection of a test process.
    """
    theirs = type(connection.creation).serialize_db_to_string

    def serialize_db_to_string() -> str:
        rows = json.loads(theirs(connection.creation))
        mine = serializers.serialize("json", _objects(connection.alias, labels))
        return json.dumps(rows + json.loads(mine))

    setattr(connection.creation, "serialize_db_to_string", serialize_db_to_string)  # noqa: B010 - a method to mypy


def _objects(alias: str, labels: Collection[str]) -> Iterator[Model]:
    for model in _referred_first(_models(alias, labels)):
        yield from model._base_manager.using(alias).order_by("pk").iterator()


def _models(alias: str, labels: Collection[str]) -> list[type[Model]]:
    """The models whose rows Django would take if their apps had Django migrations, and whose tables are there."""
    connection = connections[alias]
    tables = set(connection.introspection.table_names())
    return [
        model
        for app in apps.get_app_configs()
        if app.label in labels and app.name not in settings.TEST_NON_SERIALIZED_APPS
        for model in app.get_models()
        if model._meta.db_table in tables
        and model._meta.can_migrate(connection)
        and router.allow_migrate_model(alias, model)
    ]


def _referred_first(models: list[type[Model]]) -> list[type[Model]]:
    """`models`, each after those that it refers to: unlike Django's, foreign keys in SQL are checked at once."""
    position = {model: index for index, model in enumerate(models)}
    refers = {
        model: {
            field.remote_field.model
            for field in model._meta.local_fields
            if isinstance(field, ForeignKey) and field.remote_field.model is not model
        }
        for model in models
    }
    order = sort_after(refers, position.__getitem__)
    return order + [model for model in models if model not in order]
