"""Titles of columns: a name, and perhaps a unit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from kammerton.estimation.files.units import is_unit, si, untexed

_UNIT = re.compile(r"(?P<name>.*?)\s*[\[(](?P<unit>[^\[\]()]*)[\])]")
_POPULATION = re.compile(r"(p|prob|probability|pop|population)\(1\)", flags=re.IGNORECASE)
_ENDING = re.compile(
    r"(?P<name>.*\S)(?:(?<=\w)_|\s+)(?P<unit>[nuµμm]s|[kMG]?Hz|[munµ]?V|[munµpf]?W|dBm?|deg|rad"
    r"|(nano|micro|mikro|milli)?(seconds?|sekunden?)|([nuµm]|mu)?secs?|(kilo|mega|giga)?hertz"
    r"|(micro|milli)?volts?|degrees?|radians?|%|percent|prozent)",
    flags=re.IGNORECASE,
)
_SECONDS = re.compile(
    r"(?P<name>(.*[\W_])?(t|tau|delays?|times?|wait|waiting|duration|length|width))_(?P<unit>(?-i:s))",
    flags=re.IGNORECASE,
)
"""A time whose title ends in _s; of anything else that may be a plural or a word cut short."""

_ALONE = re.compile(
    r"[nuµμm]s|[kMG]?Hz|(?i:(nano|micro|mikro|milli)?(seconds?|sekunden?)|[nuµm]secs?)"
)
"""A title that is nothing but a unit of what is swept."""

_BEFORE = re.compile(r"(?<=\S)(\s+in|\s*[/,])$")
"""What stands between a name and its unit without brackets: delay in us, t / us."""

_OVER = re.compile(r"(?P<name>[^/]*[^/\s])\s*/\s*(?P<unit>[^/\s][^/]*)")
"""A quantity over its unit: t/ns, I / mA."""

_SPACED = re.compile(r"\\[,;:!]?$")
_RATE = re.compile(
    r"(.*\W)?(\d+|counts?|clicks?|photons?|shots?|events?|pulses?|cycles?|samples?|points?)",
    flags=re.IGNORECASE,
)
"""What over a time is a rate: counts/ms."""

_BEGINNING = re.compile(r"(?P<unit>dBm?|deg|rad)\s*:\s*(?P<name>.*\S)", flags=re.IGNORECASE)
_LEVEL = re.compile(r"(?<![a-z\d])(dbm?)(?![a-z\d])", flags=re.IGNORECASE)
_LOG_MAGNITUDE = re.compile(r"log[ _-]*mag|(?<![a-z])(logm|mlog)(?![a-z])", flags=re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    """The title of a column; `unit` as written, None where the header names none.

    squared: whether the column holds a power, whose root is the signal.
    """

    text: str
    name: str
    unit: str | None
    squared: bool = False


def heading(text: str) -> Heading:
    """Return name and unit of a title such as "Time [us]" or "dB:S21"; a plain name has none.

    Round brackets hold a unit only if it is one: "arg(S)" and "P(1)" are names. A magnitude that
    is called logarithmic, or whose title says dB anywhere ("dB(S21)"), is a level. Where LaTeX is
    about more than the unit, the title counts without it.
    """
    text = text.strip()
    title, bare = _plain(text), untexed(text).strip()
    if title.unit is None and bare != text:
        other = _plain(bare)
        return replace(other, text=text) if other.unit is not None else title
    return title


def _plain(text: str) -> Heading:
    patterns = (_UNIT, _BEGINNING, _ENDING, _SECONDS)
    match = next((found for each in patterns if (found := each.fullmatch(text))), None)
    if match is None or not is_unit(match["unit"]):
        match = _over(text) or match
    known = match is not None and bool(match["name"]) and is_unit(match["unit"])
    known = known and not _POPULATION.fullmatch(text)
    if match is not None and known and (si(match["unit"])[0] or not _LOG_MAGNITUDE.search(text)):
        return Heading(text, _BEFORE.sub("", match["name"]), match["unit"].strip())
    if _ALONE.fullmatch(text):
        return Heading(text, text, text)
    said = _LEVEL.search(text)
    if said or _LOG_MAGNITUDE.search(text):
        return Heading(text, text, said[1] if said else "dB")
    if match is not None and match["name"] and text.endswith("]"):
        return Heading(text, match["name"], match["unit"].strip())
    return Heading(text, text, None)


def _over(text: str) -> re.Match[str] | None:
    """Return name and unit of a quantity that stands over its unit, and is no rate or slope."""
    match = _OVER.fullmatch(text)
    if match is None or not is_unit(match["unit"]) or is_unit(match["name"]):
        return None
    if _SPACED.search(match["name"]):  # without LaTeX it is clear
        return None
    rate = si(match["unit"])[0] == "s" and _RATE.fullmatch(match["name"])
    return None if rate else match
