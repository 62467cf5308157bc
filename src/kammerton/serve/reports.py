"""What is told of a committed run: one line in the log, and a picture."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from kammerton.lab import Lab
from kammerton.loop.loop import Committed
from kammerton.model import Estimate, Run, Verdict
from kammerton.serve.background import Background
from kammerton.serve.pictures import WITHHELD, as_counted, draw_run

log = logging.getLogger(__name__)


def reporter(lab: Lab, pictures: Background) -> Committed:
    """Return what tells of a committed run: one line in the log, and a picture.

    Both say what counted when it was committed: a newer run may have replaced that before the
    picture is drawn.
    """

    def committed(
        run: Run, run_id: str, counted: Mapping[str, Estimate], withheld: Mapping[str, str]
    ) -> None:
        run = replace(run, fits=as_counted(run.fits, counted, lab, withheld))
        log.info("%s", _summary(run, run_id))
        if lab.pictures:
            pictures.add(draw_run, lab, run, run_id)

    return committed


def _summary(run: Run, run_id: str) -> str:
    """Say in one line what a run found."""
    accepted = [name for name, fit in run.fits.items() if fit.verdict is Verdict.ACCEPTED]
    waits = [name for name in accepted if run.fits[name].status.endswith(WITHHELD)]
    good = [name for name in accepted if name not in waits]
    bad = [
        f"{name} {fit.said()}"
        for name, fit in run.fits.items()
        if fit.verdict is not Verdict.ACCEPTED
    ]
    words = [f"{', '.join(good)} accepted"] if good else []
    words += [f"{', '.join(waits)} accepted: {WITHHELD}"] if waits else []
    words += bad
    seconds = f"{run.instrument_seconds:.1f} s of instrument time"
    return f"{run_id} {run.calibration}: {'; '.join(words)}; {seconds}"
