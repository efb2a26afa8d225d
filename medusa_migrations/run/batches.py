"""Which migrations share a message: it is sent, parsed and answered once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .task import Task

# A message waits in the client's and the server's memory.
CHARACTERS = 200_000


def can_share(task: Task) -> bool:
    """Whether it may go with others: what has rows for COPY, is in Python or undoes others takes several messages."""
    return not (task.script.copies or task.function or task.undone or _length(task) > CHARACTERS)


def _length(task: Task) -> int:
    return len(task.script.sql) + len(task.down or "")


def batches(tasks: Sequence[Task], files: int) -> Iterator[list[Task]]:
    """`tasks` in their order, those together that go as one message, at most so many `files`."""
    batch: list[Task] = []
    size = 0
    for task in tasks:
        length = _length(task)
        alone = not can_share(task)
        if batch and (alone or len(batch) == files or size + length > CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(task)
        size += length
        if alone:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
