"""A population of 0 in a file, where the sign of a result hangs on that of 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.ground import named_ground
from kammerton.estimation.files.read import Read, fit_file
from kammerton.model import Fit

N = np.arange(25)
SAID = "is a population of 0 by its name: 1 - y, that of 1, is fitted"


WHOLE = [
    "P0", "P(0)", "P_g", "p_0", "pg", "pop0", "ground", "ground state", "ground_population",
    "ground (state) population", "ground-state population", "p(|0>)", "|0>", "population 0",
    "population of 0", "prob of 0", "prob. of ground", "P0 %", "survival", "survival probability",
]  # fmt: skip
MORE = [
    "population", "P1", "P(1)", "P01", "p_01", "signal", "top 0", "rep 0", "ping", "P 0.5", "p05",
    "excited", "excited - ground", "1-P0", "1 - P(0)", "1 - ground population", "-P0", "P0 - P1",
    "p0->1", "P(e|g)", "P(e|0)", "p(0|1)", "P0 corrected P1", "ADC p0", "background", "P_up",
    "background-subtracted signal", "signal (ground corrected)", "P1 (from ground)", "P1|prep 0",
    "P(1), ground state initialised", "P(1) with ground-state prep", "state 0", "p_gate", "amp0",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ground"), [*((name, True) for name in WHOLE), *((name, False) for name in MORE)]
)
def test_names_of_a_population_of_0(name: str, ground: bool) -> None:
    assert named_ground(name) == ground


@pytest.mark.parametrize("title", MORE)
def test_no_sign_is_turned_by_half_a_name(tmp_path: Path, title: str) -> None:
    chosen, fit = gates(tmp_path, title.replace(",", ""))
    assert fit.values["angle_error"].value == pytest.approx(0.08, abs=0.01)
    assert not chosen.trace.y_name.startswith("1 - ") or title.startswith("1 - ")


@pytest.mark.parametrize(
    ("title", "known"),
    [("P1", True), ("P0", True), ("excited state population", True), ("n1", True),
     ("signal", False), ("1-P0", False), ("P10", False)],
)  # fmt: skip
def test_a_sign_is_left_open_where_no_name_says_it(tmp_path: Path, title: str, known: bool) -> None:
    _, fit = gates(tmp_path, title)
    assert ("if the signal rises with 1" in fit.reason) != known


def gates(folder: Path, title: str, scale: float = 1.0, **known: object) -> tuple[Read, Fit]:
    rng = np.random.default_rng(2)
    excited = 0.49 + 0.47 * np.cos(N * (np.pi + 0.08) - np.pi / 2) + 0.01 * rng.normal(size=N.size)
    y = 1 - excited if named_ground(title) else excited
    path = folder / "data.csv"
    np.savetxt(path, np.column_stack([N, scale * y]), delimiter=",", header=f"n,{title}",
               comments="")  # fmt: skip
    return fit_file(path, "fine_amplitude", **known)


@pytest.mark.parametrize(
    ("title", "scale", "turned"),
    [("P1", 1.0, False), ("P0", 1.0, True), ("survival", 1.0, True), ("P0 [%]", 100.0, True)],
)
def test_the_error_of_a_gate_has_its_sign(
    tmp_path: Path, title: str, scale: float, turned: bool
) -> None:
    chosen, fit = gates(tmp_path, title, scale)
    error = fit.values["angle_error"]
    assert abs(error.value - 0.08) < 4 * error.stderr
    assert any(note.endswith(SAID) for note in chosen.notes) == turned
    assert chosen.trace.y_name.startswith("1 - ") == turned


def test_a_contrast_that_is_given_counts(tmp_path: Path) -> None:
    chosen, fit = gates(tmp_path, "P0", contrast=-0.94, offset=0.51)
    assert fit.values["angle_error"].value == pytest.approx(0.08, abs=0.01)
    assert not any("population of 0" in note for note in chosen.notes)
    chosen, fit = gates(tmp_path, "P0", contrast=0.94, offset=0.51)
    assert fit.values["angle_error"].value == pytest.approx(-0.08, abs=0.01)
    assert any("with a positive one errors have the other sign" in note for note in chosen.notes)


def test_counts_are_left_as_they_are_and_that_is_said(tmp_path: Path) -> None:
    chosen, fit = gates(tmp_path, "P0", 1000.0)
    assert fit.values["angle_error"].value == pytest.approx(-0.08, abs=0.01)
    assert any(note.endswith("is taken as it stands") for note in chosen.notes)


@pytest.mark.parametrize(("known", "at"), [({}, 0.2), ({"extremum": "maximum"}, 0.2)])
def test_the_extremum_of_drag(tmp_path: Path, known: dict[str, object], at: float) -> None:
    b, rng = np.linspace(-1, 1, 31), np.random.default_rng(3)
    y = 0.5 + 0.45 * np.cos(1.5 * (b - 0.2)) + 0.01 * rng.normal(size=b.size)
    path = tmp_path / "data.csv"
    np.savetxt(path, np.column_stack([b, y]), delimiter=",", header="beta,P0", comments="")
    chosen, fit = fit_file(path, "drag", **known)
    found = fit.values["drag_coefficient"]
    assert abs(found.value - at) < 4 * found.stderr
    assert any(note.endswith(SAID) for note in chosen.notes) == (not known)
