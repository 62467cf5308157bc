"""Every fault that lasts: something is different while it is on, and nothing once it is off."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.faults import CATALOGUE
from kammerton_sim.fridge import STAGES
from kammerton_sim.laboratory import Laboratory

SOURCE = {"instrument": "drive_lo"}
POWER = {**SOURCE, "setting": "power"}
QUBIT = {"qubit": "q0"}
LASTING: dict[str, dict[str, Any]] = {
    "swallow": SOURCE, "black-hole": SOURCE, "late": SOURCE, "truncate": SOURCE,
    "oversize": SOURCE, "shift": SOURCE, "garble": SOURCE, "byte-order": SOURCE, "say": SOURCE,
    "wrong-identity": SOURCE, "refuse": SOURCE,
    "false-reading": POWER, "lost-setting": POWER, "clamped-setting": {**POWER, "largest": -20.0},
    "rounded-setting": {**POWER, "step": 0.5}, "front-panel": {**POWER, "value": "3"},
    "reference-lost": {"instrument": "board"},
    "overload": {}, "trigger-loss": {}, "swapped-channels": {}, "short-record": {},
    "dropped-samples": {}, "stuck-buffer": {},
    "heat": {}, "ramp": {}, "temperature": {"kelvin": 0.2}, "sensor-nan": {}, "sensor-frozen": {},
    "sensor-over-range": {}, "sensor-unplugged": {}, "trip": {}, "block": {}, "warm-up": {},
    "new-key": {"instrument": "api"},
    "tls": QUBIT, "frequency-hop": QUBIT, "frequency-drift": QUBIT, "dead-qubit": QUBIT,
    "decoy": {"hz": 6.8e9},
}  # fmt: skip
AT_ONCE = {"hang-up", "error", "power-cycle", "reboot-loop"}
"""Over as soon as they have happened; reboots end by a test of their own."""


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    chip = random_chip(1, 3)
    instruments = {"api": FurtherInstrument("bluefors_api")}
    with Laboratory(replace(chip, wiring=replace(chip.wiring, instruments=instruments))) as made:
        yield made


def condition(laboratory: Laboratory) -> dict[str, Any]:
    """Return all that a fault can have changed."""
    fridge, world = laboratory.world.refrigerator, laboratory.world
    source, board = laboratory.sources["drive_lo"], laboratory.board
    server, now, flaws = laboratory.server("drive_lo"), world.clock.now(), vars(board.faults)
    sensors = {stage: vars(fridge.thermometer(stage)) for stage in STAGES}
    return {
        "board": {k: v for k, v in flaws.items() if isinstance(v, bool | int | float)},
        "cable": (len(server.link._spoils), server.link._hole.is_set(), server._closing),
        "box": (source.identity, dict(source.tamper.writes), dict(source.tamper.answers)),
        "settings": dict(source._values),
        "fridge": (fridge._ramp, fridge._plant.impedance, sorted(fridge._plant.running),
                   fridge._plant.circulating, [sum(w) for w in fridge._loads.values() if any(w)]),
        "sensors": {s: (v["_status"], math.isnan(v["_frozen"])) for s, v in sensors.items()},
        "key": laboratory.further["api"].key,
        "mishaps": [m for m in world.mishaps._all if m.start <= now < m.stop],
        "decoys": [line.decoys for line in world._readouts],
        "watched": len(laboratory.faults._watching),
    }  # fmt: skip


def test_every_fault_is_here():
    assert set(LASTING) | AT_ONCE == set(CATALOGUE)


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_is_taken_off_leaves_nothing(laboratory, name):
    before = condition(laboratory)
    number = laboratory.faults.inject(name, **LASTING[name])
    if happens := laboratory.board.before_buffer(30_000):
        happens()
    assert condition(laboratory) != before
    laboratory.faults.clear(number)
    assert condition(laboratory) == before
