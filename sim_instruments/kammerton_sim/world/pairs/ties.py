"""Outcomes of a pair within one shot: what one qubit is found in tells of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kammerton_sim.world.pairs.basis import PLACE
from kammerton_sim.world.propagate import FloatArray


@dataclass(frozen=True, eq=False)
class Tie:
    """Places of two qubits in a record; the second is drawn after the first.

    conditional (3, K, 3): populations of the second for every level of the first.
    """

    first: int
    second: int
    conditional: FloatArray


def tie(joint: FloatArray, first: int, second: int) -> Tie:
    """The tie that joint populations (K, 9), in the order of `basis.LABELS`, make."""
    table = np.maximum(joint, 0)[:, PLACE]
    alone = table.sum(axis=1, keepdims=True)
    found = table.sum(axis=2, keepdims=True)
    conditional = np.where(found > 0, table / np.where(found > 0, found, 1), alone)
    return Tie(first, second, np.ascontiguousarray(conditional.transpose(1, 0, 2)))
