"""Files of several sweeps, maps and single shots: what is read, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.known import known_of
from kammerton.estimation.files.layouts import LAYOUTS, layout_of, summary
from kammerton.estimation.files.read import fit_file, read_files
from kammerton.estimation.files.series import choose_series
from kammerton.estimation.files.shots import choose_shots
from kammerton.estimation.files.table import read_table
from kammerton.model import Advice, Fit, TraceError, Verdict
from kammerton.model.advised import in_words
from tests.unit.estimation.good_traces import good

MAP = [(4e9, 0.1, 1.0), (4e9, 0.2, 2.0), (5e9, 0.1, 3.0), (5e9, 0.2, 4.0)]
Y = [[1.0, 2.0], [3.0, 4.0]]


def written(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(folder: Path, text: str, kind: str, **choice: object) -> Grid:
    grid = read_files([written(folder, text)], kind, Choice(**choice)).trace  # type: ignore[arg-type]
    assert isinstance(grid, Grid)
    return grid


def advised_by(kind: str, advice: Advice) -> Fit:
    return Fit(kind, "q0", {}, Verdict.INSUFFICIENT, "range too narrow", "", 1.0, advice)


def test_every_kind_has_a_layout_and_a_line_in_the_list() -> None:
    for kind, how in FIT_KINDS.items():
        assert len(LAYOUTS[kind].axes) == how.axes
        assert all(name in summary(kind) for name in how.known)


def test_a_map_in_any_order_with_axes_found_by_name(tmp_path: Path) -> None:
    text = "signal,bias [mV],freq [GHz]\n" + "".join(
        f"{y},{1e3 * b},{f / 1e9}\n" for f, b, y in reversed(MAP)
    )
    grid = read(tmp_path, text, "qubit_flux_map")
    np.testing.assert_allclose(grid.x[0], [4e9, 5e9])
    np.testing.assert_allclose(grid.x[1], [0.1, 0.2])
    np.testing.assert_array_equal(grid.y, Y)
    assert (grid.names, grid.units) == (("freq", "bias"), ("Hz", "V"))


def test_axes_are_found_by_unit_then_by_place_or_chosen(tmp_path: Path) -> None:
    rows = "".join(f"{b},{f},{y}\n" for f, b, y in MAP)
    for header, chosen in (("a,b [Hz],y", ()), ("a,b,y", ("b", "a"))):
        grid = read(tmp_path, f"{header}\n{rows}", "qubit_flux_map", x=chosen)
        np.testing.assert_array_equal(grid.y, Y)
    grid = read(tmp_path, "u,v,w\n" + rows, "cz_chevron")
    np.testing.assert_array_equal(grid.y, np.transpose(Y))
    with pytest.raises(TraceError, match="1 columns are chosen as x, but the axes are frequency"):
        read(tmp_path, "a,b,y\n" + rows, "qubit_flux_map", x=("a",))


def test_a_cell_that_is_not_there_is_missing(tmp_path: Path) -> None:
    text = "freq,bias,y,err\n" + "".join(f"{f},{b},{y},0.5\n" for f, b, y in MAP[:3])
    grid = read(tmp_path, text, "qubit_flux_map", sigma="err")
    assert np.isnan(grid.y[1, 1])
    np.testing.assert_array_equal(grid.y[:, 0], [1, 3])
    np.testing.assert_array_equal(grid.sigma[0], [0.5, 0.5])


def test_a_phase_makes_a_spectrum_complex_but_not_a_chevron(tmp_path: Path) -> None:
    text = "freq,bias,y,phase [deg]\n" + "".join(f"{f},{b},{y},90\n" for f, b, y in MAP)
    np.testing.assert_allclose(read(tmp_path, text, "qubit_flux_map").y, 1j * np.array(Y))
    text = text.replace("freq", "amp").replace("bias", "length")
    assert not np.iscomplexobj(read(tmp_path, text, "cz_chevron").y)


@pytest.mark.parametrize("corner", ["", "frequency [Hz] \\ bias [V]", "corner"])
def test_a_matrix_with_axes_in_its_first_row_and_column(tmp_path: Path, corner: str) -> None:
    text = f"{corner},0.1,0.2,0.3\n4e9,1,2,5\n5e9,3,4,\n"
    grid = read(tmp_path, text, "qubit_flux_map")
    np.testing.assert_array_equal(grid.y, [[1, 2, 5], [3, 4, np.nan]])
    np.testing.assert_allclose(grid.x[1], [0.1, 0.2, 0.3])


def test_the_corner_of_a_matrix_may_turn_it(tmp_path: Path) -> None:
    text = "bias [mV] \\ frequency [GHz],4,5,6\n100,1,3,5\n200,2,4,6\n"
    grid = read(tmp_path, text, "qubit_flux_map")
    np.testing.assert_array_equal(grid.y, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_allclose(grid.x[0], [4e9, 5e9, 6e9])
    assert (grid.names, grid.units) == (("frequency", "bias"), ("Hz", "V"))


def test_units_of_a_map_find_their_axes(tmp_path: Path) -> None:
    text = "amp,length,y\n" + "".join(f"{b},{f},{y}\n" for f, b, y in MAP)
    grid = read(tmp_path, text, "cz_chevron", x_unit="ns, mV")
    np.testing.assert_allclose(grid.x[1], [4, 5])
    np.testing.assert_allclose(grid.x[0], [1e-4, 2e-4])
    assert grid.units == ("V", "s")
    with pytest.raises(TraceError, match="no axis is in 'ns'"):
        read(tmp_path, "freq,power,y\n1,2,3\n", "punch_out", x_unit="ns")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("freq,bias,y\n1,1,1\n1,2,2\n2,1,3\n1,2,9\n", "line 5: this cell of the map is in line 3"),
        ("freq,bias,y\n1,1,1\n,2,2\n", "line 3: x, column 'freq', is missing"),
        ("freq,bias,y\n1,1,1\n2,2,x\n", "line 3: 'x' in column 'y' is not a number"),
        ("freq [V],bias,y\n1,1,1\n2,2,2\n", "needs a frequency as x, but column 'freq"),
        ("freq,bias\n1,1\n2,2\n", "no column of measured values"),
        ("freq,bias,y\n" + "".join(f"{i},{i},1\n" for i in range(30)), "only 30 of 30 x 30 cells"),
        (",1,2,3\n4,1,2,3\n4,1,2,3\n", "two rows of the matrix have the same x"),
        (",1,2,3\n4,1,2,3\n,1,2,3\n", "line 3: the row of the matrix has no value of x"),
    ],
)
def test_maps_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TraceError, match=says) as raised:
        read(tmp_path, text, "qubit_flux_map")
    assert "data.csv" in str(raised.value)


RB = {"reference": [(1, 0.9), (1, 0.92), (5, 0.8)], "interleaved": [(1, 0.88), (5, 0.7)]}


def test_series_below_each_other_with_repeated_lengths(tmp_path: Path) -> None:
    rows = [(name, m, y) for name, points in RB.items() for m, y in points]
    text = "sequence,cliffords,y\n" + "".join(f"{n},{m},{y}\n" for n, m, y in rows)
    grid = read(tmp_path, text, "interleaved_randomized_benchmarking")
    np.testing.assert_array_equal(grid.x[1], [1, 1, 5])
    np.testing.assert_array_equal(grid.y, [[0.9, 0.92, 0.8], [0.88, np.nan, 0.7]])
    assert grid.labels == ("reference", "interleaved")
    swapped = "cliffords,y,sequence\n" + "".join(f"{m},{y},{n}\n" for n, m, y in reversed(rows))
    again = read(tmp_path, swapped, "interleaved_randomized_benchmarking")
    np.testing.assert_array_equal(again.x[0], [0, 1])
    np.testing.assert_array_equal(np.sort(again.y[0]), [0.8, 0.9, 0.92])


def test_a_column_for_each_series(tmp_path: Path) -> None:
    text = "beta,5 pulses,1 pulse\n-1,1,2\n0,3,4\n1,5,6\n"
    grid = read(tmp_path, text, "drag_repetitions")
    np.testing.assert_array_equal(grid.x[0], [5, 1])
    np.testing.assert_array_equal(grid.y, [[1, 3, 5], [2, 4, 6]])
    pair = read(tmp_path, "beta,X90 Y180,Y90 X180\n-1,1,2\n1,3,4\n", "drag_sequences")
    np.testing.assert_array_equal(pair.x[0], [0, 1])
    words = read(
        tmp_path, "m,interleaved,ref\n1,1,2\n2,3,4\n", "interleaved_randomized_benchmarking"
    )
    np.testing.assert_array_equal(words.x[0], [1, 0])


def test_a_file_for_each_series(tmp_path: Path) -> None:
    paths = [written(tmp_path, f"m,y\n1,{y}\n2,{y}\n", f"{y}.csv") for y in (3, 4)]
    grid = read_files(paths, "interleaved_randomized_benchmarking", Choice()).trace
    np.testing.assert_array_equal(grid.y, [[3, 3], [4, 4]])
    with pytest.raises(TraceError, match="2 files, but t1 takes one"):
        read_files(paths, "t1", Choice())
    with pytest.raises(TraceError, match=r"3 files, but .* takes one, or 2: one for each series"):
        read_files([*paths, paths[0]], "interleaved_randomized_benchmarking", Choice())


def test_two_states_of_a_resonator(tmp_path: Path) -> None:
    """With magnitude and phase of each state in its own columns, or with a column for the state."""
    text = "f [GHz],|S21| 0,|S21| 1,phase 0 [deg],phase 1 [deg]\n4,1,2,0,90\n5,3,4,0,90\n"
    path = written(tmp_path, text)
    grid = choose_series([read_table(path)], "dispersive_shift", Choice()).trace
    np.testing.assert_allclose(grid.y, [[1, 3], [2j, 4j]], atol=1e-12)
    long = "state,f [GHz],S\n|g>,4,1\n|g>,5,3\n|e>,4,2\n|e>,5,4\n"
    np.testing.assert_array_equal(read(tmp_path, long, "dispersive_shift").y, [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("interleaved_randomized_benchmarking", "series,m,y\nrefrence,1,1\nint,2,2\n",
         r"line 2: 'refrence' in column 'series' is no series \(did you mean 'reference'"),
        ("interleaved_randomized_benchmarking", "series,m,y\nref,1,1\nref,2,2\n",
         "only one series"),
        ("interleaved_randomized_benchmarking", "m,y\n1,1\n2,2\n", "needs several series"),
        ("interleaved_randomized_benchmarking", "m,ref,other\n1,1,1\n2,2,2\n",
         "column 'other' does not say which series"),
        ("interleaved_randomized_benchmarking", "m,ref,ref 2 rb\n1,1,1\n2,2,2\n", "are the same"),
        ("drag_repetitions", "reps,beta,y\none,1,1\ntwo,2,2\n", "it is a number"),
        ("drag_sequences", "series,beta,y\nXY,1,1\nYX,,2\n",
         "line 3: x, column 'beta', is missing"),
    ],
)  # fmt: skip
def test_series_that_cannot_be_used(tmp_path: Path, kind: str, text: str, says: str) -> None:
    with pytest.raises(TraceError, match=says) as raised:
        read(tmp_path, text, kind)
    assert "data.csv" in str(raised.value)


def test_series_take_sigma_in_long_form_only(tmp_path: Path) -> None:
    text = "series,m,y,s\n0,1,1,0.1\n0,2,2,0.2\n1,1,3,0.3\n1,2,4,0.4\n"
    grid = read(tmp_path, text, "interleaved_randomized_benchmarking", sigma="s")
    np.testing.assert_allclose(grid.sigma, [[0.1, 0.2], [0.3, 0.4]])
    with pytest.raises(TraceError, match="put the series below each other"):
        read(tmp_path, "m,ref,int,s\n1,1,1,1\n2,2,2,2\n", "interleaved_randomized_benchmarking",
             sigma="s")  # fmt: skip
    with pytest.raises(TraceError, match="no calibration points"):
        read(tmp_path, text, "interleaved_randomized_benchmarking", cal_points=2)


def test_shots_with_a_state_column_or_a_file_for_each_state(tmp_path: Path) -> None:
    one = written(tmp_path, "state,I [mV],Q [mV]\ng,1,2\ne,3,4\n")
    trace = choose_shots([read_table(one)], "single_shot_readout", Choice()).trace
    np.testing.assert_allclose(trace.y, [1e-3 + 2e-3j, 3e-3 + 4e-3j])
    np.testing.assert_array_equal(trace.x, [0, 1])
    paths = [written(tmp_path, f"q,i\n{k},1\n{k},2\n", f"{k}.csv") for k in range(3)]
    trace = choose_shots([read_table(p) for p in paths], "single_shot_readout", Choice()).trace
    np.testing.assert_array_equal(trace.x, [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(trace.y.imag, [0, 0, 1, 1, 2, 2])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("i,q\n1,2\n3,4\n", "no column 'state'"),
        ("state,i,y\n0,2,1\n1,4,1\n", "no column 'Q'"),
        ("state,i,q\n0,2,1\n3,4,1\n", "line 3: the state is 3"),
        ("state,i,q\n0,2,1\nx,4,1\n", "line 3: 'x' in column 'state' is no state"),
        ("state,i [V],q\n0,2,1\n1,4,1\n", "I is in V, but Q in none"),
    ],
)
def test_shots_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(TraceError, match=says):
        choose_shots([read_table(path)], "single_shot_readout", Choice())


def test_what_is_known_in_any_words() -> None:
    texts = ["anharmonicity=-200 MHz", "period = 1.2", "asymmetry=10 %"]
    assert known_of("qubit_flux_map", texts) == {
        "anharmonicity": pytest.approx(-2e8), "period": 1.2, "asymmetry": pytest.approx(0.1),
    }  # fmt: skip
    assert known_of("fine_amplitude", ["angle=90deg"])["angle"] == pytest.approx(np.pi / 2)
    assert known_of("drag", ["extremum=maximum", "interleaved=Yes"]) == {
        "extremum": "maximum", "interleaved": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("anharmonicity", "is not NAME=VALUE"), ("=3", "is not NAME=VALUE"),
        ("anharmonicty=1", r"did you mean 'anharmonicity'\?\); it takes shots, anharmonicity"),
        ("anharmonicity=5 V", "'5 V' is in V, but it needs Hz"),
        ("anharmonicity=5 Hx", "'Hx' is not a unit"), ("asymmetry=1 Hz", "needs a plain number"),
    ],
)  # fmt: skip
def test_what_cannot_be_known(text: str, says: str) -> None:
    with pytest.raises(TraceError, match=says):
        known_of("qubit_flux_map", [text])


def test_what_is_read_is_known_in_no_unit_of_what_is_swept() -> None:
    with pytest.raises(TraceError, match=r"offset: '0.1 s' is in s, but it has the unit of y"):
        known_of("t1", ["offset=0.1 s"])
    assert known_of("t1", ["offset=100 mV"]) == {"offset": pytest.approx(0.1)}


def test_known_twice_and_of_a_kind_that_does_not_take_it() -> None:
    with pytest.raises(TraceError, match="period is given twice"):
        known_of("qubit_flux_map", ["period=1", "period=2"])
    with pytest.raises(TraceError, match="cannot use period; it takes shots"):
        known_of("cz_chevron", ["period=1"])
    with pytest.raises(TraceError, match="did you mean 'cz_chevron'"):
        layout_of("cz_shevron")


@given(st.text(max_size=20))
def test_any_text_is_known_or_a_trace_error(text: str) -> None:
    try:
        known = known_of("qubit_flux_map", [f"period={text}"])
    except TraceError as error:
        said = str(error)
        assert "period" in said
    else:
        assert set(known) == {"period"}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(-9, 9)), min_size=1))
def test_a_long_table_is_the_map_it_says_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, float]]
) -> None:
    text = "freq,bias,y\n" + "".join(f"{f},{b},{y}\n" for f, b, y in rows)
    path = written(tmp_path_factory.getbasetemp(), text)
    try:
        grid = read_files([path], "qubit_flux_map", Choice()).trace
    except TraceError as error:
        said = str(error)
        assert "data.csv" in said
        return
    assert isinstance(grid, Grid)
    assert np.isfinite(grid.y).sum() == len(rows)
    for f, b, y in rows:
        assert grid.y[list(grid.x[0]).index(f), list(grid.x[1]).index(b)] == y


@pytest.mark.parametrize(
    ("advice", "axes", "words"),
    [
        (Advice(window_times=3.0, extend_window_to=1.2e-4), [("delay", "s")],
         ["extend the window to 120 µs"]),
        (Advice(window_times=0.1, extend_window_to=1.26e-6), [("delay", "s")],
         ["shorten the window to 1.3 µs"]),
        (Advice(centre_on=4.91e9, shots_times=4.0), [("f", "Hz")],
         ["centre on 4.91 GHz", "take 4 times the shots"]),
        (Advice(window_times=2.0, extend_window_to=0.5, centre_on=0.25, axis=1),
         [("f", "Hz"), ("bias", "V")],
         ["extend the window of 'bias' to 500 mV", "centre the window of 'bias' on 250 mV"]),
        (Advice(), [("f", "Hz")], []),
    ],
)  # fmt: skip
def test_advice_in_words(advice: Advice, axes: list[tuple[str, str]], words: list[str]) -> None:
    assert in_words(advised_by("t1", advice), axes) == words


@pytest.mark.parametrize(
    ("kind", "what"),
    [("randomized_benchmarking", " Cliffords"), ("interleaved_randomized_benchmarking",
     " Cliffords"), ("fine_amplitude", " gates"), ("drag", "")],
)  # fmt: skip
def test_a_length_that_is_a_count_says_of_what(kind: str, what: str) -> None:
    advice = advised_by(kind, Advice(window_times=2.0, extend_window_to=120.0))
    assert in_words(advice, [("m", "")]) == [f"extend the window to 120{what}"]


def test_a_trace_with_shots_has_error_bars_and_own_units(tmp_path: Path) -> None:
    t = np.linspace(0, 150, 76)
    y = np.round(np.exp(-t / 30) * 1000) / 1000
    path = written(
        tmp_path, "t [us],p\n" + "".join(f"{a},{b}\n" for a, b in zip(t, y, strict=True))
    )
    chosen, fit = fit_file(path, "t1", shots=1000)
    assert chosen.sigma_known
    assert (chosen.trace.sigma > 0).all()
    assert np.isfinite(fit.chi2_reduced)
    path.write_text(path.read_text().replace("p\n", "p [mV]\n", 1))
    values = fit_file(path, "t1")[1].values
    assert (values["t1"].unit, values["amplitude"].unit) == ("s", "V")


@pytest.mark.parametrize("kind", [kind for kind in LAYOUTS if kind != "single_shot_readout"])
def test_what_depends_on_an_axis_of_any_unit_takes_its_unit(kind: str) -> None:
    """Volts are only what the fit calls them: a file may have mA, or steps of a converter."""
    x, y, sigma, known = good(kind, True)
    units = fit_batch(kind, x, y, sigma, **known).units
    own, free = LAYOUTS[kind].own or {}, any(axis.unit is None for axis in LAYOUTS[kind].axes)
    assert set(own) <= set(units)
    assert {name for name, unit in units.items() if "V" in unit and free} <= set(own)


SILENT = "{},4e9,5e9,6e9\n0.1,1,3,5\n0.2,2,4,6\n"
TURNED = [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("corner", ["", "flux (V)", "bias", "bias \\ f (Hz)", "current / freq"])
def test_the_rows_of_a_matrix_may_be_the_bias(tmp_path: Path, corner: str) -> None:
    """By one name or two, or since no bare number below a million is the frequency of a qubit."""
    grid = read(tmp_path, SILENT.format(corner), "qubit_flux_map")
    np.testing.assert_array_equal(grid.y, TURNED)
    np.testing.assert_allclose(grid.x[0], [4e9, 5e9, 6e9])


def test_who_reads_a_matrix_says_what_its_rows_are(tmp_path: Path) -> None:
    text = "x,1,2,3\n10,1,3,5\n20,2,4,6\n"
    straight = read_files([written(tmp_path, text)], "cz_chevron", Choice())
    np.testing.assert_array_equal(straight.trace.y, np.transpose(TURNED))
    assert any("(--x 'length' --x 'amplitude' turns it)" in note for note in straight.notes)
    said = Choice(x=("length [ns]", "amplitude"))
    turned = read_files([written(tmp_path, text)], "cz_chevron", said)
    np.testing.assert_array_equal(turned.trace.y, TURNED)
    np.testing.assert_allclose(turned.trace.x[1], [10e-9, 20e-9])
    assert not any("turns it" in note for note in turned.notes)


@pytest.mark.parametrize("x", [("length",), ("length", "length"), ("length", "weather")])
def test_rows_and_columns_of_a_matrix_are_both_said_or_neither(
    tmp_path: Path, x: tuple[str, ...]
) -> None:
    with pytest.raises(TraceError, match="these are 'amplitude' and 'length'"):
        read(tmp_path, "x,1,2,3\n10,1,3,5\n20,2,4,6\n", "cz_chevron", x=x)
