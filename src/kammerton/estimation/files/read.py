"""Fit files of measured data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kammerton.estimation.batch import fit_batch
from kammerton.estimation.files.bare_units import refuse_bare
from kammerton.estimation.files.columns import Choice, Chosen, choose
from kammerton.estimation.files.counts import of_shots, with_shots
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.ground import risen, settled
from kammerton.estimation.files.known import check_known
from kammerton.estimation.files.layouts import LAYOUTS, OF_Y, Form, layout_of
from kammerton.estimation.files.maps import choose_map
from kammerton.estimation.files.pairs import numbered
from kammerton.estimation.files.parts import without_parts
from kammerton.estimation.files.series import choose_series
from kammerton.estimation.files.shots import choose_shots
from kammerton.estimation.files.sizes import check_sizes
from kammerton.estimation.files.table import Table, read_table
from kammerton.estimation.files.touchstone import is_touchstone, read_touchstone
from kammerton.estimation.files.two_series import another_series
from kammerton.estimation.files.unfolded import unfolded
from kammerton.estimation.numeric.weights import of_counts
from kammerton.estimation.resonances.resonator import LOSSLESS, QUALITIES
from kammerton.model import Fit, Trace, TraceError, Verdict
from kammerton.model.trace import FloatArray

NO_CHOICE = Choice()

_DETUNING = re.compile(
    r"((drive|probe|readout|resonator|cavity|frequency|freq|f)[ _-])?detuning([ _]frequency)?"
)
"""The whole name of x: one that says more may say that it is none."""

FEWEST = 8
"""Points of a sweep below which more of them say more than more shots of each."""

Read = Chosen[Trace] | Chosen[Grid]


def fit_file(
    path: Path | Sequence[Path], kind: str, choice: Choice = NO_CHOICE, **known: object
) -> tuple[Read, Fit]:
    """Read what was measured for `kind` from a file of columns and fit it.

    path: several where each series or state has its own file. known: as for fit_batch.
    Calibration points scale the trace; they do not fix the offset of a decay, which its own tail
    knows better than the few points that are usual.

    Raises
    ------
    TraceError
        The file or the choice of columns cannot be used.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    layout_of(kind)
    for name in known:
        check_known(kind, name)
    read, shots = _read(paths, kind, choice, counted=known.get("shots") is None)
    refuse_bare(str(paths[0]), read)
    chosen = risen(read, kind, known)
    if shots is not None:
        known["shots"] = shots[None]
    trace = chosen.trace
    if known.get("shots") is not None and trace.y_unit:
        raise TraceError(
            f"{paths[0]}: y is in {trace.y_unit}, not a population: shots say nothing of its errors"
        )
    sigma = trace.sigma[None] if chosen.sigma_known and shots is None else None
    try:
        check_sizes(kind, known, trace)
        fit = fit_batch(kind, trace.x, trace.y[None], sigma, **known).fit(0, trace.target)
    except TraceError as error:
        raise TraceError(f"{paths[0]}: {error}") from error
    fit = settled(_of_detuning(_of_few_points(fit, trace), trace), trace, read.trace.y_name)
    drawn = _with_counts(chosen, known) if shots is None else chosen
    return drawn, in_own_units(fit, trace)


def read_files(paths: Sequence[Path], kind: str, choice: Choice) -> Read:
    """Return what the files hold for `kind`."""
    return _chosen([_table(path, kind, choice) for path in paths], kind, choice)


def _read(
    paths: Sequence[Path], kind: str, choice: Choice, *, counted: bool
) -> tuple[Read, FloatArray | None]:
    """Return what the files hold, and the shots of each point where a column tells them."""
    tables = [_table(path, kind, choice) for path in paths]
    found = with_shots(tables, kind, choice) if counted else ""
    if not isinstance(found, str):
        populations, by = found
        told = of_shots(_chosen(populations, kind, by), str(by.sigma))
        if not isinstance(told, str):
            return told
        found = told
    read = _chosen(tables, kind, choice)
    return (replace(read, notes=(*read.notes, found)) if found else read), None


def _chosen(tables: Sequence[Table], kind: str, choice: Choice) -> Read:
    layout = LAYOUTS[kind]
    if layout.form is Form.SHOTS:
        return choose_shots(tables, kind, choice)
    if layout.form is Form.SERIES:
        return choose_series(tables, kind, choice)
    if len(tables) > 1:
        raise TraceError(f"{len(tables)} files, but {kind} takes one")
    if layout.form is Form.MAP:
        return choose_map(tables[0], kind, choice)
    return _sweep(tables[0], kind, choice)


def _sweep(table: Table, kind: str, choice: Choice) -> Chosen[Trace]:
    asked = another_series(table, kind) if choice.y is None else ()
    try:
        chosen = choose(table, kind, choice)
    except TraceError as error:
        raise TraceError("; ".join([str(error), *asked])) from error
    return replace(chosen, notes=(*chosen.notes, *asked))


def _table(path: Path, kind: str, choice: Choice) -> Table:
    table = read_touchstone(path, choice.y) if is_touchstone(path) else read_table(path)
    if LAYOUTS[kind].form is Form.SHOTS:
        return table
    chosen = {choice.y, choice.phase, choice.sigma}
    table = numbered(unfolded(table, kind, chosen), kind)
    return without_parts(table, kind, chosen | {*choice.x})


def _with_counts(chosen: Read, known: dict[str, object]) -> Read:
    """Return a trace with the sigma of its shots, so that a picture shows it."""
    if known.get("shots") is None or not isinstance(chosen.trace, Trace):
        return chosen
    sigma = of_counts(chosen.trace.y, known["shots"])
    return Chosen(replace(chosen.trace, sigma=sigma), True, chosen.notes)


def _of_detuning(fit: Fit, trace: Trace | Grid) -> Fit:
    """Return a fit without quality factors where x is called a detuning, though it is above 0."""
    if not isinstance(trace, Trace) or not _DETUNING.fullmatch(trace.x_name.casefold()):
        return fit
    kept = [name not in QUALITIES for name in fit.values]
    if all(kept):
        return fit
    values = {name: value for name, value in fit.values.items() if name not in QUALITIES}
    correlation = None if fit.correlation is None else fit.correlation[np.ix_(kept, kept)]
    reason = fit.reason.replace(LOSSLESS, "")
    if fit.verdict is Verdict.ACCEPTED:
        reason += "; x is a detuning by its name, so that there are no quality factors"
    return replace(fit, values=values, correlation=correlation, reason=reason)


def _of_few_points(fit: Fit, trace: Trace | Grid) -> Fit:
    """Return a fit that advises more points, not more shots, where there are hardly any."""
    if fit.advice.shots_times is None or not isinstance(trace, Trace):
        return fit
    axis = LAYOUTS[fit.kind].axes[0]
    points = np.unique(trace.x[np.isfinite(trace.y)]).size
    if axis.unit == "" or points >= FEWEST:
        return fit
    more = f"; with {points} points it needs more of them: {FEWEST} or more values of {axis.name}"
    return replace(fit, reason=fit.reason + more, advice=replace(fit.advice, shots_times=None))


def in_own_units(fit: Fit, trace: Trace | Grid) -> Fit:
    """Return a fit whose values are in the units of an axis that may have any, and of y."""
    layout = LAYOUTS[fit.kind]
    own = layout.own or {}
    units = trace.units if isinstance(trace, Grid) else (trace.x_unit,)
    free = next((u for u, axis in zip(units, layout.axes, strict=True) if axis.unit is None), "")
    renamed = {name: _filled(unit, free, trace.y_unit) for name, unit in own.items()}
    renamed |= {name: trace.y_unit for name in OF_Y if name not in own}
    if layout.form is Form.SHOTS:
        renamed = {name: trace.y_unit for name, value in fit.values.items() if value.unit == "V"}
    values = {
        name: replace(value, unit=renamed.get(name, value.unit))
        for name, value in fit.values.items()
    }
    return replace(fit, values=values)


def _filled(pattern: str, x: str, y: str) -> str:
    """Return a unit with V for that of the axis and y for that of the signal."""
    if pattern == "V":
        return x
    return pattern.replace("V", x or "a.u.").replace("y", y or "1")
