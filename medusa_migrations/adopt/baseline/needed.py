"""The SQL of what tables need besides types: functions, sequences, collations, extensions, views."""

from __future__ import annotations

from medusa_migrations.sql.names import literal, quoted

from .pieces import Address, Piece
from .remarks import Remarks, comment_on, settings_of

_PROVIDERS = {"i": "icu", "c": "libc", "b": "builtin"}

_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


def sequence(
    address: Address,
    remarks: Remarks,
    name: str,
    is_unlogged: bool,
    type_: str,
    start: int,
    step: int,
    least: int,
    most: int,
    cache: int,
    cycles: bool,
    owner: int | None,
    column: str | None,
) -> Piece:
    """A sequence; one that a column owns goes with the table of that."""
    bounds = (1, _LARGEST[type_]) if step > 0 else (-_LARGEST[type_] - 1, -1)
    first = least if step > 0 else most
    options = [
        f" AS {type_}" if type_ != "bigint" else "",
        f" INCREMENT BY {step}" if step != 1 else "",
        f" MINVALUE {least}" if least != bounds[0] else "",
        f" MAXVALUE {most}" if most != bounds[1] else "",
        f" START WITH {start}" if start != first else "",
        f" CACHE {cache}" if cache != 1 else "",
        " CYCLE" if cycles else "",
    ]
    sql = f"CREATE {'UNLOGGED ' if is_unlogged else ''}SEQUENCE {name}{''.join(options)}"
    table = Address("pg_class", owner) if owner is not None else None
    return Piece(
        address,
        "sequence",
        name,
        sql=(sql, *comment_on(remarks, address, f"SEQUENCE {name}")),
        undo="" if owner is not None else f"DROP SEQUENCE {name}",  # else it goes with its column
        table=table,
        column=column or "",
    )


def view(
    address: Address,
    remarks: Remarks,
    name: str,
    is_stored: bool,
    is_populated: bool,
    options: list[str] | None,
    definition: str,
) -> Piece:
    kind = "MATERIALIZED VIEW" if is_stored else "VIEW"
    settings = f" WITH ({', '.join(settings_of(options))})" if options else ""
    data = " WITH NO DATA" if is_stored and not is_populated else ""
    sql = f"CREATE {kind} {name}{settings} AS\n{definition.rstrip().removesuffix(';')}{data}"
    after = comment_on(remarks, address, f"{kind} {name}")
    return Piece(address, kind.lower(), name, sql=(sql, *after), undo=f"DROP {kind} {name}")


def function(
    address: Address, remarks: Remarks, name: str, full: str, arguments: str, is_procedure: bool, definition: str
) -> Piece:
    """A function in its own words, but not in place of another one; its lines may end as on Windows."""
    kind = "PROCEDURE" if is_procedure else "FUNCTION"
    place = f"{kind} {name}({arguments})"
    rest = definition.removeprefix(f"CREATE OR REPLACE {kind} {full}").strip().replace("\r\n", "\n")
    sql = (f"CREATE {kind} {name}{rest}", *comment_on(remarks, address, place))
    return Piece(address, kind.lower(), name, sql=sql, undo=f"DROP {place}")


def collation(
    address: Address,
    remarks: Remarks,
    name: str,
    provider: str,
    is_deterministic: bool,
    locale: str | None,
    collate: str | None,
    ctype: str | None,
    rules: str | None,
    is_of_all_encodings: bool,
) -> Piece:
    """A collation; only as a copy one of the C library is for all encodings."""
    options = [f"PROVIDER = {_PROVIDERS.get(provider, provider)}"]
    is_one = provider != "c" or collate == ctype
    options += [f"LOCALE = {literal(locale)}"] if is_one else []
    options += [f"LC_COLLATE = {literal(collate)}", f"LC_CTYPE = {literal(ctype)}"] if not is_one else []
    options += [] if is_deterministic else ["DETERMINISTIC = false"]
    options += [f"RULES = {literal(rules)}"] if rules else []
    is_copy = provider == "c" and is_of_all_encodings and collate in ("C", "POSIX")
    made = f'CREATE COLLATION {name} FROM "{collate}"' if is_copy else f"CREATE COLLATION {name} ({', '.join(options)})"
    sql = (made, *comment_on(remarks, address, f"COLLATION {name}"))
    return Piece(address, "collation", name, sql=sql, undo=f"DROP COLLATION {name}")


def extension(address: Address, remarks: Remarks, name: str, schema: str | None) -> Piece:
    """An extension, which may be there: others may use it, and an administrator may have made it."""
    before = (f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}",) if schema else ()
    where = f" SCHEMA {quoted(schema)}" if schema else ""
    sql = (*before, f"CREATE EXTENSION IF NOT EXISTS {quoted(name)}{where}")
    return Piece(address, "extension", quoted(name), sql=sql, undo=f"DROP EXTENSION {quoted(name)}")
