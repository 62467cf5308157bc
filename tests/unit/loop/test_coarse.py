"""A coarse result replaces nothing, and nothing that was made of it."""

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


@pytest.mark.parametrize(("known", "asked", "left_out"), [(70e3, 0, 2), (90e3, 0, 0), (90e3, 1, 2)])
def test_what_is_planned_may_replace_what_is_hardly_known_well_enough(
    tmp_path, known, asked, left_out
):
    """Else the planner would measure that again at once, and again."""
    book = BeliefBook(two_qubits(tmp_path), LabClock().now())
    book.update(estimates(7.1e9, known, "r000001"))
    found = coarser(book, estimates(7.1e9 + 2e3, 400e3, ""), asked=bool(asked))
    assert len(found) == left_out
