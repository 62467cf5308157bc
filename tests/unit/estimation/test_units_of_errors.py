"""Errors are in the unit of y, or in one of its dimension."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.read import fit_file
from kammerton.model import TraceError
from tests.unit.estimation.columns_of_text import read

ROWS = "0,10,1\n1,5,2\n2,2,3\n"


def sigma(folder: Path, y: str, error: str, kind: str = "t1", **choice: str) -> np.ndarray:
    trace = read(folder, f"delay [us],{y},{error}\n{ROWS}", kind, sigma="err", **choice).trace
    return np.asarray(trace.sigma / [1, 2, 3])


@pytest.mark.parametrize(
    ("y", "error", "factor"),
    [("s [V]", "err [mV]", 1e-3), ("s [mV]", "err [V]", 1.0), ("s [mV]", "err", 1e-3),
     ("P1 [%]", "err", 0.01), ("P1", "err [%]", 0.01), ("P1 [%]", "err []", 0.01),
     ("s [DAC]", "err [DAC]", 1.0), ("s [a.u.]", "err", 1.0)],
)  # fmt: skip
def test_errors_of_the_dimension_of_y(tmp_path: Path, y: str, error: str, factor: float) -> None:
    np.testing.assert_allclose(sigma(tmp_path, y, error), factor)


@pytest.mark.parametrize(
    ("y", "error"),
    [("s [V]", "err [kHz]"), ("s [V]", "err [%]"), ("s", "err [mV]"), ("s [V]", "err [ADC]"),
     ("P1 [%]", "err [us]"), ("s [DAC]", "err [V]"), ("s [V]", "err [dB]")],
)  # fmt: skip
def test_errors_of_another_dimension_are_refused(tmp_path: Path, y: str, error: str) -> None:
    with pytest.raises(TraceError, match=r"the errors, column 'err .*, are in .*, but y, column"):
        sigma(tmp_path, y, error)


def test_errors_of_a_level_are_in_decibels(tmp_path: Path) -> None:
    text, kind = f"f [GHz],S21 [dB],err [{{}}]\n{ROWS}", "resonator_spectroscopy"
    found = read(tmp_path, text.format("dB"), kind, sigma="err").trace
    np.testing.assert_allclose(found.sigma / found.y, np.array([1, 2, 3]) * np.log(10) / 20)
    with pytest.raises(TraceError, match=r"are in mV, but y, column 'S21 .dB.', is in dB"):
        read(tmp_path, text.format("mV"), kind, sigma="err")


def test_the_unit_of_y_that_is_chosen_counts_for_errors_in_the_same(tmp_path: Path) -> None:
    np.testing.assert_allclose(sigma(tmp_path, "s [V]", "err [V]", y_unit="mV"), 1e-3)
    np.testing.assert_allclose(sigma(tmp_path, "s [V]", "err [uV]", y_unit="mV"), 1e-6)
    np.testing.assert_allclose(sigma(tmp_path, "s", "err [mV]", y_unit="V"), 1e-3)
    text = f"delay [us],s [V],err [V]\n{ROWS}"
    notes = read(tmp_path, text, "t1", sigma="err", y_unit="mV").notes
    assert "the errors, column 'err [V]', are in mV, too" in notes


def test_shots_beside_a_level_are_no_errors_of_it(tmp_path: Path) -> None:
    path = tmp_path / "line.csv"
    rows = "".join(f"{5 + n / 100},{-3 - 9 / (1 + (n - 15) ** 2)},500\n" for n in range(31))
    path.write_text(f"f [GHz],S21 [dB],shots\n{rows}")
    assert not fit_file(path, "qubit_spectroscopy")[0].sigma_known
