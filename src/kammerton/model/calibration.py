"""A calibration is a value made of plain functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from kammerton.model.belief import Belief
from kammerton.model.errors import NoSuchName
from kammerton.model.fit import Fit, Value
from kammerton.model.parameter import RELATIVE
from kammerton.model.program import Program

Uses = Literal["complex", "axis", "population", "shots"]
T = TypeVar("T")


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

    def within_of(self, mean: float) -> float:
        """Return the largest sigma with which a parameter of that mean is known well enough."""
        return self.within * abs(mean) if self.relative else self.within


@dataclass(frozen=True)
class Give:
    """A parameter that a calibration measures, and the sigma it promises for it."""

    parameter: str
    promise: float
    relative: bool = False


@dataclass(frozen=True)
class Effort:
    """How much more than usual is spent: both factors are 1 for a first try.

    centre: where to put the middle of the window (unit of the sweep), None for the belief.
    """

    window: float = 1.0
    shots: float = 1.0
    centre: float | None = None


@dataclass(frozen=True, eq=False)
class Target:
    """One qubit as a calibration sees it: names, beliefs, and what lab.toml declares.

    `beliefs` and `sigmas` are keyed relative to the target ("f01", "r.frequency"); sigmas are
    those of now. Lengths in s; max_volts is the limit of the drive line. refuted: frequencies, Hz,
    of lines that answered to no pulse. reach: lowest and highest frequency, Hz, that the drive line
    can play.
    """

    name: str
    resonator: str
    beliefs: Mapping[str, Belief]
    sigmas: Mapping[str, float]
    pi_length: float
    pi_sigma: float
    readout_length: float
    reset: float
    max_volts: float
    effort: Effort = field(default_factory=Effort)
    refuted: tuple[float, ...] = ()
    reach: tuple[float, float] = (-math.inf, math.inf)

    def __getitem__(self, parameter: str) -> float:
        """Return the mean of a parameter, e.g. target["f01"], target["r.frequency"]."""
        return self._known(self.beliefs, parameter).mean

    def sigma(self, parameter: str) -> float:
        """Return how uncertain a parameter is now."""
        return self._known(self.sigmas, parameter)

    def _known(self, among: Mapping[str, T], parameter: str) -> T:
        if parameter in among:
            return among[parameter]
        said = f"nothing is known of {parameter} of {self.name} yet: let the calibration need it"
        if parameter not in RELATIVE:
            said = f'there is no parameter "{parameter}"; there are {", ".join(RELATIVE)}'
        raise NoSuchName(said, parameter)


def _nothing_to_object(fit: Fit, target: Target) -> str | None:
    return None


@dataclass(frozen=True)
class Calibration:
    """One named procedure.

    kind: the kind of fit. needs, gives: parameters relative to the target.
    program(targets): what to play; targets of one call share sweep length and shots.
    propose(fit, target): new values by relative name; settings have stderr 0.
    reject(fit, target): a reason of this calibration's own, or None.
    explain(fit, target): better words for a fit that was not accepted, or None.
    uses: how traces are prepared for the fit: "complex" (S-parameters), "axis" (the direction of
    largest change), "population" (scaled by the readout calibration) or "shots".
    known: what the fit may take for granted of such a program, as `fit_batch` takes it.
    on_request: run only when a person asks for it; what it finds then counts as any other's.
    """

    name: str
    kind: str
    uses: Uses
    needs: tuple[Need, ...]
    gives: tuple[Give, ...]
    program: Callable[[Sequence[Target]], Program]
    propose: Callable[[Fit, Target], Mapping[str, Value]]
    reject: Callable[[Fit, Target], str | None] = _nothing_to_object
    explain: Callable[[Fit, Target], str | None] = _nothing_to_object
    known: Mapping[str, object] = field(default_factory=dict)
    on_request: bool = False
