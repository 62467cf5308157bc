"""R3: an exception in somebody's calibration is that calibration's affair."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
import threading
import time

import pytest

from kammerton.loop import runner
from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.catalogue import load_calibrations
from kammerton.loop.loop import Loop
from kammerton.loop.planner import Planner
from kammerton.loop.wishes import Wish, Wishes
from kammerton.model import CalibrationHangs, LabClock, Target, Value
from kammerton.store import Store
from tests.unit.loop.laboratory import Chip, ScriptedBench, two_qubits

pytestmark = pytest.mark.usefixtures("without_files")


def boom(*_):
    raise RuntimeError("what the author did not think of")


def only_q1(function):
    """Fail where q1 takes part."""

    def failing(first, *rest):
        targets = rest or first
        if "q1" in {t.name for t in targets}:
            boom()
        return function(first, *rest)

    return failing


def settle(tmp_path, **broken):
    """Settle with a t1 whose functions are replaced; return what is parked, held and measured."""
    calibrations = tuple(
        dataclasses.replace(c, **broken) if c.name == "t1" else c for c in load_calibrations()
    )
    lab, clock = two_qubits(tmp_path), LabClock()
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        bench = ScriptedBench(Chip().answer)
        book = BeliefBook(lab, clock.now())
        loop = Loop(lab, store, bench, clock, Planner(calibrations), book)
        parked = asyncio.run(loop.settle())
        return parked, set(store.parameters()), store.attempts(limit=100)


@pytest.mark.parametrize("step", ["program", "propose"])
def test_r3_an_exception_in_a_calibration_sets_it_aside_and_everything_else_goes_on(
    tmp_path, caplog, step
):
    with caplog.at_level(logging.ERROR):
        parked, held, attempts = settle(tmp_path, **{step: boom})
    assert set(parked) == {"t1 of q0", "t1 of q1"}
    assert "RuntimeError: what the author did not think of" in parked["t1 of q0"]
    assert {"q0.t2_echo", "q1.t2_echo", "q1.f01"} <= held
    assert not held & {"q0.t1", "q1.t1"}
    assert all(attempt.outcome for attempt in attempts), "a job never ended"
    assert any("boom" in record.exc_text for record in caplog.records if record.exc_text)


def test_r3_data_that_a_fit_cannot_use_set_the_calibration_aside_and_end_no_process(tmp_path):
    """The delays of a T1 are no numbers of pairs of pulses."""
    parked, held, attempts = settle(tmp_path, kind="allxy")
    assert set(parked) == {"t1 of q0", "t1 of q1"}
    assert parked["t1 of q0"].startswith("t1: fit: ")
    assert {"q0.t2_echo", "q1.t2_echo"} <= held
    assert all(attempt.outcome for attempt in attempts)


def test_r3_a_target_that_breaks_a_calibration_stops_no_other_target(tmp_path):
    (t1,) = (c for c in load_calibrations() if c.name == "t1")
    parked, held, _ = settle(tmp_path, propose=only_q1(t1.propose))
    assert set(parked) == {"t1 of q1"}
    assert "q0.t1" in held


def test_r4_a_calibration_that_hangs_in_its_thread_ends_the_process_and_the_next_sets_it_aside(
    tmp_path, monkeypatch
):
    """Nobody can end a thread. Meanwhile the loop turned on, and so did its heartbeat."""
    in_time, go = runner._in_time, threading.Event()

    async def impatient(calibration, judging):
        monkeypatch.setattr(runner, "JUDGING", 0.05 if calibration == "t1" else 900.0)
        return await in_time(calibration, judging)

    def hangs(fit, target):
        go.wait(0.5)

    monkeypatch.setattr(runner, "_in_time", impatient)
    with pytest.raises(CalibrationHangs, match=r"^t1: its code has not returned .* another begins"):
        settle(tmp_path, reject=hangs)
    monkeypatch.undo()
    parked, held, attempts = settle(tmp_path)
    assert set(parked) == {"t1 of q0", "t1 of q1"}
    assert parked["t1 of q0"].startswith("hung: t1: its code has not returned within")
    assert {"q0.t2_echo", "q1.t2_echo"} <= held
    assert all(attempt.outcome for attempt in attempts)


def propose_wrongly(fit, target):
    return {"t1": fit.values["t_one"]}


def line_in(function, of):
    """Return how a line of a function of this file is named."""
    lines, first = inspect.getsourcelines(function)
    line = first + next(n for n, text in enumerate(lines) if of in text)
    return f" ({__file__}, line {line})"


def test_a_name_that_the_fit_does_not_have_is_told_which_there_are_and_where(tmp_path):
    parked, _, _ = settle(tmp_path, propose=propose_wrongly)
    said = 't1: propose: the fit has no value "t_one"; it has t1, amplitude, offset'
    assert parked["t1 of q0"] == f"{said}{line_in(propose_wrongly, 't_one')}"


def play_wrongly(targets):
    return targets[0]["t_1"]


@pytest.mark.parametrize(
    ("proposed", "said"),
    [
        ({"t_1": Value(1e-5, 1e-7, "s")}, 'there is no parameter "t_1"; did you mean "t1"?'),
        ({"t1": 1e-5}, "TypeError: t1 is a float; a Value is expected"),
        (None, "TypeError: it returned None; a Value for each parameter's name is expected"),
    ],
)
def test_r3_what_is_proposed_of_no_parameter_sets_the_calibration_aside(tmp_path, proposed, said):
    def propose(fit, target):
        return proposed

    parked, held, _ = settle(tmp_path, propose=propose)
    assert parked["t1 of q0"] == f"t1: propose: {said}{line_in(propose, 'def propose')}"
    assert {"q0.t2_echo", "q1.t2_echo"} <= held


def test_a_parameter_that_there_is_not_is_told_which_there_are_and_where(tmp_path):
    parked, _, _ = settle(tmp_path, program=play_wrongly)
    said = parked["t1 of q0"]
    assert said.startswith('t1: program: there is no parameter "t_1"; there are f01, ')
    assert said.endswith(line_in(play_wrongly, "t_1"))


def test_what_a_target_does_not_know_yet_is_to_be_needed():
    target = Target("q0", "r0", {}, {}, 0.0, 0.0, 0.0, 0.0, 0.0)
    with pytest.raises(KeyError) as missing:
        target.sigma("r.readout_angle")
    assert str(missing.value) == (
        "nothing is known of r.readout_angle of q0 yet: let the calibration need it"
    )


def test_the_log_has_the_traceback_of_what_a_person_asked_for(tmp_path, caplog):
    lab, clock = two_qubits(tmp_path), LabClock()
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        calibrations = tuple(
            dataclasses.replace(c, propose=propose_wrongly, on_request=True)
            if c.name == "t1"
            else c
            for c in load_calibrations()
        )
        book, wishes = BeliefBook(lab, clock.now()), Wishes()
        bench = ScriptedBench(Chip().answer)
        loop = Loop(lab, store, bench, clock, Planner(calibrations), book, wishes=wishes)
        assert asyncio.run(loop.settle()) == {}
        assert "t1" not in {program.name for program in bench.played}
        assert "q0.t2_echo" in store.parameters()
        wishes.add(Wish(1, "t1", "q0", "ada", None, time.monotonic() + 100))
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            asyncio.run(loop.step())
        ((_, done, words),) = wishes.answered()
    assert not done
    assert 't1: propose: the fit has no value "t_one"' in words
    assert any("propose_wrongly" in each.exc_text for each in caplog.records if each.exc_text)
    assert "t1" in {program.name for program in bench.played}
