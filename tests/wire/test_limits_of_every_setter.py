"""C4: whatever is asked of any setter, nothing outside its limits reaches an instrument.

Random demands, mostly forbidden, through the gate and the real drivers; judged by the ledger of
the simulated boxes: every level they were ever set to, also while they were off.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kammerton.bench import Gate
from kammerton.bench.connect import close_all, connect
from kammerton.lab import load
from kammerton.model import InstrumentError, LabClock, OutputRefused
from kammerton.model.roles import FrequencySweep, Playlist, PlayStep, Waveform
from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.evidence.limits import limits_of
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab

LIMITED = {
    ("drive_lo", "frequency"), ("drive_lo", "power"), ("bias", "level"),
    ("vna", "frequency"), ("vna", "power"), ("pulser", "high"),
}  # fmt: skip

FURTHER = {"bias": "yokogawa_gs200", "vna": "rohde_schwarz_znb20", "pulser": "keysight_33522b"}
LEVELS = {each: each for each in ("peak", "level", "low", "high", "frequency", "power")} | {
    "ramp": "level", "sweep_from": "frequency", "sweep_to": "frequency",
}  # fmt: skip
"""What the ledger calls a level -> what has the limit."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: Any) -> Iterator[SimpleNamespace]:
    chip = random_chip(1, 3)
    further = {name: FurtherInstrument(model) for name, model in FURTHER.items()}
    chip = replace(chip, wiring=replace(chip.wiring, instruments=further))
    path = tmp_path_factory.mktemp("every_setter") / "lab.toml"
    with Laboratory(chip) as laboratory, asyncio.Runner() as runner:
        text = write_lab(chip, laboratory.ports, 1).replace('"100 mV/s"', '"100 V/s"')
        path.write_text(text, encoding="utf-8")
        lab = load(path)
        instruments = runner.run(connect(lab))
        gate = Gate(lab, instruments, LabClock())
        runner.run(gate.safe())
        runner.run(instruments["awg1"].configure(lab.sample_rate))  # type: ignore[attr-defined]
        yield SimpleNamespace(
            laboratory=laboratory, gate=gate, run=runner.run, limits=limits_of([str(path)])
        )
        runner.run(gate.safe())
        assert runner.run(close_all(instruments)) == []


def wide(low: float, high: float) -> st.SearchStrategy[float]:
    """Values around a range, as often outside as inside, and what is no number."""
    span = high - low
    edges = st.sampled_from([low, high, np.nextafter(low, -1e99), np.nextafter(high, 1e99)])
    odd = st.sampled_from([math.nan, math.inf, -math.inf, 9.9e37, 0.0])
    inside = st.floats(low, high)
    return inside | inside | st.floats(low - span, high + span) | edges | odd


DEMANDS = st.one_of(
    st.tuples(st.just("tune"), st.sampled_from(["drive_lo", "readout_lo"]),
              wide(4e9, 8e9), wide(-20, 16)),
    st.tuples(st.just("load"), st.just("awg1"), wide(-0.5, 0.5)),
    st.tuples(st.just("bias"), st.sampled_from(["bias", "drive_lo", "nobody"]), wide(-1, 1)),
    st.tuples(st.just("pulse"), st.just("pulser"), st.sampled_from([1, 2]), wide(-1, 1)),
    st.tuples(st.just("sweep"), st.just("vna"), wide(4e9, 8e9), wide(4e9, 8e9), wide(-60, -10)),
)  # fmt: skip


async def demand(gate: Gate, verb: str, name: str, *numbers: Any) -> None:
    """Ask for one thing."""
    await gate.cold.refresh_when_older(10.0)
    if verb == "tune":
        await gate.tune(name, *numbers)
        await gate.enable_source(name)
    elif verb == "load":
        await gate.load(name, playlist(*numbers))
        await gate.enable_channels(name, [1])
    elif verb == "bias":
        await gate.set_bias(name, *numbers)
    elif verb == "pulse":
        await gate.others.set_pulse(name, *numbers, 1e-6)
        await gate.others.enable_pulse(name, numbers[0])
    else:
        start, stop, power = numbers
        await gate.others.transmission(name, FrequencySweep(start, stop, 11, 1e4, power))


def playlist(volts: float) -> Playlist:
    samples = np.zeros(2400, np.float32)
    samples[100:200] = volts
    return Playlist("p", (1,), {"w": Waveform(samples)}, (PlayStep(("w",)),), 1e9)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(DEMANDS, min_size=1, max_size=6))
def test_c4_nothing_outside_a_limit_ever_reaches_an_instrument(site, demands):
    site.run(site.gate.safe())  # a box that failed is trusted again once it is known to be off
    first = len(site.laboratory.ledger.since())
    for each in demands:
        with suppress(OutputRefused, InstrumentError):  # refused by us or by the box: fine
            site.run(demand(site.gate, *each))
        loaded = site.laboratory.outputs()["awg1.1"]  # whose samples are no level in the ledger
        assert loaded is None or loaded["peak"] <= site.limits["awg1.peak"][1] + 1e-6
    for change in site.laboratory.ledger.since(first):
        if change["what"] not in LEVELS or isinstance(change["new"], str | bool):
            continue
        limits = site.limits.get(f"{change['instrument']}.{LEVELS[change['what']]}")
        if limits is not None:
            low, high = limits
            assert low - 1e-6 <= change["new"] <= high + 1e-6, change


def test_the_demands_that_are_allowed_do_reach_them(site):
    """What the property proves is not that nothing is ever set."""
    site.run(site.gate.safe())
    for each in (
        ("tune", "drive_lo", 4.5e9, 3.0),
        ("load", "awg1", 0.4),
        ("bias", "bias", 0.25),
        ("pulse", "pulser", 1, 0.5),
        ("sweep", "vna", 6.0e9, 6.5e9, -30.0),
    ):
        site.run(demand(site.gate, *each))
    # of the whole ledger: what the property happened to leave at its value is not set again
    set_to = {(c["instrument"], c["what"]): c["new"] for c in site.laboratory.ledger.since()}
    assert set_to["drive_lo", "power"] == 3.0
    assert set_to["bias", "level"] == 0.25
    assert set_to["vna", "power"] == -30.0
    assert (set_to["vna", "sweep_from"], set_to["vna", "sweep_to"]) == (6.0e9, 6.5e9)
    judged = {(name, LEVELS[what]) for name, what in set_to if what in LEVELS}
    assert judged >= LIMITED, "each of these is held against its limits above"
    assert {f"{name}.{what}" for name, what in LIMITED} <= site.limits.keys()
    assert site.laboratory.outputs()["awg1.1"]["peak"] == pytest.approx(0.4, rel=1e-3)
    assert site.laboratory.outputs()["pulser.1"] is not None
