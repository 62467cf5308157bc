"""An objection to a fit of one thing at a time, with its reason; the first one decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kammerton.estimation.verdict.findings import INSUFFICIENT, NOTHING, REJECTED, Findings
from kammerton.model import Advice


@dataclass(frozen=True)
class Objection:
    """One finding that closes a map."""

    verdict: str
    status: str
    reason: str
    advice: Advice = NOTHING


def rejected(status: str, reason: str) -> Objection:
    """Return an objection that there is no such line."""
    return Objection(REJECTED, status, reason)


def insufficient(status: str, reason: str, advice: Advice) -> Objection:
    """Return an objection that the information is too little."""
    return Objection(INSUFFICIENT, status, reason, advice)


def close(findings: Findings, n: int, objections: Iterable[Objection | None]) -> None:
    """Close map n with the first objection there is, unless it is closed."""
    if not findings.is_open()[n]:
        return
    which = np.arange(len(findings.verdict)) == n
    for each in objections:
        if each is not None:
            findings.object_to(which, each.verdict, each.status, each.reason, each.advice)
            return
