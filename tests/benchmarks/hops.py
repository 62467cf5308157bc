"""Runs in the middle of which something hops: what was believed of them, and what is now.

    python -m tests.benchmarks.hops            # the table
    python -m tests.benchmarks.hops 10000      # and so many good runs of each kind

Made of laws, not of the simulated laboratory: binomial shots of 20 blocks, a readout that is wrong
now and then, a parameter that hops once and besides walks as a chip's does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.hops.judge import held_still
from kammerton.estimation.reduce import mean_and_sigma
from kammerton.estimation.traces import fit_traces
from kammerton.model import Fit, Trace, Verdict

Array = NDArray[np.float64]

BLOCKS, WRONG = 20, 0.03
"""Blocks of a run; of either state so many are read as the other."""


@dataclass(frozen=True)
class Case:
    """A kind as its calibration plays it.

    law(x, p): population, or S21 where complex, of p (B, 1). value: as published; `at`: its size;
    drift: its walk per root second, as the simulated laboratory has it.
    """

    kind: str
    value: str
    x: Array
    shots: int
    seconds: float
    at: float
    drift: float
    law: Callable[[Array, Array], NDArray[np.complex128] | Array]


def _resonator(x: Array, f: Array) -> NDArray[np.complex128]:
    return 0.01 * (1 - 0.8 / (1 + 2j * (x - 6.8e9 - f) / 2e6))


def _fringe(x: Array, f: Array) -> Array:
    return 0.5 + 0.5 * np.exp(-x / 30e-6) * np.sin(2 * np.pi * (107e3 + f) * x)


def _line(x: Array, f: Array) -> Array:
    return np.asarray(0.9 * np.exp(-(((x - 4.9e9 - f) / 1e6) ** 2)))


_DELAYS = np.linspace(0.0, 200e-6, 51)
CASES = (
    Case("t1", "t1", _DELAYS, 1000, 21.0, 50e-6, 0.0024 * 50e-6, lambda x, t: np.exp(-x / t)),
    Case("t2_echo", "t2_echo", np.repeat(np.linspace(0.0, 200e-6, 26), 4), 500, 21.0, 50e-6,
         0.0024 * 50e-6, lambda x, t: 0.5 - 0.5 * np.exp(-x / t)),
    Case("ramsey", "t2_star", np.linspace(0.0, 75e-6, 101), 400, 14.0, 30e-6, 0.0024 * 30e-6,
         lambda x, t: 0.5 + 0.5 * np.exp(-x / t) * np.sin(2 * np.pi * 107e3 * x)),
    Case("ramsey", "frequency", np.linspace(0.0, 75e-6, 101), 400, 14.0, 0.0, 24.0, _fringe),
    Case("ramsey", "frequency", np.linspace(0.0, 75e-6, 101), 6400, 224.0, 0.0, 24.0, _fringe),
    Case("rabi_amplitude", "pi_amplitude", np.linspace(0.0, 0.4, 51), 400, 7.0, 0.2, 2e-5 * 0.2,
         lambda x, a: 0.5 - 0.5 * np.cos(np.pi * x / a)),
    Case("qubit_spectroscopy", "frequency", 4.9e9 + np.linspace(-8e6, 8e6, 101), 200, 7.0, 0.0,
         24.0, _line),
    Case("resonator_spectroscopy", "frequency", 6.8e9 + np.linspace(-8e6, 8e6, 101), 60, 0.1, 0.0,
         1.0, _resonator),
)  # fmt: skip


def blocks_of(case: Case, p: Array, rng: np.random.Generator) -> NDArray[np.complex128] | Array:
    """Return the block means (B, M) of a run in which the parameter was p (B,)."""
    y, count = case.law(case.x, p[:, None]), case.shots // BLOCKS
    if np.iscomplexobj(y):
        noise = rng.normal(size=(2, *y.shape)) * 5e-4 * np.sqrt(60 / case.shots)
        return np.asarray(y + noise[0] + 1j * noise[1])
    seen = rng.binomial(count, WRONG + (1 - 2 * WRONG) * np.clip(y.real, 0.0, 1.0)) / count
    clouds = rng.normal(size=seen.shape) * 0.3 / np.sqrt(count)
    return np.asarray((seen - WRONG) / (1 - 2 * WRONG) + clouds)


def walk(case: Case, rng: np.random.Generator) -> Array:
    """Return how a parameter without a hop wanders from block to block (B,), 0 in the middle."""
    steps = rng.normal(size=BLOCKS) * case.drift * np.sqrt(case.seconds / BLOCKS)
    path = np.cumsum(steps)
    return np.asarray(path - path[BLOCKS // 2])


def hopping(case: Case, size: float, moment: float) -> Array:
    """Return what each block adds (B,): `size` from `moment` on, a part of it in between."""
    part = np.clip(BLOCKS * moment - np.arange(BLOCKS), 0.0, 1.0)
    return np.asarray(size * (1 - part))


def fitted(
    case: Case, runs: list[NDArray[np.complex128] | Array]
) -> Iterator[tuple[Fit, Fit, float]]:
    """Yield each run's fit, that after a look at the blocks, and the CPU s that took."""
    traces = {}
    for n, blocks in enumerate(runs):
        y, sigma = mean_and_sigma(blocks)
        traces[str(n)] = Trace(str(n), case.x, y, sigma, "x", "")
    fits = fit_traces(case.kind, traces, case.shots)
    for n, blocks in enumerate(runs):
        start = thread_time()
        judged = held_still(fits[str(n)], traces[str(n)], blocks, case.seconds)
        yield fits[str(n)], judged, thread_time() - start


def bars_off(case: Case, fit: Fit, middle: float) -> float:
    """Return how far a value is from the truth at the middle of the run, in published bars."""
    value, zero = fit.values[case.value], 0.0
    if case.value == "frequency":
        zero = {"ramsey": 107e3, "qubit_spectroscopy": 4.9e9}.get(case.kind, 6.8e9)
    walked = 1.0 if case.value == "frequency" else abs(value.value)
    drift = {"t1": 3e-3, "t2_echo": 3e-3, "t2_star": 3e-3, "pi_amplitude": 2e-5}.get(
        case.value, 60.0
    )
    bar = np.hypot(value.stderr, walked * drift * np.sqrt(case.seconds / 12))
    return float(abs(value.value - zero - middle) / bar)


@dataclass
class Count:
    """Of some runs: accepted, of them beyond three and five bars; before and now."""

    runs: int = 0
    before: tuple[int, int, int] = (0, 0, 0)
    now: tuple[int, int, int] = (0, 0, 0)
    seconds: float = 0.0

    def add(self, case: Case, fit: Fit, judged: Fit, middle: float) -> None:
        """Count one run."""
        self.runs += 1
        for name, one in (("before", fit), ("now", judged)):
            if one.verdict is Verdict.ACCEPTED:
                off = bars_off(case, one, middle)
                more = (1, int(off > 3), int(off > 5))
                had = getattr(self, name)
                setattr(self, name, tuple(a + b for a, b in zip(had, more, strict=True)))


def count(case: Case, size: float, moment: float, runs: int, seed: int) -> Count:
    """Return what became of runs that hop by `size` at `moment`."""
    rng, result = np.random.default_rng(seed), Count()
    middle = case.at + size * (moment < 0.5)
    made = []
    for _ in range(runs):
        p = case.at + walk(case, rng) + hopping(case, size, moment)
        made.append(blocks_of(case, p, rng))
    for fit, judged, seconds in fitted(case, made):
        result.add(case, fit, judged, middle)
        result.seconds += seconds
    return result


MOMENTS = (0.1, 0.25, 0.45, 0.55, 0.75, 0.9)


def sizes(case: Case) -> tuple[float, ...]:
    """Return sizes of hops: of times by a half and a quarter, of frequencies in their unit."""
    if case.kind == "ramsey" and case.value == "frequency":
        return (1e3, 3e3, 10e3, 30e3, 200e3)
    if case.value == "frequency":
        return (50e3, 200e3, 1e6)
    if case.value == "pi_amplitude":
        return (0.01 * case.at, 0.05 * case.at)
    return (-0.5 * case.at, case.at, -0.2 * case.at, -0.1 * case.at)


def main(good: int = 0) -> None:
    """Print the table."""
    print("| kind: value | hop | runs | accepted before; > 3; > 5 bars | now; > 3; > 5 |")
    print("|---|---|---|---|---|")
    for case in CASES:
        for size in sizes(case):
            for moment in MOMENTS:
                one = count(case, size, moment, 200, 7)
                row = f"{size:.3g} at {moment:.0%} | {one.runs} | {one.before} | {one.now}"
                print(f"| {case.kind} {case.shots}: {case.value} | {row} |", flush=True)
        if good:
            parts = [count(case, 0.0, 0.5, 1000, 100 + n) for n in range(good // 1000)]
            before, now = (sum(getattr(p, w)[0] for p in parts) for w in ("before", "now"))
            each = 1e6 * sum(p.seconds for p in parts) / good
            row = f"none | {good} | {before} accepted | {now} accepted, {each:.0f} us each"
            print(f"| {case.kind} {case.shots}: {case.value} | {row} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
