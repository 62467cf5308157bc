"""`kammerton fit`, as a user meets it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.cli.fit_report import shown
from kammerton.estimation import FIT_KINDS
from kammerton.estimation.files.known import known_of
from kammerton.estimation.files.meaning import MEANING
from kammerton.model import TraceError

SEED = np.random.default_rng(7)


def fit(*arguments: str | Path) -> Result:
    result: Result = CliRunner().invoke(app, ["fit", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def answer(result: Result) -> dict[str, Any]:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    found: dict[str, Any] = json.loads(result.stdout, parse_constant=refuse)
    assert set(found) == {
        "verdict", "status", "reason", "parameters", "correlation", "chi2_reduced", "advice",
        "notes",
    }  # fmt: skip
    assert set(found["correlation"]) == set(found["parameters"])
    return found


def saved(path: Path, header: str, *columns: np.ndarray) -> Path:
    np.savetxt(path, np.column_stack(columns), delimiter=",", header=header, comments="")
    return path


@pytest.fixture
def decay(tmp_path: Path) -> Path:
    t = np.linspace(0, 150, 76)
    y = 2 + 3 * np.exp(-t / 30) + 0.03 * SEED.normal(size=t.size)
    return saved(tmp_path / "decay.csv", "Time [us],signal [mV],error", t, y, np.full(76, 0.03))


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    t = np.linspace(0, 150, 76)
    return saved(tmp_path / "flat.csv", "Time [us],signal", t, SEED.normal(size=t.size))


def test_json_alone_on_stdout(decay: Path) -> None:
    result = fit(decay, "--kind", "t1", "--json")
    assert result.exit_code == 0
    found = answer(result)
    t1 = found["parameters"]["t1"]
    assert (found["verdict"], t1["unit"]) == ("accepted", "s")
    assert abs(t1["value"] - 30e-6) < 4 * t1["stderr"] < 10e-6
    assert found["chi2_reduced"] is None
    assert "signal" in result.stderr


def test_a_known_sigma_gives_chi_square(decay: Path) -> None:
    found = answer(fit(decay, "--kind", "t1", "--sigma", "error", "--json"))
    assert 0.5 < found["chi2_reduced"] < 1.6


def test_text_for_people(decay: Path) -> None:
    result = fit(decay, "--kind", "t1")
    assert result.exit_code == 0
    assert "accepted" in result.stdout
    assert "µs ±" in result.stdout


def test_noise_is_not_accepted(flat: Path) -> None:
    result = fit(flat, "--kind", "t1", "--json")
    assert result.exit_code == 3
    found = answer(result)
    assert found["verdict"] != "accepted"
    assert found["parameters"] == {}
    assert found["reason"]
    text = fit(flat, "--kind", "t1")
    assert text.exit_code == 3
    assert found["reason"] in " ".join(text.stdout.split())


def test_rabi_is_in_the_unit_of_its_axis(tmp_path: Path) -> None:
    a = np.linspace(-800, 800, 61)
    y = -np.cos(2 * np.pi * a / 700) + 0.05 * SEED.normal(size=a.size)
    for unit, si_unit, scale in (("mV", "V", 1e-3), ("DAC", "DAC", 1.0)):
        path = saved(tmp_path / "rabi.csv", f"amplitude [{unit}],y", a, y)
        period = answer(fit(path, "--kind", "rabi_amplitude", "--json"))["parameters"]["period"]
        assert period["unit"] == si_unit
        assert period["value"] == pytest.approx(700 * scale, rel=0.02)


def test_a_resonator_from_magnitude_and_phase(tmp_path: Path) -> None:
    f = np.linspace(7.09, 7.11, 201)
    s = np.exp(40j * f) * (1 - 0.7 / (1 + 2j * (f - 7.1) / 0.001))
    s = s + 0.01 * (SEED.normal(size=f.size) + 1j * SEED.normal(size=f.size))
    path = saved(tmp_path / "r.csv", "f [GHz],|S21| [V],S21 angle [deg]", f, np.abs(s),
                 np.angle(s, deg=True))  # fmt: skip
    values = answer(fit(path, "--kind", "resonator_spectroscopy", "--json"))["parameters"]
    assert abs(values["frequency"]["value"] - 7.1e9) < 4 * values["frequency"]["stderr"]
    assert abs(values["q_coupling"]["value"] - 7100 / 0.7) < 4 * values["q_coupling"]["stderr"]


def test_the_geometry_of_a_resonator_is_a_choice(tmp_path: Path) -> None:
    """An undercoupled reflection looks like a notch; only who measured it can tell."""
    f = np.linspace(7.09, 7.11, 201)
    s = np.exp(40j * f) * (1 - 2 * 0.3 / (1 + 2j * (f - 7.1) / 0.001))
    s = s + 0.01 * (SEED.normal(size=f.size) + 1j * SEED.normal(size=f.size))
    path = saved(tmp_path / "r.csv", "f [GHz],|S11|,phase [deg]", f, np.abs(s),
                 np.angle(s, deg=True))  # fmt: skip
    coupling = {"notch": 7100 / 0.6, "reflection": 7100 / 0.3}
    for geometry, expected in coupling.items():
        found = answer(fit(path, "--kind", "resonator_spectroscopy", "--geometry", geometry,
                           "--json"))  # fmt: skip
        assert f"({geometry})" in found["reason"]
        q = found["parameters"]["q_coupling"]
        assert abs(q["value"] - expected) < 4 * q["stderr"]
    assert "(notch)" in answer(fit(path, "--kind", "resonator_spectroscopy", "--json"))["reason"]
    refused(fit(path, "--kind", "resonator_spectroscopy", "--geometry", "nutch"), "'nutch'")
    refused(fit(path, "--kind", "qubit_spectroscopy", "--geometry", "notch"), "cannot use geometry")


def test_calibration_points_and_a_chosen_unit(tmp_path: Path) -> None:
    t = np.append(np.linspace(0, 150e3, 76), [151e3, 152e3, 153e3, 154e3])
    y = np.append(np.exp(-t[:76] / 30e3), [0, 0, 1, 1]) + 0.01 * SEED.normal(size=80)
    path = saved(tmp_path / "c.csv", "wait,y,other", t, 5 - 2 * y, y)
    result = fit(path, "--kind", "t1", "--cal-points", "4", "--x-unit", "ns", "--y", "y", "--json")
    t1 = answer(result)["parameters"]["t1"]
    assert abs(t1["value"] - 30e-6) < 4 * t1["stderr"]


def test_a_plot_is_drawn(decay: Path, flat: Path, tmp_path: Path) -> None:
    for number, path in enumerate((decay, flat)):
        picture = tmp_path / f"{number}.png"
        fit(path, "--kind", "t1", "--plot", picture)
        head = picture.read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        assert int.from_bytes(head[16:20]) == 920  # 4.6 inches at 200 dots: sharp on paper


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kind", "t2"], "no kind 't2'"),
        (["--kind", "ramsy"], "did you mean 'ramsey'"),
        (["--kind", "rabi"], "'rabi_amplitude' or 'rabi_length'"),
        (["--kind", "resonator_notch"], "'resonator_spectroscopy' with geometry notch"),
        (["--kind", "qubit_spectroscopy"], "needs a frequency as x"),
        (["--kind", "t1", "--y", "signl"], "did you mean 'signal'"),
        (["--kind", "t1", "--sigma", "eror"], "did you mean 'error'"),
        (["--kind", "t1", "--x-unit", "fortnight"], "'fortnight'"),
        (["--kind", "t1", "--cal-points", "5"], "an even number"),
        (["--kind", "t1", "--cal-points", "100"], "100 calibration points"),
        (["--kind", "t1", "--plot", "a.bmp"], "a picture ends in .png"),
        (["--kind", "t1", "--plot", "none/a.png"], "there is no folder none"),
    ],
)
def test_bad_choices_are_one_clear_line(decay: Path, arguments: list[str], says: str) -> None:
    refused(fit(decay, *arguments, "--json"), says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("Time,y\na,b\n", "no line has two numbers"),
        ("Time\n1\n2\n", "only one column"),
        ("Time [s],y\n1,2\n,3\n3,4\n", "line 3: x, column 'Time [s]', is missing"),
        ("Time [s],y\n1,2\n2,three\n", "line 3: 'three' in column 'y' is not a number"),
        ("Time [s],y,z\n1,,2\n2,,3\n", "column 'y' has no numbers"),
        ("Time [s],y\n1,2\n2,1e300\n", "line 3: 1e+300 in column 'y' is beyond any measurement"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    refused(fit(path, "--kind", "t1", "--json"), says)
    refused(fit(path, "--kind", "t1"), "bad.csv")


def test_too_few_points_are_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("Time [s],y\n1,2\n2,3\n")
    refused(
        fit(path, "--kind", "t1", "--json"),
        "short.csv: y has 2 points; this law has 3 parameters and needs at least 4",
    )
    path.write_text("Time [s],y\n" + "".join(f"{i},inf\n{i}.5,{i}\n" for i in range(9)))
    refused(fit(path, "--kind", "t1", "--json"), "short.csv, line 2: y, column 'y', is infinite")


def test_a_missing_file(decay: Path) -> None:
    refused(fit(decay.with_name("decoy.csv"), "--kind", "t1"), "did you mean 'decay.csv'")


def refused(result: Result, says: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_points_that_are_missing_do_no_harm(decay: Path, tmp_path: Path) -> None:
    lines = decay.read_text().splitlines()
    lines[5] = lines[5].split(",")[0] + ",nan,"
    lines[9] = lines[9].split(",")[0] + ",,"
    path = tmp_path / "gaps.csv"
    path.write_text("\n".join(lines))
    t1 = answer(fit(path, "--kind", "t1", "--json"))["parameters"]["t1"]
    assert abs(t1["value"] - 30e-6) < 4 * t1["stderr"]


def test_the_kinds_are_listed_with_what_they_take() -> None:
    listed = fit("--kinds")
    assert listed.exit_code == 0
    for kind in FIT_KINDS:
        assert f"{kind}\n" in listed.stdout
    assert "known: interleaved, shots, geometry" in listed.stdout
    assert "contrast, population, interleaved; short: rb\n" in listed.stdout
    assert "known: interleaved, shots, contrast, offset; short: echo, hahn\n" in listed.stdout


def test_the_list_of_kinds_says_what_each_known_name_means_and_how_it_is_written() -> None:
    known = {name for how in FIT_KINDS.values() for name in how.known}
    assert set(MEANING) == known
    listed = fit("--kinds").stdout
    for name, words in MEANING.items():
        assert re.search(rf"(?m)^  {name} +{re.escape(words.split()[0])}", listed)


@pytest.mark.parametrize("name", MEANING)
def test_the_example_of_each_known_name_is_taken(name: str) -> None:
    _, space, example = MEANING[name].rpartition(" ")
    assert space
    assert example.startswith(f"{name}=")
    kinds = [kind for kind, how in FIT_KINDS.items() if name in how.known]
    taken = []
    for kind in kinds:
        with suppress(TraceError):  # expected=5.1GHz is none of a coefficient
            taken.append(known_of(kind, [example])[name])
    assert taken


def test_without_a_kind_it_says_where_the_kinds_are(decay: Path) -> None:
    said = fit(decay)
    assert said.exit_code == 2
    assert "--kind says what was measured, e.g. --kind t1; `kammerton fit --kinds`" in said.stderr


def test_correlation_and_advice(decay: Path, tmp_path: Path) -> None:
    found = answer(fit(decay, "--kind", "t1", "--json"))
    names = list(found["parameters"])
    for row in names:
        assert found["correlation"][row][row] == pytest.approx(1.0)
        for column in names:
            assert abs(found["correlation"][row][column]) <= 1.0 + 1e-9
    assert found["advice"] == {}
    short = tmp_path / "short.csv"
    short.write_text("\n".join(decay.read_text().splitlines()[:12]))
    result = fit(short, "--kind", "t1", "--sigma", "error", "--json")
    assert result.exit_code == 3
    cut = answer(result)
    assert cut["verdict"] == "insufficient"
    assert cut["advice"]["extend_window_to"] > 20e-6
    assert cut["correlation"] == {}
    text = fit(short, "--kind", "t1", "--sigma", "error")
    assert "-> extend the window to " in text.stdout


def test_shots_are_a_sigma(tmp_path: Path) -> None:
    t = np.linspace(0, 150, 76)
    y = SEED.binomial(500, 0.05 + 0.9 * np.exp(-t / 30)) / 500
    path = saved(tmp_path / "p.csv", "Time [us],population,error", t, y, np.full(76, 0.02))
    found = answer(fit(path, "--kind", "t1", "--shots", "500", "--json"))
    assert 0.5 < found["chi2_reduced"] < 1.6
    assert answer(fit(path, "--kind", "t1", "--known", "shots=500", "--json")) == found
    refused(fit(path, "--kind", "t1", "--shots", "500", "--sigma", "error"), "not both")
    refused(fit(path, "--kind", "t1", "--shots", "0"), "shots must be 1 or more")
    refused(fit(path, "--kind", "punch_out", "--shots", "9"), "cannot use shots; it takes")


def test_a_map_from_the_shell(tmp_path: Path) -> None:
    """Simulated arc of a transmon, hidden truth, seed 7; a tenth of the cells is not there."""
    f, b = np.meshgrid(np.linspace(4.80, 4.96, 61), np.linspace(-0.2, 0.2, 31), indexing="ij")
    arc = (4.95 + 0.2) * np.abs(np.cos(np.pi * (b - 0.03) / 1.5)) ** 0.5 - 0.2
    y = 1 / (1 + (2 * (f - arc) / 0.01) ** 2) + 0.05 * SEED.normal(size=f.shape)
    there = SEED.random(f.shape) > 0.1
    path = saved(tmp_path / "arc.csv", "signal,flux [V],f [GHz]", y[there], b[there], f[there])
    picture = tmp_path / "arc.png"
    result = fit(path, "--kind", "qubit_flux_map", "--known", "anharmonicity=-200MHz", "--json",
                 "--plot", picture)  # fmt: skip
    values = answer(result)["parameters"]
    assert abs(values["sweet_spot"]["value"] - 0.03) < 4 * values["sweet_spot"]["stderr"]
    assert values["curvature"]["unit"] == "Hz/V^2"
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = fit(path, "--kind", "qubit_flux_map").stdout
    assert "GHz/V²" in text


def test_large_and_small_numbers_get_a_power_of_ten() -> None:
    assert shown(-1.6978e10, "Hz/V^2", 3.8e7) == "-16.978 ± 0.038 GHz/V²"
    assert shown(-6.4937e16, "Hz/A^2", 2.3e13) == "(-64.937 ± 0.023) × 10¹⁵ Hz/A²"
    assert shown(0.0035721, "", 0.0002) == "(3.57 ± 0.20) × 10⁻³"
    assert shown(0.5722, "", 0.007) == "0.5722 ± 0.0070"
    assert shown(-0.0001, "", 0.026) == "0.000 ± 0.026"
    assert shown(667e-6, "", 527e-6) == "(0.67 ± 0.53) × 10⁻³"
    assert shown(5801.3, "", 117.4) == "5800 ± 120"
    assert shown(23.6e-6, "s", 190e-9) == "23.60 µs ± 190 ns"


TITLES = ("freq [GHz]", "bias", "power", "length [ns]", "state", "series", "reps", "I", "Q",
          "phase [deg]", "error", "delay [us]", "S [dB]", "y")  # fmt: skip
CELLS = st.sampled_from(["", "nan", "inf", "e", "0", "1", "2.5", "-3", "1e-9", "1e300"])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(FIT_KINDS)),
    st.lists(st.sampled_from(TITLES), min_size=1, max_size=5, unique=True),
    st.data(),
)
def test_no_file_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, kind: str, titles: list[str], data: st.DataObject
) -> None:
    row = st.tuples(*[CELLS] * len(titles))
    rows = data.draw(st.lists(row, max_size=30))
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join(map(",".join, [tuple(titles), *rows])))
    result = fit(path, "--kind", kind, "--json")
    assert result.exit_code in (0, 2, 3)
    if result.exit_code == 2:
        assert "any.csv" in result.stderr
    else:
        answer(result)


@pytest.mark.parametrize(("shots", "said"), [(500, False), (50, True), (5, True)])
def test_shots_that_are_too_few_for_how_still_the_points_are_are_doubted(tmp_path, shots, said):
    t = np.linspace(0, 150, 76)
    y = SEED.binomial(500, 0.05 + 0.9 * np.exp(-t / 30)) / 500
    done = fit(saved(tmp_path / "p.csv", "Time [us],population", t, y), "--kind", "t1",
               "--shots", str(shots))  # fmt: skip
    words = "times less than sigma, or the shots, say: the errors of the fit are too large"
    assert (words in " ".join(done.stderr.split())) == said


@pytest.mark.parametrize("seed", range(6))
def test_sequences_whose_means_lie_close_by_chance_are_not_called_too_still(tmp_path, seed):
    """Chi-square is that of the eight means, and nobody has said how far they may scatter."""
    random, lengths = np.random.default_rng(seed), np.repeat([1, 2, 5, 10, 20, 50, 100, 200], 10)
    y = random.binomial(500, 0.5 + 0.45 * 0.99**lengths) / 500
    path = saved(tmp_path / "rb.csv", "Cliffords,population", lengths, y)
    done = fit(path, "--kind", "randomized_benchmarking")
    assert done.exit_code == 0, done.output
    assert "less than sigma" not in " ".join(done.stderr.split())


@pytest.mark.parametrize(("each", "said"), [(1, False), (5, True)])
@pytest.mark.parametrize("kind", ["randomized_benchmarking", "interleaved_randomized_benchmarking"])
def test_errors_in_vain_are_said_to_be_so(tmp_path, kind, each, said):
    lengths = np.repeat([1, 2, 5, 10, 20, 50, 100, 200], each)
    paths = []
    for name, left in (("a", 0.99), ("b", 0.98)):
        y = SEED.binomial(500, 0.5 + 0.45 * left**lengths) / 500
        paths.append(saved(tmp_path / f"{name}.csv", "Cliffords,population", lengths, y))
    paths = paths if kind.startswith("inter") else paths[:1]
    told = fit(*paths, "--kind", kind, "--shots", "500")
    words = "are not used: those of the means follow from how the sequences of a length scatter"
    assert (words in " ".join(told.stderr.split())) == said, told.output
    assert words not in " ".join(fit(*paths, "--kind", kind).stderr.split())
