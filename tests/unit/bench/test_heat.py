"""What a program leaves at each stage of the refrigerator, and what the gate makes of that."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from kammerton.bench import Gate
from kammerton.bench.heat import heat, mean_squares
from kammerton.lab import Channel
from kammerton.model.errors import OutputRefused
from kammerton.model.roles import Playlist, PlayStep, Waveform

STAGES = (("room", 10.0), ("4k", 20.0), ("cold_plate", 20.0), ("mxc", 20.0))


def budgeted(make, *, stages=STAGES, leakage=None, **budget):
    """Return a laboratory whose feedline has stages, and a second line that plays as well."""
    lab = make.lab()
    feed = lab.feedlines["feed0"]
    line = replace(feed.line, attenuation=70.0, stages=stages, leakage=leakage)
    weaker = replace(line, i=Channel("awg", 7), q=Channel("awg", 8), stages=(("mxc", 60.0),))
    feeds = {"feed0": replace(feed, line=line), "feed1": replace(feed, name="feed1", line=weaker)}
    budget = {name.removeprefix("at_"): watts for name, watts in budget.items()}
    return replace(lab, feedlines=feeds, heat_budget=budget)


def test_every_stage_takes_what_it_does_not_let_through(make):
    """0.2 V on I and Q: 0.8 mW at the generators, 80 uW at the top of the refrigerator."""
    lab = budgeted(make, at_4k=1.0, at_still=1.0, at_cold_plate=1.0, at_mxc=1.0)
    found = heat(lab, make.compiled(peak=0.2).playlists, ())
    assert {stage: sum(by.values()) for stage, by in found.items()} == pytest.approx(
        {"4k": 80e-6 * 0.99, "still": 0.0, "cold_plate": 80e-8 * 0.99, "mxc": 80e-10}
    ), "the chamber takes what its attenuator does, and what arrives at the device"


def test_what_a_mixer_lets_through_enters_below_the_room_for_as_long_as_the_source_is_on(make):
    lab = budgeted(make, leakage=-30.0, at_4k=1.0)
    silent = make.compiled(peak=0.0).playlists
    assert sum(heat(lab, silent, {"lo"})["4k"].values()) == pytest.approx(0.99e-6)
    assert sum(heat(lab, silent, ())["4k"].values()) == 0.0


def test_the_mean_is_of_the_loop_and_not_of_what_comes_before_it():
    waves = {
        "loud": Waveform(np.full(10, 0.5, np.float32)),
        "soft": Waveform(np.full(10, 0.1, np.float32)),
        "idle": Waveform(np.zeros(10, np.float32)),
    }
    steps = (
        PlayStep(("loud", "idle"), wait_trigger=True),
        PlayStep(("soft", "idle"), repeats=2),
        PlayStep(("idle", "soft"), repeats=6, goto=2),
    )
    squares = mean_squares(Playlist("p", (3, 4), waves, steps, 1e9))
    assert squares == pytest.approx({3: 0.01 * 2 / 8, 4: 0.01 * 6 / 8})
    once = mean_squares(Playlist("p", (3, 4), waves, (*steps[:2], replace(steps[2], goto=0)), 1e9))
    assert once == pytest.approx({3: (0.25 + 0.02) / 9, 4: 0.06 / 9}), "no goto: from the first"


def test_a_program_beyond_the_budget_is_refused_before_and_when_loaded(fake, make):
    gate = Gate(budgeted(make, at_4k=80e-6), fake.instruments, fake.clock)
    asyncio.run(gate.admit(make.compiled(peak=0.2)))  # 79.2 uW
    compiled = make.compiled(peak=0.25)
    for action in (gate.admit(compiled), gate.load("awg", compiled.playlists["awg"])):
        with pytest.raises(OutputRefused) as refusal:
            asyncio.run(action)
        assert str(refusal.value) == (
            "4k would take 123.75 µW on average, more than 80 µW, heat_budget.4k in lab.toml: "
            "feedlines.feed0 gives most, 123.75 µW"
        )
    assert fake.log.of("awg") == []
    assert "heat_budget.4k" in gate.guard.changes[-1].refused


def test_lines_add_up_and_the_worst_is_named(fake, make):
    """Each alone is within the budget."""
    lab = budgeted(make, at_mxc=1.2e-3)
    feed = lab.feedlines["feed0"]
    near = replace(feed, line=replace(feed.line, stages=(("mxc", 1.0),)))
    lab = replace(lab, feedlines={**lab.feedlines, "feed0": near})
    one = make.compiled(peak=0.2).playlists["awg"]
    asyncio.run(Gate(lab, fake.instruments, fake.clock).admit(make.compiled(peak=0.2)))
    weaker = {**one.waves, "v": Waveform(np.full(2400, 0.15, np.float32))}
    both = replace(one, channels=(5, 6, 7, 8), waves=weaker,
                   steps=(PlayStep(("w", "w", "v", "v"), wait_trigger=True),))  # fmt: skip
    with pytest.raises(OutputRefused) as refusal:
        asyncio.run(
            Gate(lab, fake.instruments, fake.clock).admit(
                replace(make.compiled(peak=0.2), playlists={"awg": both})
            )
        )
    assert "mxc would take 1.25 mW on average, more than 1.2 mW" in str(refusal.value)
    assert str(refusal.value).endswith("feedlines.feed0 gives most, 800 µW")


def test_a_source_that_is_on_already_counts_beside_what_is_played(fake, make):
    lab = budgeted(make, leakage=-30.0, at_4k=1.5e-6)
    other = lab.instruments["lo"]
    feed = lab.feedlines["feed1"]
    apart = replace(feed, line=replace(feed.line, source="lo2", stages=STAGES))
    lab = replace(
        lab,
        feedlines={**lab.feedlines, "feed1": apart},
        instruments={**lab.instruments, "lo2": replace(other, name="lo2", address="addr-lo2")},
    )
    boxes = {**fake.instruments, "lo2": type(fake.lo)("lo2", fake.log)}
    gate, silent = Gate(lab, boxes, fake.clock), make.compiled(peak=0.0)

    async def leaks() -> None:
        await gate.admit(silent)  # its own source leaks 0.99 uW
        await gate.tune("lo2", 5e9, 10.0)
        await gate.enable_source("lo2")
        with pytest.raises(OutputRefused, match=r"4k would take 1\.98 µW on average"):
            await gate.admit(silent)

    asyncio.run(leaks())


def test_a_line_of_which_only_the_sum_is_known_is_not_driven_within_a_budget(fake, make):
    """lab.toml refuses such a line; the gate trusts no one that it did."""
    gate = Gate(budgeted(make, stages=(), at_4k=1.0), fake.instruments, fake.clock)
    compiled = make.compiled(peak=1e-3)
    for action in (gate.admit(compiled), gate.load("awg", compiled.playlists["awg"])):
        with pytest.raises(OutputRefused, match=r"feedlines\.feed0: its attenuation by stages is"):
            asyncio.run(action)
    assert fake.log.of("awg") == []


def test_power_that_is_no_number_is_refused(make):
    lab = budgeted(make, at_4k=1.0)
    found = heat(lab, make.compiled(volts=np.full(2400, np.nan, np.float32)).playlists, ())
    assert not sum(found["4k"].values()) <= 1.0


def test_without_a_budget_nothing_is_counted(fake, make):
    lab, compiled = budgeted(make, stages=()), make.compiled(peak=0.49)
    asyncio.run(Gate(lab, fake.instruments, fake.clock).admit(compiled))
    assert heat(lab, compiled.playlists, compiled.carriers) == {}
