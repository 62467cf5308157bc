"""The simulated laboratory: its site, what goes wrong there, and what a test asks of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kammerton_sim.chip import Chip
from kammerton_sim.chip.hidden import note
from kammerton_sim.control import Control
from kammerton_sim.evidence.questions import Questions
from kammerton_sim.faults import Faults
from kammerton_sim.faults.refusal import require
from kammerton_sim.site import Site
from kammerton_sim.wire.server import PortInUse

if TYPE_CHECKING:
    from kammerton_sim.world import World


class Laboratory(Site):
    """A site with its handles for tests (`faults`, `questions`), served as `control`, too."""

    def __init__(
        self,
        chip: Chip,
        ports: Mapping[str, int] | None = None,
        world: World | None = None,
        pace: float | None = None,
    ) -> None:
        super().__init__(chip, ports, world, pace)
        self.faults, self.questions = Faults(self), Questions(self)
        self._servers.callback(self.faults.close)  # before the servers that it may have closed
        try:
            control = Control(self, self.faults, self.questions, (ports or {}).get("control", 0))
        except PortInUse:
            self.close()
            raise
        self._servers.callback(control.close)
        self.ports |= {"control": control.port}

    def __enter__(self) -> Laboratory:
        self._is_open()
        return self

    def _is_open(self) -> None:
        """Raise FaultError once it is closed: it does not open again."""
        require(not self.closed, "the laboratory is closed: make another one")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ready(self) -> dict[str, Any]:
        """Return the one line that tells a parent process where everything is.

        Raises
        ------
        FaultError
            The laboratory is closed, and nothing is anywhere any more.
        """
        self._is_open()
        ports = dict(self.ports)
        board, control = ports.pop("board"), ports.pop("control")
        return {
            "ready": True,
            "ports": ports,
            "board": board,
            "control": control,
            "pid": os.getpid(),
            "folder": os.getcwd(),
            "note": note(self.chip.seed),
        }
