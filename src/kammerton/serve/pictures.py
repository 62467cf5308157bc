"""One picture a run, beside its data file."""

from __future__ import annotations

from dataclasses import replace

from kammerton.lab import Lab
from kammerton.model import Fit, Run, Trace

OF_RESONATORS = ("resonator_spectroscopy", "dispersive_shift")
"""Kinds of fit that find a resonator."""


def draw_run(lab: Lab, run: Run, run_id: str) -> None:
    """Draw the traces, fits and verdicts of a run into `<run id>.png`, beside its data.

    A resonator is called by its own name, and the computer by that of lab.toml.
    """
    from kammerton.estimation.pictures.picture import (
        draw,  # matplotlib is slow to import; not at start
    )

    lab.data.mkdir(parents=True, exist_ok=True)
    title = f"{lab.computer}  {run.calibration}  {run_id}  {run.ended:%Y-%m-%d %H:%M:%S} UTC"
    shown = {name: _named(trace, run.fits.get(name), lab) for name, trace in run.traces.items()}
    draw(shown, run.fits, lab.data / f"{run_id}.png", title, shots=run.records.shots)


def _named(trace: Trace, fit: Fit | None, lab: Lab) -> Trace:
    """Return a trace under the name of what was measured: the qubit's, or its resonator's."""
    qubit = lab.qubits.get(trace.target)
    if qubit is None or fit is None or fit.kind not in OF_RESONATORS:
        return trace
    return replace(trace, target=f"{qubit.resonator} of {trace.target}")
