"""`kammerton sim`: the command line of the simulated laboratory."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from kammerton_sim.chip import Chip, ChipError, chip_text
from kammerton_sim.command.chip import Made, chip_paths, contradictions, ways
from kammerton_sim.command.options import no_broker, options_parser, pace_told
from kammerton_sim.command.serving import end_at_once, serve_until_stopped, size
from kammerton_sim.command.unfit import unfit
from kammerton_sim.command.written import clashes, put
from kammerton_sim.command_line import (
    UsageError,
    reason,
    refuse,
    told,
)
from kammerton_sim.ctl import main as ctl
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.names import near
from kammerton_sim.ports import consecutive_ports, idle, names_told, port_names, wanted_ports
from kammerton_sim.wire.server import PortInUse, free, twice
from kammerton_sim.write_lab import write_lab

FIRST_PORT = 4881

T = TypeVar("T")


def run(argv: Sequence[str] | None = None) -> int:
    """Run `kammerton sim`; returns the exit code (2: bad chip file or arguments).

    Once it has served a laboratory it ends the process, and does not return.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == ["ctl"]:
        return ctl.run(arguments[1:])
    try:
        return _run(*_understood(arguments))
    except PortInUse as error:
        return _fail(str(error), 1)
    except (ChipError, ValueError) as error:
        return _fail(str(error) + near("".join(arguments[:1]), ["ctl"]), 2)
    except OSError as error:
        return _fail(told(error), 2)


def _understood(
    arguments: Sequence[str],
) -> tuple[argparse.Namespace, Made, dict[str, int], float | None]:
    """Return options, chip, ports and pace; UsageError names everything that is wrong."""
    options, problems = options_parser().read(arguments)
    problems += no_broker(options.broker)
    problems += clashes(options, chip_paths(options))
    problems += [*contradictions(options), *idle(options)]
    each = [_tried(problems, way) for way in ways(options)]
    chips = [made.chip for made in each if made is not None]
    pace = _tried(problems, lambda: pace_told(options.time))
    ports = wanted_ports(options, _named_ports(options, chips, len(each)), problems)
    if options.write_lab:
        problems += [f"--write-lab: {said}" for chip in chips for said in unfit(chip)]
    problems += _taken(options, chips, ports, bool(problems))
    if problems or len(each) != 1 or each[0] is None:
        raise UsageError("\n".join(problems))
    return options, each[0], ports, pace


def _named_ports(
    options: argparse.Namespace, chips: Sequence[Chip], chosen: int
) -> list[list[str]]:
    """Return the names of what has ports of each chip that is chosen; [] where nobody knows."""
    if len(chips) == chosen:
        return [port_names(chip) for chip in chips]
    told = [names_told(path) for path in chip_paths(options)] if chosen == 1 else []
    return [names for names in told if names]


def _taken(
    options: argparse.Namespace, chips: Sequence[Chip], ports: Mapping[str, int], refused: bool
) -> list[str]:
    """Name the ports that two want; where all else is refused also those that are in use."""
    if options.no_serve:
        served = consecutive_ports(chips[0], FIRST_PORT) if len(chips) == 1 else {}
        return twice(served | dict(ports))
    problems = list[str]()
    if refused:
        _tried(problems, lambda: free(ports))
    return problems


def _tried(problems: list[str], what: Callable[[], T]) -> T | None:
    """Return what it says, or None and what was wrong among the problems."""
    try:
        return what()
    except OSError as error:
        problems.append(told(error))
    except (ChipError, PortInUse, ValueError) as error:
        problems.append(str(error))
    return None


def _run(options: argparse.Namespace, made: Made, ports: dict[str, int], pace: float | None) -> int:
    chip = made.chip
    sys.stderr.writelines(f"{said}\n" for said in made.said)
    if options.no_serve and not (options.write_chip or options.write_lab):
        sys.stderr.write(f"{size(chip)}; --write-chip and --write-lab write it\n")
    if options.no_serve:
        _write(chip, options, consecutive_ports(chip, FIRST_PORT) | ports)
        return 0
    # Only who has its ports writes: the files may be those of the laboratory that holds them.
    with Laboratory(chip, ports, pace=pace) as laboratory:
        _write(chip, options, laboratory.ports)
        serve_until_stopped(laboratory, options.until_stdin_closes)
    end_at_once()


def _write(chip: Chip, options: argparse.Namespace, ports: Mapping[str, int]) -> None:
    """Write what is asked for; UsageError names each file that could not be written."""
    texts = {
        "--write-chip": lambda: chip_text(chip),
        "--write-lab": lambda: write_lab(chip, ports, options.seed, options.broker),
    }
    problems = list[str]()
    for option, path in (("--write-chip", options.write_chip), ("--write-lab", options.write_lab)):
        if path is None:
            continue
        try:
            sys.stderr.write(put(path, texts[option]()))
        except OSError as error:
            problems.append(f"{option} {path}: {reason(error)}")
    refuse(problems)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code
