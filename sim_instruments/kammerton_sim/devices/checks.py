"""What a row of a device table may hold. Everything wrong is named at once, by row."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from kammerton_sim.chip.draw import MOST_QUBITS
from kammerton_sim.devices.names import is_name, named, resonator_of, taken
from kammerton_sim.devices.words import Device, DeviceQubit


@dataclass(frozen=True)
class Column:
    """A column's field, what its numbers must be, and whether the table needs it."""

    field: str
    says: str
    holds: Callable[[float], bool]
    needed: bool = True


_UNKNOWN = "anharmonicity [Hz]"
"""Published tables write 0 here for a qubit whose second transition nobody measured."""

_TIME = "must lie between 1e-9 and 1 s", lambda x: 1e-9 <= x <= 1
_SHARE = "must lie between 0 and 1", lambda x: 0 <= x <= 1

COLUMNS: Mapping[str, Column] = {
    "T1 [s]": Column("t1", *_TIME),
    "T2 [s]": Column("t2", *_TIME),
    "f01 [Hz]": Column(
        "f01",
        "must lie between 1e8 and 1.27e10 Hz (an SGS100A ends at 12.75 GHz)",
        lambda x: 1e8 <= x <= 12.7e9,
    ),
    "anharmonicity [Hz]": Column(
        "anharmonicity", "must lie between -1e9 and -1e6 Hz", lambda x: -1e9 <= x <= -1e6
    ),
    "readout_error": Column("readout_error", *_SHARE, needed=False),
    "p_read0_prepared1": Column("wrong_one", *_SHARE, needed=False),
    "p_read1_prepared0": Column("wrong_zero", *_SHARE, needed=False),
}
QUBIT = "qubit"
PAIR = {"qubit_a", "qubit_b"}
"""Columns of the couplings that stand beside a table."""

_ROUNDED = 1e-3
"""By how much a readout error may differ from the mean of its two parts: tables round."""

_MISSPELT = 0.85  # how near a column must be to one that a table may have


def _bare(column: str) -> str:
    """A column's name without its unit, in small letters."""
    return column.partition("[")[0].strip().lower()


def _joined(column: str) -> str:
    """A column's name and its unit without blanks, in small letters."""
    return "".join(column.split()).lower()


def _like(column: str, others: Sequence[str]) -> list[str]:
    """Those with the same digits: p_read0_prepared0 is no slip of p_read0_prepared1."""
    return [o for o in others if re.sub(r"\D", "", o) == re.sub(r"\D", "", column)]


def _hint(given: str, wanted: str) -> str:
    """Return what is to be said of a column that may be the one that is wanted."""
    like = _bare(given) == _bare(wanted) and _joined(given) != _joined(wanted)
    if "[" in given and like:
        return f": {given!r} has another unit; tables are in SI"
    return f": if {given!r} is it, write {wanted!r} there"


@dataclass
class Checker:
    """Collects what is wrong, and what was mended."""

    mend: bool = False
    problems: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def header(self, given: Sequence[str]) -> None:
        """Name the columns that are missing or misspelt, with what was perhaps meant."""
        self.columns = list(given)
        if QUBIT not in given and set(given) >= PAIR:
            self.problems.append("these are couplings: name the table that they stand beside")
            return
        spare = [name for name in given if name not in COLUMNS and name != QUBIT]
        absent = [name for name in (QUBIT, *COLUMNS) if name not in given]
        for name in absent:
            near = [n for n in spare if _bare(n) == _bare(name)]
            if name == QUBIT or COLUMNS[name].needed:
                near = near or get_close_matches(name, spare, 1)
                hint = _hint(near[0], name) if near else ""
                self.problems.append(f"column {name!r} is missing{hint}")
            elif near := near or get_close_matches(name, _like(name, spare), 1, _MISSPELT):
                self.problems.append(f"column {near[0]!r}: is {name!r} meant?")
        for name in sorted({name for name in given if given.count(name) > 1}):
            self.problems.append(f"column {name!r} is there twice")

    def device(
        self, table: str, rows: Iterable[tuple[str, Mapping[str, str]]]
    ) -> list[DeviceQubit]:
        """Check rows (where, cells), one a qubit."""
        qubits, seen = [], dict[str, str]()
        for where, cells in rows:
            label = cells.get(QUBIT, "").strip()
            name = named(label)
            if name in seen:
                self.problems.append(f"{where}: qubit {label!r} is already in {seen[name]}")
            seen.setdefault(name, where)
            qubits.append(self._qubit(where, label, cells))
        self.problems += taken(seen)
        if not qubits:
            self.problems.append(f"{table}: no qubits in it")
        if len(qubits) > MOST_QUBITS:
            self.problems.append(f"{table}: {len(qubits)} qubits; at most {MOST_QUBITS} are served")
        return qubits

    def couplings(
        self, rows: Iterable[tuple[str, str, str]], qubits: Sequence[DeviceQubit]
    ) -> tuple[tuple[int, int], ...]:
        """Check pairs (where, qubit, qubit)."""
        places = {qubit.name: n for n, qubit in enumerate(qubits)}
        pairs: dict[tuple[int, int], None] = {}
        for where, *labels in rows:
            names = [named(label.strip()) for label in labels]
            unknown = [label for label, name in zip(labels, names, strict=True)
                       if name not in places]  # fmt: skip
            self.problems += [f"{where}: there is no qubit {label!r}" for label in unknown]
            if not unknown and names[0] == names[1]:
                self.problems.append(f"{where}: {labels[0]} is coupled to itself")
            elif not unknown:
                a, b = sorted(places[name] for name in names)
                pairs[a, b] = None
        return tuple(pairs)

    def _qubit(self, where: str, label: str, cells: Mapping[str, str]) -> DeviceQubit:
        name = named(label)
        if not (is_name(name) and is_name(resonator_of(name))):
            self.problems.append(f"{where}: {label!r} is no name of a qubit, such as 3 or q3")
        elif label != label.lower():
            self.mended.append(f"{where}: {label!r} is called {name}: names are in small letters")
        x = {column.field: self._number(where, key, column, cells.get(key, ""))
             for key, column in COLUMNS.items()}  # fmt: skip
        x["readout_error"] = self._misread(
            where, x["readout_error"], x["wrong_one"], x["wrong_zero"]
        )
        return self._possible(where, DeviceQubit(name, **x))

    def _misread(
        self, where: str, mean: float | None, one: float | None, zero: float | None
    ) -> float | None:
        """Return the mean readout error, which is no more than a coin's.

        What errs more often has its two answers exchanged, and errs less often once they are named
        the other way round.
        """
        mean = self._mean(where, mean, [share for share in (one, zero) if share is not None])
        if mean is None or mean <= 0.5:
            return mean
        said = f"{where}: a readout error of {mean:g} is above 0.5, that of a coin"
        if self.mend:
            self.mended.append(f"{said}: cut to 0.5")
        else:
            self.problems.append(f"{said}: its answers are exchanged (--mend cuts it to 0.5)")
        return 0.5

    def _mean(self, where: str, mean: float | None, shares: Sequence[float]) -> float | None:
        """Return what is told or follows from both shares; names a mean that cannot be theirs."""
        least, missing = sum(shares) / 2, 2 - len(shares)
        if mean is None and missing == 1:
            self.mended.append(
                f"{where}: of p_read0_prepared1 and p_read1_prepared0 one is missing, so that the"
                " readout error is filled in"
            )
        if mean is None:
            return None if missing else least
        if not least - _ROUNDED <= mean <= least + missing / 2 + _ROUNDED:
            span = f"{least:g} to {least + missing / 2:g}" if missing else f"{least:g}"
            self.problems.append(
                f"{where}: a readout_error of {mean:g} is not the mean of"
                f" p_read0_prepared1 and p_read1_prepared0, {span}"
            )
        return mean

    def _possible(self, where: str, qubit: DeviceQubit) -> DeviceQubit:
        """T2 cannot exceed 2 T1: relaxation alone leaves no more. f12 lies above 0."""
        if qubit.f01 and qubit.anharmonicity and qubit.f01 + qubit.anharmonicity <= 0:
            self.problems.append(
                f"{where}: an anharmonicity of {qubit.anharmonicity:.4g} Hz leaves nothing of "
                f"f01 = {qubit.f01:.4g} Hz for the second transition"
            )
        if qubit.t1 is None or qubit.t2 is None or qubit.t2 <= 2 * qubit.t1:
            return qubit
        said = f"{where}: T2 of {qubit.t2:.4g} s is longer than 2 T1 = {2 * qubit.t1:.4g} s"
        if not self.mend:
            self.problems.append(f"{said} (--mend cuts it there)")
            return qubit
        self.mended.append(f"{said}: cut there")
        return replace(qubit, t2=2 * qubit.t1)

    def _number(self, where: str, key: str, column: Column, cell: str | None) -> float | None:
        text = (cell or "").strip()
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = None
        if value is None or not text.isascii() or "_" in text:  # 1_0 is one of Python alone
            self.problems.append(f"{where}: {key}: {text!r} is not a number")
            return None
        if value == 0 and key == _UNKNOWN:
            self._unmeasured(where, key)
            return None
        if not math.isfinite(value) or not column.holds(value):
            self.problems.append(f"{where}: {key}: {text} {column.says}")
            return None
        return value

    def _unmeasured(self, where: str, key: str) -> None:
        """Refuse a 0 that stands for what nobody measured, or leave it open."""
        if self.mend:
            self.mended.append(f"{where}: {key}: 0 is no transmon's: filled in")
        else:
            said = f"{where}: {key}: 0 is no transmon's (--mend fills it in, as an empty cell)"
            self.problems.append(said)


def needed(header: Sequence[str]) -> int:
    """Return how many cells a row has at least: to the last of the columns that must be there."""
    must = [QUBIT, *(name for name, column in COLUMNS.items() if column.needed)]
    return max((n for n, name in enumerate(header, 1) if name in must), default=0)


def finished(
    name: str, qubits: list[DeviceQubit], couplings: tuple[tuple[int, int], ...], checker: Checker
) -> Device:
    """Put a device together from what was checked."""
    unused = tuple(n for n in checker.columns if n and n not in COLUMNS and n != QUBIT)
    return Device(name, tuple(qubits), couplings, tuple(checker.mended), unused)
