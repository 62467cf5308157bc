"""Alarms: few, grouped, and each with what to do."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

import pytest

from kammerton.bench.beside import beside
from kammerton.model.alarm import WHAT_TO_DO, Alarm
from kammerton.publish import alarms as alarms_module
from kammerton.publish.alarms import GROUP, QUIET, STAYS, WAITING, Alarms
from kammerton.publish.mirror import PATIENCE, Mirror
from kammerton.publish.received import Seal


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def lost(name: str = "lo", *, on: bool = True) -> Alarm:
    return Alarm("instrument", name, "no answer", on=on)


def taken(alarms: Alarms) -> list[tuple[str, bool, tuple[str, ...], int]]:
    found = []
    while due := alarms.due():
        found.append((due[0].kind, due[0].on, due[0].subjects, due[0].repeated))
        alarms.gone(due[0])
    return found


def test_what_comes_together_is_one_message():
    clock = Clock()
    alarms = Alarms(clock)
    for name in ("lo1", "lo2", "lo1"):
        alarms.tell(lost(name))
    assert alarms.due() == []
    clock.now += GROUP
    assert taken(alarms) == [("instrument", True, ("lo1", "lo2"), 1)]


def test_what_comes_and_goes_is_told_once_in_a_while():
    clock = Clock()
    alarms = Alarms(clock)
    heard = []
    for _ in range(100):
        alarms.tell(lost())
        clock.now += 2.0
        alarms.tell(lost(on=False))
        clock.now += 2.0
        heard += taken(alarms)
    assert [on for _, on, _, _ in heard] == [True, False]
    clock.now += QUIET
    alarms.tell(lost())
    clock.now += GROUP
    assert taken(alarms) == [("instrument", True, ("lo",), 99)]


def test_what_nobody_ends_is_told_again_after_the_quiet_time():
    clock = Clock()
    alarms = Alarms(clock)
    heard = []
    for _ in range(4):
        alarms.tell(lost())
        clock.now += QUIET / 2
        heard += taken(alarms)
    assert heard == [("instrument", True, ("lo",), 0), ("instrument", True, ("lo",), 1)]


def test_what_begins_again_in_the_quiet_time_and_stays_is_told_after_a_minute():
    clock = Clock()
    alarms = Alarms(clock)
    for on in (True, False, True):
        alarms.tell(lost(on=on))
        clock.now += GROUP
    assert [on for _, on, _, _ in taken(alarms)] == [True, False]
    clock.now += STAYS / 2
    alarms.tell(lost())
    clock.now += STAYS / 2 - GROUP - 0.1
    assert taken(alarms) == []
    clock.now += 0.1
    assert taken(alarms) == []
    clock.now += GROUP
    assert taken(alarms) == [("instrument", True, ("lo",), 1)]
    alarms.tell(lost(on=False))
    clock.now += GROUP
    assert taken(alarms) == [("instrument", False, ("lo",), 0)]


def test_another_reason_is_told_at_once_and_flapping_between_two_is_not():
    clock = Clock()
    alarms = Alarms(clock)
    heard = []

    def fridge(reason: str, *, on: bool = True) -> None:
        alarms.tell(Alarm("refrigerator", "triton", reason, on=on, causes=(reason,)))
        clock.now += GROUP
        heard.extend((text, notice.on) for notice in alarms.due() for text in notice.texts)
        while due := alarms.due():
            alarms.gone(due[0])

    for _ in range(50):
        for reason in ("turbo stopped", "warm"):
            fridge(reason)
            fridge("cold", on=False)
    begun = [("turbo stopped", True), ("cold", False), ("warm", True), ("cold", False)]
    assert heard == begun
    clock.now += QUIET
    fridge("warm")
    fridge("no reading")  # which may follow without an end
    assert heard[4:] == [("warm", True), ("no reading", True)]


def test_a_cause_that_comes_while_another_is_on_is_told_though_it_was_told_lately(caplog):
    """Else whoever hears of a pump alone does not see that the chamber is warm, too."""
    clock = Clock()
    alarms = Alarms(clock)

    def fridge(*causes: str, on: bool = True) -> list[str]:
        alarms.tell(Alarm("refrigerator", "triton", " and ".join(causes), on=on, causes=causes))
        clock.now += GROUP
        heard = [text for notice in alarms.due() for text in notice.texts]
        while due := alarms.due():
            alarms.gone(due[0])
        return heard

    assert fridge("warm") == ["warm"]
    assert fridge("cold", on=False) == ["cold"]
    assert fridge("turbo") == ["turbo"]
    assert fridge("turbo", "warm") == ["turbo and warm"]
    assert fridge("turbo", "warm") == fridge("warm") == [], "both were said"
    assert "turbo and warm" in caplog.text


def test_what_is_over_when_the_quiet_time_ends_is_not_told():
    clock = Clock()
    alarms = Alarms(clock)
    for on in (True, False, True, False):
        alarms.tell(lost(on=on))
        clock.now += GROUP
    assert [on for _, on, _, _ in taken(alarms)] == [True, False]
    clock.now += QUIET
    assert taken(alarms) == []
    clock.now += GROUP
    assert taken(alarms) == []


def test_an_end_without_a_beginning_is_no_message():
    clock = Clock()
    alarms = Alarms(clock)
    alarms.tell(lost(on=False))
    clock.now += GROUP
    assert taken(alarms) == []


def test_a_message_stays_until_it_is_gone_and_they_are_bounded():
    clock = Clock()
    alarms = Alarms(clock)
    for n in range(WAITING + 20):
        alarms.tell(lost(f"lo{n}"))
        clock.now += GROUP
        alarms.due()
    assert len(alarms.due()) == WAITING
    assert alarms.due()[0] is alarms.due()[0]


def test_after_a_night_without_a_broker_the_last_that_is_heard_is_what_is_so():
    clock = Clock()
    alarms = Alarms(clock)
    for on in (True, False, True):
        alarms.tell(lost(on=on))
        clock.now += 2 * QUIET
    assert [on for _, on, _, _ in taken(alarms)] == [True, False, True]


def test_what_comes_goes_and_comes_within_one_message_keeps_its_order():
    clock = Clock()
    alarms = Alarms(clock)
    alarms.tell(lost())
    clock.now += QUIET
    assert taken(alarms)
    for name, on in (("other", True), ("lo", False), ("lo", True)):
        alarms.tell(lost(name, on=on))
    clock.now += GROUP
    heard = {s: on for _, on, subjects, _ in taken(alarms) for s in subjects}
    assert heard == {"other": True, "lo": True}


def test_of_too_many_messages_what_is_not_over_stays():
    clock = Clock()
    alarms = Alarms(clock)
    alarms.tell(lost("warm"))
    for n in range(2 * WAITING):
        clock.now += 2 * QUIET
        alarms.tell(lost("flaps", on=n % 2 == 0))
        alarms.due()
    clock.now += GROUP
    heard = {s: on for _, on, subjects, _ in taken(alarms) for s in subjects}
    assert heard == {"warm": True, "flaps": False}


def test_what_is_over_goes_before_what_began_and_is_not():
    """All boxes came back while the broker was away, after the refrigerator had become warm."""
    clock = Clock()
    alarms, boxes = Alarms(clock), [f"lo{n}" for n in range(WAITING + 20)]
    for name in boxes:
        alarms.tell(lost(name))
    clock.now += GROUP
    assert taken(alarms)
    for told in (lost("warm"), *(lost(name, on=False) for name in boxes)):
        alarms.tell(told)
        clock.now += GROUP
        alarms.due()
    assert ("instrument", True, ("warm",), 0) in taken(alarms)


def test_without_a_broker_what_begins_again_is_in_the_log_all_the_same(monkeypatch, caplog):
    clock = Clock()
    caplog.set_level(logging.INFO)  # an end is no warning
    alarms = Alarms(clock)
    monkeypatch.setattr(alarms_module, "GROUP", 0.001)
    for on in (True, False, True):
        alarms.tell(lost(on=on))
    clock.now += STAYS

    async def until_it_is_said() -> None:
        async with beside(alarms.followed(), "alarms"), asyncio.timeout(10):
            while caplog.text.count("no answer") < 3:  # noqa: ASYNC110 - it is the log
                await asyncio.sleep(0.001)

    asyncio.run(until_it_is_said())
    assert caplog.text.count("no answer") == 3


@pytest.mark.parametrize("kind", WHAT_TO_DO)
def test_every_kind_says_what_to_do(kind):
    assert len(Alarm(kind, "x", "y").what_to_do) > 40
    assert Alarm(kind, "x", "y", on=False).what_to_do == "Nothing: it is over."


OWN = Seal(epoch="a", revision=3, sha256="ab")


def heard(mirror: Mirror, seal: Seal, **more: bool) -> str | None:
    return mirror.heard(seal, **more)


def test_what_is_not_heard_back_is_told_after_ten_seconds():
    clock = Clock()
    mirror = Mirror(clock)
    mirror.publishing(OWN)
    clock.now = PATIENCE
    assert mirror.problem() is None
    clock.now = PATIENCE + 0.1
    assert "nothing that can be read" in str(mirror.problem())
    assert heard(mirror, OWN) is None
    assert mirror.problem() is None


@pytest.mark.parametrize("change", [{"epoch": "b"}, {"revision": 2}, {"sha256": "cd"}])
def test_b7_what_differs_in_epoch_revision_or_hash_is_somebody_elses(change):
    mirror = Mirror(Clock())
    mirror.publishing(OWN)
    assert heard(mirror, OWN) is None
    assert not mirror.spoilt
    assert "somebody else" in str(heard(mirror, OWN.model_copy(update=change)))
    assert mirror.spoilt


def test_what_was_there_before_is_nobodys_fault_and_older_echoes_are_ours():
    mirror = Mirror(Clock())
    mirror.publishing(OWN)
    assert heard(mirror, Seal(epoch="b", revision=1), retained=True) is None
    newer = OWN.model_copy(update={"revision": 4})
    mirror.publishing(newer)
    assert heard(mirror, OWN) is None
    assert not mirror.spoilt


def outputs(text: str = "lo: no answer", **how: bool) -> Alarm:
    return Alarm("outputs", "two", text, **how)


def test_what_the_broker_retains_is_not_told_again_but_told_over():
    """By whichever process sees it, and whether it had heard what is retained by then or not."""
    early, late = Alarms(Clock()), Alarms(Clock())
    early.recall("outputs", "two", "lo: no answer")
    for alarms in (early, late):
        alarms.tell(outputs())
        alarms.hurry()
    late.recall("outputs", "two", "lo: no answer")
    assert taken(early) == taken(late) == []
    for alarms in (early, late):
        alarms.tell(outputs("off", on=False))
        alarms.hurry()
        assert taken(alarms) == [("outputs", False, ("two",), 0)]


def test_what_was_over_before_the_broker_was_heard_is_told_over():
    alarms = Alarms(Clock())
    alarms.tell(outputs("off", on=False))
    alarms.hurry()
    assert taken(alarms) == [], "nobody was told that it was on"
    alarms.recall("outputs", "two", "lo: no answer")
    alarms.hurry()
    assert taken(alarms) == [("outputs", False, ("two",), 0)]


def test_another_text_than_what_is_retained_is_told():
    alarms = Alarms(Clock(QUIET))
    alarms.recall("outputs", "two", "lo: no answer")
    alarms.tell(outputs("awg: no answer"))
    alarms.hurry()
    assert taken(alarms) == [("outputs", True, ("two",), 0)]


def test_in_a_hurry_nothing_waits_for_what_may_come_with_it():
    alarms = Alarms(Clock())
    alarms.tell(lost())
    assert alarms.due() == []
    assert alarms.untold
    alarms.hurry()
    assert taken(alarms) == [("instrument", True, ("lo",), 0)]
    assert not alarms.untold


TWO = "outputs of two are not known to be off"


@pytest.mark.parametrize(
    ("alarm", "line"),
    [
        (Alarm("instrument", "lo", "lo: no answer"), "lo: no answer"),
        (Alarm("instrument", "lo", "lo was switched off and on"), "lo was switched off and on"),
        (Alarm("instrument", "lo", "lo1: no answer"), "instrument lo: lo1: no answer"),
        (Alarm("outputs", "two", f"{TWO}: lo: no answer"), f"{TWO}: lo: no answer"),
        (Alarm("outputs", "two", "all outputs are off", on=False), "two: all outputs are off"),
        (Alarm("refrigerator", "fridge", "drive is off"), "refrigerator fridge: drive is off"),
    ],
)
def test_in_the_log_nothing_is_named_twice_and_an_end_is_no_warning(caplog, alarm, line):
    caplog.set_level(logging.INFO)
    alarms = Alarms()
    alarms.tell(replace(alarm, on=True))
    alarms.tell(replace(alarm, on=False))
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("ERROR", line),
        ("INFO", line),
    ]


def test_whoever_hears_of_another_box_hears_how_a_replaced_one_is_accepted():
    what_to_do = Alarm("instrument", "lo", "serial 2 answers, lab.toml names serial 1").what_to_do
    assert "replaced for good, give the new `serial` in lab.toml" in what_to_do
