"""Traces in which there is nothing to measure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.catalogue.truth import Array, Parameters, Traces, Truth, log_uniform, white

LEVELS = ("contrast", "offset")


def _silent(
    truth: Truth, rng: np.random.Generator, n: int
) -> tuple[Parameters, NDArray[Any], Array, Array]:
    """Return parameters, the background they leave, the signal's size as a column, and sigma."""
    p = truth.benign(rng, n)
    size = truth.columns({"s": truth.signal(p)})["s"]
    snr = truth.columns({"s": log_uniform(rng, 5.0, 50.0, n)})["s"]
    y = truth.clean(truth.empty(p))
    return p, y, size, np.array(np.broadcast_to(size / snr, y.shape))


def _told(
    truth: Truth, p: Parameters, y: NDArray[Any], sigma: Array, clean: NDArray[Any] | None = None
) -> Traces:
    """Return traces about which is known what is known of real ones, and no value is right.

    But for levels: flat at the middle of known ones is what an exact pulse leaves.
    """
    known = {name: value for name, value in truth.known(p).items() if name not in LEVELS}
    return Traces(truth.axis, y, sigma, known=known, clean=clean)


def _order(truth: Truth) -> Array:
    """0 to 1 in the order in which the points are measured."""
    return np.linspace(0.0, 1.0, int(np.prod(truth.shape))).reshape(truth.shape)


def way(truth: Truth, rng: np.random.Generator, y: NDArray[Any]) -> NDArray[Any]:
    """Return a direction for each trace: a sign, or a phase where y is complex."""
    n = len(y)
    turn = np.exp(2j * np.pi * rng.random(n)) if np.iscomplexobj(y) else rng.choice([-1.0, 1.0], n)
    return turn.reshape(-1, *(1,) * len(truth.shape))


def column(truth: Truth, values: Array) -> Array:
    return values.reshape(-1, *(1,) * len(truth.shape))


def flat(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """The background, with noise from a fiftieth to a fifth of the usual signal."""
    p, y, _, sigma = _silent(truth, rng, n)
    return _told(truth, p, y + sigma * white(rng, y), sigma)


def line(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """A slope that changes y by a third to three times the usual signal."""
    p, y, size, sigma = _silent(truth, rng, n)
    slope = way(truth, rng, y) * size * column(truth, log_uniform(rng, 0.3, 3.0, n))
    return _told(truth, p, y + slope * _order(truth) + sigma * white(rng, y), sigma)


def _walk(rng: np.random.Generator, y: NDArray[Any]) -> NDArray[Any]:
    """A walk whose range is about 1."""
    steps = white(rng, y).reshape(len(y), -1)
    return np.cumsum(steps, axis=1).reshape(y.shape) / np.sqrt(steps.shape[1])


def walk(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """White noise and a walk of 10 to 100 times its size."""
    return _walking(truth, rng, n, 10.0, 100.0)


def faint_walk(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """White noise and a walk of 1 to 10 times its size."""
    return _walking(truth, rng, n, 1.0, 10.0)


def _walking(truth: Truth, rng: np.random.Generator, n: int, low: float, high: float) -> Traces:
    p, y, _, sigma = _silent(truth, rng, n)
    times = column(truth, log_uniform(rng, low, high, n))
    return _told(truth, p, y + sigma * (white(rng, y) + times * _walk(rng, y)), sigma)


def walk_alone(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """A walk; sigma is a tenth of its step."""
    p, y, size, _ = _silent(truth, rng, n)
    sigma = np.broadcast_to(0.1 * size / np.sqrt(np.prod(truth.shape)), y.shape)
    return _told(truth, p, y + size * _walk(rng, y) + sigma * white(rng, y), np.array(sigma))


def step(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """One jump of 3 to 50 sigma somewhere in the middle 80 %."""
    p, y, size, sigma = _silent(truth, rng, n)
    after = _order(truth) > column(truth, rng.uniform(0.1, 0.9, n))
    return _told(truth, p, y + way(truth, rng, y) * size * after + sigma * white(rng, y), sigma)


def telegraph(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """A jump of 5 to 50 sigma, and back after 5 to 50 % of the trace."""
    p, y, size, sigma = _silent(truth, rng, n)
    first = rng.uniform(0.05, 0.45, n)
    after, before = (
        _order(truth) > column(truth, each) for each in (first, first + rng.uniform(0.05, 0.5, n))
    )
    y = y + way(truth, rng, y) * size * (after & ~before)
    return _told(truth, p, y + sigma * white(rng, y), sigma, clean=y)


def outlier(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """Noise, and one point 8 to 80 sigma away."""
    p, y, _, sigma = _silent(truth, rng, n)
    y = y + sigma * white(rng, y)
    return _told(truth, p, hit(truth, rng, y, sigma, (8.0, 80.0)), sigma)


def hit(
    truth: Truth, rng: np.random.Generator, y: NDArray[Any], sigma: Array,
    sizes: tuple[float, float],
) -> NDArray[Any]:  # fmt: skip
    """Return y with one point of each trace thrown off by so many sigmas."""
    where = np.zeros((len(y), int(np.prod(truth.shape))))
    where[np.arange(len(y)), rng.integers(0, where.shape[1], len(y))] = 1.0
    far = way(truth, rng, y) * column(truth, log_uniform(rng, *sizes, len(y)))
    return np.asarray(y + far * sigma * where.reshape(y.shape))


def hum(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """A sinusoid of 1 to 10 periods and the usual size."""
    p, y, size, sigma = _silent(truth, rng, n)
    off = rng.uniform(0.125, 0.375, n) + 0.5 * rng.integers(0, 2, n)
    wave = wave_of(truth, rng, n, 1.0, 10.0, off)
    y = y + way(truth, rng, y) * size * wave
    return _told(truth, p, y + sigma * white(rng, y), sigma, clean=y)


def wave_of(
    truth: Truth, rng: np.random.Generator, n: int, low: float, high: float,
    phase: Array | None = None,
) -> Array:  # fmt: skip
    """Return a sinusoid of amplitude a half, of low to high periods in the trace.

    phase: in turns, (N,); any if it is not given.
    """
    start = column(truth, rng.uniform(0, 1, n) if phase is None else phase)
    turns = column(truth, rng.uniform(low, high, n))
    result: Array = 0.5 * np.cos(2 * np.pi * (turns * _order(truth) + start))
    return result


def constant(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """The same number at every point, in a half of them 0."""
    p, y, size, sigma = _silent(truth, rng, n)
    level = way(truth, rng, y) * size * column(truth, rng.integers(0, 2, n).astype(float))
    return _told(truth, p, np.array(np.broadcast_to(level, y.shape)), sigma)
