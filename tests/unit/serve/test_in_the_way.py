"""What stands in the way of a start is said in full once, then only that it still does."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kammerton.model import InstrumentError
from kammerton.model.alarm import NOT_OFF
from kammerton.serve import logs
from kammerton.serve.child import Life, _work
from kammerton.serve.in_the_way import InTheWay
from kammerton.serve.logs import log_to_stderr, say_all
from kammerton.serve.process import Ending, Process
from kammerton.serve.rules import Rules
from kammerton.serve.words import Code, Order
from tests.unit.serve.test_supervisor import lab, lives, run

AWAY = "awg1 does not connect: nobody answers there\nlo does not connect: nobody answers there"


def failed(why=AWAY, code=Code.FAILED, *, orderly=True, was_up=False, off=True):
    return Ending(code, why, 1.0, was_up, told=False, orderly=orderly, off=off)


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def way(clock):
    return InTheWay(lambda: clock[0])


def test_what_the_process_said_itself_is_not_said_by_the_supervisor_too(way):
    words = way.words(failed(), "now")
    assert words == "starting again now, and again until it succeeds; the same is not said again"
    assert way.why == AWAY, "which the next process is not to say again"


def test_the_same_is_said_again_after_one_minute_two_four_and_so_on_in_one_line(way, clock):
    said = {}
    for second in range(0, 1000, 10):
        clock[0] = 100.0 + second
        if words := way.words(failed(), "in 10 s"):
            said[second] = words
    assert list(said) == [0, 60, 120, 240, 480, 960]
    head = "awg1 does not connect: nobody answers there (and 1 more)"
    assert said[240] == f"still, 4 min: {head}; next attempt in 10 s"


def test_it_is_said_every_hour_at_least(way, clock):
    way.words(failed(), "now")
    clock[0] += 86400
    assert way.words(failed(), "now").startswith("still, 24 h: ")
    clock[0] += 3599
    assert way.words(failed(), "now") == ""
    clock[0] += 1
    assert way.words(failed(), "now")


def test_a_change_is_said_at_once_and_so_is_the_same_after_it_was_up(way):
    way.words(failed(), "now")
    assert way.words(failed("the disk is full"), "now")
    assert way.why == "the disk is full"
    assert not way.words(failed("the disk is full"), "now")
    assert way.words(failed("the disk is full", was_up=True), "now")


def test_that_outputs_may_be_on_is_said_with_it(way, clock):
    way.words(failed(), "now")
    assert way.words(failed(off=False), "now"), "which is a change"
    clock[0] += 60
    said = way.words(failed(off=False), "now")
    assert said.endswith("(and 1 more); outputs are not known to be off; next attempt now")


def test_each_crash_is_said_with_its_reason(way):
    way.words(failed(), "now")
    for _ in range(2):
        words = way.words(failed("killed by signal 9", Code.CRASHED, orderly=False), "in 2 s")
        assert words == "killed by signal 9; starting again in 2 s"
    assert way.why == "", "what comes after a crash is said in full"


def test_the_process_that_follows_is_told_what_was_said(tmp_path):
    path, other = lab(tmp_path, "failed", "failed", "works"), lab(tmp_path, "works", name="b.toml")
    said = []
    run(path, other, until=lambda: tmp_path.joinpath("lab.toml.said").exists() and go(path, said))
    assert said == ["", "failed", "failed"]


def go(path, said):
    said[:] = path.with_name("lab.toml.said").read_text().split("\n")[:-1]
    return len(said) == 3 and "go" in lives(path)[-1]


def test_an_order_carries_it(tmp_path):
    order = Order(tmp_path / "lab.toml", "", said=AWAY)
    assert Order.read(order.line()) == order


@pytest.fixture
def away(monkeypatch):
    """Let the work fail, once `up` if it is said so, with two sentences and a note."""

    async def run_computer(lab, *, up, **_):
        if lab.computer == "was up":
            up()
        problem = InstrumentError(AWAY)
        problem.add_note("outputs are off")
        raise problem

    monkeypatch.setattr("kammerton.serve.computer.run_computer", run_computer)


def worked(tmp_path, computer="two", *, named=False, said=""):
    """Work in vain; return what is then heard of it."""
    order = Order(tmp_path / "lab.toml", "", named=named, said=said)
    life = Life(SimpleNamespace(say=lambda **_: None), 1.0)
    return asyncio.run(_work(SimpleNamespace(computer=computer), order, life))[1]


def test_a_process_says_each_sentence_in_a_line_of_its_own_and_not_what_was_said(
    tmp_path, away, capsys
):
    why = worked(tmp_path)
    lines = [f"kammerton run: {each}" for each in [*AWAY.splitlines(), "outputs are off"]]
    assert capsys.readouterr().err.splitlines() == lines
    worked(tmp_path, said=why)
    assert capsys.readouterr().err == ""
    worked(tmp_path, said="something else")
    assert capsys.readouterr().err.splitlines() == lines


def test_what_fails_alike_at_the_opening_and_the_closing_is_one_reason(
    tmp_path, monkeypatch, capsys
):
    async def run_computer(*_, **__):
        problem = InstrumentError("lo: it stays on\nawg1: no answer")
        problem.add_note("lo: it stays on")
        raise problem

    monkeypatch.setattr("kammerton.serve.computer.run_computer", run_computer)
    assert worked(tmp_path) == "lo: it stays on\nawg1: no answer"
    assert capsys.readouterr().err.count("lo: it stays on") == 1


def test_of_several_computers_each_line_says_whose_it_is(tmp_path, away, capsys):
    worked(tmp_path, named=True)
    assert all("kammerton run: two: " in each for each in capsys.readouterr().err.splitlines())


def test_one_that_was_up_says_why_it_is_no_more_though_that_was_said_before(tmp_path, away, capsys):
    said = worked(tmp_path)
    capsys.readouterr()
    worked(tmp_path, "was up", said=said)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_what_an_alarm_has_said_in_full_is_not_said_below_it(tmp_path, away, capsys, monkeypatch):
    order = Order(tmp_path / "lab.toml", "")
    life = Life(SimpleNamespace(say=lambda **_: None), 1.0)
    life.known(off=False, tried=f"{AWAY}; outputs are off".replace("\n", "; "))
    asyncio.run(_work(SimpleNamespace(computer="two"), order, life))
    assert capsys.readouterr().err == ""


def test_once_it_is_up_that_is_said_where_it_was_not_before(restored, caplog):
    log_to_stderr(said=AWAY)
    logging.getLogger().addHandler(caplog.handler)
    life = Life(SimpleNamespace(say=lambda **_: None), 1.0)
    life.up()
    life.up()
    assert caplog.messages == ["it starts: nothing stands in its way any more"]


def test_a_start_that_was_seen_before_says_only_what_is_new_until_it_is_up(capfd, restored):
    log_to_stderr(said=AWAY, doubt=AWAY.replace("\n", "; "))
    log = logging.getLogger("kammerton.test")
    log.info("compiling")
    log.warning("the disk is nearly full")
    log.error("outputs of two are not known to be off: %s", AWAY.replace("\n", "; "))
    log.error("on the way out: %s", AWAY)
    log.warning("unclean end of process 7 (%s); outputs may be on", "; ".join(AWAY.splitlines()))
    log.error("%s", AWAY.splitlines()[0])
    assert say_all()
    log.info("publishing")
    log.error("the process ends; outputs are not known to be off: %s", AWAY.replace("\n", "; "))
    assert not say_all()
    said = [
        line.partition(" ")[2].partition(" ")[2] for line in capfd.readouterr().err.splitlines()
    ]
    assert said == [
        "W the disk is nearly full",
        f"E {AWAY.splitlines()[0]}",
        "I publishing",
        f"E the process ends; outputs are not known to be off: {AWAY.replace(chr(10), '; ')}",
    ]


@pytest.mark.parametrize(
    ("line", "news"),
    [
        ("outputs of two are not known to be off: awg1: no answer", False),
        ("outputs of two are not known to be off: awg1: no answer; lo: it stays on", True),
        ("on the way out: awg1 is not known to be off: no answer", False),
        ("on the way out: awg1 is not known to be off: no answer\nlo stays on", True),
        ("unclean end of process 7 at or after 12:00 (awg1: no answer); outputs may be on", False),
        ("unclean end of process 7 at 12:00 (awg1: no answer; lo is on); outputs may be on", True),
        ("see awg1: no answer", True),
    ],
)
def test_a_line_that_says_more_than_was_said_is_news(capfd, restored, line, news):
    said = "awg1 is not known to be off: no answer"
    log_to_stderr(said=said, doubt=said)
    logging.getLogger("kammerton.test").error("%s", line)
    assert bool(capfd.readouterr().err) is news


def test_the_words_for_an_output_that_may_be_on_are_those_of_the_alarm():
    assert logs.NOT_OFF == NOT_OFF


def test_that_outputs_may_be_on_is_news_though_its_cause_was_said_of_instruments(capfd, restored):
    log = logging.getLogger("kammerton.test")
    for doubt, heard in [("", True), ("lo: it stays on", True), (AWAY.splitlines()[0], False)]:
        log_to_stderr(said=AWAY, doubt=doubt)
        log.error("outputs of two are not known to be off: %s", AWAY.splitlines()[0])
        assert bool(capfd.readouterr().err) is heard, doubt


def test_what_the_alarm_of_the_last_start_said_is_told_the_next(tmp_path):
    wire = SimpleNamespace(said=[], say=lambda **words: wire.said.append(words))
    Life(wire, 1.0).known(off=False, tried="lo: it stays on")
    order = Order(tmp_path / "lab.toml", "")
    process = Process(order, Rules(), "two")
    process._hear(wire.said[-1])
    process._hear({"ended": 1, "why": AWAY, "off": False})
    process._process = SimpleNamespace(returncode=1)
    way = InTheWay()
    assert way.words(process._ending(), "now")
    assert way.doubt == "lo: it stays on"


def test_another_doubt_is_said_at_once(way):
    way.words(failed(off=False), "now")
    other = replace(failed(off=False), tried="lo: it stays on")
    assert way.words(other, "now")
    assert not way.words(other, "now")


@pytest.fixture
def restored():
    """Give the root of all loggers its own again."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
