"""Pictures of lengths that grow by factors, of long names, and of two frequencies."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.estimation.pictures.lengths import spread_out
from kammerton.estimation.pictures.picture import draw
from kammerton.model import Fit, Trace, Verdict
from tests.unit.estimation.seen import collisions, watched

RB = "randomized_benchmarking"


@pytest.mark.parametrize(
    ("kind", "lengths", "scale"),
    [
        (RB, 2 ** np.arange(10), "log"),
        (f"interleaved_{RB}", 2 ** np.arange(10), "log"),
        (RB, [0, 1, 2, 5, 10, 20, 50, 100, 200, 500], "symlog"),
        (RB, np.arange(1, 500, 25), "linear"),
        (RB, [1, 2, 4, 8, 16, 32], "linear"),
        (RB, [-1, 1, 2, 4, 8, 16, 500], "linear"),
        (RB, [7], "linear"),
        ("t1", 2 ** np.arange(10), "linear"),
        ("", 2 ** np.arange(10), "linear"),
    ],
)
def test_crowded_lengths_are_spread_out(kind: str, lengths: list[int], scale: str) -> None:
    axes = Figure().add_subplot()
    x = np.repeat(np.array(lengths, dtype=float), 3)
    axes.plot(x, x)
    spread_out(axes, kind, x)
    assert axes.get_xscale() == scale
    low, high = axes.get_xlim()
    assert low < x.min()
    assert high > x.max()


def drawn(folder: Path, kind: str) -> list[str]:
    """Return every text of a picture, which keeps them as comments beside their outlines."""
    arguments = [str(folder / "x.csv"), "--kind", kind, "--plot", str(folder / "a.svg")]
    assert CliRunner().invoke(app, ["fit", *arguments]).exit_code in (0, 3)
    return re.findall(r"<!-- (.*?) -->", (folder / "a.svg").read_text(), re.DOTALL)


@pytest.mark.parametrize("longest", [32, 512])
def test_lengths_are_written_out_and_the_name_is_whole(tmp_path: Path, longest: int) -> None:
    m = np.repeat(2 ** np.arange(10), 8)[: 8 * int(np.log2(longest) + 1)]
    y = 0.5 + 0.48 * (0.995 if longest > 32 else 1.0) ** m
    y += 0.01 * np.random.default_rng(1).normal(size=m.size)
    np.savetxt(tmp_path / "x.csv", np.column_stack([m, y]), delimiter=",", header="m,P0",
               comments="")  # fmt: skip
    said = drawn(tmp_path, RB)
    assert RB in said
    assert ("accepted" in said) == (longest > 32)
    assert {"1", "10", "100"} <= set(said) or longest == 32


def test_of_two_frequencies_the_splitting_is_said(tmp_path: Path) -> None:
    """Four lines of words ended in "offset = 0.4994(16) …"."""
    t = np.linspace(0, 20, 81)
    beat = np.cos(2 * np.pi * 0.5 * t) + np.cos(2 * np.pi * 0.62 * t)
    y = 0.5 + 0.23 * np.exp(-t / 8) * beat + 0.015 * np.random.default_rng(3).normal(size=81)
    np.savetxt(tmp_path / "x.csv", np.column_stack([t, y]), delimiter=",", header="tau [us],P1",
               comments="")  # fmt: skip
    said = " ".join(drawn(tmp_path, "ramsey"))
    assert "accepted: beating" in said
    assert re.search(r"splitting = 1[12]\d\.\d+\(\d+\) kHz   f = 55\d", said)


@pytest.mark.parametrize(
    "name", [RB, "a_name_that_is_far_too_long_for_a_panel", 6 * "a_long_name_"]
)
@pytest.mark.parametrize("status", ["success", "sampling too coarse"])
def test_a_name_that_shrinks_stays_beside_the_verdict(
    tmp_path: Path, name: str, status: str
) -> None:
    x = np.linspace(0, 1e-4, 21)
    trace = Trace(name, x, np.exp(-x / 3e-5), np.full(21, 0.1), "delay", "s")
    verdict = Verdict.ACCEPTED if status == "success" else Verdict.INSUFFICIENT
    fit = Fit("t1", name, {}, verdict, status, "few points", 1.0)
    with watched() as seen:
        draw({name: trace}, {name: fit}, tmp_path / "a.png", "t1")
    assert collisions(seen, 460, 385) == []
    whole = name == RB or (len(name) < 70 and status == "success")
    assert any(text == name for text, _ in seen) == whole
