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

UNMET = (
    "no serial in lab.toml: at the first start whichever box answers there is taken for the right "
    "one; after that `kammerton check` says the line to paste"
)


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

    Those of which none is known are said in one sentence. Nobody swaps what is simulated on this
    computer; a refrigerator is only read.
    serials: that are known. mute: who answered and told none, which no line would help.
    """
    spared = {lab.interlock.fridge, lab.interlock.second, *mute}
    open_ = [
        entry.name
        for entry in lab.instruments.values()
        if entry.serial is None and entry.name not in spared and not _simulated(entry, serials)
    ]
    unmet = [name for name in open_ if name not in serials]
    said = [f"{', '.join(unmet)}: {UNMET}"] if unmet else []
    return said + [_paste(name, serials[name]) for name in open_ if name in serials]


def _simulated(entry: InstrumentEntry, serials: Mapping[str, str]) -> bool:
    """Say whether it is the simulated laboratory's, as is what has not answered yet, here."""
    here = HERE.search(entry.address) is not None
    return here and (entry.name not in serials or simulated(serials[entry.name]))


def _paste(name: str, serial: str) -> str:
    under = f"paste under [instruments.{name}], if that is the right box"
    return f"{name}: no serial in lab.toml; {under}: {line(serial)}"


def _what(entry: InstrumentEntry) -> str:
    return f"box {entry.name} at {entry.address}"
