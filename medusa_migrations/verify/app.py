"""The proof from its door on: what is to be proven, and whether anything of that is not proven yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from django.db import router

from medusa_migrations import conf
from medusa_migrations.database.connect import SEE_APPLIED
from medusa_migrations.database.interruption import StopRequested
from medusa_migrations.database.postgresql import server_version
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError, Interrupted, PlanError, nearest
from medusa_migrations.files.build import app_labels, from_sources, to_run
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Migration, MigrationId
from medusa_migrations.plan.known import check_app, know
from medusa_migrations.results import VerifyResult

from . import cache, chain
from .request import Request, Subject
from .scratch.open import open_maintenance

# What to do where this has ended before its end, and could not clear away what it has made.
AGAIN = N_("Run it again: it drops what this one has left.")


def verify(request: Request) -> VerifyResult:
    """Prove the migrations of a database that are not proven yet, and compare the models, and a live database if asked.

    Raises PlanError for what cannot be asked for, DatabaseError for what the server does not allow, and Interrupted.
    """
    with ended_early(N_("What was proven so far is kept. Run it again to go on.")):
        if request.scratch == "":
            raise PlanError(N_("--scratch is empty: give the name of an empty database, or leave it out."))
        with subject_of(request) as (subject, session):
            if subject.is_proven:
                return VerifyResult(request.database, subject.version, subject.untouched())
            from .proving import Proving  # what is proven already needs none of it

            return Proving(subject).result(session)


@contextlib.contextmanager
def subject_of(request: Request) -> Iterator[tuple[Subject, Session]]:
    """What the request is about, and the session by which a scratch can be made. Raises PlanError, DatabaseError."""
    migrations = _migrations(request)
    check_app(request.app, know(migrations, (), lambda feature: True), app_labels())
    skipped = skipped_of(migrations)
    more = [sorted(map(str, skipped)), conf.get_settings().ignore]
    with open_maintenance(request.database, request.interruption) as session:
        surroundings = chain.Surroundings(request.database, server_version(session.connection) // 10_000)
        version = str(session.query("SELECT pg_catalog.current_setting('server_version')")[0][0]).split()[0]
        subject = Subject(
            request=request,
            migrations=migrations,
            skipped=skipped,
            surroundings=surroundings,
            version=version,
            everything=chain.of_everything(migrations, surroundings, more),
            before=cache.load(cache.section(request.database, with_rows=request.rows)),
        )
        yield subject, session


def _migrations(request: Request) -> tuple[Migration, ...]:
    """What there is to prove: the sources, or where those are not shipped the build; of apps that are let in."""
    migrations = from_sources(request.listener)[0] or to_run(build_first=False)
    return tuple(one for one in migrations if router.allow_migrate(request.database, one.id.app))


def skipped_of(migrations: Sequence[Migration]) -> frozenset[MigrationId]:
    """Those up to VERIFY_AFTER, which are taken as they are."""
    last = conf.get_settings().verify_after
    if last is None:
        return frozenset()
    ids = [migration.id for migration in migrations]
    found = MigrationId.parse(last)
    if found not in ids:
        raise PlanError(
            N_(
                "VERIFY_AFTER is {last!r}, and there is no such migration.{hint} It names the last one that is not to "
                "be proven.",
                last=last,
                hint=nearest(last, map(str, ids)),
            )
        )
    return frozenset(ids[: ids.index(found) + 1])


@contextlib.contextmanager
def ended_early(next_step: str) -> Iterator[None]:
    """Raise Interrupted where this is stopped, with the `next_step`, and what stays of the scratch database.

    Where a database fails, it is not about what is applied there.
    """
    try:
        yield
    except (StopRequested, Interrupted) as stop:
        reason = stop.reason if isinstance(stop, Interrupted) else str(stop)
        left = getattr(stop, "__notes__", str(stop).split("\n")[1:])
        stopped = N_("Stopped by {reason}. {next_step}", reason=reason, next_step=next_step)
        raise Interrupted(joined("\n", [stopped, *left]), reason) from stop
    except DatabaseError as error:
        error.args = (str(error).replace(SEE_APPLIED, AGAIN),)
        raise
