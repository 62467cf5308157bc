"""What a discriminator makes of shots: who is called what, and how often rightly.

The assignment matrix comes from counting, not from fitted curves. Of the shots of preparation i
the part a_ij is called j, and the part w_ik began in state k; so a = w P, and P = w^-1 a is the
matrix for states at the start of the readout: errors of preparation cancel. Only w is taken from
the fitted clouds. Errors are those of the counts and of the fit together: both depend on the same
shots, and their covariance follows from the influence of each shot on either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.clouds.cell_kernels import fill_called, fill_squares
from kammerton.estimation.clouds.clouds import Layout, nearest, paths
from kammerton.estimation.clouds.distortion import unsure
from kammerton.estimation.clouds.fit import Clouds
from kammerton.estimation.clouds.odds_kernels import fill_odds, fill_third
from kammerton.estimation.clouds.seeds import Frame
from kammerton.estimation.numeric.derived import Derived, derive

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Labels = NDArray[np.intp]

UNLIKELY = 1e-3  # chance of a chi-square from which on the law is not quite that of the shots
FEW, FEW_DECAYS = 1.5, 8.0  # shots squared that are added to the variance of a count of few
PLACES, FINER = 33, 2  # from 0 to 1 at which odds are looked at, and how often more closely
NODES = 24  # along a decay, for densities on the line from 0 to 1


@dataclass(frozen=True, eq=False)
class Discriminator:
    """Two preparations: right of a threshold on the line from 0 to 1; three: the nearest centre.

    threshold: from centre 0 along the line, in units of the frame; NaN for three.
    """

    clouds: Clouds
    threshold: float

    def labels(self, z: Complex) -> Labels:
        """Return what each shot (M,) of the frame is called."""
        centres = self.clouds.layout.centres(self.clouds.theta)
        if np.isnan(self.threshold):
            return nearest(z, centres)
        line = centres[1] - centres[0]
        along = ((z - centres[0]) * np.conj(line)).real / abs(line)
        return np.asarray((along > self.threshold).astype(np.intp))


def discriminator(clouds: Clouds) -> Discriminator:
    """Return the discriminator of least total error."""
    if clouds.layout.preparations == 3:
        return Discriminator(clouds, np.nan)
    distance = float(_distance(clouds.theta, clouds.layout))

    u = np.linspace(0.0, distance, PLACES)
    odds = _odds(clouds.theta, clouds.layout, u)[0]
    if odds[0] >= 0 or odds[-1] <= 0:
        return Discriminator(clouds, 0.5 * distance)
    for _ in range(FINER):
        after = int(np.argmax(odds > 0))
        u = np.linspace(u[after - 1], u[after], PLACES)
        odds = _odds(clouds.theta, clouds.layout, u)[0]
    after = max(int(np.argmax(odds > 0)), 1)
    share = odds[after - 1] / (odds[after - 1] - odds[after])
    return Discriminator(clouds, float(u[after - 1] + share * (u[after] - u[after - 1])))


def _distance(theta: Array, layout: Layout) -> Array:
    centres = layout.centres(theta)
    return np.abs(centres[..., 1] - centres[..., 0])


def _odds(theta: Array, layout: Layout, u: Array) -> tuple[Array, Array]:
    """Return the logarithm of how much likelier 1 is than 0 at u (N,), and its slope by u.

    theta: (N, T), or (T,) for all.
    """
    apart, width = _distance(theta, layout), theta[..., layout.width]
    pair, gain, slope = np.empty((3, u.size)), np.empty(u.size), np.empty(u.size)
    pair[0], pair[1], pair[2] = apart, theta[..., layout.decays.start], width
    fill_odds(pair, u, paths(2, NODES).arrays, gain, slope)
    return gain, slope


@dataclass(frozen=True, eq=False)
class Counts:
    """Which part of each preparation is called what, with its covariance beside theta.

    parts: (P, L). theta: (T + P L,) theta and the parts; covariance of all of them.
    """

    parts: Array
    theta: Array
    covariance: Array


def count(clouds: Clouds, labels: list[Labels]) -> Counts:
    """Count labels of each preparation; the covariance adds up the influence of every shot."""
    size, kinds = clouds.layout.size, clouds.layout.preparations
    parts, covariance = np.empty((kinds, kinds)), np.diag(_of_none(clouds, kinds))
    seen, own = clouds.shots.counts, clouds.covariance
    squared, beyond = np.empty((size, size)), np.empty((size, kinds))
    fill_squares(clouds.scores, seen, squared)
    covariance[:size, :size] += own @ squared @ own
    for i, (cell, label) in enumerate(zip(clouds.shots.cells, labels, strict=True)):
        fill_called(cell, label, seen[i], clouds.scores[i], parts[i], beyond)
        here = slice(size + i * kinds, size + (i + 1) * kinds)
        shared = own @ beyond / label.size
        covariance[:size, here] += shared
        covariance[here, :size] += shared.T
        covariance[here, here] += (np.diag(parts[i]) - np.outer(parts[i], parts[i])) / label.size
    return Counts(parts, np.r_[clouds.theta, parts.ravel()], _honest(covariance, clouds))


def _honest(covariance: Array, clouds: Clouds) -> Array:
    """Enlarge what is known of the clouds by what their law leaves; counts are what they are.

    By chi-square for what is of no known pattern, and by how far known ones move the numbers.
    """
    chi2, _, chance = clouds.chi2
    larger = np.ones(len(covariance))
    larger[: clouds.layout.size] = np.sqrt(chi2) if chance < UNLIKELY else 1.0
    result: Array = covariance * np.outer(larger, larger)
    result[: clouds.layout.size, : clouds.layout.size] += unsure(clouds)
    return result


def _of_none(clouds: Clouds, kinds: int) -> Array:
    """Return the variance by which fractions are less sure than the few shots seen there say.

    The square root of a small count is too small an error where it came out low by chance.
    """
    layout = clouds.layout
    variance = np.zeros(layout.size + kinds**2)
    one = 1.0 / clouds.shots.counts.sum(axis=1).min() ** 2
    variance[layout.fractions] = variance[layout.size :] = FEW * one
    below = np.minimum(clouds.theta[layout.decays], 0.0)  # an error at least reaches what may be
    variance[layout.decays] = FEW_DECAYS * one + below**2
    return variance


@lru_cache(maxsize=2)
def number_names(states: int) -> tuple[str, ...]:
    """Return the names of all numbers, for 2 or 3 preparations."""
    kinds, above = range(states), range(1, states)
    matrix = [f"{j}_given_{i}" for i in kinds for j in kinds]
    line = ["readout_angle", "readout_threshold", "readout_contrast"] if states == 2 else []
    return (
        "assignment_fidelity", *line, "separation", "cloud_width",
        *(f"centre_{s}_{part}" for s in kinds for part in "iq"),
        *(f"p{name}" for name in matrix), *(f"counted_{name}" for name in matrix),
        "thermal_population", *(f"preparation_error_{s}" for s in above),
        *(f"decay_{s}" for s in above), "leakage",
    )  # fmt: skip


@cache
def number_unit(name: str) -> str:
    """Return the SI unit of a number."""
    if name == "readout_angle":
        return "rad"
    volts = ("readout_threshold", "readout_contrast", "cloud_width", "centre_")
    return "V" if name.startswith(volts) else ""


def numbers(found: Discriminator, frame: Frame, counts: Counts, dead: float) -> Derived:
    """Return every number of one target (N = 1), in the order of `number_names`."""
    layout = found.clouds.layout

    def formulas(theta: Array) -> dict[str, Array]:
        own = theta[..., : layout.size]
        parts = theta[..., layout.size :].reshape(*theta.shape[:-1], *counts.parts.shape)
        began = _at_the_start(own, layout, dead)
        every = (
            _places(own, found, frame) | _populations(own, layout, began)
            | _matrix(parts, "counted_") | _assignment(own, found, began, parts)
        )  # fmt: skip
        return {name: every[name] for name in number_names(layout.preparations)}

    result = derive(formulas, counts.theta[None], counts.covariance[None])
    least = float(np.hypot.reduce(found.clouds.rare[: layout.states - 1]))  # those of preparing 0
    result.stderr["thermal_population"] = np.maximum(result.stderr["thermal_population"], least)
    return result


def _at_the_start(theta: Array, layout: Layout, dead: float) -> Array:
    """Return the fractions (..., P, S), with those whose decay went unnoticed put back."""
    began = layout.began(theta)
    if dead == 0:
        return began
    lived = np.exp(-theta[..., layout.decays] * dead)
    seen = np.zeros((*theta.shape[:-1], layout.states, layout.states))
    seen[..., 0, 0] = 1.0
    for s in range(1, layout.states):
        seen[..., s, s], seen[..., s, s - 1] = lived[..., s - 1], 1 - lived[..., s - 1]
    result: Array = began @ np.linalg.inv(seen)
    return result


def _places(theta: Array, found: Discriminator, frame: Frame) -> dict[str, Array]:
    """Return centres, width, and for two states angle, threshold and contrast, in V."""
    layout, unit = found.clouds.layout, abs(frame.unit)
    centres = frame.origin + frame.unit * layout.centres(theta)
    width = unit * theta[..., layout.width]
    apart = [np.abs(centres[..., a] - centres[..., b]) for a in range(layout.preparations)
             for b in range(a)]  # fmt: skip
    named = {}
    for s in range(layout.preparations):
        named[f"centre_{s}_i"], named[f"centre_{s}_q"] = centres[..., s].real, centres[..., s].imag
    numbers = {"cloud_width": width, "separation": np.min(apart, axis=0) / width, **named}
    if layout.preparations == 3:
        return numbers
    turn = (centres[..., 1] - centres[..., 0]) / frame.unit
    angle = np.angle(frame.unit) + np.angle(turn)
    gain, slope = (
        each.reshape(theta.shape[:-1]) for each in _odds(
            theta.reshape(-1, theta.shape[-1]), layout, np.full(theta[..., 0].size, found.threshold)
        )
    )  # fmt: skip
    moved = np.where(slope > 0, found.threshold - gain / np.where(slope > 0, slope, 1.0), np.nan)
    from_zero = (centres[..., 0] * np.exp(-1j * angle)).real
    return {
        "readout_angle": _turned(angle),
        "readout_threshold": from_zero + unit * moved, "readout_contrast": apart[0], **numbers,
    }  # fmt: skip


def _turned(angle: Array) -> Array:
    """Bring angles to -pi to pi, all by the same turns."""
    return np.asarray(angle - 2 * np.pi * np.round(angle.flat[0] / (2 * np.pi)))


def _populations(theta: Array, layout: Layout, began: Array) -> dict[str, Array]:
    numbers = {"thermal_population": 1.0 - began[..., 0, 0]}
    for s in range(1, layout.preparations):
        numbers[f"preparation_error_{s}"] = 1.0 - began[..., s, s]
        numbers[f"decay_{s}"] = theta[..., layout.decays][..., s - 1]
    third = layout.states == 3
    numbers["leakage"] = began[..., 1, 2] if third else np.full(theta.shape[:-1], np.nan)
    return numbers


def _matrix(parts: Array, prefix: str) -> dict[str, Array]:
    kinds = range(parts.shape[-1])
    return {f"{prefix}{j}_given_{i}": parts[..., i, j] for i in kinds for j in kinds}


def _assignment(theta: Array, found: Discriminator, began: Array, parts: Array) -> dict[str, Array]:
    """Return the assignment matrix for the states at the start, and the mean of its diagonal."""
    kinds = parts.shape[-1]
    if began.shape[-1] > kinds:
        parts = parts - began[..., kinds:] @ _third(theta, found)[..., None, :]
    matrix: Array = np.linalg.solve(began[..., :kinds], parts).astype(np.float64, copy=False)
    fidelity = np.trace(matrix, axis1=-2, axis2=-1) / kinds
    return {"assignment_fidelity": fidelity, **_matrix(matrix, "p")}


def _third(theta: Array, found: Discriminator) -> Array:
    """Return how a third cloud that was not prepared is called 0 and 1 (..., 2)."""
    rows, ways = theta.reshape(-1, theta.shape[-1]), found.clouds.ways.arrays
    one = np.empty(len(rows))
    fill_third(np.ascontiguousarray(rows), ways, found.threshold, one)
    return np.stack([1.0 - one, one], axis=-1).reshape(*theta.shape[:-1], 2)
