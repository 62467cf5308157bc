"""Faults of the digitizers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from kammerton_sim.faults.amounts import PART, Bound, Value, above, from_to
from kammerton_sim.faults.course import Course, Undo
from kammerton_sim.faults.words import Fault, Known

if TYPE_CHECKING:
    from kammerton_sim.instruments.board_faults import BoardFaults
    from kammerton_sim.site import Site


def _board(site: Site, board: str) -> BoardFaults:
    return site.boards[board].faults


def overload(site: Site, seed: int, gain: float = 10.0, board: str = "board") -> Undo:
    """Amplify the input, so that it clips."""
    faults = _board(site, board)
    faults.gain = gain

    def mend() -> None:
        faults.gain = 1.0

    return mend


def lose_triggers(site: Site, seed: int, share: float = 0.01, board: str = "board") -> Undo:
    """Lose a share of the triggers, of acquisitions that are armed from now on; 1: all."""
    faults = _board(site, board)
    faults.silent = share == 1
    faults.lose(0.0 if faults.silent else share, seed)

    def mend() -> None:
        faults.silent = False
        faults.lose(0.0, seed)

    return mend


def swap(site: Site, seed: int, board: str = "board") -> Undo:
    """Swap the two channels."""
    faults = _board(site, board)
    faults.swapped = True

    def mend() -> None:
        faults.swapped = False

    return mend


def replay(site: Site, seed: int, buffers: int = 1, board: str = "board") -> Undo:
    """Deliver a buffer again, so many times, instead of new ones."""
    faults = _board(site, board)
    stuck = faults.replay(buffers)
    return Course(partial(faults.play_on, stuck), buffers, lambda: buffers - stuck.left)


def cut_records(site: Site, seed: int, keep: float = 0.5, board: str = "board") -> Undo:
    """Let records end early: what was never sampled reads code 0."""
    faults = _board(site, board)
    faults.keep = keep

    def mend() -> None:
        faults.keep = 1.0

    return mend


def drop_samples(site: Site, seed: int, samples: int = 8, board: str = "board") -> Undo:
    """Lose so many samples in the middle of every record: the rest moves forward."""
    faults = _board(site, board)
    faults.dropped = samples

    def mend() -> None:
        faults.dropped = 0

    return mend


def _boards(site: Site, values: Mapping[str, Value]) -> list[str]:
    return list(site.boards)


_LOST = Bound(lambda x: 0 < x <= 0.99 or x == 1, "above 0 and at most 0.99, or 1")
_BOARD: Mapping[str, Bound | Known] = {"board": Known("digitizer", _boards)}

FAULTS = (
    Fault(
        "overload", "D1", "the digitizer's input is amplified until it clips", overload,
        {"gain": above(1, 1e6), **_BOARD}, ("gain {board}",),
    ),
    Fault(
        "trigger-loss", "D2", "this share of the triggers is lost", lose_triggers,
        {"share": _LOST, **_BOARD}, ("triggers {board}",),
    ),
    Fault("swapped-channels", "D2", "channel A arrives as B", swap, _BOARD, ("channels {board}",)),
    Fault(
        "short-record", "D2", "records end early: code 0 from there on", cut_records,
        {"keep": PART, **_BOARD}, ("length {board}",),
    ),
    Fault(
        "dropped-samples", "D3", "samples are lost in the middle of records", drop_samples,
        {"samples": from_to(1, 100_000), **_BOARD}, ("samples {board}",),
    ),
    Fault(
        "stuck-buffer", "D3", "a buffer comes again so many times", replay,
        {"buffers": from_to(1), **_BOARD},
    ),
)  # fmt: skip
