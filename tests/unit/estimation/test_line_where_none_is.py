"""An arc of a resonator that is said to have left the window where its line plainly shows."""

import numpy as np

from kammerton.estimation import fit_batch

BARE, E_C = 7.2e9, 0.2e9
BIAS, FREQUENCY = np.linspace(-0.5, 0.5, 41), np.linspace(BARE - 6e6, BARE + 14e6, 81)


def mapped(
    top: float, period: float, f_max: float, g: float, asymmetry: float, width: float, seed: int
) -> np.ndarray:
    """Return the magnitude of a notch (81, 41) that a transmon below it pushes (Koch 2007)."""
    phase = np.pi * (BIAS - top) / period
    squid = np.cos(phase) ** 2 + asymmetry**2 * np.sin(phase) ** 2
    away = BARE - (f_max + E_C) * squid**0.25 + E_C
    line = BARE + np.sqrt(away**2 / 4 + g**2) - away / 2
    rng = np.random.default_rng(seed)
    notch = 1 - 0.7 / (1 + 2j * (FREQUENCY[:, None] - line) / width)
    return np.abs(notch + 0.03 * (rng.normal(size=notch.shape) + 1j * rng.normal(size=notch.shape)))


def test_its_place_is_right_or_it_is_refused() -> None:
    """The far side of the arc was taken for all of it, its top for one above the window."""
    y = [mapped(0.2787, 1.0388, 6.2188e9, 103.5e6, 0.0015, 1.72e6, seed) for seed in range(24)]
    found = fit_batch("resonator_flux_map", (FREQUENCY, BIAS), np.array(y), 0.03)
    off = np.abs(found.values["sweet_spot"] - 0.2787) / found.stderr["sweet_spot"]
    assert not ((found.verdict == "accepted") & (off > 5)).any()
    refused = found.verdict != "accepted"
    assert all("does not lie on the arc" in r for r in found.reason[refused])


def test_an_arc_that_leaves_the_window_is_still_one() -> None:
    y = [mapped(0.1, 1.0, 6.2e9, 100e6, 0.1, 1e6, seed) for seed in range(12)]
    kept = FREQUENCY > BARE + 3e6  # its ends lie below the window
    found = fit_batch("resonator_flux_map", (FREQUENCY[kept], BIAS), np.array(y)[:, kept], 0.03)
    assert (found.verdict == "accepted").mean() > 0.7, found.reason
    off = (found.values["sweet_spot"] - 0.1) / found.stderr["sweet_spot"]
    assert np.abs(off[found.verdict == "accepted"]).max() < 5
