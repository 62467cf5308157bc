"""The words of a picture: none hides another, none is missing, none says a thing twice."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font
from PIL import Image
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.estimation import FIT_KINDS
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.pictures.page import SMALLEST, axes_pair, fitted, settle
from kammerton.estimation.pictures.picture import draw
from kammerton.estimation.pictures.wording import ROWS, words_of
from kammerton.model import Advice, Fit, Trace, Value, Verdict
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths
from tests.unit.estimation import measured_files
from tests.unit.estimation.seen import collisions, watched
from tests.unit.estimation.shot_inputs import LEAKY, THREE, Laboratory

SOME = {truth.kind: truth for truth in reversed(truths().values())} | {
    name: truth for name, truth in truths().items() if name in ("ramsey, two frequencies",
    "qubit_spectroscopy, two-photon line", "resonator_spectroscopy, notch, magnitude")
}  # fmt: skip
"""The first truth of each kind, and those of which a picture says more."""

SAID = {
    "t1": ["T₁ = ", "delay (µs)", "res. / σ"],
    "rabi_amplitude": ["π amplitude = ", "amplitude (mV)"],
    "rabi_length": ["π length = ", "length (ns)"],
    "resonator_spectroscopy": ["Q internal = ", "I", "Q"],
    "allxy": ["XY", "yy", "pulses (capitals π, small letters π/2; I idle)"],
    "randomized_benchmarking": ["error/Clifford = ", "number of Cliffords"],
    "interleaved_randomized_benchmarking": ["error/gate = ", "reference", "interleaved"],
    "drag_repetitions": ["DRAG = ", "repetitions 1", "repetitions 5"],
    "drag_sequences": ["series 0", "series 1"],
    "qubit_flux_map": ["signal − median", "bias (mV)", "frequency (GHz)"],
    "cz_chevron": ["t CZ = ", "length (ns)", "amplitude (mV)"],
    "punch_out": ["f bare = ", "power (dBm)", "|S| / median", "|residual| / σ"],
}
"""Words in the picture of a kind, besides kind, file and verdict."""

FLAT, CONSTANT = (
    next(each for each in BROKEN if each.name == name) for name in ("flat noise", "constant")
)
F, X = np.linspace(4.9e9, 5.0e9, 51), np.linspace(0.0, 4e-5, 51)


def words_in(folder: Path, arguments: list[str]) -> list[str]:
    """Return the words of a picture of which none may hide another."""
    path = folder / "a.png"
    with watched() as words:
        result = CliRunner().invoke(app, ["fit", *arguments, "--plot", str(path)])
    assert result.exit_code in (0, 3), result.output
    with Image.open(path) as picture:
        assert collisions(words, *picture.size) == []
    return [text for text, _ in words]


@pytest.mark.parametrize("name", SOME)
def test_the_words_of_every_kind_are_there_and_none_hides_another(
    name: str, tmp_path: Path
) -> None:
    truth, rng = SOME[name], np.random.default_rng(3)
    words = words_in(tmp_path, measured_files.written(tmp_path / "q3.csv", truth, rng, 60.0))
    picture = "\n".join(words)
    assert picture.count("accepted") == 1
    for said in [truth.kind, "q3.csv", *SAID.get(name, [])]:
        assert said in picture, said


def test_no_kind_is_forgotten() -> None:
    kinds = {truth.kind for truth in SOME.values()}
    assert set(FIT_KINDS) - kinds <= {"single_shot_readout"}  # below


@pytest.mark.parametrize(
    "name", [name for name, truth in SOME.items() if FLAT.traces(truth, 5, 1) is not None]
)
def test_no_word_hides_another_where_nothing_was_measured(name: str, tmp_path: Path) -> None:
    truth = SOME[name]
    traces = FLAT.traces(truth, 5, 1)
    assert traces is not None
    words_in(tmp_path, measured_files.saved(tmp_path / "q3.csv", truth, traces))


@pytest.mark.parametrize("kind", ["t1", "ramsey", "allxy", "dispersive_shift"])
@pytest.mark.parametrize("given", [True, False])
def test_what_never_changes_is_not_shown_by_its_rounding(
    kind: str, given: bool, tmp_path: Path
) -> None:
    traces = CONSTANT.traces(SOME[kind], 11, 1)
    assert traces is not None
    arguments = measured_files.saved(tmp_path / "q3.csv", SOME[kind], traces)
    words = words_in(tmp_path, arguments if given else arguments[:3])
    assert max(map(len, (text for text in words if text[:1].isdigit()))) < 8


def shots(folder: Path, laboratory: Laboratory, count: int = 2000) -> list[str]:
    sets = laboratory.draw(np.random.default_rng(1), count)
    rows = [[state, z.real, z.imag] for state, each in enumerate(sets) for z in each]
    path = folder / "q3.csv"
    np.savetxt(path, rows, delimiter=",", comments="", header="state,I [V],Q [V]")
    return [str(path), "--kind", "single_shot_readout"]


@pytest.mark.parametrize("laboratory", [Laboratory(), LEAKY], ids=["two states", "leakage"])
def test_what_a_readout_is_worth_is_told_apart_from_what_was_counted(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    words = words_in(tmp_path, shots(tmp_path, laboratory))
    above = next(text for text in words if "state at the start: F = 0.99" in text)
    assert "P(1|0) = " in above
    assert "P(0|1) = " in above
    assert "given" not in above
    assert any(text.startswith("as prepared: P(1|0) = 0.01") for text in words)


def test_three_states_show_both_matrices_and_say_none_of_them_again(tmp_path: Path) -> None:
    words = words_in(tmp_path, shots(tmp_path, THREE))
    assert "(in brackets: by what was prepared)" in words
    assert not any("given" in text or "P(" in text for text in words)
    assert sum("\n(0." in text for text in words) == 9


def test_few_shots_are_counted_in_plain_numbers(tmp_path: Path) -> None:
    words = words_in(tmp_path, shots(tmp_path, Laboratory(), 30))
    assert {"1", "2", "5"} <= set(words)
    assert not any("$" in text for text in words), "powers of ten"


def found(kind: str, values: dict[str, Value], status: str = "success", reason: str = "") -> Fit:
    return Fit(kind, "q3", values, Verdict.ACCEPTED, status, reason, 1.0)


def test_what_else_was_found_is_said_before_the_values() -> None:
    """The mean of two frequencies alone is half of what was measured."""
    values = {"frequency": Value(246e3, 1.5e3, "Hz")}
    said = "two frequencies, 142.187 kHz and 300.532 kHz; their mean is given"
    trace = Trace("q3", X, X, X, "delay", "s")
    lines = words_of(found("ramsey", values, "beating", said), trace, 66).splitlines()
    assert lines[0] == said
    assert lines[1].startswith("f = 246.0(15) kHz")
    assert said not in words_of(found("ramsey", values, "success", said), trace, 66)


def test_an_accepted_fit_says_that_its_errors_were_too_small() -> None:
    far = "the points scatter 33 times more than their shots say"
    trace = Trace("q3", X, X, X, "delay", "s")
    fit = found("t1", {"t1": Value(5e-5, 1e-6, "s")}, "success", f"a clear decay; {far}")
    lines = words_of(replace(fit, chi2_reduced=1122.0), trace, 66).splitlines()
    assert lines[0] == far
    assert "a clear decay" not in " ".join(lines)
    assert lines[1].endswith("= 1122")


def test_a_long_finding_leaves_room_for_values() -> None:
    values = {f"value_{n}": Value(1.0 + n, 0.01, "") for n in range(20)}
    trace = Trace("q3", X, X, X, "delay", "s")
    lines = words_of(found("t1", values, "beating", "word " * 90), trace, 60).splitlines()
    assert len(lines) == ROWS
    assert "value 0 = 1.000(10)" in lines[2]


def test_a_line_that_is_the_two_photon_line_is_said_once() -> None:
    twice, other = Value(4.918e9, 1e5, "Hz"), Value(4.94e9, 1e5, "Hz")
    values = {
        "frequency": Value(4.958e9, 3e4, "Hz"), "frequency_gf_half": twice,
        "lines": Value(3.0, 0.0, ""), "frequency_2": twice, "frequency_3": other,
    }  # fmt: skip
    text = words_of(found("qubit_spectroscopy", values), Trace("q3", F, F, F, "f", "Hz"), 99)
    assert text.count("4.9180") == 1
    assert "f 02/2 = 4.91800(10) GHz" in text
    assert "f₃ = 4.94000(10) GHz" in text
    assert "lines = 3" in text
    single = {**values, "lines": Value(1.0, 0.0, "")}
    trace = Trace("q3", F, F, F, "f", "Hz")
    assert "lines" not in words_of(found("qubit_spectroscopy", single), trace, 99)


def test_a_qubits_frequency_is_said_once_and_a_count_of_lines_whole() -> None:
    """Before: "f01 = ... f = ...", and a reason that began with "the one given as frequency"."""
    line = Value(4.958e9, 3e4, "Hz")
    trace = Trace("q3", F, F, F, "f", "Hz")
    text = words_of(found("qubit_spectroscopy", {"f01": line, "frequency": line}), trace, 99)
    assert text.count("4.95800") == 1
    reason = "2 lines; the one given as frequency is clear"
    lines = {"frequency": line, "lines": Value(2.0, 0.0, "")}
    assert reason in words_of(found("qubit_spectroscopy", lines, "success", reason), trace, 99)


def test_a_targets_name_is_in_the_face_of_all_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bold letters of few dots have hair lines, and look like a serif face."""
    faces = {}

    def text(self: object, x: float, y: float, words: str, **style: object) -> None:
        faces[words] = style.get("font")

    monkeypatch.setattr("matplotlib.figure.SubFigure.text", text)
    draw({"q0": Trace("q0", X, X, X, "t", "s")}, {}, tmp_path / "a.png", "")
    assert (get_font(faces["q0"]).family_name, get_font(faces["q0"]).style_name) == (
        "DejaVu Sans", "Book",
    )  # fmt: skip


def test_the_deviation_of_allxy_comes_first(tmp_path: Path) -> None:
    arguments = measured_files.written(
        tmp_path / "q3.csv", SOME["allxy"], np.random.default_rng(3), 40.0
    )
    words = words_in(tmp_path, arguments)
    values = next(text for text in words if "deviation = " in text).splitlines()
    assert next(line for line in values if " = " in line).startswith("deviation = ")


def test_what_is_not_known_at_all_is_not_said() -> None:
    trace = Trace("q3", X, X, X, "delay", "s")
    for phase, amplitude, said in ((0.1, 0.01, True), (18.0, 5000.0, False)):
        values = {"phase": Value(0.0, phase, "rad"), "amplitude": Value(0.3, amplitude, "")}
        text = words_of(found("ramsey", values), trace, 66)
        assert ("phase" in text, "amplitude" in text) == (said, said)


def test_no_unit_begins_a_line() -> None:
    wide = Fit("qubit_spectroscopy", "q3", {}, Verdict.INSUFFICIENT, "range too narrow",
               "the line may be as wide as the window", 1.0,
               advice=Advice(window_times=5.0, extend_window_to=5e8))  # fmt: skip
    trace = Trace("q3", F, F, F, "frequency", "Hz")
    for letters in range(40, 90):
        lines = words_of(wide, trace, letters).splitlines()
        assert not any(line.startswith("MHz") for line in lines)
        assert "500 MHz" in "\n".join(lines)


def drawn(folder: Path, trace: Trace | Grid, fit: Fit) -> list[str]:
    with watched() as words:
        draw({"q3": trace}, {"q3": fit}, folder / "a.png", "a.csv")
    return [text for text, _ in words]


def test_a_kind_is_named_in_full_beside_a_long_verdict(tmp_path: Path) -> None:
    trace = Trace("qubit_spectroscopy", F, F / 1e10, np.full(F.size, math.nan), "f", "Hz")
    fit = replace(found("qubit_spectroscopy", {}), verdict=Verdict.INSUFFICIENT,
                  status="range too narrow", reason="wide")  # fmt: skip
    assert "qubit_spectroscopy" in drawn(tmp_path, trace, fit)


def test_what_is_left_has_a_unit(tmp_path: Path) -> None:
    y = 2e-3 * np.exp(-X / 1e-5)
    trace = Trace("q3", X, y, np.full(X.size, math.nan), "delay", "s", "V")
    assert "res. (mV)" in drawn(tmp_path, trace, replace(found("t1", {}), curve=y))
    known = replace(trace, sigma=np.full(X.size, 1e-5))
    assert "res. / σ" in drawn(tmp_path, known, replace(found("t1", {}), curve=y))


@pytest.mark.parametrize(("largest", "mark"), [(3.4, 3.0), (0.019, 0.02), (71.0, 80.0), (1.0, 1.0)])
def test_what_is_left_is_shown_alike_on_both_sides(largest: float, mark: float) -> None:
    above, below = axes_pair(Figure())
    below.plot([0, 1, 2], [largest, 0.0, -0.2 * largest])
    settle(above, below)
    low, high = below.get_ylim()
    assert low == -high
    assert high > largest
    assert list(below.get_yticks()) == pytest.approx([-mark, 0.0, mark])


@pytest.fixture
def upright(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Where dashed lines stand upright."""
    places: list[float] = []
    line = Axes.axvline

    def seen(self: Axes, x: float = 0.0, *more: float, **how: object) -> object:
        places.append(x)
        return line(self, x, *more, **how)

    monkeypatch.setattr(Axes, "axvline", seen)
    return places


def test_a_gate_outside_of_its_map_does_not_stretch_it(
    upright: list[float], tmp_path: Path
) -> None:
    amplitude, length = np.linspace(0.18, 0.23, 12), np.linspace(0.0, 8e-8, 10)
    y = np.random.default_rng(0).normal(size=(12, 10))
    grid = Grid("q3", (amplitude, length), y, np.full(y.shape, math.nan),
                ("amplitude", "length"), ("V", "s"))  # fmt: skip
    for at, there in ((0.2, [pytest.approx(200.0)]), (0.38, [])):
        upright.clear()
        fit = found("cz_chevron", {"amplitude": Value(at, 1e-3, "V")})
        drawn(tmp_path, grid, replace(fit, curve=0.9 * y))
        assert upright == there


@pytest.mark.parametrize(("status", "drawn_too"), [("no signal", False), ("striped", True)])
def test_a_map_without_a_signal_has_no_curve(status: str, drawn_too: bool, tmp_path: Path) -> None:
    y = np.random.default_rng(0).normal(size=(51, 10))
    grid = Grid("q3", (F, np.linspace(0.0, 1.0, 10)), y, np.ones(y.shape),
                ("frequency", "bias"), ("Hz", "V"))  # fmt: skip
    fit = replace(found("qubit_flux_map", {}), verdict=Verdict.REJECTED, status=status,
                  curve=0.9 * y)  # fmt: skip
    assert ("no curve was fitted" not in drawn(tmp_path, grid, fit)) is drawn_too


def test_the_cable_of_both_states_is_taken_out(tmp_path: Path) -> None:
    f = np.linspace(7.09e9, 7.11e9, 101)
    curve = np.stack([1 - 0.8 / (1 + 2j * (f - at) / 2e6) for at in (7.101e9, 7.099e9)])
    for delay, said in ((60e-9, True), (0.0, False)):
        y = curve * np.exp(-2j * np.pi * (f - f[0]) * delay)
        grid = Grid("q3", (np.array([0.0, 1.0]), f), y, np.full(y.shape, 0.01),
                    ("state", "frequency"), ("", "Hz"), "V", ("0", "1"))  # fmt: skip
        words = drawn(tmp_path, grid, replace(found("dispersive_shift", {}), curve=y))
        assert ("cable's delay taken out" in words) is said


@pytest.mark.parametrize(
    "title", ["power [dBm]", "a far too long name of the power of a line at its end [dBm]"]
)
def test_a_long_name_of_y_stays_within_its_axes(tmp_path: Path, title: str) -> None:
    rng, f = np.random.default_rng(3), np.linspace(7.09, 7.11, 201)
    z = 0.025 * (1 - 0.8 / (1 + 2j * (f - 7.1) / 0.001)) * (1 + 0.004 * rng.normal(size=201))
    path = tmp_path / "r.csv"
    np.savetxt(path, np.column_stack([f, 20 * np.log10(np.abs(z))]), delimiter=",",
               header=f"f [GHz],{title}", comments="")  # fmt: skip
    with watched() as seen:
        said = words_in(tmp_path, [str(path), "--kind", "resonator_spectroscopy"])
    (box,) = (box for (text, _), box in seen.items() if text.endswith("√(P / 1 mW)"))
    (low,) = (box for (text, _), box in seen.items() if text == "res. (10⁻⁶)")
    assert box.height < 3.5 * 200 * 0.5
    assert box.y0 > low.y1
    assert any("…" in text for text in said) == (len(title) > 20)


@pytest.mark.parametrize(
    ("header", "longest", "said"),
    [("delay,population", 0.02,
      ["is it in ns or us? (--x-unit)", "names no unit: taken as s (--x-unit"]),
     ("delay [us],population", 200, [])],
)  # fmt: skip
def test_what_was_supposed_of_units_is_in_the_picture(
    tmp_path: Path, header: str, longest: float, said: list[str]
) -> None:
    t, path = np.linspace(0, longest, 61), tmp_path / "t1.csv"
    y = np.exp(-5 * t / longest) + 0.01 * np.random.default_rng(3).normal(size=61)
    np.savetxt(path, np.column_stack([t, y]), delimiter=",", header=header, comments="")
    words = words_in(tmp_path, [str(path), "--kind", "t1"])
    asked = [text for text in words if "-unit" in text]
    assert len(asked) == len(said)
    assert all(one in text for one, text in zip(said, asked, strict=True))


def test_a_long_question_goes_on_in_a_second_line(tmp_path: Path) -> None:
    rng, f, path = np.random.default_rng(3), np.linspace(7.09, 7.11, 201), tmp_path / "r.csv"
    y = 30 + 20 * np.log10(np.abs(1 - 0.7 / (1 + 2j * (f - 7.1) / 0.001)))
    np.savetxt(path, np.column_stack([f, y + 0.05 * rng.normal(size=201)]), delimiter=",",
               header="f [GHz],mag of the second line", comments="")  # fmt: skip
    words = words_in(tmp_path, [str(path), "--kind", "resonator_spectroscopy"])
    said = " ".join(words)
    assert "and names no unit: taken as linear; is it in dB? (--y-unit)" in said
    assert not any("linear" in text and "mag of" in text for text in words)


def test_of_a_reason_too_long_for_a_picture_the_end_is_there_too() -> None:
    """What to do stands in the end: it was cut, without a sign that it was."""
    long = " ".join(["the scatter dies away along the sweep"] * 9) + "; look for the qubit"
    trace = Trace("q0", X, 0.5 + 0 * X, np.full(51, 0.1), "delay", "s", "", "P1")
    fit = Fit("ramsey", "q0", {}, Verdict.REJECTED, "model does not fit", long, 9.0)
    lines = words_of(fit, trace, 60).splitlines()
    assert len(lines) == ROWS
    assert lines[-2].endswith("…")
    assert lines[-1].startswith("…")
    assert "look for the qubit" in lines[-1]


def test_words_that_were_made_smaller_to_fit_are_whole() -> None:
    """Of one in six the middle was gone: what was divided came out a letter short."""
    for room in range(100, 600, 7):
        for count in range(10, 120, 3):
            words, points = fitted("x" * count, 8.0, float(room))
            assert words == "x" * count or points == SMALLEST


def test_the_cure_of_what_is_accepted_is_not_cut_off() -> None:
    stray = ("one point, number 21 of 41, lies 22 times the scatter of the others from the "
             "curve: it pulls the values and makes their errors 292 % larger; leave it out (NaN) "
             "and fit again")  # fmt: skip
    trace = Trace("q3", X, X, X, "delay", "s")
    fit = replace(found("t1", {"t1": Value(5.08e-5, 8.6e-6, "s")}), reason=f"good; {stray}")
    for letters in range(45, 90):
        text = words_of(fit, trace, letters)
        shown = text.replace("\n", " ").replace(" (NaN)", "")
        assert "leave it out and fit again" in shown
        assert len(text.splitlines()) <= ROWS
        assert "T₁ = " in text
