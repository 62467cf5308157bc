"""The laboratory's end of the connection to a simulated board: JSON lines, and records after them.

A request is one line, {"op": ...}; its answer is one line, {"ok": true} or {"error": code}, after
which the records follow when they do not go through shared memory. "post" is not answered.
"""

from __future__ import annotations

import json
import mmap
import select
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic, sleep
from typing import Any, Protocol

import numpy as np

from kammerton_sim.instruments.acquisition import Acquisition
from kammerton_sim.instruments.rig import Codes
from kammerton_sim.wire import shared
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.link import Link
from kammerton_sim.wire.refusals import Refusals
from kammerton_sim.wire.tamper import Tamper

WAIT_TIMEOUT, UNAVAILABLE, NOT_LOCKED = 579, 515, 590
_BUFFER_NOT_READY, _FAILED = 573, 513
CODES = (
    _FAILED, UNAVAILABLE, 518, 552, 553, 559, 571, _BUFFER_NOT_READY, WAIT_TIMEOUT, 580, 582, 586,
    588, NOT_LOCKED,
)  # fmt: skip
"""What can go wrong with a call that was right: the rest of its return codes tell of wrong ones.

518 DMA in progress, 552 no driver, 553 no resources, 559 power down, 571 DMA error, 580 wait
canceled, 582 buffer overflow, 586 pages cannot be locked, 588 wait failed.
"""
_CALLS = ("lock", "arm", "wait")
_UNFIT = (
    LookupError, TypeError, ValueError, AttributeError, OSError, RecursionError, ArithmeticError,
    MemoryError, ScpiError,
)  # fmt: skip
"""What a request can raise that is none."""

_POST = b'{"op": "post"'
_LARGEST = 64 << 20
_LONGEST_DELAY = 100_000  # samples; what comes before the record is made, too
_GLANCE = 0.25
"""s between looks whether the driver's process still lives."""


class BoardError(Exception):
    """An error code of the board's interface."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Board(Protocol):
    """What a connection needs of the board."""

    identity: str
    refusals: Refusals
    tamper: Tamper

    def referenced(self) -> bool:
        """Whether a 10 MHz reference comes in."""

    def arm(
        self,
        link: BoardLink,
        samples: int,
        per_buffer: int,
        expected: int,
        delay: int,
        locked: bool = True,
    ) -> Acquisition:
        """Begin to listen for triggers; `locked` to the reference, or on its own clock."""

    def begin(self, acquisition: Acquisition, timeout: float) -> bool:
        """Wait for the first trigger; True when records can be made."""

    def make(self, acquisition: Acquisition, number: int, target: Codes) -> Future[None]:
        """Fill buffer `number` of an acquisition, target (2, R, samples), in a thread."""

    def due(self, acquisition: Acquisition, number: int) -> float:
        """Return when buffer `number` is full, on the monotonic clock."""

    def finish(self, link: BoardLink, acquisition: Acquisition | None) -> None:
        """End an acquisition and free the board."""


class BoardLink:
    """One connection of a driver's process.

    arrive: called when a request came in; raises ConnectionResetError where nobody shall get it.
    """

    def __init__(
        self,
        board: Board,
        connection: socket.socket,
        cable: Link,
        arrive: Callable[[], object],
    ) -> None:
        self._board, self._connection, self._cable = board, connection, cable
        self._arrive = arrive
        self._memory: dict[int, mmap.mmap] = {}
        self._acquisition: Acquisition | None = None
        self._posted: deque[tuple[int | None, int]] = deque()
        """Buffers not yet handed to a thread: identity of shared memory (or None), bytes."""
        self._jobs: deque[tuple[Future[None], Codes | None]] = deque()
        self._dispatched = 0
        self._triggered = True
        self._fault: dict[str, Any] | None = None

    def serve(self) -> None:
        """Answer requests until the driver's process hangs up."""
        operations: dict[str, Callable[..., dict[str, Any] | None]] = {
            "hello": lambda: {"board": "ATS9360"},
            "identity": lambda: {"identity": self._board.identity},
            "map": self._map,
            "unmap": self._unmap,
            "lock": self._lock,
            "arm": self._arm,
            "post": self._post,
            "wait": self._wait,
            "abort": self._abort,
        }
        try:
            with self._connection.makefile("rb") as reader:
                while line := reader.readline(1 << 16):
                    self._arrive()
                    self._reply(self._do(operations, line))
        finally:
            self._abort()
            self._memory.clear()

    def _do(
        self, operations: dict[str, Callable[..., dict[str, Any] | None]], line: bytes
    ) -> dict[str, Any] | None:
        request: dict[str, Any] = {}
        number: int | None = None
        try:
            request = json.loads(line)
            number = request.pop("number_of_request", None)
            operation = request.pop("op")
            if operation in _CALLS and (code := self._board.refusals.next()) is not None:
                raise BoardError(code)  # noqa: TRY301 - it ends as one that the board refuses
            answer = operations[operation](**request)
            return None if answer is None else answer | {"number_of_request": number}
        except BoardError as error:
            answer = {"error": error.code, "detail": error.detail}
        except _UNFIT as error:
            answer = {"error": _FAILED, "detail": f"{type(error).__name__}: {error}"}
        if line.startswith(_POST):  # posting is not answered; the next wait tells
            self._fault = answer
            return None
        return answer | {"number_of_request": number}

    def _reply(self, answer: dict[str, Any] | None) -> None:
        if answer is None:
            return
        data: Codes | None = answer.pop("data", None)
        told = self._cable.leave(json.dumps(answer).encode() + b"\n")
        if told is None:
            return
        self._connection.sendall(told)
        if data is not None:
            self._connection.sendall(data.data.cast("B"))

    def _map(self, number: int, name: str, size: int) -> dict[str, Any]:
        self._memory[number] = shared.attach(name, size)
        return {"ok": True}

    def _unmap(self, number: int) -> dict[str, Any]:
        self._memory.pop(number, None)
        return {"ok": True}

    def _lock(self) -> dict[str, Any]:
        if not self._board.referenced():
            raise BoardError(NOT_LOCKED, "no reference comes in")
        return {"ok": True}

    def _arm(
        self,
        samples: int,
        per_buffer: int,
        records: int,
        delay: int,
        triggered: bool,
        locked: bool = True,
    ) -> dict[str, Any]:
        if self._acquisition is not None:
            raise BoardError(UNAVAILABLE, "already armed")
        sizes = samples, per_buffer, records, delay
        if any(type(n) is not int for n in sizes) or not 0 <= delay <= _LONGEST_DELAY:
            raise BoardError(_FAILED, f"{records} records, {samples} samples, {delay} late")
        most = 4 * per_buffer * max(samples, (samples + delay) / 8)  # with what is thrown away
        if min(samples, per_buffer, records) < 1 or most > _LARGEST:
            raise BoardError(_FAILED, f"{per_buffer} records of {samples} samples")
        kept = self._board.tamper.written  # what is lost is as after power-on
        begins, synchronous = int(kept("delay", 0, delay)), bool(kept("clock", False, locked))
        self._acquisition = self._board.arm(self, samples, per_buffer, records, begins, synchronous)
        self._triggered = bool(kept("trigger", False, triggered))
        return {"ok": True}

    def _post(self, memory: int | None, size: int) -> None:
        self._posted.append((memory, size))
        if self._acquisition is not None and self._acquisition.playback is not None:
            self._dispatch(self._acquisition)

    def _wait(self, timeout: float) -> dict[str, Any]:
        acquisition, deadline = self._acquisition, monotonic() + timeout
        if self._fault is not None:
            return self._fault
        if acquisition is None or not (self._jobs or self._posted):
            raise BoardError(_BUFFER_NOT_READY, "nothing is armed or posted")
        if not self._triggered:
            self._sleep(timeout)
        if not self._triggered or not self._begun(acquisition, timeout):
            raise BoardError(WAIT_TIMEOUT)
        self._dispatch(acquisition)
        if not self._jobs or not self._full(acquisition, deadline):
            raise BoardError(WAIT_TIMEOUT)
        job, data = self._jobs.popleft()
        job.result()
        acquisition.made += 1
        return {"ok": True} if data is None else {"ok": True, "data": data}

    def _begun(self, acquisition: Acquisition, timeout: float) -> bool:
        """Wait for the first trigger, as long as the driver's process lives."""
        deadline = monotonic() + timeout
        while not self._board.begin(acquisition, max(0.0, min(_GLANCE, deadline - monotonic()))):
            if monotonic() >= deadline:
                return False
            if self._hung_up():
                raise ConnectionResetError("the driver is gone")
        return True

    def _full(self, acquisition: Acquisition, deadline: float) -> bool:
        """Wait until the next buffer is full, when records come no faster than in reality."""
        due = self._board.due(acquisition, acquisition.made)
        self._sleep(min(due, deadline) - monotonic())
        return due <= deadline

    def _sleep(self, seconds: float) -> None:
        """Do nothing for so long, as long as the driver's process lives."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            sleep(min(left, _GLANCE))
            if self._hung_up():
                raise ConnectionResetError("the driver is gone")

    def _hung_up(self) -> bool:
        readable, _, _ = select.select([self._connection], [], [], 0)
        return bool(readable) and not self._connection.recv(1, socket.MSG_PEEK)

    def _dispatch(self, acquisition: Acquisition) -> None:
        shape = (2, acquisition.per_buffer, acquisition.samples)
        buffers = -(-acquisition.expected // acquisition.per_buffer)
        while self._posted and self._dispatched < buffers:
            memory, size = self._posted.popleft()
            if size < 2 * int(np.prod(shape)):
                raise BoardError(_FAILED, f"a buffer of {size} bytes is too small")
            target = self._target(memory, shape)
            job = self._board.make(acquisition, self._dispatched, target)
            self._jobs.append((job, target if memory is None else None))
            self._dispatched += 1

    def _target(self, memory: int | None, shape: tuple[int, int, int]) -> Codes:
        if memory is None:
            return np.zeros(shape, np.uint16)
        count = int(np.prod(shape))
        return np.frombuffer(self._memory[memory], np.uint16, count).reshape(shape)

    def _abort(self) -> dict[str, Any]:
        for job, _ in self._jobs:
            if not job.cancel():
                job.exception()
        self._board.finish(self, self._acquisition)
        self._acquisition, self._dispatched, self._fault = None, 0, None
        self._jobs.clear()
        self._posted.clear()
        return {"ok": True}
