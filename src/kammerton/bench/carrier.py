"""Moving a source's carrier and power to where they shall be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kammerton.bench.guard import Guard
from kammerton.bench.limits import is_within
from kammerton.bench.ramp import walk
from kammerton.lab import Limit
from kammerton.model.roles import MicrowaveSource


async def move(
    guard: Guard,
    source: MicrowaveSource,
    wanted: tuple[float, float],
    limits: tuple[Limit, Limit],
    off: Callable[[], Awaitable[None]],
) -> tuple[float, float]:
    """Set a source to Hz and dBm; return where it was. One that is on moves no faster than it may.

    off: switches it off, which is needed where it stands outside its limits: there is no way inside
    but through what is forbidden.
    """
    (hz, dbm), (frequency, power) = wanted, limits
    old_hz, old_dbm, on = await source.settings()
    inside = is_within(frequency, old_hz) and is_within(power, old_dbm)
    if on and not inside:
        await off()
    set_power = guard.while_free(source.name, source.set_power)
    set_frequency = guard.while_free(source.name, source.set_frequency)
    if on and inside:
        await walk(set_power, old_dbm, dbm, power)
        await walk(set_frequency, old_hz, hz, frequency)
    else:
        await set_power(dbm)
        await set_frequency(hz)
    return old_hz, old_dbm
