"""Entries of the audit log in the words of a laboratory; `--json` has them as they were stored."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kammerton.store import AuditRow

OF_BOOT = re.compile(r"([0-9.]+) s of boot .*")
"""How a process notes a time for the next one, by a clock that nobody sets."""

OF_TERMS = re.compile(r"(approval of (.*)) \[[0-9a-f]{16}\]")
"""What an answer of a supervised run is about: the mark is of limits and wiring, said beside it."""

WHO = {
    "opening": "the daemon, as it connected",
    "closing": "the daemon, as it let go of the instruments",
    "power cycle": "somebody, or a power cut",
}
WHY = {
    "allowed": "",
    "allowed: cold, and not held": "allowed: the refrigerator is cold, and nobody holds this",
    "allowed: never refused": "switching off is always allowed",
}
NOT_KNOWN = ("", "None", "unknown")
"""What something was before, where nobody knows."""

CHANNELS = re.compile(r"none|\d+(, \d+)*")


def words(row: AuditRow) -> str:
    """Return what a person reads of an entry; each question of a supervised run is a line."""
    from kammerton.store.questions import ASKED

    what, why, change = row.what, WHY.get(row.why, row.why), _change(row)
    if answered := OF_TERMS.fullmatch(what):
        what, why = answered[1], why.removeprefix(f"{answered[2]}: ")
    if row.what == ASKED:
        return f"{what}: {_who(row.who)} asks\n{why}"
    return f"{what}: " + "; ".join(words for words in (change, why, _who(row.who)) if words)


def _who(who: str) -> str:
    """Return who did it: "daemon, t1" is the daemon, for that calibration."""
    name, _, job = who.partition(", ")
    if name != "daemon":
        return WHO.get(who, who)
    return f"the daemon, for {job}" if job else "the daemon"


def _change(row: AuditRow) -> str:
    """Return what something is now, and what it was before, if that is known."""
    if OF_BOOT.fullmatch(row.new):
        return _since_boot(row.new)
    old, new = (side.replace("playlist ", "waveforms of ") for side in (row.old, row.new))
    if CHANNELS.fullmatch(new) and CHANNELS.fullmatch(old):
        return f"outputs that are on: {old} -> {new}"
    if row.what.startswith("box ") and new:
        return f"serial number {new}" if old in NOT_KNOWN else f"serial number {old} -> {new}"
    return new if old in NOT_KNOWN else f"{old} -> {new}"


def _since_boot(new: str) -> str:
    """Return a time by the clock of one boot as how long that had lasted."""
    from kammerton.model.span import duration

    read = OF_BOOT.fullmatch(new)
    seconds = float(read[1]) if read else 0.0
    return f"{duration(timedelta(seconds=seconds))} after this computer was started"
