"""R10: whoever takes the log stands still (Ctrl-S in a terminal, a full pipe); nothing waits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.prove.killing import ask, on, wait_for
from tests.system.laboratory import KAMMERTON, laboratory
from tests.yardstick import stretch

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe is set as Linux does"),
]


@contextlib.contextmanager
def untaken(lab):
    """Run the daemon with a log that is full from the beginning."""
    there, here = os.pipe()
    fcntl.fcntl(here, fcntl.F_SETPIPE_SZ, 4096)
    os.write(here, b"x" * 4096)
    with subprocess.Popen([*KAMMERTON, "run", "--no-spare", str(lab)], stderr=here) as process:
        try:
            yield process, there
        finally:
            if process.poll() is None:
                process.kill()
            os.close(there)
            os.close(here)


def test_r10_with_a_log_that_nobody_takes_drive_goes_off_when_it_warms_and_it_ends(tmp_path):
    with laboratory(tmp_path) as lab, untaken(lab.lab) as (process, there):
        database = lab.lab.with_name("kammerton.sqlite")
        wait_for(lambda: bool(ask(database, "select 1 from run")), "a first run", 120)
        wait_for(lambda: bool(on(lab)), "outputs on", 60)
        lab.ask(op="fault", name="temperature", given={"kelvin": 0.3})
        wait_for(lambda: not on(lab), "all outputs off", 30)
        known = ask(database, "select count(*) from audit")
        time.sleep(3.0)
        assert not on(lab)
        assert process.poll() is None
        assert known, "the database is written all the same"
        slow, began = stretch(), time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert time.monotonic() - began < 10.0 * max(slow, stretch())
        assert os.read(there, 8192) == b"x" * 4096, "nobody took it"
