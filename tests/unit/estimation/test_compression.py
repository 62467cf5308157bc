"""Resonances that an amplifier compresses, and what is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.maps.flattened import alone, flattened
from kammerton.estimation.maps.ridge import Columns
from kammerton.estimation.resonances import compression
from tests.catalogue.registry import truths

F = np.linspace(0.0, 1.0, 201)
TONES = 7e9 + 20e6 * F


def measured(hard, snr, count=40, slope=0.0, seed=1):
    """Return notches whose line is tanh(hard d)/hard, and sigma."""
    rng = np.random.default_rng(seed)
    width, skew = rng.uniform(0.05, 0.15, (count, 1)), rng.uniform(-0.5, 0.5, (count, 1))
    line = -0.8 * np.exp(1j * skew) / (1 + 2j * (F - rng.uniform(0.4, 0.6, (count, 1))) / width)
    size = np.abs(line) / 0.8
    line = line * np.where(hard > 0, np.tanh(hard * size) / np.maximum(hard * size, 1e-12), 1.0)
    y = (1 + slope * (F - 0.5) + line) * np.exp(2j * np.pi * (rng.random((count, 1)) - 0.8 * F))
    sigma = 0.8 / snr
    return y + sigma * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape)), sigma


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_a_compressed_resonance_is_saturated(given):
    y, sigma = measured(1.0, 50.0)
    found = fit_batch("resonator_spectroscopy", TONES, y, sigma if given else None)
    assert set(found.verdict) == {"rejected"}
    assert np.mean(found.status == "saturated") > 0.9


def rippled(linewidths, snr=100.0, count=200):
    """Return f, and notches of 1 MHz in a window of so many linewidths, over 3 % of ripple."""
    rng = np.random.default_rng(1)
    x, turns = np.linspace(-0.5, 0.5, 101), rng.uniform(0.5, 5.0, (count, 1))
    line = 0.667 / (1 + 2j * (linewidths * x - rng.uniform(-0.3, 0.3, (count, 1))))
    y = (1 - line) * (1 + 0.03 * np.exp(2j * np.pi * (turns * x + rng.random((count, 1)))))
    noise = rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape)
    return 6e9 + 1e6 * linewidths * x, y + noise / snr, 1 / snr


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("linewidths", [5, 10])
def test_a_ripple_of_the_cable_is_no_amplifier(linewidths, given):
    f, y, sigma = rippled(linewidths)
    found = fit_batch("resonator_spectroscopy", f, y, sigma if given else None, geometry="notch")
    words = np.array([str(reason) for reason in found.reason])
    assert np.mean(np.char.find(words, "amplifier") >= 0) < 0.02
    assert (np.char.find(words, "another") < 0).all(), "nor a second resonance"
    if not given:
        swings = np.char.find(words, "ripple of the cable") >= 0
        assert swings.sum() > 5
        assert set(found.status[swings]) == {"model does not fit"}


def test_a_window_too_narrow_to_tell_a_ripple_says_so():
    f, y, _ = rippled(3)
    found = fit_batch("resonator_spectroscopy", f, y, geometry="notch")
    flat = found.status == "saturated"
    assert flat.sum() > 5
    assert all("or the cable has a ripple" in reason for reason in found.reason[flat])


@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("snr", [20.0, 200.0])
def test_a_resonance_over_a_background_is_not(snr, slope):
    y, sigma = measured(0.0, snr, 300, slope)
    for noise in (sigma, None):
        found = fit_batch("resonator_spectroscopy", TONES, y, noise)
        assert np.count_nonzero(found.status == "saturated") == 0
        assert np.mean(found.verdict == "accepted") > 0.99


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_a_wide_notch_of_little_signal_is_no_drift_beside_a_cable(given):
    """A third of the window wide, at an SNR of 5: a cable of any delay follows much of it."""
    rng = np.random.default_rng(35)
    shape = (500, 1)
    depth, delay = rng.uniform(0.4, 0.9, shape), rng.uniform(-0.5, 1.5, shape)
    line = depth * np.exp(1j * rng.uniform(-0.5, 0.5, shape))
    line = line / (1 + 2j * (F - rng.uniform(0.4, 0.6, shape)) / 0.35)
    y = (1 - line) * np.exp(2j * np.pi * (rng.random(shape) - delay * F))
    sigma = np.broadcast_to(depth / 5, y.shape)
    y = y + sigma * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))
    found = fit_batch("resonator_spectroscopy", TONES, y, sigma if given else None)
    assert np.mean(found.verdict == "accepted") > 0.95


def test_only_traces_that_nothing_else_speaks_against_are_asked(monkeypatch):
    asked = []

    def counted(batch, fit):
        asked.append(batch.traces)
        return amount(batch, fit)

    amount = compression._amount
    monkeypatch.setattr(compression, "_amount", counted)
    squeezed, sigma = measured(1.0, 50.0, 3)
    rng = np.random.default_rng(4)
    switched = 1.0 + 0.3 * np.sign(np.sin(40.0 * F + rng.uniform(0.0, 6.0, (5, 1)))) + 0.0j
    switched += sigma * (rng.normal(size=(5, 201)) + 1j * rng.normal(size=(5, 201)))
    found = fit_batch("resonator_spectroscopy", TONES, switched, sigma)
    assert set(found.verdict) == {"rejected"}
    assert asked == []
    found = fit_batch("resonator_spectroscopy", TONES, np.vstack([switched, squeezed]), sigma)
    assert set(found.status[5:]) == {"saturated"}
    assert asked == [3]


def test_how_much_is_compressed_does_not_depend_on_whether_the_noise_is_known(monkeypatch):
    found, amount = [], compression._amount

    def kept(batch, fit):
        found.append(amount(batch, fit))
        return found[-1]

    monkeypatch.setattr(compression, "_amount", kept)
    y, sigma = measured(1.0, 50.0, 8)
    for noise in (sigma, None):
        fit_batch("resonator_spectroscopy", TONES, y, noise)
    (known, _), (scattered, _) = found
    np.testing.assert_allclose(known, scattered, rtol=1e-6)


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("name", ["notch, magnitude", "transmission, magnitude"])
def test_a_compressed_magnitude_is_saturated(name, given):
    truth = truths()[f"resonator_spectroscopy, {name}"]
    rng = np.random.default_rng(3)
    p = truth.benign(rng, 40)
    rest = truth.clean(truth.empty(p))
    away = truth.clean(p) - rest
    largest = np.abs(away).max(axis=1, keepdims=True)
    squeezed = rest + largest / 1.5 * np.tanh(1.5 * away / largest)
    found = truth.fit(truth.measured(rng, p, 300.0, squeezed), given)
    assert np.mean(found.status == "saturated") > 0.9
    found = truth.fit(truth.measured(rng, p, 300.0), given)
    assert set(found.status) == {"success"}


@pytest.mark.parametrize("kind", ["punch_out", "resonator_flux_map"])
def test_a_map_of_compressed_resonances_is_saturated(kind):
    truth = truths()[kind]
    rng = np.random.default_rng(5)
    p = truth.benign(rng, 6)
    rest = truth.clean(truth.empty(p))
    away = truth.clean(p) - rest
    size = np.abs(away)
    hard = 1.0 / size.max(axis=(1, 2), keepdims=True)
    less = np.tanh(hard * size) / np.maximum(hard * size, 1e-12)
    found = truth.fit(truth.measured(rng, p, 50.0, rest + away * less))
    assert set(found.status) == {"saturated"}, found.reason
    assert "amplifier saturates" in found.reason[0]
    found = truth.fit(truth.measured(rng, p, 50.0))
    assert set(found.status) == {"success"}, found.reason


def test_a_map_that_is_hardly_compressed_is_left_alone():
    """A hundredth of the line is less than what matters, however well it is seen."""
    f, at = np.linspace(0.0, 1.0, 201), np.full(30, 0.5)
    line = 1.0 / (1.0 + 2j * (f - 0.5) / 0.1) * np.ones((30, 1))
    noise = np.random.default_rng(1).normal(size=(2, 30, 201))
    for amount, flat in ((0.01, False), (0.1, True)):
        z = (
            1.0
            - 0.8 * line * (1.0 - amount * np.abs(line) ** 2)
            + 1e-3 * (noise[0] + 1j * noise[1])
        )
        c = Columns(f, np.linspace(0.0, 1.0, 30), z, np.full(z.shape, 1e3), 2)
        assert flattened(alone(c, at, 0.1)) is flat
        assert not flattened(alone(c, np.full(30, np.nan), 0.1))


def test_a_faint_compression_is_seen_at_three_errors_and_good_resonances_are_left_alone():
    found = [fit_batch("resonator_spectroscopy", TONES, *measured(hard, 25.0, 2000, seed=8))
             for hard in (0.0, 0.7)]  # fmt: skip
    good, faint = (np.mean(each.status == "saturated") for each in found)
    assert good < 0.002
    assert faint > 0.5
