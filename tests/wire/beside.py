"""A laboratory with one instrument more, and the bench that a daemon has of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from kammerton.bench import Bench, open_bench
from kammerton.lab import Lab, load
from kammerton.model import LabClock
from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab


def laboratory_with(name: str, driver: str) -> Laboratory:
    """Return the laboratory of a qubit with that instrument, to be entered."""
    chip = random_chip(1, 3)
    instruments = {name: FurtherInstrument(driver)}
    return Laboratory(replace(chip, wiring=replace(chip.wiring, instruments=instruments)))


def lab_of(laboratory: Laboratory, folder: Path) -> Lab:
    path = folder / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
    return load(path)


def use(lab: Lab, body: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        async with open_bench(lab, LabClock(), lock_folder=lab.path.parent) as bench:
            await body(bench)

    asyncio.run(main())
