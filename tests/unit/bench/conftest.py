"""A laboratory of fakes: roles that remember what they were told, and can be made to fail."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.bench import NoTriggers
from kammerton.lab import (
    Channel,
    Feedline,
    InstrumentEntry,
    Interlock,
    IqLine,
    Lab,
    Limit,
    PiPulse,
    ReadoutPulse,
    Sync,
)
from kammerton.model import InstrumentError, LabClock, Program, Readout
from kammerton.model.roles import Capture, Identity, Playlist, PlayStep, Waveform
from kammerton.program.compiled import Compiled, Window

SAMPLES, POINTS = 256, 3
LSB = 0.4 / 32768


class Log(list[tuple[str, ...]]):
    """What all instruments were told, in order."""

    def of(self, name: str) -> list[tuple[str, ...]]:
        return [entry[1:] for entry in self if entry[0] == name]


@dataclass
class Fake:
    name: str
    log: Log
    closed: bool = False
    fail: dict[str, Exception] = field(default_factory=dict)
    hang: set[str] = field(default_factory=set)

    async def did(self, *what: object) -> None:
        self.log.append((self.name, *map(str, what)))
        if str(what[0]) in self.hang:
            await asyncio.Event().wait()
        if error := self.fail.get(str(what[0])):
            raise error
        await asyncio.sleep(0)

    async def identity(self) -> Identity:
        return Identity("none", "fake", self.name, "0")

    async def safe(self) -> None:
        await self.did("safe")

    async def close(self) -> None:
        self.closed = True
        await self.did("close")


@dataclass
class FakeGenerator(Fake):
    minimum_samples: int = 2400
    on: set[int] = field(default_factory=set)
    playing: bool = False
    armed: bool = False

    async def configure(self, sample_rate: float) -> None:
        await self.did("configure", sample_rate)

    async def load(self, playlist: Playlist) -> None:
        await self.did("load", playlist.name)

    async def enable(self, channels: Sequence[int], *, on: bool) -> None:
        await self.did("enable", list(channels), on)
        self.on = self.on | set(channels) if on else self.on - set(channels)

    async def run(self) -> None:
        await self.did("run")
        self.armed = True

    async def trigger(self) -> None:
        await self.did("trigger")
        self.playing = True

    async def stop(self) -> None:
        await self.did("stop")
        self.playing = self.armed = False

    async def safe(self) -> None:
        await super().safe()
        self.playing = self.armed = False
        self.on.clear()


@dataclass
class FakeSource(Fake):
    hz: float = 1e9
    dbm: float = -100.0
    on: bool = False
    ignores_off: bool = False
    ignores_on: bool = False
    offset: float = 0.0

    async def configure(self) -> None:
        await self.did("configure")

    async def set_frequency(self, hz: float) -> None:
        await self.did("frequency", hz)
        self.hz = hz + self.offset

    async def set_power(self, dbm: float) -> None:
        await self.did("power", dbm)
        self.dbm = dbm

    async def enable(self, *, on: bool) -> None:
        await self.did("enable", on)
        self.on = (self.on and self.ignores_off) or (on and not self.ignores_on)

    async def settings(self) -> tuple[float, float, bool]:
        return self.hz, self.dbm, self.on

    async def safe(self) -> None:
        await super().safe()
        self.on = self.on and self.ignores_off


@dataclass
class FakeFridge(Fake):
    kelvin: float = 0.012
    reads: int = 0

    async def temperature(self) -> float:
        await self.did("temperature")
        self.reads += 1
        return self.kelvin


@dataclass
class FakeDigitizer(Fake):
    """Records constant codes: channel A holds the point, B the turn; `codes` may replace it."""

    volts_per_code: float = LSB
    zero_code: int = 32768
    granularity: int = 128
    generator: FakeGenerator | None = None
    silent: bool = False
    pause: float = 0.0
    arming: float = 0.0
    skip: int = -1
    codes: Callable[[int], tuple[np.ndarray, np.ndarray]] | None = None
    captures: list[Capture] = field(default_factory=list)

    async def configure(self, sample_rate: float) -> None:
        await self.did("configure", sample_rate)

    async def acquire(
        self, capture: Capture, armed: Callable[[], Awaitable[None]], sink: Callable[..., None]
    ) -> None:
        self.captures.append(capture)
        await self.did("acquire")
        await asyncio.sleep(self.arming)
        await armed()
        if self.silent or not (self.generator and self.generator.playing):
            raise NoTriggers(f"{self.name}: no triggers within {capture.timeout:g} s")
        for index in range(capture.buffers):
            if index != self.skip:
                sink(*self._buffer(capture, index), index)
            await asyncio.sleep(self.pause)

    def _buffer(self, capture: Capture, index: int) -> tuple[np.ndarray, np.ndarray]:
        numbers = index * capture.records_per_buffer + np.arange(capture.records_per_buffer)
        a, b = np.empty((2, numbers.size, capture.samples), np.uint16)
        for row, number in enumerate(numbers):
            a[row], b[row] = self.codes(number) if self.codes else (32768 + 100, 32768)
        return a, b


def line(i: int, q: int, source: str) -> IqLine:
    return IqLine(Channel("awg", i), Channel("awg", q), source, 5e9, 10.0)


def make_lab(**changes: object) -> Lab:
    limits = {"frequency": Limit(4e9, 8e9, 1e12), "power": Limit(-20.0, 16.0, 1e3)}
    entry = InstrumentEntry
    lab = Lab(
        computer="fake",
        path=Path("lab.toml"),
        database=Path("k.sqlite"),
        data=Path("runs"),
        sample_rate=1e9,
        instruments={
            "awg": entry("awg", "generator", "addr-awg", {"volts": Limit(-0.5, 0.5, 1e9)}, 7),
            "lo": entry("lo", "source", "addr-lo", limits, 12),
            "dig": entry("dig", "digitizer", "addr-dig", {}, 18),
            "fridge": entry("fridge", "fridge", "addr-fridge", {}, 22),
        },
        qubits={},
        resonators={},
        feedlines={
            "feed0": Feedline("feed0", line(5, 6, "lo"), "dig", Channel("awg", 5), 64e-9),
        },
        sync=Sync("awg", Channel("awg", 1), ()),
        pi_pulse=PiPulse(40e-9, 10e-9),
        readout=ReadoutPulse(1e-6, 300e-6),
        interlock=Interlock("fridge", 0.050, 0.100, 30.0, rearm_readings=1),
    )
    return replace(lab, **changes)


def make_compiled(
    peak: float = 0.2,
    weights: np.ndarray | None = None,
    carrier: tuple[float, float] = (7e9, 13.0),
    volts: np.ndarray | None = None,
    samples: int = SAMPLES,
    name: str = "t1",
) -> Compiled:
    if weights is None:
        weights = np.full((1, samples, 1), 1 / samples, np.complex64)
    volts = np.full(2400, peak, np.float32) if volts is None else volts
    step = PlayStep(("w", "w"), wait_trigger=True)
    targets = tuple(f"q{n}" for n in range(weights.shape[2]))
    return Compiled(
        playlists={"awg": Playlist(name, (5, 6), {"w": Waveform(volts)}, (step,), 1e9)},
        window=Window("feed0", "dig", samples, targets, weights),
        carriers={"lo": carrier},
        peaks={Channel("awg", 5): peak, Channel("awg", 6): peak},
        points=POINTS,
        turn_seconds=1e-3,
    )


def make_program(shots: int = 40, *, keep_shots: bool = False) -> Program:
    return Program(
        name="t1",
        sequences={"q0": ()},
        readouts={"q0": Readout(7e9, 0.1, 1e-6)},
        axis={"q0": np.arange(float(POINTS))},
        axis_name="delay",
        axis_unit="s",
        shots=shots,
        reset=300e-6,
        keep_shots=keep_shots,
    )


@dataclass
class FakeLab:
    """The instruments of `make_lab`, and drivers that hand them out."""

    log: Log = field(default_factory=Log)
    clock: LabClock = field(default_factory=LabClock)

    def __post_init__(self) -> None:
        self.awg = FakeGenerator("awg", self.log)
        self.lo = FakeSource("lo", self.log)
        self.dig = FakeDigitizer("dig", self.log, generator=self.awg)
        self.fridge = FakeFridge("fridge", self.log)

    @property
    def instruments(self) -> dict[str, Fake]:
        return {"awg": self.awg, "lo": self.lo, "dig": self.dig, "fridge": self.fridge}

    @property
    def drivers(self) -> dict[str, Callable[[], Callable[[str, str], Fake]]]:
        give = lambda name, address: self.instruments[name]  # noqa: E731
        return {n: lambda: give for n in ("generator", "source", "digitizer", "fridge")}

    @property
    def anything_on(self) -> bool:
        return bool(self.awg.on or self.awg.playing or self.lo.on)


@pytest.fixture
def fake() -> FakeLab:
    return FakeLab()


@pytest.fixture
def make() -> SimpleNamespace:
    return SimpleNamespace(
        lab=make_lab, compiled=make_compiled, program=make_program, line=line,
        nan=math.nan, error=InstrumentError, samples=SAMPLES, points=POINTS, lsb=LSB,
    )  # fmt: skip
