"""Somebody at the front panel: a knob is turned, and turned back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from kammerton_sim.faults.amounts import Value, plain
from kammerton_sim.faults.course import Undo
from kammerton_sim.faults.settings import SETTING, Box, box_of, unit_of
from kammerton_sim.faults.words import Fault, Known
from kammerton_sim.instruments.lakeshore372_tables import Declared
from kammerton_sim.quantities import limits
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.settings import Choice, Kind, Number, Switch

if TYPE_CHECKING:
    from kammerton_sim.site import Site

_SAID = {"yes": "ON", "no": "OFF"}
"""As the ledger is printed."""


def front_panel(
    site: Site, seed: int, instrument: str, setting: str, value: str, output: str = ""
) -> Undo:
    """Turn a knob: change a setting of one output ("3"), or of every output that has it."""
    box = box_of(site, instrument)
    new, chosen = _turned(site, instrument, setting, value, output)
    with box.lock, site.ledger.by("front panel"):
        hands = [
            site.knobs.turn(
                (instrument, setting, place),
                box.value(setting, *place),
                new,
                partial(_turn, box, setting, place),
            )
            for place in chosen
        ]

    def back() -> None:
        with box.lock, site.ledger.by("front panel"):
            for leave in hands:
                leave()

    return back


def _turned(
    site: Site, instrument: str, setting: str, value: str, output: str
) -> tuple[Value, list[tuple[int, ...]]]:
    """Return what a setting becomes, and of which outputs; ValueError where it cannot be."""
    box = box_of(site, instrument)
    new, places = _parsed(box, setting, value), _named(box, [setting])
    chosen = [places[output]] if output else list(places.values())
    refused = (_objection(box, setting, place, new) for place in chosen)
    for said in filter(None, refused):
        raise ValueError(f"{setting} cannot be {value}: {said}")
    return new, chosen


def _parsed(box: Box, setting: str, value: str) -> Value:
    """Return what a setting becomes; ValueError where it cannot be that."""
    kind = box.settings[setting].kind
    said = (
        _SAID.get(value, value) if isinstance(kind, Switch) else plain(value, unit_of(box, setting))
    )
    try:
        new: Value = kind.parse(said)
    except ScpiError:
        raise ValueError(
            f"{setting} cannot be {value!r}; it takes {_taken(box, setting)}"
        ) from None
    return new


def _crowd(site: Site, instrument: str, setting: str, value: str, output: str) -> str:
    """Say that other hands are at the same knob."""
    places = _named(box_of(site, instrument), [setting])
    chosen = [places[output]] if output else places.values()
    if any(site.knobs.crowded((instrument, setting, place)) for place in chosen):
        return f"several hands turn {setting}: the last counts, and when it goes the one before it"
    return ""


def _objection(box: Box, setting: str, place: tuple[int, ...], new: Value) -> str:
    return box.objection(setting, place, new) if isinstance(box, ScpiInstrument) else ""


def _turn(box: Box, setting: str, place: tuple[int, ...], value: Value) -> None:
    """Turn a knob as far as it goes: other settings may have changed since a hand chose `value`."""
    if isinstance(box, ScpiInstrument):
        box.turn(setting, place, value)
    else:
        box.set(setting, place, value)


def _taken(box: Box, setting: str) -> str:
    """Return what can be written to a setting."""
    kind: Kind = box.settings[setting].kind
    if isinstance(kind, Switch):
        return "ON or OFF, 1 or 0, yes or no"
    if isinstance(kind, Choice):
        return ", ".join(kind.options)
    if isinstance(kind, Number):
        return limits(kind.minimum, kind.maximum, unit_of(box, setting))
    if isinstance(kind, Declared):
        spans = ", ".join(f"{each.minimum:g} to {each.maximum:g}" for each in kind.group.fields)
        count = len(kind.group.fields)
        return spans if count == 1 else f"{count} numbers with commas between: {spans}"
    return f"what is like {kind.show(kind.default)}"


def _named(box: Box, settings: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the outputs that have one of these settings, by name."""
    return {".".join(map(str, place)): place for key in settings for place in box.places(key)}


def _outputs(site: Site, values: Mapping[str, Value]) -> Iterable[str] | None:
    """Return the outputs that have a setting, of a misspelt one all; None where none is named."""
    box, setting = site.settable.get(str(values.get("instrument"))), str(values.get("setting"))
    if box is None or not values.get("output"):
        return None
    named = _named(box, [setting] if setting in box.settings else box.settings)
    if named.keys() <= {""}:
        raise ValueError(
            f"{values['instrument']} has one output: leave output={values['output']} out"
        )
    return [name for name in named if name]


def _fits(site: Site, values: Mapping[str, Value]) -> Iterable[str] | None:
    """Raise ValueError where a setting cannot have a value."""
    box, setting = site.settable.get(str(values.get("instrument"))), str(values.get("setting"))
    if box is not None and setting in box.settings and "value" in values:
        _parsed(box, setting, str(values["value"]))
    return None


FAULTS = (
    Fault(
        "front-panel", "I10", "somebody turns a knob", front_panel,
        {**SETTING, "value": Known("value", _fits), "output": Known("output", _outputs)},
        check=_turned, remark=_crowd,
    ),
)  # fmt: skip
