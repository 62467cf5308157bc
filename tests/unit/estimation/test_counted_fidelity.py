"""Beside the fidelity of the state at the start stands that of what was prepared and counted."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.cli.fit_report import print_text
from kammerton.estimation.pictures.wording import counted_fidelity, words_of
from kammerton.model import Fit, Trace, Value, Verdict

VALUES = {
    "assignment_fidelity": Value(1.002, 0.004, ""),
    "counted_0_given_0": Value(0.97, 0.003, ""), "counted_1_given_0": Value(0.03, 0.003, ""),
    "counted_0_given_1": Value(0.07, 0.004, ""), "counted_1_given_1": Value(0.93, 0.004, ""),
}  # fmt: skip
FIT = Fit("single_shot_readout", "q0", VALUES, Verdict.ACCEPTED, "success", "", 1.0)


def test_it_is_the_mean_of_what_was_called_right() -> None:
    plain = counted_fidelity(VALUES)
    assert plain is not None
    assert (plain.value, plain.stderr) == (pytest.approx(0.95), pytest.approx(0.0025))
    assert counted_fidelity({"t1": VALUES["assignment_fidelity"]}) is None


def test_both_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    trace = Trace("q0", np.arange(2.0), np.ones(2), np.ones(2), "state", "")
    assert "F = 1.0020(40), counted 0.9500(25)" in words_of(FIT, trace, 60)
    print_text(FIT, [("state", "")], None)
    said = " ".join(capsys.readouterr().out.split())
    assert "1.0020 ± 0.0040, errors of preparation left out 0.9500 ± 0.0025 as counted" in said
