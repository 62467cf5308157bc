"""The driver's end of the connection to the simulated board: requests, records, shared memory."""

from __future__ import annotations

import io
import json
import socket
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.wire import shared

_LONGEST = 1 << 16
_PATIENCE = 10.0
"""s beyond the asked-for timeout after which a silent laboratory is taken for dead."""


class BoardLink:
    """Asks the laboratory, one request at a time; its errors become the board's RuntimeErrors."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), _PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        self._lock = threading.RLock()
        self._asked = 0
        self._silent = ""
        """Why nothing is read any more: an answer that came too late would belong to another."""
        self.close = weakref.finalize(self, _close, self._reader, self._socket)
        self.ask("hello", op="hello")

    def send(self, **request: Any) -> None:
        """Send a request that has no answer."""
        with self._lock:
            self._socket.sendall(json.dumps(request).encode() + b"\n")

    def ask(
        self, function: str, patience: float = 0.0, into: memoryview | None = None, **request: Any
    ) -> dict[str, Any]:
        """Send a request and return its answer; records that follow it go `into` memory.

        Raises
        ------
        RuntimeError
            The answer is an error, in the words of upstream's wrapper of `function`.
        """
        with self._lock:
            try:
                self._socket.settimeout(patience + _PATIENCE)
                self._asked += 1
                self.send(**request, number_of_request=self._asked)
                answer = self._answer()
                if "error" in answer:
                    raise failure(answer["error"], function, answer.get("detail", ""))
                if into is not None:
                    self._receive(into)
            except TimeoutError:
                self._silent = f"no answer within {patience + _PATIENCE:g} s"
                raise _gone(self._silent) from None
            except OSError as error:
                raise _gone(self._silent or str(error)) from None
            return answer

    def _answer(self) -> dict[str, Any]:
        """Return the next answer, which must belong to the latest request."""
        line = self._reader.readline(_LONGEST)
        if not line:
            raise _gone("it closed the connection")
        try:
            answer: dict[str, Any] = json.loads(line)
            number = answer.pop("number_of_request")
        except (ValueError, KeyError, AttributeError):
            raise _gone(f"it says {line[:40]!r}") from None
        if number != self._asked:
            raise _gone(f"request {self._asked} got the answer to {number}")
        return answer

    def _receive(self, view: memoryview) -> None:
        while len(view):
            count = self._reader.readinto(view)
            if not count:
                raise _gone("it closed the connection")
            view = view[count:]


@dataclass(eq=False)  # arrays have no one truth value
class Segment:
    """Mapped memory, and its number in the laboratory's process (None: only here)."""

    buffer: NDArray[np.uint8]
    number: int | None

    @property
    def address(self) -> int:
        """Where it begins in this process."""
        return int(self.buffer.ctypes.data)


class SegmentPool:
    """Memory that both processes see: in use by address, or free for the next acquisition."""

    def __init__(self, link: BoardLink, *, shared_memory: bool) -> None:
        self._link, self._shared = link, shared_memory
        self.used: dict[int, Segment] = {}
        self.free: list[Segment] = []
        self._next = 0

    def take(self, size: int) -> Segment:
        """Return a segment of at least `size` bytes."""
        fitting = [segment for segment in self.free if segment.buffer.size >= size]
        if fitting:
            segment = fitting[0]
            self.free.remove(segment)
        else:
            segment = self._new(size)
        self.used[segment.address] = segment
        return segment

    def give_back(self, segment: Segment) -> None:
        """Keep a segment for reuse."""
        if self.used.pop(segment.address, None) is not None:
            self.free.append(segment)

    def release(self) -> None:
        """Let go of what is kept for reuse."""
        for segment in self.free:
            if segment.number is not None:
                self._link.ask("unmap", op="unmap", number=segment.number)
        self.free.clear()

    def forget(self) -> None:
        """Drop everything; memory vanishes with the last array that looks into it."""
        self.free.clear()
        self.used.clear()

    def _new(self, size: int) -> Segment:
        if not self._shared:
            return Segment(np.zeros(size, np.uint8), None)
        try:
            memory, name = shared.create(size)
        except OSError:  # no shared memory left, as in a small container
            return Segment(np.zeros(size, np.uint8), None)
        number, self._next = self._next, self._next + 1
        try:
            self._link.ask("map", op="map", number=number, name=name, size=size)
        finally:
            shared.forget(name)
        return Segment(np.frombuffer(memory, np.uint8), number)


class BoardMemory:
    """One posted buffer; quacks like the upstream driver's `Buffer`."""

    def __init__(
        self, segment: Segment, ctype: Any, size: int, free: Callable[[Segment], None]
    ) -> None:
        self._segment, self._free = segment, free
        self.size_bytes = size
        self.addr = segment.address
        self.buffer: NDArray[Any] = segment.buffer[:size].view(np.dtype(ctype))

    def free_mem(self) -> None:
        """Give the memory back; its content is no longer ours."""
        free, self._free = self._free, lambda segment: None
        free(self._segment)


def _gone(reason: str) -> RuntimeError:
    return RuntimeError(f"the simulated laboratory is gone: {reason}")


def _close(reader: io.BufferedReader, connection: socket.socket) -> None:
    reader.close()
    connection.close()


def failure(code: int, function: str, detail: str = "") -> RuntimeError:
    """Return the error that upstream's wrapper raises for a return code."""
    from qcodes.instrument_drivers.AlazarTech.constants import ERROR_CODES, ReturnCode

    text = ERROR_CODES.get(ReturnCode(code), "unknown")
    return RuntimeError(f"error {code}: {text} from function {function} {detail}".rstrip())
