"""What is told while a run goes on, to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .migration import Direction, MigrationId

if TYPE_CHECKING:
    from .results import BuildResult, IndexProgress, Proof

T = TypeVar("T")

# What takes less time is over before it is read, and who reads needs it no more often.
_TOLD_SECONDS = 0.5


class Built(NamedTuple):
    """dist was built before a run."""

    result: BuildResult


class Started(NamedTuple):
    """a migration is about to run; of those that share a message this is told when the message is answered.

    With `is_done` it is done by then, and Finished follows at once.
    """

    id: MigrationId
    direction: Direction
    fake: bool = False
    out_of_order: bool = False
    is_done: bool = False


class Finished(NamedTuple):
    """it is done; in one transaction for all, `duration_ms` is known but nothing is final yet."""

    id: MigrationId
    duration_ms: int | None
    fake: bool = False


class Failed(NamedTuple):
    """it failed, and nothing more will run."""

    id: MigrationId


class Waiting(NamedTuple):
    """somebody else holds the lock; this goes on for at most `seconds`."""

    holder: str
    seconds: float


class Blocked(NamedTuple):
    """a statement waits for a lock that `holder` has."""

    holder: str


class Noticed(NamedTuple):
    """the server says `text` besides, such as what RAISE NOTICE gives."""

    text: str
    is_warning: bool = False


class Remarked(NamedTuple):
    """something that is done on its own account and that somebody should know of."""

    text: str


class Retrying(NamedTuple):
    """`reason` made it roll back; it is tried again after `seconds`, for the `attempt`th time.

    `id` is None where all migrations share the transaction. `holder` is who had the lock that it waited for, if known.
    """

    id: MigrationId | None
    reason: str
    holder: str
    seconds: float
    attempt: int


class Progressed(NamedTuple):
    """a backfill has looked at `rows` of about `total` rows of `table`, at so many a second, for `seconds` more."""

    id: MigrationId
    table: str
    rows: int
    total: int
    rate: float
    seconds: float
    is_done: bool


class Indexing(NamedTuple):
    """the server has been building an index for a while, and has come so far; told again and again."""

    progress: IndexProgress


class ScratchMade(NamedTuple):
    """the scratch database `name` was made, on a server of this version."""

    name: str
    version: str


class Working(NamedTuple):
    """`what` is under way, the `number`th of `total`, which are 0 where nothing is counted; about `seconds` are left.

    `what` is the id of a migration, or words such as "reading the files". `seconds` are None where nobody knows.
    """

    what: str
    number: int = 0
    total: int = 0
    seconds: float | None = None


class Proved(NamedTuple):
    """a migration was proven, or a fault of it was found."""

    proof: Proof


Event = (
    Built
    | Started
    | Noticed
    | Remarked
    | Finished
    | Failed
    | Waiting
    | Blocked
    | Retrying
    | Progressed
    | Indexing
    | ScratchMade
    | Working
    | Proved
)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that tells nobody."""


def working(what: str, items: Iterable[T], total: int, listener: Listener, *, size: int = 1) -> Iterator[T]:
    """`items` one by one; if that takes long, `listener` is told now and then how far `what` is.

    They stand for `total` things, each for `size` of them, the last for the rest.
    """
    begun = told = time.monotonic()
    for number, item in enumerate(items):
        now = time.monotonic()
        if now - told >= _TOLD_SECONDS:
            told, done = now, number * size
            listener(Working(what, done + 1, total, seconds_left(begun, done, total)))
        yield item


def seconds_left(begun: float, done: int, total: int) -> float | None:
    """How long the rest of `total` will take if it goes on as since the moment `begun` by the monotonic clock."""
    return (time.monotonic() - begun) / done * (total - done) if done else None
