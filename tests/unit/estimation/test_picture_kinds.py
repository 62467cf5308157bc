"""A picture for every kind of fit, from a file of simulated data to the words in the picture."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from click.testing import Result
from matplotlib.axes import Axes
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.estimation import fit_batch
from kammerton.estimation.files.grid import Grid
from kammerton.estimation.pictures.lines import branches_of, line_of, lines_of
from kammerton.estimation.pictures.page import BACK, COLOURS, Page, axes_pair
from kammerton.estimation.pictures.picture import draw
from kammerton.model import Advice, Fit, Trace, Value, Verdict
from tests.catalogue.registry import truths


def drawn(folder: Path, arguments: list[str]) -> tuple[Result, str]:
    """Return what the command said, and the words of the picture."""
    picture = folder / "a.svg"
    result = CliRunner().invoke(app, ["fit", *arguments, "--plot", str(picture)])
    assert result.exit_code in (0, 3), result.output
    return result, words_in(picture)


def words_in(picture: Path) -> str:
    """Return every text of an svg, which keeps them as comments beside their outlines."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", picture.read_text(), re.DOTALL))


@pytest.mark.parametrize("more", [[], ["--known", "population=0"]])
def test_y_is_called_what_the_file_calls_it(more: list[str], tmp_path: Path) -> None:
    """Simulated survival, hidden truth, seed 3: it begins at 1 and ends at 1/2."""
    m = np.repeat([1, 10, 25, 50, 100, 200, 400], 8)
    y = 0.5 + 0.49 * 0.99**m + 0.005 * np.random.default_rng(3).normal(size=m.size)
    path = tmp_path / "rb.csv"
    np.savetxt(path, np.column_stack([m, y]), delimiter=",", header="cliffords,survival",
               comments="")  # fmt: skip
    picture = drawn(tmp_path, [str(path), "--kind", "randomized_benchmarking", *more])[1]
    assert "survival" in picture.splitlines()
    assert "population" not in picture


@pytest.mark.parametrize(("title", "label"), [("P(1)", "P(1)"), ("y (1)", "y"), ("P [1]", "P")])
def test_a_population_of_1_is_no_quantity_in_units_of_1(
    title: str, label: str, tmp_path: Path
) -> None:
    x = np.linspace(0, 100, 41)
    path = tmp_path / "t1.csv"
    np.savetxt(path, np.column_stack([x, np.exp(-x / 30) + 1e-3 * np.sin(9 * x)]), delimiter=",",
               header=f"delay [us],{title}", comments="")  # fmt: skip
    assert label in drawn(tmp_path, [str(path), "--kind", "t1"])[1].splitlines()


def test_chi_square_says_that_it_is_of_means(tmp_path: Path) -> None:
    """Simulated survival, seed 3; what the fit leaves is drawn of means, too, with error bars."""
    m = np.repeat([1, 10, 25, 50, 100, 200, 400], 8)
    y = 0.5 + 0.49 * 0.99**m + 0.005 * np.random.default_rng(3).normal(size=m.size)
    for name, x, values in (
        ("all", m, y), ("means", m[::8], y.reshape(-1, 8).mean(axis=1)),
    ):  # fmt: skip
        table = np.column_stack([x, values, np.full(x.size, 0.005)])
        path = tmp_path / f"{name}.csv"
        np.savetxt(path, table, delimiter=",", header="cliffords,survival,sigma", comments="")
        arguments = [str(path), "--kind", "randomized_benchmarking", "--sigma", "sigma"]
        picture = drawn(tmp_path, arguments)[1]
        assert ("χ²/ν of the means = " in picture) == (name == "all")


def test_y_in_decibels_says_what_is_drawn(tmp_path: Path) -> None:
    """Simulated resonator, hidden truth, seed 3."""
    rng, f = np.random.default_rng(3), np.linspace(7.09, 7.11, 201)
    s = 1 - 0.8 / (1 + 2j * (f - 7.1) / 2e-3) + 0.003 * rng.normal(size=f.size)
    path = tmp_path / "r0.csv"
    np.savetxt(path, np.column_stack([f, 20 * np.log10(np.abs(s)), np.angle(s)]), delimiter=",",
               header="f [GHz],S21 [dB],phase [rad]", comments="")  # fmt: skip
    picture = drawn(tmp_path, [str(path), "--kind", "resonator_spectroscopy"])[1]
    assert "S21, voltage ratio" in picture.splitlines()


def clouds(states: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = np.array([0, 3e-3 + 1e-3j, 1e-3 + 3e-3j])
    state = np.repeat(np.arange(states), 1000)
    noise = rng.normal(size=state.size) + 1j * rng.normal(size=state.size)
    return state, centres[state] + 5e-4 * noise


@pytest.mark.parametrize(("states", "words"), [(2, "threshold"), (3, "state at the start")])
def test_single_shots_from_file_to_picture(states: int, words: str, tmp_path: Path) -> None:
    state, z = clouds(states)
    path = tmp_path / "r3.csv"
    np.savetxt(path, np.column_stack([state, z.real, z.imag]), delimiter=",", comments="",
               header="state,I [V],Q [V]")  # fmt: skip
    result, picture = drawn(tmp_path, [str(path), "--kind", "single_shot_readout"])
    assert result.exit_code == 0
    for said in (
        "single_shot_readout",
        "r3.csv",
        "accepted",
        "prepared 1",
        "I (mV)",
        words,
    ):
        assert said in picture, said


def test_shots_of_two_files_say_what_each_was_prepared_in(tmp_path: Path) -> None:
    state, z = clouds(2)
    paths = [tmp_path / "ground.csv", tmp_path / "excited.csv"]
    for n, path in enumerate(paths):
        mine = z[state == n]
        np.savetxt(path, np.column_stack([mine.real, mine.imag]), delimiter=",", comments="",
                   header="I [V],Q [V]")  # fmt: skip
    names = [str(path) for path in paths]
    said = drawn(tmp_path, [*names, "--kind", "single_shot_readout"])[0].stderr
    assert said.splitlines()[0] == (
        "2 files: the shots of ground.csv were prepared in state 0, those of excited.csv in state 1"
    )


def resonators() -> tuple[Grid, Fit]:
    f = np.linspace(7.09e9, 7.11e9, 101)
    curve = np.stack([1 - 0.8 / (1 + 2j * (f - f0) / 2e6) for f0 in (7.101e9, 7.099e9)])
    grid = Grid("r3", (np.array([0.0, 1.0]), f), curve + 0.01, np.full(curve.shape, 0.01),
                ("state", "frequency"), ("", "Hz"), "V", ("0", "1"))  # fmt: skip
    fit = Fit("dispersive_shift", "r3", {"dispersive_shift": Value(-1e6, 3e3, "Hz")},
              Verdict.ACCEPTED, "success", "", 1.0, curve=curve)  # fmt: skip
    return grid, fit


def test_a_dispersive_shift_from_file_to_picture(tmp_path: Path) -> None:
    """Simulated resonator, hidden truth, seed 1: 7.101 GHz with the qubit in 0, 7.099 GHz in 1."""
    grid, rng = resonators()[0], np.random.default_rng(1)
    s = grid.y + 0.01 * (rng.normal(size=grid.y.shape) + 1j * rng.normal(size=grid.y.shape))
    path = tmp_path / "r3.csv"
    titles = "f [GHz],|S21| 0,|S21| 1,phase 0 [rad],phase 1 [rad]"
    np.savetxt(path, np.column_stack([grid.x[1] / 1e9, *np.abs(s), *np.angle(s)]), delimiter=",",
               header=titles, comments="")  # fmt: skip
    result, picture = drawn(tmp_path, [str(path), "--kind", "dispersive_shift", "--json"])
    chi = json.loads(result.stdout)["parameters"]["dispersive_shift"]
    assert abs(chi["value"] + 1e6) < 4 * chi["stderr"] < 1e5
    for said in ("χ = ", "f₀ = 7.10", "state 0", "state 1", "|S|", "f (GHz)"):
        assert said in picture, said


def test_advice_for_series_speaks_of_their_sweep(tmp_path: Path) -> None:
    grid, fit = resonators()
    wide = replace(fit, verdict=Verdict.INSUFFICIENT, reason="too wide",
                   advice=Advice(window_times=2.0, extend_window_to=4e7))  # fmt: skip
    path = tmp_path / "a.svg"
    draw({"r3": grid}, {"r3": wide}, path, "dispersive_shift  r3")
    assert "too wide → extend the window to 40 MHz" in words_in(path)


def test_both_states_of_a_resonator_in_size_and_in_the_plane(tmp_path: Path) -> None:
    grid, fit = resonators()
    path = tmp_path / "a.svg"
    draw({"r3": grid}, {"r3": fit}, path, "dispersive_shift  r3")
    for words in ("χ = −1.0000(30) MHz", "state 0", "state 1", "|S| (V)", "I (V)"):
        assert words in words_in(path), words


@pytest.mark.parametrize(("status", "green"), [("success", True), ("beating", False)])
def test_green_says_that_nothing_is_wrong(status: str, green: bool, tmp_path: Path) -> None:
    grid, fit = resonators()
    path = tmp_path / "a.svg"
    draw({"r3": grid}, {"r3": replace(fit, status=status)}, path, "r3.csv")
    assert (COLOURS[Verdict.ACCEPTED] in path.read_text(encoding="utf-8")) is green


def empty_map(status: Verdict = Verdict.INSUFFICIENT) -> tuple[Grid, Fit]:
    rng = np.random.default_rng(0)
    y = np.where(rng.random((30, 20)) < 0.3, np.nan, rng.normal(size=(30, 20)))
    grid = Grid("q3", (np.linspace(4.8e9, 5e9, 30), np.linspace(-0.1, 0.1, 20)), y,
                np.full(y.shape, np.nan), ("frequency", "bias"), ("Hz", "A"))  # fmt: skip
    fit = Fit("qubit_flux_map", "q3", {}, status, "range too narrow", "the line hardly moves", 1.0,
              Advice(window_times=4.0, extend_window_to=0.8, axis=1))  # fmt: skip
    return grid, fit


def test_a_map_without_a_fit_says_what_to_change_and_shows_what_is_missing(tmp_path: Path) -> None:
    grid, fit = empty_map()
    path = tmp_path / "a.svg"
    draw({"q3": grid}, {"q3": fit}, path, "qubit_flux_map  q3")
    text = words_in(path)
    assert "no curve was fitted" in text
    assert "extend the window of 'bias' to 800 mA" in text
    full = replace(grid, y=np.nan_to_num(grid.y))
    pages = []
    for n, each in enumerate((grid, full)):
        draw({"q3": each}, {"q3": fit}, tmp_path / f"{n}.png", "a")
        pages.append(np.asarray(matplotlib.image.imread(tmp_path / f"{n}.png")))
    assert not np.array_equal(*pages)
    draw({"q3": replace(grid, y=np.full(grid.y.shape, np.nan))}, {}, tmp_path / "2.png", "a")


@pytest.mark.parametrize("phase", [0.0, 0.7])
def test_the_line_of_a_fitted_image(phase: float) -> None:
    f = np.linspace(4.9e9, 5.0e9, 101)
    centres = np.linspace(4.93e9, 4.97e9, 9)
    line = 1 / (1 + 2j * (f[:, None] - centres) / 8e6)
    image = line.real if phase == 0 else line * np.exp(1j * phase)
    background = 3.0 + 1e-9 * (f[:, None] - f[0])
    np.testing.assert_allclose(line_of(f, image + background), centres, atol=0.4e6)
    assert np.isnan(line_of(f, background + np.zeros(3))).all()


@pytest.mark.parametrize("seen", ["in the plane", "as a quadrature", "as a magnitude"])
def test_the_line_of_a_map_runs_smoothly_between_its_frequencies(seen: str) -> None:
    """A line of two points a width, over a slope: it is drawn where it is to a 50th of a step."""
    f, bias = np.linspace(4.9e9, 5.0e9, 51), np.linspace(-1.0, 1.0, 23)
    centres = 4.97e9 - 5e7 * bias**2
    pole = 1 / (1 + 2j * (f[:, None] - centres) / 4e6)
    slope = 1e-9 * (f[:, None] - f[0])
    image = {"in the plane": (1 - 0.7 * pole) * np.exp(0.3j) + slope,
             "as a quadrature": 0.3 * pole.real + 0.1 * pole.imag + slope,
             "as a magnitude": np.sqrt(1 - 0.7 * pole.real + slope)}[seen]  # fmt: skip
    kind = "resonator_flux_map" if seen == "as a magnitude" else "qubit_flux_map"
    grid = Grid("q3", (f, bias), image, np.ones(image.shape), ("f", "bias"), ("Hz", "A"))
    fit = Fit(kind, "q3", {"linewidth": Value(4e6, 1e4, "Hz")}, Verdict.ACCEPTED, "success", "",
              1.0, curve=image)  # fmt: skip
    np.testing.assert_allclose(lines_of(grid, fit, image)[0], centres, atol=0.02 * (f[1] - f[0]))
    bare = lines_of(grid, replace(fit, values={}), image)[0]
    np.testing.assert_allclose(bare, centres, atol=1.0 * (f[1] - f[0]))


def test_long_names_and_reasons_stay_inside(tmp_path: Path) -> None:
    x = np.linspace(0, 1e-4, 21)
    name = "a_name_that_is_far_too_long_for_a_panel_of_any_width_that_is_usual"
    trace = Trace(name, x, np.exp(-x / 3e-5), np.full(21, 0.1), "delay", "s")
    fit = Fit("t1", trace.target, {}, Verdict.REJECTED, "status", "word " * 200, 1.0)
    draw({trace.target: trace}, {trace.target: fit}, tmp_path / "a.svg", "t1")
    text = words_in(tmp_path / "a.svg")
    assert "a_name" in text
    assert trace.target not in text
    assert text.count("word") < 60


def test_both_branches_of_a_crossing_are_drawn_where_they_are() -> None:
    """Simulated map, hidden truth, seed 3."""
    truth, rng = truths()["avoided_crossing"], np.random.default_rng(3)
    traces = truth.measured(rng, truth.draw(rng, 1), 60.0)
    assert isinstance(traces.x, tuple)
    frequency, bias = traces.x
    fit = fit_batch("avoided_crossing", traces.x, traces.y, traces.sigma).fit(0, "q3")
    image = np.abs(traces.y[0] - np.median(traces.y[0], axis=0))
    for line in branches_of(bias, fit):
        inside = (line > frequency[1]) & (line < frequency[-2])
        bright = [np.interp(f, frequency, column) for f, column in zip(line, image.T, strict=True)]
        assert np.median(np.array(bright)[inside]) > 5 * np.median(image)


@pytest.mark.parametrize("follows", [True, False])
def test_a_rejected_curve_that_follows_nothing_is_not_drawn(tmp_path: Path, follows: bool) -> None:
    x = np.linspace(0, 1e-4, 41)
    curve = np.exp(-x / 3e-5)
    y = curve if follows else np.random.default_rng(3).normal(size=41)
    trace = Trace("q0", x, y, np.full(41, 0.1), "delay", "s")
    fit = Fit("t1", "q0", {}, Verdict.REJECTED, "model does not fit", "", 1.0, curve=curve)
    draw({"q0": trace}, {"q0": fit}, tmp_path / "a.svg", "t1")
    assert (BACK in (tmp_path / "a.svg").read_text()) is follows


@pytest.mark.parametrize("words", [1, 4])
def test_no_broad_band_is_left_between_the_words_and_the_axes(tmp_path: Path, words: int) -> None:
    x = np.linspace(0, 1e-4, 41)
    trace = Trace("q0", x, np.exp(-x / 3e-5), np.full(41, 0.1), "delay", "s")
    reason = "words " * (9 * words)
    fit = Fit("t1", "q0", {}, Verdict.REJECTED, "model does not fit", reason, 1.0)
    tops = []

    def kept(page: Page, top: float = 0.74, **place: float) -> tuple[Axes, Axes]:
        tops.append(top)
        return axes_pair(page, top, **place)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("kammerton.estimation.pictures.picture.axes_pair", kept)
        draw({"q0": trace}, {"q0": fit}, tmp_path / "a.svg", "t1")
        short = replace(trace, target="q1"), replace(fit, target="q1", reason="")
        draw({"q0": trace, "q1": short[0]}, {"q0": fit, "q1": short[1]}, tmp_path / "b.svg", "t1")
    bottom = 0.912 - words * 8.0 * 1.25 / 72 / 3.5
    assert 0.0 < bottom - tops[0] < 0.05
    assert len(set(tops)) == 1, "panels beside each other begin alike"
