"""Tables and whatever else is a relation, and what belongs to one."""

from __future__ import annotations

from collections.abc import Mapping

from .kind import (
    ENABLED,
    PARENTS,
    STORAGE,
    TABLESPACE,
    TRIGGERS,
    Kind,
    Sql,
    if_true,
    own,
    owner,
    qualified,
    rights,
    type_name,
    word,
)

# Of an index with the aliases i (pg_index) and x (its pg_class), with or without a constraint that is told by it.
_OF_INDEX: Mapping[str, Sql] = {
    "valid": "NULLIF(i.indisvalid, true)",
    "ready": "NULLIF(i.indisready, true)",
    "live": "NULLIF(i.indislive, true)",
    "clustered": if_true("i.indisclustered"),
    "replica_identity": if_true("i.indisreplident"),
    "tablespace": f"CASE WHEN x.reltablespace <> 0 THEN {TABLESPACE.format('x.reltablespace')} END",
    "statistics_targets": (
        "CASE WHEN i.indexprs IS NOT NULL THEN"
        " (SELECT array_agg(a.attname || ': ' || a.attstattarget ORDER BY a.attnum)"
        " FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0) END"
    ),
    "partition_of": f"CASE WHEN x.relispartition THEN {PARENTS.format('x.oid')} END",
}

_RELATIONS = Kind(
    kind=word(
        "c.relkind",
        {"r": "table", "p": "table", "v": "view", "m": "materialized_view", "f": "foreign_table"},
    ),
    catalog="pg_class",
    oid="c.oid",
    identity="c.oid::bigint",
    name="r.name",
    attributes={
        "owner": owner("c.relowner"),
        "persistence": "CASE c.relpersistence WHEN 'u' THEN 'unlogged' END",
        "access_method": "(SELECT a.amname FROM pg_am a WHERE a.oid = c.relam)",
        "tablespace": f"CASE WHEN c.reltablespace <> 0 THEN {TABLESPACE.format('c.reltablespace')} END",
        "options": "c.reloptions",
        "toast_options": "(SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid)",
        "rights": rights("c.relacl", "r", "c.relowner"),
        "type_rights": f"(SELECT {rights('t.typacl', 'T', 't.typowner')} FROM pg_type t WHERE t.oid = c.reltype)",
        "row_security": if_true("c.relrowsecurity"),
        "row_security_forced": if_true("c.relforcerowsecurity"),
        "replica_identity": word("c.relreplident", {"n": "nothing", "f": "full", "i": "index"}, "d"),
        "of_type": type_name("c.reloftype"),
        "populated": "NULLIF(c.relispopulated, true)",
        "partition_key": "CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END",
        "partition_bound": "pg_get_expr(c.relpartbound, c.oid)",
        "inherits": PARENTS.format("c.oid"),
        "detach_pending": (
            "(SELECT NULLIF(bool_or(h.inhdetachpending), false) FROM pg_inherits h WHERE h.inhrelid = c.oid)"
        ),
        "definition": "CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END",
        "server": (
            "CASE WHEN c.relkind = 'f' THEN (SELECT s.srvname FROM pg_foreign_table f"
            " JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid) END"
        ),
        "foreign_options": (
            "CASE WHEN c.relkind = 'f' THEN (SELECT f.ftoptions FROM pg_foreign_table f WHERE f.ftrelid = c.oid) END"
        ),
    },
    source=("FROM relation r JOIN pg_class c ON c.oid = r.oid WHERE r.relkind NOT IN ('i', 'I', 'S', 'c')"),
)

# PostgreSQL 18 has a NOT NULL that is not valid yet, and its constraint with a name that is often nobody's choice.
_NOT_NULL = (
    " LEFT JOIN pg_constraint k ON k.contype = 'n' AND k.conrelid = a.attrelid AND k.conkey[1] = a.attnum"
    " AND a.attnotnull"
)
_OF_COLUMNS = (
    "FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type t ON t.oid = a.atttypid{}"
    " WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped"
)
_DEFAULT = (
    "(SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)"
)

_COLUMNS = Kind(
    kind="'column'",
    catalog="pg_class",
    oid="a.attrelid",
    column="a.attnum::int",
    identity="a.attnum::bigint",
    name="r.name || '.' || quote_ident(a.attname)",
    attributes={
        "type": "format_type(a.atttypid, a.atttypmod)",
        "not_null": if_true("a.attnotnull"),
        "not_null_valid": {18: "NULLIF(k.convalidated, true)"},
        "not_null_no_inherit": {18: if_true("k.connoinherit")},
        "not_null_inherited": {18: "NULLIF(k.coninhcount, 0)"},
        "not_null_local": {18: "CASE WHEN k.coninhcount > 0 THEN k.conislocal END"},
        "default": f"CASE WHEN a.atthasdef AND a.attgenerated = '' THEN {_DEFAULT} END",
        "identity": word("a.attidentity", {"a": "always", "d": "by default"}, ""),
        "generated": (
            f"CASE a.attgenerated WHEN 's' THEN {_DEFAULT} || ' STORED' WHEN 'v' THEN {_DEFAULT} || ' VIRTUAL' END"
        ),
        "collation": "CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END",
        "storage": f"CASE WHEN a.attstorage <> t.typstorage THEN {word('a.attstorage', STORAGE)} END",
        "compression": word("a.attcompression", {"p": "pglz", "l": "lz4"}, ""),
        "statistics_target": "NULLIF(a.attstattarget, -1)",
        "options": "a.attoptions",
        "foreign_options": "a.attfdwoptions",
        "inherited": "NULLIF(a.attinhcount, 0)",
        "local": "NULLIF(a.attislocal, true)",
        "rights": rights("a.attacl", "c", "0"),
    },
    source={0: _OF_COLUMNS.format(""), 18: _OF_COLUMNS.format(_NOT_NULL)},
)

# A foreign key to a partitioned table has a row for each partition besides, on the same table as its own.
_CONSTRAINTS = Kind(
    kind="'constraint'",
    catalog="pg_constraint",
    oid="k.oid",
    name="COALESCE(r.name, format_type(y.oid, NULL)) || '.' || quote_ident(k.conname)",
    attributes={
        "definition": "pg_get_constraintdef(k.oid)",
        "inherited": "NULLIF(k.coninhcount, 0)",
        "local": "CASE WHEN k.coninhcount > 0 THEN NULLIF(k.conislocal, true) END",
        "triggers": "g.states",
        "options": "x.reloptions",
        "index_comment": (
            "(SELECT d.description FROM pg_description d"
            " WHERE d.objoid = x.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0)"
        ),
        **_OF_INDEX,
    },
    source=(
        "FROM pg_constraint k LEFT JOIN relation r ON r.oid = k.conrelid"
        f" LEFT JOIN pg_type y ON y.oid = k.contypid AND {own('pg_type', 'y.oid')}"
        " LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')"
        " LEFT JOIN pg_class x ON x.oid = i.indexrelid"
        " LEFT JOIN (SELECT g.tgconstraint, array_agg(p.proname || ' on ' || n.name || ': ' ||"
        f" {word('g.tgenabled', TRIGGERS)} ORDER BY p.proname, n.name) AS states"
        " FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid JOIN named n ON n.oid = g.tgrelid"
        " WHERE g.tgisinternal AND g.tgenabled <> 'O' GROUP BY g.tgconstraint) g ON g.tgconstraint = k.oid"
        " WHERE k.contype NOT IN ('n', 't') AND (r.oid IS NOT NULL OR y.oid IS NOT NULL) AND k.oid::bigint >= 16384"
        " AND NOT (k.conparentid <> 0 AND k.contype = 'f' AND EXISTS"
        " (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid))"
    ),
)

_INDEXES = Kind(
    kind="'index'",
    catalog="pg_class",
    oid="x.oid",
    name="n.name",
    identity="x.oid::bigint",
    attributes={
        "table": "r.name",
        "definition": "pg_get_indexdef(i.indexrelid)",
        **_OF_INDEX,
    },
    source=(
        "FROM pg_index i JOIN relation r ON r.oid = i.indrelid JOIN named n ON n.oid = i.indexrelid"
        " JOIN pg_class x ON x.oid = i.indexrelid WHERE NOT EXISTS"
        " (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))"
    ),
)

_SEQUENCES = Kind(
    kind="'sequence'",
    catalog="pg_class",
    oid="c.oid",
    identity="c.oid::bigint",
    name="r.name",
    attributes={
        "owner": owner("c.relowner"),
        "persistence": "CASE c.relpersistence WHEN 'u' THEN 'unlogged' END",
        "rights": rights("c.relacl", "s", "c.relowner"),
        "type": "format_type(q.seqtypid, NULL)",
        "start": "q.seqstart",
        "increment": "q.seqincrement",
        "minimum": "q.seqmin",
        "maximum": "q.seqmax",
        "cache": "q.seqcache",
        "cycle": if_true("q.seqcycle"),
        "owned_by": "d.refobjid::regclass::text || '.' || quote_ident(a.attname)",
        "owned_as": word("d.deptype", {"a": "owned", "i": "identity"}),
    },
    source=(
        "FROM relation r JOIN pg_class c ON c.oid = r.oid JOIN pg_sequence q ON q.seqrelid = c.oid"
        " LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid"
        " AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')"
        " LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
        " WHERE r.relkind = 'S' AND (d.objid IS NULL OR d.refobjid IN (SELECT t.oid FROM relation t))"
    ),
)

_OF_TABLES = (
    Kind(
        kind="'trigger'",
        catalog="pg_trigger",
        oid="g.oid",
        name="r.name || '.' || quote_ident(g.tgname)",
        attributes={
            "definition": "pg_get_triggerdef(g.oid)",
            "enabled": word("g.tgenabled", ENABLED),
            "inherited": if_true("g.tgparentid <> 0"),
        },
        source=(
            "FROM pg_trigger g JOIN relation r ON r.oid = g.tgrelid"
            f" WHERE NOT g.tgisinternal AND {own('pg_trigger', 'g.oid')}"
        ),
    ),
    Kind(
        kind="'rule'",
        catalog="pg_rewrite",
        oid="w.oid",
        name="r.name || '.' || quote_ident(w.rulename)",
        attributes={"definition": "pg_get_ruledef(w.oid)", "enabled": word("w.ev_enabled", ENABLED)},
        source="FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'",
    ),
    Kind(
        kind="'policy'",
        catalog="pg_policy",
        oid="p.oid",
        name="r.name || '.' || quote_ident(p.polname)",
        attributes={
            "command": word("p.polcmd", {"*": "all", "r": "select", "a": "insert", "w": "update", "d": "delete"}),
            "permissive": "p.polpermissive",
            "roles": (
                "ARRAY(SELECT CASE i WHEN 0 THEN 'public' ELSE pg_get_userbyid(i) END AS role"
                " FROM unnest(p.polroles) i ORDER BY role)"
            ),
            "using": "pg_get_expr(p.polqual, p.polrelid)",
            "check": "pg_get_expr(p.polwithcheck, p.polrelid)",
        },
        source="FROM pg_policy p JOIN relation r ON r.oid = p.polrelid",
    ),
    Kind(
        kind="'statistics'",
        catalog="pg_statistic_ext",
        oid="s.oid",
        name=qualified("n.nspname", "s.stxname"),
        attributes={
            "table": "r.name",
            "owner": owner("s.stxowner"),
            "definition": "pg_get_statisticsobjdef(s.oid)",
            "target": "NULLIF(s.stxstattarget, -1)",
        },
        source=(
            "FROM pg_statistic_ext s JOIN relation r ON r.oid = s.stxrelid"
            f" JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {own('pg_statistic_ext', 's.oid')}"
        ),
    ),
)


TABLES: tuple[Kind, ...] = (_RELATIONS, _COLUMNS, _CONSTRAINTS, _INDEXES, _SEQUENCES, *_OF_TABLES)
