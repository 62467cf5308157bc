"""The keys of chip.toml: its sections, and its numbers and what they may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

Table = Mapping[str, Any]

Rule = tuple[str, Callable[[float], bool]]
"""What is said of a number that breaks the rule, and the rule."""

TOP = ("name", "seed", "qubits", "resonators", "wiring")
"""What every chip has."""


def within(least: float, most: float, said: str) -> Rule:
    """Return the rule of a number from `least` to `most`; `said`: how both are written."""
    return f"must lie between {said}", lambda x: least <= x <= most


def up_to(most: float, said: str) -> Rule:
    """Return the rule of a number above 0 that is at most `most`."""
    return f"must be above 0 and at most {said}", lambda x: 0 < x <= most


def at_least(least: float, said: str) -> Rule:
    """Return the rule of a number that is at least `least`."""
    return f"must be at least {said}", lambda x: x >= least


POSITIVE: Rule = ("must be above 0", lambda x: x > 0)
NEGATIVE: Rule = ("must be below 0", lambda x: x < 0)
NOT_NEGATIVE: Rule = ("must not be below 0", lambda x: x >= 0)
FRACTION: Rule = ("must lie between 0 and 1", lambda x: 0 < x < 1)
ANY: Rule = ("", lambda x: True)
FREQUENCY = within(1e6, 100e9, "1 MHz and 100 GHz")
CARRIER = within(1e6, 12.75e9, "1 MHz and 12.75 GHz")
"""What an SGS100A can be set to."""
WIDTH = within(1.0, 10e9, "1 Hz and 10 GHz")
KELVIN = up_to(300.0, "300 K")
LIFETIME = at_least(1e-9, "1 ns")
MOVES_WITHIN = at_least(1e-6, "1 us")
"""Unix times have steps of a quarter of that."""
RATE = up_to(1e6, "1e6 per s")
"""Of events, which are drawn one by one."""

QUBIT: Mapping[str, Rule] = {
    "f01_hz": FREQUENCY,
    "anharmonicity_hz": NEGATIVE,
    "t1_s": LIFETIME,
    "t2_s": LIFETIME,
    "slow_dephasing_hz": within(0.0, 1e9, "0 and 1 GHz"),
    "rabi_rate_rad_per_s_per_v": up_to(1e12, "1e12"),
    "floor_temperature_k": KELVIN,
    "f01_drift_hz": within(0.0, 100e6, "0 and 100 MHz"),
    "f01_drift_time_s": MOVES_WITHIN,
    "t1_drift": within(0.0, 3.0, "0 and 3"),
    "t1_drift_time_s": MOVES_WITHIN,
}
RESONATOR: Mapping[str, Rule] = {
    "frequency_hz": FREQUENCY,
    "chi_hz": NEGATIVE,
    "linewidth_hz": WIDTH,
    "visibility": FRACTION,
    "asymmetry_rad": ANY,
}
FEEDLINE: Mapping[str, Rule] = {
    "delay_s": within(0.0, 1e-3, "0 and 1 ms"),
    "gain": POSITIVE,
    "gain_phase_rad": ANY,
    "noise_v": NOT_NEGATIVE,
    "full_scale_v": within(1e-6, 1e3, "1 uV and 1000 V"),
}


def as_meant(table: Table, optional: Iterable[str]) -> Table:
    """Return the file's tables, with those of misspelt names among those that are meant."""
    known = (*TOP, *optional)
    found = {key: value for key, value in table.items() if key in known}
    for key in table:
        if key not in found and (near := get_close_matches(key, TOP, 1)):
            there, more = found.get(near[0], {}), table[key]
            both = isinstance(there, dict) and isinstance(more, dict)
            found[near[0]] = {**more, **there} if both else there or more
    return found
