"""R1: told to end before the outputs of an unclean end were dealt with: they go off first."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from kammerton.lab import Lab
from kammerton.serve import child, last, opened, safe
from kammerton.serve.rules import Rules
from kammerton.serve.words import Code, Mode, Order
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


@pytest.fixture
def as_slow_as_the_machine(monkeypatch) -> None:
    slow = stretch()
    monkeypatch.setattr(last, "LAST", last.LAST * slow)
    monkeypatch.setattr(safe, "LAST_CONNECT", safe.LAST_CONNECT * slow)


@pytest.mark.usefixtures("as_slow_as_the_machine")
def test_r1_told_to_end_after_a_kill_it_switches_off_first() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        assert on(laboratory) >= {"drive_lo", "readout_lo"}
        code, *_ = asyncio.run(last.told_to_end(lab, Mode.TUNE))
        assert code is Code.DONE
        assert not on(laboratory)
        with Store.read(lab.database) as store:
            assert any("all outputs verified off" in str(row.why) for row in store.log())


def test_r1_in_safe_mode_that_touches_nothing_it_says_what_is_not_known() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        code, why, _ = asyncio.run(last.told_to_end(lab, Mode.IDLE))
        assert code is Code.FAILED
        assert "t1 on q0" in why
        assert on(laboratory) >= {"drive_lo", "readout_lo"}


def test_r1_a_database_that_stands_still_keeps_no_output_on(monkeypatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(last, "KNOW", 0.3)
    monkeypatch.setattr(last, "_left", lambda lab: over.wait(60))
    with site() as (laboratory, lab):
        left_on(laboratory, lab)

        async def told() -> tuple[Code, str, bool]:
            try:
                async with asyncio.timeout(30):
                    return await last.told_to_end(lab, Mode.TUNE)
            finally:
                over.set()

        code, why, off = asyncio.run(told())
        assert code is Code.FAILED, "the record still says that something may be on"
        assert off
        assert "the database does not answer; all outputs are known to be off" in why
        assert not on(laboratory)
    assert last.KNOW < 1.0
    monkeypatch.undo()
    assert Rules().another > opened.HALF_OPEN + last.KNOW + last.LAST


def test_r1_a_database_that_takes_long_to_open_is_not_waited_for(monkeypatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(opened.Store, "open", lambda *_, **__: over.wait(60))
    monkeypatch.setattr(opened, "HALF_OPEN", 0.05)
    lab = SimpleNamespace(database=None, computer="two", data=None, note="")

    async def told() -> None:
        opening = asyncio.create_task(opened._open(lab))
        await asyncio.sleep(0.05)
        opening.cancel()
        try:
            async with asyncio.timeout(20):
                await asyncio.wait([opening])
            assert opening.cancelled()
        finally:
            over.set()
            await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(told())


def test_r1_what_was_opened_just_then_is_closed_again(monkeypatch) -> None:
    store = SimpleNamespace(closed=False)
    store.close = lambda: setattr(store, "closed", True)
    begun, go = threading.Event(), threading.Event()

    def slowly(*_: object, **__: object) -> object:
        begun.set()
        go.wait(60)
        return store

    monkeypatch.setattr(opened.Store, "open", slowly)
    monkeypatch.setattr(opened, "HALF_OPEN", 60.0)
    lab = SimpleNamespace(database=None, computer="two", data=None, note="")

    async def told() -> None:
        opening = asyncio.create_task(opened._open(lab))
        assert await asyncio.to_thread(begun.wait, 20)
        opening.cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.wait([opening])
        assert opening.cancelled()

    asyncio.run(told())
    assert store.closed


EARLY = """
import os, signal, sys
from kammerton import early

keep = early.remember

def at_once():
    keep()
    os.kill(os.getpid(), signal.SIGTERM)

early.remember = at_once
"""

SUPERVISED = """
from kammerton.__main__ import main
from kammerton.serve import supervisor
from kammerton.serve.rules import Rules

supervisor.Rules = lambda: Rules(stop={slow} * Rules.stop)
supervisor.supervise.__kwdefaults__["command"] = (sys.executable, "-c", {computer!r})
main()
"""

STRETCHED = """
from kammerton.serve import begin, child, last

obey = child.obey

def in_its_time(wire, first):
    from kammerton.serve import safe

    last.LAST, last.KNOW = {slow} * last.LAST, {slow} * last.KNOW
    safe.LAST_CONNECT *= {slow}
    return obey(wire, first)

child.obey = in_its_time
begin.main()
"""


def computers_process() -> str:
    """Return what a computer's process runs, with as much time as the machine is slow."""
    return STRETCHED.format(slow=stretch())


def test_r1_a_signal_while_the_daemon_loads_ends_it_in_order() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        code = f"{EARLY}\n{SUPERVISED.format(slow=stretch(), computer=computers_process())}"
        words = [sys.executable, "-c", code, "run", str(lab.path)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        assert "before the end: what an unclean end left on is switched off" in done.stderr
        assert not on(laboratory)


def test_r1_a_signal_while_a_computers_process_loads_ends_it_in_order() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        code = f"{EARLY}\n{computers_process()}"
        order = Order(lab.path, lab.path.read_text(encoding="utf-8")).line()
        done = subprocess.run(
            [sys.executable, "-c", code], input=order, capture_output=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        assert b"the process ends" in done.stdout
        assert not on(laboratory)


def test_r1_an_instrument_that_is_away_keeps_no_other_on_and_the_code_says_it() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        laboratory.faults.inject("refuse", instrument="drive_lo")
        began = time.monotonic()
        code, why, _ = asyncio.run(last.told_to_end(lab, Mode.TUNE))
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
        code, *_ = asyncio.run(last.told_to_end(lab, Mode.TUNE))
        assert code is Code.FAILED
        assert on(laboratory) >= {"drive_lo", "readout_lo"}


@pytest.mark.usefixtures("as_slow_as_the_machine")
def test_r1_what_the_daemon_itself_set_aside_is_switched_off_too() -> None:
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        with Store.open(lab.database, lab.computer, data=lab.data) as store:
            store.hold("drive_lo", DAEMON, "no reference")
            store.activity("t1 on q0")
        code, *_ = asyncio.run(last.told_to_end(lab, Mode.TUNE))
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
