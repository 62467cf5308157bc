"""f01 of a run with many shots is as sure as it says, though the qubit drifts meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np

from kammerton.bench import open_bench
from kammerton.lab import load
from kammerton.loop import BeliefBook, Loop, Planner
from kammerton.loop.catalogue import load_calibrations
from kammerton.loop.planner import Plan
from kammerton.model import Effort, LabClock
from kammerton.store import Store
from kammerton_calibrations.ramsey import RAMSEY
from kammerton_sim.chip import Chip, random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab

RUNS, SHOTS, SEED = 24, 4.0, 3
QUIET = 0.012  # V of noise, a third of the usual: records may be a third as long and say as much
PULSES = ("1 us", "300 us"), ("300 ns", "1.2 ms")
"""Readout and reset as they are written, and as they are here: of the time nothing is simulated."""


def quiet() -> Chip:
    chip = random_chip(1, SEED)
    return replace(chip, wiring=replace(chip.wiring, noise=QUIET))


def slow(lab: str) -> str:
    """Return a lab.toml with a short readout and a long reset."""
    old, new = (f'length = "{length}"\nreset = "{reset}"' for length, reset in PULSES)
    assert old in lab
    return lab.replace(old, new)


def test_the_error_bar_of_f01_is_honest_at_many_shots(tmp_path: Path) -> None:
    """By the fit alone they were twice too short: f01 drifts by more than 100 Hz in 200 s."""
    with Laboratory(quiet()) as laboratory:
        path = tmp_path / "lab.toml"
        lab = write_lab(laboratory.chip, laboratory.ports, SEED)
        path.write_text(slow(lab), encoding="utf-8")
        pulls = np.array(asyncio.run(measured(laboratory, path)))
    assert len(pulls) > RUNS - 3
    assert np.sqrt((pulls**2).mean()) < 1.3
    assert abs(pulls).max() < 4.0


async def measured(laboratory: Laboratory, path: Path) -> list[float]:
    lab, clock, pulls = load(path), LabClock(), list[float]()
    with Store.open(lab.database, lab.computer) as store:
        async with open_bench(lab, clock, fridge_period=0.2, lock_folder=path.parent) as bench:
            book = BeliefBook(lab, clock.now())
            loop = Loop(lab, store, bench, clock, Planner(load_calibrations()), book)
            assert await loop.settle() == {}
            for _ in range(RUNS):
                target = book.target("q0", clock.now(), Effort(shots=SHOTS))
                plan = Plan(RAMSEY, (target,), 1.0, 1.0)
                found = loop._conclusions._changes(plan, await loop._run(plan))
                if (e := found.get("q0.f01")) is not None:
                    truth = laboratory.world.truth("q0.f01", at=e.time.timestamp())
                    pulls.append((e.value - truth) / e.stderr)
    return pulls
