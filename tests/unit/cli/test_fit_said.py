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
    assert "the amplitude of a decay is the law's at 0" in done.stderr


def test_a_drag_coefficient_in_ns_may_be_below_zero(tmp_path: Path) -> None:
    path, b = tmp_path / "d.csv", np.linspace(-1, 1, 31)
    y = 0.5 - 0.4 * np.cos(1.5 * (b - 0.2)) + 0.01 * np.random.default_rng(0).normal(size=31)
    np.savetxt(path, np.column_stack([b, y]), delimiter=",", header="drag [ns],p", comments="")
    done = fit(path, "--kind", "drag")
    assert done.exit_code == 0
    assert "below zero" not in done.stderr


def line(path: Path) -> Path:
    f = np.linspace(4.9, 5.3, 201)
    y = 0.1 + 0.5 / (1 + ((f - 5.1) / 0.01) ** 2)
    y += 0.02 * np.random.default_rng(0).normal(size=f.size)
    np.savetxt(path, np.column_stack([f, y]), delimiter=",", header="f [GHz],p", comments="")
    return path


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ("expected=5.1", "expected is 5.1 Hz, but 'f' goes from 4.9 GHz to 5.3 GHz: a number "
         "without a unit is in Hz; write the unit, as in expected=5.1GHz"),
        ("expected=5100", "as in expected=5100MHz"),
        ("expected=5.1V", "'5.1V' is in V, but it needs Hz"),
        ("within=5", "as in within=5MHz"),
    ],
)  # fmt: skip
def test_what_is_known_in_another_unit_is_refused(known: str, says: str, tmp_path: Path) -> None:
    done = fit(line(tmp_path / "q.csv"), "--kind", "qubit_spectroscopy", "--known", known)
    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    "known", ["expected=5.1 GHz", "expected=5.1e9", "expected=5090MHz", "within=5 MHz"]
)
def test_what_is_known_in_its_unit_is_taken(known: str, tmp_path: Path) -> None:
    done = fit(line(tmp_path / "q.csv"), "--kind", "qubit_spectroscopy", "--known", known)
    assert done.exit_code == 0, done.stderr


def test_a_line_far_beyond_a_sweep_of_detunings_is_told_which_axis_it_is_to_be_on(tmp_path):
    """It was asked for its unit, "as in expected=5.003e+09mHz", which had been written."""
    x = np.linspace(-20e6, 20e6, 81)
    y = 0.1 + 0.5 / (1 + (x / 2e6) ** 2) + 0.01 * np.random.default_rng(0).normal(size=81)
    path = tmp_path / "detunings.csv"
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="detuning [Hz],p", comments="")
    kind = ("--kind", "qubit_spectroscopy", "--known", "expected=5.003GHz")
    done = CliRunner().invoke(app, ["fit", str(path), *kind])
    assert done.exit_code == 2
    assert "it is to be on the axis that was swept" in done.output
    assert "mHz" not in done.output


def test_other_quantities_that_lack_their_unit(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    f, b = np.meshgrid(np.linspace(7.0, 7.1, 9), np.linspace(-300, 300, 9), indexing="ij")
    rows = np.column_stack([f.ravel(), b.ravel(), f.ravel() - 7])
    np.savetxt(path, rows, delimiter=",", header="f [GHz],bias [mV],y", comments="")
    for kind, known, says in (
        ("qubit_flux_map", "anharmonicity=-200", "as in anharmonicity=-200MHz"),
        ("qubit_flux_map", "anharmonicity=-0.2", "as in anharmonicity=-0.2GHz"),
        ("qubit_flux_map", "period=700", "in V; write the unit, as in period=700mV"),
        ("resonator_flux_map", "qubit_frequency=5", "as in qubit_frequency=5GHz"),
    ):
        done = fit(path, "--kind", kind, "--known", known)
        assert (done.exit_code, says in done.stderr) == (2, True), done.stderr
    gates = tmp_path / "g.csv"
    gates.write_text("n,p\n" + "".join(f"{n},{n % 2}\n" for n in range(12)))
    done = fit(gates, "--kind", "fine_amplitude", "--known", "angle=90")
    assert "angle is 90 rad, but no gate turns by more than two turns" in done.stderr
    assert fit(gates, "--kind", "fine_amplitude", "--known", "angle=90deg").exit_code != 2


@pytest.mark.parametrize(
    ("text", "kind"), [("T1", "t1"), (" Ramsey", "ramsey"), ("Qubit-Spectroscopy",
     "qubit_spectroscopy"), ("t2 echo", "t2_echo"), ("T2", "T2"), ("RB", "randomized_benchmarking"),
     ("irb", "interleaved_randomized_benchmarking"), ("echo", "t2_echo"), ("allXY", "allxy")],
)  # fmt: skip
def test_a_kind_in_other_letters(text: str, kind: str) -> None:
    assert kind_named(text) == kind


@pytest.mark.parametrize("title", ["Fehler", "Messunsicherheit", "err", "stderr", "uncertainty"])
def test_a_column_of_errors_is_named_in_german_too(tmp_path: Path, title: str) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{t},{np.exp(-t / 30):.4f},0.02\n" for t in range(0, 100, 3))
    path.write_text(f"delay_us,population,{title}\n{rows}")
    assert f"{title!r} is there, but not used: --sigma" in fit(path, "--kind", "t1").stderr


def test_a_missing_file_is_taken_for_no_other_because_of_its_ending(tmp_path: Path) -> None:
    decay(tmp_path / "rabilen.csv", "delay [us],y")
    said = fit(tmp_path / "nofile.csv", "--kind", "t1").stderr
    assert said.endswith("nofile.csv: no such file\n")
    said = fit(tmp_path / "rabi_len.csv", "--kind", "t1").stderr
    assert "(did you mean 'rabilen.csv'?)" in said


def test_kinds_by_their_other_names(tmp_path: Path) -> None:
    path = decay(tmp_path / "t.csv", "delay [us],y")
    assert fit(path, "--kind", "T1").exit_code == 0
    said = fit(path, "--kind", "T2")
    assert said.exit_code == 2
    assert "no kind 'T2' (did you mean 't2_echo' or 'ramsey'?)" in said.stderr
    assert all(kind in LAYOUTS for kinds in OTHER_NAMES.values() for kind in kinds)
    assert not OTHER_NAMES.keys() & LAYOUTS.keys()


@pytest.mark.parametrize(
    ("kind", "near"),
    [("cz", "'cz_chevron'"), ("flux", "'qubit_flux_map' or 'resonator_flux_map'"),
     ("punch", "'punch_out'"), ("crossing", "'avoided_crossing'")],
)  # fmt: skip
def test_a_word_of_a_kind_is_enough_to_find_it(tmp_path: Path, kind: str, near: str) -> None:
    said = fit(decay(tmp_path / "t.csv", "delay [us],y"), "--kind", kind).stderr
    assert f"no kind {kind!r} (did you mean {near}?)" in said


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


@pytest.mark.parametrize(
    ("title", "geometry", "said"),
    [("I [V]", "notch", "notch is not used: y goes below zero"),
     ("mag [V]", "reflection", "reflection is not used: a magnitude of a reflection has two"),
     ("mag [V]", "notch", None), ("I [V]", "transmission", None)],
)  # fmt: skip
def test_a_geometry_that_tells_nothing_is_said(
    tmp_path: Path, title: str, geometry: str, said: str | None
) -> None:
    f, path = np.linspace(7.09, 7.11, 201), tmp_path / "r.csv"
    z = 1 - 0.7 / (1 + 2j * (f - 7.1) / 0.001)
    y = z.real - 2 if title[0] == "I" else np.abs(z)
    y += 0.005 * np.random.default_rng(7).normal(size=201)
    np.savetxt(path, np.column_stack([f, y]), delimiter=",", header=f"f [GHz],{title}", comments="")
    found = fit(path, "--kind", "resonator_spectroscopy", "--geometry", geometry)
    assert found.exit_code == 0, found.output
    assert (f"geometry {said}" in found.stderr) if said else ("geometry " not in found.stderr)
