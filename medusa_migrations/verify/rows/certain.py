"""Whether what fails on made-up rows is a fault, or may be by chance."""

from __future__ import annotations

from medusa_migrations.database.postgresql import ServerError
from medusa_migrations.sql.fills import filled
from medusa_migrations.sql.scanner import split

_NOT_NULL_VIOLATION = "23502"

# Where ALTER TABLE looks at the rows that there are (tablecmds.c), and not a statement at those that it writes.
_LOOKS_AT_ROWS = "ATRewriteTable"

# What runs code that is not looked at.
_HIDES = {"DO", "CALL", "SELECT", "EXECUTE"}


def is_certain(error: ServerError, sql: str) -> bool:
    """Whether an error on made-up rows is a fault whatever their values are; `sql` is the part that met it.

    One is: a column that may have no NULL is added without a value, or is given a NOT NULL while the table allows NULL
    in it and nothing in the part fills it. That two rows agree, that a cast or a check refuses a value, that a foreign
    key finds no row, and that nothing fits the values that a column is filled from, may be by chance. So may all be
    where a function could have filled it, and in a part whose SQL is not known, "". Raises ScanError as `split` does.
    """
    if error.sqlstate != _NOT_NULL_VIOLATION or error.function != _LOOKS_AT_ROWS or not sql:
        return False
    if any(statement.words[0] in _HIDES for statement in split(sql)):
        return False
    return (error.table, error.column) not in {(place.table, place.column) for place in filled(sql)}
