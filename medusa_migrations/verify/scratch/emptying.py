"""What is in a database, and how it is emptied again: whatever kind of object a migration has made."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

from django.db import Error

from medusa_migrations.database.postgresql import server_error
from medusa_migrations.database.session import Session

# The first number that the server gives to what is not its own (FirstNormalObjectId in its transam.h).
FIRST_NORMAL = 16384

# Many tables that are dropped together take more locks than the server has room for.
BATCH = 40

# The catalogs of this database whose rows have a number, on whatever server. The labels of an enum go with its type; of
# large objects pg_identify_object is told by the number of another catalog.
_CATALOGS = """
SELECT pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'oid'
WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND c.relkind = 'r' AND NOT c.relisshared
  AND c.relname NOT IN ('pg_enum', 'pg_largeobject_metadata')
  AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
"""

# Of the server's own these alone are of interest: a migration may drop them.
_WHOLE = {"pg_namespace", "pg_extension"}

# What goes with another object is not listed: parts of tables, members of extensions, what the server makes by itself.
_ITEMS = """
SELECT i.type, i.identity, o.oid
FROM ({catalogs}) o (classid, oid), LATERAL pg_catalog.pg_identify_object(o.classid, o.oid, 0) i
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = o.classid AND d.objid = o.oid AND d.deptype IN ('i', 'a', 'e', 'P', 'S')
        AND NOT (d.refclassid = d.classid AND d.refobjid = d.objid))
  AND COALESCE(i.schema, i.name, '') !~ '^pg_(toast_)?temp'
UNION ALL
SELECT 'large object', l.oid::pg_catalog.text, l.oid FROM pg_catalog.pg_largeobject_metadata l
UNION ALL
SELECT 'subscription', pg_catalog.quote_ident(s.subname), s.oid FROM pg_catalog.pg_subscription s
WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
"""

# How DROP calls what pg_identify_object calls otherwise.
_WORDS = {
    "aggregate": "ROUTINE",
    "function": "ROUTINE",
    "procedure": "ROUTINE",
    "composite type": "TYPE",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "statistics object": "STATISTICS",
}

# These have a say in what is done after them; the rest may go in any order.
_FIRST = ("event trigger", "subscription", "publication", "extension")

# A session finds pg_catalog alone, and waits for what it needs to, but not for ever for what somebody else has locked.
ALONE = "SET search_path = pg_catalog, pg_temp; SET statement_timeout = 0; SET lock_timeout = '30s';"

# Rights by default are none of an object's: they are given back until they are the server's own, which have no row.
_DEFAULT_ACL = """
WITH entry AS (
    SELECT d.defaclacl AS rights, d.defaclnamespace = 0 AS is_everywhere, d.defaclrole AS owner,
        CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END AS kind,
        CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
            WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS things,
        pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I ', pg_catalog.pg_get_userbyid(d.defaclrole))
            || COALESCE('IN SCHEMA ' || pg_catalog.quote_ident(n.nspname) || ' ', '') AS head
    FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
    WHERE d.oid = %s::pg_catalog.oid
), step AS (
    SELECT 1 AS number, head || 'REVOKE ALL ON ' || things || ' FROM ' AS sql, x.grantee
    FROM entry, LATERAL pg_catalog.aclexplode(rights) x
    UNION
    SELECT 2, head || 'GRANT ' || x.privilege_type || ' ON ' || things || ' TO ', x.grantee
    FROM entry, LATERAL pg_catalog.aclexplode(pg_catalog.acldefault(kind, owner)) x WHERE is_everywhere
)
SELECT sql || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END
FROM step ORDER BY number
"""


class Item(NamedTuple):
    """An object as the server identifies it, in the words of pg_identify_object."""

    kind: str
    identity: str

    def __str__(self) -> str:
        return f"{self.kind} {self.identity}"


def inventory(session: Session) -> dict[Item, int]:
    """The objects of the session's database that go with no other one, and their numbers.

    Of the server's own, schemas and extensions alone. The session must find pg_catalog alone.
    """
    parts = [
        f"SELECT 'pg_catalog.{name}'::pg_catalog.regclass::pg_catalog.oid, oid FROM pg_catalog.{name}"
        + ("" if name in _WHOLE else f" WHERE oid >= {FIRST_NORMAL}")
        for (name,) in session.query(_CATALOGS)
    ]
    rows = session.query(_ITEMS.format(catalogs=" UNION ALL ".join(parts)))
    return {Item(kind, identity): oid for kind, identity, oid in rows}


def added(session: Session) -> list[Item]:
    """What of the inventory is none of the server's own, in order; a large object may have any number."""
    found = inventory(session).items()
    return sorted(item for item, oid in found if oid >= FIRST_NORMAL or item.kind == "large object")


def drop_all(session: Session, kept: Container[Item]) -> dict[Item, str]:
    """Drop all but `kept`; returns what is left, each with why. Raises StopRequested."""
    left: dict[Item, str] = {}
    found = extra(session, kept)
    while found and found.keys() != left.keys():
        left = dict.fromkeys(found, "")
        left |= _dropped(session, found)
        found = extra(session, kept)
    return {item: left.get(item, "") for item in found}


def extra(session: Session, kept: Container[Item]) -> dict[Item, int]:
    """What of the inventory is not among `kept`."""
    return {item: oid for item, oid in inventory(session).items() if item not in kept}


def _dropped(session: Session, found: dict[Item, int]) -> dict[Item, str]:
    """Drop what was found, many together where that can be done; returns why some cannot be."""
    failed: dict[Item, str] = {}
    items = sorted(found, key=_order)
    for start in range(0, len(items), BATCH):
        statements = {item: _drop(session, item, found[item]) for item in items[start : start + BATCH]}
        try:
            session.execute("; ".join(filter(None, statements.values())))
        except Error:
            failed |= _one_by_one(session, statements)
    return failed


def _order(item: Item) -> tuple[int, Item]:
    return (_FIRST.index(item.kind) if item.kind in _FIRST else len(_FIRST), item)


def _one_by_one(session: Session, statements: Mapping[Item, str]) -> dict[Item, str]:
    failed = {}
    for item, sql in statements.items():
        try:
            session.execute(sql)
        except Error as error:
            failed[item] = server_error(error).message
    return failed


def _drop(session: Session, item: Item, oid: int) -> str:
    """SQL that drops an object with what depends on it, and does nothing if it has gone with another."""
    if item.kind == "default acl":
        return "; ".join(sql for (sql,) in session.query(_DEFAULT_ACL, [oid]))
    if item.kind == "large object":
        return f"SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = {oid}"
    if item.kind == "user mapping":
        return ""  # it goes with its server
    return f"DROP {_WORDS.get(item.kind, item.kind.upper())} IF EXISTS {item.identity} CASCADE"
