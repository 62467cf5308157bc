"""Alazar ATS9360, the laboratory's side: posted buffers are filled with records as they come.

The board's other half (kammerton_sim.board) lives in the process of the driver and speaks JSON
lines to this one. It streams every record; a 9360 does not average. Unlike a real board it never
overruns: the laboratory waits for buffers instead of losing triggers.
"""

from __future__ import annotations

import json
import mmap
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.rig import Codes, Playback, Rig
from kammerton_sim.wire import shared
from kammerton_sim.wire.server import TcpServer

WAIT_TIMEOUT = 579
_BUFFER_NOT_READY, _FAILED, _UNAVAILABLE = 573, 513, 515
_POST = b'{"op": "post"'
_KEPT = 16
_LARGEST = 64 << 20


@dataclass
class Acquisition:
    """One arming of the board and the records it delivered.

    first: number of the first record, counted from the start of the generators; an arbitrary one
    when they already played as the board was armed.
    """

    index: int
    time: float
    samples: int
    per_buffer: int
    expected: int
    delay: int
    late: bool
    first: int = -1
    made: int = 0
    playback: Playback | None = None
    started: float = field(default_factory=monotonic)

    @property
    def records(self) -> int:
        """Records delivered so far."""
        return min(self.made * self.per_buffer, self.expected)

    @property
    def turns(self) -> float:
        """How many turns of the loop they cover."""
        return self.records / self.playback.triggers if self.playback else 0.0

    @property
    def seconds(self) -> float:
        """Laboratory time they took."""
        return self.turns * self.playback.turn_seconds if self.playback else 0.0

    def states(self) -> NDArray[np.uint8]:
        """Return the level of each qubit at the start of each record, (records, qubits)."""
        assert self.playback is not None
        return self.playback.states_of(self.first, self.records)

    def summary(self) -> dict[str, Any]:
        """Return what the control socket tells about it."""
        return {"index": self.index, "time": self.time, "records": self.records,
                "turns": self.turns, "first": max(self.first, 0), "late": self.late}  # fmt: skip


class BoardError(Exception):
    """An error code of the board's interface."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Ats9360:
    """The board, for one driver at a time.

    now() is laboratory time; passed(instrument, wall) tells how many seconds of each a finished
    acquisition took. Two threads make the records.
    """

    def __init__(
        self,
        rig: Rig,
        now: Callable[[], float],
        passed: Callable[[float, float], None],
        seed: int,
        port: int = 0,
    ) -> None:
        self._rig, self._now, self._passed = rig, now, passed
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._owner: _Link | None = None
        self.acquisitions: deque[Acquisition] = deque(maxlen=10_000)
        self._count = 0
        self._makers = ThreadPoolExecutor(2, "records")
        self._server = TcpServer("board", port, lambda conn, peer: _Link(self, conn).serve())
        self.port = self._server.port

    def close(self) -> None:
        """End the connections and the two threads."""
        self._server.close()
        self._makers.shutdown(cancel_futures=True)

    def acquisition(self, index: int) -> Acquisition:
        """Return an acquisition whose playback is still known; raises KeyError."""
        for acquisition in self.acquisitions:
            if acquisition.index == index and acquisition.playback is not None:
                return acquisition
        raise KeyError(f"no acquisition {index}, or too old")

    def arm(
        self, link: _Link, samples: int, per_buffer: int, expected: int, delay: int
    ) -> Acquisition:
        """Begin to listen for triggers."""
        with self._lock:
            if self._owner not in (None, link):
                raise BoardError(_UNAVAILABLE, "another program uses the board")
            self._owner = link
            acquisition = Acquisition(
                self._count, self._now(), samples, per_buffer, expected, delay, self._rig.playing
            )
            self._count += 1
            self.acquisitions.append(acquisition)
            if len(self.acquisitions) > _KEPT:
                self.acquisitions[-_KEPT - 1].playback = None
        return acquisition

    def begin(self, acquisition: Acquisition, timeout: float) -> bool:
        """Wait for the first trigger; True when records can be made."""
        if acquisition.playback is None:
            playback = self._rig.wait(acquisition.samples + acquisition.delay, timeout)
            if playback is None:
                return False
            late = int(self._rng.integers(playback.triggers)) if acquisition.late else 0
            acquisition.first, acquisition.playback = self._consumed(playback) + late, playback
        return True

    def make(self, acquisition: Acquisition, number: int, target: Codes) -> Future[None]:
        """Fill buffer `number` of an acquisition, target (2, R, samples), in a thread."""
        return self._makers.submit(self._fill, acquisition, number, target)

    def finish(self, link: _Link, acquisition: Acquisition | None) -> None:
        """Let laboratory time pass by what the records took, and free the board."""
        if acquisition is not None and acquisition.records:
            self._passed(acquisition.seconds, monotonic() - acquisition.started)
        with self._lock:
            if self._owner is link:
                self._owner = None

    def _consumed(self, playback: Playback) -> int:
        """Records of this very playback that an earlier acquisition has had."""
        earlier = [a for a in self.acquisitions if a.playback is playback]
        return max((a.first + a.records for a in earlier), default=0)

    def _fill(self, acquisition: Acquisition, number: int, target: Codes) -> None:
        delay = acquisition.delay
        playback = self._rig.playback(acquisition.samples + delay)
        if not playback.triggers:  # switched off under way
            raise BoardError(WAIT_TIMEOUT)
        first = acquisition.first + number * acquisition.per_buffer
        if not delay:
            playback.records(first, target[0], target[1])
            return
        wide = np.empty((*target.shape[:2], target.shape[2] + delay), np.uint16)
        playback.records(first, wide[0], wide[1])
        target[:] = wide[..., delay:]


class _Link:
    """One connection of a driver's process."""

    def __init__(self, board: Ats9360, connection: socket.socket) -> None:
        self._board, self._connection = board, connection
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
            "map": self._map,
            "unmap": self._unmap,
            "arm": self._arm,
            "post": self._post,
            "wait": self._wait,
            "abort": self._abort,
        }
        try:
            with self._connection.makefile("rb") as reader:
                while line := reader.readline(1 << 16):
                    self._reply(self._do(operations, line))
        finally:
            self._abort()
            self._memory.clear()

    def _do(
        self, operations: dict[str, Callable[..., dict[str, Any] | None]], line: bytes
    ) -> dict[str, Any] | None:
        request: dict[str, Any] = {}
        try:
            request = json.loads(line)
            name = request.pop("op")
            return operations[name](**request)
        except BoardError as error:
            answer = {"error": error.code, "detail": error.detail}
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            answer = {"error": _FAILED, "detail": f"{type(error).__name__}: {error}"}
        if line.startswith(_POST):  # posting is not answered; the next wait tells
            self._fault = answer
            return None
        return answer

    def _reply(self, answer: dict[str, Any] | None) -> None:
        if answer is None:
            return
        data: Codes | None = answer.pop("data", None)
        self._connection.sendall(json.dumps(answer).encode() + b"\n")
        if data is not None:
            self._connection.sendall(data.data.cast("B"))

    def _map(self, number: int, name: str, size: int) -> dict[str, Any]:
        self._memory[number] = shared.attach(name, size)
        return {"ok": True}

    def _unmap(self, number: int) -> dict[str, Any]:
        self._memory.pop(number, None)
        return {"ok": True}

    def _arm(
        self, samples: int, per_buffer: int, records: int, delay: int, triggered: bool
    ) -> dict[str, Any]:
        if self._acquisition is not None:
            raise BoardError(_UNAVAILABLE, "already armed")
        if min(samples, per_buffer, records) < 1 or 4 * samples * per_buffer > _LARGEST:
            raise BoardError(_FAILED, f"{per_buffer} records of {samples} samples")
        self._acquisition = self._board.arm(self, samples, per_buffer, records, delay)
        self._triggered = triggered
        return {"ok": True}

    def _post(self, memory: int | None, size: int) -> None:
        self._posted.append((memory, size))
        if self._acquisition is not None and self._acquisition.playback is not None:
            self._dispatch(self._acquisition)

    def _wait(self, timeout: float) -> dict[str, Any]:
        acquisition = self._acquisition
        if self._fault is not None:
            return self._fault
        if acquisition is None or not (self._jobs or self._posted):
            raise BoardError(_BUFFER_NOT_READY, "nothing is armed or posted")
        if not self._triggered:
            sleep(timeout)
        if not self._triggered or not self._board.begin(acquisition, timeout):
            raise BoardError(WAIT_TIMEOUT)
        self._dispatch(acquisition)
        if not self._jobs:
            raise BoardError(WAIT_TIMEOUT)
        job, data = self._jobs.popleft()
        job.result()
        acquisition.made += 1
        return {"ok": True} if data is None else {"ok": True, "data": data}

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
            return np.empty(shape, np.uint16)
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
