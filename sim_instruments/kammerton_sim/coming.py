"""Records that come: who is told of them before the boards make them."""

from __future__ import annotations

import threading
from collections.abc import Callable

Step = Callable[[], None]
Watch = Callable[[int], Step | None]
"""Told of so many records that come; returns what has to happen before they are made."""


class Coming:
    """Called by boards with the records of their next buffer."""

    def __init__(self) -> None:
        self._watching: list[Watch] = []
        self._lock = threading.Lock()

    def watch(self, watch: Watch) -> Callable[[], None]:
        """Tell `watch` of records that come; returns what ends that."""
        with self._lock:
            self._watching.append(watch)

        def forget() -> None:
            with self._lock:
                if watch in self._watching:
                    self._watching.remove(watch)

        return forget

    def __call__(self, records: int) -> Step | None:
        """Return what has to happen before these records are made; None: nothing."""
        if not self._watching:
            return None
        with self._lock:
            watching = list(self._watching)
        steps = [step for watch in watching if (step := watch(records)) is not None]

        def happen() -> None:
            for step in steps:
                step()

        return happen if steps else None
