"""Powers are swept from low to high, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.model import Program, ProgramError, Pulse, Readout
from kammerton.program.rising import check_rising


def sweep(*peaks: float, unit: str = "V") -> Program:
    axis = np.array(peaks)
    return Program(
        "rabi", {"q0": (Pulse("square", axis, 40e-9, 5e9),)}, {"q0": Readout(7e9, 0.05, 1e-6)},
        {"q0": axis}, "amplitude", unit, 10, 1e-3,
    )  # fmt: skip


@pytest.mark.parametrize("peaks", [(0.2, 0.1, 0.0), (0.0, 0.2, 0.1), (-0.2, 0.0, 0.2)])
def test_a_sweep_that_falls_is_refused(peaks):
    with pytest.raises(ProgramError, match=r"amplitude of q0 falls from 0.2 V to .* low to high"):
        check_rising(sweep(*peaks))


def test_one_that_rises_is_played_and_so_are_points_of_another_kind():
    check_rising(sweep(0.0, 0.1, 0.1, 0.2))
    check_rising(sweep(0.0, -0.1, 0.2))
    check_rising(sweep(0.2, 0.0, unit=""))
    check_rising(replace(sweep(0.1, 0.2), sequences={"q0": (Pulse("square", 0.1, 1e-8, 5e9),)}))
