"""A fault: its name, the row of the catalogue that it belongs to, what it does, what it takes."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING, Any

from kammerton_sim.quantities import LONG, lasted, quantity

if TYPE_CHECKING:
    from kammerton_sim.site import Site

Undo = Callable[[], None]
Value = float | int | str

_KINDS: Mapping[str, Callable[[str], Value]] = {"float": float, "int": int, "str": str}

_UNITS: Mapping[str, str] = {
    "hz": "Hz", "linewidth": "Hz", "t1": "s", "seconds": "s", "every": "s", "watts": "W",
    "kelvin": "K", "kelvin_per_s": "K/s",
}  # fmt: skip
"""What a number is in, by the parameter's name; it may be written with that unit: 3MHz."""

_EXAMPLES = {
    "Hz": "3e5 or 300kHz", "s": "1e-5, 10us or 2h", "W": "5e-5 or 50uW", "K": "0.02 or 20mK",
    "K/s": "1e-3 or 1mK/s", "dBm": "-5 or -5dBm", "dB": "0.5 or 0.5dB", "V": "0.2 or 200mV",
    "A": "2e-3 or 2mA",
}  # fmt: skip
_PREFIXES = {"G": 9, "M": 6, "k": 3, "": 0, "m": -3, "u": -6, "µ": -6, "μ": -6, "n": -9}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s].*?)\s*")


class FaultError(ValueError):
    """A fault that cannot be put on: what is wrong, and what was perhaps meant."""


@dataclass(frozen=True)
class Bound:
    """What a number must be; says it in words, with {} for each of its ends."""

    holds: Callable[[float], bool]
    says: str
    ends: tuple[float, ...] = ()

    def told(self, unit: str) -> str:
        """Return it in words, in the unit of the number."""
        return self.says.format(*(_with_unit(end, unit) for end in self.ends))


def above(low: float, most: float = math.inf) -> Bound:
    """Return the bound low < x <= most."""
    end = " and at most {}" if most < math.inf else ""
    return Bound(lambda x: low < x <= most, f"above {{}}{end}", _finite(low, most))


def from_to(least: float, most: float = math.inf) -> Bound:
    """Return the bound least <= x <= most."""
    end = " to {}" if most < math.inf else " on"
    return Bound(lambda x: least <= x <= most, f"from {{}}{end}", _finite(least, most))


def not_zero(bound: Bound) -> Bound:
    """Return a bound that 0 does not keep, as it would change nothing."""
    return Bound(lambda x: x != 0 and bound.holds(x), f"other than 0, {bound.says}", bound.ends)


def _finite(*ends: float) -> tuple[float, ...]:
    return tuple(end for end in ends if end < math.inf)


PART = Bound(lambda x: 0 <= x < 1, "from 0 on and below 1")


@dataclass(frozen=True)
class Known:
    """What a name must be one of, in this laboratory.

    names(laboratory, values) returns them; None where they hang on another value that is wrong.
    Where there is no list of them it raises a ValueError that says why this one cannot be.
    """

    what: str
    names: Callable[[Site, Mapping[str, Value]], Iterable[str] | None]


@dataclass(frozen=True)
class Fault:
    """inject(laboratory, seed, **given) puts it on and returns what takes it off again.

    must: of parameters that may not be anything, what they must be. check(laboratory, **given)
    refuses what hangs on more than one of them by a ValueError. holds: of what only one fault can
    have hold at a time, words such as "gain {board}"; what needs no turns holds nothing. units:
    what numbers are in that hang on other values, by name.
    remark(laboratory, **given): what is to be known of it as the laboratory is set at present.
    """

    name: str
    row: str
    says: str
    inject: Callable[..., Undo]
    must: Mapping[str, Bound | Known] = field(default_factory=dict)
    holds: tuple[str, ...] = ()
    units: Callable[[Site, Mapping[str, Any]], Mapping[str, str]] = lambda site, given: {}
    check: Callable[..., object] = lambda site, **given: None
    remark: Callable[..., str] = lambda site, **given: ""

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What it takes, in order."""
        taken = inspect.signature(self.inject).parameters
        return {name: p for name, p in taken.items() if name not in ("site", "seed")}

    def usage(self) -> str:
        """Return the parameters as they are written: "QUBIT [hz=200kHz]"."""
        words = [
            name.upper() if p.default is p.empty else f"[{name}={shown(name, p.default)}]"
            for name, p in self.parameters.items()
        ]
        return " ".join(words)

    def values(
        self,
        given: Mapping[str, Any],
        site: Site | None = None,
        unfit: Iterable[str] = (),
    ) -> dict[str, Value]:
        """Return the parameters as they are needed; FaultError names everything wrong at once.

        Names are held against those of a laboratory where there is one; without one a number may
        have any unit where that hangs on other values. unfit: what else is wrong.
        """
        units = self.known_units(site, given)
        judged = given
        if site is None:
            judged = {k: v for k, v in given.items() if k in _UNITS or not _has_unit(v)}
        values, problems = self._read(given, units, judged)
        if site is not None:
            values |= {name: own_name(str(values[name]), site.boards)
                       for name in ("instrument", "board") if name in values}  # fmt: skip
        problems += [
            *unfit,
            *(
                said
                for name, must in self.must.items()
                if (said := _unmet(name, self.chosen(values), must, site, units))
            ),
        ]
        if problems:
            raise FaultError(f"{self.name}: {'; '.join(problems)}")
        if site is not None:
            self.refuse(site, values)
        return values

    def in_order(self, words: Sequence[Any], given: Iterable[str]) -> dict[str, Any]:
        """Return words by the names of the first parameters; FaultError for too many, or twice."""
        taken = list(self.parameters)
        if len(words) > len(taken):
            raise FaultError(
                f"{self.name} takes {self.usage() or 'nothing'}, not {len(words)} values"
            )
        for name in (name for name in taken[: len(words)] if name in given):
            raise FaultError(f"{self.name}: {name} is given twice")
        return dict(zip(taken, words, strict=False))

    def known_units(self, site: Site | None, given: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what numbers are in, by the parameter's name; without a laboratory of some."""
        return _UNITS if site is None else {**_UNITS, **self.units(site, given)}

    def refuse(self, site: Site, values: Mapping[str, Value]) -> None:
        """FaultError where these parameters, each of which can be, cannot be together."""
        try:
            self.check(site, **self.chosen(values))
        except ValueError as error:
            raise FaultError(f"{self.name}: {error}") from None

    def held(self, values: Mapping[str, Value]) -> frozenset[Hashable]:
        """Return what it has hold of, with these parameters."""
        chosen = self.chosen(values)
        return frozenset(word.format(**chosen) for word in self.holds)

    def chosen(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return every parameter, those that were not given as they are by default."""
        defaults = {n: p.default for n, p in self.parameters.items() if p.default is not p.empty}
        return {**defaults, **values}

    def _read(
        self, given: Mapping[str, Any], units: Mapping[str, str], judged: Mapping[str, Any]
    ) -> tuple[dict[str, Value], list[str]]:
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
        for name in (name for name in taken if name in judged):
            kind = str(taken[name].annotation)
            try:
                value = _KINDS[kind](plain(given[name], units.get(name, "")))
            except (TypeError, ValueError):
                wanted = _wanted(kind, units.get(name, ""))
                problems.append(f"{name} must be {wanted}, not {given[name]!r}")
                continue
            if isinstance(value, float) and not math.isfinite(value):
                problems.append(f"{name} must be finite, not {given[name]!r}")
            elif isinstance(value, str) and not value.isprintable():
                problems.append(f"{name}: {value!r} cannot be written on one line")
            else:
                values[name] = value
        return values, problems


def _unmet(
    name: str,
    values: Mapping[str, Value],
    must: Bound | Known,
    site: Site | None,
    units: Mapping[str, str],
) -> str:
    """Return what is wrong with a value; "" where nothing is, or where there is none."""
    value = values.get(name)
    if isinstance(must, Bound):
        if not isinstance(value, float | int) or must.holds(value):
            return ""
        unit = units.get(name, "")
        return f"{name} must be {must.told(unit)}, not {_with_unit(value, unit)}"
    if site is None or not isinstance(value, str):
        return ""
    try:
        names = must.names(site, values)
    except ValueError as error:
        return str(error)
    return "" if names is None else stranger(must.what, value, names)


def plain(given: Any, unit: str) -> Any:
    """Return "3MHz" as "3e6", where that is the unit; anything else as it was given.

    A time may be in min, h or d, too.
    """
    match = _QUANTITY.fullmatch(given) if unit and isinstance(given, str) else None
    if match is not None and unit == "s" and match[2] in LONG:
        return repr(float(match[1]) * LONG[match[2]])
    if match is None or not match[2].endswith(unit):
        return given
    prefix = match[2].removesuffix(unit)
    number, _, exponent = match[1].lower().partition("e")
    return f"{number}e{int(exponent or 0) + _PREFIXES[prefix]}" if prefix in _PREFIXES else given


def shown(name: str, value: Value, units: Mapping[str, str] = _UNITS) -> str:
    """Return a value as it may be written, with its unit where it has one: 200kHz, 0.01, awg1."""
    if not isinstance(value, float):
        return str(value)
    unit = units.get(name, "")
    if not unit:
        return f"{value:g}"
    for long, seconds in LONG.items() if unit == "s" else ():
        if value >= seconds and value % (seconds / 10) == 0:
            return f"{value / seconds:.10g}{long}"
    return quantity(value, unit, 10).replace(" ", "").replace("µ", "u")


def _with_unit(value: float, unit: str) -> str:
    """Return a number as it is said to a person: 10 s, 300 kHz, 0.5."""
    return lasted(value) if unit == "s" else quantity(value, unit, 10)


def _has_unit(given: Any) -> bool:
    return isinstance(given, str) and _QUANTITY.fullmatch(given) is not None


def _wanted(kind: str, unit: str) -> str:
    if kind == "int":
        return "a whole number"
    return f"a number in {unit}, such as {_EXAMPLES[unit]}" if unit in _EXAMPLES else "a number"


def near(word: str, known: Iterable[str]) -> str:
    """Return ' (did you mean ...?)', or nothing when nothing is near; of equals the first."""
    names = list(known)
    found = get_close_matches(word, names, len(names) or 1)
    if not found:
        return ""
    alike = [name for name in names if _ratio(name, word) >= _ratio(found[0], word)]
    return f" (did you mean {alike[0]!r}?)"


def _ratio(name: str, word: str) -> float:
    return SequenceMatcher(None, name, word).ratio()


def own_name(name: str, boards: Iterable[str]) -> str:
    """Return what the laboratory calls an instrument: lab.toml's "digitizer2" is "board2"."""
    board = re.sub(r"^digitizer(?=\d*$)", "board", name)
    return board if board in boards else name


def stranger(what: str, name: str, known: Iterable[str]) -> str:
    """Return what is to be said of a name that is not known, with the nearest and all; or ""."""
    names = list(known)
    return "" if name in names else f"no {what} {name!r}{near(name, names)}; {there_are(names)}"


def there_are(names: Sequence[str]) -> str:
    """Return "there are a, b", as many as there are."""
    if len(names) < 2:
        return f"there is {'only ' + names[0] if names else 'none'}"
    return f"there are {', '.join(names)}"


def one_of(what: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is known; FaultError with the nearest and with all names."""
    if said := stranger(what, name, known):
        raise FaultError(said)
    return name


def require(holds: bool, message: str) -> None:
    """FaultError unless it holds."""
    if not holds:
        raise FaultError(message)
