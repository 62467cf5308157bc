"""What arrives at the device of outputs that no program plays: behind a line of their own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kammerton.bench import Gate
from kammerton.bench.device_plane import at_device
from kammerton.bench.limits import check_value
from kammerton.lab import InstrumentEntry, Limit
from kammerton.model.errors import OutputRefused
from kammerton.model.roles import FrequencySweep
from tests.unit.bench.test_nobody_knows import Pulses, Vna

POWER = {"power": Limit(-40.0, 10.0, 100.0), "frequency": Limit(4e9, 8e9, 1e12)}
VOLTS = {"volts": Limit(-1.0, 1.0, 1e9)}


def rated(make, attenuation=60.0, most=-70.0):
    """Return a laboratory with an analyzer, a pulse generator and a bias source behind lines."""
    lab = make.lab()
    more = {
        name: InstrumentEntry(
            name, "driver", f"addr-{name}", limits, attenuation=attenuation, max_at_device=most
        )
        for name, limits in (("vna", POWER), ("pulses", VOLTS), ("bias", VOLTS))
    }
    return replace(lab, instruments={**lab.instruments, **more})


def cold(fake, make, **line):
    """Return a gate with both boxes, whose refrigerator has been read."""
    boxes = {"vna": Vna("vna", fake.log), "pulses": Pulses("pulses", fake.log)}
    gate = Gate(rated(make, **line), fake.instruments | boxes, fake.clock)
    asyncio.run(gate.cold.refresh())
    fake.log.clear()
    return gate.others


def test_a_sweep_that_would_put_too_much_on_the_device_never_reaches_the_analyzer(fake, make):
    gate = cold(fake, make)
    sweep = FrequencySweep(4.5e9, 5e9, 11, 1e3, -9.0)  # within limits.power
    with pytest.raises(OutputRefused) as refusal:
        asyncio.run(gate.transmission("vna", sweep))
    assert "vna: power = -9 dBm puts -69 dBm on the device, more than -70 dBm, " in str(
        refusal.value
    )
    assert "max_at_device of instruments.vna in " in str(refusal.value)
    assert fake.log == []
    asyncio.run(gate.transmission("vna", replace(sweep, power=-10.0)))
    assert ("vna", "transmission") in fake.log


def test_a_pulse_that_would_put_too_much_on_the_device_is_neither_set_nor_switched_on(fake, make):
    """0.1 V into 50 ohm are -7 dBm; the box itself says 0.1 V when it is to be switched on."""
    gate = cold(fake, make, attenuation=20.0, most=-27.5)
    for write in (gate.set_pulse("pulses", 1, 0.1, 1e-9), gate.enable_pulse("pulses", 1)):
        with pytest.raises(OutputRefused, match=r"puts -26\.99 dBm on the device"):
            asyncio.run(write)
    assert fake.log == []
    asyncio.run(gate.set_pulse("pulses", 1, 0.09, 1e-9))
    assert ("pulses", "pulse") in fake.log


@pytest.mark.parametrize("level", [0.1, -0.1])
def test_a_level_counts_with_either_sign(make, level):
    lab = rated(make, attenuation=20.0, most=-27.5)
    with pytest.raises(OutputRefused, match=r"more than -27\.5 dBm"):
        check_value(lab, "bias", "volts", level)
    assert check_value(lab, "bias", "volts", 0.9 * level) == VOLTS["volts"]


def test_frequencies_put_nothing_on_the_device(make):
    lab = rated(make, most=-199.0)
    assert check_value(lab, "vna", "frequency", 5e9) == POWER["frequency"]
    with pytest.raises(OutputRefused, match="more than -199 dBm"):
        check_value(lab, "vna", "power", -10.0)


def test_the_power_of_a_level_is_twice_that_of_a_wave():
    assert at_device("volts", 0.1, 0.0) == pytest.approx(-6.9897)
    assert at_device("power", -10.0, 60.0) == -70.0
