"""SET and WHERE of a backfill's UPDATE, from SQL or from what Django's `update()` and `filter()` take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import Value
from django.db.models.sql import Query

from medusa_migrations.migration import checksum
from medusa_migrations.sql.names import quoted

from .operations import Backfill
from .target import Target


def set_and_where(target: Target, asked: Backfill) -> tuple[str, str, str]:
    """What follows SET and what follows WHERE in the UPDATE of `asked`, as SQL, and a checksum of the two.

    The driver has put the parameters, quoted, in their places. WHERE is empty if all rows are to be changed. The
    checksum leaves out dates and times among the parameters, which may differ from run to run.
    Raises LookupError if there is no such table, django.core.exceptions.FieldError or FieldDoesNotExist for a column
    that is not there, and django.db.Error.
    """
    given = _Given(target, asked)
    set_, where = given.assignments(), given.condition()
    return set_, where, checksum(" WHERE ".join(given.texts))


class _Given:
    """What a backfill is given; `texts` are the SQL and the values that its checksum is of."""

    def __init__(self, target: Target, asked: Backfill) -> None:
        self.target, self.asked = target, asked
        self.connection = target.editor.connection
        self.texts: list[str] = []

    def compose(self, sql: str, params: Any) -> str:
        self.texts.append(sql)
        if not params:
            return sql % ()  # no driver takes the doubled percent signs away then
        values = params.items() if isinstance(params, Mapping) else enumerate(params)
        self.texts += [f"{key}={self.literal(value)}" for key, value in values if not isinstance(value, date | time)]
        return self.composed(sql, params)

    def literal(self, value: Any) -> str:
        return self.composed("%s", [value])

    def composed(self, sql: str, params: Any) -> str:
        with self.connection.wrap_database_errors:
            return str(self.connection.ops.compose_sql(sql, params))  # type: ignore[attr-defined]  # PostgreSQL's has it

    def sql(self, text: str) -> str:
        if self.asked.params:
            return self.compose(text, self.asked.params)
        self.texts.append(text)
        return text

    def query(self) -> Query:
        return Query(self.target.model(self.asked.table), alias_cols=False)

    def assignments(self) -> str:
        if isinstance(self.asked.set, str):
            return self.sql(self.asked.set)
        query = self.query()
        return ", ".join(self.assignment(query, column, value) for column, value in self.asked.set.items())

    def assignment(self, query: Query, column: str, value: Any) -> str:
        if not hasattr(value, "resolve_expression"):
            value = Value(value, output_field=query.get_meta().get_field(column))  # type: ignore[arg-type]  # no relation
        expression = value.resolve_expression(query, allow_joins=False, for_save=True)
        sql, params = query.get_compiler(connection=self.connection).compile(expression)
        return f"{quoted(column)} = {self.compose(sql, params)}"

    def condition(self) -> str:
        where = self.asked.where
        if not where:
            return ""
        if isinstance(where, str):
            return self.sql(where)
        query = self.query()
        try:
            sql, params = query.get_compiler(connection=self.connection).compile(query.build_where(where))
        except EmptyResultSet:
            return "false"
        except FullResultSet:
            return ""
        return self.compose(sql, params)
