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


@pytest.mark.parametrize(
    ("name", "ground"),
    [("P0", True), ("P(0)", True), ("P_g", True), ("ground", True), ("survival", True),
     ("p(|0>)", True), ("ground_population", True), ("population 0", True), ("prob of 0", True),
     ("population", False), ("P1", False), ("P(1)", False), ("P01", False), ("signal", False),
     ("top 0", False), ("P 0.5", False), ("excited", False)],
)  # fmt: skip
def test_names_of_a_population_of_0(name: str, ground: bool) -> None:
    assert named_ground(name) == ground


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
