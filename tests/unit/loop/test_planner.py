"""What is worth measuring, and when."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import numpy as np
import pytest

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.catalogue import load_calibrations
from kammerton.loop.planner import Planner, instrument_seconds, loss, ready, unmet
from kammerton.model import Effort, Estimate, Program, Readout, Wait
from tests.unit.loop.laboratory import START, two_qubits


def measured(name, value, stderr, book, time=START):
    book.update({name: Estimate(value, stderr, "", time, "r000001")})


@pytest.fixture
def book(tmp_path):
    return BeliefBook(two_qubits(tmp_path), START)


@pytest.fixture
def planner():
    return Planner(load_calibrations())


def choose(planner, book, now=START, qubits=("q0", "q1")):
    return planner.choose(lambda _: [book.target(q, now, Effort()) for q in qubits], book, now)


def know_everything(book, qubits=("q0", "q1"), time=START):
    values = {
        "f01": (4.9e9, 300.0), "pi_amplitude": (0.2, 1e-4), "t1": (50e-6, 1e-6),
        "t2_star": (30e-6, 1e-6), "t2_echo": (45e-6, 1e-6), "assignment_fidelity": (0.98, 1e-3),
        "r.frequency": (6.81e9, 3e3), "r.linewidth": (2e6, 1e4), "r.readout_frequency": (6.81e9, 0),
        "r.readout_amplitude": (0.045, 0), "r.readout_angle": (0.3, 1e-3),
        "r.readout_threshold": (1e-3, 1e-6), "r.readout_contrast": (5e-3, 1e-6),
    }  # fmt: skip
    for qubit in qubits:
        for name, (value, stderr) in values.items():
            measured(book.full_name(qubit, name), value, stderr, book, time)


def test_a_cold_start_begins_with_the_resonators_of_all_qubits(planner, book):
    plan = choose(planner, book)
    assert plan.calibration.name == "resonator_spectroscopy"
    assert [t.name for t in plan.targets] == ["q0", "q1"]


def test_nothing_is_measured_when_everything_is_known(planner, book):
    know_everything(book)
    assert choose(planner, book) is None


def test_age_alone_makes_a_parameter_worth_measuring_again(planner, book):
    know_everything(book)
    later = START + timedelta(days=3)
    assert choose(planner, book, later) is not None


def test_only_the_target_that_needs_it_is_measured(planner, book):
    know_everything(book)
    measured("q1.t1", 50e-6, 30e-6, book)
    plan = choose(planner, book)
    assert plan.calibration.name == "t1"
    assert [t.name for t in plan.targets] == ["q1"]


def test_a_need_that_is_only_designed_is_not_met_when_measurement_is_asked_for(planner, book):
    t1 = next(c for c in planner.calibrations if c.name == "t1")
    target = book.target("q0", START, Effort())
    assert not ready(t1, target)
    assert set(unmet(t1, target)) == {"f01", "r.readout_contrast", "pi_amplitude"}


def test_spectroscopy_is_not_repeated_when_ramsey_promises_more(planner, book):
    know_everything(book)
    measured("q0.f01", 4.9e9, 40e3, book)
    plan = choose(planner, book, qubits=("q0",))
    assert plan.calibration.name == "ramsey"


def test_the_rate_is_gain_per_instrument_second(planner, book):
    plan = choose(planner, book)
    assert plan.rate == pytest.approx(plan.gain / plan.seconds)


def test_loss_is_quadratic_within_the_tolerance_and_always_grows():
    assert loss(0.1, 1.0) == pytest.approx(0.01, rel=0.01)
    assert loss(0.2, 1.0) == pytest.approx(4 * loss(0.1, 1.0), rel=0.05)
    assert loss(1e6, 1.0) > loss(1e5, 1.0) + 1


def test_spectroscopy_comes_back_when_f01_is_doubted_too_much_for_ramsey(planner, book):
    know_everything(book, qubits=("q0",))
    measured("q0.f01", 4.9e9, 400e3, book)
    assert choose(planner, book, qubits=("q0",)).calibration.name == "qubit_spectroscopy"


def test_instrument_seconds_count_the_longest_sequence_readout_and_reset():
    readout = Readout(7e9, 0.05, 1e-6)
    program = Program(
        "x", {"a": (Wait(np.array([0.0, 2e-6])),), "b": (Wait(1e-6),)},
        {"a": readout, "b": readout},
        {"a": np.arange(2.0), "b": np.arange(2.0)}, "x", "s", shots=10, reset=5e-6,
    )  # fmt: skip
    assert instrument_seconds(program) == pytest.approx(10 * (1e-6 + 2e-6 + 2 * 6e-6))


def test_every_calibration_asks_only_for_what_some_calibration_gives_or_the_design_has(
    planner, book
):
    given = {g.parameter for c in planner.calibrations for g in c.gives}
    designed = set(book.target("q0", START, Effort()).beliefs)
    for calibration in planner.calibrations:
        for need in calibration.needs:
            assert need.parameter in given | designed, (calibration.name, need)
            assert not need.measured or need.parameter in given, (calibration.name, need)


def test_doubt_widens_a_belief_but_not_past_the_design(book):
    measured("q0.f01", 4.9e9, 100.0, book)
    book.doubt(["q0.f01"], 5.0, START)
    assert book["q0.f01"].sigma == pytest.approx(500.0)
    book.doubt(["q0.f01"], 1e9, START)
    assert book["q0.f01"].sigma == pytest.approx(8e6)


def test_programs_of_all_calibrations_end_with_a_readout_and_share_their_length(planner, book):
    know_everything(book)
    targets = [book.target(q, START, Effort()) for q in ("q0", "q1")]
    for calibration in planner.calibrations:
        program = calibration.program(targets)
        assert set(program.sequences) == set(program.readouts) == set(program.axis) == {"q0", "q1"}
        assert len({a.size for a in program.axis.values()}) == 1


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_effort_changes_the_window(planner, book, factor):
    know_everything(book)
    usual = book.target("q0", START, Effort())
    other = dataclasses.replace(usual, effort=Effort(window=factor))
    for calibration in planner.calibrations:
        if calibration.name in ("readout", "rabi_amplitude"):
            continue  # no window; and a Rabi window is bounded by the limit of the line
        a, b = (np.ptp(calibration.program([t]).axis["q0"]) for t in (usual, other))
        assert b == pytest.approx(factor * a, rel=0.05), calibration.name


def test_rabi_never_asks_for_more_than_the_limit_of_the_line(planner, book):
    know_everything(book)
    target = book.target("q0", START, Effort(window=8.0))
    rabi = next(c for c in planner.calibrations if c.name == "rabi_amplitude")
    assert rabi.program([target]).axis["q0"].max() <= 0.5


def test_what_a_calibration_cannot_deliver_is_not_repeated_for_ever(planner, book):
    know_everything(book, qubits=("q0",))
    wide = 20e-6  # far above the promise and the tolerance
    measured("q0.t2_echo", 45e-6, wide, book)
    assert choose(planner, book, qubits=("q0",)).calibration.name == "t2_echo"
    planner.note("t2_echo", {"q0.t2_echo": Estimate(45e-6, wide, "s", START, "r000002")})
    assert choose(planner, book, qubits=("q0",)) is None
