"""What can go wrong, as instructions: what is wrong, where, and what to do now."""

from __future__ import annotations

import copyreg
import difflib
import unicodedata
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .messages import N_, in_language, joined

if TYPE_CHECKING:
    from .results import WaitResult
    from .run_result import RunResult

EXCERPT_WIDTH = 100


class Location(NamedTuple):
    """A place in a file: `line` and `column` count from 1; `column` is None where only the line is known."""

    path: str
    line: int
    column: int | None
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" + (f":{self.column}" if self.column else "")

    def excerpt(self) -> str:
        """The line, cut to a readable width, with a caret under the column."""
        column = self.column or 1
        first = max(0, column - 1 - EXCERPT_WIDTH * 2 // 3)
        shown = self.source[first : first + EXCERPT_WIDTH]
        number = f"{self.line:>6} | "
        text = number + shown
        if self.column:
            pad = "".join(_blank(char) for char in shown[: column - 1 - first])
            text += "\n" + " " * 7 + "| " + pad + "^"
        return text


def _blank(char: str) -> str:
    """White space as wide as `char` is on a terminal, so that the caret stands under its column."""
    if char == "\t":
        return "\t"
    return "  " if unicodedata.east_asian_width(char) in "WF" else " "


def locate(path: str, text: str, offset: int, *, first_line: int = 1, column: bool = True) -> Location:
    """The place of the character at `offset` of `text`, whose first line is line `first_line` of the file."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    source = text[start : end if end >= 0 else len(text)].rstrip()
    line = first_line + text.count("\n", 0, start)
    return Location(path, line, offset - start + 1 if column else None, source)


def in_words(error: Exception) -> str:
    """An error that a project's own code has raised, with the line where it did; the first frame is the caller's."""
    text = f"{type(error).__name__}: {error}".strip().rstrip(":")
    frame = error.__traceback__ and error.__traceback__.tb_next
    place = ""
    while frame:
        file = frame.tb_frame.f_code.co_filename
        place = place if file.startswith("<") else f" ({file}:{frame.tb_lineno})"
        frame = frame.tb_next
    return text if isinstance(error, SyntaxError) else f"{text}{place}"  # which says where in its text


# How like a word must be, as in difflib.get_close_matches, which is slow among thousands of ids.
_LIKE = 0.6
# The characters of a word cut short that tell what was meant.
_TELLING = 4


def nearest(word: str, known: Iterable[str]) -> str:
    """`Did you mean “…”?` with the known word most like `word`, or an empty string."""
    found = most_like(word, known)
    return N_(" Did you mean {known!r}?", known=found) if found else ""


def most_like(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, of those that have it in them if there are any, or an empty string."""
    known = list(known)
    whole = [one for one in known if word in one] if len(word) >= _TELLING else []
    matcher = difflib.SequenceMatcher(b=word)
    best, found = 0.0 if whole else _LIKE, ""
    for one in whole or known:
        matcher.set_seq1(one)
        if matcher.real_quick_ratio() >= best and matcher.quick_ratio() >= best:
            best, found = max((best, found), (matcher.ratio(), one))
    return found


def no_app(label: str, labels: Collection[str], hint: str = "") -> PlanError:
    """The error for a `label` that is none of `labels`, which apps have; `hint` is what is meant, if that is known."""
    app, dot, _ = label.partition(".")
    if dot and app in labels:
        hint = hint or N_(
            " Here goes an app's label, {label!r}; the id of a migration goes with --to, where there is one.",
            label=app,
        )
    hint = hint or nearest(label, labels) or N_(" Correct it, or add its app to INSTALLED_APPS.")
    return PlanError(N_("There is no app with the label {app!r}.{hint}", app=label, hint=hint))


class MigrationError(Exception):
    """The base of every error of this app; its text is the whole message for the user."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Let pickle take the error as it is. Python would make it anew from its message alone, and some need more."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]  # typeshed lacks it

    def in_language(self, translate: Callable[[str], str]) -> str:
        """The message as `translate`, a function like Django's `gettext`, says it, as far as it knows its parts."""
        return str(in_language(self.args[0], translate))


class SettingsError(MigrationError):
    """MEDUSA_MIGRATIONS, a MEDUSA_FEATURE_… variable or an option has a value that cannot be used."""


class FileError(MigrationError):
    """A migration file cannot be used as it stands."""

    def __init__(self, problem: str, location: Location | str, cure: str = "") -> None:
        self.problem, self.cure = problem, cure
        self.location = location if isinstance(location, Location) else None
        parts: list[str] = [joined(": ", [str(location), problem])]
        if self.location:
            parts.append(self.location.excerpt())
        if cure:
            parts.append(cure)
        super().__init__(joined("\n", parts))


class BuildError(MigrationError):
    """One or more sources cannot be built; `errors` holds one error a problem."""

    def __init__(self, errors: Iterable[MigrationError]) -> None:
        self.errors = tuple(errors)
        text = joined("\n", (error.args[0] for error in self.errors))
        if len(self.errors) > 1:
            text = N_("{count} problems in the migration files:\n{problems}", count=len(self.errors), problems=text)
        super().__init__(text)


class OrderError(MigrationError):
    """The `depends` of the migrations form a circle or name one that does not exist."""


class DistError(MigrationError):
    """The build is missing, cannot be read or written, or is not what its manifest says."""


class GitError(MigrationError):
    """git cannot tell what has changed."""


class LintError(MigrationError):
    """The migrations cannot be looked through for what locks or breaks."""


class DatabaseError(MigrationError):
    """The database cannot be reached or used."""


class DeliveryError(MigrationError):
    """An engine does not take a job."""


class LockError(MigrationError):
    """Another process holds the lock."""


class PlanError(MigrationError):
    """What was asked cannot be done with what is built and what is applied; nothing was changed."""


class StalePlanError(PlanError):
    """What would be done is not what somebody was shown; nothing was changed."""


class Interrupted(MigrationError):
    """The run was asked to stop; `reason` is the signal's name. `result` says what was done before."""

    def __init__(self, message: str, reason: str, result: RunResult | None = None) -> None:
        self.reason, self.result = reason, result
        super().__init__(message)


class MigrationFailed(MigrationError):
    """A migration failed; `result` says what was done before, and where it failed."""

    def __init__(self, message: str, result: RunResult) -> None:
        self.result = result
        super().__init__(message)


class NotReady(MigrationError):
    """A database is not ready, in the time that was given or for a reason that no time mends; `result` says which."""

    def __init__(self, message: str, result: WaitResult) -> None:
        self.result = result
        super().__init__(message)
