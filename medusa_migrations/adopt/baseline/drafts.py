"""The texts of the files of a baseline, with what each comes after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from medusa_migrations.errors import MigrationError
from medusa_migrations.files import sqlfile
from medusa_migrations.files.make import next_timestamp, slug
from medusa_migrations.files.sources import source_files
from medusa_migrations.generate.proof import NotProven
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import MigrationId, has_timestamp, timestamp_problem
from medusa_migrations.sql.scanner import split

from .live import Live
from .order import File, files_of, statements_of
from .pieces import Address, Piece, Statement

# The body of a function may name what is made behind it, or not be there at all.
_BODIES_LATER = Statement("SET check_function_bodies = off")


class Draft(NamedTuple):
    """A file that is to be: its id and its text."""

    id: MigrationId
    text: str

    @property
    def slug(self) -> str:
        return self.id.name.partition("_")[2]

    def statements(self, part: str) -> list[str]:
        """Those of its up or down part, as a run sends them."""
        parsed = sqlfile.parse(self.text, str(self.id))
        found = parsed.up if part == "up" else parsed.down
        sql = found.sql(self.text) if found else ""
        return [sql[one.start : one.end] for one in split(sql)]


def drafts_of(live: Live, name: str, timestamp: str | None, given: Collection[str]) -> list[Draft]:
    """The files, in their order; extensions that are `given` in a new database are not dropped.

    Raises MigrationError for a timestamp that is none, and NotProven if a text would not be read as it is meant.
    """
    files = files_of(live.pieces, live.apps)
    ids = [
        MigrationId(file.app, f"{stamp}_{_slug(file, name)}")
        for file, stamp in zip(files, _stamps(files, timestamp), strict=True)
    ]
    places = {one.address: id_ for file, id_ in zip(files, ids, strict=True) for one in file.pieces}
    there: set[Address] = set(live.outside)
    found = []
    for file, id_ in zip(files, ids, strict=True):
        statements = [_kept(one, given) for one in statements_of(file.pieces, there)]
        if any(one.kind in ("function", "procedure") for one in file.pieces):
            statements.insert(0, _BODIES_LATER)
        header = _header(file, id_, places, live)
        found.append(_read_back(Draft(id_, _text(header, statements)), statements))
        there |= {one.address for one in file.pieces}
    return found


def _slug(file: File, name: str) -> str:
    return slug(f"{name}_keys") if file.is_second else slug(name)


def _stamps(files: Sequence[File], timestamp: str | None) -> Iterator[str]:
    """A second apart, behind all that are there."""
    problem = timestamp_problem(timestamp) if timestamp is not None else None
    if problem:
        raise MigrationError(joined("", [problem, "."]))
    there = [file.id for file in source_files() if has_timestamp(file.id.name)]
    stamp = timestamp or next_timestamp(there, datetime.now(UTC))
    for _ in files:
        yield stamp
        stamp = next_timestamp([MigrationId("", f"{stamp}_")], datetime.fromtimestamp(0, UTC))


def _kept(statement: Statement, given: Collection[str]) -> Statement:
    """The statement without its undoing if that would drop an extension that a new database has."""
    return statement._replace(undo="") if statement.undo in {f"DROP EXTENSION {name}" for name in given} else statement


def _header(file: File, id_: MigrationId, places: dict[Address, MigrationId], live: Live) -> list[str]:
    """What stands above the up part; what a function calls may also come later."""
    needs = {need for one in file.pieces for need in (*one.needs, *one.calls)}
    others = {str(places[need]) for need in needs if need in places and places[need].timestamp < id_.timestamp}
    outside = {live.outside[need] for need in needs if live.outside.get(need)}
    what = "What the tables of {} need of later ones" if file.is_second else "The tables of {}"
    return [
        f"-- {what.format(file.app)}, as they are in a database with all its names (makemigration --baseline).",
        "-- migrate:baseline",
        *(f"-- migrate:depends {one}" for one in sorted(others | outside)),
        *_allowed(file.pieces),
    ]


def _allowed(pieces: Sequence[Piece]) -> Iterator[str]:
    """The schemas of extensions stay."""
    for one in pieces:
        if one.kind == "extension" and len(one.sql) > 1:
            name = one.sql[0].removeprefix("CREATE SCHEMA IF NOT EXISTS ").strip('"')
            yield f"-- migrate:allow drift schema {name}: others may have extensions there"


def _text(header: Sequence[str], statements: Sequence[Statement]) -> str:
    up = "\n\n".join(f"{one.sql};" for one in statements)
    down = "\n\n".join(f"{one.undo};" for one in reversed(statements) if one.undo)
    return "\n".join(header) + f"\n\n-- migrate:up\n{up}\n\n-- migrate:down\n{down}\n"


def _read_back(draft: Draft, statements: Sequence[Statement]) -> Draft:
    up, down = [one.sql for one in statements], [one.undo for one in reversed(statements) if one.undo]
    if draft.statements("up") != up or draft.statements("down") != down:
        raise NotProven(N_("A file of the baseline is not read as it was meant. Nothing was written."))
    return draft
