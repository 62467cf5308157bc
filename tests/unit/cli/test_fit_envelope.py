"""`kammerton fit --kind ramsey` says which envelope the fringes have, in text and in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.estimation.files.envelope import ALIKE, WORDS

T2 = 30.0  # us


def _file(path: Path, slow: float, noise: float = 0.02, seed: int = 3, away: float = 0.0) -> Path:
    """Write fringes of an envelope with a share of slow noise; away: of a second frequency, MHz."""
    t = np.linspace(0, 2 * T2, 101)
    fall = np.exp(-(1 - slow) * t / T2 - slow * (t / T2) ** 2)
    turn = np.cos(2 * np.pi * 0.15 * t) + np.cos(2 * np.pi * (0.15 + away) * t)
    y = 0.5 + 0.22 * fall * turn + noise * np.random.default_rng(seed).normal(size=t.size)
    columns = np.column_stack([t, y, np.full(t.size, noise)])
    np.savetxt(path, columns, delimiter=",", header="delay [us],population,error", comments="")
    return path


def _fit(path: Path, *more: str, kind: str = "ramsey") -> str:
    asked = ["fit", str(path), "--kind", kind, "--sigma", "error", *more]
    return CliRunner().invoke(app, asked).stdout


@pytest.mark.parametrize(
    ("slow", "envelope"), [(0.0, "exponential"), (1.0, "Gaussian"), (0.5, "between")]
)
def test_the_envelope_is_told(tmp_path: Path, slow: float, envelope: str) -> None:
    path = _file(tmp_path / "r.csv", slow)
    assert json.loads(_fit(path, "--json"))["envelope"] == envelope
    assert WORDS[envelope] in " ".join(_fit(path).split())


@pytest.mark.parametrize("seed", [3, 6])
def test_two_frequencies_too_close_to_be_told_are_not_called_slow_noise(
    tmp_path: Path, seed: int
) -> None:
    """Exponential fringes with 0.6 of a beat in the window, as of charge parity."""
    path = _file(tmp_path / "r.csv", 0.0, seed=seed, away=0.6 / (2 * T2))
    found = json.loads(_fit(path, "--json"))
    assert (found["status"], found["envelope"]) == ("success", "between")
    assert f"envelope: {ALIKE}" in found["notes"]
    text = " ".join(_fit(path).split())
    assert ALIKE in text
    assert "noise" not in text


def test_of_an_exponential_nothing_else_is_noted(tmp_path: Path) -> None:
    """A beat makes an envelope fall slower at first, never more like an exponential."""
    path = _file(tmp_path / "r.csv", 0.0)
    assert ALIKE not in "".join(json.loads(_fit(path, "--json"))["notes"])
    assert ALIKE not in " ".join(_fit(path).split())


def test_where_the_data_do_not_tell_nothing_is_claimed(tmp_path: Path) -> None:
    path = _file(tmp_path / "r.csv", 0.5, noise=0.08)
    found = json.loads(_fit(path, "--json"))
    assert (found["verdict"], found["envelope"]) == ("accepted", "not told")


def test_the_wrong_one_is_hardly_ever_told(tmp_path: Path) -> None:
    """Where noise is so large that a free shape's own error says too little."""
    told = [
        json.loads(_fit(_file(tmp_path / "r.csv", 1.0, 0.06, seed), "--json"))["envelope"]
        for seed in range(60)
    ]
    assert "exponential" not in told
    assert told.count("Gaussian") > 5


def test_a_beat_and_what_is_not_accepted_have_none(tmp_path: Path) -> None:
    beat = json.loads(_fit(_file(tmp_path / "b.csv", 0.0, away=0.03), "--json"))
    assert (beat["status"], beat["envelope"]) == ("beating", None)
    said = "--known", "envelope=exponential"
    refused = json.loads(_fit(_file(tmp_path / "r.csv", 1.0), "--json", *said))
    assert (refused["verdict"], refused["envelope"]) == ("rejected", None)


def test_other_kinds_have_no_such_entry(tmp_path: Path) -> None:
    path = _file(tmp_path / "r.csv", 0.0)
    assert "envelope" not in json.loads(_fit(path, "--json", kind="t1"))
    assert "envelope" not in _fit(path, kind="t1")
