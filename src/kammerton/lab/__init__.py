"""lab.toml -> Lab."""

from kammerton.lab.holdable import holdable, keepers, members
from kammerton.lab.load import Findings, examine, load
from kammerton.lab.words import (
    Band,
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
    "Band",
    "Broker",
    "Channel",
    "Design",
    "Feedline",
    "Findings",
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
    "examine",
    "holdable",
    "keepers",
    "load",
    "members",
]
