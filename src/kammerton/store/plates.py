"""Which serial number answered at an address, over restarts: the audit log keeps that.

Where lab.toml names none, the first that answers counts as the right one, and then no other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from kammerton.lab import InstrumentEntry, Lab
from kammerton.lab.serials import alike, line, simulated
from kammerton.model.roles import Identity
from kammerton.store.read import ReadStore
from kammerton.store.write import Store

HERE = re.compile(r"(^|[:/@])(localhost|127(\.\d{1,3}){3}|\[::1\])(?=[:/]|$)", flags=re.IGNORECASE)
"""What is found in an address of this computer itself."""

ADVICE = "lab.toml names no serial number of it, so that at a first start any box is taken for it"


def known(lab: Lab, store: ReadStore) -> dict[str, str]:
    """Return the serial numbers that answered last at the addresses of a lab, by instrument."""
    names = {_what(entry): name for name, entry in lab.instruments.items()}
    return {names[what]: serial for what, serial in store.newest(names).items()}


class Plates:
    """What one process knows of the boxes of earlier starts: it asks the database once.

    The audit log has no index, and a million rows. Whoever asks is blocked, and hears a StoreError.
    """

    def __init__(self, lab: Lab, store: Store) -> None:
        self.lab = lab
        self._store = store
        self._before: dict[str, str] | None = None

    def before(self) -> dict[str, str]:
        """Return the serial numbers that answered last, by instrument."""
        if self._before is None:
            self._before = known(self.lab, self._store)
        return self._before

    def expecting(self) -> Lab:
        """Return the lab whose instruments must be those of before, where it names none."""
        before = self.before()
        entries = {n: replace(e, before=before.get(n)) for n, e in self.lab.instruments.items()}
        return replace(self.lab, instruments=entries)

    def remember(self, found: Mapping[str, Identity]) -> None:
        """Note which serial numbers answer, where that is news. found: who tells one."""
        before = self.before()
        for name, who in found.items():
            old, new = before.get(name, ""), who.serial.strip()
            if not (old and alike(old, new)):
                why = f"{who.vendor} {who.model} answers there"
                self._store.audit("daemon", _what(self.lab.instruments[name]), old, new, why)
                before[name] = new


def unnamed(lab: Lab, serials: Mapping[str, str], mute: Collection[str] = ()) -> list[str]:
    """Say of which instruments lab.toml names no serial number, with the line to paste.

    Nobody swaps what is simulated on this computer; a refrigerator is only read.
    serials: that are known. mute: who answered and told none, which no line would help.
    """
    spared = {lab.interlock.fridge, lab.interlock.second, *mute}
    return [
        f"{entry.name}: {ADVICE}; {_paste(entry, serials)}"
        for entry in lab.instruments.values()
        if entry.serial is None and entry.name not in spared and not _simulated(entry, serials)
    ]


def _simulated(entry: InstrumentEntry, serials: Mapping[str, str]) -> bool:
    """Say whether it is the simulated laboratory's, as is what has not answered yet, here."""
    here = HERE.search(entry.address) is not None
    return here and (entry.name not in serials or simulated(serials[entry.name]))


def _paste(entry: InstrumentEntry, serials: Mapping[str, str]) -> str:
    under = f"under [instruments.{entry.name}]"
    if entry.name not in serials:
        return f"the line to paste {under} is known once a daemon has met it, if it tells a number"
    return f"paste {under}, if that is the right box: {line(serials[entry.name])}"


def _what(entry: InstrumentEntry) -> str:
    return f"box {entry.name} at {entry.address}"
