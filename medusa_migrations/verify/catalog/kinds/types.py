"""Types, functions, operators and what is made of them."""

from __future__ import annotations

from .kind import (
    MADE_WITH,
    NOT_TEMPORARY,
    STORAGE,
    Kind,
    function_name,
    if_true,
    own,
    owner,
    qualified,
    rights,
    type_name,
    word,
)

_FORMS = {"b": "base", "c": "composite", "d": "domain", "e": "enum", "r": "range", "m": "multirange", "p": "shell"}


def _of_base(sql: str) -> str:
    return f"CASE WHEN t.typtype = 'b' THEN {sql} END"


_TYPES = (
    Kind(
        kind="'type'",
        catalog="pg_type",
        oid="t.oid",
        name="format_type(t.oid, NULL)",
        attributes={
            "form": word("t.typtype", _FORMS),
            "owner": owner("t.typowner"),
            "rights": rights("t.typacl", "T", "t.typowner"),
            "labels": (
                "CASE WHEN t.typtype = 'e' THEN ARRAY"
                "(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) END"
            ),
            "attributes": (
                "CASE WHEN t.typtype = 'c' THEN ARRAY(SELECT a.attname FROM pg_attribute a"
                " WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) END"
            ),
            "base": "CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END",
            "not_null": if_true("t.typnotnull"),
            "default": "COALESCE(pg_get_expr(t.typdefaultbin, 0), t.typdefault)",
            "collation": "CASE WHEN t.typtype IN ('b', 'd') THEN NULLIF(t.typcollation, 0)::regcollation::text END",
            "subtype": type_name("g.rngsubtype"),
            "subtype_operator_class": (
                "(SELECT quote_ident(n.nspname) || '.' || quote_ident(o.opcname)"
                " FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.oid = g.rngsubopc)"
            ),
            "subtype_collation": "NULLIF(g.rngcollation, 0)::regcollation::text",
            "subtype_difference": "NULLIF(g.rngsubdiff, 0)::regprocedure::text",
            "canonical": "NULLIF(g.rngcanonical, 0)::regprocedure::text",
            "multirange": type_name("g.rngmultitypid"),
            "range": (
                "CASE WHEN t.typtype = 'm' THEN"
                " (SELECT format_type(m.rngtypid, NULL) FROM pg_range m WHERE m.rngmultitypid = t.oid) END"
            ),
            "input": _of_base(function_name("t.typinput")),
            "output": _of_base(function_name("t.typoutput")),
            "receive": _of_base(function_name("t.typreceive")),
            "send": _of_base(function_name("t.typsend")),
            "modifier_input": _of_base(function_name("t.typmodin")),
            "modifier_output": _of_base(function_name("t.typmodout")),
            "analyze": _of_base(function_name("t.typanalyze")),
            "subscript": _of_base(function_name("t.typsubscript")),
            "element": _of_base(type_name("t.typelem")),
            "length": _of_base("t.typlen"),
            "by_value": _of_base("t.typbyval"),
            "alignment": _of_base(word("t.typalign", {"c": "char", "s": "int2", "i": "int4", "d": "double"})),
            "storage": _of_base(word("t.typstorage", STORAGE)),
            "category": _of_base("t.typcategory"),
            "preferred": _of_base("t.typispreferred"),
            "delimiter": _of_base("t.typdelim"),
        },
        source=(
            "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
            " LEFT JOIN pg_range g ON g.rngtypid = t.oid AND t.typtype = 'r'"
            f" WHERE {own('pg_type', 't.oid')} AND {NOT_TEMPORARY}"
            " AND (t.typrelid = 0 OR t.typrelid IN (SELECT r.oid FROM relation r WHERE r.relkind = 'c'))"
            " AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)"
        ),
    ),
    Kind(
        kind="'attribute'",
        catalog="pg_class",
        oid="a.attrelid",
        column="a.attnum::int",
        identity="a.attnum::bigint",
        name="r.name || '.' || quote_ident(a.attname)",
        attributes={
            "type": "format_type(a.atttypid, a.atttypmod)",
            "collation": "NULLIF(a.attcollation, 0)::regcollation::text",
        },
        source=(
            "FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid"
            " WHERE r.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped"
        ),
    ),
    Kind(
        kind="'collation'",
        catalog="pg_collation",
        oid="o.oid",
        name=qualified("n.nspname", "o.collname"),
        attributes={
            "owner": owner("o.collowner"),
            "provider": word("o.collprovider", {"c": "libc", "i": "icu", "b": "builtin", "d": "default"}),
            "version": "o.collversion",
            "deterministic": "NULLIF(o.collisdeterministic, true)",
            "encoding": "NULLIF(pg_encoding_to_char(o.collencoding), '')",
            "collate": "o.collcollate",
            "ctype": "o.collctype",
            "locale": {15: "o.colliculocale", 17: "o.colllocale"},
            "rules": {16: "o.collicurules"},
        },
        source=(
            f"FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace WHERE {own('pg_collation', 'o.oid')}"
        ),
    ),
)

_PARALLEL = {"s": "safe", "r": "restricted", "u": "unsafe"}

_MODIFY = {"r": "read only", "s": "shareable", "w": "read write"}

_FUNCTIONS = Kind(
    kind=word("p.prokind", {"f": "function", "w": "function", "p": "procedure", "a": "aggregate"}),
    catalog="pg_proc",
    oid="p.oid",
    name="p.oid::regprocedure::text",
    attributes={
        "owner": owner("p.proowner"),
        "rights": rights("p.proacl", "f", "p.proowner"),
        "definition": "CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END",
        "made_with": MADE_WITH.format("pg_proc", "p.oid"),
        "result": "CASE WHEN p.prokind = 'a' THEN pg_get_function_result(p.oid) END",
        "arguments": "CASE WHEN p.prokind = 'a' THEN pg_get_function_arguments(p.oid) END",
        "parallel": f"CASE WHEN p.prokind = 'a' THEN {word('p.proparallel', _PARALLEL)} END",
        "variant": word("a.aggkind", {"o": "ordered-set", "h": "hypothetical-set"}, "n"),
        "direct_arguments": "NULLIF(a.aggnumdirectargs, 0)",
        "state_function": function_name("a.aggtransfn"),
        "state_type": type_name("a.aggtranstype"),
        "state_space": "NULLIF(a.aggtransspace, 0)",
        "initial_state": "a.agginitval",
        "final_function": function_name("a.aggfinalfn"),
        "final_extra": if_true("a.aggfinalextra"),
        "final_modify": word("a.aggfinalmodify", _MODIFY),
        "combine_function": function_name("a.aggcombinefn"),
        "serialize_function": function_name("a.aggserialfn"),
        "deserialize_function": function_name("a.aggdeserialfn"),
        "moving_state_function": function_name("a.aggmtransfn"),
        "moving_inverse_function": function_name("a.aggminvtransfn"),
        "moving_state_type": type_name("a.aggmtranstype"),
        "moving_state_space": "NULLIF(a.aggmtransspace, 0)",
        "moving_initial_state": "a.aggminitval",
        "moving_final_function": function_name("a.aggmfinalfn"),
        "moving_final_extra": if_true("a.aggmfinalextra"),
        "moving_final_modify": word("a.aggmfinalmodify", _MODIFY),
        "sort_operator": "NULLIF(a.aggsortop, 0)::regoperator::text",
    },
    source=(
        "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid"
        f" WHERE {own('pg_proc', 'p.oid')} AND {NOT_TEMPORARY}"
    ),
)

_FAMILY = (
    "(SELECT quote_ident(fn.nspname) || '.' || quote_ident(f.opfname) || ' USING ' || quote_ident(fa.amname)"
    " FROM pg_opfamily f JOIN pg_namespace fn ON fn.oid = f.opfnamespace JOIN pg_am fa ON fa.oid = f.opfmethod"
    " WHERE f.oid = {})"
)

# One that an operator class of an extension holds has no entry of its own in the extension, but its family has one.
_OF_FAMILY = (
    "FROM {table} x WHERE x.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d"
    " JOIN member ON member.classid = d.refclassid AND member.objid = d.refobjid"
    " WHERE d.classid = '{table}'::regclass AND d.objid = x.oid AND d.deptype IN ('a', 'i')"
    " AND d.refclassid IN ('pg_opclass'::regclass, 'pg_opfamily'::regclass))"
)

_OPERATORS = (
    Kind(
        kind="'operator'",
        catalog="pg_operator",
        oid="o.oid",
        name="o.oid::regoperator::text",
        attributes={
            "owner": owner("o.oprowner"),
            "function": function_name("o.oprcode"),
            "result": type_name("o.oprresult"),
            "restrict": function_name("o.oprrest"),
            "join": function_name("o.oprjoin"),
            "commutator": "NULLIF(o.oprcom, 0)::regoperator::text",
            "negator": "NULLIF(o.oprnegate, 0)::regoperator::text",
            "merges": if_true("o.oprcanmerge"),
            "hashes": if_true("o.oprcanhash"),
        },
        source=f"FROM pg_operator o WHERE {own('pg_operator', 'o.oid')}",
    ),
    Kind(
        kind="'operator_family'",
        catalog="pg_opfamily",
        oid="o.oid",
        name=_FAMILY.format("o.oid"),
        attributes={"owner": owner("o.opfowner")},
        source=f"FROM pg_opfamily o WHERE {own('pg_opfamily', 'o.oid')}",
    ),
    Kind(
        kind="'operator_class'",
        catalog="pg_opclass",
        oid="o.oid",
        name=qualified("n.nspname", "o.opcname") + " || ' USING ' || quote_ident(a.amname)",
        attributes={
            "owner": owner("o.opcowner"),
            "type": type_name("o.opcintype"),
            "storage_type": type_name("o.opckeytype"),
            "default": if_true("o.opcdefault"),
            "family": _FAMILY.format("o.opcfamily"),
        },
        source=(
            "FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod JOIN pg_namespace n ON n.oid = o.opcnamespace"
            f" WHERE {own('pg_opclass', 'o.oid')}"
        ),
    ),
    Kind(
        kind="'family_operator'",
        catalog="pg_amop",
        oid="x.oid",
        name=(
            f"{_FAMILY.format('x.amopfamily')} || ': ' || x.amopstrategy || ' (' ||"
            " format_type(x.amoplefttype, NULL) || ', ' || format_type(x.amoprighttype, NULL) || ')'"
        ),
        attributes={
            "family": _FAMILY.format("x.amopfamily"),
            "operator": "x.amopopr::regoperator::text",
            "purpose": word("x.amoppurpose", {"s": "search", "o": "order by"}),
            "sort_family": _FAMILY.format("NULLIF(x.amopsortfamily, 0)"),
        },
        source=_OF_FAMILY.format(table="pg_amop"),
    ),
    Kind(
        kind="'family_function'",
        catalog="pg_amproc",
        oid="x.oid",
        name=(
            f"{_FAMILY.format('x.amprocfamily')} || ': ' || x.amprocnum || ' (' ||"
            " format_type(x.amproclefttype, NULL) || ', ' || format_type(x.amprocrighttype, NULL) || ')'"
        ),
        attributes={
            "family": _FAMILY.format("x.amprocfamily"),
            "function": "x.amproc::regprocedure::text",
        },
        source=_OF_FAMILY.format(table="pg_amproc"),
    ),
    Kind(
        kind="'cast'",
        catalog="pg_cast",
        oid="k.oid",
        name="format_type(k.castsource, NULL) || ' AS ' || format_type(k.casttarget, NULL)",
        attributes={
            "made_with": MADE_WITH.format("pg_cast", "k.oid"),
            "function": function_name("k.castfunc"),
            "context": word("k.castcontext", {"e": "explicit", "a": "assignment", "i": "implicit"}),
            "method": word("k.castmethod", {"f": "function", "i": "in and out", "b": "binary"}),
        },
        source=f"FROM pg_cast k WHERE {own('pg_cast', 'k.oid')}",
    ),
)


TYPES: tuple[Kind, ...] = (*_TYPES, _FUNCTIONS, *_OPERATORS)
