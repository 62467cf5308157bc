"""A second tone in Ramsey fringes that does not decay with the first: a hum, and no frequency.

Two frequencies of one qubit have one envelope. What comes from the mains, a compressor or a clock
goes on to the end of the window; taken for the second of two, it moves their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import Beats, amplitudes
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import UNLIKELY, Mask, limits

Array = NDArray[np.float64]

BETTER = 9.0  # in chi-square, by which a tone that does not decay explains a trace better
STEPS = 5  # of Gauss and Newton from the fit of two
RIDGE = 1e-9  # of the largest square, for directions of which the trace tells nothing
LARGEST = 30.0  # of the exponent of an envelope


def hums(batch: Batch, beats: Beats) -> tuple[Mask, Mask]:
    """Return in which traces (N,) the weaker of two frequencies goes on without decay.

    And in which of these that is all there is: what it leaves is noise.
    """
    better, all_of_it = np.zeros((2, batch.traces), dtype=bool)
    if len(beats.which):
        part = batch.take(beats.which)
        better[beats.which], all_of_it[beats.which] = _better(part, beats.fit)
    return better, all_of_it


def _better(batch: Batch, double: Solution) -> tuple[Mask, Mask]:
    at = _at(batch, _start(double))
    for _ in range(STEPS):
        tried = _at(batch, at.theta + _step(batch, at))
        if not (tried.cost < at.cost).any():
            break
        at = at.or_lower(tried)
    freedom, noise = np.maximum(batch.rows - double.free, 1), np.ones(batch.traces)
    if not batch.known_noise:
        noise = double.cost / freedom
    better = at.cost < double.cost - BETTER * noise
    return better, better & (at.cost < limits(freedom, UNLIKELY))


def _start(double: Solution) -> Array:
    """Return rate, shape, both turns, decaying cosine and sine, those of the hum, the constant."""
    first, second = amplitudes(double.theta)
    strong = (first < second).astype(np.intp)
    n = np.arange(len(strong))
    p, c = double.p, double.theta[:, 4:]
    return np.column_stack([
        p[:, :2], p[n, 2 + strong], p[n, 3 - strong],
        c[n, 2 * strong], c[n, 2 * strong + 1], c[n, 2 - 2 * strong], c[n, 3 - 2 * strong], c[:, 4],
    ])  # fmt: skip


@dataclass(frozen=True, eq=False)
class _At:
    """The law at theta (N, 9): its waves (6, N, M) are x, envelope, both cosines and sines."""

    theta: Array
    waves: Array
    rest: Array
    cost: Array

    def or_lower(self, other: _At) -> _At:
        """Return that of lower cost, trace by trace."""
        lower = other.cost < self.cost
        one = lower[:, None]
        return _At(
            np.where(one, other.theta, self.theta), np.where(one, other.waves, self.waves),
            np.where(one, other.rest, self.rest), np.where(lower, other.cost, self.cost),
        )  # fmt: skip


def _at(batch: Batch, theta: Array) -> _At:
    rate, shape, turn, other = theta[:, :4].T[:, :, None]
    x = np.broadcast_to(batch.x, batch.y.shape)
    fall = (1.0 - shape) * rate * x + shape * (rate * x) ** 2
    envelope = np.exp(-np.clip(fall, -1.0, LARGEST))
    waves = np.array([
        x, envelope, np.cos(turn * x), np.sin(turn * x), np.cos(other * x), np.sin(other * x)
    ])  # fmt: skip
    a, b, c, d, level = theta[:, 4:].T[:, :, None]
    _, _, cos, sin, hum_cos, hum_sin = waves
    curve = envelope * (a * cos + b * sin) + c * hum_cos + d * hum_sin + level
    rest = batch.w * (batch.y - curve)
    return _At(theta, waves, rest, np.square(rest).sum(axis=1))


def _step(batch: Batch, at: _At) -> Array:
    x, envelope, cos, sin, hum_cos, hum_sin = at.waves
    rate, shape = at.theta[:, :2].T[:, :, None]
    a, b, c, d, _ = at.theta[:, 4:].T[:, :, None]
    wave = envelope * (a * cos + b * sin)
    slopes = np.stack([
        -wave * ((1.0 - shape) * x + 2.0 * shape * rate * x * x),
        wave * (rate * x - rate**2 * x * x),
        envelope * x * (b * cos - a * sin), x * (d * hum_cos - c * hum_sin),
        envelope * cos, envelope * sin, hum_cos, hum_sin, np.ones_like(x),
    ], axis=1) * batch.w[:, None, :]  # fmt: skip
    square = slopes @ slopes.transpose(0, 2, 1)
    size = np.einsum("nkk->nk", square)
    size += RIDGE * size.max(axis=1, keepdims=True)
    return np.asarray(np.linalg.solve(square, slopes @ at.rest[:, :, None])[:, :, 0])
