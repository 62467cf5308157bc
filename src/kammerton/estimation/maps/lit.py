"""How clearly lines of likely widths stand at each point of a map, and its bright points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arcs import Candidates, brightest, candidates
from kammerton.estimation.maps.ridge import Columns, evenness, fine, scores

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lit:
    """Scores s (B, A) for lines of a width, and the bright points among them.

    even: scores in parts of a typical peak's, and alike: the bright points of these.
    """

    s: Array
    width: float
    points: Candidates
    even: Array
    alike: Candidates


class Pictures:
    """A map lit for lines of likely widths: each is worked out when it is asked for, and once."""

    def __init__(self, c: Columns) -> None:
        self._c = c
        self._scores: dict[bool, list[tuple[Array, float]]] = {}
        self._lit: dict[tuple[bool, int], Lit] = {}

    def of(self, *, stripes: bool) -> Iterator[Lit]:
        """Yield the two likeliest without what is alike at most biases, or the likeliest with."""
        if stripes not in self._scores:
            self._scores[stripes] = scores(self._c, stripes=stripes)[: 2 if stripes else 1]
        for rank, (s, width) in enumerate(self._scores[stripes]):
            if (stripes, rank) not in self._lit:
                self._lit[stripes, rank] = _lit(self._c, s, width)
            yield self._lit[stripes, rank]


def _lit(c: Columns, s: Array, width: float) -> Lit:
    part = evenness(s)
    if part == 1.0:
        points = candidates(c, s, width)
        return Lit(s, width, points, s, points)
    even, (at, height) = s * part, brightest(c, s, width)
    return Lit(s, width, Candidates(fine(s, at, c.f), height), even,
               Candidates(fine(even, at, c.f), part * height))  # fmt: skip
