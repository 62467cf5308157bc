"""Columns that only count what was repeated are neither x nor y."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file, read_files
from kammerton.model import Verdict

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
