"""HTTP with JSON answers on plain TCP, for control software that is asked and answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kammerton_sim.wire.server import TcpServer

LARGEST = 1 << 20
"""Bytes of a request's body."""

Query = dict[str, str]
Answer = Callable[[str, str, Query, bytes], tuple[int, Any]]
"""answer(method, path, query, body) -> HTTP status and what becomes JSON."""


class HttpServer:
    """Answers every request; watch(peer, came) is told when clients come and go."""

    def __init__(
        self,
        name: str,
        port: int,
        answer: Answer,
        watch: Callable[[str, bool], None] = lambda peer, came: None,
    ) -> None:
        self.answer, self._watch = answer, watch
        self.server = TcpServer(name, port, self._serve)
        self.port = self.server.port

    def close(self) -> None:
        """End every connection."""
        self.server.close()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        self._watch(peer, True)
        try:
            host, _, port = peer.rpartition(":")
            _Handler(self, connection, (host, int(port)))
        finally:
            self._watch(peer, False)


class _Handler(BaseHTTPRequestHandler):
    """One connection; the standard library reads the requests."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Jetty", ""

    def __init__(self, owner: HttpServer, link: socket.socket, client: tuple[str, int]) -> None:
        self._owner = owner
        super().__init__(link, client, None)  # type: ignore[arg-type]  # it is only stored

    def do_GET(self) -> None:
        """Answer a GET; the others are answered alike."""
        length = _whole(self.headers.get("Content-Length", "0"))
        if length is None or length > LARGEST or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._reply(413, {"error": {"code": 1001, "name": "Parameter error"}})
            return
        body = self.rfile.read(length)
        self._owner.server.arrive(self.connection)
        try:
            parts = urlsplit(self.path)
        except ValueError:  # http://[
            self._reply(400, {"error": {"code": 1001, "name": "Parameter error"}})
            return
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._reply(*self._owner.answer(self.command, parts.path, query, body))

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _reply(self, status: int, answer: Any) -> None:
        body = self._owner.server.link.leave(json.dumps(answer, allow_nan=False).encode())
        if body is None:
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _whole(text: str) -> int | None:
    """Return a whole number of a header; None for what is none, or has more than nine digits."""
    digits = text.lstrip("0") or text[:1]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 9 else None
