"""SET and WHERE of an UPDATE, from SQL or from what Django's `update()` and `filter()` take."""

from __future__ import annotations

from typing import Any

from django.db.models import Value
from django.db.models.sql import Query

from .operations import Backfill, Target
from .tables import quoted


def set_and_where(target: Target, asked: Backfill) -> tuple[str, str]:
    """Both as SQL, with the parameters in their places, quoted by the driver; WHERE is empty if there is none.

    Raises LookupError if there is no table, django.core.exceptions.FieldError for a column that is not there.
    """
    given = _Given(target, asked)
    return given.assignments(), given.condition()


class _Given:
    def __init__(self, target: Target, asked: Backfill) -> None:
        self.target, self.asked = target, asked
        self.connection = target.editor.connection

    def compose(self, sql: str, params: Any) -> str:
        return str(self.connection.ops.compose_sql(sql, params))  # type: ignore[attr-defined]  # PostgreSQL's has it

    def sql(self, text: str) -> str:
        return self.compose(text, self.asked.params) if self.asked.params else text

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
        sql, params = query.get_compiler(connection=self.connection).compile(query.build_where(where))
        return self.compose(sql, params)
