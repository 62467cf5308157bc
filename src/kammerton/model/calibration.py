"""A calibration is a value made of plain functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kammerton.model.belief import Belief
from kammerton.model.fit import Fit, Value
from kammerton.model.program import Program


@dataclass(frozen=True)
class Need:
    """A parameter that must be believed to within one sigma before a calibration can run.

    `parameter` is relative to the target: "f01" is the qubit's, "r.frequency" its resonator's.
    `within` is absolute (SI) or, when `relative`, a fraction of the mean. `measured` asks for
    more than a design value.
    """

    parameter: str
    within: float
    relative: bool = False
    measured: bool = False


@dataclass(frozen=True)
class Effort:
    """How much more than usual is spent: both factors are 1 for a first try."""

    window: float = 1.0
    shots: float = 1.0
    centre: float | None = None


@dataclass(frozen=True, eq=False)
class Target:
    """One qubit as a calibration sees it: names, beliefs and the declared pi pulse."""

    name: str
    resonator: str
    beliefs: Mapping[str, Belief]
    sigmas: Mapping[str, float]
    pi_length: float
    pi_sigma: float
    effort: Effort = field(default_factory=Effort)

    def __getitem__(self, parameter: str) -> float:
        """Return the mean of a parameter, e.g. target["f01"], target["r.frequency"]."""
        return self.beliefs[parameter].mean

    def sigma(self, parameter: str) -> float:
        """Return how uncertain a parameter is now."""
        return self.sigmas[parameter]


@dataclass(frozen=True)
class Calibration:
    """One named procedure.

    kind: the kind of fit. needs, gives: parameters relative to the target.
    program(targets): what to play; targets of one call share sweep length, shots and effort.
    reject(fit): a reason of this calibration's own, or None.
    propose(fit, target): new values by relative name; settings have stderr 0.
    uses: how traces are prepared for the fit: "complex" (S-parameters), "axis" (the direction of
    largest change), "population" (scaled by the readout calibration) or "shots".
    """

    name: str
    kind: str
    needs: tuple[Need, ...]
    gives: tuple[str, ...]
    uses: str
    program: Callable[[Sequence[Target]], Program]
    reject: Callable[[Fit], str | None]
    propose: Callable[[Fit, Target], Mapping[str, Value]]
    known: Callable[[Target], Mapping[str, float]] = field(default=lambda target: {})
