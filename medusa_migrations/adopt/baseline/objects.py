"""Reads the objects that a baseline is made of, each with the SQL that makes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from medusa_migrations.database.session import Session

from . import catalog, hanging, needed
from .of_tables import tables_of
from .pieces import Address, Piece
from .remarks import Remarks
from .types import types_of

_Row = tuple[Any, ...]


def read_objects(session: Session, needs: Mapping[Address, frozenset[Address]]) -> list[Piece]:
    """Those of the objects in `needs` that can be written, each with what it needs.

    The schema of the tables is to be the first of search_path. Raises django.db.Error, StopRequested.
    """
    oids: dict[str, list[int]] = defaultdict(list)
    for address in sorted(needs):
        oids[address.catalog].append(address.oid)
    remarks = _read_remarks(session, oids)
    pieces = [*tables_of(session, oids["pg_class"], remarks)]
    for of, sql, make in _MAKERS:
        for row in session.query(sql, [oids[of]]) if oids[of] else ():
            pieces.append(make(Address(of, row[0]), remarks, *row[1:]))
    pieces += types_of(session, oids["pg_type"], remarks)
    return [replace(one, needs=one.needs | needs.get(one.address, frozenset())) for one in pieces]


def _read_remarks(session: Session, oids: Mapping[str, Sequence[int]]) -> Remarks:
    wanted = [oid for some in oids.values() for oid in some]
    constraints = session.query(catalog.DOMAIN_CONSTRAINTS, [oids.get("pg_type", [])])
    wanted += [oid for _, oid, *_ in constraints]
    wanted += [row[3] for row in session.query(catalog.TYPES, [oids.get("pg_type", [])])]
    rows = session.query(catalog.REMARKS, [wanted])
    return {(Address(of, oid), column): text for of, oid, column, text in rows}


_MAKERS: tuple[tuple[str, str, Callable[..., Piece]], ...] = (
    ("pg_class", catalog.SEQUENCES, needed.sequence),
    ("pg_class", catalog.VIEWS, needed.view),
    ("pg_class", catalog.INDEXES, hanging.index),
    ("pg_attrdef", catalog.DEFAULTS, hanging.default),
    ("pg_constraint", catalog.CONSTRAINTS, hanging.constraint),
    ("pg_trigger", catalog.TRIGGERS, hanging.trigger),
    ("pg_rewrite", catalog.RULES, hanging.rule),
    ("pg_policy", catalog.POLICIES, hanging.policy),
    ("pg_statistic_ext", catalog.STATISTICS, hanging.statistics),
    ("pg_proc", catalog.FUNCTIONS, needed.function),
    ("pg_collation", catalog.COLLATIONS, needed.collation),
    ("pg_extension", catalog.EXTENSIONS, needed.extension),
)
