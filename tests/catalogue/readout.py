"""Single shots of a known truth: clouds of 2 or 3 states that decay while they are read out.

Not a sweep, so no `Truth`: a Readout has the same names where it has the same things (`draw`,
`scored`, `measured`, `fit`). Hidden parameters, (N,) each: centres `c0i`, `c0q`, `c1i` ... and
`width` in units of UNIT, `decay_1`, `decay_2` per length of the readout, and `began_pl`, the
fraction of shots prepared in p that began in l.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from kammerton.estimation import FitBatch, fit_batch
from tests.catalogue.truth import Array, Parameters, Traces, log_uniform

Complex = NDArray[np.complex128]
UNIT = 1e-3  # V
AT, SHARE = (0.5 * part for part in np.polynomial.legendre.leggauss(16))
AT = AT + 0.5
"""Where along one decay, and how much of it."""
NO_SIGMA = np.zeros((1, 1))


@dataclass(frozen=True, eq=False)
class Readout:
    """Preparations 0 to `preparations` - 1 of a system of `levels` states.

    in_turn: prepared in 0, 1, 0, 1 ... or first all in 0. shots: of each preparation.
    """

    name: str
    draw: Callable[[np.random.Generator, int], Parameters]
    preparations: int = 2
    levels: int = 2
    in_turn: bool = True
    shots: int = 4000
    kind: str = "single_shot_readout"

    @property
    def x(self) -> NDArray[np.intp]:
        """What each shot was prepared in (M,)."""
        each = np.arange(self.preparations)
        return np.tile(each, self.shots) if self.in_turn else np.repeat(each, self.shots)

    def scored(self, p: Parameters) -> dict[str, Array]:
        """Return the values that a fit should find (N,), in SI units."""
        c, n = centres(p, self.preparations), len(p["width"])
        apart = [np.abs(a - b) for i, a in enumerate(c) for b in c[:i]]
        values = {
            "cloud_width": UNIT * p["width"],
            "separation": np.min(apart, axis=0) / p["width"],
        }
        for s, centre in enumerate(c):
            values[f"centre_{s}_i"], values[f"centre_{s}_q"] = (
                UNIT * centre.real,
                UNIT * centre.imag,
            )
        values["thermal_population"] = sum(
            self._began(p, 0, level) for level in range(1, self.levels)
        )
        for s in range(1, self.preparations):
            others = [level for level in range(self.levels) if level != s]
            values[f"preparation_error_{s}"] = sum(self._began(p, s, level) for level in others)
            values[f"decay_{s}"] = p[f"decay_{s}"]
        values["leakage"] = self._began(p, 1, 2) if self.levels > 2 else np.full(n, np.nan)
        if self.preparations == 2:
            values |= along(p)
        return values

    def _began(self, p: Parameters, prepared: int, level: int) -> Array:
        return p.get(f"began_{prepared}{level}", np.zeros_like(p["width"]))

    def rows(self, p: Parameters, n: int) -> Array:
        """Return where the shots of each preparation of target n began (P, L)."""
        rows = np.zeros((self.preparations, self.levels))
        for s in range(self.preparations):
            rows[s] = [0.0 if level == s else self._began(p, s, level)[n]
                       for level in range(self.levels)]  # fmt: skip
            rows[s, s] = 1 - rows[s].sum()
        return rows

    def measured(self, rng: np.random.Generator, p: Parameters) -> Traces:
        """Return the shots of every target (N, M), each qubit followed through its readout."""
        x, n = self.x, len(p["width"])
        y = np.array([self._shots(rng, p, k, x) for k in range(n)])
        true = self.scored(p)
        return Traces(x, y, np.broadcast_to(NO_SIGMA, (n, 1)), true, true, hidden=p)

    def _shots(
        self, rng: np.random.Generator, p: Parameters, n: int, x: NDArray[np.intp]
    ) -> Complex:
        edges = np.cumsum(self.rows(p, n), axis=1)
        level = (rng.random(x.size)[:, None] > edges[x]).sum(axis=1).clip(max=self.levels - 1)
        c = [centre[n] for centre in centres(p, self.levels)]
        now, signal = np.zeros(x.size), np.zeros(x.size, complex)
        for state in range(self.levels - 1, 0, -1):
            stay = rng.exponential(1 / p[f"decay_{state}"][n], x.size)
            until = np.where(level >= state, np.minimum(now + stay, 1.0), now)
            signal, now = signal + (until - now) * c[state], until
        noise = rng.normal(size=x.size) + 1j * rng.normal(size=x.size)
        return np.asarray(UNIT * (signal + (1 - now) * c[0] + p["width"][n] * noise))

    def benign(self, rng: np.random.Generator, n: int) -> Parameters:
        """Return parameters that any laboratory would be content with."""
        return self.draw(rng, n)

    def fit(self, traces: Traces, given: bool = True) -> FitBatch:
        """Fit the shots; there is no sigma to give."""
        return fit_batch(self.kind, traces.x, traces.y, **traces.known)  # type: ignore[arg-type]  # x is no tuple


def centres(p: Parameters, count: int) -> list[Complex]:
    """Return the centres of the first states (N,), in units of UNIT."""
    return [p[f"c{s}i"] + 1j * p[f"c{s}q"] for s in range(count)]


def ways(p: Parameters, n: int, level: int) -> tuple[Array, Complex]:
    """Return weights and centres (J,) of the Gaussians that a state's decays smear it into."""
    c = [centre[n] for centre in centres(p, level + 1)]
    if level == 0:
        return np.ones(1), np.array(c)
    f, w, d = AT, SHARE, p[f"decay_{level}"][n]
    leaving = w * d * np.exp(-d * f)
    if level == 1:
        return np.r_[np.exp(-d), leaving], np.r_[c[1], c[0] + f * (c[1] - c[0])]
    d1, g = p["decay_1"][n], f[:, None] + (1 - f[:, None]) * f
    again = leaving[:, None] * (1 - f[:, None]) * w * d1 * np.exp(-d1 * (g - f[:, None]))
    twice = f[:, None] * c[2] + (g - f[:, None]) * c[1] + (1 - g) * c[0]
    once = leaving * np.exp(-d1 * (1 - f))
    return (np.r_[np.exp(-d), once, again.ravel()],
            np.r_[c[2], f * c[2] + (1 - f) * c[1], twice.ravel()])  # fmt: skip


def called_one(p: Parameters, n: int, angle: float, threshold: float, levels: int = 2) -> Array:
    """Return the chance (L,) that a shot that began in 0, 1 ... lies beyond a threshold (V)."""
    chances = []
    for level in range(levels):
        w, c = ways(p, n, level)
        t = (c * np.exp(-1j * angle)).real
        chances.append(float(w @ ndtr((t - threshold / UNIT) / p["width"][n])))
    return np.array(chances)


def along(p: Parameters) -> dict[str, Array]:
    """Return direction, contrast and the threshold of least total error of states 0 and 1."""
    zero, one = centres(p, 2)
    angle, width = np.angle(one - zero), p["width"][:, None]
    turn = np.exp(-1j * angle)[:, None]
    parts = [ways(p, n, 1) for n in range(len(angle))]
    w, c = np.array([part[0] for part in parts]), np.array([part[1] for part in parts])
    of_zero, of_one = (zero[:, None] * turn).real, (c * turn).real
    low, high = of_zero, (one[:, None] * turn).real
    for _ in range(50):  # bisection on the difference of the two densities
        middle = 0.5 * (low + high)
        here = (w * np.exp(-0.5 * ((middle - of_one) / width) ** 2)).sum(axis=1, keepdims=True)
        more = here > np.exp(-0.5 * ((middle - of_zero) / width) ** 2)
        low, high = np.where(more, low, middle), np.where(more, middle, high)
    return {"readout_angle": angle, "readout_contrast": UNIT * np.abs(one - zero),
            "readout_threshold": UNIT * 0.5 * (low + high)[:, 0]}  # fmt: skip


def _pair(rng: np.random.Generator, n: int, low: float, high: float) -> Parameters:
    """Return two clouds of width 1, `low` to `high` widths apart, somewhere in the plane."""
    zero = 5 * (rng.normal(size=n) + 1j * rng.normal(size=n))
    one = zero + log_uniform(rng, low, high, n) * np.exp(1j * rng.uniform(-2.8, 2.8, n))
    return {"c0i": zero.real, "c0q": zero.imag, "c1i": one.real, "c1q": one.imag,
            "width": np.ones(n)}  # fmt: skip


def two(rng: np.random.Generator, n: int) -> Parameters:
    """Overlapping to well apart; thermal population, imperfect pulses, decay."""
    return _pair(rng, n, 2.0, 9.0) | {
        "decay_1": log_uniform(rng, 0.01, 0.3, n), "began_01": log_uniform(rng, 0.005, 0.08, n),
        "began_10": log_uniform(rng, 0.01, 0.12, n),
    }  # fmt: skip


def _third(rng: np.random.Generator, p: Parameters, n: int) -> Parameters:
    zero, one = centres(p, 2)
    side = rng.choice([-1.0, 1.0], n) * rng.uniform(np.pi / 3, 2 * np.pi / 3, n)
    there = 0.5 * (zero + one) + (one - zero) * rng.uniform(0.9, 1.5, n) * np.exp(1j * side)
    return {"c2i": there.real, "c2q": there.imag}


def leaky(rng: np.random.Generator, n: int) -> Parameters:
    """Two preparations, of which the second sometimes ends in a third state."""
    p = two(rng, n) | _pair(rng, n, 4.0, 9.0)
    return p | _third(rng, p, n) | {
        "decay_2": 2 * p["decay_1"], "began_12": log_uniform(rng, 0.01, 0.1, n),
    }  # fmt: skip


def three(rng: np.random.Generator, n: int) -> Parameters:
    """Three preparations; what began where is anyone's guess."""
    p = two(rng, n) | _pair(rng, n, 2.5, 9.0)
    small = {f"began_{a}": log_uniform(rng, 0.005, 0.08, n) for a in ("02", "12", "20", "21")}
    return p | small | _third(rng, p, n) | {"decay_2": log_uniform(rng, 0.01, 0.3, n)}


READOUTS: dict[str, Readout] = {
    readout.name: readout
    for readout in (
        Readout("two states", two),
        Readout("two states, one after the other", two, in_turn=False),
        Readout("two states, leakage", leaky, levels=3),
        Readout("three states", three, preparations=3, levels=3),
    )
}
