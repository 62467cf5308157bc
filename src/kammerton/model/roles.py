"""The roles that instruments play, as Protocols; drivers fill them, the bench uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Waveform:
    """Samples in volts at the generator's output (float32), and marker 1 (uint8 0/1) or None."""

    volts: NDArray[np.float32]
    marker: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class PlayStep:
    """One step of a sequence: for each channel the name of a waveform, and how it is played."""

    waves: tuple[str, ...]
    repeats: int = 1
    wait_trigger: bool = False
    goto: int = 0
    """Step number (from 1) to go on with; 0 is the next one."""


@dataclass(frozen=True, eq=False)
class Playlist:
    """What one generator plays: shared waveforms and a table of steps over `channels`."""

    name: str
    channels: tuple[int, ...]
    waves: Mapping[str, Waveform]
    steps: tuple[PlayStep, ...]
    sample_rate: float


@dataclass(frozen=True)
class Identity:
    """What an instrument says it is."""

    vendor: str
    model: str
    serial: str
    firmware: str


@dataclass(frozen=True)
class Capture:
    """What a digitizer shall record.

    samples: per record and channel. records_per_buffer x buffers records in all.
    """

    samples: int
    records_per_buffer: int
    buffers: int
    timeout: float


BufferSink = Callable[[NDArray[np.uint16], NDArray[np.uint16], int], None]
"""Called in the digitizer's own thread with channel A and B (R, samples) and the buffer's index."""


@runtime_checkable
class Instrument(Protocol):
    """What every role shares. Constructing connects and changes no output."""

    name: str

    async def identity(self) -> Identity:
        """Ask the instrument who it is."""

    async def safe(self) -> None:
        """Switch every output off and verify it by read-back."""

    async def close(self) -> None:
        """Close the session; outputs stay as they are."""


State = Mapping[str, float | str | bool]
"""Settings by name; those of one channel are called "amplitude.3". Beside them "power_on": whether
the instrument was switched on since this was last asked."""


@runtime_checkable
class SelfLimiting(Protocol):
    """An instrument with limits of its own, which hold whoever writes to it."""

    async def limit(self, allowed: Mapping[str, tuple[float, float]]) -> None:
        """Set its own limits to what is allowed, quantity -> least and most; read them back.

        No output changes: one that is on beyond a limit is refused. `limits_itself` marks what is
        set.
        """


@runtime_checkable
class Described(Protocol):
    """An instrument that can say how it is set."""

    async def state(self) -> State:
        """Ask for every setting that a measurement rests on; nothing changes.

        Settings alone: a reading that moves by itself would count as somebody at the front panel.
        """


@runtime_checkable
class Doubted(Protocol):
    """An instrument whose connection may be lost and opened anew, and its outputs be anything."""

    @property
    def doubt(self) -> str | None:
        """Return why its outputs must be verified before it is used; None: they were since."""


@runtime_checkable
class Queued(Protocol):
    """An instrument with an error queue."""

    async def errors(self) -> list[str]:
        """Empty the error queue and return what was in it, oldest first."""


@runtime_checkable
class Ailing(Queued, Protocol):
    """An instrument some of whose errors name a condition that lasts, not an event that is over."""

    def remedy(self, error: str) -> str | None:
        """Return what a person must see to where an error of the queue lasts; else None."""


@runtime_checkable
class WaveformGenerator(Instrument, Protocol):
    """An arbitrary waveform generator that plays sequences."""

    minimum_samples: int

    async def configure(self, sample_rate: float) -> None:
        """Set clock, resolution and reference; outputs stay off."""

    async def load(self, playlist: Playlist) -> None:
        """Stop, then replace the programme; levels are those of the waveforms in volts."""

    async def enable(self, channels: Sequence[int], *, on: bool) -> None:
        """Switch outputs on or off."""

    async def run(self) -> None:
        """Start; returns when the generator waits for its trigger or plays."""

    async def trigger(self) -> None:
        """Give the trigger that the first step waits for."""

    async def stop(self) -> None:
        """Stop playing."""


@runtime_checkable
class MicrowaveSource(Instrument, Protocol):
    """A continuous-wave source."""

    async def configure(self) -> None:
        """Lock to the common 10 MHz; the output stays as it is."""

    async def set_frequency(self, hz: float) -> None:
        """Set the carrier in Hz."""

    async def set_power(self, dbm: float) -> None:
        """Set the output power in dBm."""

    async def enable(self, *, on: bool) -> None:
        """Switch the output on or off."""

    async def settings(self) -> tuple[float, float, bool]:
        """Read back frequency in Hz, power in dBm and whether the output is on."""


@runtime_checkable
class Digitizer(Instrument, Protocol):
    """A two-channel digitizer that streams triggered records."""

    volts_per_code: float
    zero_code: int
    granularity: int

    async def configure(self, sample_rate: float) -> None:
        """Set clock, range and trigger."""

    async def acquire(
        self, capture: Capture, armed: Callable[[], Awaitable[None]], sink: BufferSink
    ) -> None:
        """Arm, await `armed()` (it starts the generators), then stream every buffer to `sink`."""


@dataclass(frozen=True)
class FridgeReading:
    """Mixing-chamber temperature in K and when it was read (laboratory time, UTC)."""

    temperature: float
    time: datetime


@runtime_checkable
class FridgeMonitor(Instrument, Protocol):
    """A refrigerator that is only read."""

    async def temperature(self) -> float:
        """Read the mixing chamber in K; raises InstrumentError when there is no valid reading."""


@runtime_checkable
class MachineMonitor(Protocol):
    """A fridge monitor that also knows whether the machines of the refrigerator run."""

    async def machines(self) -> Mapping[str, bool]:
        """Say of each pump and compressor that is known whether it runs, or raise.

        The temperature is asked for meanwhile: it must not wait for this. Where there is one line
        to both, no question may keep it for more than 1.5 s.
        """


@runtime_checkable
class GaugeMonitor(Protocol):
    """A fridge monitor that also reads pressures, and the flow of the mixture."""

    async def gauges(self, names: Collection[str]) -> Mapping[str, float]:
        """Read "p1", "p2" ... in Pa and "flow" in mol/s, all of them, or raise; as `machines`.

        The interlock asks for one at a time, so that none hides another.
        """


@runtime_checkable
class BiasSource(Instrument, Protocol):
    """A DC voltage on a flux line. It holds its level when the session closes."""

    async def set_voltage(self, volts: float, *, rate: float) -> None:
        """Ramp the output to `volts` at `rate` V/s; returns when it is there, read back."""

    async def enable(self, *, on: bool) -> None:
        """Switch the output on or off; only at 0 V, where neither is a step."""

    async def settings(self) -> tuple[float, bool]:
        """Read back the level in V and whether the output is on."""


@dataclass(frozen=True)
class FrequencySweep:
    """A sweep of a network analyzer: start and stop in Hz, bandwidth of a point in Hz, power."""

    start: float
    stop: float
    points: int
    bandwidth: float
    power: float
    """dBm at the analyzer's port."""

    averages: int = 1


@runtime_checkable
class NetworkAnalyzer(Instrument, Protocol):
    """A vector network analyzer on a readout line, port 1 in and port 2 out."""

    async def configure(self) -> None:
        """Lock to the common 10 MHz; the output stays as it is."""

    async def transmission(
        self, sweep: FrequencySweep
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Return frequencies in Hz and S21, both (points,); the output is off afterwards."""


@runtime_checkable
class PulseGenerator(Instrument, Protocol):
    """A generator that plays one rectangular pulse a trigger, for flux lines."""

    async def set_pulse(self, channel: int, volts: float, width: float) -> None:
        """Rest at 0 V and go to `volts` for `width` s at every trigger; the output stays off."""

    async def enable(self, channel: int, *, on: bool) -> None:
        """Switch the output of a channel on or off."""

    async def settings(self, channel: int) -> tuple[float, float, bool]:
        """Read back the pulse's volts, its width in s and whether the output is on."""


@runtime_checkable
class Edged(Protocol):
    """What tells how fast its pulses may rise and fall; of whatever does not none is allowed."""

    @property
    def fastest_edge(self) -> float:
        """The shortest time, s, in which a pulse may come to its volts, however it is set up."""
