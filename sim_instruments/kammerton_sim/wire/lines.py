"""Line protocols on plain TCP: requests and answers end in CR LF (Triton) or LF (JSON)."""

from __future__ import annotations

import socket
from collections.abc import Callable

from kammerton_sim.wire.server import TcpServer

_LONGEST = 1 << 20
"""Bytes of a line, where nobody says how long one may be."""


class LineServer:
    """Answers every line of a client, each answer in one segment.

    answer(line) returns the reply without terminator; every line gets one.
    watch(peer, came) is told when clients come and go. longest: bytes of a line; what is longer
    is more than one.
    """

    def __init__(
        self,
        name: str,
        port: int,
        answer: Callable[[str], str],
        terminator: str = "\r\n",
        watch: Callable[[str, bool], None] = lambda peer, came: None,
        longest: int = _LONGEST,
    ) -> None:
        self._longest = longest
        self._answer, self._end, self._watch = answer, terminator.encode(), watch
        self.server = TcpServer(name, port, self._serve)
        self.port = self.server.port

    def close(self) -> None:
        """End every connection."""
        self.server.close()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        self._watch(peer, True)
        try:
            with connection.makefile("rb") as reader:
                while line := reader.readline(self._longest):
                    text = line.decode("utf-8", "replace").strip()
                    if text:
                        self._exchange(connection, text)
        finally:
            self._watch(peer, False)

    def _exchange(self, connection: socket.socket, text: str) -> None:
        self.server.arrive(connection)
        answer = self.server.link.leave(self._answer(text).encode())
        if answer is not None:
            connection.sendall(answer + self._end)
