"""Faults inside an instrument: power, settings, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Protocol

from kammerton_sim.faults.course import Course, at_once
from kammerton_sim.faults.words import Bound, Fault, Known, Undo, Value, above, from_to, one_of
from kammerton_sim.wire import tamper
from kammerton_sim.wire.errors import MESSAGES, ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument

if TYPE_CHECKING:
    from kammerton_sim.site import Site


class Referenced(Protocol):
    """What has an input for the common reference."""

    def lose_reference(self, astray: float) -> None:
        """Be off by this part of the frequency from now on; 0: the reference is back."""


def _boxes(site: Site) -> Mapping[str, ScpiInstrument]:
    every = site.generators | site.sources | site.further
    return {name: box for name, box in every.items() if isinstance(box, ScpiInstrument)}


def _referenced(site: Site) -> Mapping[str, Referenced]:
    return {**site.sources, **site.generators, **site.boards}


def _box(site: Site, instrument: str) -> ScpiInstrument:
    return _boxes(site)[instrument]


def power_cycle(site: Site, seed: int, instrument: str, seconds: float = 0.0) -> Undo:
    """Switch off and on; for `seconds` it is starting up and refuses connections."""
    site.power_cycle(instrument)
    if not seconds:
        return at_once()
    admit = site.server(instrument).refuse()
    started = threading.Timer(seconds, admit)
    started.daemon = True
    started.start()

    def up() -> None:
        started.cancel()
        admit()

    return Course(up, 1, lambda: 1, stays=lambda: not started.finished.is_set())


def reboot_loop(
    site: Site, seed: int, instrument: str, times: int = 100, every: float = 1.0
) -> Undo:
    """Power-cycle it again and again."""
    over, cycles = threading.Event(), list[None]()

    def flap() -> None:
        for _ in range(times):
            site.power_cycle(instrument)
            cycles.append(None)
            if over.wait(every):
                return

    threading.Thread(target=flap, name="reboot loop", daemon=True).start()
    return Course(over.set, times, lambda: len(cycles))


def _tampered(box: ScpiInstrument, setting: str, change: tamper.Change) -> Undo:
    box.tamper.writes[setting] = change

    def mend() -> None:
        box.tamper.writes.pop(setting, None)

    return mend


def _possible(box: ScpiInstrument, setting: str, value: Value) -> bool:
    """Whether a setting can have this number."""
    try:
        box.settings[setting].kind.parse(repr(value))
    except ScpiError:
        return False
    return True


def lose_setting(site: Site, seed: int, instrument: str, setting: str) -> Undo:
    """Ignore what is written to a setting, without an error."""
    return _tampered(_box(site, instrument), setting, tamper.lost)


def clamp_setting(site: Site, seed: int, instrument: str, setting: str, largest: float) -> Undo:
    """Keep a setting below a limit, without an error."""
    box = _box(site, instrument)
    if not _possible(box, setting, largest):
        raise ValueError(f"{setting} is never {largest:g}")
    return _tampered(box, setting, tamper.clamped(largest))


def round_setting(site: Site, seed: int, instrument: str, setting: str, step: float) -> Undo:
    """Round a setting to multiples of a step, without an error."""
    box = _box(site, instrument)
    return _tampered(box, setting, tamper.rounded(step, partial(_possible, box, setting)))


def false_reading(
    site: Site, seed: int, instrument: str, setting: str, text: str = "9.91E+37"
) -> Undo:
    """Answer this whenever a setting is asked for."""
    box = _box(site, instrument)
    box.tamper.answers[setting] = text

    def mend() -> None:
        box.tamper.answers.pop(setting, None)

    return mend


def front_panel(
    site: Site, seed: int, instrument: str, setting: str, value: str, output: str = ""
) -> Undo:
    """Turn a knob: change a setting of one output ("3"), or of every output that has it."""
    box = _box(site, instrument)
    declared = box.settings[setting]
    try:
        new = declared.kind.parse(value)
    except ScpiError as error:
        raise ValueError(f"{setting}: {error}") from None
    places = list(product(*(range(1, n + 1) for n in declared.ranges)))
    named = {".".join(map(str, place)): place for place in places}
    chosen = [named[one_of("output", output, named)]] if output else places
    with box.lock, site.ledger.by("front panel"):
        before = [(place, box.value(setting, *place)) for place in chosen]
        for place in chosen:
            box.set(setting, place, new)

    def back() -> None:
        with box.lock, site.ledger.by("front panel"):
            for place, old in before:
                box.set(setting, place, old)

    return back


def push_error(site: Site, seed: int, instrument: str, code: int = -222, count: int = 1) -> Undo:
    """Put an error into the queue, so often; many of them overflow it (-350)."""
    box = _box(site, instrument)
    with box.lock:
        for _ in range(count):
            box.fail(ScpiError(code))
    return at_once(count)


def lose_reference(site: Site, seed: int, instrument: str, ppm: float = 1.0) -> Undo:
    """Pull the cable of the common 10 MHz out of a source, a generator or a digitizer."""
    box = _referenced(site)[instrument]
    box.lose_reference(ppm * 1e-6)
    return lambda: box.lose_reference(0.0)


def _settings(site: Site, values: Mapping[str, Value]) -> Iterable[str] | None:
    box = _boxes(site).get(str(values.get("instrument")))
    return None if box is None else box.settings


_BOX: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument with settings", lambda site, _: _boxes(site))
}
_SETTING: Mapping[str, Bound | Known] = {**_BOX, "setting": Known("setting", _settings)}
_SWITCHED: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument", lambda site, _: site.switchable)
}
_REFERENCED: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument with a reference", lambda site, _: _referenced(site))
}
_CODES = sorted((code for code in MESSAGES if code < 0), reverse=True)
_CODE = Bound(lambda x: x in _CODES, f"is no error code; there are {', '.join(map(str, _CODES))}")
_PPM = Bound(
    lambda ppm: 1e-6 <= abs(ppm) <= 100, "must be from 1e-6 to 100, or the negative of that"
)
_WRITES = ("writes {instrument} {setting}",)

FAULTS = (
    Fault(
        "power-cycle", "I7", "off and on: defaults, sessions end", power_cycle,
        {**_SWITCHED, "seconds": from_to(0, 3600)},
    ),
    Fault(
        "lost-setting", "I8", "what is written to a setting is ignored", lose_setting, _SETTING,
        _WRITES,
    ),
    Fault(
        "clamped-setting", "I8", "a setting is kept below a limit", clamp_setting, _SETTING, _WRITES
    ),
    Fault(
        "rounded-setting", "I8", "a setting is rounded to a step", round_setting,
        {**_SETTING, "step": from_to(1e-12)}, _WRITES,
    ),
    Fault(
        "false-reading", "I5", "asking for a setting gives this text", false_reading, _SETTING,
        ("answers {instrument} {setting}",),
    ),
    Fault(
        "error", "I9", "so many errors in the queue", push_error,
        {**_BOX, "code": _CODE, "count": from_to(1, 10_000)},
    ),
    Fault(
        "front-panel", "I10", "somebody turns a knob", front_panel, _SETTING,
        ("knob {instrument} {setting}",),
    ),
    Fault(
        "reboot-loop", "I11", "power cycles, again and again", reboot_loop,
        {**_SWITCHED, "times": from_to(1, 1e6), "every": above(0, 3600)},
    ),
    Fault(
        "reference-lost", "I8, D3", "the common 10 MHz is gone: off by so many ppm",
        lose_reference, {**_REFERENCED, "ppm": _PPM}, ("reference {instrument}",),
    ),
)  # fmt: skip
