"""The repeatable migration, `R__<slug>.sql`: what its file may say and others may not, and what cannot be run twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.sql.scanner import Statement

from .sections import Problem, Section

# Behind CREATE, before the word for what it makes.
_BEFORE_KIND = {
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "UNIQUE",
    "RECURSIVE",
    "CONSTRAINT",
    "TRUSTED",
    "PROCEDURAL",
    "MATERIALIZED",
}


def problem_of_depends(argument: str, start: int, *, repeatable: bool) -> Problem | None:
    """What is wrong with what a file depends on, for whether it is `repeatable` itself."""
    found = MigrationId.parse(argument)
    if repeatable or found is None or not found.is_repeatable:
        return None
    return Problem(
        N_("{id} is repeatable, and what depends on it would mean something else whenever that changes", id=found),
        start,
        N_(
            "Write what this needs of it into this file. If that is in the way: `-- migrate:drops {id}`, in SQL.",
            id=found,
        ),
    )


def problem_of_drops(argument: str, start: int, *, repeatable: bool) -> Problem | None:
    """What is wrong with a `migrate:drops`, but that what it names may not be there."""
    if repeatable:
        cure = N_("Of a repeatable one, what depends on it goes along: `-- migrate:replace` in that one's header.")
        return Problem(N_("migrate:drops is for files with a timestamp"), start, cure)
    found = MigrationId.parse(argument)
    if found is None or not found.is_repeatable:
        cure = N_("Write `-- migrate:drops blog.R__active_users`, a line for each. What else goes, the up part drops.")
        return Problem(N_("migrate:drops names one repeatable migration"), start, cure)
    return None


def problem_of_replace(argument: str, start: int, *, repeatable: bool) -> Problem | None:
    """What is wrong with a `migrate:replace`, but that there may be no down part."""
    if not repeatable:
        return Problem(N_("migrate:replace is for repeatable migrations, R__<slug>.sql"), start, N_("Take it out."))
    return Problem(N_("migrate:replace takes nothing behind it"), start, N_("Take that out.")) if argument else None


def problem_of_parts(
    sections: Sequence[Section], drops_at: int | None, replace_at: int | None, *, repeatable: bool
) -> Problem | None:
    """What is wrong with the parts of a file, beside where `migrate:drops` and `migrate:replace` stand in it."""
    alone = next((one for one in sections if one.transaction is False), None)
    if alone and repeatable:
        cure = N_("Take transaction:false out; what cannot run in one belongs into a file with a timestamp.")
        return Problem(N_("a repeatable migration always runs in a transaction"), alone.start, cure)
    if drops_at is not None and any(one.transaction is False and one.direction is Direction.UP for one in sections):
        cure = N_("Take transaction:false out of the up part, or put what needs the drop into a file of its own.")
        return Problem(N_("migrate:drops shares the transaction of the up part, and this has none"), drops_at, cure)
    if replace_at is not None and not any(one.direction is Direction.DOWN for one in sections):
        cure = N_("Write below `-- migrate:down` what drops it, or take migrate:replace out.")
        return Problem(N_("migrate:replace sends the down part first, and there is none"), replace_at, cure)
    return None


def not_again(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Those that fail when they are run again: a CREATE of what is there, unless something above drops it first."""
    dropped: set[str] = set()
    for statement in statements:
        words = statement.words
        if words[0] == "DROP" and "IF EXISTS" in " ".join(words):
            dropped.add(_kind(words))
        elif words[0] == "CREATE" and not _is_safe(words) and _kind(words) not in dropped:
            yield statement


def _is_safe(words: Sequence[str]) -> bool:
    text = " ".join(words)
    return text.startswith("CREATE OR REPLACE ") or "IF NOT EXISTS" in text


def _kind(words: Sequence[str]) -> str:
    """The word for what a statement makes or drops, such as VIEW."""
    return next((word for word in words[1:] if word not in _BEFORE_KIND), "")
