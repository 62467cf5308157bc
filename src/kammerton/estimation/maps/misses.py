"""What a followed line tells of itself: seen or lost, scattered, bent or shifted in mid-scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.ridge import WIDTHS, Columns, middle, score
from kammerton.estimation.maps.tracks import SEEN, Tracked

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

CLEAR, ALIKE = 32.0, 0.1  # chi-square of a line that plainly shows; and in parts of the others'
FLANK = 1.0  # widths from the ends of the window
CLIPPED = 8.0  # sigmas; what misses by more says no more
RELATED = 3.5  # lag-1 autocorrelation, in sigmas, that is not chance
JUMP = 30.0  # chi-square that one jump in mid-scan must explain
FLATTEST = 0.3  # part of the weights that still holds a law
MARGIN = 5  # columns on either side of a jump


@dataclass(frozen=True, eq=False)
class Misses:
    """How a law holds in the columns of one map.

    inside: columns with a line in the window. seen: of these, the columns that show one there.
    kept: of these, those not set aside as outliers. scatter: rms miss of the kept, in widths.
    related: autocorrelation of misses in sigmas. size: height of the line, in sigmas of a point.
    chi2_reduced: of the image near the lines.
    """

    inside: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    scatter: float
    related: float
    size: float
    chi2_reduced: float

    @property
    def share(self) -> float:
        """Part of the columns inside the window that show the line where it should be."""
        return float(self.kept.sum() / max(1, self.inside.sum()))


def misses(c: Columns, fit: Tracked, *, alone: bool = False) -> Misses:
    """Sum up a followed line; alone: a clear line where it has left the window is a miss, too."""
    inside = np.asarray(fit.inside.any(axis=1))
    shown = fit.inside & (fit.pull.seen > SEEN)
    seen = np.asarray(shown.any(axis=1))
    kept = seen & (fit.weight > 0)
    if alone and not inside.all():
        inside = inside | _plain(c, fit, inside)
    used = next((each for each in (kept, seen) if each.any()), inside)
    freedom = max(1.0, float(fit.pull.freedom[used].sum()))
    shift = fit.pull.shift(fit.off.shape[1])[0][shown & kept[:, None]]
    strength = middle(fit.pull.seen[used].max(axis=1)) if used.any() else 0.0
    return Misses(
        inside, seen, kept,
        float(np.sqrt((shift**2).mean())) / fit.width if kept.any() else np.inf,
        _related(fit.off[kept]), np.sqrt(strength / max(1.0, 0.785 * fit.width / c.step)),
        float(fit.pull.cost[used].sum()) / freedom,
    )  # fmt: skip


def _plain(c: Columns, fit: Tracked, inside: Mask) -> Mask:
    """Return which columns show a line as plainly as those inside do (B,), and no mere flank.

    One that has just left the window is still seen at its end.
    """
    usual = middle(fit.pull.seen[inside].max(axis=1)) if inside.any() else 0.0
    s = score(c, fit.width, stripes=True)
    s[:, np.minimum(c.f - c.f[0], c.f[-1] - c.f) < FLANK * fit.width] = 0.0
    return np.asarray(s.max(axis=1) > max(CLEAR, ALIKE * usual))


def another(c: Columns, fit: Tracked, found: Misses) -> float:
    """Return how clear another line is at the same columns, in parts of the chi-square of this one.

    For a line that stands still: what is beside it is summed up over its columns.
    """
    width = max(fit.width, WIDTHS[0] * c.step)
    rest = replace(c, z=np.where(c.w > 0, c.z - fit.pull.lines, 0.0))
    chance = c.parts * int(found.kept.sum())
    beside = score(rest, width, stripes=False)[found.kept].sum(axis=0) - chance
    line = float(fit.pull.seen[found.kept].max(axis=1, initial=0.0).sum()) - chance
    away = np.abs(c.f - np.median(fit.positions[0])) > width
    return float(beside[away].max(initial=0.0)) / max(line, 1.0)


def _related(off: Array) -> float:
    if len(off) < 8:
        return 0.0
    power = (off**2).sum()
    return float((off[1:] * off[:-1]).sum() / max(power, 1e-300) * np.sqrt(np.count_nonzero(off)))


def clumping(fit: Tracked, found: Misses) -> float:
    """How much wider errors are, as a variance, where misses of neighbours are alike."""
    if found.related < RELATED:
        return 1.0
    off = fit.off[found.kept]
    power = max(float((off**2).sum()), 1e-300)
    lags = range(1, min(9, len(off) // 4))
    alike = 1.0 + 2.0 * sum((off[k:] * off[:-k]).sum() / power for k in lags)
    return float(max(1.0, alike) * outlying(fit, found))


def outlying(fit: Tracked, found: Misses) -> float:
    """How much wider errors are, as a variance, than the weights of outlying columns say.

    Where many lie half-way out, a step of the law takes in as many as it lets go, and the place
    is told less well (Huber, Robust Statistics, 1981, section 7.6).
    """
    off, weight = fit.off[found.seen], fit.weight[found.seen]
    root, lines = np.sqrt(weight), off.shape[1]
    held = float(weight.mean())
    power = float(((weight[:, None] * off)[off != 0.0] ** 2).mean())
    slope = float((weight - 4.0 / lines * root * (1.0 - root)).mean())
    return max(1.0, power * held / max(slope, FLATTEST * held) ** 2)


@dataclass(frozen=True, eq=False)
class _Rest:
    """What a law of p parameters leaves: misses off (R,) in errors, 0 where nothing is told.

    inverse: 1/error (R,). slope: of the lines by theta (R, p); basis: its weighted columns. use:
    how many misses there are.
    """

    off: Array
    inverse: Array
    slope: Array
    basis: Array
    use: int

    def gains(self, ways: Array) -> Array:
        """Return by what chi-square the lines have moved in other ways (R, W), each by itself."""
        p = self.basis.shape[1]
        step = ways * self.inverse[:, None]
        step = step - self.basis @ (self.basis.T @ step)
        size = (step**2).sum(axis=0)
        gain = np.where(size > 1e-9, (step.T @ self.off) ** 2 / np.maximum(size, 1e-9), 0.0)
        rest = ((self.off**2).sum() - gain) / max(1, self.use - p - 2)
        return np.asarray(gain / np.maximum(1.0, rest))


def _rest(fit: Tracked, law: Law, p: int, free: Mask | None = None) -> _Rest | None:
    """Return what is left in the columns that show a line; None where these are too few.

    free: which of theta (p,) were fitted; all, where nothing is said.
    """
    count, lines = fit.off.shape
    slope = law.place(fit.theta[:p]).slope.transpose(1, 0, 2).reshape(count * lines, -1)
    slope = slope if free is None else slope[:, free]
    shift, error = (each.ravel() for each in fit.pull.shift(lines))
    error = np.sqrt(np.maximum(error**2 - fit.spread**2, 1e-3 * error**2))  # without the scatter
    use = (fit.inside & (fit.pull.seen > SEEN)).ravel()
    inverse = np.where(use, 1.0 / np.maximum(error, 1e-300), 0.0)
    if use.sum() < p + 2 * MARGIN or count < 2 * MARGIN + 1:
        return None
    basis = np.linalg.qr(slope * inverse[:, None])[0]
    off = np.where(use, np.clip(shift * inverse, -CLIPPED, CLIPPED), 0.0)
    return _Rest(off, inverse, slope, basis, int(use.sum()))


def jump(fit: Tracked, law: Law, which: int, p: int) -> tuple[float, int]:
    """Return by what chi-square parameter `which` changes in mid-scan, and in which column."""
    rest = _rest(fit, law, p)
    if rest is None:
        return 0.0, 0
    count, lines = fit.off.shape
    after = np.repeat(np.tril(np.ones((count, count)), -1)[:, MARGIN:-MARGIN], lines, axis=0)
    gains = rest.gains(after * rest.slope[:, [which]])
    best = int(gains.argmax())
    return float(gains[best]), best + MARGIN


def bend(fit: Tracked, law: Law, ways: Array, p: int, free: Mask | None = None) -> float:
    """Return by what chi-square lines bend in the best of some ways (B, K, W); see `_rest`."""
    rest = _rest(fit, law, p, free)
    return 0.0 if rest is None else float(rest.gains(ways.reshape(len(rest.off), -1)).max())
