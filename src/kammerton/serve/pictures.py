"""One picture a run, beside its data file."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from kammerton.lab import Lab
from kammerton.model import Estimate, Fit, Run, Trace, Value, Verdict
from kammerton.store import clock

OF_RESONATORS = ("resonator_spectroscopy", "dispersive_shift")
"""Kinds of fit that find a resonator."""

AHEAD = timedelta(seconds=5)
"""By which laboratory time runs ahead before that is said, as on a screen."""


WITHHELD = "value withheld"
"""Beside the verdict of a fit that was accepted, and of which nothing counts yet."""


def as_counted(
    fits: Mapping[str, Fit],
    counted: Mapping[str, Estimate],
    lab: Lab,
    withheld: Mapping[str, str],
) -> dict[str, Fit]:
    """Return the fits of a run as they are told: with what counted of them, or why nothing does.

    counted: by full name, what of the run was stored; a fringe's frequency is not what it was
    measured for. withheld: by qubit, why what was found replaces nothing, or not all of it.
    """
    return {name: _with(fit, counted, lab, withheld.get(name, "")) for name, fit in fits.items()}


def draw_run(lab: Lab, run: Run, run_id: str) -> None:
    """Draw the traces, fits and verdicts of a run into `<run id>.png`, beside its data.

    A resonator is called by its own name, and the computer by that of lab.toml.

    What matplotlib draws holds itself in circles, 2 MB a picture, and Python looks for those after
    ten pictures. To look now takes some 30 ms, in which this process does nothing else. To leave
    matplotlib out by gc.freeze would be quicker, but kept 15 MB of what a run held just then.
    """
    from kammerton.estimation.pictures.picture import (
        draw,  # matplotlib is slow to import; not at start
    )

    lab.data.mkdir(parents=True, exist_ok=True)
    title = f"{lab.computer}  {run.calibration}  {run_id}  {_when(run)}"
    shown = {name: _named(trace, run.fits.get(name), lab) for name, trace in run.traces.items()}
    file = lab.data / f"{run_id}.png"
    draw(shown, run.fits, file, title, shots=run.records.shots, note=lab.note)
    gc.collect()


def _when(run: Run) -> str:
    """Return when a run ended; by laboratory time, where that is ahead of this computer's."""
    ahead = run.ended - clock.wall() > AHEAD
    return f"{run.ended:%Y-%m-%d %H:%M:%S} UTC{' of laboratory time' if ahead else ''}"


def _with(fit: Fit, counted: Mapping[str, Estimate], lab: Lab, why: str) -> Fit:
    """Return a fit that leads with what is believed of its target because of it, or why nothing is.

    why: what it found replaces nothing, or not all of it; "": all counts.
    """
    qubit = lab.qubits.get(fit.target)
    mine = {fit.target, qubit.resonator if qubit is not None else fit.target}
    found = {
        name.partition(".")[2]: Value(each.value, each.stderr, each.unit)
        for name, each in counted.items()
        if name.partition(".")[0] in mine
    }
    more = {name: value for name, value in found.items() if name not in fit.values}
    fit = replace(fit, values={**more, **fit.values}) if more else fit
    return _withheld(fit, why, whole=not found) if why and fit.verdict is Verdict.ACCEPTED else fit


def _withheld(fit: Fit, why: str, *, whole: bool) -> Fit:
    """Return an accepted fit that says what of it does not count, and why. whole: nothing does."""
    plain = fit.status == "success"
    status = ", ".join([*([] if plain else [fit.status]), *([WITHHELD] if whole else [])])
    finding = fit.reason.partition("; ")[2] if plain else fit.reason
    return replace(fit, status=status or fit.status, reason="; ".join(filter(None, [why, finding])))


def _named(trace: Trace, fit: Fit | None, lab: Lab) -> Trace:
    """Return a trace under the name of what was measured: the qubit's, or its resonator's."""
    qubit = lab.qubits.get(trace.target)
    if qubit is None or fit is None or fit.kind not in OF_RESONATORS:
        return trace
    return replace(trace, target=f"{qubit.resonator} of {trace.target}")
