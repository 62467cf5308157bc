"""The outcome of a fit: values with errors, and a verdict that is never silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from kammerton.model.errors import NoSuchName

BY_CALIBRATION = "rejected by calibration"


class Verdict(StrEnum):
    """What a fit is worth."""

    ACCEPTED = "accepted"
    INSUFFICIENT = "insufficient"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Value:
    """One fitted number: value, one standard deviation, SI unit."""

    value: float
    stderr: float
    unit: str


class Values(dict[str, Value]):
    """Fitted numbers by name; a name that is not among them is told which are."""

    def __missing__(self, name: str) -> Value:
        """Say what there is."""
        there = f"it has {', '.join(self)}" if self else "it has none"
        raise NoSuchName(f'the fit has no value "{name}"; {there}', name)


@dataclass(frozen=True)
class Advice:
    """What to change when the data were insufficient; None where nothing is to change.

    window_times: widen the swept window by this factor. shots_times: take so many times the shots.
    centre_on: move the window's centre there (unit of x). extend_window_to: the window's length
    after window_times (unit of x); below the present one, the window is too long.
    axis: which axis of a map these speak of, 0 or 1.
    """

    window_times: float | None = None
    shots_times: float | None = None
    centre_on: float | None = None
    extend_window_to: float | None = None
    axis: int = 0


@dataclass(frozen=True, eq=False)
class Fit:
    """The fit of one trace.

    kind: "t1", "ramsey", ... target: the qubit. values: fitted numbers by name.
    status: the finding in the field's words ("success", "no signal", "range too narrow", ...).
    reason: the same in one sentence. curve: the fitted y at the points of the trace.
    correlation: (K, K) of the K values, in their order; None where a fit was read from a store.
    """

    kind: str
    target: str
    values: Mapping[str, Value]
    verdict: Verdict
    status: str
    reason: str
    chi2_reduced: float
    advice: Advice = field(default_factory=Advice)
    curve: NDArray[np.float64] | NDArray[np.complex128] | None = None
    correlation: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.values, Values):
            object.__setattr__(self, "values", Values(self.values))

    def said(self) -> str:
        """Return the verdict and its reason, e.g. "rejected (no signal): the trace is flat"."""
        plain = self.status in ("", "success", BY_CALIBRATION)  # which only says the verdict again
        status = "" if plain else f" ({self.status})"
        return f"{self.verdict}{status}" + (f": {self.reason}" if self.reason else "")

    def rejected(self, reason: str) -> Fit:
        """Return this fit, rejected by a calibration for a reason of its own."""
        return Fit(
            self.kind, self.target, self.values, Verdict.REJECTED, BY_CALIBRATION,
            reason, self.chi2_reduced, self.advice, self.curve, self.correlation,
        )  # fmt: skip
