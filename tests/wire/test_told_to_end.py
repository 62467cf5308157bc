"""R1: told to end before the outputs of an unclean end were dealt with: they go off first."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time

import pytest

from kammerton.lab import Lab
from kammerton.serve import child
from kammerton.serve.words import Code, Mode
from kammerton.store import Store
from kammerton.store.leases import DAEMON
from kammerton_sim.laboratory import Laboratory
from tests.prove.gate import site
from tests.yardstick import stretch


def left_on(laboratory: Laboratory, lab: Lab) -> None:
    """As after a SIGKILL: sources on, and an activity that nobody took back."""
    for name in ("drive_lo", "readout_lo"):
        laboratory.faults.inject("front-panel", instrument=name, setting="on", value="ON")
    with Store.open(lab.database, lab.computer, data=lab.data) as store:
        store.activity("t1 on q0")


def on(laboratory: Laboratory) -> set[str]:
    return {name.split(".")[0] for name, state in laboratory.outputs().items() if state is not None}


def test_r1_told_to_end_after_a_kill_it_switches_off_first() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        assert on(laboratory) >= {"drive_lo", "readout_lo"}
        code, _ = asyncio.run(child._told(lab, Mode.TUNE))
        assert code is Code.DONE
        assert not on(laboratory)
        with Store.read(lab.database) as store:
            assert any("all outputs verified off" in str(row.why) for row in store.log())


def test_r1_in_safe_mode_that_touches_nothing_it_says_what_is_not_known() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        code, why = asyncio.run(child._told(lab, Mode.IDLE))
        assert code is Code.FAILED
        assert "t1 on q0" in why
        assert on(laboratory) >= {"drive_lo", "readout_lo"}


# pyvisa-py leaves a socket to the garbage collector where nobody answers.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_r1_an_instrument_that_is_away_keeps_no_other_on_and_the_code_says_it() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        laboratory.faults.inject("refuse", instrument="drive_lo")
        began = time.monotonic()
        code, why = asyncio.run(child._told(lab, Mode.TUNE))
        assert time.monotonic() - began < 7 * stretch()
        assert code is Code.FAILED
        assert "not known to be off" in why
        assert "readout_lo" not in on(laboratory)
    gc.collect()


def test_r1_what_a_person_holds_is_left_alone() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        with Store.open(lab.database, lab.computer, data=lab.data) as store:
            store.hold("computer", "anna", "cabling")
            store.activity("t1 on q0")
        code, _ = asyncio.run(child._told(lab, Mode.TUNE))
        assert code is Code.FAILED
        assert on(laboratory) >= {"drive_lo", "readout_lo"}


def test_r1_what_the_daemon_itself_set_aside_is_switched_off_too() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        with Store.open(lab.database, lab.computer, data=lab.data) as store:
            store.hold("drive_lo", DAEMON, "no reference")
            store.activity("t1 on q0")
        code, _ = asyncio.run(child._told(lab, Mode.TUNE))
        assert code is Code.DONE
        assert not on(laboratory)


COMPILES = """
import asyncio, logging, sys, time
from kammerton.serve import child

async def told():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 30)
    await asyncio.sleep(0.1)
    return child.Code.NOT_ACCEPTED

child.run_until_signal(child._leaving(told()))
"""


def test_r1_a_thread_that_still_compiles_keeps_no_process() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", COMPILES], timeout=25, check=False)
    assert done.returncode == Code.NOT_ACCEPTED
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("times", [1, 5])
def test_r1_however_often_it_is_told_the_last_thing_is_done_to_its_end(times: int) -> None:
    async def scenario() -> str:
        async def last() -> str:
            await asyncio.sleep(0.1)
            return "off"

        task = asyncio.create_task(child._to_its_end(last()))
        for _ in range(times):
            await asyncio.sleep(0.01)
            task.cancel()
        return await task

    assert asyncio.run(scenario()) == "off"
