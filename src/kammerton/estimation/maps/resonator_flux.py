"""The arc of a resonator that a tunable transmon below it shifts, in a map frequency x bias.

With the qubit's arc f_q (Koch et al., Phys. Rev. A 76, 042319 (2007)) and the detuning
D = f_bare - f_q > 0, the upper branch of the coupled pair lies at

    f_r = f_bare + sqrt(D^2 / 4 + g^2) - D / 2

which is f_bare + g^2 / D where D is large. The resonator alone hardly tells g from D at the sweet
spot, and neither from the period: D comes from a known frequency of the qubit. How deep the arc
falls, and with it all but the sweet spot, hangs as much on how unlike the qubit's junctions are:
0.1 of asymmetry moves a shift by a hundred of its errors. Where either is not known, only the sweet
spot is given; D is then taken as usual, 1.5 GHz within a factor of 1.6, and the square root of the
asymmetry, as which f_q goes half a period away, as 0.4(3).

How far the arc falls (`laws.pushed`) stands for g: push, D and asymmetry together make a long bent
valley, in which straight steps lead astray; of one fall, D and asymmetry change hardly more than
its shape.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import laws
from kammerton.estimation.maps.arc import Found, Model, again, last, shown
from kammerton.estimation.maps.arcfit import find
from kammerton.estimation.maps.arcs import Arc, Seeker
from kammerton.estimation.maps.elsewhere import twice
from kammerton.estimation.maps.faults import without_faults
from kammerton.estimation.maps.fitted import chi_squares, stacked
from kammerton.estimation.maps.flattened import FLATTENED, alone, flattened
from kammerton.estimation.maps.flux import FIXED, Scale
from kammerton.estimation.maps.maps import Maps, over_a_map
from kammerton.estimation.maps.objections import no_lines
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.ridge import Columns, columns, resonances
from kammerton.estimation.maps.sweet_spot import objections, plainer, plainly
from kammerton.estimation.maps.tracks import CLOSE, FANO, ITERATIONS, POLE
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Kind, Known
from kammerton.estimation.verdict.objection import Objection, close, insufficient, rejected
from kammerton.estimation.verdict.outcome import Outcome, per_trace
from kammerton.model import Advice

Array = NDArray[np.float64]

UNITS = {"frequency": "Hz", "sweet_spot": "V", "period": "V", "shift": "Hz", "linewidth": "Hz",
         "bare_frequency": "Hz", "g": "Hz"}  # fmt: skip
KNOWN = ("qubit_frequency", "anharmonicity", "asymmetry")
KINK = 0.12  # windows between an end of the window and a kink
CLEARLY = 5.0  # errors by which a kink must lie outside the window
SHORTEST, LONGEST = 4.0, 7.0  # periods: in steps of the bias, and the logarithm of windows
HANGING = ("period", "shift", "bare_frequency", "g")
ARC, CLEAR = "arc of a resonator", "a clear arc of the resonator"
HANGS = (
    "period, shift, bare frequency and coupling can be told only where the qubit's frequency "
    "and the asymmetry of its junctions are known: give both"
)
KINKED = (
    "half a period from the sweet spot the arc turns sharply, and this corner lies at an end "
    "of the sweep, where few points say at which bias it is: period, shift, bare frequency "
    "and coupling are not given; sweep a whole period of the bias, or less on that side"
)
SPOT, TOP, LOG_PERIOD, FALL, LOG_DETUNING, ROOT = range(6)  # theta, in windows
USUAL, ITS_SPREAD = 1.5e9, 0.5  # Hz, and spread of the logarithm
USUAL_ROOT, ITS_ERROR = 0.4, 0.3  # of the square root of the asymmetry, which is from 0 to 1
MOST = 0.95  # of it; the arc of a larger one is no arc
E_C = 200e6


@dataclass(frozen=True)
class Qubit:
    """What is known or taken as usual of one qubit: Hz, and asymmetry of its junctions.

    whole: both its frequency and its asymmetry are known, on which the other numbers hang.
    """

    frequency: float | None
    e_c: float
    asymmetry: float | None
    whole: bool


def resonator_law(b: Array, scale: Scale, qubit: Qubit) -> Law:
    """Return the law of theta: sweet spot, its bias, log period, fall, log D, d^(1/2)."""
    numbers = scale.f0 / scale.df, qubit.e_c / scale.df, _below(qubit, scale)
    return Law(laws.RESONATOR, b, np.array(numbers))


def _below(qubit: Qubit, scale: Scale) -> float:
    """Return how far a known qubit lies below the window, in windows; NaN where it is not known."""
    return np.nan if qubit.frequency is None else (scale.f0 - qubit.frequency) / scale.df


def _coupled(theta: Array, below: Array, shift: Array) -> tuple[Array, Array, Array, Array]:
    """Return the push at the sweet spot, the bare frequency, the detuning D there, and g^2.

    shift: of the window and E_C together. See `laws.pushed`.
    """
    spot, least = theta[..., SPOT], np.exp(laws.LOGS[0])
    free = np.exp(np.minimum(np.maximum(theta[..., LOG_DETUNING], laws.LOGS[0]), laws.LOGS[1]))
    d = np.where(np.isnan(below), free, np.maximum(below + spot, least))
    more = np.maximum((1.0 - np.abs(theta[..., ROOT])) * (shift + spot - d), least)
    push = theta[..., FALL] * (1.0 + d / more)
    d = np.where(np.isnan(below), free, np.maximum(below + spot - push, least))
    return push, spot - push, d, push * (push + d)


def _push(away: Array, square: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(0.25 * away**2 + square, 0.0)) - 0.5 * away)


def resonator_flux_map(maps: Maps, known: Known) -> Outcome:
    """Fit the arc of a resonator; known: qubit_frequency, anharmonicity, asymmetry."""
    maps, faults = without_faults(maps)
    scale = Scale.of(maps)
    given = {name: per_trace(known, name, maps) for name in KNOWN}
    raw = [columns(maps, n) for n in range(maps.traces)]
    pictures = [resonances(each) for each in raw]
    qubits = [_qubit({k: None if v is None else float(v[n]) for k, v in given.items()})
              for n in range(maps.traces)]  # fmt: skip
    models = [_model(c.b, c.parts, scale, q)
              for (c, _), q in zip(pictures, qubits, strict=True)]  # fmt: skip
    found = [
        None if hopeless else _freed(c, last(c, find(c, model), model), model)
        for (c, _), model, hopeless in zip(pictures, models, faults.hopeless, strict=True)
    ]
    numbers = _numbers(found, scale, qubits)
    told = np.array([q.whole for q in qubits])
    period = np.where(told, numbers.stderr["period"], 0.0)  # what is not given is not judged
    judged = replace(numbers, stderr={**numbers.stderr, "period": period})
    findings, curve = Findings(maps.traces), np.full(maps.y.shape, np.nan, maps.y.dtype)
    faults.judge(findings)
    for n, ((c, back), each, model) in enumerate(zip(pictures, found, models, strict=True)):
        close(findings, n, [_above(qubits[n], scale)])
        plain = cache(partial(plainly, raw[n], c, model))
        against = chain(
            objections(c, each, judged, n, scale, maps.known_noise, model, ARC, plain),
            map(_flattened, [each]), [_impossible(each, model)], map(_twice, [each], [model]),
        )  # fmt: skip
        close(findings, n, plainer(plain, against))
        if each is not None:
            curve[n] = back(each.image).T
    kinked = _kinked(found)
    findings.accept(lambda n: _clear(qubits[n], bool(kinked[n])))
    numbers = _told(numbers, told & ~kinked)
    return Outcome(numbers, UNITS, curve, chi_squares(maps, found), findings)


def _clear(qubit: Qubit, kinked: bool) -> str:
    """Return what is said of a good arc, and why numbers that hang on more are not there."""
    if not qubit.whole:
        return f"{CLEAR}; {HANGS}"
    return f"{CLEAR}; {KINKED}" if kinked else CLEAR


def _qubit(given: dict[str, float | None]) -> Qubit:
    e_c, d = given["anharmonicity"], given["asymmetry"]
    e_c, frequency = E_C if e_c is None else abs(e_c), given["qubit_frequency"]
    return Qubit(frequency, e_c, d, whole=frequency is not None and d is not None)


def _above(qubit: Qubit, scale: Scale) -> Objection | None:
    if qubit.frequency is None or qubit.frequency < scale.f0:
        return None
    return rejected("wrong branch", "the qubit's sweet spot lies above the resonator: it crosses, "
                    "which is a map of an avoided crossing")  # fmt: skip


def _flattened(found: Found | None) -> Objection | None:
    if found is None:
        return None
    c = found.c if found.whole is None else found.whole.c
    at = np.where(found.misses.kept, found.fit.positions[0], np.nan)
    compressed = flattened(alone(c, at, found.fit.width))
    return rejected("saturated", FLATTENED) if compressed else None


def _twice(found: Found | None, model: Model) -> Objection | None:
    return None if found is None else twice(found, model.law, len(model.prior[0]), TOP, ARC)


def _impossible(found: Found | None, model: Model) -> Objection | None:
    """Object to an arc that only a qubit above the resonator, or no SQUID at all, would make."""
    if found is None or model.possible(found.theta):
        return None
    return insufficient("wrong branch", "the map shows a minimum of the arc, not its sweet spot",
                        Advice(window_times=2.0, axis=1))  # fmt: skip


def _model(b: Array, parts: int, scale: Scale, qubit: Qubit) -> Model:
    usual, spread = USUAL, ITS_SPREAD
    if qubit.frequency is not None:
        usual, spread = abs(scale.f0 + 0.5 * scale.df - qubit.frequency), 1.0 / FIXED
    log_d = float(np.log(usual / scale.df))
    root, sure = USUAL_ROOT, 1.0 / ITS_ERROR
    if qubit.asymmetry is not None:
        root, sure = float(np.sqrt(np.abs(qubit.asymmetry))), FIXED
    mean, known = np.zeros(6), np.zeros(6)
    mean[LOG_DETUNING:], known[LOG_DETUNING:] = (log_d, root), (1.0 / spread, sure)
    prior = mean, known

    def start(arc: Arc) -> Array:
        top = arc.level + arc.swing
        return np.array([top, arc.top, np.log(arc.period), 2.0 * arc.swing, log_d, root])

    seeker = Seeker(0.0, start)
    shape = POLE if parts == 2 else FANO
    law = resonator_law(b, scale, qubit)
    return Model(law, prior, seeker, shape, TOP, possible=partial(_possible, len(b)), alone=True)


def _possible(points: int, theta: Array) -> bool:
    """Return whether the qubit, which lies below, pushes the resonator up, and a period is seen."""
    seen = np.log(SHORTEST / points) < theta[LOG_PERIOD] < LONGEST
    return bool(theta[FALL] > 0.0 and seen and abs(theta[ROOT]) < MOST)


def _numbers(found: list[Found | None], scale: Scale, qubits: list[Qubit]) -> Derived:
    theta, cov = stacked(found, 7)
    e_c = np.array([q.e_c for q in qubits]) / scale.df
    base = scale.f0 / scale.df
    below = np.array([_below(q, scale) for q in qubits])

    def formulas(t: Array) -> dict[str, Array]:
        push, bare, d, square = _coupled(t, below, base + e_c)
        high = bare - d + base + e_c
        least = high * np.abs(t[..., ROOT]) - e_c - base  # f_q half a period away
        return {
            "frequency": scale.f0 + t[..., SPOT] * scale.df,
            "sweet_spot": scale.b0 + t[..., TOP] * scale.db,
            "period": np.exp(np.clip(t[..., LOG_PERIOD], -3.0, 7.0)) * scale.db,
            "shift": (push - _push(bare - least, square)) * scale.df,
            "linewidth": t[..., 6] * scale.df,
            "bare_frequency": scale.f0 + bare * scale.df,
            "g": np.sqrt(np.maximum(square, 0.0)) * scale.df,
        }  # fmt: skip

    return derive(formulas, theta, cov)


def _freed(c: Columns, found: Found | None, model: Model) -> Found | None:
    """Try a longer period where the kink has been caught at an end of the window, or just inside.

    Its slope is so steep there that no small step leads out again.
    """
    if found is None or no_lines(found.misses) or not shown(found.misses):
        return found
    if found.fit.step > CLOSE and found.fit.turns >= ITERATIONS:  # it comes to no end as it is
        return found
    beyond = _beyond(found)
    caught = (beyond < 1.0 / len(c.b)) & (beyond > -KINK)
    if not caught.any():
        return found
    theta = found.fit.theta[: len(model.prior[0])].copy()
    reach = np.abs(np.array([0.0, 1.0]) - theta[TOP])[caught]
    theta[LOG_PERIOD] = np.log(2.0 * (reach.max() + KINK))
    return again(c, found, theta, model)


def _kinked(found: list[Found | None]) -> NDArray[np.bool_]:
    """Return where the kink half a period away lies at an end of the window.

    There it would fit the noise of a few biases, and the period would look well known. One that
    lies outside by many of its errors does no harm.
    """
    result = np.zeros(len(found), dtype=bool)
    for n, each in enumerate(found):
        if each is not None:
            beyond, sure = _beyond(each), each.whole is not None
            clear = CLEARLY * _error(each, _period(each)) if sure else np.full(2, np.inf)
            result[n] = ((beyond < clear) & (np.abs(beyond) < KINK)).any()
    return result


def _beyond(found: Found) -> Array:
    """Return by how much the kinks nearest to both ends lie outside of the window (2,)."""
    period = _period(found)
    ends = (np.array([0.0, 1.0]) - found.theta[TOP]) / period - 0.5
    return np.asarray((ends - np.round(ends)) * period * np.array([1.0, -1.0]))


def _period(found: Found) -> float:
    return float(np.exp(np.clip(found.theta[LOG_PERIOD], -3.0, 7.0)))


def _error(found: Found, period: float) -> Array:
    """Return the error of the kinks before and after the sweet spot, in windows."""
    slope = np.array([[1.0, -0.5 * period], [1.0, 0.5 * period]])
    cov = found.cov[TOP : LOG_PERIOD + 1, TOP : LOG_PERIOD + 1]
    return np.asarray(np.sqrt(np.maximum(np.einsum("ki,ij,kj->k", slope, cov, slope), 0.0)))


def _told(numbers: Derived, told: NDArray[np.bool_]) -> Derived:
    """Keep the numbers that hang on the detuning or the period only where these are told."""
    values, stderr = (
        {name: np.where(told | (name not in HANGING), v, np.nan) for name, v in each.items()}
        for each in (numbers.values, numbers.stderr)
    )
    return Derived(values, stderr, numbers.correlation)


KINDS: dict[str, Kind] = {
    "resonator_flux_map": over_a_map(resonator_flux_map, ("frequency", "bias"), (8, 8), known=KNOWN)
}
