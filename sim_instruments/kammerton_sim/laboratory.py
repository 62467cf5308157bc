"""The simulated laboratory: a chip, its instruments on loopback ports, one process."""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from kammerton_sim.chip import Chip, ChipError, random_chip, read_chip, write_chip
from kammerton_sim.control import Control
from kammerton_sim.faults import Faults
from kammerton_sim.fridge.heating import LineHeat
from kammerton_sim.further import MODELS, Device, Room, Server, build
from kammerton_sim.instruments.ats9360 import Ats9360
from kammerton_sim.instruments.awg5208 import Awg5208, RunState
from kammerton_sim.instruments.rig import Rig
from kammerton_sim.instruments.sgs100a import Sgs100a
from kammerton_sim.instruments.triton import Triton
from kammerton_sim.ledger import Ledger
from kammerton_sim.wire.hislip import HislipServer
from kammerton_sim.wire.lines import LineServer
from kammerton_sim.wire.server import PortInUse
from kammerton_sim.write_lab import write_lab

if TYPE_CHECKING:
    from kammerton_sim.world import World

FIRST_PORT = 4881


_FIXED = "fridge", "control"


def port_names(chip: Chip) -> list[str]:
    """Return the names of everything that has a port, in the order of consecutive ports."""
    boards = (feedline.board for feedline in chip.feedlines)
    return [
        *chip.wiring.generators,
        *chip.wiring.carriers,
        *boards,
        *_FIXED,
        *chip.wiring.instruments,
    ]


def consecutive_ports(chip: Chip, first: int) -> dict[str, int]:
    """Return ports first, first + 1, ... by name."""
    return {name: first + n for n, name in enumerate(port_names(chip))}


class Laboratory:
    """All instruments of a chip, serving from construction to `close()`.

    ports: name -> port on 127.0.0.1 for those of `port_names` that shall not be ephemeral.
    pace: laboratory seconds in a wall second while records come (1: real time); None: as fast
    as they can be made.

    Raises
    ------
    PortInUse
        A given port is taken; the message names it.
    ValueError
        `ports` names something that the laboratory does not have.
    """

    def __init__(
        self,
        chip: Chip,
        ports: Mapping[str, int] | None = None,
        world: World | None = None,
        pace: float | None = None,
    ) -> None:
        wanted = dict(ports or {})
        if unknown := set(wanted) - set(port_names(chip)):
            names = ", ".join(port_names(chip))
            raise ValueError(f"no instrument {', '.join(sorted(unknown))}; there are {names}")
        self.chip, self.world, self._pace = chip, world or _world(chip), pace
        self.ledger = Ledger(self.world.clock.now)
        self.stop_requested = threading.Event()
        self._build()
        self._servers = ExitStack()
        try:
            self.ports = self._serve(wanted)
        except PortInUse:
            self._servers.close()
            raise

    def __enter__(self) -> Laboratory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; every connection ends."""
        self._servers.close()

    def outputs(self) -> dict[str, dict[str, Any] | None]:
        """Return every output by name ("awg1.3", "drive_lo.rf"): its levels, None when off."""
        boxes = self.generators | self.sources | self.further
        return {name: level for box in boxes.values() for name, level in box.levels().items()}

    def power_cycle(self, name: str) -> None:
        """Switch an instrument off and on: its settings are the defaults, its sessions end.

        Raises
        ------
        KeyError
            There is no such instrument, or it has no switch.
        """
        boxes: Mapping[str, Device] = self.generators | self.sources | self.further
        boxes[name].power_cycle()
        self.servers[name].server.drop()

    def ready(self) -> dict[str, Any]:
        """Return the one line that tells a parent process where everything is."""
        ports = dict(self.ports)
        board, control = ports.pop("board"), ports.pop("control")
        return {
            "ready": True,
            "ports": ports,
            "board": board,
            "control": control,
            "pid": os.getpid(),
        }

    def _build(self) -> None:
        wiring, rng = self.chip.wiring, random.Random(self.chip.seed)
        self.sources = {
            name: Sgs100a(name, self.ledger, 100_001 + n, rng.gauss(0, 2e-8))
            for n, name in enumerate(wiring.carriers)
        }
        triggers = [feedline.trigger for feedline in self.chip.feedlines]
        self.rig = Rig(self.world, self.ledger, self.sources, wiring.go, triggers, self.chip.seed)
        self.generators = {
            name: Awg5208(name, self.ledger, 1 + n, self._state_changed)
            for n, name in enumerate(wiring.generators)
        }
        self.rig.connect(self.generators)
        self.fridge = Triton("fridge", self.ledger, self.world.refrigerator, self.chip.seed)
        self.further = build(self._models, self._room())
        self._heat = self._line_heat()

    @property
    def _models(self) -> dict[str, str]:
        return {name: entry.model for name, entry in self.chip.wiring.instruments.items()}

    def _room(self) -> Room:
        world = self.world
        return Room(self.ledger, world.clock.now, world.refrigerator, self.chip.seed)

    def _line_heat(self) -> LineHeat | None:
        wiring, cryostat = self.chip.wiring, self.chip.refrigerator
        lines = [*wiring.drive.values(), *(f.readout for f in self.chip.feedlines)]
        if cryostat is None:
            return None
        return LineHeat(self.world.refrigerator, cryostat, lines, self._pumps)

    def _pumps(self, source: str) -> bool:
        return source in self.sources and self.sources[source].carrier.pumps

    def _state_changed(self, box: Awg5208, before: RunState) -> None:
        if self._heat is not None:
            self._heat.heard(box.outputs())
        self.rig.state_changed(box, before)

    def _serve(self, wanted: Mapping[str, int]) -> dict[str, int]:
        self.servers: dict[str, Server] = {}
        for name, device in (self.generators | self.sources).items():
            self._link(name, HislipServer(device, wanted.get(name, 0)))
        for name, model in self._models.items():
            self._link(name, MODELS[model].serve(self.further[name], wanted.get(name, 0)))
        self.boards = {
            feedline.board: self._board(n, wanted) for n, feedline in enumerate(self.chip.feedlines)
        }
        self.board = self.boards["board"]
        self.faults = Faults(self)
        self._servers.callback(self.faults.close)
        port = wanted.get("fridge", 0)
        watch = self.fridge.watch
        self._link("fridge", LineServer("fridge", port, self.fridge.answer, watch=watch))
        control = Control(self, wanted.get("control", 0))
        self._servers.callback(control.close)
        served = {name: server.port for name, server in self.servers.items()}
        boards = {name: board.port for name, board in self.boards.items()}
        return served | boards | {"control": control.port}

    def _link(self, name: str, server: Server) -> None:
        self._servers.callback(server.close)
        self.servers[name] = server

    def _board(self, number: int, wanted: Mapping[str, int]) -> Ats9360:
        name, clock = self.chip.feedlines[number].board, self.world.clock
        board = Ats9360(
            self.rig.taps[number],
            clock.now,
            clock.advance_to,
            self.chip.seed + number,
            wanted.get(name, 0),
            name,
            self._pace,
        )
        self._servers.callback(board.close)
        return board


def _world(chip: Chip) -> World:
    from kammerton_sim.world import World

    return World(chip)


# ---------------------------------------------------------------- command line


def main(argv: Sequence[str] | None = None) -> int:
    """Run `kammerton sim`; returns the exit code (2: bad chip file or arguments)."""
    options = _parser().parse_args(argv)
    try:
        chip = (
            read_chip(options.chip) if options.chip else random_chip(options.qubits, options.seed)
        )
        ports = _ports(chip, options)
        if options.write_chip:
            write_chip(chip, options.write_chip)
        if options.no_serve:
            _write_lab(chip, options, consecutive_ports(chip, FIRST_PORT) | ports)
            return 0
        with Laboratory(chip, ports, pace=_pace(options.time)) as laboratory:
            _write_lab(chip, options, laboratory.ports)
            _serve_until_stopped(laboratory, options.until_stdin_closes)
    except (ChipError, ValueError, OSError) as error:
        return _fail(str(error), 2)
    except PortInUse as error:
        return _fail(str(error), 1)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kammerton sim", description="A simulated laboratory.")
    parser.add_argument("chip", nargs="?", type=Path, metavar="CHIP.toml")
    parser.add_argument("--qubits", type=int, default=5, help="of a random chip (1 to 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write-chip", type=Path, metavar="PATH")
    parser.add_argument("--write-lab", type=Path, metavar="PATH")
    parser.add_argument("--broker", default="mqtt://127.0.0.1:1883", help="URL for --write-lab")
    parser.add_argument("--no-serve", action="store_true", help="only write files")
    parser.add_argument("--base-port", type=int, metavar="N", help="consecutive ports from N on")
    parser.add_argument("--port", action="append", default=[], metavar="NAME=N")
    parser.add_argument("--until-stdin-closes", action="store_true")
    parser.add_argument("--time", default="fast", metavar="fast|real|FACTOR")
    return parser


def _ports(chip: Chip, options: argparse.Namespace) -> dict[str, int]:
    ports = consecutive_ports(chip, options.base_port) if options.base_port else {}
    for text in options.port:
        name, _, number = text.partition("=")
        if not number.isdigit() or not 0 < int(number) < 65536:
            raise ValueError(f"--port {text}: write NAME=PORT, e.g. awg1=4881")
        ports[name] = int(number)
    return ports


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


def _write_lab(chip: Chip, options: argparse.Namespace, ports: Mapping[str, int]) -> None:
    if options.write_lab:
        text = write_lab(chip, ports, options.seed, options.broker)
        options.write_lab.write_text(text, encoding="utf-8")


def _serve_until_stopped(laboratory: Laboratory, until_stdin_closes: bool) -> None:
    stop = laboratory.stop_requested
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_watch, args=(sys.stdin, stop), daemon=True).start()
    threading.Thread(target=_warm, name="warm", daemon=True).start()
    sys.stderr.write(_table(laboratory))
    sys.stdout.write(json.dumps(laboratory.ready()) + "\n")
    sys.stdout.flush()
    stop.wait()


def _warm() -> None:
    """Compile the kernels while the parent still starts."""
    from kammerton_sim.world import warm

    warm()


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
    return "\n".join((f"{chip.name}: {len(chip.qubits)} qubits", *lines, ""))


def _fail(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code
