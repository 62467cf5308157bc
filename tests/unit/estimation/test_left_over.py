"""What one law leaves that follows a compression, a drift or a second tone is not accepted."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.estimation.curves import left_over
from kammerton.estimation.curves.oscillation import one_frequency

DELAY, T2, N = np.linspace(0.0, 40e-6, 101), 16e-6, 400
DRIVE = np.linspace(4.9e9, 5.0e9, 101)
OWN = ("flattened", "drifts, or there is a second", "a hum, explains more")


def fringes(seed: int, bent: float = 0.0, drift: float = 0.0, second: float = 0.0) -> np.ndarray:
    """Signals (N, 101) of size 1: compressed, of a frequency that drifts, of two frequencies."""
    rng = np.random.default_rng(seed)
    f, phase = rng.uniform(0.15e6, 0.35e6, (N, 1)), rng.uniform(0.0, 6.28, (N, 1))
    turn = 2 * np.pi * f * DELAY * (1.0 + 0.5 * drift * DELAY / DELAY[-1]) + phase
    other = np.cos(1.5 * 2 * np.pi * f * DELAY + phase)
    u = np.exp(-DELAY / T2) * ((1 - second) * np.cos(turn) + second * other)
    return np.tanh(bent * u) / np.tanh(bent) if bent else u


def fitted(y: np.ndarray, snr: float, *, given: bool = True, seed: int = 9):
    noise = np.random.default_rng(seed).normal(0.0, 1.0 / snr, y.shape)
    return fit_batch("ramsey", DELAY, y + noise, 1.0 / snr if given else None)


def share(found, words: str) -> float:
    return float(np.mean([words in reason for reason in found.reason]))


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_good_fringes_leave_none_of_it(given: bool) -> None:
    found = fitted(fringes(1), 20.0, given=given)
    assert sum(share(found, words) for words in OWN) < 0.01


def test_compressed_fringes_are_saturated() -> None:
    found = fitted(fringes(2, bent=1.2), 30.0)
    assert share(found, "flattened") > 0.6
    assert (found.status == "saturated").mean() == share(found, "flattened")
    assert share(fitted(fringes(2, bent=0.2), 30.0), "flattened") < 0.01


def test_a_frequency_that_drifts_is_told() -> None:
    found = fitted(fringes(3, drift=0.12), 8.0)
    told = np.array(["its frequency drifts" in reason for reason in found.reason])
    assert told.mean() > 0.15
    assert (found.verdict[told] == "rejected").all()
    at_once = fitted(fringes(3, drift=0.12), 30.0)
    assert (at_once.verdict == "accepted").mean() < 0.05


def test_a_second_tone_that_is_not_told_asks_for_more_shots() -> None:
    y = fringes(4, second=0.2)
    found = fitted(y, 9.0)
    hidden = np.array(["explains more than noise" in reason for reason in found.reason])
    assert hidden.mean() > 0.05
    assert (found.verdict[hidden] == "insufficient").all()
    assert all(found.advice[n].shots_times == 4.0 for n in np.flatnonzero(hidden))
    assert (fitted(y[hidden], 36.0).status == "beating").mean() > 0.9


def test_a_line_flattened_at_its_top_is_saturated() -> None:
    u = np.exp2(-(((DRIVE - 4.96e9) / 5e6) ** 2))
    rng = np.random.default_rng(5)
    found = {
        bent: fit_batch("qubit_spectroscopy", DRIVE, y + rng.normal(0, 0.02, (N, 101)), 0.02)
        for bent, y in ((1.3, np.tanh(1.3 * u) / np.tanh(1.3)), (0.0, u))
    }
    assert np.mean(found[1.3].status == "saturated") > 0.4
    assert np.mean(found[0.0].status == "saturated") < 0.01


@pytest.mark.parametrize("shape", [None, 0.0], ids=["free", "known"])
def test_what_is_gained_is_what_least_squares_gain(shape: float | None) -> None:
    """Of a law that is linear about its minimum, with its columns and without."""
    noisy = fringes(6)[:20] + np.random.default_rng(7).normal(0, 0.05, (20, 101))
    batch = FIT_KINDS["ramsey"].prepare(DELAY, noisy, 0.05)
    batch = batch if shape is None else type(batch)(**{**vars(batch), "shape": shape})
    fit = one_frequency(batch)
    rate, _, w, cos, sin, _ = fit.theta.T[:, :, None]
    x, q = batch.x, fit.theta[:, 1:2]
    fall = np.exp(-(1 - q) * rate * x - q * (rate * x) ** 2)
    c, s = fall * np.cos(w * x), fall * np.sin(w * x)
    u, v = cos * c + sin * s, sin * c - cos * s
    by_rate, by_shape = -u * x * (1 - q + 2 * q * rate * x), -u * rate * x * (rate * x - 1)
    law = [by_rate, x * v, c, s, np.ones_like(u)] + ([by_shape] if shape is None else [])
    more = [u**3, x**2 * v, x**3 * v, x**3 * u, x**4 * u]
    tried = left_over._tried(batch, fit, left_over.CURVES)
    for n in range(len(u)):
        chi2 = [_left(fit.residual[n], [row[n] * batch.w[n] for row in rows])
                for rows in (law, law + more, law + more[:1])]  # fmt: skip
        assert tried[n, left_over.ALL] == pytest.approx(chi2[0] - chi2[1], rel=0.02, abs=0.05)
        if tried[n, left_over.CUBE] > 0:
            assert tried[n, left_over.CUBE] == pytest.approx(chi2[0] - chi2[2], rel=0.02, abs=0.02)
    assert (tried[:, left_over.CUBE] > 0).any()


def _left(residual: np.ndarray, columns: list[np.ndarray]) -> float:
    a = np.stack(columns, axis=1)
    a = a / np.linalg.norm(a, axis=0)
    return float(((residual - a @ np.linalg.lstsq(a, residual, rcond=None)[0]) ** 2).sum())
