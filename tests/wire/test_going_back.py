"""What passed the verdict once and is wrong, on the simulated laboratory; judged by the truth."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kammerton.bench import open_bench
from kammerton.lab import load
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.model import LabClock
from kammerton.store import Store
from kammerton.store.leases import DAEMON
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab

HOP = 4.5e6  # Hz: below what one run may move f01 by
F01 = "q0.f01"


def disturbed(folder: Path, seed: int, *, lasts: bool) -> tuple[list[float], list[int]]:
    """Have f01 doubted, as after insufficient runs, and hop for one spectroscopy, or for good.

    Returns how far f01 was from the truth as of each revision since, Hz, and which revisions the
    daemon made by going back.
    """
    with Laboratory(random_chip(1, seed)) as laboratory:
        path = folder / "lab.toml"
        path.write_text(write_lab(laboratory.chip, laboratory.ports, seed), encoding="utf-8")
        return asyncio.run(hopped(laboratory, path, lasts=lasts))


async def hopped(
    laboratory: Laboratory, path: Path, *, lasts: bool
) -> tuple[list[float], list[int]]:
    lab, clock = load(path), LabClock()
    with Store.open(lab.database, lab.computer) as store:
        async with open_bench(lab, clock, fridge_period=0.2, lock_folder=path.parent) as bench:
            book = BeliefBook(lab, clock.now())
            loop = Loop(lab, store, bench, clock, Planner(load_calibrations()), book)
            assert await loop.settle() == {}
            head, off = store.revision(), list[float]()
            book.widen(F01, 1.2e6)
            fault = laboratory.faults.inject("frequency-hop", qubit="q0", hz=HOP)
            while await loop.step():
                if not lasts and not off:
                    laboratory.faults.clear(fault)
                off.append(store.parameters()[F01].value - laboratory.world.truth(F01))
    with Store.read(lab.database) as store:
        made = [r for r in store.revisions(100) if r.number > head and r.reverts is not None]
    assert all(each.who == DAEMON and each.reverts == head for each in made)
    return off, [each.number for each in made]


@pytest.mark.parametrize("seed", [3, 5])
def test_p2_a_frequency_of_one_moment_is_taken_back_by_two_runs(tmp_path: Path, seed: int) -> None:
    off, made = disturbed(tmp_path, seed, lasts=False)
    wrong = [each for each in off if abs(each) > 1e6]
    assert len(wrong) >= 2, "it was published, since it passed"
    first_right = off.index(next(each for each in off[1:] if abs(each) < 1e6), 1)
    assert len(made) == 1
    assert all(abs(each) < 5e3 for each in off[first_right:]), "the good value, at once"


@pytest.mark.parametrize("seed", [3, 5])
def test_p2_a_hop_that_is_true_is_not_taken_back(tmp_path: Path, seed: int) -> None:
    off, made = disturbed(tmp_path, seed, lasts=True)
    assert made == []
    assert all(abs(each) < 100e3 for each in off)
    assert abs(off[-1]) < 5e3
