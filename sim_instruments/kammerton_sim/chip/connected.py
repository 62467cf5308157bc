"""Whether what a chip's words name is there and can be: flux lines, couplings, transmons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from kammerton_sim.chip.couplings import Coupler, Coupling
from kammerton_sim.chip.flux import Flux, channel_of
from kammerton_sim.chip.further import PULSER, PULSER_CHANNELS
from kammerton_sim.chip.words import QubitTruth, ResonatorTruth, Wiring

MOST_ANHARMONIC = 0.24
"""Of f01, at EJ / EC of 7 (T: the charge basis); less on either side."""


def flux_lines(
    qubits: Sequence[QubitTruth], couplers: Mapping[str, Coupler], wiring: Wiring
) -> Iterator[str]:
    """Flux lines are channels of generators or pulse generators; a channel drives one line only."""
    pulsers = {n for n, e in wiring.instruments.items() if e.model == PULSER and e.trigger}
    lines = [*wiring.drive.values(), wiring.readout, *(f.readout for f in wiring.more)]
    taken = [channel for line in lines for channel in (line.i, line.q)]
    loops: dict[str, Flux] = {f"qubits.{q.name}.flux": q.flux for q in qubits if q.flux}
    loops |= {f"couplers.{name}": coupler for name, coupler in couplers.items()}
    for where, flux in loops.items():
        if flux.bias and flux.bias not in wiring.instruments:
            yield f"{where}.bias: {flux.bias!r} is not among wiring.instruments"
        channel = channel_of(flux.line)
        if channel is None:
            if flux.line:
                yield f'{where}.line: {flux.line!r} is not a channel such as "awg1.3"'
            continue
        if channel[0] in pulsers and channel[1] > PULSER_CHANNELS:
            yield f"{where}.line: {channel[0]!r} has {PULSER_CHANNELS} channels"
        elif channel[0] not in wiring.generators and channel[0] not in pulsers:
            yield f"{where}.line: {channel[0]!r} is not among the generators"
        if channel in taken:
            yield f"wiring: channel {flux.line} is used more than once"
        taken.append(channel)


def transmons(qubits: Sequence[QubitTruth], couplers: Mapping[str, Coupler]) -> Iterator[str]:
    """What moves with flux or charge has levels of its EJ and EC: no others go together."""
    moved = {f"qubits.{q.name}": (q.f01, q.anharmonicity) for q in qubits if q.flux or q.charge}
    moved |= {f"couplers.{name}": (c.frequency, c.anharmonicity) for name, c in couplers.items()}
    for where, (f01, anharmonicity) in moved.items():
        if anharmonicity < -MOST_ANHARMONIC * f01:
            yield (
                f"{where}.anharmonicity_hz: no transmon of {f01 / 1e9:.6g} GHz has"
                f" {anharmonicity / 1e6:.6g} MHz; at most {MOST_ANHARMONIC:g} of its frequency"
            )


def couplings(
    words: Sequence[Coupling], qubits: Sequence[QubitTruth], couplers: Mapping[str, Coupler]
) -> Iterator[str]:
    """Each couples two qubits of the chip, once."""
    names, seen = [q.name for q in qubits], set[frozenset[str]]()
    for n, word in enumerate(words):
        where, pair = f"couplings[{n}]", frozenset((word.first, word.second))
        for name in (word.first, word.second):
            if name not in names:
                yield f"{where}: there is no qubit {name!r}{_hint(name, names)}"
        if len(pair) == 1:
            yield f"{where}: {word.first!r} cannot couple to itself"
        if pair in seen:
            yield f"{where}: {word.name} is coupled already"
        if word.coupler and word.coupler not in couplers:
            yield f"{where}: there is no coupler {word.coupler!r}{_hint(word.coupler, couplers)}"
        seen.add(pair)


def _hint(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def loops(
    wiring: Wiring, qubits: Sequence[QubitTruth], couplers: Mapping[str, Coupler]
) -> Iterator[str]:
    """What is wrong with the loops that flux lines distort or talk into."""
    known = {*couplers, *(q.name for q in qubits if q.flux is not None)}
    for settling in wiring.flux_settling:
        if settling.line not in known:
            yield f"wiring.flux_settling: {settling.line!r} has no loop"
    for talk in wiring.flux_crosstalk:
        for end in (talk.source, talk.target):
            if end not in known:
                yield f"wiring.flux_crosstalk: {end!r} has no loop"


def straddling(qubits: Sequence[QubitTruth], resonators: Sequence[ResonatorTruth]) -> Iterator[str]:
    """Resonators whose chi no coupling explains, where an effect needs the coupling."""
    for qubit, resonator in zip(qubits, resonators, strict=False):
        delta = qubit.f01 - resonator.frequency
        if delta * (delta + qubit.anharmonicity) <= 0:
            for effect in ("purcell", "punch_out"):
                if getattr(resonator, effect) is not None:
                    yield (
                        f"resonators.{resonator.name}.{effect}: no coupling to {qubit.name} "
                        f"gives a negative chi between f01 and f01 + anharmonicity"
                    )
