"""Which serial number answered at an address, over restarts: the audit log keeps that.

Where lab.toml names none, the first that answers counts as the right one, and then no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from kammerton.lab import InstrumentEntry, Lab
from kammerton.model.roles import Identity
from kammerton.store.read import ReadStore
from kammerton.store.write import Store

HERE = re.compile(r"(^|[:/])127\.")
"""What is found in an address of this computer itself."""

ADVICE = "lab.toml names no serial number of it, so that at a first start any box is taken for it"


def known(lab: Lab, store: ReadStore) -> dict[str, str]:
    """Return the serial numbers that answered last at the addresses of a lab, by instrument."""
    rows = {name: store.log(1, _what(entry)) for name, entry in lab.instruments.items()}
    return {name: found[0].new for name, found in rows.items() if found}


def expecting(lab: Lab, store: ReadStore) -> Lab:
    """Return a lab whose instruments must be those that answered before, where it names none."""
    before = known(lab, store)
    entries = {n: replace(e, before=before.get(n)) for n, e in lab.instruments.items()}
    return replace(lab, instruments=entries)


def remember(lab: Lab, store: Store, found: Mapping[str, Identity]) -> None:
    """Note which serial numbers answer, where that is news. found: who tells one."""
    before = known(lab, store)
    for name, who in found.items():
        old, new = before.get(name, ""), who.serial.strip()
        if new != old:
            why = f"{who.vendor} {who.model} answers there"
            store.audit("daemon", _what(lab.instruments[name]), old, new, why)


def unnamed(lab: Lab, serials: Mapping[str, str]) -> list[str]:
    """Say of which instruments lab.toml names no serial number, with the line to paste.

    What answers on this computer is simulated, and nobody swaps it. serials: that are known.
    """
    return [
        f"{entry.name}: {ADVICE}; {_paste(entry, serials)}"
        for entry in lab.instruments.values()
        if entry.serial is None and not HERE.search(entry.address)
    ]


def _paste(entry: InstrumentEntry, serials: Mapping[str, str]) -> str:
    if entry.name not in serials:
        return f'write it under [instruments.{entry.name}], as serial = "1234"'
    line = f'serial = "{serials[entry.name]}"'
    return f"paste under [instruments.{entry.name}], if that is the right box: {line}"


def _what(entry: InstrumentEntry) -> str:
    return f"box {entry.name} at {entry.address}"
