"""Help speaks of what a person writes, not of the types that Python has for it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kammerton.cli import ORDER, app


@pytest.mark.parametrize("command", [each for each in ORDER if each != "sim"])
def test_no_argument_is_told_by_its_type(command: str) -> None:
    """`NAME... <list[str]>`, `LAB <path>`."""
    said = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "100"})
    assert said.exit_code == 0
    assert not [word for word in said.stdout.split() if word.startswith("<")]
    assert "list[" not in said.stdout
    assert "......" not in said.stdout.replace(" ", "")
    assert "{" not in said.stdout, "what must be there is FILE, what may be [FILE]"
