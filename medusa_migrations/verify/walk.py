"""The way through all migrations of both kinds, in their order, on which those that are due are proven."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Collection, Iterator, Sequence

from medusa_migrations.events import Working, seconds_left
from medusa_migrations.files import dist
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, Key, Migration, MigrationId, dependencies
from medusa_migrations.results import Failure, Proof
from medusa_migrations.run.prerequisites import named
from medusa_migrations.sql.makes import made_names

from .django_part import DjangoFailed
from .request import Request
from .round_trip import prove
from .stand import PartFailed, Stand

# What is missing where one that came before has failed (manual, appendix A): a table, a column, another object, a
# function, a schema.
_MISSING = {"42P01", "42703", "42704", "42883", "3F000"}


class Walk:
    """Applies `order` in `stand`, and gives a Proof of each that is `due`.

    After a fault it goes on: what needs a migration whose up part has failed is skipped.
    """

    def __init__(self, stand: Stand, order: Sequence[Key], due: Collection[MigrationId], request: Request) -> None:
        self.stand, self.order, self.due, self.request = stand, order, due, request
        self.failed: dict[Key, str] = {}  # those that are not applied, with why
        self.django: list[str] = []  # why some of Django's failed

    def proofs(self) -> Iterator[Proof]:
        """The proofs, each as soon as it is there. Raises DatabaseError, MigrationError."""
        passed = list(itertools.takewhile(lambda key: key not in self.due, self.order))
        rest = self.order[len(passed) - len(self.stand.apply_together(passed)) :]
        total = sum(key in self.stand.migrations for key in self.order)
        number = passed_by = total - sum(key in self.stand.migrations for key in rest)
        begun = time.monotonic()
        for key in rest:
            migration = self.stand.migrations.get(key)
            if migration is None:
                self._apply_django(key)
                continue
            seconds = seconds_left(begun, number - passed_by, total - passed_by)
            number += 1
            self.request.listener(Working(str(migration.id), number, total, seconds))
            yield from self._one(migration)

    def _one(self, migration: Migration) -> Iterator[Proof]:
        needed = next((other for other in self._needs(migration) if other in self.failed), None)
        if needed:
            yield self._skipped(migration, N_("it depends on {id}, which fails", id=".".join(needed)))
        elif migration.id in self.due or not self._is_up(migration):
            proof = prove(self.stand, migration, self.request)
            yield self._up_failed(migration, proof) if proof.status == "up_failed" else proof

    def _needs(self, migration: Migration) -> list[Key]:
        """What the header of a migration names, of both kinds."""
        return [*dependencies(migration), *named(self.stand.django.loader, migration)]

    def _is_up(self, migration: Migration) -> bool:
        """Apply one that need not be proven, and tell whether that was possible."""
        try:
            self.stand.run(migration, Direction.UP)
        except PartFailed:
            self.stand.spoil()
            return False
        return True

    def _up_failed(self, migration: Migration, proof: Proof) -> Proof:
        """The proof of one whose up part has failed: perhaps only because an earlier one of its app has."""
        earlier = self._maker(proof.error) if proof.error and proof.error.sqlstate in _MISSING else None
        self.failed[migration.id] = N_("its up part fails")
        if earlier:
            more = N_("It may only need {id}, whose up part fails.", id=earlier.id)
            return proof._replace(told=joined("\n", [proof.told, more]))
        return proof

    def _maker(self, error: Failure) -> Migration | None:
        """The failed migration in SQL whose up part makes what is missing, which the message names first."""
        missing = re.search(r'"(?:[^".]+\.)?([^"]+)"', error.message)
        if missing is None:
            return None
        failed = (self.stand.migrations[key] for key in self.failed if key in self.stand.migrations)
        in_sql = (one for one in failed if not one.is_python)
        return next((one for one in in_sql if missing[1] in made_names(one.up.sql(dist.read_text(one)))), None)

    def _skipped(self, migration: Migration, reason: str) -> Proof:
        self.failed[migration.id] = reason
        return Proof(migration.id, "skipped", told=joined("", [reason, "."]))

    def _apply_django(self, key: Key) -> None:
        """Apply one of Django's, unless one that it depends on has failed."""
        parents = self.stand.django.loader.graph.node_map[key].parents
        if any(parent.key in self.failed for parent in parents):
            self.failed[key] = N_("it depends on one that fails")
            return
        try:
            self.stand.apply(key)
        except DjangoFailed as error:
            self.failed[key] = error.args[0]
            self.django.append(error.args[0])
            self.stand.spoil()
