"""A HiSLIP server, synchronised mode (IVI-6.1, HiSLIP 1.0): messages are framed by length.

A client opens two connections, one for data and one for control. Any number of clients share the
device, and its settings; one that holds a lock is alone. Overlapped mode, service requests and
encryption are not offered.
"""

from __future__ import annotations

import itertools
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Protocol

from kammerton_sim.wire.locks import Locks
from kammerton_sim.wire.server import TcpServer, receive_into
from kammerton_sim.wire.slices import GIVEN_UP

HEADER = struct.Struct("!2sBBIQ")
LARGEST = 1 << 24
"""Payload in bytes that a client may put into one data message."""
PIECE = 1 << 20
"""Bytes for which there is room before they come."""
LONGEST = 1 << 28
"""Bytes of a message in many data messages; what is longer overruns the input buffer."""

INITIALIZE, INITIALIZE_RESPONSE, FATAL_ERROR, ERROR = 0, 1, 2, 3
LOCK, LOCK_RESPONSE, DATA, DATA_END = 4, 5, 6, 7
CLEAR_COMPLETE, CLEAR_ACKNOWLEDGE, REMOTE, REMOTE_RESPONSE = 8, 9, 10, 11
TRIGGER, MAX_SIZE, MAX_SIZE_RESPONSE = 12, 15, 16
ASYNC_INITIALIZE, ASYNC_INITIALIZE_RESPONSE, ASYNC_CLEAR = 17, 18, 19
STATUS, STATUS_RESPONSE, ASYNC_CLEAR_ACKNOWLEDGE = 21, 22, 23
LOCK_INFO, LOCK_INFO_RESPONSE = 24, 25
_REQUEST = 1  # control code of a lock message; 0 gives the lock back
_VENDOR = int.from_bytes(b"KT")


class MessageDevice(Protocol):
    """What a HiSLIP server serves."""

    name: str

    def receive(self, message: bytes | bytearray) -> bytes:
        """Carry out a message, return the response or b""."""

    def overrun(self) -> None:
        """More came than the input buffer holds."""

    def status_byte(self) -> int:
        """Return the status byte."""

    def connected(self, peer: str) -> None:
        """A client came."""

    def disconnected(self, peer: str) -> None:
        """A client left."""


@dataclass
class _Session:
    """What the two connections of one client share."""

    number: int
    largest: int = LARGEST
    overrun: bool = False
    """The message that comes is lost already."""
    clearing: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class _Frame:
    kind: int
    control: int
    parameter: int
    length: int


class HislipServer:
    """Serves one device to any number of clients."""

    def __init__(self, device: MessageDevice, port: int = 0) -> None:
        self._device = device
        self._sessions: dict[int, _Session] = {}
        self._numbers = itertools.count(1)
        self._locks = Locks()
        self.server = TcpServer(device.name, port, self._serve)
        self.port = self.server.port

    def close(self) -> None:
        """End every session."""
        self.server.close()

    def _serve(self, connection: socket.socket, peer: str) -> None:
        frame, _ = _receive(connection)
        self.server.arrive(connection)
        if frame.kind == INITIALIZE:
            self._synchronous(connection, peer)
        elif frame.kind == ASYNC_INITIALIZE and frame.parameter in self._sessions:
            self._control(connection, self._sessions[frame.parameter])
        else:
            _send(connection, FATAL_ERROR, 3, 0, b"invalid initialization sequence")

    def _synchronous(self, connection: socket.socket, peer: str) -> None:
        number = next(n for each in self._numbers if (n := each & 0xFFFF) not in self._sessions)
        session = self._sessions[number] = _Session(number)
        GIVEN_UP.set(session.clearing.is_set)
        self._locks.enter(number)
        self._device.connected(peer)
        try:
            _send(connection, INITIALIZE_RESPONSE, 0, 0x0100 << 16 | number)
            self._exchange(connection, session)
        finally:
            del self._sessions[number]
            self._locks.leave(number)
            self._device.disconnected(peer)

    def _exchange(self, connection: socket.socket, session: _Session) -> None:
        message = bytearray()
        while True:
            frame, payload = _receive(connection)
            self.server.arrive(connection)
            if frame.kind in (DATA, DATA_END):
                message = self._joined(session, message, payload)
                if frame.kind == DATA_END and not (session.clearing.is_set() or session.overrun):
                    self._answer(connection, session, frame.parameter, message)
                if frame.kind == DATA_END:
                    message, session.overrun = bytearray(), False
            elif frame.kind == CLEAR_COMPLETE:
                message, session.overrun = bytearray(), False
                session.clearing.clear()
                _send(connection, CLEAR_ACKNOWLEDGE)
            elif frame.kind == TRIGGER:
                self._locks.turn(session.number)
                self._device.receive(b"*TRG")
            else:
                _send(connection, ERROR, 1, 0, b"unrecognized message type")

    def _joined(self, session: _Session, message: bytearray, payload: bytearray) -> bytearray:
        if session.overrun or len(message) + len(payload) > LONGEST:
            if not session.overrun:
                self._device.overrun()
            session.overrun = True
            return bytearray()
        if not message:
            return payload  # most are of one frame: not copied
        message += payload
        return message

    def _answer(
        self, connection: socket.socket, session: _Session, number: int, message: bytearray
    ) -> None:
        self._locks.turn(session.number)
        response = self.server.link.leave(self._device.receive(message))
        if not response or session.clearing.is_set():
            return
        response += b"\n"
        step = max(1, session.largest - HEADER.size)
        for start in range(0, len(response), step):
            last = start + step >= len(response)
            part = response[start : start + step]
            _send(connection, DATA_END if last else DATA, 0, number, part)

    def _control(self, connection: socket.socket, session: _Session) -> None:
        try:
            self._asynchronous(connection, session)
        finally:
            self._locks.leave(session.number)

    def _asynchronous(self, connection: socket.socket, session: _Session) -> None:
        _send(connection, ASYNC_INITIALIZE_RESPONSE, 0, _VENDOR)
        while True:
            frame, payload = _receive(connection)
            self.server.arrive(connection)
            if frame.kind == MAX_SIZE and len(payload) == 8:
                session.largest = max(256, min(LARGEST, int.from_bytes(payload)))
                _send(connection, MAX_SIZE_RESPONSE, 0, 0, LARGEST.to_bytes(8))
            elif frame.kind == ASYNC_CLEAR:
                session.clearing.set()
                _send(connection, ASYNC_CLEAR_ACKNOWLEDGE)
            elif frame.kind == STATUS:
                _send(connection, STATUS_RESPONSE, self._device.status_byte())
            elif frame.kind == LOCK:
                _send(connection, LOCK_RESPONSE, self._locked(session.number, frame, payload))
            elif frame.kind == LOCK_INFO:
                exclusive, holders = self._locks.holders()
                _send(connection, LOCK_INFO_RESPONSE, int(exclusive), holders)
            elif frame.kind == REMOTE:
                _send(connection, REMOTE_RESPONSE)
            else:
                _send(connection, ERROR, 1, 0, b"unrecognized message type")

    def _locked(self, client: int, frame: _Frame, key: bytearray) -> int:
        """Take a lock (1; 0 when not within its time) or give one back (1, 2; 3 without one)."""
        if frame.control == _REQUEST:
            return int(self._locks.acquire(client, bytes(key[:256]), frame.parameter / 1e3))
        return self._locks.release(client)


def _receive(connection: socket.socket) -> tuple[_Frame, bytearray]:
    head = bytearray(HEADER.size)
    receive_into(connection, memoryview(head))
    prologue, kind, control, parameter, length = HEADER.unpack(head)
    if prologue != b"HS" or length > LARGEST:  # more than the client was told to send
        _send(connection, FATAL_ERROR, 1, 0, b"poorly formed message header")
        raise ConnectionAbortedError("poorly formed message header")
    payload = bytearray()
    while len(payload) < length:  # a promise costs nothing before it is kept
        piece = bytearray(min(length - len(payload), PIECE))
        receive_into(connection, memoryview(piece))
        payload += piece
    return _Frame(kind, control, parameter, length), payload


def _send(
    connection: socket.socket, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b""
) -> None:
    connection.sendall(HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload)
