"""CPU time of fits, beside scipy's curve_fit with usual guesses on the same arrays."""

from __future__ import annotations

import os
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: CPU time of one thread

import numba
import numpy as np
import scipy
from scipy.optimize import OptimizeWarning, curve_fit

from kammerton.estimation import fit_batch, warm

SEED, SNR = 7, 10.0
BATCHES = (1, 10, 1000)
PEER_TRACES = 100


@dataclass(frozen=True)
class Case:
    """Traces of one kind, and how curve_fit would be used on one of them."""

    name: str
    kind: str
    x: np.ndarray
    y: np.ndarray
    peer: Callable[[np.ndarray, np.ndarray], None]


def exponential(x, a, t, c):
    return a * np.exp(-x / t) + c


def peer_exponential(x, y):
    curve_fit(exponential, x, y, p0=[y[0] - y[-1], 1 / 3, y[-1]], maxfev=5000)


def fringes(x, a, f, phase, t, c):
    return a * np.exp(-x / t) * np.cos(2 * np.pi * f * x + phase) + c


def peer_fringes(x, y):
    peak = np.abs(np.fft.rfft(y - y.mean()))[1:].argmax() + 1
    frequency = peak * (len(x) - 1) / len(x) / x[-1]
    curve_fit(fringes, x, y, p0=[np.ptp(y) / 2, frequency, 0, 0.5, y.mean()], maxfev=5000)


def notch(x, x0, width, delay, gain, angle, depth, skew):
    s = 1 - depth * np.exp(1j * skew) / (1 + 2j * (x - x0) / width)
    return gain * np.exp(1j * (angle - 2 * np.pi * delay * x)) * s


def peer_notch(x, z):
    phase, ends = np.unwrap(np.angle(z)), np.r_[:20, -20:0]
    delay = -np.polyfit(x[ends], phase[ends], 1)[0] / 2 / np.pi
    level, lowest = np.median(np.abs(z[ends])), np.abs(z).argmin()
    depth = max(0.05, 1 - np.abs(z[lowest]) / level)
    width = max((np.abs(z) < level * (1 - depth / 2)).sum(), 2) * (x[1] - x[0])
    angle = np.angle(z[0] * np.exp(2j * np.pi * delay * x[0]))

    def stacked(_, *p):
        s = notch(x, *p)
        return np.r_[s.real, s.imag]

    start = [x[lowest], width, delay, level, angle, depth, 0.0]
    curve_fit(stacked, np.r_[x, x], np.r_[z.real, z.imag], p0=start, maxfev=5000)


def cases() -> list[Case]:
    """Return 1000 traces of each kind with random truths, in windows of length 1."""
    rng, n = np.random.default_rng(SEED), max(BATCHES)
    x51, x101, x201 = (np.linspace(0, 1, m) for m in (51, 101, 201))
    t1 = np.exp(-x51 / rng.uniform(0.1, 0.7, (n, 1))) + rng.normal(size=(n, 51)) / SNR
    turns, phase = rng.uniform(2, 20, (n, 1)), rng.uniform(-np.pi, np.pi, (n, 1))
    ramsey = fringes(x101, 1.0, turns, phase, rng.uniform(0.3, 1.5, (n, 1)), 0.5)
    ramsey += rng.normal(size=ramsey.shape) / SNR
    s = notch(
        x201, rng.uniform(0.2, 0.8, (n, 1)), rng.uniform(0.02, 0.25, (n, 1)),
        rng.uniform(-0.5, 1.5, (n, 1)), 1.0, rng.uniform(-np.pi, np.pi, (n, 1)),
        rng.uniform(0.3, 0.9, (n, 1)), rng.uniform(-0.5, 0.5, (n, 1)),
    )  # fmt: skip
    s += 0.5 / SNR * (rng.normal(size=s.shape) + 1j * rng.normal(size=s.shape))
    return [
        Case("T1, 51 points", "t1", x51, t1, peer_exponential),
        Case("Ramsey, 101 points", "ramsey", x101, ramsey, peer_fringes),
        Case("notch, 201 complex points", "resonator_spectroscopy", x201, s, peer_notch),
    ]


def ours(case: Case, n: int) -> float:
    """Return the least CPU seconds for each of n traces fitted at once."""
    fit_batch(case.kind, case.x, case.y[:n])
    best = np.inf
    for repeat in range(3 if n > 100 else 20):
        first = (repeat * n) % (len(case.y) - n + 1)
        start = time.process_time()
        fit_batch(case.kind, case.x, case.y[first : first + n])
        best = min(best, time.process_time() - start)
    return best / n


def theirs(case: Case) -> tuple[float, int]:
    """Return curve_fit's mean CPU seconds, and how many traces it gave up."""
    warnings.simplefilter("error", OptimizeWarning)
    lost, start = 0, time.process_time()
    for y in case.y[:PEER_TRACES]:
        try:
            with np.errstate(all="ignore"):
                case.peer(case.x, y)
        except (RuntimeError, OptimizeWarning):  # no convergence, or no covariance
            lost += 1
    return (time.process_time() - start) / PEER_TRACES, lost


def main() -> None:
    """Print the table."""
    start = time.process_time()
    warm()
    print("## Fits\n")
    print(f"Kernels ready after {time.process_time() - start:.2f} s of CPU "
          "(compiled once, then read from the disk).\n")  # fmt: skip
    print("CPU us a fit | N = 1 | N = 10 | N = 1000 | curve_fit, N = 1 | ratio | curve_fit gave up")
    print("---|---|---|---|---|---|---")
    for case in cases():
        own = [1e6 * ours(case, n) for n in BATCHES]
        peer, lost = theirs(case)
        times = " | ".join(f"{us:.1f}" for us in own)
        ratio = f"{1e6 * peer:.0f} | {1e6 * peer / own[-1]:.0f}"
        print(f"{case.name} | {times} | {ratio} | {lost} of {PEER_TRACES}")
    print(f"\nOurs includes covariance, verdict and reason. SNR {SNR:g}, seed {SEED}, "
          f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, "
          f"numba {numba.__version__}, scipy {scipy.__version__}.")  # fmt: skip


if __name__ == "__main__":
    main()
