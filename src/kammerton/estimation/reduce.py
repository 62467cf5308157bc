"""From block means to traces: the mean, its honest sigma, and the right real number of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

from kammerton.model import Program, Records, Trace, TraceError
from kammerton.model.trace import ComplexArray, FloatArray

Blocks = NDArray[np.float64] | NDArray[np.complex128]
Settings = Mapping[str, float]
"""Of one target, by relative name: "r.readout_angle", "r.readout_threshold", ..."""

SEVERAL = 1e3
"""Degrees of freedom beyond which a prior variance is taken as the variance itself."""


def mean_and_sigma(blocks: Blocks) -> tuple[Blocks, FloatArray]:
    """Return the mean (M,) of blocks (B, M), and the standard error (M,) of it.

    For complex blocks sigma is that of each part, real and imaginary taken together.

    A variance from 20 blocks is itself uncertain by a third, and a fit that weights with it
    would trust by chance. The points of a sweep therefore share what they know: each variance
    is drawn towards the common one as far as the sweep shows they are alike (empirical Bayes
    with a scaled inverse chi-square prior, Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3, 2004).
    What uncertainty is left inflates sigma so that squared residuals over sigma squared still
    have the mean 1. A point with a block that is not finite is a missing point: its mean is NaN.

    Raises
    ------
    TraceError
        Fewer than two blocks: without scatter there is no sigma.
    """
    count = _counted(blocks)
    mean = blocks.mean(axis=0)
    apart = blocks - mean
    parts = 2 if np.iscomplexobj(blocks) else 1
    freedom = parts * (count - 1)
    variance = (apart.real**2 + apart.imag**2).sum(axis=0) / freedom
    return mean, np.sqrt(moderated(variance, freedom) / count)


def moderated(variance: FloatArray, freedom: int) -> FloatArray:
    """Return variances (M,), each with `freedom` degrees, drawn towards what they have in common.

    Points without any scatter (a stuck digitizer) say nothing about the others and get the
    common variance; without scatter anywhere all stay 0.
    """
    alive = variance > 0
    if alive.sum() < 2:
        return variance
    prior, weight = _prior(np.log(variance[alive]), freedom)
    if weight > SEVERAL:
        return np.full(variance.shape, variance[alive].mean())
    shrunk = (weight * prior + freedom * np.where(alive, variance, prior)) / (weight + freedom)
    total = weight + freedom
    return np.asarray(shrunk * (total / (total - 2.0) if total > 4.0 else 2.0))


def _prior(log_variance: FloatArray, freedom: int) -> tuple[float, float]:
    """Return the prior variance and its degrees of freedom, by the moments of log variances."""
    expected = log_variance - digamma(freedom / 2) + math.log(freedom / 2)
    excess = float(expected.var(ddof=1) - polygamma(1, freedom / 2))
    if excess <= 0:
        return math.exp(float(expected.mean())), math.inf
    half = _inverse_trigamma(excess)
    prior = math.exp(float(expected.mean()) + float(digamma(half)) - math.log(half))
    return prior, 2 * half


def _inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value by Newton's method on 1/trigamma, which is nearly a line."""
    x = 0.5 + 1.0 / value
    for _ in range(20):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1.0 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x


def axis_of(mean: ComplexArray) -> float:
    """Return the direction (rad, in -pi/2..pi/2) in which a sweep (M,) changes most."""
    finite = mean[np.isfinite(mean)]
    if finite.size == 0:
        return 0.0
    apart = finite - finite.mean()
    return 0.5 * float(np.angle((apart**2).sum()))


def along_axis(blocks: ComplexArray) -> tuple[FloatArray, float]:
    """Return blocks (B, M) along the largest change of their mean, Re(z exp(-i angle)), and angle.

    Their scatter is that along this axis alone, because the projection noise of the qubit's state
    is there and not across.
    """
    _counted(blocks)
    angle = axis_of(blocks.mean(axis=0))
    return _turned(blocks, angle), angle


def _turned(blocks: ComplexArray, angle: float) -> FloatArray:
    return np.asarray((blocks * np.exp(-1j * angle)).real)


def populations(
    blocks: ComplexArray, angle: float, threshold: float, contrast: float
) -> FloatArray:
    """Return the populations of 1 of blocks (B, M) in V.

    (Re(z exp(-i angle)) - threshold) / contrast + 1/2: near 0 and 1 for the two states; what
    the discriminator leaves of offset and contrast is for the fit to find.

    Raises
    ------
    TraceError
        The contrast is zero.
    """
    if not contrast > 0:
        raise TraceError(f"a readout contrast of {contrast} V tells no state from another")
    return (_turned(blocks, angle) - threshold) / contrast + 0.5


def traces(
    program: Program, records: Records, uses: str, settings: Mapping[str, Settings]
) -> dict[str, Trace]:
    """Return the trace of every target of a program, prepared as its calibration `uses` them.

    settings: target -> its parameters by relative name; "population" needs "r.readout_angle",
    "r.readout_threshold" and "r.readout_contrast". For "shots" the trace holds the mean of each
    prepared state, for pictures; the fit takes the shots themselves.

    Raises
    ------
    TraceError
        A target has no record, or one that does not match the sweep.
    """
    return {target: _trace(program, records, uses, settings, target) for target in program.axis}


def used_blocks(
    program: Program, records: Records, uses: str, settings: Mapping[str, Settings]
) -> dict[str, Blocks]:
    """Return the blocks (B, M) of every target, of which its trace is the mean; as for `traces`."""
    return {target: _used(program, records, uses, settings, target)[0] for target in program.axis}


def _trace(
    program: Program, records: Records, uses: str, settings: Mapping[str, Settings], target: str
) -> Trace:
    blocks, unit = _used(program, records, uses, settings, target)
    y, sigma = mean_and_sigma(blocks)
    x = program.axis[target]
    return Trace(target, x, y, sigma, program.axis_name, program.axis_unit, unit)


def _used(
    program: Program, records: Records, uses: str, settings: Mapping[str, Settings], target: str
) -> tuple[Blocks, str]:
    measured = records.shots if uses == "shots" else records.blocks
    if target not in measured:
        raise TraceError(f"{target}: the bench returned no {uses} data")
    blocks, x = measured[target], program.axis[target]
    if blocks.ndim != 2 or blocks.shape[1] != x.size:
        raise TraceError(f"{target}: data of shape {blocks.shape} for a sweep of {x.size} points")
    return _prepared(blocks, uses, settings.get(target, {}), target)


def _prepared(
    blocks: ComplexArray, uses: str, settings: Settings, target: str
) -> tuple[Blocks, str]:
    if uses in ("complex", "shots"):
        return blocks, "V"
    if uses == "axis":
        return along_axis(blocks)[0], "V"
    if uses != "population":
        raise TraceError(f"{target}: {uses!r} is no way to prepare a trace")
    names = ("r.readout_angle", "r.readout_threshold", "r.readout_contrast")
    missing = [name for name in names if name not in settings]
    if missing:
        raise TraceError(f"{target}: the population needs {', '.join(missing)}")
    return populations(blocks, *(settings[name] for name in names)), ""


def _counted(blocks: Blocks) -> int:
    count = int(blocks.shape[0])
    if count < 2:
        raise TraceError(f"{count} block: at least 2 are needed to know the scatter")
    return count
