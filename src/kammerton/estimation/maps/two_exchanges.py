"""Two chevrons in one map: the same exchange at two amplitudes, both fitted together.

Where they overlap, the fit of one lies between them, or takes one for its bend and its losses; what
it leaves looks like neither. Real pulses, which are distorted, leave as much: but two exchanges
explain nearly all of it only where there are two.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import chevron_sums
from kammerton.estimation.maps.chevron import AT, BEND, GAP, RATE, SLOPE
from kammerton.estimation.maps.chevron_rest import Rest

Array = NDArray[np.float64]

CLEAR = 2.5  # standard deviations of chi-square by which one must leave more than noise
GAIN = 25.0  # chi-square that the other must explain
LEFT = 0.3  # part of that which two may leave: of real pulses they leave 0.8
FAINTEST = 0.15  # height of the other, in parts of the higher one's
NEAR = np.linspace(-0.3, 1.3, 41)  # windows of the amplitude, where each of two is looked for
PAIRS = np.ascontiguousarray(np.transpose(np.triu_indices(len(NEAR), 2)))  # of two of these
FAR = np.linspace(-1.4, 2.4, 39)  # and one of which a foot is seen
WAYS = (1.0, 1.0, 1.0), (1.0, 1.25, 0.3), (1.0, 1.6, 0.3), (1.6, 1.4, 0.3)
"""Gap, slope and damping in parts of the one's, which is wider than each."""
HEIGHTS = slice(7, 9)  # of what is fitted


def two(rest: Rest) -> bool:
    """Return whether two exchanges explain what one leaves beyond noise."""
    if rest.chi2 - rest.freedom < CLEAR * np.sqrt(2.0 * rest.freedom):
        return False
    return any(_explained(rest, start) for start in _starts(rest))


def there_too(rest: Rest, theta: Array) -> bool:
    """Return whether one like theta (6,) besides explains what the exchange leaves."""
    own = rest.fit.theta
    places = np.array([own[AT], theta[AT]])
    return _explained(rest, _likeliest(rest, own, places, np.array([[0, 1]]), _ways(rest, 3)))


def _ways(rest: Rest, n: int) -> Array:
    return np.empty((n, *rest.image.w.shape))


def _explained(rest: Rest, start: Array) -> bool:
    """Return whether two, from a start (10,), explain most of what one leaves."""
    cost, found = rest.with_another(start)
    excess = rest.chi2 - rest.freedom
    return rest.chi2 - cost > max(GAIN, (1.0 - LEFT) * excess) and _both_seen(*found[HEIGHTS])


def _both_seen(first: float, second: float) -> bool:
    small, large = sorted((first, second), key=abs)
    return bool(small * np.sign(large) > FAINTEST * abs(large))


def _starts(rest: Rest) -> Iterator[Array]:
    """Yield starts (10,), the likeliest first: anywhere near, or the one and another far away."""
    ways = _ways(rest, len(NEAR) + 1)
    for faster, steeper, slower in WAYS:
        theta = rest.fit.theta.copy()
        theta[BEND] = 0.0
        theta[GAP] *= faster
        theta[SLOPE] *= steeper
        theta[RATE] *= slower
        yield _likeliest(rest, theta, NEAR, PAIRS, ways)
    places = np.append(FAR, rest.fit.theta[AT])
    own = [(len(FAR), k) for k in range(len(FAR))]
    yield _likeliest(rest, rest.fit.theta, places, np.array(own), ways)


def _likeliest(
    rest: Rest, theta: Array, places: Array, pairs: NDArray[np.intp], ways: Array
) -> Array:
    """Return the start with two exchanges like theta at the best pair (K, 2) of places.

    ways (places and a level, or more, A, B): written over.
    """
    thetas = np.repeat(theta[None], len(places), axis=0)
    thetas[:, AT] = places
    rest.fill(thetas, ways[: len(places)])
    ways[len(places)] = rest.image.w
    rows, height = ways[: len(places) + 1].reshape(len(places) + 1, -1), np.empty(3)
    best = chevron_sums.likeliest(rows @ rows.T, rows @ rest.measured, pairs, height)
    first, second = places[pairs[best]]
    start = np.concatenate([theta, [second], height])
    start[AT] = first
    return start
