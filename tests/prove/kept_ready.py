"""R2: SIGKILL of a computer's process while another is kept ready, with sources left on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.prove.frame import Row, proof
from tests.prove.killing import Daemon, Harm, kill, running, unsafe_spans, wait_for
from tests.system.laboratory import laboratory

SOURCES = ("drive_lo", "readout_lo")


@proof("kept-ready")
def kept_ready(quick: bool) -> Iterator[Row]:
    """40 kills of an idle daemon's process, 4 when quick.

    Raises
    ------
    AssertionError
        A process that was kept ready did not take over.
    """
    harm = Harm()
    with tempfile.TemporaryDirectory() as folder, laboratory(Path(folder)) as lab:
        with running(lab.lab) as daemon:
            for number in range(4 if quick else 40):
                wait_for(lambda: _said(daemon, "is kept ready") > number, "a process kept ready")  # noqa: B023
                wait_for(lambda: (daemon.doing() or (0, ""))[1].startswith("idle"), "idle", 300)
                for name in SOURCES:
                    given = {"instrument": name, "setting": "on", "value": "1"}
                    lab.ask(op="fault", name="front-panel", given=given)
                kill(daemon, lab, harm)
            assert daemon.stop() == 0
        assert _said(daemon, "takes over") == harm.kills
        harm.unsafe += unsafe_spans(lab)
    yield harm.row("R2 SIGKILL of a computer's process while another is kept ready")


def _said(daemon: Daemon, words: str) -> int:
    return daemon.log.read_text().count(words)
