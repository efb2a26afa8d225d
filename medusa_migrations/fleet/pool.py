"""Threads: one for each thing that is done at once, each with connections of its own, and how they are all stopped."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

from medusa_migrations.database.interruption import Interruption, StopRequested

from .stages import Schedule, Slot

Given = TypeVar("Given")
Found = TypeVar("Found")


class Interruptions:
    """One for each target that is under way: what stops the `parent` stops them all."""

    def __init__(self, parent: Interruption) -> None:
        self.parent = parent
        self._children: set[Interruption] = set()
        self._told: set[Interruption] = set()
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def passed_on(self) -> Iterator[None]:
        """While this lasts, a request to the parent is one to all."""
        with self.parent.cancels(self._request_all):
            yield

    @contextlib.contextmanager
    def one(self) -> Iterator[Interruption]:
        """That of one target. Raises StopRequested where the parent was stopped."""
        self.parent.check()
        child = Interruption()
        with self._guard:
            self._children.add(child)
        try:
            yield child
        finally:
            with self._guard:
                self._children.discard(child)

    def _request_all(self) -> None:
        """Stop those that are not told yet, each by a thread: to cancel waits where the network carries nothing."""
        with self._guard:
            new = self._children - self._told
            self._told |= new
        for child in new:
            child.note(self.parent.reason)
            threading.Thread(target=child.request, args=(self.parent.reason,), daemon=True).start()


def in_threads(work: Callable[[Given], Found], given: Sequence[Given], jobs: int) -> list[Found]:
    """What `work` finds for each of `given`, in their order; so many at once. Raises the first error of them."""
    with ThreadPoolExecutor(max(1, min(jobs, len(given))), thread_name_prefix="medusa_migrations fleet") as executor:
        return list(executor.map(lambda one: _alone(work, one), given))


def carry_out(schedule: Schedule, work: Callable[[Slot], bool], jobs: int, interruption: Interruption) -> None:
    """Have `work` done for what the schedule gives, `jobs` at once; it tells whether that has failed.

    After a stop nothing new is begun. Raises the first error of `work`, when all that is under way is at its end.
    """
    turn = threading.Condition()
    errors: list[BaseException] = []

    def take() -> Slot | None:
        while not (errors or interruption.is_requested or schedule.is_over):
            if slot := schedule.take():
                return slot
            turn.wait(0.2)  # a handler of signals may not notify
        return None

    def thread(number: int) -> None:
        while True:
            with turn:
                slot = take()
            if slot is None:
                return
            failed = True
            try:
                failed = _alone(work, slot)
            except BaseException as error:  # noqa: BLE001  # raised again, where it can be seen
                errors.append(error)
            with turn:
                schedule.ended(slot, failed=failed)
                turn.notify_all()

    in_threads(thread, range(jobs), jobs)
    for error in errors:
        if not isinstance(error, StopRequested):
            raise error


def _alone(work: Callable[[Given], Found], given: Given) -> Found:
    """What `work` finds, after which the connections of Django's that it has opened in this thread are closed."""
    try:
        return work(given)
    finally:
        connections.close_all()
