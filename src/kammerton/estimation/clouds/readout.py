"""Single shots of a qubit prepared in 0, 1 (and 2): the discriminator and what it is worth.

x says what each shot was prepared in; y are the shots, I + iQ. The clouds are those of
`kammerton.estimation.clouds.clouds`; the assignment matrix is counted (`discriminator`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.clouds.discriminator import (
    count,
    discriminator,
    number_names,
    number_unit,
    numbers,
)
from kammerton.estimation.clouds.judge import (
    judged,
    of_clouds,
    of_record,
    of_sets,
    unresolved,
)
from kammerton.estimation.clouds.record_kernels import fill_order
from kammerton.estimation.clouds.seeds import fit_three, fit_two, framed, with_third
from kammerton.estimation.numeric.arrays import demand_finite
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Kind
from kammerton.estimation.verdict.objection import Objection, close
from kammerton.estimation.verdict.outcome import Outcome, per_trace
from kammerton.model import TraceError

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Shots:
    """N targets of M shots: prepared (N or 1, M) 0, 1, 2; y (N, M) in V, NaN where missing."""

    prepared: NDArray[np.intp]
    y: Complex
    states: int

    @property
    def traces(self) -> int:
        """N."""
        return len(self.y)

    @property
    def window(self) -> Array:
        """Nothing was swept (N,)."""
        return np.zeros(self.traces)

    def restore(self, curve: Complex) -> Complex:
        """Return the curve as it is: shots keep their order."""
        return curve

    def which(self, n: int) -> list[NDArray[np.intp]]:
        """Return the numbers of the shots of target n that are there, by what was prepared."""
        first, order = np.empty(self.states + 1, np.intp), np.empty(self.y[n].size, np.intp)
        fill_order(~np.isnan(self.y[n]), self.prepared[n % len(self.prepared)], first, order)
        return [order[a:b] for a, b in itertools.pairwise(first)]


def ready(x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None) -> Shots:
    """Check prepared states and shots.

    Raises
    ------
    TraceError
        Says which array cannot be used, and why.
    """
    if sigma is not None:
        raise TraceError("a single shot has no sigma: the width of the clouds is fitted")
    shots = _shots(y)
    prepared = np.asarray(x)
    if prepared.shape not in (shots.shape, shots.shape[1:]):
        raise TraceError(
            f"x has shape {prepared.shape} but y has {shots.shape}; x must be (M,) or (N, M)"
        )
    if prepared.dtype.kind not in "iufb" or not _are_states(prepared):
        raise TraceError("x must hold the prepared state of every shot: 0, 1 or 2")
    prepared = prepared.astype(np.intp)
    there = np.bincount(prepared.ravel()) > 0
    states = len(there)
    if states < 2 or not there.all():
        raise TraceError("x must hold shots prepared in 0 and in 1, and perhaps in 2")
    return Shots(np.atleast_2d(prepared), shots, states)


def _are_states(prepared: NDArray[Any]) -> bool:
    """Whether numbers are 0, 1 and 2."""
    whole = bool(((prepared == 0) | (prepared == 1) | (prepared == 2)).all())
    return prepared.size > 0 and whole


def _shots(y: ArrayLike) -> Complex:
    values = np.asarray(y)
    if values.dtype.kind != "c":
        raise TraceError("y must be complex: the I and Q of every shot")
    values = values.astype(np.complex128, copy=False)
    values = values[None] if values.ndim == 1 else values
    if values.ndim != 2 or values.size == 0:
        raise TraceError(f"y has shape {np.shape(y)}; it must be (M,) or (N, M) and hold shots")
    demand_finite(values, "target")
    return values


def single_shot_readout(shots: Shots, known: dict[str, object]) -> Outcome:
    """Fit clouds to the shots of each target; `dead` may be known.

    dead: time in which a decay goes unnoticed (the shot looks like one that began a state lower),
    before the signal tells the states apart, as a fraction of the time in which it does.
    """
    dead = per_trace(known, "dead", shots)
    dead = np.zeros(shots.traces) if dead is None else dead
    readings = [_read(shots, n, float(dead[n])) for n in range(shots.traces)]
    findings, curve = Findings(shots.traces), np.full(shots.y.shape, np.nan + 0j)
    for n, reading in enumerate(readings):
        close(findings, n, [reading.finding])
        if reading.curve is not None:
            curve[n] = reading.curve
    found = _together([reading.found for reading in readings], shots.states)
    units = {name: number_unit(name) for name in found.values}
    chi2 = np.array([reading.chi2 for reading in readings])
    return Outcome(found, units, curve, chi2, findings)


@dataclass(frozen=True, eq=False)
class Reading:
    """What one target gave; curve: (M,) the centre of the state that each shot is called."""

    finding: Objection
    found: Derived | None = None
    chi2: float = np.nan
    curve: Complex | None = None


def _read(shots: Shots, n: int, dead: float) -> Reading:
    """Fit target n."""
    which = shots.which(n)
    sets = [shots.y[n][k] for k in which]
    said = of_record(shots.y[n], sets) or of_sets(sets)
    if said is not None:
        return Reading(said)
    frame = framed(sets)
    clouds = fit_two(frame) if len(sets) == 2 else fit_three(frame)
    if clouds is None:
        return Reading(unresolved())
    said = of_clouds(clouds, frame, [k / shots.y[n].size for k in which])
    if len(sets) == 2 and said is None:
        clouds = with_third(frame, clouds) or clouds
    how = discriminator(clouds)
    labels = [how.labels(z) for z in frame.sets]
    found = numbers(how, frame, count(clouds, labels), dead)
    said = said or judged(found, clouds, min(z.size for z in sets))
    centres = frame.origin + frame.unit * clouds.layout.centres(clouds.theta)
    curve = np.full(shots.y[n].size, np.nan + 0j)
    for k, label in zip(which, labels, strict=True):
        curve[k] = centres[label]
    return Reading(said, found, clouds.chi2[0], curve)


def _together(found: list[Derived | None], states: int) -> Derived:
    """Return the numbers of all targets; those of a target that could not be fitted are NaN."""
    names = number_names(states)
    rows = np.full((2, len(found), len(names)), np.nan)
    correlation = np.full((len(found), len(names), len(names)), np.nan)
    for n, each in enumerate(found):
        if each is not None:
            rows[:, n] = [[v[0] for v in part.values()] for part in (each.values, each.stderr)]
            correlation[n] = each.correlation[0]
    values, stderr = ({name: np.ascontiguousarray(part[:, k]) for k, name in enumerate(names)}
                      for part in rows)  # fmt: skip
    return Derived(values, stderr, correlation)


KINDS: dict[str, Kind] = {
    "single_shot_readout": Kind(ready, single_shot_readout, ("dead",), whole=True)
}
