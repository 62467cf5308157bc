"""What is believed, and how far it is doubted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kammerton.lab import Design
from kammerton.loop import BeliefBook
from kammerton.loop.beliefs import AGAIN
from kammerton.model import LabClock
from tests.stored import estimate
from tests.unit.loop.laboratory import two_qubits


def test_what_no_design_bounds_is_doubted_up_to_its_value_and_no_further(tmp_path):
    """Such as the readout of a qubit that is parked for weeks, beside an instrument often aside."""
    clock = LabClock()
    book = BeliefBook(two_qubits(tmp_path), clock.now())
    book.update({"r0.readout_angle": estimate(-0.6, 0.01)})
    for _ in range(500):
        book.doubt(["r0.readout_angle"], 5.0, clock.now())
    assert book["r0.readout_angle"].sigma == pytest.approx(0.6)
    assert book.doubted()["r0.readout_angle"].sigma == pytest.approx(0.6)


def test_what_is_no_part_of_a_line_reaches_every_qubit(tmp_path):
    """A bias moves flux; a source of one qubit's own concerns that qubit alone."""
    lab, clock = two_qubits(tmp_path), LabClock()
    own = replace(lab.qubits["q1"].drive, source="lo1")
    lab = replace(lab, qubits={**lab.qubits, "q1": replace(lab.qubits["q1"], drive=own)})
    known = {f"q{k}.f01": estimate(4.9e9, 1e3) for k in range(2)}

    def doubted(*instruments: str, already: tuple[str, ...] = ()) -> set[str]:
        book = BeliefBook(lab, clock.now())
        book.update(known)
        book.doubt_what_uses(instruments, 5.0, clock.now(), already)
        return {name for name in known if book[name].sigma > 2e3}

    assert doubted("bias_q0") == set(known)
    assert doubted("lo1") == {"q1.f01"}
    assert doubted("bias_q0", already=("bias_q0",)) == set()
    assert doubted("bias_q0", already=("lo1",)) == {"q0.f01"}


@pytest.mark.parametrize("tolerance", [1e2, 8e6])
def test_what_is_to_be_measured_again_is_doubted_past_a_narrow_design(tmp_path, tolerance):
    """And well past what it was known to: else another measurement promises nothing."""
    lab, clock = two_qubits(tmp_path), LabClock()
    design = {**lab.qubits["q0"].design, "f01": Design(4.9e9, tolerance)}
    qubits = {**lab.qubits, "q0": replace(lab.qubits["q0"], design=design)}
    for stderr, least in ((10.0, 4e3), (3e3, 12e3)):
        book = BeliefBook(replace(lab, qubits=qubits), clock.now())
        book.update({"q0.f01": estimate(4.9e9, stderr, "Hz", time=clock.now())})
        book.doubt(["q0.f01"], 0.0, clock.now(), least=AGAIN)
        assert book["q0.f01"].sigma == pytest.approx(least)
