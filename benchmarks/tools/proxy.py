"""A TCP proxy before the server: it counts the round trips of its clients, and can make the way longer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue

from .server import HOST, Address, Server

# https://www.postgresql.org/docs/current/protocol-message-formats.html: a type, then the length of the rest.
_HEADER = 5
_READY_FOR_QUERY = ord("Z")


class Proxy:
    """Listens on `port`; `delay` is in seconds, each way. `round_trips` is the number of answers so far.

    An answer ends with ReadyForQuery, whatever it holds: one for each connection, each simple query and each Sync.
    """

    def __init__(self, server: Server, delay: float) -> None:
        self.upstream, self.delay = (HOST, server.address.port), delay
        self.round_trips = 0
        self.listener = socket.create_server((HOST, 0))
        self.port = int(self.listener.getsockname()[1])
        self._sockets: list[socket.socket] = []

    def address(self, database: Address) -> Address:
        """`database` by the way of this proxy."""
        return replace(database, port=self.port)

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.upstream)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [client, server]
                self._connect(client, server, Answers(self))
                self._connect(server, client, None)

    def close(self) -> None:
        for one in (self.listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _connect(self, target: socket.socket, source: socket.socket, answers: Answers | None) -> None:
        # Two threads, so that what comes while something is on its way does not set out later.
        road: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        for work in (lambda: self._receive(source, road, answers), lambda: _send(road, target)):
            threading.Thread(target=work, daemon=True).start()

    def _receive(self, source: socket.socket, road: SimpleQueue[tuple[float, bytes]], answers: Answers | None) -> None:
        data = b""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers:
                    answers.read(data)
                road.put((time.monotonic() + self.delay, data))
        road.put((0, b""))


class Answers:
    """Reads what a server sends over one connection, which is not encrypted, and counts for `proxy`."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.rest = b""
        self.skip = 0  # bytes of the message under way

    def read(self, data: bytes) -> None:
        data = self.rest + data
        at = self.skip
        while at + _HEADER <= len(data):
            self.proxy.round_trips += data[at] == _READY_FOR_QUERY
            at += 1 + int.from_bytes(data[at + 1 : at + _HEADER])
        self.rest, self.skip = data[at:], max(0, at - len(data))


def _send(road: SimpleQueue[tuple[float, bytes]], target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            due, data = road.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)


@contextmanager
def proxy_to(server: Server, *, delay: float = 0) -> Iterator[Proxy]:
    """A proxy to `server` that adds `delay` seconds each way."""
    proxy = Proxy(server, delay)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()
