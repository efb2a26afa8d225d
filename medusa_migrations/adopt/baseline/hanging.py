"""The SQL of what hangs on tables: constraints, indexes, triggers and the like."""

from __future__ import annotations

from medusa_migrations.sql.names import literal, quoted

from .pieces import Address, Piece
from .remarks import Remarks, comment_on, settings_of

_STATES = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}

_COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}


def default(address: Address, remarks: Remarks, on: int, table: str, column: str, value: str) -> Piece:
    alter = f"ALTER TABLE {table} ALTER COLUMN {quoted(column)}"
    return Piece(
        address,
        "default",
        f"{table}.{quoted(column)}",
        sql=(f"{alter} SET DEFAULT {value}",),
        undo=f"{alter} DROP DEFAULT",
        table=Address("pg_class", on),
        inline=value,
        column=column,
    )


def constraint(
    address: Address,
    remarks: Remarks,
    on: int,
    table: str,
    name: str,
    definition: str,
    kind: str,
    valid: bool,
    index: str | None,
    options: list[str] | None,
    clustered: bool | None,
    identity: bool | None,
    index_comment: str | None,
) -> Piece:
    alter = f"ALTER TABLE {table}"
    after = comment_on(remarks, address, f"CONSTRAINT {quoted(name)} ON {table}")
    after += (f"ALTER INDEX {quoted(index)} SET ({', '.join(settings_of(options))})",) if index and options else ()
    after += _uses(alter, index or "", clustered=clustered, identity=identity)
    after += (
        (f"COMMENT ON INDEX {quoted(index or '')} IS {literal(index_comment)}",) if index_comment is not None else ()
    )
    inline = f"CONSTRAINT {quoted(name)} {definition}"
    return Piece(
        address,
        "foreign key" if kind == "f" else "constraint",
        f"{table}.{quoted(name)}",
        sql=(f"{alter} ADD {inline}", *after),
        undo=f"{alter} DROP CONSTRAINT {quoted(name)}",
        table=Address("pg_class", on),
        inline=inline if valid else "",
    )


def _uses(alter: str, index: str, *, clustered: bool | None, identity: bool | None) -> tuple[str, ...]:
    """What a table does with one of its indexes."""
    found = (f"{alter} CLUSTER ON {quoted(index)}",) if clustered else ()
    return found + ((f"{alter} REPLICA IDENTITY USING INDEX {quoted(index)}",) if identity else ())


def index(
    address: Address,
    remarks: Remarks,
    on: int,
    table: str,
    name: str,
    definition: str,
    is_partitioned: bool,
    is_unique: bool,
    clustered: bool,
    identity: bool,
    targets: list[str],
) -> Piece:
    if is_partitioned:
        head = definition.index(" ON ONLY ", len(f"CREATE {'UNIQUE ' if is_unique else ''}INDEX "))
        definition = f"{definition[:head]} ON {definition[head + len(' ON ONLY ') :]}"
    after = tuple(f"ALTER INDEX {name} ALTER COLUMN {target}" for target in targets)
    alter = f"ALTER TABLE {table}"
    after += (f"{alter} CLUSTER ON {name}",) if clustered else ()
    after += (f"{alter} REPLICA IDENTITY USING INDEX {name}",) if identity else ()
    sql = (definition, *after, *comment_on(remarks, address, f"INDEX {name}"))
    return Piece(address, "index", name, sql=sql, undo=f"DROP INDEX {name}", table=Address("pg_class", on))


def trigger(address: Address, remarks: Remarks, on: int, table: str, name: str, definition: str, state: str) -> Piece:
    return _switched("trigger", address, remarks, on, table, name, definition, state)


def rule(address: Address, remarks: Remarks, on: int, table: str, name: str, definition: str, state: str) -> Piece:
    return _switched("rule", address, remarks, on, table, name, definition.strip().removesuffix(";"), state)


def _switched(
    kind: str, address: Address, remarks: Remarks, on: int, table: str, name: str, definition: str, state: str
) -> Piece:
    """What is of a table and can be switched off there."""
    word = kind.upper()
    place = f"{word} {quoted(name)} ON {table}"
    after = (f"ALTER TABLE {table} {_STATES[state]} {word} {quoted(name)}",) if state in _STATES else ()
    return Piece(
        address,
        kind,
        f"{table}.{quoted(name)}",
        sql=(definition, *after, *comment_on(remarks, address, place)),
        undo=f"DROP {place}",
        table=Address("pg_class", on),
    )


def policy(
    address: Address,
    remarks: Remarks,
    on: int,
    table: str,
    name: str,
    command: str,
    permissive: bool,
    roles: list[str],
    using: str | None,
    check: str | None,
) -> Piece:
    place = f"POLICY {quoted(name)} ON {table}"
    sql = f"CREATE {place}{'' if permissive else ' AS RESTRICTIVE'}"
    sql += f" FOR {_COMMANDS[command]}" if command in _COMMANDS else ""
    sql += f" TO {', '.join(roles)}"
    sql += f" USING ({using})" if using is not None else ""
    sql += f" WITH CHECK ({check})" if check is not None else ""
    return Piece(
        address,
        "policy",
        f"{table}.{quoted(name)}",
        sql=(sql, *comment_on(remarks, address, place)),
        undo=f"DROP {place}",
        table=Address("pg_class", on),
    )


def statistics(
    address: Address, remarks: Remarks, on: int, name: str, definition: str, full: str, target: int | None
) -> Piece:
    sql = f"CREATE STATISTICS {name}{definition.removeprefix(f'CREATE STATISTICS {full}')}"
    after = (f"ALTER STATISTICS {name} SET STATISTICS {target}",) if target is not None else ()
    return Piece(
        address,
        "statistics",
        name,
        sql=(sql, *after, *comment_on(remarks, address, f"STATISTICS {name}")),
        undo=f"DROP STATISTICS {name}",
        table=Address("pg_class", on),
    )
