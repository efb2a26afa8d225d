"""What somebody asks of the proof, and what that is about."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from medusa_migrations.database.interruption import Interruption
from medusa_migrations.events import Listener
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.results import Proof

from .cache import Proven
from .chain import Surroundings


class Request(NamedTuple):
    """The options of `medusa_migrations.api.verify`, which describes each and has the defaults."""

    app: str | None
    all: bool
    live: str | None
    database: str
    scratch: str | None
    keep: bool
    require_down: bool
    server_wide: bool
    rows: bool
    lint: bool
    listener: Listener
    interruption: Interruption


class Subject(NamedTuple):
    """What is to be proven: `migrations` in their order, but for those `skipped`, on a server of this `version`.

    `surroundings` are what all proofs rest on, and `everything` is the checksum of all that the whole proof rests on.
    `before` is what was proven before.
    """

    request: Request
    migrations: tuple[Migration, ...]
    skipped: Collection[MigrationId]
    surroundings: Surroundings
    version: str
    everything: str
    before: Proven

    @property
    def asked(self) -> tuple[Migration, ...]:
        """The migrations that are asked about: those of one app, or all."""
        return tuple(one for one in self.migrations if self.request.app in (None, one.id.app))

    @property
    def is_whole(self) -> bool:
        """Whether all of this was proven before, the models too."""
        if not self.asked:
            return True
        return not (self.request.all or any(map(self.must_be_linted, self.asked))) and (
            self.before.everything == self.everything
        )

    def must_be_linted(self, migration: Migration) -> bool:
        """Whether nobody has looked yet what its statements do."""
        known = self.before.known.get(migration.id)
        return self.request.lint and migration.id not in self.skipped and (known is None or known.findings is None)

    @property
    def is_proven_but_for_live(self) -> bool:
        """Whether there is nothing to find out of the files."""
        return self.is_whole and not any(map(self.must_have_down, self.asked))

    @property
    def is_proven(self) -> bool:
        """Whether there is nothing to find out."""
        return self.request.live is None and self.is_proven_but_for_live

    def is_due(self, migration: Migration, key: str) -> bool:
        """Whether a migration is to be proven; `key` is the checksum of what its proof rests on."""
        if migration.id in self.skipped:
            return False
        known = self.before.known.get(migration.id)
        if self.request.all or known is None or known.key != key:
            return True
        return self.must_have_down(migration) or self.must_be_linted(migration)

    def must_have_down(self, migration: Migration) -> bool:
        """Whether it lacks a down part that it is asked to have."""
        return self.request.require_down and migration.down is None and migration.id not in self.skipped

    def untouched(self) -> tuple[Proof, ...]:
        """The proofs of migrations that need none."""
        return tuple(self.untouched_one(one.id) for one in self.asked)

    def untouched_one(self, id_: MigrationId) -> Proof:
        """The proof of a migration that needs none."""
        if id_ in self.skipped:
            return Proof(id_, "skipped")
        known = self.before.known.get(id_)
        if known is None:
            return Proof(id_, "cached")
        return Proof(id_, "cached", loses=known.loses, findings=known.findings if self.request.lint else None)
