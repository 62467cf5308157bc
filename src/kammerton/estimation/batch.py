"""Fit many traces of one kind at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.curves.series import Joined
from kammerton.estimation.families import families, some_of
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.numeric.arrays import noise_of, numbers
from kammerton.estimation.numeric.prepare import ROUNDING, Batch
from kammerton.estimation.numeric.weights import of_counts, shots_of
from kammerton.estimation.scaled import (
    KNOWN,
    bounded,
    demand_levels,
    grown,
    largest,
    ordinary,
    scale_of,
    shrunk,
)
from kammerton.estimation.verdict.findings import ACCEPTED, Findings
from kammerton.estimation.verdict.given import without_error, without_rounding
from kammerton.estimation.verdict.kind import Countable, known_of_some
from kammerton.estimation.verdict.large import name_large_errors
from kammerton.estimation.verdict.lone import name_lone_points
from kammerton.estimation.verdict.populations import judge_populations
from kammerton.estimation.verdict.scatter import name_small_errors
from kammerton.estimation.verdict.stray import name_stray_points
from kammerton.model import Fit, TraceError, Value, Verdict
from kammerton.model.quantity import show

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class FitBatch:
    """N fits of one kind.

    values, stderr: name -> (N,), NaN where a trace does not give it; units: name -> SI unit, ""
    for numbers and for what has the unit of y. correlation: (N, K, K), in the order of values.
    verdict, status, reason: (N,) words; advice: (N,) of Advice. chi2_reduced: (N,), NaN where
    sigma was not given. curve: the fitted y in the shape and order of the caller's (N, ...).
    """

    kind: str
    values: dict[str, Array]
    stderr: dict[str, Array]
    correlation: Array
    units: dict[str, str]
    verdict: NDArray[np.str_]
    status: NDArray[np.str_]
    reason: NDArray[np.object_]
    advice: NDArray[np.object_]
    chi2_reduced: Array
    curve: NDArray[Any]

    def __len__(self) -> int:
        return len(self.verdict)

    def __repr__(self) -> str:
        """Return how many there are of each verdict, and of a single trace what was found.

        The whole is of arrays, and says little in a notebook.
        """
        if len(self) == 1:
            fit = self.fit(0, self.kind)
            values = [
                f"  {name} = {show(v.value, v.unit, v.stderr)}" for name, v in fit.values.items()
            ]
            return "\n".join([f"{self.kind}: {fit.said()}", *values])
        counts = {v: int((self.verdict == v).sum()) for v in Verdict}
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return f"{len(self)} fits of kind {self.kind}: {said}"

    def fit(self, n: int, target: str) -> Fit:
        """Return the fit of trace n."""
        there = [
            np.isfinite(v[n]) and np.isfinite(self.stderr[name][n])
            for name, v in self.values.items()
        ]
        values = {
            name: Value(float(v[n]), float(self.stderr[name][n]), self.units[name])
            for (name, v), ok in zip(self.values.items(), there, strict=True)
            if ok
        }
        return Fit(
            self.kind, target, values, Verdict(str(self.verdict[n])), str(self.status[n]),
            str(self.reason[n]), float(self.chi2_reduced[n]), self.advice[n], self.curve[n],
            self.correlation[n][np.ix_(there, there)],
        )  # fmt: skip

    def fits(self, targets: Sequence[str]) -> dict[str, Fit]:
        """Return the fits by target, in the order of the traces."""
        if len(targets) != len(self):
            raise TraceError(f"{len(targets)} targets for {len(self)} traces")
        return {target: self.fit(n, target) for n, target in enumerate(targets)}


def fit_batch(
    kind: str,
    x: ArrayLike | tuple[ArrayLike, ...],
    y: ArrayLike,
    sigma: ArrayLike | None = None,
    **known: object,
) -> FitBatch:
    """Fit N traces of one kind and judge each.

    x: (M,) or (N, M), SI, in any order and spacing; for a kind with several axes a tuple of
    them, (A,), (B,), ... . y: (M,) or (N, M), or (A, B) or (N, A, B); linear, never dB; real, or
    complex for spectroscopy; NaN is a missing point. sigma: one standard deviation of each point
    (of each part of a complex one), one number, shaped as y or as one trace, or (N, 1) with one
    number for each trace; 0 and NaN are replaced by the neighbours'. known: what the kind can use,
    for each trace or for all: `FIT_KINDS[kind].known` names it, the kind's page in docs/estimation
    says what it means.

    Error bars are one standard deviation: from sigma as given, unless chi-square disproves it
    (p < 0.01), else from the scatter about the fit; wider where the residuals are correlated.
    Without sigma those of a population are too short where its p (1 - p) varies: give the shots.
    Never raises for data that merely cannot be fitted: that is a verdict.

    Raises
    ------
    TraceError
        The kind is unknown, or an array cannot be used; the message says which and why. It is a
        ValueError too.
    """
    if kind not in FIT_KINDS:
        raise TraceError(f"no fit of kind {kind!r}{_meant(kind, FIT_KINDS)}")
    unknown = set(known) - set(FIT_KINDS[kind].known)
    if unknown:
        takes = {"sigma", *FIT_KINDS[kind].known}
        names = ", ".join(sorted(unknown))
        meant = [_meant(name, takes, every=False) for name in sorted(unknown)]
        also = f"{', '.join(sorted(takes))}{next(filter(None, meant), '')}"
        raise TraceError(f"a fit of kind {kind} cannot use {names}; it takes {also}")
    demand_levels(known, y, FIT_KINDS[kind].axes)
    sigma = _of_each(sigma, np.shape(y), FIT_KINDS[kind].axes)
    if known.get("shots") is not None:
        if sigma is not None:
            raise TraceError("give sigma or shots, not both")
        sigma = of_counts(y, known["shots"])
        known["shots"] = shots_of(known["shots"], sigma.shape)
    return _fitted(kind, x, y, sigma, known)


def _meant(name: str, known: Iterable[str], *, every: bool = True) -> str:
    """Return which of the known names was meant; where none is near, all there are, or ""."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.6)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; there are {', '.join(names)}" if every else ""


def _fitted(
    kind: str, x: Any, y: ArrayLike, sigma: ArrayLike | None, known: dict[str, object]
) -> FitBatch:
    how = FIT_KINDS[kind]
    if not ordinary(y, sigma, how.axes):
        size = largest(y, how.axes)
        scale = None if size is None else scale_of(size)
        if scale is not None:
            return _shrunk_and_back(kind, x, y, sigma, known, scale)
        if size is not None:
            sigma = bounded(sigma, size)
    batch = how.prepare(x, y, sigma)
    if known.get("shots") is not None and isinstance(batch, Countable):
        shots = np.asarray(known["shots"], dtype=np.float64)
        batch = batch.of_shots(shots.reshape(-1, *shots.shape[-how.axes :]))
    groups = families(how, batch, y, sigma)
    if len(groups) > 1:
        traces = sum(map(len, groups))
        return _joined(groups, [
            _fitted(kind, *some_of(how, x, y, sigma, g), known_of_some(known, g, traces))
            for g in groups
        ])  # fmt: skip
    outcome = how.fit(batch, known)
    again = how.again(batch, outcome.curve)
    if again is not None:
        which, part = again
        outcome = outcome.replaced(which, how.fit(part, known_of_some(known, which, len(outcome))))
    found, said = outcome.found, outcome.findings
    if isinstance(batch, Batch):
        name_stray_points(said, batch)
        name_lone_points(said, batch, outcome.curve)
    if isinstance(batch, Batch | Joined):
        whole = batch if isinstance(batch, Batch) else batch.batch
        name_small_errors(said, whole, outcome.chi2_reduced, outcome.curve)
        name_large_errors(said, whole, outcome.chi2_reduced, len(found.values))
    if known.get("shots") is not None and how.swings is not None:
        judge_populations(said, found, how.swings)
    same = _all_the_same((said.status == "no signal").nonzero()[0], y, how.axes)
    values = _without(found.values, same)
    curve = batch.restore(outcome.curve)
    stderr = without_error(known, y, curve, _without(found.stderr, same))
    return FitBatch(
        kind, without_rounding(values, stderr), stderr, found.correlation, outcome.units,
        said.verdict, said.status, said.reason,
        _in_units_of_x(said, batch.window), outcome.chi2_reduced,
        curve,
    )  # fmt: skip


def _of_each(sigma: ArrayLike | None, shape: tuple[int, ...], axes: int) -> ArrayLike | None:
    """Return sigma of one number for each trace (N, 1), or map (N, 1, 1), in the shape of y."""
    if sigma is None or len(shape) <= axes or np.shape(sigma) != (shape[0], *(1,) * axes):
        return sigma
    return np.array(np.broadcast_to(np.asarray(sigma), shape))


def _all_the_same(silent: NDArray[np.intp], y: ArrayLike, axes: int) -> NDArray[np.intp]:
    """Return which of the silent traces have the same value at every point."""
    if len(silent) == 0:
        return silent
    rows = numbers(y, "y")
    rows = (rows[None] if rows.ndim == axes else rows)[silent].reshape(len(silent), -1)
    mean = np.nanmean if np.isnan(rows).any() else np.mean  # which takes a fifth of the time
    middle = mean(rows, axis=1, keepdims=True)
    away = np.fmax.reduce(np.abs(rows - middle), axis=1)
    return np.asarray(silent[away <= ROUNDING * np.abs(middle[:, 0])])


def _without(numbers_: dict[str, Array], which: NDArray[np.intp]) -> dict[str, Array]:
    """Return numbers with NaN for some traces."""
    if len(which) == 0:
        return numbers_
    return {
        name: np.where(np.isin(np.arange(len(v)), which), np.nan, v) for name, v in numbers_.items()
    }


def _shrunk_and_back(
    kind: str, x: Any, y: ArrayLike, sigma: ArrayLike | None, known: dict[str, object], scale: Array
) -> FitBatch:
    axes = FIT_KINDS[kind].axes
    small = shrunk(y, scale, axes)
    noise = None if sigma is None else shrunk(noise_of(sigma, small.shape), scale, axes)
    levels = {name: numbers(value, name) / scale
              for name, value in known.items() if name in KNOWN and value is not None}  # fmt: skip
    found = _fitted(kind, x, small, noise, {**known, **levels})
    return replace(
        found, values=grown(found.values, found.units, scale),
        stderr=grown(found.stderr, found.units, scale), curve=shrunk(found.curve, 1 / scale, axes),
    )  # fmt: skip


def _joined(groups: list[NDArray[np.intp]], parts: list[FitBatch]) -> FitBatch:
    """Return the fits of several groups of traces in the order of the traces."""
    back = np.argsort(np.concatenate(groups))

    def joined(name: str) -> Any:
        columns = [getattr(part, name) for part in parts]
        if isinstance(columns[0], dict):
            return {k: np.concatenate([c[k] for c in columns])[back] for k in columns[0]}
        return np.concatenate(columns)[back]

    names = ("values", "stderr", "correlation", "verdict", "status", "reason", "advice",
             "chi2_reduced", "curve")  # fmt: skip
    return replace(parts[0], **{name: joined(name) for name in names})


def _in_units_of_x(said: Findings, window: Array) -> NDArray[np.object_]:
    """Say beside the factor how long the window shall be."""
    advice = said.advice
    for n in (said.verdict != ACCEPTED).nonzero()[0]:
        each = advice[n]
        if each.window_times is not None:
            length = float(np.atleast_2d(window)[each.axis, n] * each.window_times)
            advice[n] = replace(each, extend_window_to=length)
    return advice


def warm() -> None:
    """Compile every kernel, or load it from the disk, before it is needed."""
    x = np.linspace(0.0, 1.0, 16)
    fit_batch("t1", x, np.exp(-3.0 * x))
