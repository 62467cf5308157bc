"""A tone in Ramsey fringes that goes on where they decay is no second frequency."""

import numpy as np
import pytest

from kammerton.estimation import fit_batch

DELAY = np.linspace(0.0, 40e-6, 101)
SHOTS, T2 = 2000, 18e-6


def fringes(hum: float, mode: float, seed: int) -> np.ndarray:
    """Populations (200, 101): fringes, with a tone of their envelope (mode) and one without."""
    rng = np.random.default_rng(seed)
    f = rng.uniform(0.3e6, 0.6e6, (200, 1))
    other = f + rng.uniform(0.08e6, 0.3e6, (200, 1)) * rng.choice([-1.0, 1.0], (200, 1))
    fall = np.exp(-DELAY / T2)
    main, beside = (np.cos(2 * np.pi * each * DELAY) for each in (f, other))
    p = 0.5 + 0.4 * fall * ((1 - mode) * main + mode * beside) + 0.4 * hum * beside
    return rng.binomial(SHOTS, np.clip(p, 0.0, 1.0)) / SHOTS


@pytest.mark.parametrize("given", [True, False], ids=["shots", "no sigma"])
def test_a_hum_is_no_second_frequency(given: bool) -> None:
    found = fit_batch("ramsey", DELAY, fringes(0.15, 0.0, 1), shots=SHOTS if given else None)
    assert (found.status == "beating").mean() < 0.02
    said = [reason for reason in found.reason if "a hum in the readout" in reason]
    assert len(said) > 150


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5])
def test_a_second_frequency_of_the_qubit_is_none(part: float) -> None:
    found = fit_batch("ramsey", DELAY, fringes(0.0, part, 2), shots=SHOTS)
    assert (found.verdict == "accepted").mean() > 0.97
    assert (found.status == "beating").mean() > 0.95
    assert not any("hum" in reason for reason in found.reason)


@pytest.mark.parametrize("hum", [0.4, 0.8])
@pytest.mark.parametrize(("off", "most"), [(0.02e6, 0.12), (0.3e6, 0.02)], ids=["near", "far"])
def test_a_hum_as_large_as_the_fringes_is_none_either(hum: float, off: float, most: float) -> None:
    """Two of one envelope are far from it: from where they end no step leads to the hum."""
    rng = np.random.default_rng(3)
    f, fall = rng.uniform(0.3e6, 0.6e6, (200, 1)), np.exp(-DELAY / 12e-6)
    main, beside = (np.cos(2 * np.pi * each * DELAY) for each in (f, f + off))
    y = 0.5 + 0.25 * (fall * main + hum * beside) + rng.normal(0.0, 0.02, (200, 101))
    found = fit_batch("ramsey", DELAY, y, 0.02)
    assert (found.verdict == "accepted").mean() < most
    assert np.mean(["a hum in the readout" in reason for reason in found.reason]) > 0.4
