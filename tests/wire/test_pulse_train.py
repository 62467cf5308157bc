"""Pulses that a marker triggers: against a simulation sample by sample, and on a qubit's flux."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.chip import ChipError, random_chip, read_chip, write_chip
from kammerton_sim.chip.flux import Flux
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.instruments.k33522b import Pulse
from kammerton_sim.instruments.pulse_train import pulse_train
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.signals import ChannelOutput, Segment, Wave
from kammerton_sim.world.lines import Lines
from tests.wire.conftest import CountingWorld

RATE = 1e9


def clock(loop: list[tuple[list[int], int]], **settings: object) -> ChannelOutput:
    """Return a channel whose marker 2 is high where a list has a 1."""
    segments = tuple(
        Segment(
            Wave("w", np.zeros(len(marks), np.float32), np.array(marks, np.uint8) << 1), repeats
        )
        for marks, repeats in loop
    )
    return replace(ChannelOutput((), segments, 1.0, 14, True, RATE), **settings)  # type: ignore[arg-type]


def volts(output: ChannelOutput) -> np.ndarray:
    pieces = [s.wave.samples for s in output.loop for _ in range(s.repeats)]
    return np.concatenate(pieces) * output.vpp / 2 if pieces else np.zeros(0)


def naive(marks: np.ndarray, delay: int, width: int) -> np.ndarray:
    """Return where the pulse is high in the second turn."""
    long = np.tile(marks, 2)
    high = np.zeros(long.size + delay + width, bool)
    before, busy = 0, 0
    for n, mark in enumerate(long):
        if mark and not before and n >= busy:
            busy = n + delay + width
            high[n + delay : busy] = True
        before = mark
    return high[: long.size][-marks.size :]


MARKS = st.lists(st.integers(0, 1), min_size=1, max_size=12)


@given(
    st.lists(st.tuples(MARKS, st.integers(1, 4)), min_size=1, max_size=4),
    st.integers(0, 20),
    st.integers(1, 30),
)
def test_pulses_come_where_a_sample_by_sample_simulation_has_them(loop, delay, width):
    output = pulse_train(clock(loop), 2, Pulse(0.1, 0.4, width * 1e-9, delay * 1e-9))
    marks = np.concatenate([np.tile(m, r) for m, r in loop])
    high = naive(marks, delay, width)
    assert np.allclose(volts(output), np.where(high, 0.4, 0.1))


@pytest.mark.parametrize(
    ("settings", "marker"), [({"on": False}, 2), ({"resolution": 15}, 2), ({}, 1)]
)
def test_a_marker_that_does_not_come_out_triggers_nothing(settings, marker):
    output = pulse_train(clock([([0, 1, 1, 0], 3)], **settings), marker, Pulse(0.0, 0.4, 1e-9, 0.0))
    assert not volts(output).any()


def test_a_box_that_does_not_play_triggers_nothing():
    assert volts(pulse_train(clock([]), 2, Pulse(0.0, 0.4, 1e-9, 0.0))).size == 0


def test_long_idling_is_repeated_and_not_written_out():
    loop = [([0, 1] + [0] * 98, 1), ([0] * 100, 100_000)]
    output = pulse_train(clock(loop), 2, Pulse(0.0, 0.4, 150e-9, 0.0))
    assert [s.repeats for s in output.loop] == [1, 1, 99_999]
    assert volts(output).size == 100 * 100_001


def wired(trigger: str = "awg1.1.m2", line: str = "pulser.1", **changes: object):
    chip = random_chip(1, 3)
    qubit = replace(chip.qubits[0], flux=Flux(asymmetry=0.3, line=line))
    pulser = FurtherInstrument("keysight_33522b", trigger)
    wiring = replace(chip.wiring, instruments={"pulser": pulser}, **changes)
    return replace(chip, qubits=(qubit,), wiring=wiring)


def test_the_generator_hears_its_trigger_in_the_laboratory():
    with Laboratory(wired(), world=CountingWorld()) as laboratory:  # type: ignore[arg-type]
        awg, pulser = laboratory.generators["awg1"], laboratory.further["pulser"]
        markers = np.zeros(2400, np.uint8)
        markers[100:200] = 1 << 6  # on the wire bit 7 is marker 1
        awg.receive(b'WLIST:WAV:NEW "w",2400')
        awg.receive(b'WLIST:WAV:MARK:DATA "w",0,2400,#42400' + markers.tobytes())
        awg.receive(b'SOUR1:DAC:RES 14;:SOUR1:CASS:WAV "w";:OUTP1 1;:AWGC:RUN')
        assert awg.receive(b"SYST:ERR?").startswith(b"0,")
        before = laboratory.rig.setting()
        pulser.receive(b"SOUR1:FUNC PULS;FUNC:PULS:WIDT 50 NS;:SOUR1:VOLT 0.4;VOLT:OFFS 0.2")
        pulser.receive(b"SOUR1:BURS:STAT 1;:TRIG1:SOUR EXT;DEL 20E-9;:OUTP1 1")
        assert laboratory.rig.setting() != before
        rate = awg.outputs()["awg1", 1].sample_rate
        heard = volts(laboratory.rig.outputs("awg1")["pulser", 1])
        start, width = 100 + round(20e-9 * rate), round(50e-9 * rate)
        assert np.flatnonzero(heard).tolist() == list(range(start, start + width))
        assert heard.max() == pytest.approx(0.4)
        pulser.receive(b"OUTP1 0")
        assert ("pulser", 1) not in laboratory.rig.outputs("awg1")


def test_the_world_takes_it_as_a_flux_channel():
    train = pulse_train(clock([([0] * 8 + [1] * 8, 4)]), 2, Pulse(0.0, 0.3, 4e-9, 0.0))
    lines = Lines(wired().wiring, {("pulser", 1): train}, {}, RATE)
    track = lines.flux(("pulser", 1))
    assert track.starts.tolist() == [8, 24, 40, 56]
    assert (track.stops - track.starts).tolist() == [4, 4, 4, 4]


@pytest.mark.parametrize(
    ("trigger", "line", "said"),
    [
        ("awg1.1", "pulser.1", "'awg1.1' is not a marker"),
        ("awg7.1.m1", "pulser.1", "'awg7' is not among the generators"),
        ("", "pulser.1", "flux.line: 'pulser' is not among the generators"),
        ("awg1.1.m2", "pulser.3", "'pulser' has 2 channels"),
    ],
)
def test_what_is_wrong_with_the_wiring_is_named(tmp_path, trigger, line, said):
    path = tmp_path / "chip.toml"
    write_chip(wired(), path)
    assert read_chip(path) == wired()
    write_chip(wired(trigger, line), path)
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert said in str(caught.value)


def test_only_a_pulse_generator_is_triggered(tmp_path):
    path = tmp_path / "chip.toml"
    chip = random_chip(1, 3)
    source = {"bias": FurtherInstrument("yokogawa_gs200", "awg1.1.m2")}
    write_chip(replace(chip, wiring=replace(chip.wiring, instruments=source)), path)
    with pytest.raises(ChipError, match="nothing triggers a yokogawa_gs200"):
        read_chip(path)
