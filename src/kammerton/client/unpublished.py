"""That nothing goes out to the broker, since when, and whether anybody listens there."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

from kammerton.client.locate import broker_at
from kammerton.model.span import duration
from kammerton.store import ReadStore, clock

LATE = timedelta(seconds=15)
"""After which a result that waits is late: one that is measured goes out within a second."""

PATIENCE = 1.0
"""s that a broker has to answer a connection, with the look-up of its name."""

SILENT = "no answer"


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
    """Say whether anybody listens there, as seen from this computer.

    A thread asks: where the network is away, a name alone may take longer than anybody waits.
    """
    said = list[str]()
    asks = Thread(target=lambda: said.append(_problem(host, port)), name="broker", daemon=True)
    asks.start()
    asks.join(PATIENCE)
    if problem := said[0] if said else SILENT:
        return f"no broker answers at {host}:{port} ({problem})"
    return f"{host}:{port} answers, and takes nothing of it: the daemon's log says why"


def _problem(host: str, port: int) -> str:
    """Return why there is no connection; "" where there is one."""
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except TimeoutError:
        return SILENT
    except UnicodeError:
        return "no name of a computer"
    except OSError as problem:
        return (problem.strerror or str(problem)).lower()
    return ""
