"""A home that is full or read-only: outputs that may be on go off, and the daemon goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.system.laboratory import daemon, laboratory
from tests.system.test_daemon import outputs_on, wait_for
from tests.system.test_processes import SWITCHED_ON

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="it mounts a tmpfs"),
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return what mounts a file system with options of its own where locks are kept."""
    state = tmp_path / "state"
    state.mkdir()

    def mounted(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(state)]
        done = subprocess.run(command, capture_output=True, text=True) if not os.getuid() else None
        if done is None or done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr if done else 'no root'}")
        monkeypatch.setenv("XDG_STATE_HOME", str(state))

    yield mounted
    if state.is_mount():
        subprocess.run(["umount", str(state)], check=True)


@pytest.mark.parametrize("options", ["nr_inodes=1", "ro"])
def test_s1_outputs_go_off_and_the_daemon_goes_on_though_no_lock_can_be_written(
    tmp_path, home, options
):
    with laboratory(tmp_path) as lab:
        home(options)
        lab.ask(op="fault", name="front-panel", given=SWITCHED_ON)
        assert outputs_on(lab)
        with daemon(lab.lab) as process:
            wait_for(lambda: list(tmp_path.glob("runs/*.nc")), 120, "something measured")
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)[1]
        assert not outputs_on(lab)
    assert said.count("keeps others away") == 1
    assert "Traceback" not in said
