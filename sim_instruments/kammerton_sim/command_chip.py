"""Which chip `kammerton sim` serves: from a file, a table, a published snapshot, or a draw."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kammerton_sim.chip import Chip, random_chip, read_chip
from kammerton_sim.chip.connected import straddling
from kammerton_sim.chip.flaws import flawed
from kammerton_sim.command_line import WHOLE, refuse
from kammerton_sim.devices import Device, device_chip, drawn_device, ibm_device, read_device
from kammerton_sim.devices.checks import PAIR
from kammerton_sim.devices.origin import misreading, origin
from kammerton_sim.devices.table import couplings_beside

_DRAWN = "all is drawn from the seed, T1, T2, f01 and readout error as published devices have them"

_CHOICES = ("file", "chip", "qubits", "random", "from_ibm")
"""Options that choose a chip; one of them at most."""


def add_chip_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose a chip."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="CHIP.toml|TABLE.csv", help="default: made up"
    )
    parser.add_argument("--chip", type=Path, metavar="CHIP.toml|TABLE.csv", help="the same")
    parser.add_argument(
        "--qubits", type=WHOLE, metavar="N", help="a made-up chip of N, by default 5"
    )
    parser.add_argument("--random", type=WHOLE, metavar="N", help="N qubits as published ones are")
    parser.add_argument("--from-ibm", metavar="NAME", help="a snapshot in qiskit-ibm-runtime")
    parser.add_argument("--coupled", action="store_true", help="couple the pairs of a table")
    parser.add_argument(
        "--flaws",
        action="store_true",
        help="draw noise, photons and imperfect wiring as well, from the seed of the chip",
    )
    parser.add_argument(
        "--mend",
        action="store_true",
        help="cut T2 at 2 T1 in a table, fill in an anharmonicity of 0",
    )


def chosen_chip(options: argparse.Namespace) -> Chip:
    """Return the chip; ChipError or ValueError names everything that is wrong.

    Flaws are drawn from the chip's own seed, the one that stands beside every result.
    """
    refuse(_contradictions(options))
    chip = _chip(options, chip_path(options))
    return _flawed(chip) if options.flaws else chip


def _flawed(chip: Chip) -> Chip:
    """The chip with flaws; ValueError where an effect among them cannot be."""
    found = flawed(chip, chip.seed)
    refuse([f"--flaws: {said}" for said in straddling(found.qubits, found.resonators)])
    return found


def chip_path(options: argparse.Namespace) -> Path | None:
    """Return the file that a chip is read from; None where it is from none."""
    path: Path | None = options.chip if options.file is None else options.file
    return path


def _contradictions(options: argparse.Namespace) -> list[str]:
    """Return what the options that choose a chip say against each other."""
    given = [name for name in _CHOICES if getattr(options, name) is not None]
    spelt = ["FILE" if name == "file" else "--" + name.replace("_", "-") for name in given]
    problems = [f"choose one chip, not {', '.join(spelt)}"] if len(given) > 1 else []
    if what := _no_table(options, given):
        problems += [
            f"--{name} is for tables: {what} is none (TABLE.csv, --from-ibm NAME)"
            for name in ("coupled", "mend")
            if getattr(options, name)
        ]
    return problems


def _no_table(options: argparse.Namespace, given: list[str]) -> str:
    """Return what is served instead of a table; "" if a table is, or nobody knows which."""
    path = chip_path(options)
    if not given or given == ["qubits"]:
        return "a made-up chip"
    return str(path) if len(given) == 1 and path is not None and not _is_table(path) else ""


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _chip(options: argparse.Namespace, path: Path | None) -> Chip:
    if path is not None and not _is_table(path):
        return read_chip(path)
    if path is None and options.random is None and options.from_ibm is None:
        return random_chip(5 if options.qubits is None else options.qubits, options.seed)
    device = _device(path, options)
    if options.coupled and not device.couplings:
        raise ValueError(f"--coupled: {device.name} tells of no couplings{_beside(path)}")
    chip = device_chip(device, options.seed, options.coupled)
    drawn = options.random is not None
    made = [_DRAWN] if drawn else origin(device, options.seed, options.coupled)
    for said in filter(None, (*device.mended, *made, misreading(device, chip))):
        sys.stderr.write(f"{device.name}: {said}\n")
    return chip


def _beside(path: Path | None) -> str:
    """Return where a table's couplings would stand."""
    if path is None:
        return ""
    return f"; there is no {couplings_beside(path)}, columns {' and '.join(sorted(PAIR))}"


def _device(path: Path | None, options: argparse.Namespace) -> Device:
    if path is not None:
        return read_device(path, options.mend)
    if options.from_ibm is not None:
        return ibm_device(options.from_ibm, options.mend)
    return drawn_device(options.random, options.seed)
