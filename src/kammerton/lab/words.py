"""What lab.toml says, as frozen values in SI units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SafeState = Literal["off", "hold", "zero"]


@dataclass(frozen=True)
class Limit:
    """What a physical quantity at an output may be (SI, or dBm), and how fast it may move.

    max_rate: of change, in units a second: of the waveforms of a generator; of the setting of
    a source while its output is on. max_step: of a bias source, the largest single step of a ramp.
    """

    minimum: float
    maximum: float
    max_rate: float
    max_step: float | None = None


STAGES = ("room", "50k", "4k", "still", "cold_plate", "mxc")
"""Where a line may lose power, from the generator down; what is in the room heats no stage."""


@dataclass(frozen=True)
class Attenuation:
    """What a line loses on its way down, dB. stages: of it at each, where that is known."""

    total: float
    stages: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class InstrumentEntry:
    """One instrument: driver name (entry point `kammerton.drivers`), address, limits.

    limits: quantity -> Limit. "volts" for every channel of a waveform generator (peak, signed);
    "power" (dBm) and "frequency" (Hz) for a source. What has no limit cannot be set.
    safe: what a bias source does when everything is made safe; None for what is usual: a bias
    holds, all else goes off. serial: the only serial number that may answer at the address.
    before: that which answered at earlier starts, of which lab.toml knows nothing. attenuation: dB
    from its output to the device. max_at_device: dBm, the largest power that may arrive there; a
    generator's and a source's stand with their lines.
    """

    name: str
    driver: str
    address: str
    limits: Mapping[str, Limit]
    line: int = 0
    safe: SafeState | None = None
    serial: str | None = None
    before: str | None = None
    attenuation: float = 0.0
    max_at_device: float | None = None


@dataclass(frozen=True, order=True)
class Channel:
    """One channel of one instrument, written "awg1.3"."""

    instrument: str
    number: int

    def __str__(self) -> str:
        return f"{self.instrument}.{self.number}"


@dataclass(frozen=True)
class IqLine:
    """A pair of generator channels that feed one mixer, and the source of its carrier.

    Upper sideband: the mixer puts Re[(I + jQ) exp(+j 2 pi f_LO t)] on the line.
    attenuation: dB from the generator's output to the device, mixer included. max_at_device: dBm,
    the largest envelope power (I^2 + Q^2)/100 ohm that may arrive there. stages: the attenuation at
    each, dB, from the top down; empty where only the sum is known. leakage: dBm of the carrier that
    enter the refrigerator for as long as the source is on; None where nobody has measured it.
    """

    i: Channel
    q: Channel
    source: str
    carrier: float
    power: float
    attenuation: float = 0.0
    max_at_device: float | None = None
    stages: tuple[tuple[str, float], ...] = ()
    leakage: float | None = None


@dataclass(frozen=True)
class Feedline:
    """A readout line shared by resonators: generator pair, digitizer, its trigger marker.

    delay: s from the generator's output to the digitizer's record.
    """

    name: str
    line: IqLine
    digitizer: str
    trigger: Channel
    delay: float


@dataclass(frozen=True)
class Sync:
    """How generators start together: the master's channel whose marker 1 triggers the others."""

    master: str
    go: Channel
    followers: tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """A design value and its tolerance, one sigma."""

    value: float
    tolerance: float


@dataclass(frozen=True)
class QubitEntry:
    """One qubit: its resonator, drive line and design values by parameter name.

    bias: the source that biases it alone, which a hold of the qubit keeps; None where none does.
    """

    name: str
    resonator: str
    drive: IqLine
    design: Mapping[str, Design]
    bias: str | None = None


@dataclass(frozen=True)
class ResonatorEntry:
    """One readout resonator on a feedline."""

    name: str
    feedline: str
    design: Mapping[str, Design]


@dataclass(frozen=True)
class PiPulse:
    """The declared pi pulse of all qubits: a DRAG Gaussian of `length` with `sigma`, in s."""

    length: float
    sigma: float


@dataclass(frozen=True)
class ReadoutPulse:
    """The declared readout: a square tone of `length`, and the passive reset after it, in s."""

    length: float
    reset: float


@dataclass(frozen=True)
class Band:
    """What a gauge of the refrigerator may read while drive is on, Pa or mol/s."""

    minimum: float
    maximum: float
    unit: str


@dataclass(frozen=True)
class Interlock:
    """Drive is allowed only while the mixing chamber reads below `drive_below`, freshly.

    Once off, on again only after `rearm_readings` in a row below `drive_below`; off above
    `drive_off_above`. A reading that is the same for `frozen_after` counts as none (0: it may be).
    second: another instrument that reads the same chamber; warm by either is warm. K and s.
    gauges: of `fridge`, by name ("p2", "flow"); one that leaves its band counts as a stopped pump.
    """

    fridge: str
    drive_below: float
    drive_off_above: float
    max_age: float
    rearm_readings: int = 3
    frozen_after: float = 600.0
    second: str | None = None
    gauges: Mapping[str, Band] = field(default_factory=dict)


@dataclass(frozen=True)
class Broker:
    """Where to publish. `password` never appears in logs or in `repr`."""

    host: str
    port: int
    tls: bool = False
    ca_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    commands: Path | None = None
    """Keys of those who may send commands; None: nobody may."""


@dataclass(frozen=True)
class Lab:
    """Everything that lab.toml says about one computer."""

    computer: str
    path: Path
    database: Path | str
    data: Path
    sample_rate: float
    instruments: Mapping[str, InstrumentEntry]
    qubits: Mapping[str, QubitEntry]
    resonators: Mapping[str, ResonatorEntry]
    feedlines: Mapping[str, Feedline]
    sync: Sync
    pi_pulse: PiPulse
    readout: ReadoutPulse
    interlock: Interlock
    broker: Broker | None = None
    pictures: bool = True
    note: str = ""
    """What is said beside every result."""
    heat_budget: Mapping[str, float] = field(default_factory=dict)
    """Stage -> W that all lines together may leave there on average; what is not here may be."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What can be held by one name: elements and instruments."""
