"""Broken records of single shots: what may go wrong, made from any truth, and what is right then.

Of damaged clouds the fractions are scored that began in each state, and decays: they outlive
whatever bends the plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.catalogue.broken import ACCEPTED, ANY, INSUFFICIENT, REFUSE, REJECTED, Broken
from tests.catalogue.readout import UNIT, Complex, Readout, centres
from tests.catalogue.truth import Array, Parameters, Traces, log_uniform

FRACTIONS = ("thermal_population", "preparation_error_1", "preparation_error_2", "leakage")
Generator = np.random.Generator


def _good(
    readout: Readout, rng: Generator, n: int, p: Parameters | None = None
) -> tuple[Parameters, Traces]:
    p = readout.draw(rng, n) if p is None else p
    return p, readout.measured(rng, p)


def _fractions(traces: Traces, y: NDArray[Any]) -> Traces:
    keep = {k: v for k, v in traces.low.items() if k in FRACTIONS}
    return replace(traces, y=y, low=keep, high=keep)


def _time(traces: Traces) -> Array:
    """0 to 1 in the order in which the shots were taken."""
    return np.linspace(0.0, 1.0, traces.y.shape[1])


def _way(rng: Generator, n: int) -> Complex:
    return np.exp(2j * np.pi * rng.random((n, 1)))


def _silent(readout: Readout, rng: Generator, n: int) -> Traces:
    """One cloud, whatever was prepared."""
    p = readout.draw(rng, n)
    zero = {f"c{s}{part}": p[f"c0{part}"] for s in range(readout.levels) for part in "iq"}
    return replace(readout.measured(rng, {**p, **zero}), low={}, high={}, hidden={})


def one_cloud(readout: Readout, rng: Generator, n: int) -> Traces:
    """Noise about one point: nothing tells the states apart."""
    return _silent(readout, rng, n)


def line(readout: Readout, rng: Generator, n: int) -> Traces:
    """One cloud that moves by half a width to 30 widths."""
    traces = _silent(readout, rng, n)
    far = UNIT * log_uniform(rng, 0.5, 30.0, n)[:, None] * _way(rng, n)
    return replace(traces, y=traces.y + far * _time(traces))


def _walk(rng: Generator, shape: tuple[int, ...]) -> Complex:
    steps = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return np.asarray(np.cumsum(steps, axis=1) / np.sqrt(shape[1]))


def walk(readout: Readout, rng: Generator, n: int) -> Traces:
    """One cloud on a walk of 1 to 10 widths."""
    traces = _silent(readout, rng, n)
    size = UNIT * log_uniform(rng, 1.0, 10.0, n)[:, None]
    return replace(traces, y=traces.y + size * _walk(rng, traces.y.shape))


def walk_alone(readout: Readout, rng: Generator, n: int) -> Traces:
    """A walk of 30 to 300 widths."""
    traces = _silent(readout, rng, n)
    size = UNIT * log_uniform(rng, 30.0, 300.0, n)[:, None]
    return replace(traces, y=traces.y + size * _walk(rng, traces.y.shape))


def step(readout: Readout, rng: Generator, n: int) -> Traces:
    """One cloud that jumps by 1 to 30 widths somewhere in the middle 80 %."""
    traces = _silent(readout, rng, n)
    after = _time(traces) > rng.uniform(0.1, 0.9, n)[:, None]
    far = UNIT * log_uniform(rng, 1.0, 30.0, n)[:, None] * _way(rng, n)
    return replace(traces, y=traces.y + far * after)


def telegraph(readout: Readout, rng: Generator, n: int) -> Traces:
    """One cloud that switches between two places many times, by itself."""
    traces = _silent(readout, rng, n)
    flips = rng.random(traces.y.shape) < log_uniform(rng, 1e-3, 0.1, n)[:, None]
    far = UNIT * log_uniform(rng, 2.0, 10.0, n)[:, None] * _way(rng, n)
    return replace(traces, y=traces.y + far * (np.cumsum(flips, axis=1) % 2))


def constant(readout: Readout, rng: Generator, n: int) -> Traces:
    """The same number for every shot, in a half of them 0."""
    traces = _silent(readout, rng, n)
    level = UNIT * _way(rng, n) * rng.integers(0, 2, (n, 1))
    return replace(traces, y=np.array(np.broadcast_to(level, traces.y.shape)))


def pulse_does_nothing(readout: Readout, rng: Generator, n: int) -> Traces:
    """A qubit of 10 to 50 % thermal population, and no preparation changes it."""
    p, warm = readout.draw(rng, n), rng.uniform(0.1, 0.5, n)
    began = {name: np.zeros(n) for name in p if name.startswith("began")}
    began |= {f"began_{s}0": 1 - warm for s in range(1, readout.preparations)}
    if readout.preparations > 2:
        began["began_21"] = warm
    traces = readout.measured(rng, {**p, **began, "began_01": warm})
    return replace(traces, low={}, high={}, hidden={})


def outlier_on_nothing(readout: Readout, rng: Generator, n: int) -> Traces:
    """One cloud, and one shot 10 to 100 widths away."""
    traces = _silent(readout, rng, n)
    return replace(traces, y=_hit(rng, traces.y, 1))


def _hit(rng: Generator, y: Complex, shots: int) -> Complex:
    y, n = y.copy(), len(y)
    for _ in range(shots):
        far = UNIT * log_uniform(rng, 10.0, 100.0, n) * _way(rng, n)[:, 0]
        y[np.arange(n), rng.integers(0, y.shape[1], n)] += far
    return y


def good(readout: Readout, rng: Generator, n: int) -> Traces:
    """Nothing is wrong."""
    return _good(readout, rng, n)[1]


def held(readout: Readout, rng: Generator, n: int) -> Traces:
    """From 20 to 80 % of the record on the last shot is written again and again."""
    traces = good(readout, rng, n)
    last = (rng.uniform(0.2, 0.8, n) * traces.y.shape[1]).astype(int)[:, None]
    index = np.minimum(np.arange(traces.y.shape[1]), last)
    return _fractions(traces, np.take_along_axis(traces.y, index, axis=1))


def repeated(readout: Readout, rng: Generator, n: int) -> Traces:
    """A buffer of 2 to 20 % of the record is written again over the next."""
    traces = good(readout, rng, n)
    y, m = traces.y.copy(), traces.y.shape[1]
    for k, share in enumerate(rng.uniform(0.02, 0.2, n)):
        size = int(share * m)
        at = int(rng.integers(0, m - 2 * size))
        y[k, at + size : at + 2 * size] = y[k, at : at + size]
    return _fractions(traces, y)


def outliers(readout: Readout, rng: Generator, n: int) -> Traces:
    """Three shots 10 to 100 widths away in a good record."""
    traces = good(readout, rng, n)
    return replace(traces, y=_hit(rng, traces.y, 3))


def clipped(readout: Readout, rng: Generator, n: int) -> Traces:
    """I or Q is cut off: 2 to 30 % of all shots are at the rail."""
    traces = good(readout, rng, n)
    turned = traces.y * rng.choice([1.0, 1j, -1.0, -1j], (n, 1))
    rail = np.array([np.quantile(y.real, 1 - s)
                     for y, s in zip(turned, rng.uniform(0.02, 0.3, n), strict=True)])  # fmt: skip
    y = np.minimum(turned.real, rail[:, None]) + 1j * turned.imag
    return _fractions(traces, y)


def compressed(readout: Readout, rng: Generator, n: int) -> Traces:
    """An amplifier that compresses: the larger the amplitude, the less is added; 5 to 30 %."""
    p, traces = _good(readout, rng, n)
    largest = UNIT * np.max([np.abs(c) for c in centres(p, readout.levels)], axis=0)[:, None]
    share = rng.uniform(0.05, 0.3, n)[:, None]
    return _fractions(traces, traces.y / (1 + share * (np.abs(traces.y) / largest) ** 2))


def dropped(readout: Readout, rng: Generator, n: int) -> Traces:
    """2 to 15 % of the shots are missing."""
    traces = good(readout, rng, n)
    lost = rng.random(traces.y.shape) < rng.uniform(0.02, 0.15, n)[:, None]
    return replace(traces, y=np.where(lost, np.nan, traces.y))


def drifting(readout: Readout, rng: Generator, n: int) -> Traces:
    """Both clouds move together by a tenth of a width to 3 widths."""
    traces = good(readout, rng, n)
    far = UNIT * log_uniform(rng, 0.1, 3.0, n)[:, None] * _way(rng, n)
    return _fractions(traces, traces.y + far * _time(traces))


def hum(readout: Readout, rng: Generator, n: int) -> Traces:
    """A sinusoid of a tenth of a width to 2 widths and 2 to 2000 periods on I and Q."""
    traces = good(readout, rng, n)
    size = UNIT * log_uniform(rng, 0.1, 2.0, n)[:, None] * _way(rng, n)
    turns = log_uniform(rng, 2.0, 2000.0, n)[:, None] * _time(traces) + rng.random((n, 1))
    return _fractions(traces, traces.y + size * np.cos(2 * np.pi * turns))


def warm(readout: Readout, rng: Generator, n: int) -> Traces:
    """10 to 30 % of the shots prepared in 0 began in 1, and as many the other way round.

    At least 2.5 widths apart: of closer clouds, filled so, 4000 shots do not hold the fidelity to
    2 % (its bound reaches 2.2 % at 2 widths).
    """
    p, share = readout.draw(rng, n), rng.uniform(0.1, 0.3, n)
    far = np.maximum(1.0, 2.5 / np.hypot(p["c1i"] - p["c0i"], p["c1q"] - p["c0q"]))
    apart = {f"c1{k}": p[f"c0{k}"] + far * (p[f"c1{k}"] - p[f"c0{k}"]) for k in "iq"}
    return _good(readout, rng, n, {**p, **apart, "began_01": share, "began_10": share})[1]


def swapped(readout: Readout, rng: Generator, n: int) -> Traces | None:
    """0 and 1 are exchanged in what is said to be prepared; 4 to 9 widths apart, with decay."""
    if readout.preparations > 2:
        return None
    p = readout.draw(rng, n)
    apart = rng.uniform(4.0, 9.0, n) / np.hypot(p["c1i"] - p["c0i"], p["c1q"] - p["c0q"])
    near = {f"c1{k}": p[f"c0{k}"] + apart * (p[f"c1{k}"] - p[f"c0{k}"]) for k in "iq"}
    traces = _good(readout, rng, n, {**p, **near, "decay_1": rng.uniform(0.1, 0.3, n)})[1]
    return replace(traces, x=1 - traces.x, low={}, high={})  # type: ignore[operator]  # no tuple


def jumping(readout: Readout, rng: Generator, n: int) -> Traces:
    """A third place, off the line of 0 and 1, holds 20 to 40 % of all shots."""
    p, traces = _good(readout, rng, n)
    zero, one = centres(p, 2)
    there = UNIT * (zero + (one - zero) * (0.5 + 1.2j))[:, None]
    noise = rng.normal(size=traces.y.shape) + 1j * rng.normal(size=traces.y.shape)
    share = rng.uniform(0.2, 0.4, n)[:, None]
    y = np.where(rng.random(traces.y.shape) < share, there + UNIT * noise, traces.y)
    return replace(traces, y=y, low={}, high={})


def too_close(readout: Readout, rng: Generator, n: int) -> Traces:
    """Clouds a tenth to seven tenths of a width apart."""
    p = readout.draw(rng, n)
    c = centres(p, readout.levels)
    near = rng.uniform(0.1, 0.7, n) / np.abs(c[1] - c[0])
    moved = [c[0] + near * (each - c[0]) for each in c]
    p |= {
        f"c{s}{k}": part for s, z in enumerate(moved) for k, part in (("i", z.real), ("q", z.imag))
    }
    return _good(readout, rng, n, p)[1]


def few(readout: Readout, rng: Generator, n: int) -> Traces:
    """All but 20 to 80 shots of each preparation are missing."""
    traces = good(readout, rng, n)
    kept = rng.integers(20, 81, n)[:, None] * readout.preparations
    order = rng.random(traces.y.shape).argsort(axis=1).argsort(axis=1)
    return replace(traces, y=np.where(order < kept, traces.y, np.nan))


Make = Callable[[Any, Generator, int], Traces | None]


def _class(name: str, make: Make, right: tuple[str, ...], why: str, **more: Any) -> Broken:
    return Broken(name, make, right, why, **more)


BROKEN: tuple[Broken, ...] = (
    _class("good", good, (ACCEPTED,), "nothing is wrong, and the information suffices"),
    _class("one cloud", one_cloud, REFUSE, "nothing tells the states apart", never=True),
    _class("line", line, REFUSE, "one cloud that drifts", never=True),
    _class("random walk and noise", walk, REFUSE, "one cloud that wanders", never=True),
    _class("random walk alone", walk_alone, REFUSE, "drift and next to no noise", never=True),
    _class("step", step, REFUSE, "something switched once", never=True),
    _class("telegraph noise", telegraph, REFUSE, "two clouds that no preparation tells apart"),
    _class("constant", constant, (REJECTED,), "a channel that is not connected"),
    _class("pulse does nothing", pulse_does_nothing, REFUSE, "two clouds, filled alike"),
    _class("outlier on nothing", outlier_on_nothing, REFUSE, "one shot is no cloud"),
    _class("held from some point on", held, REFUSE, "the digitizer stopped"),
    _class("repeated block", repeated, REFUSE, "one buffer was read twice"),
    _class("outliers", outliers, ANY, "three bad shots; accept what is still honest"),
    _class("clipped", clipped, REFUSE, "shots beyond the range are cut to it"),
    _class("saturated", compressed, ANY, "clouds are no longer round; fractions outlive it"),
    _class("dropped shots", dropped, (ACCEPTED,), "the rest is good"),
    _class("drift during the scan", drifting, ANY, "accept what is still honest"),
    _class("hum", hum, ANY, "clouds are smeared; accept what is still honest"),
    _class(
        "warm chip",
        warm,
        (ACCEPTED,),
        "poor preparation of clouds 2.5 widths apart or more; the readout is as good as before",
    ),
    _class("swapped preparation", swapped, REFUSE, "decays lead from 0 to 1"),
    _class("third place", jumping, REFUSE, "a defect or a jump of the resonator: not two clouds"),
    _class("clouds too close", too_close, REFUSE, "no readout"),
    _class("few shots", few, (INSUFFICIENT,), "twenty to eighty of each"),
)
