"""Serial numbers: whether two spellings are one box's, and how lab.toml names one."""

from __future__ import annotations

import json
import re


def alike(one: str, other: str) -> bool:
    """Return whether a box may have told both: newer firmware pads and parts them otherwise."""
    return _bare(one) == _bare(other)


def line(serial: str) -> str:
    """Return the line of lab.toml that names a serial number, whatever letters it has."""
    quoted = json.dumps(serial, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"serial = {quoted}"  # what JSON escapes, a string of TOML escapes alike


def _bare(serial: str) -> str:
    return re.sub(r"\s", "", serial).casefold().lstrip("0")
