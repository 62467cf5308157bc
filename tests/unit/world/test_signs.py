"""Sidebands, quadratures, wiring and settings: what is wrong gives a wrong answer, not an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.signals import Carrier, Segment, Wave
from kammerton_sim.world import WorldError

RESET = 1_000_000
REST = 0.005


@pytest.fixture
def inverted(three):
    """A loop that inverts q1 and reads q1's tone."""
    pulse = three.drag(three.pi(1), three.offset(1))
    return three.loop([{1: pulse}], [three.tone(1)], reset=RESET)


def p1(lab, loop, **settings):
    return lab.play(loop, **settings).populations[0, :, 1]


def test_only_the_driven_qubit_is_excited(three, inverted):
    excited = p1(three, inverted)
    assert excited[1] > 0.99
    assert max(excited[0], excited[2]) < REST


def test_the_upper_sideband_drives_and_the_lower_does_not(three):
    for sign, low, high in ((1, 0.99, 1.0), (-1, 0.0, REST)):
        pulse = three.drag(three.pi(1), sign * three.offset(1))
        assert low <= p1(three, three.loop([{1: pulse}], reset=RESET))[1] <= high


def test_swapped_channels_drive_nothing(three, inverted):
    line = three.wiring.drive["q1"]
    outputs = inverted.outputs()
    outputs[line.i], outputs[line.q] = outputs[line.q], outputs[line.i]
    assert three.world.play(outputs, three.carriers, 256).populations[0, 1, 1] < REST


def test_drag_takes_the_sign_of_the_anharmonicity(make_lab):
    """s = g + j g' / (2 alpha): the other sign, or none, leaves more error and leakage."""
    lab = make_lab(1, 11, t1=1e-3, t2=1e-3, slow_dephasing=0.0, floor_temperature=0.015)
    alpha = lab.chip.qubits[0].anharmonicity
    left = {}
    for factor in (1, 1e6, -1):
        unit = lab.drag(1.0, lab.offset(0), factor * alpha)
        amplitude = lab.world.truth(
            "q0.pi_amplitude",
            re=unit.real,
            im=unit.imag,
            sample_rate=1e9,
            carrier=lab.carriers["drive_lo"].frequency,
        )
        pulse = lab.drag(amplitude, lab.offset(0), factor * alpha)
        left[factor] = 1 - p1(lab, lab.loop([{0: pulse}], reset=20_000_000))[0]
    assert left[1] < 5e-4
    assert left[1] * 3 < left[1e6]
    assert left[1e6] * 2 < left[-1]


@pytest.mark.parametrize(
    "source",
    [Carrier(4.9e9, 13.0, False), Carrier(4.9e9, 8.0, True), Carrier(5.0e9, 13.0, True)],
    ids=["off", "too weak for the mixer", "on another frequency"],
)
def test_the_source_must_pump_the_mixer(three, inverted, source):
    three.carriers["drive_lo"] = source
    assert p1(three, inverted)[1] < 0.02


def test_a_missing_source_is_off(three, inverted):
    del three.carriers["drive_lo"]
    assert p1(three, inverted)[1] < REST


def test_outputs_that_are_off_drive_nothing(three, inverted):
    line = three.wiring.drive["q1"]
    outputs = inverted.outputs()
    for channel in (line.i, line.q):
        outputs[channel] = replace(outputs[channel], on=False)
    assert three.world.play(outputs, three.carriers, 256).populations[0, 1, 1] < REST


def test_half_the_range_is_half_the_drive(three):
    pulse = three.drag(three.pi(1), three.offset(1))
    loop = three.loop([{1: pulse}], reset=RESET)
    assert p1(three, loop, vpp=0.5)[1] == pytest.approx(0.5, abs=0.02)


def test_samples_beyond_full_scale_are_clipped(three):
    pulse = three.drag(three.pi(1), three.offset(1))
    line = three.wiring.drive["q1"]
    loop = three.loop([{1: 4 * pulse}], reset=RESET)
    outputs = loop.outputs()
    tame = three.loop([{1: 4 * pulse}], reset=RESET)
    waves, n, repeats = tame.steps[0]
    clipped = {c: Wave("c", np.clip(w.samples, -1, 1)) for c, w in waves.items()}
    tame.steps[0] = clipped, n, repeats
    a = three.world.play(outputs, three.carriers, 256).populations
    b = three.play(tame, 256).populations
    assert abs(outputs[line.i].loop[0].wave.samples).max() > 1
    assert a == pytest.approx(b, abs=1e-4)


def test_few_bits_are_coarse(three, inverted):
    fine = p1(three, inverted)[1]
    coarse = p1(three, inverted, resolution=4)[1]
    assert abs(coarse - fine) > 1e-4


def test_the_trigger_marker_needs_a_bit_of_the_converter(three, inverted):
    assert three.play(inverted, resolution=15).triggers == 1
    silent = three.play(inverted, resolution=16)
    assert (silent.triggers, silent.turn_seconds) == (0, 0.0)
    assert silent.states.shape == (0, 3)
    with pytest.raises(WorldError, match="nothing triggers"):
        silent.records(0, *np.empty((2, 1, 1280), np.uint16))


def test_no_outputs_no_triggers(three):
    assert three.world.play({}, three.carriers, 1280).triggers == 0


def test_a_marker_on_another_channel_triggers_nothing(three, inverted):
    outputs = inverted.outputs()
    outputs[three.wiring.readout.i], outputs[three.wiring.readout.q] = (
        outputs[three.wiring.readout.q],
        outputs[three.wiring.readout.i],
    )
    assert three.world.play(outputs, three.carriers, 1280).triggers == 0


def test_the_prologue_is_not_part_of_the_turn(three, inverted):
    long = Segment(Wave("wait", np.zeros(5000, np.float32)), 3)
    first = three.play(inverted)
    second = three.play(inverted, prologue=(long,))
    assert second.turn_seconds == first.turn_seconds
    assert second.populations == pytest.approx(first.populations)


def test_a_generator_at_another_rate_is_refused(three, inverted):
    line = three.wiring.drive["q1"]
    outputs = inverted.outputs()
    outputs[line.i] = replace(outputs[line.i], sample_rate=2e9)
    with pytest.raises(WorldError, match="different rates"):
        three.world.play(outputs, three.carriers, 256)
    outputs[line.q] = replace(outputs[line.q], sample_rate=2e9)
    with pytest.raises(WorldError, match="the trigger at 1e\\+09"):
        three.world.play(outputs, three.carriers, 256)


def test_a_shared_wave_object_may_feed_both_channels(three):
    envelope = Wave("both", (2 * three.drag(0.1, 0.0).real).astype(np.float32))
    line = three.wiring.drive["q1"]
    loop = three.loop([{1: np.zeros(40, complex)}], reset=RESET)
    waves, n, repeats = loop.steps[0]
    loop.steps[0] = dict.fromkeys(waves, envelope), n, repeats
    three.carriers["drive_lo"] = Carrier(three.world.truth("q1.f01"), 13.0, True)
    assert loop.steps[0][0][line.i] is loop.steps[0][0][line.q]
    assert 0.3 < p1(three, loop)[1] < 0.95
