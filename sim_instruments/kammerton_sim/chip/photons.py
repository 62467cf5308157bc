"""Words for what a readout resonator does to its qubit, and the qubit to it."""

from __future__ import annotations

from dataclasses import dataclass

from kammerton_sim.chip.keys import NOT_NEGATIVE, POSITIVE, within
from kammerton_sim.chip.section import number


@dataclass(frozen=True)
class Purcell:
    """The qubit decays through its resonator, beside its own t1.

    filter_linewidth: Hz, full width of a bandpass filter centred on the resonator; 0: no filter.
    """

    filter_linewidth: float = number("filter_linewidth_hz", NOT_NEGATIVE, 0.0)


@dataclass(frozen=True)
class Photons:
    """Photons in the resonator, which dephase the qubit and shift it.

    per_square_volt: of a steady tone on resonance, per square of its volts at the generator.
    residual: those that are always there, beside the thermal ones of the mixing chamber (f01 of
    the qubit is meant with them).
    """

    per_square_volt: float = number("per_square_volt", POSITIVE)
    residual: float = number("residual", within(0.0, 1000.0, "0 and 1000"), 0.0)


@dataclass(frozen=True)
class Transitions:
    """The tone itself throws the qubit out of |0> and |1> above a number of photons.

    rate: per second far above. threshold, width: photons at which half the rate is reached, and
    the width of the step. per_square_volt comes from `Photons`.
    """

    rate: float = number("rate_per_s", POSITIVE)
    threshold: float = number("threshold_photons", POSITIVE)
    width: float = number("width_photons", POSITIVE, 3.0)


@dataclass(frozen=True)
class PunchOut:
    """The resonator returns to its bare frequency as its photons exceed the critical number.

    critical: photons; 0: Delta^2 / 4 g^2, as chi, f01 and anharmonicity have it.
    """

    critical: float = number("critical_photons", NOT_NEGATIVE, 0.0)
