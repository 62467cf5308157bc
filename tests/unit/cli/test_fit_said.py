"""What `kammerton fit` says of options that a file contradicts, and of too few points."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.estimation.files.layouts import LAYOUTS, OTHER_NAMES, kind_named


def fit(*arguments: str | Path) -> Result:
    result: Result = CliRunner().invoke(app, ["fit", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def decay(path: Path, header: str, points: int = 76, noise: float = 0.01, seed: int = 7) -> Path:
    t = np.linspace(0, 150, points)
    y = np.exp(-t / 40) + noise * np.random.default_rng(seed).normal(size=points)
    np.savetxt(path, np.column_stack([t, y]), delimiter=",", header=header, comments="")
    return path


def test_a_unit_that_overrules_the_title_is_said(tmp_path: Path) -> None:
    path = decay(tmp_path / "t.csv", "delay [ns],y [mV]")
    said = fit(path, "--kind", "t1", "--x-unit", "us", "--y-unit", "V").stderr
    assert "x, column 'delay [ns]': the title says ns; us counts (--x-unit)" in said
    assert "y, column 'y [mV]': the title says mV; V counts (--y-unit)" in said
    assert "counts" not in fit(path, "--kind", "t1", "--x-unit", "nsec").stderr
    plain = decay(tmp_path / "p.csv", "delay,y")
    assert "counts" not in fit(plain, "--kind", "t1", "--x-unit", "us").stderr


def test_shots_of_a_voltage_are_refused(tmp_path: Path) -> None:
    done = fit(decay(tmp_path / "t.csv", "delay [us],y [mV]"), "--kind", "t1", "--shots", "100")
    assert done.exit_code == 2
    assert "t.csv: y is in V, not a population" in done.stderr


def test_errors_that_are_there_are_pointed_at(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(decay(path, "delay [us],p1").read_text().replace("\n", ",0.01\n"))
    path.write_text(path.read_text().replace("p1,0.01", "p1,p1_err", 1))
    hint = "'p1_err' is there, but not used: --sigma p1_err takes it"
    assert hint in fit(path, "--kind", "t1").stderr
    assert "p1_err" not in fit(path, "--kind", "t1", "--sigma", "p1_err").stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [(["0.01", "0", "nan", "0.01"], "is 0 or missing at 38 points, the first in line 3: they have"),
     (["0"], "holds no error above 0: it is not used"), (["0.01"], None)],
)  # fmt: skip
def test_a_sigma_that_says_nothing_is_said(
    values: list[str], said: str | None, tmp_path: Path
) -> None:
    path = decay(tmp_path / "z.csv", "delay [us],p1")
    rows = path.read_text().splitlines()
    sigma = [values[n % len(values)] for n in range(len(rows) - 1)]
    path.write_text("\n".join(map(",".join, zip(rows, ["s", *sigma], strict=True))))
    done = fit(path, "--kind", "t1", "--sigma", "s")
    assert done.exit_code == 0
    assert "'s'" not in done.stderr if said is None else said in done.stderr


def test_delays_below_zero_are_said(tmp_path: Path) -> None:
    path = decay(tmp_path / "n.csv", "delay [us],p1")
    assert "below zero" not in fit(path, "--kind", "t1").stderr
    rows = path.read_text().splitlines()
    shifted = [f"{float(row.split(',')[0]) - 20},{row.split(',')[1]}" for row in rows[1:]]
    path.write_text("\n".join([rows[0], *shifted]))
    done = fit(path, "--kind", "t1")
    assert done.exit_code == 0
    assert "'delay' goes below zero, to -20 µs" in done.stderr


@pytest.mark.parametrize(
    ("text", "kind"), [("T1", "t1"), (" Ramsey", "ramsey"), ("Qubit-Spectroscopy",
     "qubit_spectroscopy"), ("t2 echo", "t2_echo"), ("T2", "T2")],
)  # fmt: skip
def test_a_kind_in_other_letters(text: str, kind: str) -> None:
    assert kind_named(text) == kind


def test_kinds_by_their_other_names(tmp_path: Path) -> None:
    path = decay(tmp_path / "t.csv", "delay [us],y")
    assert fit(path, "--kind", "T1").exit_code == 0
    said = fit(path, "--kind", "T2")
    assert said.exit_code == 2
    assert "no kind 'T2' (did you mean 't2_echo' or 'ramsey'?)" in said.stderr
    assert all(kind in LAYOUTS for kinds in OTHER_NAMES.values() for kind in kinds)
    assert not OTHER_NAMES.keys() & LAYOUTS.keys()


@pytest.mark.parametrize(("points", "few"), [(6, True), (12, False)])
def test_of_few_points_more_are_advised_and_not_more_shots(
    tmp_path: Path, points: int, few: bool
) -> None:
    path = decay(tmp_path / "t.csv", "delay [us],y", points, 0.1, seed=1)
    done = fit(path, "--kind", "t1", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["verdict"]) == (3, "insufficient")
    assert (f"with {points} points it needs more of them: 8 or more" in found["reason"]) == few
    assert ("shots_times" in found["advice"]) != few


def test_few_lengths_of_a_benchmarking_are_usual(tmp_path: Path) -> None:
    m = np.repeat([1, 10, 30, 60, 100], 4)
    y = 0.5 + 0.5 * 0.98**m + 0.15 * np.random.default_rng(3).normal(size=m.size)
    path = tmp_path / "rb.csv"
    np.savetxt(path, np.column_stack([m, y]), delimiter=",", header="m,y", comments="")
    assert "needs more of them" not in fit(path, "--kind", "randomized_benchmarking").stdout
