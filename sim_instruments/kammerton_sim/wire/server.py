"""A TCP server on loopback: one thread a connection, and an end that leaves nothing behind."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from kammerton_sim.wire.link import Link

HOST = "127.0.0.1"
MOST = 100
"""Clients of one server at a time, unless it says that it takes fewer."""
_PAUSE = 0.05  # s until a connection for which there was no file is accepted


class PortInUse(Exception):
    """A port that was asked for belongs to somebody else."""


def free(wanted: Mapping[str, int]) -> None:
    """Raise PortInUse with every port that is taken, or that two names want."""
    problems = twice(wanted)
    for name, port in wanted.items():
        try:
            listening(name, port).close()
        except PortInUse as error:
            problems.append(str(error))
    if problems:
        raise PortInUse("\n".join(problems))


def twice(wanted: Mapping[str, int]) -> list[str]:
    """Name each port that several names want; 0 is one of its own for each."""
    names: dict[int, list[str]] = {}
    for name, port in wanted.items():
        names.setdefault(port, []).append(name)
    return [
        f"{' and '.join(same)}: both want port {port}"
        for port, same in names.items()
        if port and len(same) > 1
    ]


def listening(name: str, port: int) -> socket.socket:
    """Return a listening socket on loopback."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise PortInUse(f"{name}: port {port} on {HOST} is in use") from None


def _bound(port: int) -> socket.socket | None:
    """Return a socket that has the port and does not listen: who connects is refused."""
    holder = socket.socket()
    try:
        if os.name == "posix":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, port))
    except OSError:
        holder.close()
        return None
    return holder


class TcpServer:
    """Accepts connections for `serve(connection, peer)`, each in its own thread.

    most: connections at a time; one that comes while so many are open is closed at once.

    Raises
    ------
    PortInUse
        The port is taken; the message names port and purpose.
    """

    def __init__(
        self,
        name: str,
        port: int,
        serve: Callable[[socket.socket, str], None],
        most: int = MOST,
    ) -> None:
        self.name, self._serve, self._most = name, serve, most
        self._listener = listening(name, port)
        self.port: int = self._listener.getsockname()[1]
        self.link = Link()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._ended = set[socket.socket]()
        """Those that were hung up on and still have a thread."""
        self._closing = self._over = False
        self._refusing, self._refusals = threading.Lock(), list[object]()
        self._kept: socket.socket | None = None
        """Holds the port while connections are refused: no client is given it meanwhile."""
        self._acceptor = self._accepting()

    def refuse(self) -> Callable[[], None]:
        """Hang up, and refuse every connection until what this returns has been called.

        Of several who want that, the last to call opens it again.
        """
        reason = object()
        with self._refusing:
            first = not self._refusals
            self._refusals.append(reason)
            if first and not self._over:
                self._stop()
                self._kept = _bound(self.port)

        def admit() -> None:
            with self._refusing:
                if reason in self._refusals:
                    self._refusals.remove(reason)
                    if not self._refusals and not self._over:
                        self._resume()

        return admit

    def _resume(self) -> None:
        """Listen again on the same port."""
        kept, self._kept = self._kept, None
        try:
            self._listener = kept or listening(self.name, self.port)
            self._listener.listen()
        except OSError:
            raise PortInUse(f"{self.name}: port {self.port} on {HOST} is in use") from None
        self._closing = False
        self.link.again()
        self._acceptor = self._accepting()

    def close(self) -> None:
        """Stop accepting for good, end every connection, wait for the threads."""
        with self._refusing:
            if self._over:
                return
            self._over = True
            self._stop()
            if self._kept is not None:
                self._kept.close()

    def _stop(self) -> None:
        with self._lock:
            self._closing = True
            self.link.restore()
        threads = self._hang_up()
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1.0):
            pass  # closing a listener does not wake accept() on every system; a caller does
        self._acceptor.join(2.0)
        self._listener.close()
        _wait_for(threads)

    @property
    def clients(self) -> int:
        """Return how many connections are open."""
        return len(self._open)

    def _accepting(self) -> threading.Thread:
        thread = threading.Thread(target=self._accept, name=f"{self.name} accept", daemon=True)
        thread.start()
        return thread

    def arrive(self, connection: socket.socket) -> None:
        """Called when a message came in; raises ConnectionResetError if nobody shall get it.

        It fell into a hole, or its connection was ended here since the client sent it.
        """
        self.link.arrive()
        if connection in self._ended:
            raise ConnectionResetError("the connection was ended")

    def drop(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """End every connection that is open now, and go on listening.

        meanwhile: done when no message of theirs is begun any more, and before the last is waited
        for.
        """
        threads = self._hang_up()
        meanwhile()
        with self.link.restored():
            _wait_for(threads)

    def _hang_up(self) -> list[threading.Thread]:
        """End every connection; returns the threads that serve them."""
        with self._lock:
            self._ended.update(self._open)
            for connection in self._open:
                _end(connection)
            return list(self._open.values())

    def _accept(self) -> None:
        while True:
            try:
                connection, (host, port) = self._listener.accept()
            except OSError as error:  # somebody opens more connections than the process may have
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ECONNABORTED):
                    raise
                time.sleep(_PAUSE)
                continue
            with self._lock:
                if self._closing:
                    connection.close()
                    return
                if len(self._open) >= self._most:
                    connection.close()
                    continue
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(
                    target=self._run,
                    args=(connection, f"{host}:{port}"),
                    name=self.name,
                    daemon=True,
                )
                self._open[connection] = thread
                thread.start()

    def _run(self, connection: socket.socket, peer: str) -> None:
        try:
            with connection, contextlib.suppress(ConnectionError):
                self._serve(connection, peer)
        except OSError:
            if not self._closing:
                raise
        finally:
            with self._lock:
                self._open.pop(connection, None)
                self._ended.discard(connection)


def receive_into(connection: socket.socket, view: memoryview) -> None:
    """Fill `view` from the socket; raises ConnectionError when the peer is gone."""
    while len(view):
        count = connection.recv_into(view)
        if not count:
            raise ConnectionResetError("the peer closed the connection")
        view = view[count:]


def _wait_for(threads: Iterable[threading.Thread]) -> None:
    """Wait until they are over, 2 s at most for all, but for the one that asks.

    A fault may strike in any of them.
    """
    deadline = time.monotonic() + 2.0
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
