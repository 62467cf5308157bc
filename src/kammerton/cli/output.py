"""What the reading commands share: opening the database, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from kammerton.model import Estimate, Fit
    from kammerton.store import ReadStore
    from kammerton.store.rows import Doubted


@contextmanager
def opened(place: Path | None) -> Iterator[ReadStore]:
    """Open the database that a person named, or the usual one; bad input ends with code 2.

    So does a database that cannot be read any further.
    """
    from kammerton.cli.loading import BAD_INPUT, database_or_exit, refuse
    from kammerton.model import StoreError, StoreUnavailable
    from kammerton.store import Store

    try:
        store = Store.read(database_or_exit(place))
    except StoreError as problem:
        refuse([str(problem)])
        raise typer.Exit(BAD_INPUT) from None
    with store:
        try:
            yield store
        except StoreError as problem:
            passes = isinstance(problem, StoreUnavailable)
            refuse([f"{problem}{'' if passes else '; kammerton verify says what is wrong'}"])
            raise typer.Exit(BAD_INPUT) from None


def print_json(document: Any) -> None:
    """Print one JSON value on stdout; never NaN."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def described_estimate(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as JSON holds it."""
    until = estimate.valid_until
    return {
        "value": estimate.value,
        "stderr": estimate.stderr,
        "unit": estimate.unit,
        "time": estimate.time.isoformat(),
        "valid_until": until.isoformat() if until else None,
        "run": estimate.run,
    }


def described_doubt(
    name: str, estimate: Estimate, doubted: Doubted | None, now: datetime
) -> dict[str, Any] | None:
    """Return what is doubted of a value as JSON holds it; null where it is not doubted."""
    from kammerton.client.words import tolerable

    if doubted is None:
        return None
    return {
        "stderr": doubted.sigma,
        "why": doubted.why,
        "since": doubted.since.isoformat(),
        "within_tolerance": tolerable(name, estimate, doubted, now),
    }


def described_fit(fit: Fit) -> dict[str, Any]:
    """Return a fit as JSON holds it; what is not finite becomes null."""
    return {
        "kind": fit.kind,
        "verdict": str(fit.verdict),
        "status": fit.status,
        "reason": fit.reason,
        "chi2_reduced": fit.chi2_reduced if math.isfinite(fit.chi2_reduced) else None,
        "values": {
            name: {
                "value": value.value if math.isfinite(value.value) else None,
                "stderr": value.stderr if math.isfinite(value.stderr) else None,
                "unit": value.unit,
            }
            for name, value in fit.values.items()
        },
    }
