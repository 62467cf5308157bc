"""`kammerton sim ctl`: what it is refused for, everything at once."""

from __future__ import annotations

import json
import socket

import pytest

from kammerton_sim.command import run as command

SUCH_AS = "such as 90s, 10min or 2h"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["temprature"], "no fault or command 'temprature' (did you mean 'temperature'?)"),
        (["hop"], "no fault or command 'hop' (did you mean 'frequency-hop'?)"),
        (["leger"], "no fault or command 'leger' (did you mean 'ledger'?)"),
        (["time", "now"], "time takes nothing: now is too much"),
        (["time", "--after", "3"], "time takes no --after"),
        (["heat", "--unsafe", "a=0:1"], "heat takes no --unsafe"),
        (["ledger", "--sigmas", "3"], "--sigmas belongs to --contradicted"),
        (["ledger", "--since", "3", "--wrong-box"], "--since does not go with --wrong-box"),
        (["ledger", "--unsfe", "a=0:1"], "no option --unsfe (did you mean '--unsafe'?)"),
        (["heat", "--seed", "many"], "--seed must be a whole number from 0 on, not 'many'"),
        (["heat", "--after", "soon"], f"--after must be a time, {SUCH_AS}, not 'soon'"),
        (["heat", "--for", "-3"], f"--for must be a time above 0, {SUCH_AS}, not '-3'"),
        (["heat", "1", "--for", "0"], f"--for must be a time above 0, {SUCH_AS}, not '0'"),
        (["heat", "--after-records"], "--after-records: its value is missing"),
        (
            ["ledger", "--contradicted", "x.json", "--sigmas", "0"],
            "--sigmas must be a number of standard errors above 0",
        ),
        (["heat", "1", "watts=2"], "watts is given twice"),
        (["truth", "q*.charm"], "no parameter is like 'q*.charm'"),
        (
            ["ledger", "--unsafe", "drive_lo.pwoer=-40:10"],
            "drive_lo.pwoer: no output has it (did you mean 'drive_lo.power'?): nothing is proved",
        ),
        (["temperature"], "temperature: KELVIN is missing"),
        (["temperature", "cold"], "kelvin must be a number in K, such as 0.02 or 20mK, not 'cold'"),
        (["temperature", "1", "2"], "temperature takes KELVIN: 2 is too much"),
        (["temperature", "1", "colour=red"], "no parameter 'colour'"),
        (["advance"], "advance takes a time, such as 90s, 10min, 15h or 2d, not ''"),
        (["advance", "1", "h"], "not '1 h'"),
        (["advance", "-3h"], "not '-3h'"),
        (["advance", "soon"], "not 'soon'"),
        (["advance", "1000000h"], "advance: 1000000h is more than a year (366 d), the most that"),
        (["clear", "7"], "no fault has the number 7; there has been none"),
        (["clear", "x"], "clear takes numbers of faults, or all, not x"),
        (["truth", "q0.charm"], "q0.charm"),
        (["truth", "q0.assignment_fidelity"], "; it is that of one run's threshold on its own"),
        ([], "name a fault or a command"),
        (["ledger", "--unsafe", "a=1"], "write PATTERN=MIN:MAX"),
        (["ledger", "--unsafe", "absent.toml"], "absent.toml"),
    ],
)
def test_bad_input_is_exit_2_with_words(ctl, arguments, said):
    code, out, err = ctl(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_all_that_is_wrong_with_a_command_line_is_said_at_once(ctl):
    code, out, err = ctl("--sed", "3", "tlz", "q0", "--after", "x", "--for", "-3", "--sigmas", "2")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "there is no option --sed (did you mean '--seed'?)",
        f"--after must be a time, {SUCH_AS}, not 'x'",
        f"--for must be a time above 0, {SUCH_AS}, not '-3'",
        "tlz takes no --sigmas",
        "--sigmas belongs to --contradicted VALUES.json",
        "there is no fault or command 'tlz' (did you mean 'tls'?); --list and --help tell all",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tlz", "q9", "t1=cold", "x=4"], ["no fault or command 'tlz'", "tls: no parameter 'x'",
                                           "t1 must be a number in s", "no qubit 'q9'"]),
        (["tls", "q9", "t1=cold", "t1=3", "--after", "x"],
         ["--after must", "t1 is given twice", "no qubit 'q9'"]),
        (["tls", "q9", "1", "2", "--seed"], ["--seed: its value", "2 is too much", "'q9'"]),
        (["clamped-setting", "drive_l", "power", "-5dBm", "--for", "0"],
         ["--for must", "no instrument with settings 'drive_l'"]),
        (["ledger", "--unsafe", "5:1", "--unsafe", "awg*.peek=0:1", "--unsafe", "*.power=3:1",
          "--unsafe", "a=cold:1", "--contradicted", "none.json"],
         ["5:1: write PATTERN=MIN:MAX", "awg*.peek: no output has it (did you mean 'awg1.peak'?)",
          "*.power=3:1: the least value, 3, is above the largest, 1", "a=cold:1: 'cold' is no qu",
          "none.json: no such file"]),
        (["front-panel", "drive_lo", "powr", "5", "output=x"],
         ["no setting 'powr' (did you mean 'power'?)", "drive_lo has one output: leave output=x"]),
        (["front-panel", "awg1", "amplitude", "hot", "output=x"],
         ["amplitude cannot be 'hot'; it takes 25 mV to 1.5 V", "no output 'x'; there are 1,"]),
        (["ledger", "--unsafe", "a=1", "--sigmas", "0", "--contradicted", "none.json"],
         ["--sigmas must", "a=1: write PATTERN", "none.json: no such file"]),
        (["advance", "--seed", "--after", "--json=3", "x"],
         ["--seed: its value", "--after: its value", "--json takes no value: 3", "not 'x'"]),
    ],
)  # fmt: skip
def test_several_mistakes_of_every_kind_are_said_at_once(ctl, arguments, said):
    code, out, err = ctl(*arguments)
    assert (code, out) == (2, "")
    assert [each for each in said if each not in err] == []


def test_without_a_laboratory_what_can_be_told_is_told(alone, capsys):
    """Which qubits there are cannot; nor what a limit of a setting is in."""
    words = ["tlz", "q9", "t1=cold", "x=4", "--control", "0"]
    assert command(["ctl", *words]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "--control must be PORT or HOST:PORT, not '0'",
        "there is no fault or command 'tlz' (did you mean 'tls'?); --list and --help tell all",
        "tls: no parameter 'x'; it takes QUBIT [t1=10us]; "
        "t1 must be a number in s, such as 1e-5, 10us or 2h, not 'cold'",
    ]
    assert command(["ctl", "clamped-setting", "a", "power", "-5dBm"]) == 1
    assert "no simulated laboratory runs here" in capsys.readouterr().err


def test_what_is_not_there_is_said_in_words(tmp_path, ctl):
    absent = tmp_path / "lab.tml"
    said = f"{absent}: no such file or directory\n"
    assert ctl("ledger", "--unsafe", str(absent)) == (2, "", said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[]", 'a request is a JSON object on a line, such as {"op": "time"}'),
        ("time", 'a request is a JSON object on a line, such as {"op": "time"}'),
        ("[" * 50_000, 'a request is a JSON object on a line, such as {"op": "time"}'),
        ('{"op": 3}', 'a request is a JSON object on a line, such as {"op": "time"}'),
        ('{"op": "tme"}', "no operation 'tme' (did you mean 'time'?)"),
        ('{"op": "truth"}', "truth: missing a required argument: 'parameter'"),
        ('{"op": "time", "at": 3}', "time: got an unexpected keyword argument 'at'"),
        (
            '{"op": "advance", "seconds": 4e7}',
            "at most 3.16224e+07 s, a year, pass at once, not 4e+07 s",
        ),
    ],
)
def test_a_request_that_is_none_is_told_what_one_is(laboratory, line, said):
    with socket.create_connection(("127.0.0.1", laboratory.ports["control"]), 20) as client:
        client.sendall(line.encode() + b"\n")
        assert json.loads(client.makefile().readline()) == {"error": said}


@pytest.mark.parametrize("arguments", [["tls", "q9"], ["tempratur"], ["--control", "1", "time"]])
def test_what_is_refused_is_json_where_answers_are(ctl, arguments):
    code, out, err = ctl(*arguments, "--json")
    words = ctl(*arguments)
    assert (code, out) == (words[0], "")
    assert json.loads(err) == {"error": words[2].rstrip("\n")}
