"""The SQL of each object, in the server's own words, as far as it has some; a query for each catalog."""

from __future__ import annotations

from medusa_migrations.database.postgresql import FIRST_SCHEMA

# Names are printed with their schema where search_path does not find them without it.
_NAME = (
    f"CASE WHEN n.oid = {FIRST_SCHEMA} THEN ''"
    " ELSE pg_catalog.quote_ident(n.nspname) || '.' END || pg_catalog.quote_ident({})"
)
_TABLE = "x.oid::pg_catalog.regclass::pg_catalog.text"
_COLLATION = "CASE WHEN {} <> {} THEN {}::pg_catalog.regcollation::pg_catalog.text END"
_ALL = "= ANY (%s::pg_catalog.oid[])"

TABLES = f"""
SELECT x.oid, {_TABLE}, x.relname::text, x.relpersistence::text, x.reloptions, t.reloptions,
    x.relrowsecurity, x.relforcerowsecurity, x.relreplident::text, pg_catalog.pg_get_partkeydef(x.oid),
    CASE WHEN x.relispartition THEN pg_catalog.pg_get_expr(x.relpartbound, x.oid) END,
    ARRAY(SELECT h.inhparent::pg_catalog.regclass::text FROM pg_catalog.pg_inherits h WHERE h.inhrelid = x.oid
        ORDER BY h.inhseqno),
    CASE WHEN m.amname <> 'heap' THEN m.amname::text END
FROM pg_catalog.pg_class x
LEFT JOIN pg_catalog.pg_class t ON t.oid = x.reltoastrelid LEFT JOIN pg_catalog.pg_am m ON m.oid = x.relam
WHERE x.oid {_ALL} AND x.relkind IN ('r', 'p') ORDER BY x.oid
"""

COLUMNS = f"""
SELECT a.attrelid, a.attname::text, a.attislocal,
    CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
        WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
    CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
    NULLIF(a.attstattarget, -1), a.attoptions,
    q.relname::text, pg_catalog.obj_description(q.oid, 'pg_class')
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_depend d ON a.attidentity <> '' AND d.classid = 'pg_catalog.pg_class'::regclass::oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass::oid AND d.refobjid = a.attrelid
    AND d.refobjsubid = a.attnum::int4 AND d.deptype = 'i'
LEFT JOIN pg_catalog.pg_class q ON q.oid = d.objid AND q.relkind = 'S'
WHERE a.attrelid {_ALL} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""

DEFAULTS = f"""
SELECT d.oid, x.oid, {_TABLE}, a.attname::text, pg_catalog.pg_get_expr(d.adbin, d.adrelid, true)
FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class x ON x.oid = d.adrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.oid {_ALL} ORDER BY d.oid
"""

# Behind a constraint is what its index has, or has only by name.
CONSTRAINTS = f"""
SELECT k.oid, x.oid, {_TABLE}, k.conname::text, pg_catalog.pg_get_constraintdef(k.oid, true), k.contype::text,
    k.convalidated, i.relname::text, i.reloptions, g.indisclustered, g.indisreplident,
    CASE WHEN g.indexrelid IS NOT NULL THEN pg_catalog.obj_description(i.oid, 'pg_class') END
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class x ON x.oid = k.conrelid
LEFT JOIN pg_catalog.pg_index g ON g.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_catalog.pg_class i ON i.oid = g.indexrelid
WHERE k.oid {_ALL} ORDER BY k.conname
"""

# Of a partitioned table an index is made before it has partitions, and so without ONLY.
INDEXES = f"""
SELECT c.oid, x.oid, {_TABLE}, {_NAME.format("c.relname")},
    pg_catalog.pg_get_indexdef(c.oid, 0, true), c.relkind = 'I', i.indisunique, i.indisclustered, i.indisreplident,
    ARRAY(SELECT a.attnum::text || ' SET STATISTICS ' || a.attstattarget::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND i.indexprs IS NOT NULL AND a.attstattarget >= 0 ORDER BY a.attnum)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class x ON x.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid {_ALL} ORDER BY c.relname
"""

TRIGGERS = f"""
SELECT g.oid, x.oid, {_TABLE}, g.tgname::text, pg_catalog.pg_get_triggerdef(g.oid, true), g.tgenabled::text
FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class x ON x.oid = g.tgrelid WHERE g.oid {_ALL} ORDER BY g.tgname
"""

RULES = f"""
SELECT w.oid, x.oid, {_TABLE}, w.rulename::text, pg_catalog.pg_get_ruledef(w.oid, true), w.ev_enabled::text
FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class x ON x.oid = w.ev_class WHERE w.oid {_ALL} ORDER BY w.rulename
"""

POLICIES = f"""
SELECT p.oid, x.oid, {_TABLE}, p.polname::text, p.polcmd::text, p.polpermissive,
    ARRAY(SELECT CASE r WHEN 0::oid THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r)) END AS role
        FROM pg_catalog.unnest(p.polroles) r ORDER BY role),
    pg_catalog.pg_get_expr(p.polqual, p.polrelid, true), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid, true)
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class x ON x.oid = p.polrelid WHERE p.oid {_ALL} ORDER BY p.polname
"""

STATISTICS = f"""
SELECT s.oid, s.stxrelid, {_NAME.format("s.stxname")}, pg_catalog.pg_get_statisticsobjdef(s.oid),
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(s.stxname), NULLIF(s.stxstattarget, -1)
FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
WHERE s.oid {_ALL} ORDER BY s.stxname
"""

SEQUENCES = f"""
SELECT c.oid, {_NAME.format("c.relname")}, c.relpersistence = 'u', pg_catalog.format_type(q.seqtypid, NULL),
    q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle, d.refobjid,
    x.oid::pg_catalog.regclass::text || '.' || pg_catalog.quote_ident(a.attname)
FROM pg_catalog.pg_sequence q JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass::oid AND d.objid = c.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass::oid AND d.deptype = 'a'
LEFT JOIN pg_catalog.pg_class x ON x.oid = d.refobjid
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum::int4 = d.refobjsubid
WHERE c.oid {_ALL} ORDER BY c.relname
"""

VIEWS = f"""
SELECT c.oid, {_NAME.format("c.relname")}, c.relkind = 'm', c.relispopulated, c.reloptions,
    pg_catalog.pg_get_viewdef(c.oid, true)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid {_ALL} AND c.relkind IN ('v', 'm') ORDER BY c.relname
"""

FUNCTIONS = f"""
SELECT p.oid, {_NAME.format("p.proname")},
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname),
    pg_catalog.pg_get_function_identity_arguments(p.oid), p.prokind = 'p', pg_catalog.pg_get_functiondef(p.oid)
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid {_ALL} AND p.prokind <> 'a' ORDER BY p.proname, p.oid
"""

TYPES = f"""
SELECT t.oid, {_NAME.format("t.typname")}, t.typtype::text, t.typrelid,
    ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
    pg_catalog.format_type(b.oid, t.typtypmod),
    {_COLLATION.format("t.typcollation", "b.typcollation", "t.typcollation")},
    pg_catalog.pg_get_expr(t.typdefaultbin, 0::oid), t.typnotnull,
    pg_catalog.format_type(g.rngsubtype, NULL), g.rngcanonical <> 0::oid,
    CASE WHEN NOT o.opcdefault THEN
        CASE WHEN pg_catalog.pg_opclass_is_visible(o.oid) THEN '' ELSE pg_catalog.quote_ident(w.nspname) || '.' END
        || pg_catalog.quote_ident(o.opcname) END,
    {_COLLATION.format("g.rngcollation", "s.typcollation", "g.rngcollation")},
    NULLIF(g.rngsubdiff, 0::oid)::pg_catalog.regproc::text, m.typname::text
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_range g ON g.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_type s ON s.oid = g.rngsubtype LEFT JOIN pg_catalog.pg_type m ON m.oid = g.rngmultitypid
LEFT JOIN pg_catalog.pg_opclass o ON o.oid = g.rngsubopc
LEFT JOIN pg_catalog.pg_namespace w ON w.oid = o.opcnamespace
WHERE t.oid {_ALL} AND t.typtype IN ('e', 'd', 'c', 'r') ORDER BY t.typname
"""

DOMAIN_CONSTRAINTS = f"""
SELECT k.contypid, k.oid, k.conname::text, pg_catalog.pg_get_constraintdef(k.oid, true), k.convalidated
FROM pg_catalog.pg_constraint k WHERE k.contypid {_ALL} AND k.contype = 'c' ORDER BY k.conname
"""

ATTRIBUTES = f"""
SELECT a.attrelid, a.attnum::int4, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
    {_COLLATION.format("a.attcollation", "t.typcollation", "a.attcollation")}
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid {_ALL} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
"""

# Which column has the locale depends on the version.
COLLATIONS = f"""
SELECT o.oid, {_NAME.format("o.collname")}, o.collprovider::text, o.collisdeterministic,
    COALESCE(j.all ->> 'colllocale'::text, j.all ->> 'colliculocale'::text, o.collcollate::text), o.collcollate::text,
    o.collctype::text, j.all ->> 'collicurules'::text, o.collencoding = -1
FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace,
    LATERAL (SELECT pg_catalog.to_jsonb(o) AS all) j
WHERE o.oid {_ALL} ORDER BY o.collname
"""

EXTENSIONS = f"""
SELECT e.oid, e.extname::text,
    CASE WHEN n.oid <> {FIRST_SCHEMA} THEN n.nspname::text END
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.oid {_ALL} ORDER BY e.extname
"""

REMARKS = f"""
SELECT d.classoid::pg_catalog.regclass::text, d.objoid, d.objsubid, d.description FROM pg_catalog.pg_description d
WHERE d.objoid {_ALL}
"""
