"""After a failure: what failed is found, verified off and set up anew, and what failed with it.

Where one has lost its power, or its connection, others in the same rack may have, too: all are
asked how they are set. Who is as it was left is not touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from kammerton.bench.gate import Gate
from kammerton.bench.readback import ReadBack
from kammerton.model import Held, InstrumentError, LastingFault, SettingsChanged
from kammerton.model.roles import (
    BiasSource,
    Digitizer,
    Doubted,
    FridgeMonitor,
    Instrument,
    MicrowaveSource,
    WaveformGenerator,
)

ANSWER = 20.0
"""s for an instrument to say who it is, the reopening of its session included."""

Configure = Callable[[Instrument], Coroutine[Any, Any, None]]


class Recovery:
    """Brings instruments back. `configure` sets one up anew; its outputs are off then.

    read_back: knows how each was left.

    When the failure does not say which instrument it was, all are verified.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        gate: Gate,
        read_back: ReadBack,
        configure: Configure,
    ) -> None:
        self._instruments = {
            name: each for name, each in instruments.items() if not isinstance(each, FridgeMonitor)
        }
        self._gate, self._read_back, self._configure = gate, read_back, configure
        self._suspects: set[str] = set()
        self._tries = 0
        self._lasting: LastingFault | None = None

    async def restore(self, failure: InstrumentError) -> frozenset[str]:
        """Try once; return the instruments that were set up anew.

        All are asked who they are and how they are set, which disturbs none. From the second try in
        vain on nobody knows how long it will take: then all other outputs are switched off too.

        Raises
        ------
        LastingFault
            One says what a person has to see to, whatever the others do.
        InstrumentError
            Names every instrument that is still away or not known to be off.
        """
        self._lasting = None
        known = failure.instrument in self._instruments
        self._suspects |= {str(failure.instrument)} if known else set(self._instruments)
        missing = await self._missing()
        self._suspects |= missing.keys()
        if missing:
            self._tries += 1
            if self._tries == 2:
                self._suspects |= set(self._instruments)
        others = self._instruments.keys() - self._suspects
        missing |= await self._each(others, self._look)
        self._suspects |= missing.keys()
        missing |= await self._settled(self._suspects - missing.keys())
        restored = frozenset(self._suspects - missing.keys())
        self._suspects = set(missing)
        if self._lasting is not None:
            raise self._lasting
        if missing:
            one = next(iter(missing)) if len(missing) == 1 else None
            raise InstrumentError("\n".join(missing.values()), instrument=one)
        self._tries = 0
        return restored

    async def _missing(self) -> dict[str, str]:
        """Return who does not answer, or answers as somebody else, and what is wrong.

        A person may have pulled the plug of what is kept; but where a bias is all have to know.
        """
        same, found = self._gate.guard.boxes.same, self._instruments
        asked = [n for n, i in found.items() if isinstance(i, BiasSource) or not self._kept(n)]
        return await self._each(asked, lambda name: same(name, found[name]))

    async def _look(self, name: str) -> None:
        """Suspect an instrument that is not as it was left, or whose connection was lost."""
        instrument = self._instruments[name]
        if isinstance(instrument, BiasSource):
            try:
                await self._gate.biases.as_left(name)
            except SettingsChanged:  # noted, and drive pauses: where it is counts as meant
                self._read_back.lost.add(name)
        if not isinstance(instrument, MicrowaveSource | WaveformGenerator) or self._kept(name):
            return
        cut = isinstance(instrument, Doubted) and instrument.doubt is not None
        trip, before = self._gate.trip, self._gate.trip.is_set()
        commanded, moot = self._gate.commanded(name), lambda: trip.is_set() != before
        if not await self._read_back.as_left(name, commanded, moot) or cut:
            self._suspects.add(name)

    async def _settled(self, names: set[str]) -> dict[str, str]:
        """Verify all off, and only then set up those that are."""
        on = await self._each(names, self._off)
        return on | await self._each(names - on.keys(), self._set_up)

    async def _off(self, name: str) -> None:
        if not isinstance(self._instruments[name], Digitizer) and not self._kept(name):
            await self._gate.verify(name, "recovery")

    async def _set_up(self, name: str) -> None:
        if not self._kept(name):
            await self._configure(self._instruments[name])

    def _kept(self, name: str) -> bool:
        """Say whether a person has this with the qubit that it belongs to: it is left alone."""
        return self._gate.guard.keeper(name) is not None

    async def _each(
        self, names: Iterable[str], act: Callable[[str], Coroutine[Any, Any, None]]
    ) -> dict[str, str]:
        async def attempt(name: str) -> str | None:
            try:
                async with asyncio.timeout(ANSWER):
                    await act(name)
            except (InstrumentError, Held) as error:
                self._lasting = error if isinstance(error, LastingFault) else self._lasting
                return str(error)
            except TimeoutError:
                return f"{name} does not answer within {ANSWER:g} s"
            return None

        ordered = sorted(names)
        found = await asyncio.gather(*(attempt(name) for name in ordered))
        return {name: text for name, text in zip(ordered, found, strict=True) if text}
