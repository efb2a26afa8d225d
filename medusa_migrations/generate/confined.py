"""The statements of a draft as they run on a copy: they name what they change in pg_temp, and so reach nothing live."""

from __future__ import annotations

import re

_NAME = '"(?:[^"]|"")+"'

# What stands before the name of what is changed, in every form that a draft has.
_CHANGES = re.compile(
    "(?:(?:CREATE|ALTER|DROP) (?:TABLE|SEQUENCE)|(?:ALTER|DROP) INDEX|UPDATE"
    f"|CREATE (?:UNIQUE )?INDEX {_NAME} ON|COMMENT ON (?:TABLE|COLUMN|INDEX|CONSTRAINT {_NAME} ON)) (?={_NAME})"
    rf"|SELECT setval\((?:counter, .* FROM pg_get_serial_sequence\(|pg_get_serial_sequence\()?'(?={_NAME})",
    re.DOTALL,
)
# A foreign key locks what it refers to. Its columns are names, in quotes where they have to be.
_REFERENCES = re.compile(rf"(\AALTER TABLE .* FOREIGN KEY \((?:{_NAME}|[^\")])+\) REFERENCES )", re.DOTALL)
# A transaction, as that of a copy is, cannot do it; what comes of it is the same.
_CONCURRENTLY = re.compile(r"\A((?:CREATE (?:UNIQUE )?|DROP )INDEX) CONCURRENTLY")
# A block that gives a name, if it is to be given, names things like this.
_BLOCK = "DO $names$"
_IN_BLOCK = re.compile(
    rf"((?:to_regclass|pg_get_serial_sequence)\('|conrelid = '|ALTER (?:TABLE|INDEX|SEQUENCE) )(?={_NAME})"
)
_CHANGES_NOTHING = ("SET CONSTRAINTS ALL IMMEDIATE",)


def confined(sql: str) -> str:
    """The statement `sql` of a draft, with `pg_temp.` before each table, index and sequence that it changes or locks.

    Without it a name that the copy lacks would be looked for further along the search_path, which types and functions
    have to be found on. CONCURRENTLY is left out. Raises ValueError for a form of statement that no draft has.
    """
    if sql in _CHANGES_NOTHING:
        return sql
    if sql.startswith(_BLOCK):
        return _IN_BLOCK.sub(r"\1pg_temp.", sql)
    sql = _CONCURRENTLY.sub(r"\1", sql)
    found = _CHANGES.match(sql)
    if not found:
        raise ValueError(f"This is no statement of a draft: {sql}")
    return _REFERENCES.sub(r"\1pg_temp.", f"{found[0]}pg_temp.{sql[found.end() :]}")
