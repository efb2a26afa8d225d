"""The proof of one migration: up, down, the catalog is what it was before, up again."""

from __future__ import annotations

import time

from medusa_migrations.errors import DatabaseError, Location, locate
from medusa_migrations.files import dist
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, Migration
from medusa_migrations.results import Difference, Failure, LintFinding, Proof, ProofStatus
from medusa_migrations.run.cures import cure_in_file
from medusa_migrations.run.failure import StatementFailed
from medusa_migrations.run.report import milliseconds_since
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.writes import may_write_rows

from .allowed import apart
from .beyond import Beyond, HasChanged
from .catalog.difference import differences
from .catalog.snapshot import Snapshot
from .findings import place_in
from .lacking import cure_of_server, is_of_the_server
from .loses import loses
from .request import Request
from .rows.trial import FailedOnRows, Tried, is_certain, try_on_rows
from .stand import PartFailed, Stand

_FAILED: dict[Direction, ProofStatus] = {Direction.UP: "second_up_failed", Direction.DOWN: "down_failed"}


def prove(stand: Stand, migration: Migration, request: Request) -> Proof:
    """Prove `migration` on what is applied in `stand`; afterwards its up part is applied there, unless that fails.

    Raises DatabaseError where the server is at fault, and not the migration.
    """
    begun = time.monotonic()
    trip = _RoundTrip(stand, migration, request)
    return trip.proof()._replace(findings=trip.findings, duration_ms=milliseconds_since(begun))


class _RoundTrip:
    def __init__(self, stand: Stand, migration: Migration, request: Request) -> None:
        self.stand, self.migration, self.request = stand, migration, request
        self.findings: tuple[LintFinding, ...] | None = None

    def proof(self) -> Proof:
        before = self.stand.snapshot()
        try:
            self._first_up()
        except PartFailed as error:
            return self._failed("up_failed", Direction.UP, error.failed)
        if self.migration.is_repeatable and not self.migration.replace and (fault := self._run_again()):
            return fault
        if self.migration.down is None:
            return self._irreversible(before)
        upped = self.stand.snapshot() if self.request.rows or self._may_write_rows() else None
        try:
            self.stand.run(self.migration, Direction.DOWN)
        except PartFailed as error:
            return self._failed("down_failed", Direction.DOWN, error.failed)
        after = self.stand.snapshot()
        found = differences(before, after)
        if found:
            return self._differs(found)
        tried = try_on_rows(self.stand, self.migration, before, upped) if upped and self.request.rows else None
        if tried and tried.failed and is_certain(tried.failed):
            return self._failed_on_rows(tried.failed)
        try:
            self.stand.run(self.migration, Direction.UP)
        except PartFailed as error:
            return self._failed("second_up_failed", Direction.UP, error.failed)
        final = self.stand.snapshot()
        if self._may_write_rows():
            self.stand.spoil()  # the rows of the first up, and what its sequences have given, are there still
        if upped and (otherwise := differences(upped, final)):
            return self._made_otherwise(otherwise)
        _, idle = apart((), self.migration.allow)
        if idle:
            return self._allows_nothing((), idle[0])
        lost = loses(before, final, after, self._down_sql())
        return Proof(self.migration.id, "proven", loses=lost, told=_of_rows(tried))

    def _first_up(self) -> None:
        if self.request.lint:
            self.findings = self.stand.watch(self.migration, Direction.UP)
        else:
            self.stand.run(self.migration, Direction.UP)

    def _run_again(self) -> Proof | None:
        """The proof of a repeatable one that fails, or makes something else, where what it makes is there."""
        first = self.stand.snapshot()
        try:
            self.stand.run_again(self.migration)
        except PartFailed as error:
            return self._failed("second_up_failed", Direction.UP, error.failed)
        found = differences(first, self.stand.snapshot())
        return self._made_otherwise(found) if found else None

    def _differs(self, found: tuple[Difference, ...]) -> Proof:
        """The proof where the down part has left `found`, some of which may be allowed."""
        drift, idle = apart(found, self.migration.allow)
        try:
            self.stand.run(self.migration, Direction.UP)
        except PartFailed as error:
            return self._failed("drift" if drift else "second_up_failed", Direction.UP, error.failed, drift)
        self.stand.spoil()  # what the second up made of it need not be what the first one makes
        if idle:
            return self._allows_nothing(drift, idle[0])
        return Proof(self.migration.id, "drift" if drift else "proven", drift)

    def _failed(
        self, status: ProofStatus, direction: Direction, failed: StatementFailed, drift: tuple[Difference, ...] = ()
    ) -> Proof:
        if is_of_the_server(failed.error):
            reason = joined("\n", failed.facts())
            raise DatabaseError(
                N_(
                    "{id} met what is not of its making ({direction}): {reason}",
                    id=self.migration.id,
                    direction=direction,
                    reason=reason,
                )
            )
        failed = self.stand.located(failed, self.migration.part(direction))
        if not self._is_taken_back(status, direction, failed):
            self.stand.go_on(self.migration, applied=status != "up_failed")
        cure = failed.cure() if isinstance(failed, Beyond) else cure_of_server(failed.error, direction)
        cure = cure or cure_in_file(failed, direction, self.stand.options)
        first, *rest = [*failed.facts(), *([cure] if cure else [])]
        told = joined("\n", [N_("the second up fails: {reason}", reason=first) if drift else first, *rest])
        return Proof(self.migration.id, status, drift, error=failed.failure(), told=told)

    def _is_taken_back(self, status: ProofStatus, direction: Direction, failed: StatementFailed) -> bool:
        """Whether all is as it was before a part that has failed.

        What its functions did may stay: a number of a sequence is taken, an advisory lock is freed.
        """
        has_run_twice = self.migration.is_repeatable and direction is Direction.DOWN
        return (
            status in ("up_failed", "down_failed")
            and not has_run_twice
            and not isinstance(failed, HasChanged)
            and self.stand.is_in_transaction(self.migration, direction)
            and not self._may_write_rows()
        )

    def _failed_on_rows(self, on_rows: FailedOnRows) -> Proof:
        self.stand.go_on(self.migration, applied=True)
        first, *rest = on_rows.failed.facts()
        told = joined("\n", [N_("{reason}, on rows", reason=first), *rest])
        return Proof(self.migration.id, _FAILED[on_rows.direction], error=on_rows.failed.failure(), told=told)

    def _made_otherwise(self, found: tuple[Difference, ...]) -> Proof:
        """The proof where the rows that the first up has left make the second one do something else."""
        self.stand.spoil()
        message = N_("The second up part makes something else than the first one did")
        place = locate(self.migration.source, self._text(), 0)
        return self._wrong("second_up_failed", message, place, found)

    def _irreversible(self, before: Snapshot) -> Proof:
        tried = self._up_on_rows(before) if self.request.rows else None
        if tried and tried.failed and is_certain(tried.failed):
            return self._failed_on_rows(tried.failed)
        if not self.request.require_down:
            return Proof(self.migration.id, "irreversible", told=_of_rows(tried))
        message = N_("It has no down part, and --require-down asks for one")
        return self._wrong("irreversible", message, locate(self.migration.source, self._text(), 0))

    def _up_on_rows(self, before: Snapshot) -> Tried:
        after_up = self.stand.snapshot()
        self.stand.go_on(self.migration, applied=False)
        tried = try_on_rows(self.stand, self.migration, before, after_up)
        self.stand.go_on(self.migration, applied=True)
        return tried

    def _allows_nothing(self, drift: tuple[Difference, ...], text: str) -> Proof:
        """A header that lets pass what is not there hides a fault that comes later."""
        place = place_in(self._text(), text, self.migration.source)
        names = ", ".join(dict.fromkeys(f"{one.kind} {one.object}" for one in drift))
        left = N_("what it does leave is {names}", names=names) if names else N_("it leaves nothing behind")
        message = N_(
            "migrate:allow {code} lets nothing pass: {left}. Correct it or take it out",
            code=text.partition(":")[0],
            left=left,
        )
        return self._wrong("drift", message, place, drift)

    def _wrong(self, status: ProofStatus, message: str, place: Location, drift: tuple[Difference, ...] = ()) -> Proof:
        error = Failure(self.migration.id, message, place.path, place.line, place.column)
        told = joined("", [message, ".\n", str(place), "\n", place.excerpt()])
        return Proof(self.migration.id, status, drift, error=error, told=told)

    def _may_write_rows(self) -> bool:
        if self.migration.is_python:
            return True
        parts = [self.migration.up, *([self.migration.down] if self.migration.down else [])]
        statements = (one for part in parts for one in split(part.sql(self._text())))
        return any(may_write_rows(one.words) for one in statements)

    def _text(self) -> str:
        return dist.read_text(self.migration)

    def _down_sql(self) -> str:
        """The SQL of the down part; of a migration in Python nothing is known."""
        down = self.migration.down
        return "" if down is None or self.migration.is_python else down.sql(self._text())


def _of_rows(tried: Tried | None) -> str:
    """What is to be said of rows: a part has failed on some that real ones need not be like, or there are none."""
    if tried is None:
        return ""
    names = {name.removeprefix("public."): why for name, why in tried.unfilled.items()}
    unfilled = [N_("no rows could be made for {name}: {why}", name=name, why=why) for name, why in names.items()]
    if tried.failed:
        reason = joined(" ", tried.failed.failed.facts()[:2])
        part = N_(
            "on made-up rows its {direction} part fails, see whether it could on yours: {reason}",
            direction=tried.failed.direction,
            reason=reason,
        )
        return joined("; ", [part, *unfilled])
    return joined("; ", unfilled)
