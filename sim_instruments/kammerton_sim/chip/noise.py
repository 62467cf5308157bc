"""Words for what disturbs a qubit while nobody touches it."""

from __future__ import annotations

from dataclasses import dataclass

from kammerton_sim.chip.keys import NOT_NEGATIVE, POSITIVE
from kammerton_sim.chip.section import number


@dataclass(frozen=True)
class Defect:
    """A two-level system that takes the qubit's energy where their frequencies meet.

    frequency: Hz. coupling: Hz (g / 2 pi). linewidth: Hz (decoherence rate / 2 pi: half width
    at half maximum of the dip). It hops by `jump` Hz, at `hop_rate` hops per second and to
    either side alike, and wanders by `wander` Hz (standard deviation) within `wander_time` s.
    """

    frequency: float = number("frequency_hz", POSITIVE)
    coupling: float = number("coupling_hz", POSITIVE)
    linewidth: float = number("linewidth_hz", POSITIVE)
    jump: float = number("jump_hz", NOT_NEGATIVE, 0.0)
    hop_rate: float = number("hop_rate_per_s", NOT_NEGATIVE, 0.0)
    wander: float = number("wander_hz", NOT_NEGATIVE, 0.0)
    wander_time: float = number("wander_time_s", POSITIVE, 3600.0)


@dataclass(frozen=True)
class Charge:
    """Charge noise of a transmon; how far it moves f01 follows from EJ / EC.

    parity_rate: switches of the charge parity per second. offset_time: s between jumps of the
    offset charge, which then takes any value.
    """

    parity_rate: float = number("parity_rate_per_s", POSITIVE)
    offset_time: float = number("offset_time_s", POSITIVE, 600.0)


@dataclass(frozen=True)
class Bursts:
    """Quasiparticle bursts that meet the whole chip.

    rate: per second. shortest_t1: s, T1 that a burst alone would leave as it strikes.
    recovery: s, time constant of what it adds to 1/T1.
    """

    rate: float = number("rate_per_s", POSITIVE)
    shortest_t1: float = number("shortest_t1_s", POSITIVE, 1e-6)
    recovery: float = number("recovery_s", POSITIVE, 25e-3)
