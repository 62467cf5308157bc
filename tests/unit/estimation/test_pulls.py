"""Error bars are honest: (fit - truth)/stderr is a unit normal, for every kind and law."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch


def times(window, points):
    return np.linspace(0.0, window, points)


def decay(x, t1, offset=0.1, contrast=0.8):
    return offset + contrast * np.exp(-x / t1)


def both_noises(x, relaxes, slow, offset=0.1, contrast=0.8):
    """An echo that relaxation, exp(-t/2T1), and slow noise, exp(-(t/Tphi)^2), end together."""
    return offset + contrast * np.exp(-x / relaxes - (x / slow) ** 2)


def fringes(x, frequency, markov, slow, phase=0.3, offset=0.5, contrast=0.9):
    """Markovian dephasing exp(-t/markov) and slow noise exp(-(t/slow)^2)."""
    envelope = np.exp(-x / markov - (x / slow) ** 2)
    return offset + contrast / 2 * envelope * np.cos(2 * np.pi * frequency * x + phase)


def one_over_e(markov, slow):
    """The time at which the envelope of `fringes` is 1/e."""
    a, b = 1 / markov, 1 / slow**2
    return 1 / a if b == 0 else (-a + np.sqrt(a * a + 4 * b)) / (2 * b)


def rabi(x, period, offset=0.5, contrast=0.9):
    return offset - contrast / 2 * np.cos(2 * np.pi * x / period)


def notch(f, f0, kappa, share=0.7, asymmetry=0.3, delay=40e-9, gain=0.01 + 0.017j):
    """Hanger; kappa_c / kappa = share is the real part of the complex depth."""
    depth = share * (1 + 1j * np.tan(asymmetry))
    s = 1 - depth / (1 + 2j * (f - f0) / kappa)
    return gain * np.exp(-2j * np.pi * (f - f[0]) * delay) * s


def reflection(f, f0, kappa, share=0.8, gain=0.018 + 0.008j, delay=30e-9):
    s = 1 - 2 * share / (1 + 2j * (f - f0) / kappa)
    return gain * np.exp(-2j * np.pi * (f - f[0]) * delay) * s


def transmission(f, f0, kappa, gain=-0.008 + 0.018j, leak=1e-3, delay=30e-9):
    s = 1 / (1 + 2j * (f - f0) / kappa)
    return np.exp(-2j * np.pi * (f - f[0]) * delay) * (gain * s + leak)


def lorentzian(f, f0, fwhm):
    return 1 / (1 + (2 * (f - f0) / fwhm) ** 2)


def gaussian(f, f0, fwhm):
    return np.exp(-4 * np.log(2) * ((f - f0) / fwhm) ** 2)


def noisy(y, sigma, seed, count):
    """Return `count` copies of y with Gaussian noise; of each part if y is complex."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(count, len(y)))
    if np.iscomplexobj(y):
        z = z + 1j * rng.normal(size=z.shape)
    return y + sigma * z


SEEDS = 200
DELAYS = times(100e-6, 51)
FRINGES = times(40e-6, 101)
AMPLITUDES = np.linspace(-0.2, 0.5, 51)
TONES = np.linspace(7.0e9, 7.02e9, 101)
DRIVES = np.linspace(4.9e9, 5.0e9, 101)

ROTATIONS = np.linspace(0.0, 0.6, 101)


def turned(x, period, time):
    return 0.5 - 0.45 * np.exp(-x / time) * np.cos(2 * np.pi * x / period)


CASES = {
    "t1": ("t1", DELAYS, decay(DELAYS, 30e-6), 0.02, {"t1": 30e-6}),
    "ramsey, exponential": (
        "ramsey", FRINGES, fringes(FRINGES, 4e5, 15e-6, np.inf), 0.03,
        {"frequency": 4e5, "t2_star": 15e-6},
    ),
    "ramsey, Gaussian": (
        "ramsey", FRINGES, fringes(FRINGES, 4e5, np.inf, 15e-6), 0.03,
        {"frequency": 4e5, "t2_star": 15e-6},
    ),
    "ramsey, both": (
        "ramsey", FRINGES, fringes(FRINGES, 4e5, 25e-6, 22e-6), 0.03,
        {"frequency": 4e5, "t2_star": one_over_e(25e-6, 22e-6)},
    ),
    "echo, exponential": ("t2_echo", DELAYS, decay(DELAYS, 30e-6), 0.02, {"t2_echo": 30e-6}),
    "echo, Gaussian": (
        "t2_echo", DELAYS, 0.1 + 0.8 * np.exp(-((DELAYS / 30e-6) ** 2)), 0.02, {"t2_echo": 30e-6},
    ),
    "echo, both noises": (
        "t2_echo", DELAYS, both_noises(DELAYS, 60e-6, 45e-6), 0.02,
        {"t2_echo": one_over_e(60e-6, 45e-6)},
    ),
    "rabi": (
        "rabi_amplitude", AMPLITUDES, rabi(AMPLITUDES, 0.31), 0.03,
        {"period": 0.31, "pi_amplitude": 0.155},
    ),
    "notch": (
        "resonator_spectroscopy", TONES, notch(TONES, 7.009e9, 1e6), 4e-4,
        {"frequency": 7.009e9, "linewidth": 1e6, "q_loaded": 7009.0, "q_coupling": 7009 / 0.7,
         "q_internal": 7009 / 0.3},
    ),
    "notch, the other phase": (
        "resonator_spectroscopy", TONES, notch(TONES, 7.009e9, 1e6).conj(), 4e-4,
        {"frequency": 7.009e9, "linewidth": 1e6},
    ),
    "reflection": (
        "resonator_spectroscopy", TONES, reflection(TONES, 7.012e9, 2e6), 4e-4,
        {"frequency": 7.012e9, "linewidth": 2e6, "q_coupling": 3506 / 0.8},
    ),
    "transmission": (
        "resonator_spectroscopy", TONES, transmission(TONES, 7.012e9, 2e6), 4e-4,
        {"frequency": 7.012e9, "linewidth": 2e6, "q_loaded": 3506.0},
    ),
    "magnitude": (
        "resonator_spectroscopy", TONES, np.abs(notch(TONES, 7.009e9, 2e6)), 2e-4,
        {"frequency": 7.009e9, "linewidth": 2e6},
    ),
    "line, Lorentzian": (
        "qubit_spectroscopy", DRIVES, lorentzian(DRIVES, 4.96e9, 5e6), 0.07,
        {"frequency": 4.96e9, "linewidth": 5e6},
    ),
    "line, Gaussian": (
        "qubit_spectroscopy", DRIVES, gaussian(DRIVES, 4.96e9, 5e6), 0.07,
        {"frequency": 4.96e9, "linewidth": 5e6},
    ),
    "line, half of each": (
        "qubit_spectroscopy", DRIVES,
        (lorentzian(DRIVES, 4.96e9, 5e6) + gaussian(DRIVES, 4.96e9, 5e6)) / 2, 0.02,
        {"frequency": 4.96e9, "linewidth": 5e6},
    ),
    "rabi_length": (
        "rabi_length", ROTATIONS, turned(ROTATIONS, 0.13, 1.2), 0.03,
        {"period": 0.13, "pi_length": 0.065, "rabi_frequency": 1 / 0.13, "t_rabi": 1.2},
    ),
    "rabi_length, pulses that rise": (
        "rabi_length", ROTATIONS, turned(ROTATIONS - 0.01, 0.13, 1.2), 0.01,
        {"pi_length": 0.075, "t_rabi": 1.2},
    ),
    "cpmg": ("cpmg", DELAYS, decay(DELAYS, 25e-6), 0.02, {"t2_cpmg": 25e-6}),
    "cpmg, both noises": (
        "cpmg", DELAYS, both_noises(DELAYS, 60e-6, 50e-6), 0.02,
        {"t2_cpmg": one_over_e(60e-6, 50e-6)},
    ),
    "line, weak": (
        "qubit_spectroscopy", DRIVES, lorentzian(DRIVES, 4.96e9, 8e6), 0.1,
        {"frequency": 4.96e9, "linewidth": 8e6},
    ),
    "line, complex": (
        "qubit_spectroscopy", DRIVES,
        0.4 + (0.6 - 0.8j) * lorentzian(DRIVES, 4.96e9, 5e6), 0.07,
        {"frequency": 4.96e9},
    ),
    "two lines": (
        "qubit_spectroscopy", DRIVES,
        lorentzian(DRIVES, 4.96e9, 8e6) + 0.7 * lorentzian(DRIVES, 4.925e9, 3e6),
        0.03, {"frequency": 4.96e9, "frequency_gf_half": 4.925e9},
    ),
}  # fmt: skip


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("case", CASES)
def test_pull(case, given):
    kind, x, truth, sigma, expected = CASES[case]
    found = fit_batch(kind, x, noisy(truth, sigma, 7, SEEDS), sigma if given else None)
    assert np.mean(found.verdict == "accepted") > 0.97
    for name, value in expected.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert abs(pull.mean()) < 0.3, name
        assert 0.85 < pull.std() < 1.2, name
        assert np.abs(pull).max() < 5, name


@pytest.mark.parametrize("kind", ["t1", "ramsey"])
@pytest.mark.parametrize("window", [2.5, 8.0])
def test_pull_of_counts_that_reach_exactly_0_and_1(kind, window):
    """Ideal readout, 500 shots: sigma is estimated from the counts themselves, 0 at 0 and 1."""
    rng, shots = np.random.default_rng(11), 500
    x = times(window, 101)
    p = np.exp(-x) if kind == "t1" else 0.5 + 0.5 * np.exp(-x) * np.cos(2 * np.pi * 3 * x)
    y = rng.binomial(shots, p, size=(SEEDS, len(x))) / shots
    assert ((y == 0) | (y == 1)).any(axis=1).mean() > 0.9
    found = fit_batch(kind, x, y, np.sqrt(y * (1 - y) / shots))
    name = "t1" if kind == "t1" else "t2_star"
    pull = (found.values[name] - 1) / found.stderr[name]
    assert np.mean(found.verdict == "accepted") > 0.95
    assert abs(pull.mean()) < 0.4
    assert 0.75 < pull.std() < 1.25


UNIT = np.linspace(0, 1, 101)
COUNTED = {
    "t1": (0.05 + 0.9 * np.exp(-5 * UNIT), {"t1": 0.2, "amplitude": 0.9, "offset": 0.05}),
    "ramsey": (
        0.5 + 0.44 * np.exp(-2 * UNIT) * np.cos(2 * np.pi * 6 * UNIT + 0.3),
        {"t2_star": 0.5, "frequency": 6, "phase": 0.3, "amplitude": 0.44, "offset": 0.5},
    ),
    "rabi_length": (
        0.5 - 0.45 * np.exp(-UNIT / 0.7) * np.cos(2 * np.pi * 4.3 * UNIT),
        {"t_rabi": 0.7, "rabi_frequency": 4.3, "amplitude": -0.45, "offset": 0.5},
    ),
}


@pytest.mark.parametrize("kind", COUNTED)
def test_every_bar_of_counts_is_honest(kind):
    """The noise follows the curve, p (1 - p): steep between neighbours of a fast oscillation."""
    truth, expected = COUNTED[kind]
    y = np.random.default_rng(14).binomial(1000, truth, (4000, UNIT.size)) / 1000
    found = fit_batch(kind, UNIT, y, shots=1000)
    assert np.mean(found.verdict == "accepted") > 0.99
    for name, value in expected.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert pull.std() == pytest.approx(1.0, abs=0.05), name
        assert np.mean(np.abs(pull) < 1) == pytest.approx(0.683, abs=0.025), name


@pytest.mark.parametrize("few", [100, 500])
def test_every_bar_of_counts_is_honest_where_some_points_have_fewer_shots(few):
    """The noise is that of the fitted population, which no neighbours of other shots tell."""
    rng = np.random.default_rng(1)
    x = rng.permutation(np.linspace(0.0, 1.0, 41))
    shots, truth = np.where(x > 0.5, 2000, few), 0.02 + 0.9 * np.exp(-x / 0.2)
    y = rng.binomial(shots, truth, size=(3000, len(x))) / shots
    found = fit_batch("t1", x, y, shots=shots)
    for name, value in {"t1": 0.2, "amplitude": 0.9, "offset": 0.02}.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert pull.std() == pytest.approx(1.0, abs=0.07), name
        assert np.mean(np.abs(pull) < 1) == pytest.approx(0.683, abs=0.025), name


def test_pull_with_sigma_from_twenty_blocks():
    """A sigma that is itself scattered by 16 % must not shrink the error bars."""
    rng = np.random.default_rng(12)
    blocks = decay(DELAYS, 30e-6) + 0.1 * rng.normal(size=(20, SEEDS, len(DELAYS)))
    found = fit_batch("t1", DELAYS, blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(20))
    pull = (found.values["t1"] - 30e-6) / found.stderr["t1"]
    assert np.mean(found.verdict == "accepted") > 0.97
    assert abs(pull.mean()) < 0.3
    assert 0.85 < pull.std() < 1.15


@pytest.mark.parametrize(("windows", "beyond", "bias"), [(2.5, 0.03, 0.55), (4.0, 0.01, 0.2)])
def test_an_exponential_echo_in_a_short_window_is_off_no_more_than_is_said(windows, beyond, bias):
    """Its shape is free, and noise bends it; docs/estimation/decays.md."""
    traces = noisy(decay(DELAYS, 100e-6 / windows), 0.02, 7, 1000)
    found = fit_batch("t2_echo", DELAYS, traces, 0.02)
    pull = (found.values["t2_echo"] - 100e-6 / windows) / found.stderr["t2_echo"]
    assert np.mean(found.verdict == "accepted") > 0.97
    assert np.mean(np.abs(pull) > 3) < beyond
    assert abs(pull.mean()) < bias
    assert 0.7 < pull.std() < 1.05
