"""What stands in the way of a start is said in full once, then only that it still does."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kammerton.bench.deadline import Deadline
from kammerton.model import InstrumentError
from kammerton.serve import child
from kammerton.serve.child import Life, _work
from kammerton.serve.in_the_way import InTheWay
from kammerton.serve.keeper import Keeper, Record
from kammerton.serve.logs import log_to_stderr, say_all
from kammerton.serve.process import Ending, Process
from kammerton.serve.repeats import AS, MOST, Repeats
from kammerton.serve.rules import Rules
from kammerton.serve.words import Code, Mode, Order
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


def test_what_was_said_before_it_was_up_is_said_again_at_the_next_start(way):
    marked = frozenset({"mark"})
    way.words(replace(failed(), said=marked), "now")
    assert way.said == marked
    way.words(replace(failed("the disk is full", was_up=True), said=marked), "now")
    assert way.said == frozenset()


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
    assert way.said == frozenset(), "what comes after a crash is said in full"


def test_the_process_that_follows_is_told_what_was_said(tmp_path):
    path, other = (
        lab(tmp_path, "unreachable", "unreachable", "works"),
        lab(tmp_path, "works", name="b.toml"),
    )
    said = []
    run(path, other, until=lambda: tmp_path.joinpath("lab.toml.said").exists() and go(path, said))
    assert said == ["", "mark of unreachable", "mark of unreachable"]


def go(path, said):
    said[:] = path.with_name("lab.toml.said").read_text().split("\n")[:-1]
    return len(said) == 3 and "go" in lives(path)[-1]


def test_an_order_carries_it(tmp_path):
    order = Order(tmp_path / "lab.toml", "", said=("a", "b"))
    assert Order.read(order.line()) == order


def test_an_order_of_an_older_supervisor_says_nothing_of_it(tmp_path):
    """A process that dies after an upgrade, before the daemon was started anew, is replaced."""
    order = Order(tmp_path / "lab.toml", "", said=("a",))
    fields = json.loads(order.line())
    del fields["said"]
    assert Order.read(json.dumps(fields).encode()) == replace(order, said=())


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


class Wire:
    """Keeps the marks of what is said."""

    def __init__(self):
        self.marks = []

    def say(self, *, said=None, **_):
        self.marks += [] if said is None else [said]


def worked(tmp_path, computer="two", *, named=False, said=()):
    """Work in vain; return the reason, and the marks of what was said."""
    order = Order(tmp_path / "lab.toml", "", named=named, said=tuple(said))
    wire = Wire()
    _, why = asyncio.run(_work(SimpleNamespace(computer=computer), order, Life(wire, 1.0)))
    return why, wire.marks


def test_a_process_says_each_sentence_in_a_line_of_its_own_and_not_what_was_said(
    tmp_path, away, capsys
):
    _, marks = worked(tmp_path)
    lines = [f"kammerton run: {each}" for each in [*AWAY.splitlines(), "outputs are off"]]
    assert capsys.readouterr().err.splitlines() == lines
    assert worked(tmp_path, said=marks)[1] == marks, "which the next is told, too"
    assert capsys.readouterr().err == ""
    worked(tmp_path, said=marks[1:])
    assert capsys.readouterr().err.splitlines() == lines[:1], "the one that is new"


def test_what_fails_alike_at_the_opening_and_the_closing_is_one_reason(
    tmp_path, monkeypatch, capsys
):
    async def run_computer(*_, **__):
        problem = InstrumentError("lo: it stays on\nawg1: no answer")
        problem.add_note("lo: it stays on")
        raise problem

    monkeypatch.setattr("kammerton.serve.computer.run_computer", run_computer)
    assert worked(tmp_path)[0] == "lo: it stays on\nawg1: no answer"
    assert capsys.readouterr().err.count("lo: it stays on") == 1


def test_of_several_computers_each_line_says_whose_it_is(tmp_path, away, capsys):
    worked(tmp_path, named=True)
    assert all("kammerton run: two: " in each for each in capsys.readouterr().err.splitlines())


def test_one_that_was_up_says_why_it_is_no_more_though_that_was_said_before(tmp_path, away, capsys):
    _, marks = worked(tmp_path)
    capsys.readouterr()
    worked(tmp_path, "was up", said=marks)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_what_an_alarm_has_said_in_full_is_not_said_below_it(tmp_path, away, capsys, monkeypatch):
    order = Order(tmp_path / "lab.toml", "")
    life = Life(SimpleNamespace(say=lambda **_: None), 1.0)
    life.known(off=False, tried=f"{AWAY}; outputs are off".replace("\n", "; "))
    asyncio.run(_work(SimpleNamespace(computer="two"), order, life))
    assert capsys.readouterr().err == ""


def test_of_two_lines_the_one_that_an_alarm_has_said_is_not_said_below_it(tmp_path, away, capsys):
    order, life = Order(tmp_path / "lab.toml", ""), Life(SimpleNamespace(say=lambda **_: None), 1.0)
    life.known(off=False, tried=AWAY.splitlines()[0])
    asyncio.run(_work(SimpleNamespace(computer="two"), order, life))
    told = [f"kammerton run: {each}" for each in (AWAY.splitlines()[1], "outputs are off")]
    assert capsys.readouterr().err.splitlines() == told


def repeats(*lines):
    """Return the marks of lines that the last start gave."""
    marks = []
    for line in lines:
        Repeats(note=marks.append).news(line)
    return Repeats(frozenset(marks))


def test_once_it_is_up_that_is_said_where_it_was_not_before(restored, caplog):
    log_to_stderr(repeats=repeats(AWAY))
    logging.getLogger().addHandler(caplog.handler)
    life = Life(Wire(), 1.0)
    life.up()
    life.up()
    assert caplog.messages == ["it is up; from here on all is said again"]


DOUBT = "outputs of two are not known to be off: awg1: no answer"


def test_a_start_that_was_seen_before_says_only_what_is_new_until_it_is_up(capfd, restored):
    left = "unclean end of process 7 (ramsey); outputs may be on"
    log_to_stderr(repeats=repeats(DOUBT, left))
    log = logging.getLogger("kammerton.test")
    log.info("compiling")
    log.warning("%s", left)
    log.warning("the disk is nearly full")
    log.error("outputs of %s are not known to be off: %s", "two", "awg1: no answer")
    assert say_all()
    log.info("publishing")
    log.error("%s", DOUBT)
    assert not say_all()
    said = [
        line.partition(" ")[2].partition(" ")[2] for line in capfd.readouterr().err.splitlines()
    ]
    assert said == ["W the disk is nearly full", "I publishing", f"E {DOUBT}"]


@pytest.mark.parametrize(
    "line",
    [
        f"{DOUBT}; lo: it stays on",  # one more
        "outputs of two are not known to be off: lo: it stays on",
        "outputs of three are not known to be off: awg1: no answer",
        "awg1: no answer",  # the same cause, but not of outputs
        f"on the way out: {DOUBT}",
    ],
)
def test_whatever_differs_in_a_word_is_said(capfd, restored, line):
    log_to_stderr(repeats=repeats(DOUBT))
    logging.getLogger("kammerton.test").error("%s", line)
    assert line in capfd.readouterr().err


class Unspeakable:
    def __str__(self):
        raise ZeroDivisionError("a bug of a driver")


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
@pytest.mark.parametrize("words", [("%d", "x"), ("%s", Unspeakable())])
def test_a_line_that_cannot_be_put_into_words_raises_nothing_in_who_logs(
    capfd, restored, level, words
):
    """It would be raised in a driver that is about to switch off, say."""
    log_to_stderr(repeats=Repeats(note=lambda _: None))
    logging.getLogger("kammerton.test").log(level, *words)
    assert "--- Logging error ---" in capfd.readouterr().err, "nor is it lost"


def test_an_unclean_end_of_another_process_is_said_again_where_it_left_something_else(
    capfd, restored
):
    log = logging.getLogger("kammerton.test")
    log_to_stderr(repeats=repeats("unclean end (awg1)"))
    for process, left in [(7, "awg1"), (8, "awg1, lo")]:
        words = "unclean end of process %d (%s)"
        log.warning(words, process, left, extra={AS: f"unclean end ({left})"})
    assert "process 7" not in (said := capfd.readouterr().err)
    assert "process 8 (awg1, lo)" in said


@pytest.mark.parametrize(
    ("orderly", "why", "says"),
    [
        (False, "killed by signal 9", ["two: killed by signal 9: outputs are not known to be off"]),
        (True, "lo is away", ["two: outputs are not known to be off"]),  # it has said why
        (False, "lo is not known to be off", ["two: lo is not known to be off"]),
    ],
)
def test_the_end_of_the_daemon_says_why_where_nobody_has(tmp_path, caplog, orderly, why, says):
    keeper = Keeper(tmp_path / "lab.toml", None, Record(Mode.TUNE, Rules()))
    keeper._name = "two"
    ending = failed(why, orderly=orderly, off=False)
    assert keeper._said(Code.FAILED, ending) is Code.FAILED
    assert caplog.messages == says
    keeper._said(Code.FAILED, failed(off=True))
    keeper._said(Code.DONE, ending)
    assert caplog.messages == says


def test_how_a_process_ends_that_is_told_to_is_news_again(tmp_path, monkeypatch, restored):
    """It may say what the start before said: whoever reads the end looks for it there."""

    class Told(Wire):
        def listen(self, go, stop):
            stop("told to end", 1.0)

    async def ended(*_):
        return Code.DONE, "the process ends", True

    monkeypatch.setattr(child.last, "told_to_end", ended)
    monkeypatch.setattr(child.faulthandler, "dump_traceback_later", lambda *_, **__: None)
    log_to_stderr(repeats=repeats(DOUBT))
    order = Order(tmp_path / "lab.toml", None, ends=True)
    assert asyncio.run(child._live(None, order, Told(), Deadline())) is Code.DONE
    assert not say_all(), "all is said already"


def test_a_first_start_says_all_and_marks_its_warnings(capfd, restored):
    marks = []
    log_to_stderr(repeats=Repeats(note=marks.append))
    log = logging.getLogger("kammerton.test")
    log.info("compiling")
    log.error("%s", DOUBT)
    assert capfd.readouterr().err.count("\n") == 2
    assert frozenset(marks) == repeats(DOUBT).before
    assert not say_all()
    log.error("later")
    assert len(marks) == 1


def heard(tmp_path, *marks):
    process = Process(Order(tmp_path / "lab.toml", ""), Rules(), "two")
    for mark in marks:
        process._hear({"said": mark})
    process._hear({"ended": 1, "why": AWAY, "off": False})
    process._process = SimpleNamespace(returncode=1)
    return process._ending()


def test_what_a_process_said_is_told_the_next_up_to_a_limit(tmp_path, way):
    assert way.words(heard(tmp_path, "a", "b"), "now")
    assert way.said == {"a", "b"}
    way.words(heard(tmp_path, *map(str, range(MOST + 5))), "now")
    assert len(way.said) == MOST


def test_that_something_new_was_said_is_a_change(way):
    way.words(replace(failed(), said=frozenset("a")), "now")
    assert way.words(replace(failed(), said=frozenset("ab")), "now")
    assert not way.words(replace(failed(), said=frozenset("a")), "now"), "less is no news"


@pytest.fixture
def restored():
    """Give the root of all loggers its own again."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
