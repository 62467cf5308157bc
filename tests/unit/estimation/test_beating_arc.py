"""An arc whose line beats in its flanks, as measured ones do: errors hold what the law misses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.maps import arcfit, misses, tracks

PERIOD, E_C, F_MAX, SPOT, WIDTH = 1.2, 200e6, 4.957e9, 0.22, 2.6e6


def beating(seed):
    """Return axes and a map: in the flanks the line is pulled down, and fades, every 5 MHz."""
    rng = np.random.default_rng(seed)
    f, b = np.linspace(4.913e9, 4.962e9, 50), np.linspace(0.12, 0.32, 400)
    at = (F_MAX + E_C) * np.sqrt(np.cos(np.pi * (b - SPOT) / PERIOD)) - E_C
    flank = np.clip((4.947e9 - at) / 20e6, 0, 1)
    beat = np.sin(np.pi * at / 5e6) ** 2
    line = 1 / (1 + (2 * (f[:, None] - at + 0.3 * WIDTH * flank * beat**2) / WIDTH) ** 2)
    return (f, b), (1 - 0.7 * flank * beat) * line + 0.03 * rng.normal(size=(50, 400))


@pytest.fixture
def fits(monkeypatch):
    """Every law that was followed to near its best place."""
    every = []

    def kept(*arguments, **known):
        fit = tracks.follow(*arguments, **known)
        every.extend([fit] if fit.step < tracks.NEARLY else [])
        return fit

    monkeypatch.setattr(arcfit, "follow", kept)
    return every


@pytest.mark.parametrize("seed", [0, 1])
def test_a_fit_along_a_flat_valley_goes_to_its_end(seed, fits):
    axes, y = beating(seed)
    found = fit_batch("qubit_flux_map", axes, y)
    assert found.verdict[0] == "accepted", found.reason
    assert abs(found.values["period"][0] - PERIOD) < 3 * found.stderr["period"][0]
    assert fits
    assert max(fit.step for fit in fits) < 0.1


def test_columns_half_way_out_widen_the_errors():
    """The scatter of many robust means is what is said of one."""
    rng = np.random.default_rng(5)
    means, said = [], []
    for _ in range(400):
        x = np.where(rng.random(200) < 0.6, 1.0, 4.0) * rng.normal(size=200)
        mean = 0.0
        for _ in range(40):
            off = x - mean
            weight = np.clip(1 - (off / tracks.TUKEY) ** 2, 0, None) ** 2
            mean += (weight * off).sum() / weight.sum()
        fit = SimpleNamespace(off=off[:, None], weight=weight)
        wider = misses.outlying(fit, SimpleNamespace(seen=np.ones(200, dtype=bool)))
        means.append(mean)
        said.append(wider / weight.sum())
    assert np.mean(said) == pytest.approx(np.var(means), rel=0.15)
    assert np.mean(said) > 1.5 / weight.sum()


@pytest.mark.parametrize("lines", [1, 2])
def test_columns_that_scatter_by_their_errors_do_not_widen_them(lines):
    off = np.random.default_rng(6).normal(size=(4000, lines))
    weight = (1 - (np.abs(off).max(axis=1) / tracks.TUKEY) ** 2) ** 2
    seen = SimpleNamespace(seen=np.ones(len(off), dtype=bool))
    assert misses.outlying(SimpleNamespace(off=off, weight=weight), seen) < 1.05
