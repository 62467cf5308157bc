"""Units as they stand in the headers of files."""

from __future__ import annotations

import math

from kammerton.model.quantity import split_unit

ALIASES = {
    "sec": "s", "seconds": "s", "second": "s", "usec": "us", "nsec": "ns", "msec": "ms",
    "degree": "deg", "degrees": "deg", "°": "deg", "radian": "rad", "radians": "rad",
    "volt": "V", "volts": "V", "hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz",
    "db": "dB", "dbm": "dBm", "decibel": "dB", "decibels": "dB", "watt": "W", "watts": "W",
    "a.u.": "", "arb. units": "", "arb.u.": "", "arb": "", "#": "", "1": "", "-": "",
}  # fmt: skip
FACTORS = {"ps": ("s", 1e-12), "fs": ("s", 1e-15), "THz": ("Hz", 1e12), "%": ("", 0.01),
           "pW": ("W", 1e-12), "fW": ("W", 1e-15), "deg": ("rad", math.pi / 180)}  # fmt: skip

DECIBEL = {"dB": "voltage ratio", "dBm": "voltage over that of 0 dBm"}
"""What a level becomes, which is fitted as a voltage."""


def si(text: str) -> tuple[str, float]:
    """Return the SI unit of a unit text and the factor to it, e.g. "GHz" -> ("Hz", 1e9).

    Raises
    ------
    ValueError
        The text is no unit that Kammerton knows.
    """
    text = text.strip()
    text = ALIASES.get(text, ALIASES.get(text.lower(), text))
    return FACTORS[text] if text in FACTORS else split_unit(text)


def level(unit: str | None) -> str:
    """Return "dB" or "dBm" where a unit as written is that of a level, else "".

    A level over any other voltage (dBV) differs from one in dB by a factor.
    """
    text = (unit or "").strip().casefold()
    text = ALIASES.get(text, text)
    if text == "dBm":
        return text
    return "dB" if text.casefold().startswith("db") else ""
