"""The supervisor, with processes that only pretend to be computers."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from kammerton.serve import process, supervisor
from kammerton.serve.keeper import Keeper, Record
from kammerton.serve.notify import Notify
from kammerton.serve.process import Ending
from kammerton.serve.rules import Rules
from kammerton.serve.spare import Spare
from kammerton.serve.supervisor import supervise
from kammerton.serve.words import Code, Mode, Order

PRETEND = (sys.executable, str(Path(__file__).with_name("pretend.py")))
FAST = Rules(
    beat=0.05, hang=30.0, start=60.0, ask=30.0, insist=30.0, stop=30.0, leave=30.0,
    first_pause=0.02, longest_pause=0.1,
)  # fmt: skip
"""Starts at once what has died; a process is no failure because the machine is slow."""
STRICT = dataclasses.replace(FAST, hang=1.5, ask=0.2, insist=0.3, stop=0.5, leave=0.3)
"""For processes that never answer."""
HEAVY = "numpy scipy numba qcodes pyvisa sqlalchemy pydantic aiomqtt xarray matplotlib typer"


def lab(folder, *words, name="lab.toml"):
    path = folder / name
    path.write_text(" ".join(words))
    return path


def lives(path):
    return Path(f"{path}.lives").read_text().splitlines()


def begun(path):
    return [line.removeprefix("life ").strip() for line in lives(path) if line.startswith("life")]


def run(*labs, until=None, seconds=60.0, **more):
    """Supervise until all ended, or `until` holds and then stop; return the code."""

    async def main():
        stop = asyncio.Event()
        options = {"rules": FAST, "command": PRETEND, "stop": stop, "notify": Notify()} | more
        task = asyncio.create_task(supervise(labs, **options))
        end = time.monotonic() + seconds
        while until is not None and not task.done() and not until():
            assert time.monotonic() < end, "it did not happen"
            await asyncio.sleep(0.02)
        if until is not None:
            stop.set()
        return await asyncio.wait_for(task, seconds)

    return asyncio.run(main())


def seen(path, text, times=1):
    return lambda: Path(f"{path}.lives").exists() and sum(text in x for x in lives(path)) >= times


def test_r1_told_to_end_it_asks_and_reports_that_all_is_well(tmp_path):
    path = lab(tmp_path, "works")
    assert run(path, until=seen(path, "go")) is Code.DONE
    assert lives(path) == ["life tune", "go", "told"]


def test_r1_a_process_that_cannot_be_begun_ends_neither_the_daemon_nor_another_computer(
    tmp_path, monkeypatch
):
    """Memory is short just when one is to be started again."""
    dies, works = lab(tmp_path, "killed works"), lab(tmp_path, "works", name="other.toml")
    real, tries = process.begun, list[int]()

    async def begun(*command: str) -> asyncio.subprocess.Process:
        tries.append(1)
        if len(tries) == 3:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return await real(*command)

    monkeypatch.setattr(process, "begun", begun)
    assert run(dies, works, until=seen(dies, "go")) is Code.DONE
    assert len(tries) == 4
    assert lives(works) == ["life tune", "go", "told"]
    assert lives(dies) == ["life tune", "life tune", "go", "told"]


def test_r8_where_even_switching_off_crashed_no_process_with_drivers_loaded_is_taken(monkeypatch):
    spare, taken = Spare(FAST), list[tuple[Mode, Spare | None]]()
    keeper = Keeper(Path("lab.toml"), None, Record(Mode.TUNE, FAST, failures=4, crashes=4))
    keeper.spare = spare

    async def life(go: asyncio.Event, stop: asyncio.Event, spare: Spare | None) -> Ending:
        taken.append((keeper.record.mode, spare))
        told = keeper.record.mode is Mode.IDLE
        return Ending(Code.CRASHED, "killed", 0.0, was_up=True, told=told, orderly=False)

    monkeypatch.setattr(keeper, "_life", life)
    asyncio.run(keeper.keep(asyncio.Event(), asyncio.Event()))
    assert taken == [(Mode.TUNE, None), (Mode.SAFE, spare), (Mode.IDLE, None)]


def test_r1_what_does_not_end_when_told_is_killed_in_time_and_never_called_well(tmp_path):
    path = lab(tmp_path, "deaf")
    start = time.monotonic()
    assert run(path, until=seen(path, "go"), rules=STRICT) is Code.FAILED
    assert time.monotonic() - start < 25


def test_r1_what_one_that_had_to_be_killed_left_on_the_next_switches_off(tmp_path):
    """Told to end, nobody starts it again: its outputs would stay on for good."""
    path = lab(tmp_path, "deaf", "works")
    assert run(path, until=seen(path, "go"), rules=STRICT) is Code.FAILED
    assert lives(path) == ["life tune", "go", "life tune"], "the last only to switch off"


def test_r1_one_that_gives_no_sign_of_life_when_told_to_end_is_not_waited_for(tmp_path):
    """A driver that hangs with the interpreter: another process has yet to switch off."""
    path = lab(tmp_path, "mute", "works")
    rules = dataclasses.replace(FAST, mute=0.3, ask=0.2, urge=0.3)
    assert run(path, until=seen(path, "go"), rules=rules) is Code.FAILED
    assert begun(path) == ["tune", "tune"]


def test_r1_what_switches_off_in_its_place_loads_while_it_is_still_waited_for(tmp_path, caplog):
    path = lab(tmp_path, "mute", "works")
    rules = dataclasses.replace(FAST, lull=0.1, mute=1.0, ask=0.2, urge=0.3)
    with caplog.at_level("INFO"):
        assert run(path, until=seen(path, "go"), rules=rules) is Code.FAILED
    loads, killed = caplog.text.index("loads, to switch off"), caplog.text.index("SIGTERM")
    assert loads < killed
    hows = [line.partition(" ")[2] for line in Path(f"{path}.pids").read_text().splitlines()]
    assert hows == ["begun", "successor"]


def test_r1_where_it_ends_by_itself_its_successor_has_touched_nothing_and_is_gone(tmp_path, caplog):
    path = lab(tmp_path, "naps")
    with caplog.at_level("INFO"):
        rules = dataclasses.replace(FAST, lull=0.1, mute=20.0)
        assert run(path, until=seen(path, "go"), rules=rules) is Code.DONE
    assert begun(path) == ["tune"]
    pid = int(re.search(r"process (\d+) loads, to switch off", caplog.text)[1])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(("mode", "ready"), [(Mode.IDLE, False), (Mode.TUNE, True)])
def test_r1_no_successor_is_begun_where_one_is_ready_or_none_may_load_a_driver(mode, ready):
    keeper = Keeper(Path("lab.toml"), None, Record(mode, FAST), command=PRETEND)
    keeper.spare = SimpleNamespace(ready=ready)

    async def tried() -> bool:
        await keeper.successor.begin("chip")
        return keeper.successor.take() is not None

    assert not asyncio.run(tried())


def test_r1_one_that_left_all_off_and_had_to_be_killed_needs_no_other(tmp_path):
    path = lab(tmp_path, "stuck")
    assert run(path, until=seen(path, "go"), rules=STRICT) is Code.FAILED
    assert begun(path) == ["tune"]


def test_r1_what_is_left_of_the_time_is_for_the_one_that_switches_off_in_its_place():
    order = Order(Path("lab.toml"), None, Mode.TUNE, "", FAST.beat, named=False)
    now, rules = time.monotonic(), Rules()
    first = process.Process(order, rules, "chip")
    assert first._left() == rules.stop
    lefts = [process.Process(order, rules, "chip", told_at=now - s)._left() for s in (4.0, 9.0)]
    assert lefts == pytest.approx([rules.whole - 2 * rules.urge - 4.0, rules.least], abs=0.5)
    assert rules.whole <= 10.0


def test_r1_told_to_end_one_that_still_loads_gets_the_time_to_switch_off(tmp_path):
    """Killed, what an earlier one left on would stay on: another would have to load anew."""
    path, rules = lab(tmp_path, "loads"), dataclasses.replace(STRICT, insist=5.0)
    assert run(path, until=seen(path, "loads"), rules=rules) is Code.DONE
    assert len(begun(path)) == 1


def test_r1_one_that_was_told_to_end_before_its_first_heartbeat_gets_the_time_too():
    """As each that follows one that was killed: it is told to end from its first instant."""
    order = Order(Path("lab.toml"), None, Mode.TUNE, "", FAST.beat, named=False)
    life = process.Process(order, FAST, "chip")

    async def told() -> bool:
        loop = asyncio.get_running_loop()
        gone, life._told = loop.create_future(), True
        loop.call_soon(life._hear, {"beat": "starting"})
        loop.call_later(0.3, gone.set_result, 0)
        await life._wait(gone, 0.1)
        return gone.done()

    assert asyncio.run(told())


def test_r1_told_to_end_one_that_hangs_is_not_waited_for_as_one_that_ramps(tmp_path):
    path = lab(tmp_path, "ramps", "works")
    rules = dataclasses.replace(STRICT, ramp=3700.0)
    assert run(path, until=seen(path, "go"), rules=rules) is Code.FAILED
    assert len(begun(path)) == 2


def test_r1_told_to_end_between_two_lives_one_more_switches_off(tmp_path, caplog):
    path = lab(tmp_path, "killed", "killed", "works")
    rules = dataclasses.replace(FAST, first_pause=90.0, longest_pause=90.0)
    between = lambda: "starting again in" in caplog.text  # noqa: E731 - it says what it is
    assert run(path, until=between, rules=rules) is Code.DONE
    assert len(begun(path)) == 3


@pytest.mark.parametrize("death", ["killed", "crash"])
def test_r2_a_process_that_dies_is_replaced_at_once(tmp_path, death, caplog):
    path = lab(tmp_path, death, "works")
    assert run(path, until=seen(path, "go")) is Code.DONE
    assert begun(path) == ["tune", "tune"]
    assert "starting again now" in caplog.text


def test_r5_a_process_without_heartbeats_is_asked_then_killed_and_replaced(tmp_path):
    path = lab(tmp_path, "hangs", "works")
    start = time.monotonic()
    strict = dataclasses.replace(STRICT, stop=30.0)
    assert run(path, until=seen(path, "go", times=2), rules=strict) is Code.DONE
    assert begun(path) == ["tune", "tune"]
    assert time.monotonic() - start > strict.hang


def test_r4_a_process_that_has_ended_but_for_a_thread_is_not_waited_for(tmp_path):
    path = lab(tmp_path, "lingers")
    start = time.monotonic()
    assert run(path, once=True, rules=STRICT) is Code.DONE
    assert time.monotonic() - start < 25


def test_r8_five_quick_crashes_lead_to_safe_mode_that_says_why_and_stays(tmp_path):
    path = lab(tmp_path, *["crash"] * 5, "works")
    assert run(path, until=seen(path, "go")) is Code.DONE
    assert begun(path) == ["tune"] * 5 + ["safe it ended with code 5 and did not say why"]


def test_r8_where_even_switching_off_crashes_nothing_is_touched(tmp_path):
    path = lab(tmp_path, *["crash"] * 6, "works")
    run(path, until=seen(path, "go"))
    assert [line.split()[0] for line in begun(path)] == ["tune"] * 5 + ["safe", "idle"]


def test_r8_with_once_a_crash_loop_ends_the_daemon(tmp_path):
    path = lab(tmp_path, "crash")
    assert run(path, once=True) is Code.FAILED
    assert begun(path) == ["once"] * 6, "the last only to switch off"


@pytest.mark.parametrize("once", [True, False])
def test_r4_what_one_that_gives_up_left_on_the_next_switches_off(tmp_path, once, caplog):
    """A call beyond reach ends with its process only: nobody else can verify its output off."""
    path = lab(tmp_path, "haunted", "works")
    assert run(path, once=once) is Code.FAILED
    mode = "once" if once else "tune"
    assert lives(path) == [f"life {mode}", "go", f"life {mode}"]
    assert "not known to be off" not in caplog.text


def test_r1_told_to_end_the_last_one_that_only_switches_off_is_not_waited_for_without_end(
    tmp_path, caplog
):
    """It may not come to that: a disk that stands still, say."""
    path, start = lab(tmp_path, "haunted", "slow"), time.monotonic()
    assert run(path, once=True, until=seen(path, "begins"), rules=STRICT) is Code.FAILED
    assert time.monotonic() - start < 25
    assert "outputs are not known to be off" in caplog.text


def test_r1_what_one_that_failed_left_on_is_switched_off_between_two_lives(tmp_path, caplog):
    path = lab(tmp_path, "haunted", "haunted_too", "works")
    rules = dataclasses.replace(FAST, first_pause=90.0, longest_pause=90.0)
    other = lab(tmp_path, "works", name="other.toml")
    assert run(path, other, until=lambda: "again in" in caplog.text, rules=rules) is Code.DONE
    assert len(begun(path)) == 3


@pytest.mark.parametrize(("word", "code"), [("done", 0), ("parked", 3), ("failed", 1)])
def test_with_once_the_code_of_the_process_is_that_of_the_daemon(tmp_path, word, code):
    path = lab(tmp_path, word)
    assert run(path, once=True) == code
    assert begun(path) == ["once"]


def test_instruments_that_never_answered_end_the_daemon_of_one_computer(tmp_path):
    assert run(lab(tmp_path, "unreachable")) is Code.FAILED


def test_instruments_that_went_away_are_tried_again_and_never_lead_to_safe_mode(tmp_path):
    path = lab(tmp_path, "failed", *["unreachable"] * 6, "works")
    assert run(path, until=seen(path, "go", times=8)) is Code.DONE
    assert begun(path) == ["tune"] * 8


def test_one_computer_that_fails_does_not_disturb_the_other(tmp_path):
    bad, good = lab(tmp_path, "unreachable", name="bad"), lab(tmp_path, "works", name="good")
    run(bad, good, until=seen(bad, "life", times=3))
    assert begun(good) == ["tune"]


def test_nothing_is_connected_when_one_lab_toml_of_several_is_bad(tmp_path):
    good, bad = lab(tmp_path, "works", name="good"), lab(tmp_path, "bad", name="bad")
    assert run(good, bad) is Code.BAD_INPUT
    assert lives(good) == ["life tune"]


def own(table):
    key = {"computer": "[computer] name", "store": "[store] database"}[table]
    return f"give each its own {key}, or leave one of them out"


def test_two_of_one_computer_or_one_database_are_refused_before_anything_is_connected(
    tmp_path, capsys
):
    words = {"a": "twin", "b": "shares", "c": "twin", "d": "shares", "e": "bad", "f": "works"}
    labs = {name: lab(tmp_path, word, name=name) for name, word in words.items()}
    assert run(*labs.values()) is Code.BAD_INPUT
    assert run(labs["a"], labs["a"]) is Code.BAD_INPUT
    first, second, *third = capsys.readouterr().err.splitlines()
    assert first == f'{labs["a"]} and {labs["c"]}: computer "chip" is in both; {own("computer")}'
    assert second == f'{labs["b"]} and {labs["d"]}: database "/k.sqlite" is in both; {own("store")}'
    assert third == [f"{labs['a']} and {labs['a']} are one file; name it once"]
    assert not any("go" in lives(path) for path in labs.values())


def test_two_of_one_computer_are_refused_though_one_could_not_be_begun_at_first(
    tmp_path, monkeypatch, capsys
):
    """The others were not kept waiting; it has touched nothing when its lab.toml is read."""
    first, late = lab(tmp_path, "twin", name="first"), lab(tmp_path, "twin", name="late")
    real, tries, works = process.begun, list[int](), seen(first, "go")

    async def begun(*command: str) -> asyncio.subprocess.Process:
        if command[-1] == str(late):
            tries.append(1)
            if len(tries) == 1:
                raise OSError(errno.ENOMEM, "Cannot allocate memory")
            while not works():  # noqa: ASYNC110 - another process tells
                await asyncio.sleep(0.01)
        return await real(*command)

    monkeypatch.setattr(process, "begun", begun)
    assert run(first, late) is Code.BAD_INPUT
    both = f'{first} and {late}: computer "chip" is in both; {own("computer")}'
    assert capsys.readouterr().err.strip() == both
    assert "go" not in lives(late)


def test_computers_on_one_server_are_kept_apart_by_their_names(tmp_path):
    keepers = [Keeper(tmp_path, None, Record(Mode.TUNE, FAST), computer=name) for name in "ab"]
    assert supervisor._twice(keepers, "database") == []


def test_c5_a_restart_uses_lab_toml_as_it_was_when_the_daemon_started(tmp_path):
    path = lab(tmp_path, "hangs", "works")

    def edited():
        if seen(path, "go")():
            path.write_text("bad")
        return seen(path, "go", times=2)()

    strict = dataclasses.replace(STRICT, stop=30.0)
    assert run(path, until=edited, rules=strict) is Code.DONE
    assert begun(path) == ["tune", "tune"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_r2_processes_of_a_killed_supervisor_see_it_and_end(tmp_path):
    path = lab(tmp_path, "works")
    code = (
        "import asyncio, sys; from pathlib import Path; "
        "from kammerton.serve.supervisor import supervise; "
        "asyncio.run(supervise([Path(sys.argv[1])], command=sys.argv[2:]))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path), *PRETEND]) as process:
        end = time.monotonic() + 60
        while not seen(path, "go")():
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    while lives(path)[-1] != "orphan":
        assert time.monotonic() < end
        time.sleep(0.02)


class Manager:
    """A service manager's socket."""

    def __init__(self, path):
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.end.bind(str(path))
        self.end.setblocking(False)
        self.said = []

    def look(self):
        while True:
            try:
                self.said += self.end.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.said


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.end.close()


@pytest.mark.skipif(sys.platform == "win32", reason="systemd")
def test_the_service_manager_hears_ready_status_watchdog_and_stopping(tmp_path, manager):
    path = lab(tmp_path, "works")
    notify = Notify(str(tmp_path / "notify"), watchdog=0.3)
    run(path, until=lambda: manager.look().count("WATCHDOG=1") > 3, notify=notify)
    said = manager.look()
    assert said[0] == "READY=1"
    assert "STATUS=chip: tune" in said
    assert "STOPPING=1" in said


@pytest.mark.skipif(sys.platform == "win32", reason="systemd")
def test_r5_the_watchdog_is_not_fed_while_a_loop_stands_still(tmp_path, manager):
    path = lab(tmp_path, "hangs")
    patient = Rules(beat=0.05, hang=0.3, ask=10.0, insist=0.3, stop=0.1, leave=0.3)
    notify, looks = Notify(str(tmp_path / "notify"), watchdog=0.15), []

    def looked_at():
        """Look when it works, 1.5 s later, when it hangs for sure, and 1.5 s after that."""
        fed = manager.look().count("WATCHDOG=1")
        if seen(path, "go")() and (not looks or time.monotonic() > looks[-1][0] + 1.5):
            looks.append((time.monotonic(), fed))
            if len(looks) == 3:  # all is seen: it need not be asked for 10 s
                pid = Path(f"{path}.pids").read_text().split()[0]
                os.kill(int(pid), signal.SIGKILL)
        return len(looks) == 3

    run(path, until=looked_at, rules=patient, notify=notify)
    (_, before), (_, hangs), (_, after) = looks
    assert hangs > 0, "it was never fed"
    assert before <= hangs == after, "it was fed all the time"


def test_notify_reads_what_systemd_sets_for_this_process():
    mine = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    assert Notify.of(mine) == Notify("@x", 30.0)
    assert Notify.of({**mine, "WATCHDOG_PID": "1"}) == Notify("@x", None)
    assert Notify.of({}) == Notify(None, None)


@pytest.mark.skipif(sys.platform == "win32", reason="systemd")
def test_a_service_manager_that_is_gone_stops_nothing_and_hears_all_when_it_is_back(
    tmp_path, caplog
):
    """One moment without descriptors must not starve the watchdog for ever."""
    notify = Notify(str(tmp_path / "notify"))
    notify.say("READY=1")
    notify.say("WATCHDOG=1")
    assert len(caplog.records) == 1
    back = Manager(tmp_path / "notify")
    notify.say("STATUS=tune")
    assert back.look() == ["READY=1", "WATCHDOG=1", "STATUS=tune"]
    back.end.close()


@pytest.mark.skipif(sys.platform == "win32", reason="systemd")
def test_a_service_manager_that_reads_nothing_is_not_waited_for(tmp_path, manager):
    """What it did not take it hears with the next, the newest of each."""
    notify = Notify(str(tmp_path / "notify"))
    notify.say("READY=1")
    begun = time.monotonic()
    for n in range(1000):  # a socket holds some ten
        notify.say(f"STATUS={n}", "WATCHDOG=1")
    assert time.monotonic() - begun < 5
    assert manager.look()[0] == "READY=1"
    notify.say("STOPPING=1")
    assert set(manager.look()[-3:]) == {"STATUS=999", "WATCHDOG=1", "STOPPING=1"}


@pytest.mark.skipif(sys.platform == "win32", reason="systemd")
def test_what_feeds_the_watchdog_does_not_die_in_silence(tmp_path, manager, monkeypatch):
    def broken(self, *assignments):
        if "READY=1" not in assignments:
            raise RuntimeError("no more")

    monkeypatch.setattr(Notify, "say", broken)
    with pytest.raises(RuntimeError, match="no more"):
        run(lab(tmp_path, "works"), until=lambda: False, notify=Notify(str(tmp_path / "notify")))


def test_i11_pauses_grow_to_five_minutes_and_the_first_restart_is_immediate():
    pauses = [Rules().pause(failures) for failures in range(12)]
    assert pauses[:5] == [0, 0, 1, 2, 4]
    assert max(pauses) == pauses[-1] == 300


def test_r8_crashes_that_are_not_quick_never_lead_to_safe_mode():
    record = Record(Mode.TUNE, Rules())
    slow = Ending(Code.CRASHED, "", lived=61.0, was_up=True, told=False, orderly=False)
    assert [record.take(slow) for _ in range(20)] == [None] * 20
    assert record.mode is Mode.TUNE


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("supervisor", HEAVY), ("safe", "numba xarray matplotlib typer kammerton.loop")],
)
def test_who_supervises_or_only_switches_off_imports_nothing_heavy(module, heavy):
    code = (
        f"import sys, kammerton.serve.{module}; "
        f"print([m for m in {heavy.split()} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
