"""`kammerton sim`: the command line of the simulated laboratory."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

from kammerton_sim import ctl
from kammerton_sim.chip import Chip, ChipError, chip_text
from kammerton_sim.chip.hidden import note
from kammerton_sim.command_chip import Made, add_chip_options, chip_paths, contradictions, ways
from kammerton_sim.command_line import (
    PORT,
    WHOLE,
    Parser,
    UsageError,
    reason,
    refuse,
    told,
)
from kammerton_sim.further import MODELS
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.names import near
from kammerton_sim.ports import consecutive_ports, idle, names_told, port_names, wanted_ports
from kammerton_sim.running import announced, found, which
from kammerton_sim.unfit import unfit
from kammerton_sim.wire.server import PortInUse, free, twice
from kammerton_sim.write_lab import write_lab
from kammerton_sim.written import clashes, put

FIRST_PORT = 4881

_BROKER = re.compile(r"mqtts?://(?:[^/:@?#\s\"]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?/?")

T = TypeVar("T")


def run(argv: Sequence[str] | None = None) -> int:
    """Run `kammerton sim`; returns the exit code (2: bad chip file or arguments)."""
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
    options, problems = _parser().read(arguments)
    problems += _no_broker(options.broker)
    problems += clashes(options, chip_paths(options))
    problems += [*contradictions(options), *idle(options)]
    each = [_tried(problems, way) for way in ways(options)]
    chips = [made.chip for made in each if made is not None]
    pace = _tried(problems, lambda: _pace(options.time))
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
        sys.stderr.write(f"{_size(chip)}; --write-chip and --write-lab write it\n")
    if options.no_serve:
        _write(chip, options, consecutive_ports(chip, FIRST_PORT) | ports)
        return 0
    # Only who has its ports writes: the files may be those of the laboratory that holds them.
    with Laboratory(chip, ports, pace=pace) as laboratory:
        _write(chip, options, laboratory.ports)
        _serve_until_stopped(laboratory, options.until_stdin_closes)
    return 0


def _parser() -> Parser:
    parser = Parser(
        "kammerton sim",
        allow_abbrev=False,
        description="Serve simulated instruments on loopback ports until Ctrl-C. One JSON line on "
        "stdout tells the ports when everything is ready.",
        epilog="`kammerton sim ctl --help`: ask a running laboratory, and put faults on it.",
    )
    add_chip_options(parser)
    parser.add_argument(
        "--seed",
        metavar="S",
        type=WHOLE,
        default=1,
        help="seed of what is drawn of the chip, and of the design values (default: 1)",
    )
    parser.add_argument(
        "--write-chip", type=Path, metavar="PATH", help="write the chip.toml (its truth)"
    )
    parser.add_argument(
        "--write-lab", type=Path, metavar="PATH", help="write a lab.toml (design, never truth)"
    )
    parser.add_argument(
        "--broker",
        metavar="URL",
        default="mqtt://127.0.0.1:1883",
        help="what that lab.toml names (default: mqtt://127.0.0.1:1883)",
    )
    _add_serving_options(parser)
    return parser


def _add_serving_options(parser: Parser) -> None:
    """Declare whether and how the chip is served."""
    parser.add_argument("--no-serve", action="store_true", help="serve nothing, only write files")
    parser.add_argument(
        "--base-port", type=PORT, metavar="N", help="serve on consecutive ports from N on"
    )
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="NAME=N",
        help="serve this instrument on port N; may be given again and again",
    )
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="stop when stdin ends, as it does with the parent process",
    )
    parser.add_argument(
        "--time",
        default="fast",
        metavar="fast|real|FACTOR",
        help="how fast records come: as fast as they can be made (default), as from real boxes, "
        "or so many times faster than that",
    )


def _no_broker(url: str) -> list[str]:
    """Return what is wrong with a broker's URL that lab.toml shall name, if anything is."""
    fits = _BROKER.fullmatch(url)
    if fits and int(fits[1] or 1) in range(1, 65536):
        return []
    return [f"--broker {url}: write mqtt://HOST:PORT or mqtts://HOST:PORT"]


def _pace(text: str) -> float | None:
    """Seconds of instrument time in a wall second; None: as fast as possible."""
    if text in ("fast", "real"):
        return None if text == "fast" else 1.0
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < math.inf:
        raise ValueError(f"--time {text}: write fast, real, or a factor above 0")
    return pace


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


def _serve_until_stopped(laboratory: Laboratory, until_stdin_closes: bool) -> None:
    stop = laboratory.stop_requested
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_watch, args=(sys.stdin, stop), daemon=True).start()
    _warm(bool(laboratory.chip.couplings), None if until_stdin_closes else stop)
    sys.stderr.write(_table(laboratory))
    sys.stderr.write(_beside_others(laboratory))
    with announced(laboratory.chip.name, laboratory.ports["control"]):
        sys.stdout.write(json.dumps(laboratory.ready()) + "\n")
        sys.stdout.flush()
        stop.wait()


def _warm(coupled: bool, stop: threading.Event | None) -> None:
    """Compile the kernels; where they are not on the disk yet, be ready only then.

    stop: ends the waiting; None where whoever began the laboratory starts meanwhile, too.
    """
    from kammerton_sim.world import compiled, warm

    warming = threading.Thread(target=warm, args=(coupled,), name="warm", daemon=True)
    before = compiled()
    warming.start()
    if stop is not None and not before:
        sys.stderr.write("numerical kernels are compiled, once: a minute or two\n")
        while warming.is_alive() and not stop.wait(0.1):
            pass


def _watch(stream: TextIO, stop: threading.Event) -> None:
    while stream.read(4096):
        pass
    stop.set()


def _table(laboratory: Laboratory) -> str:
    chip, ports = laboratory.chip, laboratory.ports
    rows = [("instrument", "what", "address")]
    visa = {
        **dict.fromkeys(laboratory.generators, "AWG5208"),
        **dict.fromkeys(laboratory.sources, "SGS100A"),
    }
    rows += [(n, what, f"TCPIP0::127.0.0.1::hislip0,{ports[n]}::INSTR") for n, what in visa.items()]
    for name, entry in chip.wiring.instruments.items():
        model = MODELS[entry.model]
        rows.append((name, model.what, model.address.format(port=ports[name])))
    rows += [(name, "ATS9360", f"sim://127.0.0.1:{ports[name]}") for name in laboratory.boards]
    rows.append(("fridge", "Triton", f"tcp://127.0.0.1:{ports['fridge']}"))
    rows.append(("control", "truth, ledger", f"127.0.0.1:{ports['control']}, JSON lines"))
    lines = [f"  {a:<12} {b:<14} {c}" for a, b, c in rows]
    return "\n".join((f"{_size(chip)}, {note(chip.seed)}", *lines, ""))


def _size(chip: Chip) -> str:
    count = len(chip.qubits)
    return f"{chip.name}: {count} qubit{'' if count == 1 else 's'}"


def _beside_others(laboratory: Laboratory) -> str:
    """Say which laboratory this is, and how it is chosen where others run."""
    chip, control = laboratory.chip.name, laboratory.ports["control"]
    lines = [f"this is {which(chip, control, os.getpid(), os.getcwd())}"]
    lines += [f"beside it runs {which(**vars(each))}" for each in found()]
    if lines[1:]:
        lines.append(f"`kammerton sim ctl --control {control}` asks this one")
    return "\n".join((*lines, ""))


def _fail(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code
