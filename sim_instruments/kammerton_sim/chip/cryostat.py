"""Words for the refrigerator of a chip, and for what its drive lines let through."""

from __future__ import annotations

from dataclasses import dataclass

from kammerton_sim.chip.keys import KELVIN, NOT_NEGATIVE, Rule
from kammerton_sim.chip.section import number

_SWITCH: Rule = ("must be 0 or 1", lambda x: x in (0, 1))


@dataclass(frozen=True)
class Cryostat:
    """How cold the chip rests, and where the lines are attenuated.

    base_temperature: K of the mixing chamber without load. warm: 1 to begin at room temperature.
    at_50k ... at_mixing_chamber: dB of attenuation at each stage, the same in every drive and
    readout line; 60 dB in all is usual (Krinner et al., EPJ Quantum Technology 6, 2, 2019).
    mixer_loss: dB from the generator pair to the top of the line.
    """

    base_temperature: float = number("base_temperature_k", KELVIN, 0.012)
    warm: float = number("warm", _SWITCH, 0.0)
    at_50k: float = number("at_50k_db", NOT_NEGATIVE, 0.0)
    at_4k: float = number("at_4k_db", NOT_NEGATIVE, 20.0)
    at_still: float = number("at_still_db", NOT_NEGATIVE, 0.0)
    at_cold_plate: float = number("at_cold_plate_db", NOT_NEGATIVE, 20.0)
    at_mixing_chamber: float = number("at_mixing_chamber_db", NOT_NEGATIVE, 20.0)
    mixer_loss: float = number("mixer_loss_db", NOT_NEGATIVE, 7.0)

    def attenuations(self) -> tuple[float, ...]:
        """DB of every stage from the top down."""
        return (
            self.at_50k,
            self.at_4k,
            self.at_still,
            self.at_cold_plate,
            self.at_mixing_chamber,
        )
