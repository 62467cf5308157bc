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

POSITIVE: Rule = ("must be above 0", lambda x: x > 0)
FREQUENCY: Rule = ("must lie between 1 MHz and 100 GHz", lambda x: 1e6 <= x <= 100e9)
CARRIER: Rule = ("must lie between 1 MHz and 12.75 GHz", lambda x: 1e6 <= x <= 12.75e9)
"""What an SGS100A can be set to."""
NEGATIVE: Rule = ("must be below 0", lambda x: x < 0)
NOT_NEGATIVE: Rule = ("must not be below 0", lambda x: x >= 0)
FRACTION: Rule = ("must lie between 0 and 1", lambda x: 0 < x < 1)
ANY: Rule = ("", lambda x: True)

QUBIT: Mapping[str, Rule] = {
    "f01_hz": FREQUENCY,
    "anharmonicity_hz": NEGATIVE,
    "t1_s": POSITIVE,
    "t2_s": POSITIVE,
    "slow_dephasing_hz": NOT_NEGATIVE,
    "rabi_rate_rad_per_s_per_v": POSITIVE,
    "floor_temperature_k": POSITIVE,
    "f01_drift_hz": NOT_NEGATIVE,
    "f01_drift_time_s": POSITIVE,
    "t1_drift": NOT_NEGATIVE,
    "t1_drift_time_s": POSITIVE,
}
RESONATOR: Mapping[str, Rule] = {
    "frequency_hz": FREQUENCY,
    "chi_hz": NEGATIVE,
    "linewidth_hz": POSITIVE,
    "visibility": FRACTION,
    "asymmetry_rad": ANY,
}
FEEDLINE: Mapping[str, Rule] = {
    "delay_s": NOT_NEGATIVE,
    "gain": POSITIVE,
    "gain_phase_rad": ANY,
    "noise_v": NOT_NEGATIVE,
    "full_scale_v": POSITIVE,
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
