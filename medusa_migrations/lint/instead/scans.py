"""The safe ways to have all rows of a table read."""

from __future__ import annotations

from collections.abc import Sequence

from medusa_migrations.lint.facts import Constraint, Facts, TableFacts
from medusa_migrations.sql.tokens import tokens

from .common import alone, attached, declared, whole_table
from .pieces import THIS, alter, checked_later, in_transaction, made_name, not_null, part, steps


def in_parts(sql: str) -> str:
    """For work under a lock of an earlier statement: each statement is a transaction of its own."""
    statements = [sql] if sql else []
    return f"-- Each statement of such a part gives its locks back before the next one begins.\n{part(*statements)}"


def scan(table: TableFacts, facts: Facts, sql: str) -> str:
    """For a statement that reads all of a table."""
    if table.is_attached:
        return part(*attached(table, sql))
    if (domain := _domain(sql)) is not None:
        return domain
    table = whole_table(table, facts)
    checks = [one for one in table.constraints if one.kind in "cf"]
    if table.kind == "partitioned" and facts.major < 18 and any(one.kind == "f" for one in checks):
        return alone(sql, "A partitioned table takes no foreign key that is NOT VALID before PostgreSQL 18")
    nulls = [change.name for change in table.changed("set not null")]
    if not checks and not nulls:
        return alone(sql, "PostgreSQL has no other way")
    key = [sql] if any(one.kind == "p" for one in table.constraints) else []
    columns = [alter(table.name, f"ADD COLUMN {declared(change.column)}") for change in table.changed("added")]
    return part(*columns, *_checked(table.name, checks), *not_null(table.name, nulls), *key)


def _checked(table: str, checks: Sequence[Constraint]) -> list[str]:
    return [
        statement
        for check in checks
        for statement in checked_later(table, check.name, check.definition)[1 if check.is_old else 0 :]
    ]


def _domain(sql: str) -> str | None:
    """For a condition that a domain gets; None for another statement."""
    found = tokens(sql)
    words = [token.upper() for token in found]
    if words[:2] != ["ALTER", "DOMAIN"]:
        return None
    if "VALIDATE" in words or not {"CHECK", "SET"}.intersection(words):
        return alone(sql, "PostgreSQL has no other way")
    domain = "".join(found[2 : next(at for at, word in enumerate(words) if word in {"ADD", "SET"})])
    if "CHECK" in words:
        name = found[words.index("CONSTRAINT") + 1] if "CONSTRAINT" in words else made_name(domain, "check")
        check = sql[sql.upper().index("CHECK") :].rstrip("; \n")
    else:
        name, check = made_name(domain, "is_set"), "CHECK (VALUE IS NOT NULL)"
    adds = f"ALTER DOMAIN {domain} ADD CONSTRAINT {name} {check} NOT VALID"
    validates = f"ALTER DOMAIN {domain} VALIDATE CONSTRAINT {name}"
    return steps(
        (f"{THIS}: what is written from now on is checked", in_transaction(adds)),
        ("A migration of its own, for an hour in which few write: the rows that are there", in_transaction(validates)),
    )
