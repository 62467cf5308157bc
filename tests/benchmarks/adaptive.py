"""Adaptive runs beside fixed sweeps: shots and instrument seconds to the same error.

The same simulated qubits for all: P(1) = 0.05 + 0.90 f, binary shots, seeded; binary means that
nothing but projection noise and known readout errors is there.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: CPU time of one thread

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from kammerton.estimation import fit_batch
from kammerton.estimation.design import (
    Timing,
    judge,
    levels,
    ramsey_belief,
    ramsey_design,
    t1_belief,
    t1_design,
    update,
)
from tests.benchmarks import adaptive_verdicts
from tests.unit.estimation.adaptive import CONTRAST, OFFSET, decay, fringes, level, run

SEED, RUNS, SWEEPS = 11, 2000, 500
ACTIVE = 2e-6  # s of each shot besides its delay
SHOTS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # at each point of a fixed sweep
T1_GOAL, RAMSEY_GOAL = 0.05, 1e3
T2_STAR = 50e-6


@dataclass(frozen=True)
class Cost:
    """Of one way to measure: shots, s with active reset, s with passive; errors (N,)."""

    shots: float
    active: float
    passive: float
    errors: np.ndarray


def spread(errors: np.ndarray) -> float:
    """Return the error that 68.3 % of the runs stay within."""
    return float(np.nanpercentile(np.where(np.isfinite(errors), np.abs(errors), np.inf), 68.27))


def reaching(goal: float, costs: list[Cost]) -> tuple[float, float, float, np.ndarray] | None:
    """Return shots and times at which the spread is the goal, between two numbers of shots."""
    for before, after in pairwise(costs):
        high, low = spread(before.errors), spread(after.errors)
        if low <= goal < high:
            part = np.log(high / goal) / np.log(high / low)
            between = [
                np.exp((1 - part) * np.log(a) + part * np.log(b))
                for a, b in ((before.shots, after.shots), (before.active, after.active),
                             (before.passive, after.passive))
            ]  # fmt: skip
            return between[0], between[1], between[2], np.abs(after.errors) * goal / low
    return None


def exponential(x, a, t, c):
    return a * np.exp(-x / t) + c


def oscillation(x, a, f, phase, t, c):
    return a * np.exp(-x / t) * np.cos(2 * np.pi * f * x + phase) + c


def peer(law: Callable, x: np.ndarray, y: np.ndarray, start: list[float], which: int) -> float:
    """Return curve_fit's answer, NaN where it gives up."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            return float(curve_fit(law, x, y, p0=start, maxfev=5000)[0][which])
    except RuntimeError:
        return np.nan


def peer_t1(x: np.ndarray, y: np.ndarray) -> float:
    unit = x[-1]
    start = [y[0] - y[-1], 1 / 3, y[-1]]
    return unit * abs(peer(exponential, x / unit, y, start, 1))


def peer_ramsey(x: np.ndarray, y: np.ndarray) -> float:
    unit = x[-1]
    peak = np.abs(np.fft.rfft(y - y.mean()))[1:].argmax() + 1
    start = [np.ptp(y) / 2, peak * (len(x) - 1) / len(x), 0.0, 0.5, y.mean()]
    return abs(peer(oscillation, x / unit, y, start, 1)) / unit


def sweep(
    x: np.ndarray, p: np.ndarray, truth: np.ndarray, relative: bool, reset: np.ndarray,
    fitted: Callable,
) -> list[Cost]:  # fmt: skip
    """Return what a fixed sweep costs at each number of shots, and how wrong it is."""
    rng, costs = np.random.default_rng(SEED), []
    for shots in SHOTS:
        ones = rng.binomial(shots, p[:SWEEPS])
        found = fitted(x, ones / shots, np.sqrt((ones + 0.5) * (shots - ones + 0.5)) / (shots + 1)
                       / np.sqrt(shots))  # fmt: skip
        errors = found - truth[:SWEEPS]
        errors = errors / truth[:SWEEPS] if relative else errors
        delays = shots * x.sum()
        costs.append(Cost(
            51 * shots, delays + 51 * shots * ACTIVE,
            delays + 51 * shots * float(np.median(reset)), errors,
        ))  # fmt: skip
    return costs


def row(name: str, found, usual: list[tuple[float, ...]], unit: Callable) -> None:
    """Print one line. usual: shots and times of the first sweep, fitted as usual and by us."""
    if found is None:
        print(f"| {name} | not reached | | | | | | |")
        return
    shots, active, passive, errors = found
    ratios = [
        " / ".join(f"{theirs / mine:.1f}" for theirs, mine in zip(each, found[:3], strict=True))
        for each in usual
    ]
    median, worst = (unit(np.nanpercentile(errors, q)) for q in (50, 90))
    print(f"| {name} | {shots:.0f} | {1e3 * active:.1f} | {1e3 * passive:.0f} | "
          f"{' | '.join(ratios)} | {median} | {worst} |")  # fmt: skip


def sweeps(found: dict[str, tuple | None], unit: Callable) -> list[tuple[float, ...]]:
    """Print the lines of fixed sweeps; return shots and times of the first, by curve_fit and us."""
    first = [next(each for name, each in found.items() if name.endswith(by))
             for by in (", curve_fit", ", kammerton")]  # fmt: skip
    usual = [each[:3] for each in first if each is not None]
    for name, each in found.items():
        row(name, each, usual, unit)
    return usual


HEAD = ("| | shots | ms, active reset | ms, passive | less than usual by | than fitted by us | "
        "median error | 90th percentile |\n|---|---|---|---|---|---|---|---|")  # fmt: skip


def adapted(design, goal, belief, probability, truth, relative, reset, timing):
    """Return cost and calibration of adaptive runs."""
    done = run(belief, design, goal, probability, SEED, timing)
    errors = done.posterior.value - truth
    pull = errors / done.posterior.stderr
    shots = done.posterior.shots
    fits = judge(done.posterior, goal, [str(n) for n in range(len(truth))])
    accepted = np.mean([fit.verdict == "accepted" for fit in fits.values()])
    goal_sigma = goal * truth if relative else goal
    print_line = (done.rounds, pull, accepted, np.median(done.promised / done.posterior.stderr),
                  np.median(done.posterior.stderr / goal_sigma))  # fmt: skip
    passive = done.seconds + shots * (reset - ACTIVE)
    cost = (float(np.median(shots)), float(np.median(done.seconds)), float(np.median(passive)),
            np.abs(errors / truth) if relative else np.abs(errors))  # fmt: skip
    return cost, print_line


def t1_table() -> list[tuple[str, tuple]]:
    """Print T1; return the calibration of the adaptive runs."""
    rng = np.random.default_rng(SEED)
    t1 = np.exp(rng.uniform(np.log(10e-6), np.log(200e-6), RUNS))
    reset = 5 * t1
    known = {"offset": OFFSET, "contrast": CONTRAST}
    fits = {
        "curve_fit": lambda x, y, s: np.array([peer_t1(x, row) for row in y]),
        "kammerton": lambda x, y, s: fit_batch("t1", x, y, s).values["t1"],
        "kammerton, levels known": lambda x, y, s: fit_batch("t1", x, y, s, **known).values["t1"],
    }
    print(f"### T1 to 5 %: 68 % of the runs within 5 %, T1 log-uniform 10 to 200 µs\n\n{HEAD}")
    found = {}
    for window in (400e-6, 150e-6):
        x = np.linspace(0, window, 51)
        p = level(np.exp(-x / t1[:, None]))
        for name, fitted in fits.items():
            cost = reaching(T1_GOAL, sweep(x, p, t1, True, reset, fitted))
            found[f"51 points to {1e6 * window:.0f} µs, {name}"] = cost
    usual = sweeps(found, percent)
    calibration = []
    for levels_of, name in (
        (levels(OFFSET, CONTRAST, targets=RUNS), "levels known"),
        (levels(OFFSET, CONTRAST, 0.01, 0.01, targets=RUNS), "levels known to 0.01"),
        (levels(0.1, 0.8, 0.1, 0.2, targets=RUNS), "levels unknown"),
    ):
        for economy in ("shots", "seconds"):
            belief = t1_belief(45e-6, None, levels_of)
            cost, line = adapted(t1_design, T1_GOAL, belief, decay(t1), t1, True, reset,
                                 Timing(ACTIVE, economy=economy))  # fmt: skip
            label = f"adaptive, {name}, fewest {economy}"
            row(label, cost, usual, percent)
            calibration.append((f"T1, {label}", line))
    return calibration


def ramsey_table() -> list[tuple[str, tuple]]:
    """Print Ramsey; return the calibration of the adaptive runs."""
    print(f"\n### Ramsey to 1 kHz: 68 % of the runs within 1 kHz, T2* = 50 µs\n\n{HEAD}")
    rng = np.random.default_rng(SEED)
    t2 = np.full(RUNS, T2_STAR)
    reset = np.full(RUNS, 250e-6)
    found, calibration = {}, []
    for window in (20e-6, 50e-6, 125e-6):
        x, most = np.linspace(0, window, 51), 24 / window
        f = rng.uniform(0.15 * most, 0.9 * most, RUNS)
        p = level(0.5 + 0.5 * np.exp(-x / T2_STAR) * np.cos(2 * np.pi * f[:, None] * x))
        for name, fitted in (
            ("curve_fit", lambda x, y, s: np.array([peer_ramsey(x, row) for row in y])),
            ("kammerton", lambda x, y, s: fit_batch("ramsey", x, y, s).values["frequency"]),
        ):
            cost = reaching(RAMSEY_GOAL, sweep(x, p, f, False, reset, fitted))
            found[f"51 points to {1e6 * window:.0f} µs (band {most / 1e6:.2f} MHz), {name}"] = cost
    usual = sweeps(found, kilohertz)
    unknown = levels(0.1, 0.8, 0.1, 0.2, targets=RUNS)
    known = levels(OFFSET, CONTRAST, targets=RUNS)
    for band, levels_of, economy in (
        (1e6, known, "shots"), (1e6, known, "seconds"), (1e6, unknown, "shots"),
        (1e5, known, "shots"),
    ):  # fmt: skip
        f = rng.uniform(-0.9 * band, 0.9 * band, RUNS)
        belief = ramsey_belief(0.0, None, T2_STAR, 0.3 * T2_STAR, levels_of, band)
        cost, line = adapted(ramsey_design, RAMSEY_GOAL, belief, fringes(f, t2), f, False, reset,
                             Timing(ACTIVE, economy=economy))  # fmt: skip
        said = "known" if levels_of.exact else "unknown"
        label = f"adaptive, band {2 * band / 1e6:.1f} MHz, levels {said}, fewest {economy}"
        row(label, cost, usual, kilohertz)
        calibration.append((f"Ramsey, {label}", line))
    return calibration


def percent(error: float) -> str:
    return f"{100 * error:.1f} %"


def kilohertz(error: float) -> str:
    return f"{error / 1e3:.2f} kHz"


def calibration_table(lines: list[tuple[str, tuple]]) -> None:
    """Print how honest the error bars of the adaptive runs are."""
    print(f"\n### Honesty of the adaptive runs, {RUNS} each\n\n| | rounds | pull mean | pull std | "
          "within 1 σ | within 1.96 σ | promised / achieved σ | accepted |\n"
          "|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name, (rounds, pull, accepted, promise, _) in lines:
        inside = [100 * np.mean(np.abs(pull) < z) for z in (1.0, 1.96)]
        print(f"| {name} | {rounds} | {pull.mean():+.2f} | {pull.std():.2f} | {inside[0]:.1f} % | "
              f"{inside[1]:.1f} % | {promise:.2f} | {100 * accepted:.1f} % |")  # fmt: skip


def update_cost() -> tuple[float, float]:
    """Return CPU us of one update for each target and setting, T1 and Ramsey."""
    n, costs = 400, []
    beliefs = (
        (t1_belief(45e-6, None, levels(OFFSET, CONTRAST, targets=n)), t1_design, T1_GOAL),
        (ramsey_belief(0.0, 1e5, T2_STAR, 1.5e-5, levels(OFFSET, CONTRAST, targets=n)),
         ramsey_design, RAMSEY_GOAL),
    )  # fmt: skip
    for belief, design, goal in beliefs:
        plan = design(belief, Timing(ACTIVE), goal)
        ones, best = plan.shots // 2, np.inf
        for _ in range(20):
            start = time.process_time()
            update(belief, plan, ones)
            best = min(best, time.process_time() - start)
        costs.append(1e6 * best / n / plan.delays.shape[1])
    return costs[0], costs[1]


def main() -> None:
    """Print the section."""
    print("## Adaptive acquisition\n")
    print(f"Simulated qubits, hidden truth, seed {SEED}: P(1) = {OFFSET} + {CONTRAST} f, binary "
          f"shots. Active reset: {1e6 * ACTIVE:.0f} µs besides the delay; passive: 5 T1 (250 µs "
          f"for Ramsey). Medians over {SWEEPS} sweeps and {RUNS} adaptive runs. Usual: the first "
          "line, a sweep fitted with scipy's curve_fit; beside it, less than the same sweep when "
          "Kammerton fits it. Ratios are of shots, of time with active, and with passive reset. "
          "Goals: T1 8 times fewer shots than usual, Ramsey 3 to 20 times.\n")  # fmt: skip
    calibration = t1_table()
    calibration += ramsey_table()
    calibration_table(calibration)
    adaptive_verdicts.main()
    t1_cost, ramsey_cost = update_cost()
    print(f"\nUpdate, 400 targets at once, CPU µs for each target and setting: T1 {t1_cost:.1f}, "
          f"Ramsey {ramsey_cost:.1f}.")  # fmt: skip


if __name__ == "__main__":
    main()
