"""From records to block means and shots, against a direct calculation."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.bench.acquire import (
    BLOCKS,
    BUFFER_BYTES,
    LARGEST_BLOCK,
    Amount,
    BlockMeans,
    Collector,
    Demodulator,
    SingleShots,
    amount_of,
)
from kammerton.model import InstrumentError, ProgramError
from kammerton.program.compiled import Window

S, M, N = 256, 3, 2
BOARD = SimpleNamespace(volts_per_code=0.4 / 32768, zero_code=32768)


def random_weights(rng: np.random.Generator, matrices: int) -> np.ndarray:
    parts = rng.normal(size=(2, matrices, S, N))
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def reference(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The definition, in double precision: z = sum over samples of (A + jB) weight."""
    z = BOARD.volts_per_code * ((a - 32768.0) + 1j * (b - 32768.0))
    per_point = np.broadcast_to(weights, (a.shape[1], *weights.shape[1:])).astype(complex)
    return np.einsum("kms,msn->kmn", z, per_point)


def stream(kind, shots: int, weights: np.ndarray, rng: np.random.Generator):
    """Feed random records through a collector; return it with all codes (turns, M, S)."""
    amount = amount_of(shots, M, S)
    window = Window("feed0", "dig", S, ("q0", "q1"), weights)
    collector = Collector(amount, kind(amount, window, Demodulator.of(window, BOARD)), S)
    a, b = rng.integers(0, 4096, (2, amount.turns, M, S)).astype(np.uint16) << 4
    step = amount.turns_per_buffer
    for index in range(amount.turns // step):
        part = slice(index * step, (index + 1) * step)
        collector(a[part].reshape(-1, S), b[part].reshape(-1, S), index)
    return collector, a, b


@pytest.mark.parametrize("matrices", [1, M])
@pytest.mark.parametrize("shots", [1, 7, 20, 40, 47, 1000])
def test_block_means_are_those_of_the_definition(matrices, shots):
    rng = np.random.default_rng(1)
    weights = random_weights(rng, matrices)
    collector, a, b = stream(BlockMeans, shots, weights, rng)
    z = reference(a, b, weights).reshape(collector.amount.blocks, -1, M, N).mean(axis=1)
    scale = np.abs(z).max()
    np.testing.assert_allclose(collector.reduction.blocks(), z, rtol=0, atol=2e-6 * scale)
    assert collector.reduction.shots() is None


def test_a_single_shot_is_taken_twice():
    """Else nobody knew the scatter of what it gives."""
    amount = amount_of(1, M, S)
    assert (amount.blocks, amount.turns) == (2, 2)


@pytest.mark.parametrize("matrices", [1, M])
def test_shots_are_those_of_the_definition_and_blocks_their_means(matrices):
    rng = np.random.default_rng(2)
    weights = random_weights(rng, matrices)
    collector, a, b = stream(SingleShots, 47, weights, rng)
    z = reference(a, b, weights)
    shots, scale = collector.reduction.shots(), np.abs(z).max()
    assert shots.shape == (60, M, N)
    np.testing.assert_allclose(shots, z, rtol=0, atol=2e-6 * scale)
    blocks = shots.reshape(20, 3, M, N).mean(axis=1)
    np.testing.assert_allclose(collector.reduction.blocks(), blocks, rtol=1e-12)


def test_both_ways_agree():
    weights = random_weights(np.random.default_rng(3), 1)
    one, *_ = stream(BlockMeans, 100, weights, np.random.default_rng(4))
    other, *_ = stream(SingleShots, 100, weights, np.random.default_rng(4))
    np.testing.assert_allclose(one.reduction.blocks(), other.reduction.blocks(), atol=1e-5)
    assert one.reduction.clipped == other.reduction.clipped > 0


def test_clipped_counts_the_samples_at_either_rail():
    codes = np.full((1, M, S), 32768, np.uint16)
    codes[0, 0, :5], codes[0, 1, :7], codes[0, 2, :9] = 0, 65520, 65504
    window = Window("feed0", "dig", S, ("q0",), np.ones((1, S, 1), np.complex64))
    for kind in (BlockMeans, SingleShots):
        amount = amount_of(1, M, S)
        reduction = kind(amount, window, Demodulator.of(window, BOARD))
        reduction.add(codes[0], np.full((M, S), 32768, np.uint16), 0)
        assert reduction.clipped == 12


def test_a_tone_comes_out_with_its_amplitude_and_phase():
    """Upper sideband: record A + jB = v exp(+j(w t + phi)), weights exp(-j w t)/samples."""
    t = np.arange(S)
    tone = 0.1 * np.exp(1j * (2 * np.pi * 8 / S * t + 0.7))
    weights = (np.exp(-2j * np.pi * 8 / S * t) / S).astype(np.complex64)[None, :, None]
    demodulate = Demodulator.of(Window("feed0", "dig", S, ("q0",), weights), BOARD)
    a, b = (
        np.round(part / BOARD.volts_per_code + 32768).astype(np.uint16)[None]
        for part in (tone.real, tone.imag)
    )
    assert demodulate(a, b)[0, 0] == pytest.approx(0.1 * np.exp(0.7j), abs=5e-6)


@given(st.integers(1, 200_000), st.integers(1, 2001), st.sampled_from([256, 1280, 10240]))
def test_amounts_are_whole(shots, points, samples):
    amount = amount_of(shots, points, samples)
    assert amount.turns == amount.blocks * amount.turns_per_block
    assert shots <= amount.turns < shots + BLOCKS
    assert amount.turns % amount.turns_per_buffer == 0
    assert amount.blocks == min(BLOCKS, max(shots, 2))
    size = 4 * samples * points * amount.turns_per_buffer
    assert amount.turns_per_buffer == 1 or size <= BUFFER_BYTES
    capture = amount.capture(samples, 1e-3)
    assert capture.records_per_buffer * capture.buffers == amount.turns * points


def test_the_usual_t1_takes_the_buffers_of_the_measured_path():
    capture = amount_of(1000, 51, 1280).capture(1280, 20.6e-3)
    assert (capture.records_per_buffer, capture.buffers) == (510, 100)
    assert 5 < capture.timeout < 6


@pytest.mark.parametrize(
    ("shots", "message"), [(0, "at least one shot"), (BLOCKS * LARGEST_BLOCK + 1, "at most 655340")]
)
def test_amounts_that_cannot_be_taken_are_refused(shots, message):
    with pytest.raises(ProgramError, match=message):
        amount_of(shots, 51, 1280)


def test_the_largest_block_does_not_overflow_the_sums():
    from kammerton.bench.coadd import add_turns

    sums = np.zeros((1, 4), np.int32)
    ones = np.full((LARGEST_BLOCK, 4), 65535, np.uint16)
    assert add_turns(ones, sums) == ones.size
    assert (sums == 65535 * LARGEST_BLOCK).all()


def collector_of_zeros() -> Collector:
    amount = amount_of(40, M, S)
    window = Window("feed0", "dig", S, ("q0",), np.ones((1, S, 1), np.complex64))
    return Collector(amount, BlockMeans(amount, window, Demodulator.of(window, BOARD)), S)


@pytest.mark.parametrize(
    ("records", "samples", "index", "message"),
    [
        (60, S, 0, "records, not"),
        (120, 128, 0, "records, not"),
        (120, S, 1, "came out of order"),
    ],
)
def test_buffers_that_are_not_the_next_ones_are_refused(records, samples, index, message):
    buffer = np.zeros((records, samples), np.uint16)
    with pytest.raises(InstrumentError, match=message):
        collector_of_zeros()(buffer, buffer, index)


def test_missing_turns_are_an_error(make):
    with pytest.raises(InstrumentError, match="only 0 of 40 turns were recorded"):
        collector_of_zeros().records(make.compiled())


def noisy(seed: int, records: int = 30, samples: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(32000, 33500, (records, samples), np.uint16)


def test_d3_a_buffer_that_comes_again_is_noticed(make):
    window = make.compiled().window
    amount = Amount(points=3, blocks=10, turns_per_block=4, turns_per_buffer=10)
    collector = Collector(amount, BlockMeans(amount, window, Demodulator(
        np.zeros((1, 2, 256), np.float32), 1.0, 32768)), 256, "ats")  # fmt: skip
    collector(noisy(1), noisy(2), 0)
    collector(noisy(3), noisy(4), 1)
    with pytest.raises(InstrumentError, match=r"^ats: buffer 2 is one that came before"):
        collector(noisy(1), noisy(2), 2)
    collector(noisy(1), noisy(5), 2)
