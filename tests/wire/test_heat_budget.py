"""The budget of heat against what the laboratory itself feels of its lines: simulated device.

The laboratory works out from its own outputs what they leave at each stage, and knows nothing of
the gate's arithmetic.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from kammerton.lab import Lab, load
from kammerton.model import OutputRefused
from kammerton_sim.chip import random_chip
from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.wire.test_bench_on_the_laboratory import changes, program, use

BY_STAGES = 'attenuation = { room = "7 dB", 4k = "20 dB", cold_plate = "20 dB", mxc = "20 dB" }'
NAMES = ("4k", "cold_plate", "mxc")


@pytest.fixture(scope="module")
def laboratory():
    chip = replace(random_chip(2, 3), refrigerator=Cryostat())
    with Laboratory(chip) as laboratory:
        yield laboratory


@pytest.fixture
def felt(laboratory, monkeypatch):
    """Return (time, W by stage) whenever what the lines bring changes."""
    told: list[tuple[float, dict[str, float]]] = []

    def load(name, watts):
        if name == "drive":
            told.append((monotonic(), dict(zip(STAGES, watts.values(), strict=True))))

    monkeypatch.setattr(laboratory.world.refrigerator, "load", load)
    return told


STAGES = ("50k", "4k", "still", "cold_plate", "mxc")


def lab_of(laboratory: Laboratory, folder: Path, budget: dict[str, float]) -> Lab:
    text = write_lab(laboratory.chip, laboratory.ports, 3)
    assert text.count('attenuation = "67 dB"') == 3
    text = text.replace('attenuation = "67 dB"', BY_STAGES)
    rows = [f'{stage} = "{watts * 1e9:.9f} nW"' for stage, watts in budget.items()]
    path = folder / "lab.toml"
    path.write_text("\n".join([text, "[heat_budget]", *rows, ""]), encoding="utf-8")
    return load(path)


def mean(felt: list[tuple[float, dict[str, float]]], stage: str) -> float:
    """W on average over the time that anything was brought."""
    spans = [(b - a, watts[stage]) for (a, watts), (b, _) in itertools.pairwise(felt)]
    joules = sum(span * watts for span, watts in spans)
    return joules / sum(span for span, watts in spans if watts)


def play(laboratory, lab) -> None:
    async def body(bench):
        await bench.acquire(program(lab, 40))

    use(lab, body)


def test_what_is_put_out_over_time_is_within_the_budget_and_one_hotter_plays_nothing(
    laboratory, felt, tmp_path
):
    laboratory.world.temperature = 0.012
    play(laboratory, lab_of(laboratory, tmp_path, dict.fromkeys(NAMES, 1.0)))
    real = {stage: mean(felt, stage) for stage in NAMES}
    assert all(watts > 0 for watts in real.values())

    felt.clear()
    play(laboratory, lab_of(laboratory, tmp_path, {s: 1.001 * w for s, w in real.items()}))
    for stage, watts in real.items():
        assert mean(felt, stage) <= 1.001 * watts

    for stage, watts in real.items():
        felt.clear()
        since = len(changes(laboratory))
        hot = dict.fromkeys(NAMES, 1.0) | {stage: 0.999 * watts}
        with pytest.raises(OutputRefused, match=f"^{stage} would take .* heat_budget.{stage} in "):
            play(laboratory, lab_of(laboratory, tmp_path, hot))
        assert not any(sum(taken.values()) for _, taken in felt)
        done = {(c["what"], c["new"]) for c in changes(laboratory)[since:]}
        assert done.isdisjoint({("on", True), ("run", True), ("on", 1), ("run", 1)})
