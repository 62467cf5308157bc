"""SCPI on a raw TCP socket: messages end in a line feed, blocks go by their length.

The listener asks for quick acknowledgements (Linux): a client that leaves Nagle's algorithm on
would otherwise wait 40 ms before each second write.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Protocol

from kammerton_sim.wire.server import TcpServer

LONGEST, LARGEST = 1 << 20, 1 << 24
"""Bytes of a message without and with a block; what is longer overruns the input buffer."""
_CHUNK = 1 << 16
# What cannot end a message and begins no block. A quote that is not closed ends with the line.
_PLAIN = re.compile(rb"""(?:[^\n"'#]++|"[^"\n]*+"?|'[^'\n]*+'?|\#+(?![0-9]))*""")
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
    """Serves one device to at most `most` clients at a time; who comes later is hung up on.

    longest: bytes of a message that its input buffer has room for; None: LONGEST, and LARGEST with
    a block.
    """

    def __init__(
        self,
        device: SocketDevice,
        port: int = 0,
        most: int = 8,
        terminator: bytes = b"\n",
        longest: int | None = None,
    ) -> None:
        self._device, self._terminator, self._longest = device, terminator, longest
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
        buffer = InputBuffer(self._longest)
        while data := connection.recv(_CHUNK):
            if _QUICK is not None:
                connection.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
            for message in buffer.messages(data):
                if message is None:
                    self._device.overrun()
                    continue
                self.server.arrive(connection)
                response = self.server.link.leave(self._device.receive(message))
                if response:
                    connection.sendall(response + self._terminator)
            if buffer.overrun():
                self._device.overrun()


class InputBuffer:
    """What came and is no whole message yet. A byte is looked at once, however it is sent.

    Of a message that is too long nothing is kept, up to its line feed.
    """

    def __init__(self, longest: int | None = None) -> None:
        self._waiting, self._from = bytearray(), 0
        self._longest, self._losing = longest, False

    def messages(self, data: bytes) -> Iterator[bytes | None]:
        """Take more and yield every message that it completes, with its line feed.

        None for one that was too long.
        """
        data = self._kept(data)
        self._waiting += data
        while b"\n" in data:  # nothing else ends a message
            end, self._from = _scan(self._waiting, self._from)
            if not end:
                return
            message = bytes(self._waiting[:end])
            del self._waiting[:end]
            yield message if self._fits(message) else None

    def overrun(self) -> bool:
        """Return whether more came than fits, and let go of it."""
        full = not self._fits(self._waiting)
        if full:
            self._waiting, self._from = bytearray(), 0
            self._losing = True
        return full

    def _kept(self, data: bytes) -> bytes:
        """Return what does not belong to a message that is lost already."""
        if not self._losing:
            return data
        _, end, behind = data.partition(b"\n")
        self._losing = not end
        return behind

    def _fits(self, message: bytes | bytearray) -> bool:
        if self._longest is not None:
            return len(message) <= self._longest
        return len(message) <= LONGEST or (b"#" in message and len(message) <= LARGEST)


def end_of_message(waiting: bytes | bytearray) -> int:
    """Return where the first message ends, behind its line feed; 0 when it has not come yet."""
    return _scan(waiting, 0)[0]


def _scan(waiting: bytes | bytearray, position: int) -> tuple[int, int]:
    """Return where the first message ends (or 0), and where to go on when more has come."""
    while True:
        plain = _PLAIN.match(waiting, position)
        assert plain is not None  # it matches the empty string
        mark = plain.end()
        if mark >= len(waiting):
            return 0, position
        if waiting[mark] == ord("\n"):
            return mark + 1, 0
        behind = _behind_block(waiting, mark)
        if behind >= len(waiting):
            return 0, mark
        position = behind


def _behind_block(waiting: bytes | bytearray, position: int) -> int:
    """Return where a block ends; one that is broken or indefinite is read as text."""
    digits = waiting[position + 1] - ord("0")
    length = bytes(waiting[position + 2 : position + 2 + digits])
    if digits and len(length) < digits and length.isdigit():
        return len(waiting)  # its length is still to come
    if not length.isdigit():
        return position + 2
    return position + 2 + digits + int(length)
