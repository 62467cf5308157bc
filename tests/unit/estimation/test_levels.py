"""A magnitude in dB and a phase in degrees, however the title says so, and where it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import read_files
from kammerton.estimation.files.titles import heading
from kammerton.model import TraceError
from tests.unit.estimation import columns_of_text

RESONATOR = "resonator_spectroscopy"
LEVELS = [-40.0, -60.0, -46.0]
RATIOS = [10 ** (level / 20) for level in LEVELS]
MATRIX = "f \\ power,-20,-10,0\n4e9,-40,-41,-40\n5e9,-40,-60,-40\n"


def read(folder: Path, text: str, kind: str = RESONATOR, **choice: object):  # type: ignore[no-untyped-def]
    return columns_of_text.read(folder, text, kind, **choice)


def sweep(header: str, values: list[float] = LEVELS, *more: float) -> str:
    return columns_of_text.sweep(header, values, *more)


@pytest.mark.parametrize(
    "title",
    ["dB:Trc1_S21", "db: Trc1_S21", "dB", "S21 dB", "|S21| dB", "LogMag", "S21 Log Mag", "S21_db",
     "S21 [DB]", "dB(S21)", "dB[S21]", "S21 LogMag (a.u.)", "MLOG"],
)  # fmt: skip
def test_a_title_that_says_decibel_in_any_way(tmp_path: Path, title: str) -> None:
    chosen = read(tmp_path, sweep(f"freq [Hz],{title}"))
    np.testing.assert_allclose(chosen.trace.y, RATIOS)
    assert chosen.trace.y_name.endswith("voltage ratio")
    assert len(chosen.notes) == 1  # nothing had to be supposed


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [("deg:Trc1_S21", "Trc1_S21", "deg"), ("wait ns", "wait", "ns"), ("drive dBm", "drive", "dBm"),
     ("10 dB pad [mV]", "10 dB pad", "mV"), ("dbase", "dbase", None), ("the xs", "the xs", None),
     ("mag [x]", "mag", "x")],
)  # fmt: skip
def test_a_unit_before_a_colon_or_after_a_blank(text: str, name: str, unit: str | None) -> None:
    assert (heading(text).name, heading(text).unit) == (name, unit)


@pytest.mark.parametrize("title", ["S21", "signal", "mag"])
def test_what_is_negative_everywhere_is_in_decibel_and_the_user_is_told(
    tmp_path: Path, title: str
) -> None:
    chosen = read(tmp_path, sweep(f"freq [Hz],{title}"))
    np.testing.assert_allclose(chosen.trace.y, RATIOS)
    said = f"y, column '{title}', is negative everywhere and names no unit: taken as dB"
    assert any(note.startswith(said) for note in chosen.notes)
    linear = read(tmp_path, sweep(f"freq [Hz],{title}"), y_unit="V")
    np.testing.assert_allclose(linear.trace.y, LEVELS)


@pytest.mark.parametrize(
    ("header", "values", "more"),
    [("f,signal", [-0.01, -0.3, -0.02], ()), ("f,S21", [-0.01, -30.0, 0.02], ()),
     ("f,signal,phase", [-0.01, -30.0, 0.02], (1.0,))],
)  # fmt: skip
def test_what_is_no_magnitude_and_perhaps_no_level_is_asked_about(
    tmp_path: Path, header: str, values: list[float], more: tuple[float, ...]
) -> None:
    with pytest.raises(TraceError, match=r"data.csv: y, .* no magnitude is negative: write its"):
        read(tmp_path, sweep(header, values, *more))
    chosen = read(tmp_path, sweep(header, values, *more), y_unit="dB")
    np.testing.assert_allclose(np.abs(chosen.trace.y), 10 ** (np.array(values) / 20))


@pytest.mark.parametrize(
    ("title", "more"),
    [("S21 [V]", ()), ("S21 [mV]", ()), ("mag [V]", ()), ("|S21| (a.u.)", ()),
     ("signal [mV]", ()), ("signal [V],phase [deg]", (10.0,)), ("Betrag [V]", ())],
)  # fmt: skip
def test_what_is_negative_everywhere_is_no_magnitude_whatever_its_unit(
    tmp_path: Path, title: str, more: tuple[float, ...]
) -> None:
    says = r"y, column '.*', goes from -60 to -40, but no magnitude is negative: --y-unit dB says"
    with pytest.raises(TraceError, match=says):
        read(tmp_path, sweep(f"freq [Hz],{title}", LEVELS, *more))
    told = read(tmp_path, sweep(f"freq [Hz],{title}", LEVELS, *more), y_unit="dB")
    np.testing.assert_allclose(np.abs(told.trace.y), RATIOS)


def test_one_part_of_a_complex_signal_may_be_negative_everywhere(tmp_path: Path) -> None:
    for title in ("I [mV]", "Re S21 [mV]"):
        chosen = read(tmp_path, sweep(f"freq [Hz],{title}"))
        np.testing.assert_allclose(chosen.trace.y, np.array(LEVELS) * 1e-3)
        assert len(chosen.notes) == 1


@pytest.mark.parametrize("title", ["S21", "S21 mag", "|S11|", "s_21"])
def test_an_s21_of_tens_without_a_unit_is_asked_about(tmp_path: Path, title: str) -> None:
    text = sweep(f"freq [Hz],{title}", [38.0, 26.0, 37.0])
    with pytest.raises(TraceError, match=r"goes to 38 and names no unit, which may be dB or a rat"):
        read(tmp_path, text)
    np.testing.assert_allclose(read(tmp_path, text, y_unit="V").trace.y, [38, 26, 37])


@pytest.mark.parametrize(
    ("title", "values", "says"),
    [("mag", [38.0, 26.0, 37.0], "goes to 38 and names no unit: taken as linear"),
     ("signal", [38.0, 26.0, 37.0], "goes to 38 and names no unit: taken as linear"),
     ("S21", [9.0, 3.0, 8.0], "goes to 9 and names no unit: taken as linear"),
     ("S21 [V]", [38.0, 26.0, 37.0], r"goes to 38 V: is it in dB? (--y-unit)")],
)  # fmt: skip
def test_what_may_be_in_decibel_above_zero_is_noted(
    tmp_path: Path, title: str, values: list[float], says: str
) -> None:
    chosen = read(tmp_path, sweep(f"freq [Hz],{title}", values))
    np.testing.assert_allclose(chosen.trace.y, values)
    assert any(says in note for note in chosen.notes)


@pytest.mark.parametrize(
    ("title", "values"),
    [("S21", [0.9, 0.2, 0.8]), ("signal", [8.0, 2.0, 7.0]), ("S21 [mV]", [38.0, 26.0, 37.0]),
     ("signal", [3800.0, 2600.0, 3700.0])],
)  # fmt: skip
def test_what_is_linear_beyond_question_is_not_asked_about(
    tmp_path: Path, title: str, values: list[float]
) -> None:
    assert len(read(tmp_path, sweep(f"freq [Hz],{title}", values)).notes) == 1


def test_a_matrix_of_tens_is_noted(tmp_path: Path) -> None:
    text = MATRIX.replace("-4", "4").replace("-60", "20")
    notes = read(tmp_path, text, "punch_out").notes
    assert any("the cells of the matrix, goes to 41 and names no unit" in note for note in notes)


def test_a_qubit_may_be_read_out_below_zero(tmp_path: Path) -> None:
    chosen = read(tmp_path, sweep("f,signal"), "qubit_spectroscopy")
    np.testing.assert_allclose(chosen.trace.y, LEVELS)
    assert any("taken as linear (--y-unit dB says otherwise)" in note for note in chosen.notes)
    magnitude = read(tmp_path, sweep("f,S21"), "qubit_spectroscopy")
    np.testing.assert_allclose(magnitude.trace.y, RATIOS)
    np.testing.assert_allclose(read(tmp_path, sweep("f,Re(S21)")).trace.y, LEVELS)
    np.testing.assert_allclose(read(tmp_path, sweep("t [s],S21"), "t1").trace.y, LEVELS)


@pytest.mark.parametrize(
    "titles", ["dB:Trc1_S21,deg:Trc1_S21", "S21_dB,S21_deg", "S21 dB,phase [deg]", "dB,deg",
               "S21,S21 angle (°)"],
)  # fmt: skip
def test_a_phase_beside_a_level_makes_it_complex(tmp_path: Path, titles: str) -> None:
    chosen = read(tmp_path, sweep(f"freq [Hz],{titles}", LEVELS, 90.0))
    np.testing.assert_allclose(chosen.trace.y, np.array(RATIOS) * 1j, atol=1e-15)


def test_a_phase_beyond_a_turn_is_in_degrees_and_the_user_is_told(tmp_path: Path) -> None:
    chosen = read(tmp_path, sweep("f,mag,phase", [1.0, 2.0, 3.0], -180.0))
    np.testing.assert_allclose(chosen.trace.y, [-1, -2, -3], atol=1e-14)
    assert any("phase, column 'phase', goes to 180 and names no unit" in n for n in chosen.notes)
    small = read(tmp_path, sweep("f,mag,phase", [1.0, 2.0, 3.0], 3.0))
    np.testing.assert_allclose(small.trace.y, np.exp(3j) * np.arange(1, 4))
    named = read(tmp_path, sweep("f,mag,phase [rad]", [1.0, 2.0, 3.0], 180.0))
    np.testing.assert_allclose(named.trace.y, np.exp(180j) * np.arange(1, 4))


def test_a_matrix_of_levels(tmp_path: Path) -> None:
    chosen = read(tmp_path, MATRIX, "punch_out")
    np.testing.assert_allclose(chosen.trace.y[1], [0.01, 0.001, 0.01])
    assert any("cells of the matrix, is negative everywhere" in note for note in chosen.notes)
    mixed = MATRIX.replace("-60", "1").replace("power", "bias")
    linear = read(tmp_path, mixed, "resonator_flux_map")
    assert linear.trace.y[1, 1] == 1.0
    assert any("taken as linear (--y-unit dB says otherwise)" in note for note in linear.notes)
    said = read(tmp_path, mixed, "resonator_flux_map", y_unit="dB").trace
    np.testing.assert_allclose(said.y[1], [0.01, 10**0.05, 0.01])
    volts = read(tmp_path, MATRIX, "punch_out", y_unit="mV").trace
    assert (volts.y_unit, volts.y[0, 0]) == ("V", pytest.approx(-0.04))


def test_maps_and_series_in_rows(tmp_path: Path) -> None:
    rows = "".join(f"{f},{p},-40\n" for f in (4e9, 5e9) for p in (-20, -10))
    grid = read(tmp_path, "freq,power,S21\n" + rows, "punch_out").trace
    np.testing.assert_allclose(grid.y, 0.01)
    long = "state,freq,S21\n" + "".join(f"{s},{f},-40\n" for s in (0, 1) for f in (4e9, 5e9))
    np.testing.assert_allclose(read(tmp_path, long, "dispersive_shift").trace.y, 0.01)
    wide = "freq,mag 0,mag 1\n4e9,-40,-20\n5e9,-40,-20\n"
    np.testing.assert_allclose(
        read(tmp_path, wide, "dispersive_shift").trace.y, [[0.01] * 2, [0.1] * 2]
    )
    paths = [tmp_path / f"{n}.csv" for n in (0, 1)]
    for path in paths:
        path.write_text(sweep("freq,S21"))
    grid = read_files(paths, "dispersive_shift", Choice()).trace
    np.testing.assert_allclose(grid.y, [RATIOS, RATIOS])
    assert grid.y_name == "S21, voltage ratio"


@pytest.mark.parametrize(("title", "name"), [("dB", "magnitude"), ("S21 [dB]", "S21")])
def test_what_became_a_ratio_is_not_called_dB(tmp_path: Path, title: str, name: str) -> None:
    """The axis of a picture said "dB, voltage ratio"."""
    assert read(tmp_path, sweep(f"freq [Hz],{title}")).trace.y_name == f"{name}, voltage ratio"
