"""Reading chip.toml: everything that is wrong is named at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

from kammerton_sim.chip import connected
from kammerton_sim.chip.keys import QUBIT, RESONATOR, TOP, Table, as_meant
from kammerton_sim.chip.places import placed
from kammerton_sim.chip.read_wiring import read_wiring
from kammerton_sim.chip.reader import Reader
from kammerton_sim.chip.words import (
    CHIP_SECTIONS,
    QUBIT_SECTIONS,
    RESONATOR_SECTIONS,
    Chip,
    ChipError,
    Drift,
    QubitTruth,
    ResonatorTruth,
)


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
    reader = _ChipReader()
    chip = reader.chip(table)
    if reader.problems or chip is None:
        raise ChipError(tuple(placed(reader.problems, text)), path.name)
    return chip


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


class _ChipReader(Reader):
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
        wiring = read_wiring(self, wires, *names)
        couplers = effects.get("couplers", {})
        self.problems += connected.flux_lines(qubits, couplers, wiring)
        self.problems += connected.straddling(qubits, resonators)
        self.problems += connected.transmons(qubits, couplers)
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
