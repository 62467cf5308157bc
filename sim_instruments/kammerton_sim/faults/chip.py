"""Faults of the chip: defects, hops, cut lines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from kammerton_sim.chip import ResonatorTruth
from kammerton_sim.faults.amounts import PART, Bound, from_to, not_zero
from kammerton_sim.faults.course import Course, Undo
from kammerton_sim.faults.refusal import require
from kammerton_sim.faults.words import Fault, Known

if TYPE_CHECKING:
    from kammerton_sim.site import Site


def _qubits(site: Site) -> list[str]:
    return [qubit.name for qubit in site.chip.qubits]


_QUBIT = Known("qubit", lambda site, _: _qubits(site))


def _happen(site: Site, qubit: str, **what: float) -> Undo:
    from kammerton_sim.world.mishaps import Mishap

    number = _qubits(site).index(qubit)
    mend = site.world.mishaps.happen(Mishap(number, site.world.clock.now(), **what))
    return lambda: mend(site.world.clock.now())


def defect(site: Site, seed: int, qubit: str, t1: float = 10e-6) -> Undo:
    """Let a two-level system take energy, so that T1 alone would be `t1` s."""
    return _happen(site, qubit, rate=1 / t1)


def hop(site: Site, seed: int, qubit: str, hz: float = 200e3) -> Undo:
    """Let f01 jump by so many Hz."""
    return _happen(site, qubit, f01=hz)


def drift(
    site: Site,
    seed: int,
    qubit: str,
    hz: float = 100e3,
    records: int = 51_000,
    steps: int = 20,
) -> Undo:
    """Let f01 wander by so many Hz while the boards make so many records, in equal steps."""
    made, begun, hops, boards = 0, 0, list[Undo](), threading.Lock()

    def step(count: int) -> Callable[[], None] | None:
        nonlocal made, begun
        with boards:  # each tells of its records in a thread of its own
            made += count
            missing = min(steps, made * steps // records) - begun
            begun += missing
        return partial(move, missing) if missing > 0 else None

    def move(number: int) -> None:
        hops.extend(_happen(site, qubit, f01=hz / steps) for _ in range(number))
        moved = len(hops) / steps * hz
        site.ledger.record("laboratory", "frequency-drift", "fault", None, f"{qubit} {moved:g} Hz")

    stop = site.coming.watch(step)

    def mend() -> None:
        stop()
        for undo in hops:
            undo()

    return Course(mend, steps, lambda: len(hops), stays=lambda: True)


def _check_drift(site: Site, qubit: str, hz: float, records: int, steps: int) -> None:
    wanted = f"records must be at least the {steps} steps"
    require(records >= steps, f"{wanted}, not {records}: each step waits for a record")


def dead(site: Site, seed: int, qubit: str, amplitude: float = 0.0) -> Undo:
    """Cut a qubit's drive line: this share of the amplitude is left."""
    return _happen(site, qubit, drive=amplitude)


def decoy(site: Site, seed: int, hz: float, linewidth: float = 2e6, depth: float = 0.8) -> Undo:
    """Put a resonance that belongs to no qubit on the feedline whose resonators are nearest."""
    return site.world.decoy(ResonatorTruth("decoy", hz, 0.0, linewidth, depth, 0.0))


_FAR = not_zero(from_to(-1e9, 1e9))
_BETWEEN = Bound(lambda x: 0 < x < 1, "between 0 and 1")

FAULTS = (
    Fault(
        "tls", "P1", "a two-level system takes energy: 1/T1 grows by 1/t1", defect,
        {"qubit": _QUBIT, "t1": from_to(1e-9, 1e-2)},
    ),
    Fault(
        "frequency-hop", "P2, P6", "f01 jumps by so many Hz", hop,
        {"qubit": _QUBIT, "hz": _FAR},
    ),
    Fault(
        "frequency-drift", "P6", "f01 moves by so many Hz while records come", drift,
        {"qubit": _QUBIT, "hz": _FAR, "steps": from_to(1, 1000)}, check=_check_drift,
    ),
    Fault(
        "dead-qubit", "P3", "this share of the drive reaches the qubit", dead,
        {"qubit": _QUBIT, "amplitude": PART},
    ),
    Fault(
        "decoy", "P4", "a resonance that belongs to no qubit", decoy,
        {"hz": from_to(1e9, 20e9), "linewidth": from_to(1, 1e9), "depth": _BETWEEN},
    ),
)  # fmt: skip
