"""`check` and `run --dry-run` say what is wrong with plug-ins, whatever lab.toml has."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from tests.plug_ins import changed, install
from tests.unit.lab.example import FILE, TEXT, spoilt

WHO = "plug-in my-cals 0.1, entry point t1_log: "
BUDGET = '\n[heat_budget]\nmxc = "10 uW"\n'


def kammerton(*words):
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("command", [["check"], ["run", "--dry-run"]])
@pytest.mark.parametrize("more", ["", BUDGET])
def test_one_that_cannot_be_imported_is_said_in_a_line(monkeypatch, tmp_path, command, more):
    file = install(monkeypatch, tmp_path / "site", "import numpyy\n")
    lab = tmp_path / "lab.toml"
    lab.write_text(TEXT + more)
    done = kammerton(*command, lab)
    assert done.exit_code == 2
    assert done.stdout == ""
    *_, said = done.stderr.splitlines()
    assert said == (
        f"{WHO}my_cals cannot be imported: ModuleNotFoundError: No module named 'numpyy' "
        f"({file}, line 1)"
    )
    assert "Traceback" not in done.stderr


def test_check_says_all_at_once(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path / "site", changed('kind="t1x", gives=(Give("t_1", 0.05),)'))
    lab = tmp_path / "lab.toml"
    lab.write_text(spoilt("max_age", "max_aeg"))
    done = kammerton("check", lab, "--json")
    assert done.exit_code == 2
    toml, *mine = json.loads(done.stdout)["problems"][-3:]
    assert "max_aeg" in toml
    assert [each.startswith(WHO) for each in mine] == [True, True]


def test_one_that_is_well_is_no_matter(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path / "site", changed())
    done = kammerton("check", FILE)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("lab.toml is fine")


def test_a_dry_run_refuses_a_program_that_fails(monkeypatch, tmp_path):
    code = changed('program=lambda targets: targets[0]["t_1"]')
    file = install(monkeypatch, tmp_path / "site", code)
    done = kammerton("run", "--dry-run", FILE)
    assert done.exit_code == 3
    said = 'refused: t1_log: t1_log: program: there is no parameter "t_1"; there are f01, '
    assert said in done.stdout
    assert f"({file}, line 6)" in done.stdout
    assert done.stdout.endswith("the gate would refuse 1\n")
