"""The proof of a baseline: in a scratch database its files make what is live, and undone they leave nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from django.db import Error

from medusa_migrations.database.connect import open_session
from medusa_migrations.database.postgresql import server_error
from medusa_migrations.database.session import Session
from medusa_migrations.events import Listener, Working, working
from medusa_migrations.generate.proof import NotProven
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction
from medusa_migrations.results import Difference
from medusa_migrations.sql.names import quoted
from medusa_migrations.verify.catalog.difference import differences, holders, noted
from medusa_migrations.verify.catalog.snapshot import Reader, Snapshot, Thing
from medusa_migrations.verify.lacking import cure_of_server
from medusa_migrations.verify.scratch.open import open_scratch

from .drafts import Draft
from .live import Live
from .request import Request

_CURE = N_("Nothing was written. Change what is live there, or write this baseline by hand, with pg_dump.")

# Those are the server's or an administrator's, and a baseline does not write them.
_NOT_COMPARED = {"owner", "rights", "type_rights", "tablespace"}


def proven(live: Live, request: Request, drafts_of: Callable[[Collection[str]], list[Draft]]) -> list[Draft]:
    """The drafts that `drafts_of` makes with the extensions that a new database has, proven in one.

    Raises NotProven if they fail, make something else than what is live, or leave something; DatabaseError,
    StopRequested.
    """
    alias, interruption = request.database, request.interruption
    request.listener(Working(N_("making a scratch database")))
    with (
        open_scratch(alias, existing=request.scratch, interruption=interruption),
        open_session(alias, interruption) as work,
        open_session(alias, interruption) as look,
    ):
        given = [name for (name,) in work.query("SELECT extname::text FROM pg_catalog.pg_extension")]
        drafts = drafts_of(set(map(quoted, given)))
        _prepare(work, live)
        reader = Reader(look)
        before = reader.read()
        for draft in drafts:
            _run(work, draft, "up", request.listener)
        request.listener(Working(N_("comparing with what is live")))
        _refuse_difference(_expected(live), _made(before, reader.read(), live))
        for draft in reversed(drafts):
            _run(work, draft, "down", request.listener)
        left = [one for one in differences(before, reader.read()) if one.kind != "schema"]
        _refuse(N_("After the down parts these differences are left:"), left)
    return drafts


def _prepare(work: Session, live: Live) -> None:
    """Have the same search_path, and what others make before."""
    work.prepare()
    names = ", ".join(map(quoted, live.path))
    schemas = "".join(f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}; " for name in live.path)
    work.execute(f"{schemas}SET search_path = {names}; SET check_function_bodies = off")
    for sql in live.stubs:
        try:
            work.execute(sql)
        except Error as error:
            raise NotProven(
                N_(
                    "What other apps make cannot be copied for the proof: {reason}\n  {sql}\n{cure}",
                    reason=server_error(error).message,
                    sql=sql,
                    cure=_CURE,
                )
            ) from error
    work.execute("RESET check_function_bodies")


def _run(work: Session, draft: Draft, part: str, listener: Listener) -> None:
    work.execute("BEGIN")
    statements = list(draft.statements(part))
    for sql in working(
        N_("proving the {part} part for {app}", part=part, app=draft.id.app), statements, len(statements), listener
    ):
        try:
            work.execute(sql)
        except Error as error:
            found = server_error(error)
            work.rollback()
            told = [
                N_(
                    "The {part} part for {app!r} does not run: {reason}",
                    part=part,
                    app=draft.id.app,
                    reason=found.message,
                ),
                f"  {sql}",
            ]
            told += [found.detail] if found.detail else []
            cure = cure_of_server(found, Direction.UP if part == "up" else Direction.DOWN)
            raise NotProven(joined("\n", [*told, cure or _CURE])) from error
    work.execute("COMMIT; RESET check_function_bodies")


def _expected(live: Live) -> Snapshot:
    """What of the live catalog is of the tables, and of what is made for them."""
    things = live.snapshot.things
    return _plain({one: text for one, text in things.items() if _belongs(one, things, live)})


def _belongs(thing: Thing, things: Mapping[Thing, str], live: Live) -> bool:
    if thing in live.left_out:
        return False
    return thing in live.things or any(
        holder in things and _belongs(holder, things, live) for holder in holders(thing, things[thing])
    )


def _made(before: Snapshot, after: Snapshot, live: Live) -> Snapshot:
    """What of the scratch's catalog is new, or expected: an extension may have been there."""
    things = after.things
    return _plain(
        {
            one: text
            for one, text in things.items()
            if before.things.get(one) != text or one in live.things
            if one.kind != "schema"
        }
    )


def _plain(things: Mapping[Thing, str]) -> Snapshot:
    """Without what is not compared; the lines of a function may end as on Windows."""
    return Snapshot({one: _without(text) for one, text in things.items()}, {})


def _without(text: str) -> str:
    attributes = json.loads(text.replace("\\r\\n", "\\n"))
    return json.dumps({name: value for name, value in attributes.items() if name not in _NOT_COMPARED})


def _refuse_difference(expected: Snapshot, made: Snapshot) -> None:
    left = [one for one in differences(expected, made) if not noted(one)]
    _refuse(N_("What the up parts make differs from what is live:"), left)


def _refuse(problem: str, left: Sequence[Difference]) -> None:
    if left:
        told = joined("\n  ", [problem, *(line for one in left for line in _told(one))])
        raise NotProven(joined("\n", [told, _CURE]))


def _told(one: Difference) -> Iterator[str]:
    if one.attribute is None:
        yield (
            N_("{kind} {object}: is made and not live", kind=one.kind, object=one.object)
            if one.change == "new"
            else N_("{kind} {object}: is missing", kind=one.kind, object=one.object)
        )
        return
    yield f"{one.kind} {one.object}: {one.attribute}"
    yield N_("  live  {text}", text=one.before)
    yield N_("  made  {text}", text=one.after)
