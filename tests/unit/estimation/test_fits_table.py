"""The table of fits: it runs, it marks what misses a goal, and peers are called rightly."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.benchmarks import (
    fits_common,
    fits_maps,
    fits_pieces,
    fits_sizes,
    fits_speed,
    fits_table,
    fits_verdicts,
)
from tests.benchmarks.fits_common import MISSED, Effort
from tests.benchmarks.fits_drawn import drawn
from tests.benchmarks.fits_honesty import judged
from tests.benchmarks.fits_verdicts import reached
from tests.benchmarks.peers.laws import USUAL, usual_for
from tests.catalogue.bound import told
from tests.catalogue.broken import BROKEN
from tests.catalogue.damage import good, saturated
from tests.catalogue.nothing import flat
from tests.catalogue.readout import READOUTS
from tests.catalogue.registry import truths
from tests.catalogue.score import Score
from tests.catalogue.truths_decays import of_either_end
from tests.unit.estimation.map_inputs import NOTHING

ROOT = Path(__file__).parents[3]
TINY = Effort(never=10, broken=10, success=20, honest=50, worst=1, peer_traces=3, kind="t1", seed=7)
FLAT = next(b for b in BROKEN if b.make is flat)
GOOD = next(b for b in BROKEN if b.make is good)
SATURATED = next(b for b in BROKEN if b.make is saturated)


def test_the_document_holds_every_section(monkeypatch):
    monkeypatch.setattr(fits_speed, "PEERS", ("curve_fit",))
    monkeypatch.setattr("tests.benchmarks.fits_empty.PEERS", ("curve_fit",))
    monkeypatch.delenv("KAMMERTON_PEERS", raising=False)
    monkeypatch.setattr(fits_speed, "REPEATS", 2)
    monkeypatch.setattr("tests.real_data.table.table", lambda: ["measured by others"])
    place = fits_pieces.origin(7, quick=True)
    few = replace(TINY, success=3)
    pieces = [fits_table.measured(s, "t1", few, place) for s in (*fits_table.BY_KIND, "measured")]
    text = "\n".join(fits_table.document(pieces))
    for title in (
        "1. Speed",
        "2. Success",
        "3. Honesty",
        "4. Verdicts",
        "5. The slowest",
        "6. Mea",
    ):
        assert f"## {title}" in text
    assert "measured by others" in text
    assert "| t1 | curve_fit |" in text
    assert "| flat noise | 10 | 0.0 % |" in text
    assert f"commit {place.commit}, seed 7" in text
    assert "Not measured: speed of allxy" in text


def test_longer_traces_and_several_lines_have_their_own_table(monkeypatch):
    monkeypatch.setattr(fits_sizes, "COUNT", 5)
    text = "\n".join(fits_sizes.lines(TINY.of("qubit_spectroscopy")))
    assert "| qubit_spectroscopy | 1001 points | 5 |" in text
    assert "| qubit_spectroscopy | 3 lines, counted rightly in 100 % | 5 |" in text
    assert "| qubit_spectroscopy | 6 lines, counted rightly in " in text
    assert not list(fits_sizes.lines(TINY.of("allxy"))), "its axis is given"


def test_maps_are_measured_at_the_size_that_their_goal_is_set_for(monkeypatch):
    monkeypatch.setattr(fits_sizes, "MAPS", 2)
    monkeypatch.setattr(fits_verdicts, "BROKEN", (GOOD, FLAT))
    monkeypatch.setattr(fits_verdicts, "AGAIN", 2)
    text = "\n".join(fits_sizes.lines(TINY.of("punch_out")))
    assert "| punch_out | 100 x 100 points | 2 |" in text
    assert "| 20000 | 100.0 % |" in text, "with their goal"
    for name in ("PAUSE", "REST"):
        monkeypatch.setattr(fits_verdicts, name, 0.0)
    slowest = "\n".join(fits_verdicts.worst_lines(TINY.of("punch_out")))
    assert "| punch_out, 100 x 100 |" in slowest


def test_a_trace_that_takes_longer_than_its_goal_is_marked():
    found = fits_verdicts.Slowest(6.0, "line", 1.0, 10, 1e-4)
    assert MISSED in fits_verdicts.slowest_row("three states", found, 5.0)
    assert MISSED not in fits_verdicts.slowest_row("three states", found, 20.0)


@pytest.mark.parametrize(("processor", "usual"), [("any", 150), ("AMD EPYC", 200)])
def test_a_goal_of_time_is_asked_of_the_usual_machine_and_says_so(monkeypatch, processor, usual):
    monkeypatch.setattr(fits_common, "model", lambda: processor)
    unit = 1e-6 * usual
    assert fits_common.in_time(4.0, 5.0, 2 * unit) == ""
    assert fits_common.in_time(6.0, 5.0, unit / 0.75) == f"4.5 at {usual}"
    assert fits_common.in_time(6.0, 5.0, unit / 1.5) == MISSED, "a quick one gets no more for it"
    assert fits_common.in_time(8.0, 5.0, unit / 0.75) == MISSED


def test_maps_of_nothing_are_counted_and_one_that_is_accepted_misses_the_goal(monkeypatch):
    few = TINY.of("punch_out")
    text = "\n".join(fits_maps.lines(few))
    assert f"| punch_out | {2 * len(NOTHING)} | 0 | 0 |  |" in text
    monkeypatch.setattr(fits_maps, "accepted", lambda *_: 1)
    assert "| 1 | 1 | **missed** |" in "\n".join(fits_maps.lines(few))
    assert not list(fits_maps.lines(few.of("t1")))


def test_a_fit_that_accepts_every_map_is_seen_to(monkeypatch):
    def content(*told):
        found = fit_batch(*told)
        found.verdict[:] = "accepted"
        return found

    monkeypatch.setattr(fits_maps, "fit_batch", content)
    assert fits_maps.accepted(truths()["punch_out"], 2, 7, 1.0) == 2 * len(NOTHING)


def test_a_phase_is_the_same_after_a_turn():
    aside = truths()["ramsey"].aside()
    assert aside is not None
    found = judged(drawn(aside, 3, 400, 50.0))
    assert np.nanmax(np.abs(found.error["phase"] * found.known["phase"])) < 50.0


def test_whether_an_echo_is_exponential_or_gaussian_is_told_where_the_laws_part_by_much():
    """At an SNR of 5 no trace tells; at 100 each that is seen to decay does."""
    truth = of_either_end(truths()["t2_echo, slow noise"])
    p = truth.benign(np.random.default_rng(2), 20)
    faint, clear = (
        told(truth, p, truth.measured(np.random.default_rng(3), p, snr)) for snr in (5.0, 100.0)
    )
    assert not faint.any()
    assert clear.all()


def test_pieces_of_several_kinds_become_one_section():
    def lines(kind, figure):
        return ["## 1. Speed\n", "What it is.\n", "| kind | us |", "|---|---|",
                f"| {kind} | {figure} |", "", f"### {kind}\n", "| class | n |", "|---|---|",
                f"| flat | {figure} |", "", "### Classes\n", "| class | why |", "|---|---|",
                "| flat | nothing |"]  # fmt: skip

    text = "\n".join(fits_pieces.together([lines("t1", 6), lines("ramsey", 30)]))
    assert text == "\n".join([
        "## 1. Speed", "", "What it is.", "", "| kind | us |", "|---|---|", "| t1 | 6 |",
        "| ramsey | 30 |", "", "### t1", "", "| class | n |", "|---|---|", "| flat | 6 |", "",
        "### ramsey", "", "| class | n |", "|---|---|", "| flat | 30 |", "", "### Classes", "",
        "| class | why |", "|---|---|", "| flat | nothing |", "",
    ])  # fmt: skip


def test_single_shots_are_measured_truth_by_truth():
    assert fits_table.wanted("readout", None) == [("readout", name) for name in READOUTS]
    assert fits_table.wanted(None, "three states") == [("readout", "three states")]
    assert ("readout", "three states") in fits_table.wanted(None, None)


def test_a_piece_is_read_as_it_was_written(tmp_path):
    piece = fits_pieces.Piece("speed", "t1", fits_pieces.origin(7, quick=True), 1.5, ["| a |"])
    piece.save(tmp_path)
    assert fits_pieces.load(tmp_path) == [piece]


def counts(accepted, seen, wrong=None, right=None, traces=1000):
    wrong = seen if wrong is None else wrong
    right = traces - wrong if right is None else right
    return Score(traces, accepted, 0, traces - accepted, wrong, seen, right, {})


def test_a_class_that_must_never_be_accepted_misses_its_goal_at_one():
    assert reached(FLAT, counts(0, 0)) == ""
    assert reached(FLAT, counts(1, 1)) == MISSED


def test_good_traces_that_are_refused_miss_the_goal():
    assert reached(GOOD, counts(995, 0)) == ""
    assert MISSED in reached(GOOD, counts(985, 0))
    assert MISSED in reached(GOOD, counts(990, 0))
    assert reached(GOOD, counts(1000, 11)) == MISSED


def test_under_one_in_a_hundred_is_fewer_than_that():
    assert reached(SATURATED, counts(1000, 9)) == ""
    assert reached(SATURATED, counts(1000, 10)) == MISSED


def test_of_few_maps_one_may_be_wrong_by_chance_but_not_two():
    assert reached(SATURATED, counts(100, 1, traces=100)) == ""
    assert reached(SATURATED, counts(100, 2, traces=100)) == MISSED
    assert reached(FLAT, counts(1, 1, traces=100)) == MISSED


def test_wrong_values_miss_the_goal_unless_nothing_in_the_trace_shows_them():
    assert reached(SATURATED, counts(1000, 20, wrong=500)) == MISSED
    assert reached(SATURATED, counts(1000, 0, wrong=500)) == "–"
    assert reached(SATURATED, counts(1000, 0, wrong=9)) == ""


def test_verdicts_that_send_a_person_to_the_wrong_place_miss_a_goal_of_their_own():
    assert reached(FLAT, counts(0, 0, right=951)) == ""
    assert reached(FLAT, counts(0, 0, right=949)) == f"{MISSED} (verdict)"
    assert reached(SATURATED, counts(1000, 0, wrong=500, right=449)) == f"{MISSED} (verdict)"


def test_a_class_that_no_data_can_show_has_no_goal():
    assert reached(replace(FLAT, undecidable=True), counts(1000, 1000)) == "–"


@pytest.mark.parametrize(
    ("last", "said"),
    [("ModuleNotFoundError: No module named 'lmfit'", fits_speed.NOT_HERE),
     ("ValueError: odd", "failed: ValueError: odd")],
)  # fmt: skip
def test_a_peer_that_does_not_run_is_left_out_and_it_says_so(last, said, monkeypatch, tmp_path):
    script = tmp_path / "fails.py"
    script.write_text(f"raise SystemExit({last!r})")
    monkeypatch.setattr(fits_speed, "interpreters", lambda: [sys.executable])
    monkeypatch.setattr(fits_speed, "command", lambda *_: [sys.executable, str(script)])
    assert fits_speed.theirs(next(fits_speed.cases("t1", 7)), "lmfit", 2) == said


@pytest.mark.parametrize(
    "kind", ["t1", "ramsey", "rabi_amplitude", "resonator_spectroscopy", "randomized_benchmarking"]
)
def test_curve_fit_with_the_usual_guesses_finds_well_placed_truths(kind, tmp_path):
    """So that what is printed of peers is their best and not our mistake."""
    case = next(fits_speed.cases(kind, 7))
    path = tmp_path / "case.npz"
    fits_speed.save(case, path, 20)
    command = [sys.executable, "-m", "tests.benchmarks.peers.run", "curve_fit", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    assert np.mean(case.right(fits_speed.in_si(case, answer), 20)) > 0.85


def test_a_kind_that_no_peer_is_asked_for_says_so(monkeypatch):
    monkeypatch.setattr(fits_speed, "PEERS", ("curve_fit",))
    monkeypatch.delenv("KAMMERTON_PEERS", raising=False)
    for kind in ("fine_amplitude", "drag_repetitions"):
        case = next(fits_speed.cases(kind, 7))
        (line,) = fits_speed._peers(case, [1.0] * 3, 1.0, 1)
        assert f"| {kind} | curve_fit | {fits_speed.NOT_ASKED} |" in line


def test_every_usual_law_tells_values_that_the_fit_also_gives():
    for truth in truths().values():
        clean = truth.clean(truth.draw(np.random.default_rng(1), 1))
        usual = usual_for(truth.kind, clean)
        if usual is None:
            assert truth.kind not in USUAL
            continue
        told = usual.told(np.ones(9), np.ones(9))
        assert set(told) <= set(truth.scored(truth.draw(np.random.default_rng(1), 1)))
