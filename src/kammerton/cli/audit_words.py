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
    "somebody else": "somebody else",
    "gate": "the daemon, which writes nothing to it",
}
WHY = {
    "allowed": "",
    "allowed: cold, and not held": "allowed: the refrigerator is cold, and nobody holds this",
    "allowed: never refused": "switching off is always allowed",
}
NOT_KNOWN = ("", "None", "unknown")
"""What something was before, where nobody knows."""

ANY_CHANGE = "any change"
"""What is refused where somebody holds an instrument, or another one answers."""

CHANNELS = re.compile(r"none|\d+(, \d+)*")
"""Which outputs are on, in an entry about a whole instrument: of a setting this is a number."""


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
    if name == "daemon":
        return f"the daemon, for {job}" if job else "the daemon"
    if name not in WHO:
        return who
    return f"{WHO[name]}, during {job}" if job else WHO[name]


def _change(row: AuditRow) -> str:
    """Return what something is now, and what it was before, if that is known."""
    if OF_BOOT.fullmatch(row.new):
        return _since_boot(row.new)
    old, new = (side.replace("playlist ", "waveforms of ") for side in (row.old, row.new))
    if new == ANY_CHANGE:
        return "any change is refused" + ("" if old in NOT_KNOWN else f"; it was {old}")
    change = new if old in NOT_KNOWN else f"{old} -> {new}"
    if _of_outputs(row):
        return f"outputs that are on: {change}"
    return f"serial number {change}" if row.what.startswith("box ") and new else change


def _of_outputs(row: AuditRow) -> bool:
    """Say whether an entry is about which outputs of an instrument are on."""
    from kammerton.model.parameter import ELEMENT

    of_one = ELEMENT.fullmatch(row.what) is not None
    known = row.old in NOT_KNOWN or CHANNELS.fullmatch(row.old)
    return bool(of_one and known and CHANNELS.fullmatch(row.new))


def _since_boot(new: str) -> str:
    """Return a time by the clock of one boot as how long that had lasted."""
    from kammerton.model.span import duration

    read = OF_BOOT.fullmatch(new)
    seconds = float(read[1]) if read else 0.0
    return f"{duration(timedelta(seconds=seconds))} after this computer was started"
