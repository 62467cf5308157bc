"""Drift, jumps and windows too long are not told that they are too narrow: no wider one helps."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.maps.ridge import Columns, jagged, level_jump
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

TRACES = 12
F, B = np.linspace(0.0, 1.0, 81), np.linspace(0.0, 1.0, 51)
KINDS = ("avoided_crossing", "punch_out", "qubit_flux_map", "dispersive_shift")
CLASSES = ("random walk and noise", "random walk alone", "step")


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_drifts_or_jumps_is_rejected(kind: str, name: str) -> None:
    truth = truths()[kind]
    broken = next(b for b in BROKEN if b.name == name)
    traces = broken.traces(truth, 7, TRACES)
    assert traces is not None
    found = truth.fit(traces)
    said = list(zip(found.verdict, found.status, found.reason, strict=True))
    assert np.count_nonzero(found.verdict == "rejected") >= TRACES - 1, said


@pytest.mark.parametrize("kind", ["avoided_crossing", "qubit_flux_map"])
def test_a_jump_of_the_level_is_called_one(kind: str) -> None:
    truth = truths()[kind]
    traces = next(b for b in BROKEN if b.name == "step").traces(truth, 8, TRACES)
    assert traces is not None
    found = truth.fit(traces)
    assert np.count_nonzero(found.status == "drift during scan") >= TRACES - 3, found.status


def spectra(shape: np.ndarray, noise: float = 0.1) -> Columns:
    """The same spectrum at all biases."""
    z = shape + noise * np.random.default_rng(3).normal(size=(len(B), len(F)))
    return Columns(F, B, z, np.full(z.shape, 1 / noise), 1)


@pytest.mark.parametrize("at", [8, 40, 70])
def test_where_the_level_jumps(at: int) -> None:
    assert level_jump(spectra(np.where(np.arange(len(F)) < at, 0.3, -0.2))) == at


@pytest.mark.parametrize("width", [0.05, 0.1, 0.15, 0.2, 0.3, 1.0])
@pytest.mark.parametrize("centre", [0.0, 0.05, 0.1, 0.5, 1.0])
def test_a_line_is_no_jump_however_wide(width: float, centre: float) -> None:
    assert level_jump(spectra(1 / (1 + (2 * (F - centre) / width) ** 2))) is None


def test_noise_and_a_slope_are_no_jump() -> None:
    assert level_jump(spectra(np.zeros(len(F)))) is None
    assert level_jump(spectra(F)) is None


def test_a_resonator_of_many_periods_is_told_to_sweep_less_bias() -> None:
    truth = truths()["resonator_flux_map"]
    traces = next(b for b in BROKEN if b.name == "window too long").traces(truth, 7, TRACES)
    assert traces is not None
    found = truth.fit(traces)
    said = found.status == "sampling too coarse"
    assert np.count_nonzero(said) >= TRACES - 2, found.status
    assert {(a.axis, a.window_times) for a in found.advice[said]} == {(1, 0.2)}


def image(place: np.ndarray) -> Columns:
    """A line 5 points wide at these places, in windows (B,)."""
    z = 1 / (1 + (2 * (F - place[:, None]) / 0.06) ** 2)
    z += 0.05 * np.random.default_rng(4).normal(size=z.shape)
    return Columns(F, B, z, np.full(z.shape, 20.0), 1)


@pytest.mark.parametrize(
    ("periods", "says"), [(0.0, False), (0.5, False), (1.5, False), (12.3, True), (18.7, True)]
)
def test_which_line_moves_to_and_fro(periods: float, says: bool) -> None:
    assert jagged(image(0.5 + 0.3 * np.cos(2 * np.pi * periods * B))) is says
