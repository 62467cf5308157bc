"""AllXY in files: pairs by their names, and numbers that begin at 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.curves.pulse_pairs import IDEAL, PAIRS
from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.pair_names import pair_number
from kammerton.estimation.files.read import fit_file, read_files
from kammerton.model import TraceError, Verdict

Y = 0.05 + 0.9 * IDEAL + 0.01 * np.random.default_rng(1).normal(size=21)


def angled(pair: str) -> str:
    """Return a name with angles, such as X180-Y90."""
    angles = {"I": "I", "X": "X180", "Y": "Y180", "x": "X90", "y": "Y90"}
    return "-".join(angles[pulse] for pulse in pair.split())


SPELLED = {
    "short": [pair.replace(" ", "") for pair in PAIRS], "spaced": list(PAIRS),
    "angled": [angled(pair) for pair in PAIRS],
    "pi": [angled(p).replace("180", "pi").replace("90", "pi/2") for p in PAIRS],
    "joined": [angled(p).replace("180", "p").replace("90", "9").replace("-", "") for p in PAIRS],
    "id": [p.replace("I", "Id").replace(" ", "_") for p in PAIRS],
}  # fmt: skip


@pytest.mark.parametrize("names", SPELLED)
def test_every_pair_has_its_number(names: str) -> None:
    assert [pair_number(name) for name in SPELLED[names]] == list(range(21))


@pytest.mark.parametrize("text", ["", "3", "0.5", "XXX", "x X Y", "Z I", "yX180y", "I x", "delay"])
def test_other_words_are_no_pair(text: str) -> None:
    assert pair_number(text) is None


@pytest.mark.parametrize("names", SPELLED)
@pytest.mark.parametrize("head", ["pair,population", "index,pair,population", "pair,run,P1"])
def test_a_column_of_names(tmp_path: Path, names: str, head: str) -> None:
    path = tmp_path / "data.csv"
    cells = {"index": range(1, 22), "run": [1] * 21, "pair": SPELLED[names],
             head.split(",")[-1]: Y.round(5)}  # fmt: skip
    order = np.random.default_rng(2).permutation(21)
    rows = [",".join(str(list(cells[t])[n]) for t in head.split(",")) for n in order]
    path.write_text("\n".join([head, *rows]))
    chosen, fit = fit_file(path, "allxy")
    assert fit.verdict is Verdict.ACCEPTED
    assert chosen.trace.x.tolist() == list(range(21))
    np.testing.assert_allclose(chosen.trace.y, Y, atol=1e-5)


def test_a_name_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    names = [*SPELLED["short"][:16], "Yz", "zz"]
    path.write_text("\n".join(["pair,P1", *(f"{name},0.5" for name in names)]))
    with pytest.raises(TraceError, match=r"line 18: 'Yz' in column 'pair' is none of the 21"):
        read_files([path], "allxy", Choice())


@pytest.mark.parametrize(
    ("names", "line"),
    [(["ii", "xx", "x90x90"], 4), (["x90-i", "yy", "y90x90", "xi"], 5),
     (["xy", "II", "x_90y_90"], 4)],
)  # fmt: skip
def test_small_letters_that_mean_pi_in_one_line_and_half_of_it_in_another(
    tmp_path: Path, names: list[str], line: int
) -> None:
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["pair,P1", *(f"{name},0.5" for name in names)]))
    with pytest.raises(TraceError, match=rf"line {line}: .* is the same pair as .* by pi/2"):
        read_files([path], "allxy", Choice())


def test_a_pair_may_come_again_in_other_words(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("pair,P1\nXX,0.1\nX180X180,0.1\nx-x,0.9\nx x,0.9\n")
    assert read_files([path], "allxy", Choice()).trace.x.tolist() == [1, 1, 19, 19]


def test_a_word_beside_one_number_is_no_table_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("qubit,P1\nq0,0.5\nq1,0.6\n")
    with pytest.raises(TraceError, match="no line has two numbers"):
        read_files([path], "allxy", Choice())


@pytest.mark.parametrize("last", [21, 42])
def test_pairs_that_are_counted_from_1_are_told_so(last: int) -> None:
    x = np.arange(1, last + 1)
    with pytest.raises(TraceError, match=r"0 to 20, or 0 to 41 .*; these are counted from 1"):
        fit_batch("allxy", x, np.repeat(Y, last // 21))


def test_half_of_the_doubled_pairs_are_not_counted_from_1() -> None:
    x = np.arange(1, 42)
    assert fit_batch("allxy", x, np.repeat(Y, 2)[1:]).verdict[0] == "accepted"
    with pytest.raises(TraceError, match=r"each is twice$"):
        fit_batch("allxy", np.append(np.arange(20), 42), Y)
