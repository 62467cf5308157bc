"""An instrument goes away under a running daemon, and comes back."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.system.laboratory import daemon, laboratory
from tests.system.test_daemon import doing, outputs_on, stored, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
def test_i2_the_daemon_waits_for_a_generator_that_is_away_and_goes_on(tmp_path):
    with laboratory(tmp_path) as lab, daemon(lab.lab) as process:
        wait_for(lambda: outputs_on(lab), 90, "an output going on")
        fault = lab.ask(op="fault", name="refuse", given={"instrument": "awg1"})["fault"]
        wait_for(lambda: doing(lab).startswith("waiting: awg1"), 30, "the daemon waiting")
        before = len(stored(lab, lambda s: s.runs(1000)) or ())
        lab.ask(op="clear", number=fault)
        wait_for(lambda: len(stored(lab, lambda s: s.runs(1000)) or ()) > before, 60, "a run")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert outputs_on(lab) == []
    # who misses it first, the generator's own session or the digitizer, is a matter of moments
    assert "the run is aborted, and nothing of it is stored: " in errors
    assert "awg1 answers again and is verified" in errors
    assert "Traceback" not in errors
