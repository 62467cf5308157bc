"""From blocks to traces: sigma must be honest, with few blocks and with many."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kammerton.estimation.reduce import (
    along_axis,
    axis_of,
    mean_and_sigma,
    moderated,
    populations,
    traces,
)
from kammerton.model import Program, Readout, Records, TraceError
from kammerton.model.trace import ComplexArray

POINTS = 51
SETTINGS = {"r.readout_angle": 0.7, "r.readout_threshold": 2e-3, "r.readout_contrast": 4e-3}


def noise(rng: np.random.Generator, *shape: int) -> ComplexArray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@pytest.mark.parametrize("count", [2, 5, 20, 200])
@pytest.mark.parametrize("uneven", [False, True])
def test_chi_square_is_one_for_a_known_mean(count: int, uneven: bool) -> None:
    rng = np.random.default_rng(count)
    scale = np.where(np.arange(POINTS) % 2 == 0, 1.0, 3.0) if uneven else np.ones(POINTS)
    chi2 = []
    for _ in range(100):
        mean, sigma = mean_and_sigma(scale * noise(rng, count, POINTS))
        chi2.append(np.mean(np.abs(mean) ** 2 / (2 * sigma**2)))
    low, high = (0.5, 1.35) if count == 2 else (0.93, 1.07)
    assert low < np.mean(chi2) < high


def test_uneven_points_keep_their_own_sigma() -> None:
    scale = np.where(np.arange(POINTS) < 25, 1.0, 10.0)
    _, sigma = mean_and_sigma(scale * noise(np.random.default_rng(0), 20, POINTS))
    ratio = sigma / (scale / math.sqrt(20))
    assert ratio.min() > 0.6
    assert ratio.max() < 1.6


def test_even_points_share_what_they_know() -> None:
    _, sigma = mean_and_sigma(noise(np.random.default_rng(0), 5, POINTS))
    own = noise(np.random.default_rng(0), 5, POINTS).real.std(axis=0, ddof=1) / math.sqrt(5)
    assert sigma.std() < 0.3 * own.std()


def test_real_blocks_have_real_sigma() -> None:
    rng = np.random.default_rng(3)
    mean, sigma = mean_and_sigma(rng.normal(size=(20, POINTS)))
    assert not np.iscomplexobj(mean)
    assert sigma.mean() == pytest.approx(1 / math.sqrt(20), rel=0.06)


def test_points_without_scatter_do_not_pull_the_others_down() -> None:
    variance = np.full(10, 4.0)
    variance[3] = 0.0
    np.testing.assert_allclose(moderated(variance, 38), 4.0)
    np.testing.assert_allclose(moderated(np.zeros(5), 38), 0.0)


def test_one_block_has_no_sigma() -> None:
    with pytest.raises(TraceError, match="at least 2"):
        mean_and_sigma(np.ones((1, 5)))
    with pytest.raises(TraceError, match="at least 2"):
        along_axis(np.ones((1, 5), dtype=complex))


@pytest.mark.parametrize("angle", [-1.2, -0.3, 0.0, 0.9, 1.5])
def test_the_axis_is_that_of_the_largest_change(angle: float) -> None:
    sweep = (2 - 1j) + np.cos(np.linspace(0, 9, POINTS)) * np.exp(1j * angle)
    assert axis_of(sweep) == pytest.approx(angle)
    blocks = sweep + 0.1 * noise(np.random.default_rng(1), 20, POINTS)
    along, found = along_axis(blocks)
    y, sigma = mean_and_sigma(along)
    assert found == pytest.approx(angle, abs=0.02)
    np.testing.assert_allclose(sigma, 0.1 / math.sqrt(20), rtol=0.6)
    assert np.ptp(y) == pytest.approx(2.0, abs=0.2)


def test_sigma_is_that_along_the_axis_alone() -> None:
    rng = np.random.default_rng(2)
    along = np.linspace(0, 1, POINTS) + 0.3 * rng.normal(size=(20, POINTS))
    blocks = (along + 0.01j * rng.normal(size=(20, POINTS))) * np.exp(0.5j)
    _, sigma = mean_and_sigma(along_axis(blocks)[0])
    assert sigma.mean() == pytest.approx(0.3 / math.sqrt(20), rel=0.1)


def test_the_population_is_scaled_by_the_discriminator() -> None:
    p = np.array([0.0, 0.25, 1.0])
    z = (2e-3 + 4e-3 * (p - 0.5)) * np.exp(0.7j) + 5j * np.exp(0.7j)
    blocks = np.tile(z, (4, 1))
    blocks[::2] += 1e-5 * np.exp(0.7j)
    blocks[1::2] -= 1e-5 * np.exp(0.7j)
    y, sigma = mean_and_sigma(populations(blocks, 0.7, 2e-3, 4e-3))
    np.testing.assert_allclose(y, p, atol=1e-9)
    assert sigma == pytest.approx(
        np.full(3, 1e-5 / 4e-3 * math.sqrt(1 / 3) * math.sqrt(1)), rel=0.5
    )
    with pytest.raises(TraceError, match="tells no state"):
        populations(blocks, 0.7, 2e-3, 0.0)


def program(points: int = POINTS) -> Program:
    x = np.linspace(0, 1e-4, points)
    readouts = {t: Readout(7e9, 0.1, 1e-6) for t in ("q0", "q1")}
    return Program("t1", {}, readouts, {"q0": x, "q1": 2 * x}, "delay", "s", 1000, 1e-3)


def records(points: int = POINTS) -> Records:
    rng = np.random.default_rng(0)
    sweep = np.linspace(4e-3, 0, points) * np.exp(0.7j)
    blocks = {t: sweep + 1e-4 * noise(rng, 20, points) for t in ("q0", "q1")}
    shots = {t: sweep[[0, -1]] + 1e-3 * noise(rng, 500, 2) for t in ("q0", "q1")}
    return Records(blocks, shots, 1.0)


@pytest.mark.parametrize(
    ("uses", "unit", "is_complex"),
    [("complex", "V", True), ("axis", "V", False), ("population", "", False)],
)
def test_traces_of_every_use(uses: str, unit: str, is_complex: bool) -> None:
    found = traces(program(), records(), uses, dict.fromkeys(("q0", "q1"), SETTINGS))
    assert list(found) == ["q0", "q1"]
    trace = found["q1"]
    assert (trace.target, trace.x_name, trace.x_unit, trace.y_unit) == ("q1", "delay", "s", unit)
    assert np.iscomplexobj(trace.y) is is_complex
    assert trace.x[-1] == 2e-4
    assert trace.y.shape == trace.sigma.shape == (POINTS,)


def test_shots_give_the_means_of_both_preparations() -> None:
    trace = traces(program(2), records(2), "shots", {})["q0"]
    np.testing.assert_allclose(np.abs(trace.y), [4e-3, 0], atol=3e-4)
    np.testing.assert_allclose(trace.sigma, 1e-3 / math.sqrt(500), rtol=0.1)


def test_records_that_cannot_be_traces() -> None:
    whole = records()
    with pytest.raises(TraceError, match="q1: the bench returned no complex data"):
        traces(program(), Records({"q0": whole.blocks["q0"]}, {}, 1.0), "complex", {})
    with pytest.raises(TraceError, match="for a sweep of 7 points"):
        traces(program(7), whole, "complex", {})
    some = {"r.readout_angle": 0.1, "r.readout_contrast": 1.0}
    with pytest.raises(TraceError, match=r"q0: the population needs r\.readout_threshold"):
        traces(program(), whole, "population", {"q0": some})
    with pytest.raises(TraceError, match="'magic' is no way"):
        traces(program(), whole, "magic", {})


def test_a_broken_block_is_a_missing_point_and_harms_no_other() -> None:
    whole = records()
    broken = {t: b.copy() for t, b in whole.blocks.items()}
    broken["q1"][3, 4] = math.nan
    broken["q0"][:] = math.nan
    for uses in ("complex", "axis", "population"):
        settings = dict.fromkeys(("q0", "q1"), SETTINGS)
        found = traces(program(), Records(broken, {}, 1.0), uses, settings)
        good = traces(program(), whole, uses, settings)["q1"]
        assert np.flatnonzero(np.isnan(found["q1"].y)).tolist() == [4]
        assert np.isfinite(found["q1"].sigma).all()
        np.testing.assert_allclose(found["q1"].sigma, good.sigma, rtol=0.2)
        assert np.isnan(found["q0"].y).all()
