"""`kammerton sim ctl`: every command, through the command line, on a laboratory in this process."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest

from kammerton_sim.command import run as command
from kammerton_sim.ctl import words
from kammerton_sim.faults import CATALOGUE
from tests.wire.told import SAID, signed


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
    assert ctl("clear", "2")[1] == f"cleared: 2\n{which}\n"
    assert ctl("clear", "all")[1] == f"cleared: 1\n{which}\n"
    assert ctl("clear")[1] == f"there was nothing to clear\n{which}\n"
    assert ctl("faults")[1] == f"no fault is on, none waits; --all tells those that were\n{which}\n"
    assert ctl("clear", "--json")[1] == '{"cleared": []}\n'


def test_when_a_fault_came_and_went_is_told(ctl, laboratory):
    """On the laboratory's clock; of what waits, what for; of what goes by itself, when."""
    ctl("heat", "1uW", "--for", "1min")
    ctl("tls", "q0", "--after", "90s", "--after-records", "99")
    heading, on, waits, _ = ctl("faults")[1].splitlines()
    assert heading.split() == ["FAULT", "STATE", "SEED", "STRUCK", "ON", "OFF", "WITH"]
    assert "  2001-09-09 01:46:4" in on
    assert "  after 1 min  " in on
    assert "  after 1.5 min or after 99 records  -  " in waits
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
    assert ctl("clear", "1", "7", "9")[2] == (
        "no fault has the number 7, 9; there has been one fault\n"
    )
    assert [fault["state"] for fault in laboratory.faults.active()] == ["on"]
    assert ctl("clear", "1", "1", "--json")[1] == '{"cleared": [1]}\n'


def test_a_reference_that_is_not_in_use_is_said_to_change_nothing(ctl, laboratory):
    said = "awg1 runs by its own clock at present: nothing changes until it is set to the external"
    assert said in ctl("reference-lost", "awg1")[1]
    laboratory.generators["awg1"].receive(b"CLOC:SOUR EFIX")
    laboratory.sources["drive_lo"].receive(b"ROSC:SOUR EXT")
    assert "own clock" not in ctl("reference-lost", "awg1")[1]
    assert "own clock" not in ctl("reference-lost", "drive_lo")[1]
    fresh = "board does not record by the external 10 MHz at present: nothing changes until its"
    assert json.loads(ctl("reference-lost", "board", "--json")[1])["remark"].startswith(fresh)
    laboratory.board.arm(None, 256, 10, 10, 0)  # type: ignore[arg-type]
    remark = json.loads(ctl("reference-lost", "board", "--json")[1])["remark"]
    assert re.fullmatch("fault [0-9]+ acted on the same: it rests until this one ends", remark)
    laboratory.board.arm(None, 256, 10, 10, 0, locked=False)  # type: ignore[arg-type]
    assert fresh in ctl("reference-lost", "board")[1]


def test_what_has_struck_is_done_and_how_often_is_told_after_it_is_cleared(ctl, laboratory):
    assert ctl("error", "drive_lo", "count=2")[1] == (
        f"fault 1, error instrument=drive_lo count=2, is done\n{signed(laboratory)}\n"
    )
    ctl("swallow", "fridge", "2")
    told = [line.split() for line in ctl("faults")[1].splitlines()[1:-1]]
    assert [(*each[1:3], " ".join(each[4:7])) for each in told] == [
        ("error", "done", "2 of 2"), ("swallow", "on", "0 of 2")
    ]  # fmt: skip
    assert ctl("clear")[1].startswith("cleared: 1, 2\n")
    assert ctl("clear")[1].startswith("there was nothing to clear\n")
    assert ctl("faults")[1].startswith("no fault is on, none waits")
    told = [line.split() for line in ctl("faults", "--all")[1].splitlines()[1:-1]]
    assert [(*each[1:3], " ".join(each[4:7])) for each in told] == [
        ("error", "cleared", "2 of 2"), ("swallow", "cleared", "0 of 2")
    ]  # fmt: skip


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


def test_questions(ctl, laboratory, world):
    assert ctl("truth", "q0.t1") == (0, f"q0.t1 = 50 µs\n{signed(laboratory)}\n", "")
    assert json.loads(ctl("truth", "q0.t1", "--json")[1]) == {"q0.t1": 5e-5, "note": SAID}
    of_one = json.loads(ctl("truth", "q0", "--json")[1])
    assert of_one["q0.t1"] == 5e-5
    assert of_one == json.loads(ctl("truth", "q0.*", "--json")[1])
    assert "no parameter is like 'q9.*'" in ctl("truth", "q9")[2]
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
    assert " is 17 h behind" in ctl("advance", "15h")[1]  # with the jump before
    assert len(ctl("advance", "0s")[1].splitlines()) == 2
    source.close()


def test_what_a_fault_was_given_is_told_with_its_units(ctl, laboratory):
    said = ctl("tls", "q0", "1.2e-5", "--after", "99")[1]
    assert said.startswith("fault 1, tls qubit=q0 t1=12us, comes in 1.65 min;")
    ctl("clamped-setting", "drive_lo", "power", "-5")
    ctl("frequency-hop", "q0", "3e5", "--after", "99")
    lines = ctl("faults")[1].splitlines()[1:-1]
    given = ["qubit=q0 t1=12us", "setting=power largest=-5dBm", "qubit=q0 hz=300kHz"]
    assert all(line.endswith(words) for line, words in zip(lines, given, strict=True))
    told = [json.loads(line) for line in ctl("faults", "--json")[1].splitlines()]
    assert [each["units"] for each in told] == [{"t1": "s"}, {"largest": "dBm"}, {"hz": "Hz"}]


@pytest.mark.parametrize("question", ["outputs", "refrigerator"])
def test_what_is_true_says_of_which_simulated_device(ctl, question, laboratory):
    assert ctl(question)[1].splitlines()[-1] == signed(laboratory)
    told = json.loads(ctl(question, "--json")[1])
    assert told["note"] == SAID


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
    assert words.level("frequency", 5123456789.25) == "5.12345678925 GHz"


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
