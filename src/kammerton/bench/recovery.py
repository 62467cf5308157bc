"""After a failure: what failed is found, verified off and set up anew; no other is touched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from kammerton.bench.gate import Gate
from kammerton.model import Held, InstrumentError, LastingFault
from kammerton.model.roles import Digitizer, FridgeMonitor, Instrument

ANSWER = 20.0
"""s for an instrument to say who it is, the reopening of its session included."""

Configure = Callable[[Instrument], Coroutine[Any, Any, None]]


class Recovery:
    """Brings instruments back. `configure` sets one up anew; its outputs are off then.

    When the failure does not say which instrument it was, all are verified.
    """

    def __init__(
        self, instruments: Mapping[str, Instrument], gate: Gate, configure: Configure
    ) -> None:
        self._instruments = {
            name: each for name, each in instruments.items() if not isinstance(each, FridgeMonitor)
        }
        self._gate, self._configure = gate, configure
        self._suspects: set[str] = set()
        self._tries = 0
        self._lasting: LastingFault | None = None

    async def restore(self, failure: InstrumentError) -> frozenset[str]:
        """Try once; return the instruments that were set up anew.

        All are asked who they are, which disturbs none. From the second try in vain on nobody
        knows how long it will take: then all other outputs are switched off too.

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
        """Return who does not answer, or answers as somebody else, and what is wrong."""
        same = self._gate.guard.boxes.same
        return await self._each(self._instruments, lambda name: same(name, self._instruments[name]))

    async def _settled(self, names: set[str]) -> dict[str, str]:
        return await self._each(names, self._set_up)

    async def _set_up(self, name: str) -> None:
        instrument = self._instruments[name]
        if not isinstance(instrument, Digitizer):
            await self._gate.verify(name, "recovery")
        await self._configure(instrument)

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
