"""What `kammerton sim ctl` prints, as a person reads it."""

from __future__ import annotations

import argparse
import io
import math

import pytest

from kammerton_sim.command import run
from kammerton_sim.command.options import options_parser
from kammerton_sim.ctl import parser as ctl_parser
from kammerton_sim.ctl import words
from kammerton_sim.ctl.ledger_words import answer
from kammerton_sim.ctl.terminal import write
from kammerton_sim.evidence.questions import no_output
from kammerton_sim.faults import CATALOGUE


@pytest.mark.parametrize(
    ("name", "value", "stderr", "truth", "said"),
    [
        ("q0.t1", 1.0, 1e-6, 41.9e-6, "1.0000000 ± 0.0000010 s, truth 41.9 µs"),
        ("q0.t1", 5e-3, 1e-6, 41.84e-6, "5.0000 ± 0.0010 ms, truth 41.8 µs"),
        ("q0.f01", 4.9e9, 1e3, 5.1e9, "4.9000000 ± 0.0000010 GHz, truth 5.1000000 GHz"),
        ("q0.assignment_fidelity", 0.9, 0.01, 0.95, "0.900 ± 0.010, truth 0.950:"),
    ],
)
def test_a_truth_has_its_own_unit(name, value, stderr, truth, said):
    found = {"name": name, "value": value, "stderr": stderr, "truth": truth, "pull": 50.0}
    told = {"question": "contradicted", "found": [found], "checked": 3, "not_judged": []}
    heading, line = answer(told | {"complete": True, "sigmas": 5.0})
    assert heading == "values more than 5 standard errors off the truth: 1 of 3 values"
    assert said in line


def test_a_share_may_be_written_in_percent_and_a_word_stays_a_word():
    shared = CATALOGUE["garble"].values({"instrument": "awg1", "share": "5%"})
    assert shared["share"] == pytest.approx(0.05)
    assert CATALOGUE["say"].values({"instrument": "awg1", "text": "5%"})["text"] == "5%"
    with pytest.raises(ValueError, match="share must be a number, not 'some%'"):
        CATALOGUE["garble"].values({"instrument": "awg1", "share": "some%"})


@pytest.mark.parametrize("wide", [80, 100, 120])
def test_the_faults_fit_the_terminal(monkeypatch, wide):
    monkeypatch.setenv("COLUMNS", str(wide))
    lines = words.table().splitlines()
    assert max(map(len, lines)) <= wide
    last = lines[0].index("WHAT HAPPENS")
    assert wide - last >= 25  # no strip of a few letters
    assert set(" ".join(f.usage() for f in CATALOGUE.values()).split()) <= set(
        " ".join(lines).split()
    )


@pytest.mark.parametrize("words_of", [["ctl"], []])
def test_help_fits_80_columns(monkeypatch, capsys, words_of):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        run([*words_of, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 20
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("parser", [ctl_parser._parser(), options_parser()])
def test_help_says_what_every_option_does(parser):
    shown = [each for each in parser._actions if each.help != argparse.SUPPRESS]
    assert [each.dest for each in shown if len((each.help or "").split()) < 4] == []


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


WAITING = {"number": 1, "name": "clamped-setting", "state": "waiting", "when": {"after": 3},
           "given": {"setting": "power", "largest": -5.0}, "units": {"largest": "dBm"}}  # fmt: skip


def test_long_lines_are_folded_on_a_terminal_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    short = "  a   table's row"
    said = words.injected(WAITING, " --control 7")
    screen, pipe = Screen(), io.StringIO()
    for stream in (screen, pipe):
        write(stream, f"{short}\n{said}")
    assert pipe.getvalue() == f"{short}\n{said}\n"
    lines = screen.getvalue().splitlines()
    assert lines[0] == short
    assert len(said) > 80 >= max(map(len, lines))
    assert " ".join(line.strip() for line in lines[1:]) == said


def test_a_fault_that_waits_for_two_things_comes_with_the_first():
    said = words.injected(WAITING | {"when": {"after": 3, "after_records": 9}}, "")
    assert "comes in 3 s or after 9 records, whichever is first;" in said


def test_of_many_outputs_one_of_each_kind_is_named():
    levels = ("amplitude", "offset", "peak")
    known = [f"awg{n}.{level}" for n in range(1, 40) for level in levels] + ["lo.power"]
    assert no_output("x", known) == (
        "no output has it (there are awg1.amplitude, awg1.offset, awg1.peak, lo.power, others"
        " alike)"
    )


def test_of_an_output_that_was_often_unsafe_the_number_the_time_and_the_worst_are_told():
    """Not each of hundreds of spans: those are in the JSON."""
    span = {"output": "awg1.3", "what": "peak", "limits": [-0.5, 0.5], "unit": "V"}
    spans = [{**span, "value": 0.6, "from": n, "to": n + 0.25, "samples": 100} for n in range(95)]
    spans.insert(7, {**span, "value": -0.9, "from": 200.0, "to": 3800.0, "samples": 1})
    other = {"output": "lo.rf", "what": "power", "limits": [-20, 16], "unit": "dBm"}
    spans.append({**other, "value": 18.0, "from": 3.0, "to": 3.004})
    told = {"question": "unsafe", "found": spans, "checked": 13, "complete": False}
    unjudged = [{"name": "vna.volts", "why": "no output has it"}]
    assert answer({**told, "not_judged": unjudged}) == [
        "unsafe outputs: 2 of 13 that have limits (the ledger has forgotten its first entries)",
        "  awg1.3: peak was outside its limits 96 times, 1.007 h in all, 9501 samples; at its worst"
        " -900 mV, not -500 mV to 500 mV, from 1970-01-01 00:03:20.000 for 1 h",
        "  lo.rf: power was 18 dBm, not -20 dBm to 16 dBm, from 1970-01-01 00:00:03.000 for 4 ms",
        "not judged: vna.volts: no output has it",
    ]


def test_every_question_is_answered_in_the_same_shape():
    change = {"time": 1.0, "instrument": "lo", "output": "rf", "what": "power", "old": 1, "new": 2}
    write = {**change, "identity": "R&S,9", "true": "R&S,1"}
    found = {
        "wrong_box": (write, "writes to the wrong box: 1 of 3 changes that were written"),
        "unsafe": (None, "unsafe outputs: 0 of 3 that have limits"),
        "contradicted": (None, "values more than 4 standard errors off the truth: 0 of 3 values"),
    }
    for question, (each, heading) in found.items():
        told = {"question": question, "found": [each] if each else [], "checked": 3}
        lines = answer(told | {"not_judged": [], "complete": True, "sigmas": 4})
        assert lines[0] == heading
        assert [line[:2] for line in lines[1:]] == ["  "] * len(told["found"])


def test_entries_that_are_forgotten_are_said_to_be():
    entry = {"time": 0.0, "instrument": "lo", "output": "rf", "what": "on", "old": 0, "new": 1}
    told = words.changes([{**entry, "index": 12}], 3).splitlines()
    assert (len(told), told[0]) == (2, "forgotten: the entries 3 to 11; the latest are kept")
    assert len(words.changes([{**entry, "index": 12}], 12).splitlines()) == 1


def test_what_is_said_of_several_names_is_said_once():
    said = ["q0.f01: no truth", "no parameter is like 'x'", "q0.t1: no truth", "q1.t1: another"]
    assert words.alike(said) == [
        "q0.f01, q0.t1: no truth",
        "no parameter is like 'x'",
        "q1.t1: another",
    ]
    pulses = [
        "that of a pulse, which must be given: re",
        "no truth of 'q0.x'; as the demo does: so",
    ]
    assert words.alike([*pulses, *pulses]) == pulses


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600.0),
        ("1.5 m", 90.0),
        ("10min", 600.0),
        ("10ms", 0.01),
        ("90", 90.0),
        ("2h", 7200.0),
    ],
)
def test_a_time_is_read_as_kammerton_hold_reads_it(text, seconds):
    assert ctl_parser.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["m", "10mm", "10 metres", "tenm"])
def test_what_is_no_time_is_none(text):
    assert math.isnan(ctl_parser.duration(text))
