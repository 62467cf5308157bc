"""CPU time of one fit, ours and peers', on the same arrays, with what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import curve_fit

from kammerton.estimation import fit_batch
from tests.benchmarks.fits_common import (
    LARGE,
    USUAL,
    USUAL_OF,
    Effort,
    in_time,
    is_map,
    percent,
    row,
)
from tests.benchmarks.peers.run import DISTRIBUTIONS
from tests.catalogue.bound import bound
from tests.catalogue.registry import plain
from tests.catalogue.truth import Array, Parameters, Traces, Truth

BATCHES = (1, 10, 1000)
MAPS = 20  # instead of 1000
SHOTS = 1000
SNR = 20.0
GOALS = {"t1": 6.0, "ramsey": 30.0, "resonator_spectroscopy, notch": 120.0}
SWEEP, MAP = 200.0, 20_000.0
PATIENCE = 600.0
QUIET, REST = 170e-6, 5.0
"""A case is measured again, after a rest of so many s, until the yardstick is that short (s)."""
REPEATS, LEAST, LONG = 20, 5, 1.0  # fits of one batch; fewer where they take so many s together
POPULATIONS = ("t1", "t2_echo", "cpmg", "ramsey", "rabi_amplitude", "rabi_length")
PEERS = tuple(DISTRIBUTIONS)
NOT_HERE = "not installed here"
NOT_ASKED = "not asked"
ROOT = Path(__file__).parents[2]
Measured = TypeVar("Measured")


@dataclass(frozen=True, eq=False)
class Case:
    """Traces of one truth that everybody fits."""

    truth: Truth
    hidden: Parameters
    traces: Traces

    def right(self, told: dict[str, Array], some: int) -> Array:
        """Return which of the first traces have every told value within 5 % or 3 bounds."""
        p = {k: v[:some] for k, v in self.hidden.items()}
        first = self.traces.take(slice(some))
        best, true, scale = (bound(self.truth, p, first), self.truth.scored(p), self.truth.scale(p))
        ok = np.ones(some, dtype=bool)
        for name, value in told.items():
            room = np.maximum(0.05 * np.abs(scale.get(name, true[name])), 3 * best[name])
            with np.errstate(invalid="ignore"):
                ok &= np.abs(value[:some] - true[name]) < room
        return ok


def as_counts(truth: Truth) -> Truth:
    """Return the truth with counts for noise, which every peer can take."""
    if truth.kind in POPULATIONS:
        return replace(truth, shots=SHOTS)
    if truth.kind == "qubit_spectroscopy":
        return replace(truth, shots=SHOTS, typical=lambda rng, n: upright(truth.benign(rng, n)))
    return truth


def usual(p: Parameters) -> Parameters:
    """Return the shapes that every peer assumes: exponential envelopes and Lorentzian lines."""
    shapes = {"slow": 0.0, "pure": 1.0}
    return {name: np.full_like(v, shapes[name]) if name in shapes else v for name, v in p.items()}


def upright(p: Parameters) -> Parameters:
    """Return a line as a population: upwards, from 5 %."""
    level = np.full_like(p["offset"], 0.05)
    return {**p, "contrast": np.abs(p["contrast"]), "offset": level, "slope": 0 * level}


def cases(kind: str | None, seed: int) -> Iterator[Case]:
    """Yield one case for every truth that stands for its kind."""
    for truth in plain(kind).values():
        counted, rng = as_counts(truth), np.random.default_rng([seed, 1])
        n = MAPS if is_map(truth) else max(BATCHES)
        p = usual(counted.benign(rng, n))
        yield Case(counted, p, counted.measured(rng, p, SNR))


def ours(case: Case, n: int) -> float:
    """Return the median CPU seconds for each of n traces fitted at once, sigma given."""
    traces, took = case.traces, []
    case.truth.fit(traces.take(slice(n)))
    for repeat in range(REPEATS):
        if repeat >= LEAST and sum(took) > LONG:
            break
        first = (repeat * n) % (len(traces) - n + 1)
        some = traces.take(slice(first, first + n))
        start = time.process_time()
        fit_batch(case.truth.kind, some.x, some.y, some.sigma, **some.known)
        took.append(time.process_time() - start)
    return float(np.median(took)) / n


def yardstick(repeats: int = 40) -> float:
    """Return the median CPU seconds of scipy's curve_fit of one exponential of 51 points.

    A machine that is shared is slow at times; both suffer alike.
    """
    x, rng, took = np.linspace(0.0, 1.0, 51), np.random.default_rng(1), []
    for _ in range(repeats):
        y = np.exp(-3.0 * x) + 0.05 * rng.standard_normal(51)
        start = time.process_time()
        curve_fit(_exponential, x, y, p0=[1.0, 2.0, 0.0], sigma=np.full(51, 0.05))
        took.append(time.process_time() - start)
    return float(np.median(took))


def least_yardstick() -> float:
    """Return the least of some, for what is the least of some times itself."""
    return min(yardstick(10) for _ in range(20))


def quietest(measure: Callable[[], Measured], rounds: int) -> tuple[Measured, float]:
    """Measure until the machine is quiet, or for some rounds.

    Returns what was measured beside the shortest yardstick, which chooses without a look at
    the outcome, and that yardstick.
    """
    found = [_beside(measure)]
    while found[-1][1] > QUIET and len(found) < rounds:
        time.sleep(REST)
        found.append(_beside(measure))
    return min(found, key=itemgetter(1))


def _beside(measure: Callable[[], Measured]) -> tuple[Measured, float]:
    before, measured = yardstick(), measure()
    return measured, max(before, yardstick())


def _exponential(x: Array, size: float, rate: float, level: float) -> Array:
    return np.asarray(size * np.exp(-rate * x) + level)


def interpreters() -> list[str]:
    """Return where peers may be installed: here, and where KAMMERTON_PEERS says."""
    more = os.environ.get("KAMMERTON_PEERS", "")
    return [sys.executable, *(p for p in more.split(os.pathsep) if p)]


def save(case: Case, path: Path, n: int) -> None:
    """Write the first n traces for a peer."""
    axis, first = case.traces.x, case.traces.take(slice(n))
    if isinstance(axis, tuple):
        raise TypeError("peers take traces of one axis")
    zero = 0.0 if axis[0] == 0 else float(axis.min())
    np.savez(
        path, kind=case.truth.kind, x=(axis - zero) / np.ptp(axis), y=first.y, sigma=first.sigma,
        shots=case.truth.shots or 0, zero=zero, span=np.ptp(axis),
    )  # fmt: skip


def command(python: str, peer: str, path: Path) -> list[str]:
    """Return how a peer is run."""
    return [python, "-m", "tests.benchmarks.peers.run", peer, str(path)]


def theirs(case: Case, peer: str, n: int) -> dict[str, Any] | str | None:
    """Return what a peer printed; None where it has no routine, a text where it did not run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.npz"
        save(case, path, n)
        said: dict[str, Any] | str | None = NOT_HERE
        for python in interpreters():
            answer = _asked(python, peer, path)
            if not isinstance(answer, str):
                return answer
            said = answer if said == NOT_HERE else said
        return said


def _asked(python: str, peer: str, path: Path) -> dict[str, Any] | str | None:
    try:
        done = subprocess.run(
            command(python, peer, path), capture_output=True, text=True, timeout=PATIENCE,
            check=False, cwd=ROOT, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"not done after {PATIENCE:g} s"
    if done.returncode == 0:
        answer: dict[str, Any] | None = json.loads(done.stdout.splitlines()[-1])
        return answer
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return NOT_HERE if "ModuleNotFoundError" in last else f"failed: {last[:60]}"


def in_si(case: Case, answer: dict[str, Any]) -> dict[str, Array]:
    """Return a peer's values in SI; NaN where it gave none."""
    axis = case.traces.x
    assert isinstance(axis, np.ndarray)
    span, zero = np.ptp(axis), 0.0 if axis[0] == 0 else axis.min()
    given = [trace.get("values", {}) for trace in answer["traces"]]
    names = {name for values in given for name in values}
    told = {n: np.array([v.get(n, [np.nan])[0] for v in given], dtype=float) for n in sorted(names)}
    with np.errstate(divide="ignore"):
        return {name: _si(name, case.truth.kind, v, zero, span) for name, v in told.items()}


def _si(name: str, kind: str, value: Array, zero: float, span: float) -> Array:
    if name == "frequency":
        return value / span if kind == "ramsey" else zero + value * span
    if name == "error_per_clifford":
        return np.asarray((1 - np.exp(-value / span)) / 2)
    return value * span


def lines(effort: Effort) -> Iterator[str]:
    """Yield the section."""
    yield "## 1. Speed: CPU microseconds a fit\n"
    yield (
        "One thread; ours with sigma, covariance, verdict and reason. Peers fit the first traces "
        f"of the same arrays one by one ({SHOTS} shots a point where y is a population, else an "
        f"SNR of {SNR:g}); `right` is the share with every value within 5 % (a centre: of the "
        "linewidth) or 3 Cramer-Rao bounds, on well-placed windows with the envelopes and lines "
        "that peers assume (exponential, Lorentzian); maps: "
        f"N = {MAPS} instead of 1000, in the first table of the sizes that {sizes()} have in "
        f"tests/catalogue, in the third of {LARGE} x {LARGE} points, for which their goal is set; "
        "`no answer` means that it raised or gave no number. "
        "`us` is the median, `worst` the slowest. The yardstick is what scipy's curve_fit takes "
        "for one plain exponential of 51 points before and after, the longer of both; machines of "
        f"this kind took 95 to {1e6 * USUAL:g} us where nothing else ran. A goal that is missed "
        f"beside a longer one is asked of the time that a machine of {1e6 * USUAL:g} us takes, "
        "which is said in the last column; on an AMD EPYC, which is slower at the yardstick than "
        f"at fits, of {1e6 * USUAL_OF['AMD EPYC']:g} us. Where the yardstick takes more than "
        f"{1e6 * QUIET:g} us, ours is "
        f"measured up to {effort.rounds} times, and that with the shortest yardstick counts; "
        "peers follow once. `not asked`: tests/benchmarks/peers does not say how that peer would "
        "fit this kind, whether or not it could. Laws and guesses of curve_fit and lmfit: "
        "tests/benchmarks/peers/laws.py.\n"
    )
    yield row("kind", *(f"N = {n}" for n in BATCHES), "goal, N = 1000", "right", "yardstick", "")
    yield "|---|---|---|---|---|---|---|---|"
    peers: list[str] = []
    for case in cases(effort.kind, effort.seed):
        (us, right), beside = quietest(partial(_own, case), effort.rounds)
        goal = _goal(case.truth)
        yield row(
            case.truth.name, *(f"{u:.1f}" for u in us), f"{goal:g}", percent(right),
            f"{1e6 * beside:.0f}", in_time(us[-1], goal, beside),
        )  # fmt: skip
        peers += list(_peers(case, us, right, effort.peer_traces))
    yield ""
    yield row("kind", "peer", "version", "us", "worst", "ours N = 1000 faster", "right",
              "no answer", "peer wins")  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|"
    yield from peers
    yield ""


def sizes() -> str:
    """Return how many points the maps of the first table have."""
    maps = sorted(truth.name for truth in plain().values() if is_map(truth))
    return ", ".join(f"{name} ({' x '.join(map(str, plain()[name].shape))})" for name in maps)


def _goal(truth: Truth) -> float:
    return GOALS.get(truth.name, MAP if is_map(truth) else SWEEP)


def _own(case: Case) -> tuple[list[float], float]:
    us = [1e6 * ours(case, min(n, len(case.traces))) for n in BATCHES]
    found = case.truth.fit(case.traces)
    told = {k: found.values[k] for k, v in case.traces.low.items() if np.isfinite(v).all()}
    return us, float(np.mean(case.right(told, len(case.traces))))


def _peers(case: Case, us: list[float], right: float, n: int) -> Iterator[str]:
    several = isinstance(case.traces.x, tuple)
    for peer in PEERS:
        answer = None if several else theirs(case, peer, min(n, len(case.traces)))
        if answer is None or isinstance(answer, str):
            yield row(case.truth.name, peer, answer or NOT_ASKED, *[""] * 6)
        else:
            yield _peer_row(case, peer, answer, us, right)


def _peer_row(case: Case, peer: str, answer: dict[str, Any], us: list[float], right: float) -> str:
    seconds = 1e6 * np.array([trace["seconds"] for trace in answer["traces"]])
    told = in_si(case, answer)
    some = len(seconds)
    silent = np.mean([not trace.get("values") for trace in answer["traces"]])
    good = float(np.mean(case.right(told, some))) if told else 0.0
    mine = {k: v for k, v in case.truth.fit(case.traces.take(slice(some))).values.items()
            if k in told}  # fmt: skip
    same = float(np.mean(case.right(mine, some)))
    median = float(np.median(seconds))
    won = [w for w, yes in (("speed at N = 1", median < us[0]), ("speed", median < us[-1]),
                            ("right", good > same)) if yes]  # fmt: skip
    return row(
        case.truth.name, peer, answer["version"], f"{median:.0f}", f"{seconds.max():.0f}",
        f"{median / us[-1]:.3g} x", f"{percent(good)} (ours {percent(same)})", percent(silent),
        ", ".join(won),
    )  # fmt: skip
