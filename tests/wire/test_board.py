"""The simulated ATS9360 behind the upstream driver: records, triggers, time, memory."""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from qcodes.instrument_drivers.AlazarTech import AlazarTechATS9360

from kammerton_sim.board import open_board
from kammerton_sim.wire import sealed, shared
from tests.wire.conftest import acquire, configured, halt, run, settle, trigger, upload


def test_upstreams_class_connects_unchanged(board, closing):
    digitizer = configured(board, closing, AlazarTechATS9360)
    idn = digitizer.get_idn()
    assert (idn["model"], idn["bits_per_sample"], idn["firmware"]) == ("ATS9360", 12, "21.07")


def test_every_record_arrives_in_order(digitizer, awg):
    upload(awg, points=5)
    run(awg)
    a, b = acquire(digitizer, awg.force_triggerA)
    assert a.shape == (60, 256)
    np.testing.assert_array_equal(a[:, 1] // 16, np.arange(1, 61))
    np.testing.assert_array_equal(b[:, 9] // 16, np.arange(60) % 5)


def test_a_second_acquisition_reuses_the_memory(digitizer, board, awg):
    upload(awg)
    for _ in range(3):
        run(awg)
        a, _ = acquire(digitizer, awg.force_triggerA, buffers=2)
        np.testing.assert_array_equal(a[:, 1] // 16, np.arange(1, 21))
        halt(awg)
    assert len(board._pool.free) == 2


def test_started_before_armed_the_first_record_is_any(digitizer, awg, ask):
    upload(awg, points=51)
    run(awg)
    trigger(awg)
    firsts = []
    for _ in range(4):
        a, b = acquire(digitizer, lambda: None, records=51, buffers=1)
        firsts.append(int(b[0, 1] // 16))
        assert len(set(a[:, 1])) == 51
    assert any(firsts)
    assert all(entry["late"] for entry in ask(op="acquisitions"))


def test_rearming_never_repeats_a_record(digitizer, awg):
    upload(awg, points=5)
    run(awg)
    trigger(awg)
    numbers = [set(acquire(digitizer, lambda: None, buffers=2)[0][:, 1]) for _ in range(3)]
    assert len(set.union(*numbers)) == 60


def test_armed_anew_long_after_the_chip_is_played_to_as_it_is_by_then(digitizer, awg, world):
    upload(awg, points=5)
    run(awg)
    trigger(awg)
    for _ in range(2):
        acquire(digitizer, lambda: None, buffers=2)
    known = len(world.plays)
    world.clock.advance(3600.0)
    acquire(digitizer, lambda: None, buffers=2)
    assert (known, len(world.plays)) == (1, 2)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda awg, digitizer: None,  # never triggered
        lambda awg, digitizer: awg.channels[2].resolution(16),  # no bit left for the marker
        lambda awg, digitizer: awg.channels[2].state(0),
        lambda awg, digitizer: (awg.all_output_off(1), settle(awg)),
    ],
    ids=["no trigger", "no marker bit", "channel off", "all off"],
)
def test_without_triggers_the_wait_times_out(digitizer, awg, spoil, request):
    upload(awg)
    spoil(awg, digitizer)
    run(awg)
    start = (lambda: None) if "no trigger" in request.node.name else awg.force_triggerA
    with pytest.raises(RuntimeError, match="error 579: ApiWaitTimeout"):
        acquire(digitizer, start, timeout=100)


def test_only_the_external_trigger_is_wired(digitizer, awg):
    upload(awg)
    with digitizer.syncing():
        digitizer.trigger_source1("CHANNEL_A")
    run(awg)
    with pytest.raises(RuntimeError, match="579"):
        acquire(digitizer, awg.force_triggerA, timeout=100)


def test_stopping_the_generator_under_way_times_out(digitizer, awg):
    upload(awg)
    run(awg)

    def start() -> None:
        trigger(awg)
        halt(awg)

    with pytest.raises(RuntimeError, match="579"):
        acquire(digitizer, start, timeout=100)


def test_a_trigger_that_comes_late_is_waited_for(digitizer, awg):
    upload(awg)
    run(awg)
    timer = threading.Timer(0.2, awg.force_triggerA)
    a, _ = acquire(digitizer, timer.start, timeout=5000)
    timer.join()
    assert a[0, 1] // 16 == 1


def test_the_trigger_delay_moves_the_record(digitizer, awg):
    upload(awg)
    with digitizer.syncing():
        digitizer.trigger_delay(8)
    run(awg)
    a, _ = acquire(digitizer, awg.force_triggerA, buffers=1)
    assert (a == a[:, :1]).all()  # the mark in sample 0 is before the record now


def test_laboratory_time_passes_by_instrument_time(digitizer, awg, ask, world):
    upload(awg, points=5)
    run(awg)
    before = world.clock.now()
    acquire(digitizer, awg.force_triggerA, records=50, buffers=8)  # 80 turns of 0.25 s
    (entry,) = ask(op="acquisitions")
    assert (entry["records"], entry["turns"], entry["late"]) == (400, 80, False)
    assert 20 <= world.clock.now() - before < 25
    assert before <= entry["time"] < before + 2


def test_states_of_short_acquisitions_are_kept_for_long(digitizer, awg, ask):
    upload(awg)
    run(awg)
    trigger(awg)
    for _ in range(20):
        acquire(digitizer, lambda: None, records=4, buffers=1)
    assert len(ask(op="states", index=0)["q0"]) == 4
    assert {(e["records"], e["turns"]) for e in ask(op="acquisitions")} == {(4, 0.8)}


def test_states_of_an_acquisition(digitizer, awg, ask):
    upload(awg)
    run(awg)
    acquire(digitizer, awg.force_triggerA, records=5, buffers=2)
    assert ask(op="states", index=0) == {"q0": [0, 1] * 5}
    assert "no acquisition 9" in ask(op="states", index=9)["error"]


def test_states_are_those_of_the_records_though_an_output_changed_under_way(
    digitizer, awg, source, world, ask
):
    upload(awg)
    run(awg)
    play, seeds = world.play, iter(range(9))

    def seeded(*arguments):
        playback, seed = play(*arguments), next(seeds)
        playback.states_of = lambda first, count: np.full((count, 1), seed, np.uint8)
        playback.records = lambda first, a, b: b.fill(seed)
        return playback

    def start() -> None:
        trigger(awg)
        digitizer.api.wait_async_buffer_complete = changing

    wait = digitizer.api.wait_async_buffer_complete

    def changing(*arguments):
        wait(*arguments)
        source.power(source.power() + 1)
        return settle(source)

    world.play = seeded
    _, b = acquire(digitizer, start, records=2, buffers=8)
    (states,) = ask(op="states", index=0).values()
    assert states == b[:, 0].tolist()
    assert states[0] == 0
    assert states[-1] > 0


def test_a_change_of_an_output_under_way_is_heard(digitizer, awg, source, world):
    upload(awg)
    source.frequency(5e9)
    settle(source)
    run(awg)
    trigger(awg)
    acquire(digitizer, lambda: None, buffers=1)
    source.ref_osc_source("EXT")
    source.frequency(5.1e9)
    settle(source)
    acquire(digitizer, lambda: None, buffers=1)
    assert world.plays[-1][1]["drive_lo"].frequency == 5.1e9
    assert world.plays[0][1]["drive_lo"].frequency != 5e9  # free-running: off by parts in 1e8
    assert world.plays[0][1]["drive_lo"].frequency == pytest.approx(5e9, rel=1e-6)


def test_one_driver_at_a_time(digitizer, laboratory, awg, closing):
    upload(awg)
    run(awg)
    other = closing.enter_context(open_board(f"sim://127.0.0.1:{laboratory.ports['board']}"))

    def start() -> None:
        trigger(awg)
        other.before_async_read(1, 3, 0, 256, 1, 1, 0x201)
        with pytest.raises(RuntimeError, match="another program uses the board"):
            other.start_capture(1)

    acquire(digitizer, start)
    other.start_capture(1)  # free again
    other.abort_async_read(1)


def test_a_computer_that_loses_its_power_takes_the_acquisition_along(digitizer, laboratory, awg):
    def start() -> None:
        laboratory.faults.inject("power-cycle", instrument="board")

    with pytest.raises(RuntimeError, match="laboratory"):
        acquire(digitizer, start)
    wait_until(lambda: laboratory.board._owner is None)
    with open_board(f"sim://127.0.0.1:{laboratory.ports['board']}") as again:
        again.before_async_read(1, 3, 0, 256, 1, 1, 0x201)
        again.start_capture(1)


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_driver_that_dies_while_it_waits_frees_the_board(laboratory):
    script = (
        "import numpy\n"
        "from kammerton_sim.board import open_board\n"
        f"board = open_board('sim://127.0.0.1:{laboratory.ports['board']}')\n"
        "board.set_trigger_operation(1, 0, 0, 2, 1, 140, 1, 3, 1, 128)\n"
        "board.before_async_read(1, 3, 0, 256, 1, 1, 0x201)\n"
        "memory = board.memory(numpy.uint16, 1024)\n"
        "board.post_async_buffer(1, memory.addr, 1024)\n"
        "board.start_capture(1)\n"
        "print('armed', flush=True)\n"
        "board.wait_async_buffer_complete(1, memory.addr, 600_000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"armed\n"
        assert laboratory.board._owner is not None
        process.kill()
    deadline = time.monotonic() + 20
    while laboratory.board._owner is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_refuses_what_a_9360_cannot_do(board):
    with pytest.raises(RuntimeError, match="533: ApiUnsupportedFunction"):
        board.configure_record_average(1, 1, 256, 50, 0)
    with pytest.raises(RuntimeError, match="NPT mode with channels A and B"):
        board.before_async_read(1, 1, 0, 256, 1, 1, 0x201)
    with pytest.raises(RuntimeError, match="timeout_ticks"):
        board.set_trigger_time_out(1, 10)
    assert board.get_board_by_system_id(1, 2) == 0


def test_memory_that_is_not_ours_is_refused(board):
    with pytest.raises(RuntimeError, match=r"ATS\.Buffer = board\.api\.memory"):
        board.post_async_buffer(1, 0x1000, 64)


def test_buffers_are_waited_for_in_their_order(board):
    board.before_async_read(1, 3, 0, 256, 1, 2, 0x201)
    first, second = board.memory(np.uint16, 1024), board.memory(np.uint16, 1024)
    board.post_async_buffer(1, first.addr, 1024)
    board.post_async_buffer(1, second.addr, 1024)
    with pytest.raises(RuntimeError, match="573: ApiBufferNotReady"):
        board.wait_async_buffer_complete(1, second.addr, 10)
    board.abort_async_read(1)


def test_too_small_a_buffer_is_told_at_the_wait(board, awg):
    upload(awg)
    run(awg)
    board.set_trigger_operation(1, 0, 0, 2, 1, 140, 1, 3, 1, 128)
    board.before_async_read(1, 3, 0, 256, 10, 10, 0x201)
    memory = board.memory(np.uint16, 1024)
    board.post_async_buffer(1, memory.addr, 1024)
    board.start_capture(1)
    trigger(awg)
    with pytest.raises(RuntimeError, match="1024 bytes is too small"):
        board.wait_async_buffer_complete(1, memory.addr, 1000)
    board.abort_async_read(1)


def test_another_sample_rate_is_refused(digitizer, awg):
    with digitizer.syncing():
        digitizer.external_sample_rate(500_000_000)
    with pytest.raises(RuntimeError, match="1 GS/s"):
        acquire(digitizer, lambda: None)


def test_a_dead_laboratory_is_an_error_not_a_hang(digitizer, laboratory):
    laboratory.close()
    with pytest.raises(RuntimeError, match="laboratory is gone"):
        acquire(digitizer, lambda: None)


@pytest.mark.parametrize("address", ["sim://127.0.0.1", "tcp://127.0.0.1:1", "127.0.0.1:1"])
def test_bad_addresses(address):
    with pytest.raises(ValueError, match="is not of the form"):
        open_board(address)


def test_nobody_listens():
    with pytest.raises(ConnectionError):
        open_board("sim://127.0.0.1:1")


def _mapped() -> int:
    """Return how much shared memory the laboratory, which is in this process, has open."""
    links = (Path(f"/dev/fd/{name}") for name in os.listdir("/dev/fd"))
    return sum("memfd:kammerton" in str(link.readlink()) for link in links if link.is_symlink())


linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is sealed on Linux only")


@linux
def test_shared_memory_leaves_nothing_behind(laboratory, closing):
    before = _mapped()
    board = open_board(f"sim://127.0.0.1:{laboratory.ports['board']}")
    memory = board.memory(np.uint16, 1 << 20)
    assert _mapped() == before + 2  # one for each side, and none to hand it over
    assert board._pool.used[memory.addr].number is not None
    memory.free_mem()
    board.release()
    assert not board._pool.free
    board.close()
    memory.buffer[:] = 1  # an array outlives the board
    del memory
    assert _mapped() == before


@linux
def test_nobody_can_cut_short_what_the_laboratory_looks_into(laboratory):
    memory, name = shared.create(1 << 16)
    _, process, file = name.split("-")
    other = shared.attach(name, 1 << 16)
    with pytest.raises(PermissionError):
        os.ftruncate(int(file), 0)  # an access to what is gone would be a SIGBUS
    other[0] = 7
    assert (memory[0], int(process)) == (7, os.getpid())
    shared.forget(name)


@linux
def test_memory_is_sealed_by_a_python_that_was_built_for_an_old_c_library(monkeypatch):
    """Those of conda-forge and, for long, of uv."""
    for module in (os, fcntl):
        for name in dir(module):
            if name.startswith(("memfd", "MFD_", "F_SEAL", "F_ADD_SEALS", "F_GET_SEALS")):
                monkeypatch.delattr(module, name)
    importlib.reload(sealed)
    memory, name = shared.create(1 << 12)
    other = shared.attach(name, 1 << 12)
    other[0] = 7
    shared.forget(name)
    assert memory[0] == 7


@linux
@pytest.mark.parametrize("kind", ["unsealed", "a file", "nothing", "no name"])
def test_memory_that_could_be_cut_short_is_refused(laboratory, tmp_path, kind):
    file = sealed._unnamed("mine") if kind == "unsealed" else os.open(tmp_path, os.O_TMPFILE | 2)
    os.ftruncate(file, 4096)
    number = 999_999 if kind == "nothing" else file
    name = f"kammerton-{os.getpid()}-{number}" if kind != "no name" else "kammerton-abc"
    with pytest.raises((ValueError, OSError)):
        shared.attach(name, 4096)
    os.close(file)


def test_a_process_that_forgets_everything_ends_without_a_word(laboratory):
    script = (
        "import os, numpy\n"
        "from kammerton_sim.board import open_board\n"
        f"board = open_board('sim://127.0.0.1:{laboratory.ports['board']}')\n"
        "memory = board.memory(numpy.uint16, 1 << 20)\n"
        "view = memory.buffer[:10]\n"
    )
    before = _mapped()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    until = time.monotonic() + 20
    while _mapped() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert _mapped() == before


class Requests:
    """The board's wire, spoken by hand."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.reader = self.socket.makefile("rb")

    def __call__(self, op: str, **more: object) -> dict[str, object]:
        self.send(op, **more)
        return json.loads(self.reader.readline())

    def send(self, op: str, **more: object) -> None:
        self.socket.sendall(json.dumps({"op": op, **more}).encode() + b"\n")

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


ARMED = {"samples": 256, "per_buffer": 1, "records": 1, "delay": 0, "triggered": False}


def test_a_board_without_a_trigger_is_free_when_its_driver_is_gone(laboratory):
    """However long it was told to wait."""
    gone, next_one = (Requests(laboratory.ports["board"]) for _ in range(2))
    gone("arm", **ARMED)
    gone.send("post", memory=None, size=1024)
    gone.send("wait", timeout=1e300)
    assert next_one("arm", **ARMED)["error"] == 515
    gone.close()
    deadline = time.monotonic() + 20
    while "error" in next_one("arm", **ARMED):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    next_one.close()


def test_lost_triggers_of_more_records_than_there_is_memory_for_are_refused(laboratory):
    laboratory.faults.inject("trigger-loss", share=0.5)
    requests = Requests(laboratory.ports["board"])
    assert requests("arm", **{**ARMED, "records": 1 << 40})["error"] == 513
    assert requests("arm", **ARMED) == {"ok": True, "number_of_request": None}
    requests.close()


@pytest.mark.parametrize(
    "unfit", [{"records": 10.5}, {"records": True}, {"delay": -1}, {"delay": 10**8}], ids=str
)
def test_what_no_board_can_be_armed_with_is_refused(laboratory, unfit):
    requests = Requests(laboratory.ports["board"])
    assert requests("arm", **{**ARMED, **unfit})["error"] == 513
    assert requests("arm", **ARMED) == {"ok": True, "number_of_request": None}
    requests.close()
