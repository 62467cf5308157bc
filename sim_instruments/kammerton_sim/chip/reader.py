"""Tables of chip.toml, read so that everything that is wrong is named at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from kammerton_sim.chip.keys import Rule, Table
from kammerton_sim.chip.section import Section, keys_of, read_section


@dataclass
class Reader:
    """Collects problems instead of stopping at the first."""

    problems: list[str] = field(default_factory=list)
    strange: set[str] = field(default_factory=set)
    """Sections that are missing or no tables: what is missing in them is not said."""

    def sections(
        self, parent: Table, sections: Mapping[str, Section], where: str
    ) -> dict[str, Any]:
        """The optional tables that are there, by the field they fill."""
        return {
            name: self.section(parent[name], kind, where + name)
            for name, kind in sections.items()
            if name in parent
        }

    def section(self, value: object, section: Section, where: str) -> Any:
        """Read an optional table, a list of such or such by name."""
        if section.named:
            tables = self.mapping(value, where)
            return {
                k: self.section(v, Section(section.kind), f"{where}.{k}") for k, v in tables.items()
            }
        if section.many:
            entries = value if isinstance(value, list) else [value]
            one = Section(section.kind)
            return tuple(self.section(v, one, f"{where}[{n}]") for n, v in enumerate(entries))
        table = self.mapping(value, where)
        needed, optional = keys_of(section.kind)
        self.keys(table, needed, where, optional)
        return read_section(section.kind, table, where, self.number, self.problems.append)

    def numbers(
        self, table: Table, rules: Mapping[str, Rule], where: str, optional: Iterable[str] = ()
    ) -> dict[str, float]:
        """Every number of `rules`; one that is missing or wrong is reported and read as NaN."""
        self.keys(table, rules, where, optional)
        return {key: self.number(table.get(key), f"{where}.{key}", rules[key]) for key in rules}

    def number(self, value: object, where: str, rule: Rule) -> float:
        """Return a number that keeps the rule; else NaN, and why is a problem."""
        if value is None:
            return math.nan
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.problems.append(f"{where}: {value!r} is not a number")
            return math.nan
        if not math.isfinite(value) or not rule[1](value):
            self.problems.append(f"{where}: {value!r} {rule[0] or 'must be finite'}")
            return math.nan  # which nothing else that is wrong follows from
        return float(value)

    def keys(
        self, table: Iterable[str], needed: Iterable[str], where: str, optional: Iterable[str] = ()
    ) -> None:
        """Complain of keys that nobody knows and of those that are missing."""
        given, wanted = list(table), list(needed)
        known, meant = [*wanted, *optional], list[str]()
        for key in given:
            if key not in known:
                near = get_close_matches(key, known, 1)
                meant += near
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                self.problems.append(f"{where}: unknown key {key!r}{hint}")
        there = wanted if where in self.strange else {*given, *meant}
        self.problems += [f"{where}: {key!r} is missing" for key in wanted if key not in there]

    def table(self, parent: Table, key: str, where: str) -> Table:
        """Return a section; of one that is missing that is said already."""
        if key not in parent:
            self.strange.add(f"{where}{key}")
        return self.mapping(parent.get(key, {}), f"{where}{key}")

    def tables(self, parent: Table, key: str) -> dict[str, Table]:
        """Return the tables of a section, by name."""
        return {k: self.mapping(v, f"{key}.{k}") for k, v in self.table(parent, key, "").items()}

    def mapping(self, value: object, where: str) -> Table:
        """Return a table; an empty one for what is none, which is said."""
        if isinstance(value, dict):
            return value
        self.problems.append(f"{where}: must be a table")
        self.strange.add(where)
        return {}

    def names(self, value: object, where: str) -> tuple[str, ...]:
        """Return a list of names, which must not be empty."""
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            return tuple(value)
        self.problems.append(f"{where}: must be a list of names")
        return ()
