"""What the sections of the table of fits share."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from kammerton.estimation.files.layouts import LAYOUTS, Form
from tests.benchmarks.fits_pieces import model
from tests.catalogue.truth import Truth

MAPS = 20
SWEEP = 1000  # points beyond which traces are maps
LARGE = 100  # points of each axis of the map that a goal is set for
MISSED = "**missed**"
USUAL = 150e-6
"""s: what the yardstick takes on the machine for which goals of times are set."""

USUAL_OF = {"AMD EPYC": 200e-6}
"""s: what it takes where fits take as long as there, on processors that are slower at it.

Single fits of four kinds whose code had not changed took 0.66 to 0.75 of what it says there.
"""


@dataclass(frozen=True)
class Effort:
    """How much to do: traces of each part, the kind (None for all) and the seed.

    honest: traces that are drawn at once, a twentieth of maps.
    rounds: how often a time is measured at most, in the hope of a quiet machine.
    """

    never: int
    broken: int
    success: int
    honest: int
    worst: int
    peer_traces: int
    kind: str | None
    seed: int
    rounds: int = 1

    def of(self, kind: str) -> Effort:
        """Return the same for one kind."""
        return replace(self, kind=kind)

    @property
    def told(self) -> int:
        """Traces on which a value can be told that its error bars are judged by."""
        return 2 * self.honest // 5

    @property
    def draws(self) -> int:
        """Traces that are drawn for them at most."""
        return 2 * self.honest

    def some(self, truth: Truth, n: int, fewer: int = MAPS) -> int:
        """Return n, or fewer of a map, which takes a hundred times as long."""
        return n if np.prod(truth.shape) <= SWEEP else max(n // fewer, 4)


FULL = {"never": 10_000, "broken": 1000, "success": 2000, "honest": 25_000, "worst": 200,
        "peer_traces": 40, "rounds": 2}  # fmt: skip
QUICK = {"never": 300, "broken": 100, "success": 100, "honest": 500, "worst": 2,
         "peer_traces": 3}  # fmt: skip


def is_map(truth: Truth) -> bool:
    """Return whether a goal for maps holds: several sweeps over one axis are no map."""
    return LAYOUTS[truth.kind].form is Form.MAP


def large(truth: Truth) -> Truth:
    """Return a map with LARGE points in place of its own over each of its axes."""
    assert isinstance(truth.axis, tuple)
    return replace(truth, axis=tuple(np.linspace(a[0], a[-1], LARGE) for a in truth.axis))


def smaller(asked: Effort) -> Effort:
    """Return an effort with few traces."""
    return replace(
        asked, never=100, broken=50, success=40, honest=200, worst=1, peer_traces=1, rounds=1
    )


def row(*cells: object) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def mark(reached: bool) -> str:
    """Return the mark of a goal."""
    return "" if reached else MISSED


def in_time(took: float, goal: float, yardstick: float) -> str:
    """Return the mark of a goal in the unit of a time; yardstick: in s, beside it."""
    there = usual()
    alike = took * min(1.0, there / yardstick)
    if took <= goal or alike > goal:
        return mark(took <= goal)
    return f"{alike:.3g} at {1e6 * there:g}"


def usual() -> float:
    """Return what the yardstick takes on this kind of processor where a goal is asked, s."""
    return USUAL_OF.get(model(), USUAL)


def percent(share: float, digits: int = 1) -> str:
    """Return a share in per cent."""
    return f"{100 * share:.{digits}f} %"


def progress(text: str) -> None:
    """Say on stderr what is being done."""
    print(text, file=sys.stderr, flush=True)
