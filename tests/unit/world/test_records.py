"""Statistics of the records: states, decay in flight, noise."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from kammerton_sim.world import WorldError
from kammerton_sim.world.dispersive import pulls

COUNT = 4000


def drawn(playback, count, samples, first=0):
    a, b = np.empty((2, count, samples), np.uint16)
    playback.records(first, a, b)
    return a, b


@pytest.fixture
def mixed(three):
    """Qubits 0 and 1 half and wholly excited, 2 at rest; all three tones."""
    pulses = {n: three.drag(f * three.pi(n), three.offset(n)) for n, f in ((0, 0.5), (1, 1.0))}
    tone = sum(three.tone(n) for n in range(3))
    return three.play(three.loop([pulses, {}], [tone, tone], reset=800_000), 1280)


def test_states_are_drawn_with_the_populations(mixed):
    drawn(mixed, COUNT, 1280)
    states = mixed.states
    assert states.shape == (COUNT, 3)
    assert states.dtype == np.uint8
    for k in (0, 1):
        mine = states[k::2]
        for level in range(3):
            expected = mixed.populations[k, :, level]
            sigma = np.sqrt(expected * (1 - expected) / mine.shape[0])
            assert abs((mine == level).mean(0) - expected) == pytest.approx(
                0, abs=4.5 * sigma.max()
            )


def test_states_of_different_qubits_and_shots_are_independent(mixed):
    states = (mixed.states_of(0, 40_000)[::2, :2] == 1).astype(float)
    shots = states[:, 0]
    assert abs(np.corrcoef(states.T)[0, 1]) < 0.03
    assert abs(np.corrcoef(shots[1:], shots[:-1])[0, 1]) < 0.03


def test_records_do_not_depend_on_how_they_are_asked(mixed):
    whole = drawn(mixed, 200, 1280)
    halves = [np.empty_like(channel) for channel in whole]
    threads = [
        threading.Thread(
            target=mixed.records, args=(n, halves[0][n : n + 100], halves[1][n : n + 100])
        )
        for n in (100, 0)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(whole[0], halves[0])
    assert np.array_equal(whole[1], halves[1])
    assert np.array_equal(mixed.states, mixed.states_of(0, 200))


def test_states_log_covers_what_was_delivered(mixed):
    assert mixed.states.shape == (0, 3)
    drawn(mixed, 10, 1280, first=27)
    assert np.array_equal(mixed.states, mixed.states_of(27, 10))


def test_two_plays_have_different_noise_and_one_seed_the_same(three, make_lab):
    loop = three.loop([{}])
    first, second = (drawn(three.play(loop), 4, 1280) for _ in range(2))
    assert not np.array_equal(first, second)
    again = make_lab(3, 11)
    assert np.array_equal(first, drawn(again.play(loop), 4, 1280))


def test_noise_is_white_gaussian_and_of_the_declared_size(one):
    one.carriers["readout_lo"] = replace(one.carriers["readout_lo"], on=False)
    playback = one.play(one.loop([{}]), 1280)
    a, b = (x.astype(float) - 32768 for x in drawn(playback, 800, 1280))
    sigma = one.wiring.noise / one.wiring.full_scale * 32768
    n = a.size
    for x in (a, b):
        assert abs(x.mean()) < 4.5 * sigma / np.sqrt(n)
        assert x.std() == pytest.approx(sigma, rel=0.003)
        unit = (x / sigma).ravel()
        assert abs((unit**3).mean()) < 0.02
        assert abs((unit**4).mean() - 3) < 0.08
        assert abs((unit[1:] * unit[:-1]).mean()) < 5 / np.sqrt(n)
        assert abs((x[1:] * x[:-1]).mean()) / sigma**2 < 5 / np.sqrt(n)
    assert abs((a * b).mean()) / sigma**2 < 5 / np.sqrt(n)


def test_strong_signals_clip_at_full_scale(three):
    wiring = replace(three.wiring, gain=6.0 + 0j)
    lab = three.__class__(replace(three.chip, wiring=wiring))
    a, _ = drawn(lab.play(lab.loop([{}], [lab.tone(amplitude=0.4)])), 4, 1280)
    assert (a.min(), a.max()) == (0, 65520)


def decaying(lab, t1):
    chip = replace(lab.chip, wiring=replace(lab.wiring, noise=0.0))
    chip = replace(chip, qubits=tuple(replace(q, t1=t1, t2=t1) for q in chip.qubits))
    return lab.__class__(chip)


def test_a_state_that_does_not_decay_has_one_record(make_lab):
    lab = decaying(make_lab(1, 7, slow_dephasing=0.0), 10.0)
    pulse = lab.drag(lab.pi() / 2, lab.offset(0))
    playback = lab.play(lab.loop([{0: pulse}]))
    a, _ = drawn(playback, 60, 1280)
    states = playback.states[:, 0]
    assert set(states) >= {0, 1}
    for level in (0, 1):
        assert (a[states == level] == a[states == level][0]).all()


def mean_of_trajectories(lab, volts, level, t1, samples):
    """E[field] over random decays, from the equation for A_s = E[field and state = s]."""
    r = lab.chip.resonators[0]
    places = r.frequency + pulls(lab.chip.qubits[0], r)
    poles = 2j * np.pi * (places - 7.0e9) - np.pi * r.linewidth
    weight = -np.pi * r.linewidth * r.visibility * np.exp(1j * r.asymmetry) * 0.5e-9
    fall = expm(1e-9 / t1 * np.array([[0, 1, 0], [0, -1, 2], [0, 0, -2]]))
    a, p = np.zeros(3, complex), np.eye(3)[level]
    out, before = np.zeros(samples, complex), 0.0
    for n in range(volts.size):
        now = weight * volts[n]
        a = fall @ ((a + before * p) * np.exp(poles * 1e-9)) + now * (fall @ p)
        p, before = fall @ p, now
        out[n] = a.sum()
    return out


@pytest.mark.parametrize("level", [1, 2])
def test_decay_in_flight_is_the_mean_of_all_trajectories(make_lab, level):
    t1, samples, delay = 1e-6, 1536, 64
    lab = decaying(make_lab(1, 7, slow_dephasing=0.0), t1)
    r = lab.chip.resonators[0]
    tone = lab.padded(lab.square(0.2, r.frequency - 7.0e9, 2400), 2400)
    playback = lab.play(lab.loop([{}], [tone]), samples)
    scale = lab.wiring.full_scale / 32768
    means = {}
    for start in (0, level):
        playback.populations[:] = np.eye(3)[start]
        a, b = drawn(playback, 6000 if start else 1, samples)
        assert (playback.states_of(0, 50) == start).all()
        means[start] = (a.mean(0) - 32768 + 1j * (b.mean(0) - 32768)) * scale
    shown = (means[level] - means[0]) / lab.wiring.gain
    cut = tone[: samples - delay]
    expected = mean_of_trajectories(lab, cut, level, t1, samples - delay)
    expected -= mean_of_trajectories(lab, cut, 0, t1, samples - delay)
    assert abs(expected).max() > 0.05
    assert abs(shown[delay:] - expected).max() < 0.03 * abs(expected).max()
    assert abs(shown[:delay]).max() < 2e-4


def test_the_second_level_can_be_reached_and_is_logged(make_lab):
    lab = decaying(make_lab(1, 7, slow_dephasing=0.0), 1e-3)
    first = lab.drag(lab.pi(), lab.offset(0))
    t = np.arange(200) * 1e-9
    second = 0.25 * lab.pi() / np.sqrt(2) * np.exp(-(((t - 100e-9) / 40e-9) ** 2) / 2)
    upper = lab.offset(0) + lab.chip.qubits[0].anharmonicity
    second = second * np.exp(2j * np.pi * upper * t)
    playback = lab.play(lab.loop([{0: np.concatenate([first, second])}], reset=20_000_000))
    assert playback.populations[0, 0, 2] > 0.8
    drawn(playback, 50, 1280)
    assert (playback.states == 2).mean() > 0.6


def test_records_need_plain_arrays(mixed):
    with pytest.raises(WorldError, match="contiguous arrays of uint16"):
        mixed.records(0, *np.empty((2, 2, 1280), np.int16))
    with pytest.raises(WorldError, match="contiguous arrays of uint16"):
        mixed.records(0, *np.empty((2, 2, 2560), np.uint16)[:, :, ::2])


@pytest.mark.parametrize(
    ("first", "shape", "message"),
    [
        (-1, (1, 1280), "no record -1"),
        (0, (1, 1000), "not \\(n, 1280\\)"),
        (0, (1280,), "not \\(n, 1280\\)"),
    ],
)
def test_wrong_requests_are_refused(mixed, first, shape, message):
    with pytest.raises(WorldError, match=message):
        mixed.records(first, *np.empty((2, *shape), np.uint16))
