"""SIGINT, SIGTERM and SIGHUP stop a run at once.

Python runs its handlers between two bytecodes, so while a driver waits for the server they would have to wait for the
statement's end, and its transaction would commit. The interpreter does write the signal's number to a file at once
(signal.set_wakeup_fd); a thread reads it and has the statement cancelled.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType

from medusa_migrations.database.interruption import Interruption, StopRequested
from medusa_migrations.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def stopped_by_signals(interruption: Interruption | None = None) -> Iterator[Interruption]:
    """An interruption, a new one if none is given, that the signals request while this lasts.

    Outside the main thread no signal does.
    """
    interruption = interruption or Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = threading.Thread(
        target=_listen, args=(reader, interruption), name="medusa_migrations signals", daemon=True
    )

    def handle(number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if interruption.is_in_code:
            interruption.note(name)
            raise StopRequested(name)  # it may never come to the server
        if interruption.is_attached or interruption.is_requested:
            return  # the thread knows
        raise Interrupted(f"Stopped by {name}. migrations_show tells what is applied.", name)

    heeded = [number for number in SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, handle) for number in heeded}
    before_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield interruption
    finally:
        signal.set_wakeup_fd(before_fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()
        if interruption.is_requested:
            interruption.detach()  # or the thread would go on cancelling: the session may outlive this
        thread.join()
        reader.close()


def _listen(reader: socket.socket, interruption: Interruption) -> None:
    while number := reader.recv(1):
        if interruption.is_attached and number[0] in SIGNALS:
            interruption.request(signal.Signals(number[0]).name)
