"""Ramsey fringes whose T2* hangs on the envelope's shape, of which the window tells too little."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import Beats
from kammerton.estimation.curves.early_end import early_end
from kammerton.estimation.curves.fringes import bounds
from kammerton.estimation.curves.late_start import LATE, first_measured
from kammerton.estimation.curves.other_times import least_error
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, solve
from kammerton.estimation.verdict.evidence import Mask
from kammerton.estimation.verdict.findings import ACCEPTED, PRECISE, Findings
from kammerton.model import Advice

Array = NDArray[np.float64]

SLOW, SURE = 0.7, 0.15  # a decay slower than the window must be known so well: it may be none
EARLY_END = 1.5  # rate below which T2* hangs on the shape, of one frequency or two
STRAIGHT, CURVED = 0.08, 0.35  # relative errors: below, 1/rate is as good as straight; most tried
BENT, HELD = 2.0, 9.0  # rate to which it is asked; chi-square: three errors hold what costs less
UNTOLD = 1.0  # bar, in parts of T2*, from which it may not decay at all
WIDE = (
    "; the window ends before the envelope's shape is told, and the error of T2* holds every shape"
)
BEGUN = 0.1  # T2* from which on a sweep that begins there hangs on the shape in any window


@dataclass(frozen=True, eq=False)
class Untold:
    """Of each trace (N,): whether the window ends too early, begins too late, and T2*'s error.

    That is what possible shapes leave, in parts of T2*; an early end may leave much of it, since
    the frequency is told nevertheless. wide: where it leaves more than what is called precise.
    """

    hangs: Mask
    late: Mask
    bar: Array

    @property
    def wide(self) -> Mask:
        """Return where T2* is known to less than a third (N,)."""
        return np.asarray(self.bar > PRECISE)


def untold_shape(batch: Batch, fit: Solution, beats: Beats, noise: Array) -> Untold:
    """Return where T2* hangs on a shape that is not told, of one frequency or two."""
    n, first = len(noise), first_measured(batch)
    hangs, bar, begun = np.zeros(n, dtype=bool), np.zeros(n), np.zeros(n)
    asked = np.ones(n, dtype=bool)
    for which, law in (
        (beats.joint, beats.joint_fit), (beats.which, beats.fit), (np.arange(n), fit)
    ):  # fmt: skip
        mine = asked[which]
        if not mine.any():
            continue
        rows, law = which[mine], law.take(mine)
        asked[rows] = False
        begun[rows] = first[rows] * law.p[:, 0]
        seen = np.where(begun[rows] > BEGUN, np.inf, EARLY_END)
        bar[rows], hangs[rows] = early_end(law, noise[rows], (SLOW, SURE), seen)
    early = begun <= BEGUN
    late = ~early & ((bar > PRECISE) | (begun > LATE)) & (batch.shape is None)
    return Untold(hangs | (early & (bar > UNTOLD)), late, bar)


def of_other_times(
    batch: Batch, fit: Solution, beats: Beats, noise: Array, untold: Untold
) -> Untold:  # fmt: skip
    """Return the same with errors that hold other times of one frequency which cost little.

    Where noise makes fringes fall quickly, twice T2* is five of its errors away and three of the
    rate's. noise (N,): variance of a row of weight 1.
    """
    rate = fit.p[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.sqrt(np.maximum(fit.cov[:, 0, 0] * noise, 0.0)) / np.maximum(rate, 0.0)
    asked = np.isfinite(own) & (own > STRAIGHT) & (rate < BENT)
    asked[beats.which] = False
    error = np.where(asked, np.clip(own, untold.bar, CURVED), np.inf)

    def cost(which: NDArray[np.intp], rates: Array) -> Array:
        part, start = batch.take(which), fit.p[which]
        low, high = (np.tile(end, (len(which), 1)) for end in bounds(part, 1))
        start[:, 0] = low[:, 0] = high[:, 0] = rates
        start[:, 1], low[:, 1], high[:, 1] = np.clip(start[:, 1], 0.05, 0.95), 0.0, 1.0
        return solve(kernels.RAMSEY, part, start, low, high).cost

    least = least_error((rate, error), fit.cost, noise, cost, HELD)
    return replace(untold, bar=np.maximum(untold.bar, least))


def with_bar(batch: Batch, found: Derived, untold: Untold) -> Derived:
    """Return the numbers with an error of T2* that holds every possible shape."""
    if batch.shape is not None:
        return found
    error = np.maximum(found.stderr["t2_star"], untold.bar * np.abs(found.values["t2_star"]))
    return replace(found, stderr={**found.stderr, "t2_star": error})


def mention_wide(findings: Findings, batch: Batch, untold: Untold) -> None:
    """Say of what is accepted that its T2* is known the less for a shape that is not told."""
    if batch.shape is None:
        wide = untold.wide & (findings.verdict == ACCEPTED)
        findings.reason[wide] += WIDE


def judge_late(findings: Findings, batch: Batch, found: Derived, untold: Untold) -> None:
    """Object to sweeps that begin late in the decay."""
    rate = batch.column(batch.span) / found.values["t2_star"]
    findings.insufficient(
        untold.late, "range too narrow",
        "the sweep begins when the fringes have decayed already: T2* hangs on the envelope's "
        "shape, which the rest does not tell; begin at zero",
        lambda n: Advice(window_times=float(np.clip(4.0 / rate[n], 0.5, 5.0))),
    )  # fmt: skip
