"""Files with a column of shots, or of counts and shots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file

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


@pytest.mark.parametrize("shots", [0.0, 0.2, np.nan])
@pytest.mark.parametrize("title", ["population", "counts"])
def test_shots_that_are_none_are_not_used_and_that_is_said(tmp_path, title, shots):
    y = COUNTS / SHOTS * (1 if title == "population" else 3000)
    chosen, fit = fit_file(written(tmp_path, f"delay [s],{title},shots", X, y, 0 * X + shots), "t1")
    assert not chosen.sigma_known
    assert "not used: 'shots'" in chosen.notes
    assert np.isnan(shots) or any("'shots' is below 1 or missing" in n for n in chosen.notes)
    assert fit.values["t1"].value == pytest.approx(30e-6, rel=0.1)


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


FEW, MANY = 200, 1000
FALL = 0.05 + 0.9 * np.exp(-X / 30e-6)
TOLD = "'shots' are the shots of each point: y has the errors of counts"


def of(folder, title, y, shots, *, digits=16):
    """Fit a T1 of one column of y and one of shots; return the notes and the fit."""
    rows = [f"{x:.6g},{value:.{digits}g},{n:g}"
            for x, value, n in zip(X, y, np.broadcast_to(shots, X.shape), strict=True)]  # fmt: skip
    path = folder / "sweep.csv"
    path.write_text("\n".join([f"delay [s],{title},shots", *rows]) + "\n")
    chosen, fit = fit_file(path, "t1")
    return chosen, fit


@pytest.mark.parametrize(("title", "scale"), [("p1 (%)", 100), ("p1 [%]", 100), ("p1", 1)])
@pytest.mark.parametrize("shots", [FEW, MANY])
def test_shots_have_no_unit_of_y(tmp_path, title, scale, shots):
    p = np.random.default_rng(4).binomial(shots, FALL) / shots
    chosen, fit = of(tmp_path, title, scale * p, shots, digits=10)
    best = fit_batch("t1", X, p, shots=shots)
    assert TOLD in chosen.notes
    assert fit.values["t1"].stderr == pytest.approx(best.stderr["t1"][0], rel=1e-3)


@pytest.mark.parametrize(
    ("title", "shots", "digits"),
    [("signal", 300, 3), ("signal", 300, 16), ("signal", 37, 16), ("P1", 10_000, 3),
     ("signal", 20, 2), ("P1", MANY, 16), ("population", MANY, 4)],
)  # fmt: skip
def test_what_is_whole_to_its_digits_was_counted(tmp_path, title, shots, digits):
    p = np.random.default_rng(6).binomial(shots, FALL) / shots
    assert TOLD in of(tmp_path, title, p, shots, digits=digits)[0].notes


NOISE = np.random.default_rng(7).normal(size=31)
VALUES = {
    "smooth signal": ("signal", FALL + 0.004 * NOISE, 100),
    "rounded voltage": ("signal", np.round(FALL + 0.002 * NOISE, 3), 100),
    "rounded rough voltage": ("signal", np.round(0.2 + 0.5 * FALL + 0.08 * NOISE, 2), 10_000),
    "voltage": ("signal", 0.3 + 0.01 * COUNTS / SHOTS, FEW),
    "I": ("I", 0.1 + 0.5 * FALL + 0.005 * NOISE, MANY),
    "normalised": ("normalized signal", (FALL - FALL.min()) / np.ptp(FALL) + 0 * NOISE, 20),
    "mitigated": ("P1", 0.1 + 0.8 * FALL + 0.05 * NOISE, 10_000),
    "smoothed": ("P1", FALL + 0.001 * NOISE, 100),
    "index": ("P1", COUNTS / SHOTS, np.arange(1, 32)),
    "brightness": ("counts", COUNTS * 0.37, SHOTS),
    "more than shots": ("counts", COUNTS + 2 * SHOTS, SHOTS),
    "clicks": ("counts", (NOISE > 0) * 1.0, FEW),
    "as many digits as shots": ("signal", np.round(0.2 + 0.3 * FALL + 0.015 * NOISE, 3), 1000),
    "fewer digits": ("y", np.round(0.2 + 0.3 * FALL + 0.05 * NOISE, 2), 100),
}  # fmt: skip


@pytest.mark.parametrize("case", VALUES)
def test_what_was_not_counted_from_these_shots_is_left_as_it_is(tmp_path, case):
    title, y, shots = VALUES[case]
    chosen, _ = of(tmp_path, title, y, shots)
    assert not chosen.sigma_known
    assert "not used: 'shots'" in chosen.notes
    np.testing.assert_allclose(chosen.trace.y, y, rtol=1e-12)


@pytest.mark.parametrize("slip", [-0.001, 1.02, 0.44321])
def test_one_point_decides_nothing(tmp_path, slip):
    p = np.random.default_rng(4).binomial(FEW, FALL) / FEW
    y = np.where(np.arange(31) == 30, slip, p)
    chosen, fit = of(tmp_path, "signal", y, FEW)
    assert TOLD in chosen.notes
    left = any("which is no count, at 1 point: it is left out" in note for note in chosen.notes)
    assert (left, np.isnan(chosen.trace.y[30])) == (
        (True, True) if not 0 < slip < 1 else (False, False)
    )
    assert fit.values["t1"].value == pytest.approx(30e-6, rel=0.2)
    smooth = np.where(np.arange(31) == 30, slip, FALL + 0.004 * NOISE)
    assert TOLD not in of(tmp_path, "signal", smooth, 100)[0].notes


def test_counts_that_are_fractions_are_divided_no_more(tmp_path):
    chosen, _ = of(tmp_path, "counts", COUNTS / SHOTS, SHOTS)
    np.testing.assert_allclose(chosen.trace.y, COUNTS / SHOTS)
    assert TOLD in chosen.notes
    assert "y is 'counts', x is 'delay [s]'" in chosen.notes


@pytest.mark.parametrize("y", [COUNTS / SHOTS, COUNTS / SHOTS * 3000])
def test_shots_alone_are_what_was_measured(tmp_path, y):
    chosen, fit = fit_file(written(tmp_path, "delay [s],shots", X, y), "t1")
    assert "y is 'shots', x is 'delay [s]'" in chosen.notes
    assert fit.values["t1"].value == pytest.approx(30e-6, rel=0.1)


@pytest.mark.parametrize("pair", ["n0,n1", "counts_0,counts_1", "zeros,ones"])
@pytest.mark.parametrize("told", [True, False])
def test_counts_of_both_states(tmp_path, pair, told):
    zero, one = pair.split(",")
    shots = SHOTS if told else 1000 + 0 * SHOTS
    ones = np.random.default_rng(4).binomial(shots, FALL)
    columns = [X, shots - ones, ones, shots] if told else [X, shots - ones, ones]
    header = f"delay [s],{pair}" + (",shots" if told else "")
    chosen, fit = fit_file(written(tmp_path, header, *columns), "t1")
    best = fit_batch("t1", X, ones / shots, shots=shots)
    assert fit.values["t1"].value == pytest.approx(best.values["t1"][0])
    assert fit.values["t1"].stderr == pytest.approx(best.stderr["t1"][0])
    by = "shots" if told else f"({zero} + {one})"
    assert f"y is '{one}/{by}', x is 'delay [s]'" in chosen.notes


def test_counts_of_two_qubits_are_not_added(tmp_path):
    rng = np.random.default_rng(4)
    one, other = rng.binomial(1000, FALL), rng.binomial(1000, FALL)
    chosen, _ = fit_file(written(tmp_path, "delay [s],n0,n1", X, one, other), "t1")
    assert chosen.trace.y.tolist() == one.tolist()
    assert "not used: 'n1'" in chosen.notes


def test_more_counts_than_shots_are_no_population_and_that_is_said(tmp_path):
    said = of(tmp_path, "counts", COUNTS + 2 * SHOTS, SHOTS)[0].notes
    assert any("in 'shots' (line " in note and "more cannot be counted" in note for note in said)


THROWN = np.random.default_rng(8).integers(400, 1000, 31)
"""Shots that were left of each point: of some, those of a leaked qubit were thrown out."""


@pytest.mark.parametrize("columns", ["n1,n0", "n0,n1", "counts,total", "n1,Schüsse"])
@pytest.mark.parametrize("contrast", [1.0, 0.2])
def test_shots_of_which_some_were_thrown_out_are_divided_by_those_that_are_left(
    tmp_path, columns, contrast
):
    ones = np.random.default_rng(9).binomial(THROWN, 0.4 + contrast * (FALL - 0.4))
    held = {"n1": ones, "counts": ones, "n0": THROWN - ones, "total": THROWN, "Schüsse": THROWN}
    path = written(
        tmp_path, f"delay [s],{columns}", X, *(held[name] for name in columns.split(","))
    )
    chosen, fit = fit_file(path, "t1")
    best = fit_batch("t1", X, ones / THROWN, shots=THROWN)
    assert chosen.trace.y.tolist() == (ones / THROWN).tolist()
    assert chosen.trace.sigma.max() < 0.05
    assert fit.reason == best.fit(0, "").reason


@pytest.mark.parametrize("seed", range(4))
def test_counts_of_two_qubits_are_asked_about(tmp_path, seed):
    rng = np.random.default_rng(seed)
    swings = [0.5 + 0.45 * np.cos(X * turns * 1e5) for turns in (5.0, 7.0)]
    one, other = (rng.binomial(1000, p) for p in swings)
    chosen, _ = fit_file(written(tmp_path, "delay [s],n0,n1", X, one, other), "ramsey")
    assert chosen.trace.y.tolist() == one.tolist()
    assert any("taken as counts of two qubits" in note for note in chosen.notes)


@pytest.mark.parametrize("total", [np.linspace(10, 500, 31), np.arange(31) * 10 + 10])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("name", ["P1", "counts"])
def test_a_total_of_elapsed_seconds_is_no_number_of_shots(tmp_path, total, order, name):
    y = RNG.binomial(500, 0.04 + 0.9 * np.exp(-X / 30e-6)) / (500 if name == "P1" else 1)
    columns = [(name, y), ("total", total)][::order]
    header = "delay [s]," + ",".join(title for title, _ in columns)
    path = written(tmp_path, header, X, *(values for _, values in columns))
    chosen, _ = fit_file(path, "t1", Choice(y=name))
    assert chosen.trace.y.tolist() == y.tolist()
    assert not chosen.sigma_known
    assert "not used: 'total'" in chosen.notes
