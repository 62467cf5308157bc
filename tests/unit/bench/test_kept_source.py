"""A microwave source of one qubit alone is kept by a hold of that qubit, as its bias is."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pytest

from kammerton.bench import Bench, Gate
from kammerton.lab import Channel, Feedline, Lab, QubitEntry, keepers
from kammerton.model import Held, InstrumentError, OutputRefused, SettingsChanged
from tests.unit.bench.conftest import line
from tests.unit.bench.test_bench import use
from tests.unit.bench.test_second_look import Source


@dataclass
class Hold:
    scope: str
    owner: str = "Ada"
    why: str = "measuring by hand"
    until: object = None


def lab_of(make, *shared: str) -> Lab:
    """Return a lab in which lo belongs to q0, and to what else is named here."""
    feed = "lo" if "feed0" in shared else "another"
    feedline = Feedline("feed0", line(5, 6, feed), "dig", Channel("awg", 5), 64e-9)
    drives = {"q0": "lo", "q1": "lo" if "q1" in shared else "another"}
    qubits = {q: QubitEntry(q, "r" + q, line(1, 2, s), {}) for q, s in drives.items()}
    return replace(make.lab(), feedlines={"feed0": feedline}, qubits=qubits)


def kept(fake, make, tmp_path, body, *held: str, shared: tuple[str, ...] = ()):
    holds = [Hold(scope) for scope in held]
    source = Source(fake)

    async def with_holds(bench: Bench) -> None:
        await body(bench, holds, source)

    lab = lab_of(make, *shared)
    use(fake, make, tmp_path, with_holds, lab=lab, holds=lambda: tuple(holds))


def test_it_belongs_to_a_qubit_only_where_no_other_line_has_it(make):
    assert keepers(lab_of(make), "lo") == ["q0"]
    assert keepers(lab_of(make), "another") == []
    assert keepers(lab_of(make, "q1"), "lo") == []
    assert keepers(lab_of(make, "feed0"), "lo") == []


def test_who_holds_the_qubit_may_turn_it_and_the_daemon_goes_on(fake, make, tmp_path):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        await bench.acquire(make.program())
        holds.append(Hold("q0"))
        for dbm in (3.0, 4.0, 5.0):
            fake.lo.dbm, fake.lo.on = dbm, True
            fake.log.clear()
            assert await bench.look()
            assert fake.log.of("lo") == []
        await bench.gate.guard.require_cold("program")  # nobody is waited for
        assert not [c for c in bench.gate.changes if c.who == "somebody else"]

    kept(fake, make, tmp_path, body)


@pytest.mark.parametrize("scope", ["q1", "nobody"])
def test_a_hand_on_it_is_somebody_elses_as_before_where_nobody_holds_its_qubit(
    fake, make, tmp_path, scope
):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        await bench.acquire(make.program())
        holds.append(Hold(scope))
        fake.lo.dbm = 3.0
        with pytest.raises(SettingsChanged, match="power is 3 dBm"):
            await bench.look()

    kept(fake, make, tmp_path, body)


def test_so_it_is_of_one_that_others_have_too(fake, make, tmp_path):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        await bench.acquire(make.program())
        holds.append(Hold("q0"))
        fake.lo.dbm = 3.0
        with pytest.raises(SettingsChanged, match="power is 3 dBm"):
            await bench.look()

    kept(fake, make, tmp_path, body, shared=("q1",))


@pytest.mark.parametrize("first", ["look", "run"])
def test_once_the_qubit_is_given_back_it_is_off_and_set_up_anew_and_nobody_is_waited_for(
    fake, make, tmp_path, first
):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        await bench.acquire(make.program())
        holds.append(Hold("q0"))
        assert await bench.look()
        fake.lo.dbm, fake.lo.hz, fake.lo.on = 3.0, 7.5e9, True
        holds.clear()
        fake.log.clear()
        if first == "look":
            assert await bench.look()
            assert not fake.lo.on
        await bench.acquire(make.program())
        assert ("configure",) in fake.log.of("lo")
        assert (fake.lo.hz, fake.lo.dbm, fake.lo.on) == (7e9, 13.0, True)

    kept(fake, make, tmp_path, body)


def test_one_that_does_not_go_off_then_is_no_longer_anybodys_and_an_error(fake, make, tmp_path):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        holds.append(Hold("q0"))
        assert await bench.look()
        fake.lo.on = fake.lo.ignores_off = True
        holds.clear()
        for _ in range(2):
            with pytest.raises(InstrumentError, match="lo reads back on"):
                await bench.look()
        fake.lo.ignores_off = False
        assert await bench.look()

    kept(fake, make, tmp_path, body)


def test_where_the_daemon_connects_meanwhile_it_sets_up_the_others_and_that_one_later(
    fake, make, tmp_path
):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        assert ("configure",) not in fake.log.of("lo")
        holds.clear()
        assert await bench.look()
        assert ("configure",) in fake.log.of("lo")

    kept(fake, make, tmp_path, body, "q0")


def test_it_is_neither_tuned_nor_switched_on_meanwhile(fake, make, tmp_path):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        await bench.gate.tune("lo", 7e9, 13.0)
        holds.append(Hold("q0"))
        fake.log.clear()
        for act in (bench.gate.tune("lo", 7.1e9, 13.0), bench.gate.enable_source("lo")):
            with pytest.raises(Held, match="q0 is held by Ada"):
                await act
        assert fake.log.of("lo") == []

    kept(fake, make, tmp_path, body)


def test_another_that_fails_is_brought_back_without_it(fake, make, tmp_path):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        await bench.acquire(make.program())
        holds.append(Hold("q0"))
        fake.lo.dbm, fake.lo.on = 3.0, True
        fake.log.clear()
        await bench.recover(InstrumentError("awg does not answer", instrument="awg"))
        await bench.recover(InstrumentError("nobody knows who it was"))
        assert (fake.log.of("lo"), fake.lo.on) == ([], True)
        assert not [c for c in bench.gate.changes if c.found], "nobody says that it lost anything"

    kept(fake, make, tmp_path, body)


def test_it_goes_off_with_everything_else_all_the_same(fake, make, tmp_path):
    """What it drives heats the refrigerator, whoever holds the qubit."""

    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        holds.append(Hold("q0"))
        fake.lo.on = True
        await bench.gate.safe("interlock")
        assert not fake.lo.on

    kept(fake, make, tmp_path, body)


def test_one_that_its_person_has_unplugged_keeps_no_other_from_coming_back(fake, make, tmp_path):
    async def away() -> None:
        raise InstrumentError("lo: no route to host", instrument="lo")

    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        await bench.acquire(make.program())
        holds.append(Hold("q0"))
        assert await bench.look()
        identity, fake.lo.identity = fake.lo.identity, away
        await bench.recover(InstrumentError("awg does not answer", instrument="awg"))
        holds.clear()
        with pytest.raises(InstrumentError, match="no route"):
            await bench.recover(InstrumentError("awg does not answer", instrument="awg"))
        fake.lo.identity = identity

    kept(fake, make, tmp_path, body)


def test_who_takes_the_qubit_in_the_midst_of_its_run_may_turn_it_at_once(fake, make, tmp_path):
    async def body(bench: Bench, holds: list[Hold], source: Source) -> None:
        def taken(turn: int) -> tuple[np.ndarray, np.ndarray]:
            holds[:], fake.lo.dbm = [Hold("q0")], 3.0
            return 32768 + 100, 32768

        fake.dig.codes = taken
        with pytest.raises(SettingsChanged, match=r"power is 3 dBm.*q0 is held by Ada"):
            await bench.acquire(make.program())
        await bench.gate.guard.require_cold("program")

    kept(fake, make, tmp_path, body)


@pytest.mark.parametrize("held", [True, False])
def test_what_leaks_of_it_heats_though_nobody_knows_whether_its_person_has_it_on(fake, make, held):
    lab = lab_of(make)
    leaking = replace(lab.qubits["q0"].drive, stages=(("mxc", 0.0),), leakage=-20.0)
    quiet = replace(lab.feedlines["feed0"].line, stages=(("mxc", 60.0),))
    lab = replace(
        lab, heat_budget={"mxc": 1e-5},
        qubits={"q0": replace(lab.qubits["q0"], drive=leaking)},
        feedlines={"feed0": replace(lab.feedlines["feed0"], line=quiet)},
    )  # fmt: skip
    compiled = replace(make.compiled(peak=1e-3), carriers={})
    gate = Gate(lab, fake.instruments, fake.clock, holds=lambda: [Hold("q0")] if held else [])
    admitted = gate._admissible(replace(compiled, window=replace(compiled.window, targets=())), 1.0)
    with pytest.raises(OutputRefused, match="mxc would take") if held else nullcontext():
        asyncio.run(admitted)
