"""The laws' derivatives, and that the compiled code is kept for the next process."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.curves.fringes import bounds
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.solver import solve

P = {
    "DECAY": [2.0, 0.3],
    "RAMSEY": [2.0, 0.3, 30.0],
    "BEAT": [2.0, 0.3, 30.0, 41.0],
    "IN_PHASE": [2.0, 0.3, 30.0, 41.0, 0.7, 0.02],
    "RABI": [0.5, 12.0, 0.03],
    "LINE": [0.45, 0.1],
    "TWO_LINES": [0.3, 0.05, 0.6, 0.1],
    "RESONANCE": [0.45, 0.1, 1.7],
    "POWER": [0.45, 0.1],
}
EVEN = np.linspace(0.1, 1.1, 41)
UNEVEN = np.sort(np.random.default_rng(1).uniform(size=41))


def law_at(law, p, x, step, c):
    parts = 2 if law == kernels.RESONANCE else 1
    phi, room = np.zeros((len(c), parts * len(x))), np.zeros((2, parts * len(x)))
    kernels.basis(law, np.array(p), x, step, phi, room)
    return phi, room, c @ phi


@pytest.mark.parametrize("x", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("name", [name for name in P if name != "RESONANCE"])  # see test_poles
def test_derivatives(name, x):
    law, p = getattr(kernels, name), P[name]
    more = 1 if name == "POWER" else 0
    c = np.random.default_rng(2).normal(size=kernels.LINEAR[law] + more)
    step = 0.025 if x is EVEN else 0.0
    phi, room, y = law_at(law, p, x, step, c)
    d = np.zeros((len(p), y.size))
    kernels.slopes(law, np.array(p), x, np.ones_like(y), phi, room, c[:, None], d)
    for k in range(len(p)):
        ends = [law_at(law, np.add(p, h * np.eye(len(p))[k]), x, step, c)[2] for h in (1e-6, -1e-6)]
        assert d[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", P)
def test_recurrence_is_the_law(name):
    law = getattr(kernels, name)
    c = np.ones(kernels.LINEAR[law])
    quick, slow = (law_at(law, P[name], EVEN, step, c)[2] for step in (0.025, 0.0))
    assert quick == pytest.approx(slow, abs=1e-11)


@pytest.mark.parametrize("largest", [1e-9, 0.5, 3.2, 700.0])
def test_cosines_and_sines_are_those_of_the_angle(largest):
    angles = np.linspace(-largest, largest, 2001)
    cos, sin = np.array([kernels.cosine_and_sine(float(angle)) for angle in angles]).T
    assert cos == pytest.approx(np.cos(angles), rel=0, abs=2e-15 + 2e-16 * largest)
    assert sin == pytest.approx(np.sin(angles), rel=0, abs=2e-15 + 2e-16 * largest)


def drifting(n):
    """Return fringes whose frequency drifts, which no two frequencies follow."""
    t, noise = np.linspace(0.0, 1.0, 101), np.random.default_rng(1).normal(size=(n, 101))
    y = np.cos(2 * np.pi * (7.0 * t + 1.2 * t**2)) * np.exp(-((1.3 * t) ** 4)) + 0.05 * noise
    return prepare(t, y, np.full(101, 0.05), complex_too=False, from_zero=True, least=7)


def test_a_fit_with_a_parameter_at_its_bound_comes_to_the_minimum():
    """A step that takes a held parameter for free leads the others astray, or lets them creep."""
    batch, start = drifting(3), np.tile([1.0, 1.0, 14 * np.pi, 18 * np.pi], (3, 1))
    low, high = bounds(batch, 2)
    found = solve(kernels.BEAT, batch, start, low, high)
    assert found.p[:, 1] == pytest.approx(high[1])
    low[1] = high[1]  # frozen, so that the others are free in every step
    held = solve(kernels.BEAT, batch, found.p, low, high)
    assert found.cost == pytest.approx(held.cost, rel=1e-4)


def test_several_starts_are_fitted_as_if_each_were_alone():
    batch = drifting(2)
    starts = [np.tile([1.0, 1.0, 2 * np.pi * f, 18 * np.pi], (2, 1)) for f in (5.0, 7.0, 12.0)]
    low, high = bounds(batch, 2)
    every = solve(kernels.BEAT, batch, np.concatenate(starts), low, high)
    for k, start in enumerate(starts):
        alone, mine = (
            solve(kernels.BEAT, batch, start, low, high),
            every.take(slice(2 * k, 2 * k + 2)),
        )
        for name in ("theta", "cov", "cost", "residual", "free"):
            assert (getattr(mine, name) == getattr(alone, name)).all()


def test_the_envelope_is_one_over_e_at_the_inverse_rate():
    for shape in (-0.3, 0.0, 0.4, 1.0, 1.4):
        phi, _, _ = law_at(kernels.DECAY, [2.0, shape], np.array([0.0, 0.5]), 0.0, np.ones(2))
        assert phi[0] == pytest.approx([1.0, np.exp(-1.0)])


def test_a_steep_rate_cannot_make_the_envelope_grow_beyond_bounds():
    phi, _, _ = law_at(kernels.DECAY, [200.0, -0.5], np.linspace(0, 1, 51), 0.02, np.ones(2))
    assert phi[0].max() < 3.0


def test_compiled_code_is_kept_on_disk():
    kernels.solve.enable_caching  # noqa: B018 - raises if the kernel were not a numba dispatcher
    assert kernels.solve._cache.cache_path


@pytest.mark.parametrize("x", [np.linspace(-0.6, 0.4, 41), np.linspace(-0.5, 0.5, 41)])
def test_a_rabi_law_goes_both_ways_from_zero(x):
    quick, slow = (
        law_at(kernels.RABI, [3.0, 40.0, 0.01], x, step, np.ones(2))[2] for step in (0.025, 0.0)
    )
    assert quick == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize("name", ["DECAY", "RAMSEY", "BEAT"])
def test_recurrences_hold_over_thousands_of_points(name):
    law, x = getattr(kernels, name), np.linspace(0.0, 1.0, 4001)
    for shape in (0.0, 0.3):
        p = [P[name][0], shape, *P[name][2:]]
        quick, slow = (
            law_at(law, p, x, step, np.ones(kernels.LINEAR[law]))[2] for step in (1 / 4000, 0.0)
        )
        assert quick == pytest.approx(slow, abs=1e-10)


def test_the_inverse_from_a_factor():
    root = np.random.default_rng(3).normal(size=(5, 5))
    a = root @ root.T + np.eye(5)
    factor, inverse = a.copy(), np.empty((5, 5))
    assert kernels.factor(factor, 5)
    kernels.inverted(factor, 5, inverse)
    assert inverse == pytest.approx(np.linalg.inv(a))


def test_a_step_that_failed_leaves_nothing_behind():
    rng, x = np.random.default_rng(6), np.linspace(0.0, 1.0, 101)
    turns, phase = 2 * np.pi * rng.uniform(0.4, 1.0, (400, 1)), rng.uniform(-3.0, 3.0, (400, 1))
    slow, rate = rng.integers(0, 2, (400, 1)), rng.uniform(0.3, 5.0, (400, 1))
    envelope = np.exp(-rate * (1 - slow) * x - slow * (rate * x) ** 2)
    y = envelope * np.cos(turns * x + phase) + 0.02 * rng.standard_normal((400, 101))
    found = fit_batch("ramsey", x, y, 0.02)
    assert found.chi2_reduced.max() < 2.0  # less than a period is hard, not impossible
