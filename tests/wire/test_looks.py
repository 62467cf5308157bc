"""Rows I7 and I10 while nothing is measured: what happens at the rack then is found by a look.

The unchanged drivers on simulated boxes; judged by what the bench says and by the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from kammerton.bench import Bench, guard, open_bench
from kammerton.lab import Lab, load
from kammerton.model import InstrumentError, LabClock, SettingsChanged
from kammerton.model.roles import State
from kammerton_drivers.rohde_schwarz_sgs100a import Sgs100a
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.wire.test_bench_on_the_laboratory import program, use


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(random_chip(2, 3)) as laboratory:
        yield laboratory


@pytest.fixture
def lab(laboratory, tmp_path, monkeypatch) -> Iterator[Lab]:
    monkeypatch.setattr(guard, "PAUSE", 0.0)
    path = tmp_path / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
    yield load(path)
    laboratory.faults.clear(None)


@dataclass(frozen=True)
class Held:
    """A person's hold."""

    scope: str
    owner: str
    why: str
    until: datetime | None


def panel(laboratory: Laboratory, instrument: str, setting: str, value: str) -> None:
    laboratory.faults.inject("front-panel", instrument=instrument, setting=setting, value=value)


async def found(bench: Bench, words: str) -> frozenset[str]:
    """Look and find something; bring it back; return whose settings were lost or changed."""
    with pytest.raises(SettingsChanged, match=words) as change:
        await bench.look()
    lost = await bench.recover(change.value)
    await bench.look()
    return lost


def test_i10_what_is_switched_on_by_hand_goes_off_though_nothing_was_ever_measured(laboratory, lab):
    async def body(bench: Bench) -> None:
        assert await bench.look()
        panel(laboratory, "drive_lo", "on", "1")
        assert laboratory.outputs()["drive_lo.rf"] is not None
        with pytest.raises(SettingsChanged, match="drive_lo is not set as it was: output is on"):
            await bench.look()
        assert laboratory.outputs()["drive_lo.rf"] is None
        laboratory.generators["awg1"].receive(b"OUTP3:STAT 1")
        with pytest.raises(SettingsChanged, match="awg1 is not set as it was: output 3 is on"):
            await bench.look()
        assert laboratory.outputs()["awg1.3"] is None

    use(lab, body)


def test_i7_i10_between_two_runs_a_look_finds_a_hand_and_a_power_cycle(laboratory, lab):
    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        since = len(laboratory.ledger.since())
        for _ in range(3):
            await bench.look()
        assert [c for c in laboratory.ledger.since(since) if c["what"] == "on"] == []
        panel(laboratory, "drive_lo", "power", "3")
        assert await found(bench, "drive_lo is not set as it was: power is 3 dBm") == {"drive_lo"}
        laboratory.faults.inject("power-cycle", instrument="awg1")
        with pytest.raises(InstrumentError) as away:
            await bench.look()
        assert "awg1" in await bench.recover(away.value)
        await bench.look()
        assert set((await bench.acquire(program(lab, 40))).blocks) == set(lab.qubits)

    use(lab, body)


def test_i7_a_rack_that_lost_its_power_between_two_runs_is_nobodys_hand(laboratory, lab):
    """Each box tells its power cycle once, and only the first failure of a look is raised."""

    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        for name in ("drive_lo", "readout_lo"):
            laboratory.faults.inject("power-cycle", instrument=name)
        assert await found(bench, "was switched off and on") == {"drive_lo", "readout_lo"}
        assert "somebody else" not in {change.who for change in bench.gate.changes}
        await bench.acquire(program(lab, 40))
        await bench.look()

    use(lab, body)


def test_a_source_whose_tuning_was_broken_off_is_nobodys_hand(laboratory, lab):
    async def body(bench: Bench) -> None:
        source, on_its_way = bench.instruments["drive_lo"], asyncio.Event()

        async def slow(hz: float) -> None:  # the power is set by then
            on_its_way.set()
            await asyncio.Event().wait()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(source, "set_frequency", slow)
            run = asyncio.create_task(bench.acquire(program(lab, 40)))
            await on_its_way.wait()
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
        await bench.look()
        await bench.acquire(program(lab, 40))
        panel(laboratory, "drive_lo", "power", "3")
        assert await found(bench, "drive_lo is not set as it was: power is 3 dBm") == {"drive_lo"}

    use(lab, body)


@pytest.mark.parametrize("instrument", ["drive_lo", "awg1"])
def test_i7_a_power_cycle_before_the_first_run_is_told_and_that_run_is_not_believed(
    laboratory, lab, instrument
):
    async def body(bench: Bench) -> None:
        assert cycled(bench) == set()
        laboratory.faults.inject("power-cycle", instrument=instrument)
        with pytest.raises(InstrumentError) as failure:
            await bench.acquire(program(lab, 40))
        assert await bench.recover(failure.value) == {instrument}
        assert "power cycle" in {c.who for c in bench.gate.changes}
        assert set((await bench.acquire(program(lab, 40))).blocks) == set(lab.qubits)

    use(lab, _nothing)  # whoever was first has asked who was switched on
    use(lab, body)


def test_what_a_person_holds_is_let_alone_by_a_look_that_is_under_way(laboratory, lab):
    """Whoever was told that it is theirs may switch it on before the look has come to it."""
    holds: list[Held] = []

    async def start() -> None:
        async with open_bench(
            lab, LabClock(), lock_folder=lab.path.parent, holds=lambda: holds
        ) as bench:
            source = bench.instruments["drive_lo"]
            state = source.state

            async def meanwhile() -> State:
                holds.append(Held("drive_lo", "ann", "two-tone", None))
                panel(laboratory, "drive_lo", "on", "1")
                return await state()

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(source, "state", meanwhile)
                assert not await bench.look()
            assert laboratory.outputs()["drive_lo.rf"] is not None
            assert "somebody else" not in {c.who for c in bench.gate.changes}

    asyncio.run(start())


async def _nothing(bench: Bench) -> None:
    pass


def cycled(bench: Bench) -> set[str]:
    """Return who was found to have been switched off and on."""
    return {change.what for change in bench.gate.changes if change.new == "switched off and on"}


def test_i7_who_was_switched_off_and_on_while_no_daemon_ran_is_known_at_the_next_start(
    laboratory, lab
):
    async def body(bench: Bench) -> None:
        assert cycled(bench) == {"drive_lo", "awg1"}

    use(lab, _nothing)
    for name in ("drive_lo", "awg1"):
        laboratory.faults.inject("power-cycle", instrument=name)
    use(lab, body)


@pytest.mark.parametrize("act", ["state", "configure"])
def test_i7_an_instrument_that_fails_at_the_start_hides_no_power_cycle_of_another(
    laboratory, lab, monkeypatch, act
):
    """Who was switched off and on says so only once."""
    told: list[frozenset[str]] = []
    does = getattr(Sgs100a, act)

    async def boots(source: Sgs100a) -> object:
        if source.name == "readout_lo":
            raise InstrumentError("readout_lo boots", instrument="readout_lo")
        return await does(source)

    async def on_restart(names: frozenset[str]) -> None:
        told.append(names)

    async def start() -> None:
        async with open_bench(
            lab, LabClock(), lock_folder=lab.path.parent, on_restart=on_restart
        ) as bench:
            await _nothing(bench)

    use(lab, _nothing)
    laboratory.faults.inject("power-cycle", instrument="drive_lo")
    monkeypatch.setattr(Sgs100a, act, boots)
    with pytest.raises(InstrumentError, match="readout_lo boots"):
        asyncio.run(start())
    assert told == [{"drive_lo"}]


def test_f1_what_the_interlock_switches_off_in_the_midst_of_a_look_is_nobodys_hand(laboratory, lab):
    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        laboratory.world.temperature = 0.2
        async with asyncio.timeout(30):
            while not bench.gate.trip.is_set() or not bench.gate.inhibition.off:
                await bench.look()
                await asyncio.sleep(0)
        await bench.look()
        assert "somebody else" not in {c.who for c in bench.gate.changes}

    try:
        use(lab, body)
    finally:
        laboratory.world.temperature = 0.012
