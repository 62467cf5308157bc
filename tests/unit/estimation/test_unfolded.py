"""A benchmarking table with a column for each sequence is the same as a long one."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file

LENGTHS = np.array([1, 5, 10, 20, 50, 100, 200])
SURVIVAL = 0.5 + 0.45 * 0.99 ** LENGTHS[:, None] + np.random.default_rng(1).normal(
    0, 0.01, (LENGTHS.size, 6)
)  # fmt: skip


def wide(path, titles, values=SURVIVAL):
    rows = [",".join(["cliffords", *titles])]
    rows += [",".join(map(str, [m, *line])) for m, line in zip(LENGTHS, values, strict=True)]
    path.write_text("\n".join(rows).replace("nan", "") + "\n")
    return path


def long(path):
    rows = [f"{m},{y}" for m, line in zip(LENGTHS, SURVIVAL, strict=True) for y in line]
    path.write_text("\n".join(["cliffords,survival", *rows]) + "\n")
    return path


@pytest.mark.parametrize("stem", ["seed{}", "Seed {}", "seq_{}", "circuit#{}", "sample.{}"])
def test_columns_of_sequences_count_as_rows(tmp_path, stem):
    file = wide(tmp_path / "w.csv", [stem.format(k) for k in range(6)])
    chosen, found = fit_file(file, "randomized_benchmarking")
    _, same = fit_file(long(tmp_path / "l.csv"), "randomized_benchmarking")
    assert found.values == same.values
    assert f"y is '{stem.format(0)} ... {stem.format(5)}'" in chosen.notes[0]
    assert not any("not used" in note for note in chosen.notes)


def test_an_empty_cell_is_a_sequence_that_was_not_measured(tmp_path):
    values = SURVIVAL.copy()
    values[2, 3] = np.nan
    file = wide(tmp_path / "w.csv", [f"seed{k}" for k in range(6)], values)
    chosen, _ = fit_file(file, "randomized_benchmarking")
    assert chosen.trace.x.size == LENGTHS.size * 6 - 1


@pytest.mark.parametrize("stem", ["q{}", "p{}", "P({})", "ch{}", "{}", "seed"])
def test_what_may_be_other_qubits_or_states_is_not_mixed(tmp_path, stem):
    titles = [stem.format(k) if "{" in stem else f"x{k}" for k in range(6)]
    titles[0] = "survival"
    chosen, _ = fit_file(wide(tmp_path / "w.csv", titles), "randomized_benchmarking")
    assert chosen.trace.x.size == LENGTHS.size
    assert any("not used" in note for note in chosen.notes)


def test_a_column_that_is_chosen_is_taken_alone(tmp_path):
    file = wide(tmp_path / "w.csv", [f"seed{k}" for k in range(6)])
    chosen, _ = fit_file(file, "randomized_benchmarking", Choice(y="seed3"))
    assert chosen.trace.y == pytest.approx(SURVIVAL[:, 3])


def test_other_kinds_take_one_column(tmp_path):
    file = wide(tmp_path / "w.csv", [f"seed{k}" for k in range(6)])
    chosen, _ = fit_file(file, "t1", Choice(x_unit="us"))
    assert chosen.trace.x.size == LENGTHS.size
