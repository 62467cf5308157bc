"""Tektronix AWG5208 as a waveform generator, over the upstream QCoDeS driver.

Programmes go down as one SEQX file (see `seqx`) by the driver's own sendSEQXFile, loadSEQXFile and
setSequenceTrack. Its `play` is not used: it sleeps 100 ms before its first look, and its
timeout never comes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from qcodes.instrument_drivers.tektronix import TektronixAWG5208

from kammerton.model import InstrumentError, LastingFault, ProgramError
from kammerton.model.roles import Identity, Playlist, State
from kammerton.model.setup import Setting, sets_up
from kammerton_drivers.line import Careful
from kammerton_drivers.queue import REFERENCE, demand_reference, powered_on, reference_lost
from kammerton_drivers.seqx import seqx
from kammerton_drivers.session import Session
from kammerton_drivers.setup import put

AMPLITUDE = 1.0
"""V peak to peak of every channel: samples reach from -0.5 V to +0.5 V."""

WORDS = "clock_source", "path", "waiting"
"""Settings whose answer is a word."""

RESOLUTION = 15
"""Bits of the converter; the sixteenth carries marker 1."""

REFERENCED = "EFIX"
"""What the box calls its own clock, locked to 10 MHz."""

FILE = "kammerton.seqx"
TIMEOUT, LOAD_TIMEOUT = 5.0, 60.0
LOADED, RATE = 15.0, 1e6
"""s that the box has to load a file, and bytes/s beyond; a lost answer is not waited for longer."""
STATE_TIMEOUT, LOOK_AGAIN = 5.0, 1e-3
ERRORS_AT_MOST = 64


def setup(sample_rate: float) -> tuple[Setting, ...]:
    """Return what `configure` sets once all outputs are off."""
    return (
        Setting("mode", "AWG"),
        Setting("clock_source", "Internal"),
        Setting("clock_source", "Internal, 10 MHZ ref."),
        Setting("sample_rate", sample_rate, "Hz"),
        Setting("channels.resolution", RESOLUTION, "bit"),
        Setting("channels.awg_amplitude", AMPLITUDE, "Vpp"),
        Setting("channels.offset", 0.0, "V"),
        Setting("channels.hold", "ZERO"),
        Setting("channels.marker1_waitvalue", "LOW"),
    )


@sets_up(setup)
def connect(name: str, address: str) -> Awg5208:
    """Connect to a generator by its VISA address; its outputs stay as they are.

    Raises
    ------
    InstrumentError
        Nobody answers there, or another instrument does.
    """
    generator = Awg5208(name, address)
    generator.session.connect()
    return generator


class Awg5208:
    """A WaveformGenerator. minimum_samples: the shortest waveform, as the box says."""

    minimum_samples = 2400

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.session = Session(name, address, self._open, guarded=True)
        self._sample_rate: float | None = None
        self._configured: TektronixAWG5208 | None = None

    @property
    def doubt(self) -> str | None:
        """What was lost since the outputs were last verified; None: nothing."""
        return self.session.doubt

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def configure(self, sample_rate: float) -> None:
        """Stop, outputs off; then lock the clock to 10 MHz and set levels and resolution.

        The clock is set to the box's own first, so that it looks for the reference anew.

        While the box waits for its trigger it puts out 0 V and marker 1 low: held at its first
        value, the marker that starts the followers would be up before they are triggered.
        """
        self._sample_rate = None
        await self.session.do("configure", lambda awg: self._configure(awg, sample_rate))
        self._sample_rate = sample_rate

    async def load(self, playlist: Playlist) -> None:
        """Stop, then replace everything the box holds by a playlist.

        Configures first where the session had to be opened anew: the box may have lost its power.

        Raises
        ------
        ProgramError
            A sample lies beyond +-0.5 V, or the playlist has another sample rate than the clock.
        InstrumentError
            The box refuses; in its own words.
        """
        if playlist.sample_rate != self._sample_rate:
            raise ProgramError(
                f"{playlist.name} is made for {playlist.sample_rate:.9g} samples a second, but"
                f" {self.name} is set to {self._sample_rate}"
            )
        await self.session.do(
            f"load {playlist.name}",
            lambda awg: self._load(awg, playlist),
            deadline=2 * LOAD_TIMEOUT,
        )

    async def enable(self, channels: Sequence[int], *, on: bool) -> None:
        """Switch outputs on or off, and read back that they are."""
        await self.session.do(
            f"switch {'on' if on else 'off'}", lambda awg: self._switch(awg, channels, on=on)
        )

    async def run(self) -> None:
        """Start; returns when the box waits for its trigger or plays."""
        await self.session.do("start", self._start)

    async def trigger(self) -> None:
        """Give trigger A, for which the first step waits."""
        await self.session.do("trigger", lambda awg: awg.force_triggerA())

    async def stop(self) -> None:
        """Stop playing; returns when the box says that it has stopped."""
        await self.session.do("stop", self._stop, in_doubt=True)

    async def state(self) -> State:
        """Ask for clock, levels, resolutions and outputs of all channels; nothing changes."""
        return await self.session.read("read all settings", _state)

    async def errors(self) -> list[str]:
        """Empty the error queue and return what was in it."""
        return await self.session.do("read errors", _errors, in_doubt=True)

    def remedy(self, error: str) -> str | None:
        """Return what to see to when an error speaks of the reference; all others are events."""
        return reference_lost(error)

    async def safe(self) -> None:
        """Stop and switch every output off, and read back that they are."""
        await self.session.do("switch off", self._all_off, verifies=True)

    async def close(self) -> None:
        """Close the session; outputs stay as they are."""
        await self.session.close()

    def _open(self, label: str) -> TektronixAWG5208:
        awg = _Generator(label, self.session.address, visalib="@py", timeout=TIMEOUT)
        try:
            self.minimum_samples = int(float(awg.ask("WLISt:WAVeform:LMINimum?")))
        except BaseException:
            awg.close()
            raise
        return awg

    def _configure(self, awg: TektronixAWG5208, sample_rate: float) -> None:
        self._all_off(awg)
        _errors(awg)  # of whoever used the box before
        put(awg, setup(sample_rate))
        awg.wait_for_operation_to_complete()
        self._check(awg, "configure")
        self._taken(awg, sample_rate)
        self._configured = awg

    def _taken(self, awg: TektronixAWG5208, sample_rate: float) -> None:
        """Read back what was set: a level that the box silently keeps scales every pulse.

        A box that takes all but the common 10 MHz has none.
        """
        wanted = {"clock_rate": sample_rate, **_wanted(awg.num_channels)}
        found = _state(awg)
        wrong = [
            f"{key} is {found[key]} instead of {value}"
            for key, value in wanted.items()
            if not _as_set(found[key], value)
        ]
        if not str(found["clock_source"]).startswith(REFERENCED):
            own = f"clock_source is {found['clock_source']} instead of {REFERENCED}"
            if not wrong:  # else it was not set at all
                raise LastingFault(own, REFERENCE, instrument=self.name)
            wrong.append(own)
        if wrong:
            raise self._error("configure", f"reads back otherwise: {', '.join(wrong)}")

    def _load(self, awg: TektronixAWG5208, playlist: Playlist) -> None:
        content = seqx(playlist, AMPLITUDE)
        if awg is not self._configured:
            self._configure(awg, playlist.sample_rate)
        self._stop(awg)
        demand_reference(self.name, _errors(awg))  # lost since the run before
        for channel in awg.channels:
            channel.clear_asset()
        awg.clearSequenceList()
        awg.clearWaveformList()
        with awg.timeout.set_to(min(LOADED + len(content) / RATE, LOAD_TIMEOUT)):
            awg.sendSEQXFile(content, FILE)
            awg.loadSEQXFile(FILE)
        for track, number in enumerate(playlist.channels, 1):
            awg.channels[number - 1].setSequenceTrack(playlist.name, track)
        self._check(awg, f"load {playlist.name}")

    def _start(self, awg: TektronixAWG5208) -> None:
        awg.write("AWGControl:RUN")
        self._await_state(awg, "start", {"Waiting for trigger", "Running"})

    def _stop(self, awg: TektronixAWG5208) -> None:
        awg.stop()
        self._await_state(awg, "stop", {"Stopped"})

    def _await_state(self, awg: TektronixAWG5208, action: str, states: set[str]) -> None:
        deadline = time.monotonic() + STATE_TIMEOUT
        while (state := awg.run_state.get()) not in states:
            self._check(awg, action)
            if time.monotonic() > deadline:
                raise self._error(action, f"still {state.lower()} after {STATE_TIMEOUT:g} s")
            time.sleep(LOOK_AGAIN)

    def _switch(self, awg: TektronixAWG5208, channels: Sequence[int], *, on: bool) -> None:
        states = [awg.channels[number - 1].state for number in channels]
        for state in states:
            state.set(int(on))
        wrong = [n for n, state in zip(channels, states, strict=True) if state.get() != int(on)]
        if wrong:
            raise self._error("switch", f"channels {wrong} stay {'off' if on else 'on'}")

    def _all_off(self, awg: TektronixAWG5208) -> None:
        everything = range(1, awg.num_channels + 1)
        try:
            self._stop(awg)
        except InstrumentError:  # said by the box, which plays on or complains: off all the same
            self._switch(awg, everything, on=False)
            raise
        self._switch(awg, everything, on=False)

    def _check(self, awg: TektronixAWG5208, action: str) -> None:
        if errors := _errors(awg):
            demand_reference(self.name, errors)
            raise self._error(action, "; ".join(errors))

    def _error(self, action: str, cause: str) -> InstrumentError:
        return InstrumentError(f"{self.name} ({self.session.address}): {action}: {cause}")


class _Generator(Careful, TektronixAWG5208):
    """The upstream driver, which would greet on stdout."""

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing; the constructor has already checked the model."""


def _as_set(found: float | str | bool, value: float | str) -> bool:
    """Return whether an answer is what was set."""
    if isinstance(value, str):
        return found == value
    return math.isclose(float(found), value, rel_tol=1e-6, abs_tol=1e-9)


def _wanted(channels: int) -> dict[str, float | str]:
    """Return what `configure` sets each channel to."""
    each: dict[str, float | str] = {
        "amplitude": AMPLITUDE, "offset": 0.0, "resolution": RESOLUTION,
        "waiting_level": "ZERO", "waiting_marker": "LOW",
    }  # fmt: skip
    return {f"{k}.{n}": value for n in range(1, channels + 1) for k, value in each.items()}


def _state(awg: TektronixAWG5208) -> State:
    """Ask for everything in one message: 58 questions one by one take as many round trips."""
    names = ["clock_rate", "clock_source"]
    questions = ["CLOCk:SRATe?", ":CLOCk:SOURce?"]
    for n in range(1, awg.num_channels + 1):
        names += [f"amplitude.{n}", f"offset.{n}", f"resolution.{n}", f"on.{n}"]
        names += [f"path.{n}", f"waiting_level.{n}", f"waiting_marker.{n}"]
        questions += [
            f":SOURce{n}:VOLTage?",
            f":SOURce{n}:VOLTage:LEVel:IMMediate:OFFSet?",
            f":SOURce{n}:DAC:RESolution?",
            f":OUTPut{n}:STATe?",
            f":OUTPut{n}:PATH?",
            f":OUTPut{n}:WVALue:ANALog:STATe?",
            f":OUTPut{n}:WVALue:MARKer1?",
        ]
    answers = awg.ask(";".join(questions)).split(";")
    if len(answers) != len(names):
        raise InstrumentError(f"{awg.name} gave {len(answers)} of {len(names)} settings")
    settings = {n: _setting(n, answer) for n, answer in zip(names, answers, strict=True)}
    return {**settings, "power_on": powered_on(awg)}


def _setting(name: str, answer: str) -> float | str | bool:
    if name.startswith(WORDS):
        return answer.strip()
    return bool(float(answer)) if name.startswith("on.") else float(answer)


def _errors(awg: TektronixAWG5208) -> list[str]:
    """Empty the error queue and return what was in it."""
    errors: list[str] = []
    while len(errors) < ERRORS_AT_MOST:
        answer = awg.ask("SYSTem:ERRor?")
        if int(answer.split(",")[0]) == 0:
            break
        errors.append(answer)
    return errors
