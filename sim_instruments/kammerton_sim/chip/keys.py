"""The numbers of chip.toml: their keys, in the order of the words, and what they may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Rule = tuple[str, Callable[[float], bool]]
"""What is said of a number that breaks the rule, and the rule."""

POSITIVE: Rule = ("must be above 0", lambda x: x > 0)
_NEGATIVE: Rule = ("must be below 0", lambda x: x < 0)
_NOT_NEGATIVE: Rule = ("must not be below 0", lambda x: x >= 0)
_FRACTION: Rule = ("must lie between 0 and 1", lambda x: 0 < x < 1)
_ANY: Rule = ("", lambda x: True)

QUBIT: Mapping[str, Rule] = {
    "f01_hz": POSITIVE,
    "anharmonicity_hz": _NEGATIVE,
    "t1_s": POSITIVE,
    "t2_s": POSITIVE,
    "slow_dephasing_hz": _NOT_NEGATIVE,
    "rabi_rate_rad_per_s_per_v": POSITIVE,
    "floor_temperature_k": POSITIVE,
    "f01_drift_hz": _NOT_NEGATIVE,
    "f01_drift_time_s": POSITIVE,
    "t1_drift": _NOT_NEGATIVE,
    "t1_drift_time_s": POSITIVE,
}
RESONATOR: Mapping[str, Rule] = {
    "frequency_hz": POSITIVE,
    "chi_hz": _NEGATIVE,
    "linewidth_hz": POSITIVE,
    "visibility": _FRACTION,
    "asymmetry_rad": _ANY,
}
FEEDLINE: Mapping[str, Rule] = {
    "delay_s": _NOT_NEGATIVE,
    "gain": POSITIVE,
    "gain_phase_rad": _ANY,
    "noise_v": _NOT_NEGATIVE,
    "full_scale_v": POSITIVE,
}
