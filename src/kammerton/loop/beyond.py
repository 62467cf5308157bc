"""What a T1 that was just found leaves no room for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from kammerton.loop.beliefs import BeliefBook

T1, COHERENCE = ".t1", ("t2_star", "t2_echo")
SIGMAS = 3.0


def beyond_t1(book: BeliefBook, names: Iterable[str]) -> Iterator[str]:
    """Yield each coherence time believed of a qubit that is longer than twice its new T1.

    Relaxation alone allows no more (Abragam, Principles of Nuclear Magnetism, 1961): with T1, it
    has fallen too. names: what was just found, by full name.
    """
    for name in names:
        if name.endswith(T1):
            t1 = book[name]
            for each in COHERENCE:
                t2_name = f"{name.removesuffix(T1)}.{each}"
                t2 = book.get(t2_name)
                if t2 is None or t2.run is None:
                    continue
                if t2.mean - 2 * t1.mean > SIGMAS * math.hypot(t2.stderr, 2 * t1.stderr):
                    yield t2_name
