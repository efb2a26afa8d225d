"""What a kind of object is, and the SQL that several kinds are made of.

It is for `search_path = pg_catalog, pg_temp`: names are printed with their schema, and nothing of a user's is called.
Positions, OIDs, files and statistics are no attributes. What an extension made belongs to the extension, and what
nobody has changed since initdb is no object here: all else has an OID of 16384 or more (FirstNormalObjectId).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# SQL, or by the major version from which on it holds; none for an older server.
Sql = str | Mapping[int, str]


class Kind(NamedTuple):
    """One query: its objects are the rows of `source`, each of the `catalog`, with its OID and column number there.

    `kind` and `name` are SQL, and so are the values of `attributes`; an attribute that is NULL is left out.
    """

    kind: str
    catalog: str
    oid: str
    name: str
    attributes: Mapping[str, Sql]
    source: Sql
    column: str = "0"
    identity: str = "NULL::bigint"


def owner(oid: str) -> str:
    """The name of a role."""
    return f"pg_get_userbyid({oid})"


def rights(acl: str, letter: str, of: str) -> str:
    """The rights, unless they are the default ones, which are NULL until a GRANT and its REVOKE spell them out.

    `letter` is what acldefault calls objects of this kind, `of` the OID of the owner.
    """
    default = f"acldefault('{letter}', {of})"
    return f"CASE WHEN NOT ({acl} @> {default} AND {acl} <@ {default}) THEN {sorted_rights(acl)} END"


def sorted_rights(acl: str) -> str:
    """All rights, in an order that does not depend on who was given them first."""
    ordered = f'ARRAY(SELECT i::text FROM unnest({acl}) i ORDER BY i::text COLLATE "C")'
    return f"CASE WHEN {acl} IS NOT NULL THEN {ordered} END"


def word(letter: str, words: Mapping[str, str], plain: str | None = None) -> str:
    """What a letter means: nothing if it is `plain`; one that only a newer server has is given as it is."""
    cases = " ".join(f"WHEN '{key}' THEN '{word}'" for key, word in words.items())
    rest = f"{letter}::text" if plain is None else f"NULLIF({letter}::text, '{plain}')"
    return f"CASE {letter} {cases} ELSE {rest} END"


def if_true(flag: str) -> str:
    """A flag that is left out where it is false."""
    return f"NULLIF({flag}, false)"


def own(catalog: str, oid: str) -> str:
    """A condition: neither the server's nor an extension's."""
    return f"{oid} >= 16384 AND {oid} NOT IN ({members(catalog)})"


def members(catalog: str) -> str:
    """What extensions have of a catalog; behind NOT IN it is hashed, however few rows the planner expects."""
    return f"SELECT member.objid FROM member WHERE member.classid = '{catalog}'::regclass"


def qualified(namespace: str, name: str) -> str:
    """A name with its schema, both quoted where SQL needs it."""
    return f"quote_ident({namespace}) || '.' || quote_ident({name})"


def function_name(oid: str) -> str:
    """A function with its arguments, nothing for none."""
    return f"NULLIF({oid}, 0)::regprocedure::text"


def type_name(oid: str) -> str:
    """A type, nothing for none."""
    return f"format_type(NULLIF({oid}, 0), NULL)"


NOT_TEMPORARY = "n.nspname !~ '^pg_(toast_)?temp_'"

# The name of an option whose value is nobody's business.
SECRET = "pass|secret|token|key"

ENABLED = {"O": "yes", "D": "no", "R": "replica", "A": "always"}

TRIGGERS = {"D": "disabled", "R": "replica", "A": "always"}

STORAGE = {"p": "plain", "e": "external", "m": "main", "x": "extended"}

# What several kinds look up: members of extensions, and the relations that are compared, with their names. The cast to
# bigint keeps the planner from its statistics, which know of no OIDs of users: it would expect one row, and join by
# going through all of them again and again.
COMMON = f"""
member AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_depend d
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
),
named AS MATERIALIZED (
    SELECT c.oid, c.relkind, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid::bigint >= 16384 AND c.relpersistence <> 't' AND c.relkind <> 't'
    AND c.oid NOT IN ({members("pg_class")})
),
relation AS MATERIALIZED (
    SELECT named.oid, named.relkind, named.name FROM named WHERE named.name <> ALL ({{without}})
)
"""

# What a relation inherits from, or is a partition of.
PARENTS = "(SELECT array_agg(h.inhparent::regclass::text ORDER BY h.inhseqno) FROM pg_inherits h WHERE h.inhrelid = {})"

TABLESPACE = "(SELECT s.spcname FROM pg_tablespace s WHERE s.oid = {})"

# A range comes with functions and a cast.
MADE_WITH = (
    "(SELECT min(format_type(d.refobjid, NULL)) FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = {1}"
    " AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i')"
)
