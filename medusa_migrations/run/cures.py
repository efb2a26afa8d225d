"""What to do now that a migration has failed, in words."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.apps import apps

from medusa_migrations.database.keys import LOCK_LOST, SCHEMA_GONE
from medusa_migrations.database.postgresql import (
    DUPLICATE_TABLE,
    EACH_HELPS,
    INSUFFICIENT_PRIVILEGE,
    INVALID_SCHEMA_NAME,
    LOCK_NOT_AVAILABLE,
    NOT_IN_TRANSACTION,
    OBJECT_IN_USE,
    QUERY_CANCELED,
    ROW_GONE,
    UNDEFINED_OBJECT,
    UNDEFINED_TABLE,
    UNIQUE_VIOLATION,
    UNSAFE_NEW_ENUM_VALUE_USAGE,
    ServerError,
)
from medusa_migrations.files.owned import django_migrations
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction
from medusa_migrations.models import AppliedMigration, MigrationLog

from .failure import Ending, StatementFailed, character_name
from .options import Options

HISTORY_TABLE = AppliedMigration._meta.db_table
JOURNAL_TABLE = MigrationLog._meta.db_table

# A name in a message, in the quotes of the server's language.
_QUOTED = re.compile(r"[\"»«„“]\s*([^\"»«„“”]+?)\s*[\"»«“”]")

# What Citus says of the context of an error that comes from a worker (ReportResultError in its remote_commands.c).
_ON_WORKER = "while executing command on"
_HOLDER_ON_WORKER = N_(" A worker's session holds it: SELECT * FROM citus_lock_waits on the coordinator tells which.")


def cure(failed: StatementFailed, direction: Direction, ending: Ending, options: Options) -> str:
    """What to do about a migration that has failed in a run in `direction`, and has ended as `ending` says."""
    case = _Case(failed, direction, ending, options)
    return (
        case.misplaced()
        or ending.cure
        or case.history()
        or case.connection()
        or case.in_file()
        or case.waiting()
        or case.stored()
        or case.anything_else()
    )


def cure_in_file(failed: StatementFailed, direction: Direction, options: Options) -> str:
    """What to change in the file of a migration that has failed, empty where that is not known."""
    case = _Case(failed, direction, Ending(), options)
    return case.misplaced() or case.history_dropped() or case.in_file()


class _Case(NamedTuple):
    """One failure; each method is the cure of one kind, empty if it is not of that."""

    failed: StatementFailed
    direction: Direction
    ending: Ending
    options: Options

    @property
    def error(self) -> ServerError:
        return self.failed.error

    @property
    def again(self) -> str:
        return N_("run {command} again", command=self.options.again(self.direction))

    def misplaced(self) -> str:
        """A statement that its transaction does not allow where it stands."""
        if self.error.sqlstate not in NOT_IN_TRANSACTION:
            return ""
        text = N_("{place}, build, and {again}.", place=self._right_place(), again=self.again)
        return joined("\n", [text, self.ending.cure]) if self.ending.cure else text

    def _right_place(self) -> str:
        if "before any query" in self.error.message or "SET TRANSACTION" in self.error.message:
            other = N_(", or use --transaction each") if self.options.mode == "all" else ""
            return N_(
                "The server takes that only before the first query of its transaction: put it first there{other}",
                other=other,
            )
        if self.ending.in_transaction:
            return N_(
                "This cannot run inside a transaction: {mark}", mark=self.failed.without_transaction(self.direction)
            )
        return N_(
            "It runs without a transaction of the run, so what forbids this is in the file: BEGIN … COMMIT, "
            "transaction(), a function, or a block with EXCEPTION. Take it out of that"
        )

    def history(self) -> str:
        """What concerns the history or the run lock, and not what the migration is about."""
        error, again = self.error, self.again
        if error.sqlstate == UNIQUE_VIOLATION and error.table == HISTORY_TABLE:
            return N_("Another process has applied it meanwhile: see migrations_show.")
        if error.sqlstate == INSUFFICIENT_PRIVILEGE and JOURNAL_TABLE in error.message:
            return N_(
                "Grant this database user SELECT and INSERT on {journal}, and with row level security a policy for all "
                "rows, and {again}.",
                journal=JOURNAL_TABLE,
                again=again,
            )
        if error.sqlstate == INSUFFICIENT_PRIVILEGE and HISTORY_TABLE in error.message:
            return N_(
                "Grant this database user SELECT, INSERT, UPDATE and DELETE on {history}, and {again}.",
                history=HISTORY_TABLE,
                again=again,
            )
        if ROW_GONE in error.message:
            return N_(
                "Its row in the history is gone: another process has reverted it meanwhile, or the migration has "
                "emptied {history}, which it must leave alone. See migrations_show.",
                history=HISTORY_TABLE,
            )
        if SCHEMA_GONE in error.message:
            return N_(
                "The schema of the target was dropped or renamed meanwhile, or is another of the same name: what is "
                "there now has a history of its own. See that nobody does that during a run, and {again}.",
                again=again,
            )
        if LOCK_LOST in error.message:
            return N_(
                "It freed the lock that keeps two runs apart, as pg_advisory_unlock_all does: take that out, build, "
                "and {again}.",
                again=again,
            )
        return self.history_dropped()

    def history_dropped(self) -> str:
        """A history or a journal that has gone under the run."""
        is_named = any(f'{table}"' in self.error.message for table in (HISTORY_TABLE, JOURNAL_TABLE))
        if self.failed.offset is not None or not is_named or self.error.sqlstate != UNDEFINED_TABLE:
            return ""
        return N_(
            "A migration must neither drop, rename nor move the history or its journal, nor their schema. Take that "
            "out, build, and {again}. To move the history, see HISTORY_SCHEMA in docs/deployment.md.",
            again=self.again,
        )

    def connection(self) -> str:
        """A connection that was lost."""
        if self.failed.in_doubt(self.ending):
            why = "" if self.error.sqlstate else N_(" Why it was lost is in the server's log, if the server ended it.")
            return N_("To find out, {again}: it looks into the history first.{why}", again=self.again, why=why)
        if self.error.is_lost:
            return N_("The connection was lost: see that the server runs, and {again}.", again=self.again)
        return ""

    def in_file(self) -> str:
        """What to change in the file, or about how it runs, where that is known."""
        error, again = self.error, self.again
        if error.sqlstate == INVALID_SCHEMA_NAME:
            return N_(
                "Make that schema first, or see that search_path names one that is there, and {again}.", again=again
            )
        if self.options.mode == "all" and error.sqlstate in EACH_HELPS:
            return N_("One transaction for all is too much here: use --transaction each, and {again}.", again=again)
        if (lacking := self.failed.lacking()) is not None:
            return N_(
                "The encoding of this database lacks {character}. Take it out of the file, of its comments and its "
                "down part too, which the history stores; or use a database in UTF8. Then build, and {again}.",
                character=character_name(lacking),
                again=again,
            )
        if error.sqlstate == UNSAFE_NEW_ENUM_VALUE_USAGE:
            return N_(
                "A new value of an enum can be used when the ALTER TYPE that adds it is committed: put that into a "
                "migration of its own before this one, or {mark}, build, and {again}.",
                mark=self.failed.without_transaction(self.direction),
                again=again,
            )
        return self._table_in_use() if error.sqlstate == OBJECT_IN_USE else self._repeatable()

    def _repeatable(self) -> str:
        """What has to do with repeatable migrations."""
        from .repeatable_cures import cure  # only where something has failed

        script = self.failed.script
        if not script:
            return ""
        in_python = script.source.endswith(".py")
        return cure(script.id, self.direction, self.error.sqlstate, self.again, in_python=in_python)

    def _table_in_use(self) -> str:
        """A table that is altered while the same session still uses it."""
        if self.error.function != "CheckTableNotInUse":
            return ""
        if "by active queries" in self.error.message:  # in another language both cures are given
            return N_(
                "End the loop or close the cursor that reads it before that, build, and {again}.", again=self.again
            )
        is_pending = "pending trigger" in self.error.message
        also = "" if is_pending else N_(" A loop or a cursor that reads it has to end too.")
        return N_(
            "Send SET CONSTRAINTS ALL IMMEDIATE before it, so that its rows are checked first, and {again}.{also}",
            again=self.again,
            also=also,
        )

    def waiting(self) -> str:
        """What took too long."""
        if self.error.sqlstate == LOCK_NOT_AVAILABLE:
            longer = self._setting("--lock-timeout", "--retries")
            holder = _HOLDER_ON_WORKER if _ON_WORKER in (self.error.context or "") else ""
            return N_(
                "Wait until the lock is free, or give it longer with {longer}, and {again}.{holder}",
                longer=longer,
                again=self.again,
                holder=holder,
            )
        if self.error.sqlstate == QUERY_CANCELED:
            return N_(
                "If it took too long, give it longer with {longer}, and {again}.",
                longer=self._setting("--statement-timeout"),
                again=self.again,
            )
        return ""

    def stored(self) -> str:
        """The down part of a repeatable migration, which the history has kept from when that was applied."""
        id_ = self.failed.script.stored_of if self.failed.script else None
        if id_ is None or not id_.is_repeatable:
            return ""
        return N_(
            "No change of the file changes the down part of what is applied. Drop by hand what {id} makes, record it "
            "with migrations_repair --mark-reverted {id}, and {again}.",
            id=id_,
            again=self.again,
        )

    def _setting(self, *names: str) -> str:
        """One or two options by their names, or for a command that has none the settings."""
        if self.options.command:
            names = tuple(name.strip("-").upper().replace("-", "_") for name in names)
        text = N_("{first} or {second}", first=names[0], second=names[1]) if len(names) > 1 else names[0]
        return N_("{settings} in MEDUSA_MIGRATIONS", settings=text) if self.options.command else text

    def anything_else(self) -> str:
        """What the author has to see to; a table of another app may only come too late."""
        fix = N_("Fix the cause and {again}; a change in the file has to be built first.", again=self.again)
        script = self.failed.script
        if self.direction is Direction.UP and script and self.error.sqlstate in (UNDEFINED_OBJECT, DUPLICATE_TABLE):
            from .name_cures import cure  # only where such a thing has failed

            names = _names_in(self.error.message)
            known = cure(script, self.error, names, self.options.where, of_all=self.ending.of_all)
            return joined("\n", [known, fix]) if known else fix
        app = _app_of_table(self.error.message) if self.error.sqlstate == UNDEFINED_TABLE else None
        if self.direction is Direction.DOWN or script is None or app is None or app == script.id.app:
            return fix
        which = N_("{app}`, or which of its migrations is needed", app=app) if django_migrations(app) else f"{app}.ID`"
        return N_(
            "That is a table of the app {app!r}. If it is not there yet, write above the up part "
            "`-- migrate:depends {which}: that comes first then.\n{fix}",
            app=app,
            which=which,
            fix=fix,
        )


def _names_in(message: str) -> set[str]:
    """The names that a message quotes, without schemas, in whatever language it is."""
    return {name.rpartition(".")[2] for name in _QUOTED.findall(message)}


def _app_of_table(message: str) -> str | None:
    """The app whose model has a table that a message quotes, in whatever language it is."""
    tables = _names_in(message)
    models = (model._meta for model in apps.get_models(include_auto_created=True) if not model._meta.proxy)
    return next((options.app_label for options in models if options.db_table in tables), None)
