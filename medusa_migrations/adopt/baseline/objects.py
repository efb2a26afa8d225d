"""Reads the objects that a baseline is made of, each with the SQL that makes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from medusa_migrations.database.session import Session
from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.tables import Column
from medusa_migrations.sql.names import literal, quoted

from . import catalog
from .pieces import Address, Body, Piece

Remarks = Mapping[tuple[Address, int], str]
_Row = tuple[Any, ...]

_STATES = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
_COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
_PROVIDERS = {"i": "icu", "c": "libc", "b": "builtin"}
_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


def read_objects(session: Session, needs: Mapping[Address, frozenset[Address]]) -> list[Piece]:
    """Those of the objects in `needs` that can be written, each with what it needs.

    The schema of the tables is to be the first of search_path. Raises django.db.Error, StopRequested.
    """
    oids: dict[str, list[int]] = defaultdict(list)
    for address in sorted(needs):
        oids[address.catalog].append(address.oid)
    remarks = _read_remarks(session, oids)
    pieces = [*_tables(session, oids["pg_class"], remarks)]
    for of, sql, make in _MAKERS:
        for row in session.query(sql, [oids[of]]) if oids[of] else ():
            pieces.append(make(Address(of, row[0]), remarks, *row[1:]))
    pieces += _types(session, oids["pg_type"], remarks)
    return [replace(one, needs=one.needs | needs.get(one.address, frozenset())) for one in pieces]


def _read_remarks(session: Session, oids: Mapping[str, Sequence[int]]) -> Remarks:
    wanted = [oid for some in oids.values() for oid in some]
    constraints = session.query(catalog.DOMAIN_CONSTRAINTS, [oids.get("pg_type", [])])
    wanted += [oid for _, oid, *_ in constraints]
    wanted += [row[3] for row in session.query(catalog.TYPES, [oids.get("pg_type", [])])]
    rows = session.query(catalog.REMARKS, [wanted])
    return {(Address(of, oid), column): text for of, oid, column, text in rows}


def partition_of(table: Address) -> Address:
    """What stands for a table as a partition of another one."""
    return Address("pg_inherits", table.oid)


def _comment(remarks: Remarks, address: Address, place: str) -> tuple[str, ...]:
    text = remarks.get((address, 0))
    return () if text is None else (f"COMMENT ON {place} IS {literal(text)}",)


def _tables(session: Session, oids: list[int], remarks: Remarks) -> Iterator[Piece]:
    rows = session.query(catalog.TABLES, [oids])
    more: dict[int, dict[str, _Row]] = defaultdict(dict)
    for table, column, *rest in session.query(catalog.COLUMNS, [oids]):
        more[table][column] = tuple(rest)
    namespace = session.query(f"SELECT {catalog.FIRST_SCHEMA}")[0][0]
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
    is_of_type: bool,
) -> Iterator[Piece]:
    """A table, and for a partition what attaches it: its indexes have their own names, as it is made as others are."""
    is_child = bool(parents) and bound is None
    parts = [
        _column(name, columns[one], row[-2], is_partition=bound is not None)
        for one, row in more.items()
        if not is_child or row[0]
    ]
    head = f"CREATE {'UNLOGGED ' if persistence == 'u' else ''}TABLE {quoted(name)}"
    settings = [*_settings(options), *_settings(toast_options, "toast.")]
    tail = f" INHERITS ({', '.join(parents)})" if is_child else ""
    tail += f" PARTITION BY {partitioned}" if partitioned else ""
    tail += f" USING {quoted(method)}" if method and not partitioned else ""
    tail += f" WITH ({', '.join(settings)})" if settings else ""
    alter = f"ALTER TABLE {quoted(name)}"
    after = [*_comment(remarks, address, f"TABLE {quoted(name)}")]
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
        yield f"{alter} ({', '.join(_settings(options))})"


def _settings(options: list[str] | None, prefix: str = "") -> list[str]:
    """Storage parameters, which the catalog has as `name=value`, as WITH takes them."""
    parts = (option.partition("=") for option in options or ())
    return [f"{prefix}{name}={literal(value)}" for name, _, value in parts]


def _default(address: Address, remarks: Remarks, on: int, table: str, column: str, value: str) -> Piece:
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


def _constraint(
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
    after = _comment(remarks, address, f"CONSTRAINT {quoted(name)} ON {table}")
    after += (f"ALTER INDEX {quoted(index)} SET ({', '.join(_settings(options))})",) if index and options else ()
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


def _index(
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
    sql = (definition, *after, *_comment(remarks, address, f"INDEX {name}"))
    return Piece(address, "index", name, sql=sql, undo=f"DROP INDEX {name}", table=Address("pg_class", on))


def _trigger(address: Address, remarks: Remarks, on: int, table: str, name: str, definition: str, state: str) -> Piece:
    place = f"TRIGGER {quoted(name)} ON {table}"
    after = (f"ALTER TABLE {table} {_STATES[state]} TRIGGER {quoted(name)}",) if state in _STATES else ()
    return Piece(
        address,
        "trigger",
        f"{table}.{quoted(name)}",
        sql=(definition, *after, *_comment(remarks, address, place)),
        undo=f"DROP {place}",
        table=Address("pg_class", on),
    )


def _rule(address: Address, remarks: Remarks, on: int, table: str, name: str, definition: str, state: str) -> Piece:
    place = f"RULE {quoted(name)} ON {table}"
    after = (f"ALTER TABLE {table} {_STATES[state]} RULE {quoted(name)}",) if state in _STATES else ()
    return Piece(
        address,
        "rule",
        f"{table}.{quoted(name)}",
        sql=(definition.strip().removesuffix(";"), *after, *_comment(remarks, address, place)),
        undo=f"DROP {place}",
        table=Address("pg_class", on),
    )


def _policy(
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
        sql=(sql, *_comment(remarks, address, place)),
        undo=f"DROP {place}",
        table=Address("pg_class", on),
    )


def _statistics(
    address: Address, remarks: Remarks, on: int, name: str, definition: str, full: str, target: int | None
) -> Piece:
    sql = f"CREATE STATISTICS {name}{definition.removeprefix(f'CREATE STATISTICS {full}')}"
    after = (f"ALTER STATISTICS {name} SET STATISTICS {target}",) if target is not None else ()
    return Piece(
        address,
        "statistics",
        name,
        sql=(sql, *after, *_comment(remarks, address, f"STATISTICS {name}")),
        undo=f"DROP STATISTICS {name}",
        table=Address("pg_class", on),
    )


def _sequence(
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
        sql=(sql, *_comment(remarks, address, f"SEQUENCE {name}")),
        undo="" if owner is not None else f"DROP SEQUENCE {name}",  # else it goes with its column
        table=table,
        column=column or "",
    )


def _view(
    address: Address,
    remarks: Remarks,
    name: str,
    is_stored: bool,
    is_populated: bool,
    options: list[str] | None,
    definition: str,
) -> Piece:
    kind = "MATERIALIZED VIEW" if is_stored else "VIEW"
    settings = f" WITH ({', '.join(_settings(options))})" if options else ""
    data = " WITH NO DATA" if is_stored and not is_populated else ""
    sql = f"CREATE {kind} {name}{settings} AS\n{definition.rstrip().removesuffix(';')}{data}"
    after = _comment(remarks, address, f"{kind} {name}")
    return Piece(address, kind.lower(), name, sql=(sql, *after), undo=f"DROP {kind} {name}")


def _function(
    address: Address, remarks: Remarks, name: str, full: str, arguments: str, is_procedure: bool, definition: str
) -> Piece:
    """A function in its own words, but not in place of another one; its lines may end as on Windows."""
    kind = "PROCEDURE" if is_procedure else "FUNCTION"
    place = f"{kind} {name}({arguments})"
    rest = definition.removeprefix(f"CREATE OR REPLACE {kind} {full}").strip().replace("\r\n", "\n")
    sql = (f"CREATE {kind} {name}{rest}", *_comment(remarks, address, place))
    return Piece(address, kind.lower(), name, sql=sql, undo=f"DROP {place}")


def _collation(
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
    sql = (made, *_comment(remarks, address, f"COLLATION {name}"))
    return Piece(address, "collation", name, sql=sql, undo=f"DROP COLLATION {name}")


def _extension(address: Address, remarks: Remarks, name: str, schema: str | None) -> Piece:
    """An extension, which may be there: others may use it, and an administrator may have made it."""
    before = (f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}",) if schema else ()
    where = f" SCHEMA {quoted(schema)}" if schema else ""
    sql = (*before, f"CREATE EXTENSION IF NOT EXISTS {quoted(name)}{where}")
    return Piece(address, "extension", quoted(name), sql=sql, undo=f"DROP EXTENSION {quoted(name)}")


def _types(session: Session, oids: list[int], remarks: Remarks) -> Iterator[Piece]:
    rows = session.query(catalog.TYPES, [oids])
    checks: dict[int, list[_Row]] = defaultdict(list)
    for oid, *rest in session.query(catalog.DOMAIN_CONSTRAINTS, [oids]):
        checks[oid].append(tuple(rest))
    attributes: dict[int, list[_Row]] = defaultdict(list)
    for oid, *rest in session.query(catalog.ATTRIBUTES, [[row[3] for row in rows]]):
        attributes[oid].append(tuple(rest))
    for oid, name, form, relation, labels, *rest in rows:
        address = Address("pg_type", oid)
        if form == "e":
            values = ", ".join(map(literal, labels))
            yield _type(address, remarks, name, "TYPE", f"CREATE TYPE {name} AS ENUM ({values})")
        elif form == "d":
            yield _domain(address, remarks, name, checks[oid], *rest[:4])
        elif form == "c":
            yield _composite(address, remarks, name, Address("pg_class", relation), attributes[relation])
        elif not rest[5]:  # one with a canonical function needs that before it is made, and that needs the type
            yield _type(address, remarks, name, "TYPE", _range(name, rest[4], *rest[6:]))


def _type(address: Address, remarks: Remarks, name: str, kind: str, *sql: str) -> Piece:
    place = f"{kind} {name}"
    return Piece(address, "type", name, sql=(*sql, *_comment(remarks, address, place)), undo=f"DROP {place}")


def _domain(
    address: Address,
    remarks: Remarks,
    name: str,
    checks: Sequence[_Row],
    base: str,
    collation: str | None,
    default: str | None,
    not_null: bool,
) -> Piece:
    sql = f"CREATE DOMAIN {name} AS {base}"
    sql += f" COLLATE {collation}" if collation else ""
    sql += f" DEFAULT {default}" if default is not None else ""
    sql += " NOT NULL" if not_null else ""
    after: list[str] = []
    for oid, check, definition, valid in checks:
        part = f"CONSTRAINT {quoted(check)} {definition}"
        if valid:
            sql += f" {part}"
        else:
            after.append(f"ALTER DOMAIN {name} ADD {part}")
        after += _comment(remarks, Address("pg_constraint", oid), f"CONSTRAINT {quoted(check)} ON DOMAIN {name}")
    return _type(address, remarks, name, "DOMAIN", sql, *after)


def _composite(address: Address, remarks: Remarks, name: str, relation: Address, attributes: Sequence[_Row]) -> Piece:
    parts, after = [], []
    for number, attribute, type_, collation in attributes:
        parts.append(f"{quoted(attribute)} {type_}" + (f" COLLATE {collation}" if collation else ""))
        if (comment := remarks.get((relation, number))) is not None:
            after.append(f"COMMENT ON COLUMN {name}.{quoted(attribute)} IS {literal(comment)}")
    return _type(address, remarks, name, "TYPE", f"CREATE TYPE {name} AS ({', '.join(parts)})", *after)


def _range(
    name: str, subtype: str, opclass: str | None, collation: str | None, difference: str | None, multirange: str
) -> str:
    options = [f"SUBTYPE = {subtype}"]
    options += [f"SUBTYPE_OPCLASS = {opclass}"] if opclass else []
    options += [f"COLLATION = {collation}"] if collation else []
    options += [f"SUBTYPE_DIFF = {difference}"] if difference else []
    options += [f"MULTIRANGE_TYPE_NAME = {quoted(multirange)}"]
    return f"CREATE TYPE {name} AS RANGE ({', '.join(options)})"


_MAKERS: tuple[tuple[str, str, Callable[..., Piece]], ...] = (
    ("pg_class", catalog.SEQUENCES, _sequence),
    ("pg_class", catalog.VIEWS, _view),
    ("pg_class", catalog.INDEXES, _index),
    ("pg_attrdef", catalog.DEFAULTS, _default),
    ("pg_constraint", catalog.CONSTRAINTS, _constraint),
    ("pg_trigger", catalog.TRIGGERS, _trigger),
    ("pg_rewrite", catalog.RULES, _rule),
    ("pg_policy", catalog.POLICIES, _policy),
    ("pg_statistic_ext", catalog.STATISTICS, _statistics),
    ("pg_proc", catalog.FUNCTIONS, _function),
    ("pg_collation", catalog.COLLATIONS, _collation),
    ("pg_extension", catalog.EXTENSIONS, _extension),
)
