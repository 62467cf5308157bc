"""Faults of settings on boxes whose settings hang together: bias, pulse generator, analyzer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.faults import FaultError
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import CountingWorld

BIAS = {"instrument": "bias", "setting": "level"}


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    chip = random_chip(1, 3)
    models = {"bias": "yokogawa_gs200", "pulser": "keysight_33522b", "vna": "rohde_schwarz_znb20",
              "api": "bluefors_api"}  # fmt: skip
    instruments = {name: FurtherInstrument(model) for name, model in models.items()}
    wired = replace(chip, wiring=replace(chip.wiring, instruments=instruments))
    with Laboratory(wired, world=CountingWorld()) as made:  # type: ignore[arg-type]
        yield made


@pytest.mark.parametrize(
    ("box", "before", "setting", "value", "said"),
    [
        ("pulser", b"*RST", "amplitude", "20", "amplitude cannot be 20: it is 0.001 to 10 V"),
        ("pulser", b"SOUR1:VOLT:OFFS 4", "amplitude", "4", "it is 0.001 to 2 V at present"),
        ("pulser", b"SOUR1:VOLT 8", "offset", "-3", "it is -1 to 1 V"),
        ("pulser", b"SOUR1:FUNC RAMP", "frequency", "30e6", "it is 1e-06 to 200000 Hz"),
        ("pulser", b"SOUR1:FREQ 30e6", "function", "RAMP", "RAMP ends at 200000 Hz"),
        ("bias", b"SOUR:RANG 1", "level", "30", "level cannot be 30: the range ends at 1.2 V"),
    ],
)  # fmt: skip
def test_a_knob_ends_where_the_box_ends_at_present(laboratory, box, before, setting, value, said):
    laboratory.further[box].receive(before)
    knob = {"instrument": box, "setting": setting, "value": value}
    output = "1" if box == "pulser" else ""
    with pytest.raises(FaultError, match=said.replace(".", r"\.")):
        laboratory.faults.inject("front-panel", **knob, output=output, after=5.0)


def test_a_knob_that_fits_is_turned(laboratory):
    pulser = laboratory.further["pulser"]
    knobs = (("amplitude", "10", 10.0), ("frequency", "30MHz", 30e6), ("phase", "90", 90.0))
    for setting, value, taken in knobs:
        laboratory.faults.inject("front-panel", instrument="pulser", setting=setting, value=value)
        assert pulser.value(setting, 1) == taken


def test_levels_of_a_source_are_in_what_its_function_has(laboratory):
    bias = laboratory.further["bias"]
    number = laboratory.faults.inject("front-panel", **BIAS, value="100mV")
    assert bias.level() == pytest.approx(0.1)
    laboratory.faults.clear(number)
    laboratory.faults.inject("clamped-setting", **BIAS, largest="100mV")
    bias.receive(b"SOUR:LEV 1")
    assert bias.level() == pytest.approx(0.1)
    laboratory.faults.clear()
    bias.receive(b"SOUR:FUNC CURR")
    laboratory.faults.inject("front-panel", **BIAS, value="2mA")
    assert bias.level() == pytest.approx(2e-3)
    with pytest.raises(FaultError, match="it takes -32 A to 32 A"):
        laboratory.faults.inject("front-panel", **BIAS, value="2V")


@pytest.mark.parametrize(
    ("name", "more", "reached"),
    [("clamped-setting", {"largest": 0.1}, 0.1), ("lost-setting", {}, 0.0),
     ("rounded-setting", {"step": 0.3}, 0.6)],
)  # fmt: skip
def test_a_program_does_not_go_where_a_level_does_not(laboratory, name, more, reached):
    bias = laboratory.further["bias"]
    laboratory.faults.inject(name, **BIAS, **more)
    bias.receive(b"OUTP ON;:PROG:EDIT:STAR;:SOUR:LEV 0.5;:PROG:EDIT:END;:PROG:INT 0.1;SLOP 0;RUN")
    assert bias.volts() == pytest.approx(reached)
    laboratory.world.clock.advance(1.0)
    assert bias.receive(b"*OPC?") == b"1"
    assert bias.volts() == pytest.approx(reached)


def test_an_analyzer_tells_falsely_whether_it_radiates(laboratory):
    vna = laboratory.further["vna"]
    laboratory.faults.inject("false-reading", instrument="vna", setting="on", text="0")
    assert vna.receive(b"OUTP1?;:OUTP?") == b"0;0"
    assert vna.value("on")


def test_an_identity_that_the_control_software_cannot_tell_is_refused(laboratory):
    with pytest.raises(
        FaultError, match=r"vendor, model, serial number and firmware .*, not 'Other'"
    ):
        laboratory.faults.inject("wrong-identity", instrument="api", identity="Other", after=5.0)
