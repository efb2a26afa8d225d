"""The safe ways to have indexes built."""

from __future__ import annotations

import re

from medusa_migrations.lint.facts import Constraint, Facts, Index, TableFacts

from .common import alone, attached, declared
from .pieces import alter, concurrently, not_null, part, without_public


def index_build(table: TableFacts, facts: Facts, sql: str) -> str:
    """For a statement that builds indexes."""
    built = [index for index in table.indexes if index.is_built]
    excluding = [one for one in table.constraints if one.kind == "x"]
    if excluding:
        return alone(sql, "PostgreSQL has no other way to add an EXCLUDE constraint")
    if any(not index.is_new for index in built):
        moved = re.search(r"\bTABLESPACE\s+([^\s;]+)", sql, re.IGNORECASE)
        option = f" (TABLESPACE {moved[1]})" if moved else ""
        return part(*(f"REINDEX{option} INDEX CONCURRENTLY {index.name}" for index in built))
    root = next((one for one in facts.tables if one.name == table.root and one.indexes), None)
    if root:
        return _partitioned(root, facts)
    if table.is_attached:
        return part(*(concurrently(index.definition) for index in built), *attached(table, sql))
    columns = [alter(table.name, f"ADD COLUMN {declared(change.column)}") for change in table.changed("added")]
    nulls = not_null(table.name, [change.name for change in table.changed("set not null")])
    return part(*columns, *nulls, *(statement for index in built for statement in _index(table, index)))


def _index(table: TableFacts, index: Index) -> list[str]:
    constraint = next((one for one in table.constraints if one.kind in "up" and _is_of(one, index)), None)
    made = [concurrently(index.definition)]
    if constraint:
        kind = "PRIMARY KEY" if constraint.kind == "p" else "UNIQUE"
        definition = constraint.definition
        options = definition[definition.index(" DEFERRABLE") :] if " DEFERRABLE" in definition else ""
        made.append(
            alter(table.name, f"ADD CONSTRAINT {constraint.name} {kind} USING INDEX {constraint.name}{options}")
        )
    return made


def _is_of(constraint: Constraint, index: Index) -> bool:
    """Whether the index is the constraint's, which bears its name."""
    return index.name.rpartition(".")[2] == constraint.name or index.name.endswith(f".{constraint.name}")


def _partitioned(root: TableFacts, facts: Facts) -> str:
    """The index of the partitioned table is valid as soon as each partition's is attached to it."""
    statements = []
    for parent in root.indexes:
        statements.append(without_public(parent.definition))
        for table in facts.tables:
            for index in table.indexes:
                if table.root == root.name and index.is_built and _columns(index) == _columns(parent):
                    statements.append(concurrently(index.definition))
                    statements.append(f"ALTER INDEX {parent.name} ATTACH PARTITION {index.name}")
    return part(*statements)


def _columns(index: Index) -> str:
    """What of the definition is the same in each partition."""
    return index.definition.partition(" USING ")[2]
