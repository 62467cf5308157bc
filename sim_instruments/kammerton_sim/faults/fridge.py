"""Faults of the refrigerator: heat, machines, lines, thermometers. Its API: see the cables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kammerton_sim.faults.words import Fault, Undo, one_of, require
from kammerton_sim.fridge import MACHINES, PULSE_TUBE, STAGES, Status
from kammerton_sim.instruments.bluefors_api import BlueforsApi

if TYPE_CHECKING:
    from kammerton_sim.laboratory import Laboratory


def heat(site: Laboratory, seed: int, watts: float = 50e-6, stage: str = "mixing_chamber") -> Undo:
    """Put so much heat on a stage."""
    require(watts >= 0, f"watts: {watts}")
    fridge, name = site.world.refrigerator, f"fault {one_of('stage', stage, STAGES)}"
    fridge.load(name, {stage: watts})
    return partial(fridge.load, name, {})


def ramp(site: Laboratory, seed: int, kelvin_per_s: float = 1e-4) -> Undo:
    """Let the mixing chamber warm at this rate."""
    fridge = site.world.refrigerator
    fridge.hold(fridge.temperature, kelvin_per_s)
    return fridge.release


def temperature(site: Laboratory, seed: int, kelvin: float) -> Undo:
    """Hold the mixing chamber at a temperature."""
    require(0 < kelvin < 400, f"kelvin: {kelvin} is no temperature of a mixing chamber")
    fridge = site.world.refrigerator
    fridge.hold(kelvin)
    return fridge.release


def trip(site: Laboratory, seed: int, machine: str = "turbo") -> Undo:
    """Stop a machine."""
    fridge = site.world.refrigerator
    fridge.switch(one_of("machine", machine, MACHINES), False)
    return partial(fridge.switch, machine, True)


def block(site: Laboratory, seed: int, impedance: float = 10.0) -> Undo:
    """Block the condensing line: its pressure steps up, the flow falls."""
    require(impedance >= 1, f"impedance: {impedance} times a clean line's")
    fridge = site.world.refrigerator
    fridge.block(impedance)
    return partial(fridge.block, 1.0)


def warm_up(site: Laboratory, seed: int) -> Undo:
    """Collect the mixture and stop the pulse tube, as for a planned warm-up."""
    fridge = site.world.refrigerator
    fridge.circulate(False)
    fridge.switch(PULSE_TUBE, False)

    def cool() -> None:
        fridge.switch(PULSE_TUBE, True)
        fridge.circulate(True)

    return cool


def _broken(status: Status) -> Callable[..., Undo]:
    def fail(site: Laboratory, seed: int, stage: str = "mixing_chamber") -> Undo:
        sensor = site.world.refrigerator.thermometer(one_of("stage", stage, STAGES))
        sensor.fail(status)
        return sensor.mend

    return fail


def freeze(site: Laboratory, seed: int, stage: str = "mixing_chamber") -> Undo:
    """Let a thermometer show what it shows now, whatever happens."""
    fridge = site.world.refrigerator
    sensor = fridge.thermometer(one_of("stage", stage, STAGES))
    sensor.freeze(fridge.temperatures()[stage])
    return sensor.mend


def new_key(site: Laboratory, seed: int, instrument: str) -> Undo:
    """Change the key that a control software wants of its clients."""
    apis = {name: box for name, box in site.further.items() if isinstance(box, BlueforsApi)}
    api = apis[one_of("instrument with keys", instrument, apis)]
    before, api.key = api.key, f"changed-{seed}"

    def back() -> None:
        api.key = before

    return back


FAULTS = (
    Fault("heat", "F1", "so many watts more on a stage", heat),
    Fault("ramp", "F1", "the mixing chamber warms at this rate", ramp),
    Fault("temperature", "F1", "the mixing chamber is held at this temperature", temperature),
    Fault("sensor-nan", "F2", "a thermometer reports no number", _broken(Status.NO_NUMBER)),
    Fault("sensor-frozen", "F2", "a thermometer shows what it shows now, for ever", freeze),
    Fault("sensor-over-range", "F2", "a thermometer is out of range", _broken(Status.OVER_RANGE)),
    Fault("sensor-unplugged", "F2", "a thermometer is gone", _broken(Status.DISCONNECTED)),
    Fault("trip", "F3", "a machine stops: pulse_tube, turbo or fore_pump", trip),
    Fault("block", "F3", "the condensing line is blocked: a pressure step", block),
    Fault("new-key", "F4", "the control software wants another key: access denied", new_key),
    Fault("warm-up", "F5", "planned warm-up: mixture collected, pulse tube off", warm_up),
)
