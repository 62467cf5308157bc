"""Files as laboratories write them: read alike, or refused with a sentence that names the place."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.estimation.files.cells import number
from kammerton.estimation.files.columns import MAX_POINTS, Choice, choose
from kammerton.estimation.files.table import read_table
from kammerton.estimation.files.titles import heading
from kammerton.estimation.files.units import si
from kammerton.model import TraceError

X = [0.0, 1.5, 3.0, 4.5]
Y = [0.25, -0.5, 1e-3, 4.0]


def written(folder: Path, text: str | bytes, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def body(separator: str, comma: bool = False) -> str:
    lines = [f"{x!r}{separator}{y!r}" for x, y in zip(X, Y, strict=True)]
    return "\n".join(lines).replace(".", "," if comma else ".")


@pytest.mark.parametrize(
    "text",
    [
        "Time [us],y\n" + body(","),
        "Time [us], y\n" + body(", "),
        "\ufeffTime [us],y\r\n" + body(",").replace("\n", "\r\n"),
        "Time [us];y\n" + body(";"),
        "Time [us];y\n" + body(";", comma=True),
        "sep=;\nTime [us];y\n" + body(";", comma=True),
        "Time [us]\ty\n" + body("\t", comma=True),
        "# a comment\n\nTime [us],y\n\n% another\n" + body(",") + "\n\n",
        "# Time [us],y\n" + body(","),
        "Time,y\nus,\n" + body(","),
        '"Time [us]","y"\n' + body(","),
        ",Time [us],y\n" + "\n".join(f"{i},{r}" for i, r in enumerate(body(",").split("\n"))),
        "Time [us],y,remark\n" + body(",").replace("\n", ",good\n") + ",bad",
        ("Time [us],y\n" + body(",")).encode("utf-16"),
        ("Time [µs],y\n" + body(",")).encode("latin-1"),
    ],
)
def test_the_same_numbers_in_every_dress(tmp_path: Path, text: str | bytes) -> None:
    trace = choose(read_table(written(tmp_path, text)), "t1", Choice()).trace
    np.testing.assert_allclose(trace.x, np.array(X) * 1e-6)
    np.testing.assert_allclose(trace.y, Y)
    assert trace.x_unit == "s"
    assert np.isnan(trace.sigma).all()


def test_blanks_separate_and_a_file_without_header_has_numbered_columns(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, body("  ")))
    assert [h.name for h in table.headings] == ["column 1", "column 2"]
    np.testing.assert_allclose(table.numbers(1), Y)


def test_an_empty_cell_is_a_missing_point(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "t,y\n0,1\n1,\n2,nan\n3,2\n4\n"))
    np.testing.assert_array_equal(np.isnan(table.numbers(1)), [False, True, True, False, True])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("hello\nworld\n", "no line has two numbers"),
        ("t,y\na,b\n", "no line has two numbers"),
        ("t,y\n1,nan\n2,\n", "nothing was measured: beside x every line is empty or NaN"),
        ("t\n1\n2\n3\n", "only one column"),
        (b"t,y\n1,\x00\n", "not a text file"),
        ("t,y\n0,5,1\n1,5,2\n", "decimals need a point"),
    ],
)
def test_what_is_no_table(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(TraceError, match=says) as raised:
        read_table(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_and_the_nearest_name(tmp_path: Path) -> None:
    written(tmp_path, "t,y\n1,2\n", "t1_monday.csv")
    with pytest.raises(TraceError, match=r"no such file \(did you mean 't1_monday.csv'"):
        read_table(tmp_path / "t1_munday.csv")
    with pytest.raises(TraceError, match="not a file"):
        read_table(tmp_path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(TraceError, match="200 MB; at most 64 MB"):
        read_table(path)
    many = written(tmp_path, "t,y\n" + "1,2\n" * (MAX_POINTS + 1))
    with pytest.raises(TraceError, match=f"{MAX_POINTS + 1} points"):
        choose(read_table(many), "t1", Choice())


def test_a_cell_that_is_no_number_is_named_with_its_line(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "t,y,z\n0,1,2\n1,oops,3\n"))
    with pytest.raises(TraceError, match="line 3: 'oops' in column 'y' is not a number"):
        table.numbers(1)
    np.testing.assert_allclose(table.numbers(2), [2, 3])


def test_columns_are_found_by_name_or_title_and_the_nearest_is_named(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "Time [s],raw w0 [V],twin,twin\n0,1,2,3\n"))
    assert table.find("raw w0") == table.find("RAW W0 [v]") == 1
    with pytest.raises(TraceError, match=r"no column 'raw w1' \(did you mean 'raw w0'\?\)"):
        table.find("raw w1")
    with pytest.raises(TraceError, match="2 columns are named 'twin'"):
        table.find("twin")


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [("delay_us", "delay", "us"), ("freq_MHz", "freq", "MHz"), ("power_dBm", "power", "dBm"),
     ("delay_usec", "delay", "usec"), ("wait microseconds", "wait", "microseconds"),
     ("delay (musec)", "delay", "musec"), ("f_Gigahertz", "f", "Gigahertz"),
     ("Phase (Grad)", "Phase", "Grad"), ("delay_nsec", "delay", "nsec"),
     ("t1_us_raw", "t1_us_raw", None), ("x_s", "x_s", None), ("_us", "_us", None),
     ("delay_s", "delay", "s"), ("pulse_length_s", "pulse_length", "s"), ("t_s", "t", "s"),
     ("time_S", "time_S", None), ("times_s_raw", "times_s_raw", None), ("shot_s", "shot_s", None)],
)  # fmt: skip
def test_a_unit_may_end_a_title(text: str, name: str, unit: str | None) -> None:
    assert (heading(text).name, heading(text).unit) == (name, unit)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_writing(value: float) -> None:
    assert number(repr(value)) == value
    assert number(f" {value!r} ".replace(".", ",")) == value


@given(st.text(max_size=30))
def test_any_cell_and_title_is_a_number_or_not(text: str) -> None:
    value = number(text)
    assert value is None or isinstance(value, float)
    title = heading(text)
    assert title.name in title.text


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_a_trace_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(raw)
    try:
        trace = choose(read_table(path), "t1", Choice()).trace
    except TraceError as error:
        said = str(error)
        assert "any.csv" in said
    else:
        assert np.isfinite(trace.x).all()
        assert trace.x.shape == trace.y.shape


@pytest.mark.parametrize(
    ("text", "unit", "factor"),
    [
        ("ns", "s", 1e-9), ("µs", "s", 1e-6), ("usec", "s", 1e-6), ("GHz", "Hz", 1e9),
        ("ghz", "Hz", 1e9), ("mV", "V", 1e-3), ("deg", "rad", math.pi / 180),
        ("°", "rad", math.pi / 180),
        ("Grad", "rad", math.pi / 180), ("Grd", "rad", math.pi / 180), ("μsec", "s", 1e-6),
        ("musec", "s", 1e-6), ("Mikrosekunden", "s", 1e-6), ("microseconds", "s", 1e-6),
        ("Gigahertz", "Hz", 1e9), ("millivolts", "V", 1e-3),
        ("a.u.", "", 1.0), ("%", "", 0.01), ("ps", "s", 1e-12), ("", "", 1.0),
    ],
)  # fmt: skip
def test_units(text: str, unit: str, factor: float) -> None:
    assert si(text) == (unit, pytest.approx(factor))


def chosen(folder: Path, text: str, kind: str, choice: Choice = Choice()):  # type: ignore[no-untyped-def]  # noqa: B008
    return choose(read_table(written(folder, text)), kind, choice)


def test_x_in_the_wrong_unit_is_the_wrong_kind(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"t1 needs a time as x, but column 'f \[GHz\]' is in GHz"):
        chosen(tmp_path, "f [GHz],y\n1,2\n2,3\n", "t1")
    with pytest.raises(
        TraceError, match=r"'nz' of column 'wait' is not a unit \(did you mean 'n?s'"
    ):
        chosen(tmp_path, "wait,y\n1,2\n2,3\n", "t1", Choice(x_unit="nz"))


def test_a_plain_x_is_si_and_the_user_is_told(tmp_path: Path) -> None:
    plain = chosen(tmp_path, "wait,y\n1,2\n2,3\n", "t1")
    np.testing.assert_allclose(plain.trace.x, [1, 2])
    assert any("names no unit: taken as s" in note for note in plain.notes)
    ns = chosen(tmp_path, "wait [us],y\n1,2\n2,3\n", "t1", Choice(x_unit="ns"))
    np.testing.assert_allclose(ns.trace.x, [1e-9, 2e-9])


@pytest.mark.parametrize(
    "title",
    ["wait (mics)", "wait (microsecs.)", "wait (min)", "wait (clock cycles)", "wait (4 ns)",
     "wait_samples", "wait (msc)", "wait (h)"],
)  # fmt: skip
def test_what_looks_like_a_unit_is_asked_about(tmp_path: Path, title: str) -> None:
    with pytest.raises(TraceError, match=r"is not a unit.* \(--x-unit chooses one\)"):
        chosen(tmp_path, f"{title},y\n1,2\n2,3\n", "t1")
    us = chosen(tmp_path, f"{title},y\n1,2\n2,3\n", "t1", Choice(x_unit="us"))
    np.testing.assert_allclose(us.trace.x, [1e-6, 2e-6])


@pytest.mark.parametrize(
    "title", ["wait (averaged)", "wait (q0)", "wait (raw)", "tau(x)", "wait_0", "wait (AWG)"]
)
def test_a_plain_word_in_brackets_is_no_unit(tmp_path: Path, title: str) -> None:
    assert chosen(tmp_path, f"{title},y\n1,2\n2,3\n", "t1").trace.x[0] == 1


def test_a_rabi_amplitude_keeps_any_unit(tmp_path: Path) -> None:
    assert chosen(tmp_path, "amp [mV],y\n1,2\n2,3\n", "rabi_amplitude").trace.x_unit == "V"
    assert chosen(tmp_path, "amp [DAC],y\n1,2\n2,3\n", "rabi_amplitude").trace.x_unit == "DAC"
    assert chosen(tmp_path, "amp,y\n1,2\n2,3\n", "rabi_amplitude").trace.x_unit == ""


@pytest.mark.parametrize(
    ("title", "angle"),
    [("S21 angle [deg]", 90.0), ("phase [rad]", math.pi / 2), ("arg(S)", math.pi / 2)],
)
def test_magnitude_and_phase_make_complex_data(tmp_path: Path, title: str, angle: float) -> None:
    text = f"f [GHz],{title},|S21| [mV],error_phase\n4,{angle},2,nan\n5,{angle},3,nan\n"
    trace = chosen(tmp_path, text, "resonator_spectroscopy").trace
    np.testing.assert_allclose(trace.y, [2e-3j, 3e-3j], atol=1e-15)
    assert trace.y_unit == "V"
    np.testing.assert_allclose(chosen(tmp_path, text, "qubit_spectroscopy").trace.y, trace.y)
    amplitude = chosen(tmp_path, text.replace("f [GHz]", "amplitude"), "rabi_amplitude").trace
    assert not np.iscomplexobj(amplitude.y)


def test_a_phase_may_be_chosen_and_must_be_an_angle(tmp_path: Path) -> None:
    text = "f,mag,turn [deg],other [V]\n4,2,180,1\n5,3,180,1\n"
    trace = chosen(tmp_path, text, "resonator_spectroscopy", Choice(phase="turn")).trace
    np.testing.assert_allclose(trace.y, [-2, -3])
    with pytest.raises(TraceError, match="neither in deg nor in rad"):
        chosen(tmp_path, text, "resonator_spectroscopy", Choice(phase="other"))


def test_a_phase_in_what_is_no_unit_is_refused(tmp_path: Path) -> None:
    text = "f [GHz],S21 [V],phase (turns)\n4,1,0.1\n5,2,0.2\n"
    with pytest.raises(TraceError, match=r"'turns' of phase column .* write it as in phase \[deg"):
        chosen(tmp_path, text, "resonator_spectroscopy")


def test_decibels_become_a_ratio(tmp_path: Path) -> None:
    text = "f,mag [dB],err [dB]\n4,-20,0.1\n5,0,0.1\n"
    trace = chosen(tmp_path, text, "resonator_spectroscopy", Choice(sigma="err")).trace
    np.testing.assert_allclose(trace.y, [0.1, 1.0])
    np.testing.assert_allclose(trace.sigma, np.array([0.1, 1.0]) * 0.1 * math.log(10) / 20)


def test_an_error_column_is_used_only_when_asked_for(tmp_path: Path) -> None:
    text = "t,errors,y [mV]\n1,0.5,2\n2,0.5,3\n"
    assert not chosen(tmp_path, text, "t1").sigma_known
    np.testing.assert_allclose(chosen(tmp_path, text, "t1").trace.y, [2e-3, 3e-3])
    asked = chosen(tmp_path, text, "t1", Choice(sigma="errors"))
    np.testing.assert_allclose(asked.trace.sigma, [5e-4, 5e-4])
    with pytest.raises(TraceError, match="line 3: sigma, column 's', is negative"):
        chosen(tmp_path, "t,y,s\n1,2,1\n2,3,-1\n", "t1", Choice(sigma="s"))


def test_calibration_points_scale_and_are_taken_off(tmp_path: Path) -> None:
    text = "t,y,s\n" + "".join(f"{i},{y},1\n" for i, y in enumerate([5, 4, 3, 1, 1, 5, 5]))
    trace = chosen(tmp_path, text, "t1", Choice(sigma="s", cal_points=4)).trace
    np.testing.assert_allclose(trace.y, [1, 0.75, 0.5])
    np.testing.assert_allclose(trace.sigma, 0.25)
    assert trace.x.size == 3


@pytest.mark.parametrize(
    ("values", "points", "says"),
    [
        ([5, 4, 3, 1, 5], 3, "an even number"), ([5, 4, 3, 1, 5], -2, "an even number"),
        ([5, 4], 2, "but only 2 points"), ([5, 4, 3, 2, 2, 2, 2], 4, "no contrast"),
        ([5, 4, 3, "", "", 1, 1], 4, "no numbers"),
    ],
)  # fmt: skip
def test_calibration_points_that_calibrate_nothing(
    tmp_path: Path, values: list[object], points: int, says: str
) -> None:
    text = "t,y\n" + "".join(f"{i},{y}\n" for i, y in enumerate(values))
    with pytest.raises(TraceError, match=says):
        chosen(tmp_path, text, "t1", Choice(cal_points=points))


def test_spectroscopy_has_no_calibration_points(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="no calibration points"):
        chosen(tmp_path, "f,y\n1,2\n2,3\n3,4\n", "qubit_spectroscopy", Choice(cal_points=2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("t,y\n0,1\n,2\n2,3\n", "line 3: x, column 't', is missing"),
        ("t,y\n0,1\ninf,2\n2,3\n", "line 3: x, column 't', is missing or not finite"),
        ("t,y\n1,1\n1,2\n1,3\n", "does not change"),
        ("t,phase,err\n1,1,1\n2,2,2\n", "no column of measured values"),
    ],
)
def test_axes_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TraceError, match=says):
        chosen(tmp_path, text, "t1")


def test_a_kind_that_no_file_holds_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"no kind 'ramsay' \(did you mean 'ramsey'\?\)"):
        chosen(tmp_path, "t,y\n1,1\n2,2\n", "ramsay")


def test_a_sweep_backwards_is_put_in_order(tmp_path: Path) -> None:
    trace = chosen(tmp_path, "t,y\n3,30\n1,10\n2,20\n", "t1").trace
    np.testing.assert_allclose(trace.y, [10, 20, 30])


@pytest.mark.parametrize("cell", ["nan", "NaN", "--", "-", "", "n/a"])
@pytest.mark.parametrize("header", ["delay [us],P1", "delay [us],P1\n,", "delay,P1\nus,-", ""])
def test_a_point_that_is_missing_in_the_first_rows_is_no_line_of_units(
    tmp_path: Path, header: str, cell: str
) -> None:
    text = f"{header}\n0,{cell}\n1,{cell}\n2,0.5\n3,0.25\n"
    trace = choose(read_table(written(tmp_path, text)), "t1", Choice(x_unit="us")).trace
    np.testing.assert_allclose(trace.x, np.arange(4) * 1e-6)
    np.testing.assert_allclose(trace.y, [np.nan, np.nan, 0.5, 0.25])
    assert trace.y_unit == ""


def test_a_word_beside_missing_numbers_is_data_too(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "state,I,Q\ng,nan,nan\ng,1,nan\ne,1,2\n"))
    assert [title.unit for title in table.headings] == [None] * 3
    assert table.texts(0) == ["g", "g", "e"]
    units = read_table(written(tmp_path, "state,I,Q\nword,-,-\ng,1,2\ne,1,2\n"))
    assert units.texts(0) == ["g", "e"]
