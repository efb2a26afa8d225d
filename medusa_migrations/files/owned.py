"""Which apps have SQL migrations, and which of those have their tables made by SQL and not by Django's migrations."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.models import ForeignKey

from medusa_migrations import conf

from . import dist


def labels_with_sources() -> set[str]:
    """The labels of the apps that have a folder for SQL migrations."""
    folder = conf.get_settings().source_dir
    return {app.label for app in apps.get_app_configs() if Path(app.path, folder).is_dir()}


def sql_labels() -> set[str]:
    """The labels of the apps that have SQL migrations: a folder for them, or, where that is not shipped, built ones.

    Raises DistError if the build cannot be read.
    """
    return labels_with_sources() | {id_.app for id_ in dist.checksums(conf.get_settings().dist_dir) or ()}


def owned(labels: Iterable[str]) -> set[str]:
    """Those of `labels`, apps with SQL migrations, whose tables are SQL's: without Django migrations, or taken over."""
    over = taken_over()
    return {label for label in labels if label in over} | made_by_sql(set(labels) - over.keys())


def made_by_sql(labels: Iterable[str]) -> set[str]:
    """Those of `labels`, apps with SQL migrations, made by SQL from the start: without Django migrations."""
    return {label for label in labels if label in apps.app_configs and not django_migrations(label)}


def taken_over() -> Mapping[str, str]:
    """The apps whose tables were made by Django migrations and are SQL's from there on, each with the last of those.

    None while all tables are made from the models.
    """
    since = conf.get_settings().sql_since
    return since if since and not are_migrations_disabled() else {}


def django_migrations(label: str) -> list[str] | None:
    """The names of an app's Django migrations, found as Django's loader does; None if it has no package for them."""
    module, _ = MigrationLoader.migrations_module(label)
    try:
        spec = find_spec(module) if module else None
    except ModuleNotFoundError:
        return None
    if spec is None or spec.origin is None or spec.submodule_search_locations is None:
        return None
    found = pkgutil.iter_modules(spec.submodule_search_locations)
    return sorted(one.name for one in found if not one.ispkg and one.name[0] not in "_~")


def are_migrations_disabled() -> bool:
    """Whether all tables are made from the models, as with pytest-django's --no-migrations or TEST["MIGRATE"] False.

    Both set MIGRATION_MODULES to None for every app, and so for this one.
    """
    return MigrationLoader.migrations_module("medusa_migrations") == (None, True)


def is_migrated_model_extended() -> bool:
    """Whether a model of an app without Django migrations extends one of an app that has some."""
    return any(
        django_migrations(base._meta.app_label) and not django_migrations(model._meta.app_label)
        for model in apps.get_models()
        for base in model.__mro__[1:]
        if hasattr(base, "_meta") and not base._meta.abstract and base._meta.app_label != model._meta.app_label
    )


def references(label: str) -> set[tuple[str, str]]:
    """The models of other apps that an app's tables refer to: (app label, name of the model in small letters).

    Empty for an app that is not installed, of which the build may have migrations.
    """
    app = apps.app_configs.get(label)
    return {
        (other.app_label, str(other.model_name))
        for model in (app.get_models(include_auto_created=True) if app else ())
        for field in model._meta.local_fields
        if isinstance(field, ForeignKey) and field.db_constraint  # type: ignore[attr-defined]  # the stubs lack it
        if (other := field.remote_field.model._meta).app_label != label
    }
