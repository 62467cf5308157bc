"""A fault: its name, the row of the catalogue that it belongs to, what it does, what it takes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

Undo = Callable[[], None]
Value = float | int | str

_KINDS: Mapping[str, Callable[[str], Value]] = {"float": float, "int": int, "str": str}


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
        for name in set(given) & set(taken):
            kind = str(taken[name].annotation)
            try:
                value = values[name] = _KINDS[kind](given[name])
                if isinstance(value, float) and not math.isfinite(value):
                    problems.append(f"{name}: {given[name]!r} is not finite")
            except (TypeError, ValueError):
                problems.append(f"{name}: {given[name]!r} is not a{'n' * (kind == 'int')} {kind}")
        if problems:
            raise FaultError(f"{self.name}: {'; '.join(problems)}")
        return values


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
