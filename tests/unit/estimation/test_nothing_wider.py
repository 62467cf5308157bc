"""Drift, jumps and windows too long are not told that they are too narrow: no wider one helps."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.maps.level import level_jump
from kammerton.estimation.maps.ridge import Columns
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import every_truth, truths

TRACES = 12
F, B = np.linspace(0.0, 1.0, 81), np.linspace(0.0, 1.0, 51)
KINDS = ("avoided_crossing", "punch_out", "qubit_flux_map", "dispersive_shift", "cz_chevron")
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


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        ("avoided_crossing", 3), ("qubit_flux_map", 3),
        ("resonator_flux_map", 2), ("resonator_flux_map, nothing known", 2),
    ],
)  # fmt: skip
def test_a_jump_of_the_level_is_called_one(kind: str, others: int) -> None:
    """Not an arc, a crossing, or a line that stands still: of all but a few."""
    truth = every_truth()[kind]
    traces = next(b for b in BROKEN if b.name == "step").traces(truth, 8, TRACES)
    assert traces is not None
    found = truth.fit(traces)
    assert np.count_nonzero(found.status == "drift during scan") >= TRACES - others, found.status


def spectra(shape: np.ndarray, noise: float = 0.1) -> Columns:
    """The same spectrum at all biases."""
    z = shape + noise * np.random.default_rng(3).normal(size=(len(B), len(F)))
    return Columns(F, B, z, np.full(z.shape, 1 / noise), 1)


@pytest.mark.parametrize("at", [8, 40, 41, 70])
def test_where_the_level_jumps(at: int) -> None:
    assert level_jump(spectra(np.where(np.arange(len(F)) < at, 0.3, -0.2))) == at


@pytest.mark.parametrize("width", [0.05, 0.1, 0.15, 0.2, 0.3, 1.0])
@pytest.mark.parametrize("centre", [0.0, 0.05, 0.1, 0.5, 1.0])
def test_a_line_is_no_jump_however_wide(width: float, centre: float) -> None:
    assert level_jump(spectra(1 / (1 + (2 * (F - centre) / width) ** 2))) is None


def test_noise_and_a_slope_are_no_jump() -> None:
    assert level_jump(spectra(np.zeros(len(F)))) is None
    assert level_jump(spectra(F)) is None


def in_a_cable(shape: np.ndarray, delay: float, noise: float = 0.1) -> Columns:
    """The same complex spectrum at all biases; what is 1 turns with the delay, in turns."""
    both = np.random.default_rng(4).normal(size=(2, len(B), len(F)))
    z = shape + np.exp(-2j * np.pi * delay * F) + noise * (both[0] + 1j * both[1])
    return Columns(F, B, z, np.full(z.shape, 1 / noise), 2)


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.9, 4.6])
@pytest.mark.parametrize("height", [0.4, -0.5j])
def test_where_the_level_jumps_in_a_cable(delay: float, height: complex) -> None:
    assert level_jump(in_a_cable(np.where(np.arange(len(F)) < 33, 0.0, height), delay)) == 33


@pytest.mark.parametrize("width", [0.03, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("centre", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("delay", [0.0, 0.8])
def test_a_resonance_in_a_cable_is_no_jump(width: float, centre: float, delay: float) -> None:
    for depth in (0.5, 0.6 + 0.3j, 1.9):
        turned = np.exp(-2j * np.pi * delay * F)
        notch = -depth * turned / (1 + 2j * (F - centre) / width)
        assert level_jump(in_a_cable(notch, delay)) is None


def test_a_jump_at_some_biases_only_is_not_that_of_the_level() -> None:
    c = spectra(np.where(np.arange(len(F)) < 40, 0.3, -0.2))
    c.z[30:] -= np.where(np.arange(len(F)) < 40, 0.3, -0.2)
    assert level_jump(c) is None
