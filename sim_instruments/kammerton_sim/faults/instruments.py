"""Faults inside an instrument: power, settings, errors, identity."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Protocol

from kammerton_sim.faults.words import Fault, Undo, one_of, require
from kammerton_sim.wire import tamper
from kammerton_sim.wire.errors import MESSAGES, ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument

if TYPE_CHECKING:
    from kammerton_sim.laboratory import Laboratory


class Referenced(Protocol):
    """What has an input for the common reference."""

    def lose_reference(self, astray: float) -> None:
        """Be off by this part of the frequency from now on; 0: the reference is back."""


def _boxes(site: Laboratory) -> Mapping[str, ScpiInstrument]:
    every = site.generators | site.sources | site.further
    return {name: box for name, box in every.items() if isinstance(box, ScpiInstrument)}


def _box(site: Laboratory, instrument: str) -> ScpiInstrument:
    boxes = _boxes(site)
    return boxes[one_of("instrument with settings", instrument, boxes)]


def _nothing() -> None:
    """What is over needs no end."""


def power_cycle(site: Laboratory, seed: int, instrument: str, seconds: float = 0.0) -> Undo:
    """Switch off and on; for `seconds` it is starting up and refuses connections."""
    require(0 <= seconds <= 3600, f"seconds: {seconds}")
    site.power_cycle(one_of("instrument", instrument, site.switchable))
    if not seconds:
        return _nothing
    server = site.server(instrument)
    server.close()
    started = threading.Timer(seconds, server.resume)
    started.daemon = True
    started.start()

    def up() -> None:
        started.cancel()
        server.resume()

    return up


def reboot_loop(
    site: Laboratory, seed: int, instrument: str, times: int = 100, every: float = 1.0
) -> Undo:
    """Power-cycle it again and again."""
    require(times >= 1 and every > 0, "times and every must be above 0")
    one_of("instrument", instrument, site.switchable)
    over = threading.Event()

    def flap() -> None:
        for _ in range(times):
            site.power_cycle(instrument)
            if over.wait(every):
                return

    threading.Thread(target=flap, name="reboot loop", daemon=True).start()
    return over.set


def _tampered(box: ScpiInstrument, setting: str, change: tamper.Change) -> Undo:
    box.tamper.writes[one_of("setting", setting, box.settings)] = change

    def mend() -> None:
        box.tamper.writes.pop(setting, None)

    return mend


def lose_setting(site: Laboratory, seed: int, instrument: str, setting: str) -> Undo:
    """Ignore what is written to a setting, without an error."""
    return _tampered(_box(site, instrument), setting, tamper.lost)


def clamp_setting(
    site: Laboratory, seed: int, instrument: str, setting: str, largest: float
) -> Undo:
    """Keep a setting below a limit, without an error."""
    return _tampered(_box(site, instrument), setting, tamper.clamped(largest))


def round_setting(site: Laboratory, seed: int, instrument: str, setting: str, step: float) -> Undo:
    """Round a setting to multiples of a step, without an error."""
    require(step > 0, f"step: {step}")
    return _tampered(_box(site, instrument), setting, tamper.rounded(step))


def false_reading(
    site: Laboratory, seed: int, instrument: str, setting: str, text: str = "9.91E+37"
) -> Undo:
    """Answer this whenever a setting is asked for."""
    box = _box(site, instrument)
    box.tamper.answers[one_of("setting", setting, box.settings)] = text

    def mend() -> None:
        box.tamper.answers.pop(setting, None)

    return mend


def front_panel(
    site: Laboratory, seed: int, instrument: str, setting: str, value: str, output: str = ""
) -> Undo:
    """Turn a knob: change a setting of one output ("3"), or of every output that has it."""
    box = _box(site, instrument)
    declared = box.settings[one_of("setting", setting, box.settings)]
    try:
        new = declared.kind.parse(value)
    except ScpiError as error:
        raise ValueError(f"{setting}: {error}") from None
    places = list(product(*(range(1, n + 1) for n in declared.ranges)))
    named = {".".join(map(str, place)): place for place in places}
    chosen = [named[one_of("output", output, named)]] if output else places
    with box.lock:
        before = [(place, box.value(setting, *place)) for place in chosen]
        for place in chosen:
            box.set(setting, place, new)

    def back() -> None:
        with box.lock:
            for place, old in before:
                box.set(setting, place, old)

    return back


def push_error(
    site: Laboratory, seed: int, instrument: str, code: int = -222, count: int = 1
) -> Undo:
    """Put an error into the queue, so often; many of them overflow it (-350)."""
    box = _box(site, instrument)
    one_of("error code", str(code), map(str, MESSAGES))
    require(code < 0 and 1 <= count <= 10_000, "an error code is below 0, count 1 to 10000")
    with box.lock:
        for _ in range(count):
            box.fail(ScpiError(code))
    return _nothing


def wrong_identity(site: Laboratory, seed: int, instrument: str, identity: str = "") -> Undo:
    """Let it say it is another box: this identity, or another serial number."""
    box = _box(site, instrument)
    maker, model, serial, *rest = box.identity.split(",")
    true, told = box.identity, identity or ",".join((maker, model, serial + "9", *rest))
    site.ledger.record(instrument, "all", "identity", true, told)
    box.identity = told

    def back() -> None:
        site.ledger.record(instrument, "all", "identity", told, true)
        box.identity = true

    return back


def lose_reference(site: Laboratory, seed: int, instrument: str, ppm: float = 1.0) -> Undo:
    """Pull the cable of the common 10 MHz out of a source, a generator or a digitizer."""
    require(0 < abs(ppm) <= 100, f"ppm: {ppm}")
    boxes: Mapping[str, Referenced] = {**site.sources, **site.generators, **site.boards}
    box = boxes[one_of("instrument with a reference", instrument, boxes)]
    box.lose_reference(ppm * 1e-6)
    return lambda: box.lose_reference(0.0)


FAULTS = (
    Fault("wrong-identity", "I6", "it says it is another box", wrong_identity),
    Fault("power-cycle", "I7", "off and on: defaults, sessions end", power_cycle),
    Fault("lost-setting", "I8", "what is written to a setting is ignored", lose_setting),
    Fault("clamped-setting", "I8", "a setting is kept below a limit", clamp_setting),
    Fault("rounded-setting", "I8", "a setting is rounded to a step", round_setting),
    Fault("false-reading", "I5", "asking for a setting gives this text", false_reading),
    Fault("error", "I9", "so many errors in the queue", push_error),
    Fault("front-panel", "I10", "somebody turns a knob", front_panel),
    Fault("reboot-loop", "I11", "power cycles, again and again", reboot_loop),
    Fault(
        "reference-lost", "I8, D3", "the common 10 MHz is gone: off by so many ppm", lose_reference
    ),
)
