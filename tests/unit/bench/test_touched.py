"""A qubit that a person holds is not driven, and not read out, whoever drives the bench."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.bench import Gate
from kammerton.lab import Channel, IqLine, QubitEntry
from kammerton.model import Held
from kammerton.model.roles import Playlist, PlayStep, Waveform
from tests.unit.bench.conftest import FakeGenerator


def qubit(name: str, i: int, q: int) -> QubitEntry:
    line = IqLine(Channel("awg", i), Channel("awg", q), "lo", 5e9, 10.0)
    return QubitEntry(name, f"r{name[1:]}", line, {})


@pytest.fixture
def held() -> set[str]:
    return set()


@pytest.fixture
def gate(fake, make, held) -> Gate:
    def holds():
        return [SimpleNamespace(scope=s, owner="Ada", why="cabling", until=None) for s in held]

    qubits = {each.name: each for each in (qubit("q0", 1, 2), qubit("q1", 3, 4))}
    return Gate(make.lab(qubits=qubits), fake.instruments, fake.clock, holds=holds)


def playlist(volts: float) -> Playlist:
    """Something on channel 3, `volts` on channel 1: 0 V carry no more than a marker."""
    waves = {"one": Waveform(np.full(2400, volts, np.float32)),
             "three": Waveform(np.full(2400, 0.1, np.float32))}  # fmt: skip
    return Playlist("t1", (1, 3), waves, (PlayStep(("one", "three"), wait_trigger=True),), 1e9)


@pytest.mark.parametrize("volts", [0.1, -0.1])
def test_what_would_drive_a_held_qubit_is_not_loaded(gate, fake, held, volts):
    held.add("q0")
    with pytest.raises(Held, match="awg: hands off: q0 is held by Ada: cabling"):
        asyncio.run(gate.load("awg", playlist(volts)))
    assert fake.log.of("awg") == []
    asyncio.run(gate.load("awg", playlist(0.0)))
    assert fake.log.of("awg") == [("load", "t1")]


def test_a_program_that_drives_a_held_qubit_is_not_admitted(gate, make, held):
    driving = replace(make.compiled(), peaks={Channel("awg", 4): 0.2, Channel("awg", 1): 0.0})
    silent = replace(driving, window=replace(driving.window, targets=()))
    held.add("q0")
    asyncio.run(gate.admit(silent))
    held.add("q1")
    with pytest.raises(Held, match="program: hands off: q1 is held by Ada: cabling"):
        asyncio.run(gate.admit(silent))


@pytest.mark.parametrize("scope", ["q0", "r0"])
def test_a_program_that_reads_out_a_held_qubit_is_not_admitted(gate, make, held, scope):
    assert make.compiled().window.targets == ("q0",)
    held.add("q1")
    asyncio.run(gate.admit(make.compiled()))
    held.add(scope)
    with pytest.raises(Held, match=f"program: hands off: {scope} is held"):
        asyncio.run(gate.admit(make.compiled()))


def test_the_audit_says_what_was_loaded_before_and_how_loud_it_is(gate):
    asyncio.run(gate.load("awg", playlist(0.2)))
    asyncio.run(gate.load("awg", replace(playlist(0.0), name="ramsey")))
    gate.set_up_anew("awg")
    asyncio.run(gate.load("awg", playlist(0.2)))
    assert [(line.old, line.new, line.rule) for line in gate.changes] == [
        ("unknown", "playlist t1, up to 200 mV", "limits.volts of awg"),
        ("playlist t1, up to 200 mV", "playlist ramsey, up to 100 mV", "limits.volts of awg"),
        ("unknown", "playlist t1, up to 200 mV", "limits.volts of awg"),
    ]


def test_every_line_of_what_is_switched_names_its_rule(gate, make):
    async def round_of_it() -> None:
        await gate.admit(make.compiled())
        await gate.load("awg", playlist(0.0))
        await gate.tune("lo", 7e9, 13.0)
        await gate.enable_channels("awg", [1, 3])
        await gate.enable_source("lo")
        await gate.run("awg")
        await gate.trigger("awg")
        await gate.stop(["awg"])

    asyncio.run(round_of_it())
    said = {(line.old, line.new): line.rule for line in gate.changes}
    assert said["none", "1, 3"] == said["off", "on"] == said["waiting", "playing"]
    assert said["off", "on"] == "cold, and not held"
    assert said["playing", "stopped"] == "never refused"
    assert all(line.rule for line in gate.changes)


@pytest.mark.parametrize("action", ["enable", "run", "trigger"])
def test_what_drives_a_qubit_that_is_held_since_does_not_play(gate, make, fake, held, action):
    async def until_held() -> None:
        await gate.admit(make.compiled())
        await gate.load("awg", playlist(0.1))
        held.add("q0")
        fake.log.clear()
        if action == "enable":
            await gate.enable_channels("awg", [1, 3])
        elif action == "run":
            await gate.run("awg")
        else:
            await gate.trigger("awg")

    with pytest.raises(Held, match="awg: hands off: q0 is held by Ada"):
        asyncio.run(until_held())
    assert fake.log.of("awg") == []
    held.clear()
    asyncio.run(gate.run("awg"))


@pytest.mark.parametrize("stopped", [True, False])
def test_a_held_qubit_whose_generator_does_not_play_keeps_no_other_from_playing(
    fake, make, stopped
):
    """The other generator still has a playlist of before, and waits for no trigger."""
    holds = list[SimpleNamespace]()
    other = qubit("q5", 1, 2)
    line = replace(other.drive, i=Channel("awg2", 1), q=Channel("awg2", 2))
    qubits = {"q0": qubit("q0", 1, 2), "q5": replace(other, drive=line)}
    lab = make.lab(qubits=qubits)
    second = replace(lab.instruments["awg"], name="awg2", address="addr-awg2")
    lab = replace(lab, instruments={**lab.instruments, "awg2": second})
    instruments = {**fake.instruments, "awg2": FakeGenerator("awg2", fake.log)}
    gate = Gate(lab, instruments, fake.clock, holds=lambda: holds)

    async def main() -> None:
        await gate.cold.refresh()
        await gate.load("awg2", playlist(0.1))
        await gate.run("awg2")
        if stopped:
            await gate.stop(["awg2"])
        holds.append(SimpleNamespace(scope="q5", owner="Ada", why="cabling", until=None))
        await gate.load("awg", playlist(0.1))
        await gate.run("awg")
        await gate.trigger("awg")

    if stopped:
        asyncio.run(main())
    else:
        with pytest.raises(Held, match="awg: hands off: q5 is held by Ada"):
            asyncio.run(main())
    assert (("trigger",) in fake.log.of("awg")) == stopped


def test_of_a_generator_that_was_not_started_the_audit_says_no_stop(gate, fake):
    asyncio.run(gate.stop(["awg"]))
    assert fake.log.of("awg") == [("stop",)]
    assert list(gate.changes) == []
