"""A fault: its name, the row of the catalogue that it belongs to, what it does, what it takes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kammerton_sim.faults.amounts import (
    UNITS,
    Bound,
    Value,
    has_unit,
    number,
    plain,
    shown,
    wanted,
    with_unit,
)
from kammerton_sim.faults.course import Undo
from kammerton_sim.faults.refusal import FaultError
from kammerton_sim.names import near, own_name, stranger

if TYPE_CHECKING:
    from kammerton_sim.site import Site

_KINDS: Mapping[str, Callable[[Any], Value]] = {"float": number, "int": int, "str": str}


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
            judged = {k: v for k, v in given.items() if k in UNITS or not has_unit(v)}
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
        return UNITS if site is None else {**UNITS, **self.units(site, given)}

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
                kind_of = wanted(kind, units.get(name, ""))
                problems.append(f"{name} must be {kind_of}, not {given[name]!r}")
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
        return f"{name} must be {must.told(unit)}, not {with_unit(value, unit)}"
    if site is None or not isinstance(value, str):
        return ""
    try:
        names = must.names(site, values)
    except ValueError as error:
        return str(error)
    return "" if names is None else stranger(must.what, value, names)
