"""Text search, languages, and what else calls programs."""

from __future__ import annotations

from .kind import ENABLED, Kind, function_name, if_true, own, owner, qualified, rights, word

_TEXT_SEARCH = (
    Kind(
        kind="'text_search_configuration'",
        catalog="pg_ts_config",
        oid="f.oid",
        name=qualified("n.nspname", "f.cfgname"),
        attributes={
            "owner": owner("f.cfgowner"),
            "parser": (
                "(SELECT quote_ident(pn.nspname) || '.' || quote_ident(p.prsname) FROM pg_ts_parser p"
                " JOIN pg_namespace pn ON pn.oid = p.prsnamespace WHERE p.oid = f.cfgparser)"
            ),
            "mappings": (
                "ARRAY(SELECT COALESCE((SELECT k.alias FROM ts_token_type(f.cfgparser) k"
                " WHERE k.tokid = m.maptokentype), m.maptokentype::text) || ': ' ||"
                " string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno)"
                " FROM pg_ts_config_map m WHERE m.mapcfg = f.oid GROUP BY m.maptokentype ORDER BY m.maptokentype)"
            ),
        },
        source=(
            f"FROM pg_ts_config f JOIN pg_namespace n ON n.oid = f.cfgnamespace WHERE {own('pg_ts_config', 'f.oid')}"
        ),
    ),
    Kind(
        kind="'text_search_dictionary'",
        catalog="pg_ts_dict",
        oid="d.oid",
        name=qualified("n.nspname", "d.dictname"),
        attributes={
            "owner": owner("d.dictowner"),
            "template": (
                "(SELECT quote_ident(tn.nspname) || '.' || quote_ident(t.tmplname) FROM pg_ts_template t"
                " JOIN pg_namespace tn ON tn.oid = t.tmplnamespace WHERE t.oid = d.dicttemplate)"
            ),
            "options": "d.dictinitoption",
        },
        source=(f"FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace WHERE {own('pg_ts_dict', 'd.oid')}"),
    ),
    Kind(
        kind="'text_search_parser'",
        catalog="pg_ts_parser",
        oid="p.oid",
        name=qualified("n.nspname", "p.prsname"),
        attributes={
            "start": function_name("p.prsstart"),
            "token": function_name("p.prstoken"),
            "end": function_name("p.prsend"),
            "headline": function_name("p.prsheadline"),
            "token_types": function_name("p.prslextype"),
        },
        source=(
            f"FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE {own('pg_ts_parser', 'p.oid')}"
        ),
    ),
    Kind(
        kind="'text_search_template'",
        catalog="pg_ts_template",
        oid="t.oid",
        name=qualified("n.nspname", "t.tmplname"),
        attributes={"init": function_name("t.tmplinit"), "lexize": function_name("t.tmpllexize")},
        source=(
            "FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace"
            f" WHERE {own('pg_ts_template', 't.oid')}"
        ),
    ),
)

_LANGUAGES = (
    Kind(
        kind="'language'",
        catalog="pg_language",
        oid="l.oid",
        name="quote_ident(l.lanname)",
        attributes={
            "owner": owner("l.lanowner"),
            "rights": rights("l.lanacl", "l", "l.lanowner"),
            "trusted": "l.lanpltrusted",
            "handler": function_name("l.lanplcallfoid"),
            "inline_handler": function_name("l.laninline"),
            "validator": function_name("l.lanvalidator"),
        },
        source=f"FROM pg_language l WHERE {own('pg_language', 'l.oid')}",
    ),
    Kind(
        kind="'access_method'",
        catalog="pg_am",
        oid="a.oid",
        name="quote_ident(a.amname)",
        attributes={
            "type": word("a.amtype", {"t": "table", "i": "index"}),
            "handler": function_name("a.amhandler"),
        },
        source=f"FROM pg_am a WHERE {own('pg_am', 'a.oid')}",
    ),
    Kind(
        kind="'conversion'",
        catalog="pg_conversion",
        oid="c.oid",
        name=qualified("n.nspname", "c.conname"),
        attributes={
            "owner": owner("c.conowner"),
            "from": "pg_encoding_to_char(c.conforencoding)",
            "to": "pg_encoding_to_char(c.contoencoding)",
            "function": function_name("c.conproc"),
            "default": if_true("c.condefault"),
        },
        source=(
            f"FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace WHERE {own('pg_conversion', 'c.oid')}"
        ),
    ),
    Kind(
        kind="'transform'",
        catalog="pg_transform",
        oid="f.oid",
        name="format_type(f.trftype, NULL) || ' LANGUAGE ' || quote_ident(l.lanname)",
        attributes={"from_sql": function_name("f.trffromsql"), "to_sql": function_name("f.trftosql")},
        source=(f"FROM pg_transform f JOIN pg_language l ON l.oid = f.trflang WHERE {own('pg_transform', 'f.oid')}"),
    ),
    Kind(
        kind="'event_trigger'",
        catalog="pg_event_trigger",
        oid="e.oid",
        name="quote_ident(e.evtname)",
        attributes={
            "owner": owner("e.evtowner"),
            "event": "e.evtevent",
            "function": function_name("e.evtfoid"),
            "enabled": word("e.evtenabled", ENABLED),
            "tags": "e.evttags",
        },
        source=f"FROM pg_event_trigger e WHERE {own('pg_event_trigger', 'e.oid')}",
    ),
)


PROGRAMS: tuple[Kind, ...] = (*_TEXT_SEARCH, *_LANGUAGES)
