"""What the models of apps say that no catalog tells: which tables, whose names, which fields."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

from django.apps import apps
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import truncate_name
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState
from django.db.models import BaseConstraint, Field, ForeignKey, Index, ManyToManyField, Model
from django.db.models.fields import NOT_PROVIDED

from medusa_migrations.files.owned import taken_over
from medusa_migrations.files.sources import is_installed_package
from medusa_migrations.messages import N_

# The longest name that PostgreSQL does not cut, in bytes (manual, 4.1.1).
NAME_LENGTH = 63


@dataclass(frozen=True)
class Wanted:
    """The models of apps that have tables of their own, with the automatic many-to-many ones.

    `extended` are models of Django-migrated apps with fields that no Django migration makes, and the columns of those:
    of such a table nothing else is compared. `explicit_names` are those that an author gave to indexes and constraints.
    `warnings` name models that are left out, or not compared as a whole.
    """

    models: tuple[type[Model], ...]
    extended: Mapping[type[Model], frozenset[str]]
    explicit_names: frozenset[str]
    warnings: tuple[str, ...]

    @cached_property
    def fields(self) -> dict[tuple[str, str], Field[Any, Any]]:
        """The fields that have a column, by table and column."""
        return {
            (name, field.column): field
            for name, model in self.tables.items()
            for field in model._meta.local_fields
            if field.column
        }

    @cached_property
    def defaults(self) -> dict[str, set[str]]:
        """The columns whose default the database is to have, by table."""
        found: dict[str, set[str]] = {}
        for (table, column), field in self.fields.items():
            if field.db_default is not NOT_PROVIDED:
                found.setdefault(table, set()).add(column)
        return found

    @cached_property
    def tables(self) -> dict[str, type[Model]]:
        """The models, the extended ones too, by table."""
        return {model._meta.db_table: model for model in (*self.models, *self.extended)}


def wanted_by(labels: Sequence[str], connection: BaseDatabaseWrapper) -> Wanted:
    """What the models of the apps with these labels want of the database that `connection` is to."""
    models: list[type[Model]] = []
    warnings: list[str] = []
    all_models = [one for label in labels for one in apps.get_app_config(label).get_models(include_auto_created=True)]
    for model in all_models:
        options = model._meta
        if options.proxy or options.swapped or not options.managed or not options.can_migrate(connection):
            continue
        if not router.allow_migrate_model(connection.alias, model):
            warnings.append(
                N_(
                    "{model} is left out: DATABASE_ROUTERS keep it away from {database!r}.",
                    model=options.label,
                    database=connection.alias,
                )
            )
        elif '"' in options.db_table or len(options.db_table.encode()) > NAME_LENGTH:
            warnings.append(
                N_(
                    "{model} is left out: its db_table {table!r} names a schema, has quotes, or is "
                    "longer than PostgreSQL's {length} bytes.",
                    model=options.label,
                    table=options.db_table,
                    length=NAME_LENGTH,
                )
            )
        elif options.db_table in {one._meta.db_table for one in models}:
            warnings.append(
                N_(
                    "{model} is left out: another model has the table {table} too.",
                    model=options.label,
                    table=options.db_table,
                )
            )
        else:
            models.append(model)
    extended = _extended(connection.alias)
    warnings += [
        N_(
            "{model} has fields that no Django migration makes ({fields}). Of its table "
            "only these are compared; an update of its app may make columns of the same name.",
            model=model._meta.label,
            fields=", ".join(sorted(columns)),
        )
        for model, columns in extended.items()
    ]
    return wanted_of(models, extended=extended, warnings=warnings)


def has_key(field: Field[Any, Any]) -> bool:
    """Whether a field has a foreign key in the database."""
    return isinstance(field, ForeignKey) and bool(field.db_constraint)  # type: ignore[attr-defined]  # not in stubs


def target_of(field: Field[Any, Any]) -> type[Model]:
    """The model that a field with a foreign key refers to."""
    found: type[Model] = cast(Any, field.remote_field).model
    return found


def wanted_of(
    models: Sequence[type[Model]],
    *,
    extended: Mapping[type[Model], frozenset[str]] = MappingProxyType({}),
    warnings: Sequence[str] = (),
) -> Wanted:
    """What these models want; automatic many-to-many models are to be among them, as they are not looked for."""
    return Wanted(
        tuple(models),
        extended,
        frozenset(one.name for model in models for one in _named_by_authors(model)),
        tuple(warnings),
    )


def _named_by_authors(model: type[Model]) -> Iterator[Index | BaseConstraint]:
    """The indexes and constraints of a model, but not an index that has the name which Django gives to one without."""
    yield from model._meta.constraints
    for index in model._meta.indexes:
        nameless = index.clone()
        if index.fields:
            nameless.set_name_with_model(model)
        if not index.fields or nameless.name != index.name:
            yield index


def warnings_of_parents(models: Iterable[type[Model]], labels: Collection[str]) -> list[str]:
    """What to say of models that extend one of another app, for each of those: a part of their rows is in its table.

    Apps with one of the `labels` are compared as well.
    """
    found: dict[type[Model], list[str]] = {}
    for model in models:
        for parent in model._meta.parents:
            if parent._meta.app_label not in labels and not model._meta.proxy:
                found.setdefault(parent, []).append(model._meta.label)
    return [
        N_(
            "{models} {extend} {parent} of another app, "
            "whose table {table} has a part of the rows: what changes there is not seen here.",
            models=", ".join(children),
            extend=N_("extends") if len(children) == 1 else N_("extend"),
            parent=parent._meta.label,
            table=parent._meta.db_table,
        )
        for parent, children in found.items()
    ]


def _extended(alias: str) -> dict[type[Model], frozenset[str]]:
    """The models of installed packages, with tables in a database, that have fields which their Django migrations lack.

    In an app of the project's that is a migration that makemigrations has yet to write.
    """
    loader = MigrationLoader(None)
    labels = {label for label, _ in loader.graph.nodes} - taken_over().keys()
    labels = {label for label in labels if is_installed_package(apps.get_app_config(label))}
    models = [
        model
        for label in labels
        for model in apps.get_app_config(label).get_models()
        if model._meta.managed and router.allow_migrate_model(alias, model)
    ]
    if not models:
        return {}
    state = loader.project_state()
    found = {}
    for model in models:
        made = state.models.get((model._meta.app_label, str(model._meta.model_name)))
        more = {field for field in model._meta.local_fields if made and field.name not in made.fields}
        columns = frozenset(field.column for field in more if field.column)
        if columns and not model._meta.proxy and not model._meta.swapped:
            found[model] = columns
    return found


def tables_of_past() -> set[str]:
    """The tables that Django's migrations have made of apps that SQL has taken over, by their names at the end."""
    over = taken_over()
    if not over:
        return set()
    loader = MigrationLoader(None)
    ends = [leaf for label in over for leaf in loader.graph.leaf_nodes(label)]
    states = [state for (label, _), state in loader.project_state(ends).models.items() if label in over]
    return {table for state in states for table in _tables_of(state)}


def _tables_of(state: ModelState) -> Iterator[str]:
    """The tables of a model and of its many-to-many fields, as Django names them; it cannot always be rendered."""
    table = state.options.get("db_table") or f"{state.app_label}_{state.name_lower}"
    yield truncate_name(table, NAME_LENGTH)
    for name, field in state.fields.items():
        if isinstance(field, ManyToManyField):
            yield truncate_name(getattr(field, "db_table", None) or f"{table}_{name}", NAME_LENGTH)
