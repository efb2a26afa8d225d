"""Rights, owners, comments and settings of a database and its schemas, and how they become what they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from medusa_migrations.database.session import Session
from medusa_migrations.sql.names import literal, quoted

_GRANTEE = "CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END"

# The database and its schemas, each with the statements that give its rights, and those that take all away.
_PLACES = f"""
SELECT p.place, p.owner, p.comment,
    ARRAY(SELECT 'GRANT ' || x.privilege_type || ' ON ' || p.place || ' TO '
            || {_GRANTEE}
            || CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS sql
        FROM pg_catalog.aclexplode(p.rights) x ORDER BY sql),
    ARRAY(SELECT DISTINCT 'REVOKE ALL ON ' || p.place || ' FROM '
            || {_GRANTEE}
        FROM pg_catalog.aclexplode(p.rights) x)
FROM (
    SELECT 'SCHEMA ' || pg_catalog.quote_ident(n.nspname),
        pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner)),
        pg_catalog.obj_description(n.oid, 'pg_namespace'),
        COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
    FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'DATABASE ' || pg_catalog.quote_ident(d.datname),
        pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.datdba)),
        pg_catalog.shobj_description(d.oid, 'pg_database'),
        COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba))
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
) p (place, owner, comment, rights)
"""

_SETTINGS = """
SELECT CASE s.setrole WHEN 0 THEN 'ALTER DATABASE ' || pg_catalog.quote_ident(d.datname)
    ELSE 'ALTER ROLE ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.setrole)) || ' IN DATABASE '
        || pg_catalog.quote_ident(d.datname) END, c.setting
FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase,
    LATERAL pg_catalog.unnest(s.setconfig) c (setting)
WHERE d.datname = pg_catalog.current_database()
"""

# Their values are kept as they are written, quotes included (variable_is_guc_list_quote in pg_dump's dumputils.c).
_WRITTEN_AS_KEPT = {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}


class Place(NamedTuple):
    """A database or a schema; `rights` are the statements that give them, `none` those that take them away."""

    owner: str
    comment: str | None
    rights: list[str]
    none: list[str]


class Standing(NamedTuple):
    """The places by what SQL calls them, and the settings with the statement that each is one of."""

    places: dict[str, Place]
    settings: set[tuple[str, str]]


def standing(session: Session) -> Standing:
    """How the session's database and its schemas stand now."""
    places = {name: Place(*rest) for name, *rest in session.query(_PLACES)}
    return Standing(places, {(head, setting) for head, setting in session.query(_SETTINGS)})


def put_back(before: Standing, now: Standing) -> list[str]:
    """The statements that make it what it was; a schema that has gone is made again."""
    found = [sql for name, place in before.places.items() for sql in _place_back(name, place, now.places.get(name))]
    found += [f"{head} RESET {_name(setting)}" for head, setting in sorted(now.settings - before.settings)]
    found += [f"{head} SET {_assigned(setting)}" for head, setting in sorted(before.settings - now.settings)]
    return found


def _place_back(name: str, before: Place, now: Place | None) -> Iterator[str]:
    if now is None:
        yield f"CREATE {name} AUTHORIZATION {before.owner}"
        now = Place(before.owner, None, [], [f"REVOKE ALL ON {name} FROM {before.owner}"])
    if now.owner != before.owner:
        yield f"ALTER {name} OWNER TO {before.owner}"
    if now.rights != before.rights:
        yield from [*now.none, *before.rights]
    if now.comment != before.comment:
        yield f"COMMENT ON {name} IS {literal(before.comment)}"


def _name(setting: str) -> str:
    return ".".join(map(quoted, setting.partition("=")[0].split(".")))


def _assigned(setting: str) -> str:
    name, _, value = setting.partition("=")
    return f"{_name(setting)} = {value if value and name in _WRITTEN_AS_KEPT else literal(value)}"
