"""What is said to be known, and cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.model import TraceError
from tests.unit.estimation.good_traces import good

IMPOSSIBLE = {
    "contrast": [0.0, [0.5, 0.0]], "within": [0.0, -1.0], "period": [0.0, -1.0],
    "asymmetry": [2.0, -0.5, 1.0], "anharmonicity": [0.0], "qubit_frequency": [0.0, -1.0],
    "bare_frequency": [-1.0], "dead": [-0.1, 5.0], "qubits": [0, 1.5, 2000], "angle": [0.0],
    "population": [3, "x"], "population_0": [2.0], "expected": ["x", 1j, np.inf],
    "geometry": [["notch", "notch"], 3], "extremum": [["minimum"], np.array(["minimum"] * 2), 2],
    "interleaved": [1, "x", np.array([True, False])], "offset": [1j, np.nan], "shots": [0, "x", 1j],
}  # fmt: skip


@pytest.mark.parametrize("kind", FIT_KINDS)
def test_what_cannot_be_known_is_refused_by_name(kind):
    x, y, _, known = good(kind, False)
    for name in FIT_KINDS[kind].known:
        for value in IMPOSSIBLE.get(name, []):
            with pytest.raises(TraceError, match=name):
                fit_batch(kind, x, y, **{**known, name: value})


def test_a_word_for_no_word_is_named():
    x, y, _, _ = good("drag", False)
    with pytest.raises(TraceError, match="it must be one of minimum, maximum, either"):
        fit_batch("drag", x, y, extremum="saddle")
    assert fit_batch("drag", x, y, interleaved=np.True_).verdict[0] == "accepted"
