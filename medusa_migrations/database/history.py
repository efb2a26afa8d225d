"""The history table, read and written over one session, and the journal written with it."""

from __future__ import annotations

import functools
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import Error, ProgrammingError, router
from django.db.models import Model

from medusa_migrations import conf
from medusa_migrations.errors import DatabaseError
from medusa_migrations.files.build import release
from medusa_migrations.messages import N_
from medusa_migrations.migration import REPEATABLE, Direction, Migration, MigrationId
from medusa_migrations.models import (
    FORMAT,
    HISTORY_COMMENT,
    TARGET_HISTORY_COMMENT,
    TARGET_JOURNAL_COMMENT,
    AppliedMigration,
    MigrationLog,
)
from medusa_migrations.plan.known import Known, Row, know

from . import postgresql
from .destination import Destination, alias_of, target_of
from .journal import Entry, Journal, refuse_foreign, refuse_left_behind
from .place import ALL_ROWS, BASIC_COLUMNS, COLUMNS, Found, Place, find, refuse_another
from .postgresql import elapsed_sql, identifier, literal
from .session import Session

_COLUMNS = (
    "id, app, name, checksum, state, statements_done, progress ->> 'checksum'::text, progress ->> 'sent_alone'::text"
)
# A run may have to undo those, and what it knows of all others is little.
_DOWN_OF_REPEATABLE = f"CASE WHEN pg_catalog.starts_with(name::text, '{REPEATABLE}'::text) THEN down END"
_DETAILS = "down, run::text, applied_at, duration_ms, applied_by, error"

# One message reads a table that may not be there, or may not be what it seems: to read a view calls its functions.
# What is in the way comes as one word in place of the rows. The name is looked up when EXECUTE comes to it, so that a
# table that is not there is no error, which the server would log.
_READ = f"""
DO $medusa_migrations$
DECLARE
    rows pg_catalog.refcursor := 'medusa_migrations';
    history pg_catalog.regclass := pg_catalog.to_regclass(%s)::oid;
    problem pg_catalog.text;
BEGIN
    SELECT CASE
        WHEN c.relkind NOT IN ('r', 'p') OR NOT {COLUMNS} OPERATOR(pg_catalog.@>) %s::text[] THEN 'foreign'
        WHEN NOT {COLUMNS} OPERATOR(pg_catalog.@>) %s::text[] THEN 'older'
        WHEN pg_catalog.row_security_active(c.oid) AND NOT {ALL_ROWS} THEN 'hidden'
        ELSE ''
    END INTO problem FROM pg_catalog.pg_class c WHERE c.oid = history::oid;
    IF problem = ''::text THEN
        OPEN rows FOR EXECUTE pg_catalog.format(%s, history);
    ELSE
        OPEN rows FOR SELECT COALESCE(problem, 'missing');
    END IF;
END
$medusa_migrations$;
FETCH ALL FROM medusa_migrations
"""

# The same without the numbers of the rows, as one text: equal for histories that a plan cannot tell apart.
_DIGEST = (
    "SELECT pg_catalog.md5(COALESCE(pg_catalog.string_agg(ROW({})::text, ','::text ORDER BY id), ''::text)) FROM {}"
)

# What a column that an older table lacks gets in its rows.
_NEUTRAL = {
    "CharField": "''",
    "TextField": "''",
    "IntegerField": "0",
    "DateTimeField": "pg_catalog.clock_timestamp()",
    "UUIDField": "pg_catalog.gen_random_uuid()",
}

# What the journal has of a row that is changed.
_FOLLOWED = "app, name, checksum, duration_ms"

# What to do where the table cannot be made, by SQLSTATE.
_CURES = {
    postgresql.INSUFFICIENT_PRIVILEGE: N_("Give this database user CREATE on its schema."),
    postgresql.INVALID_SCHEMA_NAME: N_(
        "search_path names no schema that exists and that this user may use: mend it (see ALTER DATABASE and ALTER "
        "ROLE … SET search_path), make the schema, or name one in MEDUSA_MIGRATIONS['HISTORY_SCHEMA']. Nothing was run."
    ),
}


class History:
    """The rows of one run: `run` marks what it applies, `applied_by` who did, else the operating system's user."""

    def __init__(self, session: Session, applied_by: str | None = None, run: str | None = None) -> None:
        self.session = session
        self._applied_by = applied_by
        self.run = run or str(uuid.uuid4())
        self.place = Place.for_session(session)
        self.table = ""
        self._journal: Journal | None = None  # until `open`

    @property
    def journal(self) -> Journal:
        """What is written into it of this run; `open` comes before."""
        assert self._journal is not None
        return self._journal

    @functools.cached_property
    def applied_by(self) -> str:
        """Who applies, as the history has it."""
        return (self._applied_by or user())[:255]

    def rows(self, *, details: bool = False) -> list[Row]:
        """All rows, in the order of execution; none if the table does not exist yet.

        `details` are what a run does not need: which run it was, when, how long, by whom, the error, and the down part
        but of repeatable ones.
        Raises DatabaseError if the table cannot be read whole, or is not there but may be in another schema.
        """
        columns = f"{_COLUMNS}, {_DETAILS if details else _DOWN_OF_REPEATABLE}"
        match self._read(f"SELECT {columns} FROM %s ORDER BY id"):
            case [("missing",)]:
                refuse_another(self.session, self.place)
                return []
            case [("foreign",)]:
                raise self._foreign()
            case [("older",)]:
                return self._rows_of_older_format()
            case [("hidden",)]:
                raise DatabaseError(
                    N_(
                        "Row level security hides rows of the history table {table!r} of the {where} from this user: "
                        "what is applied cannot be known. Nothing was done. ALTER TABLE {table} DISABLE ROW LEVEL "
                        "SECURITY, or give this user a policy that lets it read all rows (USING (true)), and change "
                        "them where it runs migrations (WITH CHECK (true)) too.",
                        table=self.place.name,
                        where=self.session.named,
                    )
                )
            case rows:
                return [Row(serial, MigrationId(app, name), *rest) for serial, app, name, *rest in rows]

    def checksums(self) -> dict[MigrationId, str | None] | None:
        """The checksum of each row by its id, None of what is unfinished; None in all where `rows` has more to say.

        Raises DatabaseError if the table cannot be read.
        """
        rows = self._read("SELECT app, name, CASE WHEN state::text = 'applied'::text THEN checksum END FROM %s")
        if rows and len(rows[0]) == 1:
            return None
        return {MigrationId(app, name): checksum for app, name, checksum in rows}

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of `query`, or the word that says what is in the way of it. Raises DatabaseError."""
        try:
            columns = [field.column for field in AppliedMigration._meta.local_fields]
            return self.session.query(_READ, [self.place.name, sorted(BASIC_COLUMNS), columns, query])
        except ProgrammingError as error:
            message = postgresql.server_error(error).message
            cure = N_("SELECT on it")
            if self.place.schema:
                cure = N_("SELECT on it, and USAGE on the schema {schema!r}", schema=self.place.schema)
            if "plpgsql" in message:
                cure = N_("USAGE on the language plpgsql, which it is read with")
            raise DatabaseError(
                N_(
                    "Cannot read the history table {table!r} of the {where}: {message}. Give this database user "
                    "{cure}.",
                    table=self.place.name,
                    where=self.session.named,
                    message=message,
                    cure=cure,
                )
            ) from None

    def _rows_of_older_format(self) -> list[Row]:
        """The same from a table that lacks columns, which the next run adds."""
        found = find(self.session, self.place.name)
        if not found or not found.is_history():
            raise self._foreign()
        self.refuse_newer(found.made_with)
        names = set(Row._fields) - {"id"}
        old_rows = []
        columns = ", ".join(sorted(found.columns))
        query = f"SELECT pg_catalog.to_jsonb(h)::text FROM (SELECT {columns} FROM {found.name}) h ORDER BY h.id"
        for (text,) in self.session.query(query):
            row = json.loads(text)
            values = {name: row[name] for name in names & row.keys()}
            values["applied_at"] = datetime.fromisoformat(row["applied_at"])
            old_rows.append(Row(serial=row["id"], id=MigrationId(row["app"], row["name"]), **values))
        return old_rows

    def open(self) -> None:
        """Have both tables there and up to date, and know their names with their schema. Needs the lock.

        Raises DatabaseError if that is not allowed, or if somebody else or a newer version of this app made it.
        """
        try:
            found = find(self.session, self.place.name)
            if not found:
                self._create()
                found = find(self.session, self.place.name)
            assert found is not None
            if not found.is_history():
                raise self._foreign()
            self.refuse_strangers(found)
            self.refuse_newer(found.made_with)
            self.table = found.name
            self._open_journal(found)
            if found.made_with < FORMAT:
                self._add_columns(found.columns)
        except Error as error:
            reason = postgresql.server_error(error)
            raise DatabaseError(
                N_(
                    "Cannot make the history table {table!r} in the {where}, or the journal beside it: {reason}. "
                    "{cure}",
                    table=self.place.name,
                    where=self.session.named,
                    reason=reason.message,
                    cure=_CURES.get(reason.sqlstate or "", N_("Nothing was run.")),
                )
            ) from None

    def _open_journal(self, history: Found) -> None:
        """The journal of a history, made where that is new or older than journals, or somebody has dropped it."""
        found = find(self.session, history.journal)
        if not found:
            if not self.place.of_target:
                refuse_left_behind(self.session, history)
            into = f"SET LOCAL search_path TO {history.schema};"
            self.session.execute(f"BEGIN; {into} {' '.join(self.creation(MigrationLog))} COMMIT;")
            found = find(self.session, history.journal)
        assert found is not None
        refuse_foreign(found, self.session, {str(field.column) for field in MigrationLog._meta.local_fields})
        self.refuse_strangers(found)
        self._journal = Journal.of(self.session, found.name, self.run, self.applied_by, release())

    def refuse_newer(self, made_with: int) -> None:
        """Raise DatabaseError for a table that a newer version of this app has made."""
        if made_with > FORMAT:
            raise DatabaseError(
                N_(
                    "The history table of the {where} was made by a newer version of medusa_migrations (format "
                    "{format}; this one knows {known}). Nothing was run. Update medusa_migrations here.",
                    where=self.session.named,
                    format=made_with,
                    known=FORMAT,
                )
            )

    def _foreign(self) -> DatabaseError:
        return DatabaseError(
            N_(
                "The table {table!r} of the {where} is no history of medusa_migrations. Nothing was done. Rename it.",
                table=self.place.name,
                where=self.session.named,
            )
        )

    def refuse_strangers(self, found: Found) -> None:
        """Refuse a table whose triggers, which run as this user, are another's to make."""
        if not found.is_ours:
            raise DatabaseError(
                N_(
                    "The table {table} of the {where} belongs to {owner!r}, which is no superuser, not the owner of "
                    "the database and no role that this database user is a member of: its triggers would run with this "
                    'user\'s rights. Nothing was run. If that role is to be trusted, GRANT "{owner}" to this user, or '
                    "run as that role; otherwise look what the table holds and who made it, and ALTER TABLE {table} "
                    "OWNER TO this user, or drop it.",
                    table=found.name,
                    where=self.session.named,
                    owner=found.owner,
                )
            )

    def _create(self) -> None:
        made = " ".join(self.creation(AppliedMigration))
        self.session.execute(f"BEGIN; {self._into_schema()} {made} COMMIT;")

    def creation(self, model: type[Model]) -> list[str]:
        """The statements that make the table of `model`, in the schema where tables are made.

        Collected, and sent over the session: for a transaction the schema editor takes the alias's own connection.
        """
        with self.session.connection.schema_editor(atomic=False, collect_sql=True) as editor:
            editor.create_model(model)
        if not self.place.of_target:
            return list(editor.collected_sql)
        comment = TARGET_JOURNAL_COMMENT if model is MigrationLog else TARGET_HISTORY_COMMENT
        return [*editor.collected_sql, f"COMMENT ON TABLE {model._meta.db_table} IS {literal(comment)};"]

    def _into_schema(self) -> str:
        """SQL that has tables made in the history's schema, which of an alias it makes too, if need be."""
        if self.place.schema is None:
            return ""
        schema = identifier(self.place.schema)
        is_there = (
            self.place.of_target
            or self.session.query("SELECT pg_catalog.to_regnamespace(%s) IS NOT NULL", [schema])[0][0]
        )
        return ("" if is_there else f"CREATE SCHEMA {schema}; ") + f"SET LOCAL search_path TO {schema};"

    def _add_columns(self, there: set[str]) -> None:
        """Bring a table of an older version up to date; old rows get values that say nothing."""
        for field in AppliedMigration._meta.local_fields:
            if field.column not in there:
                type_ = field.db_type(self.session.connection)
                value = "" if field.null else f" NOT NULL DEFAULT {_NEUTRAL[field.get_internal_type()]}"
                self.session.execute(f"ALTER TABLE {self.table} ADD COLUMN {field.column} {type_}{value}")
                if value:
                    self.session.execute(f"ALTER TABLE {self.table} ALTER COLUMN {field.column} DROP DEFAULT")
        comment = TARGET_HISTORY_COMMENT if self.place.of_target else HISTORY_COMMENT
        self.session.execute(f"COMMENT ON TABLE {self.table} IS {literal(comment)}")

    def write(self, statements: list[str]) -> None:
        """Carry out changes together. Raises DatabaseError."""
        try:
            self.session.execute(f"BEGIN; {' '.join(statements)} COMMIT;")
        except Error as error:
            self.session.rollback()
            message = postgresql.server_error(error).message
            if postgresql.ROW_GONE in message:
                message = N_("another process has changed it meanwhile. Nothing was repaired: look again")
            raise DatabaseError(N_("The history could not be changed: {message}.", message=message)) from None

    def insert(
        self,
        id_: MigrationId,
        checksum: str,
        down: str | None,
        *,
        state: str = "applied",
        milliseconds: str = "NULL",
        entry: Entry | None = None,
        zero: str = "0",
        applied_at: datetime | None = None,
    ) -> str:
        """SQL that adds a row; `milliseconds` is an SQL expression. `entry` is for the journal, None for none.

        `zero` is an SQL expression that is 0, or fails where nothing may be recorded. `applied_at` is None for now.
        """
        at = "pg_catalog.clock_timestamp()" if applied_at is None else self.session.compose("%s", [applied_at])
        what = ", ".join(map(literal, [*id_, checksum, state]))
        by = ", ".join(map(literal, [self.applied_by, self.run]))
        return (
            f"INSERT INTO {self.table} (app, name, checksum, state, applied_at, duration_ms, applied_by, run,"
            " statements_done, progress, error, down)"
            f" VALUES ({what}, {at}, {milliseconds}, {by}, {zero}, NULL, '', {literal(down)});"
            f"{self.journal.add(id_, checksum, entry) if entry else ''}"
        )

    def elapsed_since_last(self) -> str:
        """SQL for the milliseconds since the last row in this message, or since its beginning."""
        return elapsed_sql(f"(SELECT applied_at FROM {self.table} ORDER BY id DESC LIMIT 1)")

    def done(self, direction: Direction, count: int) -> str:
        """A query for app, name and duration of what this run has done in `direction`, the last so many of it.

        Where so many are there it takes the same time, however long journal and history are. Of a run that it has
        never seen the planner expects next to no entry, and would read all of the journal for it; of what IS NOT NULL
        it expects nearly all (nulltestsel in its selfuncs.c), and reads from the end.
        """
        there = "NOT NULL" if direction is Direction.UP else "NULL"
        return (
            "SELECT j.app, j.name, j.duration_ms FROM (SELECT id, app::text, name::text, duration_ms FROM"
            f" {self.journal.table} WHERE CASE WHEN run::text = {literal(self.run)} THEN 0 END IS NOT NULL"
            f" ORDER BY id DESC LIMIT {count}) j WHERE (SELECT pg_catalog.max(h.id) FROM {self.table} h WHERE"
            f" h.app::text = j.app AND h.name::text = j.name) IS {there} ORDER BY j.id"
        )

    def move_to_end(self, id_: MigrationId) -> str:
        """SQL that makes a row that of the last one executed."""
        return self._of_one_row(f"UPDATE {self.table} SET id = DEFAULT WHERE {_is(id_)}")

    def remove(self, row: Row, entry: Entry, *, zero: str = "0") -> str:
        """SQL that removes the row of what was reverted; `entry` is for the journal, `zero` as for `insert`."""
        removed = self._of_one_row(self.delete(row.id).rstrip(";"), zero=zero)
        return removed + self.journal.add(row.id, row.checksum, entry)

    def delete(self, id_: MigrationId) -> str:
        """SQL that removes a row."""
        return f"DELETE FROM {self.table} WHERE {_is(id_)};"

    def update(self, id_: MigrationId, entry: Entry | None = None, **values: str | int | datetime | None) -> str:
        """SQL that changes columns of a row, and with `state` the time too, unless that is given.

        `entry` is for the journal, None for none.
        """
        assignments = [f"{column} = %s" for column in values]
        is_now = "state" in values and "applied_at" not in values
        assignments += ["applied_at = pg_catalog.clock_timestamp()"] if is_now else []
        changes = self.session.compose(", ".join(assignments), list(values.values()))
        return self._of_one_row(f"UPDATE {self.table} SET {changes} WHERE {_is(id_)}", entry)

    def _of_one_row(self, sql: str, entry: Entry | None = None, zero: str = "0") -> str:
        """SQL that carries out `sql` and fails if its row is gone: another process or a migration has removed it."""
        logged = f", logged AS ({self.journal.follow('changed', entry)})" if entry else ""
        return (
            f"WITH changed AS ({sql} RETURNING {_FOLLOWED}){logged} SELECT COALESCE((SELECT {zero} FROM changed),"
            f" ('{postgresql.ROW_GONE} ' || pg_catalog.pg_backend_pid()::text)::pg_catalog.int4);"
        )


def _is(id_: MigrationId) -> str:
    """The condition that a row is that of one migration."""
    return f"app::text = {literal(id_.app)} AND name::text = {literal(id_.name)}"


def user() -> str:
    """The operating system's user; a container's may have a number and no name."""
    import getpass  # what reads the history does without

    try:
        return getpass.getuser().encode(errors="replace").decode()
    except (KeyError, OSError):
        return str(os.getuid())


def digest_sql(table: str, run: str | None = None) -> str:
    """A query for a text that two histories share if a run has to do the same with both, as far as the rows tell.

    With the mark of a `run`, if a revert of that has.
    """
    more = _DOWN_OF_REPEATABLE if run is None else f"down, run::text IS NOT DISTINCT FROM {literal(run)}"
    return _DIGEST.format(f"{_COLUMNS.removeprefix('id, ')}, {more}", table)


def lets_in(where: Destination, label: str) -> bool:
    """Whether the migrations of an app run there: as its fleet says, which routers are told of if it says nothing."""
    target = target_of(where)
    if target is None:
        return router.allow_migrate(alias_of(where), label)
    if target.apps is not None:
        return label in target.apps
    hints = {"fleet": target.fleet, "target": target.name, "schema": target.schema}
    return router.allow_migrate(alias_of(where), label, **hints)


def is_settled(history: History, built: Mapping[MigrationId, str]) -> bool:
    """Whether just what is `built`, by its checksums, is applied; of both, only the apps that are let in count.

    Then nothing is left to do, whatever features and phases say. Raises DatabaseError if the history cannot be read.
    """
    rows = history.checksums()
    if rows is None:
        return False
    differing = {id_.app for id_, _ in rows.items() ^ built.items()}
    return not any(lets_in(history.session.where, label) for label in differing)


def read_known(history: History, migrations: Sequence[Migration], *, details: bool = False) -> Known:
    """`migrations`, in their order, beside the rows of the history; of both, only the apps that are let in.

    `details` are as for `History.rows`. Raises DatabaseError if the history cannot be read.
    """
    rows = history.rows(details=details)
    labels = {migration.id.app for migration in migrations} | {row.id.app for row in rows}
    let_in = {label for label in labels if lets_in(history.session.where, label)}
    return know(
        [migration for migration in migrations if migration.id.app in let_in],
        [row for row in rows if row.id.app in let_in],
        conf.get_settings().is_on,
    )
