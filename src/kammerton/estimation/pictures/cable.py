"""The delay of a resonator's cable, as its fitted curve shows it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from kammerton.estimation.pictures.law import RESONATING
from kammerton.model import Fit, Verdict
from kammerton.model.trace import ComplexArray, FloatArray

SEEN = 0.01
"""Turns across the window that nobody would see."""

TRIED = np.linspace(-1.5, 1.5, 61)
"""Turns about those of the fitted curve: a resonance turns the phase once at most."""


def turns_of_cable(x: FloatArray, curve: ComplexArray) -> float:
    """Return how often a cable turns a fitted curve (M,) round over the window of x (M,).

    Of all delays it is the one without which a circle is left: a fit's curve has no noise.
    """
    order = np.argsort(x)
    phase = np.unwrap(np.angle(curve[order]))
    wound = float(phase[-1] - phase[0]) / (2 * np.pi)

    def off(turns: float) -> float:
        return off_circle(curve * unwinding(x, turns))

    tried = [*(wound + TRIED), 0.0]
    best = tried[int(np.argmin([off(turns) for turns in tried]))]
    step = float(TRIED[1] - TRIED[0])
    return float(minimize_scalar(off, bounds=(best - step, best + step), method="bounded").x)


def turns_seen(fit: Fit, x: FloatArray, curve: ComplexArray) -> float:
    """Return the turns that are to be taken out of a picture; 0 where nobody would see them.

    A curve that was not accepted need not be a resonance's.
    """
    if fit.kind not in RESONATING or fit.verdict is not Verdict.ACCEPTED:
        return 0.0
    turns = turns_of_cable(x, curve)
    return 0.0 if abs(turns) < SEEN else turns


def unwinding(x: FloatArray, turns: float) -> ComplexArray:
    """Return the factors (M,) that take turns over the window of x (M,) back."""
    along = (x - 0.5 * (x.min() + x.max())) / np.ptp(x)
    return np.asarray(np.exp(-2j * np.pi * turns * along))


def off_circle(z: ComplexArray) -> float:
    """Return how far points (M,) are from the circle through them (rms), by Kasa's method."""
    rows = np.column_stack([2 * z.real, 2 * z.imag, np.ones(z.size)])
    (i, q, _), *_ = np.linalg.lstsq(rows, np.abs(z) ** 2, rcond=None)
    radii = np.abs(z - complex(i, q))
    return float(radii.std())
