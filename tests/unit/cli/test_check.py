"""`kammerton check`: what is printed, and the exit code."""

import json

import pytest
import typer
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.cli.loading import load_or_exit
from kammerton.store import Store
from tests.unit.lab.example import FILE, TEXT, spoilt


def kammerton(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def lab_file(tmp_path):
    return tmp_path / "lab.toml"


def test_a_good_file():
    result = kammerton("check", FILE)
    assert result.exit_code == 0
    fine, hint = result.stdout.splitlines()
    assert fine == "lab.toml is fine: 2 qubits, 1 feedline, 5 instruments"
    assert hint.startswith("hint: without a [heat_budget] the heat that pulses bring into")
    assert result.stderr == ""


def test_without_a_broker_it_is_said_that_nothing_is_published(lab_file):
    table = TEXT.index("[broker]")
    lab_file.write_text(TEXT[:table] + TEXT[TEXT.index("\n[", table) + 1 :])
    result = kammerton("check", lab_file)
    assert result.exit_code == 0
    assert result.stdout.endswith("hint: without a [broker] nothing is published\n")


@pytest.mark.parametrize("place", [".", "kammerton-demo"])
def test_the_usual_file_is_found(tmp_path, monkeypatch, place):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "lab.toml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    for arguments in ([], [place]):
        assert kammerton("check", *arguments).stdout.startswith("lab.toml is fine")


def test_where_no_file_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = kammerton("check")
    assert result.exit_code == 2
    assert "neither lab.toml nor kammerton-demo" in result.stderr


def test_a_good_file_with_a_warning(lab_file):
    lab_file.write_text(spoilt("limits.volts", "# limits.volts"))
    result = kammerton("check", lab_file)
    assert result.exit_code == 0
    assert "is fine" in result.stdout
    assert result.stderr.endswith("awg1: has no limits.volts: its outputs stay off\n")


def test_keys_of_commands_that_cannot_be_used_are_a_warning(lab_file):
    lab_file.write_text(spoilt("[broker]", '[broker]\ncommands = "keys"'))
    (lab_file.parent / "keys").write_text("ada short")
    done = kammerton("check", lab_file)
    assert done.exit_code == 0
    assert "nobody may command over MQTT" in done.stderr
    assert "keys:1" in done.stderr
    assert "short" not in done.stderr


def test_every_problem_of_a_bad_file(lab_file):
    lab_file.write_text(spoilt("max_age", "max_aeg").replace('"1 GHz"', '"1"'))
    result = kammerton("check", lab_file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "lab.toml:7: computer.sample_rate: '1' has no unit; write \"1 GHz\"",
        'lab.toml:24: interlock.max_aeg: unknown key; did you mean "max_age"?',
    ]


def test_as_json(lab_file):
    lab_file.write_text(spoilt("limits.volts", "limits.volt"))
    result = kammerton("check", lab_file, "--json")
    assert result.exit_code == 2
    said = json.loads(result.stdout)
    assert len(said["problems"]) == len(said["warnings"]) == 1
    assert json.loads(kammerton("check", FILE, "--json").stdout) == {
        "problems": [],
        "warnings": [],
    }


@pytest.mark.parametrize("content", [None, b"", b"[", b"\xff", b"a = " + b"[" * 50_000])
def test_never_a_traceback(lab_file, content):
    if content is not None:
        lab_file.write_bytes(content)
    result = kammerton("check", lab_file)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "lab.toml" in result.stderr
    assert "Traceback" not in result.stderr


def test_load_or_exit_returns_the_lab():
    assert load_or_exit(FILE).computer == "two-qubits"


def test_load_or_exit_leaves_with_2(lab_file, capsys):
    lab_file.write_text(TEXT.replace("awg1.4", "awg7.4"))
    with pytest.raises(typer.Exit) as left:
        load_or_exit(lab_file)
    assert left.value.exit_code == 2
    assert 'there is no instrument "awg7"' in capsys.readouterr().err


def test_who_has_no_serial_number_is_told_which_one_answered(lab_file):
    address = "TCPIP0::10.0.0.7::hislip0::INSTR"
    text = spoilt("TCPIP0::127.0.0.1::hislip0,4882::INSTR", address)
    lab_file.write_text(spoilt('serial = "1416.0505k02/100001"\n', "", text))
    result = kammerton("check", lab_file)
    assert result.exit_code == 0
    assert "drive_lo: no serial in lab.toml: at the first start" in result.stderr
    assert "serial =" not in result.stderr, "nobody shall paste an example"
    assert not lab_file.with_name("kammerton.sqlite").exists()
    with Store.open(lab_file.with_name("kammerton.sqlite"), "two-qubits") as store:
        store.audit("daemon", f"box drive_lo at {address}", "", "B7", "it answers there")
        assert 'serial = "B7"' in kammerton("check", lab_file).stderr
    head = "[instruments.drive_lo]\n"
    lab_file.write_text(lab_file.read_text().replace(head, f'{head}serial = "B7"\n'))
    assert kammerton("check", lab_file).stderr == ""
