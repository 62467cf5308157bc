"""The bench on the simulated laboratory, with the real drivers; judged by the output ledger."""

import asyncio
import gc
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import sleep
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.bench import Bench, open_bench
from kammerton.bench.connect import close_all, connect
from kammerton.lab import Lab, load
from kammerton.model import (
    InstrumentError,
    LabClock,
    OutputRefused,
    Program,
    Pulse,
    Readout,
    Records,
    Wait,
)
from kammerton.model.roles import MicrowaveSource, WaveformGenerator
from kammerton_sim.chip import random_chip
from kammerton_sim.instruments.acquisition import Acquisition
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(random_chip(2, 3)) as laboratory:
        yield laboratory


@pytest.fixture
def lab(laboratory, tmp_path) -> Lab:
    laboratory.world.temperature = 0.012
    path = tmp_path / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
    return load(path)


def changes(laboratory: Laboratory, since: int = 0) -> list[dict[str, object]]:
    return [c for c in laboratory.ledger.since(since) if c["what"] != "connection"]


def on(laboratory: Laboratory) -> list[str]:
    return sorted(name for name, level in laboratory.outputs().items() if level is not None)


def program(lab: Lab, shots: int, points: int = 5, *, keep_shots: bool = False) -> Program:
    """Readout of both qubits while the tones sweep over their resonances."""
    tones = {
        q: lab.resonators[entry.resonator].design["frequency"].value
        + np.linspace(-3e6, 3e6, points)
        for q, entry in lab.qubits.items()
    }
    return Program(
        name="sweep",
        sequences={
            q: (Pulse("gaussian", 0.1, 40e-9, e.drive.carrier + 50e6, sigma=10e-9), Wait(1e-6))
            for q, e in lab.qubits.items()
        },
        readouts={q: Readout(tones[q], 0.045, 1e-6) for q in lab.qubits},
        axis=tones, axis_name="frequency", axis_unit="Hz",
        shots=shots, reset=50e-6, keep_shots=keep_shots,
    )  # fmt: skip


def use(lab: Lab, body: Callable[[Bench], Awaitable[None]], folder: Path | None = None) -> LabClock:
    clock = LabClock()

    async def main() -> None:
        async with open_bench(
            lab, clock, fridge_period=0.02, lock_folder=folder or lab.path.parent
        ) as bench:
            await body(bench)

    asyncio.run(main())
    return clock


async def until_playing(laboratory: Laboratory, running: asyncio.Task[Records]) -> None:
    async with asyncio.timeout(60):
        while not (laboratory.rig.playing or running.done()):  # noqa: ASYNC110 - another thread knows
            await asyncio.sleep(0.001)


def test_i12_connecting_changes_no_output(laboratory, lab):
    async def somebody_leaves_them_on() -> None:
        instruments = await connect(lab)
        for box in instruments.values():
            if isinstance(box, MicrowaveSource):
                await box.enable(on=True)
                assert (await box.settings())[2]  # and so it has arrived
            elif isinstance(box, WaveformGenerator):
                await box.enable([1, 2], on=True)
                await box.state()
        assert await close_all(instruments) == []

    asyncio.run(somebody_leaves_them_on())
    playing, since = laboratory.outputs(), len(laboratory.ledger.since())
    assert {name.partition(".")[0] for name in on(laboratory)} == {"awg1", "drive_lo", "readout_lo"}

    async def main() -> None:
        instruments = await connect(lab)
        assert set(instruments) == set(lab.instruments)
        assert await close_all(instruments) == []

    asyncio.run(main())
    assert changes(laboratory, since) == []
    assert laboratory.outputs() == playing
    assert laboratory.ledger.since(since)  # but somebody was there


def test_a_program_plays_and_is_recorded_from_its_first_point_on(laboratory, lab):
    async def body(bench: Bench) -> None:
        records = await bench.acquire(program(lab, 100))
        for target in lab.qubits:
            blocks = records.blocks[target]
            assert blocks.shape == (20, 5)
            assert np.isfinite(blocks).all()
            scatter = np.abs(blocks - blocks.mean(0)).std()
            assert np.ptp(np.abs(blocks.mean(0))) > 5 * scatter / np.sqrt(20)  # the resonance
        assert not laboratory.rig.playing
        last = laboratory.board.acquisitions[-1].summary()
        assert (last["records"], last["first"], last["late"]) == (500, 0, False)
        assert {name for name in on(laboratory) if name.endswith(".rf")} == {
            "drive_lo.rf",
            "readout_lo.rf",
        }

    use(lab, body)
    assert on(laboratory) == []


@pytest.mark.parametrize("keep_shots", [False, True])
def test_d2_a_record_that_ends_early_counts_as_clipped(laboratory, lab, keep_shots):
    async def body(bench: Bench) -> None:
        number = laboratory.faults.inject("short-record", keep=0.75)
        try:
            records = await bench.acquire(program(lab, 20, keep_shots=keep_shots))
        finally:
            laboratory.faults.clear(number)
        assert records.clipped == pytest.approx(0.25), "what is clipped is never fitted"

    use(lab, body)


def test_shots_and_blocks_of_two_runs_agree(laboratory, lab):
    async def body(bench: Bench) -> None:
        means = (await bench.acquire(program(lab, 200))).blocks
        shots = (await bench.acquire(program(lab, 200, keep_shots=True))).shots
        for target in lab.qubits:
            assert shots[target].shape == (200, 5)
            error = np.abs(shots[target] - shots[target].mean(0)).std() / np.sqrt(100)
            difference = np.abs(shots[target].mean(0) - means[target].mean(0))
            assert (difference < 6 * error).all()

    use(lab, body)


def test_laboratory_and_daemon_agree_on_the_time_that_passed(laboratory, lab, monkeypatch):
    """However long the laboratory works out, as a run ends, in which states the qubits were."""
    seen, states = SimpleNamespace(), Acquisition.states

    def slow(acquisition):
        sleep(0.4)
        return states(acquisition)

    monkeypatch.setattr(Acquisition, "states", slow)

    async def body(bench: Bench) -> None:
        start, there = bench.clock.now(), laboratory.world.clock.now()
        records = await bench.acquire(program(lab, 2000))
        seen.here = (bench.clock.now() - start).total_seconds()
        seen.there = laboratory.world.clock.now() - there
        seen.seconds = records.seconds

    use(lab, body)
    assert seen.here == pytest.approx(seen.there, abs=0.15)
    assert seen.here >= seen.seconds * 0.99


def test_cancelling_in_mid_run_leaves_nothing_on(laboratory, lab):
    async def body(bench: Bench) -> None:
        running = asyncio.create_task(bench.acquire(program(lab, 600_000)))
        await until_playing(laboratory, running)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not laboratory.rig.playing
        assert (await bench.acquire(program(lab, 40))).blocks

    use(lab, body)
    assert on(laboratory) == []


def test_a_warm_fridge_switches_off_in_mid_run(laboratory, lab):
    async def body(bench: Bench) -> None:
        running = asyncio.create_task(bench.acquire(program(lab, 600_000)))
        await until_playing(laboratory, running)
        laboratory.world.temperature = 0.5
        with pytest.raises(OutputRefused, match="drive was switched off: the mixing chamber reads"):
            await running
        async with asyncio.timeout(30):
            while on(laboratory):  # noqa: ASYNC110 - another thread knows
                await asyncio.sleep(0.01)

    use(lab, body)


def test_the_ledger_shows_the_bench_closing_all_outputs(laboratory, lab):
    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        assert on(laboratory)

    since = len(laboratory.ledger.since())
    use(lab, body)
    last = {(c["instrument"], c["output"]): c["new"] for c in changes(laboratory, since)
            if c["what"] == "on"}  # fmt: skip
    assert last
    assert not any(last.values())


def test_a_second_daemon_is_told_who_holds_the_instruments(lab):
    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match=f"in use by process {os.getpid()}, .*lab.toml"):
            async with open_bench(lab, LabClock(), lock_folder=lab.path.parent):
                pytest.fail("two benches on the same instruments")
        assert (await bench.acquire(program(lab, 20))).blocks

    use(lab, body)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_everything_unreachable_is_named_at_once(lab):
    text = lab.path.read_text(encoding="utf-8")
    for port, entry in enumerate(lab.instruments.values(), 1):
        text = text.replace(entry.address, _nowhere(entry.address, port))
    lab.path.write_text(text, encoding="utf-8")

    lines = refusal(load(lab.path)).splitlines()
    for thread in threading.enumerate():
        if thread.name.startswith("lane"):
            thread.join(10)  # it still holds what failed
    gc.collect()  # pyvisa-py leaves sockets that could not connect to the collector
    assert [line.split()[0] for line in lines] == list(lab.instruments)
    assert all("does not connect" in line for line in lines)


def refusal(lab: Lab) -> str:
    """Return the message alone: the exception holds frames that hold sockets."""

    async def body(bench: Bench) -> None:
        pytest.fail("connected to nobody")

    try:
        use(lab, body)
    except InstrumentError as error:
        return str(error)
    pytest.fail("opened")


def _nowhere(address: str, port: int) -> str:
    """Return the address with a port at which nobody listens."""
    if address.startswith("TCPIP"):
        return address[: address.index("hislip0,")] + f"hislip0,{port}::INSTR"
    return f"{address.rpartition(':')[0]}:{port}"
