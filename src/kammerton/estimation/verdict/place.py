"""A line that is not where it is believed to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Known
from kammerton.estimation.verdict.objection import Objection, rejected
from kammerton.estimation.verdict.outcome import Counted, per_trace

Array = NDArray[np.float64]

PLACE = ("expected", "within")
"""What may be known of a line's frequency, Hz: where it is believed to be, one sigma of that."""

NEARBY = 0.05  # windows, one sigma of what is expected where nothing is said
FAR = 5.0  # sigmas


def expectation(batch: Counted, known: Known) -> Array:
    """Return where the line is expected (N,), NaN where nothing is."""
    expected = per_trace(known, "expected", batch)
    return np.full(batch.traces, np.nan) if expected is None else np.array(expected)


def judge_place(
    findings: Findings, batch: Counted, window: Array, found: Derived, known: Known,
    name: str = "frequency", what: str = "the line",
) -> None:  # fmt: skip
    """Object to a line that is not where it is believed to be. window: swept, Hz (N,)."""
    expected, within = expectation(batch, known), per_trace(known, "within", batch)
    near = window * NEARBY if within is None else within
    off = np.abs(found.values[name] - expected)
    findings.rejected(
        off > FAR * np.hypot(near, found.stderr[name]), "wrong peak",
        lambda n: f"{what} lies {off[n] / 1e6:.3g} MHz from where it is expected",
    )  # fmt: skip


def misplaced(
    value: dict[str, float], error: dict[str, float], name: str, expected: float | None,
    window: float,
) -> Objection | None:  # fmt: skip
    """Object to a frequency of a map that is not where it is known to be. window: swept, Hz."""
    if expected is None:
        return None
    off = abs(value[name] - expected)
    if off <= FAR * np.hypot(NEARBY * window, error[name]):
        return None
    return rejected("wrong peak", f"{name} lies {off / 1e6:.3g} MHz from where it is known to be")
