"""Nothing is compiled in the middle of a measurement."""

from __future__ import annotations

import numpy as np

from kammerton_sim.signals import Wave
from kammerton_sim.world import feedline, propagate, records, tape, timeline, warm
from kammerton_sim.world.pairs import play

KERNELS = (
    feedline.ring,
    propagate.drive,
    records.fill,
    records.states,
    tape.play,
    timeline._spans,
)


def test_warm_compiles_what_a_measurement_needs(three):
    warm()
    before = [len(kernel.signatures) for kernel in KERNELS]
    assert min(before) == 1
    loop = three.loop([{0: three.drag(three.pi(), three.offset(0))}, {}])
    waves, n, repeats = loop.steps[0]
    loop.steps[0] = {c: received(wave) for c, wave in waves.items()}, n, repeats
    playback = three.play(loop)
    playback.records(0, *np.empty((2, 4, 1280), np.uint16))
    assert playback.states.shape == (4, 3)
    assert [len(kernel.signatures) for kernel in KERNELS] == before


def test_warm_compiles_what_a_pair_needs():
    warm(coupled=True)
    assert len(play._play.signatures) == 1


def received(wave):
    """The same samples as an unaligned, read-only view of a message."""
    message = b"x" + wave.samples.tobytes()
    return Wave(wave.name, np.frombuffer(message, np.float32, offset=1))
