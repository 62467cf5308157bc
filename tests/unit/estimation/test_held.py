"""Maps in which columns or rows were not measured, and maps of two values only."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.maps.held import held
from tests.unit.estimation.good_traces import MAPS, good


def columns_held(y, share):
    """Hold the last columns at the value of one point, or at 0."""
    y = y.copy()
    y[..., int(y.shape[-1] * (1 - share)) :] = 0.0
    return y


def copied(y, share):
    """Write one column again."""
    y = y.copy()
    start = int(y.shape[-1] * (1 - share))
    y[..., start:] = y[..., start - 1 : start]
    return y


def rows_held(y, share):
    """Hold some frequencies at what they were."""
    y = y.copy()
    count = max(1, int(y.shape[1] * share))
    y[:, 3 : 3 + count] = y[:, 3 : 3 + count, :1]
    return y


def block_again(y, share):
    """Read the first points of the buffer once more in the place of the last ones."""
    flat = y.reshape(len(y), -1).copy()
    count = int(share * flat.shape[1])
    flat[:, -count:] = flat[:, 7 : 7 + count]
    return flat.reshape(y.shape)


def sweeps_again(y, share):
    """Read whole sweeps once more, much later."""
    y = y.copy()
    count = int(y.shape[1] * share)
    y[:, -count:] = y[:, :count]
    return y


@pytest.mark.parametrize("damage", [columns_held, copied, rows_held, block_again, sweeps_again])
@pytest.mark.parametrize("kind", MAPS)
def test_a_map_that_is_partly_held_is_rejected(kind, damage):
    x, y, sigma, known = good(kind, True)
    for noise in (sigma, None):
        found = fit_batch(kind, x, damage(y, 0.2), noise, **known)
        assert set(found.status) == {"stuck data"}


@pytest.mark.parametrize("damage", [columns_held, copied, rows_held])
@pytest.mark.parametrize("kind", MAPS)
def test_a_few_dead_columns_are_missing_ones(kind, damage):
    x, y, sigma, known = good(kind, True)
    whole, found = (fit_batch(kind, x, each, sigma, **known) for each in (y, damage(y, 0.03)))
    assert (found.verdict != "rejected").all(), found.reason
    for name, value in whole.values.items():
        away, error = (np.nan_to_num(a) for a in (found.values[name] - value, whole.stderr[name]))
        assert ((np.abs(away) <= 3.0 * error) | (found.verdict != "accepted")).all(), name


@pytest.mark.parametrize("order", ["along the bias", "along the frequency"])
def test_a_block_of_the_buffer_is_found_again(order):
    y = np.random.default_rng(6).normal(size=(1, 61, 51)) + 1j
    y[0, 5, 5:9] = np.nan
    turned = y if order == "along the bias" else y.transpose(0, 2, 1)
    again = block_again(turned, 0.3)[0]
    marks = held(again if order == "along the bias" else again.T)
    assert 0.29 < marks.mean() < 0.301


def test_a_law_that_repeats_is_no_block():
    bias, frequency = 0.05 * np.arange(80), np.linspace(-3, 3, 61)[:, None]
    y = 1 / (1 + ((frequency - np.tile(np.cos(np.pi * bias[:20]), 4)) / 0.5) ** 2)
    assert not held(y).any()
    assert not held(y.T).any()
    rng = np.random.default_rng(1)
    assert not held(np.round(y + 0.05 * rng.normal(size=y.shape), 4)).any()  # a digitizer's steps


def test_counts_repeat_and_are_not_held():
    p = 0.5 - 0.5 * np.cos(np.linspace(0, 9, 61)) * np.exp(-(np.linspace(-3, 3, 51)[:, None] ** 2))
    p[:9] = 0.0  # a population that stays at 0
    for shots in (10, 50, 1000):
        assert not held(np.random.default_rng(shots).binomial(shots, p) / shots).any()


PICTURES = {
    "zeros": lambda rng: np.zeros((41, 31)), "ones": lambda rng: np.ones((41, 31)),
    "two values": lambda rng: (rng.random((41, 31)) < 0.5).astype(float),
    "a few ones": lambda rng: (rng.random((41, 31)) < 0.03).astype(float),
    "every second row": lambda rng: np.repeat((np.arange(41) % 2.0)[:, None], 31, axis=1),
    "one column": lambda rng: np.tile(1.0 * (np.arange(31) == 5), (41, 1)),
}  # fmt: skip


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("kind", MAPS)
def test_maps_of_two_values_are_judged(kind, picture):
    y = PICTURES[picture](np.random.default_rng(0))
    for sigma in (None, 0.1):
        found = fit_batch(kind, (np.linspace(6e9, 6.05e9, 41), np.linspace(-1, 1, 31)), y, sigma)
        assert found.verdict[0] != "accepted", found.reason
        assert picture not in ("zeros", "ones") or found.status[0] == "no signal"
