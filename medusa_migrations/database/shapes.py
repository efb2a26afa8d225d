"""What a schema has, as lines to compare: tables with all that belongs to them, and the types and functions they use.

PostgreSQL prints a name without its schema if search_path finds it: so two schemas print alike, each while it is found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from medusa_migrations.plan.alike import Line

from .session import Session

# What belongs to an extension is the extension's, and a sequence that belongs to a column is told by that. What a
# partition has from its table, that has too. From PostgreSQL 18 on a NOT NULL is a constraint; here it is the column's.
# A function that was made on Windows may have carriage returns, which no file has.
_READ = """
WITH given AS (SELECT %s::oid AS schema, %s::text[] AS names),
relations AS (
    SELECT c.*, c.relname::text AS name, c.relkind IN ('r', 'p', 'f') AS is_table
    FROM pg_catalog.pg_class c JOIN given ON c.relnamespace = given.schema
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S') AND (names IS NULL OR c.relname::text = ANY (names))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass::oid
        AND d.objid = c.oid AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
), types AS (
    SELECT t.*, 'type '::text || pg_catalog.format_type(t.oid, NULL) AS name
    FROM pg_catalog.pg_type t, given WHERE t.typtype IN ('e', 'd')
    AND CASE WHEN names IS NULL THEN t.typnamespace = schema
        ELSE t.typname::text = ANY (names) AND pg_catalog.pg_type_is_visible(t.oid) END
), functions AS (
    SELECT p.*, 'function '::text || p.proname::text || '('::text
        || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')'::text AS name
    FROM pg_catalog.pg_proc p, given WHERE p.prokind IN ('f', 'p')
    AND CASE WHEN names IS NULL THEN p.pronamespace = schema
        ELSE p.proname::text = ANY (names) AND pg_catalog.pg_function_is_visible(p.oid) END
), columns AS (
    SELECT r.name AS of, a.*, r.is_table, d.adbin, d.adrelid, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression,
        CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::pg_catalog.regcollation::text END AS sorted
    FROM relations r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND r.relkind <> 'S'
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
), lines (object, part, name, text) AS (
    SELECT r.name, '', '', pg_catalog.concat_ws(' ',
        CASE r.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence'
            ELSE 'composite type' END, CASE WHEN r.relpersistence = 'u' THEN 'UNLOGGED' END,
        'BY ' || pg_catalog.pg_get_partkeydef(r.oid), 'OF ' || (
            SELECT pg_catalog.string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits i WHERE i.inhrelid = r.oid),
        pg_catalog.pg_get_expr(r.relpartbound, r.oid)) FROM relations r
    UNION ALL SELECT of, 'column', attname::text, pg_catalog.format_type(atttypid, atttypmod) FROM columns
    UNION ALL SELECT of, 'NOT NULL', attname::text, '' FROM columns WHERE attnotnull AND is_table
    UNION ALL SELECT of, CASE WHEN attgenerated = '' THEN 'default' ELSE 'generated' END, attname::text,
        expression || CASE attgenerated WHEN 's' THEN ' STORED' WHEN 'v' THEN ' VIRTUAL' ELSE '' END
        FROM columns WHERE expression IS NOT NULL AND is_table
    UNION ALL SELECT of, 'collation', attname::text, sorted FROM columns WHERE sorted IS NOT NULL AND is_table
    UNION ALL SELECT of, 'identity', attname::text, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END
        FROM columns WHERE attidentity <> ''
    UNION ALL SELECT r.name, 'constraint', k.conname::text, pg_catalog.pg_get_constraintdef(k.oid)
        FROM relations r JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid
            AND k.contype IN ('p', 'u', 'c', 'f', 'x')
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = r.oid)
    UNION ALL SELECT r.name, 'index', c.relname::text,
        CASE WHEN i.indisunique THEN 'UNIQUE INDEX' ELSE 'INDEX' END || pg_catalog.substr(
            pg_catalog.pg_get_indexdef(c.oid, 0, true), 1 + pg_catalog.length(
                CASE WHEN i.indisunique THEN 'CREATE UNIQUE INDEX ' ELSE 'CREATE INDEX ' END
                || pg_catalog.quote_ident(c.relname::text))) || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
        FROM relations r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
    UNION ALL SELECT r.name, 'trigger', t.tgname::text, pg_catalog.pg_get_triggerdef(t.oid, true)
        || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' (not enabled as usual)' END
        FROM relations r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL SELECT r.name, 'rule', w.rulename::text, pg_catalog.pg_get_ruledef(w.oid, true)
        || CASE w.ev_enabled WHEN 'O' THEN '' ELSE ' (not enabled as usual)' END
        FROM relations r JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid AND w.rulename::text <> '_RETURN'::text
    UNION ALL SELECT r.name, 'row security', '', CASE WHEN r.relforcerowsecurity THEN 'forced' ELSE 'on' END
        FROM relations r WHERE r.relrowsecurity OR r.relforcerowsecurity
    UNION ALL SELECT r.name, 'policy', p.polname::text, pg_catalog.concat_ws(' ', p.polcmd::text,
        CASE WHEN p.polpermissive THEN NULL ELSE 'RESTRICTIVE' END, p.polroles::pg_catalog.regrole[]::text,
        pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        'WITH CHECK ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
        FROM relations r JOIN pg_catalog.pg_policy p ON p.polrelid = r.oid
    UNION ALL SELECT r.name, 'query', '', pg_catalog.pg_get_viewdef(r.oid)
        FROM relations r WHERE r.relkind IN ('v', 'm')
    UNION ALL SELECT name, '', '', CASE typtype WHEN 'e' THEN 'enum' ELSE 'domain' END FROM types
    UNION ALL SELECT t.name, 'values', '', pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel::text), ', '
        ORDER BY e.enumsortorder) FROM types t JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid GROUP BY t.name
    UNION ALL SELECT name, 'base', '', pg_catalog.concat_ws(' ', pg_catalog.format_type(typbasetype, typtypmod),
        CASE WHEN typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || typdefault) FROM types WHERE typtype = 'd'
    UNION ALL SELECT t.name, 'constraint', k.conname::text, pg_catalog.pg_get_constraintdef(k.oid)
        FROM types t JOIN pg_catalog.pg_constraint k ON k.contypid = t.oid AND k.contype = 'c'
    UNION ALL SELECT name, '', '', CASE prokind WHEN 'p' THEN 'procedure' ELSE 'function' END FROM functions
    UNION ALL SELECT p.name, 'definition', '', pg_catalog.concat_ws(' ', pg_catalog.pg_get_function_arguments(p.oid),
        'RETURNS ' || pg_catalog.pg_get_function_result(p.oid), l.lanname::text, p.provolatile::text,
        p.proisstrict::text, p.prosecdef::text, p.proconfig::text,
        pg_catalog.replace(p.prosrc, pg_catalog.chr(13) || pg_catalog.chr(10), pg_catalog.chr(10)),
        pg_catalog.pg_get_function_sqlbody(p.oid))
        FROM functions p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
)
SELECT object, part, name, text FROM lines
UNION ALL SELECT 'extension '::text || extname::text, '', '', 'extension'
    FROM pg_catalog.pg_extension, given WHERE 'extension '::text || extname::text = ANY (names)
ORDER BY 1, 2, 3, 4
"""

# A table with the columns of one that is there, and what foreign keys may refer to: read from the catalog, so that it
# takes neither a lock on that nor the right to read it.
_STUB = """
SELECT pg_catalog.format('CREATE TABLE %%I.%%I (%%s)', %s::text, c.relname, pg_catalog.concat_ws(', ', (
    SELECT pg_catalog.string_agg(
        pg_catalog.format('%%I %%s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)),
        ', ' ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), (
    SELECT pg_catalog.string_agg(CASE WHEN i.indisprimary THEN 'PRIMARY KEY (' ELSE 'UNIQUE (' END || (
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname::text), ', ' ORDER BY u.place)
            FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY u (number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number
            WHERE u.place <= i.indnkeyatts) || ')', ', ' ORDER BY i.indexrelid)
    FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
    AND i.indpred IS NULL AND i.indexprs IS NULL)))
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s)::oid
"""

# Which names there are, and in which schema; and the schema where tables are made.
_THERE = """
SELECT w.name, n.nspname::text, pg_catalog.current_schema()::text
FROM pg_catalog.unnest(%s::text[]) w (name)
JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name)::oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""

_NAMES = """
SELECT relname::text FROM pg_catalog.pg_class WHERE relnamespace = %s::oid
UNION SELECT typname::text FROM pg_catalog.pg_type WHERE typnamespace = %s::oid
UNION SELECT proname::text FROM pg_catalog.pg_proc WHERE pronamespace = %s::oid
"""


class Found(NamedTuple):
    """What search_path finds, and the name does with which it is asked for: its schema, and where it would be made."""

    schema: str
    first: str | None

    @property
    def is_behind(self) -> bool:
        return self.schema != self.first


def there(session: Session, names: Iterable[str]) -> dict[str, Found]:
    """Which of `names`, as SQL writes them, are those of tables or the like. Raises django.db.Error."""
    return {name: Found(*rest) for name, *rest in session.query(_THERE, [sorted(set(names))])}


def read(session: Session, namespace: int, names: Collection[str] | None = None) -> list[Line]:
    """The lines of what the schema with the oid `namespace` has.

    With `names`, which an extension begins with a word for what it is, it is what has one of them; types and functions
    are then those that search_path finds. Raises django.db.Error.
    """
    return [Line(*row) for row in session.query(_READ, [namespace, None if names is None else sorted(names)])]


def names_in(session: Session, namespace: int) -> set[str]:
    """The names of all that a schema has. Raises django.db.Error."""
    return {name for (name,) in session.query(_NAMES, [namespace] * 3)}


def stub(session: Session, schema: str, name: str) -> str:
    """SQL that makes in `schema` what stands for the table `name`, as SQL writes it; empty if there is none.

    Raises django.db.Error.
    """
    return "".join(sql for (sql,) in session.query(_STUB, [schema, name]))
