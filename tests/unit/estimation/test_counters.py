"""Columns that only count what was repeated are neither x nor y."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file, read_files
from kammerton.model import TraceError, Verdict

RB = "randomized_benchmarking"
COUNTS = {"seed", "trial", "sequence", "sample", "repetition", "index", "run", "iteration"}
LENGTHS = [1, 10, 50, 100, 200, 400]
SEEDS = 8


def columns(header: str) -> dict[str, str]:
    """Return which title is the length, and which the survival."""
    titles = header.split(",")
    lengths = {"length", "m", "n_cliffords", "num_cliffords", "sequence length", "depth"}
    found = {"x": [t for t in titles if t in lengths], "shots": [t for t in titles if t == "shots"]}
    found["seed"] = [t for t in titles if t in COUNTS]
    rest = [t for t in titles if not any(t in some for some in found.values())]
    return {"x": found["x"][0], "y": rest[0], "seed": found["seed"][0]}


def written(path: Path, header: str) -> None:
    rng, of = np.random.default_rng(5), columns(header)
    rows = [
        {of["x"]: f"{m}", of["seed"]: f"{seed}", "shots": "400",
         of["y"]: f"{0.515 + 0.46 * 0.99**m + 0.02 * rng.normal():.5f}"}
        for m in LENGTHS for seed in range(SEEDS)
    ]  # fmt: skip
    lines = [",".join(row[title] for title in header.split(",")) for row in rows]
    path.write_text("\n".join([header, *lines]))


@pytest.mark.parametrize(
    "header",
    ["n_cliffords,seed,survival", "seed,length,survival", "length,seed,P0", "sequence,m,survival",
     "num_cliffords,trial,shots,ground_population", "m,sample,F", "index,survival,length",
     "length,repetition,survival probability", "iteration,depth,fidelity",
     "run,sequence length,signal"],
)  # fmt: skip
def test_benchmarking_in_rows_with_a_column_that_counts(tmp_path: Path, header: str) -> None:
    path = tmp_path / "rb.csv"
    written(path, header)
    chosen, fit = fit_file(path, RB)
    assert f"y is {columns(header)['y']!r}, x is {columns(header)['x']!r}" in chosen.notes
    assert fit.verdict is Verdict.ACCEPTED
    error = fit.values["error_per_clifford"]
    assert abs(error.value - 5e-3) < 4 * error.stderr


def read(folder: Path, text: str, kind: str, **choice: object):  # type: ignore[no-untyped-def]
    path = folder / "data.csv"
    path.write_text(text)
    return read_files([path], kind, Choice(**choice)).trace  # type: ignore[arg-type]


def test_a_column_that_counts_is_taken_where_it_is_chosen_or_alone(tmp_path: Path) -> None:
    text = "length,seed,survival\n1,3,0.9\n2,4,0.8\n3,7,0.7\n"
    assert read(tmp_path, text, RB, y="seed").y.tolist() == [3, 4, 7]
    alone = "repetitions,sample\n0,3\n1,4\n2,7\n"
    trace = read(tmp_path, alone, "fine_amplitude")
    assert (trace.x.tolist(), trace.y.tolist()) == ([0, 1, 2], [3, 4, 7])


def test_what_is_measured_may_be_called_a_sample(tmp_path: Path) -> None:
    text = "delay [us],sample,reference\n0,0.93,1\n1,0.51,2\n2,0.32,1\n"
    assert read(tmp_path, text, "t1").y.tolist() == [0.93, 0.51, 0.32]


def test_a_sweep_over_the_index_of_a_pair_stays_one(tmp_path: Path) -> None:
    rows = "".join(f"{n},{0.5 + n / 50}\n" for n in range(21))
    assert read(tmp_path, f"index,population\n{rows}", "allxy").x.tolist() == list(range(21))


def test_seeds_beside_the_series_of_an_interleaved_run(tmp_path: Path) -> None:
    rows = "".join(
        f"{seed},{m},{0.9 - m / 100},{0.8 - m / 100}\n" for m in (1, 5, 9) for seed in (1, 2)
    )
    kind = "interleaved_randomized_benchmarking"
    grid = read(tmp_path, f"seed,length,reference,interleaved\n{rows}", kind)
    assert grid.x[1].tolist() == [1, 1, 5, 5, 9, 9]
    np.testing.assert_allclose(grid.y[:, 0], [0.89, 0.79])


G = np.arange(21)
M = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
ONCE = {
    "n1": 500 + 7 * np.arange(40) % 13, "shots": np.full(40, 1000), "P(n)": 0.5**np.arange(40),
    "n averages": 1000 + np.arange(40) % 2, "P1": 0.5**np.arange(40), "n": np.full(40, 400),
    "gates duration [ns]": np.arange(40), "length [us]": np.arange(40),
    "total length": 40 * np.arange(40), "mean length": 1.875 * np.arange(40),
    "duration length": 75 * np.arange(40), "length": 3 * np.arange(40),
    "survival": 0.5**np.arange(40),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "titles"),
    [("fine_amplitude", "repetitions,n1,shots"), ("fine_amplitude", "repetitions,P(n)"),
     ("fine_amplitude", "repetition,n averages,P1"), ("fine_amplitude", "repetitions,P1,n"),
     ("fine_amplitude", "repetitions,P1,gates duration [ns]"), ("fine_amplitude", "rounds,P1,n"),
     (RB, "sequence,n1,shots"), (RB, "sequences,survival,length [us]"), (RB, "sequence,survival,n"),
     (RB, "sequence,survival,total length"), (RB, "sequences,survival,mean length"),
     (RB, "sequence,survival,duration length"), (RB, "sequence,survival,length"),
     (RB, "rounds,survival,total length")],
)  # fmt: skip
def test_how_often_or_how_long_once_in_each_row_stays_what_is_swept(
    tmp_path: Path, kind: str, titles: str
) -> None:
    x = G if kind == "fine_amplitude" else M
    first, *others = titles.split(",")
    table = np.column_stack([x, *(ONCE[title][: x.size] for title in others)])
    path = tmp_path / "data.csv"
    np.savetxt(path, table, delimiter=",", header=titles, comments="")
    trace = read_files([path], kind, Choice()).trace
    assert (trace.x.tolist(), trace.x_name) == (x.tolist(), first)
    assert trace.y_name in (others[0], "P1", "P(n)")
    assert trace.y_name != "n averages"


@pytest.mark.parametrize(
    ("kind", "text", "x"),
    [(RB, "sequence,survival,n_cliffords\n1,0.9,1\n2,0.8,5\n3,0.7,9\n", [1, 5, 9]),
     (RB, "sequence,m,survival\n1,5,0.8\n2,1,0.9\n3,5,0.7\n", [1, 5, 5]),
     (RB, "run,length,survival\n1,1,0.9\n2,5,0.8\n3,9,0.7\n", [1, 5, 9]),
     (RB, "reps,n,survival\n100,1,0.9\n100,5,0.8\n100,9,0.7\n", [1, 5, 9]),
     (RB, "seed,survival,length\n0,0.9,1.5\n1,0.8,2.5\n2,0.7,9\n", [0, 1, 2]),
     ("t1", "index,time [us],P1\n0,10,0.9\n1,20,0.8\n2,30,0.7\n", [1e-5, 2e-5, 3e-5]),
     ("t1", "run,wait time [us],P1\n0,10,0.9\n1,20,0.8\n2,30,0.7\n", [1e-5, 2e-5, 3e-5]),
     ("t1", "run,arrival time,P1\n0,10,0.9\n1,20,0.8\n2,30,0.7\n", [0, 1, 2]),
     ("rabi_amplitude", "index,signal,amp_time\n0,10,0.9\n1,20,0.8\n2,30,0.7\n", [0, 1, 2]),
     ("allxy", "run,pair,P1\n0,0,0.1\n0,1,0.2\n0,2,0.1\n", [0, 1, 2])],
)  # fmt: skip
def test_what_counts_gives_way_to_what_is_called_x(
    tmp_path: Path, kind: str, text: str, x: list[float]
) -> None:
    np.testing.assert_allclose(read(tmp_path, text, kind).x, x)


@pytest.mark.parametrize("title", ["average", "sample", "mean"])
def test_sums_of_a_digitizer_are_a_signal(tmp_path: Path, title: str) -> None:
    text = f"delay [us],{title},background\n0,5000,500\n1,3000,510\n2,2000,490\n"
    assert read(tmp_path, text, "t1").y.tolist() == [5000, 3000, 2000]


@pytest.mark.parametrize("cells", ["123", "012", "111"])
def test_samples_that_are_numbered_are_no_signal(tmp_path: Path, cells: str) -> None:
    rows = "".join(f"{n},{cell},0.{9 - n}\n" for n, cell in enumerate(cells))
    assert read(tmp_path, f"delay [us],sample,signal\n{rows}", "t1").y.tolist() == [0.9, 0.8, 0.7]


@pytest.mark.parametrize("title", ["n1", "P(n)", "pulse length [ns]"])
def test_series_of_lengths_are_not_swept_over_a_count(tmp_path: Path, title: str) -> None:
    rows = "".join(f"{gate},{0.9 - m / 100},{m}\n" for gate in (0, 1) for m in (1, 5, 9))
    kind = "interleaved_randomized_benchmarking"
    grid = read(tmp_path, f"gate,{title},cliffords\n{rows}", kind)
    assert grid.x[1].tolist() == [1, 5, 9]
    rows = "".join(f"{m},{gate},{0.9 - m / 100}\n" for gate in (0, 1) for m in (1, 5, 9))
    assert read(tmp_path, f"repetitions,gate,{title}\n{rows}", kind).x[1].tolist() == [1, 5, 9]


@pytest.mark.parametrize("title", ["Nr", "No.", "#", "Point No.", "Punkt", "lfd. Nr.", "k", "step"])
@pytest.mark.parametrize("falls", [False, True])
def test_a_column_that_numbers_the_points_is_neither_x_nor_y(
    tmp_path: Path, title: str, falls: bool
) -> None:
    """The delay was fitted as the signal over its own number: T1 of 4.5 s, accepted."""
    rng, delay = np.random.default_rng(2), np.geomspace(1.0, 300.0, 31)
    delay = delay[::-1] if falls else delay
    y = 0.05 + 0.9 * np.exp(-delay / 40.0) + 0.01 * rng.normal(size=31)
    rows = [f"{k};{t:.3f};{v:.4f}" for k, (t, v) in enumerate(zip(delay, y, strict=True), 1)]
    path = tmp_path / "t1.csv"
    path.write_text("\n".join([f"{title};Wartezeit [µs];Besetzung", *rows]).replace(".", ","))
    path.write_text(path.read_text().replace(title.replace(".", ","), title, 1))
    chosen, fit = fit_file(path, "t1")
    assert "y is 'Besetzung', x is 'Wartezeit [µs]'" in chosen.notes
    assert fit.verdict is Verdict.ACCEPTED
    assert abs(fit.values["t1"].value - 40e-6) < 4 * fit.values["t1"].stderr


def test_the_time_of_a_point_is_no_delay_beside_one(tmp_path: Path) -> None:
    rows = "\n".join(f"{3 * k},{10 * k},{0.5 + 0.4 * np.exp(-k / 4):.4f}" for k in range(21))
    trace = read(tmp_path, f"elapsed (s),delay (us),P1\n{rows}", "t1")
    assert (trace.x[1], trace.y[0]) == (pytest.approx(10e-6), 0.9)


def test_numbers_of_points_alone_are_x_and_a_quadrature_called_i_is_a_signal(
    tmp_path: Path,
) -> None:
    rows = "\n".join(f"{k},{round(1000 + 400 * np.exp(-k / 4))}" for k in range(21))
    trace = read(tmp_path, f"k,I\n{rows}", "t1")
    assert (trace.x[1], trace.y[0]) == (1.0, 1400.0)


def test_a_level_is_no_amplitude(tmp_path: Path) -> None:
    """A cosine over decibels is none, and was called a drift."""
    text = "drive power [dBm],P1\n" + "\n".join(f"{k},0.{k}" for k in range(10, 40))
    with pytest.raises(TraceError, match="is a level in dBm; rabi_amplitude needs what grows"):
        read(tmp_path, text, "rabi_amplitude")
