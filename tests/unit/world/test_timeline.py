"""What sounds when, and which markers rise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.signals import ChannelOutput, Segment, Wave
from kammerton_sim.world import WorldError
from kammerton_sim.world.converters import converted
from kammerton_sim.world.timeline import (
    IqPair,
    Spans,
    bursts,
    rising_edges,
    track,
    turn_samples,
)


def output(*segments, **settings):
    plain = {"vpp": 2.0, "resolution": 15, "on": True, "sample_rate": 1e9}
    return ChannelOutput((), tuple(segments), **(plain | settings))


def wave(samples, markers=None):
    return Wave(
        "w",
        np.asarray(samples, np.float32),
        None if markers is None else np.asarray(markers, np.uint8),
    )


short = st.lists(st.sampled_from([0.0] * 12 + [0.5, -0.25]), min_size=1, max_size=120)
steps = st.lists(st.tuples(short, st.integers(1, 3)), min_size=1, max_size=4)


def flat(steps):
    return np.concatenate([np.tile(np.asarray(samples, float), n) for samples, n in steps])


@given(steps)
def test_a_track_sounds_as_its_segments_in_a_row(steps):
    full = flat(steps)
    mine = track(output(*(Segment(wave(s), n) for s, n in steps)), Spans())
    assert mine.length == full.size
    assert mine.volts(0, full.size) == pytest.approx(full, abs=1e-12)
    third = full.size // 3
    assert mine.volts(third, full.size) == pytest.approx(full[third:], abs=1e-12)


@given(steps, steps, st.lists(st.integers(0, 300), max_size=4))
def test_bursts_cover_all_that_sounds_and_respect_cuts(i_steps, q_steps, cuts):
    i, q = flat(i_steps), flat(q_steps)
    end = min(i.size, q.size)
    pair = IqPair(
        *(track(output(*(Segment(wave(s), n) for s, n in x)), Spans()) for x in (i_steps, q_steps))
    )
    pieces = bursts(pair.spans, np.sort(np.array(cuts, np.int64)), end)
    rebuilt = np.zeros(end, complex)
    last = 0
    for a, b in pieces:
        assert last <= a < b <= end
        assert not any(a < cut < b for cut in cuts)
        rebuilt[a:b] = pair.volts(a, b)
        last = b
    assert rebuilt == pytest.approx(i[:end] + 1j * q[:end], abs=1e-12)


@given(steps, st.integers(0, 200), st.integers(1, 60))
def test_equal_fingerprints_mean_equal_volts(steps, start, length):
    mine = track(output(*(Segment(wave(s), n) for s, n in steps)), Spans())
    seen = {}
    for at in range(start, start + 3 * length, length):
        volts = mine.volts(at, at + length)
        known = seen.setdefault(mine.fingerprint(at, at + length), volts)
        assert np.array_equal(known, volts)


marked = st.lists(
    st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 3)),
    min_size=1,
    max_size=4,
)


@given(marked, st.sampled_from([1, 2]))
def test_edges_are_those_of_the_endless_loop(steps, marker):
    levels = np.concatenate([np.tile(np.asarray(m), n) for m, n in steps]) >> (marker - 1) & 1
    expected = np.flatnonzero(levels & ~np.roll(levels, 1) & 1)
    out = output(*(Segment(wave(np.zeros(len(m)), m), n) for m, n in steps), resolution=14)
    assert rising_edges(out, marker).tolist() == expected.tolist()


@pytest.mark.parametrize(("resolution", "markers"), [(16, 0), (15, 1), (14, 2), (13, 3), (12, 4)])
def test_every_marker_takes_a_bit(resolution, markers):
    out = output(Segment(wave(np.zeros(4), [0, 15, 15, 0])), resolution=resolution)
    assert [rising_edges(out, m).size for m in (1, 2, 3, 4)] == [1] * markers + [0] * (4 - markers)


def test_more_triggers_than_there_is_memory_for_are_refused_by_their_number():
    pulse = Segment(wave(np.zeros(4), [0, 1, 0, 1]), 1 << 20)
    with pytest.raises(WorldError, match="2097152 triggers"):
        rising_edges(output(pulse), 1)
    steady = Segment(wave(np.zeros(4), [1, 1, 1, 1]), 1 << 20)
    assert rising_edges(output(steady, Segment(wave(np.zeros(4)))), 1).tolist() == [0]


def test_channels_that_are_off_or_absent_do_not_mark():
    segment = Segment(wave(np.zeros(4), [0, 1, 1, 0]))
    assert rising_edges(output(segment, on=False), 1).size == 0
    assert rising_edges(None, 1).size == 0
    assert rising_edges(output(), 1).size == 0
    assert turn_samples(None) == 0
    assert turn_samples(output(segment, segment)) == 8


@pytest.mark.parametrize("resolution", [8, 12, 16])
def test_the_converter_rounds_to_its_bits_and_clips(resolution):
    step = 2.0 ** (1 - resolution)
    x = np.array([0.0, 0.4 * step, 0.6 * step, -0.6 * step, 1.0, 1.7, -1.7], np.float32)
    expected = np.array([0, 0, step, -step, 1 - step, 1 - step, -1])
    assert converted(x, 1.0, resolution) == pytest.approx(expected / 2, abs=1e-12)


def test_an_absurd_number_of_bursts_is_refused():
    with pytest.raises(WorldError, match="more than 1000000 bursts"):
        track(output(Segment(wave([1.0]), 2_000_000)), Spans())


def test_a_turn_of_more_triggers_than_can_be_looked_at_is_refused():
    marked = wave(np.zeros(2400), np.repeat([0, 1, 0], (100, 100, 2200)))
    assert rising_edges(output(Segment(marked, 20_000)), 1).size == 20_000
    with pytest.raises(WorldError, match="20001 triggers in one turn of the loop: 20000 at most"):
        rising_edges(output(Segment(marked, 20_001)), 1)


def test_each_trigger_counts_once_however_its_steps_are_written():
    """A step that is triggered from its first sample on, once in each of many steps."""
    marked = wave(np.zeros(2400), np.repeat([1, 0], (100, 2300)))
    assert rising_edges(output(*[Segment(marked, 1)] * 20_000), 1).size == 20_000
    with pytest.raises(WorldError, match="20001 triggers"):
        rising_edges(output(*[Segment(marked, 1)] * 20_001), 1)
