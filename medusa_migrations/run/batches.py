"""Which migrations of one transaction share a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .task import Task

# A message waits in the client's and the server's memory, and nothing is told before its end.
FILES = 50
CHARACTERS = 200_000


def batches(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """`tasks` in their order, those together that go as one message.

    Alone is what has rows for COPY or is in Python, which takes messages of its own, and what is large.
    """
    batch: list[Task] = []
    size = 0
    for task in tasks:
        length = len(task.script.sql)
        alone = task.script.copies or task.function is not None or length > CHARACTERS
        if batch and (alone or len(batch) == FILES or size + length > CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(task)
        size += length
        if alone:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
