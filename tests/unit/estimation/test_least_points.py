"""Of as few points as a kind takes there is a verdict, whatever they follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.estimation import fit_batch
from kammerton.estimation.curves import drag_sequences, fine_amplitude

GATES = np.arange(fine_amplitude.LEAST)
LEVELS = {"contrast": 0.8, "offset": 0.5}
VERDICTS = {"accepted", "insufficient", "rejected"}


def noisy(y, count=100):
    return y + 0.01 * np.random.default_rng(1).normal(size=(count, *y.shape))


@pytest.mark.parametrize("sigma", [0.01, None])
@pytest.mark.parametrize("known", [LEVELS, {}], ids=["levels", "free"])
@pytest.mark.parametrize("error", [0.1, 0.6, 2.2])
def test_fine_amplitude(error, known, sigma):
    y = noisy(0.5 - 0.4 * np.cos(GATES * (np.pi + error) + np.pi / 2))
    found = fit_batch("fine_amplitude", GATES, np.concatenate([y, np.sort(y)]), sigma, **known)
    assert set(found.verdict) <= VERDICTS
    good = found.verdict[:100] == "accepted"
    if error < 1.0 and known and sigma:
        assert good.mean() > 0.9
        assert not any("beside" in r or "another phase" in r for r in found.reason[:100])


@pytest.mark.parametrize("sigma", [0.01, None])
@pytest.mark.parametrize(
    "bend", [lambda t: t, lambda t: t + 0.5 * t * t, lambda t: np.sin(1.2 * t)],
    ids=["lines", "parabolas", "bowed"],
)  # fmt: skip
@pytest.mark.parametrize("points", [drag_sequences.LEAST, drag_sequences.LEAST + 1])
def test_drag_sequences(points, bend, sigma):
    u = np.linspace(-1.0, 1.0, points)
    half = 0.3 * bend(u - 0.2)
    y = noisy(np.stack([0.5 + half, 0.5 - half]))
    found = fit_batch("drag_sequences", ((0, 1), u), y, sigma)
    assert set(found.verdict) <= VERDICTS
    assert not any("swing beside" in reason for reason in found.reason)
    if sigma:
        assert (found.verdict == "accepted").mean() > 0.9


def test_five_gates_of_a_file(tmp_path: Path) -> None:
    """They ended in a traceback."""
    path = tmp_path / "five.csv"
    y = 0.5 - 0.4 * np.cos(GATES * (np.pi + 0.1) + np.pi / 2)
    rows = [f"{n},{p:.4f},0.01" for n, p in zip(GATES, y, strict=True)]
    path.write_text("\n".join(["gates,p1,error", *rows]))
    words = ["fit", str(path), "--kind", "fine_amplitude", "--sigma", "error"]
    done = CliRunner().invoke(app, words)
    assert done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
