"""lab.toml -> Lab."""

from kammerton.lab.words import (
    Broker,
    Channel,
    Design,
    Feedline,
    InstrumentEntry,
    Interlock,
    IqLine,
    Lab,
    Limit,
    PiPulse,
    QubitEntry,
    ReadoutPulse,
    ResonatorEntry,
    Sync,
)

__all__ = [
    "Broker",
    "Channel",
    "Design",
    "Feedline",
    "InstrumentEntry",
    "Interlock",
    "IqLine",
    "Lab",
    "Limit",
    "PiPulse",
    "QubitEntry",
    "ReadoutPulse",
    "ResonatorEntry",
    "Sync",
]
