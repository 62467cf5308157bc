"""A command line is refused with everything that is wrong in it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kammerton.cli import app


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["measure", "q0", "t1", "--shots", "abc"],
         "'--shots': must be a whole number, not 'abc'"),
        (["log", "-n", "1.5"], "'-n': must be a whole number from 1 to 1000000000, not '1.5'"),
        (["fit", "t1.csv", "--shots", "many"], "must be a whole number, not 'many'"),
        (["fit", "t1.csv", "--cal-points", "1.5"], "must be a whole number, not '1.5'"),
        (["demo", "--qubits", "11"], "'--qubits': must be a whole number from 1 to 10, not '11'"),
        (["demo", "--seed", "-1"], "'--seed': must be a whole number not below 0, not '-1'"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_refused_in_plain_words(words, said):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert "nput should" not in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo", "--qubits", "0", "--seed", "x", "--bogus"],
         ["Invalid value for '--qubits': ", "Invalid value for '--seed': ",
          "No such option: --bogus"]),
        (["demo", "--seed=x", "--onec", "--qubits=11"],
         ["'--seed': ", "--onec (Possible options: ", "'--qubits': "]),
        (["log", "-n", "0", "--audti", "a", "b"], ["'-n': ", "--audti"]),
        (["status", "--jsno", "a", "b"], ["--jsno", "unexpected extra"]),
        (["measure", "--shots", "x"], ["'--shots': ", "Missing argument 'QUBIT'"]),
        (["demo", "--keep"], ["Option '--keep' requires an argument"]),
        (["demo", "--bogus"], ["No such option: --bogus"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_said_at_once(words, said):
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [each for each in said if each not in result.stderr] == []
    assert result.stderr.count("Error: ") == 1
