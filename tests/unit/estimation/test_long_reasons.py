"""A reason that is too long for its picture keeps what it says."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.pictures.wording import ROWS, words_of
from kammerton.model import Fit, Trace, Verdict

X = np.linspace(0.0, 4e-5, 51)


def test_of_a_long_reason_whole_clauses_are_left_out_and_no_not_is_lost() -> None:
    """As of a qubit that hopped: "as that of noise does ..." said the opposite."""
    reason = (
        "it is a decaying oscillation too fast for these points: the scatter about a constant is "
        "6.5 times what the errors of 400 shots say (reduced chi-square 41.7), and dies away along "
        "the sweep, as that of noise does not; the qubit is not where it was thought to be: look "
        "for it"
    )
    trace = Trace("q0", X, 0.5 + 0 * X, np.full(51, 0.1), "delay", "s", "", "P1")
    fit = Fit("ramsey", "q0", {}, Verdict.REJECTED, "model does not fit", reason, 9.0)
    for letters in range(45, 100):
        lines = words_of(fit, trace, letters).splitlines()
        said = " ".join(lines)
        assert len(lines) <= ROWS
        assert max(map(len, lines)) <= letters
        assert said.endswith("look for it")
        assert ("noise does" in said) == ("noise does not;" in said)
        assert "(" in said or "chi-square" not in said
