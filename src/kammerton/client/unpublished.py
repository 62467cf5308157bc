"""That nothing goes out to the broker, since when, and whether anybody listens there."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from pathlib import Path

from kammerton.client.locate import broker_at
from kammerton.model.span import duration
from kammerton.store import ReadStore, clock

LATE = timedelta(seconds=15)
"""After which a result that waits is late: one that is measured goes out within a second."""

PATIENCE = 1.0
"""s that a broker has to answer a connection."""


def waiting_since(store: ReadStore) -> datetime | None:
    """Return when what waits longest for the broker was stored; None: nothing waits."""
    for first in store.waiting(1):
        if first.run is not None:
            return first.run.committed
        return next(iter(store.made(first.revision or 0))).committed
    return None


def unpublished(store: ReadStore, place: Path | None) -> str:
    """Say that nothing went out for long though a daemon runs, and what the broker's host says.

    "" where nothing waits for long. place: what a person named, for the lab.toml with the broker.
    """
    since = waiting_since(store)
    if since is None or (late := clock.wall() - since) < LATE:
        return ""
    said = f"nothing was published for {duration(late)}, since {since:%Y-%m-%d %H:%M:%S} UTC"
    where = broker_at(place)
    if where is None:
        return f"{said}: the daemon's log says why"
    return f"{said}: {_answer(*where)}"


def _answer(host: str, port: int) -> str:
    """Say whether anybody listens there, as seen from this computer."""
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as problem:
        why = "no answer" if isinstance(problem, TimeoutError) else problem.strerror or str(problem)
        return f"no broker answers at {host}:{port} ({why.lower()})"
    return f"{host}:{port} answers, and takes nothing of it: the daemon's log says why"
