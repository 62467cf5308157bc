"""`kammerton sim ctl`: every command, through the command line, on a laboratory in this process."""

from __future__ import annotations

import io
import json
import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kammerton_sim import ctl_words as words
from kammerton_sim import running
from kammerton_sim.asked import asked
from kammerton_sim.command import run as command
from kammerton_sim.faults import CATALOGUE
from kammerton_sim.limits import LimitError, limits_of
from kammerton_sim.quantities import limits, measured, quantity
from kammerton_sim.running import announced, found
from kammerton_sim.wire.lines import LineServer
from kammerton_sim.world.errors import WorldError
from tests.wire.conftest import settle
from tests.wire.test_laboratory import text_of

SAID = "simulated device, hidden truth, seed 3"


def signed(laboratory) -> str:
    """What ends every answer in words."""
    port, folder = laboratory.ports["control"], Path.cwd()
    return f"{laboratory.chip.name} (pid {os.getpid()} in {folder}, --control {port}): {SAID}"


@pytest.fixture
def ctl(laboratory, capsys):
    """Run a command; returns (exit code, stdout, stderr)."""

    def ctl(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()  # upstream's drivers greet
        port = str(laboratory.ports["control"])
        code = command(["ctl", "--control", port, *arguments])
        return code, *capsys.readouterr()

    return ctl


def test_the_list_needs_no_laboratory(capsys):
    assert command(["ctl", "--list"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0].split() == ["FAULT", "TAKES", "ROW", "WHAT", "HAPPENS"]
    assert [line.split()[0] for line in lines[1:] if line[0] != " "] == list(CATALOGUE)
    (hop,) = [line for line in lines if line.startswith("frequency-hop")]
    assert "P2, P6" in hop
    assert "QUBIT [hz=200kHz]" in hop
    assert command(["ctl", "--list", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [fault["name"] for fault in told] == list(CATALOGUE)
    assert set(told[0]) == {"name", "takes", "row", "says"}


@pytest.mark.parametrize("width", [60, 100, 200])
def test_the_table_is_folded_and_says_all(width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    assert command(["ctl", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > len(CATALOGUE) + 1 if width < 200 else len(lines) == len(CATALOGUE) + 1
    words = " ".join(lines).split()
    for fault in CATALOGUE.values():
        assert set(fault.says.split()) <= set(words)


def test_a_fault_by_place_and_by_name(ctl, laboratory):
    port, which = laboratory.ports["control"], signed(laboratory)
    said = f"fault 1, temperature kelvin=300mK, is on; `kammerton sim ctl --control {port} "
    said += f"clear 1` takes it off\n{which}\n"
    assert ctl("temperature", "0.3") == (0, said, "")
    assert ctl("garble", "awg1", "count=3", "--seed", "9", "--for", "60")[0] == 0
    hot, garbled = laboratory.faults.active()
    assert hot["given"] == {"kelvin": 0.3}
    assert (garbled["given"], garbled["seed"]) == ({"instrument": "awg1", "count": 3}, 9)
    code, said, _ = ctl("faults", "--json")
    assert code == 0
    assert [json.loads(line)["number"] for line in said.splitlines()] == [1, 2]
    assert ctl("faults")[1].splitlines()[2].split()[:4] == ["2", "garble", "on", "9"]
    assert ctl("clear", "2")[1] == f"taken off: 2\n{which}\n"
    assert ctl("clear")[1] == f"taken off: 1\n{which}\n"
    assert ctl("clear")[1] == f"nothing was on\n{which}\n"
    assert ctl("faults")[1] == f"no fault is on, none waits; --all tells those that were\n{which}\n"
    assert ctl("clear", "--json")[1] == '{"cleared": []}\n'


def test_when_a_fault_came_and_went_is_told(ctl, laboratory):
    """On the laboratory's clock; of what waits, what for; of what goes by itself, when."""
    ctl("heat", "1uW", "--for", "60")
    ctl("tls", "q0", "--after", "90", "--after-records", "99")
    heading, on, waits, _ = ctl("faults")[1].splitlines()
    assert heading.split() == ["FAULT", "STATE", "SEED", "STRUCK", "ON", "OFF", "WITH"]
    assert "  2001-09-09 01:46:40." in on
    assert "  after 60 s  " in on
    assert "  after 90 s or after 99 records  -  " in waits
    laboratory.world.clock.advance(3600)
    ctl("clear")
    first, second = (json.loads(line) for line in ctl("faults", "--all", "--json")[1].splitlines())
    assert (first["state"], second["state"]) == ("cleared", "cleared")
    assert first["off"] - first["on"] == pytest.approx(3600, abs=60)
    assert (second["on"], second["when"]) == (None, {"after": 90.0, "after_records": 99})
    assert "  2001-09-09 02:46:4" in ctl("faults", "--all")[1].splitlines()[1]
    assert ctl("faults")[1].startswith("no fault is on")


def test_none_is_taken_off_where_one_never_was(ctl, laboratory):
    ctl("heat", "1uW")
    assert ctl("clear", "1", "7", "9")[2] == "no fault 7, 9; there have been 1\n"
    assert [fault["state"] for fault in laboratory.faults.active()] == ["on"]
    assert ctl("clear", "1", "1", "--json")[1] == '{"cleared": [1]}\n'


def test_a_reference_that_is_not_in_use_is_said_to_change_nothing(ctl, laboratory):
    said = "awg1 runs by its own clock at present: nothing changes until it is set to the external"
    assert said in ctl("reference-lost", "awg1")[1]
    laboratory.generators["awg1"].receive(b"CLOC:SOUR EFIX")
    laboratory.sources["drive_lo"].receive(b"ROSC:SOUR EXT")
    assert "own clock" not in ctl("reference-lost", "awg1")[1]
    assert "own clock" not in ctl("reference-lost", "drive_lo")[1]
    assert "drive_lo" not in json.loads(ctl("reference-lost", "board", "--json")[1])["remark"]


def test_what_has_struck_is_done_and_not_taken_off(ctl, laboratory):
    assert ctl("error", "drive_lo", "count=2")[1] == (
        f"fault 1, error instrument=drive_lo count=2, is done\n{signed(laboratory)}\n"
    )
    ctl("swallow", "fridge", "2")
    told = [line.split() for line in ctl("faults")[1].splitlines()[1:-1]]
    assert [(*each[1:3], " ".join(each[4:7])) for each in told] == [
        ("error", "done", "2 of 2"), ("swallow", "on", "0 of 2")
    ]  # fmt: skip
    assert ctl("clear")[1].startswith("taken off: 2\n")
    assert ctl("clear")[1].startswith("nothing was on\n")
    assert ctl("faults")[1].startswith("no fault is on, none waits")


@pytest.mark.parametrize(
    ("fault", "values"),
    [("overload", []), ("hang-up", ["digitizer"]), ("power-cycle", ["instrument=digitizer"])],
)
def test_a_digitizer_has_the_name_of_lab_toml_too(ctl, laboratory, fault, values):
    given = values or ["board=digitizer"]
    assert ctl(fault, *given)[::2] == (0, "")
    (entry,) = [c for c in laboratory.ledger.since() if c["what"] == "fault" and c["new"]]
    assert entry["instrument"] == "board"
    assert ctl(fault, given[0].replace("digitizer", "digitizer2"))[0] == 2


def test_options_may_stand_anywhere_and_a_negative_number_is_a_value(ctl, laboratory):
    assert ctl("--seed", "3", "error", "--for", "60", "awg1", "-222", "--after", "50")[0] == 0
    (waiting,) = laboratory.faults.active()
    assert waiting["given"] == {"instrument": "awg1", "code": -222}
    assert ctl("error", "awg1", "-350", "--after-records", "9")[1].startswith(
        "fault 2, error instrument=awg1 code=-350, comes after 9 records;"
    )
    assert json.loads(ctl("heat", "1e-5", "--json")[1]) == {"fault": 3, "remark": ""}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["temprature"], "no fault or command 'temprature' (did you mean 'temperature'?)"),
        (["leger"], "no fault or command 'leger' (did you mean 'ledger'?)"),
        (["time", "now"], "time takes nothing; too many: now"),
        (["time", "--after", "3"], "time takes no --after"),
        (["heat", "--unsafe", "a=0:1"], "heat takes no --unsafe"),
        (["ledger", "--sigmas", "3"], "--sigmas belongs to --contradicted"),
        (["ledger", "--since", "3", "--wrong-box"], "--since does not go with --wrong-box"),
        (["ledger", "--unsfe", "a=0:1"], "no option --unsfe (did you mean '--unsafe'?)"),
        (["heat", "--seed", "many"], "--seed must be a whole number from 0 on, not 'many'"),
        (["heat", "--after", "soon"], "--after must be a time in seconds, not 'soon'"),
        (["heat", "--for", "-3"], "--for must be a time in seconds above 0, not '-3'"),
        (["heat", "1", "--for", "0"], "--for must be a time in seconds above 0, not '0'"),
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
        (["temperature", "1", "2"], "temperature takes KELVIN; too many: 2"),
        (["temperature", "1", "colour=red"], "no parameter 'colour'"),
        (["advance"], "advance takes a time, such as 90s, 10min, 15h or 2d, not ''"),
        (["advance", "1", "h"], "not '1 h'"),
        (["advance", "-3h"], "not '-3h'"),
        (["advance", "soon"], "not 'soon'"),
        (["advance", "1000000h"], "advance: 1000000h is more than a year (366 d), the most that"),
        (["clear", "7"], "no fault 7"),
        (["clear", "x"], "clear takes numbers of faults, not x"),
        (["truth", "q0.charm"], "q0.charm"),
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
        "--after must be a time in seconds, not 'x'",
        "--for must be a time in seconds above 0, not '-3'",
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
        (["tls", "q9", "1", "2", "--seed"], ["--seed: its value", "too many: 2", "'q9'"]),
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
         ["amplitude cannot be 'hot'; it takes 0.025 to 1.5 V", "no output 'x'; there are 1,"]),
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
        "t1 must be a number in s, such as 1e-5 or 10us, not 'cold'",
    ]
    assert command(["ctl", "clamped-setting", "a", "power", "-5dBm"]) == 1
    assert "no simulated laboratory runs here" in capsys.readouterr().err


def test_questions(ctl, laboratory, world):
    assert ctl("truth", "q0.t1") == (0, f"q0.t1 = 50 µs\n{signed(laboratory)}\n", "")
    assert json.loads(ctl("truth", "q0.t1", "--json")[1]) == {"q0.t1": 5e-5, "note": SAID}
    assert ctl("outputs")[1].splitlines()[0].split() == ["awg1.1", "off"]
    assert json.loads(ctl("outputs", "--json")[1])["awg1.1"] is None
    assert ctl("time")[1].startswith("2001-09-09 01:46:40")
    assert "unix 1000000000" in ctl("time")[1]
    said = dict(line.split("  ", 1) for line in ctl("refrigerator")[1].splitlines()[:-1])
    assert said["mixing chamber"].strip() == "12 mK"
    assert said["turbo"].strip() == "runs"
    now = json.loads(ctl("refrigerator", "--json")[1])
    assert now["temperatures"]["mixing_chamber"] == pytest.approx(0.012)
    assert ctl("stop")[1] == f"it stops\n{signed(laboratory)}\n"
    assert laboratory.stop_requested.is_set()


def test_a_mixture_that_stands_is_not_said_to_circulate(ctl, laboratory):
    assert "100 % condensed, circulating" in ctl("refrigerator")[1]
    laboratory.faults.inject("trip", machine="fore_pump")
    said = ctl("refrigerator")[1]
    assert " 0 mmol/s" in said
    assert "100 % condensed, not flowing" in said


def test_laboratory_time_passes_when_it_is_told_to(ctl, laboratory):
    before = laboratory.world.clock.now()
    assert ctl("advance", "15h")[1].startswith("2001-09-09 16:46:4")
    assert ctl("advance", "1.5 min", "--json")[0] == 0
    passed = laboratory.world.clock.now() - before
    assert passed == pytest.approx(15 * 3600 + 90, abs=60)
    assert "remark" in json.loads(ctl("advance", "1s", "--json")[1])
    assert ctl("advance", "1e9d")[2].startswith("advance: 1e9d is more than a year")
    code, _, said = ctl("advance", "400d")
    assert code == 2
    assert said == "advance: 400d is more than a year (366 d), the most that passes at once\n"


def test_who_is_connected_while_laboratory_time_passes_is_said_to_stay_behind(ctl, source):
    said = ctl("advance", "2h")[1].splitlines()[1]
    assert said == (
        "a program is connected to drive_lo: its own clock does not see this jump and is 2 h"
        " behind the laboratory's from now on"
    )
    assert len(ctl("advance", "0s")[1].splitlines()) == 2
    source.close()


def test_what_a_fault_was_given_is_told_with_its_units(ctl, laboratory):
    said = ctl("tls", "q0", "1.2e-5", "--after", "99")[1]
    assert said.startswith("fault 1, tls qubit=q0 t1=12us, comes in 99 s;")
    ctl("clamped-setting", "drive_lo", "power", "-5")
    ctl("frequency-hop", "q0", "3e5", "--after", "99")
    lines = ctl("faults")[1].splitlines()[1:-1]
    given = ["qubit=q0 t1=12us", "setting=power largest=-5dBm", "qubit=q0 hz=300kHz"]
    assert all(line.endswith(words) for line, words in zip(lines, given, strict=True))
    told = [json.loads(line) for line in ctl("faults", "--json")[1].splitlines()]
    assert [each["units"] for each in told] == [{"t1": "s"}, {"largest": "dBm"}, {"hz": "Hz"}]


def test_limits_may_have_units(ctl, source):
    source.on()
    settle(source)
    assert ctl("ledger", "--unsafe", "*.power=-20dBm:inf")[0] == 3
    assert limits_of(["a=-500mV:0.5 V"]) == {"a": (-0.5, 0.5)}


def test_the_ledger_line_by_line(ctl, source):
    source.on()
    settle(source)
    lines = [json.loads(line) for line in ctl("ledger", "--json")[1].splitlines()]
    assert lines[-1]["what"] == "on"
    assert ctl("ledger")[1].splitlines()[-2].endswith("drive_lo.rf on: no -> yes")
    later = "--since", str(lines[-1]["index"] + 1)
    assert ctl("ledger", *later)[1].startswith(f"the ledger has no entry from {later[1]} on\n")
    assert ctl("ledger", *later, "--json")[1] == ""


def test_unsafe_outputs_are_exit_3(ctl, source, laboratory):
    limit = ["ledger", "--unsafe", "*.power=-40:10"]
    source.power(15)
    settle(source)
    which = signed(laboratory)
    assert ctl(*limit) == (0, f"unsafe outputs: 0 of 2 that have limits\n{which}\n", "")
    source.on()
    settle(source)
    code, said, _ = ctl(*limit)
    assert code == 3
    title, span, note = said.splitlines()
    assert (title, note) == ("unsafe outputs: 1 of 2 that have limits", which)
    said = "  drive_lo.rf: power was 15 dBm, not -40 dBm to 10 dBm, from 2001-09-09"
    assert span.startswith(said)
    told = json.loads(ctl(*limit, "--json")[1])
    (span,) = told["found"]
    assert (span["output"], span["what"], span["value"]) == ("drive_lo.rf", "power", 15)
    assert (told["question"], told["checked"], told["note"]) == ("unsafe", 2, SAID)


def test_every_question_has_an_answer_of_one_shape(tmp_path, ctl, world, laboratory):
    """One JSON object a question, of the same keys, also where several are asked at once."""

    def true(name: str, **_: object) -> float:
        raise WorldError(f"no {name}")

    world.truth = true
    values = tmp_path / "values.json"
    values.write_text(json.dumps([{"name": "q0.charm", "value": 1.0, "stderr": 0.1}]))
    asked = "--unsafe", "*.power=-200:99", "--wrong-box", "--contradicted", str(values)
    told = [json.loads(line) for line in ctl("ledger", "--json", *asked)[1].splitlines()]
    assert [each["question"] for each in told] == ["unsafe", "wrong_box", "contradicted"]
    shape = {"question", "found", "checked", "not_judged", "complete", "note"}
    assert all(shape <= set(each) for each in told)
    lines = ctl("ledger", *asked)[1].splitlines()
    assert lines == [
        "unsafe outputs: 0 of 2 that have limits",
        "writes to the wrong box: 0 of 0 changes that were written",
        "values more than 5 standard errors off the truth: 0 of 0 values",
        "not judged: q0.charm: the laboratory has no truth of it",
        signed(laboratory),
    ]


@pytest.mark.parametrize("question", ["outputs", "refrigerator"])
def test_what_is_true_says_of_which_simulated_device(ctl, question, laboratory):
    assert ctl(question)[1].splitlines()[-1] == signed(laboratory)
    told = json.loads(ctl(question, "--json")[1])
    assert told["note"] == SAID


def test_a_pattern_that_meets_nothing_is_refused_with_the_nearest(ctl, laboratory):
    code, out, err = ctl("ledger", "--unsafe", "awg*.peek=-0.5:0.5", "--unsafe", "x=0:1")
    assert (code, out) == (2, "")
    assert "awg*.peek: no output has it (did you mean 'awg1.peak'?); x: no output has" in err
    assert "nothing is proved" in err
    err = ctl("ledger", "--unsafe", "fridge.*=0:1")[2]
    assert "fridge.*: no output has it (fridge has no outputs; there are awg1." in err
    assert "did you mean" not in err
    assert ctl("ledger", "--unsafe", "awg*.peak=-0.5:0.5") == (
        0,
        f"unsafe outputs: 0 of 8 that have limits\n{signed(laboratory)}\n",
        "",
    )


def test_limits_come_from_a_lab_toml(tmp_path, ctl, source):
    path = tmp_path / "lab.toml"
    path.write_text(text_of(1), encoding="utf-8")
    limits = limits_of([str(path)])
    assert limits["awg1.peak"] == (-0.5, 0.5)
    assert limits["drive_lo.frequency"] == (4e9, 6e9)
    assert limits["readout_lo.power"] == (-20, 16)
    source.on()  # at 1 GHz and -30 dBm, as it is switched on
    settle(source)
    code, said, _ = ctl("ledger", "--json", "--unsafe", str(path))
    assert code == 3
    assert {span["what"] for span in json.loads(said)["found"]} == {"frequency", "power"}


def test_a_limit_of_a_lab_toml_that_meets_nothing_is_said(tmp_path, ctl):
    """A slip in a name; and what the box of that name has no such output for."""
    path = tmp_path / "lab.toml"
    path.write_text('[instruments.awgg1]\nlimits.volts = { max = "1 V" }\n'
                    '[instruments.awg1]\nlimits.volts = { max = "9 V" }\n'
                    'limits.power = { max = "1 dBm" }\n')  # fmt: skip
    code, said, err = ctl("ledger", "--unsafe", str(path))
    assert (code, err) == (0, "")
    heading, nowhere, _ = said.splitlines()
    assert heading == "unsafe outputs: 0 of 8 that have limits"
    assert nowhere == "not judged: awgg1.volts, awg1.power: no output has it"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ('{ min = "1 parsec" }', "'1 parsec' has an unknown unit"),
        ("{ max = 3 }", "3 is no quantity"),
        ('{ max = "much" }', "'much' is no quantity"),
        ('{ max = "1.2.3 V" }', "'1.2.3 V' is no quantity"),
        ("3", r"instruments.a.limits.volts is no table"),
    ],
)
def test_limits_that_cannot_be_read_are_named(tmp_path, span, said):
    path = tmp_path / "lab.toml"
    path.write_text(f"[instruments.a]\nlimits.volts = {span}\n")
    with pytest.raises(LimitError, match=said):
        limits_of([str(path)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("instruments = 3", "instruments is no table"),
        ("[instruments]\na = 3", "instruments.a is no table"),
        ("[instruments.a]\nlimits = [1]", "instruments.a.limits is no table"),
    ],
)
def test_a_lab_toml_of_another_shape_is_named(tmp_path, ctl, text, said):
    path = tmp_path / "lab.toml"
    path.write_text(text + "\n")
    assert ctl("ledger", "--unsafe", str(path)) == (2, "", f"{path}: {said}\n")


def test_all_bad_limits_are_named_at_once(tmp_path):
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(LimitError) as caught:
        limits_of(["a=b", str(empty), str(tmp_path / "absent.toml")])
    assert len(str(caught.value).splitlines()) == 3


def test_writes_to_the_wrong_box_are_exit_3(ctl, laboratory, source):
    said = f"writes to the wrong box: 0 of 0 changes that were written\n{signed(laboratory)}\n"
    assert ctl("ledger", "--wrong-box") == (0, said, "")
    ctl("wrong-identity", "drive_lo")
    source.power(-5)
    settle(source)
    ctl("clear")
    source.power(-6)
    settle(source)
    code, said, _ = ctl("ledger", "--wrong-box")
    assert code == 3
    assert said.startswith("writes to the wrong box: 1 of 2 changes that were written\n")
    assert "drive_lo.rf power: -30 dBm -> -5 dBm, while it said it was 'Rohde" in said
    (write,) = json.loads(ctl("ledger", "--wrong-box", "--json")[1])["found"]
    assert (write["what"], write["new"]) == ("power", -5)


@pytest.mark.parametrize(
    "words",
    [("wrong-identity", "digitizer"), ("api-error", "digitizer", "582"), ("late", "digitizer"),
     ("lost-setting", "digitizer", "clock"), ("truncate", "digitizer", "keep=0.2"),
     ("false-reading", "fridge", "T8", "NAN"), ("wrong-identity", "fridge")],
)  # fmt: skip
def test_faults_of_the_digitizer_and_the_fridge_go_on_and_off_by_name(ctl, laboratory, words):
    name = words[1].replace("digitizer", "board")
    assert ctl(*words)[0] == 0
    (told,) = laboratory.faults.active()
    assert (told["name"], told["given"]["instrument"], told["state"]) == (words[0], name, "on")
    assert ctl("clear")[0] == 0
    assert laboratory.faults.active() == []
    noted = [c["new"] is None for c in laboratory.ledger.since() if c["what"] == "fault"]
    assert noted == [False, True]


def test_values_are_held_against_the_truth(tmp_path, ctl, laboratory):
    path = tmp_path / "values.json"
    time = "1970-01-01T00:00:00.000050Z"  # the counting world's T1 is the time itself
    good = {"value": 51e-6, "stderr": 1e-6, "time": time, "quality": "good"}
    path.write_text(json.dumps({"parameters": {"q0.t1": good}}))
    assert ctl("ledger", "--contradicted", str(path))[0] == 0
    setting = {"name": "q0.x", "value": 1, "stderr": 0, "quality": "setting"}
    path.write_text(json.dumps([{"name": "q0.t1", **good, "value": 60e-6}, setting]))
    code, said, _ = ctl("ledger", "--contradicted", str(path), "--sigmas", "4")
    assert code == 3
    assert "q0.t1: 60.0 ± 1.0 µs, truth 50.0 µs: +10.0 standard errors off" in said
    assert "not judged: q0.x: a setting, which claims nothing" in said
    path.write_text(json.dumps([{"name": "q0.t1", "value": 1.0, "stderr": 0.1, "age_seconds": 5}]))
    code, said, _ = ctl("ledger", "--contradicted", str(path), "--json")  # its truth is its time
    told = json.loads(said)
    (off,) = told["found"]
    assert off["truth"] == pytest.approx(1e9 - 5, abs=100)
    assert (told["checked"], told["not_judged"], told["note"]) == (1, [], SAID)
    assert ctl("ledger", "--contradicted", str(path))[1].splitlines()[-1] == signed(laboratory)
    path.write_text("3")
    assert ctl("ledger", "--contradicted", str(path))[0] == 2
    path.write_text("")
    assert ctl("ledger", "--contradicted", str(path))[2].startswith(f"{path}: not JSON: ")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"age_seconds": "x"}, "q0.t1: age_seconds is no number: 'x'"),
        ({"time": "yesterday"}, "q0.t1: time is none: 'yesterday'"),
        ({"time": [1]}, "q0.t1: time is none: [1]"),
        ({"time": True}, "q0.t1: time is none: True"),
        ({"time": math.nan}, "q0.t1: time is none: nan"),
        (
            {"time": "2026-01-01T00:00:00"},
            "q0.t1: time has no zone, such as Z for UTC: '2026-01-01T00:00:00'",
        ),
        ({"value": True}, "q0.t1: value is no number: True"),
        ({"stderr": math.inf}, "q0.t1: stderr is no number: inf"),
        ({"stderr": [0]}, "q0.t1: stderr is no number: [0]"),
        ({"extra": 3}, "q0.t1: extra is no table: 3"),
    ],
)
def test_a_value_of_another_kind_is_named(tmp_path, ctl, entry, said):
    path = tmp_path / "values.json"
    path.write_text(json.dumps([{"name": "q0.t1", "value": 1.0, "stderr": 0.1} | entry]))
    assert ctl("ledger", "--contradicted", str(path)) == (2, "", f"{path}: {said}\n")
    path.write_text(json.dumps({"parameters": {"q0.t1": 3}}))
    assert ctl("ledger", "--contradicted", str(path))[0] == 2


def test_one_value_that_cannot_be_compared_does_not_hide_the_others(tmp_path, ctl, world):
    """One of tomorrow, and one of a pulse that is none: each is named, and why."""

    def true(name: str, **_: object) -> float:
        return 1 / 0 if name == "q0.pi_amplitude" else 50e-6

    world.truth = true
    path, values = tmp_path / "values.json", []
    for name, more in (
        ("q0.t1", {}), ("q1.t1", {"time": 2e9}),
        ("q0.pi_amplitude", {"extra": {"sample_rate": 0}}),
    ):  # fmt: skip
        values.append({"name": name, "value": 1.0, "stderr": 0.1, **more})
    path.write_text(json.dumps(values))
    lines = ctl("ledger", "--contradicted", str(path))[1].splitlines()
    assert lines[0].endswith(": 1 of 1 values")
    assert lines[2:4] == [
        "not judged: q0.pi_amplitude: division by zero",
        "not judged: q1.t1: its time is yet to come on the laboratory's clock",
    ]


def test_values_with_the_samples_of_their_pulses_may_be_megabytes(laboratory):
    samples = {"re": [0.123456789012345] * 70_000, "im": [0.0] * 70_000}
    value = {"name": "q0.t1", "value": 1.0, "stderr": 0.1, "extra": samples}
    question = {"op": "contradicted", "published": [value]}
    assert len(json.dumps(question)) > 1 << 20
    assert "checked" in asked("127.0.0.1", laboratory.ports["control"], question)


def test_a_process_of_windows_is_not_asked_with_a_signal_that_ends_it(monkeypatch):
    """There os.kill(pid, 0) is Ctrl-C for it: 0 is signal.CTRL_C_EVENT."""
    monkeypatch.setattr(running.os, "kill", lambda *_: pytest.fail("it was ended"))
    with monkeypatch.context() as patch:
        patch.setattr(running.os, "name", "nt")
        assert running._is_alive(1)


def test_what_is_not_there_is_said_in_words(tmp_path, ctl):
    absent = tmp_path / "lab.tml"
    said = f"{absent}: no such file or directory\n"
    assert ctl("ledger", "--unsafe", str(absent)) == (2, "", said)


def test_units_are_those_of_the_level():
    assert limits(4e9, 6e9, "Hz") == "4 GHz to 6 GHz"
    assert limits(-1e300, 0.5, "V") == "at most 500 mV"
    assert limits(-0.5, 1e300, "V") == "at least -500 mV"
    assert quantity(15, "dBm") == "15 dBm"
    assert quantity(0.0, "V") == "0 V"
    assert measured(1.56e-5, 1.16e-6, "s") == "15.6 ± 1.2 µs"
    assert measured(0.95, 0.012, "") == "0.950 ± 0.012"


def test_what_is_refused_does_not_keep_the_other_truths_back(ctl):
    code, out, err = ctl("truth", "q0.charm", "q0.t1")
    assert code == 2
    assert out.startswith("q0.t1 = 50 µs\n")
    assert "q0.charm" in err
    assert json.loads(ctl("truth", "q0.charm", "q0.t1", "--json")[1])["q0.t1"] == 5e-5


def test_a_truth_is_said_to_the_digits_of_a_good_measurement():
    told = {"q0.f01": 4912345678.9123, "q0.anharmonicity": -310123456.7, "q0.t1": 4.98765432e-5,
            "r0.linewidth": 2034567.8, "q0.n": 0.123456}  # fmt: skip
    assert words.truths(told).splitlines() == [
        "q0.f01 = 4.91234568 GHz", "q0.anharmonicity = -310.123 MHz", "q0.t1 = 49.88 µs",
        "r0.linewidth = 2.035 MHz", "q0.n = 0.1235",
    ]  # fmt: skip
    assert words.level("frequency", 5123456789.25) == "5.123456789 GHz"


def test_what_a_comparison_needs_beside_the_value_is_said(tmp_path, ctl, laboratory, world):
    def true(name: str, **_: object) -> float:
        raise WorldError(f"{name}: more is needed")

    world.truth = true
    path = tmp_path / "values.json"
    names = "q0.pi_amplitude", "q1.pi_amplitude", "q0.assignment_fidelity", "q0.t1"
    path.write_text(json.dumps([{"name": n, "value": 1.0, "stderr": 1.0} for n in names]))
    said = ctl("ledger", "--contradicted", str(path))[1].splitlines()
    assert [line.partition(": it is")[0] for line in said[1:3]] == [
        "not judged: q0.pi_amplitude, q1.pi_amplitude", "not judged: q0.assignment_fidelity"
    ]  # fmt: skip
    assert said[3] == "not judged: q0.t1: the laboratory has no truth of it"
    assert '"extra": {"re": [...], "im": [...], "sample_rate": 1e9, "carrier": 4.9e9}' in said[1]
    code, out, err = ctl("truth", "q1.pi_amplitude", "q0.t1")
    assert (code, out) == (2, "")
    asked, other = err.splitlines()
    assert '"extra": {' in asked
    assert "extra" not in other


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[]", 'a request is a JSON object on a line, such as {"op": "time"}'),
        ("time", 'a request is a JSON object on a line, such as {"op": "time"}'),
        ('{"op": 3}', 'a request is a JSON object on a line, such as {"op": "time"}'),
        ('{"op": "tme"}', "no operation 'tme' (did you mean 'time'?)"),
        ('{"op": "truth"}', "truth: missing a required argument: 'parameter'"),
        ('{"op": "time", "at": 3}', "time: got an unexpected keyword argument 'at'"),
        (
            '{"op": "advance", "seconds": 4e7}',
            "ValueError: 40000000.0 s: from 0 to 3.16224e+07, a year, can pass at once",
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


def test_who_reads_no_further_is_told_nothing(laboratory):
    """`kammerton sim ctl outputs | head -0`: no words about a pipe, no traceback."""
    port, (reads, writes) = str(laboratory.ports["control"]), os.pipe()
    os.close(reads)
    words = [sys.executable, "-m", "kammerton_sim", "ctl", "--control", port, "outputs"]
    done = subprocess.run(words, stdout=writes, stderr=subprocess.PIPE, timeout=100, check=False)
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_json_is_not_folded_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout", shown := Terminal())
    monkeypatch.setattr("sys.stderr", refused := Terminal())
    command(["ctl", "--list", "--json"])
    command(["ctl", "tempratur", "--json"])
    assert len(shown.getvalue().splitlines()) == len(CATALOGUE)
    assert "did you mean 'temperature'" in json.loads(refused.getvalue())["error"]


# ---------------------------------------------------------------- which laboratory


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_the_one_that_runs_is_found(alone, laboratory, capsys):
    assert found() == []
    assert command(["ctl", "time"]) == 1
    assert "no simulated laboratory runs here" in capsys.readouterr().err
    with announced("a chip", laboratory.ports["control"]):
        assert command(["ctl", "time"]) == 0
        assert [each.chip for each in found()] == ["a chip"]
    assert found() == []


@pytest.fixture
def other():
    """What says that it is the laboratory of process 1, at its port."""
    other = LineServer("other", 0, lambda _: '{"chip": "two", "pid": 1}', "\n")
    yield other
    other.close()


def test_of_several_one_must_be_named(alone, laboratory, other, capsys, monkeypatch):
    with announced("one", laboratory.ports["control"]), monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: 1)
        with announced("two", other.port):
            patch.undo()
            assert command(["ctl", "time"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "several laboratories run; choose one by its --control:"
    ports = laboratory.ports["control"], other.port
    folder = Path.cwd()
    wanted = [f"  two (pid 1 in {folder}, --control {ports[1]})",
              f"  one (pid {os.getpid()} in {folder}, --control {ports[0]})"]  # fmt: skip
    assert sorted(said[1:]) == sorted(wanted)


def test_one_that_ended_without_a_word_is_forgotten(alone, tmp_path):
    with announced("gone", 1):
        assert found() == []
        assert list(tmp_path.rglob("*.json")) == []


def test_one_that_was_killed_is_forgotten_when_another_takes_its_port(alone, other, tmp_path):
    with announced("killed", other.port):
        assert found() == []
        assert list(tmp_path.rglob("*.json")) == []


def test_one_that_was_killed_is_forgotten_when_something_else_takes_its_port(alone, laboratory):
    with announced("killed", laboratory.ports["fridge"]):
        assert found() == []


def test_one_that_is_too_busy_to_answer_still_runs(alone, deaf):
    with announced("busy", deaf):
        assert [each.chip for each in found()] == ["busy"]


@pytest.fixture
def deaf(monkeypatch):
    """The port of somebody who takes connections and says nothing."""
    monkeypatch.setattr("kammerton_sim.asked.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", ["fridge", "board"])
def test_a_port_that_is_no_control_port(laboratory, name, capsys):
    port = laboratory.ports[name]
    assert command(["ctl", "--control", str(port), "time"]) == 1
    assert capsys.readouterr().err == f"127.0.0.1:{port} is no laboratory's control port\n"


def test_a_port_that_says_nothing_holds_nobody_up(deaf, capsys):
    assert command(["ctl", "--control", str(deaf), "time"]) == 1
    assert capsys.readouterr().err == f"nothing answers at 127.0.0.1:{deaf} within 0.2 s\n"


@pytest.mark.parametrize("address", ["here", "0", "127.0.0.1:x", "99999"])
def test_an_address_that_is_none(address, capsys):
    assert command(["ctl", "--control", address, "time"]) == 2
    assert "must be PORT or HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["tempratur"], ["clear", "x"], ["time", "now"]])
def test_what_needs_no_laboratory_to_be_refused_is_refused_without(alone, arguments, capsys):
    assert command(["ctl", *arguments]) == 2
    assert "no simulated laboratory" not in capsys.readouterr().err


def test_nobody_there(capsys):
    assert command(["ctl", "--control", "1", "time"]) == 1
    assert "no laboratory at 127.0.0.1:1" in capsys.readouterr().err
