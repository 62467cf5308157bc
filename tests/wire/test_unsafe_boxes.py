"""Every box that puts something out: what lies outside its limits is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.evidence.audit import AuditError
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
        found = laboratory.questions.unsafe(path)["found"]
        return [(s["output"], s["what"], s["value"]) for s in found]

    return spans


@pytest.mark.parametrize(
    ("box", "knobs", "found"),
    [
        ("drive_lo", {"frequency": "5 GHz", "power": "18 dBm"}, [("drive_lo.rf", "power", 18)]),
        ("bias", {"range": "10", "level": "4"}, [("bias.out", "level", 4)]),
        ("pulses", {"amplitude": "4 V"}, [("pulses.1", "low", -2), ("pulses.1", "high", 2)]),
        ("vna", {"power": "0 dBm"}, [("vna.rf1", "power", 0)]),
        ("vna", {"sweep": "CW"}, [("vna.rf1", "sweep_to", 1e9)]),
        ("vna", {"start": "7 GHz", "stop": "9 GHz"}, [("vna.rf1", "sweep_to", 9e9)]),
    ],
)
def test_a_level_outside_is_found_once_the_output_is_on(laboratory, spans, box, knobs, found):
    quiet(laboratory)
    laboratory.faults.inject("front-panel", instrument=box, setting="on", value="0")
    for setting, value in knobs.items():
        laboratory.faults.inject("front-panel", instrument=box, setting=setting, value=value)
    before = spans()
    assert {output for output, *_ in before} == {"vna.rf1"}  # until it was told to be quiet
    laboratory.faults.inject("front-panel", instrument=box, setting="on", value="1")
    since = spans()[len(before) :]
    assert set(found) <= set(since)
    assert {output.split(".")[0] for output, *_ in since} == {box}


def quiet(laboratory):
    """Let the analyzer sweep where it may."""
    laboratory.further["vna"].receive(b"SENS1:FREQ:STAR 5 GHz;STOP 6 GHz")


def test_an_analyzer_radiates_where_it_sweeps_from_power_on(laboratory, spans):
    """-10 dBm, which it may, from 100 kHz to 20 GHz, which it may not; nothing else is on."""
    begin, end = ("vna.rf1", "sweep_from", 100e3), ("vna.rf1", "sweep_to", 20e9)
    assert spans() == [begin, end]
    told = laboratory.questions.unsafe({"vna.frequency": (4e9, 8e9)})
    assert {span["from"] for span in told["found"]} == {laboratory.ledger.began}
    assert told["found"][0]["from"] == pytest.approx(1e9, abs=100)  # not 1970
    quiet(laboratory)
    told = laboratory.questions.unsafe({"vna.frequency": (4e9, 8e9)})
    assert all(span["to"] < laboratory.world.clock.now() for span in told["found"])
    assert (told["checked"], told["found"][0]["unit"]) == (1, "Hz")
    laboratory.further["vna"].receive(b"CALC2:PAR:SDEF 'Trc2','S21'")
    assert ("vna.rf2", "sweep_to", 20e9) in spans()
    laboratory.further["vna"].receive(b"CALC2:PAR:DEL 'Trc2';:SENS3:FREQ:STAR 9 GHz")
    told = laboratory.questions.unsafe({"vna.frequency": (4e9, 8e9)})
    assert all(span["to"] < laboratory.world.clock.now() for span in told["found"])
    laboratory.power_cycle("vna")
    assert spans()[-2:] == [begin, end]


def test_what_an_output_and_its_levels_are_called_can_be_limited(laboratory):
    """As `ctl outputs` has them, they are in the ledger, and limits of them meet something."""
    for box, outputs in {"awg1": 8, "drive_lo": 1, "bias": 1, "vna": 1, "pulses": 2}.items():
        laboratory.faults.inject("front-panel", instrument=box, setting="on", value="1")
        assert sum(name.startswith(f"{box}.") for name in laboratory.outputs()) == outputs
    told = {n: v for n, v in laboratory.outputs().items() if v is not None}
    numbers = [
        f"{name}.{what}"
        for name, levels in told.items()
        for what, value in levels.items()
        if type(value) in (int, float)
    ]
    numbers.append("bias.out.current")  # as its level is called when its function is that
    assert {"bias.out.level", "vna.rf1.power", "pulses.2.high", "awg1.8.peak"} <= set(numbers)
    assert laboratory.questions.unsafe(dict.fromkeys(numbers, (-1e12, 1e12)))["found"] == []
    switched = [c for c in laboratory.ledger.since() if c["what"] == "on"]
    names = {f"{c['instrument']}.{c['output']}" for c in switched}  # the analyzer was on before
    assert names == {name for name in told if name != "vna.rf1"}


@pytest.mark.parametrize(
    ("pattern", "meant"), [("vna.rf.power", "vna.rf1.power"), ("bias.out.levl", "bias.out.level")]
)
def test_of_names_that_are_equally_near_the_first_is_meant(laboratory, pattern, meant):
    with pytest.raises(AuditError, match=f"did you mean '{meant}'"):
        laboratory.questions.unsafe({pattern: (0, 1)})
