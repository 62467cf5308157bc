"""What is told of a committed run: one line in the log, and a picture."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from kammerton.lab import Lab
from kammerton.loop.loop import Committed
from kammerton.model import Run, Verdict
from kammerton.serve.background import Background
from kammerton.serve.pictures import draw_run
from kammerton.store import Store

log = logging.getLogger(__name__)


def reporter(lab: Lab, store: Store, pictures: Background) -> Committed:
    """Return what tells of a committed run: one line in the log, and a picture."""

    def committed(run: Run, run_id: str, withheld: Mapping[str, str]) -> None:
        log.info("%s", _summary(run, run_id))
        if lab.pictures:
            pictures.add(_draw, lab, store, run, run_id, withheld)

    return committed


def _draw(lab: Lab, store: Store, run: Run, run_id: str, withheld: Mapping[str, str]) -> None:
    """Read what is believed beside the loop: a store that is away costs a picture, no more."""
    believed = {n: e for n, e in store.parameters().items() if e.run == run_id}
    draw_run(lab, run, run_id, believed, withheld)


def _summary(run: Run, run_id: str) -> str:
    """Say in one line what a run found."""
    good = [name for name, fit in run.fits.items() if fit.verdict is Verdict.ACCEPTED]
    bad = [
        f"{name} {fit.said()}"
        for name, fit in run.fits.items()
        if fit.verdict is not Verdict.ACCEPTED
    ]
    words = ([f"{', '.join(good)} accepted"] if good else []) + bad
    seconds = f"{run.instrument_seconds:.1f} s of instrument time"
    return f"{run_id} {run.calibration}: {'; '.join(words)}; {seconds}"
