"""Faults of an instrument's settings: lost, cut, rounded, misread."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from kammerton_sim.faults.amounts import Bound, Value, from_to
from kammerton_sim.faults.course import Undo
from kammerton_sim.faults.words import Fault, Known
from kammerton_sim.instruments.bluefors_api import BlueforsApi
from kammerton_sim.quantities import quantity
from kammerton_sim.wire import tamper
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.settings import Number

if TYPE_CHECKING:
    from kammerton_sim.site import Site


class Losing(Protocol):
    """What has settings that can get lost."""

    tamper: tamper.Tamper

    @property
    def settings(self) -> Iterable[str]:
        """Return the names of all."""


class Readable(Protocol):
    """What can be asked for readings, and answer falsely."""

    tamper: tamper.Tamper

    @property
    def readings(self) -> Iterable[str]:
        """Return the names of all."""


class Box(Readable, Protocol):
    """What has settings, and notes errors."""

    lock: threading.RLock

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return all by name; each has a kind."""

    def places(self, key: str) -> list[tuple[int, ...]]:
        """Return the numbers of the outputs that have a setting."""

    def value(self, key: str, *place: int) -> Any:
        """Return a setting."""

    def set(self, key: str, place: tuple[int, ...], value: Any) -> None:
        """Change a setting."""

    def keeps(self, key: str, place: tuple[int, ...]) -> bool:
        """Return whether a setting is after a power cycle what it was before."""

    def fail(self, error: ScpiError) -> None:
        """Note an error."""


def _readable(site: Site) -> Mapping[str, Readable]:
    apis = {n: box for n, box in site.further.items() if isinstance(box, BlueforsApi)}
    return {**site.settable, **apis, "fridge": site.fridge}


def box_of(site: Site, instrument: str) -> Box:
    """Return one of them."""
    return site.settable[instrument]


def _losing(site: Site) -> Mapping[str, Losing]:
    return {**site.settable, **site.boards}


def _tampered(box: Losing, setting: str, change: tamper.Change) -> Undo:
    box.tamper.writes[setting] = change

    def mend() -> None:
        box.tamper.writes.pop(setting, None)

    return mend


def _possible(box: Box, setting: str, value: Value) -> bool:
    """Whether a setting can have this number."""
    try:
        box.settings[setting].kind.parse(repr(value))
    except ScpiError:
        return False
    return True


def _is_real(kind: Any) -> bool:
    """Whether a setting is one number that need not be whole."""
    group = getattr(kind, "group", None)
    fields = [getattr(kind, "number", kind)] if group is None else group.fields
    return len(fields) == 1 and isinstance(fields[0], Number) and not fields[0].whole


def lose_setting(site: Site, seed: int, instrument: str, setting: str) -> Undo:
    """Ignore what is written to a setting, without an error."""
    return _tampered(_losing(site)[instrument], setting, tamper.lost)


def clamp_setting(site: Site, seed: int, instrument: str, setting: str, largest: float) -> Undo:
    """Keep a setting below a limit, without an error."""
    return _tampered(box_of(site, instrument), setting, tamper.clamped(largest))


def _can_be_clamped(site: Site, instrument: str, setting: str, largest: float) -> None:
    if not _possible(box_of(site, instrument), setting, largest):
        unit = unit_of(box_of(site, instrument), setting)
        raise ValueError(f"{setting} is never {quantity(largest, unit)}")


def round_setting(site: Site, seed: int, instrument: str, setting: str, step: float) -> Undo:
    """Round a setting to multiples of a step, without an error."""
    box = box_of(site, instrument)
    return _tampered(box, setting, tamper.rounded(step, partial(_possible, box, setting)))


def _can_be_rounded(site: Site, instrument: str, setting: str, step: float) -> None:
    if not _is_real(box_of(site, instrument).settings[setting].kind):
        raise ValueError(f"{setting} is no single number that could be rounded")


def false_reading(
    site: Site, seed: int, instrument: str, setting: str, text: str = "9.91E+37"
) -> Undo:
    """Answer this whenever a setting or a reading is asked for."""
    box = _readable(site)[instrument]
    box.tamper.answers[setting] = text

    def mend() -> None:
        box.tamper.answers.pop(setting, None)

    return mend


def unit_of(box: Box, setting: str) -> str:
    """Return what a setting is in, as a person writes it: Hz, dBm; "" where it is in nothing."""
    unit = box.unit(setting) if isinstance(box, ScpiInstrument) else ""
    return {"HZ": "Hz", "DBM": "dBm", "S": "s"}.get(unit, unit)


def _units(site: Site, given: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what a limit or a step of a setting is in: what the setting is."""
    box, setting = site.settable.get(str(given.get("instrument"))), str(given.get("setting"))
    if box is None or setting not in box.settings:
        return {}
    unit = unit_of(box, setting)
    return {"largest": unit, "step": "dB" if unit == "dBm" else unit}


def _settings(site: Site, values: Mapping[str, Value]) -> Iterable[str] | None:
    box = site.settable.get(str(values.get("instrument")))
    return None if box is None else box.settings


def _losable(site: Site, values: Mapping[str, Value]) -> Iterable[str] | None:
    box = _losing(site).get(str(values.get("instrument")))
    return None if box is None else box.settings


def _readings(site: Site, values: Mapping[str, Value]) -> Iterable[str] | None:
    box = _readable(site).get(str(values.get("instrument")))
    return None if box is None else box.readings


SETTING: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument with settings", lambda site, _: site.settable),
    "setting": Known("setting", _settings),
}
_LOST: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument with settings", lambda site, _: _losing(site)),
    "setting": Known("setting", _losable),
}
_READING: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument with readings", lambda site, _: _readable(site)),
    "setting": Known("setting or reading", _readings),
}
_WRITES = ("writes {instrument} {setting}",)

FAULTS = (
    Fault(
        "lost-setting", "I8", "what is written to a setting is ignored", lose_setting, _LOST,
        _WRITES,
    ),
    Fault(
        "clamped-setting", "I8", "a setting is kept below a limit", clamp_setting, SETTING,
        _WRITES, _units, _can_be_clamped,
    ),
    Fault(
        "rounded-setting", "I8", "a setting is rounded to a step", round_setting,
        {**SETTING, "step": from_to(1e-12)}, _WRITES, _units, _can_be_rounded,
    ),
    Fault(
        "false-reading", "I5", "asking for a setting or a reading gives this text", false_reading,
        _READING,
        ("answers {instrument} {setting}",),
    ),
)  # fmt: skip
