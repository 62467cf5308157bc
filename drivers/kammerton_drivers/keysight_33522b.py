"""Keysight 33522B as a pulse generator for flux lines, over the upstream QCoDeS driver.

Its own limits are those of its levels: see `k33522b_limits`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from itertools import chain
from typing import Any

from qcodes.instrument_drivers.Keysight import Keysight33522B

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity, State
from kammerton.model.setup import limits_itself
from kammerton_drivers.k33522b_limits import levels, own_limits, put_limits, state_of_limits
from kammerton_drivers.line import SOCKET, Careful, idn, without_delay
from kammerton_drivers.queue import powered_on
from kammerton_drivers.session import Session

_MOST_ERRORS = 21
_LONGEST_SHARE = 0.5  # of the period that the pulse may take
_FASTEST = 1e6  # Hz
_LEAST = 1e-3  # Vpp, of any pulse


@limits_itself(own_limits)
def connect(name: str, address: str) -> Keysight33522b:
    """Connect to a generator by its VISA address; its outputs stay as they are.

    Raises
    ------
    InstrumentError
        Nobody answers there.
    """
    generator = Keysight33522b(name, address)
    generator.session.connect()
    return generator


class Keysight33522b:
    """A PulseGenerator: one pulse at each rising edge of the trigger input."""

    fastest_edge = 8.4e-9
    """s, the least that its manual gives: the driver leaves what a hand has set."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.session = Session(name, address, lambda label: _opened(label, address), guarded=True)

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def limit(self, allowed: Mapping[str, tuple[float, float]]) -> None:
        """Set the limits that the box itself puts to the levels of both channels; read them back.

        A level beyond them of a channel that is off is brought within them before.

        Raises
        ------
        InstrumentError
            A channel is on beyond them, or the box does not take them.
        """
        if limits := own_limits(allowed):
            low, high = (float(limit.value) for limit in limits[:2])
            for channel in (1, 2):
                put_it = partial(_put_limits, number=channel, low=low, high=high)
                action = f"limit channel {channel} to {low:g} to {high:g} V"
                await self.session.do(action, put_it)

    async def state(self) -> State:
        """Ask for the limits and the load that they are volts into; nothing changes.

        Levels and outputs, which the gate sets, are asked for by `settings`.
        """
        return await self.session.read("read limits", _state)

    async def set_pulse(self, channel: int, volts: float, width: float) -> None:
        """Rest at 0 V and go to `volts` for `width` s at every trigger; the output stays off.

        Raises
        ------
        InstrumentError
            The output is on, or the box does not take a setting.
        """
        if not (math.isfinite(volts) and abs(volts) >= _LEAST and width > 0):
            raise InstrumentError(f"{self.name}: no pulse of {volts} V for {width} s")
        action = f"set channel {channel} to {volts:g} V for {width:g} s"
        await self.session.do(action, lambda box: _set_pulse(box, channel, volts, width))

    async def enable(self, channel: int, *, on: bool) -> None:
        """Switch the output of a channel on or off.

        Raises
        ------
        InstrumentError
            What shall go on is no pulse that rests at 0 V.
        """
        action = f"switch channel {channel} {'on' if on else 'off'}"
        await self.session.do(action, lambda box: _switch(box, channel, on=on))

    async def settings(self, channel: int) -> tuple[float, float, bool]:
        """Ask for the pulse's volts, its width in s and whether the output is on.

        The volts are those of the level that is further from 0 V, wherever the other one is.
        """
        return await self.session.read("read settings", lambda box: _settings(box, channel))

    async def safe(self) -> None:
        """Switch both outputs off and read back that they are."""
        if on := await self.session.do("switch off", _switched_off, verifies=True):
            place = f"{self.name} ({self.session.address})"
            raise InstrumentError(f"{place}: {', '.join(on)} stay on after they were told off")

    async def close(self) -> None:
        """Close the session; outputs stay as they are."""
        await self.session.close()


class _Quiet33522B(Careful, Keysight33522B):
    """The upstream driver, which would greet on stdout."""

    def get_idn(self) -> dict[str, str | None]:
        """Ask who is there; upstream looks channels up by its own label when nobody answers."""
        try:
            without_delay(self)
            who = _expected(idn(self))
        except BaseException:
            self.close()
            raise
        return {
            "vendor": who.vendor, "model": who.model,
            "serial": who.serial, "firmware": who.firmware,
        }  # fmt: skip

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


def _expected(who: Identity) -> Identity:
    if who.model != "33522B":
        raise InstrumentError(f"this is no 33522B but {who.vendor} {who.model}")
    return who


def _opened(label: str, address: str) -> _Quiet33522B:
    try:
        return _Quiet33522B(label, address, **SOCKET)
    except InstrumentError as error:
        raise InstrumentError(error.args[0]) from None  # QCoDeS adds which parameter was asked


def _channel(box: _Quiet33522B, number: int) -> Any:
    if number not in (1, 2):
        raise InstrumentError(f"{box.name} has no channel {number}")
    return box.ch1 if number == 1 else box.ch2


def _put_limits(box: _Quiet33522B, *, number: int, low: float, high: float) -> None:
    put_limits(box, _channel(box, number), number, (low, high))


def _state(box: _Quiet33522B) -> State:
    limits = (state_of_limits(box, number).items() for number in (1, 2))
    return {**dict(chain.from_iterable(limits)), "power_on": powered_on(box)}


def _word(on: bool) -> str:
    return "ON" if on else "OFF"


def _switch(box: _Quiet33522B, number: int, *, on: bool) -> None:
    """Switch; on only what the gate has seen all of: a hand may have set another wave since."""
    channel = _channel(box, number)
    if on and not (channel.function_type() == "PULS" and _rests(levels(box, number))):
        low, high = levels(box, number)
        raise InstrumentError(
            f"{box.name}: channel {number} is set to {channel.function_type()} of {low:g} to "
            f"{high:g} V, which is no pulse that rests at 0 V; set it anew"
        )
    channel.output(_word(on))


def _rests(ends: tuple[float, float]) -> bool:
    return min(map(abs, ends)) <= max(_LEAST / 2, 1e-3 * max(map(abs, ends)))


def _set_pulse(box: _Quiet33522B, number: int, volts: float, width: float) -> None:
    channel = _channel(box, number)
    if channel.output() == "ON":
        raise InstrumentError(
            f"{box.name}: channel {number} is on; its pulse is set while it is off"
        )
    channel.function_type("PULS")
    _errors(box)  # also of what the last function left, which a pulse may have no room for
    highest = _LONGEST_SHARE / width
    channel.frequency(min(float(channel.frequency()), highest))  # first, so that the width fits
    channel.pulse_width(width)
    channel.frequency(min(_FASTEST, highest))
    channel.amplitude_unit("VPP")
    channel.amplitude(_LEAST)  # first, so that no step between is beyond a limit of the levels
    channel.offset(volts / 2)
    channel.amplitude(abs(volts))
    channel.output_polarity("NORM" if volts > 0 else "INV")
    channel.burst_mode("N Cycle")
    channel.burst_ncycles(1)
    channel.trigger_source("EXT")
    channel.trigger_slope("POS")
    channel.burst_state("ON")
    if said := _errors(box):
        raise InstrumentError(f"{box.name}: {said}")
    taken = _settings(box, number)[:2]
    if not (
        channel.function_type() == "PULS"
        and math.isclose(taken[0], volts, rel_tol=1e-3)
        and math.isclose(taken[1], width, rel_tol=1e-3, abs_tol=1e-10)
    ):
        raise InstrumentError(f"{box.name} takes {taken[0]:g} V for {taken[1]:g} s")


def _errors(box: _Quiet33522B) -> str:
    """Empty the error queue and return what was in it."""
    said = []
    for _ in range(_MOST_ERRORS):
        code, text = box.error()
        if code == 0:
            break
        said.append(f"{text} ({code})")
    return "; ".join(said)


def _settings(box: _Quiet33522B, number: int) -> tuple[float, float, bool]:
    channel = _channel(box, number)
    volts = max(levels(box, number), key=abs)
    return volts, float(channel.pulse_width()), channel.output() == "ON"


def _switched_off(box: _Quiet33522B) -> list[str]:
    for channel in (box.ch1, box.ch2):
        channel.output("OFF")
    return [c.short_name for c in (box.ch1, box.ch2) if c.output() != "OFF"]
