"""Between runs: from time to time the instruments are asked how they are set.

Who is not used for hours is found all the same when somebody was at it, or its power was lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kammerton.loop.runner import Acquires
from kammerton.model import InstrumentError

EVERY = 30.0
"""s between two looks. One takes some ten questions an instrument, all instruments at once."""

BETWEEN = "found between two runs"

WELL = "every generator, source and bias answers and is set as it was left"


@dataclass
class Looks:
    """Knows when to look next; the first time `EVERY` s after the bench was set up.

    well: called after each look that found nothing wrong.
    """

    bench: Acquires
    monotonic: Callable[[], float] = time.monotonic
    well: Callable[[], object] = bool
    _due: float = field(init=False)

    def __post_init__(self) -> None:
        self._due = self.monotonic() + EVERY

    async def when_due(self) -> InstrumentError | None:
        """Look, if it is time; return what is wrong, or None."""
        if self.monotonic() < self._due:
            return None
        try:
            if await self.bench.look():
                self.well()
        except InstrumentError as failure:
            return failure
        finally:
            self._due = self.monotonic() + EVERY
        return None
