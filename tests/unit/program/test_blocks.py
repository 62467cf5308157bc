from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kammerton.program.blocks import blocks_of, gaps_of, idle_unit, idles

MINIMUM = 100


@st.composite
def busy_spans(draw):
    spans = draw(
        st.lists(st.tuples(st.integers(-3000, -1), st.integers(1, 300)), max_size=8, unique=True)
    )
    return tuple(sorted({(s, min(0, s + n)) for s, n in spans}, key=lambda span: span[::-1]))


@given(busy_spans())
def test_blocks_cover_every_pulse_and_can_be_played(busy):
    blocks = blocks_of(busy, MINIMUM)
    for start, end in busy:
        assert any(b[0] <= start and end <= b[1] for b in blocks)
    for start, end in blocks:
        assert end - start >= MINIMUM
        assert any(start <= s and e <= end for s, e in busy)
    for gap in gaps_of(blocks):
        assert gap == 0 or gap >= MINIMUM
    assert list(blocks) == sorted(blocks)


def test_isolated_pulses_end_their_blocks():
    """One waveform then serves every delay."""
    assert blocks_of(((-1000, -960), (-40, 0)), MINIMUM) == ((-1060, -960), (-100, 0))


def test_a_block_reaches_back_to_the_pulse_before_it():
    assert blocks_of(((-190, -150), (-40, 0)), MINIMUM) == ((-250, -150), (-150, 0))


def test_pulses_closer_than_a_block_share_it():
    assert blocks_of(((-120, -80), (-40, 0)), MINIMUM) == ((-120, 0),)


def test_a_short_wait_before_the_readout_belongs_to_the_pulse():
    assert blocks_of(((-79, -39),), MINIMUM) == ((-100, 0),)
    assert blocks_of(((-140, -100),), MINIMUM) == ((-200, -100),)


@given(st.integers(MINIMUM, 100_000), st.integers(MINIMUM, 4 * MINIMUM))
def test_idle_blocks_fill_a_gap_exactly(gap, unit):
    parts = idles(gap, unit, MINIMUM)
    assert sum(samples * repeats for samples, repeats in parts) == gap
    assert all(samples >= MINIMUM and repeats >= 1 for samples, repeats in parts)
    assert len(parts) <= 2


def test_no_gap_no_step():
    assert idles(0, MINIMUM, MINIMUM) == []


def test_the_idle_block_divides_the_gaps_when_one_can():
    assert idle_unit([4000, 8000, 12000], 2400) == 4000
    assert idle_unit([3600, 7201], 2400) == 2400
    assert idle_unit([], 2400) == 2400
