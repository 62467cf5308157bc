"""SIGKILL in the middle of things: nothing is lost, torn or left on. Many more: `make prove`."""

from __future__ import annotations

import itertools
import random
import sys
import time

import pytest

from tests.prove.kill_loop import STAGES, fresh, hurried, reached
from tests.prove.killing import Harm, ask, kill, running, unsafe_spans, wait_for
from tests.system.laboratory import laboratory

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX"),
]

SEED = 8


@pytest.fixture(scope="module")
def survived(tmp_path_factory):
    """One bring-up that was killed again and again, and what was found each time."""
    harm, moment = Harm(), random.Random(SEED)
    with laboratory(tmp_path_factory.mktemp("killed")) as lab, running(lab.lab) as daemon:
        for stage, supervisor in (("resonator", False), ("readout", True), ("t1", False)):
            assert reached(daemon, stage)
            time.sleep(moment.uniform(0.0, 0.4))
            kill(daemon, lab, harm, supervisor=supervisor)
        wait_for(lambda: (daemon.doing() or (0, ""))[1].startswith("idle"), "idle", 200)
        code = daemon.stop()
        yield harm, daemon, unsafe_spans(lab), code


def test_s4_twenty_kills_in_all_stages_lose_nothing_and_leave_nothing_on(tmp_path):
    """A few bring-ups of two qubits in one laboratory, each killed in every stage it comes to."""
    harm, moment, met = Harm(), random.Random(SEED), set()
    with laboratory(tmp_path, qubits=2) as lab:
        for number in itertools.count():
            met |= hurried(fresh(lab, tmp_path / f"{number}"), moment, harm, frozenset(met))
            if harm.kills >= 20:
                break
        assert unsafe_spans(lab) == []
    assert len(met) >= len(STAGES) - 2, met  # a short stage may be over before it is seen
    assert (harm.lost, harm.torn, harm.unsafe, harm.stuck) == (0, [], [], 0)


def test_s4_no_acknowledged_revision_is_lost_and_none_is_torn(survived):
    harm, *_ = survived
    assert harm.kills == 3
    assert harm.lost == 0
    assert harm.torn == []


def test_r2_after_a_kill_all_outputs_are_switched_off_before_anything_else(survived):
    harm, _, spans, _ = survived
    assert harm.unsafe == []
    assert spans == []


def test_r2_an_unclean_end_is_in_the_audit_log_with_what_was_going_on(survived):
    _, daemon, _, _ = survived
    rows = ask(daemon.database, "select what, why from audit where why like 'unclean end%'")
    assert len(rows) >= 2
    assert all(what == "all outputs" and "verified off" in why for what, why in rows)


def test_r9_the_bring_up_ends_with_everything_known(survived):
    _, daemon, _, code = survived
    names = {name for (name,) in ask(daemon.database, "select name from parameter")}
    assert {"q0.t1", "q0.t2_echo", "q0.assignment_fidelity"} <= names
    assert code == 0
    assert ask(daemon.database, "select what from activity") == [(None,)]
