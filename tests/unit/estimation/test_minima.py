"""Faint and wide lines: the fit finds the minimum that least squares from the truth finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.resonances.plane import fit_plane
from tests.catalogue.bound import choosing_oracle, oracle, rows_of, stacked
from tests.catalogue.registry import truths

WORSE = 4.0


def chi_square(traces, curve):
    return ((stacked(traces.y - curve) / rows_of(traces.sigma, traces.y)) ** 2).sum(axis=1)


def misses(name, snr, n, mirrored=False):
    """Return how many of n traces have a chi-square clearly above the oracle's."""
    truth, rng = truths()[name], np.random.default_rng([7, 2])
    p = truth.draw(rng, n)
    traces = truth.measured(rng, p, snr)
    best = oracle(truth, p, traces)[1]
    if mirrored:
        traces = replace(traces, y=traces.y.conj())
    return int(np.count_nonzero(chi_square(traces, truth.fit(traces).curve) - best > WORSE))


def far(name, snr, n, widths):
    """Return how many of n lines are found more than so many linewidths away."""
    truth, rng = truths()[name], np.random.default_rng([7, 2])
    p = truth.draw(rng, n)
    found, true = truth.fit(truth.measured(rng, p, snr)), truth.scored(p)
    off = np.abs(found.values["frequency"] - true["frequency"])
    return int(np.count_nonzero(~(off < widths * true["linewidth"])))


def sloping(name, snr, n):
    """Return in how many of n traces over a level background a slope of it is believed."""
    truth, rng = truths()[name], np.random.default_rng([7, 2])
    traces = truth.measured(rng, truth.draw(rng, n), snr)
    batch = FIT_KINDS[truth.kind].prepare(traces.x, traces.y, traces.sigma)
    return int(np.count_nonzero(fit_plane(batch).fit.theta[:, 7:].any(axis=1)))


@pytest.mark.parametrize("mirrored", [False, True], ids=["phase", "other phase"])
def test_a_faint_reflection_is_not_taken_for_a_delay(mirrored):
    """Overcoupled, it turns the phase once, as a cable of one turn does: 6 of 300 went wrong."""
    assert misses("resonator_spectroscopy, reflection", 5.0, 300, mirrored) == 0


def test_a_faint_transmission_is_not_taken_for_a_delay():
    """13 of 500 went wrong."""
    assert misses("resonator_spectroscopy, transmission", 5.0, 500) <= 2


def test_magnitudes_are_fitted_to_the_last_where_they_touch_zero():
    """There a square weighs otherwise than what was measured: 5 of 500 went wrong."""
    assert misses("resonator_spectroscopy, transmission, magnitude", 300.0, 500) == 0


@pytest.mark.parametrize("points", [101, 401])
def test_a_resonance_as_narrow_as_two_points_is_found(points):
    """Of many points it is sought in pairs of neighbours; in groups of eight it would be lost."""
    rng, n, x = np.random.default_rng(5), 200, np.linspace(0.0, 1.0, points)
    centre, depth, delay = (rng.uniform(*ends, (n, 1)) for ends in ((0.1, 0.9), (0.3, 1), (-1, 2)))
    y = 1 - depth / (1 + 2j * (x - centre) * (points - 1) / 2.0)
    noise = rng.standard_normal((2, n, points))
    y = y * np.exp(-2j * np.pi * delay * x) + depth / 8.0 * (noise[0] + 1j * noise[1])
    sigma = np.broadcast_to(depth / 8.0, y.shape)
    found = fit_batch("resonator_spectroscopy", x, y, sigma).values["frequency"]
    assert (np.abs(found - centre[:, 0]) < 3.0 / (points - 1)).all()


def test_a_line_half_as_wide_as_the_window_is_found_where_it_is():
    """A slope under it led 5 of 300 to a line at the window's edge."""
    assert far("qubit_spectroscopy, power-broadened", 5.0, 300, 0.5) <= 1


def test_an_oracle_that_must_choose_takes_the_simpler_law_of_a_faint_beat():
    truth, rng = truths()["ramsey, charge parity"], np.random.default_rng(3)
    p = truth.draw(rng, 10)
    traces = truth.measured(rng, p, 3.0)
    chosen, chi2, told = choosing_oracle(truth, p, traces)
    free = oracle(truth, p, traces)[1]
    assert (chi2 >= free - 1e-6).all()
    assert (chi2 > free).any()
    assert (chosen["frequency"] != told["frequency"])[chi2 > free].all()


def test_an_oracle_keeps_within_the_limits_of_a_shape():
    truth, rng = truths()["ramsey"], np.random.default_rng(4)
    p = truth.draw(rng, 30)
    traces = truth.measured(rng, p, 5.0)
    best, chi2 = oracle(truth, p, traces)
    loose, lower = oracle(replace(truth, limits={}), p, traces)
    low, high = truth.limits["slow"]
    assert ((best["slow"] >= low) & (best["slow"] <= high)).all()
    assert not ((loose["slow"] >= low) & (loose["slow"] <= high)).all()
    assert np.median(chi2 - lower) < 1.0


def test_a_sloping_background_pays_for_itself_when_starts_are_compared():
    """Else it wins by its two parameters more, from another start, in 10 of 300 traces."""
    assert sloping("resonator_spectroscopy, notch", 5.0, 300) <= 5
