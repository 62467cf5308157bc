"""Alazar ATS9360 as a digitizer, over the upstream QCoDeS driver.

The board streams every record in NPT mode; samples are 12 bits in the upper bits of uint16,
offset binary (ATS-SDK guide), so the upstream `signal_to_volt`, which is made for 8 bits, is not
used. A simulated board is an object in place of the DLL wrapper, found by the address's scheme.
"""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import re
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from importlib.metadata import entry_points
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from qcodes.instrument_drivers.AlazarTech import AlazarTechATS9360
from qcodes.instrument_drivers.AlazarTech.ATS import AcquisitionController, AcquisitionInterface

from kammerton.bench import NoTriggers
from kammerton.bench.tasks import settled
from kammerton.model import InstrumentError, LastingFault
from kammerton.model.roles import BufferSink, Capture, Identity
from kammerton.model.setup import Setting, sets_up
from kammerton_drivers.queue import REFERENCE
from kammerton_drivers.session import Session
from kammerton_drivers.setup import put

BOARDS = "kammerton.alazar_api"
"""Entry-point group: scheme of an address -> factory of an object that stands for the DLL."""

LIBRARY = r"C:\WINDOWS\System32\ATSApi.dll" if sys.platform == "win32" else "libATSApi.so"
"""The vendor's library, as its driver installs it; upstream knows that of Windows alone."""

ALLOCATED = 4
"""Buffers that the board fills in turn."""

CLOSE = 2.0
"""s that a call under way gets when the session is closed: it has no outputs, and was aborted."""

START_DEADLINE = 30.0
"""s for the generators to start once the board listens."""


def setup(sample_rate: float) -> tuple[Setting, ...]:
    """Return what `configure` sets."""
    return (
        Setting("clock_source", "EXTERNAL_CLOCK_10MHz_REF"),
        Setting("external_sample_rate", round(sample_rate), "Hz"),
        Setting("decimation", 1),
        Setting("trigger_source1", "EXTERNAL"),
        Setting("trigger_source2", "DISABLE"),
        Setting("external_trigger_range", "ETR_TTL"),
        Setting("timeout_ticks", 0),
    )


@sets_up(setup)
def connect(name: str, address: str) -> Ats9360:
    """Connect to a board: "ats://system/board", or a scheme of `kammerton.alazar_api`.

    Raises
    ------
    InstrumentError
        No such board, or nothing is installed for the address's scheme.
    """
    digitizer = Ats9360(name, address, _api_factory(name, address))
    digitizer.session.connect()
    return digitizer


class Memory(Protocol):
    """A posted buffer: its address, size in bytes and the samples in it."""

    addr: int
    size_bytes: int
    buffer: NDArray[Any]

    def free_mem(self) -> None:
        """Give the memory back."""


class Ats9360:
    """A Digitizer. 0.4 V range, DC, 50 ohm, both channels; trigger on the external TTL input."""

    volts_per_code = 0.4 / 32768
    zero_code = 32768
    granularity = 128

    def __init__(self, name: str, address: str, board: BoardFactory) -> None:
        self.name = name
        self._sample_rate: float | None = None
        self._board = board
        self.session = Session(name, address, self._opened, _identity)

    async def identity(self) -> Identity:
        """Ask the board for model, serial number and firmware."""
        return await self.session.identity()

    async def configure(self, sample_rate: float) -> None:
        """Lock to the external 10 MHz and set rate, range and trigger.

        Raises
        ------
        LastingFault
            The board says that its clock cannot lock; asked for nothing, it does not say so.
        """
        self._sample_rate = sample_rate
        await self.session.do("configure", lambda board: _configured(board, self.name, sample_rate))

    async def acquire(
        self, capture: Capture, armed: Callable[[], Awaitable[None]], sink: BufferSink
    ) -> None:
        """Arm, await `armed()`, then hand every buffer to `sink` in the board's thread.

        When cancelled, the acquisition is aborted at the next buffer (or when the wait for one
        times out), and the cancellation passes once it has ended.

        Raises
        ------
        NoTriggers
            A buffer was not filled within `capture.timeout`.
        LastingFault
            The board says that its clock is not locked.
        InstrumentError
            The board or `armed` failed.
        """
        stream = _Stream(self.name, capture, armed, sink, asyncio.get_running_loop())
        work = asyncio.ensure_future(
            self.session.do("acquire", lambda board: _acquired(board, stream), deadline=None)
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            stream.abort()
            try:
                await asyncio.wait({work}, timeout=capture.timeout + 5)
            finally:
                await settled(work)  # expected: the abort itself; or nobody waits any longer
            raise

    async def safe(self) -> None:
        """Do nothing: a digitizer has no outputs."""

    async def close(self) -> None:
        """Close the session; a call that hangs in the board's library is not waited for long."""
        await self.session.close(within=CLOSE)

    def _opened(self, label: str) -> Board:
        board = self._board(label)
        if self._sample_rate is not None:  # opened anew after a failure
            try:
                _configured(board, self.name, self._sample_rate)
            except BaseException:
                board.close()
                raise
        return board


class Board(AlazarTechATS9360):
    """The upstream driver with buffers that stay alive: on Linux its own frees what it posts."""

    def allocate_and_post_buffer(self, sample_type: Any, n_bytes: int) -> Any:
        """Post memory of the api object where it offers some, else whole pages of our own."""
        memory: Memory = getattr(self.api, "memory", _Pages)(sample_type, n_bytes)
        self.api.post_async_buffer(self._handle, ctypes.c_void_p(memory.addr), memory.size_bytes)
        return memory

    def close(self) -> None:
        """Close the driver, and the api object where it can be closed."""
        api = getattr(self, "api", None)  # upstream's close strips the instrument
        super().close()
        getattr(api, "close", lambda: None)()


BoardFactory = Callable[[str], Board]


class _Pages:
    """A page-aligned buffer, as a board that writes by DMA needs it."""

    def __init__(self, sample_type: Any, size: int) -> None:
        self.size_bytes = size
        self._pages = mmap.mmap(-1, size)
        self.buffer: NDArray[Any] = np.frombuffer(self._pages, sample_type)
        self.addr = self.buffer.ctypes.data

    def free_mem(self) -> None:
        """Nothing to do: the pages go when the last array over them does."""


class _Stream(AcquisitionInterface[None]):
    """Passes one acquisition's buffers on; all but the start runs in the board's thread."""

    def __init__(
        self,
        name: str,
        capture: Capture,
        armed: Callable[[], Awaitable[None]],
        sink: BufferSink,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.name, self.capture = name, capture
        self._armed, self._sink, self._loop = armed, sink, loop
        self._starting: asyncio.Task[None] | None = None
        self._aborted = False
        self.done = 0

    def abort(self) -> None:
        """End at the next opportunity; called in the event loop."""
        self._aborted = True
        if self._starting is not None:
            self._starting.cancel()

    def pre_acquire(self) -> None:
        """Start the generators, now that the board listens."""
        starting = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        try:
            starting.result(START_DEADLINE)
        except (TimeoutError, CancelledError):
            starting.cancel()
            self._check()
            raise InstrumentError(
                f"{self.name}: the generators did not start within {START_DEADLINE:g} s"
            ) from None

    def buffer_done_callback(self, buffers_completed: int) -> None:
        """Notice an abort; count."""
        self._check()
        self.done = buffers_completed + 1

    def handle_buffer(self, buffer: NDArray[Any], buffer_number: int | None = None) -> None:
        """Split a buffer into its channels: all of A lies before all of B."""
        self._check()
        a, b = buffer.reshape(2, self.capture.records_per_buffer, self.capture.samples)
        self._sink(a, b, cast("int", buffer_number))

    def post_acquire(self) -> None:
        """Everything went to the sink."""

    async def _start(self) -> None:
        """Runs in the event loop, as `abort` does: neither can miss the other."""
        self._starting = asyncio.current_task()
        self._check()
        await self._armed()

    def _check(self) -> None:
        if self._aborted:
            raise InstrumentError(f"{self.name}: the acquisition was aborted")


def _identity(board: Board) -> Identity:
    told = board.get_idn()
    return Identity(*(str(told[key]) for key in ("vendor", "model", "serial", "firmware")))


def _acquired(board: Board, stream: _Stream) -> None:
    """Run one acquisition, blocking."""
    capture = stream.capture
    try:
        board.acquire(
            mode="NPT",
            samples_per_record=capture.samples,
            records_per_buffer=capture.records_per_buffer,
            buffers_per_acquisition=capture.buffers,
            channel_selection="AB",
            allocated_buffers=min(ALLOCATED, capture.buffers),
            buffer_timeout=round(1e3 * capture.timeout),
            acquisition_controller=cast("AcquisitionController[None]", stream),
        )
    except RuntimeError as error:
        _demand_lock(stream.name, error)
        if re.search(r"\b579\b|WaitTimeout", str(error)) is None:
            raise
        raise NoTriggers(
            f"{stream.name}: no triggers within {capture.timeout:g} s "
            f"(after {stream.done} of {capture.buffers} buffers)"
        ) from error
    finally:
        board.clear_buffers()


def _demand_lock(name: str, error: RuntimeError) -> None:
    """Raise LastingFault for error 590 (ATS-SDK: feed the 10 MHz in properly), as it is named."""
    if re.search(r"\b590\b|PllNotLocked", str(error)):
        raise LastingFault(f"{error}", REFERENCE, instrument=name) from error


def _configured(board: Board, name: str, sample_rate: float) -> None:
    try:
        _set_up(board, sample_rate)
    except RuntimeError as error:
        _demand_lock(name, error)
        raise


def _set_up(board: Board, sample_rate: float) -> None:
    with board.syncing():
        put(board, setup(sample_rate))


def _api_factory(name: str, address: str) -> BoardFactory:
    scheme, _, place = address.partition("://")
    if scheme == "ats":
        match = re.fullmatch(r"(\d+)/(\d+)", place)
        if match is None:
            raise InstrumentError(f'{name}: {address!r} is not an address like "ats://1/1"')
        system, board = map(int, match.groups())
        return lambda label: _real(label, system, board)
    found = entry_points(group=BOARDS, name=scheme)
    if not found:
        raise InstrumentError(f"{name}: nothing installed serves addresses like {address!r}")
    factory = next(iter(found)).load()
    return lambda label: _on(factory(address), label)


def _real(label: str, system: int, board: int) -> Board:
    """Open a board of this computer with the vendor's library."""
    try:
        return Board(label, dll_path=LIBRARY, system_id=system, board_id=board)
    except OSError as error:
        raise InstrumentError(
            f"the vendor's library {LIBRARY} cannot be loaded; it comes with AlazarTech's driver "
            f"of the board (alazartech.com), which is to be installed on this computer ({error})"
        ) from error


def _on(api: Any, label: str) -> Board:
    try:
        return Board(label, api=api)
    except BaseException:
        getattr(api, "close", lambda: None)()
        raise
