"""Files with a column of shots, or of counts and shots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file
from kammerton.model import TraceError

X = np.linspace(0.0, 150e-6, 31)
RNG = np.random.default_rng(1)
SHOTS = RNG.choice([300, 1000, 3000], 31)
COUNTS = RNG.binomial(SHOTS, 0.04 + 0.9 * np.exp(-X / 30e-6))
BEST = fit_batch("t1", X, COUNTS / SHOTS, shots=SHOTS).fit(0, "")


def written(folder: Path, header: str, *columns: np.ndarray) -> Path:
    path = folder / "sweep.csv"
    rows = [",".join(repr(float(v)) for v in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


HEADERS = {
    "counts": ("delay [s],counts,shots", (X, COUNTS, SHOTS), "y is 'counts/shots'"),
    "ones": ("delay [s],n_shots,ones", (X, SHOTS, COUNTS), "y is 'ones/n_shots'"),
    "population": ("delay [s],shots,P1", (X, SHOTS, COUNTS / SHOTS), "y is 'P1'"),
    "turned": ("delay [s],n1,Shots", (X[::-1], COUNTS[::-1], SHOTS[::-1]), "y is 'n1/Shots'"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_shots_of_a_column_give_the_errors(tmp_path, case):
    header, columns, told = HEADERS[case]
    chosen, fit = fit_file(written(tmp_path, header, *columns), "t1")
    assert fit.values["t1"].value == pytest.approx(BEST.values["t1"].value)
    assert fit.values["t1"].stderr == pytest.approx(BEST.values["t1"].stderr)
    assert any(note.startswith(told) for note in chosen.notes)
    assert any("are the shots of each point" in note for note in chosen.notes)
    assert not any("not used" in note for note in chosen.notes)
    assert (chosen.trace.sigma > 0).all()


def test_a_column_of_one_number_counts_too(tmp_path):
    p = RNG.binomial(1000, 0.04 + 0.9 * np.exp(-X / 30e-6)) / 1000
    path = written(tmp_path, "delay [s],population,shots", X, p, np.full(31, 1000))
    expected = fit_batch("t1", X, p, shots=1000).stderr["t1"][0]
    assert fit_file(path, "t1")[1].values["t1"].stderr == pytest.approx(expected)


def test_what_was_chosen_goes_before_the_column(tmp_path):
    path = written(tmp_path, "delay [s],population,shots,e", X, COUNTS / SHOTS, SHOTS, 0 * X + 0.02)
    said = fit_file(path, "t1", shots=100)[0]
    assert "not used: 'shots', 'e'" in said.notes
    told = fit_file(path, "t1", Choice(sigma="e"))[0]
    assert "not used: 'shots'" in told.notes
    assert told.trace.sigma == pytest.approx(0.02)


def test_shots_of_what_is_no_population_are_left(tmp_path):
    path = written(tmp_path, "delay [s],signal [mV],shots", X, COUNTS / SHOTS, SHOTS)
    chosen, _ = fit_file(path, "t1")
    assert "not used: 'shots'" in chosen.notes
    assert not chosen.sigma_known


def test_a_point_without_shots_is_missing(tmp_path):
    some = np.where(np.arange(31) == 4, 0, SHOTS)
    chosen, fit = fit_file(written(tmp_path, "delay [s],counts,shots", X, COUNTS, some), "t1")
    assert np.isnan(chosen.trace.y[4])
    assert np.isfinite(fit.values["t1"].stderr)


def test_shots_of_no_number_are_refused(tmp_path):
    path = written(tmp_path, "delay [s],population,shots", X, COUNTS / SHOTS, 0 * SHOTS)
    with pytest.raises(TraceError, match="shots must be 1 or more"):
        fit_file(path, "t1")


def test_series_and_maps_have_their_shots_in_whatever_order_their_rows_come(tmp_path):
    r, b = np.array([1.0, 3.0, 5.0]), np.linspace(-1, 1, 25)
    p = 0.5 - 0.48 * np.cos(1.2 * r[:, None] * (b - 0.15))
    shots = RNG.choice([300, 3000], p.shape)
    counts = RNG.binomial(shots, p)
    best = fit_batch("drag_repetitions", (r, b), counts / shots, shots=shots)
    order = RNG.permutation(p.size)
    columns = [np.repeat(r, 25), np.tile(b, 3), counts.ravel(), shots.ravel()]
    path = written(tmp_path, "repetitions,beta,counts,shots", *(each[order] for each in columns))
    fit = fit_file(path, "drag_repetitions")[1]
    assert fit.values["drag_coefficient"].stderr == pytest.approx(
        best.stderr["drag_coefficient"][0]
    )
