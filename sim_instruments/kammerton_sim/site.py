"""Where a laboratory stands: a chip, and its instruments on loopback ports."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from kammerton_sim.chip import Chip
from kammerton_sim.coming import Coming
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.faults.knobs import Knobs
from kammerton_sim.faults.refusal import one_of, require
from kammerton_sim.fridge.heating import LineHeat
from kammerton_sim.further import MODELS, Biases, Room, Server, build, pulsers
from kammerton_sim.instruments.ats9360 import Ats9360
from kammerton_sim.instruments.awg5208 import Awg5208, RunState
from kammerton_sim.instruments.lakeshore372 import Lakeshore372
from kammerton_sim.instruments.rig import Rig
from kammerton_sim.instruments.sgs100a import Sgs100a
from kammerton_sim.instruments.triton import Triton
from kammerton_sim.names import own_name
from kammerton_sim.ports import port_names, unknown_ports
from kammerton_sim.wire.hislip import HislipServer
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.lines import LineServer
from kammerton_sim.wire.server import PortInUse, TcpServer, free

if TYPE_CHECKING:
    from kammerton_sim.world import World


class Switched(Protocol):
    """What has a power switch."""

    def power_cycle(self) -> None:
        """Switch off and on."""


class Site:
    """All instruments of a chip, serving from construction to `close()`.

    ports: name -> port on 127.0.0.1 for those of `port_names` that shall not be ephemeral.
    pace: laboratory seconds in a wall second while records come (1: real time); None: as fast
    as they can be made.

    Raises
    ------
    PortInUse
        Given ports are taken; the message names them all.
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
        if unknown := unknown_ports(port_names(chip), wanted):
            raise ValueError(unknown)
        free(wanted)
        self.chip, self.world, self._pace = chip, world or _world(chip), pace
        self.ledger = Ledger(self.world.clock.now)
        self.stop_requested, self.closed = threading.Event(), False
        self.coming, self.knobs = Coming(), Knobs()
        self._build()
        self._servers = ExitStack()
        try:
            self.ports = self._serve(wanted)
        except PortInUse:
            self._servers.close()
            raise

    def close(self) -> None:
        """Stop serving; every connection ends. Its past can be asked for afterwards."""
        self.closed = True
        self._servers.close()

    def outputs(self) -> dict[str, dict[str, Any] | None]:
        """Return every output by name ("awg1.3", "drive_lo.rf"): its levels, None when off."""
        boxes = self.generators | self.sources | self.further
        return {name: level for box in boxes.values() for name, level in box.levels().items()}

    def power_cycle(self, name: str) -> None:
        """Switch an instrument off and on: its settings are the defaults, its sessions end.

        A digitizer goes with the computer that it sits in: it keeps nothing of its own.

        Raises
        ------
        FaultError
            There is no such instrument; the message tells the nearest, and all. Or the
            laboratory is closed.
        """
        require(not self.closed, "the laboratory is closed: nothing can be switched in it")
        name = one_of("instrument", own_name(str(name), self.boards), self.switchable)

        def cycle() -> None:
            if name in self.boards:
                self.ledger.record(name, "all", "power cycle", None, None)
            else:
                self._boxes[name].power_cycle()
            if name in self.settable:
                self.knobs.forget(name, self.settable[name].keeps)

        self.server(name).drop(cycle)

    def server(self, name: str) -> TcpServer:
        """Return what serves an instrument; raises KeyError."""
        return (self.boards[name] if name in self.boards else self.servers[name]).server

    @property
    def settable(self) -> dict[str, ScpiInstrument | Lakeshore372]:
        """Return what has settings, by name."""
        every, kinds = self.generators | self.sources | self.further, (ScpiInstrument, Lakeshore372)
        return {name: box for name, box in every.items() if isinstance(box, kinds)}

    @property
    def switchable(self) -> list[str]:
        """Return the names of everything that has a power switch."""
        return [*self._boxes, *self.boards]

    @property
    def _boxes(self) -> Mapping[str, Switched]:
        further: Mapping[str, Switched] = self.further
        return {**self.generators, **self.sources, "fridge": self.fridge, **further}

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
        self.rig.bias = self.world.bias = Biases(self.further)
        self.rig.pulsers = pulsers(self.further, self.chip.wiring.instruments)
        self._heat = self._line_heat()
        for generator in self.generators.values():
            generator.turned = self._heard
        for source in self.sources.values():
            source.turned = self._heat.pumped if self._heat is not None else source.turned

    @property
    def _models(self) -> dict[str, str]:
        return {name: entry.model for name, entry in self.chip.wiring.instruments.items()}

    def _room(self) -> Room:
        world, clock = self.world, self.world.clock
        return Room(
            ledger=self.ledger,
            now=clock.now,
            passed=clock.advance_to,
            scattering=lambda *asked: world.scattering(*asked),
            refrigerator=world.refrigerator,
            seed=self.chip.seed,
            pace=self._pace,
        )

    def _line_heat(self) -> LineHeat | None:
        wiring, cryostat = self.chip.wiring, self.chip.refrigerator
        lines = [*wiring.drive.values(), *(f.readout for f in self.chip.feedlines)]
        if cryostat is None:
            return None
        return LineHeat(self.world.refrigerator, cryostat, lines, self._pumps)

    def _pumps(self, source: str) -> bool:
        return source in self.sources and self.sources[source].carrier.pumps

    def _state_changed(self, box: Awg5208, before: RunState) -> None:
        self._heard(box)
        self.rig.state_changed(box, before)

    def _heard(self, box: Awg5208) -> None:
        if self._heat is not None:
            self._heat.heard(box.outputs())

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
        port = wanted.get("fridge", 0)
        watch = self.fridge.watch
        self._link("fridge", LineServer("fridge", port, self.fridge.answer, watch=watch))
        served = {name: server.port for name, server in self.servers.items()}
        boards = {name: board.port for name, board in self.boards.items()}
        return served | boards

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
            970_001 + number,
        )
        board.written = partial(self.ledger.record, name, "all", "written", None)
        board.before_buffer = self.coming
        self._servers.callback(board.close)
        return board


def _world(chip: Chip) -> World:
    from kammerton_sim.world import World

    return World(chip)
