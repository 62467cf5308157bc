"""The refrigerator on the laboratory's clock: advanced when it is asked, never by a thread."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.fridge.history import History
from kammerton_sim.fridge.mixture import MACHINES, Plant, flow, pressures
from kammerton_sim.fridge.sensors import Reading, Sensor
from kammerton_sim.fridge.stages import BASE, ROOM, STAGES, Thermals, by_stage

_COLDEST, _HOTTEST = 1e-3, 400.0
_STILL_ENOUGH = 1e-5  # of a temperature: a change this small is taken in one step

_LOOK, _LOOKS = 60.0, 1000
"""s between the temperatures of a long time that are remembered, and how many of them at most."""

_SOLVING = threading.Lock()
"""LSODA keeps its state in one place for the whole process, in some versions of scipy."""


@dataclass(frozen=True)
class Conditions:
    """Everything true at one instant.

    time: unix s. temperatures: K by stage. flow: mol/s of helium-3. liquid: fraction of the
    mixture that is condensed. pressures: Pa by gauge. running: machine -> whether it runs.
    circulating: whether the mixture is kept circulating.
    """

    time: float
    temperatures: Mapping[str, float]
    flow: float
    liquid: float
    pressures: Mapping[str, float]
    running: Mapping[str, bool]
    circulating: bool


class Refrigerator:
    """Stages, mixture and pumps; safe to ask from any thread.

    now: unix s of the laboratory. base: K where the mixing chamber rests. warm: it begins at
    room temperature with the mixture in the tank, instead of cold and at rest.
    """

    def __init__(self, now: Callable[[], float], base: float = BASE, warm: bool = False) -> None:
        self._now = now
        self._plant = Plant()
        self._thermals = Thermals(self._plant, base)
        self._t = [ROOM] * len(STAGES) if warm else list(self._thermals.rest)
        self._liquid = 0.0 if warm else 1.0
        self._time = now()
        self._past = History()
        self._past.tell(self._time, self._t[-1])
        self._loads: dict[str, list[float]] = {}
        self._ramp: float | None = None
        """K/s of a mixing chamber that is held by the hand of a tester; None when it is free."""
        self._sensors = {stage: Sensor() for stage in STAGES}
        self._lock = threading.RLock()

    # ---------------------------------------------------------------- reading

    @property
    def temperature(self) -> float:
        """K of the mixing chamber."""
        return self.temperatures()["mixing_chamber"]

    def temperature_at(self, time: float) -> float:
        """K of the mixing chamber at a unix time that has passed, or else now."""
        with self._lock:
            self._advance()
            return self._t[-1] if time >= self._time else self._past.at(time)

    def temperatures(self) -> dict[str, float]:
        """True K of every stage."""
        with self._lock:
            self._advance()
            return dict(zip(STAGES, self._t, strict=True))

    def sensor(self, stage: str) -> Reading:
        """What the thermometer of a stage reports, without the noise of whoever reads it."""
        with self._lock:
            return self._sensors[stage].read(self.temperatures()[stage])

    def conditions(self) -> Conditions:
        """Everything at once."""
        with self._lock:
            temperatures = self.temperatures()
            flowing = flow(self._plant, self._t[2], self._liquid)
            return Conditions(
                time=self._time,
                temperatures=temperatures,
                flow=flowing,
                liquid=self._liquid,
                pressures=pressures(self._plant, flowing, self._liquid, self._t[1]),
                running={name: name in self._plant.running for name in MACHINES},
                circulating=self._plant.circulating,
            )

    # ---------------------------------------------------------------- acting on it

    def load(self, name: str, watts: Mapping[str, float]) -> None:
        """Put a load of this name on the stages, instead of the one it had; {} takes it off."""
        with self._lock:
            self._advance()
            self._loads[name] = by_stage(watts)
            self._thermals.loads = [sum(each) for each in zip(*self._loads.values(), strict=True)]

    def switch(self, machine: str, on: bool) -> None:
        """Start or stop a machine."""
        if machine not in MACHINES:
            raise KeyError(f"no machine {machine}; there are {', '.join(MACHINES)}")
        with self._lock:
            self._advance()
            (self._plant.running.add if on else self._plant.running.discard)(machine)

    def circulate(self, on: bool) -> None:
        """Condense and circulate the mixture, or collect it in the tank."""
        with self._lock:
            self._advance()
            self._plant.circulating = on

    def block(self, impedance: float) -> None:
        """Set the impedance of the condensing line; 1 is clean."""
        if not impedance >= 1:
            raise ValueError(f"an impedance of {impedance} times a clean line's")
        with self._lock:
            self._advance()
            self._plant.impedance = impedance

    def hold(self, kelvin: float, rate: float = 0.0) -> None:
        """Hold the mixing chamber at a temperature that changes by `rate` K/s."""
        with self._lock:
            self._advance()
            self._t[-1], self._ramp = max(kelvin, _COLDEST), rate
            self._past.tell(self._time, self._t[-1])

    def release(self) -> None:
        """Let the mixing chamber follow its heat again."""
        with self._lock:
            self._advance()
            self._ramp = None

    def thermometer(self, stage: str) -> Sensor:
        """The thermometer of a stage, to be broken."""
        return self._sensors[stage]

    # ---------------------------------------------------------------- time

    def _advance(self) -> None:
        seconds = self._now() - self._time
        if seconds <= 0:
            return
        slopes = self._slopes(self._state())
        if max(map(abs, slopes)) * seconds < _STILL_ENOUGH:
            self._keep([y + seconds * d for y, d in zip(self._state(), slopes, strict=True)])
        else:
            self._integrate(seconds)
        self._time += seconds
        self._past.tell(self._time, self._t[-1])

    def _integrate(self, seconds: float) -> None:
        from scipy.integrate import solve_ivp

        def slopes(_: float, state: NDArray[np.float64]) -> list[float]:
            return self._slopes(state.tolist())

        start, span = self._state(), (0.0, seconds)
        looks = np.linspace(0.0, seconds, 1 + min(_LOOKS, math.ceil(seconds / _LOOK)))[1:]
        with _SOLVING:
            found = solve_ivp(slopes, span, start, "LSODA", looks, rtol=1e-5, atol=1e-7)
        if not found.success:
            raise ArithmeticError(f"the refrigerator: {found.message}")
        for after, logarithm in zip(looks[:-1], found.y[-2, :-1], strict=True):
            self._past.tell(self._time + float(after), _kelvin(float(logarithm)))
        self._keep([float(y) for y in found.y[:, -1]])

    def _state(self) -> list[float]:
        """Logarithms of the temperatures, and the condensed fraction."""
        return [*map(math.log, self._t), self._liquid]

    def _keep(self, state: list[float]) -> None:
        self._t = list(map(_kelvin, state[:-1]))
        self._liquid = min(1.0, max(0.0, state[-1]))

    def _slopes(self, state: list[float]) -> list[float]:
        t = list(map(_kelvin, state[:-1]))
        rates, gained = self._thermals.rates(t, min(1.0, max(0.0, state[-1])))
        if self._ramp is not None:
            rates[-1] = self._ramp
        return [r / kelvin for r, kelvin in zip(rates, t, strict=True)] + [gained]


def _kelvin(logarithm: float) -> float:
    """Return a temperature within what the model knows; beyond, nothing would cool any more."""
    return max(math.exp(min(logarithm, math.log(_HOTTEST))), _COLDEST)
