"""Limits of a playlist: how fast it moves, and what arrives at the device."""

import asyncio
import math
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.bench import Gate
from kammerton.bench.device_plane import power_at_device
from kammerton.bench.ramp import steps
from kammerton.bench.slew import largest_step
from kammerton.lab import Channel, InstrumentEntry, Limit
from kammerton.model import OutputRefused
from kammerton.model.roles import Playlist, PlayStep, Waveform
from tests.unit.bench.test_nobody_knows import Pulses


def playlist(steps: tuple[PlayStep, ...], **waves: list[float]) -> Playlist:
    made = {name: Waveform(np.array(volts, np.float32)) for name, volts in waves.items()}
    return Playlist("p", tuple(range(1, 1 + len(steps[0].waves))), made, steps, 1e9)


@pytest.mark.parametrize(
    ("steps", "waves", "expected"),
    [
        ((PlayStep(("a",)),), {"a": [0.0, 0.1, 0.3, 0.3]}, 0.3),  # from its end to its beginning
        ((PlayStep(("a",)),), {"a": [0.25, 0.25]}, 0.25),  # from 0 V
        ((PlayStep(("a",)),), {"a": [0.0, 0.2, -0.2, 0.0]}, 0.4),
        ((PlayStep(("a",)), PlayStep(("b",))), {"a": [0, 0.1], "b": [-0.1, 0]}, 0.2),
        ((PlayStep(("a",), repeats=2), PlayStep(("b",))), {"a": [0, 0.1, 0.2], "b": [0.2, 0]}, 0.2),
        ((PlayStep(("a",), goto=1), PlayStep(("b",))), {"a": [0, 0.1], "b": [0.4, 0.0]}, 0.4),
    ],
)
def test_the_largest_step_is_found_within_waves_and_between_them(steps, waves, expected):
    assert largest_step(playlist(steps, **waves)) == pytest.approx(expected, rel=1e-6)


def rated(make, rate: float):
    lab = make.lab()
    awg = replace(lab.instruments["awg"], limits={"volts": Limit(-0.5, 0.5, rate)})
    return replace(lab, instruments={**lab.instruments, "awg": awg})


def test_a_playlist_that_moves_too_fast_is_refused_before_and_when_loaded(fake, make):
    gate = Gate(rated(make, 1e8), fake.instruments, fake.clock)
    compiled = make.compiled(volts=np.tile(np.float32([0.0, 0.2]), 1200))
    for action in (gate.admit(compiled), gate.load("awg", compiled.playlists["awg"])):
        with pytest.raises(OutputRefused, match=r"moves at 200 MV/s, faster than 100 MV/s"):
            asyncio.run(action)
    assert fake.log.of("awg") == []
    slow = make.compiled(volts=np.linspace(0, 0.1, 2400, dtype=np.float32))
    asyncio.run(gate.admit(slow))  # 0.1 V back to 0 V in a nanosecond: 100 MV/s


@pytest.mark.parametrize(
    ("edge", "said"), [(1e-9, "0.1 V moves at up to 100 MV/s, faster than 99 MV/s, max_rate of "),
                       (0.0, "moves nobody knows how fast, faster than 99 MV/s")],
)  # fmt: skip
def test_a_pulse_whose_edges_may_be_too_steep_is_neither_set_nor_switched_on(
    fake, make, monkeypatch, edge, said
):
    """The box says 0.1 V when it is to be switched on."""
    monkeypatch.setattr(Pulses, "fastest_edge", edge)
    lab, boxes = make.lab(), {"pulses": Pulses("pulses", fake.log)}
    for rate, refused in ((9.9e7, True), (1.01e8, edge == 0.0)):
        entry = InstrumentEntry("pulses", "p", "there", {"volts": Limit(-1.0, 1.0, rate)})
        limited = replace(lab, instruments={**lab.instruments, "pulses": entry})
        gate = Gate(limited, fake.instruments | boxes, fake.clock)
        asyncio.run(gate.cold.refresh())
        fake.log.clear()
        for write in (
            gate.others.set_pulse("pulses", 1, -0.1, 1e-6),
            gate.others.enable_pulse("pulses", 1),
        ):
            with pytest.raises(OutputRefused) if refused else nullcontext() as found:
                asyncio.run(write)
        assert (fake.log == []) is refused
        if rate < 1e8:
            assert said.replace("0.1 V", "100 mV") in str(found.value)


def test_what_arrives_at_the_device_is_limited_too(fake, make):
    lab = make.lab()
    feed = lab.feedlines["feed0"]
    line = replace(feed.line, attenuation=60.0, max_at_device=-60.0)
    lab = replace(lab, feedlines={"feed0": replace(feed, line=line)})
    gate = Gate(lab, fake.instruments, fake.clock)
    asyncio.run(gate.admit(make.compiled(peak=0.2)))  # I and Q: 0.08 V^2 / 100 ohm, -0.97 dBm
    compiled = make.compiled(peak=0.24)
    for action in (gate.admit(compiled), gate.load("awg", compiled.playlists["awg"])):
        with pytest.raises(OutputRefused) as refusal:
            asyncio.run(action)
        assert "feedlines.feed0: -59.38" in str(refusal.value)
        assert "more than -60 dBm, max_at_device of feedlines.feed0" in str(refusal.value)
    assert fake.log.of("awg") == []


@pytest.mark.parametrize("there", ["i", "q"])
def test_what_cannot_be_judged_at_the_device_is_refused(fake, make, there):
    """lab.toml refuses such a line; the gate trusts no one that it did."""
    lab = make.lab()
    feed = lab.feedlines["feed0"]
    rated = replace(feed.line, attenuation=200.0, max_at_device=-60.0)
    line = replace(rated, **{there: Channel("awg2", 6)})
    lab = replace(lab, feedlines={"feed0": replace(feed, line=line)})
    gate = Gate(lab, fake.instruments, fake.clock)
    compiled = make.compiled(peak=1e-3)
    for action in (gate.admit(compiled), gate.load("awg", compiled.playlists["awg"])):
        with pytest.raises(OutputRefused, match="feed0: max_at_device cannot be checked"):
            asyncio.run(action)
    assert fake.log.of("awg") == []


def test_the_power_of_a_peak():
    assert power_at_device(0.1, 0.0) == pytest.approx(-10.0)
    assert power_at_device(0.1, 63.0) == pytest.approx(-73.0)
    assert power_at_device(0.0, 63.0) == -math.inf
    assert not power_at_device(math.nan, 0.0) <= 100


LEVELS = st.floats(-10, 10)


@given(LEVELS, LEVELS, st.floats(1e-3, 10), st.none() | st.floats(1e-3, 1.0))
def test_a_ramp_ends_where_it_shall_in_steps_that_are_allowed(start, target, rate, step):
    limit = Limit(-10, 10, rate, step)
    path = steps(start, target, limit)
    assert path[-1] == target
    largest = step or 0.1 * rate
    hops = np.abs(np.diff([start, *path]))
    assert hops.max() <= largest * (1 + 1e-6) + 1e-12
    assert min(start, target) - 1e-9 <= min(path)
    assert max(path) <= max(start, target) + 1e-9
