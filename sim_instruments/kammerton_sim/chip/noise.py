"""Words for what disturbs a qubit while nobody touches it."""

from __future__ import annotations

from dataclasses import dataclass

from kammerton_sim.chip.keys import (
    FREQUENCY,
    LIFETIME,
    MOVES_WITHIN,
    NOT_NEGATIVE,
    RATE,
    WIDTH,
    up_to,
    within,
)
from kammerton_sim.chip.section import number


@dataclass(frozen=True)
class Defect:
    """A two-level system that takes the qubit's energy where their frequencies meet.

    frequency: Hz. coupling: Hz (g / 2 pi). linewidth: Hz (decoherence rate / 2 pi: half width
    at half maximum of the dip). It hops by `jump` Hz, at `hop_rate` hops per second and to
    either side alike, and wanders by `wander` Hz (standard deviation) within `wander_time` s.
    """

    frequency: float = number("frequency_hz", FREQUENCY)
    coupling: float = number("coupling_hz", up_to(100e6, "100 MHz"))
    linewidth: float = number("linewidth_hz", WIDTH)
    jump: float = number("jump_hz", NOT_NEGATIVE, 0.0)
    hop_rate: float = number("hop_rate_per_s", within(0.0, 1e6, "0 and 1e6 per s"), 0.0)
    wander: float = number("wander_hz", NOT_NEGATIVE, 0.0)
    wander_time: float = number("wander_time_s", MOVES_WITHIN, 3600.0)


@dataclass(frozen=True)
class Charge:
    """Charge noise of a transmon; how far it moves f01 follows from EJ / EC.

    parity_rate: switches of the charge parity per second. offset_time: s between jumps of the
    offset charge, which then takes any value.
    """

    parity_rate: float = number("parity_rate_per_s", RATE)
    offset_time: float = number("offset_time_s", MOVES_WITHIN, 600.0)


@dataclass(frozen=True)
class Bursts:
    """Quasiparticle bursts that meet the whole chip.

    rate: per second. shortest_t1: s, T1 that a burst alone would leave as it strikes.
    recovery: s, time constant of what it adds to 1/T1.
    """

    rate: float = number("rate_per_s", up_to(1e3, "1000 per s"))
    shortest_t1: float = number("shortest_t1_s", LIFETIME, 1e-6)
    recovery: float = number("recovery_s", up_to(1.0, "1 s"), 25e-3)
