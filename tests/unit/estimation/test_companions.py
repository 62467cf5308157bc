"""A trace fitted alone and in a batch of odd companions is the same trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation import FIT_KINDS, FitBatch, fit_batch
from tests.unit.estimation.good_traces import GOOD, MAPS, SEED, Arrays, good


def odd(kind: str, arrays: Arrays) -> Arrays:
    """Return the traces followed by as many of each of some damages."""
    x, y, sigma, known = arrays
    rng = np.random.default_rng(SEED + 1)
    holes = np.where(rng.random(y.shape) < 0.15, np.nan, y)
    wild = np.nanstd(y) * (rng.normal(size=y.shape) + 0 * y)
    damaged = [y, y, 1e3 * wild, holes, np.full_like(y, 0.25), y + wild, y, y]
    spread = [sigma] * 8
    if sigma is not None:
        none, some = np.full_like(sigma, np.nan), sigma * np.exp(rng.normal(size=sigma.shape))
        spread = [sigma, none, 1e3 * sigma, sigma, sigma, 30 * sigma, some, sigma]
    if kind in MAPS:  # they are slow, and share little
        damaged, spread = [a[:1] for a in damaged[:3]], [s if s is None else s[:1] for s in spread]
    again = {
        name: np.tile(v[: len(damaged[0])], len(damaged)) if np.ndim(v) else v
        for name, v in known.items()
    }
    noise = None if sigma is None else np.concatenate(spread[: len(damaged)])
    return axes(kind, x, y, len(damaged)), np.concatenate(damaged), noise, again


def axes(kind: str, x: Any, y: NDArray[Any], times: int) -> Any:
    """Return an axis for every trace where that is possible; the last ones are longer."""
    if isinstance(x, tuple) or kind in ("allxy", "single_shot_readout"):
        return x
    whole = np.tile(x, (times * len(y), 1))
    if kind == "randomized_benchmarking":
        whole[-GOOD:] = 5 * np.arange(whole.shape[1]) + 1
        return whole
    whole[-GOOD:] = 7 * x
    if not FIT_KINDS[kind].whole:
        whole[-1] = x[0] + np.ptp(x) * np.linspace(0, 1, len(x)) ** 2
        whole[GOOD + 1] += 4e-6 * np.ptp(x) * np.random.default_rng(0).random(len(x))
    return whole


def same(alone: FitBatch, among: FitBatch, n: int) -> None:
    assert (alone.verdict[0], alone.status[0]) == (among.verdict[n], among.status[n])
    for name, value in alone.values.items():
        error = alone.stderr[name][0]
        close = pytest.approx(value[0], rel=1e-9, abs=1e-7 * np.nan_to_num(error), nan_ok=True)
        assert among.values[name][n] == close, name
        assert among.stderr[name][n] == pytest.approx(error, rel=1e-7, nan_ok=True), name
    assert among.curve[n] == pytest.approx(alone.curve[0], rel=1e-6, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("kind", FIT_KINDS)
def test_companions_change_nothing(kind, given):
    x, y, sigma, known = odd(kind, good(kind, given))
    among = fit_batch(kind, x, y, sigma, **known)
    for n in range(0, len(y), 1 if kind in MAPS else GOOD):
        axis = x if isinstance(x, tuple) or np.ndim(x) == 1 else x[n]
        one = {name: v[n] if np.ndim(v) else v for name, v in known.items()}
        alone = fit_batch(kind, axis, y[n], None if sigma is None else sigma[n], **one)
        same(alone, among, n)
