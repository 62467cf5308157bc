"""Limits of outputs, from a lab.toml or from words such as `awg*.peak=-0.5:0.5`.

The lab.toml is read here anew and not by the daemon's code, so that a limit which the daemon
misreads is not misread twice. Its limits are `limits.NAME = { min = "-0.5 V", max = "0.5 V" }`.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kammerton_sim.command_line import told
from kammerton_sim.evidence.replay import BOUNDLESS, within_all

_LEVELS = {
    "volts": ("peak", "level", "low", "high", "offset"),
    "frequency": ("frequency",),
    "power": ("power",),
}
"""What a lab.toml calls a limit -> what the ledger calls the level."""

_VOLTS = tuple(f".{level}" for level in _LEVELS["volts"])

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-zA-Zµ]*)\s*")
_PREFIXES = {"": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_UNITS = ("V", "Hz", "A")


class LimitError(ValueError):
    """Limits that cannot be read: all of them named."""


def limits_of(words: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return pattern -> (least, most) of everything given; LimitError names all that is wrong."""
    limits, problems = read_limits(words)
    if problems:
        raise LimitError("\n".join(problems))
    return limits


def read_limits(words: Iterable[str]) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Return pattern -> (least, most) of what can be read, and what is wrong with the rest."""
    limits: dict[str, tuple[float, float]] = {}
    problems: list[str] = []
    for word in words:
        try:
            for name, span in (
                _of_words(word) if is_pattern(word) else limits_of_lab(word)
            ).items():
                limits[name] = within_all([span, limits.get(name, span)])
        except LimitError as error:
            problems.append(str(error))
    return limits, problems


def is_pattern(word: str) -> bool:
    """Whether a word is PATTERN=MIN:MAX, or was meant to be, and not the name of a file."""
    is_file = word.endswith(".toml") or os.path.exists(word)
    return "=" in word or (":" in word and not is_file)


def called_by_lab(patterns: Iterable[str]) -> list[str]:
    """Return the limits of a lab.toml as it calls them, of which none of the levels is met.

    patterns: those that meet no output. A limit of volts is one of several levels, of which a box
    has some: it is missed where all are.
    """
    missed = list(patterns)
    boxes = [name.removesuffix(_VOLTS[0]) for name in missed if name.endswith(_VOLTS[0])]
    nowhere = [box for box in boxes if all(f"{box}{level}" in missed for level in _VOLTS)]
    others = [name for name in missed if not name.endswith(_VOLTS)]
    return [*(f"{box}.volts" for box in nowhere), *others]


def limits_of_lab(path: str | os.PathLike[str]) -> dict[str, tuple[float, float]]:
    """Return pattern -> (least, most) of a lab.toml; LimitError says what is wrong with it."""
    try:
        return dict(_of_lab(Path(path)))
    except OSError as error:
        raise LimitError(told(error)) from None
    except (LimitError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LimitError(f"{path}: {error}") from None


def _of_words(word: str) -> dict[str, tuple[float, float]]:
    pattern, _, span = word.partition("=")
    ends = span.split(":")
    if not pattern or len(ends) != 2:
        said = "write PATTERN=MIN:MAX, such as awg*.peak=-0.5:0.5"
        raise LimitError(f"{word}: {said}")
    return {pattern: _ordered(word, *(_end(word, end) for end in ends))}


def _end(word: str, text: str) -> float:
    if text.strip().lower() in ("inf", "+inf", "-inf"):
        return math.copysign(BOUNDLESS, float(text))
    try:
        return _number(text)
    except LimitError as error:
        raise LimitError(f"{word}: {error}") from None


def _ordered(where: str, low: float, high: float) -> tuple[float, float]:
    if low > high:
        raise LimitError(f"{where}: the least value, {low:g}, is above the largest, {high:g}")
    return low, high


def _of_lab(path: Path) -> Iterator[tuple[str, tuple[float, float]]]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    found = list(_limits(_table(document, "instruments", "instruments")))
    if not found:
        raise LimitError("no limits in it")
    yield from found


def _limits(instruments: dict[str, Any]) -> Iterator[tuple[str, tuple[float, float]]]:
    for name in instruments:
        where = f"instruments.{name}"
        limits = _table(_table(instruments, name, where), "limits", f"{where}.limits")
        for what in limits:
            span = _table(limits, what, f"{where}.limits.{what}")
            for level in _LEVELS.get(what, (what,)):
                low, high = (span.get(end) for end in ("min", "max"))
                least = -BOUNDLESS if low is None else _number(low)
                most = BOUNDLESS if high is None else _number(high)
                yield f"{name}.{level}", _ordered(f"{where}.limits.{what}", least, most)


def _table(within: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """Return a table of another, empty where there is none."""
    found = within.get(key, {})
    if not isinstance(found, dict):
        raise LimitError(f"{where} is no table")
    return found


def _number(text: object) -> float:
    """SI number of "0.5 V", "4 GHz", "16 dBm"."""
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise LimitError(f"{text!r} is no quantity")
    digits, unit = match.groups()
    if unit in ("", "dBm"):
        return float(digits)
    for known in _UNITS:
        if unit.endswith(known) and unit.removesuffix(known) in _PREFIXES:
            return float(digits) * _PREFIXES[unit.removesuffix(known)]
    raise LimitError(f"{text!r} has an unknown unit")
