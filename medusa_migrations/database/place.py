"""Where the history is: found through search_path, or in the schema of the setting HISTORY_SCHEMA; and whose it is."""

from __future__ import annotations

import re
from typing import NamedTuple

from medusa_migrations import conf
from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_
from medusa_migrations.models import AppliedMigration, MigrationLog

from .postgresql import identifier
from .session import Session

TABLE = AppliedMigration._meta.db_table
JOURNAL = MigrationLog._meta.db_table

# What every history has, whichever version made it.
BASIC_COLUMNS = {"id", "app", "name", "checksum", "state", "applied_at"}

# A column of a type that is not PostgreSQL's own (manual, 71.2.2: those from 16384 on) is not counted: to read it
# may call a function of whoever made the type.
COLUMNS = """ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid < 16384::oid)"""

# Whether row level security leaves this user all rows: policies that only give, and one of them everything (manual,
# 5.9).
ALL_ROWS = """(
    SELECT COALESCE(pg_catalog.bool_and(p.polpermissive)
        AND pg_catalog.bool_or(pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true'::text), false)
    FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r') AND EXISTS (
        SELECT FROM pg_catalog.unnest(p.polroles) r (role)
        WHERE CASE WHEN r.role = 0::oid THEN true ELSE pg_catalog.pg_has_role(r.role, 'USAGE') END))"""

# A table of an oid that is to follow. The comment is read from its catalog: obj_description is a function in SQL.
_TABLE = f"""
SELECT pg_catalog.quote_ident(n.nspname::text) || '.'::text || pg_catalog.quote_ident(c.relname::text),
    (SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass::oid AND d.objsubid = 0),
    {COLUMNS}, c.relkind IN ('r', 'p'), o.rolname::text, {{is_ours}}
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
WHERE c.oid = """

# Whose table may be written: its triggers run as whoever writes. A superuser counts as a member of every role, so
# membership is followed here; the owner of the database decides over all that is in it.
FOUND = f"""
WITH RECURSIVE ours (role) AS (
    SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname IN (current_user, session_user)
    UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN ours ON m.member = ours.role
)
{_TABLE}""".format(
    is_ours="""o.rolsuper OR o.oid IN (SELECT role FROM ours) OR EXISTS (
        SELECT FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() AND d.datdba = o.oid)"""
)

# The same where that is plain to see, which takes the server two thirds of the time.
_FOUND_AT_ONCE = _TABLE.format(is_ours="o.rolsuper OR o.rolname IN (current_user, session_user)")

# Histories by their comment, in the schemas that this user may look into; and which of them search_path finds.
_OTHERS = """
WITH others AS (
    SELECT n.nspname::text AS schema, pg_catalog.pg_table_is_visible(c.oid) AS visible
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND pg_catalog.starts_with(pg_catalog.obj_description(c.oid, 'pg_class'), 'History of medusa_migrations')
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
)
SELECT pg_catalog.current_setting('search_path'), pg_catalog.current_schema()::text,
    pg_catalog.to_regnamespace(%s) IS NOT NULL, ARRAY(SELECT schema FROM others ORDER BY schema),
    ARRAY(SELECT schema FROM others WHERE visible ORDER BY schema)
"""


class Place(NamedTuple):
    """The history's name, and the schema that it is to be in, None where search_path finds it.

    That is the schema that HISTORY_SCHEMA names for an alias; or, `of_target`, the schema of a target of a fleet, which
    is there, and where no other history is meant.
    """

    alias: str
    schema: str | None
    of_target: bool = False

    @classmethod
    def of(cls, alias: str) -> Place:
        """As the settings have it."""
        return cls(alias, conf.get_settings().history_schema_of(alias))

    @classmethod
    def for_session(cls, session: Session) -> Place:
        """That of what the session is for."""
        return cls.of(session.alias) if session.schema is None else cls(session.alias, session.schema, of_target=True)

    @property
    def name(self) -> str:
        """As SQL writes it."""
        return f"{identifier(self.schema)}.{TABLE}" if self.schema else TABLE


class Found(NamedTuple):
    """The table that has a name: its own with its schema, which is right whatever search_path is left.

    `made_with` is the number of its format, `columns` those whose types are PostgreSQL's own. `is_table` is False for
    a view and the like. `is_ours` tells whether its owner may be trusted with what this user may do.
    """

    name: str
    made_with: int
    columns: set[str]
    is_table: bool
    owner: str
    is_ours: bool

    @property
    def schema(self) -> str:
        """Its schema, as SQL writes it."""
        return self.name.removesuffix(f".{TABLE}")

    @property
    def journal(self) -> str:
        """The name of the journal of a history: the two are always in one schema."""
        return f"{self.schema}.{JOURNAL}"

    def is_history(self) -> bool:
        return self.is_table and self.columns >= BASIC_COLUMNS


class Others(NamedTuple):
    """What else there is in a database where the history is not: `schemas` with one, `visible` what search_path finds.

    `current_schema` is where tables are made, None if nowhere. `is_there` tells whether the wanted schema exists.
    """

    search_path: str
    current_schema: str | None
    is_there: bool
    schemas: tuple[str, ...]
    visible: tuple[str, ...]


def find(session: Session, name: str) -> Found | None:
    """The table that SQL writes as `name`, if there is one. Raises django.db.Error."""
    found = None
    for sql in (_FOUND_AT_ONCE, FOUND):
        for name_, comment, columns, *rest in session.query(f"{sql}pg_catalog.to_regclass(%s)::oid", [name]):
            made_with = re.search(r"format (\d+)", comment or "")
            found = Found(name_, int(made_with[1]) if made_with else 0, set(columns), *rest)
        if found is None or found.is_ours:
            break
    return found


def refuse_another(session: Session, place: Place) -> None:
    """Raise DatabaseError where the history is not, but another is that may be meant: all would be run again."""
    if place.of_target:
        return
    wanted = f'"{place.schema}"' if place.schema else "pg_catalog"
    search_path, current_schema, is_there, schemas, visible = session.query(_OTHERS, [TABLE, wanted])[0]
    problem = another(place, Others(search_path, current_schema, is_there, tuple(schemas), tuple(visible)))
    if problem:
        raise DatabaseError(problem)


def another(place: Place, others: Others) -> str | None:
    """Why no history may be begun at `place`, or None.

    Without HISTORY_SCHEMA any other history is the reason, unless search_path finds one: another run has begun that
    since this one has looked. With it, one that search_path finds, unless the schema is the one where tables are made,
    as a tenant's is; and any other, if the schema does not exist.
    """
    if place.schema is None:
        return _lost(place, others) if others.schemas and not others.visible else None
    if place.schema == others.current_schema:
        return None
    meant = others.visible if others.is_there else others.schemas
    return _to_move(place, meant, is_there=others.is_there) if meant else None


def _lost(place: Place, others: Others) -> str:
    back = N_("that schema") if len(others.schemas) == 1 else N_("the right one")
    own = others.current_schema or "tenant"
    return N_(
        "The database {alias!r} has no history of migrations in its search_path, which is now {search_path}, but one "
        "in {others}. Nothing was done: all migrations would run again.\n"
        "Put {back} back into search_path (see ALTER DATABASE and ALTER ROLE … SET search_path, and OPTIONS in "
        "DATABASES), or name it in the settings: MEDUSA_MIGRATIONS['HISTORY_SCHEMA'] = {{{alias!r}: {schema!r}}}. For "
        "one more history in this database, as of another tenant, name its own schema there: {{{alias!r}: {own!r}}}.",
        alias=place.alias,
        search_path=others.search_path or "empty",
        others=_quoted(others.schemas),
        back=back,
        schema=others.schemas[0],
        own=own,
    )


def _to_move(place: Place, schemas: tuple[str, ...], *, is_there: bool) -> str:
    make = "" if is_there else f'CREATE SCHEMA "{place.schema}"; '
    if is_there:
        new = N_("take that schema out of search_path for the first run")
    else:
        new = N_("make the schema {schema!r} first", schema=place.schema)
    return N_(
        "The database {alias!r} has no history of migrations in the schema {schema!r}, which HISTORY_SCHEMA names, but "
        "one in {others}. Nothing was done: all migrations would run again.\n"
        'If it is that one, correct HISTORY_SCHEMA, or move it: {make}ALTER TABLE "{other}".{table} SET SCHEMA '
        '"{schema}", and the same with {journal}. If a second history is meant, {new}.',
        alias=place.alias,
        schema=place.schema,
        others=_quoted(schemas),
        make=make,
        other=schemas[0],
        table=TABLE,
        journal=JOURNAL,
        new=new,
    )


def _quoted(schemas: tuple[str, ...]) -> str:
    names = ", ".join(map(repr, schemas))
    return N_("the schemas {names}", names=names) if len(schemas) > 1 else N_("the schema {name}", name=names)
