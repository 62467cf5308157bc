"""Every fault that lasts: something is different while it is on, and nothing once it is off."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.faults import CATALOGUE, FaultError
from kammerton_sim.fridge import STAGES
from kammerton_sim.laboratory import Laboratory

SOURCE = {"instrument": "drive_lo"}
POWER = {**SOURCE, "setting": "power"}
QUBIT = {"qubit": "q0"}
LASTING: dict[str, dict[str, Any]] = {
    "swallow": SOURCE, "black-hole": SOURCE, "late": SOURCE, "truncate": SOURCE,
    "oversize": SOURCE, "shift": SOURCE, "garble": SOURCE, "byte-order": SOURCE, "say": SOURCE,
    "wrong-identity": SOURCE, "refuse": SOURCE,
    "false-reading": POWER, "lost-setting": POWER, "clamped-setting": {**POWER, "largest": -20.0},
    "rounded-setting": {**POWER, "step": 0.5}, "front-panel": {**POWER, "value": "3"},
    "reference-lost": {"instrument": "board"},
    "api-error": {"instrument": "api", "code": 2003},
    "overload": {}, "trigger-loss": {}, "swapped-channels": {}, "short-record": {},
    "dropped-samples": {}, "stuck-buffer": {},
    "heat": {}, "ramp": {}, "temperature": {"kelvin": 0.2}, "sensor-nan": {}, "sensor-frozen": {},
    "sensor-over-range": {}, "sensor-unplugged": {}, "trip": {}, "block": {}, "warm-up": {},
    "new-key": {"instrument": "api"},
    "tls": QUBIT, "frequency-hop": QUBIT, "frequency-drift": QUBIT, "dead-qubit": QUBIT,
    "decoy": {"hz": 6.8e9},
}  # fmt: skip
CASES = [
    *LASTING.items(),
    *(("wrong-identity", {"instrument": name}) for name in ("fridge", "bridge", "api", "board")),
    ("false-reading", {"instrument": "fridge", "setting": "T8"}),
    ("api-error", {"instrument": "board", "code": 582}),
    ("lost-setting", {"instrument": "board", "setting": "clock"}),
    *(
        (name, {"instrument": "board"})
        for name in ("late", "truncate", "shift", "garble", "byte-order")
    ),
    ("false-reading", {"instrument": "bridge", "setting": "krdg"}),
    ("false-reading", {"instrument": "api", "setting": "tmixing"}),
    ("lost-setting", {"instrument": "bridge", "setting": "setp"}),
    ("clamped-setting", {"instrument": "bridge", "setting": "range", "largest": 2.0}),
    ("rounded-setting", {"instrument": "bridge", "setting": "setp", "step": 0.5}),
    ("front-panel", {"instrument": "bridge", "setting": "range", "value": "3"}),
]
AT_ONCE = {"hang-up", "error", "power-cycle", "reboot-loop"}
"""Over as soon as they have happened; reboots end by a test of their own."""


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    chip = random_chip(1, 3)
    models = {"api": "bluefors_api", "bridge": "lakeshore_372", "bias": "yokogawa_gs200"}
    models |= {"pulser": "keysight_33522b"}
    instruments = {name: FurtherInstrument(model) for name, model in models.items()}
    with Laboratory(replace(chip, wiring=replace(chip.wiring, instruments=instruments))) as made:
        yield made


def condition(laboratory: Laboratory) -> dict[str, Any]:
    """Return all that a fault can have changed."""
    fridge, world = laboratory.world.refrigerator, laboratory.world
    source, board = laboratory.sources["drive_lo"], laboratory.board
    server, now, flaws = laboratory.server("drive_lo"), world.clock.now(), vars(board.faults)
    sensors = {stage: vars(fridge.thermometer(stage)) for stage in STAGES}
    return {
        "board": {k: v for k, v in flaws.items() if isinstance(v, bool | int | float)},
        "cable": (len(server.link._spoils), server.link._hole.is_set(), server._closing),
        "box": (source.identity, dict(source.tamper.writes), dict(source.tamper.answers)),
        "settings": dict(source._values),
        "names": [(box.identity, box.impostor) for box in
                  (laboratory.fridge, *laboratory.further.values(), board)],
        "tampered": [(dict(box.tamper.writes), dict(box.tamper.answers)) for box in
                     (laboratory.fridge, *laboratory.further.values(), board)],
        "bridge": dict(laboratory.further["bridge"]._values),
        "fridge": (fridge._ramp, fridge._plant.impedance, sorted(fridge._plant.running),
                   fridge._plant.circulating, [sum(w) for w in fridge._loads.values() if any(w)]),
        "sensors": {s: (v["_status"], math.isnan(v["_frozen"])) for s, v in sensors.items()},
        "key": laboratory.further["api"].key,
        "buffers": (len(board.buffers._spoils), len(board.server.link._spoils)),
        "refused": [len(box.refusals) for box in (laboratory.further["api"], board)],
        "stuck": len(board.faults._stuck),
        "mishaps": [m for m in world.mishaps._all if m.start <= now < m.stop],
        "decoys": [line.decoys for line in world._readouts],
        "watched": len(laboratory.coming._watching),
    }  # fmt: skip


def test_every_fault_is_here():
    assert set(LASTING) | AT_ONCE == set(CATALOGUE)


@pytest.mark.parametrize(("name", "given"), CASES)
def test_a_fault_that_is_taken_off_leaves_nothing(laboratory, name, given):
    before = condition(laboratory)
    number = laboratory.faults.inject(name, **given)
    if happens := laboratory.board.before_buffer(30_000):
        happens()
    assert condition(laboratory) != before
    laboratory.faults.clear(number)
    assert condition(laboratory) == before


@pytest.mark.parametrize(("name", "given"), CASES)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first in first out", "last in first out"])
def test_two_of_a_kind_act_until_both_are_over(laboratory, name, given, order):
    before = condition(laboratory)
    numbers = [laboratory.faults.inject(name, **given) for _ in range(2)]
    if happens := laboratory.board.before_buffer(30_000):
        happens()
    for end in order:
        assert condition(laboratory) != before
        laboratory.faults.clear(numbers[end])
    assert condition(laboratory) == before


def test_of_two_stuck_buffers_each_counts_its_own(laboratory):
    numbers = [laboratory.faults.inject("stuck-buffer", buffers=n) for n in (3, 2)]
    struck = []
    for code in range(7):
        buffer = np.full((2, 1, 4), code, np.uint16)
        laboratory.board.faults.spoil(buffer)
        told = [f for f in laboratory.faults.active() if f["number"] in numbers]
        struck.append((int(buffer[0, 0, 0]), *(f["struck"] for f in told)))
    assert struck == [
        (0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 3, 0), (0, 3, 1), (0, 3, 2), (6, 3, 2)
    ]  # fmt: skip
    assert [laboratory.faults.clear(number) for number in numbers] == [[n] for n in numbers]


def test_the_latest_acts_and_then_the_one_before(laboratory):
    faults, gains = laboratory.faults, [laboratory.board.faults.gain]
    numbers = [faults.inject("overload", gain=gain) for gain in (10, 20, 30)]
    for number in (numbers[1], numbers[2], numbers[0]):
        gains.append(laboratory.board.faults.gain)
        faults.clear(number)
    assert [*gains, laboratory.board.faults.gain] == [1.0, 30.0, 30.0, 10.0, 1.0]


def test_a_fault_that_cannot_be_leaves_the_one_before(laboratory):
    source = laboratory.sources["drive_lo"]
    one = laboratory.faults.inject("front-panel", **POWER, value="3")
    with pytest.raises(FaultError, match="300"):
        laboratory.faults.inject("front-panel", **POWER, value="300")
    assert source.value("power") == 3.0
    laboratory.faults.clear(one)
    assert source.value("power") == -30


AMPLITUDE = {"instrument": "awg1", "setting": "amplitude"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first in first out", "last in first out"])
def test_a_knob_of_one_output_leaves_those_of_the_others(laboratory, order):
    awg, since = laboratory.generators["awg1"], len(laboratory.ledger.since())
    numbers = [
        laboratory.faults.inject("front-panel", **AMPLITUDE, value="1.2"),
        laboratory.faults.inject("front-panel", **AMPLITUDE, value="1.1", output="1"),
    ]
    volts = [[awg.value("amplitude", channel) for channel in (1, 2)]]
    for number in (numbers[n] for n in order):
        laboratory.faults.clear(number)
        volts.append([awg.value("amplitude", channel) for channel in (1, 2)])
    between = [1.1, 0.5] if order == (0, 1) else [1.2, 1.2]
    assert volts == [[1.1, 1.2], between, [0.5, 0.5]]
    changes = [c for c in laboratory.ledger.since(since) if c["what"] == "amplitude"]
    told = [c["new"] for c in changes if c["output"] == "1"]
    assert told == ([1.2, 1.1, 0.5] if order == (0, 1) else [1.2, 1.1, 1.2, 0.5])


@pytest.mark.parametrize(
    ("name", "settings", "written", "shown"),
    [
        ("bias", [("level", "500mV"), ("level", "5mV")], "SOUR:RANG 0.01", {"level": 0.012}),
        ("bias", [("range", "10"), ("range", "30")], ":SOUR:LEV 20", {"range": 10, "level": 12}),
        ("pulser", [("amplitude", "5V"), ("amplitude", "1V")], "VOLT:OFFS 4", {"amplitude": 2}),
        ("pulser", [("frequency", "25MHz"), ("frequency", "1kHz")], "FUNC RAMP",
         {"frequency": 2e5}),
        ("pulser", [("function", "RAMP"), ("function", "SIN")], "FREQ 1e7", {"frequency": 2e5}),
    ],
)  # fmt: skip
def test_a_knob_that_goes_back_ends_where_the_box_ends_by_then(
    laboratory, name, settings, written, shown
):
    """A hand that was there before comes back to a box that somebody else set meanwhile."""
    box, place = laboratory.further[name], (1,) if name == "pulser" else ()
    box.reset()
    output = {"output": "1"} if place else {}
    hands = [
        laboratory.faults.inject("front-panel", instrument=name, setting=key, value=value, **output)
        for key, value in settings
    ]
    box.receive(written.encode())
    laboratory.faults.clear(hands[1])
    assert {key: box.value(key, *place) for key in shown} == pytest.approx(shown)
    laboratory.faults.clear(hands[0])
    assert not len(box.errors)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("10mV", "range cannot be 10mV: the range ends at 0.012 V, and the level is 0.5 V"),
        ("0.3", None),
    ],
)
def test_a_range_at_the_panel_is_one_that_the_box_has_and_that_holds_the_level(
    laboratory, value, says
):
    box = laboratory.further["bias"]
    box.reset()
    box.receive(b"SOUR:LEV 0.5")
    panel = {"instrument": "bias", "setting": "range", "value": value}
    if says:
        with pytest.raises(FaultError, match=says):
            laboratory.faults.inject("front-panel", **panel)
        assert box.value("range") == 1.0
    else:
        number = laboratory.faults.inject("front-panel", **panel)
        assert (box.value("range"), box.value("level")) == (1.0, 0.5)
        laboratory.faults.clear(number)


def test_of_two_faults_of_the_temperature_the_later_holds_it(laboratory):
    fridge = laboratory.world.refrigerator
    one = laboratory.faults.inject("temperature", kelvin=0.5)
    two = laboratory.faults.inject("ramp", kelvin_per_s=0.0)
    laboratory.faults.clear(two)
    assert fridge.temperature == pytest.approx(0.5)
    laboratory.faults.clear(one)
    assert fridge._ramp is None


def answers(laboratory: Laboratory) -> bool:
    try:
        socket.create_connection(("127.0.0.1", laboratory.ports["drive_lo"]), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_port_that_refuses_is_given_to_no_client(laboratory):
    number = laboratory.faults.inject("refuse", **SOURCE)
    with socket.socket() as client, pytest.raises(OSError, match=r"in use|access"):
        client.bind(("127.0.0.1", laboratory.ports["drive_lo"]))
    assert not answers(laboratory)
    laboratory.faults.clear(number)
    assert answers(laboratory)


def test_a_box_that_has_started_up_is_refused_by_who_still_refuses_it(laboratory):
    refused = laboratory.faults.inject("refuse", **SOURCE)
    cycled = laboratory.faults.inject("power-cycle", **SOURCE, seconds=0.05)
    hole = laboratory.faults.inject("black-hole", **SOURCE)
    time.sleep(0.3)
    assert not answers(laboratory)
    laboratory.faults.clear(cycled)
    assert not answers(laboratory)
    laboratory.faults.clear(refused)
    assert answers(laboratory)
    assert laboratory.server("drive_lo").link._hole.is_set()
    laboratory.faults.clear(hole)
    assert not laboratory.server("drive_lo").link._hole.is_set()


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("overload", {"after": 1e300, "seed": -1, "gain": -1},
         "after must be .*1e.*seed must be .*gain must be"),
        ("overload", {"after": "soon", "lasting": math.inf},
         "after must be a number of seconds, not 'soon'.*lasting must be .* to 1e9, not inf"),
        ("overload", {"after_records": 1.5, "seed": True},
         "after_records must be a whole number, not 1.5.*seed must be a whole number, not T"),
        ("clamped-setting", {**POWER, "largest": 300.0}, "power is never 300"),
        ("clamped-setting", {**SOURCE, "setting": "on", "largest": 0.5}, "on is never 0.5"),
        ("rounded-setting", {**POWER, "step": "0.5dBm"}, "step must be a number in dB, such as"),
        ("rounded-setting", {**POWER, "step": 1e-320}, "step must be from .*, not "),
        ("reboot-loop", {**SOURCE, "every": 1e300}, "every must be from 10 ms to 1 h, not "),
        ("say", {**SOURCE, "text": "\ud800"}, "text: .* cannot be written on one line"),
        ("trigger-loss", {"share": 0.999999}, "share must be .* at most 0.99, or 1, not 0.999999"),
        ("ramp", {"kelvin_per_s": -1e300}, "must be from -10 K/s to 10 K/s"),
        ("heat", {"watts": 1e300}, r"watts must be above 0 W and at most 10 kW, not 1e\+300 W"),
        ("tls", {**QUBIT, "t1": 1e-320}, "must be from 1 ns"),
        ("frequency-hop", {**QUBIT, "hz": 1e300}, "hz must be other than 0, from -1 GHz"),
    ],
)  # fmt: skip
def test_what_would_break_the_laboratory_itself_is_refused(laboratory, name, given, says):
    with pytest.raises(FaultError, match=says):
        laboratory.faults.inject(name, **given)
    assert laboratory.faults.active() == []


def test_an_answer_that_is_held_back_comes_as_the_fault_is_taken_off(laboratory):
    number = laboratory.faults.inject("late", instrument="fridge", seconds=3600)
    with socket.create_connection(("127.0.0.1", laboratory.ports["fridge"]), 20) as client:
        client.sendall(b"*IDN?\r\n")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)
        laboratory.faults.clear(number)
        client.settimeout(20)
        assert b"TRITON" in client.recv(100)


def test_a_whole_number_that_is_clamped_stays_one(laboratory):
    awg = laboratory.generators["awg1"]
    given = {"instrument": "awg1", "setting": "resolution", "largest": 13.5}
    number = laboratory.faults.inject("clamped-setting", **given)
    assert awg.receive(b"SOUR1:DAC:RES 15;RES?") == b"13"
    laboratory.faults.clear(number)
    awg.receive(b"*RST")


def test_a_step_of_a_power_is_in_db(laboratory):
    source = laboratory.sources["drive_lo"]
    number = laboratory.faults.inject("rounded-setting", **{**POWER, "step": "0.5dB"})
    assert float(source.receive(b"POW -9.8;POW?")) == -10.0
    laboratory.faults.clear(number)
    source.receive(b"*RST")


def test_a_setting_is_not_rounded_to_what_it_cannot_be(laboratory):
    awg = laboratory.generators["awg1"]
    given = {"instrument": "awg1", "setting": "clock_rate", "step": 1e12}
    number = laboratory.faults.inject("rounded-setting", **given)
    assert float(awg.receive(b"CLOC:SRAT 1e9;SRAT?")) == 1e9
    laboratory.faults.clear(number)
    awg.receive(b"*RST")


@pytest.mark.parametrize(
    "message",
    [b"OUTP1 OFF", b'WLIS:WAV:NEW "w",2400', b"*RST", b"OUTP1:WVAL ZERO",
     b'MMEM:DATA "x.txt",#15hello', b"SOUR1:VOLT 99", b"SOUR:RANG 10", b"FREQ 5 GHZ;",
     b"SOUR9:VOLT 0.1", b'MMEM:DATA "x.txt",#9'],
)  # fmt: skip
def test_a_write_to_the_wrong_box_counts_though_it_changes_no_output(laboratory, message):
    """Whoever sends 99 V means another box too, whatever this one makes of it."""
    awg, before = laboratory.generators["awg1"], laboratory.questions.wrong_box()["found"]
    number = laboratory.faults.inject("wrong-identity", instrument="awg1")
    awg.receive(message)
    laboratory.faults.clear(number)
    awg.receive(message)
    (found,) = laboratory.questions.wrong_box()["found"][len(before) :]
    assert found["what"] == "written"
    assert message.startswith(found["new"].encode())
    awg.receive(b"*RST;*CLS")


def test_what_nobody_wrote_is_no_write_to_the_wrong_box(laboratory):
    source, before = laboratory.sources["drive_lo"], laboratory.questions.wrong_box()["found"]
    source.receive(b"POW -10")
    laboratory.faults.inject("wrong-identity", **SOURCE)
    laboratory.faults.inject("front-panel", **POWER, value="3")
    laboratory.power_cycle("drive_lo")
    source.receive(b"*CLS;*ESE 1;*OPC;POW?")
    laboratory.faults.clear()
    assert laboratory.questions.wrong_box()["found"] == before
    hands = {c["by"] for c in laboratory.ledger.since() if (c["instrument"], c["what"]) ==
             ("drive_lo", "power")}  # fmt: skip
    assert hands >= {"", "front panel", "power switch"}
    source.receive(b"*RST")
