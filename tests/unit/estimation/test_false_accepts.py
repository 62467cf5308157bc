"""Traces in which there is nothing, and which looked like a signal once: one in 10,000 or so."""

from __future__ import annotations

import numpy as np
import pytest

from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

MADE = {7: 10_000, 1007: 10_000, 31: 20_000}  # traces of each seed
CLASSES = {broken.name: broken for broken in BROKEN}


@pytest.mark.parametrize(
    ("name", "broken", "seed", "which"),
    [
        pytest.param(
            "qubit_spectroscopy", "flat noise", 7, [775], id="two points of noise as a narrow line"
        ),
        pytest.param("qubit_spectroscopy", "flat noise", 1007, [2043], id="three points of noise"),
        pytest.param(
            "randomized_benchmarking", "line", 7, [127, 408, 6358, 7591],
            id="survivals that drift from length to length",
        ),
        pytest.param(
            "resonator_spectroscopy, notch, magnitude", "random walk and noise", 7, [6901],
            id="a walk that comes near zero",
        ),
        pytest.param(
            "resonator_spectroscopy, notch, magnitude", "random walk and noise", 1007, [5880],
            id="a walk that touches zero, at a reduced chi-square of 83",
        ),
        pytest.param(
            "resonator_spectroscopy, transmission", "line", 7, [2309, 2783, 5640, 8575],
            id="a drift beside a faint leak that a long cable turns",
        ),
        pytest.param(
            "drag", "random walk and noise", 31, [9585, 10344], id="a walk that turns at the edge"
        ),
    ],
)  # fmt: skip
def test_what_looked_like_a_signal_is_not_accepted(name, broken, seed, which):
    truth = truths()[name]
    traces = CLASSES[broken].traces(truth, seed, MADE[seed]).take(np.array(which))
    assert not (truth.fit(traces).verdict == "accepted").any()
