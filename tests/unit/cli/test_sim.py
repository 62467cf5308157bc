"""`kammerton sim` serves, `kammerton sim ctl` commands: which words go where."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kammerton.cli import app, sim


@pytest.fixture
def passed(monkeypatch):
    """What the laboratory's own command line is given."""
    words: list[list[str]] = []

    def laboratory(arguments: list[str]) -> int:
        words.append(arguments)
        return 3

    monkeypatch.setattr(sim, "_laboratory", laboratory)
    return words


def test_ctl_passes_everything_on_and_its_exit_code_back(passed):
    line = ["sim", "ctl", "frequency-hop", "q0", "hz=1e5", "--after-records", "7", "--help"]
    assert CliRunner().invoke(app, line).exit_code == 3
    assert passed == [["ctl", *line[2:]]]


@pytest.mark.parametrize("words", [[], ["chip.toml"], ["--qubits", "2"], ["serve", "chip.toml"]])
def test_all_else_serves(passed, words):
    assert CliRunner().invoke(app, ["sim", *words]).exit_code == 3
    (given,) = passed
    assert given[0] != "ctl"
    assert ("chip.toml" in words) == ("chip.toml" in given)


def test_help_is_about_serving():
    said = CliRunner().invoke(app, ["sim", "--help"]).output
    assert "Serve simulated instruments" in said
