"""SIGKILL in the middle of things: nothing is lost, torn or left on. Many more: `make prove`."""

from __future__ import annotations

import itertools
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.prove.kill_loop import STAGES, fresh, hurried, reached
from tests.prove.killing import Harm, ask, kill, running, unsafe_spans
from tests.system.laboratory import laboratory

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX"),
]

SEED = 8


@dataclass(frozen=True)
class Survived:
    """Bring-ups that were killed again and again, and what was found."""

    harm: Harm
    met: set[str]
    spans: list[str]
    database: Path


@pytest.fixture(scope="module")
def survived(tmp_path_factory):
    """A few bring-ups of two qubits in one laboratory, each killed in every stage it comes to."""
    folder = tmp_path_factory.mktemp("killed")
    harm, moment, met = Harm(), random.Random(SEED), set()
    with laboratory(folder, qubits=2) as lab:
        for number in itertools.count():
            met |= hurried(fresh(lab, folder / f"{number}"), moment, harm, frozenset(met))
            if harm.kills >= 20:
                break
        yield Survived(harm, met, unsafe_spans(lab), folder / f"{number}" / "kammerton.sqlite")


def test_s4_twenty_kills_in_all_stages_lose_nothing_and_tear_nothing(survived):
    assert len(survived.met) >= len(STAGES) - 2, survived.met  # a short one may be over unseen
    assert (survived.harm.lost, survived.harm.torn, survived.harm.stuck) == (0, [], 0)


def test_r2_after_a_kill_all_outputs_are_switched_off_before_anything_else(survived):
    assert survived.harm.unsafe == []
    assert survived.spans == []


def test_r2_an_unclean_end_is_in_the_audit_log_with_what_was_going_on(survived):
    rows = ask(survived.database, "select what, why from audit where why like 'unclean end%'")
    assert len(rows) >= 2
    assert all(what == "all outputs" and "verified off" in why for what, why in rows)


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
