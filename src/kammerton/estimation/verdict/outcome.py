"""What a kind of fit hands back, before it becomes a FitBatch."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.arrays import demand_no_bool
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Evidence
from kammerton.estimation.verdict.findings import Findings
from kammerton.model import TraceError

Array = NDArray[np.float64]

TURNS = 4.0 * np.pi  # rad; no gate turns by more

RANGES: dict[str, tuple[Callable[[Array], NDArray[np.bool_]], str]] = {
    "contrast": (lambda v: v != 0, "not 0"),
    "angle": (
        lambda v: (v != 0) & (np.abs(v) <= TURNS),
        "not 0, for a gate that does not turn has no error of its angle, and in rad",
    ),
    "phase": (lambda v: np.abs(v) <= TURNS, "in rad, no more than two turns"),
    "anharmonicity": (
        lambda v: (np.abs(v) >= 1e4) & (np.abs(v) <= 1e11),
        "in Hz, as -200e6 of a transmon",
    ),
    "within": (lambda v: (v > 0) & (v <= 1e12), "more than 0, and in Hz"),
    "period": (lambda v: v > 0, "more than 0"),
    "qubit_frequency": (lambda v: v > 0, "more than 0"),
    "bare_frequency": (lambda v: v > 0, "more than 0"),
    "asymmetry": (lambda v: (v >= 0) & (v < 1), "0 or more, and less than 1"),
    "dead": (lambda v: (v >= 0) & (v < 1), "a fraction of the readout, 0 or more and less than 1"),
    "qubits": (lambda v: (v >= 1) & (v <= 100) & (v == np.round(v)), "a whole number, 1 to 100"),
    "population_0": (lambda v: (v >= 0) & (v <= 1), "between 0 and 1"),
    "population_1": (lambda v: (v >= 0) & (v <= 1), "between 0 and 1"),
    "population": (lambda v: (v == 0) | (v == 1), "true or false"),
}
"""What a known quantity must be, and how that is said."""


class Counted(Protocol):
    """What knows how many traces or maps it holds."""

    @property
    def traces(self) -> int:
        """N."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What N fits found: numbers, their SI units by name, fitted y, chi-square, and findings.

    curve: as the batch holds y. chi2_reduced: (N,), NaN where sigma was not given.
    """

    found: Derived
    units: dict[str, str]
    curve: NDArray[Any]
    chi2_reduced: Array
    findings: Findings

    def __len__(self) -> int:
        return len(self.chi2_reduced)

    def replaced(self, which: NDArray[np.intp], part: Outcome) -> Outcome:
        """Return this outcome with that of the traces `which` from `part`."""
        curve, chi2 = self.curve.copy(), self.chi2_reduced.copy()
        curve[which], chi2[which] = part.curve, part.chi2_reduced
        return Outcome(
            self.found.replaced(which, part.found), self.units, curve, chi2,
            self.findings.replaced(which, part.findings),
        )  # fmt: skip


def significance(batch: Batch, flat: Array, fit: Solution, evidence: Evidence) -> Array:
    """Return the signal's size in its own sigmas, whatever its shape (N,)."""
    result = np.empty(batch.traces)
    fill_significance(flat, fit.cost, evidence.noise, batch.rows, result)
    return result


@careful_kernel
def fill_significance(
    flat: Array, cost: Array, noise: Array, rows: NDArray[np.intp], out: Array
) -> None:
    """Fill out (N,)."""
    for n in range(flat.size):
        unit = max(noise[n], 1e-12 * flat[n] / max(rows[n], 1))
        out[n] = math.sqrt(max((flat[n] - cost[n]) / unit, 0.0)) if unit > 0.0 else 0.0


def per_trace(known: dict[str, object], name: str, batch: Counted) -> Array | None:
    """Return a known quantity as (N,), or None when it was not given."""
    if known.get(name) is None:
        return None
    if name != "population":
        demand_no_bool(name, known[name])
    try:
        values = np.asarray(known[name], dtype=np.float64)
        spread = np.broadcast_to(values, (batch.traces,))
    except (TypeError, ValueError) as error:
        raise TraceError(f"{name} must be one number, or one for each trace") from error
    if not np.isfinite(spread).all():
        raise TraceError(f"{name} is not finite")
    if name in RANGES:
        allowed, words = RANGES[name]
        bad = np.flatnonzero(~allowed(spread))
        if len(bad):
            raise TraceError(f"{name} is {spread[bad[0]]:g}; it must be {words}")
    return spread


def one_word(known: dict[str, object], name: str, among: Collection[str]) -> str | None:
    """Return a known word, or None when it was not given."""
    word = known.get(name)
    if word is not None and not (isinstance(word, str) and word in among):
        raise TraceError(f"{name} is {word!r}; it must be one of {', '.join(among)}")
    return word
