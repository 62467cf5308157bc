"""The stages as lumped thermal nodes: C dT/dt = loads - cooling -+ links.

Cooling of the mixing chamber: 84 n T^2 J/mol for helium-3 that returns as cold as the chamber,
less 11 n Tx^2 for what the exchangers leave (Pobell's 95 T^2 - 11 Tin^2); Tx is chosen so that
the chamber rests at its base temperature. Pulse tube: 45 W at 45 K and 1.5 W at 4.2 K, 2.6 K
without load, as class data sheets say. Loads balance the cooling at the resting temperatures.
Toy: one node a stage, copper of a given mass, and warm liquid that carries heat upwards only.

A pulse tube that stops: its regenerator of rare-earth alloy holds most of the 4 K plate's heat
(0.35 J/(cm^3 K) between 4 and 10 K, 120 cm^3: figures from memory), so the plate takes minutes;
above 5 K nothing is condensed any more: a tenth of the flow (toy) comes back as gas and warms still
and chamber, and the still is pumped empty within a quarter of an hour; a warmer plate leaks more
heat to the still, as its square. The
charcoal of the heat switch is warmed only to pre-cool: while there is liquid, the switch stays open
until the plate itself drives the gas out, above 10 K. No measured trace of such a trip was found to
compare with. Not modelled: superleaks, film flow, magnet, vibration, gas in the stopped tube.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kammerton_sim.fridge.copper import copper, dilute_helium
from kammerton_sim.fridge.mixture import (
    GAS_CONSTANT,
    LATENT_HEAT,
    NOMINAL_FLOW,
    PULSE_TUBE,
    STILL,
    Plant,
    able,
    condensed_rate,
    flow,
    step,
    still_heater,
)

STAGES = ("50K", "4K", "still", "cold_plate", "mixing_chamber")
ROOM = 300.0
BASE = 0.012
_RESTING = (46.0, 3.6, STILL, 0.105)
_KILOGRAMS = (40.0, 25.0, 6.0, 5.0, 12.0)
_HELIUM = (0.0, 0.0, 0.2, 0.05, 0.3)  # mol of helium-3 at each stage when all is condensed
_REGENERATOR = 0.35 * 120  # J/K at the 4 K plate, above some 4 K
_SWITCH = 2.0  # W/K of the heat switch while it is closed
_LIQUID = 0.05  # W/K of warm liquid from the mixing chamber up to the still
_SWITCH_CLOSES, _WITH_LIQUID = (4.0, 6.0), 6.0  # K, and how much higher while there is liquid
_GAS_RETURNS = 0.1  # of the flow, through an impedance made for liquid
_STILL_LEAK, _CHAMBER_LEAK = 1e-3, 5e-6  # W
_STAGNANT = (2e-3, 4e-3)  # W/K^2, still to cold plate to chamber, when nothing flows
_RADIATION = 5.67e-8 * 0.03 * 1.5  # W/K^4 on the 50 K shield


class Thermals:
    """The right-hand side for one base temperature; `plant` and `loads` may change.

    loads (5,): W on each stage beyond its own.
    """

    def __init__(self, plant: Plant, base: float = BASE) -> None:
        self.plant, self.loads = plant, [0.0] * len(STAGES)
        self.rest = (*_RESTING, base)
        self._exchanger = 84 * base**2 - _CHAMBER_LEAK / NOMINAL_FLOW
        shield, plate = _RESTING[:2]
        self._shield = (_first_stage(shield) - _radiation(shield)) / (ROOM - shield)
        self._plate = _second_stage(plate) / (shield - plate)
        self._leak = _STILL_LEAK / (plate**2 - STILL**2)
        self._cold_plate = _cold_plate(_RESTING[3], NOMINAL_FLOW)

    def rates(self, t: Sequence[float], liquid: float) -> tuple[list[float], float]:
        """K/s of every stage and 1/s of the condensed fraction, at temperatures t (5,)."""
        flowing = flow(self.plant, t[2], liquid)
        q = self._heat(t, liquid, flowing)
        dt = [watts / self._capacity(n, t[n], liquid) for n, watts in enumerate(q)]
        return dt, condensed_rate(self.plant, flowing, liquid, t[1], t[4])

    def _capacity(self, stage: int, kelvin: float, liquid: float) -> float:
        solid = _KILOGRAMS[stage] * copper(kelvin)
        if stage == 1:
            solid += _REGENERATOR * step(1.0, 4.0, kelvin)
        return solid + _HELIUM[stage] * liquid * dilute_helium(kelvin)

    def _heat(self, t: Sequence[float], liquid: float, flowing: float) -> list[float]:
        tube = PULSE_TUBE in self.plant.running
        q = list(self.loads)
        q[0] += self._shield * (ROOM - t[0]) + _radiation(t[0]) - tube * _first_stage(t[0])
        q[1] += self._plate * (t[0] - t[1]) - tube * _second_stage(t[1])
        heater = still_heater(self.plant, _STILL_LEAK) * step(1.6, 1.2, t[2])
        q[2] += heater - LATENT_HEAT * flowing
        q[3] += self._cold_plate - _cold_plate(t[3], flowing)
        q[4] += _CHAMBER_LEAK - self._chamber(t[4], flowing)
        self._return(q, t, flowing)
        self._links(q, t, liquid, flowing)
        return q

    def _return(self, q: list[float], t: Sequence[float], flowing: float) -> None:
        """Add what comes back as gas brings where the plate condenses no more."""
        gas = _GAS_RETURNS * flowing * (1 - able(self.plant, t[1]))
        q[2] += gas * (2.5 * GAS_CONSTANT * max(0.0, t[1] - t[2]) + LATENT_HEAT)
        q[4] += gas * 12 * min(t[2], 1.0) ** 2

    def _chamber(self, kelvin: float, flowing: float) -> float:
        """W; above 0.6 K helium-3 does not dilute any more."""
        return flowing * (84 * min(kelvin, 0.6) ** 2 - self._exchanger)

    def _links(self, q: list[float], t: Sequence[float], liquid: float, flowing: float) -> None:
        below, above = (k + _WITH_LIQUID * min(1.0, 20 * liquid) for k in _SWITCH_CLOSES)
        for stage in (2, 3, 4):
            closed = step(below, above, max(t[stage], t[1]))
            _move(q, stage, 1, _SWITCH * closed * (t[stage] - t[1]))
        _move(q, 1, 2, self._leak * (t[1] ** 2 - t[2] ** 2))
        for stage in (3, 4):
            _move(q, stage, 2, _LIQUID * liquid * max(0.0, t[stage] - t[2]))
        stagnant = liquid * max(0.0, 1 - flowing / NOMINAL_FLOW)
        for upper, conductance in zip((2, 3), _STAGNANT, strict=True):
            over = t[upper] ** 2 - t[upper + 1] ** 2
            _move(q, upper, upper + 1, conductance * stagnant * max(0.0, over))


def by_stage(watts: Mapping[str, float]) -> list[float]:
    """Loads in the order of the stages; KeyError for a stage that there is not."""
    if unknown := set(watts) - set(STAGES):
        raise KeyError(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    return [watts.get(stage, 0.0) for stage in STAGES]


def _move(q: list[float], source: int, sink: int, watts: float) -> None:
    q[source] -= watts
    q[sink] += watts


def _radiation(kelvin: float) -> float:
    return float(_RADIATION * (ROOM**4 - kelvin**4))


def _first_stage(kelvin: float) -> float:
    return 45 * max(0.0, kelvin - 28) / (17 + 0.1 * max(0.0, kelvin - 45))


def _second_stage(kelvin: float) -> float:
    if kelvin < 4.2:
        return 1.5 * max(0.0, kelvin - 2.6) / 1.6
    return 1.5 + 0.45 * (kelvin - 4.2)


def _cold_plate(kelvin: float, flowing: float) -> float:
    """W; 250 uW at 100 mK and the nominal flow."""
    return 250e-6 * flowing / NOMINAL_FLOW * (min(kelvin, 1.0) / 0.1) ** 2
