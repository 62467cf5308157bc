"""What the calibration of the readout proposes of a fit."""

from __future__ import annotations

import pytest

from kammerton.model import Fit, Value, Verdict
from kammerton_calibrations.readout import READOUT

NAMES = ("readout_angle", "readout_threshold", "readout_contrast")


@pytest.mark.parametrize(("fitted", "proposed"), [(1.0003, 1.0), (0.987, 0.987)])
def test_no_fidelity_above_one_is_proposed_and_its_error_stays(fitted, proposed):
    values = {name: Value(0.1, 0.01, "") for name in NAMES}
    values["assignment_fidelity"] = Value(fitted, 0.0005, "")
    fit = Fit("single_shot_readout", "q0", values, Verdict.ACCEPTED, "success", "", 1.0)
    found = READOUT.propose(fit, None)["assignment_fidelity"]
    assert (found.value, found.stderr) == (proposed, 0.0005)
