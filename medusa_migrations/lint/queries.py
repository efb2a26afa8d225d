"""What the watch asks the server: names of its catalogs and functions in full, operators on exactly their types."""

from __future__ import annotations

COUNTS_ON = (
    "SELECT pg_catalog.current_setting('track_counts'::text), pg_catalog.current_setting('server_version_num'::text)"
)

# From this transaction on, rows of the catalog may change that are not seen yet.
HORIZON = "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::xid::text"

# The first OID that initdb has left to users.
_USERS = 16384

_NAME = """
(CASE WHEN n.nspname = 'public'::name THEN ''::text ELSE pg_catalog.quote_ident(n.nspname::text) || '.'::text END
    || pg_catalog.quote_ident(c.relname::text))
"""

_RELATION = f"""
c.oid, {_NAME}, c.relkind::text, c.relfilenode, c.reltablespace, c.relpersistence::text, COALESCE(i.indrelid, 0::oid),
c.relispartition
"""

_JOINED = """
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
"""

# What was written since a transaction: all rows if there is none, NULL.
_SINCE = "(%s::text IS NULL OR pg_catalog.age({row}.xmin) <= pg_catalog.age(%s::text::xid))"

RELATIONS = f"""
SELECT {_RELATION} FROM pg_catalog.pg_class c {_JOINED}
WHERE c.oid >= {_USERS}::oid AND c.relkind IN ('r', 'p', 'm', 'v', 'f', 'i', 'I') AND c.relpersistence <> 't'
AND n.nspname <> 'pg_toast'::name AND {_SINCE.format(row="c")}
"""

_COLUMN = """
a.attrelid, a.attnum, pg_catalog.quote_ident(a.attname::text),
CASE WHEN a.attisdropped THEN ''::text ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END,
a.attnotnull OR (t.typtype = 'd' AND t.typnotnull),
a.atthasdef OR a.attidentity <> '' OR (t.typtype = 'd' AND t.typdefault IS NOT NULL),
a.atthasmissing, a.attisdropped, a.attidentity <> '', a.attgenerated <> ''
"""

_COLUMNS = "FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"

ALL_COLUMNS = f"""
SELECT {_COLUMN} {_COLUMNS} JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE a.attrelid >= {_USERS}::oid AND a.attnum > 0::int2 AND c.relkind IN ('r', 'p', 'm', 'f')
AND {_SINCE.format(row="a")}
"""

COLUMNS = f"""
SELECT {_COLUMN}, COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''::text),
    CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) ELSE ''::text END,
    COALESCE((SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ' '::text)
        FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND t.typtype = 'd' AND k.contype = 'c'), ''::text)
{_COLUMNS} LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0::int2
"""

_CONSTRAINT = "k.conrelid, k.oid, k.convalidated"

ALL_CONSTRAINTS = f"""
SELECT {_CONSTRAINT} FROM pg_catalog.pg_constraint k WHERE k.conrelid >= {_USERS}::oid AND {_SINCE.format(row="k")}
"""

CONSTRAINTS = f"""
SELECT {_CONSTRAINT}, pg_catalog.quote_ident(k.conname::text), k.contype::text, pg_catalog.pg_get_constraintdef(k.oid),
    COALESCE({_NAME}, ''::text)
FROM pg_catalog.pg_constraint k
LEFT JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace) ON c.oid = k.confrelid
WHERE k.conrelid = ANY (%s::oid[]) OR k.confrelid = ANY (%s::oid[])
"""

# Locks last until the end of the transaction, so that nothing is missing that it has touched. What is gone has no row
# in pg_class any more.
LOCKED = f"""
SELECT l.relation, l.modes, COALESCE(pg_catalog.pg_stat_get_xact_numscans(l.relation), 0::int8),
    pg_catalog.pg_partition_root(c.oid)::oid, {_RELATION}
FROM (
    SELECT relation, pg_catalog.array_agg(mode) AS modes FROM pg_catalog.pg_locks
    WHERE locktype = 'relation'::text AND granted AND pid = pg_catalog.pg_backend_pid() AND relation >= {_USERS}::oid
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    GROUP BY relation
) l LEFT JOIN (pg_catalog.pg_class c {_JOINED}) ON c.oid = l.relation
"""

# The server hands on what a session has counted at most once a second: this is what it still has.
COUNTS = f"""
SELECT c.oid, pg_catalog.pg_stat_get_xact_numscans(c.oid) FROM pg_catalog.pg_class c
WHERE c.oid >= {_USERS}::oid AND c.relkind IN ('r', 'm', 'i') AND pg_catalog.pg_stat_get_xact_numscans(c.oid) > 0::int8
"""

INDEX_DEFINITIONS = "SELECT o, pg_catalog.pg_get_indexdef(o) FROM pg_catalog.unnest(%s::oid[]) o"

BOUNDS = (
    "SELECT o, COALESCE(pg_catalog.pg_get_partition_constraintdef(o), ''::text) FROM pg_catalog.unnest(%s::oid[]) o"
)

NAMES = f"""
SELECT {_NAME} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND {_NAME} = ANY (%s::text[])
"""
