"""What a chip does to a calibration that runs: rows P1-P6 of docs/reliability.md."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import numpy as np
import pytest

from kammerton.model import Estimate, Program, Verdict
from kammerton.model.alarm import Alarm
from kammerton.model.quantity import show
from kammerton.publish import Alarms
from kammerton.store import Store
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make

pytestmark = pytest.mark.usefixtures("without_files")


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "kammerton.sqlite", "two")
    yield store
    store.close()


def values(store, name, after):
    return [c.estimate for c in store.history(name) if c.estimate.run > after]


def last_run(store):
    return max(e.run for e in store.parameters().values())


def test_p1_a_defect_that_swallows_t1_is_found_twice_before_it_counts(tmp_path, store, caplog):
    """T1 falls from 60 to 12 us: the first such value is withheld, f01 is not chased."""
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    known, before = store.parameters(), last_run(store)
    sick = Chip()
    sick.decay = 12e-6
    again, bench = make(tmp_path, store, sick)
    again.book.doubt(["q0.t1"], 8.0, again.clock.now())
    old = again.book["q0.t1"]
    asyncio.run(again.step())
    assert [p.name for p in bench.played] == ["t1"]
    assert store.parameters() == known
    mean, error = show(old.mean, "s", old.sigma).removesuffix(" µs").split(" µs ± ")
    said = re.search(rf"is far from {mean} µs ± (\S+) µs, which was believed", caplog.text)
    assert said is not None, caplog.text
    grown = float(said[1]) / float(error)  # its own error, not that of what was found
    assert 1.0 <= grown < 1.2, "it grows with time"
    asyncio.run(again.settle())
    first, *_ = values(store, "q0.t1", before)
    assert abs(first.value - 12e-6) < 5 * first.stderr
    assert first.run > min(r.id for r in store.runs() if r.id > before)
    assert "qubit_spectroscopy" not in {program.name for program in bench.played}
    f01, new = (each["q0.f01"] for each in (known, store.parameters()))
    assert abs(new.value - f01.value) < 5 * (new.stderr + f01.stderr), "by the Ramsey for t2_star"


class Hopping(Chip):
    """A qubit whose frequency hops while its spectroscopy is half way."""

    def qubit_spectroscopy(self, program: Program, target: str) -> np.ndarray:
        f = program.axis[target]
        centre = np.where(np.arange(f.size) < f.size / 2, self.f01 - 4e6, self.f01 + 1e6)
        if sum(1 for n in self.seen if n == target) >= 2:
            centre = np.full(f.size, self.f01)
        self.seen.append(target)
        return 0.9 * np.exp(-(((f - centre) / 1e6) ** 2))

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []


def test_p2_a_hop_in_the_middle_of_a_scan_ends_at_the_true_frequency(tmp_path, store):
    loop, bench = make(tmp_path, store, Hopping())
    assert asyncio.run(loop.settle()) == {}
    held = store.parameters()["q0.f01"]
    assert abs(held.value - Chip.f01) < 5 * held.stderr
    scans = [p for p in bench.played if p.name == "qubit_spectroscopy"]
    assert len(scans) >= 2


class Warming(Chip):
    """Whose decays ride on a drift that is as large as they are."""

    drifting = True

    def t1(self, program: Program, target: str) -> np.ndarray:
        p = super().t1(program, target)
        if self.drifting:
            p = p + np.where(np.arange(p.size) > p.size // 3, -0.6, 0.0)
            self.drifting = target == "q0"  # both targets of the first run, and no more
        return p


def test_p6_a_step_in_the_middle_of_a_scan_is_not_published(tmp_path, store):
    loop, _ = make(tmp_path, store, Warming())
    assert asyncio.run(loop.settle()) == {}
    for name in ("q0.t1", "q1.t1"):
        for e in (c.estimate for c in store.history(name)):
            assert abs(e.value - Chip.decay) < 5 * e.stderr, (name, e)
    scans = [r for r in store.runs() if r.calibration == "t1"]
    assert any(f.verdict is not Verdict.ACCEPTED for r in scans for f in r.fits.values())


class Decoy(Chip):
    """With a spurious line, larger than the qubit's, that no pulse can drive."""

    def qubit_spectroscopy(self, program: Program, target: str) -> np.ndarray:
        spurious = np.exp(-(((program.axis[target] - self.f01 + 6e6) / 1e6) ** 2))
        return 0.4 * super().qubit_spectroscopy(program, target) + 0.5 * spurious

    def rabi_amplitude(self, program: Program, target: str) -> np.ndarray:
        near = abs(program.sequences[target][0].frequency - self.f01) < 2e6
        return near * super().rabi_amplitude(program, target)


def test_p4_a_spurious_line_is_not_taken_for_the_qubit(tmp_path, store):
    loop, _ = make(tmp_path, store, Decoy())
    assert asyncio.run(loop.settle()) == {}
    for e in (c.estimate for c in store.history("q0.f01")):
        assert abs(e.value - Chip.f01) < 5 * e.stderr


class NearDecoy(Chip):
    """With a spurious line at the very frequency of the design, and the qubit's 12 MHz below."""

    f01, spurious = 4.888e9, 4.9e9

    def qubit_spectroscopy(self, program: Program, target: str) -> np.ndarray:
        line = 0.9 * np.exp(-(((program.axis[target] - self.spurious) / 1e6) ** 2))
        return line + 0.4 * super().qubit_spectroscopy(program, target)

    def rabi_amplitude(self, program: Program, target: str) -> np.ndarray:
        near = abs(program.sequences[target][0].frequency - self.f01) < 2e6
        return near * super().rabi_amplitude(program, target)


def test_p4_a_line_that_answers_to_no_pulse_is_never_published_and_the_qubit_is_found(
    tmp_path, store
):
    loop, bench = make(tmp_path, store, NearDecoy())
    assert asyncio.run(loop.settle()) == {}
    played = [p for p in bench.played if p.name == "rabi_amplitude"]
    driven = [p.sequences["q0"][0].frequency for p in played]
    assert abs(driven[0] - NearDecoy.spurious) < 1e6  # it was believed, and tried
    history = store.history("q0.f01")
    assert history
    for e in (c.estimate for c in history):
        assert abs(e.value - NearDecoy.f01) < 5 * e.stderr


class NothingElse(NearDecoy):
    """Whose own line is not there at all."""

    f01 = 5.5e9


def test_p4_where_no_line_answers_the_qubit_parks_and_nothing_of_it_is_published(tmp_path, store):
    loop, _ = make(tmp_path, store, NothingElse())
    parked = asyncio.run(loop.settle())
    assert set(parked) == {"q0", "q1"}
    assert store.parameters() == {}
    assert store.runs()


def test_p4_a_first_value_is_stored_with_the_pulse_that_proves_it(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    first = {n: store.history(n)[-1] for n in ("r0.frequency", "q0.f01", "q0.pi_amplitude")}
    assert len({change.revision for change in first.values()}) == 1
    kinds = [store.run(change.estimate.run).calibration for change in first.values()]
    assert kinds == ["resonator_spectroscopy", "qubit_spectroscopy", "rabi_amplitude"]


def test_p4_an_f01_that_leaps_is_stored_with_the_pi_pulse_that_belongs_to_it(tmp_path, store):
    """The pulse of the old frequency and the new frequency are never in one snapshot (P7)."""
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    head = store.revision()
    moved = Chip()
    moved.f01, moved.pi = Chip.f01 + 7e6, 0.224
    again, bench = make(tmp_path, store, moved)
    again.book.widen("q0.f01", 4e6)
    asyncio.run(again.settle())
    found, pulse = (store.history(f"q0.{n}")[::-1] for n in ("f01", "pi_amplitude"))
    first = next(c for c in found if c.revision > head)
    assert abs(first.estimate.value - moved.f01) < 5 * first.estimate.stderr
    assert first.revision in [c.revision for c in pulse]
    names = [p.name for p in bench.played if "q0" in p.sequences]
    assert names.index("rabi_amplitude") < names.index("ramsey")


def test_p4_two_qubits_that_claim_one_line_are_named_until_they_part(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())  # whose two qubits answer at the same frequency
    told: list[Alarm] = []
    loop._record = loop._conclusions.record = replace(loop._record, tell=told.append)
    asyncio.run(loop.settle())
    on = [alarm for alarm in told if alarm.on]
    assert {(a.kind, a.subject) for a in on} == {("same line", "q0 and q1")}
    assert "4.903" in on[0].text
    told.clear()
    f01 = store.parameters()["q1.f01"]
    loop.book.update({"q1.f01": replace(f01, value=f01.value + 10e3)})
    for _ in range(2):
        loop._conclusions._same_line.look(["q1.f01"], told.append)
    assert [(a.subject, a.on) for a in told] == [("q0 and q1", False)]


def test_p4_a_doubt_makes_no_two_lines_one(tmp_path, store):
    """A qubit that is parked is believed no better than its design; its line was elsewhere."""
    loop, _ = make(tmp_path, store, Chip())
    told: list[Alarm] = []
    for name, hz in (("q0.f01", 5.0988e9), ("q1.f01", 5.0645e9)):
        loop.book.update({name: Estimate(hz, 100.0, "Hz", loop.clock.now(), "r000001")})
    loop.book.widen("q1.f01", 8e6)
    loop._conclusions._same_line.look(["q0.f01"], told.append)
    assert [alarm.on for alarm in told] == [False]


def test_p4_an_alarm_that_the_loop_before_told_of_ends_with_the_next(tmp_path, store):
    alarms = Alarms()
    loop, _ = make(tmp_path, store, Chip())
    loop._record = loop._conclusions.record = replace(loop._record, tell=alarms.tell)
    asyncio.run(loop.settle())
    assert alarms._told["same line", "q0 and q1"][1]
    again, _ = make(tmp_path, store, Chip())  # as after a hold
    f01 = store.parameters()["q1.f01"]
    again.book.update({"q1.f01": replace(f01, value=f01.value + 1e6)})
    again._conclusions._same_line.look(["q1.f01"], alarms.tell)
    assert not alarms._told["same line", "q0 and q1"][1]


def test_p1_with_a_t1_that_fell_what_no_t2_can_be_is_measured_anew(tmp_path, store):
    """A T2 beyond twice the T1 is of before: it is doubted, stored as that, and comes next."""
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    assert store.parameters()["q0.t2_echo"].value > 45e-6
    sick = Chip()
    sick.decay, sick.coherence, sick.dephasing = 12e-6, 20e-6, 18e-6
    again, _ = make(tmp_path, store, sick)
    again.book.doubt(["q0.t1"], 8.0, again.clock.now())
    asyncio.run(again.settle())
    now = store.parameters()
    assert now["q0.t1"].value == pytest.approx(12e-6, rel=0.1)
    assert now["q0.t2_echo"].value == pytest.approx(20e-6, rel=0.2)
    assert now["q0.t2_star"].value == pytest.approx(18e-6, rel=0.2)
    assert now["q1.t2_echo"].value > 45e-6, "of the other nothing was doubted"
