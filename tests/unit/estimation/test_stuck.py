"""A digitizer that stopped is seen; counts that repeat by chance are not it."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

X = np.linspace(0.0, 1.0, 101)
RNG = np.random.default_rng(1)
LAWS = {
    "t1": np.exp(-4 * X), "ramsey": 0.5 + 0.5 * np.exp(-2 * X) * np.cos(50 * X),
    "rabi_amplitude": 0.5 - 0.5 * np.cos(20 * X), "rabi_length": 0.5 - 0.5 * np.cos(20 * X),
    "qubit_spectroscopy": 1 / (1 + ((X - 0.5) / 0.05) ** 2),
}  # fmt: skip


def measured(kind, n=50):
    return LAWS[kind] + 0.02 * RNG.normal(size=(n, X.size))


@pytest.mark.parametrize("given", [0.02, None])
@pytest.mark.parametrize("kind", LAWS)
def test_a_value_that_is_held(kind, given):
    y = measured(kind)
    y[:, 40:] = y[:, 40:41]
    found = fit_batch(kind, X, y, given)
    assert set(found.status) <= {"stuck data", "saturated"}  # held at the top looks like a rail
    assert set(found.verdict) == {"rejected"}


@pytest.mark.parametrize("length", [5, 8, 37])
@pytest.mark.parametrize("kind", LAWS)
def test_a_block_that_is_read_again_and_again(kind, length):
    y = measured(kind)
    found = fit_batch(kind, X, y[:, np.arange(X.size) % length], 0.02)
    assert set(found.status) == {"stuck data"}


def test_a_complex_trace_that_is_held():
    z = 1 - 0.7 / (1 + 20j * (X - 0.5)) + 0.01 * (RNG.normal(size=101) + 1j * RNG.normal(size=101))
    z[70:] = z[70]
    assert fit_batch("resonator_spectroscopy", X, z).status[0] == "stuck data"


@pytest.mark.parametrize("shots", [50, 200, 1000])
def test_counts_repeat_and_are_no_fault(shots):
    for kind in ("t1", "ramsey", "rabi_amplitude"):
        y = RNG.binomial(shots, np.clip(LAWS[kind], 0, 1), (300, X.size)) / shots
        found = fit_batch(kind, X, y, shots=shots)
        assert "stuck data" not in found.status


def test_the_tail_of_counts_at_exactly_0_is_no_fault():
    y = RNG.binomial(300, np.exp(-20 * X), (100, X.size)) / 300
    assert (y[:, 60:] == 0).all(axis=1).any()
    assert "stuck data" not in fit_batch("t1", X, y, shots=300).status


@pytest.mark.parametrize("shots", [30, 100, 1000])
def test_a_short_trace_of_counts_repeats_by_chance_or_was_read_again(shots):
    x = X[::5]
    y = RNG.binomial(shots, 0.02 + 0.9 * np.exp(-20 * x), (2000, x.size)) / shots
    stuck = {"by chance": y, "read again": y[:, np.arange(x.size) % 14]}
    share = {
        name: np.mean(np.array(fit_batch("t1", x, each, shots=shots).status) == "stuck data")
        for name, each in stuck.items()
    }
    assert share["by chance"] < 0.003
    assert share["read again"] > 0.97


@pytest.mark.parametrize("known", [{}, {"contrast": 1.0, "offset": 0.0}])
def test_a_train_of_pulses_that_is_read_again(known):
    gates = np.arange(26.0)
    y = 0.5 + 0.4 * np.sin(np.pi * gates + 0.02 * gates) + 0.01 * RNG.normal(size=(50, 26))
    found = fit_batch("fine_amplitude", gates, y[:, np.arange(26) % 8], 0.01, **known)
    assert set(found.verdict) == {"rejected"}
    assert "stuck data" in found.status
