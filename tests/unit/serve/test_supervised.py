"""The answers of a supervised run: given by requests, kept in the audit log, asked once."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from kammerton.bench.approval import WriteClass
from kammerton.cli import app
from kammerton.cli.approve import names
from kammerton.model import StoreError
from kammerton.model.alarm import Alarm
from kammerton.model.errors import NotApproved
from kammerton.serve import child, computer
from kammerton.serve.attending import attending
from kammerton.serve.keeper import Record
from kammerton.serve.process import Ending
from kammerton.serve.rules import Rules
from kammerton.serve.supervised import Supervised
from kammerton.serve.words import Code, Mode, Order
from kammerton.store import Store, change
from kammerton.verify import verify

Q0 = frozenset({"q0"})
BOX = "sgs100a at 10.0.0.7"
FREQUENCY = WriteClass("lo", "frequency", "7 GHz", "terms", "4 GHz to 8 GHz", box=BOX, about=Q0)
POWER = WriteClass("lo", "power", "13 dBm", "-20 dBm", "-20 dBm to 16 dBm", box=BOX, about=Q0)
OUTPUT = WriteClass("awg", "outputs 1", "on", "terms", "1 V", "to q1", about=frozenset({"q1"}))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "k.sqlite", "fake") as opened:
        yield opened


class Run:
    """A supervised run that waits, and a person at another terminal."""

    def __init__(self, store: Store, late: float = 60.0) -> None:
        self.store, self.alarms, self.said = store, list[Alarm](), list[str]()
        self.ask = Supervised(store, self.alarms.append, self.said.append, late)

    async def answered(self, *answers: tuple[str, list[str]], classes=(FREQUENCY, POWER, OUTPUT)):
        async with attending(self.store):
            asked = asyncio.ensure_future(self.ask(classes))
            try:
                await waits(self.store, asked)
                words = [await self.say(asked, *each) for each in answers]
                return await asyncio.wait_for(asked, 5.0), words
            finally:
                asked.cancel()
                await asyncio.wait([asked])

    async def say(self, asked, verb: str, which: list[str]) -> str:
        assert not asked.done()
        given = {"which": which} if which else {}
        return await asyncio.to_thread(change, self.store.place.file, verb, given, "ada@rack1")


async def waits(store: Store, asked: asyncio.Future) -> None:
    while not store.questions.waiting() and not asked.done():  # noqa: ASYNC110 - another's state
        await asyncio.sleep(0.01)


def test_nothing_goes_on_before_each_class_is_answered(store):
    run = Run(store)
    waited, words = asyncio.run(
        run.answered(("approve", []), ("approve", ["q0"]), ("approve", ["3"]))
    )
    assert waited
    assert words[0].splitlines()[1:] == [
        "1: lo frequency: 7 GHz (allowed 4 GHz to 8 GHz); sgs100a at 10.0.0.7",
        "2: lo power: 13 dBm (allowed -20 dBm to 16 dBm)",
        "3: awg outputs 1: on (allowed 1 V); to q1",
    ]
    assert words[1].endswith("1 left to answer")
    assert "waits for a person" in run.said[0]


def test_the_answers_are_in_the_audit_log_with_who_and_what_was_shown(store, tmp_path):
    asyncio.run(Run(store).answered(("approve", ["all"])))
    mine = store.log(10, FREQUENCY.key)
    assert (mine[0].who, mine[0].new) == ("ada@rack1", "approved")
    assert FREQUENCY.words in mine[0].why
    store.close()
    assert verify(tmp_path / "k.sqlite").findings == ()


def test_a_second_supervised_run_asks_nothing_twice(store):
    asyncio.run(Run(store).answered(("approve", ["all"])))
    waited, _ = asyncio.run(Run(store).answered())
    assert not waited


def test_a_changed_limit_asks_again(store):
    asyncio.run(Run(store).answered(("approve", ["all"])))
    wider = WriteClass("lo", "power", "13 dBm", "-20 dBm to 25 dBm")
    waited, words = asyncio.run(
        Run(store).answered(("approve", ["all"]), classes=(FREQUENCY, wider))
    )
    assert waited
    assert "frequency" not in words[0]


def test_a_refusal_ends_it_with_its_reason_and_is_asked_again_the_next_time(store):
    with pytest.raises(NotApproved, match="ada@rack1 refused lo power"):
        asyncio.run(Run(store).answered(("refuse", ["2"])))
    assert store.newest([POWER.key]) == {POWER.key: "refused"}
    waited, _ = asyncio.run(Run(store).answered(("approve", ["all"])))
    assert waited


def test_a_refusal_that_comes_between_two_looks_is_no_approval(store, monkeypatch):
    """It is given by another thread, whenever a person gives it."""
    looks = (store.questions.waiting, store.questions.refusal)

    async def ask(first: int) -> None:
        def look(number: int, *of: object) -> object:
            found = looks[number](*of)
            if number == first and looks[0]():
                store.questions.answer(store, "ada", ["all"], yes=False)
            return found

        monkeypatch.setattr(store.questions, "waiting", lambda: look(0))
        monkeypatch.setattr(store.questions, "refusal", lambda of: look(1, of))
        await Run(store).ask([OUTPUT])

    for first in (0, 1):
        with pytest.raises(NotApproved, match="ada refused awg outputs 1"):
            asyncio.run(asyncio.wait_for(ask(first), 5.0))


def test_a_refusal_stays_one_though_the_same_is_asked_again(store):
    first = store.questions.ask(POWER.key, POWER.words, Q0)
    store.questions.answer(store, "ada", ["1"], yes=False)
    second = store.questions.ask(POWER.key, POWER.words, Q0)
    assert store.questions.refusal([first]) is not None
    assert store.questions.refusal([second]) is None


def test_the_interlock_does_not_stand_still_while_an_answer_waits_for_the_database(store):
    """What looks at the answers is the event loop, which also switches off."""
    other = sqlite3.connect(store.place.file, isolation_level=None)

    async def late() -> float:
        asked = asyncio.ensure_future(Run(store).ask([FREQUENCY]))
        await waits(store, asked)
        other.execute("BEGIN IMMEDIATE")
        say = partial(store.questions.answer, store, "ada", ["all"], yes=True)
        answer = asyncio.ensure_future(asyncio.to_thread(say))
        worst, began = 0.0, time.monotonic()
        while (now := time.monotonic()) < began + 1.0:
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - now)
        other.execute("ROLLBACK")
        await answer
        assert await asked
        return worst

    assert asyncio.run(late()) < 0.5


def test_what_an_earlier_process_asked_answers_nothing_that_this_one_asks(tmp_path):
    """It was killed, and lab.toml is another since; a person answers what the terminal shows."""
    file = tmp_path / "k.sqlite"

    async def killed(store: Store) -> None:
        asked = asyncio.ensure_future(Run(store).ask([FREQUENCY]))
        await waits(store, asked)
        await asyncio.sleep(0.2)
        asked.cancel()
        await asyncio.wait([asked])

    with Store.open(file, "fake") as store:
        asyncio.run(killed(store))
    with Store.open(file, "fake") as store:
        with pytest.raises(StoreError, match=r"no question 1 waits\nwhat waits:\n2: awg outputs 1"):
            asyncio.run(Run(store).answered(("approve", ["1"]), classes=[OUTPUT]))
        assert not store.newest([OUTPUT.key])
        asked = store.log(1, "question")[0]
        assert (asked.new, asked.why) == ("2", f"2: {OUTPUT.words}")


def test_an_unknown_number_answers_nothing(store):
    with pytest.raises(StoreError, match="no question 9 waits\nwhat waits:\n1: ") as told:
        asyncio.run(Run(store).answered(("approve", ["9"])))
    assert f"2: {POWER.words}" in str(told.value)
    (row,) = store.log(9, "approve")
    assert (row.who, row.new, row.why) == ("ada@rack1", "refused", "which=9: no question 9 waits")
    assert not store.newest([FREQUENCY.key])


def test_without_a_daemon_that_asks_there_is_nothing_to_approve(tmp_path):
    Store.open(tmp_path / "k.sqlite", "fake").close()
    with pytest.raises(StoreError, match="nothing waits"):
        change(tmp_path / "k.sqlite", "approve", {"which": ["all"]}, "ada")


@pytest.mark.parametrize(("words", "code"), [(["approve"], 0), (["approve", "all"], 2)])
def test_where_nothing_waits_since_no_daemon_runs_that_is_said(tmp_path, words, code):
    Store.open(tmp_path / "k.sqlite", "fake").close()
    done = CliRunner().invoke(app, [*words, "--lab", str(tmp_path / "k.sqlite")])
    told = "nothing waits for a person's answer: no daemon runs\n"
    assert (done.exit_code, done.output) == (code, told)


def test_while_a_daemon_runs_it_is_not_said(store):
    async def approved() -> str:
        async with attending(store):
            asked = ["approve", "--lab", str(store.place.file)]
            return (await asyncio.to_thread(CliRunner().invoke, app, asked)).output

    assert asyncio.run(approved()) == "nothing waits for a person's answer\n"


@pytest.mark.parametrize("supervised", [True, False])
def test_the_log_says_at_the_start_whether_a_person_is_asked(monkeypatch, caplog, supervised):
    """Where everything is known nothing is written, and no question says so."""

    async def settled(*_, **__):
        return {}

    monkeypatch.setattr(computer, "run_computer", settled)
    caplog.set_level("INFO")
    order = Order(Path("lab.toml"), None, supervised=supervised)
    life = SimpleNamespace(doing=None, up=None, warm=None, known=None)
    assert asyncio.run(child._work(None, order, life)) == (Code.DONE, "")
    assert ("supervised: a person is asked before" in caplog.text) is supervised


def test_after_a_minute_an_alarm_says_what_waits_and_then_that_it_is_over(store):
    run = Run(store, late=0.0)
    asyncio.run(run.answered(("approve", ["all"])))
    assert [(each.kind, each.on) for each in run.alarms] == [
        ("approval", True),
        ("approval", False),
    ]
    assert "lo frequency" in run.alarms[0].text


def test_told_to_end_it_waits_no_longer_and_nothing_is_left_to_answer(store):
    async def told() -> None:
        asked = asyncio.ensure_future(Run(store).ask([FREQUENCY]))
        await waits(store, asked)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(told())
    assert not store.questions.waiting()
    assert not store.newest([FREQUENCY.key])


def test_a_refusal_ends_the_daemon_for_good_with_code_3():
    refused = Ending(Code.NOT_ACCEPTED, "ada refused", 5.0, was_up=False, told=False, orderly=True)
    assert Record(Mode.TUNE, Rules(), supervised=True).take(refused) is Code.NOT_ACCEPTED


@pytest.mark.parametrize(
    ("said", "meant"),
    [("3", ["3"]), ("all of q0", ["q0"]), ("1 2 all of q0", ["1", "2", "q0"]), ("all", ["all"])],
)
def test_names_are_understood_as_they_are_spoken(said, meant):
    assert names(said.split()) == meant
