"""`kammerton log --audit NAME`: what is about that name, and no other."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Store
from tests.stored import estimate, run
from tests.unit.lab.example import FILE

LINES = [
    ("daemon, t1", "awg1", "stopped", "playing", "allowed: cold, and not held"),
    ("daemon", "box awg1 at TCPIP0::10.0.0.1", "", "B1", "it answers there"),
    ("daemon", "all outputs", None, "off", "allowed"),
    ("daemon", "awg10", "stopped", "playing", "allowed: cold, and not held"),
    ("ann@vm", "measure", "", "asked for", "target=q0 calibration=t1"),
    ("ann@vm", "lease of q1", "", "held", "by hand"),
    ("q1", "clock", "", "2026", "the name of a person is not what it is about"),
    ("daemon", "the refrigerator was cold", "", "15123 s of boot eb08-419 time:[40]", "so that"),
    ("ann@vm", "revert", "", "refused", "to=3 names=q_0: nothing was known of q_0; there were q1"),
    ("ann@vm", "lease of q0.old", "", "held", "by hand"),
]


@pytest.fixture
def lab(tmp_path):
    file = tmp_path / "lab.toml"
    text = FILE.read_text(encoding="utf-8")
    file.write_text(f'{text}\n[groups]\npair = ["q0", "q1"]\n', encoding="utf-8")
    with Store.open(tmp_path / "kammerton.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(4.2e-5)})
        for line in LINES:
            store.audit(*line)
    return file


def log(*words):
    done = CliRunner().invoke(app, ["log", "--audit", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


def whats(*words):
    return [row["what"] for row in json.loads(log(*words, "--json")[1])]


def test_a_qubit_is_what_names_it_as_a_word(lab):
    assert whats("q0", lab) == ["measure", "lease of q0.old"]
    assert whats("q1", lab) == ["lease of q1"]


def test_an_instrument_went_off_when_all_outputs_did(lab):
    assert whats("awg1", lab) == ["awg1", "box awg1 at TCPIP0::10.0.0.1", "all outputs"]


def test_an_element_was_set_back_when_all_values_were(lab):
    with Store.open(lab.with_name("kammerton.sqlite"), "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(5e-5)})
        store.revert(1, who="ann")
        store.revert(2, ["q0"], who="ann")
    assert whats("q0", lab)[-2:] == ["revision of all", "revision of q0"]
    assert "revision of all" in whats("q0.t1", lab)
    assert "revision of all" not in whats("awg1", lab)


def test_a_group_is_its_members(lab):
    assert whats("pair", lab) == ["measure", "lease of q1", "lease of q0.old"]


def test_of_a_database_alone_a_name_of_an_entry_is_known(lab):
    assert whats("awg10", lab.with_name("kammerton.sqlite")) == ["awg10"]


def test_the_last_ones_are_those_about_the_name(lab):
    code, out, err = log("q0", "-n", "1", lab)
    assert code == 0
    assert "lease of q0.old" in out
    assert "measure" not in out
    assert err == "the last 1 about q0; more with -n\n"


def test_a_name_of_which_nothing_is_told_is_said(lab):
    assert log("r0", lab) == (0, "", "no entry of the audit log is about r0\n")


@pytest.mark.parametrize(
    ("name", "nearest"), [("awg2", "awg1"), ("drive_l", "drive_lo"), ("q_0", "q0")]
)
def test_an_unknown_name_is_an_error_with_the_nearest(lab, name, nearest):
    code, out, err = log(name, lab)
    assert (code, out) == (2, "")
    assert f'the audit log names no "{name}"; did you mean "{nearest}"?' in err


def test_of_all_nothing_is_left_out(lab):
    assert len(whats(lab)) == len(LINES)


@pytest.mark.parametrize("name", ["awg%", "awg_", "."])
def test_a_name_is_no_pattern(lab, name):
    assert log(name, lab.with_name("kammerton.sqlite"))[0] == 2


def test_two_names_are_both(lab):
    assert whats("q1", "awg10", lab) == ["awg10", "lease of q1"]


def test_a_time_by_the_clock_of_a_boot_is_read_as_a_span(lab):
    out = " ".join(log(lab)[1].split())
    assert "the refrigerator was cold: 4 h 12 min after this computer was started; so that" in out
    assert "boot" not in out
    assert "15123 s of boot" in log(lab, "--json")[1], "as it was noted, for programs"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("daemon, t1", "awg1", "waiting", "playing", "allowed: cold, and not held"),
         "awg1: waiting -> playing; allowed: the refrigerator is cold, and nobody holds this; "
         "the daemon, for t1"),
        (("daemon, t1", "awg1", "playing", "stopped", "allowed: never refused"),
         "awg1: playing -> stopped; switching off is always allowed; the daemon, for t1"),
        (("daemon, t1", "awg1", "unknown", "playlist t1, up to 0.2 V", "allowed by limits.volts"),
         "awg1: waveforms of t1, up to 0.2 V; allowed by limits.volts; the daemon, for t1"),
        (("daemon, t1", "awg1", "none", "1, 5", "allowed"),
         "awg1: outputs that are on: none -> 1, 5; the daemon, for t1"),
        (("daemon", "awg1", "unknown", "1, 5", "allowed"),
         "awg1: outputs that are on: 1, 5; the daemon"),
        (("daemon", "awg1", "1, 5", "none", "allowed"),
         "awg1: outputs that are on: 1, 5 -> none; the daemon"),
        (("power cycle, t1", "awg1 resolution.3", "16", "12", "found so"),
         "awg1 resolution.3: 16 -> 12; found so; somebody, or a power cut, during t1"),
        (("somebody else", "lo range", "unknown", "5", "found so"),
         "lo range: 5; found so; somebody else"),
        (("somebody else, t1", "awg1 on.3", "off", "on", "found so"),
         "awg1 on.3: off -> on; found so; somebody else, during t1"),
        (("ann@vm", "revision of all", "3", "5", "by hand"),
         "revision of all: 3 -> 5; by hand; ann@vm"),
        (("gate", "awg1", "A1", "any change", "another box answers: B1"),
         "awg1: any change is refused; it was A1; another box answers: B1; "
         "the daemon, which writes nothing to it"),
        (("gate, t1", "awg1", None, "any change", "another box answers: B1"),
         "awg1: any change is refused; another box answers: B1; "
         "the daemon, which writes nothing to it, during t1"),
        (("opening", "all outputs", None, "off", "allowed"),
         "all outputs: off; the daemon, as it connected"),
        (("closing", "all outputs", None, "not verified off", "lo is silent"),
         "all outputs: not verified off; lo is silent; "
         "the daemon, as it let go of the instruments"),
        (("daemon", "box awg1 at TCPIP0::10.0.0.1", "", "B1", "TEKTRONIX answers there"),
         "box awg1 at TCPIP0::10.0.0.1: serial number B1; TEKTRONIX answers there; the daemon"),
        (("ann@vm", "lease of q1", "", "held", "opening"), "lease of q1: held; opening; ann@vm"),
    ],
)  # fmt: skip
def test_an_entry_is_told_in_words_of_a_laboratory_and_stored_as_it_was(tmp_path, row, said):
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.audit(*row)
    assert " ".join(log(tmp_path / "db.sqlite")[1].split()).endswith(f"  {said}".strip())
    stored = json.loads(log(tmp_path / "db.sqlite", "--json")[1])[0]
    assert [stored[name] for name in ("who", "what", "new", "why")] == [
        row[0], row[1], row[3], row[4]
    ]  # fmt: skip


def test_an_answer_is_told_with_its_numbers_and_without_the_mark_of_its_terms(tmp_path) -> None:
    said = "lo power: 13 dBm; allowed power -20 dBm to 16 dBm, 100 dB/s"
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.audit("ann@vm", "approval of lo power [e77667afcb6b49ae]", "", "approved", said)
    told = " ".join(log(tmp_path / "db.sqlite")[1].split())
    assert told.endswith(
        "approval of lo power: approved; 13 dBm; allowed power -20 dBm to 16 dBm, 100 dB/s; ann@vm"
    )
    row = json.loads(log(tmp_path / "db.sqlite", "--json")[1])[0]
    assert row["what"] == "approval of lo power [e77667afcb6b49ae]"


def test_each_question_of_a_supervised_run_is_a_line(tmp_path) -> None:
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.audit("the daemon", "question", "", "2", "1: lo power: 13 dBm\n2: lo output: on")
    _, *lines = log(tmp_path / "db.sqlite")[1].splitlines()
    assert lines[0].endswith("question: the daemon asks")
    assert [line.strip() for line in lines[1:]] == ["1: lo power: 13 dBm", "2: lo output: on"]
