"""What the loop will come to measure, said before it does: what rests on that waits, or not."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.catalogue import load_calibrations
from kammerton.loop.patience import Patience
from kammerton.loop.planner import Planner
from kammerton.loop.prospect import Prospect
from kammerton.loop.sight import Sight
from kammerton.model import Estimate, LabClock
from tests.unit.loop.laboratory import two_qubits


def prospect(path: Path, doubted: Collection[str], aside: Collection[str]) -> Prospect:
    """Everything was measured; some of it is doubted, some calibrations of q0 are set aside."""
    lab, clock = two_qubits(path), LabClock()
    book, now = BeliefBook(lab, clock.now()), clock.now()
    measured = {
        "r0.frequency": (6.81e9, 1e4), "r0.readout_frequency": (6.81e9, 1e4),
        "q0.f01": (4.9e9, 500.0), "q0.pi_amplitude": (0.2, 1e-3),
    }  # fmt: skip
    for name, (value, stderr) in measured.items():
        book.update({name: Estimate(value, stderr, book.kind(name).unit, now, "r000001")})
    for name in doubted:
        book.widen(name, 0.05 if name.endswith("amplitude") else 5e6)
    patience = Patience()
    for name in aside:
        patience.set_aside(name, ["q0"], "it fails", now)
    view = Sight(lab, book, clock, patience, frozenset).targets
    return Prospect(Planner(load_calibrations()), view, book, now)


ALL = ("q0.f01", "r0.readout_frequency")


@pytest.mark.parametrize(
    ("doubted", "aside", "comes"),
    [
        (["q0.f01"], [], True),
        (["q0.f01"], ["ramsey"], True),
        (["q0.f01"], ["ramsey", "qubit_spectroscopy"], False),
        (ALL, [], True),
        (ALL, ["resonator_spectroscopy"], False),
        (["q0.f01"], ["resonator_spectroscopy"], True),
    ],
    ids=[
        "the line is looked for", "by a spectroscopy", "nobody looks for it", "then the resonator",
        "nobody looks for that", "which is known",
    ],
)  # fmt: skip
def test_a_frequency_that_is_doubted_is_found_again(tmp_path, doubted, aside, comes):
    assert prospect(tmp_path, doubted, aside).of("q0", "f01") is comes
