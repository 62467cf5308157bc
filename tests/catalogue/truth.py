"""The ground truth of a kind of fit: laws whose parameters are known, and noise on them.

To add a kind, write `truths_<family>.py` in this folder with a dict `TRUTHS: dict[str, Truth]`;
it is found by itself. A Truth is three functions:

- `draw(rng, n)` gives the hidden parameters by name, each (N,), all of order 1 (times and
  frequencies in units of the window, not in SI), and no two of which do the same to the trace;
- `law(x, p)` gives y without noise, (N, M), or (N, A, B) where `axis` is a tuple of two. x is the
  axis in units of the window (0 at its start, or at SI zero with `from_zero`); every p[name]
  comes as a column that broadcasts against x, so write it as if p were numbers;
- `scored(p)` gives what the fit should find, under the names of `FitBatch.values`, in SI units,
  (N,) each. A NaN says that there is no such value, and that giving one is wrong.

That is enough for the tables of speed, success and honesty. The broken traces also need
`strength`, the hidden parameter that is 0 where there is no signal, and use `typical`, `short`,
`long`, `drifts` and `turns` where they are given. A class that only this kind knows goes into
`own`. Look at `t1` in truths_decays.py for the shortest example.

Data that are no sweep with Gaussian noise or counts (single shots, sequences that scatter by more
than sigma) are a subclass of Truth with its own `measured`, `noise` or `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import FitBatch, fit_batch

Array = NDArray[np.float64]
Parameters = dict[str, Array]
Limit = tuple[float | Callable[[Parameters], Array], float]
Axis = Array | tuple[Array, ...]
Draw = Callable[[np.random.Generator, int], Parameters]


@dataclass(frozen=True, eq=False)
class Traces:
    """N traces and what may be said about them.

    y: (N, ...); sigma: of each point, or of each part of a complex one. low, high: the scored
    values, equal where the truth is one number; a value between them is right. Empty where there
    is nothing to measure, so that any value is wrong. hidden, clean: the parameters and the trace
    without noise, after what was done to it.
    """

    x: Axis
    y: NDArray[Any]
    sigma: Array
    low: dict[str, Array] = field(default_factory=dict)
    high: dict[str, Array] = field(default_factory=dict)
    known: dict[str, object] = field(default_factory=dict)
    hidden: Parameters = field(default_factory=dict)
    clean: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, which: Any) -> Traces:
        """Return some of the traces."""
        return replace(
            self, y=self.y[which], sigma=self.sigma[which], low=_taken(self.low, which),
            high=_taken(self.high, which), known=_taken(self.known, which),
            hidden=_taken(self.hidden, which),
            clean=None if self.clean is None else self.clean[which],
        )  # fmt: skip


def _taken(values: dict[str, Any], which: Any) -> dict[str, Any]:
    return {k: v[which] if isinstance(v, np.ndarray) and v.ndim else v for k, v in values.items()}


class Breaks(Protocol):
    """What makes broken traces of a truth: see broken.py."""

    name: str


@dataclass(frozen=True, eq=False)
class Other:
    """Another law that a trace may follow, in terms of the same hidden parameters.

    start: its parameters from the true ones; fixed: those that it does not have; freed: those that
    the true law knows, and this one has to find; usual: how well it knows these nevertheless, for
    their bound; asked: the gain in chi-square for which the fit believes the true law instead.
    alike: it is no other law, but the true one with what is usual, so that nobody has to tell the
    one from the other.
    """

    start: Callable[[Parameters], Parameters]
    fixed: tuple[str, ...] = ()
    asked: float = 0.0
    alike: bool = False
    freed: tuple[str, ...] = ()
    usual: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Truth:
    """A law with hidden parameters.

    kind: of the fit. axis: (M,) SI, or a tuple of two. scale: what 5 % is a part of, by scored
    name; the value itself where it is not given (a line's centre is measured in linewidths).
    times: of decays, by scored name; they are judged as rates. besides: other values that the fit
    gives, contrast and offset most of all; only their error bars are judged. aside_law: the law of
    their bound, all hidden parameters free, where they hang on one that the values do not. usual:
    hidden parameters that the fit only knows to be usual, within that standard deviation, or one
    that hangs on the others; the oracle knows it too of those that are not fixed, which are about
    0.
    fixed: hidden parameters that the fit does not have to find (a sign, a shape that is one of
    two). between: by scored name of what the data only have between two points of a sweep, how far
    apart these are. limits: between which a hidden parameter has a meaning, for fit and oracle
    alike.
    strength: the parameter that is 0 without a signal; size: signal for which the
    signal-to-noise ratio is 1. shots: binomial counts instead of Gaussian noise. known: handed to
    the fit. typical: parameters any laboratory would be content with; short, long: windows badly
    chosen; drifts: what drifts during a scan; slow: the axis that is swept slowest
    meanwhile; turns: the frequency that may be an alias.
    breaks: whether its broken traces are also tests, and a smaller or inverted contrast leaves its
    values alone. mixed: SNR from and to, log-uniform; snrs: those
    of the table of success. choice: what the fit has to choose besides; others: the
    other laws there are, which the oracle must rule out, too. own:
    classes of broken traces that only this kind knows. edge: whether what is hidden lies on an edge
    of what is physical, where no bound holds, and bars may be longer than they need be. tabled: its
    broken traces have a table, though another truth of its kind has one.
    """

    name: str
    kind: str
    axis: Axis
    draw: Draw
    law: Callable[[Any, Parameters], NDArray[Any]]
    scored: Callable[[Parameters], dict[str, Array]]
    scale: Callable[[Parameters], dict[str, Array]] = field(default=lambda p: {})
    fixed: tuple[str, ...] = ()
    between: dict[str, float] = field(default_factory=dict)
    strength: str = "contrast"
    size: Callable[[Parameters], Array] | None = None
    shots: int | None = None
    known: Callable[[Parameters], dict[str, object]] = field(default=lambda p: {})
    typical: Draw | None = None
    short: Draw | None = None
    long: Draw | None = None
    drifts: str | None = None
    slow: int = 0
    turns: str | None = None
    from_zero: bool = False
    breaks: bool = True
    mixed: tuple[float, float] = (5.0, 100.0)
    snrs: tuple[float, ...] = (5.0, 10.0, 50.0)
    choice: str = ""
    others: tuple[Other, ...] = ()
    limits: dict[str, Limit] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    besides: Callable[[Parameters], dict[str, Array]] = field(default=lambda p: {})
    aside_law: Callable[[Any, Parameters], NDArray[Any]] | None = None
    usual: dict[str, float | Callable[[Parameters], Array]] = field(default_factory=dict)
    own: tuple[Breaks, ...] = ()
    edge: bool = False
    tabled: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one trace."""
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return tuple(len(a) for a in axes)

    def windows(self) -> Any:
        """Return the axis in units of the window; two axes as they broadcast, (A, 1) and (B,)."""
        if not isinstance(self.axis, tuple):
            return self._scaled(self.axis)
        first, second = (self._scaled(a) for a in self.axis)
        return first[:, None], second

    def _scaled(self, axis: Array) -> Array:
        reach = np.abs(axis).max() if self.from_zero else np.ptp(axis)
        result: Array = (axis if self.from_zero else axis - axis.min()) / reach
        return result

    def columns(self, p: Parameters) -> Parameters:
        """Return parameters (N,) as columns that broadcast against the axis."""
        ones = (1,) * len(self.shape)
        return {name: v.reshape(-1, *ones) if v.ndim == 1 else v for name, v in p.items()}

    def clean(self, p: Parameters, x: Any = None) -> NDArray[Any]:
        """Return the traces without noise."""
        n = len(next(iter(p.values())))
        y = self.law(self.windows() if x is None else x, self.columns(p))
        return np.array(np.broadcast_to(y, (n, *self.shape)))

    def signal(self, p: Parameters) -> Array:
        """Return the size of the signal (N,), in terms of which the noise is given."""
        return np.abs(p[self.strength]) if self.size is None else self.size(p)

    def measured(
        self, rng: np.random.Generator, p: Parameters, snr: float | Array | None = None,
        y: NDArray[Any] | None = None,
    ) -> Traces:  # fmt: skip
        """Return noisy traces of these parameters, or of other clean y with the same noise.

        snr: signal over one standard deviation of a point; None is log-uniform over `mixed`.
        Ignored where the noise is that of counts.
        """
        y = self.clean(p) if y is None else y
        true = self.scored(p)
        known = self.known(p)
        if self.shots is not None:
            count = rng.binomial(self.shots, np.clip(y, 0.0, 1.0)) / self.shots
            spread = np.sqrt(count * (1 - count) / self.shots)
            return Traces(self.axis, count, spread, true, true, known, p, y)
        n = len(y)
        ratio = np.exp(rng.uniform(*np.log(self.mixed), n)) if snr is None else snr
        sigma = self.columns({"s": np.broadcast_to(self.signal(p) / ratio, (n,))})["s"]
        sigma = np.array(np.broadcast_to(sigma, y.shape))
        return Traces(self.axis, y + sigma * white(rng, y), sigma, true, true, known, p, y)

    def noise(self, p: Parameters, traces: Traces) -> Array:
        """Return the true standard deviation of every point; that of counts follows from p."""
        if self.shots is None:
            return traces.sigma
        chance = np.clip(self.clean(p), 0.5 / self.shots, 1 - 0.5 / self.shots)
        result: Array = np.sqrt(chance * (1 - chance) / self.shots)
        return result

    def spreads(self, p: Parameters, sigma: Array) -> dict[str, Array]:
        """Return the standard deviation (N,) of the values that no law bounds."""
        del p
        return {name: np.full(len(sigma), step / np.sqrt(12.0))
                for name, step in self.between.items()}  # fmt: skip

    def benign(self, rng: np.random.Generator, n: int) -> Parameters:
        """Return parameters for which the axis is well chosen."""
        return (self.typical or self.draw)(rng, n)

    def aside(self) -> Truth | None:
        """Return the same law with what stands besides as its values; None where nothing does.

        Of an offset 5 % is a part of the contrast, of a phase of a radian; else see `scale`.
        """
        if not self.besides(self.draw(np.random.default_rng(0), 1)):
            return None

        def parts(p: Parameters) -> dict[str, Array]:
            if "contrast" not in p:
                return self.scale(p)
            size = np.abs(p["contrast"])
            return {"offset": size, "phase": np.ones(len(size))} | self.scale(p)

        aside = replace(self, scored=self.besides, scale=parts, times=())
        return replace(aside, law=self.aside_law, fixed=()) if self.aside_law else aside

    @property
    def freed(self) -> tuple[str, ...]:
        """What is fixed though the fit has to find it: its oracle knows more than it can."""
        return tuple(name for other in self.others for name in other.freed)

    def unknowing(self) -> Truth:
        """Return the same truth for whoever has to find all that the fit has to."""
        if not self.freed:
            return self
        kept = tuple(other for other in self.others if not other.freed)
        usual = {k: v for other in self.others for k, v in (self.usual | other.usual).items()}
        fixed = tuple(name for name in self.fixed if name not in self.freed)
        return replace(self, fixed=fixed, others=kept, usual=usual)

    def empty(self, p: Parameters) -> Parameters:
        """Return the parameters without their signal."""
        return {**p, self.strength: np.zeros_like(p[self.strength])}

    def ends(self, name: str, p: Parameters) -> tuple[Array | float, float]:
        """Return the limits of a hidden parameter beside the others."""
        low, high = self.limits[name]
        return low(p) if callable(low) else low, high

    def fit(self, traces: Traces, given: bool = True) -> FitBatch:
        """Fit the traces with or without their sigma, or shots."""
        sigma = traces.sigma if given and self.shots is None else None
        known = traces.known | ({"shots": self.shots} if given and self.shots else {})
        return fit_batch(self.kind, traces.x, traces.y, sigma, **known)  # type: ignore[arg-type]  # tuple for maps


def white(rng: np.random.Generator, y: NDArray[Any]) -> NDArray[Any]:
    """Return noise of variance 1 (of each part) like y."""
    noise = rng.normal(size=y.shape)
    return noise + 1j * rng.normal(size=y.shape) if np.iscomplexobj(y) else noise


def log_uniform(rng: np.random.Generator, low: float, high: float, n: int) -> Array:
    """Return n numbers, uniform in the logarithm."""
    result: Array = np.exp(rng.uniform(np.log(low), np.log(high), n))
    return result


def either(rng: np.random.Generator, shares: list[float], choices: list[Array]) -> Array:
    """Return from choices (K, N) one for each trace, with these chances."""
    n = len(choices[0])
    pick = rng.choice(len(shares), size=n, p=shares)
    result: Array = np.stack(choices)[pick, np.arange(n)]
    return result
