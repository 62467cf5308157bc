"""What kinds over two axes take, and what they refuse with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.model import TraceError

A, B = np.linspace(1.0, 2.0, 21), np.linspace(0.0, 1.0, 15)
Y = np.random.default_rng(1).normal(size=(21, 15))
KINDS = ("qubit_flux_map", "resonator_flux_map", "avoided_crossing", "cz_chevron", "punch_out")
MAPS = [kind for kind in KINDS if kind in FIT_KINDS]


def changed(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


REFUSED = {
    "one axis": (A, Y, None, "pair of axes"),
    "three axes": ((A, B, B), Y, None, "pair of axes"),
    "axis of two dimensions": ((A[None], B), Y, None, "has 2 dimensions"),
    "NaN in an axis": ((changed(A, 3, np.nan), B), Y, None, "holds NaN"),
    "infinite axis": ((A, changed(B, 3, np.inf)), Y, None, "NaN or infinite"),
    "constant axis": ((A, 0 * B), Y, None, "is constant"),
    "a value twice": ((changed(A, 3, A[4]), B), Y, None, "twice"),
    "complex axis": ((A, B + 0j), Y, None, "is complex"),
    "words": ((["a"] * 21, B), Y, None, "not an array of numbers"),
    "axes exchanged": ((B, A), Y, None, "y has shape"),
    "one trace": ((A, B), Y[:, 0], None, "y has shape"),
    "no map": ((A, B), np.empty((0, 21, 15)), None, "no map"),
    "infinite y": ((A, B), changed(Y, (2, 2), np.inf), None, "y holds infinite"),
    "all missing": ((A, B), np.full_like(Y, np.nan), None, "only missing"),
    "one map missing": ((A, B), np.stack([Y, np.full_like(Y, np.nan)]), None, "only missing"),
    "few rows": ((A[:3], B), Y[:3], None, "has 3 points"),
    "few columns": ((A, B[:3]), Y[:, :3], None, "has 3 points"),
    "shape of sigma": ((A, B), Y, np.ones(3), "sigma has shape"),
    "complex sigma": ((A, B), Y, 1j * Y, "sigma"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kind", MAPS)
def test_refused(kind, case):
    x, y, sigma, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch(kind, x, y, sigma)


@pytest.mark.parametrize("kind", MAPS)
def test_a_constant_map_is_no_signal(kind):
    found = fit_batch(kind, (A, B), np.stack([Y, 0 * Y + 3.0]))
    assert found.verdict[1] == "rejected"
    assert found.status[1] == "no signal"
    assert "same value" in found.reason[1]


@pytest.mark.parametrize("kind", MAPS)
def test_a_map_with_few_points_left_is_no_number(kind):
    sparse = np.full_like(Y, np.nan)
    sparse[::7, ::5] = 1.0
    sparse[0, 0] = 2.0
    found = fit_batch(kind, (A, B), sparse, 0.1)
    assert found.verdict[0] == "rejected"
