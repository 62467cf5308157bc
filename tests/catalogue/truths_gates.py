"""Gates: DRAG coefficients, rotation errors, AllXY, randomized benchmarking."""

from __future__ import annotations

import numpy as np

from tests.catalogue.deviation import AllXY
from tests.catalogue.truth import Array, Draw, Parameters, Truth, log_uniform

COEFFICIENTS = np.linspace(-2.0, 2.0, 31)
REPETITIONS = np.array([1.0, 3.0, 5.0])
GATES = np.arange(26.0)
LENGTHS = np.array([1.0, 2, 4, 8, 12, 20, 30, 45, 65, 90, 130])
SEQUENCES = np.repeat(LENGTHS, 10)
MEANS = np.unique(np.round(np.geomspace(1.0, 500.0, 51)))
"""Lengths, ever farther apart, of which only the means over their sequences are left."""
PAIRS = ("II", "XX", "YY", "XY", "YX", "xI", "yI", "xy", "yx", "xY", "yX", "Xy", "Yx", "xX",
         "Xx", "yY", "Yy", "XI", "YI", "xx", "yy")  # fmt: skip


def train(x: Array, p: Parameters) -> Array:
    """One train of pulses: lowest at `place`."""
    turn = 2 * np.pi * p["frequency"] * (x - p["place"])
    return p["offset"] - p["contrast"] / 2 * np.cos(turn)


def trains(x: tuple[Array, Array], p: Parameters) -> Array:
    """Trains of 1, 3 and 5 repetitions; coefficients from -1 to 1."""
    repetitions, u = x
    turn = np.pi * p["frequency"] * 5 * repetitions * (u - p["place"])
    return p["offset"] - p["contrast"] / 2 * np.cos(turn)


def crossing(x: tuple[Array, Array], p: Parameters) -> Array:
    """Two sequences that part to opposite sides of `place`, one a little faster by `tilt`."""
    series, u = x
    return p["offset"] + (p["contrast"] * (1 - 2 * series) + p["tilt"]) * (u - p["place"])


def amplified(x: Array, p: Parameters) -> Array:
    """pi/2, then n times pi with an error; x = n/25, `turn` the error of all 25."""
    wave = np.cos(GATES[-1] * x * np.pi + p["turn"] * x - np.pi / 2)
    return p["offset"] + p["contrast"] / 2 * np.exp(-p["decay"] * x) * wave


def survival(x: Array, p: Parameters) -> Array:
    return p["offset"] + p["contrast"] * np.exp(-p["rate"] * x)


def survivals(x: tuple[Array, Array], p: Parameters) -> Array:
    series, lengths = x
    rate = p["rate"] + series * p["more"]
    return p["offset"] + p["contrast"] * np.exp(-rate * lengths)


def pairs(x: Array, p: Parameters) -> Array:
    """Bloch vectors under imperfect pulses, pair by pair."""
    del x
    n = np.broadcast(*p.values()).shape[0]
    errors = {name: np.broadcast_to(v, (n, len(PAIRS))) for name, v in p.items()}
    up = [_played(pair, {name: v[:, k] for name, v in errors.items()}, n)
          for k, pair in enumerate(PAIRS)]  # fmt: skip
    return p["offset"] + p["contrast"] * (1 - np.stack(up, axis=1)) / 2


def _played(pair: str, p: Parameters, size: int) -> Array:
    bloch = np.tile([0.0, 0.0, 1.0], (size, 1))
    for name in pair:
        part = {"I": 0.0}.get(name, 1.0 if name.isupper() else 0.5)
        turn = part * (np.pi + p["angle"])
        x, y = turn * (name in "xX"), turn * (name in "yY")
        axis = np.stack([x, y, p["detuning"] + p["drag"] * part**2], axis=1)
        bloch = _relaxed(_turned(_relaxed(bloch, p["lost"] / 2), axis), p["lost"] / 2)
    return bloch[:, 2]


def _turned(bloch: Array, axis: Array) -> Array:
    """Rotate about vectors (N, 3), by their lengths."""
    angle = np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-300)
    unit = axis / angle
    along = unit * (unit * bloch).sum(axis=1, keepdims=True)
    across = np.cross(unit, bloch)
    return along + np.cos(angle) * (bloch - along) + np.sin(angle) * across


def _relaxed(bloch: Array, lost: Array) -> Array:
    kept = np.exp(-lost)[:, None]
    return np.hstack([np.sqrt(kept) * bloch[:, :2], 1 - kept * (1 - bloch[:, 2:])])


def readout(rng: np.random.Generator, n: int) -> Parameters:
    return {"contrast": rng.uniform(0.6, 0.95, n), "offset": rng.uniform(0.45, 0.55, n)}


def swept(low: float, high: float, middle: float = 0.5, width: float = 0.2) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Parameters:
        place = middle + width * rng.uniform(-1, 1, n)
        return {"frequency": log_uniform(rng, low, high, n), "place": place, **readout(rng, n)}

    return draw


def fine_swings(rng: np.random.Generator, n: int) -> Parameters:
    """Six to fourteen periods; the right extremum is the one nearest to the window's middle."""
    p = swept(6.0, 14.0)(rng, n)
    return {**p, "place": 0.5 + rng.uniform(-0.5, 0.5, n) / p["frequency"]}


def two_lines(rng: np.random.Generator, n: int) -> Parameters:
    p = readout(rng, n)
    contrast, place = rng.uniform(0.1, 0.4, n), rng.uniform(-0.7, 0.7, n)
    return {
        **p,
        "contrast": contrast,
        "place": place,
        "tilt": 0.1 * contrast * rng.uniform(-1, 1, n),
    }


def lines_beside(rng: np.random.Generator, n: int) -> Parameters:
    """Two lines that cross far beside the window."""
    p = two_lines(rng, n)
    return {**p, "place": np.sign(p["place"]) * rng.uniform(3.0, 8.0, n), "tilt": 0.0 * p["tilt"]}


def turns(low: float, high: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Parameters:
        turn = rng.choice([-1.0, 1.0], n) * rng.uniform(low, high, n)
        return {"turn": turn, "decay": rng.uniform(0.02, 0.2, n), **readout(rng, n)}

    return draw


def decays(low: float, high: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = {"rate": log_uniform(rng, low, high, n), "contrast": rng.uniform(0.4, 0.48, n)}
        return {**p, "offset": rng.uniform(0.47, 0.52, n)}

    return draw


def two_decays(rng: np.random.Generator, n: int) -> Parameters:
    return {**decays(1.5, 4.0)(rng, n), "more": rng.uniform(0.5, 2.0, n)}


def two_decays_of(low: float, high: float) -> Draw:
    """Return a draw of decays, the gate's own error of the same size."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = decays(low, high)(rng, n)
        return {**p, "more": p["rate"] * rng.uniform(0.3, 1.0, n)}

    return draw


def small_errors(rng: np.random.Generator, n: int) -> Parameters:
    return {
        "angle": rng.uniform(-0.2, 0.2, n), "detuning": rng.uniform(-0.2, 0.2, n),
        "drag": rng.uniform(-0.2, 0.2, n), "lost": rng.uniform(0.0, 0.05, n),
        "contrast": rng.uniform(0.6, 0.95, n), "offset": rng.uniform(0.0, 0.05, n),
    }  # fmt: skip


def coefficient(p: Parameters) -> Parameters:
    return {"drag_coefficient": -2.0 + 4.0 * p["place"]}


def coefficient_from_zero(p: Parameters) -> Parameters:
    return {"drag_coefficient": 2.0 * p["place"]}


def window(p: Parameters) -> Parameters:
    return {"drag_coefficient": np.full(len(p["place"]), 4.0)}


def angle_error(p: Parameters) -> Parameters:
    return {"angle_error": p["turn"] / GATES[-1]}


def half(p: Parameters) -> Parameters:
    return {"amplitude": p["contrast"] / 2, "offset": p["offset"]}


def one_train(p: Parameters) -> Parameters:
    return {**half(p), "period": 4.0 / p["frequency"]}


def lines(p: Parameters) -> Parameters:
    return {"slope": p["contrast"] / 2, "offset": p["offset"]}


def whole(p: Parameters) -> Parameters:
    return {"amplitude": p["contrast"], "offset": p["offset"]}


def scaled(p: Parameters) -> Parameters:
    """By how much the amplitude is to be changed for the right angle."""
    return {"amplitude_scale": np.pi / (np.pi + p["turn"] / GATES[-1])}


def polarization(p: Parameters) -> Parameters:
    return {**whole(p), "depolarization": np.exp(-p["rate"] / LENGTHS[-1])}


def polarizations(p: Parameters) -> Parameters:
    kept = np.exp(-(p["rate"] + p["more"]) / LENGTHS[-1])
    return {
        **polarization(p), "depolarization_interleaved": kept,
        "error_per_gate_bound": doubt(np.exp(-p["rate"] / LENGTHS[-1]), kept),
    }  # fmt: skip


def doubt(one: Array, both: Array) -> Array:
    """By how much the error of one qubit's gate may differ from its estimate.

    Magesan et al., Phys. Rev. Lett. 109, 080505 (2012), equation 5, for d = 2: a number that both
    decays make, with an error bar as any other.
    """
    alike = (np.abs(one - both / one) + (1 - one)) / 2
    other = 2 * 3 * (1 - one) / (4 * one) + 4 * np.sqrt(3 * (1 - one)) / one
    return np.minimum(alike, other)


def of_means(p: Parameters) -> Parameters:
    return {"error_per_clifford": (1 - np.exp(-p["rate"] / MEANS[-1])) / 2}


def half_turn(p: Parameters) -> Parameters:
    return {"angle_error": np.full(len(p["turn"]), 0.1)}


def clifford(p: Parameters) -> Parameters:
    return {"error_per_clifford": (1 - np.exp(-p["rate"] / LENGTHS[-1])) / 2}


def gate(p: Parameters) -> Parameters:
    return {**clifford(p), "error_per_gate": (1 - np.exp(-p["more"] / LENGTHS[-1])) / 2}


def syndromes(p: Parameters) -> Parameters:
    return {"angle_error": p["angle"], "detuning_angle": p["detuning"], "drag_error": p["drag"],
            "relaxation": p["lost"]}  # fmt: skip


def tenths(p: Parameters) -> Parameters:
    return {name: np.full(len(v), 0.5) for name, v in syndromes(p).items()}


def known_readout(p: Parameters) -> dict[str, object]:
    return {"contrast": p["contrast"], "offset": p["offset"]}


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "drag", "drag", COEFFICIENTS, swept(0.3, 1.0), train, coefficient, window,
            short=swept(0.005, 0.03), long=fine_swings, drifts="place", turns="frequency",
            breaks=False, mixed=(20.0, 100.0), snrs=(20.0, 50.0), besides=one_train,
        ),
        Truth(
            "drag_repetitions", "drag_repetitions", (REPETITIONS, COEFFICIENTS),
            swept(0.2, 0.6, 0.0, 0.5), trains, coefficient_from_zero, window, from_zero=True,
            short=swept(0.002, 0.01, 0.0, 0.5), long=swept(1.0, 2.9, 0.0, 0.5), drifts="place",
            breaks=False, besides=one_train,
        ),
        Truth(
            "drag_sequences", "drag_sequences", (np.array([0.0, 1.0]), COEFFICIENTS), two_lines,
            crossing, coefficient_from_zero, window, from_zero=True, breaks=False,
            mixed=(10.0, 100.0), snrs=(10.0, 50.0), besides=lines, short=lines_beside,
            drifts="place",
        ),
        Truth(
            "fine_amplitude", "fine_amplitude", GATES, turns(0.5, 5.0), amplified, angle_error,
            half_turn, fixed=("contrast", "offset"), known=known_readout, from_zero=True,
            breaks=False, mixed=(10.0, 100.0), snrs=(10.0, 50.0), besides=scaled,
            long=turns(45.0, 70.0), drifts="turn",
        ),
        Truth(
            "fine_amplitude, nothing known", "fine_amplitude", GATES, turns(3.0, 8.0), amplified,
            angle_error, half_turn, from_zero=True, breaks=False, mixed=(15.0, 100.0),
            snrs=(15.0, 50.0), besides=lambda p: {**whole(p), **scaled(p)},
        ),
        AllXY(
            "allxy", "allxy", np.arange(21.0), small_errors, pairs, syndromes, tenths,
            breaks=False, mixed=(20.0, 200.0), snrs=(20.0, 100.0), besides=whole,
            drifts="detuning",
        ),
        Truth(
            "randomized_benchmarking", "randomized_benchmarking", SEQUENCES, decays(1.5, 8.0),
            survival, clifford, from_zero=True, breaks=False, short=decays(0.01, 0.1),
            long=decays(400.0, 2000.0), drifts="rate", mixed=(5.0, 50.0), snrs=(10.0, 50.0),
            besides=polarization,
        ),
        Truth(
            "randomized_benchmarking, means", "randomized_benchmarking", MEANS, decays(1.5, 8.0),
            survival, of_means, from_zero=True, short=decays(0.01, 0.1),
            long=decays(400.0, 2000.0), drifts="rate", mixed=(20.0, 100.0), snrs=(30.0, 100.0),
            breaks=False, tabled=True,
            besides=lambda p: {**whole(p), "depolarization": np.exp(-p["rate"] / MEANS[-1])},
        ),
        Truth(
            "interleaved_randomized_benchmarking", "interleaved_randomized_benchmarking",
            (np.array([0.0, 1.0]), SEQUENCES), two_decays, survivals, gate, from_zero=True,
            breaks=False, mixed=(10.0, 100.0), snrs=(10.0, 50.0), besides=polarizations,
            short=two_decays_of(0.01, 0.1), long=two_decays_of(400.0, 2000.0), drifts="rate",
        ),
    )
}  # fmt: skip
