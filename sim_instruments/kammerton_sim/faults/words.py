"""A fault: its name, the row of the catalogue that it belongs to, what it does, what it takes."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

Undo = Callable[[], None]
Value = float | int | str

_KINDS: Mapping[str, Callable[[str], Value]] = {"float": float, "int": int, "str": str}

_UNITS: Mapping[str, str] = {
    "hz": "Hz", "linewidth": "Hz", "t1": "s", "seconds": "s", "every": "s", "watts": "W",
    "kelvin": "K", "kelvin_per_s": "K/s",
}  # fmt: skip
"""What a number is in, by the parameter's name; it may be written with that unit: 3MHz."""

_EXAMPLES = {
    "Hz": "3e5 or 300kHz", "s": "1e-5 or 10us", "W": "5e-5 or 50uW", "K": "0.02 or 20mK",
    "K/s": "1e-3 or 1mK/s",
}  # fmt: skip
_PREFIXES = {"G": 9, "M": 6, "k": 3, "": 0, "m": -3, "u": -6, "µ": -6, "μ": -6, "n": -9}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s].*?)\s*")


class FaultError(ValueError):
    """A fault that cannot be put on: what is wrong, and what was perhaps meant."""


@dataclass(frozen=True)
class Fault:
    """inject(laboratory, seed, **given) puts it on and returns what takes it off again."""

    name: str
    row: str
    says: str
    inject: Callable[..., Undo]

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What it takes, in order."""
        taken = inspect.signature(self.inject).parameters
        return {name: p for name, p in taken.items() if name not in ("site", "seed")}

    def usage(self) -> str:
        """Return the parameters as they are written: "QUBIT [hz=200000.0]"."""
        words = [
            name.upper() if p.default is p.empty else f"[{name}={p.default}]"
            for name, p in self.parameters.items()
        ]
        return " ".join(words)

    def values(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """Return the parameters as they are needed; FaultError names everything wrong at once."""
        taken = self.parameters
        problems = [
            f"no parameter {key!r}{near(key, taken)}; it takes {self.usage() or 'nothing'}"
            for key in given
            if key not in taken
        ]
        problems += [
            f"{name.upper()} is missing"
            for name, p in taken.items()
            if p.default is p.empty and name not in given
        ]
        values: dict[str, Value] = {}
        for name in (name for name in taken if name in given):
            kind = str(taken[name].annotation)
            try:
                value = values[name] = _KINDS[kind](_plain(given[name], _UNITS.get(name, "")))
                if isinstance(value, float) and not math.isfinite(value):
                    problems.append(f"{name}: {given[name]!r} is not finite")
            except (TypeError, ValueError):
                problems.append(f"{name}: {given[name]!r} is {_wanted(name, kind)}")
        if problems:
            raise FaultError(f"{self.name}: {'; '.join(problems)}")
        return values


def _plain(given: Any, unit: str) -> Any:
    """Return "3MHz" as "3e6", where that is the unit; anything else as it was given."""
    match = _QUANTITY.fullmatch(given) if unit and isinstance(given, str) else None
    if match is None or not match[2].endswith(unit):
        return given
    prefix = match[2].removesuffix(unit)
    number, _, exponent = match[1].lower().partition("e")
    return f"{number}e{int(exponent or 0) + _PREFIXES[prefix]}" if prefix in _PREFIXES else given


def _wanted(name: str, kind: str) -> str:
    if kind == "int":
        return "not a whole number"
    unit = _UNITS.get(name)
    return f"no number of {unit}, such as {_EXAMPLES[unit]}" if unit else "not a number"


def near(word: str, known: Iterable[str]) -> str:
    """Return ' (did you mean ...?)', or nothing when nothing is near."""
    found = get_close_matches(word, list(known), 1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def one_of(what: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is known; FaultError with the nearest and with all names."""
    names = list(known)
    if name not in names:
        raise FaultError(
            f"no {what} {name!r}{near(name, names)}; there are {', '.join(names) or 'none'}"
        )
    return name


def require(holds: bool, message: str) -> None:
    """FaultError unless it holds."""
    if not holds:
        raise FaultError(message)
