"""A simulated chip: what its qubits and resonators truly are, and how they are wired.

Everything here is hidden from the daemon. `chip.toml` holds plain SI numbers; every key that is
not dimensionless names its unit.
"""

from kammerton_sim.chip.draw import default_wiring, random_chip, slow_envelope_time
from kammerton_sim.chip.noise import Bursts, Charge, Defect
from kammerton_sim.chip.photons import Photons, PunchOut, Purcell, Transitions
from kammerton_sim.chip.read import read_chip
from kammerton_sim.chip.words import (
    Chip,
    ChipError,
    Drift,
    Feedline,
    Line,
    Marker,
    QubitTruth,
    ResonatorTruth,
    Wiring,
)
from kammerton_sim.chip.write import chip_text, write_chip

__all__ = [
    "Bursts",
    "Charge",
    "Chip",
    "ChipError",
    "Defect",
    "Drift",
    "Feedline",
    "Line",
    "Marker",
    "Photons",
    "PunchOut",
    "Purcell",
    "QubitTruth",
    "ResonatorTruth",
    "Transitions",
    "Wiring",
    "chip_text",
    "default_wiring",
    "random_chip",
    "read_chip",
    "slow_envelope_time",
    "write_chip",
]
