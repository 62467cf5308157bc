"""What a first look at the resonators says, judged by the truth: its error bars are honest.

Everything that lies between a resonator and its error bar is in it: the tones as they are compiled
and played, the neighbours on the feedline, the digitizer, the blocks that give sigma, the fit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kammerton.bench import open_bench
from kammerton.estimation.reduce import traces
from kammerton.estimation.traces import fit_traces
from kammerton.lab import Lab, load
from kammerton.loop import BeliefBook
from kammerton.model import Effort, Fit, LabClock, Program, Verdict
from kammerton_calibrations.resonator_spectroscopy import RESONATOR_SPECTROSCOPY as LOOK
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab

LOOKS, QUBITS, SEED = 16, 10, 4
MOST = 1.2
"""rms of the pulls: 160 of unit variance reach 1 +- 0.056."""


def first_program(lab: Lab, clock: LabClock) -> Program:
    """Return the sweep of a daemon that has no more than the design values."""
    book, now = BeliefBook(lab, clock.now()), clock.now()
    return LOOK.program([book.target(q, now, Effort()) for q in lab.qubits])


async def looks(lab: Lab) -> list[dict[str, Fit]]:
    clock = LabClock()
    async with open_bench(lab, clock, fridge_period=0.02, lock_folder=lab.path.parent) as bench:
        program = first_program(lab, clock)
        records = [await bench.acquire(program) for _ in range(LOOKS)]
    return [
        fit_traces(LOOK.kind, traces(program, r, LOOK.uses, {}), program.shots) for r in records
    ]


def pulls(found: list[tuple[str, Fit]], name: str, truth: Mapping[str, float]) -> np.ndarray:
    """Return (value - truth) / stderr of one parameter of every fit."""
    measured = [(fit.values[name], truth[f"{qubit}.{name}"]) for qubit, fit in found]
    return np.array([(value.value - true) / value.stderr for value, true in measured])


def test_error_bars_of_resonators_from_cold_are_honest(tmp_path: Path) -> None:
    with Laboratory(random_chip(QUBITS, SEED)) as laboratory:
        path = tmp_path / "lab.toml"
        path.write_text(write_lab(laboratory.chip, laboratory.ports, SEED), encoding="utf-8")
        lab = load(path)
        found = [pair for look in asyncio.run(looks(lab)) for pair in look.items()]
        names = "frequency", "linewidth"
        truth = {
            f"{qubit}.{name}": laboratory.world.truth(f"{entry.resonator}.{name}")
            for qubit, entry in lab.qubits.items()
            for name in names
        }
    assert len(found) == LOOKS * QUBITS
    assert all(fit.verdict is Verdict.ACCEPTED for _, fit in found)
    for name in names:
        apart = pulls(found, name, truth)
        assert 1 / MOST < np.sqrt((apart**2).mean()) < MOST, name
        assert abs(apart).max() < 4.5, name
        assert abs(apart.mean()) < 0.35, name
