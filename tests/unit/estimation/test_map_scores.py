"""What score tests of maps sum up in compiled code is what plain arrays say."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.maps import gathering
from kammerton.estimation.maps.chevron import Exchange, Image, exchanged
from kammerton.estimation.maps.chevron_rest import Rest
from kammerton.estimation.maps.crossing import crossing_law

STEP = 1e-5
THETA = np.array([1.7, 0.45, 12.0, -2.0, -0.1, 0.4])
RNG = np.random.default_rng(3)


def rest_of(amplitudes=21, lengths=31):
    a, t = np.linspace(0.0, 1.0, amplitudes)[:, None], np.linspace(0.0, 1.0, lengths)[None]
    curve = 0.1 + 0.8 * exchanged(THETA, a, t)
    w = np.where(RNG.random(curve.shape) < 0.1, 0.0, RNG.uniform(40.0, 60.0, curve.shape))
    y = np.where(w > 0, curve + 0.02 * RNG.normal(size=curve.shape), 0.0)
    fit = Exchange(THETA, np.array([0.8, 0.1]), np.eye(8), 0.0, curve)
    return Rest(Image(a, t, y, w), fit)


def test_tangents_of_a_chevron_are_its_slopes():
    rest = rest_of()
    a, t, w = rest.image.a, rest.image.t, rest.image.w
    for k in range(6):
        step = STEP * (np.arange(6) == k)
        slope = (exchanged(THETA + step, a, t) - exchanged(THETA - step, a, t)) / (2 * STEP)
        assert np.allclose(rest.tangents[k], w * slope, atol=1e-6 * np.abs(w * slope).max())
    assert np.allclose(rest.tangents[6], w * exchanged(THETA, a, t))
    assert np.array_equal(rest.tangents[7], w)


def test_a_way_is_the_law_elsewhere_and_its_score_what_the_law_cannot_go():
    rest = rest_of()
    other = THETA + np.array([0.0, 0.3, 0.0, 0.0, 0.0, 0.0])
    ways = rest.of(np.stack([other, THETA]))
    assert np.allclose(ways[0], rest.image.w * exchanged(other, rest.image.a, rest.image.t))
    found, none = rest.scores(ways)
    assert none is None  # the law itself
    rows = np.concatenate([rest.tangents, ways[:1]]).reshape(9, -1)
    plain = np.linalg.lstsq(rows.T, rest.left, rcond=None)[0]
    assert np.isclose(found.amount, plain[-1])
    assert np.isclose(found.gain, plain[-1] ** 2 / np.linalg.inv(rows @ rows.T)[-1, -1])


def test_products_of_a_compression_are_those_of_arrays():
    b, f = np.linspace(0.0, 1.0, 17), np.linspace(0.0, 1.0, 23)
    law = crossing_law(b)
    theta, half, height = np.array([0.5, 0.4, 0.1, 0.8, 0.1]), 0.03, np.array([2.0, 1.5])
    place = law.place(theta)
    w, left = RNG.uniform(0.5, 2.0, (17, 23)), RNG.normal(size=(17, 23))

    def lines(at, half):
        u = (f - at[:, :, None]) / half
        return height[:, None, None] / (1.0 + u * u)

    def slope(move, step=1e-6):
        return (move(step) - move(-step)).sum(axis=0) / (2 * step)

    moves = [slope(lambda s, j=j: lines(law.place(theta + s * (np.arange(5) == j)).at, half))
             for j in range(5)]  # fmt: skip
    moves.append(slope(lambda s: lines(place.at, half + 0.5 * s)))
    each = lines(place.at, half)
    way = -(each.sum(axis=0) ** 3)
    rows = [*moves, np.ones_like(way), (f - 0.5) + 0 * way, *(each / height[:, None, None])]
    expected = [(w * w * way * row).sum() for row in (*rows, way, left)]
    along = np.empty(12)
    gathering.fill_compressed(f, left, w, place.at, half, height, place.slope, along)
    assert np.allclose(along, expected, rtol=1e-6)
