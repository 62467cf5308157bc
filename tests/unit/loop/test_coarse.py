"""A coarse result that was asked for replaces nothing, and nothing that was made of it."""

from __future__ import annotations

import pytest

from kammerton.loop import BeliefBook
from kammerton.loop.coarse import coarser
from kammerton.model import Estimate, LabClock
from tests.unit.loop.laboratory import two_qubits


def estimates(hz: float, stderr: float, run: str) -> dict[str, Estimate]:
    now = LabClock().now()
    return {
        "r0.frequency": Estimate(hz, stderr, "Hz", now, run, None),
        "r0.readout_frequency": Estimate(hz, 0.0, "Hz", now, run, None),
    }


@pytest.mark.parametrize(("stderr", "left_out"), [(150e3, 2), (2e3, 0)])
def test_a_setting_stays_with_the_value_it_was_made_of(tmp_path, stderr, left_out):
    book = BeliefBook(two_qubits(tmp_path), LabClock().now())
    book.update(estimates(7.1e9, 2e3, "r000001"))
    found = coarser(book, estimates(7.1e9 + 2e3, stderr, ""))
    assert len(found) == left_out
