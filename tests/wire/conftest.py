"""A laboratory with countable records in place of physics, and the unchanged upstream drivers."""

from __future__ import annotations

import ctypes
import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from qcodes.instrument_drivers.AlazarTech import AlazarTechATS9360
from qcodes.instrument_drivers.AlazarTech.ATS import AcquisitionController
from qcodes.instrument_drivers.oxford import OxfordTriton
from qcodes.instrument_drivers.rohde_schwarz import RohdeSchwarzSGS100A
from qcodes.instrument_drivers.tektronix import TektronixAWG5208

from kammerton_sim.board import SimBoard, open_board
from kammerton_sim.chip import random_chip
from kammerton_sim.command import run as command
from kammerton_sim.fridge import Refrigerator
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.world import LaboratoryClock

SIZE = 2400


class CountingPlayback:
    """Record n is n + 1 in channel A and its trigger's number in B, times 16."""

    def __init__(self, triggers: int, samples: int) -> None:
        self.triggers, self.samples, self.turn_seconds = triggers, samples, 0.25

    def records(self, first: int, a: Any, b: Any) -> None:
        assert a.shape == b.shape
        assert a.shape[1] == self.samples
        number = np.arange(first, first + a.shape[0])
        a[:] = 16 * (number[:, None] + 1)
        b[:] = 16 * (number[:, None] % self.triggers)
        a[:, 0] = 7  # where the record begins

    def states_of(self, first: int, count: int) -> Any:
        return (np.arange(first, first + count)[:, None] % 2).astype(np.uint8)


class CountingWorld:
    """A world without physics: it only looks for the trigger marker."""

    def __init__(self) -> None:
        self.clock = LaboratoryClock(1e9)
        self.refrigerator = Refrigerator(self.clock.now)
        self.plays: list[tuple[Any, Any]] = []

    def play(
        self, outputs: Any, carriers: Any, samples: int, feedline: int = 0
    ) -> CountingPlayback:
        self.plays.append((outputs, carriers))
        channel = outputs["awg1", 3]  # where the marker of a one-qubit chip is
        marked = [s for s in channel.loop if s.wave.markers is not None and s.wave.markers.any()]
        usable = channel.on and channel.resolution <= 15
        return CountingPlayback(sum(s.repeats for s in marked) if usable else 0, samples)

    def truth(self, parameter: str, at: float | None = None, **extra: Any) -> float:
        if parameter == "q0.nan":
            return float("nan")
        if parameter != "q0.t1":
            raise KeyError(parameter)
        return 50e-6 if at is None else at


@pytest.fixture
def world() -> CountingWorld:
    return CountingWorld()


@pytest.fixture
def laboratory(world: CountingWorld) -> Iterator[Laboratory]:
    with Laboratory(random_chip(1, 3), world=world) as laboratory:  # type: ignore[arg-type]
        yield laboratory


@pytest.fixture
def ask(laboratory: Laboratory) -> Callable[..., Any]:
    """Ask the control socket."""

    def ask(**request: Any) -> Any:
        with socket.create_connection(("127.0.0.1", laboratory.ports["control"]), 5) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile() as reader:
                return json.loads(reader.readline())

    return ask


def visa(laboratory: Laboratory, name: str) -> str:
    return f"TCPIP0::127.0.0.1::hislip0,{laboratory.ports[name]}::INSTR"


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    logging.getLogger("qcodes").setLevel(logging.ERROR)
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def upstream_awg() -> Iterator[list[TektronixAWG5208]]:
    """The upstream driver, made once: its 258 parameters take longer than most of the tests."""
    made: list[TektronixAWG5208] = []
    yield made
    for awg in made:
        awg.close()


@pytest.fixture
def awg(
    laboratory: Laboratory, closing: ExitStack, upstream_awg: list[TektronixAWG5208]
) -> TektronixAWG5208:
    """The driver on this laboratory, with nothing left of the last one."""
    address = visa(laboratory, "awg1")
    if not upstream_awg:
        made = TektronixAWG5208("upstream_awg", address, visalib="@py", device_clear=False)
        upstream_awg.append(made)
    else:
        (made,) = upstream_awg
        made.set_address(address, "@py")
        made.visa_handle.write_termination = "\n"
        made.visa_handle.read_termination = "\n"
        made.timeout(TektronixAWG5208.default_timeout)
        made.invalidate_cache()
    closing.callback(made.visa_handle.close)
    return made


@pytest.fixture
def source(laboratory: Laboratory, closing: ExitStack) -> RohdeSchwarzSGS100A:
    source = RohdeSchwarzSGS100A(
        "drive_lo", visa(laboratory, "drive_lo"), visalib="@py", device_clear=False
    )
    closing.callback(source.close)
    return source


@pytest.fixture
def triton(laboratory: Laboratory, closing: ExitStack) -> OxfordTriton:
    triton = OxfordTriton("fridge", "127.0.0.1", laboratory.ports["fridge"])
    closing.callback(triton.close)
    return triton


class Digitizer(AlazarTechATS9360):
    """The upstream driver, posting memory that stays alive."""

    def allocate_and_post_buffer(self, sample_type: Any, n_bytes: int) -> Any:
        memory = self.api.memory(sample_type, n_bytes)
        self.api.post_async_buffer(self._handle, ctypes.c_void_p(memory.addr), memory.size_bytes)
        return memory


class Collector(AcquisitionController[Any]):
    """Keeps every record; `start` is called when the board listens."""

    def __init__(self, start: Callable[[], object]) -> None:
        super().__init__("collector", "digitizer")
        self.start, self.parts, self.done = start, [], 0

    def pre_acquire(self) -> None:
        self.start()

    def buffer_done_callback(self, buffers_completed: int) -> None:
        self.done = buffers_completed + 1

    def handle_buffer(self, buffer: Any, buffer_number: int | None = None) -> None:
        self.parts.append(buffer.copy())

    def post_acquire(self) -> Any:
        return self.parts


@pytest.fixture(params=["shared", "socket"])
def board(request: Any, laboratory: Laboratory, closing: ExitStack) -> SimBoard:
    address = f"sim://127.0.0.1:{laboratory.ports['board']}?bulk={request.param}"
    return closing.enter_context(open_board(address))


def configured(board: SimBoard, closing: ExitStack, kind: type = Digitizer) -> Any:
    digitizer = kind("digitizer", api=board)
    closing.callback(digitizer.close)
    with digitizer.syncing():
        digitizer.clock_source("EXTERNAL_CLOCK_10MHz_REF")
        digitizer.external_sample_rate(1_000_000_000)
        digitizer.trigger_source1("EXTERNAL")
        digitizer.trigger_source2("DISABLE")
    return digitizer


@pytest.fixture
def digitizer(board: SimBoard, closing: ExitStack) -> Any:
    return configured(board, closing)


def acquire(
    digitizer: Any, start: Callable[[], object], records: int = 10, buffers: int = 6, **more: Any
) -> Any:
    """Return channel A and B, (records, samples) each, all buffers in order."""
    collector = Collector(start)
    try:
        parts = digitizer.acquire(
            mode="NPT",
            samples_per_record=256,
            records_per_buffer=records,
            buffers_per_acquisition=buffers,
            allocated_buffers=min(4, buffers),
            buffer_timeout=more.pop("timeout", 2000),
            acquisition_controller=collector,
            **more,
        )
    finally:
        collector.close()
    both = np.stack([part.reshape(2, records, 256) for part in parts], axis=1)
    return both.reshape(2, -1, 256)


def table(points: int) -> tuple[dict[str, Any], list[tuple[list[str], int, int, int]]]:
    """Waves and steps of a program: wait for the trigger, then `points` readouts in a loop."""
    tick = np.zeros(SIZE)
    tick[:100] = 1
    zero, pulse = np.zeros(SIZE), np.zeros(SIZE)
    pulse[-40:] = 0.2
    waves = {"zero": (zero, None), "pulse": (pulse, None), "tick": (zero + 0.05, tick),
             "go": (zero, tick)}  # fmt: skip
    steps = [(["go", "zero", "zero", "zero"], 1, 1, 0)]
    for point in range(points):
        steps.append((["pulse", "zero", "zero", "zero"], 1, 0, 0))
        steps.append((["zero", "zero", "tick", "zero"], 1, 0, 0))
        steps.append((["zero"] * 4, 3, 0, 2 if point == points - 1 else 0))
    return waves, steps


def upload(awg: TektronixAWG5208, points: int = 5, resolution: int = 15) -> None:
    """The whole way that upstream's driver offers: make, send and load a SEQX file, assign."""
    waves, steps = table(points)
    arrays = {
        name: np.array([samples, np.zeros(SIZE) if marker is None else marker])
        for name, (samples, marker) in waves.items()
    }
    content = TektronixAWG5208.makeSEQXFile(
        [s[2] for s in steps], [s[1] for s in steps], [0] * len(steps), [0] * len(steps),
        [s[3] for s in steps], [[arrays[s[0][t]].copy() for s in steps] for t in range(4)],
        [1.0] * 4, "program",
    )  # fmt: skip
    awg.sendSEQXFile(content, "program.seqx")
    awg.loadSEQXFile("program.seqx")
    awg.sample_rate(1e9)
    for track in range(4):
        channel = awg.channels[track]
        channel.resolution(resolution)
        channel.awg_amplitude(1.0)
        channel.marker1_waitvalue("LOW")
        channel.setSequenceTrack("program", track + 1)
        channel.state(1)
    settle(awg)


def run(awg: TektronixAWG5208) -> None:
    """Start; upstream's `play` would sleep 100 ms."""
    awg.play(wait_for_running=False)
    settle(awg)


def trigger(awg: TektronixAWG5208) -> None:
    awg.force_triggerA()
    settle(awg)


@pytest.fixture
def playing(awg: TektronixAWG5208) -> Callable[[], None]:
    """A generator that waits for its trigger; called, it is triggered."""
    upload(awg)
    run(awg)
    return lambda: trigger(awg)


def halt(awg: TektronixAWG5208) -> None:
    awg.stop()
    settle(awg)


def settle(instrument: Any) -> None:
    """Wait until everything written has been carried out: a write does not wait for it."""
    instrument.ask("*OPC?")


def errors(instrument: Any) -> list[str]:
    """Empty the error queue."""
    found = []
    while not (answer := instrument.ask("SYSTem:ERRor?")).startswith("0,"):
        found.append(answer)
    return found


@pytest.fixture
def ctl(laboratory, capsys):
    """Run a command; returns (exit code, stdout, stderr)."""

    def ctl(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()  # upstream's drivers greet
        port = str(laboratory.ports["control"])
        code = command(["ctl", "--control", port, *arguments])
        return code, *capsys.readouterr()

    return ctl


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
