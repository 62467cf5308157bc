"""The parameters that Kammerton knows: the one list from which everything else is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

ElementKind = Literal["qubit", "resonator"]

ELEMENT = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class ParameterKind:
    """What a parameter is: its unit, its meaning, and how it ages.

    `drift` is the random walk we assume until history has taught better, in units (or, when
    `relative`, in fractions of the value) per square root of a second of laboratory time.
    `tolerance` is how wrong the value may be, one sigma, before it no longer serves. `step` is how
    far it may move on the word of one run; 0 means as far as its sigma allows.
    """

    element: ElementKind
    name: str
    unit: str
    meaning: str
    drift: float = 0.0
    tolerance: float = 0.0
    relative: bool = False
    measured: bool = True
    step: float = 0.0

    def drift_of(self, value: float) -> float:
        """Return the assumed random walk in absolute units per square root of a second."""
        return self.drift * abs(value) if self.relative else self.drift

    def tolerance_of(self, value: float) -> float:
        """Return the tolerated one-sigma error in absolute units."""
        return self.tolerance * abs(value) if self.relative else self.tolerance

    def step_of(self, value: float) -> float:
        """Return the largest change that one run may make, in absolute units; 0: no such limit."""
        return self.step * abs(value) if self.relative else self.step


_KINDS = (
    ParameterKind("qubit", "f01", "Hz", "transition frequency 0-1", 60.0, 2e3, step=5e6),
    ParameterKind("qubit", "anharmonicity", "Hz", "f12 - f01", 1e3, 20e6, step=20e6),
    ParameterKind(
        "qubit",
        "pi_amplitude",
        "V",
        "peak of the declared pi pulse at the generator's output",
        2e-5,
        0.02,
        relative=True,
        step=0.1,
    ),
    ParameterKind("qubit", "t1", "s", "energy relaxation time", 3e-3, 0.1, relative=True),
    ParameterKind(
        "qubit", "t2_star", "s", "1/e time of the Ramsey decay", 3e-3, 0.1, relative=True
    ),
    ParameterKind("qubit", "t2_echo", "s", "decay time of the Hahn echo", 3e-3, 0.1, relative=True),
    ParameterKind(
        "qubit",
        "assignment_fidelity",
        "",
        "1 - (P(1|0) + P(0|1))/2",
        1e-4,
        0.02,
    ),
    ParameterKind(
        "resonator", "frequency", "Hz", "resonance with the qubit in 0", 20.0, 100e3, step=2e6
    ),
    ParameterKind(
        "resonator",
        "linewidth",
        "Hz",
        "full width at half maximum of |S|^2",
        1e-4,
        0.1,
        relative=True,
    ),
    ParameterKind(
        "resonator",
        "readout_frequency",
        "Hz",
        "tone of the readout pulse",
        0.0,
        1e6,
        measured=False,
    ),
    ParameterKind(
        "resonator",
        "readout_amplitude",
        "V",
        "peak of the tone at the generator",
        0.0,
        1.0,
        measured=False,
    ),
    ParameterKind(
        "resonator",
        "readout_angle",
        "rad",
        "direction from 0 to 1 in the IQ plane",
        1e-4,
        0.2,
    ),
    ParameterKind(
        "resonator",
        "readout_threshold",
        "V",
        "boundary of 0 and 1 along it",
        1e-7,
        1e-3,
    ),
    ParameterKind(
        "resonator",
        "readout_contrast",
        "V",
        "distance of 0 and 1 in the IQ plane",
        1e-7,
        1e-3,
    ),
)

KINDS: dict[tuple[ElementKind, str], ParameterKind] = {(k.element, k.name): k for k in _KINDS}
LEFT_OUT = {
    "assignment_fidelity": "errors of preparation (thermal population, the pi pulse): it is of the "
    "state at the start of the readout",
}
"""What a value does not hold, though its name may say so."""

QUBIT = {k.name: k for k in _KINDS if k.element == "qubit"}
RESONATOR = {k.name: k for k in _KINDS if k.element == "resonator"}
BY_NAME = QUBIT | RESONATOR
"""No name means one thing of a qubit and another of a resonator."""


RELATIVE = (*QUBIT, *(f"r.{name}" for name in RESONATOR))
"""All parameters as a calibration names them: relative to a qubit, "r." is its resonator."""


def kind_of(full_name: str, resonators: frozenset[str] | set[str]) -> ParameterKind:
    """Return the kind of a full parameter name such as "q3.f01".

    Raises
    ------
    KeyError
        The element kind has no such parameter, or the name has no dot.
    """
    element, _, name = full_name.partition(".")
    return KINDS["resonator" if element in resonators else "qubit", name]
