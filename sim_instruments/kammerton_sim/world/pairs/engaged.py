"""Which pairs are propagated together in a play. All others evolve alone, as fast as ever.

A pair is engaged when a flux pulse plays on either qubit or on their coupler, or when both are
driven, one of them more than once a shot, and their ZZ shift can turn a phase by 0.01 rad. A
qubit has one partner a play: the pairs that come closest to a resonance choose first. What is
left out of a qubit's other couplings is all that more than two qubits do together.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from kammerton_sim.world.evolution import Qubit
from kammerton_sim.world.lines import Lines
from kammerton_sim.world.pairs.couple import Couple, Played, Steer
from kammerton_sim.world.tape import longest_coherence
from kammerton_sim.world.timeline import IntArray, bursts

_LEAST_PHASE = 0.01  # rad


def engaged(
    couples: Sequence[Couple],
    members: Collection[int],
    qubit: Callable[[int], Qubit],
    lines: Lines,
    steer: Steer,
    bias: Mapping[str, float],
    reads: IntArray,
    turn: int,
    alike: bool,
) -> list[Played]:
    """Pairs, disjoint, of which at least one qubit is among `members`.

    alike: whether all shots are. Otherwise ZZ alone engages nobody: a pair would cost as much
    again for every condition that its qubits are ever in.
    """
    drives = functools.cache(lambda name: len(bursts(lines.drive(name).spans, reads, turn)))

    def candidates() -> Iterator[Played]:
        for couple in couples:
            a, b = couple.numbers
            if a not in members and b not in members:
                continue
            counts = [drives(name) for name in couple.names]
            driven = alike and min(counts) > 0 and max(counts) > reads.size
            if driven or _fluxed(couple, lines, steer, bias):
                pair = couple.played((qubit(a), qubit(b)), lines, steer, bias, reads, turn)
                if pair.fluxed or _shifting(pair, bias):
                    yield pair

    chosen: list[Played] = []
    taken: set[int] = set()
    for pair in sorted(candidates(), key=lambda pair: (not pair.fluxed, -pair.closeness())):
        if taken.isdisjoint(pair.couple.numbers):
            chosen.append(pair)
            taken.update(pair.couple.numbers)
    return chosen


def _fluxed(couple: Couple, lines: Lines, steer: Steer, bias: Mapping[str, float]) -> bool:
    """Whether a flux pulse plays on either qubit or on their coupler."""
    own = [steer(number) for number in couple.numbers]
    steerings = [s for s in (*own, couple.exchange.steering(lines, bias)) if s is not None]
    return any(span.starts.size for s in steerings for span in s.spans)


def _shifting(pair: Played, bias: Mapping[str, float]) -> bool:
    """Whether the ZZ shift can be seen before the shot ends."""
    phase = 2 * math.pi * pair.couple.zz(pair.qubits, bias) * longest_coherence(pair.script)
    return abs(phase) * pair.step > _LEAST_PHASE
