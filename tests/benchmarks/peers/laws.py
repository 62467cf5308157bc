"""How a laboratory fits with a general tool: the laws and the usual guesses.

Imports nothing of ours, so that peers run in interpreters of their own. x comes in units of the
window (0 to 1), which is the kindest way to call a least-squares routine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Usual:
    """law(x, *p), guess(x, y) -> p, and what the parameters mean.

    told(p, e): values and errors under our names, in units of the window; of an error per
    Clifford the rate at which survival decays, so that it becomes one once the window is known.
    """

    law: Callable[..., np.ndarray]
    guess: Callable[[np.ndarray, np.ndarray], list[float]]
    told: Callable[[np.ndarray, np.ndarray], dict[str, tuple[float, float]]]


def exponential(x, a, t, c):
    return a * np.exp(-x / t) + c


def guess_exponential(x, y):
    return [y[0] - y[-1], 1 / 3, y[-1]]


def fringes(x, a, f, phase, t, c):
    return a * np.exp(-x / t) * np.cos(2 * np.pi * f * x + phase) + c


def fourier_peak(x, y):
    peak = np.abs(np.fft.rfft(y - y.mean()))[1:].argmax() + 1
    return peak * (len(x) - 1) / len(x) / np.ptp(x)


def guess_fringes(x, y):
    return [np.ptp(y) / 2, fourier_peak(x, y), 0.0, 0.5, y.mean()]


def cosine(x, a, f, phase, c):
    return a * np.cos(2 * np.pi * f * x + phase) + c


def guess_cosine(x, y):
    return [np.ptp(y) / 2, fourier_peak(x, y), np.pi, y.mean()]


def lorentzian(x, a, x0, width, c):
    return a / (1 + (2 * (x - x0) / width) ** 2) + c


def guess_lorentzian(x, y):
    level = np.median(y)
    top = np.abs(y - level).argmax()
    height = y[top] - level
    width = max(np.count_nonzero(np.abs(y - level) > abs(height) / 2), 2) * (x[1] - x[0])
    return [height, x[top], width, level]


def notch(x, x0, width, delay, gain, angle, depth, skew):
    s = 1 - depth * np.exp(1j * skew) / (1 + 2j * (x - x0) / width)
    return gain * np.exp(1j * (angle - 2 * np.pi * delay * x)) * s


def guess_notch(x, z):
    phase, ends = np.unwrap(np.angle(z)), np.r_[:20, -20:0]
    delay = -np.polyfit(x[ends], phase[ends], 1)[0] / 2 / np.pi
    level, lowest = np.median(np.abs(z[ends])), np.abs(z).argmin()
    depth = max(0.05, 1 - np.abs(z[lowest]) / level)
    width = max((np.abs(z) < level * (1 - depth / 2)).sum(), 2) * (x[1] - x[0])
    angle = np.angle(z[0] * np.exp(2j * np.pi * delay * x[0]))
    return [x[lowest], width, delay, level, angle, depth, 0.0]


def dip(x, x0, width, gain, depth, skew):
    return np.abs(notch(x, x0, width, 0.0, gain, 0.0, depth, skew))


def guess_dip(x, y):
    level, lowest = np.median(np.r_[y[:20], y[-20:]]), y.argmin()
    depth = max(0.05, 1 - y[lowest] / level)
    width = max((y < level * (1 - depth / 2)).sum(), 2) * (x[1] - x[0])
    return [x[lowest], width, level, depth, 0.0]


def _decay(name):
    return lambda p, e: {name: (p[1], e[1])}


def _period(p, e):
    return {"period": (1 / abs(p[1]), e[1] / p[1] ** 2)}


DECAY = (exponential, guess_exponential)
USUAL: dict[str, Usual] = {
    "t1": Usual(*DECAY, _decay("t1")),
    "t2_echo": Usual(*DECAY, _decay("t2_echo")),
    "cpmg": Usual(*DECAY, _decay("t2_cpmg")),
    "randomized_benchmarking": Usual(
        *DECAY, lambda p, e: {"error_per_clifford": (1 / p[1], e[1] / p[1] ** 2)},
    ),
    "ramsey": Usual(
        fringes, guess_fringes,
        lambda p, e: {"frequency": (abs(p[1]), e[1]), "t2_star": (p[3], e[3])},
    ),
    "rabi_amplitude": Usual(cosine, guess_cosine, _period),
    "rabi_length": Usual(fringes, guess_fringes, _period),
    "qubit_spectroscopy": Usual(
        lorentzian, guess_lorentzian,
        lambda p, e: {"frequency": (p[1], e[1]), "linewidth": (abs(p[2]), e[2])},
    ),
    "resonator_spectroscopy": Usual(
        notch, guess_notch,
        lambda p, e: {"frequency": (p[0], e[0]), "linewidth": (abs(p[1]), e[1])},
    ),
    "resonator_spectroscopy of magnitudes": Usual(
        dip, guess_dip,
        lambda p, e: {"frequency": (p[0], e[0]), "linewidth": (abs(p[1]), e[1])},
    ),
}  # fmt: skip
"""Kind of fit -> how a general tool is used for it."""


def usual_for(kind, y):
    """Return how a general tool fits y of a kind, or None."""
    real = kind == "resonator_spectroscopy" and not np.iscomplexobj(y)
    return USUAL.get(f"{kind} of magnitudes" if real else kind)


def stacked(law):
    """Return a complex law as real rows."""

    def rows(x, *p):
        s = law(x, *p)
        return np.r_[s.real, s.imag]

    return rows
