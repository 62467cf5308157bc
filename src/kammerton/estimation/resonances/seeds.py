"""Where to start a complex resonance: cable delay by Fourier transform, then a grid of circles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import ifft

from kammerton.estimation.numeric.kernels import careful_kernel, kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import MOST, axes, filled, widths

Array = NDArray[np.float64]
Single = NDArray[np.float32]

PLENTY = 128  # points beyond which neighbours are taken together: a quarter of the products
TRANSFORM = 512  # least points of the padded Fourier transform


@dataclass(frozen=True, eq=False)
class Start:
    """Centre, full width and delay (N, 3) in windows, and the sign of the phase convention (N,)."""

    p: Array
    sign: Array

    def take(self, which: NDArray[np.intp]) -> Start:
        """Return those of some traces only."""
        return Start(self.p[which], self.sign[which])


def resonance_starts(batch: Batch, delay: Array | None = None, slopes: int = 2) -> list[Start]:
    """Return two starts: over a constant, and over a sloping background (a delay not quite gone).

    delay: (N,) of the cable in turns, else it is found. slopes: 1 for the start over a constant
    alone.

    The sign is -1 where the trace turns as the complex conjugate of 1/(1 + 2i u), which is what
    the other convention of phase (exp(-i omega t)) gives.
    """
    values = filled(batch, batch.y)
    found, turns = np.empty((slopes, batch.traces, 3)), np.empty(batch.traces)
    for axis, rows in axes(batch):
        step = batch.step[rows[:1] if len(batch.x) > 1 else slice(1)]
        some = values if len(rows) == len(values) else values[rows]
        turns[rows] = _delay(axis, some) if delay is None else delay[rows]
        flat = unwound(some, axis[None], step, turns[rows])
        found[:, rows] = _best(axis, flat, slopes)
    signs = found[:, :, 2].copy()
    found[:, :, 2] = turns * signs
    return [Start(p, sign) for p, sign in zip(found, signs, strict=True)]


def unwound(y: Array, x: Array, step: Array, delay: Array) -> Array:
    """Return y (N, 2M) without a delay (N,) in turns."""
    out = np.empty_like(y)
    unwind(y, x, step, delay, out)
    return out


@kernel
def unwind(y: Array, x: Array, step: Array, delay: Array, out: Array) -> None:
    """Fill out (N, 2M) with y turned by exp(2 pi i delay x); x (K, M), step (K,)."""
    m = x.shape[1]
    for n in range(y.shape[0]):
        axis, dx = x[n if x.shape[0] > 1 else 0], step[n if x.shape[0] > 1 else 0]
        re, im, real, imag = y[n, :m], y[n, m:], out[n, :m], out[n, m:]
        turn = 2.0 * math.pi * delay[n]
        a, b = math.cos(turn * axis[0]), math.sin(turn * axis[0])
        ca, sa = math.cos(turn * dx), math.sin(turn * dx)
        for i in range(m):
            if dx <= 0.0:
                a, b = math.cos(turn * axis[i]), math.sin(turn * axis[i])
            real[i], imag[i] = a * re[i] - b * im[i], a * im[i] + b * re[i]
            a, b = a * ca - b * sa, a * sa + b * ca


def _delay(axis: Array, y: Array) -> Array:
    """Delay of y (N, 2M) in turns per window: the largest peak of the impulse response."""
    m, even = len(axis), _evened(axis.tobytes())
    if even is not None:
        y = np.stack([np.concatenate([np.interp(even, axis, part) for part in np.split(row, 2)])
                      for row in y])  # fmt: skip
    size = max(TRANSFORM, 1 << (2 * m - 1).bit_length())
    z, delay = np.zeros((len(y), 2 * size), dtype=np.float32), np.empty(len(y))
    fill_scaled(y, z)
    response = ifft(z.view(np.complex64), axis=1, overwrite_x=True)
    fill_delays(response.view(np.float32), (m - 1) / size, delay)
    return delay


@lru_cache(maxsize=16)
def _evened(axis: bytes) -> Array | None:
    """Return an axis with the same ends and even steps, None where it has those itself."""
    x = np.frombuffer(axis)
    even = np.linspace(x[0], x[-1], len(x))
    return even if np.abs(x - even).max() > 2e-5 else None


@careful_kernel
def fill_scaled(y: Array, out: Single) -> None:
    """Fill out (N, 2 S), Re and Im of each point in turn, with y (N, 2M), so that none overflows.

    The largest number of a trace becomes 1; what is beyond its points stays.
    """
    m = y.shape[1] // 2
    for n in range(y.shape[0]):
        largest = 0.0
        for i in range(2 * m):
            largest = max(largest, abs(y[n, i]))
        largest = largest if largest > 0.0 else 1.0
        for i in range(m):
            out[n, 2 * i], out[n, 2 * i + 1] = y[n, i] / largest, y[n, m + i] / largest


@careful_kernel
def fill_delays(response: Single, per: float, delay: Array) -> None:
    """Fill delay (N,): where a response (N, 2 S), Re and Im in turn, is largest, between its bins.

    per: turns to a bin.
    """
    size = response.shape[1] // 2
    power = np.empty(size, dtype=np.float32)
    for n in range(response.shape[0]):
        for i in range(size):
            a, b = response[n, 2 * i], response[n, 2 * i + 1]
            power[i] = a * a + b * b
        highest, top = power.max(), 0
        while power[top] < highest:
            top += 1
        before = math.sqrt(np.float64(power[top - 1 if top > 0 else size - 1]))
        at = math.sqrt(np.float64(highest))
        after = math.sqrt(np.float64(power[top + 1 if top + 1 < size else 0]))
        bend = max(2.0 * at - before - after, 1e-12)
        bins = (top - size if 2 * top > size else top) + 0.5 * (after - before) / bend
        delay[n] = bins * per


def _best(axis: Array, y: Array, slopes: int) -> Array:
    """Return centre, width and sign (2, N, 3) of the circles that explain most of y (N, 2M).

    Over a constant, and over a sloping background; slopes: 1 for the former alone, (1, N, 3).
    """
    thin = max(1 + (len(axis) > PLENTY), -(-len(axis) // MOST))
    known = circles(axis.tobytes(), thin)
    flat = np.empty((2 * len(y), len(known.slope)), dtype=np.float32)
    best = np.empty((slopes, len(y), 3))
    thinned(y.reshape(len(flat), -1), thin, flat)
    overlap = (flat @ known.shapes).reshape(len(y), 2, -1)
    slope = (flat @ known.slope).reshape(len(y), 2)
    fill_best(overlap, slope, known.tilt, known.size, known.candidates, best)
    return best


@kernel
def thinned(y: Array, thin: int, out: Single) -> None:
    """Fill out (2N, M) with sums of `thin` points of Re y and Im y in turn, less their mean.

    The larger of both parts becomes 1, so that none overflows.
    """
    room = np.empty((2, out.shape[1]))
    for n in range(0, y.shape[0], 2):
        largest = 0.0
        for q in range(2):
            mean = 0.0
            for i in range(room.shape[1]):
                room[q, i] = 0.0
                for k in range(thin):
                    room[q, i] += y[n + q, i * thin + k]
                mean += room[q, i]
            mean /= room.shape[1]
            for i in range(room.shape[1]):
                room[q, i] -= mean
                largest = max(largest, abs(room[q, i]))
        largest = largest if largest > 0.0 else 1.0
        for q in range(2):
            for i in range(room.shape[1]):
                out[n + q, i] = room[q, i] / largest


@dataclass(frozen=True, eq=False)
class Circles:
    """Candidates (C, 2): centre and full width. shapes (M, 2C): Re and Im, less their mean.

    slope (M,): a unit slope; tilt (2, C): Re and Im of its part in each shape. size (2, C):
    inverse squares of the shapes, and of what is left of them beside the slope.
    """

    candidates: Array
    shapes: Single
    slope: Single
    tilt: Single
    size: Single


@lru_cache(maxsize=16)
def circles(axis: bytes, thin: int) -> Circles:
    """Return candidates on an axis, of which `thin` points are taken together."""
    x = np.frombuffer(axis)
    if thin > 1:
        x = x[: len(x) // thin * thin].reshape(-1, thin).mean(axis=1)
    candidates = widths(x, 0.35, 7, 1.2) * [1.0, 2.0]
    shape = 1 / (1 + 2j * (x - candidates[:, :1]) / candidates[:, 1:])
    shape -= shape.mean(axis=1, keepdims=True)
    slope = x - x.mean()
    slope /= np.linalg.norm(slope)
    tilt = shape @ slope
    whole = (np.abs(shape) ** 2).sum(axis=1)
    size = 1.0 / np.maximum(np.stack([whole, whole - np.abs(tilt) ** 2]), 1e-24)
    parts = (np.hstack([shape.real.T, shape.imag.T]), slope, np.stack([tilt.real, tilt.imag]), size)
    return Circles(candidates, *(np.ascontiguousarray(each, dtype=np.float32) for each in parts))


@kernel
def fill_best(
    overlap: Single, slope: Single, tilt: Single, size: Single, candidates: Array, best: Array
) -> None:  # fmt: skip
    """Fill best (1 or 2, N, 3) of the candidates and their conjugates, and 1 or -1 for those.

    overlap (N, 2, 2C): of Re y and Im y with Re and Im of each shape; slope (N, 2): with a slope.
    """
    count = size.shape[1]
    score = np.empty(2 * count, dtype=np.float32)
    for n in range(overlap.shape[0]):
        rr, ri = overlap[n, 0, :count], overlap[n, 0, count:]
        ir, ii = overlap[n, 1, :count], overlap[n, 1, count:]
        for degree in range(best.shape[0]):
            beside = np.float32(degree)
            a, b = beside * slope[n, 0], beside * slope[n, 1]
            for c in range(count):
                re, im = rr[c] - tilt[0, c] * a, ir[c] - tilt[0, c] * b
                other, along = ii[c] - tilt[1, c] * b, ri[c] - tilt[1, c] * a
                plus, minus = re + other, re - other
                up, down = im + along, im - along
                score[c] = (plus * plus + down * down) * size[degree, c]
                score[count + c] = (minus * minus + up * up) * size[degree, c]
            highest, top = score.max(), 0
            while score[top] < highest:  # this and the maximum are quicker than both at once
                top += 1
            picked = top % count
            best[degree, n, 0], best[degree, n, 1] = candidates[picked, 0], candidates[picked, 1]
            best[degree, n, 2] = 1.0 if top < count else -1.0
