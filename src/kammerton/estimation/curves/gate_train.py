"""Repeated gates: the law of their populations, and where its error per gate is looked for.

Of whole numbers of gates any error within half a turn is told from any other, and beyond that it is
an alias; but it is small where the gate was calibrated at all. Farther than that it is only looked
for where no small one explains the trace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.projection import Law, refine
from kammerton.estimation.numeric.projection_kernels import TRAIN
from kammerton.estimation.numeric.solver import Solution, merged, replaced
from kammerton.estimation.verdict.evidence import UNLIKELY, Mask, gain_over, limits
from kammerton.estimation.verdict.nulls import Nulls

Array = NDArray[np.float64]

MOST = 256  # candidates of the error
USUAL_DECAY = 0.5  # over all gates, before the data: a gate is far shorter than T1
STRONG_DECAY = 2.0
CLOSE = 50.0  # chi-square within which the next candidate may still win
UNTOLD = 0.1  # of the square of a trace: what an error that explains it does not leave
UNTOLD_OF_NO_SIGMA = 0.01  # where the noise may be anything less
BETTER = 20.0  # delta-BIC over small errors and over no oscillation for which a large one is told


@dataclass(frozen=True, eq=False)
class Train:
    """Repeated gates: their number (N, M), angle and phase (N, 1).

    limit: error (N,) beyond which another may look the same, or which is no longer small. alias:
    error (N,) from which on another surely does. reach: how far one is looked for (N,). scale:
    largest number of gates (N,), the unit in which error and decay are fitted. known: whether
    contrast and offset both are. sign: of the contrast (N,). first: how many gates' errors the
    pulse before them has.
    """

    count: Array
    angle: Array
    phase: Array
    limit: Array
    alias: Array
    reach: Array
    scale: Array
    known: bool
    sign: Array
    first: float

    def take(self, which: NDArray[np.intp]) -> Train:
        """Return those of some traces only."""
        return replace(
            self, count=self.count[which], angle=self.angle[which], phase=self.phase[which],
            limit=self.limit[which], alias=self.alias[which], reach=self.reach[which],
            scale=self.scale[which], sign=self.sign[which],
        )  # fmt: skip

    @property
    def turn(self) -> Array:
        """Return the phase of perfect gates (N, M)."""
        return self.count * self.angle - self.phase

    @property
    def amplified(self) -> Array:
        """Return how often the error of a gate is there, in units of scale (N, M)."""
        return (self.count + self.first) / self.scale[:, None]

    def farther(self) -> Train:
        """Return the same, of which every error is looked for that is no alias."""
        return replace(self, reach=self.alias)

    def law(self) -> Law:
        """Return the oscillation by p = (error, decay) times scale, and a constant."""
        return Law(TRAIN, np.stack([self.turn, self.amplified], axis=1))


def slopes(train: Train, fit: Solution, prior: Array) -> tuple[Array, Array, Array]:
    """Return the law's slopes by what it fits (N, 4, M), and what else there may be.

    An oscillation that begins at another phase (N, 1, M), and a readout that bends (N, 2, M).
    """
    (error, decay), (contrast, _) = fit.p.T[:, :, None], fit.c.T[:, :, None]
    size = contrast / 2.0 * np.exp(-decay * train.amplified)
    turn = train.turn + error * train.amplified
    wave, other = size * np.cos(turn), size * np.sin(turn)
    unknown = np.where(prior[:, 0] > 0, 0.0, 1.0)[:, :, None]
    law = np.stack([
        train.amplified * other, train.amplified * wave,
        unknown[:, 0] * wave, unknown[:, 1] * np.ones_like(wave),
    ], axis=1)  # fmt: skip
    return law, other[:, None], np.stack([wave**2, wave**3], axis=1)


def fits(
    batch: Batch, train: Train, prior: Array, nulls: Nulls
) -> tuple[Solution, Solution, Array]:  # fmt: skip
    """Return the fit, its rival (the next best error where there is one), and a large error.

    That (N,), in rad per gate, leaves nothing but noise (if that is known) and explains the points
    better than a small one, a line or a jump; NaN where there is none. It is only taken as the fit
    where nothing simpler explains them and they swing by a period at least: a drift does not.
    """
    fit, twin = _fits(batch, train, prior)
    large = np.full(batch.traces, np.nan)
    untold = UNTOLD if batch.known_noise else UNTOLD_OF_NO_SIGMA
    lost = np.flatnonzero(~_follows(batch, fit) & (fit.cost > untold * nulls.flat[0]))
    if len(lost) == 0:
        return fit, twin, large
    part, own = batch.take(lost), nulls.take(lost)
    farther = train.take(lost).farther()
    far, other = _fits(part, farther, prior[lost])
    take = gain_over(part, far, fit.cost[lost], 4) > BETTER
    take &= _follows(part, far) | (not batch.known_noise)
    error = far.p[:, 0] / farther.scale
    told = take & (np.abs(error) > farther.limit)
    for cost, parameters in (own.line, own.step):
        told &= gain_over(part, far, cost, parameters) > 0.0
    large[lost] = np.where(told, error, np.nan)
    take &= _swings(farther, far)
    for cost, parameters in (own.flat, own.line, own.step, own.walk):
        take &= gain_over(part, far, cost, parameters) > BETTER
    return replaced(fit, lost, far, take), replaced(twin, lost, other, take), large


def _swings(train: Train, fit: Solution) -> Mask:
    """Return where the points, as they are seen, swing by a period at least."""
    step = np.pi / train.alias
    turn = (train.angle[:, 0] + fit.p[:, 0] / train.scale) * step
    seen = np.abs(np.angle(np.exp(1j * turn))) / step
    return np.asarray(seen * np.ptp(train.count, axis=1) > 2.0 * np.pi)


def _follows(batch: Batch, fit: Solution) -> Mask:
    """Return where a fit leaves no more than noise; nowhere where that is not known."""
    freedom = np.maximum(batch.rows - fit.free, 1)
    return np.asarray(fit.cost < limits(freedom, UNLIKELY)) & batch.known_noise


def _fits(batch: Batch, train: Train, prior: Array) -> tuple[Solution, Solution]:
    """Refine the best candidate of a grid, and the next best where it may win; better one first."""
    grid, cost = _search(batch, train, prior)
    rows, best = np.arange(batch.traces), cost.argmin(axis=1)
    near = np.abs(np.arange(cost.shape[1]) - best[:, None]) < 3
    others = np.where(near, np.inf, cost)
    other = others.argmin(axis=1)
    freedom = np.maximum(batch.rows - 3, 1)
    noise = np.ones(batch.traces) if batch.known_noise else cost[rows, best] / freedom
    first = _refined(batch, train, prior, grid[rows, best], noise)
    if not batch.known_noise:
        noise = first.cost / freedom
        first = _refined(batch, train, prior, first.p[:, 0], noise)
    close = np.flatnonzero(others[rows, other] - first.cost < CLOSE * noise)
    if len(close) == 0:
        return first, first
    part = _refined(batch.take(close), train.take(close), prior[close],
                    grid[close, other[close]], noise[close])  # fmt: skip
    second = replaced(first, close, part, np.ones(len(close), dtype=bool))
    right, wrong = train.sign * second.c[:, 0] >= 0, train.sign * first.c[:, 0] < 0
    take = right & ((second.cost < first.cost) | wrong)
    return merged(first, second, take), merged(second, first, take)


def _refined(batch: Batch, train: Train, prior: Array, error: Array, noise: Array) -> Solution:
    """Fit with a usual decay in mind; a strong one is fitted again, without."""
    none, reach = np.zeros(batch.traces), 1.1 * train.reach * train.scale
    low, high = np.column_stack([-reach, none - 0.5]), np.column_stack([reach, none + 8.0])
    start, pull = np.column_stack([error, none]), np.column_stack([none, noise / USUAL_DECAY**2])
    fit = refine(train.law(), batch, start, low, high, prior, pull)
    strong = np.flatnonzero(fit.p[:, 1] > 0.8 * USUAL_DECAY)
    if len(strong) == 0:
        return fit
    again = refine(
        train.take(strong).law(), batch.take(strong), fit.p[strong], low[strong], high[strong],
        prior[strong], pull[strong] * (USUAL_DECAY / STRONG_DECAY) ** 2,
    )  # fmt: skip
    return replaced(fit, strong, again, np.ones(len(strong), dtype=bool))


def _grid(train: Train) -> tuple[Array, Mask]:
    """Return candidates of error times scale (N, G), and how many of them a trace tries."""
    reach = train.reach * train.scale
    count = np.clip(2.0 * reach, 15, MOST).astype(np.intp) | 1
    place = np.broadcast_to(np.arange(count.max()), (len(count), count.max()))
    grid = reach[:, None] * (2.0 * place / (count[:, None] - 1) - 1.0)
    return grid, place < count[:, None]


def _search(batch: Batch, train: Train, prior: Array) -> tuple[Array, Array]:
    """Return candidates of error times scale (N, G) and their costs (N, G), without decay."""
    grid, tried = _grid(train)
    w2 = batch.w**2
    turn = train.turn[:, None, :] + grid[:, :, None] * train.amplified[:, None, :]
    wave = np.cos(turn) / 2.0
    total = w2.sum(axis=1, keepdims=True)
    (sized, placed), (contrast, offset) = prior.transpose(1, 2, 0)[:, :, :, None]
    level = np.where(placed > 0, offset, (w2 * batch.y).sum(axis=1, keepdims=True) / total)
    mean = (wave @ w2[:, :, None])[:, :, 0]
    square = (wave**2 @ w2[:, :, None])[:, :, 0] - np.where(placed > 0, 0.0, mean**2 / total)
    right = (wave @ (w2 * (batch.y - level))[:, :, None])[:, :, 0]
    seen = square > 1e-9 * total
    free = np.where(seen, np.maximum(right, 0.0) / np.where(seen, square, 1.0), 0.0)
    size = np.where(sized > 0, contrast, free)  # a free contrast is not negative
    flat = (w2 * (batch.y - level) ** 2).sum(axis=1, keepdims=True)
    cost = flat + size * size * square - 2.0 * size * right
    return grid, np.where(tried, cost, np.inf)
