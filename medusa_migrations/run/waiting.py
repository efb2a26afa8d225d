"""Waits for a database: for its server alone, or until no migration of either kind is pending. It only reads."""

from __future__ import annotations

import contextvars
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import NamedTuple, Self

from django.db import Error
from django.db.migrations.loader import MigrationLoader

from medusa_migrations import conf
from medusa_migrations.database.connect import CannotConnect, connected, usable_for
from medusa_migrations.database.destination import Destination, alias_of, name_of, named
from medusa_migrations.database.history import History
from medusa_migrations.database.interruption import REPEAT_SECONDS, Interruption, StopRequested
from medusa_migrations.database.lock import known_and_holder
from medusa_migrations.database.postgresql import INSUFFICIENT_PRIVILEGE, PASSING, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, Interrupted, NotReady, SettingsError
from medusa_migrations.events import Listener, Remarked
from medusa_migrations.files.build import to_run
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, Phase
from medusa_migrations.results import Failure, WaitResult

from .options import Options
from .prerequisites import applied_by_django, loaded
from .readiness import Look, hopeless, overdue, words_for

# A look that takes longer is given up for a new one: what it is connected to may never answer. The last may take as
# long as the second, so that there is one whatever the timeout is.
LOOK_SECONDS = 10
LAST_LOOK_SECONDS = 3

# How often a run looks whether the server is there.
SERVER_INTERVAL = 1

# More often would keep a server busy that has just begun.
SHORTEST_INTERVAL = 0.1


class Patience(NamedTuple):
    """How long to wait in all, how long between two looks, who is told meanwhile, and what ends it."""

    timeout: float
    interval: float
    listener: Listener
    interruption: Interruption

    @classmethod
    def chosen(cls, timeout: float, interval: float, listener: Listener, interruption: Interruption) -> Self:
        """What was asked for. Raises SettingsError for a number that cannot be."""
        if conf.seconds("interval", interval) < SHORTEST_INTERVAL:
            raise SettingsError(
                N_(
                    "interval is {interval!r}. It must be a number of seconds, {shortest} or more.",
                    interval=interval,
                    shortest=SHORTEST_INTERVAL,
                )
            )
        return cls(conf.seconds("timeout", timeout), interval, listener, interruption)


class Awaited(NamedTuple):
    """The migrations that are to be applied: SQL's, as far as they run in `phase`, and Django's, those of `loader`.

    Of a target SQL's alone: a fleet is of those, and Django's are for whoever runs them there.
    """

    migrations: tuple[Migration, ...]
    loader: MigrationLoader
    phase: Phase | None

    def look(self, session: Session) -> Look:
        """Compare them with both histories. Raises django.db.Error, DatabaseError."""
        history = History(session)
        known, holder = known_and_holder(history, self.migrations)
        held_back = known.held_back(self.phase)
        if hopeless(known, is_held=holder is not None, held_back=held_back):
            known, holder = known_and_holder(history, self.migrations, details=True)  # with what the errors were
        applied = None if session.target else applied_by_django(session, self.loader)
        return Look(
            sql=tuple(migration.id for migration in known.due(self.phase)),
            django=() if applied is None else tuple(sorted(self.loader.graph.nodes.keys() - applied)),
            holder=holder.text if holder else "",
            hopeless=hopeless(known, is_held=holder is not None, held_back=held_back),
        )


def wait_until_ready(where: Destination, patience: Patience, *, database_only: bool) -> WaitResult:
    """As `medusa_migrations.api.wait`."""
    began = time.monotonic()
    conf.get_settings()  # what is wrong is told at once
    phase = conf.phase_of_environment()
    awaited = None if database_only else Awaited(to_run(only_plan=True), loaded(), phase)
    try:
        found = _last_look(where, awaited, patience)
    except StopRequested as stop:
        raise Interrupted(
            N_("Stopped by {reason} while it waited. Nothing was changed.", reason=str(stop)), str(stop)
        ) from stop
    waited = round((time.monotonic() - began) * 1000)
    result = WaitResult(alias_of(where), found.is_ready, waited, found.pending, target=name_of(where))
    if found.is_ready:
        return result
    failure = found.hopeless or Failure(None, overdue(found, patience.timeout))
    raise NotReady(failure.message, result._replace(error=failure))


def wait_for_server(options: Options) -> None:
    """Wait until the server of a run takes connections. Raises DatabaseError when the time is over, StopRequested."""
    interruption = options.interruption or Interruption()
    patience = Patience(options.wait, SERVER_INTERVAL, options.listener, interruption)
    found = _last_look(options.where, None, patience)
    if found.unreachable:
        raise DatabaseError(
            N_(
                "{problem}\nWaited {seconds:g} s for it; --wait sets how long.",
                problem=found.unreachable.args[0],
                seconds=options.wait,
            )
        )


def _last_look(where: Destination, awaited: Awaited | None, patience: Patience) -> Look:
    """The last look: one that leaves nothing to wait for, or that at the end of the time."""
    usable_for(where)  # in this thread, whose connection may be a tenant's
    deadline = time.monotonic() + patience.timeout
    told = ""
    while True:
        longest = min(LOOK_SECONDS, max(LAST_LOOK_SECONDS, deadline - time.monotonic()))
        found = in_time(longest, functools.partial(_look, where, awaited), patience.interruption) or _unanswered(where)
        left = deadline - time.monotonic()
        if found.is_ready or found.hopeless or left <= 0:
            return found
        words = words_for(found)
        if words != told:
            told = words
            patience.listener(Remarked(N_("Waiting: {words}", words=words)))
        patience.interruption.wait(min(patience.interval, left))


def _look(where: Destination, awaited: Awaited | None, interruption: Interruption) -> Look:
    """Look over a new connection. Raises DatabaseError for what no time mends."""
    try:
        with connected(where, interruption) as session:
            return awaited.look(session) if awaited else Look()
    except CannotConnect as error:
        if not error.may_pass:
            raise
        return Look(unreachable=error)
    except Error as error:
        reason = server_error(error)
        if reason.is_lost or reason.sqlstate in PASSING:
            message = N_("The {where} failed: {reason}", where=named(where), reason=reason.message)
            return Look(unreachable=CannotConnect(message, reason.message))
        cure = N_(" Give this database user SELECT on it.") if reason.sqlstate == INSUFFICIENT_PRIVILEGE else ""
        raise DatabaseError(
            N_("The {where} cannot be looked at: {reason}.{cure}", where=named(where), reason=reason.message, cure=cure)
        ) from None


def _unanswered(where: Destination) -> Look:
    reason = N_("no answer")
    message = N_(
        "The {where} gives {reason}. See that its server runs, and what its sessions wait for.",
        where=named(where),
        reason=reason,
    )
    return Look(unreachable=CannotConnect(message, reason))


def in_time(seconds: float, look: Callable[[Interruption], Look], interruption: Interruption) -> Look | None:
    """What `look` finds; None if that takes longer than `seconds`, when it is cancelled. Raises StopRequested.

    It has a thread of its own, because a driver that connects hears neither a signal nor that the time is over.
    """
    its_own = Interruption()
    found: Future[Look] = Future()
    work = functools.partial(contextvars.copy_context().run, look, its_own)
    threading.Thread(target=_hand_over, args=(work, found), daemon=True).start()
    end = time.monotonic() + seconds
    try:
        while not found.done() and time.monotonic() < end:
            interruption.check()
            wait([found], timeout=REPEAT_SECONDS)
        return found.result() if found.done() else None
    finally:
        if not found.done():  # to cancel may wait for the network
            threading.Thread(target=its_own.request, args=("nobody waits for it",), daemon=True).start()


def _hand_over(work: Callable[[], Look], found: Future[Look]) -> None:
    try:
        found.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
        found.set_exception(error)
