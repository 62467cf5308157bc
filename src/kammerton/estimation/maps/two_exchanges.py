"""Two chevrons in one map: the same exchange at two amplitudes, both fitted together.

Where they overlap, the fit of one lies between them, or takes one for its bend and its losses; what
it leaves looks like neither. Real pulses, which are distorted, leave as much: but two exchanges
explain nearly all of it only where there are two.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import AT, BEND, BOUNDS, GAP, RATE, SLOPE
from kammerton.estimation.maps.chevron_rest import Rest

Array = NDArray[np.float64]

CLEAR = 2.5  # standard deviations of chi-square by which one must leave more than noise
GAIN = 25.0  # chi-square that the other must explain
LEFT = 0.3  # part of that which two may leave: of real pulses they leave 0.8
FAINTEST = 0.15  # height of the other, in parts of the higher one's
NEAR = np.linspace(-0.3, 1.3, 41)  # windows of the amplitude, where each of two is looked for
FAR = np.linspace(-1.4, 2.4, 39)  # and one of which a foot is seen
WAYS = (1.0, 1.0, 1.0), (1.0, 1.25, 0.3), (1.0, 1.6, 0.3), (1.6, 1.4, 0.3)
"""Gap, slope and damping in parts of the one's, which is wider than each."""
OTHER, HEIGHTS, LEVEL, SIZE = 6, slice(7, 9), 9, 10  # of what is fitted, behind the first's theta
TURNS = 20
ENOUGH = 0.1  # chi-square that ends the descent


def two(rest: Rest) -> bool:
    """Return whether two exchanges explain what one leaves beyond noise."""
    if rest.chi2 - rest.freedom < CLEAR * np.sqrt(2.0 * rest.freedom):
        return False
    return any(_explained(rest, start) for start in _starts(rest))


def there_too(rest: Rest, theta: Array) -> bool:
    """Return whether one like theta (6,) besides explains what the exchange leaves."""
    own = rest.fit.theta
    places = np.array([own[AT], theta[AT]])
    return _explained(rest, _likeliest(rest, own, places, np.array([[0, 1]])))


def _explained(rest: Rest, start: Array) -> bool:
    """Return whether two, from a start (SIZE,), explain most of what one leaves."""
    cost, found = _descended(rest, start)
    excess = rest.chi2 - rest.freedom
    return rest.chi2 - cost > max(GAIN, (1.0 - LEFT) * excess) and _both_seen(*found[HEIGHTS])


def _both_seen(first: float, second: float) -> bool:
    small, large = sorted((first, second), key=abs)
    return bool(small * np.sign(large) > FAINTEST * abs(large))


def _starts(rest: Rest) -> Iterator[Array]:
    """Yield starts (SIZE,), the likeliest first: anywhere near, or the one and another far away."""
    for faster, steeper, slower in WAYS:
        theta = rest.fit.theta.copy()
        theta[BEND] = 0.0
        theta[GAP] *= faster
        theta[SLOPE] *= steeper
        theta[RATE] *= slower
        yield _likeliest(rest, theta, NEAR, np.transpose(np.triu_indices(len(NEAR), 2)))
    places = np.append(FAR, rest.fit.theta[AT])
    own = [(len(FAR), k) for k in range(len(FAR))]
    yield _likeliest(rest, rest.fit.theta, places, np.array(own))


def _likeliest(rest: Rest, theta: Array, places: Array, pairs: NDArray[np.intp]) -> Array:
    """Return the start with two exchanges like theta at the best pair (K, 2) of places."""
    thetas = np.repeat(theta[None], len(places), axis=0)
    thetas[:, AT] = places
    level = rest.image.w[None]
    rows = np.concatenate([rest.of(thetas), level]).reshape(len(places) + 1, -1)
    which = np.insert(pairs, 2, len(places), axis=1)
    gram, along = rows @ rows.T, (rows @ rest.measured)[which]
    each = gram[which[:, :, None], which[:, None, :]]
    each = each + 1e-9 * float(np.trace(gram)) * np.eye(3)
    height = np.linalg.solve(each, along[:, :, None])[:, :, 0]
    gain = np.where(height[:, 0] * height[:, 1] > 0.0, (height * along).sum(axis=1), -np.inf)
    best = int(gain.argmax())
    first, second = places[pairs[best]]
    start = np.concatenate([theta, [second], height[best]])
    start[AT] = first
    return start


def _descended(rest: Rest, now: Array) -> tuple[float, Array]:
    """Return chi-square and what is fitted (SIZE,), by Levenberg's and Marquardt's steps."""
    left, slopes = _asked(rest, now)
    cost, damp = float(left @ left), 1e-3
    for _ in range(TURNS):
        hessian = slopes @ slopes.T
        hessian[np.diag_indices(SIZE)] *= 1.0 + damp
        hessian[np.diag_indices(SIZE)] += 1e-12
        tried = now + np.linalg.solve(hessian, slopes @ left)
        tried[:OTHER] = np.clip(tried[:OTHER], *BOUNDS)
        there = _asked(rest, tried)
        after = float(there[0] @ there[0])
        damp *= 0.1 if after < cost else 10.0
        if not after < cost:
            continue
        gained, cost, now, (left, slopes) = cost - after, after, tried, there
        if gained < ENOUGH:
            break
    return cost, now


def _asked(rest: Rest, now: Array) -> tuple[Array, Array]:
    """Return what two exchanges leave (A B,) and how they move with what is fitted (SIZE, A B)."""
    first, second = now[:OTHER], now[:OTHER].copy()
    second[AT] = now[OTHER]
    one, other = (rest.tangents_at(theta).reshape(8, -1) for theta in (first, second))
    high, low = now[HEIGHTS]
    slopes = np.empty((SIZE, one.shape[1]))
    slopes[:OTHER] = high * one[:OTHER] + low * other[:OTHER]
    slopes[AT], slopes[OTHER] = high * one[AT], low * other[AT]
    slopes[HEIGHTS], slopes[LEVEL] = (one[6], other[6]), one[7]
    return rest.measured - now[HEIGHTS] @ slopes[HEIGHTS] - now[LEVEL] * slopes[LEVEL], slopes
