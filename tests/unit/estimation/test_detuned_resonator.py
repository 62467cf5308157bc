"""A resonator over its detuning has a frequency and a width, and no quality factors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.batch import FitBatch
from kammerton.estimation.files.read import fit_file
from kammerton.model import Verdict

KIND = "resonator_spectroscopy"
X = np.linspace(-10e6, 10e6, 201)
QUALITIES = ("q_loaded", "q_internal", "q_coupling")
WHY = "x reaches zero and is no absolute frequency, so that there are no quality factors"


def fitted(x: Any, share: complex, size: Any = np.asarray, **known: object) -> FitBatch:
    rng = np.random.default_rng(4)
    line = 1 - share / (1 + 2j * (X - 1e6) / 1e6)
    noise = rng.normal(size=(2, 2, X.size))
    return fit_batch(KIND, x, size(line + 0.01 * (noise[0] + 1j * noise[1])), 0.01, **known)


@pytest.mark.parametrize("size", [np.asarray, np.abs])
def test_an_axis_that_reaches_zero_gives_no_quality_factors(size: Any) -> None:
    found = fitted(X, 0.7, size)
    assert (found.verdict == "accepted").all()
    assert all(reason == f"a clear resonance (notch); {WHY}" for reason in found.reason)
    assert all(np.isnan(found.values[name]).all() for name in QUALITIES)
    assert all(np.isnan(found.stderr[name]).all() for name in QUALITIES)
    assert set(found.fit(0, "r0").values) == {"frequency", "linewidth"}
    for name in ("frequency", "linewidth"):
        assert (np.abs(found.values[name] - 1e6) < 4 * found.stderr[name]).all()


def test_it_is_decided_for_each_window() -> None:
    found = fitted(np.stack([X, X + 6e9]), 0.7)
    assert np.isnan(found.values["q_loaded"]).tolist() == [True, False]
    assert abs(found.values["q_loaded"][1] - 6001) < 4 * found.stderr["q_loaded"][1]
    assert [WHY in reason for reason in found.reason] == [True, False]


def test_zero_itself_is_no_frequency() -> None:
    low = X - X.min()
    assert np.isnan(fitted(low, 0.7).values["q_loaded"]).all()
    assert np.isfinite(fitted(low + 1.0, 0.7).values["q_loaded"]).all()


@pytest.mark.parametrize(
    ("share", "geometry", "says"),
    [(1.6, "notch", "the loss that q_coupling tells would be more than the whole: the circle is too"
      " large for this geometry; is it a reflection?"),
     (-1.2, "notch", "the loss that q_internal tells would be more than the whole: the line is a"
      " peak, as none is in this geometry; is it a transmission?")],
)  # fmt: skip
def test_its_geometry_is_judged_as_that_of_any_other(
    share: float, geometry: str, says: str
) -> None:
    found = fitted(X, share, geometry=geometry)
    assert (found.verdict == "rejected").all()
    assert found.reason[0] == says


def test_a_column_that_is_called_a_detuning_has_none_either(tmp_path: Path) -> None:
    x, path = X - X.min() + 1e6, tmp_path / "data.csv"
    y = np.abs(1 - 0.7 / (1 + 2j * (X - 1e6) / 1e6)) + 0.01 * np.random.default_rng(1).normal(
        size=X.size
    )
    titles = {"detuning [Hz]": False, "Probe detuning [Hz]": False, "frequency [Hz]": True,
              "f (Hz) no detuning": True, "frequency without detuning [Hz]": True}  # fmt: skip
    for title, there in titles.items():
        np.savetxt(path, np.column_stack([x, y]), delimiter=",", header=f"{title},mag",
                   comments="")  # fmt: skip
        _, fit = fit_file(path, KIND)
        assert fit.verdict is Verdict.ACCEPTED
        assert ("q_loaded" in fit.values) is there
        assert fit.correlation is not None
        assert fit.correlation.shape == (len(fit.values), len(fit.values))
        assert fit.reason.endswith("by its name, so that there are no quality factors") is not there
