"""One answer that was disturbed on its way is no hand at the front panel; two that agree are."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from kammerton.bench import Bench, guard
from kammerton.bench.second_look import LOOKS, SecondLook
from kammerton.model import DriveInhibited, InstrumentError, LastingFault, SettingsChanged
from tests.unit.bench.test_bench import use

FREQUENCY, FLIPPED = 7e9, 7.000131072e9  # one bit further
AS_SET = {"reference": "EXT"}


class Source:
    """Says how the fake source is set; `next` is what is heard instead, look by look."""

    def __init__(self, fake) -> None:
        self.lo, self.asked = fake.lo, 0
        self.next: list[dict[str, object]] = []
        fake.lo.state = self.state

    async def state(self) -> dict[str, object]:
        self.asked += 1
        true = {"frequency": self.lo.hz, "power": self.lo.dbm, "on": self.lo.on, **AS_SET}
        return true | (self.next.pop(0) if self.next else {})


def after_a_run(fake, make, tmp_path, *heard: dict[str, object], first: int = 0):
    """Play twice with what is heard after the second; return the bench, and what failed.

    first: how many of the looks belong to the first run, which nobody knows the settings before.
    """
    source = Source(fake)

    async def body(bench: Bench) -> tuple[Bench, Exception | None]:
        source.next = list(heard[:first])
        await bench.acquire(make.program())
        source.next = list(heard[first:])
        source.asked = 0
        try:
            await bench.acquire(make.program())
        except InstrumentError as failure:
            return bench, failure
        return bench, None

    return use(fake, make, tmp_path, body), source


@pytest.mark.parametrize("heard", [{"frequency": FLIPPED}, {"on": False}, {"reference": "EXD"}])
def test_what_differs_once_was_misheard_and_is_counted(fake, make, tmp_path, caplog, heard):
    (bench, failure), source = after_a_run(fake, make, tmp_path, heard)
    assert failure is None
    assert source.asked == 2
    assert bench._read_back._second.disturbed == {"lo": 1}
    said = [r for r in caplog.records if "an answer was disturbed" in r.getMessage()]
    assert len(said) == 1
    assert "lo: an answer was disturbed (no. 1 so far): " in said[0].getMessage()
    assert not [c for c in bench.gate.changes if c.who == "somebody else"]


def test_what_differs_twice_is_a_hand_and_drive_pauses(fake, make, tmp_path):
    hand = {"frequency": 7.2e9}
    (bench, failure), source = after_a_run(fake, make, tmp_path, hand, hand)
    assert isinstance(failure, SettingsChanged)
    assert "frequency is 7.2 GHz, not 7 GHz" in str(failure)
    assert source.asked == 2
    with pytest.raises(DriveInhibited, match=r"refused for \d+ s more"):
        asyncio.run(bench.gate.guard.require_cold("program"))
    with pytest.raises(DriveInhibited):
        asyncio.run(bench.gate.guard.require_cold("program"))
    refused = [c for c in bench.gate.changes if "s more" in str(c.refused)]
    assert len(refused) == 1, "it is tried every 2 s, and stands in the audit once"


def test_i10_who_changes_it_again_within_an_hour_is_at_work_there_and_a_person_is_asked(
    fake, make, tmp_path
):
    """A glitch costs a pause; the second is none. After more than an hour it counts as a first."""
    source, hand = Source(fake), {"power": 3.0}

    async def changed(bench: Bench) -> InstrumentError:
        source.next = [hand, hand]
        with pytest.raises(InstrumentError) as failure:
            await bench.look()
        await bench.recover(failure.value)
        return failure.value

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        first, second = await changed(bench), await changed(bench)
        assert isinstance(first, SettingsChanged)
        assert isinstance(second, LastingFault)
        assert re.match(
            "lo was changed by somebody else twice within 60 min: it is not set as it was: power is"
            " 3 dBm, .*; see who is at it, or which program",
            str(second),
        )
        bench.gate.guard._monotonic = lambda: time.monotonic() + guard.HANDS
        assert isinstance(await changed(bench), SettingsChanged)

    use(fake, make, tmp_path, body)


def test_i10_so_it_is_where_the_second_change_is_met_while_another_instrument_is_brought_back(
    fake, make, tmp_path
):
    source, hand = Source(fake), {"power": 3.0}

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        source.next = [hand, hand]
        with pytest.raises(SettingsChanged) as failure:
            await bench.look()
        await bench.recover(failure.value)
        bench.gate.guard._monotonic = lambda: time.monotonic() + 2 * guard.PAUSE
        await bench.acquire(make.program())
        source.next = [hand, hand]
        with pytest.raises(LastingFault, match="lo was changed by somebody else twice"):
            await bench.recover(InstrumentError("awg does not answer", instrument="awg"))

    use(fake, make, tmp_path, body)


def test_i10_so_it_is_where_the_second_change_is_met_before_the_source_is_tuned_again(
    fake, make, tmp_path
):
    """After a recovery the first program that needs the source sets it; nobody looked since."""
    source = Source(fake)

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        source.next = [{"power": 3.0}] * 2
        with pytest.raises(SettingsChanged) as failure:
            await bench.look()
        fake.lo.dbm = 3.0
        await bench.recover(failure.value)
        fake.lo.dbm = 2.0
        bench.gate.guard._monotonic = lambda: time.monotonic() + 2 * guard.PAUSE
        twice = r"lo was changed .* twice .*: power is 2 dBm, not 3"
        with pytest.raises(LastingFault, match=twice):
            await bench.acquire(make.program())
        assert fake.lo.dbm == 2.0, "nobody wrote over it"

    use(fake, make, tmp_path, body)


@pytest.mark.parametrize("recovering", [False, True])
def test_what_the_interlock_switches_off_in_the_midst_of_a_look_is_nobodys_hand(
    fake, make, tmp_path, recovering
):
    source, tripped = Source(fake), list[int]()

    async def body(bench: Bench) -> None:
        async def trips() -> dict[str, object]:
            if not tripped:
                tripped.append(1)
                await bench.gate._switch_off("the mixing chamber reads 150 mK")
            return await source.state()

        await bench.acquire(make.program())
        fake.lo.state = trips
        if recovering:
            await bench.recover(InstrumentError("awg does not answer", instrument="awg"))
        else:
            with pytest.raises(DriveInhibited, match="drive was switched off"):
                await bench.acquire(make.program())
        assert tripped
        assert not [c for c in bench.gate.changes if c.who == "somebody else"]

    use(fake, make, tmp_path, body)


def test_a_knob_that_is_being_turned_is_a_hand_though_each_look_reads_another_value(
    fake, make, tmp_path
):
    (_, failure), _ = after_a_run(fake, make, tmp_path, {"power": 12.9}, {"power": 12.8})
    assert isinstance(failure, SettingsChanged)


def test_another_setting_at_each_look_is_looked_at_again_but_not_for_ever(fake, make, tmp_path):
    misheard = ({"power": 12.9}, {"frequency": FLIPPED})
    (bench, failure), source = after_a_run(fake, make, tmp_path, *misheard)
    assert failure is None
    assert bench._read_back._second.disturbed["lo"] == 2
    (_, failure), source = after_a_run(fake, make, tmp_path, *misheard, {"reference": "INT"})
    assert isinstance(failure, SettingsChanged)
    assert source.asked == LOOKS


def test_an_output_that_is_on_and_should_be_off_is_switched_off_at_the_first_look(
    fake, make, tmp_path
):
    source = Source(fake)

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        source.asked = 0
        fake.log.clear()
        with pytest.raises(SettingsChanged, match="output is on, not off"):
            await bench._read_back.check({"lo": {"on": False}})
        assert source.asked == 1
        assert fake.log.of("lo") == [("safe",)]
        assert not fake.lo.on

    use(fake, make, tmp_path, body)


def test_a_power_cycle_that_only_the_first_look_tells_is_no_hand(fake, make, tmp_path):
    lost = {"frequency": 1e9, "power_on": True}
    (bench, failure), _ = after_a_run(fake, make, tmp_path, lost, {"frequency": 1e9})
    assert "lo was switched off and on" in str(failure)
    asyncio.run(bench.gate.guard.require_cold("program"))  # no pause


def test_i7_a_power_cycle_counts_though_all_settings_are_kept(fake, make, tmp_path):
    """What was uploaded is lost all the same, and so is the phase; the event is told only once."""
    (bench, failure), _ = after_a_run(fake, make, tmp_path, {"power_on": True})
    assert isinstance(failure, SettingsChanged)
    assert str(failure) == "lo was switched off and on"
    assert bench._read_back.lost == {"lo"}
    assert [c.new for c in bench.gate.changes if c.who == "power cycle"] == ["switched off and on"]
    assert all(c.found for c in bench.gate.changes if c.who == "power cycle")


def test_settings_that_are_misheard_at_the_very_first_are_no_hand_afterwards(fake, make, tmp_path):
    (bench, failure), _ = after_a_run(fake, make, tmp_path, {"reference": "EXD"}, first=1)
    assert failure is None
    assert bench._read_back._second.disturbed["lo"] == 1


def test_who_reads_otherwise_at_each_first_look_is_an_error_that_names_it():
    answers = iter(range(100))

    async def ask() -> int:
        return next(answers)

    def compare(should: int, found: int) -> list[tuple[str, object, object]]:
        return [("power", should, found)] if should != found else []

    with pytest.raises(InstrumentError, match="lo reads other settings at each look: power") as no:
        asyncio.run(SecondLook().agreed("lo", ask, compare))
    assert no.value.instrument == "lo"
