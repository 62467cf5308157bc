"""Faults on demand: the handle, the control socket, and what each fault does on the wire."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import numpy as np
import pytest
import pyvisa

from kammerton_sim.chip import random_chip
from kammerton_sim.faults import CATALOGUE, FaultError
from kammerton_sim.fridge import Status
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import acquire, errors, settle


def faults_of(laboratory) -> list[tuple[str, str, object]]:
    return [
        (c["instrument"], c["output"], c["new"])
        for c in laboratory.ledger.since()
        if c["what"] == "fault"
    ]


# ---------------------------------------------------------------- the handle


def test_a_fault_is_numbered_logged_and_taken_off(laboratory, world):
    assert laboratory.faults.inject("temperature", kelvin=0.3) == 1
    assert world.refrigerator.temperature == pytest.approx(0.3)
    assert [f["name"] for f in laboratory.faults.active()] == ["temperature"]
    assert laboratory.faults.clear(1) == [1]
    assert laboratory.faults.clear(1) == []
    assert laboratory.faults.active() == []
    said = "fault 1: kelvin=300mK seed=3001"
    assert faults_of(laboratory) == [
        ("laboratory", "temperature", said),
        ("laboratory", "temperature", None),
    ]


def test_all_faults_are_taken_off_at_once(laboratory, world):
    for machine in ("turbo", "pulse_tube"):
        laboratory.faults.inject("trip", machine=machine)
    assert laboratory.faults.clear() == [1, 2]
    assert all(world.refrigerator.conditions().running.values())
    with pytest.raises(FaultError, match="no fault has the number 3; there have been 2"):
        laboratory.faults.clear(3)


def test_a_laboratory_that_ends_takes_its_faults_along(world):
    with Laboratory(random_chip(1, 3), world=world) as laboratory:
        laboratory.faults.inject("refuse", instrument="fridge")
        laboratory.faults.inject("trip", after=0.05)
        port = laboratory.ports["fridge"]
    time.sleep(0.1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)
    assert world.refrigerator.conditions().running["turbo"]


def test_a_fault_can_wait_and_can_pass(laboratory, world):
    laboratory.faults.inject("trip", after=0.3, lasting=0.4)
    states = []
    until = time.monotonic() + 20
    while len(states) < 3 and time.monotonic() < until:
        runs = world.refrigerator.conditions().running["turbo"]
        if not states or states[-1] != runs:
            states.append(runs)
        time.sleep(0.01)
    assert states == [True, False, True]


def test_a_waiting_fault_can_be_called_off(laboratory, world):
    laboratory.faults.inject("trip", after=0.5)
    assert laboratory.faults.active()[0]["state"] == "waiting"
    laboratory.faults.clear()
    time.sleep(0.6)
    assert world.refrigerator.conditions().running["turbo"]


def refuse(*_: object) -> None:
    raise ValueError("the knob is stuck")


def test_a_late_fault_that_cannot_be_says_so(laboratory, monkeypatch):
    """It could be as it was asked for, and can be no longer; there is nothing to take off."""
    monkeypatch.setattr(laboratory.sources["drive_lo"], "set", refuse)
    number = laboratory.faults.inject("front-panel", **POWER, value="3", after=0.02)
    until = time.monotonic() + 20
    while laboratory.faults.active()[0]["state"] == "waiting" and time.monotonic() < until:
        time.sleep(0.01)
    assert laboratory.faults.active()[0]["state"] == "failed: front-panel: the knob is stuck"
    assert "failed" in faults_of(laboratory)[-1][2]
    assert laboratory.faults.clear(number) == [number]
    assert laboratory.faults.active() == []


POWER = {"instrument": "drive_lo", "setting": "power"}
PHASE = {"instrument": "drive_lo", "setting": "phase"}
SWITCH = {"instrument": "drive_lo", "setting": "on"}


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (
            "swalow",
            {},
            "no fault 'swalow' (did you mean 'swallow'?); `kammerton sim ",
        ),
        ("swallow", {}, "swallow: INSTRUMENT is missing"),
        ("swallow", {"instrument": "awg2"}, "no instrument on the network 'awg2' (did you mean"),
        ("swallow", {"instrument": "board"}, "no instrument on the network 'board'"),
        ("black-hole", {"instrument": "bord"}, "no instrument 'bord' (did you mean 'board'?)"),
        ("swallow", {"instrument": "awg1", "count": 0}, "count must be from 1 on, not 0"),
        (
            "swallow",
            {"instrument": "awg1", "count": "two"},
            "count must be a whole number, not 'two'",
        ),
        ("swallow", {"instrument": "awg1", "cont": 2}, "no parameter 'cont' (did you mean 'count"),
        ("frequency-hop", {"qubit": "q7"}, "no qubit 'q7'; there is only q0"),
        ("trip", {"machine": "turbot"}, "did you mean 'turbo'?"),
        ("heat", {"stage": "attic"}, "no stage 'attic'; there are 50K, 4K, still"),
        ("overload", {"board": "bored"}, "no digitizer 'bored' (did you mean 'board'?)"),
        ("trigger-loss", {"share": 2}, "share must be above 0 and at most 0.99, or 1, not 2"),
        ("lost-setting", {"instrument": "awg1", "setting": "amplitud"}, "did you mean 'amplitude"),
        (
            "front-panel",
            {"instrument": "drive_lo", "setting": "power", "value": "99"},
            "power cannot be '99'",
        ),
        ("error", {"instrument": "awg1", "code": -7}, "code must be one of the error codes -101"),
        (
            "frequency-hop",
            {"qubit": "q0", "hz": "3s"},
            "hz must be a number in Hz, such as 3e5 or 300",
        ),
        (
            "frequency-hop",
            {"qubit": "q0", "hz": "3 QHz"},
            "must be a number in Hz, such as 3e5 or 300kHz, not '3 QHz'",
        ),
        ("trigger-loss", {"share": "1kHz"}, "share must be a number, not '1kHz'"),
        (
            "error",
            {"instrument": "bridge"},
            "no instrument with an error queue or error bit 'bridge'",
        ),
        ("decoy", {"hz": 7.1}, "hz must be from 1 GHz to 20 GHz, not 7.1 Hz"),
        ("tls", {"qubit": "q0", "t1": 10}, "t1 must be from 1 ns to 10 ms, not 10 s"),
        (
            "clamped-setting",
            {**POWER, "largest": "5GHz"},
            "largest must be a number in dBm, such as -5 or",
        ),
        ("clamped-setting", {**PHASE, "largest": "5deg"}, "largest must be a number, not '5deg'"),
        ("front-panel", {**POWER, "value": "99"}, "; it takes -120 dBm to 25 dBm"),
        ("front-panel", {**SWITCH, "value": "maybe"}, "takes ON or OFF, 1 or 0, yes or no"),
        ("decoy", {"hz": 7e9, "depth": 1}, "depth must be between 0 and 1, not 1"),
    ],
)
def test_what_cannot_be_is_named(laboratory, name, given, said):
    with pytest.raises(FaultError) as caught:
        laboratory.faults.inject(name, **given)
    assert said in str(caught.value)
    assert laboratory.faults.active() == []


@pytest.mark.parametrize(
    ("name", "parameter", "said", "value"),
    [
        ("frequency-hop", "hz", "3MHz", 3e6), ("frequency-hop", "hz", "-300 kHz", -3e5),
        ("frequency-hop", "hz", "3e5", 3e5), ("frequency-hop", "hz", "2.5e-1 GHz", 2.5e8),
        ("tls", "t1", "10us", 1e-5), ("tls", "t1", "10 µs", 1e-5), ("late", "seconds", "2s", 2.0),
        ("late", "seconds", "1h", 3600.0), ("late", "seconds", "1.5 min", 90.0),
        ("temperature", "kelvin", "20mK", 0.02), ("ramp", "kelvin_per_s", "1mK/s", 1e-3),
        ("heat", "watts", "50 uW", 5e-5),
    ],
)  # fmt: skip
def test_a_number_may_be_written_with_its_unit(name, parameter, said, value):
    given = {"qubit": "q0", "instrument": "awg1", parameter: said}
    fault = CATALOGUE[name]
    found = fault.values({key: given[key] for key in given if key in fault.parameters})
    assert found[parameter] == value


def test_everything_wrong_is_named_at_once(laboratory):
    with pytest.raises(FaultError) as caught:
        laboratory.faults.inject("late", secnds=1, count="x")
    for said in ("'seconds'", "INSTRUMENT is missing", "must be a whole number, not 'x'"):
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("frequency-hop", {"qubit": "q9", "hz": "apples", "foo": 3},
         ["no parameter 'foo'", "hz must be a number in Hz, such as 3e5", "no qubit 'q9'"]),
        ("overload", {"gain": 0, "board": "bored"},
         ["gain must be above 1 and at", "no digitizer 'bored' (did you mean 'board'?)"]),
        ("tls", {"qubit": "q9", "t1": -3}, ["no qubit 'q9'", "t1 must be from 1 ns to"]),
        ("rounded-setting", {"instrument": "drive_lo", "setting": "powr", "step": -1},
         ["no setting 'powr' (did you mean 'power'?)", "step must be from"]),
        ("lost-setting", {"instrument": "awg7", "setting": "powr"},
         ["no instrument with settings 'awg7' (did you mean 'awg1'?)"]),
        ("decoy", {"hz": 0, "linewidth": -1, "depth": 2},
         ["hz must be from 1 GHz", "linewidth must be from", "depth must be between 0 and 1"]),
        ("heat", {"watts": -1, "stage": "attic"}, ["watts must be above 0 W", "no stage 'attic'"]),
        ("late", {"instrument": "x", "seconds": 4000, "count": 0},
         ["no instrument 'x'; there are", "count must be", "at most 1 h, not 1.111 h"]),
    ],
)  # fmt: skip
def test_names_and_numbers_that_cannot_be_are_named_at_once_and_before_it_waits(
    laboratory, name, given, said
):
    for when in ({}, {"after": 5.0}, {"after_records": 5}):
        with pytest.raises(FaultError) as caught:
            laboratory.faults.inject(name, **given, **when)
        assert [words for words in said if words not in str(caught.value)] == []
        assert len(str(caught.value).split("; ")) >= len(said)
    assert laboratory.faults.active() == []


def test_every_bound_belongs_to_a_parameter_and_every_default_keeps_it():
    for fault in CATALOGUE.values():
        assert set(fault.must) <= set(fault.parameters), fault.name
        fault.values({n: "x" for n, p in fault.parameters.items() if p.annotation == "str"}
                     | {n: 7e9 if n == "hz" else 1 for n, p in fault.parameters.items()
                        if p.annotation != "str" and p.default is p.empty})  # fmt: skip


def test_every_fault_of_the_instruments_lines_chip_and_refrigerator_has_a_row():
    rows = {row for fault in CATALOGUE.values() for row in fault.row.split(", ")}
    wanted = [f"I{n}" for n in range(1, 12)] + ["D1", "D2", "D3"]
    wanted += [f"F{n}" for n in range(1, 6)] + ["P1", "P2", "P3", "P4", "P6"]
    assert rows == set(wanted)
    assert all(fault.says and fault.inject.__name__ for fault in CATALOGUE.values())


def test_the_page_lists_every_fault_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "laboratory.md").read_text(encoding="utf-8")
    told = [line for line in page.splitlines() if line.startswith("| `") and line.endswith(" |")]
    for fault in CATALOGUE.values():
        usage = f"`{fault.usage()}`" if fault.usage() else "-"
        assert f"| `{fault.name}` | {usage} | {fault.says} | {fault.row} |" in told


def test_the_control_socket_puts_them_on_and_off(ask, world):
    assert ask(op="fault", name="temperature", given={"kelvin": 0.2}) == {"fault": 1, "remark": ""}
    (told,) = ask(op="faults")
    assert (told["name"], told["given"], told["state"]) == ("temperature", {"kelvin": 0.2}, "on")
    assert ask(op="clear", number=1) == [1]
    assert ask(op="clear") == []
    assert "did you mean 'heat'" in ask(op="fault", name="heet")["error"]
    assert {entry["name"] for entry in ask(op="catalogue")} == set(CATALOGUE)
    assert ask(op="catalogue")[0]["usage"].startswith("INSTRUMENT")


def test_the_same_seed_garbles_alike(laboratory):
    told = []
    for seed in (5, 5, 6):
        laboratory.faults.inject("garble", instrument="fridge", share=0.2, seed=seed)
        told.append(laboratory.servers["fridge"].server.link.leave(b"0123456789" * 5))
    assert told[0] == told[1] != b"0123456789" * 5
    assert told[2] not in (told[0], b"0123456789" * 5)


# ---------------------------------------------------------------- cables


@pytest.mark.parametrize(
    ("name", "given"), [("swallow", {}), ("late", {"seconds": 0.6}), ("black-hole", {})]
)
def test_a_query_times_out(laboratory, source, name, given):
    source.timeout(0.2)
    laboratory.faults.inject(name, instrument="drive_lo", **given)
    with pytest.raises(pyvisa.VisaIOError):
        source.power()


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("truncate", {"keep": 0.25}, "-"),
        ("say", {"text": "9.91E+37"}, "9.91E+37"),
        ("say", {"text": "1,5"}, "1,5"),
        ("shift", {}, "\x00-30"),
        ("byte-order", {"width": 2}, "3-0"),
        ("oversize", {"extra": 3}, "-30000"),
    ],
)
def test_an_answer_is_another(laboratory, source, name, given, told):
    given = {"keep": 0.34} if name == "truncate" else given
    laboratory.faults.inject(name, instrument="drive_lo", **given)
    assert source.ask("SOUR:POW?") == told
    assert source.ask("SOUR:POW?") == "-30"


def test_connections_are_refused_until_it_is_over(laboratory):
    number = laboratory.faults.inject("refuse", instrument="fridge")
    port = laboratory.ports["fridge"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)
    laboratory.faults.clear(number)
    socket.create_connection(("127.0.0.1", port), 1).close()


def test_a_black_hole_that_is_taken_off_lets_new_sessions_through(laboratory):
    number = laboratory.faults.inject("black-hole", instrument="fridge")
    port = laboratory.ports["fridge"]
    for heard in (b"", b"IDN:OXFORD"):
        with socket.create_connection(("127.0.0.1", port), 1) as session:
            session.settimeout(0.2 if not heard else 5)
            session.sendall(b"*IDN?\r\n")
            if heard:
                assert session.recv(100).startswith(heard)
            else:
                with pytest.raises(TimeoutError):
                    session.recv(100)
        laboratory.faults.clear(number)


def test_hanging_up_ends_a_session(laboratory, source):
    laboratory.faults.inject("hang-up", instrument="drive_lo")
    with pytest.raises((pyvisa.VisaIOError, OSError, RuntimeError)):
        source.power()


# ---------------------------------------------------------------- instruments


def test_a_power_cycle_brings_defaults_back(laboratory, source):
    source.power(3)
    source.on()
    settle(source)
    laboratory.faults.inject("power-cycle", instrument="drive_lo")
    box = laboratory.sources["drive_lo"]
    assert (box.value("power"), box.value("on")) == (-30, False)
    assert ("drive_lo", "power cycle") in [
        (c["instrument"], c["what"]) for c in laboratory.ledger.since()
    ]


def test_a_box_that_starts_up_refuses(laboratory):
    port = laboratory.ports["drive_lo"]
    laboratory.faults.inject("power-cycle", instrument="drive_lo", seconds=1.0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
    else:
        pytest.fail("it never came back")


def course(laboratory) -> tuple[str, int, int]:
    (told,) = laboratory.faults.active()
    return told["state"], told["struck"], told["of"]


def reaches(laboratory, wanted: tuple[str, int, int]) -> bool:
    """Whether the only fault gets as far as that."""
    until = time.monotonic() + 20
    while course(laboratory) != wanted and time.monotonic() < until:
        time.sleep(0.01)
    return course(laboratory) == wanted


@pytest.mark.parametrize(
    ("name", "more"),
    [("swallow", {}), ("late", {"seconds": 0.01}), ("truncate", {}), ("say", {"text": "1"})],
)
def test_a_fault_of_answers_tells_how_many_it_has_struck(laboratory, name, more):
    laboratory.faults.inject(name, instrument="fridge", count=2, **more)
    assert course(laboratory) == ("on", 0, 2)
    with socket.create_connection(("127.0.0.1", laboratory.ports["fridge"]), 20) as client:
        client.sendall(b"*IDN?\r\n")
        assert reaches(laboratory, ("on", 1, 2))
        client.sendall(b"*IDN?\r\n*IDN?\r\n")
        assert reaches(laboratory, ("done", 2, 2))
    assert laboratory.faults.clear() == [1]
    assert laboratory.faults.active() == []


@pytest.mark.parametrize(
    ("name", "given", "times"),
    [
        ("power-cycle", {}, 1),
        ("power-cycle", {"seconds": 0.05}, 1),
        ("hang-up", {}, 1),
        ("error", {"count": 3}, 3),
        ("reboot-loop", {"times": 3, "every": 0.02}, 3),
    ],
)
def test_a_fault_that_has_struck_is_done(laboratory, name, given, times):
    laboratory.faults.inject(name, instrument="drive_lo", **given)
    assert reaches(laboratory, ("done", times, times))
    assert laboratory.faults.clear(1) == [1]
    (told,) = laboratory.faults.told()
    assert (told["state"], told["struck"], told["of"]) == ("cleared", times, times)


def test_a_box_that_still_starts_up_is_not_done(laboratory):
    laboratory.faults.inject("power-cycle", instrument="drive_lo", seconds=3600)
    assert course(laboratory) == ("on", 1, 1)
    assert laboratory.faults.clear() == [1]


def test_a_reboot_loop_counts_its_cycles_and_can_be_ended(laboratory):
    number = laboratory.faults.inject("reboot-loop", instrument="drive_lo", times=3, every=0.02)
    cycles, until = [], time.monotonic() + 20
    while len(cycles) < 3 and time.monotonic() < until:
        time.sleep(0.02)
        cycles = [c for c in laboratory.ledger.since() if c["what"] == "power cycle"]
    time.sleep(0.1)  # for one too many
    cycles = [c for c in laboratory.ledger.since() if c["what"] == "power cycle"]
    assert len(cycles) == 3
    laboratory.faults.clear(number)
    number = laboratory.faults.inject("reboot-loop", instrument="drive_lo", times=99, every=0.3)
    laboratory.faults.clear(number)
    time.sleep(0.7)
    cycles = [c for c in laboratory.ledger.since() if c["what"] == "power cycle"]
    assert len(cycles) <= 5


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("lost-setting", {}, -30),
        ("clamped-setting", {"largest": 1.5}, 1.5),
        ("clamped-setting", {"largest": "-5dBm"}, -5),
        ("rounded-setting", {"step": 2.0}, 4.0),
        ("rounded-setting", {"step": "2 dB"}, 4.0),
    ],
)
def test_a_setting_does_not_take_and_nobody_says_so(laboratory, source, name, given, kept):
    number = laboratory.faults.inject(name, instrument="drive_lo", setting="power", **given)
    source.power(3.2)
    assert source.power() == kept
    assert errors(source) == []
    laboratory.faults.clear(number)
    source.power(3.2)
    assert source.power() == 3.2


def test_a_reading_is_no_number(laboratory, source):
    number = laboratory.faults.inject("false-reading", instrument="drive_lo", setting="power")
    assert source.power() == 9.91e37
    laboratory.faults.clear(number)
    assert source.power() == -30


def test_the_error_queue_fills_and_overflows(laboratory, source):
    laboratory.faults.inject("error", instrument="drive_lo", code=-222)
    assert errors(source)[0].startswith("-222")
    laboratory.faults.inject("error", instrument="drive_lo", code=50)
    assert errors(source)[0].startswith("50,")
    with pytest.raises(FaultError, match="awg1 has no error 50, a source's"):
        laboratory.faults.inject("error", instrument="awg1", code=50)
    laboratory.faults.inject("error", instrument="drive_lo", count=500)
    told = errors(source)
    assert told[-1].startswith("-350")
    assert len(told) < 500


def test_somebody_turns_a_knob_and_back(laboratory, source, awg):
    knob = {"instrument": "drive_lo", "setting": "power", "value": "7 dBm"}
    number = laboratory.faults.inject("front-panel", **knob)
    assert source.power.get() == 7
    laboratory.faults.clear(number)
    assert source.power.get() == -30
    knob = {"instrument": "awg1", "setting": "amplitude", "value": "0.3", "output": "2"}
    laboratory.faults.inject("front-panel", **knob)
    box = laboratory.generators["awg1"]
    assert [box.value("amplitude", n) for n in (1, 2)] == [pytest.approx(0.5, abs=0.3), 0.3]
    assert box.value("amplitude", 1) != 0.3


def test_a_switch_is_turned_in_the_words_of_the_ledger(laboratory):
    for said, on in (("yes", True), ("no", False), ("ON", True)):
        laboratory.faults.inject("front-panel", **SWITCH, value=said)
        assert laboratory.sources["drive_lo"].value("on") is on


def test_another_box_answers(laboratory, source):
    before = source.get_idn()["serial"]
    number = laboratory.faults.inject("wrong-identity", instrument="drive_lo")
    assert source.get_idn()["serial"] == before + "9"
    laboratory.faults.clear(number)
    assert source.get_idn()["serial"] == before
    given = {"instrument": "drive_lo", "identity": "ACME,Toaster,1,2"}
    laboratory.faults.inject("wrong-identity", **given)
    assert source.get_idn()["vendor"] == "ACME"


# ---------------------------------------------------------------- digitizer


def test_lost_triggers_shift_what_comes_and_the_states_follow(laboratory, digitizer, playing):
    laboratory.faults.inject("trigger-loss", share=0.2, seed=4)
    a, _ = acquire(digitizer, playing)
    numbers = a[:, 1] // 16 - 1
    steps = np.diff(numbers.astype(int))
    assert numbers.size == 60
    assert set(steps) > {1}
    assert min(steps) == 1
    lost = 1 - (numbers.size - 1) / (numbers[-1] - numbers[0])
    assert 0.05 < lost < 0.4
    index = laboratory.board.acquisitions[-1].index
    states = laboratory.board.acquisition(index).states()[:, 0]
    assert np.array_equal(states, numbers % 2)


def test_no_trigger_at_all_times_out(laboratory, digitizer, playing):
    number = laboratory.faults.inject("trigger-loss", share=1.0)
    with pytest.raises(RuntimeError, match="579"):
        acquire(digitizer, playing, timeout=300)
    laboratory.faults.clear(number)
    a, _ = acquire(digitizer, lambda: None)
    assert a.shape == (60, 256)


def test_an_overload_clips(laboratory, digitizer, playing):
    laboratory.faults.inject("overload", gain=10)
    a, _ = acquire(digitizer, playing)
    assert set(np.unique(a)) == {0}  # the counting records lie far below the middle


def test_swapped_channels(laboratory, digitizer, playing):
    laboratory.faults.inject("swapped-channels")
    a, b = acquire(digitizer, playing)
    assert b[:, 1].tolist() == [16 * (n + 1) for n in range(60)]
    assert a[:, 1].tolist() == [16 * (n % 5) for n in range(60)]


def test_records_end_early(laboratory, digitizer, playing):
    number = laboratory.faults.inject("short-record", keep=0.25)
    a, b = acquire(digitizer, playing)
    assert (a[:, :64] > 0).all()
    assert (a[:, 64:] == 0).all()
    assert (b[:, 64:] == 0).all()
    laboratory.faults.clear(number)


def test_samples_are_dropped_in_the_middle(laboratory):
    faults = laboratory.board.faults
    records = np.arange(2 * 3 * 16, dtype=np.uint16).reshape(2, 3, 16) * 16
    target = records.copy()
    laboratory.faults.inject("dropped-samples", samples=3)
    faults.spoil(target)
    assert (target[..., :8] == records[..., :8]).all()
    assert (target[..., 8:13] == records[..., 11:]).all()
    laboratory.faults.clear()
    again = records.copy()
    faults.spoil(again)
    assert (again == records).all()


@pytest.mark.parametrize(("name", "given"), [("refuse", {}), ("power-cycle", {"seconds": 30.0})])
def test_a_board_that_is_off_in_the_middle_of_a_scan_comes_back(
    laboratory, digitizer, playing, name, given
):
    laboratory.faults.inject(name, instrument="board", after_records=25, **given)
    with pytest.raises(RuntimeError, match="is gone"):
        acquire(digitizer, playing)
    (fault,) = laboratory.faults.active()
    assert fault["state"] == "on"
    assert laboratory.faults.clear() == [1]
    socket.create_connection(("127.0.0.1", laboratory.ports["board"]), 1.0).close()


def test_a_stuck_buffer_comes_again(laboratory, digitizer, playing):
    laboratory.faults.inject("stuck-buffer", buffers=2)
    a, _ = acquire(digitizer, playing)
    buffers = [a[n : n + 10].tobytes() for n in range(0, 60, 10)]
    same = [x for x in set(buffers) if buffers.count(x) > 1]
    assert len(same) == 1
    assert buffers.count(same[0]) == 3
    assert course(laboratory) == ("done", 2, 2)


def numbered(laboratory) -> np.ndarray:
    """Return what channel A of the latest acquisition is without a fault."""
    acquisition = laboratory.board.acquisitions[-1]
    a = np.empty((acquisition.expected, 256), np.uint16)
    a[:] = 16 * (acquisition.first + np.arange(acquisition.expected)[:, None] + 1)
    a[:, 0] = 7
    return a


def test_of_a_truncated_buffer_the_end_is_what_was_there_before(laboratory, digitizer, playing):
    before, _ = acquire(digitizer, playing)
    laboratory.faults.inject("truncate", instrument="board", keep=0.25, count=2)
    a, _ = acquire(digitizer, playing)
    stale = (a != numbered(laboratory)).any(axis=1)
    assert stale.reshape(6, 10).sum(axis=1).tolist().count(5) == 2  # the second half of A
    assert stale.sum() == 2 * 5
    assert set(np.unique(a[stale])) <= {0, *np.unique(before)}
    again, _ = acquire(digitizer, playing)
    assert (again == numbered(laboratory)).all()


@pytest.mark.parametrize(("name", "given"), [("byte-order", {"width": 2}), ("shift", {})])
def test_bytes_of_a_buffer_are_others(laboratory, digitizer, playing, name, given):
    laboratory.faults.inject(name, instrument="board", **given)
    a, _ = acquire(digitizer, playing)
    true = numbered(laboratory)
    wrong = np.flatnonzero((a != true).any(axis=1))
    assert wrong.tolist() == list(range(wrong[0], wrong[0] + 10))  # one buffer
    assert (a[wrong, 2:] == true[wrong, 2:].byteswap()).all()


def test_garbled_buffers_are_the_same_for_the_same_seed(laboratory, digitizer, playing):
    told = []
    for seed in (5, 5, 6):
        laboratory.faults.inject("garble", instrument="board", share=0.01, seed=seed)
        told.append(acquire(digitizer, playing, buffers=1)[0] ^ numbered(laboratory))
    assert told[0].any()
    assert (told[0] == told[1]).all()
    assert (told[0] != told[2]).any()


def test_a_late_answer_of_the_digitizer_comes_late(laboratory, digitizer, playing):
    laboratory.faults.inject("late", instrument="board", seconds=0.5)
    began = time.monotonic()
    a, _ = acquire(digitizer, playing)
    assert time.monotonic() - began >= 0.5
    assert (a == numbered(laboratory)).all()


@pytest.mark.parametrize(
    ("setting", "kept", "lost"),
    [("clock", (True, 40), (False, 40)), ("delay", (True, 40), (True, 0))],
)  # fmt: skip
def test_a_setting_of_the_digitizer_is_lost(laboratory, digitizer, playing, setting, kept, lost):
    def armed() -> tuple[bool, int]:
        acquire(digitizer, playing)
        acquisition = laboratory.board.acquisitions[-1]
        return acquisition.locked, acquisition.delay

    digitizer.trigger_delay(40)
    digitizer.sync_settings_to_card()
    number = laboratory.faults.inject("lost-setting", instrument="board", setting=setting)
    assert armed() == lost
    laboratory.faults.clear(number)
    assert armed() == kept


def test_without_its_trigger_setting_the_digitizer_waits(laboratory, digitizer, playing):
    number = laboratory.faults.inject("lost-setting", instrument="board", setting="trigger")
    with pytest.raises(RuntimeError, match="579"):
        acquire(digitizer, playing, timeout=300)
    laboratory.faults.clear(number)
    assert acquire(digitizer, lambda: None)[0].shape == (60, 256)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("front-panel", {**POWER, "value": "99"}),
        ("front-panel", {"instrument": "awg1", "setting": "on", "value": "1", "output": "9"}),
        ("frequency-drift", {"qubit": "q0", "records": 5}),
        ("clamped-setting", {**POWER, "largest": 1e5}),
        ("rounded-setting", {"instrument": "drive_lo", "setting": "on", "step": 1}),
        ("api-error", {"instrument": "board", "code": 1}),
        ("wrong-identity", {"instrument": "board", "identity": "a,b,c"}),
    ],
)  # fmt: skip
def test_what_cannot_be_together_is_refused_before_it_waits(laboratory, name, given):
    said = set()
    for when in ({}, {"after": 5.0}, {"after_records": 5}):
        with pytest.raises(FaultError) as caught:
            laboratory.faults.inject(name, **given, **when)
        said.add(str(caught.value))
    assert len(said) == 1
    assert laboratory.faults.active() == []


def test_a_hand_that_goes_after_a_power_cycle_turns_nothing_back(laboratory, source):
    box = laboratory.sources["drive_lo"]
    box.receive(b"POW 7")
    number = laboratory.faults.inject("front-panel", **POWER, value="3")
    laboratory.power_cycle("drive_lo")
    default = box.value("power")
    assert laboratory.faults.clear(number) == [number]
    assert box.value("power") == default != 7


def test_of_several_hands_at_one_knob_it_is_said(laboratory):
    faults, amplitude = laboratory.faults, {"instrument": "awg1", "setting": "amplitude"}
    alone = [faults.inject("front-panel", **POWER, value="3"),
             faults.inject("front-panel", **amplitude, value="1.1", output="1"),
             faults.inject("front-panel", **amplitude, value="1.2", output="2")]  # fmt: skip
    assert [faults.remark(number) for number in alone] == ["", "", ""]
    for knob in ({**POWER, "value": "5"}, {**amplitude, "value": "1.4"}):
        said = faults.remark(faults.inject("front-panel", **knob))
        assert said.startswith(f"several hands turn {knob['setting']}: the last counts")


def test_two_knobs_of_one_setting_are_two_and_all_of_it_is_each(laboratory):
    awg = laboratory.generators["awg1"]
    knob = {"instrument": "awg1", "setting": "amplitude"}

    def levels() -> list[object]:
        return [awg.value("amplitude", channel) for channel in (1, 2)]

    before = levels()
    numbers = [laboratory.faults.inject("front-panel", **knob, value=f"1.{n}", output=str(n))
               for n in (1, 2)]  # fmt: skip
    assert levels() == [1.1, 1.2]
    every = laboratory.faults.inject("front-panel", **knob, value="1.4")
    assert levels() == [1.4, 1.4]
    laboratory.faults.clear(every)
    assert levels() == [1.1, 1.2]
    laboratory.faults.clear(numbers[0])
    assert levels() == [before[0], 1.2]
    laboratory.faults.clear()
    assert levels() == before


def test_a_fault_strikes_in_the_middle_of_a_scan(laboratory, digitizer, playing):
    laboratory.faults.inject("swapped-channels", after_records=25)
    a, _ = acquire(digitizer, playing)
    swapped = a[:, 1] < 16 * 5  # the trigger's number instead of the record's
    assert not swapped[5:20].any()
    assert swapped[40:].all()


# ---------------------------------------------------------------- refrigerator


def test_thermometers_break(laboratory, world):
    fridge = world.refrigerator
    for name, status in (
        ("sensor-nan", Status.NO_NUMBER),
        ("sensor-over-range", Status.OVER_RANGE),
        ("sensor-unplugged", Status.DISCONNECTED),
    ):
        number = laboratory.faults.inject(name)
        assert fridge.sensor("mixing_chamber").status is status
        laboratory.faults.clear(number)
    number = laboratory.faults.inject("sensor-frozen", stage="still")
    laboratory.faults.inject("heat", watts=0.1, stage="still")
    world.clock.advance(600)
    assert fridge.sensor("still").kelvin == pytest.approx(0.82)
    assert fridge.temperatures()["still"] > 0.83


@pytest.mark.parametrize(
    ("name", "given"),
    [("heat", {"watts": 1e-3}), ("ramp", {"kelvin_per_s": 1e-3}), ("trip", {}), ("block", {}),
     ("warm-up", {})],
)  # fmt: skip
def test_the_chip_warms_and_cools_again(laboratory, world, name, given):
    number = laboratory.faults.inject(name, **given)
    world.clock.advance(1800)
    assert world.refrigerator.temperature > 0.05
    laboratory.faults.clear(number)
    world.clock.advance(200 * 3600)
    assert world.refrigerator.temperature == pytest.approx(0.012, rel=0.01)


def test_a_second_fault_that_wants_the_same_says_so(laboratory):
    for name in ("warm-up", "warm-up", "block", "warm-up"):
        laboratory.faults.inject(name)
    said = "fault 1 acted on the same: it rests until this one ends"
    both = "faults 1 and 2 acted on the same: they rest until this one ends"
    assert [laboratory.faults.remark(n) for n in (1, 2, 3, 4)] == ["", said, "", both]
