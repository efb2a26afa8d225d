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

from medusa_migrations.sql.names import quoted_table

# In quotes: a field of Django takes no parameters when it runs.
Field: TypeAlias = "models.Field[Any, Any]"
Fields: TypeAlias = Mapping[str, Field]

# Dropped columns have a number for a name, and system columns a negative one. Of a domain, what it is made of.
_COLUMNS = """
SELECT a.attname, COALESCE(NULLIF(t.typbasetype, 0::oid), t.oid)::bigint, COALESCE(e.oid, 0::oid)::bigint,
    t.typcategory = 'S' OR t.typtype = 'e'
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE a.attrelid = pg_catalog.to_regclass(%s)::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

# The types of ranges (src/include/catalog/pg_type.dat), for which Django has fields in django.contrib.postgres.
_RANGES = {
    3904: "IntegerRangeField",
    3926: "BigIntegerRangeField",
    3906: "DecimalRangeField",
    3910: "DateTimeRangeField",
    3912: "DateRangeField",
}


def model_of(
    table: str,
    fields: Fields,
    *,
    constraints: Sequence[models.BaseConstraint] = (),
    indexes: Sequence[models.Index] = (),
) -> type[models.Model]:
    """A model of `table` with `fields` by their columns' names, in an app registry of its own."""
    # Django writes a schema's name into db_table with the quotes between the two.
    options = {"app_label": "medusa_migrations", "apps": Apps(), "db_table": table.replace(".", '"."')}
    options |= {"constraints": list(constraints), "indexes": [index.clone() for index in indexes]}
    # A manager of another name: a column may be called `objects`.
    attributes: dict[str, Any] = {name: field.clone() for name, field in fields.items()} | {"_rows": models.Manager()}
    meta = type("Meta", (), options)
    model: type[models.Model] = type("Table", (models.Model,), {"__module__": __name__, "Meta": meta, **attributes})
    _without_automatic_key(model)
    return model


def refuse_columns(table: str, fields: Fields) -> None:
    """Raise TypeError for what is no field, or a relation, and ValueError for a name that Django cannot write."""
    for name, field in fields.items():
        if not isinstance(field, models.Field):
            raise TypeError(
                f"The column {name!r} of {table} is a {type(field).__name__}: a column is a field of Django's, such as "
                "models.TextField()"
            )
        if field.is_relation:
            raise TypeError(
                f"The column {name!r} of {table} is a {type(field).__name__}, which needs a model. Use the type of the "
                "key, such as BigIntegerField(db_index=True), and create_foreign_key."
            )
        if field.db_column not in (None, name):
            raise ValueError(
                f"The column {name!r} of {table} has db_column={field.db_column!r}: a column has the name that it is "
                "given here. Leave db_column out."
            )
    wrong = next((name for name in (table, *fields) if '"' in name or "%" in name), None)
    if wrong:
        raise ValueError(f"Django cannot write a name with a quote or a percent sign, as {wrong!r}: use query")


def refuse_composite_key(table: str, field: Field) -> None:
    """Raise TypeError for a CompositePrimaryKey, which is a key of other columns and no column itself."""
    if isinstance(field, models.CompositePrimaryKey):
        raise TypeError(f"A CompositePrimaryKey is no column of {table}: use create_primary_key")


def refuse_text(columns: Sequence[str]) -> None:
    """Raise TypeError if `columns` is one name and no list: it would be taken letter by letter."""
    if isinstance(columns, str):
        raise TypeError(f"columns is {columns!r}: it is a list of names, such as [{columns!r}]")


def extras(field: Field) -> set[str]:
    """What a column brings along, in words: a key, a unique constraint, an index, a check, an identity."""
    found = {
        "a primary key": field.primary_key,
        "a unique constraint": field.unique and not field.primary_key,
        "an index": getattr(field, "db_index", False) and not field.unique,
        "a check": bool(field.db_check(_offline_editor().connection)),
        "an identity": isinstance(field, models.AutoField | models.BigAutoField | models.SmallAutoField),
    }
    return {name for name, yes in found.items() if yes}


def _without_automatic_key(model: type[models.Model]) -> None:
    """A table has the columns that it is given; Django adds `id` to a model without a primary key."""
    automatic = [field for field in model._meta.local_fields if field.auto_created]
    for field in automatic:
        model._meta.local_fields.remove(field)
    if automatic:
        model._meta._expire_cache()  # type: ignore[attr-defined]  # the stubs lack it


def read_fields(connection: BaseDatabaseWrapper, table: str) -> dict[str, Field]:
    """The columns of a table as fields by name, empty if there is no such table.

    A field is of its column's type as far as Django has one, and nothing else, such as NOT NULL: expressions and
    conditions need no more. Raises django.db.Error.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [quoted_table(table)])
        rows = cursor.fetchall()
    return {name: _field(connection, *type_) for name, *type_ in rows}


def _field(connection: BaseDatabaseWrapper, oid: int, element: int, is_text: bool) -> Field:
    if element:
        from django.contrib.postgres.fields import ArrayField

        return ArrayField(_field(connection, element, 0, is_text=True))
    if oid in _RANGES:
        from django.contrib.postgres import fields

        return getattr(fields, _RANGES[oid])()  # type: ignore[no-any-return]  # one of those above
    name = connection.introspection.data_types_reverse.get(oid)
    if name is None:
        return models.TextField() if is_text else _OtherField()
    return getattr(models, name)()  # type: ignore[no-any-return]  # the introspection names fields


class _OtherField(models.Field):  # type: ignore[type-arg]  # of any value
    """A column of a type that Django has no field for: it may be named, compared and set, and that is all."""

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name in ("exact", "in", "isnull") else None


@functools.cache
def _offline_editor() -> BaseDatabaseSchemaEditor:
    """An editor without a connection, for names."""
    from django.db.backends.postgresql.base import DatabaseWrapper

    return DatabaseWrapper({}, "none").schema_editor(atomic=False, collect_sql=True)


def constraint_name(table: str, columns: Sequence[str], suffix: str) -> str:
    """The name that Django gives to a constraint of `columns`; `suffix` is `_uniq`, `_pk` or `_fk_<table>_<column>`."""
    name = table.replace(".", '"."')
    return str(_offline_editor()._create_index_name(name, columns, suffix=suffix))  # type: ignore[attr-defined]  # the stubs lack it


def foreign_key_name(table: str, column: str, to_table: str, to_column: str) -> str:
    """The name that Django gives to a foreign key from a column to another table's."""
    return constraint_name(table, [column], f"_fk_{to_table.rpartition('.')[2]}_{to_column}")


def named_index(table: str, index: models.Index) -> models.Index:
    """A copy of `index`, with the name that Django gives it if it has none."""
    copy = index.clone()
    if not copy.name:
        columns = [name for name, _ in copy.fields_orders]
        copy.set_name_with_model(model_of(table, {name: models.TextField() for name in columns}))
    return copy


def check_constraint(condition: models.Q | str, name: str) -> models.CheckConstraint:
    """The check `name` as Django's constraint; a `condition` that is text is SQL, and is taken as it is."""
    if isinstance(condition, str):
        sql = RawSQL(condition.replace("%", "%%"), (), models.BooleanField())
        return models.CheckConstraint(condition=sql, name=name)
    return models.CheckConstraint(condition=condition, name=name)
