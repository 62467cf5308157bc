"""Faults of the cable between an instrument and whoever drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kammerton_sim.faults.words import Fault, Undo, one_of, require
from kammerton_sim.wire import link

if TYPE_CHECKING:
    from kammerton_sim.laboratory import Laboratory
    from kammerton_sim.wire.server import TcpServer


def _server(site: Laboratory, instrument: str) -> TcpServer:
    every = {name: entry.server for name, entry in (site.servers | site.boards).items()}
    return every[one_of("instrument", instrument, every)]


def _spoil(site: Laboratory, instrument: str, how: link.Spoil, count: int) -> Undo:
    """Spoil answers of an instrument on the network; a digitizer sits in the computer."""
    require(count >= 1, f"count: {count} answers")
    one_of("instrument on the network", instrument, site.servers)
    return _server(site, instrument).link.spoil(how, count)


def swallow(site: Laboratory, seed: int, instrument: str, count: int = 1) -> Undo:
    """Lose the next answers."""
    return _spoil(site, instrument, lambda answer: None, count)


def late(
    site: Laboratory, seed: int, instrument: str, seconds: float = 10.0, count: int = 1
) -> Undo:
    """Hold the next answers back."""
    require(0 < seconds <= 3600, f"seconds: {seconds}")
    return _spoil(site, instrument, link.late(seconds), count)


def truncate(
    site: Laboratory, seed: int, instrument: str, keep: float = 0.5, count: int = 1
) -> Undo:
    """Send only the first part of the next answers."""
    require(0 <= keep < 1, f"keep: {keep} is no part of an answer")
    return _spoil(site, instrument, link.truncated(keep), count)


def shift(site: Laboratory, seed: int, instrument: str, count: int = 1) -> Undo:
    """Put a byte too many in front of the next answers."""
    return _spoil(site, instrument, lambda answer: link.shifted(answer), count)


def oversize(
    site: Laboratory, seed: int, instrument: str, extra: int = 1000, count: int = 1
) -> Undo:
    """Send so many bytes too many."""
    require(1 <= extra <= 1 << 26, f"extra: {extra} bytes")
    return _spoil(site, instrument, link.oversized(extra), count)


def garble(
    site: Laboratory, seed: int, instrument: str, share: float = 0.05, count: int = 1
) -> Undo:
    """Change some bytes of the next answers."""
    require(0 <= share <= 1, f"share: {share} of the bytes")
    return _spoil(site, instrument, link.garbled(share, seed), count)


def byte_order(
    site: Laboratory, seed: int, instrument: str, width: int = 4, count: int = 1
) -> Undo:
    """Send the words of the next answers, or of the blocks in them, in the other byte order."""
    require(width in (2, 4, 8), f"width: words of {width} bytes, not 2, 4 or 8")
    return _spoil(site, instrument, link.reversed_words(width), count)


def say(
    site: Laboratory, seed: int, instrument: str, text: str = "9.91E+37", count: int = 1
) -> Undo:
    """Send this instead of the next answers."""
    return _spoil(site, instrument, link.replaced(text), count)


def black_hole(site: Laboratory, seed: int, instrument: str) -> Undo:
    """Let nothing through, without hanging up."""
    cable = _server(site, instrument).link
    cable.black_hole()
    return cable.restore


def hang_up(site: Laboratory, seed: int, instrument: str) -> Undo:
    """End every connection now; new ones are welcome."""
    _server(site, instrument).drop()
    return lambda: None


def refuse(site: Laboratory, seed: int, instrument: str) -> Undo:
    """Hang up and refuse every connection, as a box that is switched off."""
    server = _server(site, instrument)
    server.close()
    return server.resume


FAULTS = (
    Fault("swallow", "I1", "the next answers are lost", swallow),
    Fault("black-hole", "I2", "nothing arrives and nobody hangs up (half-open TCP)", black_hole),
    Fault("late", "I3", "the next answers come after so many seconds", late),
    Fault("truncate", "I4", "only the first part of the next answers comes", truncate),
    Fault("oversize", "I4", "so many bytes too many come", oversize),
    Fault("shift", "I4", "a byte too many stands before the next answers", shift),
    Fault("garble", "I4", "some bytes of the next answers are others", garble),
    Fault("byte-order", "I4", "words of the next answers come in the other order", byte_order),
    Fault("say", "I5", "the next answers are this text: 9.91E+37, NAN, 1,5 ...", say),
    Fault("hang-up", "I2", "every connection ends; new ones are welcome", hang_up),
    Fault("refuse", "I11, F4", "connections are refused, as by a box that is off", refuse),
)
