"""A chip read on two feedlines: each digitizer hears its own qubits and nobody else's."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.signals import ChannelOutput
from tests.unit.world.conftest import Lab, Loop, iq, still

QUBITS, FIRST = 12, 6


@pytest.fixture
def played():
    """(lab, outputs): q1 and q8 are inverted; both lines carry a tone, both boards a trigger."""
    lab = Lab(still(random_chip(QUBITS, 3)))
    loop = Loop()
    waves = {}
    for number in (1, 8):
        line = lab.wiring.drive[f"q{number}"]
        offset = lab.world.truth(f"q{number}.f01") - lab.carriers[line.source].frequency
        waves |= iq(line.i, line.q, lab.drag(lab.pi(number), offset))
    loop.step(waves, 40)
    tones = {}
    for feedline in lab.chip.feedlines:
        first = int(feedline.resonators[0][1:])
        tone = lab.tone(first) * (1 + first)  # the second line is louder
        tones |= iq(feedline.readout.i, feedline.readout.q, tone, trigger=True)
    loop.step(tones, 2400)
    loop.silence(1000, 900)
    return lab, loop.outputs()


def test_each_line_sees_its_own_qubits(played):
    lab, outputs = played
    for feedline, inverted in ((0, 1), (1, 8 - FIRST)):
        playback = lab.world.play(outputs, lab.carriers, 1280, feedline)
        excited = playback.populations[0, :, 1]
        assert excited.shape == (QUBITS - FIRST,)
        assert excited[inverted] > 0.98
        assert np.delete(excited, inverted).max() < 0.01


def test_a_record_holds_only_its_lines_tones(played):
    lab, outputs = played
    levels = []
    for feedline in (0, 1):
        playback = lab.world.play(outputs, lab.carriers, 1280, feedline)
        a, b = np.empty((2, 200, 1280), np.uint16)
        playback.records(0, a, b)
        z = (a.mean(0) - 32768) + 1j * (b.mean(0) - 32768)
        levels.append(abs(z[400:1000]).mean())
    assert levels[1] > 3 * levels[0]


def test_noise_of_two_lines_is_independent(played):
    lab, outputs = played
    noise = []
    for feedline in (0, 1):
        a, b = np.empty((2, 50, 1280), np.uint16)
        lab.world.play(outputs, lab.carriers, 1280, feedline).records(0, a, b)
        noise.append((a - a.mean(0)).ravel())
    assert abs(np.corrcoef(noise)[0, 1]) < 0.02


def test_without_its_own_trigger_a_line_is_silent(played):
    lab, outputs = played
    box, channel, _ = lab.chip.feedlines[1].trigger
    plain = outputs[box, channel]
    outputs[box, channel] = ChannelOutput(
        plain.prologue, plain.loop, plain.vpp, 16, plain.on, plain.sample_rate
    )
    assert lab.world.play(outputs, lab.carriers, 1280, 1).triggers == 0
    assert lab.world.play(outputs, lab.carriers, 1280, 0).triggers == 1
