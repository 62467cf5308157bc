"""Writing chip.toml."""

from __future__ import annotations

import cmath
import json
from collections.abc import Mapping
from pathlib import Path

from kammerton_sim.chip.keys import FEEDLINE, QUBIT, RESONATOR
from kammerton_sim.chip.section import section_lines
from kammerton_sim.chip.words import (
    CHIP_SECTIONS,
    QUBIT_SECTIONS,
    RESONATOR_SECTIONS,
    WIRING_SECTIONS,
    Chip,
    Feedline,
    Line,
    Marker,
    QubitTruth,
    ResonatorTruth,
    Wiring,
)


def write_chip(chip: Chip, path: Path | str) -> None:
    """Write chip.toml; `read_chip` gives the same chip back."""
    Path(path).write_text(chip_text(chip), encoding="utf-8")


def chip_text(chip: Chip) -> str:
    """Return the text of chip.toml."""
    lines = [f"name = {json.dumps(chip.name)}", f"seed = {chip.seed}"]
    lines += section_lines(chip, CHIP_SECTIONS)
    for qubit in chip.qubits:
        lines += ["", f"[qubits.{qubit.name}]", *_assignments(_qubit_numbers(qubit))]
        lines += section_lines(qubit, QUBIT_SECTIONS)
    for resonator in chip.resonators:
        lines += ["", f"[resonators.{resonator.name}]", *_assignments(_notch_numbers(resonator))]
        lines += section_lines(resonator, RESONATOR_SECTIONS)
    lines += ["", *_wiring_lines(chip.wiring)]
    return "\n".join(lines) + "\n"


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
    return {key: float(value) for key, value in zip(QUBIT, values, strict=True)}


def _notch_numbers(r: ResonatorTruth) -> dict[str, float]:
    values = r.frequency, r.chi, r.linewidth, r.visibility, r.asymmetry
    return {key: float(value) for key, value in zip(RESONATOR, values, strict=True)}


def _wiring_lines(wiring: Wiring) -> list[str]:
    names = ", ".join(f'"{box}"' for box in wiring.generators)
    lines = [
        "[wiring]",
        f"generators = [{names}]",
        f'trigger = "{_marker(wiring.trigger)}"',
        f'go = "{_marker(wiring.go)}"',
        *_assignments(_physics(wiring)),
        f"readout = {_line(wiring.readout)}",
        *section_lines(wiring, WIRING_SECTIONS),
        *(line for feedline in wiring.more for line in _feedline_lines(feedline)),
        "",
        "[wiring.carriers]",
        *_assignments({name: float(hz) for name, hz in wiring.carriers.items()}),
        "",
        "[wiring.drive]",
    ]
    return lines + [f"{name} = {_line(line)}" for name, line in wiring.drive.items()]


def _feedline_lines(feedline: Feedline) -> list[str]:
    names = ", ".join(f'"{name}"' for name in feedline.resonators)
    return [
        "",
        f"[wiring.feedlines.{feedline.name}]",
        f'board = "{feedline.board}"',
        f"resonators = [{names}]",
        f'trigger = "{_marker(feedline.trigger)}"',
        *_assignments(_physics(feedline)),
        f"readout = {_line(feedline.readout)}",
    ]


def _physics(line: Wiring | Feedline) -> dict[str, float]:
    gain, phase = cmath.polar(line.gain)
    physics = line.delay, gain, phase, line.noise, line.full_scale
    return dict(zip(FEEDLINE, map(float, physics), strict=True))


def _line(line: Line) -> str:
    i, q = (f"{box}.{number}" for box, number in (line.i, line.q))
    return f'{{ i = "{i}", q = "{q}", source = "{line.source}" }}'


def _marker(marker: Marker) -> str:
    box, channel, number = marker
    return f"{box}.{channel}.m{number}"
