"""The mixture: what flows, how much of it is liquid, and what the gauges show.

Flow follows the vapour pressure over the still (Clausius and Clapeyron, latent heat 26 J/mol)
and the speed of the pumps; what the still evaporates costs that heat. Liquid is gained while
the 4 K plate can condense it, and lost when it cannot or when the mixture is being collected.
Sizes are those of a fridge of some 500 uW at 100 mK: 0.7 mmol/s, 0.05 mbar at the still, 0.5 bar
of condensing pressure, 0.8 bar in the full tank (from memory of such systems' logs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

PULSE_TUBE, TURBO, FORE_PUMP = "pulse_tube", "turbo", "fore_pump"
MACHINES = (PULSE_TUBE, TURBO, FORE_PUMP)
GAUGES = ("vacuum", "still", "condensing", "turbo_back", "fore_pump_back", "tank")

NOMINAL_FLOW = 0.7e-3
STILL = 0.82
"""K of the still at the nominal flow."""
LATENT_HEAT = 26.0
"""J per mol of helium-3."""

GAS_CONSTANT = 8.314462618
_LARGEST = 3.0  # times the nominal flow: what the pumps can take
_WITHOUT_TURBO = 0.15  # of the pumping speed
_ROOM = 295.0  # K, of the hall with the pumps
_SPEED = 0.35  # m^3/s of the turbo pump
_HIGHEST = 2.0e5  # Pa at which the compressor's bypass opens
_CONDENSING, _TANK = 0.5e5, 0.8e5
_CONDENSING_TIME, _BOILING_TIME = 5400.0, 600.0
_MIXTURE = 0.6  # mol of helium-3


@dataclass
class Plant:
    """What runs and what is blocked: the settings of the gas handling.

    running: machines that run. circulating: the mixture is condensed and circulated; else it
    is being collected in the tank. impedance: of the condensing line, 1 when it is clean.
    """

    running: set[str] = field(default_factory=lambda: set(MACHINES))
    circulating: bool = True
    impedance: float = 1.0

    @property
    def pumping(self) -> float:
        """Speed of the pumps, 1 when all run."""
        if FORE_PUMP not in self.running:
            return 0.0
        return 1.0 if TURBO in self.running else _WITHOUT_TURBO


def flow(plant: Plant, still: float, liquid: float) -> float:
    """mol/s of helium-3 that leave the still at `still` K, with that fraction condensed."""
    vapour = math.exp(min(LATENT_HEAT / GAS_CONSTANT * (1 / STILL - 1 / still), 5.0))
    level = min(1.0, 2 * liquid)
    free = _HIGHEST / (_CONDENSING * plant.impedance) if plant.circulating else _LARGEST
    return NOMINAL_FLOW * min(level * plant.pumping * min(vapour, _LARGEST), free)


def still_heater(plant: Plant, leak: float) -> float:
    """W; an interlock holds the heater off while the still is not pumped in full."""
    return LATENT_HEAT * NOMINAL_FLOW - leak if plant.pumping == 1.0 else 0.0


def able(plant: Plant, plate: float) -> float:
    """How much of what comes back the plate at `plate` K condenses: 0 to 1."""
    return step(5.5, 4.5, plate) * plant.circulating * (FORE_PUMP in plant.running)


def condensed_rate(plant: Plant, flowing: float, liquid: float, plate: float, cold: float) -> float:
    """1/s by which the condensed fraction grows; `plate` K at 4 K, `cold` K at the mixing chamber.

    The plate condenses below about 5 K. What is not condensed again goes to the tank.
    """
    condensing = able(plant, plate)
    gained = condensing * (1 - liquid) / _CONDENSING_TIME
    boiling = step(0.9, 1.5, cold) * liquid / _BOILING_TIME
    return gained - (1 - condensing) * (flowing / _MIXTURE * min(1.0, 20 * liquid) + boiling)


def pressures(plant: Plant, flowing: float, liquid: float, plate: float) -> dict[str, float]:
    """Pa at every gauge; the vacuum is cryopumped while the 4 K plate is cold."""
    ratio = flowing / NOMINAL_FLOW
    speed = _SPEED * max(plant.pumping, 1e-3)
    condensing = _CONDENSING * plant.impedance * ratio if plant.circulating else 0.0
    back = 20.0 * ratio + 1.0
    return {
        "vacuum": 1e-4 + 5e-3 * step(15.0, 60.0, plate) + 0.5 * step(60.0, 290.0, plate),
        "still": flowing * GAS_CONSTANT * _ROOM / speed + 0.02,
        "condensing": min(condensing, _HIGHEST) + 100.0,
        "turbo_back": back,
        "fore_pump_back": 0.9 * min(condensing, _HIGHEST) + 100.0,
        "tank": _TANK * (1 - liquid) + 100.0,
    }


def step(below: float, above: float, x: float) -> float:
    """A smooth step: 0 at `below`, 1 at `above`, whichever is larger."""
    s = min(1.0, max(0.0, (x - below) / (above - below)))
    return s * s * (3 - 2 * s)
