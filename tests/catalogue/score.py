"""What became of a class of traces: verdicts, and which accepted values are wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from kammerton.estimation import FitBatch
from tests.catalogue.bound import oracle, rows_of, stacked
from tests.catalogue.broken import Broken
from tests.catalogue.truth import Traces, Truth

CHANCE = 2 * NormalDist().cdf(-3.0)  # of an honest value 3 standard errors from the truth
CHUNK = 2500
SEEN = 25.0  # in chi-square: five standard errors of one more parameter


@dataclass(frozen=True)
class Score:
    """Counts of one class: verdicts, accepted and wrong ones, right verdicts, statuses.

    seen: of the wrong ones, those that the trace could have shown. right: of the right verdict,
    in the right words where a trace is refused, with no wrong value where it is accepted.
    """

    traces: int
    accepted: int
    insufficient: int
    rejected: int
    wrong: int
    seen: int
    right: int
    statuses: dict[str, int]

    @property
    def limit(self) -> float:
        """The 95 % upper limit of the chance to accept a wrong value that could be seen."""
        return upper(self.seen, self.traces)


def upper(count: int, of: int) -> float:
    """Return the one-sided 95 % Clopper-Pearson limit of a chance."""
    return 1.0 if count >= of else float(beta.ppf(0.95, count + 1, of - count))


def score(truth: Truth, broken: Broken, traces: Traces, given: bool = True) -> Score:
    """Fit traces and count."""
    found = [_one(truth, broken, traces.take(slice(k, k + CHUNK)), given)
             for k in range(0, len(traces), CHUNK)]  # fmt: skip
    return added(found)


def added(parts: list[Score]) -> Score:
    """Return the counts of several together."""
    names = sorted({name for part in parts for name in part.statuses})
    statuses = {name: sum(part.statuses.get(name, 0) for part in parts) for name in names}
    fields = ("traces", "accepted", "insufficient", "rejected", "wrong", "seen", "right")
    return Score(*(sum(getattr(part, f) for part in parts) for f in fields), statuses)


def _one(truth: Truth, broken: Broken, traces: Traces, given: bool) -> Score:
    found = truth.fit(traces, given)
    verdict = [int(np.count_nonzero(found.verdict == v))
               for v in ("accepted", "insufficient", "rejected")]  # fmt: skip
    bad = wrong(found, traces)
    right = np.isin(found.verdict, broken.right) & ~bad
    if broken.status:
        right &= np.isin(found.status, broken.status) | (found.verdict == "accepted")
    words, counts = np.unique(found.status.astype(str), return_counts=True)
    return Score(
        len(traces), *verdict, int(bad.sum()),
        seen(truth, broken, traces.take(bad), found.curve[bad]), int(right.sum()),
        dict(zip(words.tolist(), counts.tolist(), strict=True)),
    )  # fmt: skip


def seen(truth: Truth, broken: Broken, traces: Traces, curve: NDArray[Any]) -> int:
    """Count the traces that differ from any curve of the law by more than noise can hide.

    The truth's law is fitted to the trace without noise, and the accepted curve is taken as
    another try; the chi-square that remains is what the law that the trace really follows would
    gain, and must exceed 25: who knew that law would see it at five standard errors. Only classes
    of another law are asked.
    """
    if not broken.other_law or traces.clean is None or len(traces) == 0:
        return len(traces)
    rest = ((stacked(traces.clean - curve) / rows_of(traces.sigma, traces.clean)) ** 2).sum(axis=1)
    rest = np.where(np.isnan(rest), np.inf, rest)  # a curve that is not given everywhere
    unlike = traces.take(rest > SEEN)
    if not unlike.hidden or len(unlike) == 0:
        return len(unlike)
    least = oracle(truth, unlike.hidden, replace(unlike, y=unlike.clean), SEEN)[1]
    return int(np.count_nonzero(least > SEEN))


def wrong(found: FitBatch, traces: Traces) -> NDArray[np.bool_]:
    """Return which accepted traces (N,) have a value that is not honest.

    A value is honest within 3 of its standard errors; where several are scored, within so many
    that an honest trace is wrong by chance just as rarely (0.27 %). A value given where there is
    none is not honest.
    """
    accepted = found.verdict == "accepted"
    if not traces.low:
        return accepted
    missing = set(traces.low) - set(found.values)
    if missing:
        raise KeyError(f"the fit gives no {', '.join(sorted(missing))}: {', '.join(found.values)}")
    there = sum(bool(np.isfinite(v).any()) for v in traces.low.values())
    reach = NormalDist().inv_cdf(1 - CHANCE / 2 / max(there, 1))
    far = np.zeros(len(traces), dtype=bool)
    for name, low in traces.low.items():
        value, error = found.values[name], found.stderr[name]
        none = np.isnan(low)
        off = np.maximum(np.maximum(low - value, value - traces.high[name]), 0.0)
        far |= np.isfinite(value) & np.where(none, True, off > reach * error)
    return np.asarray(accepted & far)
