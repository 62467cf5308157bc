"""Reading chip.toml: everything that is wrong is named at once."""

from __future__ import annotations

import cmath
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kammerton_sim.chip import connected
from kammerton_sim.chip.further import taken, wrong_triggers
from kammerton_sim.chip.imperfections import strangers
from kammerton_sim.chip.keys import FEEDLINE, POSITIVE, QUBIT, RESONATOR, TOP, Rule, Table, as_meant
from kammerton_sim.chip.places import placed
from kammerton_sim.chip.section import Section, keys_of, read_section
from kammerton_sim.chip.words import (
    CHIP_SECTIONS,
    QUBIT_SECTIONS,
    RESONATOR_SECTIONS,
    WIRING_SECTIONS,
    Chip,
    ChipError,
    Drift,
    Feedline,
    Line,
    Marker,
    QubitTruth,
    ResonatorTruth,
    Wiring,
)
from kammerton_sim.signals import ChannelId

_WIRING = ("generators", "drive", "readout", "trigger", "go", "carriers", *FEEDLINE)
_LINE = ("i", "q", "source")
_MORE = ("board", "readout", "trigger", "resonators", *FEEDLINE)


def read_chip(path: Path | str) -> Chip:
    """Read chip.toml; ChipError lists every problem, OSError if the file cannot be read."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except UnicodeDecodeError:
        raise ChipError(("not TOML: it is no text in UTF-8",), path.name) from None
    except tomllib.TOMLDecodeError as error:
        hint = "" if path.suffix == ".toml" else "; a table must be called NAME.csv"
        raise ChipError((f"not TOML: {error}{hint}",), path.name) from error
    if "wiring" not in table and ("computer" in table or "instruments" in table):
        raise ChipError(("this is a lab.toml, not a chip.toml",), path.name)
    reader = _Reader()
    chip = reader.chip(table)
    if reader.problems or chip is None:
        raise ChipError(tuple(placed(reader.problems, text)), path.name)
    return chip


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


@dataclass
class _Reader:
    """Collects problems instead of stopping at the first."""

    problems: list[str] = field(default_factory=list)
    strange: set[str] = field(default_factory=set)
    """Sections that are missing or no tables: what is missing in them is not said."""

    def chip(self, table: Table) -> Chip | None:
        self.keys(table, TOP, "the file", CHIP_SECTIONS)
        table = as_meant(table, CHIP_SECTIONS)
        effects = self.sections(table, CHIP_SECTIONS, "")
        name, seed = table.get("name"), table.get("seed")
        if "name" in table and not isinstance(name, str):
            self.problems.append("name: must be a string")
        if "seed" in table and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
            self.problems.append("seed: must be a whole number, not below 0")
        qubits = [self.qubit(k, v) for k, v in self.tables(table, "qubits").items()]
        resonators = [self.resonator(k, v) for k, v in self.tables(table, "resonators").items()]
        wires = self.table(table, "wiring", "")
        if not all(isinstance(table.get(key), dict) for key in ("qubits", "resonators", "wiring")):
            return None  # what follows from that is not said
        if not qubits:
            self.problems.append("a chip needs a qubit")
        if len(qubits) != len(resonators):
            counts = _counted(len(qubits), "qubit"), _counted(len(resonators), "resonator")
            self.problems.append(" but ".join(counts))
        names = [q.name for q in qubits], [r.name for r in resonators]
        wiring = self.wiring(wires, *names)
        couplers = effects.get("couplers", {})
        self.problems += connected.flux_lines(qubits, couplers, wiring)
        self.problems += connected.straddling(qubits, resonators)
        self.problems += connected.loops(wiring, qubits, couplers)
        self.problems += connected.couplings(effects.get("couplings", ()), qubits, couplers)
        if self.problems:
            return None
        return Chip(str(name), int(seed or 0), tuple(qubits), tuple(resonators), wiring, **effects)

    def qubit(self, name: str, table: Table) -> QubitTruth:
        where = f"qubits.{name}"
        x = self.numbers(table, QUBIT, where, QUBIT_SECTIONS)
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
            **self.sections(table, QUBIT_SECTIONS, f"{where}."),
        )

    def resonator(self, name: str, table: Table) -> ResonatorTruth:
        where = f"resonators.{name}"
        x = self.numbers(table, RESONATOR, where, RESONATOR_SECTIONS)
        for effect in ("punch_out", "transitions"):
            if effect in table and "photons" not in table:
                self.problems.append(f"{where}.{effect}: needs {where}.photons")
        return ResonatorTruth(
            name=name,
            frequency=x["frequency_hz"],
            chi=x["chi_hz"],
            linewidth=x["linewidth_hz"],
            visibility=x["visibility"],
            asymmetry=x["asymmetry_rad"],
            **self.sections(table, RESONATOR_SECTIONS, f"{where}."),
        )

    def wiring(self, table: Table, qubits: list[str], resonators: list[str]) -> Wiring:
        self.keys(table, _WIRING, "wiring", ("feedlines", *WIRING_SECTIONS))
        told = table.get("generators")
        boxes = () if told is None else self.names(told, "wiring.generators")
        drive = {
            name: self.line(self.mapping(value, f"wiring.drive.{name}"), f"wiring.drive.{name}")
            for name, value in self.table(table, "drive", "wiring.").items()
        }
        self.keys(drive, qubits, "wiring.drive")
        readout = self.line(self.table(table, "readout", "wiring."), "wiring.readout")
        others = self.mapping(table.get("feedlines", {}), "wiring.feedlines")
        more = self.feedlines(others, resonators)
        lines = [*drive.values(), readout, *(f.readout for f in more)]
        trigger = self.marker(table.get("trigger"), "wiring.trigger")
        go = self.marker(table.get("go"), "wiring.go")
        self.channels([channel for line in lines for channel in (line.i, line.q)])
        self.boxes([*(line.i[0] for line in lines), *(line.q[0] for line in lines)], boxes)
        self.boxes([trigger[0], go[0], *(f.trigger[0] for f in more)], boxes)
        x = self.physics(table, "wiring")
        carriers = self.carriers(self.table(table, "carriers", "wiring."), lines)
        sections = self.sections(table, WIRING_SECTIONS, "wiring.")
        instruments = sections.get("instruments", {})
        self.problems += taken(instruments, (*boxes, *carriers, *(f.board for f in more)))
        self.problems += wrong_triggers(instruments, boxes)
        self.problems += strangers(sections, qubits, ["feed0", *(f.name for f in more)])
        return Wiring(
            generators=boxes,
            drive=drive,
            readout=readout,
            trigger=trigger,
            go=go,
            carriers=carriers,
            delay=x["delay_s"],
            gain=cmath.rect(x["gain"], x["gain_phase_rad"]),
            noise=x["noise_v"],
            full_scale=x["full_scale_v"],
            more=more,
            **sections,
        )

    def feedlines(self, table: Table, resonators: list[str]) -> tuple[Feedline, ...]:
        """Feedlines beyond the first; each names its digitizer and its resonators."""
        more = [
            self.feedline(name, self.mapping(value, f"wiring.feedlines.{name}"), resonators)
            for name, value in table.items()
        ]
        boards = ["board", *(f.board for f in more)]
        served = [name for f in more for name in f.resonators]
        for word, used in (("digitizer", boards), ("resonator", served)):
            twice = sorted({name for name in used if used.count(name) > 1})
            self.problems += [f"wiring.feedlines: {word} {name!r} on two lines" for name in twice]
        return tuple(more)

    def feedline(self, name: str, table: Table, resonators: list[str]) -> Feedline:
        where = f"wiring.feedlines.{name}"
        self.keys(table, _MORE, where)
        served = self.names(table.get("resonators", []), f"{where}.resonators")
        unknown = [r for r in served if r not in resonators]
        self.problems += [f"{where}.resonators: there is no {r!r}" for r in unknown]
        board = table.get("board", "")
        if not isinstance(board, str) or not board.isidentifier():
            self.problems.append(f"{where}.board: must be a name such as 'board2'")
        x = self.physics(table, where)
        return Feedline(
            name=name,
            board=str(board),
            readout=self.line(self.table(table, "readout", f"{where}."), f"{where}.readout"),
            trigger=self.marker(table.get("trigger"), f"{where}.trigger"),
            resonators=served,
            delay=x["delay_s"],
            gain=cmath.rect(x["gain"], x["gain_phase_rad"]),
            noise=x["noise_v"],
            full_scale=x["full_scale_v"],
        )

    def physics(self, table: Table, where: str) -> dict[str, float]:
        return {key: self.number(table.get(key), f"{where}.{key}", FEEDLINE[key])
                for key in FEEDLINE}  # fmt: skip

    def carriers(self, table: Table, lines: list[Line]) -> dict[str, float]:
        sources = {line.source: POSITIVE for line in lines if line.source}
        told = not self.strange and all(line.source for line in lines)  # who uses them
        perhaps = () if told else table
        return self.numbers(table, sources, "wiring.carriers", perhaps)

    def names(self, value: object, where: str) -> tuple[str, ...]:
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            return tuple(value)
        self.problems.append(f"{where}: must be a list of names")
        return ()

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

    def channels(self, used: list[ChannelId]) -> None:
        for box, number in dict.fromkeys(used):
            if box and used.count((box, number)) > 1:
                self.problems.append(f"wiring: channel {box}.{number} is used more than once")

    def boxes(self, used: list[str], boxes: Sequence[str]) -> None:
        for box in dict.fromkeys(used):
            if boxes and box and box not in boxes:
                self.problems.append(f"wiring: {box!r} is not among the generators")

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
        return {k: self.mapping(v, f"{key}.{k}") for k, v in self.table(parent, key, "").items()}

    def mapping(self, value: object, where: str) -> Table:
        if isinstance(value, dict):
            return value
        self.problems.append(f"{where}: must be a table")
        self.strange.add(where)
        return {}
