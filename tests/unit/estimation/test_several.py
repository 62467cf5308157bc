"""Wide scans with several lines: all are counted, and the expected one is given."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.curves import doublet

F = np.linspace(4.5e9, 5.5e9, 501)
CENTRES, HEIGHTS = np.array([4.62e9, 4.81e9, 5.02e9, 5.31e9]), (0.4, 1.0, 0.6, 0.8)
N = 100


def line(centre, height=1.0, width=10e6):
    return height / (1 + ((F - centre) / (width / 2)) ** 2)


def noisy(y, seed=1):
    return y + 0.05 * np.random.default_rng(seed).normal(size=(N, F.size))


def crowd():
    return noisy(sum(line(c, h) for c, h in zip(CENTRES, HEIGHTS, strict=True)))


@cache
def found_in_the_crowd(given):
    return fit_batch("qubit_spectroscopy", F, crowd(), given)


@pytest.mark.parametrize("given", [0.05, None])
def test_all_are_counted_and_the_strongest_is_given(given):
    found = found_in_the_crowd(given)
    assert np.mean(found.values["lines"] == 4) > 0.97
    assert set(found.verdict) == {"accepted"}
    assert np.abs(found.values["frequency"] - 4.81e9).max() < 1.5e6
    assert found.reason[0].startswith("4 lines")
    rest = [found.values[f"frequency_{k}"][0] for k in (2, 3, 4)]
    assert rest == pytest.approx([5.31e9, 5.02e9, 4.62e9], abs=3e6)
    assert np.isnan(found.values["frequency_5"]).all()


def test_pulls_of_every_line():
    found = found_in_the_crowd(0.05)
    for name, centre in (("frequency", 4.81e9), ("frequency_2", 5.31e9), ("frequency_4", 4.62e9)):
        pull = (found.values[name] - centre) / found.stderr[name]
        assert abs(pull.mean()) < 0.4, name
        assert 0.8 < pull.std() < 1.25, name


@pytest.mark.parametrize("expected", CENTRES)
def test_the_expected_line_is_given_however_weak(expected):
    y = crowd()[::4]
    found = fit_batch("qubit_spectroscopy", F, y, 0.05, expected=expected, within=3e6)
    assert set(found.verdict) == {"accepted"}
    assert found.values["frequency"] == pytest.approx(expected, abs=3e6)


def test_of_two_lines_the_expected_one():
    y = noisy(line(4.9e9, 1.0) + line(5.2e9, 0.8))
    for expected in (4.9e9, 5.2e9):
        found = fit_batch("qubit_spectroscopy", F, y, 0.05, expected=expected)
        assert found.values["frequency"] == pytest.approx(expected, abs=2e6)
        assert (found.values["lines"] == 2).all()


def test_a_line_elsewhere_is_the_wrong_peak():
    found = fit_batch("qubit_spectroscopy", F, noisy(line(4.7e9)), 0.05, expected=5.1e9)
    assert set(found.status) == {"wrong peak"}
    assert set(found.verdict) == {"rejected"}
    assert "400 MHz from where it is expected" in found.reason[0]
    narrow = fit_batch(
        "qubit_spectroscopy", F, noisy(line(5.12e9)), 0.05, expected=5.1e9, within=1e6
    )
    assert set(narrow.status) == {"wrong peak"}


def test_one_line_is_one():
    found = fit_batch("qubit_spectroscopy", F, noisy(line(5.0e9)), 0.05, expected=5.0e9)
    assert (found.values["lines"] == 1).all()
    assert np.isnan(found.values["frequency_2"]).all()


def test_complex_scans_are_counted_too():
    y = crowd()
    z = 0.3 + (0.6 - 0.8j) * y + 0.05j * np.random.default_rng(2).normal(size=y.shape)
    found = fit_batch("qubit_spectroscopy", F, z, 0.05)
    assert np.mean(found.values["lines"] == 4) > 0.9


def test_companions_change_nothing():
    rng = np.random.default_rng(5)
    x = np.linspace(0.0, 1.0, F.size)
    turns, turn = rng.uniform(1.0, 9.0, (40, 1)), rng.uniform(0.0, 6.0, (40, 1))
    hum = 0.5 * np.sin(2 * np.pi * turns * x + turn) + 0.05 * rng.normal(size=(40, F.size))
    y = np.vstack([crowd()[:3], hum, crowd()[3:6, ::-1]])
    whole = fit_batch("qubit_spectroscopy", F, y, 0.05)
    for n in range(len(y)):
        alone = fit_batch("qubit_spectroscopy", F, y[n], 0.05)
        assert alone.verdict[0] == whole.verdict[n]
        assert alone.values["lines"][0] == whole.values["lines"][n]
        assert alone.values["frequency"][0] == pytest.approx(
            whole.values["frequency"][n], rel=1e-12
        )


def doublets(width, apart, ratio, count=30):
    """Two lines about the middle of 60 MHz, 101 points, 1000 shots each; their centres (N, 2)."""
    rng = np.random.default_rng(1)
    x = np.linspace(5.0e9, 5.06e9, 101)
    centres = 5.03e9 + rng.uniform(-5e6, 5e6, (count, 1)) + apart * np.array([-0.5, 0.5])
    lines = 1 / (1 + (2 * (x - centres[:, :, None]) / width) ** 2)
    y = 0.05 + 0.55 * (lines * np.array([[1.0], [ratio]])).sum(axis=1)
    sigma = np.sqrt(np.clip(y * (1 - y), 0.02, None) / 1000)
    found = fit_batch("qubit_spectroscopy", x, y + sigma * rng.normal(size=y.shape), sigma)
    return found, centres


@pytest.mark.parametrize("ratio", [1.0, 0.7])
@pytest.mark.parametrize("apart", [3e6, 4e6, 6e6])
def test_a_doublet_is_two_lines_and_no_jump(apart, ratio):
    found, centres = doublets(2e6, apart, ratio)
    assert (found.verdict == "accepted").mean() > 0.95, found.reason
    named = found.verdict == "accepted"
    assert (found.values["lines"][named] == 2).all()
    pull = (found.values["frequency"] - centres[:, 1]) / found.stderr["frequency"]
    assert 0.6 < pull[named].std() < 1.4


def test_a_doublet_between_the_points_wants_a_finer_sweep():
    found, _ = doublets(0.9e6, 4e6, 1.0)
    assert (found.verdict != "accepted").all()
    assert (found.status == "sampling too coarse").mean() > 0.7, found.reason


def test_a_faint_second_line_is_seen_though_the_residuals_do_not_clump(monkeypatch):
    x, noise = np.linspace(0.0, 1.0, 101), 0.07 * np.random.default_rng(4).normal(size=(400, 101))
    one = 1 / (1 + ((x - 0.7) / 0.04) ** 2)
    other = 0.35 / (1 + ((x - 0.35) / 0.015) ** 2)

    def twos(y):
        found = fit_batch("qubit_spectroscopy", x, y + noise, 0.07)
        return np.count_nonzero(found.values["lines"] == 2)

    hoped, feigned = twos(one + other), twos(one)
    monkeypatch.setattr(doublet, "_promising", lambda batch, *_: np.zeros(batch.traces, bool))
    assert hoped >= twos(one + other) + 10
    assert feigned == 0


COMB = ((0.1, 0.028, 0.98), (0.568, 0.0152, 0.795), (0.927, 0.03, 0.635),
        (0.7705, 0.0297, 0.512), (0.226, 0.0207, 0.404), (0.4, 0.0238, 0.321))  # fmt: skip


def comb(points=201):
    """Return places from 0 to 1, and six lines (centre, width, height)."""
    x = np.linspace(0.0, 1.0, points)
    return x, sum(h / (1 + (2 * (x - c) / w) ** 2) for c, w, h in COMB)


def test_a_line_that_seems_hardly_wider_than_a_point_beside_lines_not_found_yet_is_one():
    """They feign a background, over which it is as narrow as a spur."""
    x, y = comb()
    noise = 0.02 * np.random.default_rng(1).normal(size=(20, x.size))
    found = fit_batch("qubit_spectroscopy", 4.9e9 + 100e6 * x, y + noise, 0.02)
    assert (found.values["lines"] == 6).all()
    assert set(found.verdict) == {"accepted"}


@pytest.mark.parametrize("high", [0.3, 1.0, 3.0])
def test_but_beside_a_spur_of_one_point_none_is_believed(high):
    x, y = comb()
    y[150] += high
    noise = 0.02 * np.random.default_rng(2).normal(size=(20, x.size))
    found = fit_batch("qubit_spectroscopy", 4.9e9 + 100e6 * x, y + noise, 0.02)
    assert "accepted" not in found.verdict
