"""What the README says to type is there, and its lines of code run."""

import ast
import re
import runpy
from pathlib import Path

import pytest
from typer.testing import CliRunner

import kammerton
from kammerton.cli import app

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = sorted(set(re.findall(r"(?:\$ |`)kammerton ([a-z]+)", README)))
LINKS = sorted(set(re.findall(r"\]\(([^)#:]+)[^):]*\)", README)))


def test_the_lines_of_a_fit_run_and_find_what_they_were_made_of(capsys, tmp_path):
    (fit,) = (code for code in CODE if "fit_batch" in code)
    file = tmp_path / "lines.py"
    file.write_text(fit, encoding="utf-8")
    runpy.run_path(str(file))
    verdict, value, stderr, *_ = capsys.readouterr().out.split()
    assert verdict == "accepted"
    assert abs(float(value) - 50e-6) < 5 * float(stderr)


@pytest.mark.parametrize("name", ["fit_batch", "Client", "Subscriber"])
def test_each_way_into_a_script_has_its_lines(name):
    assert any(name in code for code in CODE)


def test_what_the_lines_take_from_the_package_is_there():
    taken = [
        alias.name
        for code in CODE
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and node.module == "kammerton"
        for alias in node.names
    ]
    assert len(taken) >= 3
    assert set(taken) <= set(kammerton.__all__)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_exists(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0


def test_each_step_to_a_laboratory_of_ones_own_is_there():
    section = README.split("## Your own laboratory\n")[1].split("\n## ")[0]
    for step in ("check", "run --dry-run", "run --supervised", "run lab.toml", "sim --qubits 2"):
        assert f"$ kammerton {step}" in section


@pytest.mark.parametrize("link", LINKS)
def test_each_link_leads_to_a_file(link):
    assert (Path(__file__).parents[2] / link).exists()
