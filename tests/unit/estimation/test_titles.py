"""Titles of columns as people write them, in German and in LaTeX, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.titles import heading
from kammerton.estimation.files.units import si
from kammerton.model import TraceError
from tests.unit.estimation.columns_of_text import read

T1 = "0,1\n1,0.5\n2,0.25\n"


@pytest.mark.parametrize(
    ("title", "name", "factor"),
    [
        (r"Delay ($\mu$s)", "Delay", 1e-6), (r"tau (\mu s)", "tau", 1e-6),
        (r"wait [$\mathrm{\mu s}$]", "wait", 1e-6), (r"t [$\mathrm{ns}$]", "t", 1e-9),
        (r"t (\textmu s)", "t", 1e-6), ("Zeit in Mikrosekunden", "Zeit", 1e-6),
        ("Zeit in Nanosekunden", "Zeit", 1e-9), ("Wartezeit in Millisekunden", "Wartezeit", 1e-3),
        ("Zeit in Sekunden", "Zeit", 1.0), ("Mikrosekunden", "Mikrosekunden", 1e-6),
        ("ns", "ns", 1e-9), ("delay in us", "delay", 1e-6), ("t / μs", "t", 1e-6),
    ],
)  # fmt: skip
def test_a_delay_in_any_dress(tmp_path: Path, title: str, name: str, factor: float) -> None:
    trace = read(tmp_path, f"{title},y\n{T1}", "t1").trace
    np.testing.assert_allclose(trace.x, np.arange(3) * factor)
    assert trace.x_name == name


@pytest.mark.parametrize("title", [r"t ($\nu$s)", "t (µm)", r"t (\mathrm{clk})", "t (t/T$_1$)"])
def test_a_unit_in_latex_that_is_none_is_asked_about(tmp_path: Path, title: str) -> None:
    with pytest.raises(TraceError, match=r"is not a unit.* \(--x-unit chooses one\)"):
        read(tmp_path, f"{title},y\n{T1}", "t1")


@pytest.mark.parametrize(
    ("title", "name", "factor"),
    [
        ("t/µs", "t", 1e-6), ("t/μs", "t", 1e-6), ("t/ns", "t", 1e-9), ("Zeit/ms", "Zeit", 1e-3),
        (r"$\tau$ / $\mu$s", r"$\tau$", 1e-6), (r"$\tau$/$\mu$s", r"$\tau$", 1e-6),
        (r"$t$ in $\mu$s", "t", 1e-6), (r"$t\;/\;\mu\mathrm{s}$", "t", 1e-6),
        (r"$\tau\ (\mu\mathrm{s})$", r"\tau", 1e-6), (r"$\tau\;[\mu s]$", r"\tau", 1e-6),
        (r"Delay time $[\mu s]$", "Delay time", 1e-6), (r"$t_{\mathrm{wait}}$ / ns", None, 1e-9),
        ("DELAY_US", "DELAY", 1e-6), ("TIME (NS)", "TIME", 1e-9), ("DELAY [MS]", "DELAY", 1e-3),
    ],
)  # fmt: skip
def test_a_unit_is_found_in_the_whole_title(
    tmp_path: Path, title: str, name: str | None, factor: float
) -> None:
    trace = read(tmp_path, f"{title},y\n{T1}", "t1").trace
    np.testing.assert_allclose(trace.x, np.arange(3) * factor)
    assert name in (None, trace.x_name)


@pytest.mark.parametrize(
    "title",
    ["t/clk", r"$t$/$T_1$", "µ of t", r"\mu", "t [ns", "Pulse length [ns] (x)", "T (x 1e-6 s)",
     "t (ns, set)", "delayNs", "delayUs"],
)  # fmt: skip
def test_a_title_that_may_name_a_unit_is_asked_about(tmp_path: Path, title: str) -> None:
    with pytest.raises(TraceError, match=r"is not a unit.* \(--x-unit chooses one\)"):
        read(tmp_path, f'"{title}",y\n{T1}', "t1")
    np.testing.assert_allclose(read(tmp_path, f'"{title}",y\n{T1}', "t1", x_unit="ns").trace.x,
                               np.arange(3) * 1e-9)  # fmt: skip


@pytest.mark.parametrize("title", ["counts/ms", "V/us", "1/us", "photons / s", "I/Q", "S11/S21"])
def test_a_rate_or_ratio_names_no_unit_behind_its_slash(title: str) -> None:
    assert heading(title).unit is None


def test_an_amplitude_over_its_unit() -> None:
    assert (heading("I/mA").name, si(heading("I / mA").unit or "")) == ("I", ("A", 1e-3))


@pytest.mark.parametrize("unit", ["DEG", "Deg", "deg"])
def test_a_network_analyser_that_writes_degrees_in_capitals(tmp_path: Path, unit: str) -> None:
    turned = "1,-3,90\n2,-20,90\n3,-3,90\n"
    read_in = read(tmp_path, f"Freq(GHz),S21(DB),S21({unit})\n{turned}", "resonator_spectroscopy")
    np.testing.assert_allclose(np.angle(read_in.trace.y), np.pi / 2)
    assert si("RAD") == ("rad", 1.0)


def test_the_phase_is_that_of_the_magnitude(tmp_path: Path) -> None:
    head, kind = "Freq(GHz),S11(DB),S11(DEG),S21(DB),S21(DEG)", "resonator_spectroscopy"
    text = f"{head}\n1,-1,10,-3,90\n2,-1,10,-20,90\n3,-1,10,-3,90\n"
    assert np.angle(read(tmp_path, text, kind, y="S21(DB)").trace.y)[0] == pytest.approx(np.pi / 2)
    assert np.angle(read(tmp_path, text, kind).trace.y)[0] == pytest.approx(np.pi / 18)
    alone = text.replace("S21(DEG)", "S12(DEG)")
    assert not np.iscomplexobj(read(tmp_path, alone, kind, y="S21(DB)").trace.y)


@pytest.mark.parametrize("title", ["P(1) in %", "P1 %", "P1_percent", "P1 [Prozent]", "P1 [\\%]"])
def test_percent(title: str) -> None:
    assert si(heading(title).unit or "") == ("", 0.01)
    assert heading(title).name in ("P(1)", "P1")


def test_degrees_in_latex() -> None:
    assert si(r"$^\circ$")[0] == si(r"$^{\circ}$")[0] == "rad"


@pytest.mark.parametrize("sem", ["sem", "SEM", "error", "Fehler"])
@pytest.mark.parametrize("many", ["n", "shots", "Schüsse", "Wiederholungen"])
def test_the_error_of_a_mean_is_advised_and_the_spread_of_shots_is_not(
    tmp_path: Path, sem: str, many: str
) -> None:
    rows = "0,1,0.5,0.05,100\n1,0.5,0.5,0.05,100\n"
    notes = read(tmp_path, f"delay [us],mean,std,{sem},{many}\n{rows}", "t1").notes
    assert f"{sem!r} is there, but not used: --sigma {sem} takes it as the error of y" in notes
    assert any(note.startswith(f"'std' beside {many!r} is the spread of single") for note in notes)
    assert not any("--sigma std" in note for note in notes)


def test_a_spread_beside_no_number_may_be_the_error(tmp_path: Path) -> None:
    rows = "0,1,0.5\n1,0.5,0.5\n"
    notes = read(tmp_path, f"delay [us],mean,Standardabweichung\n{rows}", "t1").notes
    assert any("--sigma Standardabweichung takes it" in note for note in notes)


@pytest.mark.parametrize("many", ["n", "Schüsse", "total", "Anzahl"])
def test_of_how_many_is_no_signal(tmp_path: Path, many: str) -> None:
    rows = "0,100,1\n1,100,0.5\n"
    assert read(tmp_path, f"delay [us],{many},y\n{rows}", "t1").trace.y.tolist() == [1.0, 0.5]


SHOTS = "1,1,2\n0,3,4\n"


@pytest.mark.parametrize("title", ["state", "Zustand", "prepared state"])
def test_the_state_of_single_shots(tmp_path: Path, title: str) -> None:
    trace = read(tmp_path, f"{title},I,Q\n{SHOTS}", "single_shot_readout").trace
    assert (trace.x.tolist(), trace.y.tolist()) == ([1, 0], [1 + 2j, 3 + 4j])


def test_a_state_of_another_name_is_chosen(tmp_path: Path) -> None:
    text, kind = f"prep,u,v\n{SHOTS}", "single_shot_readout"
    with pytest.raises(TraceError, match=r"no column 'state'.*--x.*columns are 'prep', 'u', 'v'"):
        read(tmp_path, text, kind)
    assert read(tmp_path, text, kind, x=("prep", "v", "u")).trace.y.tolist() == [2 + 1j, 4 + 3j]
    alone = read(tmp_path, text.replace("u,v", "I,Q"), kind, x=("prep",)).trace
    assert alone.y.tolist() == [1 + 2j, 3 + 4j]
    assert alone.y_unit == "V"


def test_the_unit_of_single_shots_is_that_of_y(tmp_path: Path) -> None:
    text, kind = f"state,I,Q\n{SHOTS}", "single_shot_readout"
    notes = read(tmp_path, text, kind).notes
    assert "I and Q name no unit: taken as V (--y-unit chooses another)" in notes
    assert read(tmp_path, text, kind, y_unit="mV").trace.y[0] == pytest.approx(1e-3 + 2e-3j)
