"""Lines of a map that run a second time, moved along the bias: two samples, or one that switched.

Where they are no farther away than they are wide, both look like one that is wider. What the fit
leaves is asked for the same lines at some distances (a score test, Rao 1948), beside all that law,
width, heights and background could change; but only of maps whose chi-square leaves room for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.fitted import Fitted
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.verdict.objection import Objection, rejected

Array = NDArray[np.float64]
Numbers = NDArray[Any]

AWAY = np.append([0.3, 0.5], np.arange(0.75, 12.1, 0.75))  # linewidths, where the law is steepest
COLUMNS = 25  # of a map that are asked, evenly spaced
CHANCE = 1.0  # standard deviations of chi-square that noise may leave
GAIN = 60.0  # chi-square that they must explain
MOST = 0.05  # part of what is left beyond noise that they must: spurs leave 0.005
OWN = 1e-9  # square of what of them nothing else imitates, in parts, that is not rounding
HEIGHT = 0.13  # of the others, in parts of the lines that were found: compression shows 0.12


def twice(found: Fitted, law: Law, size: int, which: int, what: str) -> Objection | None:
    """Object where the lines run a second time, elsewhere along the bias.

    size: how many of theta are the law's; which of them says where along the bias.
    """
    if not _room(found) or not _elsewhere(found, law, size, which):
        return None
    return rejected(
        "model does not fit", f"what is left is the {what} once more, at another bias, so near "
        "that both look like one",
    )  # fmt: skip


def _room(found: Fitted) -> bool:
    """Return whether chi-square leaves room for more, and there are columns to ask."""
    points = found.c.parts * int(np.count_nonzero(found.c.w))
    columns = int(np.count_nonzero(found.misses.kept))
    enough = columns > found.theta.size and points > 0
    return enough and found.reduced > 1.0 + CHANCE * np.sqrt(2.0 / points)


def _elsewhere(found: Fitted, law: Law, size: int, which: int) -> bool:
    c, width = found.c, float(found.theta[size])
    asked = np.arange(len(c.b)) % max(1, len(c.b) // COLUMNS) == 0
    asked &= found.misses.kept
    steep = max(float(np.abs(law.place(found.theta[:size]).slope[:, :, which]).max()), 1e-9)
    law = replace(law, b=np.ascontiguousarray(law.b[asked]))
    p, weight = law.place(found.theta[:size]), c.w[asked]
    there = weight > 0
    w = weight[there]
    line = _lines(c.f, p.at, width, c.parts)
    y, flat = c.z[asked][there] * w, np.ones(weight.shape)
    ground = [flat, flat * (c.f - 0.5)]
    rows = np.stack([each[there] * w for each in (*ground, *line)], axis=1)
    height = np.linalg.lstsq(rows, y, rcond=None)[0][2:]
    moves = _moves(c.f, p.at, p.slope, width, line, height)
    q = np.linalg.qr(np.concatenate([rows, (moves[:, there] * w).T], axis=1))[0]
    left = y - q @ (q.conj().T @ y)
    thetas = np.repeat(p.theta[None], 2 * len(AWAY), axis=0)
    thetas[:, which] += np.concatenate([-AWAY, AWAY]) * width / steep
    moved = sum(own * _lines(c.f, each, width, c.parts)
                for own, each in zip(height, law(thetas), strict=True))  # fmt: skip
    excess = float(np.vdot(left, left).real) - c.parts * len(w)
    return _explained(moved[:, there] * w, q, left, excess)


def _explained(ways: Numbers, q: Numbers, left: Numbers, excess: float) -> bool:
    """Return whether one of the ways (W, N) explains most of what is left beyond noise.

    What of a way q (N, P) imitates explains nothing of what q has left.
    """
    whole, imitated = ((np.abs(each) ** 2).sum(axis=1) for each in (ways, ways.conj() @ q))
    size = np.maximum(whole - imitated, OWN * whole + 1e-300)
    along = ways.conj() @ left
    amount = (np.abs(along) if np.iscomplexobj(along) else along) / size
    gain = np.where(amount > HEIGHT, amount * amount * size, 0.0)
    return bool(gain.max() > max(GAIN, MOST * excess))


def _lines(f: Array, at: Array, width: float, parts: int) -> Numbers:
    """Return lines of height 1 at places (..., B), (..., B, A)."""
    x = (f - at[..., None]) * (2.0 / width)
    return 1.0 / (1.0 + (1j * x if parts == 2 else x * x))


def _moves(
    f: Array, at: Array, slope: Array, width: float, line: Numbers, height: Numbers
) -> Numbers:  # fmt: skip
    """Return how law and width, of complex lines also a delay and a bent background, move them."""
    x = 2.0 * (f - at[:, :, None]) / width
    pole = np.iscomplexobj(line)
    aside = height[:, None, None] * line**2 * ((2j if pole else 4.0 * x) / width)
    law = [(slope[:, :, j, None] * aside).sum(axis=0) for j in range(slope.shape[2])]
    more = [(x * aside).sum(axis=0)]
    if pole:
        ramp = f - 0.5
        more += [ramp**2 + 0.0 * line[0], 1j * ramp * np.tensordot(height, line, 1)]
    return np.stack([*law, *more])
