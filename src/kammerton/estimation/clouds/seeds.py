"""Where clouds of single shots may be, before they are fitted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.clouds.cell_kernels import (
    fill_shares,
    middle,
    middle_of_nine,
    scatter,
    settle_middles,
)
from kammerton.estimation.clouds.clouds import Layout, nearest
from kammerton.estimation.clouds.fit import (
    Clouds,
    counted,
    fit_clouds,
    grid_about,
    likelihood,
    ways_between,
)

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

MAD = 1.4826
ROUNDS, ENOUGH = 6, 700  # shots of each preparation that are enough to begin with
DECAY, RARELY = 0.05, 0.002  # from next to nothing the way up is long
TRIED = (0.02, 0.2), (0.05, 0.3)  # fractions of wrong states in 0 and in 1
PEAKED = 6.0  # sigmas of nine cells together that may be a cloud nobody expected
APART = 2.5  # widths that a third cloud must be away from the others
BETTER = 30.0  # twice the log likelihood that a third cloud must gain


@dataclass(frozen=True, eq=False)
class Frame:
    """Shots in units of the width they seem to have, turned so that 1 is to the right of 0.

    middles: of three clouds, in the same units; none of two.
    """

    origin: complex
    unit: complex
    sets: list[Complex]
    middles: Complex


def framed(sets: list[Complex]) -> Frame:
    """Turn and scale shots by preparation; the width is seen across the line from 0 to 1."""
    means = np.array([z.mean() for z in sets])
    turn, centres = np.exp(1j * np.angle(means[1] - means[0])), np.empty(0, dtype=complex)
    if len(sets) == 2:
        across = np.concatenate([z.imag * turn.real - z.real * turn.imag for z in sets])
    else:
        centres = _middles(sets)
        near = np.concatenate([_to_nearest(z[::4], centres) for z in sets]) * np.conj(turn)
        across = np.concatenate([near.real, near.imag])
    width = MAD * scatter(across)
    unit = complex(turn * width)
    per = 1 / np.complex128(unit)  # to divide every shot takes three times as long
    scaled, middles = [(z - means[0]) * per for z in sets], (centres - means[0]) * per
    return Frame(complex(means[0]), unit, scaled, middles)


def _to_nearest(z: Complex, centres: Complex) -> Complex:
    return np.asarray(z - centres[nearest(z, centres)])


def _middles(sets: list[Complex]) -> Complex:
    """Return the middle of each cloud: medians of each set, then of the shots next to it."""
    some = [z[:: max(1, z.size // ENOUGH)] for z in sets]
    centres = np.array([_median(z) for z in some])
    every = np.concatenate(some)
    settle_middles(every, centres, np.full(every.size, -1), ROUNDS)
    return centres


def _median(z: Complex) -> complex:
    return complex(middle(z.real), middle(z.imag))


def fit_two(frame: Frame) -> Clouds | None:
    """Fit two clouds from the best of guesses of how well the states were prepared."""
    layout, step = Layout(2, 2), float(frame.sets[1].real.mean())
    shots = counted(grid_about(np.array([0.0, 1.2 * step]) + 0j, 1.0), frame.sets)
    starts = []
    for w0, w1 in itertools.product(*TRIED):
        gap = step / (1.0 - w0 - w1)
        start = np.array([-w0 * gap, (1 - w0) * gap, 0, 0, 1.0, DECAY, w0, w1])
        ways = ways_between(layout.centres(start), 1.0)
        starts.append((likelihood(start, ways, shots), start))
    start = max(starts, key=lambda each: each[0])[1]
    if start[1] - start[0] > 1.4 * step:
        return _fitted(frame, layout, start)
    return fit_clouds(start, layout, ways_between(layout.centres(start), 1.0), shots)


def fit_three(frame: Frame) -> Clouds | None:
    """Fit three clouds to three preparations."""
    centres, layout = frame.middles, Layout(3, 3)
    began = np.empty((len(frame.sets), len(centres)))
    for z, share in zip(frame.sets, began, strict=True):
        fill_shares(z, centres, share)
    wrong = [min(max(float(began[i, s]), 0.01), 0.3) for i, s in layout.wrong]
    start = np.r_[centres.real, centres.imag, 1.0, DECAY, DECAY, wrong]
    return _fitted(frame, layout, start)


def with_third(frame: Frame, two: Clouds) -> Clouds | None:
    """Return the fit with a third cloud, if shots that two clouds leave over lie apart in one."""
    where = _left_over(frame, two)
    if where is None:
        return None
    layout, old = Layout(3, 2), two.layout
    centres = np.append(old.centres(two.theta), where)
    w0, w1 = np.maximum(two.theta[old.fractions], RARELY)
    start = np.r_[centres.real, centres.imag, two.theta[old.width], DECAY, 2 * DECAY,
                  w0, 0.001, w1, 0.02]  # fmt: skip
    three = _fitted(frame, layout, start, True, lambda theta: stands_apart(layout, theta))
    if three is None or not stands_apart(layout, three.theta):
        return None
    alone = likelihood(two.theta, two.ways, three.shots)
    return three if 2 * (three.log_likelihood - alone) > BETTER else None


def stands_apart(layout: Layout, theta: Array) -> bool:
    """Whether a third cloud is clear of the two that were prepared, and of the way between them.

    A resonator remembers, so decays do not lie on a straight line: shots between the clouds may
    be decays that bow aside.
    """
    zero, one, third = layout.centres(theta)
    width = float(theta[layout.width])
    way = (third - zero) / (one - zero)
    aside = abs(way.imag) * abs(one - zero)
    clear = min(abs(third - zero), abs(third - one)) > APART * width
    return bool(clear and not (0 < way.real < 1 and aside < APART * width))


def _left_over(frame: Frame, two: Clouds) -> complex | None:
    """Return the middle of the shots in the nine cells with the most that are not expected.

    Of the shots, not of the cells: the outermost ones reach to infinity.
    """
    grid = two.shots.grid
    shape = (grid.i.size - 1, grid.q.size - 1)
    seen, mean = (_nine(each.sum(axis=0).reshape(shape))
                  for each in (two.shots.counts, two.expected))  # fmt: skip
    excess = (seen - mean) / np.sqrt(mean + 1.0)
    x, y = np.unravel_index(int(excess.argmax()), shape)
    if excess[x, y] < PEAKED:
        return None
    every, cells = np.concatenate(frame.sets), np.concatenate(two.shots.cells)
    return middle_of_nine(every, cells, shape[1], (int(x), int(y)))


def _nine(cells: Array) -> Array:
    """Return each cell (X, Y) with those around it; np.pad takes longer than the sums."""
    rows = cells.copy()
    rows[1:] += cells[:-1]
    rows[:-1] += cells[1:]
    result = rows.copy()
    result[:, 1:] += rows[:, :-1]
    result[:, :-1] += rows[:, 1:]
    return result


def _fitted(
    frame: Frame, layout: Layout, start: Array, tied: bool = False,
    worth: Callable[[Array], bool] | None = None,
) -> Clouds | None:  # fmt: skip
    centres, width = layout.centres(start), float(start[layout.width])
    shots = counted(grid_about(centres, width), frame.sets)
    return fit_clouds(start, layout, ways_between(centres, width), shots, tied, worth)
