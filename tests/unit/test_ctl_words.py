"""What `kammerton sim ctl` prints, as a person reads it."""

from __future__ import annotations

import pytest

from kammerton_sim import ctl_words as words


@pytest.mark.parametrize(
    ("name", "value", "stderr", "truth", "said"),
    [
        ("q0.t1", 1.0, 1e-6, 41.9e-6, "1.0000000 ± 0.0000010 s, truth 41.9 µs"),
        ("q0.t1", 5e-3, 1e-6, 41.84e-6, "5.0000 ± 0.0010 ms, truth 41.8 µs"),
        ("q0.f01", 4.9e9, 1e3, 5.1e9, "4.9000000 ± 0.0000010 GHz, truth 5.1000000 GHz"),
        ("q0.assignment_fidelity", 0.9, 0.01, 0.95, "0.900 ± 0.010, truth 0.950:"),
    ],
)
def test_a_truth_has_its_own_unit(name, value, stderr, truth, said):
    found = {"name": name, "value": value, "stderr": stderr, "truth": truth, "pull": 50.0}
    assert said in words.contradiction(found)
