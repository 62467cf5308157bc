"""Maps fitted as one: at the least-squares minimum where clean, unharmed where they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.estimation.maps import gathering, pulling, whole
from tests.catalogue.bound import bound, oracle
from tests.catalogue.registry import every_truth

KINDS = ("qubit_flux_map", "punch_out", "avoided_crossing", "resonator_flux_map")


def drawn(kind, snr=20.0, count=24, seed=10):
    truth = every_truth()[kind]
    rng = np.random.default_rng(seed)
    p = truth.draw(rng, count)
    return truth, p, truth.measured(rng, p, snr)


def pulls(found, traces):
    return {name: (found.values[name] - low) / found.stderr[name]
            for name, low in traces.low.items()}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_map_ends_at_the_minimum_and_its_bars_are_the_bound(kind):
    truth, p, traces = drawn(kind)
    found = truth.fit(traces)
    off = np.abs(traces.y - found.curve) / traces.sigma
    worse = (off**2).sum(axis=(1, 2)) - oracle(truth, p, traces)[1]
    assert (worse < 1.0).all(), worse
    best = bound(truth, p, traces)
    for name, pull in pulls(found, traces).items():
        told = np.isfinite(pull)
        assert told.mean() > 0.8, name
        assert 0.6 < pull[told].std() < 1.5, name
        assert np.abs(found.stderr[name] / best[name] - 1.0)[told].max() < 0.15, name


def striped(truth, traces, rng):
    y = traces.y.copy()
    y[:, 7] += 4 * traces.sigma[:, 7]
    return y


def crossed(truth, traces, rng):
    y = traces.y.copy()
    y[:, :, 11] += 12 * traces.sigma[:, :, 11] * np.sin(np.arange(y.shape[1]))
    return y


def spiked(truth, traces, rng):
    return traces.y + np.where(rng.random(traces.y.shape) < 0.005, 25 * traces.sigma, 0.0)


def holed(truth, traces, rng):
    return np.where(rng.random(traces.y.shape) < 0.1, np.nan, traces.y)


def faded(truth, traces, rng):
    drift = np.linspace(0.75, 1.25, traces.y.shape[2])
    return traces.clean * drift + (traces.y - traces.clean)


@pytest.mark.parametrize("harm", [striped, crossed, spiked, holed, faded])
@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_belong_does_no_harm(kind, harm):
    truth, _, traces = drawn(kind, count=8)
    y = harm(truth, traces, np.random.default_rng(9))
    found = truth.fit(replace(traces, y=y))
    accepted = found.verdict == "accepted"
    assert accepted.mean() > 0.7, found.reason
    for name, pull in pulls(found, traces).items():
        assert np.nanmax(np.abs(pull[accepted])) < 5.0, name


@pytest.mark.parametrize(("said", "tried"), [(1.0, True), (0.3, False)])
def test_all_columns_are_not_fitted_as_one_where_none_of_them_can_belong(monkeypatch, said, tried):
    truth, _, traces = drawn("resonator_flux_map", count=1)
    asked = []
    monkeypatch.setattr(whole, "shared", lambda *given: asked.append(given))
    truth.fit(replace(traces, sigma=said * traces.sigma))
    assert bool(asked) == tried


@pytest.mark.parametrize("shape", pulling.SHAPES)
@pytest.mark.parametrize("parts", [1, 2])
def test_what_all_points_say_is_how_the_image_changes(shape, parts):
    if shape == "pole" and parts == 1:
        return
    rng, f, at = np.random.default_rng(3), np.linspace(0.0, 1.0, 21), np.array([[0.4], [0.6]])
    share = rng.normal(size=(2 + (4 if shape == "fano" else 2), parts))
    y, w = rng.normal(size=(1, parts, 21)), rng.uniform(0.5, 2.0, (1, 21))
    code, delays = pulling.SHAPES.index(shape), 1 if shape == "pole" else 0

    def left(theta):
        image, delay = np.empty((1, parts, 21)), theta[3] if delays else 0.0
        shares = theta[3 + delays :].reshape(share.shape)
        gathering.fill_image(f, theta[:2, None], 0.5 * theta[2], delay, code, shares, image)
        return ((y - image) * w[:, None]).ravel()

    theta = np.concatenate([at[:, 0], [0.14], [0.8] * delays, share.ravel()])
    size = len(theta)
    moves = np.array([(left(theta - step) - left(theta + step)) / 2e-6
                      for step in 1e-6 * np.eye(size)])  # fmt: skip
    gradient, information, chi2 = np.empty((1, size)), np.empty((1, size, size)), np.empty(1)
    gathering.fill_gathered(
        f, y, w, at, 0.07, 0.8 * delays, code, share, gradient, information, chi2
    )  # fmt: skip
    rest = left(theta)
    assert chi2[0] == pytest.approx(rest @ rest)
    np.testing.assert_allclose(gradient[0], moves @ rest, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(information[0], moves @ moves.T, rtol=1e-6, atol=1e-5)
