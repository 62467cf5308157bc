"""SCPI on a raw TCP socket: messages end in a line feed, blocks go by their length.

The listener asks for quick acknowledgements (Linux): a client that leaves Nagle's algorithm on
would otherwise wait 40 ms before each second write.
"""

from __future__ import annotations

import re
import socket
from typing import Protocol

from kammerton_sim.wire.server import TcpServer

LONGEST, LARGEST = 1 << 20, 1 << 24
"""Bytes of a message without and with a block; what is longer overruns the input buffer."""
_CHUNK = 1 << 16
# What cannot end a message and begins no block. A quote that is not closed ends with the line.
_PLAIN = re.compile(rb"""(?:[^\n"'#]++|"[^"\n]*+"?|'[^'\n]*+'?|\#(?![0-9]))*""")
_QUICK = getattr(socket, "TCP_QUICKACK", None)


class SocketDevice(Protocol):
    """What a socket server serves."""

    name: str

    def receive(self, message: bytes | bytearray) -> bytes:
        """Carry out a message, return the response or b""."""

    def overrun(self) -> None:
        """More came than the input buffer holds."""

    def connected(self, peer: str) -> None:
        """A client came."""

    def disconnected(self, peer: str) -> None:
        """A client left."""


class ScpiSocketServer:
    """Serves one device to at most `most` clients at a time; who comes later is hung up on."""

    def __init__(
        self, device: SocketDevice, port: int = 0, most: int = 8, terminator: bytes = b"\n"
    ) -> None:
        self._device, self._terminator = device, terminator
        self.server = TcpServer(device.name, port, self._serve, most)
        self.port = self.server.port

    def close(self) -> None:
        """End every connection."""
        self.server.close()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        self._device.connected(peer)
        try:
            self._exchange(connection)
        finally:
            self._device.disconnected(peer)

    def _exchange(self, connection: socket.socket) -> None:
        waiting = bytearray()
        while data := connection.recv(_CHUNK):
            if _QUICK is not None:
                connection.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
            waiting += data
            while (end := end_of_message(waiting)) > 0:
                self.server.link.arrive()
                response = self.server.link.leave(self._device.receive(bytes(waiting[:end])))
                del waiting[:end]
                if response:
                    connection.sendall(response + self._terminator)
            if len(waiting) > (LARGEST if b"#" in waiting else LONGEST):
                waiting.clear()
                self._device.overrun()


def end_of_message(waiting: bytes | bytearray) -> int:
    """Return where the first message ends, behind its line feed; 0 when it has not come yet."""
    position = 0
    while True:
        plain = _PLAIN.match(waiting, position)
        assert plain is not None  # it matches the empty string
        position = plain.end()
        if position >= len(waiting):
            return 0
        if waiting[position] == ord("\n"):
            return position + 1
        position = _behind_block(waiting, position)


def _behind_block(waiting: bytes | bytearray, position: int) -> int:
    """Return where a block ends; one that is broken or indefinite is read as text."""
    digits = waiting[position + 1] - ord("0")
    length = bytes(waiting[position + 2 : position + 2 + digits])
    if digits and len(length) < digits and length.isdigit():
        return len(waiting)  # its length is still to come
    if not length.isdigit():
        return position + 2
    return position + 2 + digits + int(length)
