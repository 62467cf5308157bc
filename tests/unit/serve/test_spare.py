"""The process that is kept ready, with processes that only pretend to be computers."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from kammerton.serve import spare as room
from kammerton.serve.keeper import Keeper, Record
from kammerton.serve.process import Ending, Process
from kammerton.serve.rules import Rules
from kammerton.serve.spare import Spare
from kammerton.serve.words import KEPT_READY, Code, Mode, Order
from tests.unit.serve.test_supervisor import FAST, PRETEND, STRICT, begun, lab, lives, run, seen
from tests.yardstick import within

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")

READY = re.compile(r"process (\d+) is kept ready")


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO)
    return caplog


def ready(said):
    """Return the processes that were said to be kept ready so far."""
    return [int(pid) for pid in READY.findall(said.text)]


def pids(path):
    """Return which process lived each life, and whether it had been kept ready."""
    lines = [line.split(" ", 1) for line in Path(f"{path}.pids").read_text().splitlines()]
    return [(int(pid), how) for pid, how in lines]


def killed(path, said, *, spare=None, once_ready=1):
    """Return what kills the first life as soon as there is a spare, after doing `spare` to it."""
    done = []

    def until():
        if not done and len(ready(said)) >= once_ready and seen(path, "go")():
            if spare is not None:
                os.kill(ready(said)[-1], spare)
            os.kill(pids(path)[0][0], signal.SIGKILL)
            done.append(True)
        return done and seen(path, "go", times=2)()

    return until


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_r2_a_killed_process_is_replaced_by_the_one_that_was_kept_ready(tmp_path, said):
    path = lab(tmp_path, "works")
    assert run(path, until=killed(path, said), spare=True) is Code.DONE
    (_, first), second = pids(path)
    assert first == "begun"
    assert second == (ready(said)[0], "kept ready")
    assert begun(path) == ["tune", "tune"]
    assert f"process {second[0]}, which was kept ready, takes over" in said.text


def test_r2_another_is_kept_ready_for_the_next_kill(tmp_path, said):
    path, done = lab(tmp_path, "works"), []

    def until():
        if len(ready(said)) > len(done) and seen(path, "go", times=len(done) + 1)():
            os.kill(pids(path)[-1][0], signal.SIGKILL)
            done.append(True)
        return seen(path, "go", times=4)()

    assert run(path, until=until, spare=True) is Code.DONE
    assert [how for _, how in pids(path)] == ["begun", *["kept ready"] * 3]
    assert len({pid for pid, _ in pids(path)}) == 4


def test_one_is_kept_for_all_computers_and_only_when_each_is_up(tmp_path, said):
    labs = [lab(tmp_path, "works", name=name) for name in ("a", "b", "c")]
    many = []

    def until():
        many.append(len(ready(said)))
        assert not many[-1] or all(seen(path, "go")() for path in labs)
        return len(many) > 50 and many[-1]

    assert run(*labs, until=until, spare=True) is Code.DONE
    assert many[-1] == 1


def test_where_one_of_several_is_not_up_none_is_begun_beside_its_start(tmp_path, said):
    up, starts = lab(tmp_path, "works", name="up"), lab(tmp_path, "starts", name="starts")
    end = []

    def until():
        if not end and seen(up, "go")() and seen(starts, "go")():
            end.append(time.monotonic() + 1.0)
        return end and time.monotonic() > end[0]

    run(up, starts, until=until, spare=True)
    assert ready(said) == []


def test_a_long_pause_of_one_keeps_the_others_without_a_spare_for_no_longer(tmp_path):
    async def rests(pause):
        record = Record(
            Mode.TUNE, dataclasses.replace(FAST, first_pause=pause, longest_pause=pause)
        )
        record.failures, stop = 3, asyncio.Event()
        keeper = Keeper(tmp_path, None, record)
        assert not keeper.settled
        stop.set()
        await keeper._rest(Ending(Code.FAILED, "away", 1.0, False, False, orderly=True), stop)
        return keeper.settled

    assert not asyncio.run(rests(16.0)), "a start comes too soon"
    assert asyncio.run(rests(300.0))


def test_what_is_not_up_for_a_minute_waits_and_is_in_no_hurry(tmp_path):
    process = Process(Order(tmp_path, ""), FAST, "two")
    assert not process.settled
    process._hear({"up": True})
    assert not process.settled, "kernels may be compiling"
    process._started -= FAST.quick + 1.0
    assert not process.settled, "they may take longer than that"
    process._hear({"warm": True})
    assert process.settled
    assert Process(Order(tmp_path, ""), dataclasses.replace(FAST, quick=-1.0), "two").settled


def test_r2_the_first_sign_of_life_of_one_that_was_kept_ready_may_take_longer(tmp_path):
    """Its memory may have been swapped out, and it is about to switch off."""
    process, rules = Process(Order(tmp_path, ""), Rules(), "two"), Rules()
    process._was_ready = True
    process._heard -= rules.taken - 1.0
    assert not process.silence
    process._heard -= 2.0
    assert process.silence
    process._hear({"beat": "starting"})
    process._heard -= rules.hang + 1.0
    assert process.silence


def test_the_service_manager_hears_nobody_but_the_supervisor(monkeypatch):
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.setenv(name, "1")
    code = "import os; print('NOTIFY_SOCKET' in os.environ or 'WATCHDOG_PID' in os.environ)"

    async def told():
        process = await room.begun(sys.executable, "-c", code)
        said, _ = await process.communicate()
        return said.strip()

    assert asyncio.run(told()) == b"False"


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP])
def test_r2_a_spare_that_is_dead_or_stopped_is_not_taken_and_the_usual_start_follows(
    tmp_path, said, death
):
    path = lab(tmp_path, "works")
    rules = dataclasses.replace(FAST, answer=0.5)
    assert run(path, until=killed(path, said, spare=death), spare=True, rules=rules) is Code.DONE
    assert [how for _, how in pids(path)] == ["begun", "begun"]
    assert gone(ready(said)[0])


@pytest.mark.parametrize("word", ["mute", "half"])
def test_r5_a_spare_that_answers_nothing_or_obeys_nothing_is_ended(tmp_path, said, word):
    path = lab(tmp_path, "works")
    rules = dataclasses.replace(FAST, answer=0.5, taken=1.5, ask=0.2, insist=0.3)
    options = {"spare": True, "rules": rules, "command": (*PRETEND, word)}
    assert run(path, until=killed(path, said), **options) is Code.DONE
    assert [how for _, how in pids(path)] == ["begun", "begun"]
    assert ("hangs: no heartbeat" in said.text) is (word == "half")
    assert gone(ready(said)[0])


def test_a_spare_that_dies_is_begun_anew_with_growing_pauses_and_counts_for_no_computer(
    tmp_path, said
):
    path = lab(tmp_path, "works")
    rules = dataclasses.replace(FAST, beat=1.0, first_pause=0.05, longest_pause=60.0)
    deaths = lambda: re.findall(r"kept ready: it ended with code 7 .* in (\S+) s", said.text)  # noqa: E731 - it says what it is
    options = {"spare": True, "rules": rules, "command": (*PRETEND, "dies")}
    assert run(path, until=lambda: len(deaths()) >= 4, **options) is Code.DONE
    assert deaths()[:4] == ["0.05", "0.1", "0.2", "0.4"]
    assert begun(path) == ["tune"]
    assert "starting again" not in said.text


def test_a_spare_that_never_loads_is_ended(tmp_path, said):
    path = lab(tmp_path, "works")
    options = {"rules": dataclasses.replace(STRICT, stop=30.0, load=0.3), "spare": True}
    until = lambda: "it has not loaded within 0.3 s" in said.text  # noqa: E731 - it says what it is
    assert run(path, until=until, command=(*PRETEND, "never"), **options) is Code.DONE


def test_a_spare_that_was_told_to_end_is_replaced_at_the_next_look(tmp_path, said):
    path = lab(tmp_path, "works")
    options = {"rules": dataclasses.replace(FAST, look=0.1), "spare": True}
    until = lambda: "kept ready: it was told to end" in said.text  # noqa: E731 - it says what it is
    assert run(path, until=until, command=(*PRETEND, "told"), **options) is Code.DONE


@pytest.mark.parametrize("up", [True, False])
def test_r2_a_spare_that_was_told_to_end_switches_off_first_and_the_usual_start_follows(
    tmp_path, said, up
):
    """Outputs are off sooner. It counts for no computer, even if that was never up before."""
    path = lab(tmp_path, *([] if up else ["waits"]), "works")
    rules = FAST if up else dataclasses.replace(FAST, quick=1.0)
    options = {"spare": True, "rules": rules, "command": (*PRETEND, "told")}
    assert run(path, until=killed(path, said), **options) is Code.DONE
    (_, first), second, (_, third) = pids(path)
    assert (first, third) == ("begun", "begun")
    assert second == (ready(said)[0], "kept ready")
    assert begun(path) == ["tune"] * 3
    assert "was told to end, and switches off before" in said.text


def test_r2_what_only_switched_off_is_no_failure_of_the_computer():
    """That process may not have known that all is off: the next start sees to it, at once."""
    record = Record(Mode.TUNE, FAST)
    killed = Ending(Code.CRASHED, "killed", 1.0, was_up=False, told=False, orderly=False)
    assert record.take(killed) is None
    before = dataclasses.replace(record)
    last = Ending(Code.FAILED, "told to end", 1.0, False, False, orderly=True, switched_off=True)
    assert record.take(last) is None
    assert dataclasses.replace(record, why=before.why) == before
    assert record.take(dataclasses.replace(last, told=True)) is Code.FAILED, "nobody comes after it"


def test_r2_a_spare_that_was_just_handed_over_lives_on_when_no_other_is_kept(said):
    """The daemon may be told to end in that very moment: who took it needs it to switch off."""

    async def main():
        spare = Spare(FAST, PRETEND)
        async with spare.kept(lambda: True):
            await within(60, lambda: spare._ready is not None, "one is ready")
            process = (await spare.take()).process
        alive = process.returncode is None
        process.kill()
        await process.wait()
        return alive

    assert asyncio.run(main())


def test_a_pipe_that_breaks_is_no_answer():
    async def broken():
        raise ConnectionResetError("the pipe has been ended")

    process = SimpleNamespace(stdout=SimpleNamespace(readline=broken))
    assert asyncio.run(room._said(process, 1.0)) is None


def test_a_spare_that_stops_unseen_is_found_at_the_next_look(tmp_path, said):
    path, stopped = lab(tmp_path, "works"), []

    def until():
        if ready(said) and not stopped:
            os.kill(ready(said)[0], signal.SIGSTOP)
            stopped.append(True)
        return len(ready(said)) > 1

    rules = dataclasses.replace(FAST, look=0.1, answer=0.5)
    assert run(path, until=until, spare=True, rules=rules) is Code.DONE
    assert "the process kept ready: it does not answer" in said.text
    assert gone(ready(said)[0])


def test_r8_five_quick_crashes_lead_to_safe_mode_with_a_spare_too(tmp_path, said):
    path = lab(tmp_path, "works", *["crash"] * 5, "works")
    assert run(path, until=kill_then(path, said), spare=True) is Code.DONE
    assert begun(path)[:5] == ["tune"] * 5
    assert begun(path)[5].startswith("safe")
    assert pids(path)[1][1] == "kept ready"


def kill_then(path, said):
    first = killed(path, said)
    return lambda: first() or (Path(f"{path}.lives").exists() and seen(path, "go", times=2)())


@pytest.mark.parametrize(("left", "how"), [("nothing", "begun"), ("haunted", "kept ready")])
def test_an_end_in_order_takes_no_spare_unless_an_output_may_be_on(tmp_path, said, left, how):
    """Instruments that are away: nothing is on, and a spare for each attempt would be waste."""
    path = lab(tmp_path, "fails_later", "works")

    def until():
        if ready(said):
            whole = Path(f"{path}.whole")
            whole.write_text(left)
            whole.replace(f"{path}.fails")  # it is read at any moment
        return seen(path, "go", times=2)()

    assert run(path, until=until, spare=True) is Code.DONE
    assert [each for _, each in pids(path)] == ["begun", how]


def test_r1_the_spare_ends_with_the_daemon(tmp_path, said):
    path = lab(tmp_path, "works")
    assert run(path, until=lambda: ready(said), spare=True) is Code.DONE
    assert gone(ready(said)[0])


def test_none_is_kept_unless_asked_for(tmp_path, said):
    path, end = lab(tmp_path, "works"), time.monotonic() + 1.0
    run(path, until=lambda: seen(path, "go")() and time.monotonic() > end)
    assert ready(said) == []


def test_a_spare_that_cannot_be_begun_is_tried_again(said, monkeypatch):
    tries = []

    async def none(*command):
        tries.append(command)
        raise OSError("out of memory")

    async def main():
        async with Spare(dataclasses.replace(FAST, beat=0.01)).kept(lambda: True):
            await within(60, lambda: len(tries) >= 3, "a third try")

    monkeypatch.setattr(room, "begun", none)
    asyncio.run(main())
    assert tries[0][-1] == KEPT_READY
    assert "it cannot be begun: out of memory" in said.text


SUPERVISOR = """
import asyncio, logging, sys
from pathlib import Path
from kammerton.serve.supervisor import supervise

logging.basicConfig(level=logging.INFO)
asyncio.run(supervise([Path(sys.argv[1])], command=sys.argv[2:], spare=True))
"""


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_r2_however_the_supervisor_ends_the_spare_does_too(tmp_path, death):
    path, log = lab(tmp_path, "works"), tmp_path / "log"
    words = [sys.executable, "-c", SUPERVISOR, str(path), *PRETEND]
    end = time.monotonic() + 60
    with log.open("w") as sink, subprocess.Popen(words, stderr=sink) as process:
        while not (found := READY.findall(log.read_text())):
            assert time.monotonic() < end
            time.sleep(0.02)
        held = {os.readlink(entry) for entry in descriptors(pids(path)[0][0])}
        own = {os.readlink(entry) for entry in descriptors(int(found[0]))}
        process.send_signal(death)
    while not gone(int(found[0])) or lives(path)[-1] not in ("orphan", "told"):
        assert time.monotonic() < end, lives(path)
        time.sleep(0.02)
    pipes = [{name for name in each if name.startswith("pipe:")} for each in (held, own)]
    assert not pipes[0] & pipes[1], "one holds the other's pipe"


def descriptors(pid):
    return list(Path(f"/proc/{pid}/fd").iterdir()) if sys.platform == "linux" else []


def test_the_daemon_asks_within_what_it_promises():
    rules = Rules()
    assert rules.answer <= 2.0, "a spare that does not answer keeps outputs on so much longer"
    assert rules.look < rules.load
