"""What single shots can tell at best: the Cramer-Rao bound, and one step from the truth.

Fisher's information of the plane is integrated on a grid much finer than a cloud, where the sum of
a Gaussian is exact. The oracle makes one step of Fisher's scoring from the truth, with every shot
where it fell: as good as the bound, to first order.
"""

from __future__ import annotations

import numpy as np

from tests.catalogue.readout import UNIT, Complex, Readout, along, called_one, centres, ways
from tests.catalogue.truth import Array, Parameters, Traces

CELL = 0.4  # widths
ROOM = 5.0  # widths about the outermost centres
STEP = 1e-4
FINE = 300  # cells along I and along Q, where the borders between the states matter


def names(readout: Readout, p: Parameters) -> list[str]:
    """Return what the shots have to tell; with two preparations state 2 decays as 1 does, twice."""
    tied = readout.levels > readout.preparations
    return [name for name in p if not (tied and name == "decay_2")]


def _moved(readout: Readout, p: Parameters, name: str, by: float) -> Parameters:
    moved = {**p, name: p[name] + by}
    if readout.levels > readout.preparations:
        moved["decay_2"] = 2 * moved["decay_1"]
    return moved


Plane = tuple[Array, Array]
"""I and Q: of every shot, (C,) and (C,); or of a grid, (A, 1) and (B,)."""


def density(readout: Readout, p: Parameters, n: int, plane: Plane) -> Array:
    """Return the density (P, C) of each preparation of target n, per unit of UNIT squared."""
    levels = [_smeared(*ways(p, n, level), p["width"][n], plane) for level in range(readout.levels)]
    result: Array = readout.rows(p, n) @ np.array(levels)
    return np.maximum(result, 1e-300)


def _smeared(weights: Array, c: Complex, width: float, plane: Plane) -> Array:
    i, q = (np.exp(-0.5 * ((part.reshape(-1, 1) - at) / width) ** 2)
            for part, at in zip(plane, (c.real, c.imag), strict=True))  # fmt: skip
    i *= weights / (2 * np.pi * width**2)
    result: Array = (i @ q.T).ravel() if plane[0].ndim == 2 else np.einsum("cj,cj->c", i, q)
    return result


def _grid(readout: Readout, p: Parameters, n: int) -> tuple[Plane, float]:
    c, width = np.array([each[n] for each in centres(p, readout.levels)]), p["width"][n]
    step = CELL * width
    i, q = (np.arange(part.min() - ROOM * width, part.max() + ROOM * width, step)
            for part in (c.real, c.imag))  # fmt: skip
    return (i[:, None], q), float(step**2)


def _slopes(readout: Readout, p: Parameters, n: int, plane: Plane) -> Array:
    """Return how the densities (T, P, C) depend on each of the parameters."""
    one = {name: v[n : n + 1] for name, v in p.items()}
    return np.array([
        (density(readout, _moved(readout, one, name, STEP), 0, plane)
         - density(readout, _moved(readout, one, name, -STEP), 0, plane)) / (2 * STEP)
        for name in names(readout, p)
    ])  # fmt: skip


def information(readout: Readout, p: Parameters, n: int) -> Array:
    """Return Fisher's information (T, T) of all shots of target n."""
    plane, area = _grid(readout, p, n)
    slope = _slopes(readout, p, n, plane)
    weighed = slope / density(readout, p, n, plane)
    result: Array = readout.shots * area * np.einsum("apc,bpc->ab", slope, weighed)
    return result


def gradients(readout: Readout, p: Parameters, n: int) -> dict[str, Array]:
    """Return how each value of target n depends on the parameters (T,)."""
    one = {name: v[n : n + 1] for name, v in p.items()}
    found: dict[str, list[float]] = {name: [] for name in readout.scored(one)}
    for hidden in names(readout, p):
        up, down = (readout.scored(_moved(readout, one, hidden, s)) for s in (STEP, -STEP))
        for name, values in found.items():
            values.append(float((up[name] - down[name])[0] / (2 * STEP)))
    return {name: np.array(values) for name, values in found.items()}


def bound(readout: Readout, p: Parameters) -> dict[str, Array]:
    """Return the smallest standard error that an unbiased estimate of each value can have (N,)."""
    found: dict[str, list[float]] = {}
    for n in range(len(p["width"])):
        cov = np.linalg.inv(information(readout, p, n))
        for name, g in gradients(readout, p, n).items():
            found.setdefault(name, []).append(float(np.sqrt(g @ cov @ g)))
    return {name: np.array(values) for name, values in found.items()}


def fidelity_bound(readout: Readout, p: Parameters, n: int) -> float:
    """Return the smallest standard error of the fidelity of two states, at the best threshold.

    There, direction and threshold do not matter to first order.
    """
    one = {name: v[n : n + 1] for name, v in p.items()}
    best = along(one)
    at = float(best["readout_angle"][0]), float(best["readout_threshold"][0])

    def fidelity(moved: Parameters) -> float:
        zero, first = called_one(moved, 0, *at)
        return float(1 - zero + first) / 2

    g = np.array([
        (fidelity(_moved(readout, one, name, STEP)) - fidelity(_moved(readout, one, name, -STEP)))
        / (2 * STEP) for name in names(readout, one)
    ])  # fmt: skip
    return float(np.sqrt(g @ np.linalg.solve(information(readout, p, n), g)))


def oracle(readout: Readout, traces: Traces) -> dict[str, Array]:
    """Return the values that one step from the truth gives (N,)."""
    found: dict[str, list[float]] = {name: [] for name in traces.low}
    for n in range(len(traces)):
        move = np.linalg.solve(
            information(readout, traces.hidden, n), _score(readout, traces, n)
        )  # fmt: skip
        for name, g in gradients(readout, traces.hidden, n).items():
            found[name].append(float(traces.low[name][n] + g @ move))
    return {name: np.array(values) for name, values in found.items()}


def _score(readout: Readout, traces: Traces, n: int) -> Array:
    plane = traces.y[n].real / UNIT, traces.y[n].imag / UNIT
    shot = traces.x, np.arange(traces.y.shape[1])
    slope = _slopes(readout, traces.hidden, n, plane)
    here = density(readout, traces.hidden, n, plane)
    result: Array = (slope[:, shot[0], shot[1]] / here[shot]).sum(axis=1)
    return result


def assignment(
    readout: Readout, traces: Traces, found: dict[str, Array], n: int
) -> dict[str, float]:
    """Return how often states are called wrong, and the fidelity, by the fit's discriminator.

    Given the state at the start (`p1_given_0`), and given what was prepared (`counted_1_given_0`).
    """
    p, kinds = traces.hidden, readout.preparations
    if kinds == 2:
        at = found["readout_angle"][n], found["readout_threshold"][n]
        one = called_one(p, n, *at, levels=readout.levels)
        matrix = np.array([1 - one, one]).T
    else:
        matrix = _by_nearest(p, found, n)
    counted = readout.rows(p, n) @ matrix
    pairs = [(i, j) for i in range(kinds) for j in range(kinds) if i != j]
    named = {f"p{j}_given_{i}": float(matrix[i, j]) for i, j in pairs}
    named |= {f"counted_{j}_given_{i}": float(counted[i, j]) for i, j in pairs}
    return {"assignment_fidelity": float(np.trace(matrix[:kinds])) / kinds, **named}


def _by_nearest(p: Parameters, found: dict[str, Array], n: int) -> Array:
    c, width = np.array([each[n] for each in centres(p, 3)]), p["width"][n]
    i, q = (np.linspace(part.min() - ROOM * width, part.max() + ROOM * width, FINE)
            for part in (c.real, c.imag))  # fmt: skip
    told = [(found[f"centre_{s}_i"][n] + 1j * found[f"centre_{s}_q"][n]) / UNIT for s in range(3)]
    nearest = np.abs((i[:, None] + 1j * q)[..., None] - np.array(told)).argmin(axis=-1).ravel()
    area = (i[1] - i[0]) * (q[1] - q[0])
    return np.array([
        np.bincount(nearest, _smeared(*ways(p, n, level), width, (i[:, None], q)), 3) * area
        for level in range(3)
    ])  # fmt: skip
