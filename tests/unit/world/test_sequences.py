"""Decay and coherence as the laboratory shows them to hand-made waves."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_sim.signals import Wave

WAITS = [0, 5_000, 20_000, 60_000, 100_000]
RESET = 2_000_000


def test_a_pi_pulse_inverts(one):
    pulse = one.drag(one.pi(), one.offset(0))
    assert one.excited([{0: pulse}], reset=RESET)[0] > 0.997


def test_populations_decay_exponentially(one):
    pulse = one.drag(one.pi(), one.offset(0))
    excited = one.excited([{0: pulse}] * len(WAITS), wait=WAITS, reset=RESET)
    rest = one.excited([{}], reset=RESET)[0]
    expected = (excited[0] - rest) * np.exp(-np.array(WAITS) * 1e-9 / one.world.truth("q0.t1"))
    assert excited - rest == pytest.approx(expected, abs=5e-4)


def two_pulses(lab, wait, echo=False, detuning=0.0):
    """Two half pulses `wait` samples apart, in phase with the frame of f01 + detuning."""
    offset = lab.offset(0) + detuning
    half = lab.pi() / 2
    first, second = lab.drag(half, offset), None
    phase = 2 * np.pi * offset * (40 + wait) * 1e-9
    parts = [first, np.zeros(wait, complex)]
    if echo:
        parts = [first, np.zeros(wait // 2, complex)]
        middle = 2 * np.pi * offset * (40 + wait // 2) * 1e-9
        parts += [lab.drag(2 * half, offset, phase=middle), np.zeros(wait - wait // 2, complex)]
        phase = 2 * np.pi * offset * (80 + wait) * 1e-9
    second = lab.drag(half, offset, phase=phase)
    return {0: np.concatenate([*parts, second])}


def test_ramsey_decays_with_the_gaussian_of_the_slow_noise(make_lab):
    lab = make_lab(1, 7)
    waits = np.array([0, 4_000, 10_000, 20_000, 40_000])
    shown = lab.excited([two_pulses(lab, w) for w in waits], reset=RESET)
    t = (waits + 40) * 1e-9
    q = lab.world.qubit(0)
    echo = lab.world.truth("q0.t2_echo")
    envelope = np.exp(-t / echo - (2 * np.pi * q.slow_dephasing * t) ** 2 / 2)
    assert 2 * shown - 1 == pytest.approx(envelope, abs=0.02)
    fringe = (2 * shown - 1) / (2 * shown[0] - 1)
    assert fringe == pytest.approx(envelope / envelope[0], abs=0.012)


def test_t2_star_is_where_the_envelope_falls_to_one_over_e(make_lab):
    lab = make_lab(1, 7)
    wait = round(lab.world.truth("q0.t2_star") * 1e9) - 40
    shown = lab.excited([two_pulses(lab, 0), two_pulses(lab, wait)], reset=RESET)
    assert (2 * shown[1] - 1) / (2 * shown[0] - 1) == pytest.approx(np.exp(-1), abs=0.01)


def test_a_detuned_ramsey_beats_at_the_detuning(make_lab):
    lab = make_lab(1, 7, slow_dephasing=0.0)
    detuning = 100e3
    waits = np.arange(0, 20_000, 2_500)
    shown = lab.excited([two_pulses(lab, int(w), detuning=detuning) for w in waits], reset=RESET)
    t = (waits + 40) * 1e-9
    expected = np.exp(-t / lab.world.truth("q0.t2_echo")) * np.cos(2 * np.pi * detuning * t)
    assert 2 * shown - 1 == pytest.approx(expected, abs=0.03)


def test_an_echo_refocuses_the_slow_noise(make_lab):
    lab = make_lab(1, 7, slow_dephasing=8e3)
    waits = np.array([0, 10_000, 30_000, 60_000])
    shown = 1 - lab.excited([two_pulses(lab, w, echo=True) for w in waits], reset=RESET)
    fringe = (2 * shown - 1) / (2 * shown[0] - 1)
    expected = np.exp(-waits * 1e-9 / lab.world.truth("q0.t2_echo"))
    assert fringe == pytest.approx(expected, abs=0.015)
    plain = lab.excited([two_pulses(lab, 60_000)], reset=RESET)
    assert abs(2 * plain[0] - 1) < 0.05


def test_a_short_reset_carries_population_into_the_next_shot(one):
    pulse = one.drag(one.pi(), one.offset(0))
    t1 = one.world.truth("q0.t1")
    reset = 50_000
    points = [{0: pulse}, {0: np.zeros(40, complex)}]
    excited = one.excited(points, reset=reset)
    turn = (2400 + reset + 40) * 1e-9
    left = excited[0] * np.exp(-(turn - 40e-9) / t1)
    assert excited[1] == pytest.approx(left, rel=0.02)


def test_a_warm_refrigerator_fills_the_qubit(one):
    cold = one.excited([{}], reset=RESET)[0]
    one.world.temperature = 0.1
    warm = one.excited([{}], reset=RESET)[0]
    ratio = np.exp(-6.62607015e-34 * one.world.truth("q0.f01") / (1.380649e-23 * 0.1))
    assert cold < 0.003
    assert warm == pytest.approx(ratio / (1 + ratio + ratio**2), rel=0.02)


def test_repeated_silence_equals_long_silence(one):
    pulse = one.drag(one.pi(), one.offset(0))
    loop = one.loop([{0: pulse}], wait=[20_000], reset=50_000)
    whole = one.play(loop).populations
    loop.steps = [
        (waves, 500, repeats * (n // 500)) if not waves and n % 500 == 0 else (waves, n, repeats)
        for waves, n, repeats in loop.steps
    ]
    assert one.play(loop).populations == pytest.approx(whole, abs=1e-12)


def test_a_pulse_played_five_times_equals_five_pulses(one):
    """Five uses of a drive go through its map, fewer through the state: the same answer."""
    pulse = one.drag(0.3 * one.pi(), one.offset(0))
    gapped = np.concatenate([pulse, np.zeros(60, complex)])
    five = one.excited([{0: np.tile(gapped, 5)}], reset=RESET)
    line = one.wiring.drive["q0"]
    loop = one.loop([{0: gapped}], reset=RESET)
    waves, n, _ = loop.steps[0]
    assert set(waves) == {line.i, line.q}
    loop.steps[0] = waves, n, 5
    assert one.play(loop).populations[:, 0, 1] == pytest.approx(five, abs=1e-9)


def test_a_drive_during_the_readout_is_cut_at_the_readout(one):
    """What comes after the state is read cannot change what was read."""
    pulse = one.drag(one.pi(), one.offset(0))
    long = np.concatenate([np.zeros(2360, complex), pulse, pulse, np.zeros(2360, complex)])
    line, readout = one.wiring.drive["q0"], one.wiring.readout
    loop = one.loop([{0: pulse}], reset=RESET)
    before = one.play(loop).populations
    tone = loop.steps[1][0]
    assert readout.i in tone
    loop.steps[0:2] = [
        (_iq(line, long[:2400]), 2400, 1),
        (tone | _iq(line, long[2400:]), 2400, 1),
    ]
    during = one.play(loop).populations
    assert during == pytest.approx(before, abs=5e-3)
    assert during[0, 0, 1] > 0.99


def _iq(line, volts):
    return {
        line.i: Wave("i", (2 * volts.real).astype(np.float32)),
        line.q: Wave("q", (2 * volts.imag).astype(np.float32)),
    }


def test_quasistatic_noise_differs_from_shot_to_shot_only(make_lab):
    """Populations, which do not know a phase, are untouched by the slow noise."""
    quiet, noisy = make_lab(1, 7, slow_dephasing=0.0), make_lab(1, 7, slow_dephasing=20e3)
    pulse = quiet.drag(quiet.pi(), quiet.offset(0))
    a = quiet.excited([{0: pulse}] * 2, wait=[0, 30_000], reset=RESET)
    b = noisy.excited([{0: pulse}] * 2, wait=[0, 30_000], reset=RESET)
    assert a == pytest.approx(b, abs=2e-4)


def test_a_loop_faster_than_t1_settles_between_the_levels(one):
    """Inversions on top of each other: p = 1 - p exp(-turn / T1) in the periodic state."""
    pulse = one.drag(one.pi(), one.offset(0))
    loop = one.loop([{0: pulse}], reset=10_000)
    playback = one.play(loop)
    left = np.exp(-playback.turn_seconds / one.world.truth("q0.t1"))
    assert playback.populations[0, 0, 1] == pytest.approx(1 / (1 + left), abs=5e-3)


@pytest.mark.parametrize("phase", [0.0, np.pi / 2, np.pi])
def test_a_readout_destroys_the_phase(make_lab, phase):
    lab = make_lab(1, 7, slow_dephasing=0.0)
    offset = lab.offset(0)
    half = lab.drag(lab.pi() / 2, offset)
    between = lab.tone().size
    again = lab.drag(lab.pi() / 2, offset, phase=2 * np.pi * offset * (40 + between) * 1e-9 + phase)
    points = [{0: half}, {0: again}]
    loop = lab.loop(points, reset=RESET)
    loop.steps.pop(2)
    assert lab.play(loop).populations[:, 0, 1] == pytest.approx(0.5, abs=0.02)


def test_the_state_is_read_where_the_tone_begins(one):
    """A pulse after the trigger, but before the tone, still counts."""
    pulse = one.drag(one.pi(), one.offset(0))
    tone = np.concatenate([np.zeros(500, complex), one.tone()[:1900]])
    loop = one.loop([{}], [tone], reset=RESET)
    waves, n, repeats = loop.steps[0]
    driven = _iq(one.wiring.drive["q0"], one.padded(pulse, 2400, at_end=False))
    loop.steps[0] = waves | driven, n, repeats
    loop.used |= set(driven)
    assert one.play(loop).populations[0, 0, 1] > 0.98
