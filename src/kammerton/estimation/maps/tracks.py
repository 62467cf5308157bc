"""Lines that move through a map: the whole image fitted at once.

In each column (one bias) the image is a straight background (for complex resonances a parabola,
for what is left of the delay) plus K lines of one width, whose heights are linear and eliminated
there (variable projection). What is left of the image is how it pulls at the K positions and at
the width; a law ties the positions of all columns together. Columns that pull far out of line (a
spur, another level, a jump) lose their weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import pulling, weighing
from kammerton.estimation.maps.positions import Law, Place
from kammerton.estimation.maps.ridge import Columns

Array = NDArray[np.float64]

ITERATIONS = 24
HOPELESS = 8, 14  # steps after which a law is given up: lost and never near; or either of the two
FULL = 0.85  # part of its columns in which a line is seen that is not lost
UNLIKE = 4.0  # reduced chi-square of one that is
PATIENCE = 50  # steps in one map after which nothing else is tried; a good one takes 5 to 15
USUAL = 4500  # points of a map beyond which there are fewer steps, for each takes longer
NEARLY = 3.0  # step, in its sigmas, from which it is
CLOSE = 1.0  # step from which one that hardly shrinks goes to and fro, or has far to go
SHRINKS = 0.7  # less than this: it is halved, or doubled
FARTHEST = 10.0  # step beyond which going to and fro is no reason to shorten it
LONGEST = 4.0  # steps taken at once
ENOUGH = 0.03  # step that is the last
REACH = 6.0  # full widths about a line that count
TUKEY = 6.0  # sigmas at which a column no longer counts
SEEN = weighing.SEEN
UNTOLD = 1e12  # variance, in windows, of what is not told
NARROWEST = 0.4  # width in points
ALIKE = 0.2  # widths by which lines may differ that are one
TINY = 1e-15  # eigenvalue, in parts of the largest, that tells nothing
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
        info = self.information.diagonal(axis1=1, axis2=2)[:, :lines]
        there = info > 1e-30
        safe = np.where(there, info, 1.0)
        return (np.where(there, self.gradient[:, :lines] / safe, 0.0),
                np.where(there, 1.0 / np.sqrt(safe), np.inf))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tracked:
    """Lines followed through a map. theta: law, width, tilt; hessian: what all columns say of it.

    wider: by what the variances of theta are larger than it says. weight: what each column counted
    (B,). off: misses of each line in its sigmas (B, K); inside: lines within the window (B, K).
    spread: scatter about the law beyond the errors. step: the last one, in its sigmas. turns: how
    many there were.
    """

    theta: Array
    hessian: Array
    pull: Pull
    weight: Array
    off: Array
    inside: NDArray[np.bool_]
    spread: float
    positions: Array
    width: float
    step: float = 0.0
    turns: int = 0
    wider: float = 1.0

    @cached_property
    def cov(self) -> Array:
        """The covariance of theta: worked out when it is asked for, which few starts are."""
        return _covariance(self.hessian) * self.wider

    def image(self) -> NDArray[Any]:
        """Return the fitted columns (B, A); NaN where no line lies within the window.

        What is fitted there has no say in the law, and any height.
        """
        seen = np.asarray(self.inside.any(axis=1))
        return np.where(seen[:, None], self.pull.model, np.nan)

    def agrees(self, other: Tracked) -> bool:
        """Return whether another start led to the same place."""
        away = np.abs(self.positions - other.positions)[(self.inside | other.inside).T]
        return bool((away < ALIKE * min(self.width, other.width)).all()) and away.size > 0


@dataclass(frozen=True, eq=False)
class _Question:
    """What is fitted: lines of a shape. mean, known: of theta, and its weight (T,)."""

    c: Columns
    law: Law
    shape: str
    mean: Array
    known: Array

    @property
    def ground(self) -> int:
        """How many powers of the frequency the background has."""
        return 3 if self.shape == POLE else 2


class _Room:
    """Arrays that a step fills: made twice, and used in turn, for making them takes long.

    step: the one that the columns ask for (T,), with its hessian; said: see `Pull`.
    """

    def __init__(self, question: _Question) -> None:
        lines, size, (rows, _) = question.law.lines, len(question.mean), question.c.z.shape
        moving = lines + (2 if question.shape == FANO else 1)
        self.theta, self.step, self.hessian = np.empty(size), np.empty(size), np.empty((size, size))
        self.at, self.near = np.empty((lines, rows)), np.empty((lines, rows))
        self.slope = np.empty((lines, rows, size - moving + lines))
        self.inside = np.empty((rows, lines), dtype=np.bool_)
        self.off, self.weight = np.empty((rows, lines)), np.empty(rows)
        self.said = (
            np.empty((rows, moving)), np.empty((rows, moving, moving)), np.empty((rows, lines)),
            np.empty(rows), np.empty(rows),
            np.empty((rows, question.ground + lines), question.c.z.dtype),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class State:
    """A step of `follow`: what the columns say of the lines at one place, and how they count.

    size: the step that they ask for, in its sigmas.
    """

    place: Place
    width: float
    tilt: float
    room: _Room
    spread: float
    size: float


def follow(
    c: Columns, law: Law, start: Array, prior: tuple[Array, Array], width: float,
    shape: str, *, alike: float = 1.0, hopeless: tuple[int, int] = HOPELESS,
) -> Tracked:  # fmt: skip
    """Refine a law's theta from `start` (P,), by the whole image.

    alike: how many columns miss the law alike and so tell no more than one. hopeless: see HOPELESS.
    prior: mean and 1/sigma of what is known of each of theta; 1/sigma is 0 where nothing is.
    """
    more = [0.0] * (2 if shape == FANO else 1)
    mean = np.concatenate([prior[0], more])
    known = np.concatenate([prior[1], [0.0, 0.5][: len(more)]]) ** 2 * alike
    question = _Question(c, law, shape, mean, known)
    loose, part, size, least = 3.0, 1.0, np.inf, np.inf
    last, valley = np.zeros(len(known)), bool(prior[1].any())  # flat, where only a prior ends it
    room, other = _Room(question), _Room(question)
    now = _stated(question, law.place(start), width, 0.0, loose, room)
    for turn in range(ITERATIONS):
        step, size, before = now.room.step, now.size, size
        least = min(least, size)
        if loose == 1.0 and SHRINKS * before < size:
            onward = last @ now.room.hessian @ step > 0.0
            if size < CLOSE:
                part = min(2.0 * part, LONGEST) if valley and onward else 0.5 * part
            elif size < FARTHEST and not (onward or _lost(now) or _unlike(now)):
                part = 0.5 * part
        part, last = min(part, 1.0) if size > CLOSE else part, step
        done = loose == 1.0 and part * size < ENOUGH
        done |= _hopeless(now, turn, hopeless, near=least <= NEARLY)
        loose = 1.0 if size < NEARLY else max(1.0, 0.7 * loose)
        now = _moved(question, now, part * step, loose, other)
        room, other = other, room
        if done:
            break
    return _tracked(c, now, shape, alike, size, turn + 1)


def _hopeless(now: State, turn: int, limits: tuple[int, int], *, near: bool) -> bool:
    if turn < limits[0]:
        return False
    if turn >= limits[1]:
        return not near or _unlike(now)
    return not near and (_unlike(now) or _lost(now))


def _unlike(now: State) -> bool:
    _, _, _, cost, freedom, _ = now.room.said
    return bool(cost.sum() > UNLIKE * freedom.sum())


def _lost(now: State) -> bool:
    inside = now.room.inside
    shown = (inside & (now.room.said[2] > SEEN)).any(axis=1).sum()
    return bool(shown < FULL * inside.any(axis=1).sum())


def _moved(question: _Question, now: State, step: Array, loose: float, room: _Room) -> State:
    """Take the step, less of it where a line would move by more than it is wide."""
    width, p, c = now.width, len(now.place.theta), question.c
    room_there = room.at, room.slope
    there = question.law.after(now.place, step[:p], max(width, 1.5 * c.step), room_there)
    wider = width + min(max(step[p], -0.4 * width), 0.6 * width)
    tilt = now.tilt + float(step[p + 1 :].sum())
    return _stated(question, there, min(max(wider, NARROWEST * c.step), 0.6), tilt, loose, room)


def _stated(
    question: _Question, place: Place, width: float, tilt: float, loose: float, room: _Room
) -> State:
    c, shape, p = question.c, question.shape, len(place.theta)
    gradient, information, seen, cost, freedom, heights = room.said
    near = np.minimum(np.maximum(place.at, -9.0, out=room.near), 9.0, out=room.near)
    room.theta[:p], room.theta[p], room.theta[p + 1 :] = place.theta, width, tilt
    pulling.fill_pulled(
        c.f, c.z, c.w, near, 0.5 * width, _reach(c, width), pulling.SHAPES.index(shape), tilt,
        _unit(c), gradient, information, seen, cost, freedom, heights,
    )  # fmt: skip
    spread, size = weighing.ask(
        place.at, place.slope, width, freedom, seen, TUKEY * loose, gradient, information,
        question.mean - room.theta, question.known, room.inside, room.off, room.weight,
        room.hessian, room.step,
    )  # fmt: skip
    return State(place, width, tilt, room, spread, size)


def within(c: Columns, steps: int) -> int:
    """Return so many steps, or of a large map as many fewer as each takes longer."""
    return round(steps * min(1.0, USUAL / c.w.size))


def costs(c: Columns, theta: Array, shape: str) -> Array:
    """Return the chi-square of each column with one line of free height at theta's place (B,).

    theta: place, width, and tilt where there is one. Of all points of a column, so that what two
    places leave of it can be compared.
    """
    rows, moving = len(c.b), 3 if shape == FANO else 2
    gradient, information = np.empty((rows, moving)), np.empty((rows, moving, moving))
    seen, cost, freedom = np.empty((rows, 1)), np.empty(rows), np.empty(rows)
    heights = np.empty((rows, (3 if shape == POLE else 2) + 1), c.z.dtype)
    at, tilt = np.full((1, rows), min(max(theta[0], -9.0), 9.0)), float(theta[2:].sum())
    pulling.fill_pulled(
        c.f, c.z, c.w, at, 0.5 * theta[1], np.inf, pulling.SHAPES.index(shape), tilt, _unit(c),
        gradient, information, seen, cost, freedom, heights,
    )  # fmt: skip
    return cost


def _unit(c: Columns) -> complex:
    return 1j if c.parts == 2 else 0.0


def _reach(c: Columns, width: float) -> float:
    return max(REACH * width, 8.0 * c.step)


def _tracked(
    c: Columns, now: State, shape: str, wider: float, size: float, turns: int
) -> Tracked:  # fmt: skip
    """Add the fitted image."""
    room = now.room
    gradient, information, seen, cost, freedom, heights = room.said
    at, width = now.place.at, now.width
    model, alone = np.empty_like(c.z), np.empty_like(c.z)
    near = np.empty(c.w.shape, dtype=np.bool_)
    pulling.fill_image(
        c.f, c.w, np.clip(at, -9.0, 9.0), 0.5 * width, _reach(c, width),
        pulling.SHAPES.index(shape), now.tilt, _unit(c), heights, model, alone, near,
    )  # fmt: skip
    pull = Pull(gradient, information, seen, cost, freedom, model, alone, near)
    return Tracked(room.theta, room.hessian, pull, room.weight, room.off, room.inside, now.spread,
                   at, width, size, turns, wider)  # fmt: skip


def _covariance(hessian: Array) -> Array:
    """Return the inverse; what the image says nothing about has an enormous variance, not none."""
    told = np.diagonal(hessian) > 1e-9
    value, vector = np.linalg.eigh(np.where(told[:, None] & told, hessian, 0.0))
    size = np.abs(value)
    clear = size > TINY * size.max()
    cov = (vector[:, clear] / value[clear]) @ vector[:, clear].T
    return np.asarray(cov + np.diag(np.where(told, 0.0, UNTOLD)))
