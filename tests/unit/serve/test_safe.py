"""Safe mode takes the instruments from nobody, and says what is known of the outputs."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from kammerton.bench import OutputChange
from kammerton.cli import app
from kammerton.model import InstrumentError, LabClock, StoreLost
from kammerton.model import clock as model_clock
from kammerton.model.roles import Identity
from kammerton.publish import Alarms
from kammerton.serve import last, safe, set_clock
from kammerton.serve.holding import Holds
from kammerton.serve.words import Code, Mode
from kammerton.store import Store, backup, restore
from kammerton.store.plates import Plates
from tests.stored import estimate, run
from tests.unit.loop.laboratory import two_qubits


async def stay(lab, **how):
    """Stay in safe mode until it says what it does; return that."""
    said = []
    task = asyncio.create_task(safe.stay_safe(lab, "it crashed", said.append, **how))
    while not any("a person must restart it" in words for words in said):
        assert not task.done(), task.exception()
        await asyncio.sleep(0.01)
    with Store.read(lab.database) as store:
        activity = store.current_activity()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return activity.what if activity else ""


@pytest.fixture
def lab(tmp_path):
    return dataclasses.replace(two_qubits(tmp_path), broker=None)


@pytest.fixture
def opened(monkeypatch):
    """Collect the labs whose benches were opened."""
    count = []

    @contextlib.asynccontextmanager
    async def bench(lab, *_, **__):
        count.append(lab)
        yield

    monkeypatch.setattr(safe, "open_bench", bench)
    return count


def test_r8_safe_mode_says_that_outputs_are_off_and_why_it_is_there(lab, opened):
    words = asyncio.run(stay(lab, touch=True))
    assert words == "safe mode: all outputs are off; it crashed; a person must restart it"
    assert opened


@pytest.mark.parametrize("touch", [True, False])
def test_r1_in_safe_mode_it_says_that_it_has_started_so_that_a_stop_waits_no_longer(
    lab, opened, touch
):
    """One that still loads gets 11 s more to end, and nobody's spare loads beside it."""
    said = []
    asyncio.run(
        stay(
            lab, touch=touch, up=lambda: said.append(len(opened)), warm=lambda: said.append("warm")
        )
    )
    assert said == [int(touch), "warm"], "once outputs are off"


def test_while_it_still_connects_it_does_not_vouch_for_the_work_of_the_one_that_died(
    lab, monkeypatch
):
    """Who looks would read that `t1 on q0` goes on, and nothing of outputs that may be on."""
    leave_unclean(lab)
    seen = []

    @contextlib.asynccontextmanager
    async def bench(*_, **__):
        with Store.read(lab.database) as store:
            seen.append(store.current_activity())
        yield

    monkeypatch.setattr(safe, "open_bench", bench)
    asyncio.run(stay(lab, touch=True))
    words = "switching all outputs off; CAUTION: outputs are not known to be off yet"
    assert [each.what for each in seen] == [f"for safe mode: {words}"]
    assert seen[0].doubtful, "it may be killed, too"


def test_r8_the_broker_is_told_that_it_is_safe_mode(lab, opened, monkeypatch):
    words = []

    @contextlib.asynccontextmanager
    async def relayed(*_, word, **__):
        words.append(word)
        yield

    monkeypatch.setattr(safe, "relayed", relayed)
    asyncio.run(stay(lab, touch=True))
    assert words == ["safe mode"]


def test_r8_without_touching_it_claims_nothing_of_the_outputs(lab, opened):
    assert "no instrument was touched" in asyncio.run(stay(lab, touch=False))
    assert not opened


def test_r8_instruments_that_a_person_holds_stay_that_persons(lab, opened):
    with Store.open(lab.database, "two", data=lab.data) as store:
        store.hold("computer", "anna", "cool-down")
    words = asyncio.run(stay(lab, touch=True))
    assert (
        "anna: cool-down; outputs are as they were: no daemon has switched any on; it crashed"
        in words
    )
    assert not opened


def test_r8_what_a_person_holds_after_an_unclean_end_is_not_called_off(lab, opened):
    with Store.open(lab.database, "two", data=lab.data) as store:
        store.hold("computer", "anna", "cool-down")
        store.activity("t1 on q0")
    assert "outputs are NOT known to be off" in asyncio.run(stay(lab, touch=True))
    assert not opened


def before(lab):
    return lab.instruments["awg1"].before


def answered_once(lab, serial):
    with Store.open(lab.database, "two", data=lab.data) as store:
        Plates(lab, store).remember({"awg1": Identity("Tek", "AWG5208", serial, "1")})


def test_i6_safe_mode_writes_to_no_other_box_than_answered_at_earlier_starts(lab, opened):
    answered_once(lab, "B7")
    asyncio.run(stay(lab, touch=True))
    assert [before(each) for each in opened] == ["B7"]


def test_i6_nor_does_who_only_switches_off_at_the_end_what_was_left_on(lab, opened):
    answered_once(lab, "B7")
    leave_unclean(lab)
    asyncio.run(safe.left_safe(lab))
    assert [before(each) for each in opened] == ["B7"]


def test_r2_what_was_left_on_goes_off_though_the_database_is_long_about_who_answered_before(
    lab, opened, monkeypatch, caplog
):
    answered_once(lab, "B7")
    leave_unclean(lab)
    waits = threading.Event()
    monkeypatch.setattr(Store, "newest", lambda *_: waits.wait(20) and {})
    monkeypatch.setattr("kammerton.serve.expected.PATIENCE", 0.1)

    @contextlib.asynccontextmanager
    async def bench(meant, *_, **__):
        opened.append(meant)
        late.append(waits.is_set())
        waits.set()
        yield

    late = []
    monkeypatch.setattr(safe, "open_bench", bench)
    asyncio.run(safe.left_safe(lab))
    assert (late, [before(each) for each in opened]) == ([False], [None])
    assert "has not said so within 0.1 s" in caplog.text


@pytest.fixture
def published(monkeypatch):
    """Collect the alarms that whoever publishes in safe mode is given."""
    relays = []

    @contextlib.asynccontextmanager
    async def relayed(lab, store, now, alarms, *_, word):
        relays.append(alarms)
        yield

    monkeypatch.setattr(safe, "relayed", relayed)
    return lambda: [(alarm.kind, alarm.on) for _, alarm in relays[0]._new]


def leave_unclean(lab, held=False):
    with Store.open(lab.database, "two", data=lab.data) as store:
        if held:
            store.hold("computer", "anna", "cool-down")
        store.activity("t1 on q0")


def test_that_outputs_a_person_holds_may_be_on_is_published(lab, opened, published):
    leave_unclean(lab, held=True)
    asyncio.run(stay(lab, touch=True))
    assert published() == [("outputs", True)]


def test_that_outputs_nobody_touched_may_be_on_is_published(lab, opened, published):
    leave_unclean(lab)
    assert "NOT known to be off" in asyncio.run(stay(lab, touch=False))
    assert published() == [("outputs", True)]


def test_that_outputs_could_not_be_switched_off_is_published(lab, monkeypatch, published):
    @contextlib.asynccontextmanager
    async def deaf(*_, **__):
        raise InstrumentError("lo1: no answer")
        yield

    monkeypatch.setattr(safe, "open_bench", deaf)
    assert "not every output is known to be off" in asyncio.run(stay(lab, touch=True))
    assert published() == [("outputs", True)]
    with Store.read(lab.database) as store:
        (row,) = (row for row in store.log() if row.what == "all outputs")
    assert (row.new, row.why) == ("not verified off", "lo1: no answer"), (
        "who looks later finds it there"
    )


def test_r1_what_an_alarm_says_at_the_end_is_not_said_below_it(lab, monkeypatch, caplog):
    @contextlib.asynccontextmanager
    async def deaf(*_, **__):
        raise InstrumentError("lo1: no answer")
        yield

    leave_unclean(lab)
    monkeypatch.setattr(safe, "open_bench", deaf)
    code, why, off = asyncio.run(last.told_to_end(lab, Mode.TUNE))
    assert (code, off) == (Code.FAILED, False)
    assert why == "the process ends; outputs are not known to be off: lo1: no answer"
    assert caplog.messages[-1] == "the process ends; outputs are not known to be off"
    assert sum("lo1: no answer" in each for each in caplog.messages) == 1


def test_an_alarm_of_safe_mode_is_told_over_once_outputs_are_off_after_it(lab, opened, published):
    leave_unclean(lab)
    asyncio.run(stay(lab, touch=False))
    assert published() == [("outputs", True)]

    async def restarted() -> list[tuple[str, bool]]:
        alarms = Alarms()
        async with safe.opened_store(lab, alarm=alarms.tell) as (_, outputs):
            for _ in range(2):
                outputs.changed(OutputChange("all outputs", None, "off", "opening"))
        return [(alarm.kind, alarm.on) for _, alarm in alarms._new]

    assert asyncio.run(restarted()) == [("outputs", False)], "by a process that never raised it"
    assert asyncio.run(restarted()) == [], "nothing is left to be over"


def test_where_outputs_are_off_no_alarm_is_published(lab, opened, published):
    asyncio.run(stay(lab, touch=True))
    assert published() == []


def test_that_requests_are_damaged_is_published(lab, opened, published):
    leave_unclean(lab)
    requests = lab.database.with_name(f"{lab.database.name}.requests")
    requests.write_bytes(b"this is no database, and long enough to be told so" * 1000)
    assert "all outputs are off" in asyncio.run(stay(lab, touch=True))
    assert published() == [("requests", True)]
    requests.unlink()

    async def restarted() -> list[tuple[str, bool]]:
        alarms = Alarms()
        async with safe.opened_store(lab) as (store, _):
            holds = Holds(lab, store, print, alarms.tell)
            for _ in range(2):
                async with holds.followed():
                    pass
        return [(alarm.kind, alarm.on) for _, alarm in alarms._new]

    assert asyncio.run(restarted()) == [("requests", False)], "by a process that never raised it"
    assert asyncio.run(restarted()) == []


def test_s3_after_a_restore_whoever_opens_first_tells_that_it_is_damaged_no_longer(lab, opened):
    """Who met the damage could write nothing any more, so nobody knows what it had told."""
    with Store.open(lab.database, "two", data=lab.data) as store:
        store.commit(run(), {"q0.t1": estimate()})

    async def opened_again() -> set[tuple[str, bool]]:
        alarms = Alarms()
        async with safe.opened_store(lab) as (store, _):
            holds = Holds(lab, store, print, alarms.tell)
            async with holds.followed():
                pass
        return {(alarm.kind, alarm.on) for _, alarm in alarms._new}

    assert asyncio.run(opened_again()) == set()
    restore(backup.keep(lab.database), "anna")
    assert asyncio.run(opened_again()) == {("database", False), ("requests", False)}
    assert asyncio.run(opened_again()) == set()


def test_s3_safe_mode_says_what_it_knows_though_nothing_is_written_any_more(
    lab, opened, monkeypatch
):
    monkeypatch.setattr(safe, "REMIND", 0.01)
    said, lost = [], []

    def activity(store, words):
        lost.append(words)
        raise StoreLost("it is damaged")

    async def main() -> None:
        monkeypatch.setattr(Store, "activity", activity)
        with Store.open(lab.database, "two", data=lab.data) as store:
            staying = asyncio.create_task(safe._stay(store, "outputs are off", said.append))
            async with asyncio.timeout(20):
                while len(said) < 3:  # noqa: ASYNC110 - a list tells nobody
                    await asyncio.sleep(0.01)
            assert not staying.done()
            staying.cancel()
            await asyncio.wait({staying})

    asyncio.run(main())
    assert len(lost) >= 3


def killed(lab, words):
    """Leave what safe mode said last, as its process does that is killed."""
    with Store.open(lab.database, "two", data=lab.data) as store:
        store.activity(words)


def test_r8_what_safe_mode_has_read_back_as_off_stays_off_though_its_process_is_killed(
    lab, opened, published, caplog
):
    """It had no session any more: the next one is not to call the same outputs NOT off."""
    leave_unclean(lab)
    killed(lab, asyncio.run(stay(lab, touch=True)))
    said = " ".join(CliRunner().invoke(app, ["status", str(lab.database)]).stdout.split())
    assert "no daemon runs" in said
    assert "CAUTION" not in said
    caplog.clear()
    for _ in range(2):  # and is killed, too
        words = asyncio.run(stay(lab, touch=False))
        assert words.startswith(
            "safe mode: no instrument was touched, and no daemon left one on; it"
        )
        killed(lab, words)
    assert "unclean end" not in caplog.text
    assert published() == []


def test_r8_who_touches_nothing_does_not_promise_to_switch_off_first(lab, opened, caplog):
    leave_unclean(lab)
    asyncio.run(stay(lab, touch=False))
    assert "outputs may be on: no instrument is touched" in caplog.text
    assert "verified off first" not in caplog.text


def test_s6_a_clock_that_is_set_in_safe_mode_is_told_and_followed(lab, opened, monkeypatch):
    """What is known is still published: how long it holds hangs on it."""
    monkeypatch.setattr(set_clock, "PERIOD", 0.01)
    monkeypatch.setattr(model_clock, "LASTS", 0.02)
    by, hours, told = [timedelta()], timedelta(hours=5), []
    mine = LabClock(utc=lambda: datetime.now(UTC) + by[0])
    monkeypatch.setattr(safe.LabClock, "not_before", lambda _: mine)
    monkeypatch.setattr(Alarms, "tell", lambda _, alarm: told.append(alarm))
    with Store.open(lab.database, lab.computer) as store:
        store.commit(run(started=datetime.now(UTC)), {"q0.t1": estimate(time=datetime.now(UTC))})

    async def main() -> None:
        task = asyncio.create_task(safe.stay_safe(lab, "it crashed", print, touch=True))
        await asyncio.sleep(0.5)
        by[0] = -hours
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert [each.kind for each in told if each.on] == ["clock"]
    with Store.read(lab.database) as store:
        age = datetime.now(UTC) - hours - store.parameters()["q0.t1"].time
        assert abs(age) < timedelta(seconds=10)
        assert store.log(1, "clock")[0].why == "this computer's clock was set back by 5 h"


@pytest.mark.parametrize("end", [False, True])
def test_who_only_switches_off_leaves_the_bias_of_a_held_qubit_to_its_person(lab, monkeypatch, end):
    leave_unclean(lab)
    with Store.open(lab.database, "two", data=lab.data) as store:
        store.hold("q0", "anna", "flux by hand")
        store.hold("maintenance", "anna", "cool-down")
    seen = []

    @contextlib.asynccontextmanager
    async def bench(*_, holds=tuple, **__):
        seen.extend(holds())
        yield

    monkeypatch.setattr(safe, "open_bench", bench)
    asyncio.run(safe.left_safe(lab) if end else stay(lab, touch=True))
    assert [(each.scope, each.owner) for each in seen] == [("q0", "anna")]
