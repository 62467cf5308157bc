"""Two resonances in one sweep: where the other one lies is said."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation import FitBatch, fit_batch

FIRST, SECOND, WIDTH = 7.0486e9, 7.0513e9, 6e5
X = np.linspace(7.04e9, 7.06e9, 201)
NOISE = 0.007


def swept(*centres: float, seed: int = 1) -> NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    line = np.exp(-2j * np.pi * 30e-9 * (X - X[0]))
    for depth, centre in zip((0.7, 0.5), centres, strict=False):
        line = line * (1 - depth / (1 + 2j * (X - centre) / WIDTH))
    return np.asarray(line + NOISE * (rng.normal(size=X.size) + 1j * rng.normal(size=X.size)))


def fitted(y: NDArray[np.generic], x: NDArray[np.float64] = X) -> FitBatch:
    return fit_batch("resonator_spectroscopy", x, y, NOISE)


@pytest.mark.parametrize("seen", [np.asarray, np.abs], ids=["complex", "magnitude"])
def test_a_second_resonance_is_named(seen) -> None:  # type: ignore[no-untyped-def]
    found = fitted(seen(swept(FIRST, SECOND)))
    assert found.status[0] == "model does not fit"
    assert "another one seems to lie near 7.0513" in found.reason[0]
    assert "window of its own" in found.reason[0]


def test_of_a_detuning_it_is_said_in_megahertz() -> None:
    found = fitted(swept(FIRST, SECOND), X - 7.05e9)
    assert "another one seems to lie near 1.3" in found.reason[0]
    assert "MHz; sweep" in found.reason[0]


def test_one_resonance_beside_a_stray_point_is_not_two() -> None:
    y = swept(FIRST)
    y[140] += 0.8
    found = fitted(y)
    assert "another" not in found.reason[0]


def test_neither_drift_nor_a_jump_is_a_resonance() -> None:
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(0.0, 3 * NOISE, (20, X.size)), axis=1)
    jump = np.where(X > 7.052e9, 0.3, 0.0) + rng.normal(0.0, NOISE, (20, X.size))
    found = fitted(1.0 + np.concatenate([walk, jump]) + 0j)
    assert set(found.verdict) == {"rejected"}
    assert not any("another" in reason for reason in found.reason)


def test_alone_it_is_accepted() -> None:
    assert fitted(swept(FIRST)).verdict[0] == "accepted"
