"""Powers are swept from low to high: what is too much shows before the most is played."""

from __future__ import annotations

import numpy as np

from kammerton.model import Program, ProgramError, Pulse

POWERS = ("V", "dBm")
"""Units of an axis that is a power or an amplitude."""


def check_rising(program: Program) -> None:
    """Refuse a sweep of amplitudes that falls anywhere.

    Points of other axes, such as the two states of a readout calibration, may have any.

    Raises
    ------
    ProgramError
        Names the target, and from which amplitude to which it falls.
    """
    if program.axis_unit not in POWERS:
        return
    for target, sequence in program.sequences.items():
        for pulse in sequence:
            if isinstance(pulse, Pulse):
                _check(target, np.abs(np.atleast_1d(pulse.amplitude)))


def _check(target: str, peaks: np.ndarray) -> None:
    falls = np.flatnonzero(np.diff(peaks) < 0)
    if falls.size:
        before, after = peaks[falls[0]], peaks[falls[0] + 1]
        raise ProgramError(
            f"the amplitude of {target} falls from {before:.3g} V to {after:.3g} V: "
            "powers are swept from low to high"
        )
