"""What is said of Ramsey fringes that are badly placed in their window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.fringes import SEARCHED, bounds
from kammerton.estimation.curves.untold_shape import SLOW, SURE
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, solve
from kammerton.estimation.verdict.evidence import Evidence, Mask
from kammerton.estimation.verdict.findings import Findings, imprecise, percent
from kammerton.model import Advice

Array = NDArray[np.float64]

COARSE, ALIASED = 0.48, 0.75  # periods from place to place; in the window, below the alias's own
GONE = "the fringes are gone within the first points: sampling too coarse"
SEEN = 0.25, "a quarter"  # periods within 1/e from which an oscillation is seen
SEEN_OF_KNOWN_SHAPE = 1 / 6, "a sixth"  # fewer, and smooth falls pass as well
POSSIBLE = 9.0  # chi-square by which a slow fringe may be worse than a quick decay
SLOWEST_DECAY, BETWEEN = (0.8, 0.3, 0.7), (0.0, 1.0)  # where it is looked for; its envelope's shape


def slower(batch: Batch, fit: Solution, noise: Array) -> Callable[[Mask], Mask]:
    """Return what says in which traces (N,) fringes may last longer than the window.

    Under an envelope between an exponential and a Gaussian: one of any shape, that need not fall
    for long, would look like most decays. fit: what explains them best; noise (N,): of weight 1.
    """

    def possible(among: Mask) -> Mask:
        result = np.zeros(batch.traces, dtype=bool)
        which = np.flatnonzero(among)
        if len(which) == 0:
            return result
        part = batch.take(which)
        low, high = bounds(part, 1)
        high[0] = 1.0
        low[1], high[1] = np.clip((low[1], high[1]), *BETWEEN)
        start = np.tile(SLOWEST_DECAY, (len(which), 1))
        other = solve(kernels.RAMSEY, part, start, low, high, errors=False)
        result[which] = other.cost < fit.cost[which] + POSSIBLE * noise[which]
        return result

    return possible


def judge_fringes(
    findings: Findings, batch: Batch, evidence: Evidence, found: Derived, hangs: Mask,
    slow: Callable[[Mask], Mask] | None,
) -> None:  # fmt: skip
    """Object to fringes that are badly placed in their window.

    slow: in which of some traces (N,) fringes may be too slow to be seen, if that can be said.
    """
    values = found.values
    span = batch.column(batch.span)
    periods = values["frequency"] * span
    with np.errstate(divide="ignore"):
        rate = span / values["t2_star"]
    seen = ~(rate > batch.places / 3)
    part, word = SEEN if batch.shape is None else SEEN_OF_KNOWN_SHAPE
    gone = (part * rate > periods) & seen & (rate > 2)
    if slow is not None:
        findings.insufficient(
            slow(gone & findings.is_open()), "range too narrow",
            "a decay without fringes explains the trace, or fringes slower than the window is long",
            Advice(window_times=3.0),
        )  # fmt: skip
    findings.rejected(
        gone, "model does not fit",
        f"the signal decays within {word} of a period: no oscillation is seen",
    )  # fmt: skip
    findings.insufficient(
        (periods < 0.7) | ((evidence.gain_line < SEARCHED) & (periods < 2)), "range too narrow",
        lambda n: f"only {periods[n]:.2f} periods were swept",
        lambda n: Advice(window_times=float(np.clip(3 / periods[n], 2.0, 5.0))),
    )  # fmt: skip
    steps = batch.places - 1
    aliased = np.where(seen, np.fmax(ALIASED, rate / np.pi), ALIASED)  # as wide as its line
    findings.insufficient(
        periods > np.minimum(COARSE * steps, 0.5 * steps - aliased), "sampling too coarse",
        "the oscillation is as fast as half the sampling: its frequency may be an alias",
        Advice(window_times=0.5),
    )  # fmt: skip
    _judge_decay(findings, batch, found, rate, hangs)


def _judge_decay(
    findings: Findings, batch: Batch, found: Derived, rate: Array, hangs: Mask
) -> None:
    """Object to a decay that is not seen, or not told; rate (N,): in windows."""
    values, stderr = found.values, found.stderr

    def longer(n: int) -> Advice:
        return Advice(window_times=float(np.clip(2.0 / max(rate[n], 0.1), 2.0, 5.0)))

    poor = imprecise(values["t2_star"], stderr["t2_star"])
    poor |= rate <= 0
    poor |= (rate < SLOW) & imprecise(values["t2_star"], stderr["t2_star"], SURE)
    findings.insufficient(
        (rate > batch.places / 3) | (poor & (rate > 8)), "window too long",
        GONE,
        lambda n: Advice(window_times=float(np.clip(3.0 / rate[n], 0.05, 0.5))),
    )  # fmt: skip
    findings.insufficient(
        poor & (rate < 1.0), "range too narrow",
        "the window ends before the fringes decay: T2* is not seen",
        longer,
    )  # fmt: skip
    findings.insufficient(
        hangs, "range too narrow",
        "the window ends before the fringes decay: T2* hangs on the envelope's shape, which so "
        "short a window does not tell",
        longer,
    )  # fmt: skip
    findings.insufficient(
        poor | imprecise(values["frequency"], stderr["frequency"], 0.2), "error too large",
        lambda n: "T2* is known only to " + percent(values["t2_star"][n], stderr["t2_star"][n]),
        Advice(shots_times=4.0),
    )  # fmt: skip
