"""Whatever the server's catalog has is read, or stands here with the reason why it is not.

A new major version has new columns: the test fails for it, not for a user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pglast import ast, parse_sql

from medusa_migrations.verify.catalog.query import catalog_query
from tests.support.projects import Server

pytestmark = pytest.mark.server

# What the server's functions print, whose columns are not named in the queries.
PRINTED = {
    "pg_get_viewdef": "pg_rewrite: ev_action",
    "pg_get_ruledef": "pg_rewrite: ev_type is_instead ev_qual ev_action",
    "pg_get_triggerdef": "pg_trigger: tgfoid tgtype tgconstrrelid tgdeferrable tginitdeferred tgnargs tgattr tgargs"
    " tgqual tgoldtable tgnewtable",
    "pg_get_indexdef": "pg_index: indnatts indnkeyatts indisunique indnullsnotdistinct indkey indcollation indclass"
    " indoption indexprs indpred",
    "pg_get_constraintdef": "pg_constraint: contype condeferrable condeferred conenforced convalidated confrelid"
    " confupdtype confdeltype confmatchtype connoinherit conperiod conkey confkey confdelsetcols conexclop conbin",
    "pg_get_partkeydef": "pg_partitioned_table: partstrat partnatts partattrs partclass partcollation partexprs",
    "pg_get_functiondef": "pg_proc: proname pronamespace prolang procost prorows provariadic prosupport prokind"
    " prosecdef proleakproof proisstrict proretset provolatile proparallel pronargs pronargdefaults prorettype"
    " proargtypes proallargtypes proargmodes proargnames proargdefaults protrftypes prosrc probin prosqlbody proconfig",
    "pg_get_statisticsobjdef": "pg_statistic_ext: stxrelid stxkeys stxkind stxexprs",
    "pg_get_userbyid": "pg_authid: rolname",
    "format_type": "pg_type: typname typnamespace",
    "regoperator": "pg_operator: oprname oprnamespace oprkind oprleft oprright",
    "regclass": "pg_class: relname relnamespace",
    "shobj_description": "pg_shdescription: description",
}

# Views that are read in place of a table that an ordinary user may not read, and their columns there.
VIEWS = {
    "pg_user_mappings": ("pg_user_mapping", {"umid": "oid", "srvname": "umserver", "usename": "umuser"}),
}

NOT_COMPARED = [
    (
        "says what it belongs to, or is of: the name begins with that, or it is an attribute of that",
        """
        pg_aggregate: aggfnoid
        pg_attrdef: adnum
        pg_constraint: conrelid contypid
        pg_db_role_setting: setdatabase
        pg_enum: enumtypid
        pg_foreign_table: ftrelid
        pg_inherits: inhrelid
        pg_partitioned_table: partrelid
        pg_publication_namespace: pnpubid
        pg_publication_rel: prpubid
        pg_rewrite: ev_class
        pg_sequence: seqrelid
        pg_trigger: tgrelid
        pg_ts_config_map: mapcfg
        """,
    ),
    (
        "leads to something by its OID, whose name is compared: its schema, its access method, its template",
        """
        pg_amop: amopfamily amopsortfamily
        pg_amproc: amprocfamily
        pg_class: relam reltype reltoastrelid
        pg_collation: collnamespace
        pg_conversion: connamespace
        pg_database: dattablespace
        pg_default_acl: defaclnamespace
        pg_extension: extnamespace
        pg_foreign_server: srvfdw
        pg_foreign_table: ftserver
        pg_index: indrelid
        pg_opclass: opcmethod opcnamespace opcfamily
        pg_opfamily: opfmethod opfnamespace
        pg_publication_namespace: pnnspid
        pg_range: rngsubopc
        pg_transform: trflang
        pg_ts_config: cfgnamespace
        pg_ts_dict: dictnamespace dicttemplate
        pg_ts_parser: prsnamespace
        pg_ts_template: tmplnamespace
        """,
    ),
    (
        "says at which object a comment, a label or an extension stands: that object has it as an attribute",
        """
        pg_depend: objsubid refclassid refobjsubid
        pg_shdescription: objoid classoid
        pg_shseclabel: objoid classoid
        """,
    ),
    (
        "an OID without another meaning: what is made anew has another",
        """
        pg_attrdef: oid
        pg_database: datlastsysoid
        pg_enum: oid
        pg_publication_namespace: oid
        pg_publication_rel: oid
        """,
    ),
    (
        "counts or repeats what is compared where it is from, or goes with it",
        """
        pg_amop: amopmethod
        pg_attribute: attlen attbyval attalign attcacheoff
        pg_class: relhasindex relnatts relchecks relhasrules relhastriggers relhassubclass relisshared
        pg_constraint: connamespace conindid conparentid conpfeqop conppeqop conffeqop
        pg_database: dathasloginevt
        pg_index: indisprimary indisexclusion indimmediate
        pg_language: lanispl
        pg_partitioned_table: partdefid
        pg_statistic_ext: stxnamespace
        pg_trigger: tgisinternal tgconstrindid
        pg_type: typisdefined typrelid typarray
        pg_shdepend: dbid classid objid objsubid refclassid refobjid deptype
        """,
    ),
    (
        "of a column that is dropped, and so is no column: the row stays as long as the table",
        "pg_attribute: attisdropped",
    ),
    (
        "where and how rows are stored: up and down leave that changed, and it means nothing",
        """
        pg_attribute: atthasmissing attmissingval
        pg_class: relfilenode relpages reltuples relallvisible relallfrozen relrewrite relfrozenxid relminmxid
        pg_database: datfrozenxid datminmxid
        pg_index: indcheckxmin
        """,
    ),
    (
        "the number of dimensions that was written: the server holds no array to it, and pg_dump does not write it",
        "pg_attribute: attndims; pg_type: typndims",
    ),
    (
        "data: what ANALYZE has counted, what large objects hold, how far the workers of a subscription are",
        """
        pg_largeobject: loid pageno data
        pg_statistic: starelid staattnum stainherit stanullfrac stawidth stadistinct stakind1 stakind2 stakind3
            stakind4 stakind5 staop1 staop2 staop3 staop4 staop5 stacoll1 stacoll2 stacoll3 stacoll4 stacoll5
            stanumbers1 stanumbers2 stanumbers3 stanumbers4 stanumbers5 stavalues1 stavalues2 stavalues3 stavalues4
            stavalues5
        pg_statistic_ext_data: stxoid stxdinherit stxdndistinct stxddependencies stxdmcv stxdexpr
        pg_subscription: subskiplsn
        pg_subscription_rel: srsubid srrelid srsubstate srsublsn
        """,
    ),
    (
        "only an extension's own script sets it, so that the version of the extension tells it",
        "pg_extension: extrelocatable extconfig extcondition",
    ),
    (
        "the rights that objects came with: what rights on these are compared with",
        "pg_init_privs: objoid classoid objsubid privtype initprivs",
    ),
    (
        "the server's and no database's: a migration that changes it is refused before it commits",
        """
        pg_auth_members: oid roleid member grantor admin_option inherit_option set_option
        pg_authid: oid rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolbypassrls
            rolconnlimit rolpassword rolvaliduntil
        pg_parameter_acl: oid parname paracl
        pg_replication_origin: roident roname
        pg_tablespace: oid spcowner spcacl spcoptions
        """,
    ),
    ("the name of the database that is read: a scratch has another", "pg_database: datname"),
    ("chooses the subscriptions of this database", "pg_subscription: subdbid"),
    ("holds a password, and only a superuser may read it", "pg_subscription: subconninfo"),
]

Column = tuple[str, str]

CATALOG = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""


@pytest.fixture(scope="module")
def catalog(server: Server) -> set[Column]:
    return set(server.execute(CATALOG))


@pytest.fixture(scope="module")
def read(server: Server) -> set[Column]:
    major = int(server.execute("SHOW server_version_num")[0][0]) // 10000
    return read_by(catalog_query(major, "ARRAY[]::text[]"))


@pytest.fixture(scope="module")
def left_out() -> dict[Column, str]:
    return {column: reason for reason, columns in NOT_COMPARED for column in listed(columns)}


def listed(text: str) -> Iterator[Column]:
    """The columns of `table: column column; table: column`; a line with a colon begins a table too."""
    table = ""
    for word in re.findall(r"\w+:?", text):
        if word.endswith(":"):
            table = word[:-1]
        else:
            yield table, word


def test_every_column_of_the_catalog_is_compared_or_there_is_a_reason(
    catalog: set[Column], read: set[Column], left_out: dict[Column, str]
) -> None:
    unknown = sorted(catalog - read - left_out.keys())
    assert not unknown, f"read them in verify/kinds, or give the reason why not here: {unknown}"


def test_no_reason_is_given_for_what_is_compared(read: set[Column], left_out: dict[Column, str]) -> None:
    excused = sorted(read & left_out.keys())
    assert not excused, f"these are compared: {excused}"


def test_no_column_has_two_reasons() -> None:
    columns = [column for _, text in NOT_COMPARED for column in listed(text)]
    assert len(columns) == len(set(columns))


def test_what_has_a_reason_or_is_printed_is_a_column_of_some_version(
    server: Server, catalog: set[Column], left_out: dict[Column, str]
) -> None:
    """What is misspelt would excuse nothing. What only newer versions have is not held against an older one."""
    printed = {column for text in PRINTED.values() for column in listed(text)}
    gone = {("pg_attribute", "attcacheoff"), ("pg_database", "datlastsysoid")}  # before 18, before 15
    if int(server.execute("SHOW server_version_num")[0][0]) >= 180000:
        assert sorted((left_out.keys() | printed) - gone - catalog) == []


def read_by(sql: str) -> set[tuple[str, str]]:
    """The columns of the catalog that go into a query's result; those that only choose or join rows do not count."""
    found: set[tuple[str, str]] = set()
    for statement in parse_sql(sql):
        _select(statement.stmt, {}, found)
    return found


def _select(node: Any, outer: dict[str, str], found: set[tuple[str, str]]) -> None:
    names = dict(outer)
    if node.op:  # UNION
        _select(node.larg, names, found)
        _select(node.rarg, names, found)
    for one in node.withClause.ctes if node.withClause else ():
        _select(one.ctequery, names, found)
    for item in list(_tables(node.fromClause or (), names)):
        _expression(item, names, found)
    for expression in (*(node.targetList or ()), *(node.sortClause or ())):
        _expression(expression, names, found)


def _tables(items: Any, names: dict[str, str]) -> Iterator[Any]:
    """Note the aliases of tables; the selects and functions that stand in place of one come out."""
    for item in items:
        if isinstance(item, ast.JoinExpr):
            yield from _tables((item.larg, item.rarg), names)
        elif isinstance(item, ast.RangeVar):
            names[item.alias.aliasname if item.alias else item.relname] = item.relname
        elif isinstance(item, ast.RangeSubselect):
            names[item.alias.aliasname] = ""
            yield item.subquery
        elif isinstance(item, ast.RangeFunction):
            names[item.alias.aliasname] = ""
            yield item


def _expression(node: Any, names: dict[str, str], found: set[tuple[str, str]]) -> None:
    if isinstance(node, ast.SelectStmt):
        _select(node, names, found)
        return
    if isinstance(node, ast.ColumnRef) and len(node.fields) == 2:
        alias, column = (field.sval for field in node.fields)
        table, known = VIEWS.get(names[alias], (names[alias], {}))
        found.add((table, known.get(column, column)))
    if isinstance(node, ast.FuncCall):
        _printed(node.funcname[-1].sval, found)
    if isinstance(node, ast.TypeCast):
        _printed(node.typeName.names[-1].sval, found)
    for child in node if isinstance(node, tuple) else [getattr(node, slot) for slot in node.__slots__]:
        if isinstance(child, (tuple, ast.Node)):
            _expression(child, names, found)


def _printed(function: str, found: set[tuple[str, str]]) -> None:
    found.update(listed(PRINTED.get(function, "")))
