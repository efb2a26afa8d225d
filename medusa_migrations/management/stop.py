"""SIGINT, SIGTERM and SIGHUP stop a run at once; a second one ends the process without waiting for anything.

Python runs its handlers between two bytecodes, so while a driver waits for the server they would have to wait for the
statement's end, and its transaction would commit. The interpreter does write the signal's number to a file at once
(signal.set_wakeup_fd); a thread reads it and has the statement cancelled.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from types import FrameType

from medusa_migrations.database.connect import SEE_APPLIED
from medusa_migrations.database.interruption import Interruption, StopRequested
from medusa_migrations.errors import Interrupted
from medusa_migrations.messages import N_

from .quick import INTERRUPTED

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Within this time a further signal says the same as the first: `timeout` sends its own to the process and to the
# process group, and a wrapper passes on the Ctrl-C that the terminal has sent to both.
SAME_SECONDS = 0.5


@contextlib.contextmanager
def stopped_by_signals(
    interruption: Interruption | None = None, *, next_step: str = SEE_APPLIED
) -> Iterator[Interruption]:
    """An interruption, a new one if none is given, that the signals request while this lasts.

    Where they end the process, it says the `next_step`, a sentence. Outside the main thread no signal does.
    """
    interruption = interruption or Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    # In this order: what a handler leaves to the listener must reach it, and a handler that raises where a thread
    # starts breaks Python's own book-keeping of threads.
    with _listener(interruption, next_step) as number, _wakeup_fd(number), _handlers(interruption, next_step):
        yield interruption


@contextlib.contextmanager
def _listener(interruption: Interruption, next_step: str) -> Iterator[int]:
    """A thread that reads the numbers of signals while this lasts; gives the file number to write them to."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = threading.Thread(
        target=_listen, args=(reader, interruption, next_step), name="medusa_migrations signals", daemon=True
    )
    with writer:
        thread.start()
        try:
            yield writer.fileno()
        finally:
            writer.close()
            if interruption.is_requested:
                interruption.detach()  # or it would be cancelled on and on: the session may outlive this
            thread.join()


@contextlib.contextmanager
def _wakeup_fd(number: int) -> Iterator[None]:
    before = -1
    try:
        before = signal.set_wakeup_fd(number, warn_on_full_buffer=False)  # a Ctrl-C may come right behind it
        yield
    finally:
        signal.set_wakeup_fd(before)


@contextlib.contextmanager
def _handlers(interruption: Interruption, next_step: str) -> Iterator[None]:
    """Handle those signals that were not ignored before."""
    before = {
        number: handler for number in SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    heard = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            return  # the first has said it; what follows from it must not be disturbed
        heard = True
        name = signal.Signals(number).name
        if interruption.is_in_code:
            interruption.note(name)
            raise StopRequested(name)  # it may never come to the server
        if not (interruption.is_attached or interruption.is_requested):  # else the listener knows
            raise Interrupted(N_("Stopped by {name}. {next_step}", name=name, next_step=next_step), name)

    try:
        for number in before:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(reader: socket.socket, interruption: Interruption, next_step: str) -> None:
    """Have the run stopped by the first signal, and end the process by one that comes later.

    To cancel is another thread's work: where the network carries nothing, that waits.
    """
    first: float | None = None
    with reader:
        while number := reader.recv(1):
            if number[0] not in SIGNALS:
                continue
            name = signal.Signals(number[0]).name
            if first is None:
                first = time.monotonic()
                if interruption.is_attached:
                    threading.Thread(target=interruption.request, args=(name,), daemon=True).start()
            elif time.monotonic() - first > SAME_SECONDS:
                _end_at_once(name, next_step)


def _end_at_once(name: str, next_step: str) -> None:
    """End this process, whatever it waits for; the server notices by itself."""
    text = N_(
        "\nCommandError: Ended at once by {name}, a second signal, without waiting for the server, which ends what "
        "was under way as soon as it notices. {next_step}\n",
        name=name,
        next_step=next_step,
    )
    stderr = 2
    if select.select([], [stderr], [], 0)[1]:  # a reader that does not read must not keep it from ending
        with contextlib.suppress(OSError):
            os.write(stderr, text.encode())
    os._exit(INTERRUPTED if name == signal.SIGINT.name else 1)
