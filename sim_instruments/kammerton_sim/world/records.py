"""Kernels: raw records of a digitizer, shot by shot.

Every random number is a hash of (seed, number of the record, counter): records may be asked
in any order, from any thread, and again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.chain import Chain
from kammerton_sim.world.converters import LARGEST, TWELVE_BITS, ZERO
from kammerton_sim.world.feedline import Complex64Array
from kammerton_sim.world.jit import inline, kernel, ones
from kammerton_sim.world.propagate import FloatArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_UNIT = 1.0 / (1 << 53)


@inline
def _mix(x: np.uint64) -> np.uint64:
    """Finaliser of SplitMix64 (Steele, Lea, Flood 2014): 64 well mixed bits of a counter."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inline
def _normal(x: np.uint64) -> np.float32:
    """One word -> a nearly Gaussian number of unit variance.

    The count of ones among 48 bits has variance 12; the other 16 bits spread it over its bin,
    which adds 1/12.
    """
    count = np.float32(np.int32(ones(x & np.uint64(0xFFFFFFFFFFFF))))
    spread = np.float32(np.int32(x >> np.uint64(48))) * np.float32(1 / 65536)
    return (count - np.float32(24.5) + spread) * np.float32(0.28767798)


@inline
def _uniform(key: np.uint64, counter: np.uint64) -> float:
    """In [0, 1)."""
    return np.float64(_mix(key + counter * _GOLDEN) >> np.uint64(11)) * _UNIT


@inline
def _key(seed: int, record: int) -> np.uint64:
    return _mix(np.uint64(seed) ^ _mix(np.uint64(record) + _GOLDEN))


@inline
def _level(key: np.uint64, qubit: int, p: FloatArray) -> int:
    u = _uniform(key, np.uint64(2 * qubit + 1))
    if u < p[0]:
        return 0
    return 1 if u < p[0] + p[1] else 2


@kernel
def states(
    seed: int,
    first: int,
    rows: NDArray[np.int64],
    populations: FloatArray,
    out: NDArray[np.uint8],
) -> None:
    """Levels at the start of the readout of records first..: out (R, Q).

    rows (R, Q): which row of populations (V, K, 3) a qubit follows.
    """
    for r in range(out.shape[0]):
        key = _key(seed, first + r)
        point = (first + r) % populations.shape[1]
        for q in range(out.shape[1]):
            out[r, q] = _level(key, q, populations[rows[r, q], point])


@kernel
def fill(
    seed: int,
    first: int,
    waveforms: NDArray[np.int64],
    starts: NDArray[np.int64],
    rows: NDArray[np.int64],
    populations: FloatArray,
    ground: Complex64Array,
    change: Complex64Array,
    hazards: NDArray[np.float32],
    decays: Complex64Array,
    lifetimes: FloatArray,
    noise: np.float32,
    chain: Chain,
    a: NDArray[np.uint16],
    b: NDArray[np.uint16],
) -> None:
    """Fill records first.. of both channels, a and b (R, N).

    waveforms, starts (K,): which readout waveform a trigger meets, and the sample of the record
    at which the qubits' states are drawn. rows (R, Q): which row of populations (V, K, 3) and of
    lifetimes (V,), T1 in samples, a qubit follows. ground (W, N), change (W, Q, 2, N), decays
    (Q, 3, N + 1); hazards (W, Q, 2, N), or (0, ...) where no tone throws a qubit out. noise: rms
    in codes, before the chain.
    """
    size = ground.shape[1]
    points = waveforms.size
    acc = np.empty(size, np.complex64)
    lasting = np.empty(rows.shape[1], np.int64)
    for r in range(a.shape[0]):
        point = (first + r) % points
        w = waveforms[point]
        key = _key(seed, first + r)
        count = 0
        for n in range(size):
            acc[n] = ground[w, n]
        for q in range(rows.shape[1]):
            level = _level(key, q, populations[rows[r, q], point])
            lifetime = lifetimes[rows[r, q]]
            if hazards.shape[0] > 0:
                thrown = hazards[w, q]
                _follow(
                    acc, level, change[w, q], decays[q], starts[point], key, q, lifetime, thrown
                )
            elif level > 0:
                wait = -np.log(1.0 - _uniform(key, np.uint64(2 * q + 2))) * lifetime / level
                until = starts[point] + int(min(wait, 1e9))
                if until < size:
                    _add(acc, level, change[w, q], decays[q], until, key, q, lifetime)
                else:
                    lasting[count] = 2 * q + level - 1
                    count += 1
        _pile(acc, change[w].reshape(-1, size), lasting[:count])
        if chain.perfect:
            _digitise(acc, key, noise, a[r], b[r])
        else:
            _digitise_through(acc, key, noise, chain, a[r], b[r])


@kernel
def _pile(acc: Complex64Array, rows: Complex64Array, which: NDArray[np.int64]) -> None:
    """Add whole rows of rows (M, N) to acc (N,): four at a time, memory being what it waits for."""
    last = 0
    while last + 4 <= which.size:
        a, b = rows[which[last]], rows[which[last + 1]]
        c, d = rows[which[last + 2]], rows[which[last + 3]]
        for n in range(acc.size):
            acc[n] += (a[n] + b[n]) + (c[n] + d[n])
        last += 4
    for one in which[last:]:
        row = rows[one]
        for n in range(acc.size):
            acc[n] += row[n]


@kernel
def _add(
    acc: Complex64Array,
    level: int,
    change: Complex64Array,
    decays: Complex64Array,
    until: int,
    key: np.uint64,
    qubit: int,
    lifetime: float,
) -> None:
    """Add what a qubit that starts in |1> or |2> and decays level by level changes."""
    size = acc.size
    stop = min(max(until, 0), size)
    for n in range(stop):
        acc[n] += change[level - 1, n]
    if stop == size:
        return
    left = change[level - 1, stop - 1] if stop > 0 else np.complex64(0)
    if level == 2:
        left -= change[0, stop - 1] if stop > 0 else np.complex64(0)
        wait = -np.log(1.0 - _uniform(key, np.uint64(2 * qubit + 1025))) * lifetime
        last = min(stop + int(min(wait, 1e9)), size)
        for n in range(stop, last):
            acc[n] += change[0, n] + left * decays[1, n - stop + 1]
        if last == size or last == 0:
            return
        left = change[0, last - 1] + left * decays[1, last - stop]
        stop = last
    for n in range(stop, size):
        acc[n] += left * decays[0, n - stop + 1]


@kernel
def _follow(
    acc: Complex64Array,
    level: int,
    change: Complex64Array,
    decays: Complex64Array,
    start: int,
    key: np.uint64,
    qubit: int,
    lifetime: float,
    hazards: NDArray[np.float32],
) -> None:
    """Add what a qubit changes that decays, and that the tone may throw into |2>.

    A field is the driven one of its level plus what is left of the last, which decays freely.
    """
    size = acc.size
    left = np.complex64(0)
    first = 0
    counter = np.uint64(4096 + 64 * qubit)
    for _ in range(16):
        since, stop, then = max(start, first), size, level
        if level > 0:
            counter += np.uint64(1)
            wait = -np.log(1.0 - _uniform(key, counter)) * lifetime / level
            if since + wait < stop:
                stop, then = since + int(wait), level - 1
        if level < 2 and since < size:
            counter += np.uint64(1)
            target = hazards[level, since] - np.log(1.0 - _uniform(key, counter))
            thrown = int(np.searchsorted(hazards[level], np.float32(target)))
            if thrown < stop:
                stop, then = thrown, 2
        stop = max(stop, first)
        if level > 0:
            for n in range(first, stop):
                acc[n] += change[level - 1, n]
        if left != 0:
            for n in range(first, stop):
                acc[n] += left * decays[level, n - first + 1]
        if stop == size:
            return
        if stop > first:
            left *= decays[level, stop - first]
        if stop > 0 and level > 0:
            left += change[level - 1, stop - 1]
        if stop > 0 and then > 0:
            left -= change[then - 1, stop - 1]
        first, level = stop, then


@kernel
def _digitise(
    acc: Complex64Array,
    key: np.uint64,
    noise: np.float32,
    a: NDArray[np.uint16],
    b: NDArray[np.uint16],
) -> None:
    """Add noise, round to 12 bits, clip: acc (N,) complex64 in codes -> both channels."""
    counter = key ^ _GOLDEN
    for n in range(acc.size):
        counter += _GOLDEN
        x = acc[n].real + noise * _normal(_mix(counter)) + ZERO
        counter += _GOLDEN
        y = acc[n].imag + noise * _normal(_mix(counter)) + ZERO
        a[n] = np.uint16(min(max(x, np.float32(0)), LARGEST)) & TWELVE_BITS
        b[n] = np.uint16(min(max(y, np.float32(0)), LARGEST)) & TWELVE_BITS


@kernel
def _digitise_through(
    acc: Complex64Array,
    key: np.uint64,
    noise: np.float32,
    chain: Chain,
    a: NDArray[np.uint16],
    b: NDArray[np.uint16],
) -> None:
    """Add noise, saturate, mix, round to 12 bits, clip."""
    counter = key ^ _GOLDEN
    straight, image, offset = chain.straight, chain.image, chain.offset
    xx, xy = np.float32((straight + image).real), np.float32((image - straight).imag)
    yx, yy = np.float32((straight + image).imag), np.float32((straight - image).real)
    right, up = np.float32(offset.real) + ZERO, np.float32(offset.imag) + ZERO
    least = np.float32(chain.saturation**-2 if chain.saturation > 0 else 0.0)
    p = np.float32(chain.sharpness)
    for n in range(acc.size):
        counter += _GOLDEN
        x = acc[n].real + noise * _normal(_mix(counter))
        counter += _GOLDEN
        y = acc[n].imag + noise * _normal(_mix(counter))
        over = (x * x + y * y) * least
        if p == np.float32(1):
            left = np.float32(1) / np.sqrt(np.float32(1) + over)
        else:
            left = (np.float32(1) + over**p) ** (np.float32(-0.5) / p)
        x, y = x * left, y * left
        u = xx * x + xy * y + right
        v = yx * x + yy * y + up
        a[n] = np.uint16(min(max(u, np.float32(0)), LARGEST)) & TWELVE_BITS
        b[n] = np.uint16(min(max(v, np.float32(0)), LARGEST)) & TWELVE_BITS
