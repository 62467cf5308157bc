"""The fits on measured data: each value within 3 combined sigma of the laboratory's own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file
from kammerton.estimation.shots import fit_shots
from kammerton.model import Verdict
from tests.real_data import laboratories, left_out, table
from tests.real_data.further import columns, further, grid, stored
from tests.real_data.further import shots as further_shots

ENTRIES: list[dict[str, Any]] = laboratories.entries(set(laboratories.LABORATORY))
ABSENT = f"no measured traces in {laboratories.folder()}; KAMMERTON_REAL_DATA names the folder"

present = pytest.mark.skipif(not ENTRIES, reason=ABSENT)


@present
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_each_value_is_the_laboratorys_or_it_is_said_why_not(entry: dict[str, Any]) -> None:
    fit = laboratories.fitted(entry)
    assert fit.verdict is Verdict.ACCEPTED, fit.reason
    compared = list(laboratories.compared(entry, fit))
    assert compared
    for one in compared:
        print(table.row(one))
        if not one.remark:
            assert abs(one.pull) < 3.0, one


@present
def test_every_parameter_of_a_laboratory_is_found_or_not_comparable() -> None:
    for entry in ENTRIES:
        ours = set(laboratories.fitted(entry).values)
        theirs = set(laboratories.LABORATORY[entry["kind"]](entry))
        excused = {name for trace, name in laboratories.NOT_COMPARABLE if trace == entry["name"]}
        assert theirs - ours <= excused, entry["name"]


@present
def test_a_magnitude_without_an_error_agrees_within_a_tenth_of_the_linewidth() -> None:
    """The qibo resonator was fitted to magnitudes, and no error is stored."""
    entry = next(e for e in ENTRIES if e["name"] == "resonator_qibo_d1")
    values = laboratories.fitted(entry).values
    theirs = laboratories.LABORATORY[entry["kind"]](entry)["frequency"][0]
    assert abs(values["frequency"].value - theirs) < 0.1 * values["linewidth"].value


@present
def test_beating_is_not_hidden_by_one_frequency() -> None:
    """The laboratory's single frequency lies within the band that the two of them span."""
    entry = next(e for e in ENTRIES if e["name"] == "ramsey_delft_qr_beating")
    frequency = laboratories.fitted(entry).values["frequency"].value
    assert frequency == pytest.approx(250349, abs=1 / (2 * np.pi * 15e-6))


@present
def test_what_a_laboratory_took_for_known_gives_its_number_and_is_told_by_no_short_window() -> None:
    entry = next(e for e in ENTRIES if e["name"] == "ramsey_delft_qr_beating")
    ours, theirs = laboratories.fitted(entry).values["t2_star"], entry["lab_fit"]["tau"]
    assert abs(ours.value - theirs[0]) < 3 * math.hypot(ours.stderr, theirs[1])
    choice = Choice(cal_points=entry["calibration_points_at_end"])
    alone = fit_file(laboratories.folder() / f"{entry['name']}.csv", "ramsey", choice)[1]
    assert alone.verdict is Verdict.INSUFFICIENT
    assert "the window ends before the fringes decay" in alone.reason


@pytest.mark.skipif(not laboratories.entries({"single_shot_readout"}), reason=ABSENT)
def test_single_shots_of_a_real_qubit() -> None:
    """Counting prepared states reproduces the laboratory; ours leaves preparation out.

    The two settings of the shots differ only in how well the states were prepared (the second
    readout of two in a row), so that the fidelity of the state at the start is the same.
    """
    lab = laboratories.entries({"single_shot_readout"})[0]["lab_fit"]['"assignment_fidelity"']
    found = []
    for setting in (0, 1):
        ground, excited = (shots(prepared, setting) for prepared in (0, 1))
        fit = fit_shots(ground, excited, "D3")
        assert fit.verdict is Verdict.ACCEPTED
        assert fit.chi2_reduced < 1.6  # decays bow aside: the resonator remembers
        found.append(fit)
        counted = counting(ground, excited, fit)
        print(setting, "prepared", counted, "at the start", fit.values["assignment_fidelity"])
        if setting == 0:
            assert counted == pytest.approx(lab['"D3"'], abs=3e-3)
    first, second = (fit.values["assignment_fidelity"] for fit in found)
    assert first.value > lab['"D3"'] + 3 * first.stderr
    assert abs(first.value - second.value) < 3 * math.hypot(first.stderr, second.stderr)


def shots(prepared: int, setting: int) -> np.ndarray:
    i, q = columns(f"readout_shots_qibo_d3__D3___{prepared}__{setting}")
    return np.asarray(i + 1j * q)


def counting(ground: np.ndarray, excited: np.ndarray, fit: Any) -> float:
    turn = np.exp(-1j * fit.values["readout_angle"].value)
    boundary = fit.values["readout_threshold"].value
    wrong = ((ground * turn).real > boundary).mean() + ((excited * turn).real <= boundary).mean()
    return 1 - 0.5 * float(wrong)


def test_the_table_says_so_where_the_traces_are_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KAMMERTON_REAL_DATA", str(tmp_path))
    assert list(table.table()) == [f"No measured traces in {tmp_path}."]


@present
def test_the_table_has_every_trace() -> None:
    lines = "\n".join(table.table())
    index = json.loads((laboratories.folder() / "index.json").read_text())
    assert [entry["name"] for entry in index if f"| {entry['name']}" not in lines] == []


@present
def test_every_number_that_a_laboratory_stored_is_in_the_table_or_it_is_said_why_not() -> None:
    known = left_out.COMPARED | left_out.ANOTHER_FORM | left_out.NO_RESULT
    for entry in json.loads((laboratories.folder() / "index.json").read_text()):
        mine = {key for (name, _), (key, *_) in left_out.LEFT_OUT.items() if name == entry["name"]}
        stored = {key.strip('"') for key in entry["lab_fit"]}
        assert stored - known - mine == set(), entry["name"]


@present
def test_the_table_says_the_verdict_and_explains_what_is_far_from_the_laboratorys() -> None:
    every = [*further(), *left_out.left_out()]
    for entry in ENTRIES:
        every += laboratories.compared(entry, laboratories.fitted(entry))
    for one in every:
        assert (one.ours is None) == (one.verdict == ""), one
        assert one.remark or abs(one.pull) < 2.0, one
    lines = {(one.trace, one.name): table.row(one) for one in every}
    assert "| accepted: amplitude too high |" in lines["allxy_delft_qr", "angle_error"]
    assert "| 116 ns |" in lines["chevron_qibo_d1_d2, high", "cz_length"]
    assert "| 0.9592 |" in lines["readout_shots_qibo_d3, reading 0", "assignment_fidelity"]
    assert (
        "counted as there it is 0.9594"
        in lines["readout_shots_qibo_d3, reading 0", "assignment_fidelity"]
    )


@pytest.mark.skipif(not laboratories.entries({"single_shot_readout"}), reason=ABSENT)
def test_the_temperature_beside_the_laboratorys_is_that_of_our_thermal_population() -> None:
    (_, _, _, remark) = left_out.LEFT_OUT["readout_shots_qibo_d3", "effective temperature"]
    warm = further_shots(0).values["thermal_population"]
    kelvin = 6.62607015e-34 * 5.652e9 / 1.380649e-23 / math.log(1 / warm.value - 1)
    assert f"{1e3 * kelvin:.0f} mK" in remark
    assert f"{100 * warm.value:.2f}({1e4 * warm.stderr:.0f}) %" in remark


@pytest.mark.skipif(not laboratories.entries({"cz_chevron"}), reason=ABSENT)
def test_a_cosine_along_the_laboratorys_own_amplitude_returns_long_before_its_duration() -> None:
    amplitudes, lengths, maps = grid("chevron_qibo_d1_d2")
    (theirs,) = stored("chevron_qibo_d1_d2")['"amplitude"'].values()
    (duration,) = stored("chevron_qibo_d1_d2")['"duration"'].values()
    assert duration > lengths.max() == 59
    for signal in maps:
        y = signal[np.abs(amplitudes - theirs).argmin()]
        start = [-np.ptp(y) / 2, 1 / duration, 0.0, y.mean()]
        found, _ = curve_fit(cosine, lengths, y, start, maxfev=10_000)
        assert abs(1 / found[1]) == pytest.approx(47.6, abs=0.2)


def cosine(t: np.ndarray, a: float, f: float, phase: float, level: float) -> np.ndarray:
    return np.asarray(a * np.cos(2 * np.pi * f * t + phase) + level)
