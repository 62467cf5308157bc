"""What a batch of fits says of itself in a notebook."""

from __future__ import annotations

import re

import numpy as np

from kammerton.estimation import fit_batch

X = np.linspace(0, 1e-4, 41)
Y = np.exp(-X / 3e-5) + 0.01 * np.random.default_rng(1).normal(size=X.size)


def test_one_trace_says_its_verdict_and_its_values():
    said = repr(fit_batch("t1", X, Y, 0.01))
    first, *values = said.splitlines()
    assert first == "t1: accepted: a clear exponential decay"
    assert re.fullmatch(r"  t1 = \d+\.\d+ µs ± \d+ ns", values[0])
    assert [line.split()[0] for line in values] == ["t1", "amplitude", "offset"]


def test_many_say_how_many_there_are_of_each_verdict():
    noise = 0.01 * np.random.default_rng(2).normal(size=(3, X.size))
    said = repr(fit_batch("t1", X, np.vstack([Y, Y, noise]), 0.01))
    assert said == "5 fits of kind t1: 2 accepted, 3 rejected"
