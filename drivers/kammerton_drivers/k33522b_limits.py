"""The limits that a Keysight 33522B keeps its own levels to, whoever sets them.

With [SOURce[1|2]:]VOLTage:LIMit:STATe on, a level that would be beyond LIMit:HIGH or LOW is clipped
to it under "Settings conflict" (33500 manual, VOLTage subsystem). They are volts into OUTPut:LOAD,
which cannot be changed meanwhile (the same, Output Termination).

Not found: what they resolve, what *RST and a power cycle make of them, and what the box does where
the signal is beyond a limit that comes on. So they are whole millivolts, read back, and asked for
with all other settings, and what is off is brought within them before they are.
"""

from __future__ import annotations

import math
from typing import Any

from kammerton.model import InstrumentError
from kammerton.model.roles import State
from kammerton.model.setup import Allowed, Setting
from kammerton_drivers.queue import scpi_errors

MOST = 10.0
"""V of peak into an open circuit, half as much into 50 ohm."""

PER_VOLT = 1000
"""Steps in which limits are set; two levels are one apart at least (33500 manual)."""

LINE = 50.0
"""Ohm of the line that lab.toml means volts into."""

_CLOSE = 1e-6


def own_limits(allowed: Allowed) -> tuple[Setting, ...]:
    """Return the limits of its levels: the widest that they can be and lab.toml allows.

    A pulse rests at 0 V, which lies within them whatever lab.toml says. None where that allows less
    than the smallest pulse: the box cannot be limited to so little, and the gate lets none pass.
    """
    least, most = allowed.get("volts", (0.0, 0.0))
    low, high = 0.0 - _towards_zero(-least), _towards_zero(most)
    if not low < high:
        return ()
    return (
        Setting("channels.voltage_limit_low", low, "V"),
        Setting("channels.voltage_limit_high", high, "V"),
        Setting("channels.voltage_limits", "on"),
    )


def _towards_zero(volts: float) -> float:
    """Return how far from 0 V a limit lies, no further than `volts`."""
    return math.floor(round(min(max(volts, 0.0), MOST) * PER_VOLT, 6)) / PER_VOLT


def put_limits(box: Any, channel: Any, number: int, wanted: tuple[float, float]) -> None:
    """Limit the levels of a channel to `wanted` V, low and high; no output changes.

    Raises
    ------
    InstrumentError
        It is on beyond them, or the box does not take them.
    """
    limits = _into_load(box, number, wanted)
    if _are(box, number, limits):
        return
    _bring_within(box, channel, number, limits)
    scpi_errors(box)  # those of before
    _tell(box, number, limits)
    if not _are(box, number, limits):
        low, high = (_asked(box, number, end) for end in ("LOW", "HIGH"))
        said = "; ".join([f"{low:g} to {high:g} V", *scpi_errors(box)])
        raise InstrumentError(
            f"{box.name} takes limits of channel {number} of {said}, "
            f"{'on' if _on(box, number) else 'off'}, instead of {limits[0]:g} to {limits[1]:g} V"
        )


def levels(box: Any, number: int) -> tuple[float, float]:
    """Ask for the lowest and the highest V of a channel, in whatever unit its amplitude is set."""
    low, high = (float(box.ask(f"SOURce{number}:VOLTage:{end}?")) for end in ("LOW", "HIGH"))
    return low, high


def state_of_limits(box: Any, number: int) -> State:
    """Ask for the limits of a channel and for the load."""
    load = _load(box, number)
    return {
        f"voltage_limit_low.{number}": _asked(box, number, "LOW"),
        f"voltage_limit_high.{number}": _asked(box, number, "HIGH"),
        f"voltage_limits.{number}": _on(box, number),
        f"load.{number}": f"{load:g} ohm" if math.isfinite(load) else "open",
    }


def _into_load(box: Any, number: int, wanted: tuple[float, float]) -> tuple[float, float]:
    """Return limits as the box calls them, into the load that it is told.

    They are not above `wanted` into that load nor into 50 ohm: of a smaller load the box calls
    fewer volts what gives more of them on the line.
    """
    load = _load(box, number)
    most = MOST / (1 + LINE / load)
    share = min(1.0, 2 / (1 + LINE / load))
    low, high = (_towards_zero(min(abs(volts) * share, most)) for volts in wanted)
    return 0.0 - low, high


def _bring_within(box: Any, channel: Any, number: int, limits: tuple[float, float]) -> None:
    """Bring a level that is beyond its coming limits within them, while it is off."""
    low, high = levels(box, number)
    if limits[0] - _CLOSE <= low <= high <= limits[1] + _CLOSE:
        return
    if channel.output() != "OFF":
        raise InstrumentError(
            f"{box.name}: channel {number} is on with {low:g} to {high:g} V: "
            f"limits of {limits[0]:g} to {limits[1]:g} V would change that"
        )
    _switch(box, number, on=False)
    channel.amplitude_unit("VPP")
    channel.amplitude(1 / PER_VOLT)
    half = 0.5 / PER_VOLT
    channel.offset(min(max(0.0, limits[0] + half), limits[1] - half))


def _tell(box: Any, number: int, limits: tuple[float, float]) -> None:
    """Set both limits, in the order in which the low one is never above the high one."""
    ends = dict(zip(("LOW", "HIGH"), limits, strict=True))
    high_first = limits[1] > _asked(box, number, "LOW")
    for end in ("HIGH", "LOW") if high_first else ("LOW", "HIGH"):
        box.write(f"SOURce{number}:VOLTage:LIMit:{end} {ends[end]:.3f}")
    _switch(box, number, on=True)


def _are(box: Any, number: int, limits: tuple[float, float]) -> bool:
    found = (_asked(box, number, end) for end in ("LOW", "HIGH"))
    same = all(abs(is_ - wanted) <= _CLOSE for is_, wanted in zip(found, limits, strict=True))
    return same and _on(box, number)


def _asked(box: Any, number: int, end: str) -> float:
    return float(box.ask(f"SOURce{number}:VOLTage:LIMit:{end}?"))


def _on(box: Any, number: int) -> bool:
    return bool(int(box.ask(f"SOURce{number}:VOLTage:LIMit:STATe?")))


def _switch(box: Any, number: int, *, on: bool) -> None:
    box.write(f"SOURce{number}:VOLTage:LIMit:STATe {int(on)}")


def _load(box: Any, number: int) -> float:
    """Return the load in ohm that the box is told; 9.9E37 is an open circuit."""
    load = float(box.ask(f"OUTPut{number}:LOAD?"))
    return load if load < 1e30 else math.inf
