"""What lab.toml says, as frozen values in SI units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limit:
    """The allowed range of a physical quantity at the generator's output (SI, or dBm)."""

    minimum: float
    maximum: float


@dataclass(frozen=True)
class InstrumentEntry:
    """One instrument: driver name (entry point `kammerton.drivers`), address, limits.

    limits: quantity -> Limit. "volts" for every channel of a waveform generator (peak, signed);
    "power" (dBm) and "frequency" (Hz) for a source. What has no limit cannot be set.
    """

    name: str
    driver: str
    address: str
    limits: Mapping[str, Limit]
    line: int = 0


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
    """

    i: Channel
    q: Channel
    source: str
    carrier: float
    power: float


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
    """One qubit: its resonator, drive line and design values by parameter name."""

    name: str
    resonator: str
    drive: IqLine
    design: Mapping[str, Design]


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
class Interlock:
    """Drive is allowed only while the mixing chamber reads below `drive_below`, freshly.

    Once off, on again only below `drive_below`; off above `drive_off_above`. K and s.
    """

    fridge: str
    drive_below: float
    drive_off_above: float
    max_age: float


@dataclass(frozen=True)
class Broker:
    """Where to publish. `password` never appears in logs or in `repr`."""

    host: str
    port: int
    tls: bool = False
    ca_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None


@dataclass(frozen=True)
class Lab:
    """Everything that lab.toml says about one computer."""

    computer: str
    path: Path
    database: Path
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
