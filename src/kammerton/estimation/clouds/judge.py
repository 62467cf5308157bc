"""Verdicts on single shots: the record, the preparations, the clouds, and what came of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.clouds.fit import Clouds, Counted, climbed, likelihood, physical
from kammerton.estimation.clouds.record_kernels import moments
from kammerton.estimation.clouds.seeds import DECAY, Frame
from kammerton.estimation.clouds.shot_record import (
    MOVED,
    SUSPECT,
    drifted,
    moved,
    railed,
    repeats,
    stuck,
)
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.verdict.findings import ACCEPTED
from kammerton.estimation.verdict.objection import Objection, insufficient, rejected
from kammerton.model import Advice
from kammerton.model.quantity import show

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Ints = NDArray[np.intp]

CLOSEST = 1.0  # distance of two clouds in widths
FEWEST = 100  # shots of each preparation
SIGNIFICANT = 5.0  # sigmas by which clouds, and the fidelity from a guess, must differ
LARGEST_STDERR = 0.02
UNLIKELY = 1e-6  # chance of a chi-square that is taken for another law
MISPLACED = 0.05  # excess chi-square, in parts of the shots, that the clouds may leave
SWAPPED = 5.0  # log likelihood by which exchanged preparations must be better
THIRD = 0.15  # part of a preparation above which a third cloud is no mere leakage
OUT_OF_REACH = 20.0  # log likelihood short in coarse cells that none in fine ones makes up for
PURER = 4.0  # sigmas
RESIDUE = 0.05  # of 1 that the shot before may leave in a 0: three T1 between shots
WARM, WEAK = 0.1, 0.25  # parts of a preparation that began in another state, worth naming
CERTAIN = 3.0
LUMPY = 6.0  # sigmas of skewness or kurtosis that show more than one cloud


def of_record(z: Complex, sets: list[Complex]) -> Objection | None:
    """Object to shots that are too few, or that no working digitizer gives.

    z: all in their order, NaN where one is missing; sets: by preparation.
    """
    fewest = min(s.size for s in sets)
    z = z if z.size == sum(s.size for s in sets) else z[~np.isnan(z)]
    suspect = repeats(z) >= SUSPECT * fewest  # of all: no part of them has more
    if fewest >= FEWEST and suspect and stuck(z):
        return rejected("stuck data", "one block of shots comes again and again: stuck data")
    for state, z in enumerate(sets):
        if z.size < FEWEST:
            times = max(2.0, 10.0 * FEWEST / max(1, z.size))
            return insufficient(
                "too few shots",
                f"{z.size} shots of the qubit prepared in {state}; at least {FEWEST} are needed",
                Advice(shots_times=times),
            )
        if suspect and stuck(z):
            return rejected(
                "stuck data", f"the shots prepared in {state} come again and again: stuck data"
            )
        if railed(z):
            return rejected(
                "saturated",
                f"many shots prepared in {state} lie exactly at the largest or smallest value: "
                "the digitizer is saturated",
            )
    return None


def of_sets(sets: list[Complex]) -> Objection | None:
    """Object to preparations that give the same shots."""
    told = [moments(z) for z in sets]
    means = [complex(i, q) for i, q, _, _ in told]
    noise = [(ii + qq) / z.size for (_, _, ii, qq), z in zip(told, sets, strict=True)]
    for a, b in itertools.combinations(range(len(sets)), 2):
        if abs(means[b] - means[a]) > SIGNIFICANT * math.sqrt(noise[a] + noise[b]):
            continue
        if _lumpy(np.concatenate([sets[a], sets[b]])):
            return rejected(
                "preparation failed",
                f"there is more than one cloud, but shots prepared in {a} and in {b} fill them "
                "alike: the pulse does nothing",
            )
        return not_separated(f"shots prepared in {a} and in {b} lie in one and the same cloud")
    return None


def _lumpy(z: Complex) -> bool:
    """Whether shots are not one Gaussian cloud, seen along its axes."""
    away = z - z.mean()
    turn = np.exp(-0.5j * np.angle((away**2).sum()))
    for part in ((away * turn).real, (away * turn).imag):
        v = part / part.std()
        square = v * v  # a power takes ten times as long as a product
        skew, tail = float(square @ v) / v.size, float(square @ square) / v.size - 3.0
        if max(abs(skew) * np.sqrt(v.size / 6.0), abs(tail) * np.sqrt(v.size / 24.0)) > LUMPY:
            return True
    return False


def not_separated(reason: str) -> Objection:
    """Return the objection that the states cannot be told apart."""
    return rejected("clouds not separated", reason)


def unresolved() -> Objection:
    """Return the objection to clouds that no fit could tell apart."""
    return not_separated(
        "the clouds cannot be told apart: they overlap, or one of them has hardly any shots"
    )


def of_clouds(clouds: Clouds, frame: Frame, times: list[Array]) -> Objection | None:
    """Object to clouds that move, and to decays that lead upwards; times: 0 to 1, of each shot."""
    far = max(moved(frame.sets), drifted(frame.sets, times)) / clouds.theta[clouds.layout.width]
    if far > MOVED:
        return rejected(
            "drift during scan",
            f"the shots move by {far:.2f} widths of a cloud in the course of the record",
        )
    pair = _swapped(clouds)
    if pair is not None:
        return rejected(
            "swapped preparation",
            f"the shots prepared in {pair[1]} decay towards those prepared in {pair[0]} the wrong "
            "way round: the preparations are exchanged",
        )
    return None


def _swapped(clouds: Clouds) -> tuple[int, int] | None:
    """Return the two preparations that must be exchanged for decays to lead downwards.

    Decays below 0 would follow them either way, so neither way has them. In coarse cells it takes
    less time to see that they would not lead to as good an account of the shots at all.
    """
    layout, w = clouds.layout, clouds.layout.began(clouds.theta)
    if _apart(clouds) <= CLOSEST or np.triu(w, 1).sum() <= np.tril(w, -1).sum():
        return None  # so close that they are refused in any case, or as they should be
    coarse = clouds.shots.coarse
    least = likelihood(physical(layout, clouds.theta), clouds.ways, coarse) - OUT_OF_REACH
    for pair in itertools.combinations(range(layout.states), 2):
        order = np.arange(layout.states)
        order[list(pair)] = pair[::-1]
        start = clouds.theta.copy()
        centres, began = layout.centres(start)[order], w[np.ix_(order, order)]
        start[: 2 * layout.states] = np.r_[centres.real, centres.imag]
        start[layout.fractions] = [began[i, s] for i, s in layout.wrong]
        start[layout.decays] = np.maximum(start[layout.decays], DECAY)
        if _climbs(start, clouds, coarse, order, least) and _climbs(
            start, clouds, clouds.shots, order, clouds.lawful + SWAPPED
        ):
            return pair
    return None


def _climbs(start: Array, clouds: Clouds, shots: Counted, order: Ints, needed: float) -> bool:
    """Whether a log likelihood is reached from a start with preparations in another order."""
    exchanged = replace(shots, counts=shots.counts[order])
    return climbed(start, clouds.layout, clouds.ways, exchanged, needed=needed)[1] > needed


def _apart(clouds: Clouds) -> float:
    """Return the distance of the closest two of the prepared clouds, in widths."""
    centres = clouds.layout.centres(clouds.theta)[: clouds.layout.preparations]
    pairs = itertools.combinations(centres, 2)
    return float(min(abs(a - b) for a, b in pairs) / clouds.theta[clouds.layout.width])


def judged(found: Derived, clouds: Clouds, shots: int) -> Objection:
    """Judge the numbers of one target; shots: of the preparation with the fewest."""
    values = {name: (float(v[0]), float(found.stderr[name][0])) for name, v in found.values.items()}
    return (
        _worthless(values, clouds)
        or _too_pure(values, clouds)
        or _emptied(values, clouds)
        or _beyond(clouds)
        or _misfit(clouds)
        or _uncertain(values, shots)
        or _too_close(values, lambda apart, error: apart - error)
        or _accepted(values, clouds)
    )


Values = dict[str, tuple[float, float]]


def _worthless(values: Values, clouds: Clouds) -> Objection | None:
    fidelity, error = values["assignment_fidelity"]
    states = clouds.layout.preparations
    if not np.isfinite([fidelity, error]).all():
        return unresolved()
    if error <= LARGEST_STDERR and fidelity - 1 / states < SIGNIFICANT * error:
        return not_separated(f"the fidelity {show(fidelity, '', error)} is no better than a guess")
    return _too_close(values, lambda apart, error: apart + 2 * error)


def _too_close(values: Values, bound: Callable[[float, float], float]) -> Objection | None:
    """Object to clouds so close that their mixture is a matter of their exact shape."""
    apart, error = values["separation"]
    if bound(apart, error) > CLOSEST:
        return None
    return not_separated(f"clouds are only {show(apart, '', error)} standard deviations apart")


def _too_pure(values: Values, clouds: Clouds) -> Objection | None:
    """Object to a 1 that is purer than the 0 it was made of: no pulse can do that.

    Where preparations alternate, a 0 follows a 1 and keeps what had not decayed; a 1 follows a 0.
    """
    if clouds.layout.preparations > 2:
        return None
    (warm, d0), (wrong, d1) = values["thermal_population"], values["preparation_error_1"]
    if warm - RESIDUE - wrong < PURER * np.hypot(d0, d1):
        return None
    return rejected(
        "swapped preparation",
        f"{100 * wrong:z.1f} % of the shots prepared in 1 are not, but {100 * warm:z.1f} % of "
        "those prepared in 0: no pulse makes a state purer; the preparations are exchanged",
    )


def _emptied(values: Values, clouds: Clouds) -> Objection | None:
    """Object to a 1 that holds less of a third cloud than the 0 it was made of."""
    layout = clouds.layout
    if layout.preparations > 2 or layout.states == 2:
        return None
    leakage, error = values["leakage"]
    place = layout.fractions.start + layout.wrong.index((0, 2))
    before, its_error = clouds.theta[place], np.sqrt(clouds.covariance[place, place])
    if not before - leakage > PURER * np.hypot(error, its_error):
        return None
    return rejected(
        "swapped preparation",
        f"{100 * before:z.1f} % of the shots prepared in 0 lie in a third cloud, but "
        f"{100 * leakage:z.1f} % of those prepared in 1: no pulse empties it; the preparations are "
        "exchanged",
    )


def _beyond(clouds: Clouds) -> Objection | None:
    """Object to a third cloud that is no mere leakage.

    Nothing leaves more of a 0 in 2 than in 1: neither heat nor the shots before.
    """
    layout = clouds.layout
    if layout.states == 2:
        return None
    began = layout.began(clouds.theta)
    if layout.preparations == 2:
        share = float(began[:, 2].max())
        said = "not two clouds", f"a third cloud holds {100 * share:z.0f} % of the shots"
    else:
        share = float(began[0, 2] - max(began[0, 1], 0.0))
        said = "wrong place", (
            f"{100 * began[0, 2]:z.0f} % of the shots prepared in 0 lie where 2 is, more than "
            "where 1 is: something else is there"
        )  # fmt: skip
    return None if share < THIRD else rejected(*said)


def _uncertain(values: Values, shots: int) -> Objection | None:
    error = values["assignment_fidelity"][1]
    if error <= LARGEST_STDERR:
        return None
    return insufficient(
        "error too large", f"the fidelity is known only to ± {error:.2g} from {shots} shots",
        Advice(shots_times=float(np.clip(1.5 * (error / LARGEST_STDERR) ** 2, 2.0, 20.0))),
    )  # fmt: skip


def _misfit(clouds: Clouds) -> Objection | None:
    chi2, excess, chance = clouds.chi2
    if excess < MISPLACED or chance > UNLIKELY:
        return None
    states = clouds.layout.preparations
    status = "not two clouds" if states == 2 else "model does not fit"
    count = {2: "two", 3: "three"}[states]
    return rejected(
        status, f"{count} Gaussian clouds and decay do not describe the shots (chi2 {chi2:.1f})"
    )


def _accepted(values: Values, clouds: Clouds) -> Objection:
    """Accept under the name of what a physicist should know of the preparation."""
    apart = f"clouds {values['separation'][0]:.1f} standard deviations apart"
    share, error = values["leakage"]
    if clouds.layout.preparations == 2 and np.isfinite(share):
        where = f"{100 * share:z.1f} ± {100 * error:.1f} % of the shots prepared in 1"
        return Objection(ACCEPTED, "leakage", f"{apart}, and a third cloud with {where}")
    warm, error = values["thermal_population"]
    if warm - WARM > CERTAIN * error:
        reason = (
            f"{apart}; {100 * warm:z.0f} ± {100 * error:.0f} % of the shots prepared in 0 are not"
        )
        return Objection(ACCEPTED, "thermal population high", reason)
    for state in range(1, clouds.layout.preparations):
        wrong, error = values[f"preparation_error_{state}"]
        if wrong - WEAK > CERTAIN * error:
            reason = f"{apart}; {100 * wrong:z.0f} % of the shots prepared in {state} are not"
            return Objection(ACCEPTED, "imperfect preparation", reason)
    return Objection(ACCEPTED, "success", apart)
