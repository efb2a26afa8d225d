"""A TCP proxy to the tests' server that can cut its connections, at once or at a chosen message."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.support.projects import Server


class Proxy:
    """Listens on `port` of the loopback interface while it is used as a context manager.

    `cut_at` is a piece of what a client sends: then all connections are dropped, before the server gets it, or, with
    `cut_after`, when it has it and its answer comes. After `stall` it carries nothing, and says nothing of it.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cut_at: bytes | None = None
        self.cut_after = False
        self.carries = threading.Event()
        self.carries.set()
        self.sockets: list[socket.socket] = []
        self.sent: dict[socket.socket, bytearray] = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.refuse()
        self.cut()
        self.carries.set()

    def stall(self) -> None:
        """Take connections and whatever is sent, and pass none of it on."""
        self.carries.clear()

    def refuse(self) -> None:
        """Take no further connection; those that are there stay."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def cut(self) -> None:
        """Drop every connection."""
        self._end(*self.sockets)

    def queries(self) -> list[list[str]]:
        """The messages with SQL of each connection so far, by the simple protocol (manual, 55.7)."""
        return [list(_queries(bytes(sent))) for sent in self.sent.values()]

    def _end(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.carries.wait()
            upstream = self._connect()
            self.sockets += [client, upstream]
            answered = threading.Event()  # set when the answer to the chosen message is to be withheld
            threading.Thread(target=self._pump, args=(client, upstream, True, answered), daemon=True).start()
            threading.Thread(target=self._pump, args=(upstream, client, False, answered), daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = str(self.server.parameters["host"]), self.server.parameters["port"]
        if not host.startswith("/"):
            return socket.create_connection((host, int(port)))
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(f"{host}/.s.PGSQL.{port}")
        return upstream

    def _pump(self, source: socket.socket, target: socket.socket, is_client: bool, withhold: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.carries.wait()
                if is_client:
                    self.sent.setdefault(source, bytearray()).extend(data)
                found = is_client and self.cut_at is not None and self.cut_at in data
                if (found and not self.cut_after) or (withhold.is_set() and not is_client):
                    self.cut()
                    return
                if found:
                    withhold.set()
                target.sendall(data)
        self._end(source, target)  # this connection has ended, and no other


def _queries(sent: bytes) -> Iterator[str]:
    at, has_begun = 0, False
    while at < len(sent):
        kind = sent[at : at + 1] if has_begun else b""  # what comes before the start of the session has no kind
        at += len(kind)
        length = int.from_bytes(sent[at : at + 4])
        body = sent[at + 4 : at + length]
        has_begun = has_begun or int.from_bytes(body[:4]) >> 16 == 3  # the protocol's version
        if kind == b"Q":
            yield body.rstrip(b"\0").decode()
        at += length
