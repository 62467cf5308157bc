"""Good traces of every kind, whatever shape its arrays have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.catalogue.registry import truths
from tests.catalogue.truth import Traces
from tests.unit.estimation import shot_inputs, test_dispersive

SEED, GOOD = 3, 2
MAPS = ("qubit_flux_map", "cz_chevron", "punch_out", "resonator_flux_map", "avoided_crossing")
Arrays = tuple[Any, NDArray[Any], NDArray[np.float64] | None, dict[str, Any]]


def good(kind: str, given: bool) -> Arrays:
    """Return x, y (N, ...), sigma and what is known of some good traces."""
    rng = np.random.default_rng(SEED)
    if kind == "single_shot_readout":
        x, y = shot_inputs.measured(shot_inputs.Laboratory(), SEED, GOOD, 1500)
        return x, y, None, {}
    if kind == "dispersive_shift":
        p = test_dispersive.drawn(rng, GOOD)
        y, sigma = test_dispersive.measured(p, 20.0, SEED)
        return ([0, 1], test_dispersive.TONES), y, sigma if given else None, {}
    truth = next(t for t in truths(kind).values())
    made: Traces = truth.measured(rng, truth.benign(rng, GOOD), 30.0)
    return made.x, made.y, made.sigma if given else None, dict(made.known)
