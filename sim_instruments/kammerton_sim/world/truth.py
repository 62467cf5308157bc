"""What a perfect measurement would find. Read by comparisons at the end, never by a daemon.

Parameters of a qubit "q0" and its resonator "r0":

- q0.f01, q0.anharmonicity: Hz; of a tunable qubit at its present static flux.
- q0.t1: s, 1/e time of the population difference between |0> and |1>.
- q0.t2_echo: s, 1/T2 = 1/(2 T1) + Markovian dephasing (with what thermal excitation adds): the
  exponential coherence time left when the slow noise is refocused.
- q0.t2_star: s, where exp(-t / t2_echo) exp(-(2 pi sigma t)^2 / 2) reaches 1/e; sigma is the
  standard deviation of the detuning that is frozen within a shot.
- q0.pi_amplitude: V, peak at the generator, at which a pulse takes |0> to |1> best (most P1
  after the pulse, at the mean detuning, with relaxation), through the mixer and the cable of its
  own line. Needs `re` and `im`, the samples of I
  and Q in volts for unit peak amplitude on their intermediate frequency, `sample_rate` in 1/s
  and `carrier` in Hz.
- q0-q1.g: Hz, exchange of a coupled pair at the present static fluxes, through its coupler too.
- q0-q1.zz: Hz, f01 of one qubit with the other in |1> minus that with it in |0>.
- r0.frequency, r0.linewidth: Hz, with the qubit in |0> and few photons; full width, loaded.
- r0.bare_frequency: Hz, without the qubit, as chi, f01 and anharmonicity have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial

import numpy as np

from kammerton_sim.chip import Chip, slow_envelope_time
from kammerton_sim.world.dispersive import dispersive
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.evolution import (
    Evolution,
    Qubit,
    coherence_decay,
    evolution,
    transition_rates,
)
from kammerton_sim.world.propagate import ComplexArray, drive
from kammerton_sim.world.wire import PERFECT, Wire, wire

Extra = Mapping[str, object]


def value(
    chip: Chip, qubit: Callable[[int], Qubit], parameter: str, extra: Extra | None = None
) -> float:
    """The true value of `parameter`; WorldError if there is no such thing."""
    element, _, name = parameter.partition(".")
    for entry, owner in zip(chip.resonators, chip.qubits, strict=True):
        if entry.name == element and name in ("frequency", "linewidth"):
            return float(getattr(entry, name))
        if entry.name == element and name == "bare_frequency":
            return dispersive(owner, entry).bare
    numbers = [n for n, entry in enumerate(chip.qubits) if entry.name == element]
    if not numbers or name not in (*_QUBIT, "pi_amplitude"):
        raise WorldError(f"the laboratory has no truth of {parameter!r}{_nearest(chip, parameter)}")
    if name == "pi_amplitude":
        flaws = chip.wiring.mixers.get(element), chip.wiring.ripples.get(element)
        return _pi_amplitude(qubit(numbers[0]), extra or {}, partial(wire, *flaws))
    return _QUBIT[name](qubit(numbers[0]))


def names(chip: Chip) -> list[str]:
    """Every parameter of which there is a truth that hangs on nothing but the chip."""
    pairs = [f"{c.first}-{c.second}" for c in chip.couplings]
    return [
        *(f"{q.name}.{name}" for q in chip.qubits for name in _QUBIT),
        *(f"{r.name}.{name}" for r in chip.resonators for name in _RESONATOR),
        *(f"{pair}.{name}" for pair in pairs for name in ("g", "zz")),
    ]


def _nearest(chip: Chip, parameter: str) -> str:
    pulses = [f"{qubit.name}.pi_amplitude" for qubit in chip.qubits]
    near = get_close_matches(parameter, [*names(chip), *pulses], 1)
    element = parameter.partition(".")[0]
    mine = [name for name in names(chip) if name.startswith(element + ".")]
    guess = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{guess}; there are {', '.join(mine)}" if mine else guess


def t2_echo(qubit: Qubit) -> float:
    """Markovian coherence time in s."""
    return float(1 / coherence_decay(*transition_rates(qubit), qubit.dephasing_rate)[0])


def pi_amplitude(
    qubit: Qubit, unit: ComplexArray, sample_rate: float, carrier: float, line: Wire = PERFECT
) -> float:
    """Volts of peak at which the pulse `unit` (I + jQ for 1 V of peak) inverts best."""
    from scipy.optimize import minimize_scalar

    moving = evolution(qubit, carrier, 1 / sample_rate)
    area = abs(line.arriving(unit)).sum() * qubit.rabi_rate / sample_rate
    if not area > 0:
        raise WorldError("pi_amplitude: the pulse is silent")

    def missed(amplitude: float) -> float:
        c = np.asarray(np.conj(line.pulse(amplitude * unit)) * qubit.rabi_rate, np.complex128)
        return -_inverted(c, moving)

    coarse = np.linspace(0.5, 1.6, 45) * np.pi / area
    best = int(np.argmin([missed(a) for a in coarse]))
    bounds = float(coarse[max(best - 1, 0)]), float(coarse[min(best + 1, coarse.size - 1)])
    found = minimize_scalar(missed, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(found.x)


def _inverted(c: ComplexArray, moving: Evolution) -> float:
    state = np.zeros((1, 9))
    state[0, 0] = 1.0
    drive(state, np.zeros(1), c, np.empty((0, 2)), moving)
    return float(state[0, 1])


def _pi_amplitude(qubit: Qubit, extra: Extra, line: Callable[[float, float], Wire]) -> float:
    missing = [key for key in ("re", "im", "sample_rate", "carrier") if key not in extra]
    if missing:
        raise WorldError(
            f"pi_amplitude is that of a pulse, which must be given: {', '.join(missing)}"
        )
    re, im = (np.asarray(extra[key], np.float64) for key in ("re", "im"))
    if re.shape != im.shape or re.ndim != 1:
        raise WorldError("pi_amplitude: re and im must be lists of equal length")
    rate, carrier = (float(np.asarray(extra[key])) for key in ("sample_rate", "carrier"))
    if not (np.isfinite([*re, *im]).all() and 0 < rate < np.inf and abs(carrier) < np.inf):
        raise WorldError("pi_amplitude: samples and carrier are finite, sample_rate is above 0")
    return pi_amplitude(qubit, re + 1j * im, rate, carrier, line(carrier, 1 / rate))


_RESONATOR = ("frequency", "linewidth", "bare_frequency")
_QUBIT: Mapping[str, Callable[[Qubit], float]] = {
    "f01": lambda qubit: qubit.f01,
    "anharmonicity": lambda qubit: qubit.anharmonicity,
    "t1": lambda qubit: qubit.t1,
    "t2_echo": t2_echo,
    "t2_star": lambda qubit: slow_envelope_time(t2_echo(qubit), qubit.slow_dephasing),
}
