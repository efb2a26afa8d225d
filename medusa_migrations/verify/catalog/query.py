"""Makes one statement of all kinds, for one version of the server."""

from __future__ import annotations

from .kinds.database import DATABASE
from .kinds.elsewhere import ELSEWHERE
from .kinds.kind import COMMON, Kind, Sql
from .kinds.programs import PROGRAMS
from .kinds.tables import TABLES
from .kinds.types import TYPES

KINDS = (*TABLES, *TYPES, *PROGRAMS, *ELSEWHERE, *DATABASE)

# The schema public and plpgsql are initdb's and users' own, and a large object has whatever OID its maker gave it.
_NOTES = """
remark AS MATERIALIZED (
    SELECT d.objoid, d.classoid, d.objsubid, d.description FROM pg_description d WHERE d.objoid >= 16384
    UNION ALL SELECT d.objoid, d.classoid, 0, d.description FROM pg_namespace n
    JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass WHERE n.oid < 16384
    UNION ALL SELECT d.objoid, d.classoid, 0, d.description FROM pg_extension e
    JOIN pg_description d ON d.objoid = e.oid AND d.classoid = 'pg_extension'::regclass WHERE e.oid < 16384
    UNION ALL SELECT d.objoid, d.classoid, 0, d.description FROM pg_largeobject_metadata m
    JOIN pg_description d ON d.objoid = m.oid AND d.classoid = 'pg_largeobject'::regclass WHERE m.oid < 16384
),
label AS MATERIALIZED (
    SELECT s.objoid, s.classoid, s.objsubid, array_agg(s.provider || ': ' || s.label ORDER BY s.provider) AS labels
    FROM pg_seclabel s GROUP BY s.objoid, s.classoid, s.objsubid
),
need AS MATERIALIZED (
    SELECT d.classid, d.objid, array_agg(e.extname ORDER BY e.extname) AS extensions
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x' GROUP BY d.classid, d.objid
)
"""

# Comments, labels and DEPENDS ON EXTENSION stand at their objects, so that none of what is left out is seen.
_ALL = """
WITH {common}, {notes}, object (kind, classid, oid, number, name, identity, attributes) AS ({kinds})
SELECT o.kind, o.name, o.identity, '{{' || concat_ws(', ', NULLIF(o.attributes, ''),
    '"comment": ' || to_json(d.description)::text, '"security_labels": ' || to_json(l.labels)::text,
    '"depends_on_extensions": ' || to_json(n.extensions)::text) || '}}'
FROM object o
LEFT JOIN remark d ON d.objoid = o.oid AND d.classoid = o.classid AND d.objsubid = o.number
LEFT JOIN label l ON l.objoid = o.oid AND l.classoid = o.classid AND l.objsubid = o.number
LEFT JOIN need n ON n.objid = o.oid AND n.classid = o.classid AND o.number = 0
"""


def catalog_query(major: int, without: str) -> str:
    """The statement that gives kind, name, identity and attributes of all objects, on a server of this major version.

    `without` is SQL, an array of the full names of tables that are left out.
    """
    kinds = "\nUNION ALL\n".join(kind_query(kind, major) for kind in KINDS)
    return _ALL.format(common=COMMON.format(without=without), notes=_NOTES, kinds=kinds)


def kind_query(kind: Kind, major: int) -> str:
    """The part of the statement for one kind."""
    values = ((name, since(value, major)) for name, value in kind.attributes.items())
    # Strict functions: what is NULL is left out by concat_ws, and nothing is parsed again, as jsonb would. Without the
    # cast, || would be a function in SQL, which the planner would parse for each attribute.
    attributes = ", ".join(f"'\"{name}\": ' || to_json({value})::text" for name, value in values if value)
    return (
        f"SELECT {kind.kind}, '{kind.catalog}'::regclass::oid, {kind.oid}, {kind.column}, {kind.name},"
        f" {kind.identity}, concat_ws(', ', {attributes}) {since(kind.source, major)}"
    )


def since(sql: Sql, major: int) -> str | None:
    """What holds on this major version; None if that has no such thing."""
    if isinstance(sql, str):
        return sql
    return next((sql[first] for first in sorted(sql, reverse=True) if first <= major), None)
