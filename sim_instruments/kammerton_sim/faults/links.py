"""Faults of the cable between an instrument and whoever drives it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kammerton_sim.faults.amounts import PART, Bound, Value, above, from_to
from kammerton_sim.faults.course import Course, Undo, at_once
from kammerton_sim.faults.words import Fault, Known
from kammerton_sim.wire import link

if TYPE_CHECKING:
    from kammerton_sim.site import Site
    from kammerton_sim.wire.server import TcpServer


def _server(site: Site, instrument: str) -> TcpServer:
    return (site.servers | site.boards)[instrument].server


def _spoil(site: Site, instrument: str, how: link.Spoil, count: int) -> Course:
    """Spoil answers of an instrument on the network."""
    return _counted(_server(site, instrument).link, how, count)


def _spoil_data(site: Site, instrument: str, how: link.Spoil, count: int) -> Course:
    """Spoil answers too; a digitizer sits in the computer: what can be spoiled are its buffers."""
    if instrument in site.boards:
        return _counted(site.boards[instrument].buffers, how, count)
    return _spoil(site, instrument, how, count)


def _counted(cable: link.Link, how: link.Spoil, count: int) -> Course:
    spoiled = list[None]()

    def counted(answer: bytes) -> bytes | None:
        try:
            return how(answer)
        finally:
            spoiled.append(None)  # at once for all threads, unlike a sum

    return Course(cable.spoil(counted, count), count, lambda: len(spoiled))


def swallow(site: Site, seed: int, instrument: str, count: int = 1) -> Undo:
    """Lose the next answers."""
    return _spoil(site, instrument, lambda answer: None, count)


def late(site: Site, seed: int, instrument: str, seconds: float = 10.0, count: int = 1) -> Undo:
    """Hold the next answers back."""
    over = threading.Event()
    course = _spoil(site, instrument, link.late(seconds, over), count)

    def end() -> None:
        course()
        over.set()

    return replace(course, undo=end)


def truncate(site: Site, seed: int, instrument: str, keep: float = 0.5, count: int = 1) -> Undo:
    """Send only the first part of the next answers."""
    return _spoil_data(site, instrument, link.truncated(keep), count)


def shift(site: Site, seed: int, instrument: str, count: int = 1) -> Undo:
    """Put a byte too many in front of the next answers."""
    return _spoil_data(site, instrument, lambda answer: link.shifted(answer), count)


def oversize(site: Site, seed: int, instrument: str, extra: int = 1000, count: int = 1) -> Undo:
    """Send so many bytes too many."""
    return _spoil(site, instrument, link.oversized(extra), count)


def garble(site: Site, seed: int, instrument: str, share: float = 0.05, count: int = 1) -> Undo:
    """Change some bytes of the next answers."""
    return _spoil_data(site, instrument, link.garbled(share, seed), count)


def byte_order(site: Site, seed: int, instrument: str, width: int = 4, count: int = 1) -> Undo:
    """Send the words of the next answers, or of the blocks in them, in the other byte order."""
    return _spoil_data(site, instrument, link.reversed_words(width), count)


def say(site: Site, seed: int, instrument: str, text: str = "9.91E+37", count: int = 1) -> Undo:
    """Send this instead of the next answers."""
    return _spoil(site, instrument, link.replaced(text), count)


def black_hole(site: Site, seed: int, instrument: str) -> Undo:
    """Let nothing through, without hanging up."""
    return _server(site, instrument).link.black_hole()


def hang_up(site: Site, seed: int, instrument: str) -> Undo:
    """End every connection now; new ones are welcome."""
    _server(site, instrument).drop()
    return at_once()


def refuse(site: Site, seed: int, instrument: str) -> Undo:
    """Hang up and refuse every connection, as a box that is switched off."""
    return _server(site, instrument).refuse()


def _cables(site: Site, values: Mapping[str, Value]) -> list[str]:
    return [*site.servers, *site.boards]


_CABLE = {"instrument": Known("instrument", _cables)}
_ANSWERS: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument on the network", lambda site, _: site.servers),
    "count": from_to(1),
}
_DATA: Mapping[str, Bound | Known] = {**_CABLE, "count": from_to(1)}
_WIDTH = Bound(lambda width: width in (2, 4, 8), "2, 4 or 8 bytes")

FAULTS = (
    Fault("swallow", "I1", "the next answers are lost", swallow, _ANSWERS),
    Fault(
        "black-hole", "I2", "nothing arrives and nobody hangs up (half-open TCP)", black_hole,
        _CABLE,
    ),
    Fault(
        "late", "I3", "the next answers come after so many seconds", late,
        {**_DATA, "seconds": above(0, 3600)},
    ),
    Fault(
        "truncate", "I4", "only the first part of the next answers comes", truncate,
        {**_DATA, "keep": PART},
    ),
    Fault(
        "oversize", "I4", "so many bytes too many come", oversize,
        {**_ANSWERS, "extra": from_to(1, 1 << 26)},
    ),
    Fault("shift", "I4", "a byte too many stands before the next answers", shift, _DATA),
    Fault(
        "garble", "I4", "some bytes of the next answers are others", garble,
        {**_DATA, "share": above(0, 1)},
    ),
    Fault(
        "byte-order", "I4", "words of the next answers come in the other order", byte_order,
        {**_DATA, "width": _WIDTH},
    ),
    Fault("say", "I5", "the next answers are this text: 9.91E+37, NAN, 1,5 ...", say, _ANSWERS),
    Fault("hang-up", "I2", "every connection ends; new ones are welcome", hang_up, _CABLE),
    Fault("refuse", "I11, F4", "connections are refused, as by a box that is off", refuse, _CABLE),
)  # fmt: skip
