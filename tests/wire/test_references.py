"""The 10 MHz that all boxes share, and what each does without it."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.command import run as command
from kammerton_sim.instruments.sample_clock import late, slid
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import (
    CountingWorld,
    acquire,
    configured,
    errors,
    settle,
)

CYCLES = 0.1  # of the tone in a sample


class ToneWorld(CountingWorld):
    """Every record is the same tone, I in channel A and Q in B."""

    def play(self, *asked, **more):
        playback = super().play(*asked, **more)
        playback.records = tones
        return playback


def tones(first: int, a: np.ndarray, b: np.ndarray) -> None:
    wave = 8000 * np.exp(2j * np.pi * CYCLES * np.arange(a.shape[1]))
    a[:] = np.rint(wave.real + 32768).astype(np.uint16) & 0xFFF0
    b[:] = np.rint(wave.imag + 32768).astype(np.uint16) & 0xFFF0


def phases(records: np.ndarray) -> np.ndarray:
    """Cycles by which the tone of each record is ahead of one that is sampled in time."""
    a, b = records.astype(float) - 32768
    samples = np.arange(40, a.shape[1] - 40)
    turned = (a + 1j * b)[:, samples] * np.exp(-2j * np.pi * CYCLES * samples)
    assert abs(turned).mean() == pytest.approx(8000, rel=0.01)  # turned, not smaller
    return np.angle(turned.mean(axis=1)) / (2 * np.pi)


@pytest.fixture
def laboratory():
    with Laboratory(random_chip(1, 3), world=ToneWorld()) as laboratory:
        yield laboratory


# ---------------------------------------------------------------- sources and generators


def test_a_source_without_its_reference_is_off_and_says_so_once(laboratory, source, capsys):
    box = laboratory.sources["drive_lo"]
    source.ref_osc_source("EXT")
    source.frequency(5e9)
    settle(source)
    control = "--control", str(laboratory.ports["control"])
    assert command(["ctl", *control, "reference-lost", "drive_lo", "ppm=2"]) == 0
    assert box.carrier.frequency == pytest.approx(5e9 + 10e3, abs=1e-3)
    assert source.ref_osc_source() == "EXT"  # nothing else tells
    assert [e.partition(";")[0] for e in errors(source)] == [
        '50,"External reference out of range or disconnected"'
    ]
    assert int(source.ask("*ESR?")) & 8
    assert errors(source) == []
    assert source.ask("SYSTem:SERRor?").startswith('50,"External reference')  # as often as asked
    assert source.ask("SYSTem:SERRor?").startswith("50,")
    assert command(["ctl", *control, "clear"]) == 0
    assert box.carrier.frequency == 5e9
    assert source.ask("SYSTem:SERRor?") == '0,"No error"'
    said = [c["new"] for c in laboratory.ledger.since() if c["output"] == "reference-lost"]
    assert said == ["fault 1: instrument=drive_lo ppm=2 seed=3001", None]


def test_a_source_on_its_own_oscillator_does_not_miss_it_until_it_is_to_lock(laboratory, source):
    box = laboratory.sources["drive_lo"]
    source.frequency(5e9)
    settle(source)
    own = box.carrier.frequency
    laboratory.faults.inject("reference-lost", instrument="drive_lo", ppm=2)
    assert (box.carrier.frequency, errors(source)) == (own, [])
    source.ref_osc_source("EXT")
    settle(source)
    assert box.carrier.frequency == pytest.approx(5e9 + 10e3, abs=1e-3)
    assert len(errors(source)) == 1


def test_a_generator_without_its_reference_counts_on_its_own_and_says_so(laboratory, awg):
    box = laboratory.generators["awg1"]
    number = laboratory.faults.inject("reference-lost", instrument="awg1")
    assert (box.locked, errors(awg)) == (False, [])  # it was on its own clock before
    awg.clock_source("Internal, 10 MHZ ref.")
    settle(awg)
    assert not box.locked
    assert errors(awg)[0].startswith("-300,")
    laboratory.faults.clear(number)
    assert (box.locked, errors(awg)) == (True, [])


# ---------------------------------------------------------------- digitizers


@pytest.mark.parametrize("board", ["shared"], indirect=True)
def test_records_of_a_digitizer_slide_past_their_triggers(laboratory, board, closing, playing):
    digitizer = configured(board, closing)
    assert phases(np.stack(acquire(digitizer, playing))) == pytest.approx(0, abs=1e-3)
    laboratory.faults.inject("reference-lost", instrument="board", ppm=1.003)
    found = phases(np.stack(acquire(digitizer, lambda: None)))
    assert (found > -1e-3).all()
    assert (found < CYCLES + 1e-3).all()  # a sample at most
    steps = np.diff(found) / CYCLES % 1  # 50.15 samples in the 50 ms between records
    assert np.minimum(abs(steps - 0.15), 1 - abs(steps - 0.15)) == pytest.approx(0, abs=0.02)
    with pytest.raises(RuntimeError, match="error 590: ApiPllNotLocked"):
        board.set_capture_clock(1, 7, 1_000_000_000, 0, 1)
    laboratory.faults.clear()
    board.set_capture_clock(1, 7, 1_000_000_000, 0, 1)
    assert phases(np.stack(acquire(digitizer, lambda: None))) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("board", ["shared"], indirect=True)
def test_a_digitizer_on_its_own_clock_slides_without_any_fault(board, closing, playing):
    digitizer = configured(board, closing)
    with digitizer.syncing():
        digitizer.clock_source("INTERNAL_CLOCK")
        digitizer.external_sample_rate("UNDEFINED")
        digitizer.sample_rate(1_000_000_000)
    found = phases(np.stack(acquire(digitizer, playing)))
    assert np.ptp(found) > CYCLES / 2


def test_sliding_keeps_the_size_of_noise_and_the_end_of_the_scale():
    rng = np.random.default_rng(5)
    noise = rng.normal(32768, 800, (2, 500, 256)).astype(np.uint16) & np.uint16(0xFFF0)
    moved = noise.copy()
    slid(moved, late(0.2, 1e-6, np.arange(500) * 1.234e-4))
    assert not np.array_equal(moved, noise)
    assert moved.std() == pytest.approx(noise.std(), rel=0.01)
    assert not (moved & 0xF).any()
    full = np.zeros((2, 1, 64), np.uint16)
    full[..., 20:40] = 65535
    slid(full, np.array([0.5]))
    assert (full.min(), full.max()) == (0, 0xFFF0)
