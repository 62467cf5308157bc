"""Where to start a complex resonance: cable delay by Fourier transform, then a grid of circles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.nulls import Nulls, simple_laws
from kammerton.estimation.prepare import Batch
from kammerton.estimation.seeds import MOST, axes, filled, single, widths

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

TRANSFORM = 512  # least points of the padded Fourier transform


@dataclass(frozen=True, eq=False)
class Start:
    """Centre, full width and delay (N, 3) in windows, and the sign of the phase convention (N,)."""

    p: Array
    sign: Array

    def take(self, which: NDArray[np.intp]) -> Start:
        """Return those of some traces only."""
        return Start(self.p[which], self.sign[which])


def resonance_starts(batch: Batch, shift: float = 0.0) -> list[Start]:
    """Return two starts: over a constant, and over a sloping background (a delay not quite gone).

    shift: turns to be added to the delay that is found.

    The sign is -1 where the trace turns as the complex conjugate of 1/(1 + 2i u), which is what
    the other convention of phase (exp(-i omega t)) gives.
    """
    values = filled(batch, batch.y)
    z = values[:, : batch.points] + 1j * values[:, batch.points :]
    found = [np.zeros((batch.traces, 4)) for _ in range(2)]
    for axis, rows in axes(batch):
        delay = _delay(axis, z[rows]) + shift
        unwound = z[rows] * np.exp(2j * np.pi * delay[:, None] * axis)
        for degree in range(2):
            found[degree][rows, :2], sign = _best(axis, unwound, degree)
            found[degree][rows, 2], found[degree][rows, 3] = delay * sign, sign
    return [Start(f[:, :3], f[:, 3]) for f in found]


def _delay(axis: Array, z: Complex) -> Array:
    """Delay in turns per window: the largest peak of the impulse response."""
    m = len(axis)
    even = np.linspace(axis[0], axis[-1], m)
    if np.abs(axis - even).max() > 2e-5:
        z = np.stack([np.interp(even, axis, row.real) + 1j * np.interp(even, axis, row.imag)
                      for row in z])  # fmt: skip
    size = max(TRANSFORM, 1 << (2 * m - 1).bit_length())
    largest = np.abs(z).max(axis=1, keepdims=True)
    z = z / np.where(largest > 0, largest, 1.0)
    response = np.abs(np.fft.ifft(z.astype(np.complex64), size, axis=1))
    top, rows = response.argmax(axis=1), np.arange(len(z))
    before, at, after = (response[rows, (top + k) % size].astype(np.float64) for k in (-1, 0, 1))
    bend = np.maximum(2.0 * at - before - after, 1e-12)
    bins = np.where(top > size / 2, top - size, top) + 0.5 * (after - before) / bend
    result: Array = bins * (m - 1) / size
    return result


def _best(axis: Array, z: Complex, degree: int) -> tuple[Array, Array]:
    """Return (centre, width) and the sign whose circle explains most."""
    thin = max(1, -(-len(axis) // MOST))
    if thin > 1:
        whole = len(axis) // thin * thin
        axis = axis[:whole].reshape(-1, thin).mean(axis=1)
        z = z[:, :whole].reshape(len(z), -1, thin).mean(axis=2)
    candidates, real, imag = circles(axis.tobytes(), degree)
    flat = z - z.mean(axis=1, keepdims=True)
    both = single(np.hstack([flat.real, flat.imag]))
    a, b = np.hsplit(both, 2)
    rr, ii, ri, ir = a @ real, b @ imag, a @ imag, b @ real
    score = np.stack([(rr + ii) ** 2 + (ir - ri) ** 2, (rr - ii) ** 2 + (ir + ri) ** 2], axis=1)
    pick = score.reshape(len(z), -1).argmax(axis=1)
    mirrored, index = np.divmod(pick, len(candidates))
    return candidates[index], np.where(mirrored == 1, -1.0, 1.0)


@lru_cache(maxsize=16)
def circles(axis: bytes, degree: int) -> tuple[Array, NDArray[np.float32], NDArray[np.float32]]:
    """Return (centre, full width) candidates and unit circles less background (M, C), as Re, Im."""
    x = np.frombuffer(axis)
    candidates = widths(x, 0.35, 7, 1.2) * [1.0, 2.0]
    shape = 1 / (1 + 2j * (x - candidates[:, :1]) / candidates[:, 1:])
    background = np.linalg.qr(np.vander(x, degree + 1))[0]
    shape = shape - (shape @ background) @ background.T
    shape /= np.maximum(np.linalg.norm(shape, axis=1, keepdims=True), 1e-12)
    return (
        candidates, np.ascontiguousarray(shape.real.T.astype(np.float32)),
        np.ascontiguousarray(shape.imag.T.astype(np.float32)),
    )  # fmt: skip


def smooth_nulls(batch: Batch, delay: Array) -> Nulls:
    """Return the costs of no resonance: a constant and a slope behind the cable delay (N,)."""
    m = batch.points
    w2 = batch.w[:, :m] ** 2
    x = np.broadcast_to(batch.x, w2.shape)
    z = (batch.y[:, :m] + 1j * batch.y[:, m:]) * np.exp(2j * np.pi * delay[:, None] * x)
    total = w2.sum(axis=1, keepdims=True)
    dz = z - (w2 * z).sum(axis=1, keepdims=True) / total
    dx = x - (w2 * x).sum(axis=1, keepdims=True) / total
    slope = (w2 * dx * dz).sum(axis=1) / np.maximum((w2 * dx * dx).sum(axis=1), 1e-300)
    flat = (w2 * np.abs(dz) ** 2).sum(axis=1)
    line = (w2 * np.abs(dz - slope[:, None] * dx) ** 2).sum(axis=1)
    unwound = batch.with_y(np.hstack([z.real, z.imag]))
    return Nulls((line, 5), (line, 5), (flat, 3), simple_laws(unwound).walk)


def careful_nulls(batch: Batch, delay: Array) -> Nulls:
    """Return the cost of no resonance at the best delay, beside a straight line that has none.

    A straight line of its own is what drift adds; with the cable's delay it bends.
    """
    for reach, count in ((0.6, 13), (0.08, 7), (0.02, 7)):
        tries = delay + np.linspace(-reach, reach, count)[:, None]
        costs = np.array([_beside_a_line(batch, each) for each in tries])
        best = costs.argmin(axis=0)
        delay, cost = (each[best, np.arange(batch.traces)] for each in (tries, costs))
    none = np.full_like(cost, np.inf)
    return Nulls((cost, 7), (cost, 7), (none, 7), (none, 7))


def _beside_a_line(batch: Batch, delay: Array) -> Array:
    m = batch.points
    w = batch.w[:, :m]
    x = np.broadcast_to(batch.x, w.shape)
    z = w * (batch.y[:, :m] + 1j * batch.y[:, m:])
    cable = np.exp(-2j * np.pi * delay[:, None] * x)
    q = np.linalg.qr(w[:, :, None] * np.stack([cable, np.ones_like(cable), x + 0j], axis=2))[0]
    rest = z - (q @ (q.conj().transpose(0, 2, 1) @ z[:, :, None]))[:, :, 0]
    result: Array = (np.abs(rest) ** 2).sum(axis=1)
    return result
