"""Lines that move through a map: the whole image fitted at once.

In each column (one bias) the image is a straight background (for complex resonances a parabola,
for what is left of the delay) plus K lines of one width, whose heights are linear and eliminated
there (variable projection). What is left of the image is how it pulls at the K positions and at
the width; a law ties the positions of all columns together. Columns that pull far out of line (a
spur, another level, a jump) lose their weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import pulling
from kammerton.estimation.maps.ridge import Columns

Array = NDArray[np.float64]
Positions = Callable[[Array], Array]  # theta (..., P) -> (K, ..., B) in units of the window

ITERATIONS = 24
HOPELESS = 14  # steps after which a law that was never near its best place is given up
NEARLY = 3.0  # step, in its sigmas, from which it is
REACH = 6.0  # full widths about a line that count
TUKEY = 6.0  # sigmas at which a column no longer counts
SEEN = 16.0  # chi-square by which a column shows its line
UNTOLD = 1e12  # variance, in windows, of what is not told
NARROWEST = 0.4  # width in points
LINE, POLE, FANO = "line", "pole", "fano"


@dataclass(frozen=True, eq=False)
class Pull:
    """What each column says: gradient (B, F), information (B, F, F) of positions, width, tilt.

    seen: chi-square of each line (B, K). cost, freedom (B,): of the points near the lines.
    model, its lines alone, and reach, where it was fitted: (B, A).
    """

    gradient: Array
    information: Array
    seen: Array
    cost: Array
    freedom: Array
    model: NDArray[Any]
    lines: NDArray[Any]
    reach: NDArray[np.bool_]

    def shift(self, lines: int) -> tuple[Array, Array]:
        """Return how far each line is off (B, K), and its error, taken for itself."""
        info = np.einsum("bkk->bk", self.information)[:, :lines]
        there = info > 1e-30
        safe = np.where(there, info, 1.0)
        return (np.where(there, self.gradient[:, :lines] / safe, 0.0),
                np.where(there, 1.0 / np.sqrt(safe), np.inf))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tracked:
    """Lines followed through a map. theta: law, width, tilt; cov: its covariance.

    weight: what each column counted (B,). off: misses of each line in its sigmas (B, K); inside:
    lines within the window (B, K). spread: scatter about the law beyond the errors. step: the last
    one, in its sigmas.
    """

    theta: Array
    cov: Array
    pull: Pull
    weight: Array
    off: Array
    inside: NDArray[np.bool_]
    spread: float
    positions: Array
    width: float
    step: float = 0.0

    def image(self) -> NDArray[Any]:
        """Return the fitted columns (B, A); NaN where no line lies within the window.

        What is fitted there has no say in the law, and any height.
        """
        seen = np.asarray(self.inside.any(axis=1))
        return np.where(seen[:, None], self.pull.model, np.nan)


def pulled(c: Columns, at: Array, width: float, shape: str, tilt: float = 0.0) -> Pull:
    """Fit heights and background of each column with its lines `at` (K, B); return the pull."""
    lines, rows = at.shape
    moving = lines + (2 if shape == FANO else 1)
    gradient, information = np.empty((rows, moving)), np.empty((rows, moving, moving))
    seen, cost = np.empty((rows, lines)), np.empty(rows)
    model, alone = np.empty_like(c.z), np.empty_like(c.z)
    near = np.empty(c.w.shape, dtype=np.bool_)
    pulling.fill_pulled(
        c.f, c.z, c.w, np.ascontiguousarray(at), 0.5 * width, max(REACH * width, 8.0 * c.step),
        pulling.SHAPES.index(shape), tilt, c.parts, gradient, information, seen, cost, model,
        alone, near,
    )  # fmt: skip
    known = lines + (3 if shape == POLE else 2)
    freedom = c.parts * np.maximum(np.count_nonzero(near, axis=1) - known, 0)
    return Pull(gradient, information, seen, cost, freedom.astype(np.float64), model, alone, near)


def follow(
    c: Columns, law: Positions, start: Array, prior: tuple[Array, Array], width: float,
    shape: str, *, alike: float = 1.0,
) -> Tracked:  # fmt: skip
    """Refine a law's theta from `start` (P,), by the whole image.

    alike: how many columns miss the law alike and so tell no more than one.
    prior: mean and 1/sigma of what is known of each of theta; 1/sigma is 0 where nothing is.
    """
    tilted = shape == FANO
    theta = np.concatenate([start, [width], [0.0] * tilted])
    mean = np.concatenate([prior[0], [0.0], [0.0] * tilted])
    weight = np.concatenate([prior[1], [0.0], [0.5] * tilted]) ** 2 * alike
    loose, result, least, size = 3.0, _at(c, law, theta, shape, len(start), 3.0), np.inf, np.inf
    for turn in range(ITERATIONS):
        step, hessian = _step(result, law, theta, mean, weight, len(start))
        size = max(float(step @ hessian @ step), 0.0) ** 0.5
        theta = _limited(theta, step, law, len(start), result.width, c.step)
        least = min(least, size)
        done = (loose == 1.0 and size < 0.03) or (turn >= HOPELESS and least > NEARLY)
        loose = 1.0 if size < NEARLY else max(1.0, 0.7 * loose)
        result = _at(c, law, theta, shape, len(start), loose)
        if done:
            break
    _, hessian = _step(result, law, theta, mean, weight, len(start))
    return replace(result, cov=_covariance(hessian) * alike, step=size)


def _covariance(hessian: Array) -> Array:
    """Return the inverse; what the image says nothing about has an enormous variance, not none."""
    told = np.diagonal(hessian) > 1e-9
    cov = np.asarray(np.linalg.pinv(np.where(told[:, None] & told, hessian, 0.0), hermitian=True))
    return np.asarray(cov + np.diag(np.where(told, 0.0, UNTOLD)))


def _limited(theta: Array, step: Array, law: Positions, p: int, width: float, fine: float) -> Array:
    """Take the step, less of it where a line would move by more than it is wide."""
    step = step.copy()
    step[p] = np.clip(step[p], -0.4 * width, 0.6 * width)
    moved = np.abs(law(theta[:p] + step[:p]) - law(theta[:p]))
    far = most(moved.ravel()) if np.isfinite(moved).all() else np.inf
    step[:p] *= min(1.0, max(width, 1.5 * fine) / max(far, 1e-300))
    result: Array = theta + step
    result[p] = np.clip(result[p], NARROWEST * fine, 0.6)
    return result


def most(values: Array) -> float:
    """Return what four fifths of the values do not exceed."""
    return float(np.sort(values)[(4 * len(values)) // 5])


def _at(c: Columns, law: Positions, theta: Array, shape: str, p: int, loose: float) -> Tracked:
    at, width = law(theta[:p]), float(theta[p])
    inside = np.asarray((at > 0.5 * width) & (at < 1.0 - 0.5 * width), dtype=np.bool_)
    pull = pulled(c, np.clip(at, -9.0, 9.0), width, shape, float(theta[-1]) if shape == FANO else 0)
    inside &= pull.freedom > 0
    pull = _only(pull, inside.T, len(at))
    spread = _spread(*pull.shift(len(at)), inside.T & (pull.seen > SEEN))
    pull = _blurred(pull, spread, len(at))
    shift, error = pull.shift(len(at))
    off = np.where(inside.T & (error < np.inf), shift / error, 0.0)
    worst = np.abs(off).max(axis=1) / (TUKEY * loose)
    weight = np.where(worst < 1.0, (1.0 - worst**2) ** 2, 0.0)
    return Tracked(theta, np.zeros((len(theta),) * 2), pull, weight, off, inside.T, spread, at,
                   width)  # fmt: skip


def _only(pull: Pull, inside: NDArray[np.bool_], lines: int) -> Pull:
    """Silence lines that are not in the window; a column without any says nothing of the width."""
    if inside.all():
        return pull
    extra = pull.gradient.shape[1] - lines
    any_ = np.repeat(np.asarray(inside.any(axis=1))[:, None], extra, axis=1)
    mask = np.concatenate([inside, any_], axis=1).astype(np.float64)
    return replace(pull, gradient=pull.gradient * mask,
                   information=pull.information * mask[:, :, None] * mask[:, None, :])  # fmt: skip


def _spread(shift: Array, error: Array, used: NDArray[np.bool_]) -> float:
    """How far lines scatter about the law beyond their errors, 0 where that may be chance."""
    if used.sum() < 5:
        return 0.0
    shift, error = np.abs(shift[used]), error[used]
    wide = 1.4826 * middle(shift / error)
    if wide < 1.0 + 3.5 / np.sqrt(len(shift)):
        return 0.0
    beyond = (1.4826 * middle(shift)) ** 2 - middle(error * error)
    return float(np.sqrt(max(beyond, 0.0)))


def middle(values: Array) -> float:
    """Return the median."""
    ordered = np.sort(values)
    return 0.5 * float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2])


def _blurred(pull: Pull, spread: float, lines: int) -> Pull:
    """Let each position scatter freely, which no column can know better than that.

    Else a few bright columns would decide all.
    """
    if spread == 0.0:
        return pull
    near, all_ = slice(0, lines), pull.information
    own = all_[:, near, near] + np.eye(lines) / spread**2
    lost = all_[:, :, near] @ np.linalg.inv(own)
    return replace(
        pull, gradient=pull.gradient - (lost @ pull.gradient[:, near, None])[:, :, 0],
        information=all_ - lost @ all_[:, near, :],
    )  # fmt: skip


def _step(
    now: Tracked, law: Positions, theta: Array, mean: Array, known: Array, p: int
) -> tuple[Array, Array]:
    slope = np.zeros((len(now.weight), now.pull.gradient.shape[1], len(theta)))
    lines = now.positions.shape[0]
    slope[:, :lines, :p] = gradient(law, theta[:p]).transpose(1, 0, 2)
    for extra in range(len(theta) - p):
        slope[:, lines + extra, p + extra] = 1.0
    flat = slope.reshape(-1, len(theta))
    weighted = now.pull.information * now.weight[:, None, None]
    hessian = flat.T @ (weighted @ slope).reshape(flat.shape) + np.diag(known)
    pull: Array = flat.T @ (now.pull.gradient * now.weight[:, None]).ravel()
    floor = np.diag(1e-9 * np.diagonal(hessian) + 1e-12)
    step = np.linalg.solve(hessian + floor, pull + known * (mean - theta))
    return np.asarray(step), np.asarray(hessian)


def gradient(law: Positions, theta: Array) -> Array:
    """Return d positions / d theta (K, B, P) by central differences."""
    step = 1e-5 * np.maximum(1.0, np.abs(theta))
    away = np.diag(step)
    there = law(np.concatenate([theta + away, theta - away]))
    p = len(theta)
    return np.asarray(((there[:, :p] - there[:, p:]) / (2 * step[:, None])).transpose(0, 2, 1))
