"""`kammerton sim` hands every word to the laboratory's own command line, and its exit code back."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kammerton.cli import app, sim


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["chip.toml", "--qubits", "2"],
        ["--help"],
        ["ctl", "frequency-hop", "q0", "hz=1e5", "--after-records", "7"],
    ],
)
def test_every_word_is_handed_on(monkeypatch, words):
    given: list[list[str]] = []
    monkeypatch.setattr(sim, "_laboratory", lambda arguments: given.append(arguments) or 3)
    assert CliRunner().invoke(app, ["sim", *words]).exit_code == 3
    assert given == [words]
