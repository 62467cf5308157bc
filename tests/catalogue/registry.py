"""Every truth there is: the dicts `TRUTHS` of all `truths_*.py` beside this file."""

from __future__ import annotations

import importlib
from pathlib import Path

from kammerton.estimation import FIT_KINDS
from tests.catalogue.truth import Truth


def every_truth() -> dict[str, Truth]:
    """Return all truths by name."""
    found: dict[str, Truth] = {}
    for path in sorted(Path(__file__).parent.glob("truths_*.py")):
        mine: dict[str, Truth] = importlib.import_module(f"tests.catalogue.{path.stem}").TRUTHS
        twice = set(found) & set(mine)
        if twice:
            raise ValueError(f"two truths are named {', '.join(sorted(twice))}")
        found |= mine
    return found


def truths(kind: str | None = None) -> dict[str, Truth]:
    """Return the truths of a kind, or of every kind that can be fitted today."""
    return {
        name: truth
        for name, truth in every_truth().items()
        if truth.kind in FIT_KINDS and kind in (None, truth.kind)
    }


def plain(kind: str | None = None) -> dict[str, Truth]:
    """Return the truths with verdicts of their own: a kind's first, and those that break."""
    found: dict[str, Truth] = {}
    for name, truth in truths(kind).items():
        if truth.breaks or truth.tabled or truth.kind not in {t.kind for t in found.values()}:
            found[name] = truth
    return found
