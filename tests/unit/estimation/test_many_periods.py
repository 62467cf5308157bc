"""A flux map of many periods is told to sweep less bias, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.maps.arcs import Seeker
from kammerton.estimation.maps.many_periods import many_periods
from kammerton.estimation.maps.ridge import Columns
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import every_truth

TRACES = 12
F, B = np.linspace(0.0, 1.0, 81), np.linspace(0.0, 1.0, 51)
KINDS = ("qubit_flux_map", "resonator_flux_map", "resonator_flux_map, nothing known")
SHIFT = 16.0  # windows from f01 = -E_C to the window: of f and it, the fourth power is a cosine


def image(place: np.ndarray, b: np.ndarray = B) -> Columns:
    """A line 5 points wide at these places, in windows (B,)."""
    z = 1 / (1 + (2 * (F - place[:, None]) / 0.06) ** 2)
    z += 0.05 * np.random.default_rng(4).normal(size=z.shape)
    return Columns(F, b, z, np.full(z.shape, 20.0), 1)


def seeker(shift: float = 0.0) -> Seeker:
    return Seeker(shift, lambda arc: np.array([arc.top]))


@pytest.mark.parametrize("kind", KINDS)
def test_many_periods_are_told_to_sweep_less_bias(kind: str) -> None:
    truth = every_truth()[kind]
    traces = next(b for b in BROKEN if b.name == "window too long").traces(truth, 7, TRACES)
    assert traces is not None
    found = truth.fit(traces)
    said = found.status == "sampling too coarse"
    assert np.count_nonzero(said) >= TRACES - 2, found.status
    assert {(a.axis, a.window_times) for a in found.advice[said]} == {(1, 0.2)}


@pytest.mark.parametrize(
    ("periods", "says"), [(0.0, False), (0.5, False), (1.5, False), (12.3, True), (18.7, True)]
)
def test_which_line_moves_to_and_fro(periods: float, says: bool) -> None:
    assert many_periods(image(0.5 + 0.3 * np.cos(2 * np.pi * periods * B)), seeker()) is says


@pytest.mark.parametrize(("periods", "says"), [(0.6, False), (7.3, True), (15.6, True)])
def test_a_line_may_be_out_of_the_window_at_most_biases(periods: float, says: bool) -> None:
    arc = np.abs(np.cos(np.pi * (periods * B - 0.3)))
    place = (0.9 + SHIFT) * np.sqrt(arc) - SHIFT
    assert np.mean(place < 0) > 0.5
    assert many_periods(image(place), seeker(SHIFT)) is says


@pytest.mark.parametrize("shown", [8, 12, 20, 51])
def test_places_at_random_follow_no_period(shown: int) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        place = np.where(rng.permutation(len(B)) < shown, rng.uniform(0.1, 0.9, len(B)), -9.0)
        assert not many_periods(image(place), seeker())


def test_two_places_in_turn_are_no_cosine_unless_they_come_back_evenly() -> None:
    place = np.random.default_rng(6).choice([0.3, 0.7], len(B))
    assert not many_periods(image(place), seeker())
    assert many_periods(image(0.5 + 0.2 * (-1.0) ** np.arange(len(B))), seeker())


def test_a_map_of_very_many_biases_is_asked_in_its_middle() -> None:
    b = np.linspace(0.0, 1.0, 1001)
    assert many_periods(image(0.5 + 0.3 * np.cos(2 * np.pi * 230.0 * b), b), seeker())
    assert not many_periods(image(0.5 + 0.3 * np.cos(2 * np.pi * 5.0 * b), b), seeker())
