"""How a stretch of time is cut into steps that a generator can play.

A generator plays blocks of at least `minimum` samples, and nothing shorter. Every pulse block ends
with its pulse wherever it can, so that one waveform serves all points of a sweep of delays;
the silence between blocks is a short idle block, repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

MINIMUM_SAMPLES = 2400
"""The shortest waveform of the reference generator (AWG5200 series, continuous sequences)."""

MAXIMUM_REPEATS = 1 << 20

Span = tuple[int, int]
"""Start and end in samples; the readout begins at 0."""


@lru_cache(512)  # of a run or two: more would only fill memory, slowly
def blocks_of(busy: tuple[Span, ...], minimum: int) -> tuple[Span, ...]:
    """Return blocks that cover every busy span, in order of time.

    busy: sorted by end, none after 0. Blocks are at least `minimum` long, and apart from each other
    and from the readout by nothing or by at least `minimum`.
    """
    blocks: list[Span] = []
    spans = list(busy)
    while spans:
        start, end = spans.pop()
        if not blocks and -minimum < end:
            end = 0
        start = min(start, end - minimum)
        while spans and spans[-1][1] > start:
            start = min(start, spans.pop()[0])
        if spans and start - spans[-1][1] < minimum:
            start = spans[-1][1]
        blocks.append((start, end))
    return tuple(reversed(blocks))


def gaps_of(blocks: tuple[Span, ...]) -> Iterator[int]:
    """Yield the silences between blocks, and between the last one and the readout."""
    for number, (_, end) in enumerate(blocks, 1):
        yield (blocks[number][0] if number < len(blocks) else 0) - end


def idle_unit(gaps: Iterable[int], minimum: int) -> int:
    """Return the length of the idle block that divides all gaps, or else the shortest one."""
    common = math.gcd(*gaps)
    fitting = (length for length in range(minimum, 4 * minimum + 1) if common % length == 0)
    return next(fitting, minimum) if common else minimum


def idles(gap: int, unit: int, minimum: int) -> list[tuple[int, int]]:
    """Return (samples, repeats) of idle blocks that fill a gap of 0 or at least `minimum`."""
    repeats, rest = divmod(gap, unit)
    if 0 < rest < minimum and repeats:
        repeats, rest = repeats - 1, rest + unit
    return [(length, times) for length, times in ((unit, repeats), (rest, 1)) if length and times]
