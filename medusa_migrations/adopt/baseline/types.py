"""The SQL of types: enums, domains, composite types and ranges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from medusa_migrations.database.session import Session
from medusa_migrations.sql.names import literal, quoted

from . import catalog
from .pieces import Address, Piece
from .remarks import Remarks, comment_on

_Row = tuple[Any, ...]


def types_of(session: Session, oids: list[int], remarks: Remarks) -> Iterator[Piece]:
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
    return Piece(address, "type", name, sql=(*sql, *comment_on(remarks, address, place)), undo=f"DROP {place}")


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
        after += comment_on(remarks, Address("pg_constraint", oid), f"CONSTRAINT {quoted(check)} ON DOMAIN {name}")
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
