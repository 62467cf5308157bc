"""Work that the loop must never wait for: one thread, in order, nothing dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

log = logging.getLogger(__name__)


class Background:
    """Does one thing after the other in a thread of its own; at the end it waits for the last."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = ThreadPoolExecutor(1, name)

    def add(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function soon; its failure is logged as an error and stops nothing else."""
        self._thread.submit(function, *arguments).add_done_callback(self._complain)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what was asked for; blocks."""
        self._thread.shutdown(wait=True)

    def drop(self) -> None:
        """Forget what has not been begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _complain(self, done: Future[object]) -> None:
        if done.cancelled():
            log.info("%s: not done any more, the daemon ends", self._name)
            return
        error = done.exception()
        if error is not None:
            log.error("%s: %s: %s", self._name, type(error).__name__, error)
