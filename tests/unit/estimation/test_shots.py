"""Single shots: what the discriminator is worth when nothing is prepared perfectly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation.mixture import below, densities, threshold
from kammerton.estimation.shots import dead_fraction, fit_shots
from kammerton.model import Fit, Verdict

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


def true_fidelity(fit: Fit, **laboratory: Any) -> float:
    """The fidelity of the fitted discriminator on very many shots whose start is known."""
    z, began = measured(999, shots=200_000, **laboratory)
    u = (np.concatenate(z) * np.exp(-1j * fit.values["readout_angle"].value)).real
    called, one = u > fit.values["readout_threshold"].value, np.concatenate(began)
    return 1.0 - 0.5 * float(called[~one].mean() + (~called[one]).mean())


@pytest.mark.parametrize(
    "laboratory",
    [
        {},
        {"sep": 3.5, "prepared": (0.02, 0.95)},
        {"sep": 2.5, "rate": 0.06},
        {"rate": 0.01, "prepared": (0.001, 0.995)},
        {"rate": 0.1, "prepared": (0.15, 0.75)},
        {"rate": 0.05, "dead": 0.15},
    ],
)
def test_pulls_of_the_fidelity(laboratory: dict[str, Any]) -> None:
    dead = laboratory.get("dead", 0.0)
    fits = [fit_shots(*measured(seed, **laboratory)[0], dead=dead) for seed in range(25)]
    assert all(fit.verdict is Verdict.ACCEPTED for fit in fits)
    truth = true_fidelity(fits[0], **laboratory)
    values = [fit.values["assignment_fidelity"] for fit in fits]
    pulls = np.array([(v.value - truth) / v.stderr for v in values])
    assert abs(pulls.mean()) < 0.55
    assert 0.7 < pulls.std() < 1.35
    assert np.abs(pulls).max() < 4.5


def test_errors_of_preparation_do_not_count() -> None:
    good = fit_shots(*measured(1, prepared=(0.0, 1.0))[0])
    poor = fit_shots(*measured(2, prepared=(0.2, 0.7))[0])
    difference = good.values["assignment_fidelity"].value - poor.values["assignment_fidelity"].value
    assert abs(difference) < 0.02
    z, _ = measured(2, prepared=(0.2, 0.7))
    u = [(s * np.exp(-1j * ANGLE)).real > poor.values["readout_threshold"].value for s in z]
    assert 1 - 0.5 * (u[0].mean() + (~u[1]).mean()) < 0.8


def test_angle_threshold_and_contrast() -> None:
    fits = [fit_shots(*measured(seed)[0]) for seed in range(25)]
    start = (ZERO * np.exp(-1j * ANGLE)).real
    theta = np.array([start, start + DISTANCE, DISTANCE / 5.5, 0.03, 0.0, 1.0])
    truths = {
        "readout_angle": ANGLE, "readout_contrast": DISTANCE, "readout_threshold": threshold(theta)
    }  # fmt: skip
    for name, truth in truths.items():
        pulls = np.array([(f.values[name].value - truth) / f.values[name].stderr for f in fits])
        assert abs(pulls.mean()) < 0.5, name
        assert 0.7 < pulls.std() < 1.4, name
    assert [fits[0].values[n].unit for n in ("readout_angle", "readout_contrast")] == ["rad", "V"]


def test_the_threshold_has_the_least_error() -> None:
    theta = np.array([0.0, 1.0, 0.25, 0.3, 0.0, 1.0])
    u = np.linspace(0, 1, 2001)
    zero, one = below(theta, u)
    best = u[np.argmin((1 - zero) + one)]
    assert threshold(theta) == pytest.approx(best, abs=1e-3)


def test_densities_are_the_slope_of_the_probabilities_and_integrate_to_one() -> None:
    theta = np.array([-0.1, 1.2, 0.2, 0.4, 0.0, 1.0])
    ends = below(theta, np.array([-50.0, 50.0]))
    np.testing.assert_allclose(ends, [[0, 1], [0, 1]], atol=1e-12)
    for u in (-0.5, 0.3, 0.8, 1.5):
        slopes = [np.diff(p)[0] / 2e-6 for p in below(theta, np.array([u - 1e-6, u + 1e-6]))]
        np.testing.assert_allclose(densities(theta, u), slopes, rtol=1e-5, atol=1e-9)


def test_decay_is_the_exponential_smear_it_is_said_to_be() -> None:
    rng = np.random.default_rng(0)
    theta = np.array([0.0, 1.0, 0.2, 0.7, 0.0, 1.0])
    u = np.minimum(rng.exponential(1 / 0.7, 200_000), 1.0) + 0.2 * rng.normal(size=200_000)
    for at in (-0.1, 0.3, 0.6, 1.1):
        assert (u < at).mean() == pytest.approx(below(theta, np.array([at]))[1][0], abs=5e-3)


def rejected(ground: Complex, excited: Complex) -> Fit:
    fit = fit_shots(ground, excited, "q3")
    assert fit.verdict is Verdict.REJECTED
    assert fit.values == {}
    assert fit.target == "q3"
    return fit


def test_too_few_shots() -> None:
    z, _ = measured(3, shots=60)
    fit = rejected(*z)
    assert fit.status == "too few shots"
    assert fit.advice.shots_times is not None
    assert rejected(z[0][:0], z[1]).status == "too few shots"


def test_shots_that_are_not_finite() -> None:
    z, _ = measured(3)
    z[1][7] = complex(math.nan, 0)
    assert rejected(*z).reason == "1 of 4000 shots prepared in 1 are not finite"


def test_a_stuck_digitizer() -> None:
    z, _ = measured(3)
    assert rejected(np.full(4000, 1e-3 + 0j), z[1]).status == "stuck data"
    assert rejected(z[0], np.resize(z[1][:3], 4000)).status == "stuck data"


@pytest.mark.parametrize("seed", range(10))
def test_clouds_that_are_not_separated(seed: int) -> None:
    z, _ = measured(seed, prepared=(0.0, 0.0))
    assert rejected(*z).status == "clouds not separated"


def test_overlapping_clouds_are_insufficient_or_unbiased() -> None:
    """Where one cloud hides in the other, preparation and assignment cannot be told apart."""
    fits = [fit_shots(*measured(seed, sep=1.2, shots=1000)[0]) for seed in range(10)]
    assert all(fit.verdict is not Verdict.ACCEPTED for fit in fits)
    assert any(fit.verdict is Verdict.INSUFFICIENT for fit in fits)
    told = next(fit for fit in fits if fit.verdict is Verdict.INSUFFICIENT)
    assert told.advice.shots_times is not None
    assert told.advice.shots_times > 1


def test_two_humps_in_one_cloud_are_not_a_qubit() -> None:
    z, _ = measured(4)
    third = z[1].copy()
    third[::3] += 1.5 * DISTANCE * np.exp(1j * ANGLE)
    assert rejected_status(z[0], third) == "not two clouds"


def rejected_status(ground: Complex, excited: Complex) -> str:
    fit = fit_shots(ground, excited)
    assert fit.verdict is Verdict.REJECTED
    return fit.status


def test_scale_and_rotation_do_not_matter() -> None:
    z, _ = measured(5)
    here = fit_shots(*z).values["assignment_fidelity"]
    turn = 1e6 * np.exp(0.7j)
    there = fit_shots(*(s * turn + 5.0 for s in z)).values["assignment_fidelity"]
    assert there.value == pytest.approx(here.value, abs=1e-3)
    assert there.stderr == pytest.approx(here.stderr, rel=0.1)


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
