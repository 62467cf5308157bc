"""Single shots: what the discriminator is worth when nothing is prepared perfectly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation.shots import dead_fraction, fit_shots
from kammerton.model import Verdict

Complex = NDArray[np.complex128]
DISTANCE, ANGLE, ZERO = 1e-3, 2.0, 0.3e-3 - 1e-3j


def measured(
    seed: int, shots: int = 4000, sep: float = 5.5, rate: float = 0.03,
    prepared: tuple[float, float] = (0.01, 0.96), dead: float = 0.0,
) -> tuple[list[Complex], list[NDArray[np.bool_]]]:  # fmt: skip
    """Shots of both preparations, and whether each really began in 1."""
    rng = np.random.default_rng(seed)
    z, began = [], []
    for fraction in prepared:
        one = rng.random(shots) < fraction
        lived = np.clip(rng.exponential(1 / rate, shots) - dead, 0, 1)
        noise = rng.normal(size=shots) + 1j * rng.normal(size=shots)
        z.append(ZERO + DISTANCE * (np.exp(1j * ANGLE) * one * lived + noise / sep))
        began.append(one)
    return z, began


def test_errors_of_preparation_do_not_count() -> None:
    good = fit_shots(*measured(1, prepared=(0.0, 1.0))[0])
    poor = fit_shots(*measured(2, prepared=(0.2, 0.7))[0])
    difference = good.values["assignment_fidelity"].value - poor.values["assignment_fidelity"].value
    assert abs(difference) < 0.02
    z, _ = measured(2, prepared=(0.2, 0.7))
    u = [(s * np.exp(-1j * ANGLE)).real > poor.values["readout_threshold"].value for s in z]
    assert 1 - 0.5 * (u[0].mean() + (~u[1]).mean()) < 0.8


def test_too_few_shots() -> None:
    z, _ = measured(3, shots=60)
    for sets in (z, [z[0][:0], z[1]]):
        fit = fit_shots(*sets, "q3")
        assert (fit.verdict, fit.status, fit.target) == (
            Verdict.INSUFFICIENT, "too few shots", "q3",
        )  # fmt: skip
        assert fit.values == {}
        assert fit.advice.shots_times is not None
        assert fit.advice.shots_times > 1


def test_shots_that_are_not_finite_are_missing() -> None:
    z, _ = measured(3)
    whole = fit_shots(*z).values["assignment_fidelity"]
    z[1][7], z[0][5] = complex(math.nan, 0), complex(0, math.inf)
    assert fit_shots(*z).values["assignment_fidelity"].value == pytest.approx(whole.value, abs=1e-3)


def test_no_finite_shot_at_all() -> None:
    fit = fit_shots(np.full(200, np.nan + 0j), np.full(200, np.inf + 0j), "q3")
    assert (fit.verdict, fit.status, fit.target) == (Verdict.REJECTED, "no signal", "q3")


def test_a_fit_of_shots_has_every_number_of_the_kind_but_no_curve() -> None:
    fit = fit_shots(*measured(5)[0], "q3")
    assert fit.curve is None
    assert fit.values["p1_given_1"].value == pytest.approx(0.98, abs=0.02)
    assert [fit.values[n].unit for n in ("readout_angle", "readout_contrast")] == ["rad", "V"]


def ringing(linewidth: float, chi: float, length: float) -> tuple[Any, Any]:
    """Signal of a qubit that decays at t: 0 began in 0, 1 lived, by the resonator's linear law."""
    t = np.linspace(0, length, 401)
    step = t[1]
    rates = [2 * np.pi * (linewidth / 2 + 1j * side * chi) for side in (-1, 1)]

    def integrated(jump: int) -> complex:
        field, total = 0j, 0j
        for k in range(400):
            rate = rates[1 if k < jump else 0]
            decay = np.exp(-rate * step)
            after = field * decay + (1 - decay) / rate
            total, field = total + 0.5 * (field + after) * step, after
        return total

    jumps = range(0, 401, 8)
    z = np.array([integrated(jump) for jump in jumps])
    whole = z[-1] - z[0]
    return t[::8] / length, ((z - z[0]) * np.conj(whole)).real / abs(whole) ** 2


@pytest.mark.parametrize(("linewidth", "chi"), [(2e6, 0.8e6), (1.2e6, 0.6e6)])
def test_a_resonator_that_rings_up_does_not_hide_decay(linewidth: float, chi: float) -> None:
    f, response = ringing(linewidth, chi, 1e-6)
    rng = np.random.default_rng(0)
    rate, sep, shots, count = 0.05, 5.5, 4000, 20
    dead = dead_fraction(linewidth, 1e-6)
    found: dict[float, list[float]] = {0.0: [], dead: []}
    for _ in range(count):
        z = []
        for prepared in (0.01, 0.97):
            signal = np.interp(np.clip(rng.exponential(1 / rate, shots), 0, 1), f, response)
            noise = rng.normal(size=shots) + 1j * rng.normal(size=shots)
            z.append((rng.random(shots) < prepared) * signal + noise / sep)
        fits = {d: fit_shots(*z, dead=d) for d in found}
        boundary = fits[dead].values["readout_threshold"].value
        for d, fit in fits.items():
            found[d].append(fit.values["assignment_fidelity"].value)
    signal = np.interp(np.clip(rng.exponential(1 / rate, 400_000), 0, 1), f, response)
    one = signal + rng.normal(size=400_000) / sep
    zero = rng.normal(size=400_000) / sep
    truth = 1 - 0.5 * float((zero > boundary).mean() + (one < boundary).mean())
    assert np.mean(found[0.0]) - truth > 0.0012
    assert abs(np.mean(found[dead]) - truth) < 0.0012
