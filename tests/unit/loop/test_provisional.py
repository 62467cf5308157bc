"""What waits for a pulse is published when it is proved: neither locked out nor taken for none."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from kammerton.loop.record import Record
from kammerton.loop.wishes import Wish
from kammerton.model import Program
from kammerton.store import Store
from kammerton_calibrations.qubit_spectroscopy import CLEAR, clear
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make

pytestmark = pytest.mark.usefixtures("without_files")

LEAP = 7e6


class Leapt(Chip):
    """Answers to pulses near its line only; there, the first `flat` Rabi traces of q0 are flat."""

    f01, pi = Chip.f01 + LEAP, 0.224

    def __init__(self, flat: int = 0) -> None:
        super().__init__()
        self.flat = flat

    def rabi_amplitude(self, program: Program, target: str) -> np.ndarray:
        away = abs(program.sequences[target][0].frequency - self.f01) > 2e6
        if not away and target == "q0" and self.flat:
            self.flat, away = self.flat - 1, True
        return (not away) * super().rabi_amplitude(program, target)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        yield store


@pytest.fixture
def known(tmp_path, store):
    """Two qubits are known; of the pi pulse of q0 there is an older value. Return its revision."""
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    head = store.revision()
    loop.book.widen("q0.pi_amplitude", 0.05)
    asyncio.run(loop.settle())
    return head


def leapt(tmp_path, store, chip):
    loop, bench = make(tmp_path, store, chip)
    loop.book.widen("q0.f01", 4e6)
    return loop, bench


async def until_it_waits(loop):
    while not loop._conclusions.waiting():
        assert await loop.step()


def found(store, chip):
    f01, pi = (store.parameters()[f"q0.{name}"] for name in ("f01", "pi_amplitude"))
    return abs(f01.value - chip.f01) < 5 * f01.stderr and abs(pi.value - chip.pi) < 5 * pi.stderr


def test_a_pi_pulse_set_back_while_f01_waits_is_measured_again(tmp_path, store, known):
    chip = Leapt()
    loop, _ = leapt(tmp_path, store, chip)

    async def scenario():
        await until_it_waits(loop)
        assert loop._idle() == "idle: waits: f01 of q0 until it answers to a pulse"
        await asyncio.to_thread(store.revert, known, ["q0.pi_amplitude"], who="ada")
        await loop.settle()

    asyncio.run(scenario())
    assert found(store, chip)
    assert loop._idle() == "idle: everything is known well enough"


def test_a_pulse_that_is_never_known_well_still_proves_a_line(tmp_path, store, known):
    chip = Leapt()
    loop, _ = leapt(tmp_path, store, chip)
    loop.planner.delivered["rabi_amplitude", "q0.pi_amplitude"] = 0.01  # 4.8 %, of a noisy readout
    asyncio.run(loop.settle())
    assert found(store, chip)


def test_what_a_pulse_proved_waits_again_if_the_pulse_is_set_back_while_it_is_stored(
    tmp_path,
    store,
    known,
    monkeypatch,
):
    chip = Leapt()
    loop, _ = leapt(tmp_path, store, chip)
    commit, before, seen = Record.commit, store.parameters()["q0.f01"], []

    async def overtaken(self, run, estimates, *rest):
        if run.calibration == "rabi_amplitude" and not seen:
            await asyncio.to_thread(store.revert, known, ["q0.pi_amplitude"], who="ada")
        try:
            return await commit(self, run, estimates, *rest)
        finally:
            if run.calibration == "rabi_amplitude":
                seen.append(store.parameters()["q0.f01"])

    monkeypatch.setattr(Record, "commit", overtaken)
    asyncio.run(loop.settle())
    assert seen[:2] == [before, before]  # refused, then stored without what the pulse had freed
    assert len(seen) == 3
    assert found(store, chip)


@pytest.mark.parametrize("earlier", [0.0, 0.05])
def test_flat_traces_at_another_line_do_not_count(tmp_path, store, known, earlier):
    """One at the new line, after several at the old one, or after one that a person asked for."""
    chip = Leapt(flat=1)
    loop, _ = make(tmp_path, store, chip)

    async def scenario():
        loop.book.widen("q0.pi_amplitude", earlier)
        if not earlier:
            loop.wishes.add(Wish(1, "rabi_amplitude", "q0", "ada"))
            await loop.step()
            loop.book.widen("q0.f01", 4e6)
        return await loop.settle()

    assert asyncio.run(scenario()) == {}
    assert chip.flat == 0
    assert found(store, chip)


class Short(Leapt):
    """Shows nothing with few shots."""

    def rabi_amplitude(self, program: Program, target: str) -> np.ndarray:
        return (program.shots > 50) * super().rabi_amplitude(program, target)


def test_quick_looks_refute_no_line(tmp_path, store, known):
    chip = Short()
    loop, _ = leapt(tmp_path, store, chip)

    async def scenario():
        await until_it_waits(loop)
        for number in range(3):
            loop.wishes.add(Wish(number, "rabi_amplitude", "q0", "ada", 4))
            await loop.step()
        assert loop.book.refuted("q0") == ()
        assert loop.patience.failures == {}
        return await loop.settle()

    assert asyncio.run(scenario()) == {}
    assert found(store, chip)


def test_lines_that_were_none_are_forgotten_with_a_line_found_since_that_answers(
    tmp_path,
    store,
):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    before = loop.book["q0.f01"]
    loop.book.refute("q0", 4.91e9, before)
    loop.book.widen("q0.pi_amplitude", 0.05)
    asyncio.run(loop.settle())
    assert loop.book.refuted("q0") == (4.91e9,)  # the old line answered; the search is still due
    loop.book.widen("q0.f01", 4e6)
    loop.book.widen("q0.pi_amplitude", 0.05)
    asyncio.run(loop.settle())
    assert loop.book.refuted("q0") == ()


@pytest.mark.parametrize("line", [-6e6, -1e6, 0.0, 1e6, 4e6, 6e6])
def test_a_search_that_leaves_lines_out_stays_within_its_span(line):
    left, right = clear(-5e6, 5e6, [line, line + 2.5e6])
    assert left.min() >= -5e6
    assert right.max() <= 5e6
    assert np.all(right > left)
    for start, end in zip(left, right, strict=True):
        assert end <= line - CLEAR or start >= line + 2.5e6 + CLEAR


def test_where_lines_fill_the_span_all_of_it_is_searched():
    left, right = clear(-2e6, 2e6, [0.0])
    assert (left.tolist(), right.tolist()) == ([-2e6], [2e6])
