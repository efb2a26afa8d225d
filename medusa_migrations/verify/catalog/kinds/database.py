"""The database as a whole: its schemas, extensions, settings, and rights on what it came with."""

from __future__ import annotations

from .kind import NOT_TEMPORARY, SECRET, TABLESPACE, Kind, if_true, own, owner, rights, sorted_rights, word

_DEFAULTS_ON = {
    "r": "tables",
    "S": "sequences",
    "f": "functions",
    "T": "types",
    "n": "schemas",
    "L": "large objects",
}

# Schemas that are initdb's, and objects as those of users are.
_OF_INITDB = "ARRAY['public', 'information_schema']::name[]"

# A value that is a secret is not shown, and so not compared.
_VALUE = f"CASE WHEN split_part(i, '=', 1) !~* '{SECRET}' THEN substr(i, strpos(i, '=') + 1) END"

_DATABASE = (
    Kind(
        kind="'schema'",
        catalog="pg_namespace",
        oid="n.oid",
        name="quote_ident(n.nspname)",
        attributes={"owner": owner("n.nspowner"), "rights": rights("n.nspacl", "n", "n.nspowner")},
        source=(
            "FROM pg_namespace n"
            f" WHERE {own('pg_namespace', 'n.oid')} AND {NOT_TEMPORARY}"
            f" OR n.nspname = ANY ({_OF_INITDB})"
        ),
    ),
    Kind(
        kind="'extension'",
        catalog="pg_extension",
        oid="e.oid",
        name="quote_ident(e.extname)",
        attributes={
            "owner": owner("e.extowner"),
            "version": "e.extversion",
            "schema": "n.nspname",
        },
        source="FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
    ),
    Kind(
        kind="'default_privileges'",
        catalog="pg_default_acl",
        oid="d.oid",
        name=(
            "quote_ident(pg_get_userbyid(d.defaclrole)) || ' on ' ||"
            f" {word('d.defaclobjtype', _DEFAULTS_ON)} || COALESCE(' in ' || quote_ident(n.nspname), '')"
        ),
        attributes={"rights": sorted_rights("d.defaclacl")},
        source="FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace",
    ),
    Kind(
        kind="'large_object'",
        catalog="pg_largeobject",  # as comments have it
        oid="l.oid",
        name="l.oid::text",
        attributes={"owner": owner("l.lomowner"), "rights": rights("l.lomacl", "L", "l.lomowner")},
        source="FROM pg_largeobject_metadata l",
    ),
    Kind(
        kind="'database'",
        catalog="pg_database",
        oid="b.oid",
        name="'current'",
        attributes={
            "owner": owner("b.datdba"),
            "rights": rights("b.datacl", "d", "b.datdba"),
            "comment": "shobj_description(b.oid, 'pg_database')",
            "security_labels": (
                "(SELECT array_agg(l.provider || ': ' || l.label ORDER BY l.provider) FROM pg_shseclabel l"
                " WHERE l.objoid = b.oid AND l.classoid = 'pg_database'::regclass)"
            ),
            "encoding": "pg_encoding_to_char(b.encoding)",
            "collate": "b.datcollate",
            "ctype": "b.datctype",
            "locale_provider": {15: word("b.datlocprovider", {"c": "libc", "i": "icu", "b": "builtin"})},
            "locale": {15: "b.daticulocale", 17: "b.datlocale"},
            "rules": {16: "b.daticurules"},
            "collation_version": {15: "b.datcollversion"},
            "tablespace": TABLESPACE.format("b.dattablespace"),
            "connection_limit": "NULLIF(b.datconnlimit, -1)",
            "allows_connections": "NULLIF(b.datallowconn, true)",
            "is_template": if_true("b.datistemplate"),
        },
        source="FROM pg_database b WHERE b.datname = current_database()",
    ),
    Kind(
        kind="'setting'",
        catalog="pg_db_role_setting",
        oid="0::oid",
        name=(
            "COALESCE(quote_ident(pg_get_userbyid(NULLIF(d.setrole, 0))), 'all roles') || ': ' || split_part(i, '=', 1)"
        ),
        attributes={"value": _VALUE},
        source=(
            "FROM pg_db_role_setting d CROSS JOIN unnest(d.setconfig) i"
            " WHERE d.setdatabase = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())"
        ),
    ),
)


def _granted(catalog: str, acl: str, default: str, named: str, alias: str, condition: str = "true") -> Kind:
    """Rights on what the server or an extension brings, where they are no longer those that it came with."""
    came_with = f"COALESCE(v.initprivs, {default})"
    return Kind(
        kind="'grant'",
        catalog=catalog,
        oid="0::oid",
        name=named,
        attributes={"rights": sorted_rights(acl)},
        source=(
            f"FROM {catalog} {alias} LEFT JOIN pg_init_privs v"
            f" ON v.classoid = '{catalog}'::regclass AND v.objoid = {alias}.oid AND v.objsubid = 0"
            f" WHERE {acl} IS NOT NULL AND {_brought(catalog, f'{alias}.oid')} AND {condition}"
            f" AND NOT ({acl} @> {came_with} AND {acl} <@ {came_with})"
        ),
    )


def _brought(catalog: str, oid: str) -> str:
    """The contrary of `own`."""
    return f"NOT ({own(catalog, oid)})"


# Of information_schema initdb did not note what it granted.
_DEFAULT_OF_RELATION = """
acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner) || CASE
    WHEN c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'information_schema')
    THEN ARRAY[makeaclitem(0, c.relowner, 'SELECT', false)] ELSE '{}'::aclitem[] END
"""

_GRANTS = (
    _granted("pg_class", "c.relacl", _DEFAULT_OF_RELATION, "'table ' || c.oid::regclass::text", "c"),
    _granted("pg_proc", "p.proacl", "acldefault('f', p.proowner)", "'function ' || p.oid::regprocedure::text", "p"),
    _granted("pg_type", "t.typacl", "acldefault('T', t.typowner)", "'type ' || format_type(t.oid, NULL)", "t"),
    _granted("pg_language", "l.lanacl", "acldefault('l', l.lanowner)", "'language ' || quote_ident(l.lanname)", "l"),
    _granted(
        "pg_foreign_data_wrapper",
        "f.fdwacl",
        "acldefault('F', f.fdwowner)",
        "'foreign_data_wrapper ' || quote_ident(f.fdwname)",
        "f",
    ),
    _granted(
        "pg_foreign_server", "s.srvacl", "acldefault('S', s.srvowner)", "'server ' || quote_ident(s.srvname)", "s"
    ),
    _granted(
        "pg_namespace",
        "n.nspacl",
        "acldefault('n', n.nspowner)",
        "'schema ' || quote_ident(n.nspname)",
        "n",
        f"n.nspname <> ALL ({_OF_INITDB}) AND {NOT_TEMPORARY}",
    ),
    Kind(
        kind="'grant'",
        catalog="pg_class",
        oid="0::oid",
        name="'column ' || c.oid::regclass::text || '.' || quote_ident(a.attname)",
        attributes={"rights": sorted_rights("a.attacl")},
        source=(
            "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_init_privs v"
            " ON v.classoid = 'pg_class'::regclass AND v.objoid = c.oid AND v.objsubid = a.attnum"
            f" WHERE a.attacl IS NOT NULL AND {_brought('pg_class', 'c.oid')}"
            " AND NOT (a.attacl @> COALESCE(v.initprivs, '{}') AND a.attacl <@ COALESCE(v.initprivs, '{}'))"
        ),
    ),
)


DATABASE: tuple[Kind, ...] = (*_DATABASE, *_GRANTS)
