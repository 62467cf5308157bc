"""The words of a picture where matplotlib puts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SLACK = 1.0
"""Pixels by which the boxes of two words may overlap: a box has a margin."""

Words = dict[tuple[str, tuple[float, ...]], Bbox]


@contextmanager
def watched() -> Iterator[Words]:
    """Collect all words that are drawn, with their boxes in pixels."""
    words: Words = {}
    draw = Text.draw

    def seen(self: Text, renderer: Any, *more: Any, **how: Any) -> None:
        draw(self, renderer, *more, **how)
        if self.get_visible() and self.get_text().strip():
            box = self.get_window_extent(renderer)
            words[self.get_text(), tuple(box.bounds)] = box

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", seen)
        yield words


def collisions(words: Words, width: float, height: float) -> list[tuple[str, str]]:
    """Return the pairs of words that hide each other, and those outside of the picture."""
    found = [
        (one[0], other[0])
        for (one, a), (other, b) in combinations(words.items(), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > SLACK and min(a.y1, b.y1) - max(a.y0, b.y0) > SLACK
    ]
    outside = [
        (text, "the edge")
        for (text, _), box in words.items()
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height
    ]
    return found + outside
