"""A person is asked at the gate before the first write of each kind, and what follows after."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kammerton.bench import Gate
from kammerton.bench.approval import WriteClass, of_program, of_value
from kammerton.lab import InstrumentEntry, Limit
from kammerton.model import DriveInhibited, Held, OutputRefused
from kammerton.model.errors import NotApproved
from kammerton.store.rows import Lease


class Person:
    """Answers what a gate asks. then: done while it waits for the answer."""

    def __init__(self, *, no: str = "", then=lambda: None) -> None:
        self.asked: list[WriteClass] = []
        self.no, self.then = no, then

    async def __call__(self, classes: Sequence[WriteClass]) -> bool:
        new = [each for each in classes if each.key not in {e.key for e in self.asked}]
        self.asked += new
        if self.no and any(self.no in each.words for each in new):
            raise NotApproved(f"ada refused {self.no}")
        if new:
            self.then()
        return bool(new)


def supervised(fake, lab, person: Person, **more) -> Gate:
    gate = Gate(lab, fake.instruments, fake.clock, **more)
    gate.guard.ask = person
    return gate


def kinds(person: Person) -> list[str]:
    return [f"{each.instrument} {each.kind}" for each in person.asked]


def test_all_that_a_program_writes_is_asked_for_before_anything_is_written(fake, make):
    person = Person()
    asyncio.run(supervised(fake, make.lab(), person).admit(make.compiled()))
    assert kinds(person) == [
        "lo frequency", "lo power", "lo output", "awg waveforms on feedlines.feed0",
        "awg outputs 5, 6", "awg playing",
    ]  # fmt: skip
    assert not fake.anything_on
    assert {name for name, *_ in fake.log} == {"fridge"}


def test_a_person_sees_value_limits_line_and_what_arrives_at_the_device(fake, make):
    line = replace(make.line(5, 6, "lo"), attenuation=60.0, max_at_device=-50.0)
    lab = make.lab()
    feedline = replace(lab.feedlines["feed0"], line=line)
    lab = replace(lab, feedlines={"feed0": feedline})
    waves = next(c for c in of_program(lab, make.compiled()) if c.kind.startswith("waveforms"))
    for words in (
        "up to ±200 mV", "-500 mV to 500 mV", "on feedlines.feed0", "by awg.5 and awg.6",
        "-61.0 dBm at the device, behind 60 dB (at most -50 dBm there)",
    ):  # fmt: skip
        assert words in waves.words
    assert {"awg", "feed0"} <= waves.about
    outputs = next(c for c in of_program(lab, make.compiled()) if c.kind.startswith("outputs"))
    behind = "to feed0 (awg.5 and awg.6), behind 60 dB, at most -50 dBm at the device"
    assert behind in outputs.words


def test_a_question_says_its_limits_once_and_whose_box_it_is_apart(make):
    """They took up to seven lines of a terminal each."""
    power, output = (of_program(make.lab(), make.compiled())[n] for n in (1, 2))
    assert power.words == "lo power: 13 dBm (allowed -20 dBm to 16 dBm, 1000 dB/s); to feed0"
    assert "(allowed power -20 dBm to 16 dBm, 1000 dB/s, frequency " in output.words
    assert power.box == "source at addr-lo"


def test_the_second_program_of_the_same_kinds_is_not_asked_for(fake, make):
    person = Person()
    gate = supervised(fake, make.lab(), person)

    async def both() -> None:
        await gate.admit(make.compiled())
        await gate.admit(make.compiled(peak=0.1, carrier=(6e9, 10.0)))

    asyncio.run(both())
    assert len(person.asked) == 6


def test_another_limit_or_another_wiring_is_another_class(make):
    lab = make.lab()
    before = {each.kind: each.key for each in of_program(lab, make.compiled())}
    entry = lab.instruments["awg"]
    wider = replace(entry, limits={"volts": Limit(-0.6, 0.6, 1e9)})
    after = of_program(replace(lab, instruments={**lab.instruments, "awg": wider}), make.compiled())
    changed = {each.kind for each in after if before[each.kind] != each.key}
    assert changed == {"waveforms on feedlines.feed0", "outputs 5, 6", "playing"}
    feedline = replace(lab.feedlines["feed0"], line=replace(make.line(5, 6, "lo"), attenuation=3.0))
    rewired = of_program(replace(lab, feedlines={"feed0": feedline}), make.compiled())
    assert all(before[each.kind] != each.key for each in rewired)


@pytest.mark.parametrize(
    "change",
    [
        {"max_at_device": -20.0}, {"attenuation": 50.0}, {"address": "another"}, {"serial": "104"},
        {"limits": {"volts": Limit(-1.0, 1.0, 0.5, 0.2)}},
    ],
)  # fmt: skip
def test_so_it_is_of_what_has_a_line_of_its_own(make, change):
    lab, volts = make.lab(), {"volts": Limit(-1.0, 1.0, 0.5, 0.1)}
    bias = InstrumentEntry("bias", "source", "one", volts, attenuation=40.0, max_at_device=-30.0)
    before, after = (
        of_value(replace(lab, instruments={"bias": each}), "bias", "volts", 0.1, "bias ramp").key
        for each in (bias, replace(bias, **change))
    )
    assert before != after


def test_a_value_is_no_part_of_a_class(make):
    lab = make.lab()
    assert of_value(lab, "lo", "power", 1.0).key == of_value(lab, "lo", "power", 2.0).key


def test_what_a_person_refuses_is_not_written(fake, make):
    gate = supervised(fake, make.lab(), Person(no="lo power"))
    with pytest.raises(NotApproved, match="ada refused"):
        asyncio.run(gate.admit(make.compiled()))
    assert not fake.anything_on


def test_what_the_limits_forbid_nobody_is_asked_for(fake, make):
    person = Person()
    gate = supervised(fake, make.lab(), person)
    with pytest.raises(OutputRefused, match="outside"):
        asyncio.run(gate.admit(make.compiled(peak=0.7)))
    assert not person.asked


def test_the_interlock_is_asked_again_after_the_answer(fake, make):
    now = [100.0]

    def warm() -> None:
        now[0] += 1.5
        fake.fridge.kelvin = 0.2

    person = Person(then=warm)
    gate = supervised(fake, make.lab(), person, monotonic=lambda: now[0])
    with pytest.raises(DriveInhibited, match="drive is refused"):
        asyncio.run(gate.admit(make.compiled()))
    assert len(person.asked) == 6


def test_a_hold_that_comes_while_a_person_is_asked_counts(fake, make):
    from datetime import UTC, datetime

    holds: list[Lease] = []
    lease = Lease(1, "lo", "ben", "at the cable", datetime.now(UTC), None)
    person = Person(then=lambda: holds.append(lease))
    gate = supervised(fake, make.lab(), person, holds=lambda: tuple(holds))
    with pytest.raises(Held, match="at the cable"):
        asyncio.run(gate.admit(make.compiled()))


def test_each_write_asks_by_itself_too(fake, make):
    person = Person(no="lo frequency")
    gate = supervised(fake, make.lab(), person)
    with pytest.raises(NotApproved):
        asyncio.run(gate.tune("lo", 7e9, 13.0))
    assert not fake.log.of("lo")
    person = Person(no="outputs 5")
    gate = supervised(fake, make.lab(), person)
    with pytest.raises(NotApproved):
        asyncio.run(gate.enable_channels("awg", [5]))
    assert not fake.anything_on


def test_what_switches_off_waits_for_nobody(fake, make):
    person = Person(no="o")
    gate = supervised(fake, make.lab(), person)
    asyncio.run(gate.safe("test"))
    assert not person.asked
