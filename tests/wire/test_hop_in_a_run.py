"""A two-level defect that comes in the middle of a run, on the simulated laboratory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kammerton.bench import open_bench
from kammerton.lab import Lab, load
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.model import LabClock, Verdict
from kammerton.store import Store
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab

RECORDS = 51 * 1000
"""Of a run of T1: delays times shots."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("part", [0.3, 0.6])
def test_p6_a_defect_that_hops_in_the_middle_of_a_t1_run_is_not_published(tmp_path: Path, part):
    """T1 falls to half in the middle: that run is rejected and repeated; then it is right.

    Before, the mixture of both decays was published as a T1 that the qubit never had.
    """
    with Laboratory(random_chip(1, 3)) as laboratory:
        path = tmp_path / "lab.toml"
        path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
        lab = load(path)
        with Store.open(lab.database, lab.computer) as store:
            before, after = asyncio.run(hopped(laboratory, lab, store, part))
            runs = [r for r in store.runs() if r.calibration == "t1"]
            values = [c.estimate for c in reversed(store.history("q0.t1"))]
    assert after == pytest.approx(before / 2, rel=0.1)
    hop = next(r.fits["q0"] for r in runs if r.fits["q0"].status == "drift during scan")
    assert hop.verdict is Verdict.REJECTED
    assert "t1 changed after about" in hop.reason
    assert abs(values[0].value - before) < 4 * values[0].stderr
    assert len(values) > 1, "the run was not repeated"
    for e in values[1:]:
        assert abs(e.value - after) < 4 * e.stderr, (e, after)


async def hopped(
    laboratory: Laboratory, lab: Lab, store: Store, part: float
) -> tuple[float, float]:
    """Settle, have a defect come in the middle of the next T1 run; return T1 before and after."""
    clock = LabClock()
    async with open_bench(lab, clock, fridge_period=0.02, lock_folder=lab.path.parent) as bench:
        book = BeliefBook(lab, clock.now())
        loop = Loop(lab, store, bench, clock, Planner(load_calibrations()), book)
        assert await loop.settle() == {}
        before = laboratory.world.truth("q0.t1")
        book.doubt(["q0.t1"], 8.0, clock.now())
        laboratory.faults.inject("tls", qubit="q0", t1=before, after_records=int(part * RECORDS))
        assert await loop.settle() == {}
        return before, laboratory.world.truth("q0.t1")
