"""Ramsey fringes with one and with two frequencies, Rabi oscillations in amplitude and length."""

from __future__ import annotations

import numpy as np

from tests.catalogue.broken import REFUSE, Broken
from tests.catalogue.truth import (
    Array,
    Draw,
    Limit,
    Other,
    Parameters,
    Traces,
    Truth,
    either,
    log_uniform,
)

WINDOW = 40e-6
PULSES = 60e-9  # s at most before the first delay at which two frequencies are in phase
ALIKE = 0.1  # share of the contrast within which two are as strong
PARTED = 0.5  # rad by which phases differ that are two
RISES, OF_PERIOD = 3e-9, 0.03  # s, and at most in periods: the spread of times in which pulses rise
LOOSENED = 4.0  # power of the periods swept, beyond one, with which the fit asks less about that
ONE = 0.8  # periods above which a decay changes the period's bound by less than 6 %
GIVEN = ("amplitude", "offset")
DELAYS = np.linspace(0.0, WINDOW, 101)
AMPLITUDES = np.linspace(0.0, 0.5, 51)
BOTH_SIGNS = np.linspace(-0.3, 0.5, 81)
LENGTHS = np.linspace(0.0, 400e-9, 101)


def envelope(x: Array, p: Parameters) -> Array:
    """1/e at 1/rate whatever `slow`, the share of slow noise: 0 exponential, 1 Gaussian."""
    s = x * p["rate"]
    return np.exp(-(1 - p["slow"]) * s - p["slow"] * s * s)


def least_slow(p: Parameters) -> Array:
    """No noise makes it negative, and in a long window the envelope would soon grow again."""
    return np.maximum(-1 / (2 * np.maximum(p["rate"], 1.0) - 1) ** 2, -0.5)


def fringes(x: Array, p: Parameters) -> Array:
    turn = 2 * np.pi * p["frequency"] * x + p["phase"]
    return p["offset"] + p["contrast"] / 2 * envelope(x, p) * np.cos(turn)


def beating(x: Array, p: Parameters) -> Array:
    """`share` of the contrast turns at `frequency`, the rest faster by `apart`.

    Both are in phase at -`origin`, as one pulse prepares them, where there is no `parting`.
    """
    turns, start = (p["frequency"], p["frequency"] + p["apart"]), p.get("origin", 0.0)
    phases = p["phase"], p["phase"] + p.get("parting", 0.0)
    first, second = (
        np.cos(2 * np.pi * f * (x + start) + phase) for f, phase in zip(turns, phases, strict=True)
    )
    both = p["share"] * first + (1 - p["share"]) * second
    return p["offset"] + p["contrast"] / 2 * envelope(x, p) * both


def rabi(x: Array, p: Parameters) -> Array:
    """From the ground state: an extremum at zero drive; `rate` 0 is no decay along the sweep."""
    decay = np.exp(-p["rate"] * np.abs(x))
    return p["offset"] - p["contrast"] / 2 * decay * np.cos(2 * np.pi * p["frequency"] * x)


def risen(x: Array, p: Parameters) -> Array:
    """As `rabi`, but the pulse needs a time `rise`."""
    law = p["contrast"] / 2 * np.cos(2 * np.pi * p["frequency"] * (x - p["rise"]))
    return p["offset"] - np.exp(-p["rate"] * np.abs(x)) * law


def rabi_if_told(x: Array, p: Parameters) -> Array:
    """As the fit takes it: below about a period no decay can be told from a longer period."""
    return rabi(x, {**p, "rate": np.where(p["frequency"] > ONE, p["rate"], 0.0)})


def population(rng: np.random.Generator, n: int) -> Parameters:
    contrast = rng.uniform(0.3, 0.95, n)
    return {"contrast": contrast, "offset": 0.5 + (1 - contrast) / 2 * rng.uniform(-1, 1, n)}


def noise_kind(rng: np.random.Generator, n: int) -> Array:
    """White, slow, or both."""
    return either(rng, [0.5, 0.25, 0.25], [np.zeros(n), np.ones(n), rng.uniform(0, 1, n)])


def ramsey_between(turns: tuple[float, float], times: tuple[float, float]) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Parameters:
        return {
            "frequency": log_uniform(rng, *turns, n), "rate": 1 / log_uniform(rng, *times, n),
            "slow": noise_kind(rng, n), "phase": rng.uniform(-np.pi, np.pi, n),
            **population(rng, n),
        }  # fmt: skip

    return draw


def ramsey_anywhere(rng: np.random.Generator, n: int) -> Parameters:
    p = ramsey_between((2.0, 20.0), (0.15, 4.0))(rng, n)
    slow, fast = log_uniform(rng, 0.4, 1.0, n), rng.uniform(20.0, 48.0, n)
    return {**p, "frequency": either(rng, [0.6, 0.2, 0.2], [p["frequency"], slow, fast])}


def two_between(
    apart: tuple[float, float], share: tuple[float, float], in_phase: bool = True
) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = ramsey_between((5.0, 20.0), (0.4, 1.5))(rng, n)
        if in_phase:
            p["origin"] = rng.uniform(0.0, PULSES, n) / WINDOW
        else:
            p["parting"] = rng.uniform(PARTED, 2 * np.pi - PARTED, n)
        return {**p, "apart": rng.uniform(*apart, n), "share": rng.uniform(*share, n)}

    return draw


def ramsey_values(p: Parameters) -> dict[str, Array]:
    return {"frequency": p["frequency"] / WINDOW, "t2_star": WINDOW / p["rate"]}


def beating_values(p: Parameters) -> dict[str, Array]:
    """The mean weighted by contrast: what a switching charge parity leaves of a frequency."""
    mean = p["frequency"] + (1 - p["share"]) * p["apart"]
    return {"frequency": mean / WINDOW, "t2_star": WINDOW / p["rate"]}


def half(p: Parameters) -> dict[str, Array]:
    return {"amplitude": p["contrast"] / 2, "offset": p["offset"]}


def fringe_values(p: Parameters) -> dict[str, Array]:
    return {**half(p), "phase": p["phase"]}


def known_splitting(p: Parameters) -> Parameters:
    """Return what levels that are known do not say."""
    return {name: value for name, value in splitting(p).items() if name not in GIVEN}


def splitting(p: Parameters) -> dict[str, Array]:
    return {**half(p), "frequency_splitting": p["apart"] / WINDOW, "phase": stronger(p)}


def stronger(p: Parameters) -> Array:
    """The phase, where x is 0, of the stronger of two; not where either may be that."""
    first, start = p["share"] > 0.5, p.get("origin", 0.0)
    turns = p["frequency"] + np.where(first, 0.0, p["apart"])
    phase = p["phase"] + np.where(first, 0.0, p.get("parting", 0.0)) + 2 * np.pi * turns * start
    return np.where(np.abs(p["share"] - 0.5) < ALIKE, np.nan, phase)


def parity(p: Parameters) -> dict[str, Array]:
    """Either may be the stronger one; their phases differ by less than 0.02 rad."""
    mean = p["frequency"] + p["apart"] / 2
    return {**splitting(p), "phase": p["phase"] + 2 * np.pi * mean * p["origin"]}


def from_below(p: Parameters) -> dict[str, Array]:
    """Of a law that begins in the ground state."""
    return {"amplitude": -p["contrast"] / 2, "offset": p["offset"]}


def rabi_values(p: Parameters) -> dict[str, Array]:
    return {**from_below(p), "rabi_frequency": p["frequency"] / LENGTHS[-1],
            "t_rabi": LENGTHS[-1] / p["rate"]}  # fmt: skip


def rabi_between(low: float, high: float, decay: bool = False) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = {"frequency": log_uniform(rng, low, high, n), **population(rng, n)}
        return {**p, "rate": log_uniform(rng, 0.1, 2.0, n) if decay else np.zeros(n)}

    return draw


def rising(of: Draw) -> Draw:
    """Pulses that rise late or early, by how their length is counted, as much as is usual."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = of(rng, n)
        return {**p, "rise": rng.normal(size=n) * usual_rise(p)}

    return draw


def usual_rise(p: Parameters) -> Array:
    result: Array = np.minimum(RISES / LENGTHS[-1], OF_PERIOD / p["frequency"])
    return result


def taken_for_usual(p: Parameters) -> Array:
    """The spread that the fit knows: from some 1.5 periods on, next to nothing."""
    return usual_rise(p) * np.maximum(p["frequency"], 1.0) ** LOOSENED


def rabi_anywhere(decay: bool = False) -> Draw:
    """From less than half a period to twenty."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = rabi_between(1.0, 6.0, decay)(rng, n)
        slow, fast = rng.uniform(0.35, 1.0, n), rng.uniform(6.0, 20.0, n)
        return {**p, "frequency": either(rng, [0.6, 0.2, 0.2], [p["frequency"], slow, fast])}

    return draw


def ideal_rabi(rng: np.random.Generator, n: int) -> Parameters:
    p = rabi_anywhere()(rng, n)
    return {**p, "contrast": rng.uniform(0.95, 0.99, n), "offset": np.full(n, 0.5)}


def periods(window: float, pulse: str) -> dict[str, object]:
    """The period in units of the axis, and half of it: the pi pulse."""

    def scored(p: Parameters) -> dict[str, Array]:
        period = window / p["frequency"]
        return {"period": period, pulse: period / 2}

    return {"scored": scored}


def undecayed(truth: Truth, rng: np.random.Generator, n: int) -> Traces:
    """Fringes whose T2* is 20 to 1000 windows."""
    return truth.measured(rng, ramsey_between((4.0, 15.0), (20.0, 1000.0))(rng, n))


UNDECAYED = Broken(
    "fringes that do not decay", undecayed, REFUSE, "the frequency is there, but T2* is not seen"
)

# A second frequency is believed at delta-BIC 20, which is 34 in chi-square for three parameters;
# below an SNR of 20 some of these beats leave less than that, and look like one.
RESOLVED, RESOLVED_AT = (20.0, 100.0), (20.0, 50.0)

SHAPES: dict[str, Limit] = {
    "slow": (least_slow, 1.5)
}  # beyond them an envelope grows before it decays, or is a step
SINGLE = Other(
    lambda p: {
        "frequency": p["frequency"] + (1 - p["share"]) * p["apart"],
        "apart": np.zeros_like(p["apart"]),
        "share": np.ones_like(p["share"]),
    },
    ("apart", "parting", "share"),
    20.0 + 3.0 * float(np.log(len(DELAYS))),
)  # fmt: skip
JOINT = Other(
    lambda p: {
        "parting": np.zeros_like(p["parting"]),
        "origin": np.full_like(p["parting"], 0.5 * PULSES / WINDOW),
    },
    ("parting", "origin"),
    11.0,
)  # fmt: skip
USUAL = Other(lambda p: {"origin": np.full_like(p["origin"], 0.5 * PULSES / WINDOW)}, ("origin",),
              11.0, alike=True)  # fmt: skip

RABI = {**periods(AMPLITUDES[-1], "pi_amplitude"), "besides": from_below}


def prepared_by_one_pulse(p: Parameters) -> dict[str, object]:
    return {"in_phase": True}


BEATING: dict[str, object] = {
    "law": beating, "scored": beating_values, "breaks": False, "mixed": RESOLVED,
    "snrs": RESOLVED_AT, "choice": "one or two frequencies", "others": (USUAL, SINGLE),
    "limits": SHAPES, "times": ("t2_star",), "besides": splitting, "fixed": ("origin",),
    "usual": {"origin": PULSES / WINDOW / 12**0.5}, "known": prepared_by_one_pulse,
}  # fmt: skip


def levels(p: Parameters) -> dict[str, object]:
    return {"contrast": p["contrast"], "offset": p["offset"] - p["contrast"] / 2}


READOUT: dict[str, object] = {
    "known": levels,
    "fixed": ("contrast", "offset"), "breaks": False,
}  # fmt: skip


def pi_lengths(p: Parameters) -> dict[str, Array]:
    """The period, and where the curve turns."""
    period = LENGTHS[-1] / p["frequency"]
    return {"period": period, "pi_length": period / 2 + LENGTHS[-1] * p["rise"]}


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "ramsey", "ramsey", DELAYS, ramsey_anywhere, fringes, ramsey_values,
            typical=ramsey_between((4.0, 15.0), (0.25, 0.8)),
            short=ramsey_between((0.05, 0.3), (1.0, 4.0)),
            long=ramsey_between((4.0, 40.0), (0.002, 0.015)), drifts="frequency", turns="frequency",
            own=(UNDECAYED,), limits=SHAPES, times=("t2_star",), besides=fringe_values,
        ),
        Truth(
            "ramsey, readout known", "ramsey", DELAYS, ramsey_between((2.0, 20.0), (0.15, 4.0)),
            fringes, ramsey_values, limits=SHAPES, times=("t2_star",),
            besides=lambda p: {"phase": p["phase"]}, **READOUT,
        ),
        Truth(
            "ramsey, two frequencies, readout known", "ramsey", DELAYS,
            two_between((2.0, 8.0), (0.3, 0.7)),
            **{**BEATING, **READOUT, "fixed": ("origin", "contrast", "offset"),
               "besides": known_splitting,
               "known": lambda p: {**levels(p), **prepared_by_one_pulse(p)}},
        ),
        Truth(
            "ramsey, two frequencies", "ramsey", DELAYS, two_between((2.0, 8.0), (0.3, 0.7)),
            **BEATING,
        ),
        Truth(
            "ramsey, two frequencies, two phases", "ramsey", DELAYS,
            two_between((2.0, 8.0), (0.3, 0.7), in_phase=False),
            **{**BEATING, "fixed": (), "usual": {}, "others": (SINGLE, JOINT),
               "known": lambda p: {}},
        ),
        Truth(
            "ramsey, charge parity", "ramsey", DELAYS, two_between((0.8, 2.0), (0.5, 0.5)),
            **{**BEATING, "besides": parity},
        ),
        Truth(
            "rabi_amplitude", "rabi_amplitude", AMPLITUDES, rabi_anywhere(), rabi,
            typical=rabi_between(1.0, 4.0), short=rabi_between(0.03, 0.15),
            long=rabi_between(24.0, 26.0), drifts="frequency", turns="frequency",
            fixed=("rate",), aside_law=rabi_if_told, **RABI,
        ),
        Truth(
            "rabi_amplitude, damped, both signs", "rabi_amplitude", BOTH_SIGNS,
            rabi_between(1.0, 6.0, decay=True), rabi, from_zero=True, breaks=False, **RABI,
        ),
        Truth(
            "rabi_amplitude, 200 shots", "rabi_amplitude", AMPLITUDES, ideal_rabi, rabi, shots=200,
            breaks=False, fixed=("rate",), aside_law=rabi_if_told, **RABI,
        ),
        Truth(
            "rabi_length", "rabi_length", LENGTHS, rising(rabi_anywhere(decay=True)), risen,
            pi_lengths, typical=rising(rabi_between(1.5, 8.0, decay=True)),
            short=rising(rabi_between(0.03, 0.15, decay=True)),
            long=rising(rabi_between(48.0, 53.0, decay=True)), drifts="frequency",
            turns="frequency", limits={"rate": (-1.0, np.inf)}, besides=rabi_values,
            usual={"rise": taken_for_usual},
        ),
        Truth(
            "rabi_length, about a period", "rabi_length", LENGTHS,
            rising(rabi_between(0.6, 1.2, decay=True)), risen, pi_lengths, breaks=False,
            limits={"rate": (-1.0, np.inf)}, besides=rabi_values, usual={"rise": taken_for_usual},
        ),
    )
}  # type: ignore[arg-type]  # the dicts hold `scored`  # fmt: skip
