"""A resonance that is not where it is believed to be."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.model import TraceError
from tests.catalogue.registry import truths

RESONATORS = [name for name in truths() if truths()[name].kind == "resonator_spectroscopy"]


def measured(name):
    """Return well-measured traces of a truth."""
    truth, rng = truths()[name], np.random.default_rng(4)
    return truth, truth.measured(rng, truth.benign(rng, 20), 100.0)


@pytest.mark.parametrize("name", RESONATORS)
def test_a_resonance_far_from_where_it_is_expected_is_the_wrong_one(name):
    truth, traces = measured(name)
    at = traces.low["frequency"]

    def fit(**place):
        return fit_batch(truth.kind, traces.x, traces.y, traces.sigma, **traces.known, **place)

    assert set(fit(expected=at + 0.1e6).status) == {"success"}
    wrong = fit(expected=at + 6e6)  # a twentieth of 20 MHz is one sigma
    assert set(wrong.status) == {"wrong peak"}
    assert "MHz from where it is expected" in wrong.reason[0]
    assert set(fit(expected=at + 0.5e6, within=0.05e6).status) == {"wrong peak"}
    assert set(fit(expected=at + 6e6, within=2e6).status) == {"success"}
    np.testing.assert_array_equal(wrong.values["frequency"], fit().values["frequency"])


@pytest.mark.parametrize("name", ["dispersive_shift", "dispersive_shift, magnitude"])
def test_of_a_pair_it_is_the_one_with_the_qubit_in_0(name):
    truth, traces = measured(name)
    at = traces.low["frequency_0"]

    def fit(**place):
        return fit_batch(truth.kind, traces.x, traces.y, traces.sigma, **place)

    assert "wrong peak" not in set(fit(expected=at + 0.1e6).status)
    wrong = fit(expected=traces.low["frequency_1"] + 3e6, within=1e3)
    assert set(wrong.status) == {"wrong peak"}
    assert "with the qubit in 0 lies" in wrong.reason[0]


def test_what_is_expected_is_a_frequency():
    truth, traces = measured(RESONATORS[0])
    with pytest.raises(TraceError, match="expected must be one number, or one for each trace"):
        fit_batch(truth.kind, traces.x, traces.y, traces.sigma, expected=[1.0, 2.0])
    with pytest.raises(TraceError, match="it must be more than 0"):
        fit_batch(truth.kind, traces.x, traces.y, traces.sigma, expected=7e9, within=-1.0)
