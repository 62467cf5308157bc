"""Good traces that something was done to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import FIT_KINDS
from tests.catalogue.nothing import column, hit, wave_of
from tests.catalogue.truth import Array, Parameters, Traces, Truth, log_uniform, white

LINES = ("centre", "low")  # hidden places of lines, which move by linewidths
PLACES = ("frequency", "frequency_0", "crossing_frequency")  # as values


def good(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """Typical parameters, well measured."""
    return _well(truth, rng, n)[1]


def _well(
    truth: Truth, rng: np.random.Generator, n: int, p: Parameters | None = None,
    y: NDArray[Any] | None = None,
) -> tuple[Parameters, Traces]:  # fmt: skip
    """Return traces from which all can be told, even if half of the contrast is lost."""
    p = truth.benign(rng, n) if p is None else p
    low, high = truth.mixed
    return p, truth.measured(rng, p, log_uniform(rng, 10 * low, 2 * high, n), y)


def as_measured(
    truth: Truth, rng: np.random.Generator, n: int, p: Parameters | None = None,
    y: NDArray[Any] | None = None,
) -> tuple[Parameters, Traces]:  # fmt: skip
    """Return typical parameters and their traces, as a laboratory measures them."""
    p = truth.benign(rng, n) if p is None else p
    low, high = truth.mixed
    return p, truth.measured(rng, p, log_uniform(rng, 2 * low, 0.6 * high, n), y)


def size_of(truth: Truth, p: Parameters) -> Array:
    return column(truth, truth.signal(p))


def _points(truth: Truth) -> int:
    return int(np.prod(truth.shape))


def held(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """After 5 to 60 % of the points the last value is repeated."""
    _, good = as_measured(truth, rng, n)
    flat = good.y.reshape(n, -1).copy()
    last = (rng.uniform(0.05, 0.6, n) * flat.shape[1]).astype(int)
    late = np.arange(flat.shape[1]) > last[:, None]
    flat = np.where(late, flat[np.arange(n), last][:, None], flat)
    return replace(good, y=flat.reshape(good.y.shape))


def repeated(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """The first fifth to half of the points again and again."""
    _, good = as_measured(truth, rng, n)
    flat = good.y.reshape(n, -1)
    block = (rng.uniform(0.2, 0.5, n) * flat.shape[1]).astype(int)
    index = np.arange(flat.shape[1]) % block[:, None]
    return replace(good, y=np.take_along_axis(flat, index, axis=1).reshape(good.y.shape))


def outlier(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """One point 5 to 50 sigma off."""
    _, good = as_measured(truth, rng, n)
    return replace(good, y=hit(truth, rng, good.y, good.sigma, (5.0, 50.0)))


def clipped(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """Cut above, below or both, at 60 to 95 % of what the signal spans; each part if complex."""
    p, good = as_measured(truth, rng, n)
    top, bottom = rng.choice([True, False], (2, n), p=[0.6, 0.4])
    bottom |= ~top
    y = truth.clean(p)
    inside = rng.uniform(0.6, 0.95, n)

    def cut(values: NDArray[Any]) -> NDArray[Any]:
        if not np.iscomplexobj(y):
            return _cut(truth, values, y, inside, top, bottom)
        re, im = (_cut(truth, v, c, inside, top, bottom)
                  for v, c in ((values.real, y.real), (values.imag, y.imag)))  # fmt: skip
        return re + 1j * im

    return replace(good, y=cut(good.y), clean=cut(y))


def _cut(
    truth: Truth, y: Array, clean: Array, inside: Array, top: Array, bottom: Array
) -> NDArray[Any]:
    flat = clean.reshape(len(clean), -1)
    low, span = flat.min(axis=1), np.ptp(flat, axis=1)
    high = np.where(top, low + inside * span, np.inf)
    floor = np.where(bottom, low + (1 - inside) * span, -np.inf)
    return np.clip(y, column(truth, floor), column(truth, high))


def saturated(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """Soft compression: tanh of the deviation from the background, to 5 to 50 % less."""
    p = truth.benign(rng, n)
    y, rest = truth.clean(p), truth.clean(truth.empty(p))
    size = np.abs(y - rest)
    largest = column(truth, size.reshape(n, -1).max(axis=1))
    hard = column(truth, log_uniform(rng, 0.4, 1.5, n))
    less = np.tanh(hard * size / largest) / np.maximum(hard * size / largest, 1e-12)
    return as_measured(truth, rng, n, p, rest + (y - rest) * np.where(size > 0, less, 1.0))[1]


def aliased(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """1.1 to 1.9 times half the sampling frequency, on an even axis."""
    p = _too_fast(truth, rng, n)
    return None if p is None else as_measured(truth, rng, n, p)[1]


def _too_fast(truth: Truth, rng: np.random.Generator, n: int) -> Parameters | None:
    if truth.turns is None or isinstance(truth.axis, tuple):
        return None
    p = truth.benign(rng, n)
    return {**p, truth.turns: rng.uniform(1.1, 1.9, n) * (len(truth.axis) - 1) / 2}


def aliased_unevenly(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """The same, every point moved by up to 0.3 of a step, as a designer of sweeps would."""
    p = _too_fast(truth, rng, n)
    if p is None or isinstance(truth.axis, tuple):
        return None
    step = truth.axis[1] - truth.axis[0]
    moved = truth.axis + 0.3 * step * rng.uniform(-1, 1, len(truth.axis))
    moved[0] = truth.axis[0]
    x = (moved - moved[0]) / np.ptp(truth.axis)
    return replace(as_measured(truth, rng, n, p, truth.clean(p, x))[1], x=moved)


def short(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """Parameters for which the axis is far too short."""
    return None if truth.short is None else as_measured(truth, rng, n, truth.short(rng, n))[1]


def long(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """Parameters for which the axis is far too long."""
    return None if truth.long is None else as_measured(truth, rng, n, truth.long(rng, n))[1]


def without_pair(good: Traces) -> Traces:
    """A second line was measured: to give it as the two-photon line is not wrong here."""
    drop = {k: v for k, v in good.low.items() if k != "frequency_gf_half"}
    return replace(good, low=drop, high={k: good.high[k] for k in drop})


def two_tones(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """30 to 50 % of the signal has another rate, frequency or line: 1.3 to 3 times, or beside."""
    if truth.drifts is None:
        return None
    p = truth.benign(rng, n)
    other = {**p, truth.drifts: _moved(truth, rng, p, 1.3, 3.0)}
    share = column(truth, rng.uniform(0.3, 0.5, n))
    y = (1 - share) * truth.clean(p) + share * truth.clean(other)
    return without_pair(_between(truth, as_measured(truth, rng, n, p, y)[1], p, other))


def _moved(truth: Truth, rng: np.random.Generator, p: Parameters, low: float, high: float) -> Array:
    """Return what drifts, larger or smaller by a factor; a line moves by so many linewidths."""
    old = p[str(truth.drifts)]
    factor = log_uniform(rng, low, high, len(old))
    if truth.drifts in LINES:
        result: Array = old + rng.choice([-1.0, 1.0], len(old)) * (factor - 1) * p["width"]
        return result
    return np.where(rng.random(len(old)) < 0.5, old * factor, old / factor)


def _between(truth: Truth, good: Traces, p: Parameters, other: Parameters) -> Traces:
    """Take every value between those of two sets of parameters for true, and wider lines."""
    a, b = truth.scored(p), truth.scored(other)
    low = {name: np.minimum(a[name], b[name]) for name in a}
    high = {name: np.maximum(a[name], b[name]) for name in a}
    if "linewidth" in high:
        moves = [high[name] - low[name] for name in PLACES if name in high]
        high["linewidth"] = high["linewidth"] + np.max(moves, axis=0)
    spread = ("q_loaded", "q_internal", "q_coupling")  # of two lines together: not one quality
    keep = [name for name in low if name not in spread]
    return replace(good, low={k: low[k] for k in keep}, high={k: high[k] for k in keep})


def warm(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """Contrast down to 40 %, and in a third of them upside down, about the middle."""
    if truth.strength != "contrast" or not truth.breaks:
        return None
    p = truth.benign(rng, n)
    y, less = truth.clean(p), rng.uniform(0.4, 1.0, n) * rng.choice([1.0, -1.0], n, p=[0.67, 0.33])
    flat = y.reshape(n, -1)
    middle = column(truth, 0.5 * (flat.max(axis=1) + flat.min(axis=1)))
    return _well(truth, rng, n, p, middle + column(truth, less) * (y - middle))[1]


def warm_known(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """Contrast of 50 to 90 % of what is known of it; the offset is as known."""
    kind = FIT_KINDS.get(truth.kind)
    if kind is None or not {"contrast", "offset"} <= set(kind.known):
        return None
    p = truth.benign(rng, n)
    real = {**p, "contrast": p["contrast"] * rng.uniform(0.5, 0.9, n)}
    known: dict[str, object] = {"contrast": p["contrast"], "offset": p["offset"]}
    return replace(as_measured(truth, rng, n, real)[1], known=known)


def dropped(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """3 to 10 times the noise at a tenth to a third of the points; up to 15 % are missing."""
    _, good = _well(truth, rng, n)
    few = rng.random(good.y.shape) < column(truth, rng.uniform(0.1, 0.33, n))
    sigma = good.sigma * np.where(few, rng.uniform(3.0, 10.0, good.y.shape), 1.0)
    more = np.sqrt(sigma**2 - good.sigma**2) * white(rng, good.y)
    order = rng.random((n, _points(truth))).argsort(axis=1).argsort(axis=1)
    lost = (order < (rng.uniform(0.0, 0.15, n) * _points(truth))[:, None] - 1).reshape(good.y.shape)
    return replace(good, y=np.where(lost, np.nan, good.y + more), sigma=sigma)


def drifting(truth: Truth, rng: np.random.Generator, n: int) -> Traces | None:
    """What drifts moves steadily by 5 to 50 %, a line by 0.2 to 2 linewidths, during the scan."""
    if truth.drifts is None:
        return None
    p = truth.benign(rng, n)
    ends = _moved(truth, rng, p, *((1.2, 3.0) if truth.drifts in LINES else (1.05, 1.5)))
    order = np.moveaxis(np.zeros(truth.shape), truth.slow, 0)
    time = np.linspace(0.0, 1.0, order.size).reshape(order.shape)
    time = np.moveaxis(time, 0, truth.slow)
    start = column(truth, p[truth.drifts])
    moving = {**p, truth.drifts: start + (column(truth, ends) - start) * time}
    traces = as_measured(truth, rng, n, p, truth.law(truth.windows(), truth.columns(moving)))[1]
    return _between(truth, traces, p, {**p, truth.drifts: ends})


def spur(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """A sinusoid of 2 to 50 % of the signal and 2 periods to a third of the sampling."""
    p = truth.benign(rng, n)
    size = size_of(truth, p) * column(truth, log_uniform(rng, 0.02, 0.5, n))
    wave = 2 * wave_of(truth, rng, n, 2.0, _points(truth) / 3)
    return as_measured(truth, rng, n, p, truth.clean(p) + size * wave)[1]


OF_ANY_LAW = (good, held, repeated, outlier, clipped, short, long, dropped)
"""What can be done to a trace whose law has no parameter that is 0 without a signal."""
