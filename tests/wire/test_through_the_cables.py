"""The real world behind the real drivers: what the digitizer hears follows from what is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest
from qcodes.instrument_drivers.rohde_schwarz import RohdeSchwarzSGS100A
from qcodes.instrument_drivers.tektronix import TektronixAWG5208

from kammerton_sim.board import open_board
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import acquire, configured, halt, run, settle, upload, visa

CHIP = random_chip(1, 3)


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    with ExitStack() as stack:
        laboratory = stack.enter_context(Laboratory(CHIP))
        awg = TektronixAWG5208("awg1", visa(laboratory, "awg1"), visalib="@py", device_clear=False)
        stack.callback(awg.close)
        source = RohdeSchwarzSGS100A(
            "readout_lo", visa(laboratory, "readout_lo"), visalib="@py", device_clear=False
        )
        stack.callback(source.close)
        board = stack.enter_context(open_board(f"sim://127.0.0.1:{laboratory.ports['board']}"))
        digitizer = configured(board, stack)
        source.ref_osc_source("EXT")
        source.frequency(7.0e9)
        source.power(13)
        source.on()
        upload(awg, 4)
        yield SimpleNamespace(laboratory=laboratory, awg=awg, source=source, digitizer=digitizer)


def tone(bench: SimpleNamespace, setting: Callable[[], object]) -> float:
    """Mean voltage at the end of the records, where the readout tone has settled."""
    setting()
    settle(bench.source)
    run(bench.awg)
    a, b = acquire(bench.digitizer, bench.awg.force_triggerA, records=40, buffers=2)
    halt(bench.awg)
    z = (a[:, 150:].astype(float) - 32768) + 1j * (b[:, 150:].astype(float) - 32768)
    return float(abs(z.mean()) * CHIP.wiring.full_scale / 32768)


def test_the_readout_tone_arrives_through_mixer_and_cable(bench):
    expected = 0.05 * abs(CHIP.wiring.gain)  # far from the resonator
    assert tone(bench, lambda: None) == pytest.approx(expected, rel=0.05)


def test_half_the_amplitude_is_half_the_tone(bench):
    full = tone(bench, lambda: None)
    half = tone(bench, lambda: bench.awg.channels[2].awg_amplitude(0.5))
    bench.awg.channels[2].awg_amplitude(1.0)
    assert half == pytest.approx(full / 2, rel=0.1)


def test_a_source_that_is_off_leaves_the_line_silent(bench):
    assert tone(bench, bench.source.off) < 5e-4
    bench.source.on()


def test_on_resonance_the_tone_is_swallowed(bench):
    swallowed = tone(bench, lambda: bench.source.frequency(CHIP.resonators[0].frequency))
    bench.source.frequency(7.0e9)
    assert swallowed < 0.6 * 0.05 * abs(CHIP.wiring.gain)


def test_states_begin_in_equilibrium_and_reach_the_digitizer_once_each(bench):
    tone(bench, lambda: None)
    acquisition = bench.laboratory.board.acquisitions[-1]
    states = acquisition.states()
    assert states.shape == (80, 1)
    assert np.isin(states, (0, 1, 2)).all()
    assert acquisition.turns == 20
