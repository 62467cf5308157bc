"""Units as they stand in the headers of files."""

from __future__ import annotations

import difflib
import math
import re

from kammerton.model.quantity import split_unit

ALIASES = {
    "sec": "s", "secs": "s", "mus": "us", "degree": "deg", "degrees": "deg", "degs": "deg",
    "grad": "deg", "grade": "deg", "grd": "deg", "°": "deg", "º": "deg", "radian": "rad",
    "radians": "rad", "rads": "rad", "hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz",
    "percent": "%", "prozent": "%", "db": "dB", "dbm": "dBm", "decibel": "dB", "decibels": "dB",
    "a.u.": "", "arb. units": "", "arb.u.": "", "arb": "", "#": "", "1": "", "-": "",
}  # fmt: skip
"""Grad is German for degree; as letters it could be a thousand million radians."""

WORDS = {
    "second": "s", "seconds": "s", "sekunde": "s", "sekunden": "s", "hertz": "Hz", "volt": "V",
    "volts": "V", "watt": "W", "watts": "W", "ampere": "A", "amperes": "A",
}  # fmt: skip
PREFIX_WORDS = {"": "", "pico": "p", "nano": "n", "micro": "u", "mikro": "u", "milli": "m",
                "kilo": "k", "mega": "M", "giga": "G"}  # fmt: skip
ALIASES |= {p + w: q + unit for p, q in PREFIX_WORDS.items() for w, unit in WORDS.items()}
PREFIXED = {"n": "n", "u": "u", "µ": "u", "μ": "u", "mu": "u", "m": "m", "p": "p"}
ALIASES |= {p + sec: f"{q}s" for p, q in PREFIXED.items() for sec in ("sec", "secs")}
FACTORS = {"ps": ("s", 1e-12), "fs": ("s", 1e-15), "THz": ("Hz", 1e12), "%": ("", 0.01),
           "pW": ("W", 1e-12), "fW": ("W", 1e-15), "deg": ("rad", math.pi / 180)}  # fmt: skip

_COUNTED = (
    r"min|minutes?|minuten|hours?|stunden?|clk|clocks?|(clock[ _])?cycles?|samples?|ticks?|turns?"
    r"|periods?"
)
_MU = re.compile(r"\\(up)?mu(?![a-z])\s*|\\textmu\s*")
_DEGREE = re.compile(r"\^?\s*\{?\s*\\(circ|degree)\s*\}?")
_TEX = re.compile(r"\\(mathrm|mathit|textrm|text|rm|,|;|:|!|\s)|[${}]|\\(?=%)")
_IN_BRACKETS = re.compile(r".*\(\s*([^()]*?)\s*\)")
_AT_THE_END = re.compile(rf".*[^\W_]_({_COUNTED})", flags=re.IGNORECASE)
_NO_WORD = re.compile(rf"{_COUNTED}|[hd]|herz|[\d.,]+\s*[a-zµμ]+", flags=re.IGNORECASE)
PLAIN_WORDS = {
    "avg", "raw", "fit", "log", "lin", "abs", "rel", "sim", "std", "on", "off", "set", "exp",
    "meas", "mean", "new", "old", "echo", "swap", "all", "ge", "ef", "gf",
    "if", "rf", "lo", "xy", "vna", "awg", "tau", "wait", "time", "freq", "det",
}  # fmt: skip
"""Of up to four letters, as units are too, but none."""

ALIKE = 0.75
"""Of the letters of a unit: what has so many of them in their order is thought to be meant."""

DECIBEL = {"dB": "voltage ratio", "dBm": "√(P / 1 mW)"}
"""What a level becomes, which is fitted as a voltage."""


def si(text: str) -> tuple[str, float]:
    r"""Return the SI unit of a unit text and the factor to it, e.g. "GHz" -> ("Hz", 1e9).

    As LaTeX writes it, too: "$\mu$s".

    Raises
    ------
    ValueError
        The text is no unit that Kammerton knows.
    """
    text = _untexed(text).strip()
    text = ALIASES.get(text, ALIASES.get(text.lower(), text))
    return FACTORS[text] if text in FACTORS else split_unit(text)


def _untexed(text: str) -> str:
    if not set("\\$") & set(text):
        return text
    text = _MU.sub("u", _DEGREE.sub("deg", text))
    return _TEX.sub("", text)


def level(unit: str | None) -> str:
    """Return "dB" or "dBm" where a unit as written is that of a level, else "".

    A level over any other voltage (dBV) differs from one in dB by a factor.
    """
    text = (unit or "").strip().casefold()
    text = ALIASES.get(text, text)
    if text == "dBm":
        return text
    return "dB" if text.casefold().startswith("db") else ""


def unknown_unit(title: str) -> str | None:
    """Return what a title says in round brackets or at its end as a unit, though it is none known.

    >>> unknown_unit("delay (msc)"), unknown_unit("delay (averaged)"), unknown_unit("wait_cycles")
    ('msc', None, 'cycles')
    """
    if match := _AT_THE_END.fullmatch(title.strip()):
        return match[1]
    match = _IN_BRACKETS.fullmatch(title.strip())
    return match[1] if match and _no_plain_word(match[1]) else None


def _no_plain_word(text: str) -> bool:
    word = text.casefold()
    short = 1 < len(word) <= 4 and word.isalpha() and word not in PLAIN_WORDS
    long = [name for name in ALIASES if len(name) > 4]
    near = difflib.get_close_matches(word, long, n=1, cutoff=ALIKE)
    foreign = bool(set("\\$^µμ°") & set(text))
    return foreign or short or bool(near) or _NO_WORD.fullmatch(text) is not None
