"""A sweep whose points were measured several times has no more places than once."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.numeric.places import places
from kammerton.model import TraceError

PERIODS = 3.3


def repeated(points, times, jitter):
    rng = np.random.default_rng(1)
    x = np.repeat(np.linspace(0.0, 1.0, points), times)
    return np.sort(x + jitter * rng.standard_normal(x.size))


def fitted(kind, x, law, noise=0.05, traces=100):
    scatter = np.random.default_rng(0).standard_normal((traces, x.size))
    return fit_batch(kind, x, law(x) + noise * scatter, noise)


def fringes(x):
    return 0.5 + 0.4 * np.exp(-x / 0.6) * np.cos(2 * np.pi * PERIODS * x + 0.4)


def rabi(x):
    return 0.5 - 0.4 * np.cos(2 * np.pi * PERIODS * x)


@pytest.mark.parametrize(("points", "times"), [(21, 5), (31, 4), (51, 2)])
@pytest.mark.parametrize("jitter", [0.0, 1e-7, 1e-4])
@pytest.mark.parametrize(
    ("kind", "law", "name", "truth"),
    [
        ("ramsey", fringes, "frequency", PERIODS),
        ("rabi_amplitude", rabi, "period", 1 / PERIODS),
        ("rabi_length", rabi, "period", 1 / PERIODS),
    ],
)
def test_no_alias_is_taken_for_the_oscillation(kind, law, name, truth, points, times, jitter):
    """Beyond half of the places in a turn an alias follows the data exactly as well."""
    found = fitted(kind, repeated(points, times, jitter), law)
    accepted = found.verdict == "accepted"
    assert accepted.mean() > 0.97
    assert np.abs(found.values[name][accepted] / truth - 1).max() < 0.05


@pytest.mark.parametrize("times", [1, 3, 10])
def test_more_points_do_not_make_a_parabola_worse(times):
    x = np.repeat(np.linspace(-1.0, 1.0, 21), times)
    found = fitted("drag", x, lambda x: 0.05 + 0.1 * (x - 0.2) ** 2, 0.01)
    assert (found.verdict == "accepted").mean() > 0.9
    assert np.abs(found.values["drag_coefficient"] - 0.2).max() < 0.15


@pytest.mark.parametrize("kind", ["t1", "ramsey", "rabi_amplitude", "qubit_spectroscopy"])
def test_repeats_are_not_enough_points(kind):
    x = np.repeat([0.0, 0.4, 1.0], 30)
    with pytest.raises(TraceError, match="x has only 3 places that differ"):
        fitted(kind, x, lambda x: np.exp(-x))


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("turns", [9.7, 9.9, 10.0])
def test_half_as_many_turns_as_places_are_too_coarse_a_sampling(turns, times):
    x = np.repeat(np.linspace(0.0, 1.0, 21), times)
    found = fitted("ramsey", x, lambda x: np.exp(-x) * np.cos(2 * np.pi * turns * x),
                   0.06 * np.sqrt(times), 300)  # fmt: skip
    assert (found.verdict != "accepted").all()
    assert (found.status == "sampling too coarse").mean() > 0.9


@pytest.mark.parametrize(
    ("x", "count"),
    [
        (np.linspace(0, 1, 51), 51),
        (np.repeat(np.linspace(0, 1, 21), 5), 21),
        (np.linspace(0, 1, 51) ** 2, 50),
        (np.array([0.0, 1.0]), 2),
        (np.array([0.0, 0.0, 1.0, 1.0]), 2),
    ],
    ids=["even", "five passes", "growing", "two", "two of each"],
)
def test_places_are_counted_without_repeats(x, count):
    assert places(x[None]).tolist() == [count]
