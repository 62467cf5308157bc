"""What is believed, and how far it is doubted."""

from __future__ import annotations

import pytest

from kammerton.loop import BeliefBook
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
