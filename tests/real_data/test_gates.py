"""Measured traces of gates: our value beside the laboratory's own."""

from __future__ import annotations

import math

import pytest

from kammerton.estimation import fit_batch
from tests.real_data.further import columns, folder, stored

present = pytest.mark.skipif(
    not (folder() / "rb_delft_qr.csv").is_file(), reason=f"no measured traces in {folder()}"
)


@present
def test_the_error_per_clifford_is_the_laboratorys():
    """A hundred sequences, already averaged; four calibration points at the end."""
    lengths, signal = columns("rb_delft_qr")
    zero, one = signal[12:14].mean(), signal[14:].mean()
    found = fit_batch("randomized_benchmarking", lengths[:12], (signal[:12] - zero) / (one - zero))
    assert found.verdict[0] == "accepted"
    lab = stored("rb_delft_qr")
    theirs = {"depolarization": "p", "amplitude": "Amplitude", "offset": "offset"}
    for ours, name in theirs.items():
        value, error = lab[name]
        pull = (found.values[ours][0] - value) / math.hypot(found.stderr[ours][0], error)
        assert abs(pull) < 1.0, ours


@present
def test_the_pairs_of_a_pulse_that_is_too_strong():
    """Each pair twice, in volts; the laboratory stored no fit."""
    number, signal = columns("allxy_delft_qr")
    found = fit_batch("allxy", number, signal)
    assert (found.verdict[0], found.status[0]) == ("accepted", "amplitude too high")
    assert 0.05 < found.values["angle_error"][0] < 0.11
    assert found.values["allxy_deviation"][0] == pytest.approx(0.03, abs=0.01)
