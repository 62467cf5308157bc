"""Before the last try of a calibration all that it rests on is measured anew."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kammerton.loop import load_calibrations
from kammerton.loop.patience import TRIES
from kammerton.loop.planner import Plan, ready, unmet
from kammerton.model import Advice, Effort, Fit, Verdict
from kammerton.store import Store
from kammerton_calibrations.ramsey import RAMSEY
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make


def faint(calibration, verdict=Verdict.INSUFFICIENT):
    return Fit(calibration, "q0", {}, verdict, "s", "the signal is too weak", 1.0, Advice())


@pytest.fixture
def settled(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        loop, _ = make(tmp_path, store, Chip())
        asyncio.run(loop.settle())
        yield loop


def failing(loop, tries):
    """Let Ramsey of q0 see too little so many times; return q0 as it is believed to be then."""
    now = loop.clock.now()
    target = loop.book.target("q0", now, loop.patience.effort("ramsey", "q0"))
    for _ in range(tries):
        loop._conclusions._take_note(Plan(RAMSEY, (target,), 1.0, 1.0), faint("ramsey"))
    return loop.book.target("q0", now, target.effort)


def test_a_fringe_that_stays_too_faint_has_the_frequency_looked_for_before_its_last_try(settled):
    """A well known f01 that moved by 3 MHz was parked: each try asked for shots, none doubted."""
    assert ready(RAMSEY, failing(settled, 1))
    last = settled.book.target("q0", settled.clock.now(), settled.patience.effort("ramsey", "q0"))
    again = failing(settled, TRIES - 2)
    assert set(unmet(RAMSEY, again)) == {need.parameter for need in RAMSEY.needs}
    assert unmet(RAMSEY, last) == []
    assert settled.patience.allows("ramsey", "q0")


def test_a_qubit_that_moved_where_every_fringe_is_called_too_faint_is_found_again(
    tmp_path, settled, monkeypatch
):
    moved = Chip()
    moved.f01 = Chip.f01 + 3e6
    again, bench = make(tmp_path, settled.store, moved)
    take_note = again._conclusions._take_note

    def too_faint(plan, fit):
        if plan.calibration.name == "ramsey" and fit.verdict is Verdict.REJECTED:
            fit = replace(fit, verdict=Verdict.INSUFFICIENT)
        take_note(plan, fit)

    monkeypatch.setattr(again._conclusions, "_take_note", too_faint)
    again.book.doubt(["q0.t2_star"], 100.0, again.clock.now())
    assert asyncio.run(again.settle()) == {}
    assert settled.store.parameters()["q0.f01"].value == pytest.approx(moved.f01, abs=2e3)
    assert "qubit_spectroscopy" in {program.name for program in bench.played}


def test_what_was_measured_beside_a_qubit_that_had_moved_is_measured_again(tmp_path, settled):
    moved = Chip()
    moved.f01 = Chip.f01 + 3e6
    again, _ = make(tmp_path, settled.store, moved)
    again.book.doubt(["q0.f01", "q0.t2_star"], 20.0, again.clock.now())
    rest = ("q0.pi_amplitude", "q0.t1", "q0.t2_star", "q0.t2_echo", "r0.readout_contrast")
    known = settled.store.parameters()
    assert asyncio.run(again.settle()) == {}
    found = settled.store.parameters()
    lines = [c.estimate for c in settled.store.history("q0.f01")]
    line = min(e.time for e in lines if e.time > known["q0.f01"].time)
    for name in rest:
        assert found[name].time > line, name
    assert found["q1.t1"] == known["q1.t1"]


@pytest.mark.parametrize("verdict", [Verdict.INSUFFICIENT, Verdict.REJECTED])
@pytest.mark.parametrize("name", [each.name for each in load_calibrations()])
def test_before_its_last_try_something_can_still_be_tried(settled, name, verdict):
    """A search whose own need was widened past what it may be was never tried again, or parked."""
    loop = settled
    (calibration,) = [c for c in loop.planner.calibrations if c.name == name]
    now = loop.clock.now()
    plan = Plan(calibration, (loop.book.target("q0", now, Effort()),), 1.0, 1.0)
    for _ in range(TRIES - 1):
        loop._conclusions._take_note(plan, faint(name, verdict))
    target = loop.book.target("q0", now, Effort())
    found = set[str]()
    for _ in loop.planner.calibrations:  # what can be measured, one after the other
        for each in loop.planner.calibrations:
            if set(unmet(each, target)) <= found:
                found |= {give.parameter for give in each.gives}
    assert set(unmet(calibration, target)) <= found
    assert loop.patience.allows(name, "q0")


@pytest.mark.parametrize("name", ["qubit_spectroscopy", "resonator_spectroscopy"])
def test_a_search_that_finds_nothing_any_more_is_tried_to_its_end_and_parks_its_qubit(
    settled, name
):
    now = settled.clock.now()
    (search,) = [each for each in settled.planner.calibrations if each.name == name]
    for _ in range(TRIES):
        target = settled.book.target("q0", now, Effort())
        assert settled.patience.allows(name, "q0")
        assert ready(search, target)
        settled._conclusions._take_note(Plan(search, (target,), 1.0, 1.0), faint(name))
    assert list(settled.patience.left_alone()) == ["q0"]


def test_where_fringes_do_not_follow_their_law_the_qubit_is_looked_for_before_its_pulse(
    tmp_path, settled
):
    """A pi amplitude of 3 MHz beside its qubit was published, until somebody looked for it."""
    moved = Chip()
    moved.f01 = Chip.f01 + 3e6
    again, bench = make(tmp_path, settled.store, moved)
    again.book.doubt(["q0.t2_star"], 20.0, again.clock.now())
    assert asyncio.run(again.settle()) == {}
    played = [program.name for program in bench.played]
    assert "qubit_spectroscopy" in played[: played.index("rabi_amplitude")]


def test_where_a_pi_amplitude_surprises_its_qubit_is_looked_for_before_it_is_found_again(
    tmp_path, settled
):
    changed = Chip()
    changed.pi = 1.2 * Chip.pi
    again, bench = make(tmp_path, settled.store, changed)
    again.book.doubt(["q0.pi_amplitude"], 5.0, again.clock.now(), least=2.0)
    assert asyncio.run(again.settle()) == {}
    played = [program.name for program in bench.played]
    first = played.index("rabi_amplitude")
    assert "qubit_spectroscopy" in played[first : played.index("rabi_amplitude", first + 1)]
    found = settled.store.parameters()["q0.pi_amplitude"]
    assert found.value == pytest.approx(changed.pi, rel=0.02)


@pytest.mark.parametrize(
    ("status", "sure"),
    [("model does not fit", False), ("no signal", False), ("drift during scan", False),
     ("stray point", True), ("stuck data", True), ("saturated", True)],
)  # fmt: skip
def test_what_blames_the_trace_alone_has_nobody_look_for_the_qubit(settled, status, sure):
    now = settled.clock.now()
    (t1,) = [each for each in settled.planner.calibrations if each.name == "t1"]
    fit = replace(faint("t1", Verdict.REJECTED), status=status)
    target = settled.book.target("q0", now, Effort())
    settled._conclusions._take_note(Plan(t1, (target,), 1.0, 1.0), fit)
    assert ("f01" not in unmet(t1, settled.book.target("q0", now, Effort()))) == sure
