"""Single shots drawn by following every qubit through its readout."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import FitBatch, fit_batch

Complex = NDArray[np.complex128]
Array = NDArray[np.float64]
KIND = "single_shot_readout"
ZERO, DISTANCE = 0.3e-3 - 1e-3j, 1e-3


@dataclass(frozen=True)
class Laboratory:
    """Clouds at ZERO + places * DISTANCE, turned by angle; began: rows of preparations."""

    began: tuple[tuple[float, ...], ...] = ((0.99, 0.01), (0.04, 0.96))
    places: tuple[complex, ...] = (0, 1)
    decays: tuple[float, ...] = (0.03, 0.06)
    sep: float = 5.5
    angle: float = 2.0
    dead: float = 0.0

    @property
    def centres(self) -> Complex:
        return np.asarray(ZERO + DISTANCE * np.exp(1j * self.angle) * np.array(self.places))

    def draw(self, rng: np.random.Generator, shots: int) -> list[Complex]:
        """Return shots by preparation; a qubit is watched from -dead to 1."""
        return [self.started(rng, rng.choice(len(row), shots, p=row)) for row in self.began]

    def started(self, rng: np.random.Generator, state: NDArray[np.intp]) -> Complex:
        """Return one shot for each state at the start."""
        until, signal = np.full(state.size, -self.dead), np.zeros(state.size, complex)
        for level in range(len(self.places) - 1, 0, -1):
            here = (state >= level) & (until < 1)
            left = until + np.where(here, rng.exponential(1 / self.decays[level - 1], here.size), 0)
            spent = np.clip(left, 0, 1) - np.clip(until, 0, 1)
            signal, until = signal + spent * self.centres[level], left
        signal += (1 - np.clip(until, 0, 1)) * self.centres[0]
        noise = rng.normal(size=state.size) + 1j * rng.normal(size=state.size)
        return np.asarray(signal + DISTANCE / self.sep * noise)


THREE = Laboratory(
    ((0.98, 0.015, 0.005), (0.05, 0.94, 0.01), (0.02, 0.08, 0.9)), (0, 1, 0.4 + 1.1j)
)
LEAKY = Laboratory(((0.99, 0.01, 0.0), (0.04, 0.94, 0.02)), (0, 1, 0.4 + 1.1j))


def prepared(thermal: float, excited: float, **changes: object) -> Laboratory:
    """Return a laboratory of two states with these fractions that began in 1."""
    return replace(Laboratory(), began=((1 - thermal, thermal), (1 - excited, excited)), **changes)  # type: ignore[arg-type]  # of the test's own making


def measured(
    laboratory: Laboratory, seed: int, targets: int = 1, shots: int = 4000
) -> tuple[NDArray[np.intp], Complex]:
    """Return x (M,) and y (N, M): the preparations after one another."""
    rng = np.random.default_rng(seed)
    y = [np.concatenate(laboratory.draw(rng, shots)) for _ in range(targets)]
    return np.repeat(np.arange(len(laboratory.began)), shots), np.array(y)


def fitted(sets: list[Complex]) -> FitBatch:
    """Fit one target, shots by preparation."""
    x = np.repeat(np.arange(len(sets)), [z.size for z in sets])
    return fit_batch(KIND, x, np.concatenate(sets))
