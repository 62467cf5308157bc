"""Settings of instruments as a person reads them, in the log and in the audit."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kammerton.model.quantity import exact, show
from kammerton.model.roles import FrequencySweep, Playlist

COLD, NEVER_REFUSED, UNKNOWN = "cold, and not held", "never refused", "unknown"
"""Rules that let an output change beside limits, and what it was where nobody knows."""

UNITS = {
    "frequency": "Hz", "power": "dBm", "amplitude": "V", "offset": "V", "voltage": "V",
    "clock_rate": "Hz", "power_limit": "dBm",
    "voltage_limit": "V", "current_limit": "A",
    "voltage_limit_low": "V", "voltage_limit_high": "V",
}  # fmt: skip
"""By the first part of a setting's name."""


def setting(name: str, value: object) -> str:
    """Return what a setting is: "on", "4.95 GHz", or as the instrument says it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return exact(value, UNITS.get(name.partition(".")[0], ""))
    return str(value)


def called(name: str) -> str:
    """Return what a setting is called: "on.3" is "output 3"."""
    kind, _, channel = name.partition(".")
    return f"output {channel}".rstrip() if kind == "on" else name


def difference(name: str, old: object, new: object) -> str:
    """Say that a setting is not as it was."""
    return f"{called(name)} is {setting(name, new)}, not {setting(name, old)}"


def differences(found: Iterable[tuple[str, object, object]]) -> str:
    """Say all that is not as it was; channels that have the same to say say it once."""
    alike: dict[tuple[str, object, object], list[str]] = {}
    for name, old, new in found:
        kind, _, channel = name.partition(".")
        alike.setdefault((kind, old, new), []).append(channel)
    return ", ".join(_of_channels(*each, its) for each, its in alike.items())


def _of_channels(kind: str, old: object, new: object, its: list[str]) -> str:
    if len(its) == 1:
        return difference(".".join(filter(None, (kind, *its))), old, new)
    change = f"{setting(kind, new)}, not {setting(kind, old)}"
    if kind == "on":
        return f"outputs {', '.join(its)} are {change}"
    return f"{kind} of {', '.join(its)} is {change}"


def carrier(hz: float, dbm: float) -> str:
    """Return frequency and power of a source."""
    return f"{exact(hz, 'Hz')} at {exact(dbm, 'dBm')}"


def pulse(volts: float, width: float) -> str:
    """Return height and length of a pulse."""
    return f"{exact(volts, 'V')} for {exact(width, 's')}"


def swept(sweep: FrequencySweep) -> str:
    """Return ends and power of a sweep."""
    return f"{exact(sweep.start, 'Hz')} to {carrier(sweep.stop, sweep.power)}"


def channels(numbers: Iterable[int]) -> str:
    """Return which channels are on."""
    return ", ".join(str(number) for number in sorted(numbers)) or "none"


def playlist(given: Playlist) -> str:
    """Return what a generator is given, e.g. "t1, up to 193 mV"."""
    peak = max(float(np.max(np.abs(wave.volts))) for wave in given.waves.values())
    return f"playlist {given.name}, up to {show(peak, 'V')}"
