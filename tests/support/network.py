"""A TCP proxy to the tests' server that can cut its connections, at once or at a chosen message."""

from __future__ import annotations

import contextlib
import socket
import threading

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
                found = is_client and self.cut_at is not None and self.cut_at in data
                if (found and not self.cut_after) or (withhold.is_set() and not is_client):
                    self.cut()
                    return
                if found:
                    withhold.set()
                target.sendall(data)
        self._end(source, target)  # this connection has ended, and no other
