"""The proof of what is not proven yet, in a scratch database: the migrations, the models, a live database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from medusa_migrations.database.session import Session
from medusa_migrations.errors import PlanError
from medusa_migrations.events import Proved, ScratchMade, Working
from medusa_migrations.messages import N_
from medusa_migrations.migration import Key, Migration, MigrationId
from medusa_migrations.results import Difference, Proof, VerifyResult
from medusa_migrations.run.combined import combined_order

from . import cache, chain, live
from .django_part import DjangoFailed, DjangoPart
from .models import differences_of_models
from .request import Subject
from .scratch.open import open_scratch_of
from .server_wide import roles_kept
from .stand import PartFailed, Stand
from .walk import Walk

# What differs in a live database, and notes.
_Drift = tuple[tuple[Difference, ...], tuple[str, ...]]


class Proving:
    """Proves what of `subject` is not proven yet."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.request = subject, subject.request
        self.by_id: Mapping[Key, Migration] = {migration.id: migration for migration in subject.migrations}
        self.keys: Mapping[MigrationId, str] = {}
        self.proofs: dict[MigrationId, Proof] = {}
        self.django: tuple[str, ...] = ()
        self.unsound: Collection[MigrationId] = ()  # those proven without all that comes before them
        self.models: tuple[str, ...] = ()
        self.uncompared: tuple[str, ...] = ()
        self.live: tuple[Difference, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.is_done = False

    def result(self, session: Session) -> VerifyResult:
        """Prove it, in a scratch made by the `session`. Raises as `app.verify`."""
        there = self._read_live()
        request = self.request
        request.listener(Working(N_("making a scratch database")))
        try:
            with (
                roles_kept(request) as roles,
                open_scratch_of(session, existing=request.scratch, keep=request.keep) as scratch,
                Stand(scratch, request, self.by_id, roles) as stand,
            ):
                request.listener(ScratchMade(scratch.name, self.subject.version))
                self._prove(stand, there)
            self.notes += roles.notes() if roles else ()
        finally:
            self.notes += self._save()
        return VerifyResult(
            database=request.database,
            server_version=self.subject.version,
            migrations=tuple(
                self.proofs.get(one.id) or self.subject.untouched_one(one.id)
                for one in self.subject.migrations
                if one.id in self.proofs or request.app in (None, one.id.app)
            ),
            django=self.django,
            models=self.models,
            uncompared=self.uncompared,
            live=self.live,
            live_alias=request.live,
            scratch=scratch.name if request.keep else None,
            notes=self.notes,
        )

    def _read_live(self) -> live.Live | None:
        """The live database, before its alias leads elsewhere."""
        if self.request.live is None:
            return None
        self.request.listener(Working(N_("reading the live database")))
        there = live.read(self.request.live, self.subject.migrations)
        if there.major != self.subject.surroundings.server:
            raise PlanError(
                N_(
                    "The database {alias!r} is on PostgreSQL {major}, and the scratch database would be on {server}: "
                    "what differs would be theirs. Nothing was compared. Name with --database an alias on a server of "
                    "the same major version.",
                    alias=there.alias,
                    major=there.major,
                    server=self.subject.surroundings.server,
                )
            )
        return there

    def _prove(self, stand: Stand, there: live.Live | None) -> None:
        order = order_of(stand.django, self.subject.migrations)
        self.keys = chain.keys(order, self.by_id, self.subject.surroundings, stand.django.file_of)
        if not self.subject.is_proven_but_for_live:
            self._walk(stand, order)
        if there:
            self.live, self.notes = self._drift(stand, order, there)
        self.is_done = True

    def _walk(self, stand: Stand, order: Sequence[Key]) -> None:
        due = {
            migration.id for migration in self.subject.asked if self.subject.is_due(migration, self.keys[migration.id])
        }
        walk = Walk(stand, _up_to_last(order, self.by_id), due, self.request)
        for proof in walk.proofs():
            self.proofs[proof.id] = proof
            self.unsound = {*self.unsound, proof.id} if walk.failed else ()
            self.request.listener(Proved(proof))
        self.django = tuple(walk.django)
        self.uncompared = tuple(sorted({key[0] for key in walk.failed if key in self.by_id}))
        compared = [one for one in self.subject.asked if one.id.app not in self.uncompared]
        if compared or self.request.keep:
            self.request.listener(Working(N_("comparing the models")))
            stand.ready()  # in place of a spoilt one
            self.models = differences_of_models(compared, self.request.database, self.request.interruption)

    def _drift(self, stand: Stand, order: Sequence[Key], there: live.Live) -> _Drift:
        try:
            stand.have([key for key in order if key in there.applied])
        except (PartFailed, DjangoFailed) as error:
            raise PlanError(
                N_(
                    "What is applied in the database {alias!r} cannot be made again, so it was not compared: {error}",
                    alias=there.alias,
                    error=error.args[0],
                )
            ) from error
        return live.drift(there, stand.snapshot(), stand.owner())

    def _save(self) -> tuple[str, ...]:
        """Keep what is proven now, also if this ends early."""
        request = self.request
        sections = {cache.section(request.database, with_rows=with_rows) for with_rows in (request.rows, False)}
        notes = [cache.save(section, self._proven(cache.load(section))) for section in sorted(sections)]
        return tuple(note for note in notes if note)

    def _proven(self, before: cache.Proven) -> cache.Proven:
        """What is proven now, where that was `before`."""
        kept = {
            id_: known
            for id_, known in before.known.items()
            if id_ in self.by_id and id_ not in self.proofs and self.keys.get(id_, known.key) == known.key
        }
        new = {
            id_: cache.Known(self.keys[id_], self.by_id[id_].hash, proof.loses, proof.findings)
            for id_, proof in self.proofs.items()
            if proof.status in ("proven", "irreversible") and not proof.is_fault and id_ not in self.unsound
        }
        known = kept | new
        due = self.by_id.keys() - self.subject.skipped
        are_compared = self.request.app is None or before.everything == self.subject.everything
        are_equal = self.is_done and are_compared and not (self.models or self.uncompared or self.django)
        return cache.Proven(known, self.subject.everything if are_equal and due <= known.keys() else "")


def order_of(django: DjangoPart, migrations: Sequence[Migration]) -> list[Key]:
    """The migrations of both kinds in the order in which they run on an empty database."""
    return combined_order(django.loader, django.plan(), migrations)


def _up_to_last(order: Sequence[Key], by_id: Mapping[Key, Migration]) -> Sequence[Key]:
    """`order` without what of Django's comes after the last SQL migration, which nothing here needs."""
    last = max((index for index, key in enumerate(order) if key in by_id), default=-1)
    return order[: last + 1]
