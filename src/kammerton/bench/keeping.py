"""What a person has with the qubit that it belongs to: left alone, and set up anew afterwards."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from kammerton.bench.gate import Gate
from kammerton.model.roles import Instrument

SetUp = Callable[[Instrument], Coroutine[Any, Any, None]]


class Keeping:
    """Knows which instruments a hold of the qubit that they belong to keeps, or kept until now.

    set_up: sets one up that is off, and has its settings read anew.
    """

    def __init__(self, instruments: Mapping[str, Instrument], gate: Gate, set_up: SetUp) -> None:
        self._instruments, self._gate, self._set_up = instruments, gate, set_up
        self._kept = set[str]()

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def look(self) -> set[str]:
        """Return what is kept now."""
        now = self._gate.guard.kept(self._instruments)
        self._kept |= now
        return now

    async def look_for_given_back(self) -> None:
        """Switch off and set up anew what is kept no more: its person may have turned anything.

        Raises
        ------
        InstrumentError
            One is not known to be off; it counts as kept until it is.
        """
        for name in sorted(self._kept - self.look()):
            await self._gate.verify(name, "given back with its qubit")
            await self._set_up(self._instruments[name])
            self._kept.discard(name)
