"""Words for what couples two qubits: directly, and through a tunable coupler."""

from __future__ import annotations

from dataclasses import dataclass

from kammerton_sim.chip.flux import Flux
from kammerton_sim.chip.keys import FREQUENCY, NEGATIVE, within
from kammerton_sim.chip.section import number, text

_COUPLING = within(-1e9, 1e9, "-1 and 1 GHz")


@dataclass(frozen=True)
class Coupling:
    """Exchange between two qubits, g (a^dag b + a b^dag).

    g: Hz (g / 2 pi), the direct part. zz: Hz by which one qubit moves when the other is excited,
    if it shall not be what follows from g and the detunings. coupler: name of a tunable coupler
    between them, or "". to_first, to_second: Hz (g / 2 pi) from the coupler to each qubit.
    """

    first: str = text("first")
    second: str = text("second")
    g: float = number("g_hz", _COUPLING, 0.0)
    zz: float | None = number("zz_hz", _COUPLING, None)
    coupler: str = text("coupler", "")
    to_first: float = number("to_first_hz", _COUPLING, 0.0)
    to_second: float = number("to_second_hz", _COUPLING, 0.0)

    @property
    def name(self) -> str:
        """The element's name, such as "q0-q1"."""
        return f"{self.first}-{self.second}"


@dataclass(frozen=True, kw_only=True)
class Coupler(Flux):
    """A flux-tunable transmon that stays in its ground state; see `Flux` for its loop.

    frequency, anharmonicity: Hz, at zero flux.
    """

    frequency: float = number("frequency_hz", FREQUENCY)
    anharmonicity: float = number("anharmonicity_hz", NEGATIVE, -200e6)
