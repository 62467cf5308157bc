"""Populations from counts: the bars hold where p jumps from one point to the next, for every kind.

The noise of counts is p (1 - p)/shots, which an average over neighbours has wrong there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation import fit_batch
from kammerton.estimation.curves.pulse_pairs import populations

Array = NDArray[np.float64]


def read_out(p: Array, low: float = 0.02, high: float = 0.98) -> Array:
    return low + (high - low) * p


@dataclass(frozen=True)
class Counts:
    """What is counted: kind, axes, populations, and the true values; off: that pulls may be."""

    kind: str
    x: Any
    p: Array
    truth: dict[str, float]
    traces: int
    shots: int = 1000
    known: dict[str, Any] = field(default_factory=dict)
    off: float = 0.06
    seed: int = 11


def trains() -> Counts:
    r, b = np.array([1.0, 3.0, 5.0]), np.linspace(-1, 1, 25)
    p = read_out(0.5 - 0.5 * np.cos(2 * np.pi / 5.0 * r[:, None] * (b - 0.15)))
    truth = {"drag_coefficient": 0.15, "period": 5.0}
    return Counts("drag_repetitions", (r, b), p, truth, 800)


def half_turns(error: float) -> Counts:
    n = np.array([0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 21, 23, 25.0])
    p = read_out(0.5 + 0.5 * np.cos(n * (np.pi / 2 + error) - np.pi))
    known = {"angle": np.pi / 2, "phase": np.pi}
    return Counts("fine_amplitude", n, p, {"angle_error": error}, 1500, known=known)


def pairs(times: int) -> Counts:
    truth = {"angle_error": 0.02, "detuning_angle": 0.1, "drag_error": 0.0, "relaxation": 0.01}
    p = np.repeat(read_out(populations(np.array(list(truth.values())))), times)
    return Counts("allxy", np.arange(21.0 * times), p, truth, 1000)


def crossing_lines() -> Counts:
    b = np.linspace(-1, 1, 21)
    p = np.stack([0.5 + 0.39 * (b - 0.2), 0.5 - 0.39 * (b - 0.2)])
    truth = {"drag_coefficient": 0.2}
    return Counts("drag_sequences", (np.array([0.0, 1.0]), b), p, truth, 1500)


def chevron() -> Counts:
    a, t, g = np.linspace(0.2, 0.3, 31), np.linspace(0, 120e-9, 31), 9e6
    gap = np.hypot(2 * g, (a**2 - 0.25**2) * 4e9)[:, None]
    p = read_out((2 * g / gap) ** 2 * np.sin(np.pi * gap * t) ** 2, high=0.95)
    truth = {"coupling": g, "amplitude": 0.25, "cz_length": 0.5 / g}
    return Counts("cz_chevron", (a, t), p, truth, 120, shots=500, off=0.08)


def branches() -> Counts:
    f, b, g, wide = np.linspace(-60e6, 60e6, 81), np.linspace(-0.5, 0.5, 41), 10e6, 6e6
    at = [75e6 * b + sign * np.hypot(75e6 * b, g) for sign in (1, -1)]
    p = 0.03 + 0.4 * sum(1 / (1 + 4 * ((f[:, None] - each) / wide) ** 2) for each in at)
    truth = {"coupling": g, "crossing_bias": 0.0, "crossing_frequency": 5e9, "slope_upper": 150e6}
    return Counts("avoided_crossing", (5e9 + f, b), p, truth, 60, shots=500, off=0.1, seed=7)


def arc() -> Counts:
    f, b = np.linspace(4.6e9, 5.06e9, 93), np.linspace(-0.5, 0.5, 41)
    at = 5.2e9 * np.sqrt(np.cos(np.pi * b / 2)) - 0.2e9
    p = 0.03 + 0.5 / (1 + 4 * ((f[:, None] - at) / 12e6) ** 2)
    return Counts("qubit_flux_map", (f, b), p, {"linewidth": 12e6}, 60, shots=500, off=0.15)


CASES = {
    "half turns": half_turns(-0.2), "half turns, far": half_turns(0.3), "trains": trains(),
    "pairs": pairs(1), "pairs twice": pairs(2), "crossing lines": crossing_lines(),
    "chevron": chevron(), "branches": branches(), "arc": arc(),
}  # fmt: skip


@pytest.mark.parametrize("told", ["shots", "sigma"])
@pytest.mark.parametrize("case", CASES)
def test_bars_of_counts(case, told):
    of = CASES[case]
    rng = np.random.default_rng(of.seed)
    noise = np.sqrt(of.p * (1 - of.p) / of.shots)
    if told == "shots":
        y = rng.binomial(of.shots, of.p, (of.traces, *of.p.shape)) / of.shots
        found = fit_batch(of.kind, of.x, y, shots=of.shots, **of.known)
    else:
        y = of.p + noise * rng.normal(size=(of.traces, *of.p.shape))
        found = fit_batch(of.kind, of.x, y, noise, **of.known)
    good = found.verdict == "accepted"
    assert good.mean() > 0.97
    pulls = np.concatenate([(found.values[k] - v)[good] / found.stderr[k][good]
                            for k, v in of.truth.items()])  # fmt: skip
    assert np.sqrt((pulls**2).mean()) == pytest.approx(1.0, abs=of.off)
    assert (np.abs(pulls) < 1).mean() == pytest.approx(0.683, abs=0.5 * of.off)
    assert found.chi2_reduced.mean() == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("case", ["half turns", "trains", "chevron"])
def test_shots_of_every_point_follow_it_in_whatever_order_it_comes(case):
    of, rng = CASES[case], np.random.default_rng(12)
    shots = rng.choice([100, 3000], of.p.shape)
    y = rng.binomial(shots, of.p) / shots
    straight = fit_batch(of.kind, of.x, y, shots=shots, **of.known)
    axes = of.x if isinstance(of.x, tuple) else (of.x,)
    orders = [rng.permutation(axis.size) for axis in axes]
    mixed = tuple(axis[order] for axis, order in zip(axes, orders, strict=True))
    turned = fit_batch(of.kind, mixed if len(mixed) > 1 else mixed[0], y[np.ix_(*orders)],
                       shots=shots[np.ix_(*orders)], **of.known)  # fmt: skip
    assert turned.values.keys() == straight.values.keys()
    for name, value in straight.values.items():
        assert turned.values[name] == pytest.approx(value, rel=1e-6, abs=1e-6 * abs(value[0]))
        assert turned.stderr[name] == pytest.approx(straight.stderr[name], rel=1e-4), name


def test_shots_of_every_point_go_with_their_trace_where_traces_are_unlike():
    of, rng = CASES["pairs"], np.random.default_rng(13)
    shots = rng.choice([300, 3000], (4, 21))
    y = rng.binomial(shots, of.p) / shots
    x = np.tile(of.x, (4, 1))
    x[2, 3], y[2, 3] = x[2, 4], y[2, 4]  # one pair less
    whole = fit_batch(of.kind, x, y, shots=shots)
    for n in range(4):
        alone = fit_batch(of.kind, x[n], y[n], shots=shots[n])
        assert whole.stderr["angle_error"][n] == pytest.approx(alone.stderr["angle_error"][0])
