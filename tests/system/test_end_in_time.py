"""R1: however an instrument hangs, a daemon that is told to end is gone in time, the others off."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from tests.prove.killing import ask, on, wait_for
from tests.system.laboratory import daemon, laboratory
from tests.yardstick import stretch

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here"),
]

WHOLE = 10.0  # s from the signal until the daemon is gone, on a machine that is idle


def test_r1_a_source_that_hangs_keeps_the_daemon_no_longer_than_it_has(tmp_path):
    """It takes the connection and never answers; the others are off long before the end."""
    with laboratory(tmp_path) as lab, daemon(lab.lab) as process:
        database = lab.lab.with_name("kammerton.sqlite")
        wait_for(lambda: bool(ask(database, "select 1 from run")), "a first run", 120)
        lab.ask(op="fault", name="black-hole", given={"instrument": "drive_lo"})
        wait_for(lambda: "readout_lo.rf" in on(lab), "outputs on", 60)
        slow, began = stretch(), time.monotonic()
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: on(lab) <= {"drive_lo.rf"}, "all others off", 60)
        others = time.monotonic() - began
        _, said = process.communicate(timeout=60)
        took, slow = time.monotonic() - began, max(slow, stretch())
        assert others < WHOLE / 2 * slow, said
        assert took < WHOLE * slow, said
        assert process.returncode == 1, "an output is not known to be off"
        assert "drive_lo is not known to be off: no answer" in said
        assert "SIGKILL" not in said, "it ends of itself"
        ((why,),) = ask(database, "select why from audit order by number desc limit 1")
        assert "drive_lo is not known to be off" in why
        assert ask(database, "select what from activity") != [(None,)], "the next looks first"
