"""What a map's fit leaves that is not noise, and how honest errors stay with it."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.maps.leftover import alike
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import plain
from tests.catalogue.score import score
from tests.unit.estimation.test_cz_chevron import KIND, X, clean, noisy

SHAPE = (81, 51)


def boxes(rng, size=4):
    """Return noise of variance 1 that is alike over so many points each way."""
    rows, columns = SHAPE
    fine = rng.normal(size=(rows + size, columns + size))
    sums = np.pad(fine, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    wide = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return wide[:rows, :columns] / size


def test_noise_costs_nothing():
    rng = np.random.default_rng(1)
    for _ in range(100):
        assert alike(rng.normal(size=SHAPE)) == 1.0
        assert alike(rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)) == 1.0
    assert alike(np.zeros(SHAPE)) == 1.0


def test_what_is_alike_counts_as_often():
    rng = np.random.default_rng(2)
    points = (1 + 2 * sum((k / 4) ** 2 for k in (1, 2, 3))) ** 2  # of the overlap of two boxes
    alone = np.mean([alike(boxes(rng)) for _ in range(20)])
    assert 0.95 * points < alone < 1.4 * points
    half = np.mean([alike(boxes(rng) + rng.normal(size=SHAPE)) for _ in range(20)])
    assert 0.95 < half / (0.5 + 0.5 * points) < 1.4


@pytest.mark.parametrize("kind", ["avoided_crossing", "qubit_flux_map", "punch_out"])
def test_errors_know_of_a_hum(kind):
    truth, spur = plain(kind)[kind], next(each for each in BROKEN if each.name == "spur")
    traces = spur.traces(truth, 5, 25)
    found = score(truth, spur, traces)
    assert found.accepted > 10
    assert found.seen <= 1


def test_a_compressed_chevron_is_saturated():
    level, size = 0.1, 0.8
    y = level + size * np.tanh((clean() - level) / size)
    for turned in (y, -y):
        found = fit_batch(KIND, X, noisy(turned, 0.02, 4), 0.02)
        assert set(found.status) == {"saturated"}, found.reason
    found = fit_batch(KIND, X, noisy(clean(), 0.02, 20), 0.02)
    assert (found.verdict == "accepted").all()
