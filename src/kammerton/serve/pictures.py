"""One picture a run, beside its data file."""

from __future__ import annotations

from pathlib import Path

from kammerton.model import Run


def draw_run(folder: Path, run: Run, run_id: str) -> None:
    """Draw the traces, fits and verdicts of a run into `<run id>.png`."""
    from kammerton.estimation.pictures.picture import (
        draw,  # matplotlib is slow to import; not at start
    )

    folder.mkdir(parents=True, exist_ok=True)
    title = f"{run.calibration}  {run_id}  {run.ended:%Y-%m-%d %H:%M:%S} UTC"
    draw(run.traces, run.fits, folder / f"{run_id}.png", title, shots=run.records.shots)
