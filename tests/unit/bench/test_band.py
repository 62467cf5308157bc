"""Between `drive_below` and `drive_off_above`: what is on stays on, and nothing begins."""

from __future__ import annotations

import asyncio

import pytest

from kammerton.bench import Gate
from kammerton.model import DriveInhibited
from kammerton.model.roles import FrequencySweep
from tests.unit.bench.test_bias import BiasedLab, gate_of
from tests.unit.bench.test_device_plane import rated
from tests.unit.bench.test_nobody_knows import Pulses, Vna

BAND, COLD = 0.06, 0.012
SAID = "drive is refused: the mixing chamber reads 60 mK; nothing begins above 50 mK"
SWEEP = FrequencySweep(4.5e9, 5e9, 11, 1e3, -30.0)


@pytest.fixture
def fake() -> BiasedLab:
    return BiasedLab()


@pytest.fixture
def gate(fake, make) -> Gate:
    """Return a gate with an analyzer and a pulse generator, armed, in the band since."""
    boxes = {"vna": Vna("vna", fake.log), "pulses": Pulses("pulses", fake.log)}
    gate = Gate(rated(make, most=10.0), fake.instruments | boxes, fake.clock)
    return between(gate, fake)


def between(gate: Gate, fake: BiasedLab) -> Gate:
    """Return an armed gate whose refrigerator has got a little warmer."""
    asyncio.run(gate.cold.refresh())
    fake.fridge.kelvin = BAND
    asyncio.run(gate.cold.refresh())
    assert gate.cold.objection() is None
    fake.log.clear()
    return gate


@pytest.mark.parametrize("what", ["sweep", "pulse"])
def test_f1_in_between_no_sweep_and_no_pulse_begins(gate, fake, what):
    def begun():
        others = gate.others
        return others.transmission("vna", SWEEP) if what == "sweep" else (
            others.enable_pulse("pulses", 1)
        )  # fmt: skip

    with pytest.raises(DriveInhibited, match=SAID):
        asyncio.run(begun())
    assert fake.log == []
    fake.fridge.kelvin = COLD
    asyncio.run(gate.cold.refresh())
    asyncio.run(begun())
    assert fake.log != []


def test_f1_in_between_a_bias_that_is_off_stays_off(fake, make):
    fake.bias.on = False
    gate = between(gate_of(fake, make), fake)
    with pytest.raises(DriveInhibited, match=f"bias: {SAID}"):
        asyncio.run(gate.set_bias("bias", 0.1))
    assert not fake.bias.on
    assert fake.levels() == []


def test_f1_in_between_a_bias_that_is_on_is_moved_and_may_go_back_to_where_it_was(fake, make):
    gate = between(gate_of(fake, make), fake)
    for volts in (0.3, 0.2):
        asyncio.run(gate.set_bias("bias", volts))
        assert fake.bias.volts == volts
