"""Alazar ATS9360, the laboratory's side: posted buffers are filled with records as they come.

The board's other half (kammerton_sim.board) lives in the process of the driver and speaks JSON
lines to this one. It streams every record; a 9360 does not average. Unlike a real board it never
overruns: the laboratory waits for buffers instead of losing triggers.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from time import sleep

import numpy as np

from kammerton_sim.instruments.acquisition import Acquisition
from kammerton_sim.instruments.board_faults import BoardFaults
from kammerton_sim.instruments.board_link import (
    CODES,
    UNAVAILABLE,
    WAIT_TIMEOUT,
    BoardError,
    BoardLink,
)
from kammerton_sim.instruments.rig import Codes, Playback, Tap
from kammerton_sim.instruments.sample_clock import late, slid
from kammerton_sim.wire.link import Link
from kammerton_sim.wire.refusals import Refusals
from kammerton_sim.wire.server import TcpServer
from kammerton_sim.wire.tamper import Tamper

_PLAYED, _ARCHIVED = 16, 1000
"""Acquisitions whose states can still be told: all of the last few, short ones for longer."""

_CRYSTAL = 2e-6
"""By how much of itself the sample rate of a board on its own clock is wrong (one sigma)."""

_SHORT = 30_000
"""Records up to which the states of an acquisition are archived."""


_PATIENCE = 2.0
"""s that the buffers under way get to be made when the laboratory ends."""


class Ats9360:
    """The board, for one driver at a time.

    now() is laboratory time; passed(at) tells that it is at least `at` as an acquisition ends.
    pace: how many times faster than wall time records come; None: as fast as they are made.
    Two threads make the records.
    """

    codes = CODES
    settings = ("clock", "trigger", "delay")

    def __init__(
        self,
        tap: Tap,
        now: Callable[[], float],
        passed: Callable[[float], None],
        seed: int,
        port: int = 0,
        name: str = "board",
        pace: float | None = None,
        serial: int = 970_001,
    ) -> None:
        self._tap, self._now, self._passed, self._pace = tap, now, passed, pace
        self.identity, self.impostor = f"AlazarTech,ATS9360,{serial},21.07", False
        self.written: Callable[[str], None] = lambda text: None
        """Told what is asked of the board while it says that it is another one."""
        self._rng = np.random.default_rng(seed)
        self._clock = np.random.default_rng([seed, 1])
        self._astray = float(self._clock.normal(0.0, _CRYSTAL))
        self._lock = threading.Lock()
        self._owner: BoardLink | None = None
        self.acquisitions: deque[Acquisition] = deque(maxlen=10_000)
        self._count = 0
        self.faults, self.refusals, self.buffers = BoardFaults(), Refusals(), Link()
        self.tamper = Tamper()
        self.before_buffer: Callable[[int], Callable[[], None] | None] = lambda records: None
        """Told that so many records come; returns what has to happen before they are made."""
        self._making: list[Future[None]] = []
        self._makers = ThreadPoolExecutor(2, "records")
        self.server = TcpServer(name, port, self._attend)
        self.port = self.server.port

    def close(self) -> None:
        """End the connections and the two threads; a buffer that takes long is not waited for."""
        self.server.close()
        self._makers.shutdown(wait=False, cancel_futures=True)
        wait([job for job in self._making if not job.cancelled()], _PATIENCE)

    def _attend(self, connection: socket.socket, peer: str) -> None:
        arrive = partial(self.server.arrive, connection)
        BoardLink(self, connection, self.server.link, arrive).serve()

    def acquisition(self, index: int) -> Acquisition:
        """Return an acquisition whose states are still known; raises KeyError."""
        for acquisition in self.acquisitions:
            known = acquisition.archive is not None or acquisition.playback is not None
            if acquisition.index == index and known:
                return acquisition
        raise KeyError(f"no acquisition {index}, or too old")

    def lose_reference(self, astray: float) -> None:
        """Pull the reference's cable: the sample rate is off by this part; 0: plug it in."""
        self.faults.astray = astray

    @property
    def locked(self) -> bool:
        """Whether it was armed last to record by the reference; False before it ever was."""
        return bool(self.acquisitions) and self.acquisitions[-1].locked

    def referenced(self) -> bool:
        """Whether a 10 MHz reference comes in."""
        return not self.faults.astray

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
        if self.impostor:
            self.written(f"arm {expected} records of {samples} samples")
        with self._lock:
            if self._owner not in (None, link):
                raise BoardError(UNAVAILABLE, "another program uses the board")
            self._owner = link
            acquisition = Acquisition(
                self._count, self._now(), samples, per_buffer, expected, delay, self._tap.playing
            )
            acquisition.missed = self.faults.missed(expected)
            acquisition.locked, acquisition.phase = locked, float(self._clock.random())
            self._count += 1
            self.acquisitions.append(acquisition)
            if len(self.acquisitions) > _PLAYED:
                self.acquisitions[-_PLAYED - 1].forget()
            if len(self.acquisitions) > _ARCHIVED:
                self.acquisitions[-_ARCHIVED - 1].archive = None
        return acquisition

    def begin(self, acquisition: Acquisition, timeout: float) -> bool:
        """Wait for the first trigger; True when records can be made."""
        if acquisition.playback is None:
            if self.faults.silent:
                sleep(timeout)
                return False
            playback = self._tap.wait(acquisition.samples + acquisition.delay, timeout)
            if playback is None:
                return False
            late = int(self._rng.integers(playback.triggers)) if acquisition.late else 0
            acquisition.begin(self._consumed(playback) + late, playback)
        return True

    def make(self, acquisition: Acquisition, number: int, target: Codes) -> Future[None]:
        """Fill buffer `number` of an acquisition, target (2, R, samples), in a thread."""
        if happens := self.before_buffer(target.shape[1]):
            wait(self._making)  # the buffers before this one do not feel it
            happens()
        made = self._makers.submit(self._fill, acquisition, number, target)
        self._making = [*(job for job in self._making if not job.done()), made]
        return made

    def due(self, acquisition: Acquisition, number: int) -> float:
        """Return when buffer `number` is full, on the monotonic clock."""
        if self._pace is None or not acquisition.triggers:
            return 0.0
        records = min((number + 1) * acquisition.per_buffer, acquisition.expected)
        seconds = records / acquisition.triggers * acquisition.turn_seconds
        return acquisition.begun + seconds / self._pace

    def finish(self, link: BoardLink, acquisition: Acquisition | None) -> None:
        """Let laboratory time pass by what the records took, and free the board.

        The states are worked out first: that is no time of the laboratory's beside the records.
        """
        if acquisition is not None and acquisition.records:
            if acquisition.records <= _SHORT:
                acquisition.archive = acquisition.states()
            self._passed(acquisition.time + acquisition.seconds)
        with self._lock:
            if self._owner is link:
                self._owner = None

    def _consumed(self, playback: Playback) -> int:
        """Records of this very playback that an earlier acquisition has had."""
        earlier = [a for a in self.acquisitions if a.playback is playback]
        return max((a.first + a.records for a in earlier), default=0)

    def _fill(self, acquisition: Acquisition, number: int, target: Codes) -> None:
        before = target.copy() if self.buffers.spoils else None
        delay = acquisition.delay
        playback = self._tap.playback(acquisition.samples + delay)
        if not playback.triggers:  # switched off under way
            raise BoardError(WAIT_TIMEOUT)
        acquisition.played[number] = playback
        wide = target
        if delay:
            wide = np.empty((*target.shape[:2], target.shape[2] + delay), np.uint16)
        first = number * acquisition.per_buffer
        for record, start, stop in acquisition.delivered(first, target.shape[1]):
            into = wide[:, start:stop]
            playback.records(acquisition.first + record, into[0], into[1])
        if delay:
            target[:] = wide[..., delay:]
        if astray := (self.faults.astray if acquisition.locked else self._astray):
            times = acquisition.times(first, target.shape[1])
            slid(target, late(acquisition.phase, astray, times))
        self.faults.spoil(target)
        if before is not None:
            self._spoil(target, before)

    def _spoil(self, target: Codes, before: Codes) -> None:
        """Let a spoilt buffer come; where nothing comes, memory keeps what it had before."""
        came = (self.buffers.leave(target.tobytes()) or b"")[: target.nbytes]
        whole = came + before.tobytes()[len(came) :]
        target[:] = np.frombuffer(whole, np.uint16).reshape(target.shape)
