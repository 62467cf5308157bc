"""Quantities that can be, but are a prefix or a sign away from what is usual: "mHz" for "MHz"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta

from kammerton.lab.document import Document, Problem
from kammerton.lab.prefixes import prefixes
from kammerton.lab.wiring import BIAS, uses
from kammerton.model.parameter import KINDS, QUBIT, RESONATOR, ParameterKind
from kammerton.model.quantity import show
from kammerton.model.span import duration

FINEST = 1.0
"""Hz: no frequency of a qubit or a resonator is known to that."""

LONGEST = 10e-3
"""s: several times what the best qubits live."""

PATIENT = 300.0
"""s that a temperature may count before somebody is told what that means."""

WARM = 1.0
"""K: above this no aluminium is superconducting for long, and no qubit works."""

LEFT = 0.2
"""Share of an excitation that may outlive the wait after a shot before somebody is told."""

SHOTS = 100.0
"""By how many times the longest t1 a shot may wait before that is said to be long."""

LONGEST_RAMP = 3600.0
"""s that the daemon gives a bias to come to 0 V."""

_SECTIONS = {"qubit": "qubits", "resonator": "resonators"}


def slips(document: Document) -> Iterator[Problem]:
    """Yield a warning for each."""
    yield from _designs(document)
    yield from _same_lines(document)
    yield from _reset(document)
    yield from _warm(document)
    yield from _slow_to_zero(document)
    yield from prefixes(document)
    age = document.si("s", "interlock", "max_age")
    if age is not None and age > PATIENT:
        silent = duration(timedelta(seconds=age))
        words = f"drive would go on for {silent} after the last reading of the refrigerator"
        yield Problem(("interlock", "max_age"), words)


def _designs(document: Document) -> Iterator[Problem]:
    for kind in KINDS.values():
        section = _SECTIONS[kind.element]
        for name in document.names(section):
            path = section, name, kind.name
            if kind.unit == "Hz":
                yield from _too_fine(document, (*path, "tolerance"))
            if kind.unit == "s":
                yield from _too_long(document, (*path, "value"))
            if kind.measured and document.si(kind.unit, *path, "tolerance") == 0:
                words = "0 says that the design is exact; nobody knows it before it is measured"
                yield Problem((*path, "tolerance"), words)
    for name in document.names("qubits"):
        yield from _positive(document, ("qubits", name, "anharmonicity", "value"))


def _same_lines(document: Document) -> Iterator[Problem]:
    """Two lines that are expected in one place are told apart by nothing: each may be the other's.

    Compared is what one feedline reads: others may be meant to have the same frequencies.
    """

    def feedline_of(resonator: str) -> str | None:
        return document.text("resonators", resonator, "feedline")

    for feedline in document.names("feedlines"):
        mine = [n for n in document.names("resonators") if feedline_of(n) == feedline]
        yield from _same(document, "resonators", mine, RESONATOR["frequency"])
        read = [n for n in document.names("qubits") if _resonator(document, n) in mine]
        yield from _same(document, "qubits", read, QUBIT["f01"])


def _resonator(document: Document, qubit: str) -> str | None:
    return document.text("qubits", qubit, "resonator")


def _same(
    document: Document, section: str, names: Sequence[str], kind: ParameterKind
) -> Iterator[Problem]:
    before: list[tuple[float, str]] = []
    for name in names:
        hz = document.si("Hz", section, name, kind.name, "value")
        if hz is None:
            continue
        same = [other for there, other in before if abs(there - hz) <= kind.tolerance]
        if same:
            words = f"{show(hz, 'Hz')} is expected of {', '.join(same)}, too, and nothing tells"
            yield Problem((section, name, kind.name, "value"), f"{words} the two apart")
        before.append((hz, name))


def _positive(document: Document, path: tuple[str, ...]) -> Iterator[Problem]:
    """A transmon's second transition is below its first."""
    hz, text = document.si("Hz", *path), (document.text(*path) or "").strip().removeprefix("+")
    if hz is not None and hz > 0:
        words = f'{text} is positive; f12 - f01 of a transmon is negative: is "-{text}" meant?'
        yield Problem(path, words)


def _warm(document: Document) -> Iterator[Problem]:
    for key in ("drive_below", "drive_off_above"):
        kelvin, text = document.si("K", "interlock", key), document.text("interlock", key) or ""
        if kelvin is not None and kelvin > WARM:
            meant = f': is "{text.replace("K", "mK")}" meant?' if "mK" not in text else ""
            words = f"drive would be on at up to {text}, where no qubit works{meant}"
            yield Problem(("interlock", key), words)


def _slow_to_zero(document: Document) -> Iterator[Problem]:
    """A bias that is ramped to 0 V when all is made safe must be able to come there."""
    others = {name for name, role, _ in uses(document) if role != BIAS}
    for name in document.names("instruments"):
        volts = ("instruments", name, "limits", "volts")
        ends = [document.si("V", *volts, end) for end in ("min", "max")]
        rate = document.si("V/s", *volts, "max_rate")
        ramps = document.text("instruments", name, "safe") in ("zero", "off")
        if name in others or not ramps or not rate or None in ends:
            continue
        furthest = max(abs(end) for end in ends if end is not None)
        if furthest / rate > LONGEST_RAMP:
            takes, given = (duration(timedelta(seconds=s)) for s in (furthest / rate, LONGEST_RAMP))
            words = f"from {show(furthest, 'V')} to 0 V, where it is safe, takes {takes}; it is"
            yield Problem((*volts, "max_rate"), f"{words} given {given}")


def _too_fine(document: Document, path: tuple[str, ...]) -> Iterator[Problem]:
    hz, text = document.si("Hz", *path), document.text(*path) or ""
    if hz is None or not 0 < hz < FINEST:
        return
    meant = f': is "{text.replace("mHz", "MHz")}" meant?' if "mHz" in text else ""
    yield Problem(path, f"{text} is finer than any measurement of a frequency{meant}")


def _too_long(document: Document, path: tuple[str, ...]) -> Iterator[Problem]:
    seconds, text = document.si("s", *path), document.text(*path) or ""
    if seconds is None or seconds <= LONGEST:
        return
    meant = f': is "{text.replace("ms", "us")}" meant?' if "ms" in text else ""
    yield Problem(path, f"{text} is very long for a qubit{meant}")


def _reset(document: Document) -> Iterator[Problem]:
    path = "pulses", "readout", "reset"
    reset = document.si("s", *path)
    lives = [document.si("s", "qubits", name, "t1", "value") for name in document.names("qubits")]
    longest = max((life for life in lives if life is not None), default=0.0)
    if reset is None or longest <= 0:
        return
    if SHOTS * longest < reset:
        words = f"each shot waits {reset / longest:.0f} times the longest t1, {show(longest, 's')}"
        yield Problem(path, words)
    if (left := math.exp(-reset / longest)) > LEFT:
        words = f"{left:.0%} of an excitation outlives the wait of {show(reset, 's')} after a shot"
        yield Problem(path, f"{words}; the longest t1 is {show(longest, 's')}")
