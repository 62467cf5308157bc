"""Which chip `kammerton sim` serves: from a file, a table, a published snapshot, or a draw."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kammerton_sim.chip import Chip, random_chip, read_chip
from kammerton_sim.chip.connected import straddling
from kammerton_sim.chip.draw import MOST_QUBITS
from kammerton_sim.chip.flaws import FLAWS, flawed
from kammerton_sim.command_line import number, refuse
from kammerton_sim.devices import Device, device_chip, drawn_device, ibm_device, read_device
from kammerton_sim.devices.checks import PAIR
from kammerton_sim.devices.origin import misreading, origin
from kammerton_sim.devices.table import couplings_beside

_COUNT = number(int, lambda n: 1 <= n <= MOST_QUBITS, f"a whole number from 1 to {MOST_QUBITS}")

_DRAWN = "distributed as on published devices are T1, T2, f01, anharmonicity and readout error"

_CHOICES = ("file", "chip", "qubits", "random", "from_ibm")
"""Options that choose a chip; one of them at most."""


@dataclass(frozen=True)
class Made:
    """A chip, and what is to be said of how it was made, a line each."""

    chip: Chip
    said: tuple[str, ...] = ()


def add_chip_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose a chip."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="CHIP.toml|TABLE.csv",
        help="the chip that is served (default: one made up)",
    )
    parser.add_argument(
        "--chip", type=Path, metavar="CHIP.toml|TABLE.csv", help="the same as an option"
    )
    parser.add_argument(
        "--qubits", type=_COUNT, metavar="N", help="a made-up chip of N qubits (default: 5)"
    )
    parser.add_argument(
        "--random", type=_COUNT, metavar="N", help="N qubits, distributed as published ones are"
    )
    parser.add_argument(
        "--from-ibm",
        metavar="NAME",
        help="a device's snapshot in qiskit-ibm-runtime (pip install 'kammerton[ibm]'): brisbane",
    )
    parser.add_argument("--coupled", action="store_true", help="couple the pairs of a table")
    parser.add_argument(
        "--flaws",
        action="store_true",
        help="draw noise, photons and imperfect wiring as well, from the seed of the chip",
    )
    parser.add_argument(
        "--mend",
        action="store_true",
        help="cut T2 at 2 T1 and a readout error at 0.5 in a table, fill in an anharmonicity of 0",
    )


def ways(options: argparse.Namespace) -> list[Callable[[], Made]]:
    """Return how each chip is made that the options choose: one, where they are right.

    Each raises ChipError, ValueError or OSError with all that is wrong with its chip. Flaws are
    drawn from the chip's own seed, the one that stands beside every result.
    """
    given = _given(options)
    read = [name for name in given if name not in options.unread]
    each = [partial(_made, options, name) for name in read] if given else [partial(_five, options)]
    return [partial(_flawed, way) for way in each] if options.flaws else list(each)


def _flawed(way: Callable[[], Made]) -> Made:
    """The chip with flaws; ValueError where an effect among them cannot be."""
    made = way()
    found = flawed(made.chip, made.chip.seed)
    refuse([f"--flaws: {said}" for said in straddling(found.qubits, found.resonators)])
    drawn = f"--flaws: drawn from seed {found.seed}, where the chip has none of its own: {FLAWS}"
    return Made(found, (*made.said, drawn))


def chip_paths(options: argparse.Namespace) -> list[Path]:
    """Return the files that a chip is read from."""
    return [path for path in (options.file, options.chip) if path is not None]


def _given(options: argparse.Namespace) -> list[str]:
    """Return the options that choose a chip, those without a sensible value among them."""
    return [n for n in _CHOICES if getattr(options, n) is not None or n in options.unread]


def contradictions(options: argparse.Namespace) -> Iterator[str]:
    """Say what the options that choose a chip say against each other."""
    given = _given(options)
    spelt = ["FILE" if name == "file" else "--" + name.replace("_", "-") for name in given]
    if len(given) > 1:
        yield f"choose one chip, not {', '.join(spelt)}"
    if what := _no_table(options, given):
        for name in ("coupled", "mend"):
            if getattr(options, name):
                yield f"--{name} is for tables (TABLE.csv, --from-ibm NAME), not for {what}"
    for path in filter(_is_table, chip_paths(options) if options.coupled else ()):
        if path.exists() and not couplings_beside(path).exists():
            yield f"--coupled: {path.stem} tells of no couplings{_beside(path)}"


def _no_table(options: argparse.Namespace, given: list[str]) -> str:
    """Return what is served instead of a table; "" if a table is, or nobody knows which."""
    paths = chip_paths(options)
    if not given or given == ["qubits"]:
        return "a made-up chip"
    if given == ["random"]:
        return "a drawn chip"
    return str(paths[0]) if len(given) == 1 and paths and not _is_table(paths[0]) else ""


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _five(options: argparse.Namespace) -> Made:
    return Made(random_chip(5, options.seed))


def _made(options: argparse.Namespace, choice: str) -> Made:
    """Make the chip that one option chooses."""
    value = getattr(options, choice)
    if choice == "qubits":
        return Made(random_chip(value, options.seed))
    if choice == "random":
        chip = device_chip(drawn_device(value, options.seed), options.seed)
        every = f"everything of it is drawn from seed {options.seed}"
        return Made(chip, (f"--random {value}: {every}; {_DRAWN}",))
    if choice == "from_ibm":
        return _of_device(ibm_device(value, options.mend), options)
    if not _is_table(value):
        return Made(read_chip(value))
    return _of_device(read_device(value, options.mend), options, couplings_beside(value).exists())


def _of_device(device: Device, options: argparse.Namespace, has_pairs: bool = True) -> Made:
    """Make the chip of a table or of a snapshot; that it has no pairs may have been said before."""
    if options.coupled and has_pairs and not device.couplings:
        raise ValueError(f"--coupled: {device.name} tells of no couplings")
    chip = device_chip(device, options.seed, options.coupled)
    made = origin(device, options.seed, options.coupled)
    said = filter(None, (*device.mended, *made, misreading(device, chip)))
    return Made(chip, tuple(f"{device.name}: {each}" for each in said))


def _beside(path: Path) -> str:
    """Return where a table's couplings would stand."""
    return f"; there is no {couplings_beside(path)}, columns {' and '.join(sorted(PAIR))}"
