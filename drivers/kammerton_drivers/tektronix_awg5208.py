"""Tektronix AWG5208 as a WaveformGenerator, through the upstream QCoDeS driver.

Programmes go down as one SEQX file (see `seqx`) by the driver's own sendSEQXFile, loadSEQXFile and
setSequenceTrack. Its `play` is not used: it sleeps 100 ms before its first look.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pyvisa.errors
from qcodes.instrument_drivers.tektronix import TektronixAWG5208 as Upstream

from kammerton.bench import Lane
from kammerton.model import InstrumentError, ProgramError
from kammerton.model.roles import Identity, Playlist
from kammerton_drivers.seqx import seqx

log = logging.getLogger(__name__)
T = TypeVar("T")

AMPLITUDE = 1.0
"""V peak to peak of every channel: samples reach from -0.5 V to +0.5 V."""

RESOLUTION = 15
"""Bits of the converter; the sixteenth carries marker 1."""

FILE = "kammerton.seqx"
VISA_TIMEOUT, LOAD_TIMEOUT = 5.0, 60.0
START_TIMEOUT = 10.0
MARGIN = 2.0
"""s beyond the deadline of the session after which a call is taken to hang."""

ERRORS_AT_MOST = 64
FAULTS = (pyvisa.errors.Error, OSError, RuntimeError, ValueError, KeyError)
"""What the upstream driver and pyvisa raise when the box is silent or answers nonsense."""


def connect(name: str, address: str) -> TektronixAwg5208:
    """Open a session; blocking. Changes no output."""
    return TektronixAwg5208(name, address)


class QuietUpstream(Upstream):
    """The upstream driver, saying what it connected to in the log instead of on stdout."""

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Log who answered."""
        log.info("%s is %s", self.name, self.IDN())


class TektronixAwg5208:
    """Fills the role WaveformGenerator. All traffic goes through one lane.

    minimum_samples: the shortest waveform, as the box says.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self._lane = Lane(name)
        self._sample_rate: float | None = None
        try:
            self._awg = self._lane.call(self._open)
            self.minimum_samples = self._lane.call(self._minimum_samples)
        except BaseException:
            self._lane.close()
            raise

    async def identity(self) -> Identity:
        """Ask the box who it is."""
        idn = await self._run("identification", self._awg.IDN.get)
        return Identity(*(idn[key] or "" for key in ("vendor", "model", "serial", "firmware")))

    async def configure(self, sample_rate: float) -> None:
        """Switch all outputs off, lock the clock to 10 MHz, one marker a channel, 1 V peak to peak.

        While the box waits for its trigger it puts out 0 V and marker 1 low: held at their
        first value, the marker that starts the followers would be up too soon.
        """
        await self._run("configuration", self._configure, sample_rate)
        self._sample_rate = sample_rate

    async def load(self, playlist: Playlist) -> None:
        """Stop, then replace everything the box holds by a playlist.

        Raises
        ------
        ProgramError
            A sample lies beyond +-0.5 V, or the playlist has another sample rate than the clock.
        InstrumentError
            The box refuses; in its own words.
        """
        if playlist.sample_rate != self._sample_rate:
            raise ProgramError(
                f"{playlist.name} is for {playlist.sample_rate:.6g} samples a second,"
                f" but {self.name} runs at {self._sample_rate}"
            )
        await self._run(f"loading {playlist.name}", self._load, playlist, timeout=LOAD_TIMEOUT)

    async def enable(self, channels: Sequence[int], *, on: bool) -> None:
        """Switch outputs on or off, verified by read-back."""
        await self._run(f"switching channels {list(channels)}", self._switch, tuple(channels), on)

    async def run(self) -> None:
        """Start; returns when the box waits for its trigger or plays."""
        await self._run("starting", self._start, timeout=START_TIMEOUT)

    async def trigger(self) -> None:
        """Give trigger A, for which the first step waits."""
        await self._run("triggering", self._awg.force_triggerA)

    async def stop(self) -> None:
        """Stop playing."""
        await self._run("stopping", self._awg.stop)

    async def safe(self) -> None:
        """Stop and switch every output off, verified by read-back."""
        await self._run("switching off", self._safe)

    async def close(self) -> None:
        """Close the session; outputs stay as they are."""
        try:
            await self._run("closing", self._awg.close)
        finally:
            await asyncio.to_thread(self._lane.close)

    async def _run(
        self,
        doing: str,
        fn: Callable[..., T],
        *args: Any,
        timeout: float = VISA_TIMEOUT,  # noqa: ASYNC109 - the session's deadline, not the caller's
    ) -> T:
        def call() -> T:
            with self._doing(doing):
                return fn(*args)

        call.__qualname__ = doing
        return await self._lane.run(call, timeout=timeout + MARGIN)

    @contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise InstrumentError(f"{self.name} ({self.address}): {what}: {text}") from error

    def _open(self) -> QuietUpstream:
        with self._doing("connecting"):
            return QuietUpstream(self.name, self.address, visalib="@py", timeout=VISA_TIMEOUT)

    def _minimum_samples(self) -> int:
        with self._doing("asking for the shortest waveform"):
            return int(float(self._awg.ask("WLISt:WAVeform:LMINimum?")))

    def _configure(self, sample_rate: float) -> None:
        awg = self._awg
        self._safe()
        self._errors()
        awg.mode("AWG")
        awg.clock_source("Internal, 10 MHZ ref.")
        awg.sample_rate(sample_rate)
        for channel in awg.channels:
            channel.resolution(RESOLUTION)
            channel.awg_amplitude(AMPLITUDE)
            channel.offset(0.0)
            channel.hold("ZERO")
            channel.marker1_waitvalue("LOW")
        awg.wait_for_operation_to_complete()
        self._check_errors()

    def _load(self, playlist: Playlist) -> None:
        awg = self._awg
        content = seqx(playlist, AMPLITUDE)
        awg.stop()
        self._errors()
        for channel in awg.channels:
            channel.clear_asset()
        awg.clearSequenceList()
        awg.clearWaveformList()
        with awg.timeout.set_to(LOAD_TIMEOUT):
            awg.sendSEQXFile(content, FILE)
            awg.loadSEQXFile(FILE)
        for track, channel in enumerate(playlist.channels, 1):
            awg.channels[channel - 1].setSequenceTrack(playlist.name, track)
        self._check_errors()

    def _start(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        self._awg.write("AWGControl:RUN")
        while self._awg.run_state() == "Stopped":
            self._check_errors()
            if time.monotonic() > deadline:
                raise RuntimeError(f"still stopped after {START_TIMEOUT:g} s")
            time.sleep(0.001)

    def _switch(self, channels: tuple[int, ...], on: bool) -> None:
        for number in channels:
            self._awg.channels[number - 1].state(int(on))
        wrong = [n for n in channels if self._awg.channels[n - 1].state() != int(on)]
        if wrong:
            raise RuntimeError(f"channels {wrong} read back {'off' if on else 'on'}")

    def _safe(self) -> None:
        self._awg.stop()
        self._switch(tuple(range(1, self._awg.num_channels + 1)), on=False)

    def _check_errors(self) -> None:
        if errors := self._errors():
            raise RuntimeError("; ".join(errors))

    def _errors(self) -> list[str]:
        """Empty the error queue and return what was in it."""
        errors: list[str] = []
        while len(errors) < ERRORS_AT_MOST:
            answer = self._awg.ask("SYSTem:ERRor?")
            if int(answer.split(",")[0]) == 0:
                return errors
            errors.append(answer)
        return errors
