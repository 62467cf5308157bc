"""The loop on the simulated laboratory, with a dip that is no qubit's; judged by the truth."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from kammerton.bench import open_bench
from kammerton.lab import Design, Lab, load
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.model import LabClock, Verdict
from kammerton.store import Store
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab

OFF = 16e6
"""Hz between the qubit's own resonance and the decoy, which lies at the design value."""


@pytest.mark.timeout(240)
def test_p4_a_dip_that_no_qubit_moves_is_never_published(tmp_path: Path) -> None:
    with Laboratory(random_chip(1, 3)) as laboratory:
        decoy = laboratory.chip.resonators[0].frequency + OFF
        lab = designed_at(decoy, laboratory, tmp_path)
        laboratory.faults.inject("decoy", hz=decoy, linewidth=2e6, depth=0.9)
        with Store.open(lab.database, lab.computer) as store:
            parked = asyncio.run(settled(lab, store))
            found = [run.fits["q0"] for run in store.runs() if "resonator" in run.calibration]
            believed = [f for f in found if f.verdict is Verdict.ACCEPTED]
            assert abs(believed[0].values["frequency"].value - decoy) < 1e6
            assert "q0" in parked
            assert store.parameters() == {}


def designed_at(hertz: float, laboratory: Laboratory, folder: Path) -> Lab:
    path = folder / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
    lab = load(path)
    r0 = lab.resonators["r0"]
    design = {**r0.design, "frequency": Design(hertz, 1.5e6)}
    return replace(lab, resonators={"r0": replace(r0, design=design)})


async def settled(lab: Lab, store: Store) -> dict[str, str]:
    clock = LabClock()
    async with open_bench(lab, clock, fridge_period=0.02, lock_folder=lab.path.parent) as bench:
        book = BeliefBook(lab, clock.now())
        loop = Loop(lab, store, bench, clock, Planner(load_calibrations()), book)
        return dict(await loop.settle())
