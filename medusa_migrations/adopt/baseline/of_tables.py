"""The SQL of tables, with what has no object of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from medusa_migrations.database.postgresql import FIRST_SCHEMA
from medusa_migrations.database.session import Session
from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.tables import Column
from medusa_migrations.sql.names import literal, quoted

from . import catalog
from .pieces import Address, Body, Piece
from .remarks import Remarks, comment_on, settings_of

_Row = tuple[Any, ...]


def tables_of(session: Session, oids: list[int], remarks: Remarks) -> Iterator[Piece]:
    rows = session.query(catalog.TABLES, [oids])
    more: dict[int, dict[str, _Row]] = defaultdict(dict)
    for table, column, *rest in session.query(catalog.COLUMNS, [oids]):
        more[table][column] = tuple(rest)
    namespace = session.query(f"SELECT {FIRST_SCHEMA}")[0][0]
    found = read_tables(session, namespace, [row[2] for row in rows])
    for oid, *row in rows:
        columns = found[row[1]].columns
        yield from _table(Address("pg_class", oid), remarks, columns, more[oid], *row)


def _table(
    address: Address,
    remarks: Remarks,
    columns: Mapping[str, Column],
    more: Mapping[str, _Row],
    table: str,
    name: str,
    persistence: str,
    options: list[str] | None,
    toast_options: list[str] | None,
    has_security: bool,
    forces_security: bool,
    identity: str,
    partitioned: str | None,
    bound: str | None,
    parents: list[str],
    method: str | None,
) -> Iterator[Piece]:
    """A table, and for a partition what attaches it: its indexes have their own names, as it is made as others are."""
    is_child = bool(parents) and bound is None
    parts = [
        _column(name, columns[one], row[-2], is_partition=bound is not None)
        for one, row in more.items()
        if not is_child or row[0]
    ]
    head = f"CREATE {'UNLOGGED ' if persistence == 'u' else ''}TABLE {quoted(name)}"
    settings = [*settings_of(options), *settings_of(toast_options, "toast.")]
    tail = f" INHERITS ({', '.join(parents)})" if is_child else ""
    tail += f" PARTITION BY {partitioned}" if partitioned else ""
    tail += f" USING {quoted(method)}" if method and not partitioned else ""
    tail += f" WITH ({', '.join(settings)})" if settings else ""
    alter = f"ALTER TABLE {quoted(name)}"
    after = [*comment_on(remarks, address, f"TABLE {quoted(name)}")]
    for column, row in more.items():
        after += _of_column(alter, column, *row[1:-2])
        if (comment := columns[column].comment) is not None:
            after.append(f"COMMENT ON COLUMN {quoted(name)}.{quoted(column)} IS {literal(comment)}")
        if row[-1] is not None:
            after.append(f"COMMENT ON SEQUENCE {quoted(row[-2])} IS {literal(row[-1])}")
    after += [f"{alter} ENABLE ROW LEVEL SECURITY"] if has_security else []
    after += [f"{alter} FORCE ROW LEVEL SECURITY"] if forces_security else []
    after += [f"{alter} REPLICA IDENTITY {'FULL' if identity == 'f' else 'NOTHING'}"] if identity in "fn" else []
    body = Body(head, tuple(parts), tail, tuple(after))
    yield Piece(address, "table", table, undo=f"DROP TABLE {quoted(name)}", body=body)
    if bound is not None:
        attach = f"ALTER TABLE {parents[0]} ATTACH PARTITION {quoted(name)} {bound}"
        undo = f"ALTER TABLE {parents[0]} DETACH PARTITION {quoted(name)}"
        yield Piece(partition_of(address), "partition", table, sql=(attach,), undo=undo, table=address)


def partition_of(table: Address) -> Address:
    """What stands for a table as a partition of another one."""
    return Address("pg_inherits", table.oid)


def _column(table: str, column: Column, counter: str | None, *, is_partition: bool) -> Column:
    """A column without its default, which may come later, and with the name that its identity's sequence has.

    PostgreSQL would give it another one than that of table and column where that is cut.
    """
    if is_partition and column.identity:
        return replace(column, default=None, identity="", sequence=None)
    usual = f"{table}_{column.name}_seq"
    if column.identity and column.sequence and counter is not None and (counter != usual or len(usual.encode()) > 63):
        options = f"SEQUENCE NAME {quoted(counter)} {column.sequence.options}".strip()
        return replace(column, sequence=replace(column.sequence, options=options))
    return replace(column, default=None)


def _of_column(
    alter: str, column: str, storage: str | None, compression: str | None, target: int | None, options: list[str] | None
) -> Iterator[str]:
    alter = f"{alter} ALTER COLUMN {quoted(column)} SET"
    if storage:
        yield f"{alter} STORAGE {storage}"
    if compression:
        yield f"{alter} COMPRESSION {compression}"
    if target is not None:
        yield f"{alter} STATISTICS {target}"
    if options:
        yield f"{alter} ({', '.join(settings_of(options))})"
