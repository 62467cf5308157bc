"""A simulated ATS9360 for the driver's process: the object behind the upstream driver's `api=`.

It offers what `qcodes.instrument_drivers.AlazarTech` calls of the vendor's library, under the
same names. Records come from the laboratory's process: straight into shared memory when the
posted buffers were taken from `memory()`, otherwise over the socket.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kammerton_sim.board_link import BoardLink, BoardMemory, SegmentPool, failure

OK = 512
_TIMEOUT, _NOT_READY = 579, 573
_NPT, _EXTERNAL_START, _BOTH = 0x200, 0x1, 3
_EXTERNAL_TRIGGER, _REFERENCE_10_MHZ = 2, 7
_SAMPLE_RATE = 1_000_000_000
_COMPILING = 50.0
"""s more for an answer: the laboratory's first play may have to compile its kernels."""

_NOT_OURS = (
    "post buffers that come from api.memory(): upstream's own Buffer is freed while in use on "
    "this system; before acquire(), say "
    "`qcodes.instrument_drivers.AlazarTech.ATS.Buffer = board.api.memory`"
)

_BITS, _MEMORY = 12, (1 << 31) - 2


def open_board(address: str) -> SimBoard:
    """Return the board at "sim://HOST:PORT", or "sim://HOST:PORT?bulk=socket" for no shared memory.

    Raises
    ------
    ValueError
        The address is not of that form.
    ConnectionError
        No simulated laboratory listens there.
    """
    parts = urlsplit(address)
    if parts.scheme != "sim" or parts.hostname is None or parts.port is None:
        raise ValueError(f'{address!r} is not of the form "sim://127.0.0.1:PORT"')
    bulk = parse_qs(parts.query).get("bulk", ["shared"])[0]
    return SimBoard(parts.hostname, parts.port, shared_memory=bulk != "socket")


@dataclass
class _Trigger:
    """What decides whether, and when, a record begins."""

    external: bool = False
    delay: int = 0
    rate: float | None = None
    locked: bool = False


@dataclass
class _Plan:
    """What the next acquisition shall be, as before_async_read says it."""

    samples: int = 0
    per_buffer: int = 0
    records: int = 0
    external_start: bool = True


class SimBoard:
    """Duck type of upstream's `AlazarATSAPI`, for one board.

    Raises RuntimeError "error 579: ..." and the like, as the real wrapper does. A 9360 streams
    every record: on-board averaging is refused.
    """

    compiled = False
    """Whether records were ever made: before the first, the laboratory compiles its physics."""

    def __init__(self, host: str, port: int, *, shared_memory: bool = True) -> None:
        self._link = BoardLink(host, port)
        self._pool = SegmentPool(self._link, shared_memory=shared_memory)
        self._plan, self._trigger = _Plan(), _Trigger()
        self._posted: list[int] = []
        self.settings: dict[str, list[Any]] = {}

    # ---- identity

    def num_of_systems(self) -> int:
        """Return 1."""
        return 1

    def boards_in_system_by_system_id(self, system_id: int) -> int:
        """Return 1."""
        return 1

    def get_board_by_system_id(self, system_id: int, board_id: int) -> int:
        """Return a handle, 0 for any but the first board."""
        return int((system_id, board_id) == (1, 1))

    def get_board_kind(self, handle: int) -> int:
        """Return the vendor's number of the ATS9360."""
        return 25

    def get_board_model(self, handle: int) -> str:
        """Return the model."""
        return self._identity()[1]

    def get_channel_info_(self, handle: int) -> tuple[int, int]:
        """Return memory in samples and bits per sample."""
        return _MEMORY, _BITS

    def get_cpld_version_(self, handle: int) -> str:
        """Return the CPLD version."""
        return "25.16"

    def get_driver_version_(self) -> str:
        """Return the driver version."""
        return "7.5.0"

    def get_sdk_version_(self) -> str:
        """Return the SDK version."""
        return "7.5.0"

    def query_capability_(self, handle: int, capability: int) -> int:
        """Return a capability by the vendor's number; 0 for those it does not have."""
        from qcodes.instrument_drivers.AlazarTech.constants import Capability

        return {
            Capability.GET_SERIAL_NUMBER: int(self._identity()[2]),
            Capability.GET_LATEST_CAL_DATE: 150_126,
            Capability.GET_PCIE_LINK_SPEED: 2,
            Capability.GET_PCIE_LINK_WIDTH: 8,
            Capability.MEMORY_SIZE: _MEMORY,
            Capability.ASOPC_TYPE: 21 << 16 | 7 << 24,
        }.get(Capability(capability), 0)

    def read_register_(self, handle: int, offset: int) -> int:
        """Return a register of the simulated board."""
        return int(self.settings.get(f"register {offset}", [0])[0])

    def write_register_(self, handle: int, offset: int, value: int) -> None:
        """Write a register."""
        self.settings[f"register {offset}"] = [value]

    # ---- settings

    def set_capture_clock(
        self, handle: int, source: Any, rate: Any, edge: Any, decimation: Any
    ) -> int:
        """Set the clock; records can only be made at 1 GS/s.

        On its own clock the board slides past the triggers.

        Raises
        ------
        RuntimeError
            Error 590: it is to lock to a reference that does not come in.
        """
        raw, chosen, _, factor = self._keep("clock", source, rate, edge, decimation)
        hertz = chosen if raw == _REFERENCE_10_MHZ else getattr(rate, "get_latest", lambda: rate)()
        self._trigger.rate = hertz / max(1, factor) if isinstance(hertz, int | float) else None
        self._trigger.locked = raw == _REFERENCE_10_MHZ
        if self._trigger.locked:
            self._link.ask("AlazarSetCaptureClock", op="lock")
        return OK

    def input_control(self, handle: int, channel: int, *settings: Any) -> int:
        """Set coupling, range and impedance; range and impedance of a 9360 are fixed."""
        return self._set(f"input {channel}", *settings)

    def set_bw_limit(self, handle: int, channel: int, limit: Any) -> int:
        """Set the bandwidth limit."""
        return self._set(f"bandwidth {channel}", limit)

    def set_trigger_operation(self, handle: int, *settings: Any) -> int:
        """Set both trigger engines; only the external input is wired to anything."""
        values = self._keep("trigger", *settings)
        self._trigger.external = _EXTERNAL_TRIGGER in (values[2], values[6])
        return OK

    def set_external_trigger(self, handle: int, *settings: Any) -> int:
        """Set coupling and range of the external trigger."""
        return self._set("external trigger", *settings)

    def set_trigger_delay(self, handle: int, delay: Any) -> int:
        """Set how many samples after the trigger a record begins."""
        (self._trigger.delay,) = self._keep("delay", delay)
        return OK

    def set_trigger_time_out(self, handle: int, ticks: Any) -> int:
        """Set the automatic trigger; only 0 (wait for ever) is simulated."""
        if self._keep("trigger timeout", ticks) != [0]:
            raise RuntimeError(
                "the simulated ATS9360 never triggers by itself: set timeout_ticks to 0"
            )
        return OK

    def configure_aux_io(self, handle: int, *settings: Any) -> int:
        """Set the auxiliary connector, which is wired to nothing."""
        return self._set("aux", *settings)

    def configure_record_average(
        self, handle: int, mode: int, samples: int, records: int, options: int
    ) -> int:
        """Refuse to average: an ATS9360 cannot."""
        if mode:
            raise failure(533, "AlazarConfigureRecordAverage")
        return OK

    def set_record_size(self, handle: int, before: int, after: int) -> int:
        """Set the record length."""
        return self._set("record size", before, after)

    # ---- acquisition

    def before_async_read(
        self,
        handle: int,
        channels: int,
        offset: int,
        samples: int,
        per_buffer: int,
        records: int,
        flags: int,
    ) -> int:
        """Say what the next acquisition shall be: both channels, no pre-trigger (NPT)."""
        if channels != _BOTH or not flags & _NPT or offset:
            raise RuntimeError("the simulated ATS9360 knows NPT mode with channels A and B")
        self._finish()
        self._plan = _Plan(samples, per_buffer, records, bool(flags & _EXTERNAL_START))
        if not self._plan.external_start:
            self._arm()
        return OK

    def post_async_buffer(self, handle: int, buffer: Any, size: int) -> int:
        """Give the board a buffer, by address."""
        address = _address(buffer)
        segment = self._pool.used.get(address)
        if segment is None:
            raise RuntimeError(_NOT_OURS)
        self._posted.append(address)
        self._link.send(op="post", memory=segment.number, size=size)
        return OK

    def start_capture(self, handle: int) -> int:
        """Listen for triggers from now on."""
        if self._plan.external_start:
            self._arm()
        return OK

    def wait_async_buffer_complete(self, handle: int, buffer: Any, timeout_in_ms: int) -> int:
        """Wait until the buffer at the head of the list is full.

        Raises
        ------
        RuntimeError
            Error 579 when no trigger came in time; 573 when it is not this buffer's turn.
        """
        name = "AlazarWaitAsyncBufferComplete"
        address = _address(buffer)
        if not self._posted or self._posted[0] != address:
            raise failure(_NOT_READY, name)
        segment, into = self._pool.used[address], None
        if segment.number is None:
            into = segment.buffer.data[: 4 * self._plan.samples * self._plan.per_buffer]
        timeout = timeout_in_ms / 1000
        compiling = 0.0 if SimBoard.compiled else _COMPILING
        self._link.ask(name, timeout + compiling, into, op="wait", timeout=timeout)
        SimBoard.compiled = True
        self._posted.pop(0)
        return OK

    def abort_async_read(self, handle: int) -> int:
        """End the acquisition; posted buffers are ours again."""
        self._finish()
        return OK

    def busy(self, handle: int) -> int:
        """Return whether buffers are posted."""
        return int(bool(self._posted))

    def free_buffer_u16(self, handle: int, buffer: Any) -> int:
        """Accept; memory is given back through `free_mem`."""
        return OK

    # ---- memory

    def memory(self, ctype: Any, size: int) -> BoardMemory:
        """Return a buffer of `size` bytes that may be posted, shared with the laboratory if it can.

        It has .addr, .size_bytes, .buffer (an array of `ctype`) and .free_mem(), like upstream's
        Buffer. Freed buffers are kept for the next acquisition until `release()`.
        """
        return BoardMemory(self._pool.take(size), ctype, size, self._pool.give_back)

    def release(self) -> None:
        """Let go of the memory kept for reuse."""
        self._pool.release()

    def close(self) -> None:
        """Leave the laboratory. Memory vanishes with the last array that looks into it."""
        self._pool.forget()
        self._link.close()

    def __enter__(self) -> SimBoard:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- inside

    def _identity(self) -> list[str]:
        """Ask for vendor, model, serial number: another board may be in the slot by now."""
        answer = self._link.ask("AlazarQueryCapability", op="identity")
        return str(answer["identity"]).split(",")

    def _keep(self, name: str, *values: Any) -> list[Any]:
        """Keep raw values, and tell TraceParameters that the board has them, as the DLL does."""
        for value in values:
            updated = getattr(value, "_set_updated", None)
            if updated is not None:
                updated()
        self.settings[name] = [getattr(value, "raw_value", value) for value in values]
        return self.settings[name]

    def _set(self, name: str, *values: Any) -> int:
        self._keep(name, *values)
        return OK

    def _arm(self) -> None:
        if self._trigger.rate not in (None, _SAMPLE_RATE):
            raise RuntimeError(f"the simulated ATS9360 samples at 1 GS/s, not {self._trigger.rate}")
        self._link.ask("AlazarStartCapture", op="arm", samples=self._plan.samples,
                  per_buffer=self._plan.per_buffer, records=self._plan.records,
                  delay=self._trigger.delay, triggered=self._trigger.external,
                  locked=self._trigger.locked)  # fmt: skip

    def _finish(self) -> None:
        self._posted.clear()
        self._link.ask("AlazarAbortAsyncRead", op="abort")


def _address(buffer: Any) -> int:
    return int((buffer.value if isinstance(buffer, ctypes.c_void_p) else buffer) or 0)
