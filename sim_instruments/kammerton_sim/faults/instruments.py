"""Faults inside an instrument: power, errors, reference."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from kammerton_sim.faults.amounts import Bound, from_to
from kammerton_sim.faults.course import Course, Undo, at_once
from kammerton_sim.faults.refusal import require
from kammerton_sim.faults.settings import box_of
from kammerton_sim.faults.words import Fault, Known
from kammerton_sim.wire.errors import MESSAGES, ScpiError

if TYPE_CHECKING:
    from kammerton_sim.site import Site


class Referenced(Protocol):
    """What has an input for the common reference."""

    def lose_reference(self, astray: float) -> None:
        """Be off by this part of the frequency from now on; 0: the reference is back."""


class Locked(Protocol):
    """What follows the common reference, or its own clock."""

    @property
    def referenced(self) -> bool:
        """Whether it is set to the reference at present."""


def _referenced(site: Site) -> Mapping[str, Referenced]:
    return {**site.sources, **site.generators, **site.boards}


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


def push_error(site: Site, seed: int, instrument: str, code: int = -222, count: int = 1) -> Undo:
    """Put an error into the queue, so often; many of them overflow it (-350)."""
    box = box_of(site, instrument)
    with box.lock:
        for _ in range(count):
            box.fail(ScpiError(code))
    return at_once(count)


def _has_code(site: Site, instrument: str, code: int, count: int) -> None:
    """What the standard does not have is a source's own."""
    require(code < 0 or instrument in site.sources, f"{instrument} has no error {code}, a source's")


def lose_reference(site: Site, seed: int, instrument: str, ppm: float = 1.0) -> Undo:
    """Pull the cable of the common 10 MHz out of a source, a generator or a digitizer."""
    box = _referenced(site)[instrument]
    box.lose_reference(ppm * 1e-6)
    return lambda: box.lose_reference(0.0)


def _by_itself(site: Site, instrument: str, ppm: float) -> str:
    """Say so where the reference that is lost is not in use."""
    if instrument in site.boards:
        return "" if site.boards[instrument].locked else _unarmed(instrument)
    boxes: Mapping[str, Locked] = {**site.sources, **site.generators}
    if boxes[instrument].referenced:
        return ""
    return (
        f"{instrument} runs by its own clock at present: nothing changes until it is set to the"
        " external 10 MHz"
    )


def _unarmed(board: str) -> str:
    """Say of a digitizer, which learns of its clock as it is armed, that nothing changes."""
    return (
        f"{board} does not record by the external 10 MHz at present: nothing changes until its"
        " driver sets it to that"
    )


_QUEUE: Mapping[str, Bound | Known] = {
    "instrument": Known(
        "instrument with an error queue or error bit", lambda site, _: site.settable
    )
}
_SWITCHED: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument", lambda site, _: site.switchable)
}
_REFERENCED: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument with a reference", lambda site, _: _referenced(site))
}
_CODES = sorted(filter(None, MESSAGES), key=lambda code: (code > 0, -code))
_CODE = Bound(lambda x: x in _CODES, f"one of the error codes {', '.join(map(str, _CODES))}")
_PPM = Bound(lambda ppm: 1e-6 <= abs(ppm) <= 100, "from 1e-6 to 100, or from -100 to -1e-6")

FAULTS = (
    Fault(
        "power-cycle", "I7", "off and on: defaults, sessions end", power_cycle,
        {**_SWITCHED, "seconds": from_to(0, 3600)},
    ),
    Fault(
        "error", "I9", "so many errors are noted: in the queue, or as a bit of *ESR", push_error,
        {**_QUEUE, "code": _CODE, "count": from_to(1, 10_000)}, check=_has_code,
    ),
    Fault(
        "reboot-loop", "I11", "power cycles, again and again", reboot_loop,
        {**_SWITCHED, "times": from_to(1, 1e6), "every": from_to(0.01, 3600)},
    ),
    Fault(
        "reference-lost", "I8, D3", "the common 10 MHz is gone: off by so many ppm",
        lose_reference, {**_REFERENCED, "ppm": _PPM}, ("reference {instrument}",),
        remark=_by_itself,
    ),
)  # fmt: skip
