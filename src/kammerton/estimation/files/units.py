"""Units as they stand in the headers of files."""

from __future__ import annotations

import difflib
import math
import re

from kammerton.model.quantity import split_unit

ALIASES = {
    "US": "us", "NS": "ns", "MS": "ms", "sec": "s", "secs": "s", "mus": "us", "deg": "deg",
    "degree": "deg", "degrees": "deg", "degs": "deg", "grad": "deg", "grade": "deg", "grd": "deg",
    "°": "deg", "º": "deg", "rad": "rad", "radian": "rad", "radians": "rad", "rads": "rad",
    "hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz", "percent": "%", "prozent": "%",
    "db": "dB", "dbm": "dBm", "decibel": "dB", "decibels": "dB",
    "a.u.": "", "arb. units": "", "arb.u.": "", "arb": "", "#": "", "1": "", "-": "",
}  # fmt: skip
"""Grad is German for degree; as letters it could be a thousand million radians. Instruments write
units in capitals; uS and nS are conductances."""

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
_SPACE = re.compile(r"\\(?:[,;:!\s]|q?quad(?![a-z]))|(?<=\$)~|~(?=\$)")
_MU = re.compile(r"\\(?:(?:up)?mu(?![a-z])|textmu)[\s{}$]*")
_DEGREE = re.compile(r"\^?\s*\{?\s*\\(circ|degree)\s*\}?")
_TEX = re.compile(r"\\(mathrm|mathit|textrm|text|rm)(?![a-z])|[${}]|\\(?=%)")
_IN_BRACKETS = re.compile(r".*\(\s*([^()]*?)\s*\)")
_AT_THE_END = re.compile(rf".*[^\W_]_({_COUNTED})", flags=re.IGNORECASE)
_BRACKETED = re.compile(r"[\[(]\s*([^\[\]()]*?)\s*[\])]")
_POWER_OF_TEN = re.compile(r"[x×*]?[\d.]+e[-+]?\d+|[x×*]?10\^\S+", flags=re.IGNORECASE)
_OPEN = re.compile(r".*[\[(/]\s*([^\[(/]*)")
_HUMPED = re.compile(r".*[a-z]([UNM]s|[kMG]Hz)")
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
    text = untexed(text).strip()
    text = ALIASES.get(text, ALIASES.get(text.lower(), text))
    return FACTORS[text] if text in FACTORS else split_unit(text)


def untexed(text: str) -> str:
    r"""Return a text without the commands of LaTeX about its font and spaces.

    >>> untexed(r"$\tau\ (\mu\mathrm{s})$")
    '\\tau (us)'
    """
    if not set("\\$") & set(text):
        return text
    text = _MU.sub("u", _DEGREE.sub("deg", _SPACE.sub(" ", text)))
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


def unread_unit(title: str) -> str | None:
    r"""Return what a title whose unit was not found may say as one, in any place of it.

    That is what `unknown_unit` finds, what stands behind a slash or a bracket that stays open, what
    has a micro, a unit among other words in brackets, and one that ends a word by its capital.

    >>> [unread_unit(t) for t in ("f (GHz, set)", "t/clk", "delayNs", "wait (AWG)", r"\mu s of t")]
    ['GHz, set', 'clk', 'Ns', None, '\\mu s of t']
    """
    if (meant := unknown_unit(title)) is not None:
        return meant
    inside: list[str] = [part for part in _BRACKETED.findall(untexed(title)) if _names_unit(part)]
    if inside:
        return inside[0]
    bare = _BRACKETED.sub("", untexed(title))
    if match := _OPEN.fullmatch(bare.strip()):
        return match[1] or bare.strip()
    if "\\mu" in title or set("µμ") & set(title):
        return title.strip()
    match = _HUMPED.fullmatch(title.strip())
    return match[1] if match else None


def _names_unit(text: str) -> bool:
    """Return whether a word of a text is a unit of two letters or more, or a power of ten."""
    words = [word for word in re.split(r"[\s,;:]+", text) if word]
    return any(_POWER_OF_TEN.fullmatch(word) or (len(word) > 1 and is_unit(word)) for word in words)


def is_unit(text: str) -> bool:
    """Return whether a text is a unit that Kammerton knows."""
    try:
        si(text)
    except ValueError:
        return False
    return True


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
