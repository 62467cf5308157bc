"""Ctrl-C of a command that waits: through the process that a person runs."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kammerton.store import Inbox, Store, attend
from tests.stored import estimate, run
from tests.unit.lab.example import FILE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")

WAITS = {
    "measure": ("measure", "q0", "t1"),
    "release": ("release", "q0"),
    "revert": ("revert", "q0", "--to", "1"),
}
HOLD = ("hold", "computer", "--why", "arm in the rack")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    return Path(shutil.copy(FILE, tmp_path / "lab.toml"))


@pytest.fixture
def daemon(lab: Path) -> Iterator[Store]:
    """Whoever writes, and does not turn."""
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        yield store


def interrupted(
    lab: Path, words: tuple[str, ...], when: Callable[[], object]
) -> tuple[int, str, str]:
    """Run a command, send it SIGINT once `when` is so; return its code and what it said."""
    command = [sys.executable, "-m", "kammerton", *words, "--lab", str(lab)]
    said = lab.parent / "said"
    with (
        said.open("w") as stdout,
        subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True) as process,
    ):
        end = time.monotonic() + 30
        while not when():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    return process.returncode, said.read_text(), err


@pytest.mark.parametrize("verb", WAITS)
def test_what_nobody_has_taken_up_is_withdrawn(lab: Path, daemon: Store, verb: str) -> None:
    with Inbox(daemon.place) as box:
        done = interrupted(lab, WAITS[verb], box.waiting)
        assert done == (130, "", "the request is withdrawn; nothing is done\n")
        assert attend(daemon, box) == []


@pytest.mark.parametrize(
    ("verb", "stop"),
    [
        ("measure", "kammerton hold q0 stops it, and release lets the daemon go on"),
        ("release", "kammerton hold q0 holds it again"),
        ("revert", "another kammerton revert goes back from it"),
    ],
)
def test_what_was_taken_up_goes_on_and_it_is_said_how_to_stop_it(
    lab: Path, daemon: Store, verb: str, stop: str
) -> None:
    with Inbox(daemon.place) as box:
        code, out, err = interrupted(
            lab, WAITS[verb], lambda: any(box.take(each.number) for each in box.waiting())
        )
    assert (code, out) == (130, "")
    assert err.startswith("no longer waiting; ")
    assert "all the same" in err
    assert err.endswith(f"{stop}\n")


def test_where_the_daemon_is_gone_that_took_it_up_that_is_said_and_what_it_left(
    lab: Path, daemon: Store
) -> None:
    def gone() -> bool:
        if not any(box.take(each.number) for each in box.waiting()):
            return False
        daemon.activity("t1 on q0")
        daemon.close()
        return True

    with Inbox(daemon.place) as box:
        code, out, err = interrupted(lab, WAITS["measure"], gone)
    assert (code, out) == (130, "")
    assert "all the same" not in err
    assert "no daemon runs any more, measure was taken up, and what came of it is not known" in err
    assert "CAUTION: outputs may be on" in err


def test_a_hold_that_nobody_has_seen_stays_asked_for(lab: Path, daemon: Store) -> None:
    with Inbox(daemon.place) as box:
        code, out, err = interrupted(lab, HOLD, box.waiting)
        assert (code, out) == (130, "")
        assert "the hold is not withdrawn: it stays asked for, and computer is held as soon" in err
        assert "until it is (kammerton status), nothing is held" in err
        assert daemon.leases() == ()
        attend(daemon, box)
    assert [lease.scope for lease in daemon.leases()] == ["computer"]


def test_who_does_not_wait_for_the_outputs_is_told_that_it_is_held(
    lab: Path, daemon: Store
) -> None:
    daemon.activity("t1 on q0")

    def held() -> bool:
        attend(daemon, box)
        return "computer is held by" in (lab.parent / "said").read_text()

    with Inbox(daemon.place) as box:
        code, out, err = interrupted(lab, HOLD, held)
    assert code == 130
    assert out.startswith("computer is held by ")
    assert "computer is held, but outputs are not known to be off; look at the front" in err
