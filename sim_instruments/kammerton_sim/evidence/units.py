"""What the levels of outputs are in, by the ledger's name of them."""

from __future__ import annotations

from collections.abc import Mapping

_VOLTS = (
    "peak", "level", "low", "high", "ramp", "offset", "amplitude", "voltage_limit",
    "voltage_limit_low", "voltage_limit_high",
    "marker_high", "marker_low",
)  # fmt: skip
UNITS: Mapping[str, str] = {
    **dict.fromkeys(("frequency", "sweep_from", "sweep_to"), "Hz"),
    **dict.fromkeys(_VOLTS, "V"),
    **dict.fromkeys(("current", "current_limit"), "A"),
    **dict.fromkeys(("clock_rate", "rate"), "Sa/s"),
    **dict.fromkeys(("phase", "burst_phase"), "deg"),
    **dict.fromkeys(("width", "delay"), "s"),
    **dict.fromkeys(("power", "power_limit"), "dBm"),
    "symmetry": "%",
}
"""A level of a source of currents is in A: whoever notes that in the ledger says so."""
