"""Tables by name as Django models that no project has, for Django's schema editor."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.apps.registry import Apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.expressions import RawSQL

# In quotes: a field of Django takes no parameters when it runs.
Field: TypeAlias = "models.Field[Any, Any]"
Fields: TypeAlias = Mapping[str, Field]

# Dropped columns have a number for a name, and system columns a negative one.
_COLUMNS = """
SELECT a.attname, COALESCE(NULLIF(t.typbasetype, 0), t.oid)::bigint
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""


def quoted(name: str) -> str:
    """A table's name, `table` or `schema.table`, as SQL writes it."""
    return ".".join(f'"{part}"' for part in name.replace('"', '""').split("."))


def model_of(
    table: str,
    fields: Fields,
    *,
    constraints: Sequence[models.BaseConstraint] = (),
    indexes: Sequence[models.Index] = (),
) -> type[models.Model]:
    """A model of `table` with `fields` by their columns' names, in an app registry of its own.

    Raises TypeError for a field that is a relation.
    """
    for name, field in fields.items():
        if field.is_relation:
            raise TypeError(
                f"The column {name!r} of {table} is a {type(field).__name__}, which needs a model. Use the type of the "
                "key, such as BigIntegerField(db_index=True), and create_foreign_key."
            )
    # Django writes a schema's name into db_table with the quotes between the two.
    options = {"app_label": "medusa_migrations", "apps": Apps(), "db_table": table.replace(".", '"."')}
    options |= {"constraints": list(constraints), "indexes": [index.clone() for index in indexes]}
    # A manager of another name: a column may be called `objects`.
    attributes: dict[str, Any] = {name: field.clone() for name, field in fields.items()} | {"_rows": models.Manager()}
    meta = type("Meta", (), options)
    model: type[models.Model] = type("Table", (models.Model,), {"__module__": __name__, "Meta": meta, **attributes})
    _without_automatic_key(model)
    return model


def _without_automatic_key(model: type[models.Model]) -> None:
    """A table has the columns that it is given; Django adds `id` to a model without a primary key."""
    automatic = [field for field in model._meta.local_fields if field.auto_created]
    for field in automatic:
        model._meta.local_fields.remove(field)
    if automatic:
        model._meta._expire_cache()  # type: ignore[attr-defined]  # the stubs lack it


def read_fields(connection: BaseDatabaseWrapper, table: str) -> dict[str, Field]:
    """The columns of a table as fields, empty if there is no such table.

    They know their type as far as Django has a field for it, and nothing else: enough for expressions and conditions.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [quoted(table)])
        rows = cursor.fetchall()
    return {name: _field(connection, oid) for name, oid in rows}


def _field(connection: BaseDatabaseWrapper, oid: int) -> Field:
    name = connection.introspection.data_types_reverse.get(oid, "TextField")
    field: Field = getattr(models, name)()
    return field


@functools.cache
def _offline_editor() -> BaseDatabaseSchemaEditor:
    """An editor without a connection, for names."""
    from django.db.backends.postgresql.base import DatabaseWrapper

    return DatabaseWrapper({}, "none").schema_editor(atomic=False, collect_sql=True)


def constraint_name(table: str, columns: Sequence[str], suffix: str) -> str:
    """The name that Django gives to a constraint: `suffix` is `_uniq`, `_pk` or `_fk_<table>_<column>`."""
    name = table.replace(".", '"."')
    return str(_offline_editor()._create_index_name(name, columns, suffix=suffix))  # type: ignore[attr-defined]  # the stubs lack it


def foreign_key_name(table: str, column: str, to_table: str, to_column: str) -> str:
    """The name that Django gives to a foreign key."""
    return constraint_name(table, [column], f"_fk_{to_table.rpartition('.')[2]}_{to_column}")


def named_index(table: str, index: models.Index) -> models.Index:
    """A copy of `index`, with the name that Django gives it if it has none."""
    copy = index.clone()
    if not copy.name:
        columns = [name for name, _ in copy.fields_orders]
        copy.set_name_with_model(model_of(table, {name: models.TextField() for name in columns}))
    return copy


def check_constraint(condition: models.Q | str, name: str) -> models.CheckConstraint:
    """A check of Django's; a condition in SQL is taken as it is."""
    if isinstance(condition, str):
        sql = RawSQL(condition.replace("%", "%%"), (), models.BooleanField())
        return models.CheckConstraint(condition=sql, name=name)
    return models.CheckConstraint(condition=condition, name=name)
