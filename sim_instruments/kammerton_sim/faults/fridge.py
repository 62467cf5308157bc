"""Faults of the refrigerator: heat, machines, lines, thermometers. Its API: see the cables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from kammerton_sim.faults.amounts import Bound, above, from_to
from kammerton_sim.faults.course import Undo
from kammerton_sim.faults.words import Fault, Known
from kammerton_sim.fridge import MACHINES, PULSE_TUBE, STAGES, Status
from kammerton_sim.instruments.bluefors_api import BlueforsApi

if TYPE_CHECKING:
    from kammerton_sim.site import Site


_NUMBERS = count(1)


def heat(site: Site, seed: int, watts: float = 50e-6, stage: str = "mixing_chamber") -> Undo:
    """Put so much heat on a stage."""
    fridge, name = site.world.refrigerator, f"fault {next(_NUMBERS)}"
    fridge.load(name, {stage: watts})
    return partial(fridge.load, name, {})


def ramp(site: Site, seed: int, kelvin_per_s: float = 1e-4) -> Undo:
    """Let the mixing chamber warm at this rate."""
    fridge = site.world.refrigerator
    fridge.hold(fridge.temperature, kelvin_per_s)
    return fridge.release


def temperature(site: Site, seed: int, kelvin: float) -> Undo:
    """Hold the mixing chamber at a temperature."""
    fridge = site.world.refrigerator
    fridge.hold(kelvin)
    return fridge.release


def trip(site: Site, seed: int, machine: str = "turbo") -> Undo:
    """Stop a machine."""
    fridge = site.world.refrigerator
    fridge.switch(machine, False)
    return partial(fridge.switch, machine, True)


def block(site: Site, seed: int, impedance: float = 10.0) -> Undo:
    """Block the condensing line: its pressure steps up, the flow falls."""
    fridge = site.world.refrigerator
    fridge.block(impedance)
    return partial(fridge.block, 1.0)


def warm_up(site: Site, seed: int) -> Undo:
    """Collect the mixture and stop the pulse tube, as for a planned warm-up."""
    fridge = site.world.refrigerator
    fridge.circulate(False)
    fridge.switch(PULSE_TUBE, False)

    def cool() -> None:
        fridge.switch(PULSE_TUBE, True)
        fridge.circulate(True)

    return cool


def _broken(status: Status) -> Callable[..., Undo]:
    def fail(site: Site, seed: int, stage: str = "mixing_chamber") -> Undo:
        sensor = site.world.refrigerator.thermometer(stage)
        sensor.fail(status)
        return sensor.mend

    return fail


def freeze(site: Site, seed: int, stage: str = "mixing_chamber") -> Undo:
    """Let a thermometer show what it shows now, whatever happens."""
    fridge = site.world.refrigerator
    sensor = fridge.thermometer(stage)
    sensor.freeze(fridge.temperatures()[stage])
    return sensor.mend


def _apis(site: Site) -> dict[str, BlueforsApi]:
    return {name: box for name, box in site.further.items() if isinstance(box, BlueforsApi)}


def new_key(site: Site, seed: int, instrument: str) -> Undo:
    """Change the key that a control software wants of its clients."""
    api = _apis(site)[instrument]
    before, api.key = api.key, f"changed-{seed}"

    def back() -> None:
        api.key = before

    return back


_STAGE = {"stage": Known("stage", lambda site, _: STAGES)}
_MACHINE = {"machine": Known("machine", lambda site, _: MACHINES)}
_KEYED = {"instrument": Known("instrument with keys", lambda site, _: _apis(site))}
_SENSOR = ("sensor {stage}",)
_HELD = ("temperature",)
_KELVIN = Bound(lambda x: 0 < x < 400, "above {} and below {}", (0, 400))

FAULTS = (
    Fault(
        "heat", "F1", "so many watts more on a stage", heat,
        {"watts": above(0, 1e4), **_STAGE},
    ),
    Fault(
        "ramp", "F1", "the mixing chamber warms at this rate", ramp,
        {"kelvin_per_s": from_to(-10, 10)}, _HELD,
    ),
    Fault(
        "temperature", "F1", "the mixing chamber is held at this temperature", temperature,
        {"kelvin": _KELVIN}, _HELD,
    ),
    Fault(
        "sensor-nan", "F2", "a thermometer reports no number", _broken(Status.NO_NUMBER), _STAGE,
        _SENSOR,
    ),
    Fault(
        "sensor-frozen", "F2", "a thermometer shows what it shows now, for ever", freeze, _STAGE,
        _SENSOR,
    ),
    Fault(
        "sensor-over-range", "F2", "a thermometer is out of range", _broken(Status.OVER_RANGE),
        _STAGE, _SENSOR,
    ),
    Fault(
        "sensor-unplugged", "F2", "a thermometer is gone", _broken(Status.DISCONNECTED), _STAGE,
        _SENSOR,
    ),
    Fault(
        "trip", "F3", "a machine stops: pulse_tube, turbo or fore_pump", trip, _MACHINE,
        ("{machine}",),
    ),
    Fault(
        "block", "F3", "the condensing line is blocked: a pressure step", block,
        {"impedance": above(1, 1e6)}, ("line",),
    ),
    Fault(
        "new-key", "F4", "the control software wants another key: access denied", new_key, _KEYED,
        ("key {instrument}",),
    ),
    Fault(
        "warm-up", "F5", "planned warm-up: mixture collected, pulse tube off", warm_up, {},
        (PULSE_TUBE, "mixture"),
    ),
)  # fmt: skip
