"""Django's migrations applied in a scratch database for what they send, and there once more by the SQL of the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import Error, connections, transaction

from medusa_migrations.database.interruption import Interruption
from medusa_migrations.database.postgresql import server_error
from medusa_migrations.errors import DatabaseError, FileError, MigrationError
from medusa_migrations.events import ScratchMade, Working
from medusa_migrations.files import sqlfile
from medusa_migrations.files.build import from_sources
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Key, Migration, MigrationId, Part
from medusa_migrations.results import Difference, ImportPlace
from medusa_migrations.run.combined import combined_order
from medusa_migrations.sql.scanner import split
from medusa_migrations.verify.app import ended_early
from medusa_migrations.verify.catalog.difference import differences
from medusa_migrations.verify.catalog.snapshot import Snapshot
from medusa_migrations.verify.django_part import DjangoFailed
from medusa_migrations.verify.request import Request as VerifyRequest
from medusa_migrations.verify.scratch.open import Scratch, open_scratch
from medusa_migrations.verify.stand import PartFailed, Stand

from ..draft import STOP, Draft
from ..request import Request
from .convert import Recorded, draft_of
from .graph import all_needed, is_import, others_needed
from .lines import Lines
from .record import recording
from .renames import names
from .undo import Before, undone

_NOTHING = N_("Nothing was imported.")


class Taken(NamedTuple):
    """What was taken from the migrations, by their names, and how what that makes differs from what Django makes."""

    drafts: Mapping[str, Draft]
    places: tuple[ImportPlace, ...] = ()
    differences: tuple[Difference, ...] = ()


def take(request: Request, label: str, new: Mapping[str, MigrationId]) -> Taken:
    """The drafts of the app's migrations in `new`, with their texts; each becomes the SQL migration with that id.

    Raises MigrationError for one that fails, DatabaseError for what the server does not allow, and Interrupted.
    """
    interruption = request.interruption or Interruption()
    with (
        ended_early(N_("Nothing was imported. Run it again.")),
        open_scratch(request.database, existing=request.scratch, interruption=interruption) as scratch,
    ):
        return _Chain(request, label, new, scratch, interruption).taken()


class _Chain:
    def __init__(
        self,
        request: Request,
        label: str,
        new: Mapping[str, MigrationId],
        scratch: Scratch,
        interruption: Interruption,
    ) -> None:
        self.request, self.label, self.new, self.scratch = request, label, new, scratch
        self.proof = _as_proof(request, interruption)
        self.drafts: dict[str, Draft] = {}

    def taken(self) -> Taken:
        with self._stand() as stand:
            version = stand.session().query("SELECT pg_catalog.current_setting('server_version')")[0][0]
            self.request.listener(ScratchMade(self.scratch.name, str(version).split()[0]))
            self._have_history(stand)
            order = self._order(stand)
            for key in order:
                self._apply(stand, key)
            by_django = stand.snapshot()
        self.scratch.renew()
        with self._stand() as stand:
            self._have_history(stand)
            by_sql = self._by_sql(stand, order)
        if isinstance(by_sql, ImportPlace):
            return Taken(self.drafts, (by_sql,))
        return Taken(self.drafts, differences=differences(by_django, by_sql))

    @contextmanager
    def _stand(self) -> Iterator[Stand]:
        others: dict[Key, Migration] = {one.id: one for one in from_sources()[0]}
        with Stand(self.scratch, self.proof, others) as stand:
            try:
                yield stand
            except DjangoFailed as error:
                raise MigrationError(joined("\n", [error.args[0], _NOTHING])) from error
            except PartFailed as error:
                raise DatabaseError(joined("\n", [*error.failed.facts(), _NOTHING])) from error

    def _have_history(self, stand: Stand) -> None:
        """Make Django's own table, so that no migration is taken to make it."""
        stand.django.executor.recorder.ensure_schema()

    def _order(self, stand: Stand) -> list[Key]:
        """The app's migrations with what they need, of both kinds, up to the last that is new."""
        loader = stand.django.loader
        others: list[Migration] = [
            one
            for one in stand.migrations.values()
            if one.id.app not in (self.label, self.request.app) and not is_import(loader, one.id)
        ]
        order = combined_order(loader, all_needed(loader, self.label), others, chosen=())
        last = max(index for index, key in enumerate(order) if self._is_new(key))
        return order[: last + 1]

    def _is_new(self, key: Key) -> bool:
        return key[0] == self.label and key[1] in self.new

    def _apply(self, stand: Stand, key: Key) -> None:
        if not self._is_new(key):
            stand.apply(key)
            return
        number = len(self.drafts) + 1
        self.request.listener(Working(str(self.new[key[1]]), number, len(self.new)))
        migration, connection = stand.django.migration(key), connections[self.request.database]
        before = Before(stand.django.state(), names(connection))
        with recording(connection, migration) as up:
            stand.apply(key)
        with stand.django.stoppable():
            down = undone(connection, migration, before)
        depends = others_needed(stand.django.loader, key)
        self.drafts[key[1]] = draft_of(Recorded(migration, depends, up, down))

    def _by_sql(self, stand: Stand, order: Sequence[Key]) -> Snapshot | ImportPlace:
        """The catalog that the drafts make without their stops; or the place of one that fails."""
        for key in order:
            if not self._is_new(key):
                stand.apply(key)
                continue
            try:
                with stand.django.stoppable():
                    _run(connections[self.request.database], self.drafts[key[1]])
            except (Error, FileError) as error:  # what no build takes is refused where it is to be written
                reason = server_error(error).message if isinstance(error, Error) else error.problem
                message = N_(
                    "the SQL of this migration fails where what is to be written is left out, so what the files make "
                    "was not compared with what Django makes: {reason}.",
                    reason=reason,
                )
                return Lines(stand.django.migration(key)).place(message)
            stand.django.pass_by(key)
        return stand.snapshot()


def _as_proof(request: Request, interruption: Interruption) -> VerifyRequest:
    return VerifyRequest(
        app=None,
        all=False,
        live=None,
        database=request.database,
        scratch=request.scratch,
        keep=False,
        require_down=False,
        server_wide=False,
        rows=False,
        lint=False,
        listener=request.listener,
        interruption=interruption,
    )


def _run(connection: Any, draft: Draft) -> None:
    """Run the up part without its stops, as a release runs it. Raises django.db.Error, FileError."""
    text = "".join(line for line in draft.text.splitlines(keepends=True) if not line.startswith(STOP))
    up: Part = sqlfile.parse(text, draft.path).up
    sql = up.sql(text)
    with connection.cursor() as cursor:
        if up.transaction is False:
            for statement in split(sql):
                cursor.execute(sql[statement.start : statement.end])
        elif split(sql):
            with transaction.atomic(connection.alias):
                cursor.execute(sql)
