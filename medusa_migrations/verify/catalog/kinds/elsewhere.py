"""What leads to other databases: publications, subscriptions, foreign servers."""

from __future__ import annotations

from .kind import SECRET, Kind, function_name, if_true, own, owner, rights, word

_COLUMN_LIST = (
    "COALESCE(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)"
    " FROM unnest(m.prattrs::int2[]) i JOIN pg_attribute a ON a.attrelid = m.prrelid AND a.attnum = i) || ')', '')"
)

_REPLICATION = (
    Kind(
        kind="'publication'",
        catalog="pg_publication",
        oid="p.oid",
        name="quote_ident(p.pubname)",
        attributes={
            "owner": owner("p.pubowner"),
            "all_tables": if_true("p.puballtables"),
            "publishes": (
                "concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,"
                " CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)"
            ),
            "via_root": if_true("p.pubviaroot"),
            "generated_columns": {18: word("p.pubgencols", {"s": "stored"}, "n")},
            "schemas": {
                15: "(SELECT array_agg(n.nspname ORDER BY n.nspname) FROM pg_publication_namespace m"
                " JOIN pg_namespace n ON n.oid = m.pnnspid WHERE m.pnpubid = p.oid)"
            },
            "tables": {
                0: "(SELECT array_agg(m.prrelid::regclass::text ORDER BY r.name) FROM pg_publication_rel m"
                " JOIN relation r ON r.oid = m.prrelid WHERE m.prpubid = p.oid)",
                15: f"(SELECT array_agg(r.name || {_COLUMN_LIST} ||"
                " COALESCE(' WHERE ' || pg_get_expr(m.prqual, m.prrelid), '') ORDER BY r.name)"
                " FROM pg_publication_rel m JOIN relation r ON r.oid = m.prrelid WHERE m.prpubid = p.oid)",
            },
        },
        source=f"FROM pg_publication p WHERE {own('pg_publication', 'p.oid')}",
    ),
    Kind(
        kind="'subscription'",
        catalog="pg_subscription",
        oid="s.oid",
        name="quote_ident(s.subname)",
        attributes={
            "owner": owner("s.subowner"),
            "enabled": "s.subenabled",
            "slot": "s.subslotname",
            "publications": "ARRAY(SELECT i FROM unnest(s.subpublications) i ORDER BY i)",
            "binary": if_true("s.subbinary"),
            "streaming": {0: "s.substream::text"},
            "synchronous_commit": "s.subsynccommit",
            "two_phase": {15: if_true("s.subtwophasestate <> 'd'")},
            "disable_on_error": {15: if_true("s.subdisableonerr")},
            "password_required": {16: "NULLIF(s.subpasswordrequired, true)"},
            "run_as_owner": {16: if_true("s.subrunasowner")},
            "origin": {16: "s.suborigin"},
            "failover": {17: if_true("s.subfailover")},
        },
        source=(
            "FROM pg_subscription s"
            " WHERE s.subdbid = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())"
        ),
    ),
)

# A value that is a secret is not shown, and so not compared.
_MAPPING_OPTIONS = (
    f"(SELECT array_agg(CASE WHEN split_part(i, '=', 1) ~* '{SECRET}' THEN split_part(i, '=', 1) ELSE i END ORDER BY i)"
    " FROM unnest(m.umoptions) i)"
)

_FOREIGN = (
    Kind(
        kind="'foreign_data_wrapper'",
        catalog="pg_foreign_data_wrapper",
        oid="f.oid",
        name="quote_ident(f.fdwname)",
        attributes={
            "owner": owner("f.fdwowner"),
            "rights": rights("f.fdwacl", "F", "f.fdwowner"),
            "handler": function_name("f.fdwhandler"),
            "validator": function_name("f.fdwvalidator"),
            "options": "f.fdwoptions",
        },
        source=f"FROM pg_foreign_data_wrapper f WHERE {own('pg_foreign_data_wrapper', 'f.oid')}",
    ),
    Kind(
        kind="'server'",
        catalog="pg_foreign_server",
        oid="s.oid",
        name="quote_ident(s.srvname)",
        attributes={
            "owner": owner("s.srvowner"),
            "rights": rights("s.srvacl", "S", "s.srvowner"),
            "wrapper": "f.fdwname",
            "type": "s.srvtype",
            "version": "s.srvversion",
            "options": "s.srvoptions",
        },
        source=(
            "FROM pg_foreign_server s JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw"
            f" WHERE {own('pg_foreign_server', 's.oid')}"
        ),
    ),
    Kind(
        kind="'user_mapping'",  # by the view, as an ordinary user may not read the table
        catalog="pg_user_mapping",
        oid="m.umid",
        name="CASE m.umuser WHEN 0 THEN 'public' ELSE quote_ident(m.usename) END || ' on ' || quote_ident(m.srvname)",
        attributes={"server": "quote_ident(m.srvname)", "options": _MAPPING_OPTIONS},
        source="FROM pg_user_mappings m",
    ),
)


ELSEWHERE: tuple[Kind, ...] = (*_REPLICATION, *_FOREIGN)
