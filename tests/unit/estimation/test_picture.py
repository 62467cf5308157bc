"""Pictures: every kind of trace, every verdict, names that mean something to a typesetter."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure, FigureBase

from kammerton.estimation.pictures.cable import off_circle, turns_of_cable, unwinding
from kammerton.estimation.pictures.flat import without_signal
from kammerton.estimation.pictures.page import line_style
from kammerton.estimation.pictures.picture import _verdict, draw
from kammerton.estimation.pictures.scales import called, on_axis, written
from kammerton.estimation.pictures.wording import words_of
from kammerton.estimation.shots import fit_shots
from kammerton.model import Fit, Trace, Value, Verdict

X = np.linspace(0, 1e-4, 41)


def decay(
    target: str, verdict: Verdict = Verdict.ACCEPTED, sigma: float = 0.02
) -> tuple[Trace, Fit]:
    curve = np.exp(-X / 3e-5)
    y = curve + 0.02 * np.random.default_rng(0).normal(size=X.size)
    fit = Fit("t1", target, {"t1": Value(3e-5, 1e-6, "s")}, verdict, "a status", "a reason",
              1.0, curve=curve)  # fmt: skip
    return Trace(target, X, y, np.full(X.size, 0.02), "delay", "s"), fit


def notch(target: str) -> tuple[Trace, Fit]:
    f = np.linspace(7.1e9 - 4e6, 7.1e9 + 4e6, 101)
    curve = 2e-3 * (1 - 0.8 / (1 + 2j * (f - 7.1e9) / 1e6))
    values = {"frequency": Value(7.1e9, 3e3, "Hz"), "q_internal": Value(math.nan, math.nan, "")}
    fit = Fit("resonator_spectroscopy", target, values, Verdict.ACCEPTED, "success", "", math.nan,
              curve=curve)  # fmt: skip
    return Trace(target, f, curve, np.full(f.size, 1e-5), "frequency", "Hz", "V"), fit


def pixels(path: Path) -> np.ndarray:
    return np.asarray(matplotlib.image.imread(path))


def drawn(folder: Path, *panels: tuple[Trace, Fit], name: str = "a.png") -> np.ndarray:
    path = folder / name
    draw({t.target: t for t, _ in panels}, {f.target: f for _, f in panels}, path, "t1 $x_1")
    return pixels(path)


def test_one_panel_a_target(tmp_path: Path) -> None:
    one = drawn(tmp_path, decay("q0"))
    five = drawn(tmp_path, *(decay(f"q{i}") for i in range(5)))
    assert five.shape[1] == 3 * one.shape[1]
    assert one.std() > 0.05


def test_the_picture_is_the_same_every_time(tmp_path: Path) -> None:
    drawn(tmp_path, decay("q0"), notch("r0"), name="a.png")
    drawn(tmp_path, decay("q0"), notch("r0"), name="b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_verdicts_look_different(tmp_path: Path) -> None:
    pictures = [drawn(tmp_path, decay("q0", verdict)) for verdict in Verdict]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])


def test_a_rejected_curve_that_nobody_can_follow_is_not_drawn(tmp_path: Path) -> None:
    """Between its points it turns again and again: a cloud of dashes hid the data."""
    trace, fit = decay("q0", Verdict.REJECTED)
    curve = np.cos(np.arange(X.size) ** 2.0)
    wild = replace(fit, kind="ramsey", values={}, curve=curve)
    other = replace(wild, curve=np.where(np.arange(X.size) == 20, 0.9, 1.0) * curve)
    one, two = drawn(tmp_path, (trace, wild)), drawn(tmp_path, (trace, other))
    upper = slice(0, int(0.72 * one.shape[0]))
    assert np.array_equal(one[upper], two[upper])


def test_a_qubits_line_is_shown_as_it_was_fitted(tmp_path: Path) -> None:
    trace, fit = notch("q0")
    line = replace(fit, kind="qubit_spectroscopy")
    assert not np.array_equal(drawn(tmp_path, (trace, fit)), drawn(tmp_path, (trace, line)))


def test_single_shots_show_clouds_and_discriminator(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shots = 1e-4 * (rng.normal(size=(1000, 2)) + 1j * rng.normal(size=(1000, 2)))
    shots[:, 1] += 1e-3
    trace = Trace("q0", np.array([0.0, 1.0]), shots.mean(axis=0), np.ones(2), "prepared", "", "V")
    fit = fit_shots(shots[:, 0], shots[:, 1], "q0")
    path, failed = tmp_path / "a.png", tmp_path / "b.png"
    draw({"q0": trace}, {"q0": fit}, path, "readout", shots={"q0": shots})
    draw({"q0": trace}, {"q0": fit_shots(shots[:9, 0], shots[:9, 1], "q0")}, failed, "readout",
         shots={"q0": shots})  # fmt: skip
    assert not np.array_equal(pixels(path), pixels(failed))


def test_awkward_traces_are_drawn_all_the_same(tmp_path: Path) -> None:
    trace, fit = decay("a_$b$_%")
    unknown = Trace("u", X, trace.y, np.full(X.size, math.nan), "wait $", "DAC", "V")
    gaps = Trace("g", X, np.where(X > 5e-5, math.nan, trace.y), trace.sigma, "delay", "s")
    empty = Trace("e", X, np.full(X.size, math.nan), trace.sigma, "delay", "s")
    curveless = Fit("t1", "e", {}, Verdict.REJECTED, "no data", "no point is finite", math.nan)
    lost = Fit("t1", "g", {}, Verdict.REJECTED, "x", "y " * 200, math.nan,
               curve=np.full(X.size, math.nan))  # fmt: skip
    drawn(tmp_path, (trace, fit), (unknown, decay("u")[1]), (gaps, lost), (empty, curveless))
    complex_empty = Trace("c", X, np.full(X.size, complex(math.nan)), trace.sigma, "f", "Hz", "V")
    draw({"c": complex_empty}, {}, tmp_path / "c.png", "never fitted")
    draw({}, {}, tmp_path / "d.png", "nothing measured")
    assert all(np.ptp(pixels(tmp_path / f"{name}.png")) > 0 for name in "acd"), "ink on paper"


def test_stuck_and_broken_shots_are_drawn_all_the_same(tmp_path: Path) -> None:
    trace = Trace(
        "q0", np.array([0.0, 1.0]), np.zeros(2, complex), np.zeros(2), "prepared", "", "V"
    )
    for value in (0.0, math.nan):
        shots = np.full((200, 2), complex(value))
        fit = fit_shots(shots[:, 0], shots[:, 1], "q0")
        assert fit.verdict is not Verdict.ACCEPTED
        draw({"q0": trace}, {"q0": fit}, tmp_path / "s.png", "readout", shots={"q0": shots})
        assert np.ptp(pixels(tmp_path / "s.png")) > 0, "ink on paper"


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    trace, fit = decay("q0")
    path = tmp_path / f"a.{suffix}"
    draw({"q0": trace}, {"q0": fit}, path, "t1")
    assert path.stat().st_size > 1000


def test_a_folder_that_is_missing_is_an_os_error(tmp_path: Path) -> None:
    trace, fit = decay("q0")
    with pytest.raises(OSError, match="No such file"):
        draw({"q0": trace}, {"q0": fit}, tmp_path / "none" / "a.png", "t1")


@pytest.mark.parametrize(
    ("value", "unit", "stderr", "text"),
    [
        (3.508e-5, "s", 7.1e-7, "35.08(71) µs"), (4.91072e9, "Hz", 2.1e3, "4.9107200(21) GHz"),
        (0.98145, "", 1.9e-3, "0.9815(19)"), (7430.3, "", 61.8, "7430(62)"),
        (-5.527e-4, "V", 5.3e-6, "−552.7(53) µV"), (1.0, "V", 0.0996, "1.00(10) V"),
        (0.0, "V", 1e-6, "0.0(10) µV"), (5801.3, "", 117.4, "5800(120)"),
        (667e-6, "", 527e-6, "0.67(53)×10⁻³"),
        (-1.6978e10, "Hz/V^2", 3.8e7, "−16.978(38) GHz/V²"),
        (-6.4937e16, "Hz/A^2", 2.3e13, "−64.937(23)×10¹⁵ Hz/A²"),
        (880.4e3, "Hz", 121e3, "0.88(12) MHz"),
        (2.5, "rad", 0.0, "2.5 rad"), (math.nan, "s", 1.0, "—"),
    ],
)  # fmt: skip
def test_values_as_a_physicist_writes_them(
    value: float, unit: str, stderr: float, text: str
) -> None:
    assert written(value, unit, stderr) == text


def test_narrow_frequency_axes_are_relative() -> None:
    f = np.linspace(4.91e9, 4.911e9, 5)
    shown, origin, factor, label = on_axis(f, "frequency", "Hz")
    np.testing.assert_allclose(shown * factor + origin, f)
    assert label == "frequency − 4.9105 GHz (kHz)"
    assert on_axis(np.array([4e9, 5e9]), "f", "Hz")[3] == "f (GHz)"
    assert on_axis(np.array([0, 1e-5]), "wait", "s")[3] == "wait (µs)"
    assert on_axis(np.array([0, 2e-5]), "signal", "")[3] == "signal (10⁻⁶)"


@pytest.mark.parametrize(
    ("y", "unit", "name"),
    [
        ((0.0, 1.0), "", "population of |1⟩"), ((-0.1, 1.2, math.nan), "", "population of |1⟩"),
        ((0.0, 40.0), "", "signal"), ((-3.0, 0.5), "", "signal"), ((0.0, 1.0), "V", "signal"),
    ],
)  # fmt: skip
def test_only_what_can_be_one_is_called_a_population(y, unit, name):
    assert called(np.array(y), unit) == name


def test_without_a_signal_no_curve_follows_the_noise(tmp_path):
    trace, fit = decay("q0", Verdict.REJECTED)
    nothing = replace(fit, status="no signal")
    flat, line = without_signal(trace.x, trace.y, "t1")
    for shown in (flat, line.y):
        np.testing.assert_allclose(shown, np.full(X.size, trace.y.mean()))
    assert line_style(fit)["color"] != line_style(replace(fit, verdict=Verdict.ACCEPTED))["color"]
    assert not np.array_equal(drawn(tmp_path, (trace, fit)), drawn(tmp_path, (trace, nothing)))


def test_a_line_that_is_not_there_leaves_its_sloping_background():
    y = 3.0 - 2e4 * X
    y[3] = math.nan
    level, line = without_signal(X[::-1], y[::-1], "qubit_spectroscopy")
    np.testing.assert_allclose(line.y, 3.0 - 2e4 * X)
    np.testing.assert_allclose(level, 3.0 - 2e4 * X[::-1])


@pytest.mark.parametrize("delay", [0.0, 3e-9, 60e-9, -150e-9])
@pytest.mark.parametrize("depth", [0.1, 0.8, 1.7])
def test_a_resonance_behind_a_cable_is_a_circle(delay, depth):
    f = np.linspace(7.09e9, 7.11e9, 201)
    bare = 1 - depth / (1 + 2j * (f - 7.1e9) / 2e6)
    seen = bare * np.exp(-2j * np.pi * f * delay)
    assert off_circle(seen * unwinding(f, turns_of_cable(f, seen))) < 1e-6 * depth


def test_an_amplitude_has_the_unit_of_its_axis():
    fit = Fit("rabi_amplitude", "q0", {"amplitude": Value(-3.146e-3, 2.2e-5, "")},
              Verdict.ACCEPTED, "success", "", math.nan)  # fmt: skip
    trace = Trace("q0", X, X, X, "amplitude", "V", "V")
    assert words_of(fit, trace, 60) == "amplitude = −3.146(22) mV"


def test_an_accepted_fit_says_accepted_and_no_more_where_nothing_else_was_found():
    fit = Fit("t1", "q0", {}, Verdict.ACCEPTED, "success", "", math.nan)
    assert _verdict(fit) == "accepted"
    assert _verdict(replace(fit, status="beating")) == "accepted: beating"


@pytest.mark.parametrize("length", [10, 60, 300])
def test_a_title_stays_within_its_picture(tmp_path, length, monkeypatch):
    found = []
    text = Figure.text

    def watched(self, x, y, words, **how):
        made = text(self, x, y, words, **how)
        found.append((self, made))
        return made

    monkeypatch.setattr(Figure, "text", watched)
    trace, fit = decay("q0")
    draw({"q0": trace}, {"q0": fit}, tmp_path / "long.png", "qubit_spec" * (length // 10))
    figure, title = found[0]
    assert title.get_window_extent(figure.canvas.get_renderer()).x1 <= figure.bbox.x1
    assert (len(title.get_text()) == length) == (length <= 60)


@pytest.mark.parametrize("panels", [1, 2, 3])
def test_a_title_begins_where_the_name_below_it_does(tmp_path, panels, monkeypatch):
    """In pixels; it began left of it in all pictures of one panel."""
    edges = {}
    text = FigureBase.text

    def watched(self, x, y, words, **how):
        edges[words] = self.bbox.x0 + x * self.bbox.width
        return text(self, x, y, words, **how)

    monkeypatch.setattr(FigureBase, "text", watched)
    each = {f"q{n}": decay(f"q{n}") for n in range(panels)}
    traces, fits = ({q: pair[k] for q, pair in each.items()} for k in (0, 1))
    draw(traces, fits, tmp_path / "a.png", "a title")
    assert edges["a title"] == pytest.approx(edges["q0"])


def test_a_period_of_which_next_to_nothing_was_swept_is_not_in_the_picture():
    """Nor what hangs on it: "period = 0(2100) amplitude = 10(680)" helps nobody."""
    values = {
        "drag_coefficient": Value(-0.12, 0.01, ""), "period": Value(40.0, 2100.0, ""),
        "amplitude": Value(10.0, 680.0, ""), "offset": Value(10.0, 680.0, ""),
    }  # fmt: skip
    fit = Fit("drag", "q0", values, Verdict.ACCEPTED, "success", "", 1.0)
    trace = Trace("q0", X, X, np.full(X.size, 0.1), "coefficient", "")
    assert words_of(fit, trace, 60).startswith("DRAG = −0.120(10)")
    assert "period" not in words_of(fit, trace, 60)
    assert "amplitude" not in words_of(fit, trace, 60)
    known = replace(fit, values={**values, "period": Value(40.0, 2.0, "")})
    assert "period = 40.0(20)" in words_of(known, trace, 60)


def test_values_for_which_there_is_no_room_are_not_left_out_in_silence():
    values = {f"value_{n}": Value(1.0 + n, 0.01, "") for n in range(20)}
    fit = Fit("t1", "q0", values, Verdict.ACCEPTED, "success", "", 1.0)
    trace = Trace("q0", X, X, np.full(X.size, 0.1), "delay", "s")
    lines = words_of(fit, trace, 60).splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith(" …")
    assert max(map(len, lines)) <= 60
    few = replace(fit, values={"t1": Value(3e-5, 1e-6, "s")})
    assert "…" not in words_of(few, trace, 60)
