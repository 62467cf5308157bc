"""SIGKILL in the middle of things: nothing is lost, torn or left on. Many more: `make prove`."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import standing_still
from tests.prove.kill_loop import OPEN, STAGES, but, fresh, hurried, reached
from tests.prove.killing import (
    Harm,
    Nursery,
    ask,
    kill,
    on,
    running,
    torn,
    unsafe_spans,
    wait_for,
)
from tests.prove.published import BEHIND, RELAY, kill_the_relay, published
from tests.prove.witness import Truth
from tests.system.laboratory import laboratory

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX"),
]

SEED = 8
WAITING = "waiting"  # for a refrigerator that is warm
MOST = 14  # bring-ups, until nearly all stages were met: the faster a machine, the more are missed


@dataclass(frozen=True)
class Survived:
    """Bring-ups that were killed again and again, and what was found."""

    harm: Harm
    met: set[str]
    spans: list[str]
    database: Path
    wrong: list[dict[str, Any]]


@pytest.fixture(scope="module")
def survived(tmp_path_factory):
    """A few bring-ups of two qubits in one laboratory, each killed in every stage it comes to."""
    folder = tmp_path_factory.mktemp("killed")
    harm, moment, met = Harm(), random.Random(SEED), set[str]()
    wrong = list[dict[str, Any]]()
    with laboratory(folder, qubits=2) as lab:
        for number in itertools.count():
            own = fresh(lab, folder / f"{number}")
            with published(own, own.lab.parent) as line:
                met |= hurried(own, line, moment, harm, frozenset(met))
            truth = Truth(own)
            wrong += truth.look()
            assert truth.checked > 0
            if harm.kills >= 20 and (enough(met) or number > MOST):
                break
        spans, database = unsafe_spans(lab), own.lab.with_name("kammerton.sqlite")
        yield Survived(harm, met, spans, database, wrong)


def enough(met):
    """Whether nearly all stages were met; a short one is over unseen."""
    return len(met) >= len(STAGES) - 2


def test_s4_twenty_kills_in_all_stages_lose_nothing_and_tear_nothing(survived):
    assert enough(survived.met), but(survived.met)
    assert (survived.harm.lost, survived.harm.torn, survived.harm.stuck) == (0, [], 0)


def test_s4_after_each_kill_a_subscriber_held_what_the_database_held(survived):
    """What it lacked, what went back, and what nobody committed is counted as lost, too."""
    assert len(survived.harm.behind) >= survived.harm.kills >= 20
    assert max(survived.harm.behind) < BEHIND


def test_s4_nothing_that_was_committed_between_kills_is_contradicted_by_the_truth(survived):
    assert survived.wrong == []


GROUPS = """select calibration, group_concat(change.name) from change
join revision on revision.number = change.revision join run on run.number = revision.run
group by change.revision order by change.revision"""


def test_p7_however_runs_ended_what_belongs_together_is_stored_together(survived):
    """A frequency and its spread of one run; a first frequency and the pulse that proves it."""
    groups = [(name, set(names.split(","))) for name, names in ask(survived.database, GROUPS)]
    for q in ("q0", "q1"):
        f01, spread = f"{q}.f01", f"{q}.t2_star"
        by_ramsey = [each & {f01, spread} for name, each in groups if name == "ramsey"]
        assert {f01, spread} in by_ramsey, groups
        assert all(len(found) != 1 for found in by_ramsey), groups
        assert f"{q}.pi_amplitude" in next(each for _, each in groups if f01 in each), groups


def test_r2_after_a_kill_all_outputs_are_switched_off_before_anything_else(survived):
    assert survived.harm.unsafe == []
    assert survived.spans == []


def test_r2_an_unclean_end_is_in_the_audit_log_with_what_was_going_on(survived):
    rows = ask(survived.database, "select what, why from audit where why like 'unclean end%'")
    assert len(rows) >= 2
    assert all(what == "all outputs" and "verified off" in why for what, why in rows)


def test_r9_what_a_kill_interrupted_is_aborted_and_repeated_once(survived):
    attempts = ask(survived.database, "select number, again, outcome from attempt")
    aborted = {n for n, again, how in attempts if again is None and how.startswith("aborted")}
    repeated = Counter(again for _, again, _ in attempts if again is not None)
    assert repeated, attempts
    assert set(repeated) <= aborted, attempts
    assert set(repeated.values()) == {1}, attempts
    runs = {f"r{number:06d}" for (number,) in ask(survived.database, "select number from run")}
    assert runs == {how for *_, how in attempts if how.startswith("r0")}, "one run an attempt"


def test_r9_the_bring_up_ends_with_everything_known(survived):
    names = {name for (name,) in ask(survived.database, "select name from parameter")}
    assert {"q0.t1", "q0.t2_echo", "q0.assignment_fidelity"} <= names
    assert ask(survived.database, "select what from activity") == [(None,)]


def test_s4_the_daemon_itself_is_killed_and_the_next_one_loses_nothing(tmp_path):
    """Its process of the computer goes with it, having switched off; a real one, not the cheap."""
    harm = Harm()
    with laboratory(tmp_path) as lab, running(lab.lab) as daemon:
        assert reached(daemon, "resonator")
        kill(daemon, lab, harm, supervisor=True)
        assert daemon.stop() == 0
        assert unsafe_spans(lab) == []
    assert (harm.lost, harm.torn, harm.unsafe) == (0, [], [])


def test_s4_killed_in_each_stage_of_its_relay_a_subscriber_misses_nothing(tmp_path):
    harm = Harm()
    with laboratory(tmp_path, qubits=2) as lab, published(lab, tmp_path) as line:
        with running(lab.lab, Nursery) as daemon:
            assert reached(daemon, "resonator")
            for stage in RELAY:
                assert kill_the_relay(stage, daemon, lab, line, harm), stage
            assert daemon.stop() == 0
        line.end(daemon.database, harm)
    assert (harm.kills, harm.lost, harm.torn) == (3, 0, [])


def test_r1_told_to_end_in_every_stage_it_is_over_in_time_with_outputs_off(tmp_path):
    moment, took = random.Random(SEED), dict[str, float]()
    with laboratory(tmp_path) as lab:
        for number in range(MOST):
            lab.ask(op="set_temperature", kelvin=0.012 if number else 4.2)
            took |= ended(fresh(lab, tmp_path / f"{number}"), moment, frozenset(took))
            if enough(took.keys()):
                break
        assert unsafe_spans(lab) == []
    assert {WAITING, "idle"} <= set(took)
    assert enough(took.keys()), but(took.keys())
    assert max(took.values()) < 10, took


def ended(lab, moment, known):
    """One bring-up that is told to end in each stage, or those not known; how long that took."""
    took = dict[str, float]()
    with running(lab.lab, Nursery) as daemon:
        for stage in (WAITING, *STAGES[1:]):
            if stage not in known and reached(daemon, stage):
                time.sleep(moment.uniform(0.0, 0.4))
                took[stage] = told_to_end(daemon, lab)
            if stage == WAITING:
                lab.ask(op="set_temperature", kelvin=0.012)
        assert reached(daemon, "idle")
        assert daemon.stop() == 0
    return took


def told_to_end(daemon, lab):
    """Tell a process to end; return how long that took. The next is begun only afterwards."""
    child = wait_for(daemon.child, "a process")
    with standing_still(daemon.process.pid):
        began = time.monotonic()
        os.kill(child, signal.SIGTERM)
        wait_for(lambda: daemon.child() is None, "its end", 30)
        took = time.monotonic() - began
        assert on(lab) == set()
        assert ask(daemon.database, "select what from activity") == [(None,)], "an orderly end"
        assert ask(daemon.database, OPEN) == []
        assert torn(daemon.database) == []
    return took
