"""Every box that puts something out: what lies outside its limits is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.wire.conftest import CountingWorld

FURTHER = {"bias": "yokogawa_gs200", "vna": "rohde_schwarz_znb20", "pulses": "keysight_33522b"}


@pytest.fixture
def laboratory():
    chip = random_chip(1, 3)
    further = {name: FurtherInstrument(model) for name, model in FURTHER.items()}
    chip = replace(chip, wiring=replace(chip.wiring, instruments=further))
    with Laboratory(chip, world=CountingWorld()) as laboratory:  # type: ignore[arg-type]
        yield laboratory


@pytest.fixture
def spans(laboratory, tmp_path) -> Callable[[], list[tuple[str, str, float]]]:
    """What is outside the limits of the laboratory's own lab.toml."""
    path = tmp_path / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 1), encoding="utf-8")

    def spans() -> list[tuple[str, str, float]]:
        found = laboratory.questions.unsafe(path)["spans"]
        return [(s["output"], s["what"], s["value"]) for s in found]

    return spans


@pytest.mark.parametrize(
    ("box", "knobs", "found"),
    [
        ("drive_lo", {"frequency": "5 GHz", "power": "18 dBm"}, [("drive_lo.rf", "power", 18)]),
        ("bias", {"range": "10", "level": "4"}, [("bias.out", "level", 4)]),
        ("pulses", {"amplitude": "4 V"}, [("pulses.1", "low", -2), ("pulses.1", "high", 2)]),
        ("vna", {"power": "0 dBm"}, [("vna.rf1", "power", 0)]),
    ],
)
def test_a_level_outside_is_found_once_the_output_is_on(laboratory, spans, box, knobs, found):
    laboratory.faults.inject("front-panel", instrument=box, setting="on", value="0")
    for setting, value in knobs.items():
        laboratory.faults.inject("front-panel", instrument=box, setting=setting, value=value)
    assert spans() == []
    laboratory.faults.inject("front-panel", instrument=box, setting="on", value="1")
    assert set(found) <= set(spans())
    assert {output.split(".")[0] for output, *_ in spans()} == {box}


def test_what_comes_up_within_its_limits_is_safe(laboratory, spans):
    assert spans() == []  # the analyzer radiates -10 dBm as it is switched on
