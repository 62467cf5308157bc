"""chip.toml, both ways. Reading names everything that is wrong at once."""

from __future__ import annotations

import cmath
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kammerton_sim.chip.words import (
    Chip,
    ChipError,
    Drift,
    Line,
    Marker,
    QubitTruth,
    ResonatorTruth,
    Wiring,
)
from kammerton_sim.signals import ChannelId

Table = Mapping[str, Any]
Rule = tuple[str, Callable[[float], bool]]

_POSITIVE: Rule = ("must be above 0", lambda x: x > 0)
_NEGATIVE: Rule = ("must be below 0", lambda x: x < 0)
_NOT_NEGATIVE: Rule = ("must not be below 0", lambda x: x >= 0)
_FRACTION: Rule = ("must lie between 0 and 1", lambda x: 0 < x < 1)
_ANY: Rule = ("", lambda x: True)

_QUBIT: Mapping[str, Rule] = {
    "f01_hz": _POSITIVE,
    "anharmonicity_hz": _NEGATIVE,
    "t1_s": _POSITIVE,
    "t2_s": _POSITIVE,
    "slow_dephasing_hz": _NOT_NEGATIVE,
    "rabi_rate_rad_per_s_per_v": _POSITIVE,
    "floor_temperature_k": _POSITIVE,
    "f01_drift_hz": _NOT_NEGATIVE,
    "f01_drift_time_s": _POSITIVE,
    "t1_drift": _NOT_NEGATIVE,
    "t1_drift_time_s": _POSITIVE,
}
_RESONATOR: Mapping[str, Rule] = {
    "frequency_hz": _POSITIVE,
    "chi_hz": _NEGATIVE,
    "linewidth_hz": _POSITIVE,
    "visibility": _FRACTION,
    "asymmetry_rad": _ANY,
}
_LINE_PHYSICS: Mapping[str, Rule] = {
    "delay_s": _NOT_NEGATIVE,
    "gain": _POSITIVE,
    "gain_phase_rad": _ANY,
    "noise_v": _NOT_NEGATIVE,
    "full_scale_v": _POSITIVE,
}
_TOP = ("name", "seed", "qubits", "resonators", "wiring")
_WIRING = ("generators", "drive", "readout", "trigger", "go", "carriers", *_LINE_PHYSICS)
_LINE = ("i", "q", "source")


def read_chip(path: Path | str) -> Chip:
    """Read chip.toml; ChipError lists every problem, OSError if the file cannot be read."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChipError((f"not TOML: {error}",), path.name) from error
    reader = _Reader()
    chip = reader.chip(table)
    if reader.problems or chip is None:
        raise ChipError(tuple(reader.problems), path.name)
    return chip


@dataclass
class _Reader:
    """Collects problems instead of stopping at the first."""

    problems: list[str] = field(default_factory=list)

    def chip(self, table: Table) -> Chip | None:
        self.keys(table, _TOP, "the file")
        name, seed = table.get("name"), table.get("seed")
        if not isinstance(name, str):
            self.problems.append("name: must be a string")
        if not isinstance(seed, int) or isinstance(seed, bool):
            self.problems.append("seed: must be a whole number")
        qubits = [self.qubit(k, v) for k, v in self.tables(table, "qubits").items()]
        resonators = [self.resonator(k, v) for k, v in self.tables(table, "resonators").items()]
        if len(qubits) != len(resonators):
            self.problems.append(f"{len(qubits)} qubits but {len(resonators)} resonators")
        wiring = self.wiring(self.table(table, "wiring", ""), [q.name for q in qubits])
        if self.problems:
            return None
        return Chip(str(name), int(seed or 0), tuple(qubits), tuple(resonators), wiring)

    def qubit(self, name: str, table: Table) -> QubitTruth:
        x = self.numbers(table, _QUBIT, f"qubits.{name}")
        if x["t2_s"] > 2 * x["t1_s"]:
            self.problems.append(f"qubits.{name}.t2_s: must not exceed twice t1_s")
        return QubitTruth(
            name=name,
            f01=x["f01_hz"],
            anharmonicity=x["anharmonicity_hz"],
            t1=x["t1_s"],
            t2=x["t2_s"],
            slow_dephasing=x["slow_dephasing_hz"],
            rabi_rate=x["rabi_rate_rad_per_s_per_v"],
            floor_temperature=x["floor_temperature_k"],
            f01_drift=Drift(x["f01_drift_hz"], x["f01_drift_time_s"]),
            t1_drift=Drift(x["t1_drift"], x["t1_drift_time_s"]),
        )

    def resonator(self, name: str, table: Table) -> ResonatorTruth:
        x = self.numbers(table, _RESONATOR, f"resonators.{name}")
        return ResonatorTruth(
            name=name,
            frequency=x["frequency_hz"],
            chi=x["chi_hz"],
            linewidth=x["linewidth_hz"],
            visibility=x["visibility"],
            asymmetry=x["asymmetry_rad"],
        )

    def wiring(self, table: Table, qubits: list[str]) -> Wiring:
        self.keys(table, _WIRING, "wiring")
        boxes = table.get("generators", [])
        if not isinstance(boxes, list) or not boxes or not all(isinstance(b, str) for b in boxes):
            self.problems.append("wiring.generators: must be a list of names")
            boxes = []
        drive = {
            name: self.line(self.mapping(value, f"wiring.drive.{name}"), f"wiring.drive.{name}")
            for name, value in self.table(table, "drive", "wiring.").items()
        }
        self.keys(drive, qubits, "wiring.drive")
        readout = self.line(self.table(table, "readout", "wiring."), "wiring.readout")
        trigger = self.marker(table.get("trigger"), "wiring.trigger")
        go = self.marker(table.get("go"), "wiring.go")
        lines = [*drive.values(), readout]
        self.channels([c for line in lines for c in (line.i, line.q)], boxes)
        self.boxes([trigger[0], go[0]], boxes)
        carriers = self.numbers(
            self.table(table, "carriers", "wiring."),
            {line.source: _POSITIVE for line in lines if line.source},
            "wiring.carriers",
        )
        physics = {key: table[key] for key in _LINE_PHYSICS if key in table}
        x = self.numbers(physics, _LINE_PHYSICS, "wiring", report_missing=False)
        gain = cmath.rect(x["gain"], x["gain_phase_rad"])
        return Wiring(
            generators=tuple(boxes),
            drive=drive,
            readout=readout,
            trigger=trigger,
            go=go,
            carriers=carriers,
            delay=x["delay_s"],
            gain=gain,
            noise=x["noise_v"],
            full_scale=x["full_scale_v"],
        )

    def line(self, table: Table, where: str) -> Line:
        self.keys(table, _LINE, where)
        source = table.get("source", "")
        if not isinstance(source, str):
            self.problems.append(f"{where}.source: must be a name")
            source = ""
        return Line(
            self.channel(table.get("i"), f"{where}.i"),
            self.channel(table.get("q"), f"{where}.q"),
            source,
        )

    def channel(self, value: object, where: str) -> ChannelId:
        match = re.fullmatch(r"(\w+)\.([1-8])", value) if isinstance(value, str) else None
        if match is None:
            if value is not None:
                self.problems.append(f'{where}: {value!r} is not a channel such as "awg1.3"')
            return "", 0
        return match[1], int(match[2])

    def marker(self, value: object, where: str) -> Marker:
        pattern = r"(\w+)\.([1-8])\.m([1-4])"
        match = re.fullmatch(pattern, value) if isinstance(value, str) else None
        if match is None:
            if value is not None:
                self.problems.append(f'{where}: {value!r} is not a marker such as "awg1.3.m1"')
            return "", 0, 1
        return match[1], int(match[2]), int(match[3])

    def channels(self, used: list[ChannelId], boxes: Iterable[str]) -> None:
        for box, number in dict.fromkeys(used):
            if box and used.count((box, number)) > 1:
                self.problems.append(f"wiring: channel {box}.{number} is used more than once")
        self.boxes([box for box, _ in used], boxes)

    def boxes(self, used: list[str], boxes: Iterable[str]) -> None:
        for box in dict.fromkeys(used):
            if box and box not in boxes:
                self.problems.append(f"wiring: {box!r} is not among the generators")

    def numbers(
        self, table: Table, rules: Mapping[str, Rule], where: str, report_missing: bool = True
    ) -> dict[str, float]:
        """Every number of `rules`; one that is missing or wrong is reported and read as NaN."""
        if report_missing:
            self.keys(table, rules, where)
        return {key: self.number(table.get(key), f"{where}.{key}", rules[key]) for key in rules}

    def number(self, value: object, where: str, rule: Rule) -> float:
        if value is None:
            return math.nan
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.problems.append(f"{where}: {value!r} is not a number")
            return math.nan
        if not math.isfinite(value) or not rule[1](value):
            self.problems.append(f"{where}: {value!r} {rule[0] or 'must be finite'}")
        return float(value)

    def keys(self, table: Iterable[str], known: Iterable[str], where: str) -> None:
        given, wanted = list(table), list(known)
        for key in given:
            if key not in wanted:
                near = get_close_matches(key, wanted, 1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                self.problems.append(f"{where}: unknown key {key!r}{hint}")
        self.problems += [f"{where}: {key!r} is missing" for key in wanted if key not in given]

    def table(self, parent: Table, key: str, where: str) -> Table:
        return self.mapping(parent.get(key, {}), f"{where}{key}")

    def tables(self, parent: Table, key: str) -> dict[str, Table]:
        return {k: self.mapping(v, f"{key}.{k}") for k, v in self.table(parent, key, "").items()}

    def mapping(self, value: object, where: str) -> Table:
        if isinstance(value, dict):
            return value
        self.problems.append(f"{where}: must be a table")
        return {}


def write_chip(chip: Chip, path: Path | str) -> None:
    """Write chip.toml; `read_chip` gives the same chip back."""
    lines = [f'name = "{chip.name}"', f"seed = {chip.seed}"]
    for qubit in chip.qubits:
        lines += ["", f"[qubits.{qubit.name}]", *_assignments(_qubit_numbers(qubit))]
    for resonator in chip.resonators:
        lines += ["", f"[resonators.{resonator.name}]", *_assignments(_notch_numbers(resonator))]
    lines += ["", *_wiring_lines(chip.wiring)]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _assignments(numbers: Mapping[str, float]) -> list[str]:
    return [f"{key} = {value!r}" for key, value in numbers.items()]


def _qubit_numbers(qubit: QubitTruth) -> dict[str, float]:
    values = (
        qubit.f01,
        qubit.anharmonicity,
        qubit.t1,
        qubit.t2,
        qubit.slow_dephasing,
        qubit.rabi_rate,
        qubit.floor_temperature,
        qubit.f01_drift.amplitude,
        qubit.f01_drift.time,
        qubit.t1_drift.amplitude,
        qubit.t1_drift.time,
    )
    return {key: float(value) for key, value in zip(_QUBIT, values, strict=True)}


def _notch_numbers(r: ResonatorTruth) -> dict[str, float]:
    values = r.frequency, r.chi, r.linewidth, r.visibility, r.asymmetry
    return {key: float(value) for key, value in zip(_RESONATOR, values, strict=True)}


def _wiring_lines(wiring: Wiring) -> list[str]:
    gain, phase = cmath.polar(wiring.gain)
    physics = wiring.delay, gain, phase, wiring.noise, wiring.full_scale
    names = ", ".join(f'"{box}"' for box in wiring.generators)
    lines = [
        "[wiring]",
        f"generators = [{names}]",
        f'trigger = "{_marker(wiring.trigger)}"',
        f'go = "{_marker(wiring.go)}"',
        *_assignments(dict(zip(_LINE_PHYSICS, map(float, physics), strict=True))),
        f"readout = {_line(wiring.readout)}",
        "",
        "[wiring.carriers]",
        *_assignments({name: float(hz) for name, hz in wiring.carriers.items()}),
        "",
        "[wiring.drive]",
    ]
    return lines + [f"{name} = {_line(line)}" for name, line in wiring.drive.items()]


def _line(line: Line) -> str:
    i, q = (f"{box}.{number}" for box, number in (line.i, line.q))
    return f'{{ i = "{i}", q = "{q}", source = "{line.source}" }}'


def _marker(marker: Marker) -> str:
    box, channel, number = marker
    return f"{box}.{channel}.m{number}"
