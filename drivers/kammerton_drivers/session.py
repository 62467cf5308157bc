"""A session: one QCoDeS instrument on its lane, opened anew after a failure."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from qcodes.instrument import Instrument
from qcodes.instrument.visa import VISA_LOGGER

from kammerton.bench import Lane
from kammerton.model import InstrumentError, KammertonError

I = TypeVar("I", bound=Instrument)  # noqa: E741 - an instrument
T = TypeVar("T")

_numbers = itertools.count(1)

for _name in (VISA_LOGGER, "pyvisa"):  # both log the traceback of a failure that they then raise
    logging.getLogger(_name).addFilter(lambda record: record.exc_info is None)

DEADLINE = 15.0
"""s for one call; the driver's own timeout (5 s) should come first, this is for what hangs."""


class Session(Generic[I]):
    """Calls functions of a QCoDeS instrument in the lane that owns it.

    Whatever a driver raises becomes an InstrumentError that names instrument, address and action.
    After a failure nobody knows what the next answer belongs to, so the session is closed and the
    next call opens a new one. `open` gets a QCoDeS name that is unique in the process, and must
    change no output.
    """

    def __init__(self, name: str, address: str, open: Callable[[str], I]) -> None:
        self.name, self.address = name, address
        self._open = open
        self._lane = Lane(name)
        self._instrument: I | None = None

    def connect(self) -> None:
        """Open the session now, blocking; when that fails, no thread is left behind."""
        try:
            with self._named("connect"):
                self._lane.call(self._opened, timeout=DEADLINE)
        except BaseException:
            self._lane.close()
            raise

    async def do(
        self, action: str, fn: Callable[[I], T], *, deadline: float | None = DEADLINE
    ) -> T:
        """Return fn(instrument), called in the lane within `deadline` s.

        Raises
        ------
        InstrumentError
            Names the instrument, its address, the action and the cause.
        """
        if self._lane.poisoned:
            self._instrument = None  # the call that hangs still holds it
            self._lane.rebuild()
        with self._named(action):
            return await self._lane.run(self._perform, fn, timeout=deadline)

    async def close(self) -> None:
        """Close the session and end the lane; outputs stay as they are."""
        try:
            if not self._lane.poisoned:
                await self._lane.run(self._discard, timeout=DEADLINE)
        finally:
            self._lane.close()

    def _opened(self) -> I:
        if self._instrument is None:
            self._instrument = self._open(f"{self.name}_{next(_numbers)}")
        return self._instrument

    def _perform(self, fn: Callable[[I], T]) -> T:
        instrument = self._opened()
        try:
            return fn(instrument)
        except KammertonError:
            raise  # said by the adapter itself: the session is sound
        except Exception:
            if self._instrument is instrument:
                self._instrument = None
            raise
        finally:
            if self._instrument is not instrument:  # it failed, or was left behind while it hung
                _close(instrument)

    def _discard(self) -> None:
        instrument, self._instrument = self._instrument, None
        if instrument is not None:
            _close(instrument)

    @contextlib.contextmanager
    def _named(self, action: str) -> Iterator[None]:
        try:
            yield
        except KammertonError:
            raise
        except Exception as error:
            cause = " ".join(str(part) for part in error.args) or repr(error)
            raise InstrumentError(f"{self.name} ({self.address}): {action}: {cause}") from error


def _close(instrument: Instrument) -> None:
    with contextlib.suppress(Exception):  # a dead session may fail to close in any way
        instrument.close()
