"""Serial numbers: whether two spellings are one box's, and how lab.toml names one."""

from __future__ import annotations

import json
import re

from kammerton.model.said import spelt

SIMULATED = re.compile(
    r"B0500\d\d|(1416\.0505k02/)?1000\d\d|9700\d\d|91T0000\d\d|13116010620000\d\d|MY500000\d\d"
)
"""What boxes that can be written to say there; the refrigerator is read, and by several."""


def alike(one: str, other: str) -> bool:
    """Return whether a box may have told both: newer firmware pads and parts them otherwise.

    So does the database, which spells out what a terminal would not show.
    """
    return _bare(one) == _bare(other)


def line(serial: str) -> str:
    """Return the line of lab.toml that names a serial number, whatever letters it has."""
    quoted = json.dumps(serial, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"serial = {quoted}"  # what JSON escapes, a string of TOML escapes alike


def _bare(serial: str) -> str:
    shown = spelt(serial.replace("\0", r"\0"))
    return re.sub(r"\s", "", shown).casefold().lstrip("0")


def simulated(serial: str) -> bool:
    """Return whether the simulated laboratory tells such a number; few real boxes do."""
    return SIMULATED.fullmatch(serial.strip()) is not None
