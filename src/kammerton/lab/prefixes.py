"""What is a prefix away from what can be meant, by what stands beside it: "us" for "ns"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kammerton.lab.document import Document, Problem
from kammerton.model.quantity import show

WIDEST = 20.0
"""Sigmas that a pi pulse may be long; beyond 10 nothing is left of the Gaussian."""

LOOSEST = 0.1
"""Of a frequency, that its design may be unsure by: resonators and qubits are made to 1 to 5 %."""

SHORTEST, LONGEST = 10e-9, 1e-6
"""s: what 2 m and 200 m of cable take."""

FREQUENCIES = (("qubits", "f01"), ("resonators", "frequency"), ("resonators", "readout_frequency"))
_SMALLER = {"G": "M", "M": "k", "k": "", "m": "u", "u": "n", "µ": "n"}


def prefixes(document: Document) -> Iterator[Problem]:
    """Yield a warning for each."""
    yield from _long_pulse(document)
    yield from _unsure(document)
    yield from _far_away(document)


def _long_pulse(document: Document) -> Iterator[Problem]:
    path = "pulses", "pi", "length"
    length, sigma = document.si("s", *path), document.si("s", "pulses", "pi", "sigma")
    if length is not None and sigma and length > WIDEST * sigma:
        beside = f"its sigma of {show(sigma, 's')}; 4 to 6 are usual"
        words = f"{show(length, 's')} is {length / sigma:.0f} times {beside}"
        yield Problem(path, words + _meant(document, path, 1e3 <= length / sigma <= 1e3 * WIDEST))


def _unsure(document: Document) -> Iterator[Problem]:
    for section, key in FREQUENCIES:
        for name in document.names(section):
            path = section, name, key, "tolerance"
            hz, sigma = (document.si("Hz", *path[:3], each) for each in ("value", "tolerance"))
            if hz is not None and sigma is not None and LOOSEST * hz < sigma <= hz:
                words = f"{show(sigma, 'Hz')} is {sigma / hz:.0%} of {show(hz, 'Hz')}: no design"
                yield Problem(path, f"{words} is so unsure{_meant(document, path, True)}")


def _far_away(document: Document) -> Iterator[Problem]:
    for name in document.names("feedlines"):
        path = "feedlines", name, "delay"
        seconds = document.si("s", *path)
        if seconds is not None and seconds > LONGEST:
            words = f"{show(seconds, 's')} is what {seconds * 200e6 / 1e3:.3g} km of cable take"
            plausible = SHORTEST <= seconds / 1e3 <= LONGEST
            yield Problem(path, words + _meant(document, path, plausible))


def _meant(document: Document, path: tuple[str, ...], plausible: bool) -> str:
    """Ask whether a thousandth of it is meant, where that would be plausible."""
    text = document.text(*path) or ""
    found = re.fullmatch(r"(.*\d\s*)([GMkmuµ])(Hz|s)", text.strip())
    if found is None or not plausible:
        return ""
    return f': is "{found[1]}{_SMALLER[found[2]]}{found[3]}" meant?'
