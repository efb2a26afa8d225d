"""What is different where the extension Citus is: statements go alone, and to the coordinator.

DDL that Citus does not write anew is sent to the shards as the client's whole message, which it parses again and takes
only with one statement in it: "cannot execute multiple utility events" (ParseTreeRawStmt in its
worker_data_fetch_protocol.c). A SET LOCAL goes to the workers as the whole message too (its variableset.c).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medusa_migrations.errors import DatabaseError
from medusa_migrations.messages import N_
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.statements import begins_or_ends_transaction

if TYPE_CHECKING:
    from .session import Session

# Has SET LOCAL, as of lock_timeout, reach the workers. RESET ALL resets it.
PROPAGATE = "SET citus.propagate_set_commands = 'local';"

# Not citus_is_coordinator(): where no node has been added, as in a new cluster, that is false too.
_GROUP = "SELECT groupid FROM pg_catalog.pg_dist_local_group"
_COORDINATOR = 0


class Part(NamedTuple):
    """A statement of a message, sent by itself: `sql`, which is at `start` in it; `words` are as of a Statement."""

    start: int
    sql: str
    words: tuple[str, ...]


def parts(message: str) -> list[Part]:
    """The statements of `message`, the first with the comments before it. Raises ScanError as `split` does."""
    found = split(message)
    starts = [0, *(one.start for one in found[1:])]
    return [Part(start, message[start : one.end], one.words) for start, one in zip(starts, found, strict=False)]


def say_nothing_of_transactions(parts: Sequence[Part]) -> bool:
    """Whether none of `parts` begins or ends one, so that the server would have one for them in one message."""
    return not any(begins_or_ends_transaction(one.words) for one in parts)


def refuse_worker(session: Session) -> None:
    """Raise DatabaseError on a worker: advisory locks, and so the run lock, are those of one node."""
    groups = session.query(_GROUP)
    if groups and groups[0][0] != _COORDINATOR:
        raise DatabaseError(
            N_(
                "The server of the {where} is a worker of a Citus cluster (its group is {group}). Nothing was run: a "
                "run there and one on the coordinator would not see each other's lock. Point this alias at the "
                "coordinator.",
                where=session.named,
                group=groups[0][0],
            )
        )
