"""Points that are missing, or far less certain than the rest, where a grid needs them all."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.numeric.seeds import bridge

INDEX = np.arange(9)


@pytest.mark.parametrize("missing", [[0], [8], [0, 1, 7, 8], [3], [2, 3, 4, 6], [0, 1, 2, 3, 5, 6]])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_straight_line_leads_over_bad_points(missing, parts):
    bad = np.isin(INDEX, missing)[None]
    y = np.random.default_rng(1).normal(size=(parts, 9))
    asked = np.array([np.interp(INDEX, INDEX[~bad[0]], part[~bad[0]]) for part in y])
    y[:, missing] = 1e6
    rows = y.reshape(1, -1)
    bridge(bad, rows)
    assert rows.reshape(parts, -1) == pytest.approx(asked, rel=1e-12)


def test_traces_without_bad_points_stay_as_they_are():
    bad, y = np.zeros((2, 9), dtype=bool), np.random.default_rng(1).normal(size=(2, 9))
    bad[1, 4] = True
    before = y.copy()
    bridge(bad, y)
    assert np.array_equal(y[0], before[0])
    assert y[1, 4] == pytest.approx(0.5 * (before[1, 3] + before[1, 5]))
