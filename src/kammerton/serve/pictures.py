"""One picture a run, drawn in a thread of its own so that the loop never waits for it."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from kammerton.model import Run

log = logging.getLogger(__name__)


class Pictures:
    """Draws runs one after the other; `close` waits until the last one is on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "pictures")

    def add(self, run: Run, run_id: str) -> None:
        """Draw a run soon."""
        path = self._folder / f"{run_id}.png"
        self._thread.submit(_draw, run, run_id, path).add_done_callback(_complain)

    def close(self) -> None:
        """Finish what was asked for."""
        self._thread.shutdown(wait=True)


def _draw(run: Run, run_id: str, path: Path) -> None:
    from kammerton.estimation.picture import draw  # matplotlib is slow to import; not at start

    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"{run.calibration}  {run_id}  {run.ended:%Y-%m-%d %H:%M:%S} UTC"
    draw(run.traces, run.fits, path, title, shots=run.records.shots)


def _complain(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        log.error("a picture could not be drawn: %s", error)
