"""A request to stop, from a signal or another thread: it cancels the statement that runs, and nothing more is begun."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

# A cancel that reaches the server between two statements is lost, so it is repeated until the run has noticed.
REPEAT_SECONDS = 0.05


class StopRequested(BaseException):
    """Raised where a run would begin something after it was asked to stop.

    No Exception, so that no `except Exception` of a migration in Python goes on instead.
    """


class Interruption:
    """Hand one to `api.run(interruption=…)`, and call `request` from any thread."""

    def __init__(self) -> None:
        self.reason = ""
        self.is_requested = False
        self.is_in_code = False
        self._cancel: Callable[[], None] | None = None
        self._guard = threading.Lock()

    @property
    def is_attached(self) -> bool:
        """Whether a run is there to be stopped."""
        return self._cancel is not None

    def request(self, reason: str) -> None:
        """Ask the run to stop, for `reason`; returns when its statement, if there is one, has been cancelled."""
        self.note(reason)
        while True:
            with self._guard:  # so that what settles the run afterwards is not cancelled
                if self._cancel is None:
                    return
                self._cancel()
            time.sleep(REPEAT_SECONDS)

    def note(self, reason: str) -> None:
        """Ask the run to stop, where it is known that no statement runs.

        A handler of signals may call it wherever the thread is that it interrupts, so it takes no lock: that thread
        might hold it.
        """
        self.reason = self.reason or reason
        self.is_requested = True

    def check(self) -> None:
        """Raise StopRequested if a stop was requested."""
        if self.is_requested:
            raise StopRequested(self.reason)

    def wait(self, seconds: float) -> None:
        """Sleep, but hardly longer than until a stop is requested. Raises StopRequested then.

        It looks again and again: an event to wait for has a lock, which a handler would have to take.
        """
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, REPEAT_SECONDS))
            self.check()

    @contextlib.contextmanager
    def in_code(self, yes: bool) -> Iterator[None]:
        """While this lasts, an author's Python code runs, which a signal may end wherever it is; or it does not."""
        before, self.is_in_code = self.is_in_code, yes
        try:
            yield
        finally:
            self.is_in_code = before

    @contextlib.contextmanager
    def cancels(self, cancel: Callable[[], None]) -> Iterator[None]:
        """While this lasts, a request calls `cancel`, which must be safe in another thread.

        Within such a time there may be another; after it, a request calls what it called before, unless there was one.
        """
        before, self._cancel = self._cancel, cancel
        try:
            yield
        finally:
            with self._guard:
                self._cancel = None if self.is_requested else before

    def detach(self) -> None:
        """Cancel nothing any more: what is sent now settles things."""
        with self._guard:
            self._cancel = None
