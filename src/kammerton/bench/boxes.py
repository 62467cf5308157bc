"""Whether the box at an address is still the one that answered there first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NoReturn

from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.bench.locks import tells
from kammerton.bench.switching import OutputChange, all_of
from kammerton.lab import Lab
from kammerton.lab.serials import alike, line
from kammerton.model import InstrumentError
from kammerton.model.roles import Identity, Instrument

PATIENCE = 3.0
"""s to wait for a name before an output is switched off without it."""


async def named(devices: Mapping[str, Instrument], within: float = PATIENCE) -> dict[str, Identity]:
    """Ask all who they are; who does not say so in time, or breaks, is left out."""

    async def one(device: Instrument) -> Identity | None:
        try:
            async with asyncio.timeout(within):
                return await device.identity()
        except Exception:  # noqa: BLE001 - a driver of somebody else must not keep the others on
            return None

    found = await asyncio.gather(*(one(device) for device in devices.values()))
    return {n: who for n, who in zip(devices, found, strict=True) if who is not None}


class Boxes:
    """Remembers who answered first; nothing is written to whoever answers instead.

    Nor to one whose serial number is not the one that lab.toml names, or, where it names none, not
    the one of earlier starts, which one that tells none may be, and one that is spelt otherwise.
    """

    def __init__(self, lab: Lab, note: Callable[[OutputChange], None] = lambda _: None) -> None:
        self._note = note
        entries = lab.instruments.values()
        self._serials = {entry.name: entry.serial for entry in entries if entry.serial}
        self._before = {e.name: e.before for e in entries if e.before and not e.serial}
        self._known: dict[str, Identity] = {}

    @property
    def answered(self) -> Mapping[str, Identity]:
        """Who has answered so far, by instrument."""
        return self._known

    def met(self, found: Mapping[str, Identity]) -> None:
        """Remember who answered when the session was opened."""
        self._known = {**found, **self._known}

    async def same(self, name: str, device: Instrument) -> None:
        """Raise unless an instrument is who it was.

        Raises
        ------
        InstrumentError
            It names both identities.
        """
        self._compare(name, await device.identity())

    async def as_declared(self, devices: Mapping[str, Instrument]) -> None:
        """Raise unless each whose serial number lab.toml names says that it is the one.

        Those of which only earlier starts know one are not asked again: who did not say who it is
        when its session was opened has the benefit of the doubt.

        Raises
        ------
        InstrumentError
            It names all that are not, and what they say instead.
        """
        asked = {n: partial(self.same, n, devices[n]) for n in self._serials if n in devices}
        await all_of(asked, "is not the instrument of lab.toml", within=PATIENCE)
        met = {n: partial(self._as_before, n) for n in self._before if n in self._known}
        await all_of(met, "is not the instrument of earlier starts")

    async def _as_before(self, name: str) -> None:
        self._require_serial(name, self._known[name])

    def guarded(
        self, name: str, device: Instrument, action: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """Return an action that makes an instrument safe, unless it is certainly another one.

        One that does not say who it is gets the benefit of the doubt: off is off.
        """
        return partial(self._done, name, device, action)

    async def _done(
        self, name: str, device: Instrument, action: Callable[[], Awaitable[None]]
    ) -> None:
        found: Identity | None
        try:
            async with end_of_process().within(PATIENCE, QUARTER):
                found = await device.identity()
        except Exception:  # noqa: BLE001 - a driver that breaks here must not keep an output on
            found = None  # off is off, whoever it is; whether it went off, the action reads back
        if found is not None:
            self._compare(name, found)
        await action()

    def _compare(self, name: str, found: Identity) -> None:
        self._require_serial(name, found)
        known = self._known.setdefault(name, found)
        if found == known:
            return
        old, new = _words(known), _words(found)
        self._note(OutputChange(name, old, "any change", "gate", f"another box answers: {new}"))
        raise InstrumentError(
            f"{name}: another instrument answers than before: {_difference(found, known)}; "
            "nothing is written to it",
            instrument=name,
        )

    def _require_serial(self, name: str, found: Identity) -> None:
        serial, before = self._serials.get(name), self._before.get(name)
        if serial is not None and _bare(serial) != _bare(found.serial):
            self._refuse(name, found, f"lab.toml names serial {serial}")
        if before is not None and tells(found.serial) and not alike(before, found.serial):
            self._refuse(name, found, f"serial {before} did before", _cure(name, found))

    def _refuse(self, name: str, found: Identity, meant: str, cure: str = "") -> NoReturn:
        who = _words(found)
        self._note(OutputChange(name, None, "any change", "gate", f"another box answers: {who}"))
        raise InstrumentError(
            f"{name}: {who} answers, but {meant}; nothing is written to it{cure}", instrument=name
        )


def _cure(name: str, found: Identity) -> str:
    return (
        f"; see its address, or, where it was replaced for good, write under [instruments.{name}] "
        f"in lab.toml {line(found.serial.strip())} and start the daemon anew"
    )


def _bare(serial: str) -> str:
    return serial.strip().casefold()


def _difference(found: Identity, known: Identity) -> str:
    """Say in what one is not who it was; the audit log has all of both."""
    if (found.vendor, found.model) != (known.vendor, known.model):
        old, new = (f"{each.vendor} {each.model}" for each in (known, found))
        return f"{new} instead of {old}"
    if found.serial != known.serial:
        return f"serial {found.serial} instead of {known.serial}"
    return f"firmware {found.firmware} instead of {known.firmware}"


def _words(who: Identity) -> str:
    return f"{who.vendor} {who.model}, serial {who.serial}, firmware {who.firmware}"
