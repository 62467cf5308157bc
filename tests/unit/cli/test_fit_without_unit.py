"""Numbers without a unit that cannot be SI are asked about; others and named ones are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.estimation.files.bare_units import refuse_bare
from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import read_files
from kammerton.model import TraceError


def decay(path: Path, header: str, longest: float = 200.0) -> Path:
    t = np.linspace(0, longest, 76)
    y = np.exp(-5 * t / longest) + 0.01 * np.random.default_rng(7).normal(size=76)
    np.savetxt(path, np.column_stack([t, y]), delimiter=",", header=header, comments="")
    return path


def fit(*arguments: str | Path) -> Result:
    result: Result = CliRunner().invoke(app, ["fit", *map(str, arguments), "--kind", "t1"])
    return result


def test_a_delay_of_minutes_that_names_no_unit_is_not_fitted(tmp_path: Path) -> None:
    """It was accepted: t1 is 41 s."""
    done = fit(decay(tmp_path / "t.csv", "delay,P1"))
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.endswith(
        "t.csv: x, column 'delay', names no unit, and in s it goes to 200 s, longer than any sweep"
        " of a qubit: say its unit, as in --x-unit us (or --x-unit s, where that is true)\n"
    )


@pytest.mark.parametrize(("header", "unit"), [("delay,P1", "us"), ("delay,P1", "s"),
                                              ("delay [s],P1", None)])  # fmt: skip
def test_a_unit_that_somebody_names_is_believed(
    tmp_path: Path, header: str, unit: str | None
) -> None:
    done = fit(decay(tmp_path / "t.csv", header), *(["--x-unit", unit] if unit else []))
    assert done.exit_code == 0, done.stderr
    assert ("is it in ns or us? (--x-unit)" in done.stderr) == (unit != "us")


def test_what_is_only_unusual_is_fitted_with_a_note(tmp_path: Path) -> None:
    done = fit(decay(tmp_path / "t.csv", "delay,P1", 0.02))
    assert done.exit_code == 0, done.stderr
    assert "is it in ns or us? (--x-unit)" in done.stderr


@pytest.mark.parametrize(
    ("kind", "header", "low", "high", "usual"),
    [
        ("ramsey", "delay,y", 0, 20_000, "ns"),
        ("rabi_length", "length,y", 0, 60, "ns"),
        ("rabi_length", "length,y", 0, 0.3, "us"),
        ("t1", "delay,y", 0, 0.09, None),
        ("qubit_spectroscopy", "f,y", 4.9, 5.1, "GHz"),
        ("resonator_spectroscopy", "f,y", 7120, 7140, "MHz"),
        ("resonator_spectroscopy", "f,y", 7.12e6, 7.14e6, None),
        ("qubit_spectroscopy", "detuning,y", -20, 20, "MHz"),
        ("qubit_spectroscopy", "detuning,y", -2e3, 2e3, None),
        ("randomized_benchmarking", "m,y", 1, 300, None),
        ("rabi_amplitude", "amp,y", 0, 1, None),
        ("dispersive_shift", "f,y 0,y 1", 7.0, 7.1, "GHz"),
    ],
)
def test_which_axes_cannot_be_si(
    tmp_path: Path, kind: str, header: str, low: float, high: float, usual: str | None
) -> None:
    path, x = tmp_path / "x.csv", np.linspace(low, high, 12)
    columns = [x, *[x * 0 + 0.1 * n for n in range(header.count(","))]]
    np.savetxt(path, np.column_stack(columns), delimiter=",", header=header, comments="")
    read = read_files([path], kind, Choice())
    if usual is None:
        refuse_bare("x.csv", read)
        return
    with pytest.raises(TraceError, match=f"as in --x-unit {usual} "):
        refuse_bare("x.csv", read)


@pytest.mark.parametrize("matrix", [True, False])
def test_of_a_map_the_axis_without_a_unit_is_named(tmp_path: Path, matrix: bool) -> None:
    path = tmp_path / "m.csv"
    path.write_text(
        "amp \\ length,10,20,30\n0.1,1,2,3\n0.2,1,2,3\n" if matrix else
        "amp,length,y\n0.1,10,1\n0.1,20,2\n0.2,10,3\n"
    )  # fmt: skip
    with pytest.raises(TraceError, match=r"column 'length', names no unit.* --x-unit ns "):
        refuse_bare("m.csv", read_files([path], "cz_chevron", Choice()))
    refuse_bare("m.csv", read_files([path], "cz_chevron", Choice(x_unit="ns")))
