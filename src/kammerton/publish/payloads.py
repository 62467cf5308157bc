"""The payloads: JSON, one object each, with schema, epoch and revision; never NaN.

What tells a result also tells as `note` what lab.toml says beside every result, if anything.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from kammerton.model import Estimate, Fit
from kammerton.model.clock import APART
from kammerton.publish.alarms import Notice
from kammerton.store import Change, Handover, Snapshot, StoredRun

SCHEMA = 1

INSTANCE = f"{socket.gethostname()}/{os.getpid()}"
"""Who publishes, so that a second one can be named."""

Document = dict[str, Any]

_TOLERATED = timedelta(seconds=APART)


def encode(document: Document) -> bytes:
    """Return a document as JSON. A number that is not finite is an error, not a word."""
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def iso(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the millisecond.

    >>> iso(datetime(2026, 11, 21, 7, 20, 11, 532000, UTC))
    '2026-11-21T07:20:11.532Z'
    """
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def quality(estimate: Estimate, now: datetime) -> str:
    """Return "stale" past the end of validity, "setting" for what was chosen, or "good".

    Stale is also what is of a time to come: the clock was wrong, and its age is not known.
    """
    until = estimate.valid_until
    if (until is not None and until < now) or estimate.time > now + _TOLERATED:
        return "stale"
    return "good" if estimate.stderr > 0 else "setting"


def status(
    snapshot: Snapshot,
    word: str,
    now: datetime,
    note: str = "",
    outputs: str = "",
    ahead: float = 0.0,
    boxes: Iterable[str] = (),
) -> Document:
    """Say "online", "safe mode" or "offline", with which program, and what lab.toml says of it.

    outputs: what is known of them at an end, in words. ahead: by how much laboratory time is ahead
    of the wall's as it is meant to be, s. boxes: which this daemon writes to, by maker, model and
    serial number.
    """
    said: Document = {"outputs": outputs} if outputs else {}
    said |= {"boxes": sorted(boxes)} if boxes else {}
    return _head(snapshot.epoch, snapshot.revision) | {
        "status": word,
        "version": version("kammerton"),
        "instance": INSTANCE,
        "note": note,
        "time": iso(now),
        "ahead": round(ahead, 3),
        **said,
    }


def snapshot(snapshot: Snapshot, now: datetime, note: str = "", ahead: float = 0.0) -> Document:
    """Give the whole parameter set; each value with the revision that set it."""
    document = _head(snapshot.epoch, snapshot.revision) | {
        "time": iso(now),
        "ahead": round(ahead, 3),
        "parameters": _values(snapshot.parameters, now),
        **_noted(note),
    }
    return document | {"sha256": digest(document)}


def digest(document: Document) -> str:
    """Return the SHA-256 of a document: of its JSON with sorted keys, without blanks."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def alarm(epoch: str | None, notice: Notice, now: datetime) -> Document:
    """Say what is wrong, or over, and what to do. epoch: None where there is no database."""
    return {
        "schema": SCHEMA,
        "epoch": epoch,
        "time": iso(now),
        "kind": notice.kind,
        "on": notice.on,
        "subjects": list(notice.subjects),
        "texts": list(notice.texts),
        "what_to_do": notice.what_to_do,
        "repeated": notice.repeated,
    }


def delta(
    epoch: str, handover: Handover, now: datetime, note: str = "", ahead: float = 0.0
) -> Document:
    """Give what one revision changed; run is null where older values came back."""
    document = _head(epoch, handover.revision) | {
        "run": handover.run.id if handover.run else None,
        "ahead": round(ahead, 3),
        "parameters": _values({each.name: each for each in handover.changes}, now),
        **_noted(note),
    }
    return document | {"sha256": digest(document)}


def parameter(epoch: str, change: Change, now: datetime, note: str = "") -> Document:
    """Give one value."""
    return {"schema": SCHEMA, "epoch": epoch} | _value(change, now) | _noted(note)


def run(epoch: str, run: StoredRun, note: str = "") -> Document:
    """Say that a run ended and what was found; revision is null when it changed nothing."""
    return _head(epoch, run.revision) | {
        "run": run.id,
        "calibration": run.calibration,
        "started": iso(run.started),
        "ended": iso(run.ended),
        "instrument_seconds": run.instrument_seconds,
        "fits": {target: _fit(fit) for target, fit in run.fits.items()},
        **_noted(note),
    }


def _head(epoch: str, revision: int | None) -> Document:
    return {"schema": SCHEMA, "epoch": epoch, "revision": revision}


def _noted(note: str) -> Document:
    return {"note": note} if note else {}


def _values(changes: Mapping[str, Change], now: datetime) -> Document:
    return {name: _value(change, now) for name, change in changes.items()}


def _value(change: Change, now: datetime) -> Document:
    estimate = change.estimate
    until = estimate.valid_until
    return {
        "revision": change.revision,
        "value": estimate.value,
        "stderr": estimate.stderr,
        "unit": estimate.unit,
        "time": iso(estimate.time),
        "valid_until": None if until is None else iso(until),
        "quality": quality(estimate, now),
        "run": estimate.run,
    }


def _fit(fit: Fit) -> Document:
    finite = fit.chi2_reduced if math.isfinite(fit.chi2_reduced) else None
    return {
        "verdict": str(fit.verdict),
        "status": fit.status,
        "reason": fit.reason,
        "chi2_reduced": finite,
    }
