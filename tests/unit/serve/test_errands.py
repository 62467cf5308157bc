"""`measure` on its way: from the request to the wish, what is refused, and the audit log."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.client import Client, measuring
from kammerton.loop.wishes import ENDED, WAITED_FOR, given_up
from kammerton.model import StoreError, StoreUnavailable, Verdict
from kammerton.publish.commands import Command
from kammerton.serve import obedience
from kammerton.serve.attending import attending
from kammerton.serve.errands import Measuring
from kammerton.store import Inbox, Store, asking, attend, errand
from kammerton.store.leases import DAEMON
from tests.stored import estimate, fit, run
from tests.unit.lab.example import TEXT
from tests.unit.loop.laboratory import two_qubits

CALIBRATIONS = frozenset({"t1", "ramsey"})


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "lab.toml").write_text(TEXT, encoding="utf-8")
    return replace(two_qubits(tmp_path), computer="two-qubits")


@pytest.fixture
def store(lab):
    with Store.open(lab.database, "two-qubits") as opened:
        yield opened


def asked(store, arguments, errands, who="ada@pc"):
    with Inbox(store.place) as box:
        number = box.ask("measure", arguments, who)
        attend(store, box, errands=errands)
        return number, box.request(number)


def begun(errands):
    """Return the oldest wish, as begun; None where none waits."""
    for wish in errands.wishes.waiting():
        assert errands.wishes.begin(wish)
        return wish
    return None


def test_the_time_of_a_wish_counts_from_asking(lab, store, monkeypatch):
    """One that was asked for long before it is taken up, or waits behind others, is too late."""
    errands = Measuring(lab, CALIBRATIONS)
    arguments = {"target": "q0", "calibration": "t1"}
    with Inbox(store.place) as box:
        number = box.ask("measure", arguments, "ada")
        ago = datetime.now(UTC) + timedelta(seconds=WAITED_FOR - 1)
        monkeypatch.setattr("kammerton.store.clock.wall", lambda: ago)
        attend(store, box, errands=errands)
        (wish,) = errands.wishes.waiting()
        assert 0 < wish.until - time.monotonic() <= 1
        time.sleep(1.1)
        attend(store, box, errands=errands)
        assert box.request(number).answer == "not begun within 10 min of asking; ask again"
    assert begun(errands) is None
    assert store.log(1)[0].new == "refused"


def test_a_clock_that_is_set_back_gives_a_wish_no_longer_time(lab, store, monkeypatch):
    errands = Measuring(lab, CALIBRATIONS)
    with Inbox(store.place) as box:
        box.ask("measure", {"target": "q0", "calibration": "t1"}, "ada")
        ago = datetime.now(UTC) - timedelta(hours=1)
        monkeypatch.setattr("kammerton.store.clock.wall", lambda: ago)
        attend(store, box, errands=errands)
    (wish,) = errands.wishes.waiting()
    assert wish.until - time.monotonic() <= WAITED_FOR


def test_a_request_becomes_a_wish_and_is_answered_when_it_is_measured(lab, store):
    errands = Measuring(lab, CALIBRATIONS)
    number, request = asked(store, {"target": "q0", "calibration": "t1", "shots": 400}, errands)
    assert request.answer is None
    wish = begun(errands)
    assert (wish.number, wish.target, wish.calibration, wish.shots, wish.who) == (
        number, "q0", "t1", 400, "ada@pc",
    )  # fmt: skip
    with Inbox(store.place) as box:
        assert attend(store, box, errands=errands) == [], "it is under way, and nobody's else"
        errands.wishes.answer(wish, "r000007", done=True)
        attend(store, box, errands=errands)
        assert (box.request(number).done, box.request(number).answer) == (True, "r000007")
    row = store.log(1)[0]
    assert (row.who, row.what, row.new) == ("ada@pc", "measure", "asked for")
    assert row.why == "target=q0 calibration=t1 shots=400"


@pytest.mark.parametrize("done", [True, False])
def test_an_answer_goes_to_nobody_else_where_the_file_of_requests_was_deleted(
    lab, store, caplog, done
):
    errands = Measuring(lab, CALIBRATIONS)
    first, _ = asked(store, {"target": "q0", "calibration": "t1"}, errands)
    wish = begun(errands)
    store.place.request_file.unlink()
    second, _ = asked(store, {"target": "q1", "calibration": "ramsey"}, errands)
    assert second > first
    assert [each.target for each in errands.wishes.waiting()] == ["q1"], "it is taken on"
    errands.wishes.answer(wish, "r000007", done=done)
    with Inbox(store.place) as box:
        attend(store, box, errands=errands)
        assert box.request(second).answer is None
    assert f"whoever asked for request {first} cannot be told: r000007" in caplog.text


def test_s2_an_answer_that_cannot_be_written_now_is_written_later(lab, store, monkeypatch):
    """Else whoever waits would hear that the daemon had ended, and not which run it is."""
    errands = Measuring(lab, CALIBRATIONS)
    numbers = [asked(store, {"target": q, "calibration": "t1"}, errands)[0] for q in ("q0", "q1")]

    def locked(*words: object, done: bool) -> None:
        raise StoreUnavailable("another program holds the database locked")

    with Inbox(store.place) as box:
        for run_id in ("r000007", "r000008"):
            wish = begun(errands)
            errands.wishes.answer(wish, run_id, done=True)
        with monkeypatch.context() as patched:
            patched.setattr(box, "answer", locked)
            with pytest.raises(StoreUnavailable):
                attend(store, box, errands=errands)
        attend(store, box, errands=errands)
        assert [box.request(each).answer for each in numbers] == ["r000007", "r000008"]
        assert not any(each in errands for each in numbers)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target": "q00", "calibration": "t1"}, 'there is no qubit q00; did you mean "q0"?'),
        (
            {"target": "r0", "calibration": "t1"},
            "r0 is a resonator: ask for the qubit that it reads, q0",
        ),
        ({"target": "q0", "calibration": "ramsy"}, 'no calibration ramsy; did you mean "ramsey"?'),
        ({"target": "q0", "calibration": "T2"}, 'no calibration T2; did you mean "ramsey"?'),
        ({"target": "q0", "calibration": "rb"}, "no calibration rb; known: ramsey, t1"),
        ({"target": "q0"}, "measure takes a target, a calibration"),
        ({"target": "q0", "calibration": ["t1"]}, "measure takes a target, a calibration"),
        ({"target": "q0", "calibration": "t1", "shell": "rm"}, "measure takes a target"),
        ({"target": "q0", "calibration": "t1", "shots": 0}, "shots must be a whole number from 1"),
        ({"target": "q0", "calibration": "t1", "shots": True}, "shots must be a whole number"),
        ({"target": "q0", "calibration": "t1", "shots": 10**9}, "shots must be a whole number"),
    ],
)
def test_what_makes_no_wish_is_refused_and_audited(lab, store, arguments, words):
    errands = Measuring(lab, CALIBRATIONS)
    _, request = asked(store, arguments, errands)
    assert not request.done
    assert words in request.answer
    assert errands.wishes.waiting() == []
    row = store.log(1)[0]
    assert (row.what, row.new) == ("measure", "refused")
    assert words in row.why


@pytest.mark.parametrize("scope", ["q0", "r0", "awg1", "computer"])
def test_what_a_person_holds_is_refused_and_the_holder_named(lab, store, scope):
    store.hold(scope, "bob@pc", "wiring")
    _, request = asked(store, {"target": "q0", "calibration": "t1"}, Measuring(lab, CALIBRATIONS))
    assert not request.done
    assert request.answer == f"{scope} is held by bob@pc: wiring; kammerton release {scope}"


def test_what_the_daemon_set_aside_is_refused_in_its_own_words(lab, store):
    store.hold("awg1", DAEMON, "no reference, then: kammerton release awg1")
    _, request = asked(store, {"target": "q0", "calibration": "t1"}, Measuring(lab, CALIBRATIONS))
    assert request.answer == (
        "awg1 is held by the daemon: no reference, then: kammerton release awg1"
    )


def test_another_qubit_that_is_held_does_not_matter(lab, store):
    store.hold("q1", "bob@pc", "wiring")
    store.hold("maintenance", "bob@pc", "warming up")
    _, request = asked(store, {"target": "q0", "calibration": "t1"}, Measuring(lab, CALIBRATIONS))
    assert request.answer is None


def test_in_safe_mode_it_is_refused_with_the_reason(store):
    store.activity("safe mode: all outputs are off; it crashed; a person must restart it")
    _, request = asked(store, {"target": "q0", "calibration": "t1"}, None)
    assert not request.done
    assert request.answer.startswith("nothing is calibrated now: safe mode: all outputs are off")
    assert store.log(1)[0].new == "refused"


def test_what_was_taken_up_when_the_process_died_is_of_unknown_outcome(lab, store):
    """But to who calibrates, and sees what was left open."""
    words = {"target": "q0", "calibration": "t1", "shots": 200}
    number, _ = asked(store, words, Measuring(lab, CALIBRATIONS))
    with Inbox(store.place) as box:
        another = Measuring(lab, CALIBRATIONS)
        attend(store, box, errands=another)
        assert box.request(number).answer is None
        (wish,) = another.wishes.waiting()
        assert (wish.number, wish.shots, wish.taken) == (number, 200, True)
        attend(store, box)
        assert "not known" in box.request(number).answer


def test_what_was_taken_up_long_before_the_process_died_is_not_measured_again(
    lab, store, monkeypatch
):
    number, _ = asked(store, {"target": "q0", "calibration": "t1"}, Measuring(lab, CALIBRATIONS))
    later = datetime.now(UTC) + timedelta(seconds=WAITED_FOR + 1)
    monkeypatch.setattr("kammerton.store.clock.wall", lambda: later)
    with Inbox(store.place) as box:
        attend(store, box, errands=Measuring(lab, CALIBRATIONS))
        assert "not known" in box.request(number).answer


def test_at_the_end_of_the_daemon_what_waits_is_answered(lab, store):
    async def scenario() -> int:
        with Inbox(store.place) as box:
            number = box.ask("measure", {"target": "q0", "calibration": "t1"}, "ada")
        async with attending(store, errands=Measuring(lab, CALIBRATIONS)):
            await asyncio.sleep(0)
        return number

    number = asyncio.run(scenario())
    with Inbox(store.place) as box:
        assert box.request(number).answer == given_up(ENDED)


def test_what_cannot_be_recorded_is_refused_and_not_measured(lab, store, monkeypatch):
    """It was measured all the same, and whoever asked kept the refusal."""
    errands = Measuring(lab, CALIBRATIONS)

    def full(*_):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store, "audit", full)
    _, request = asked(store, {"target": "q0", "calibration": "t1"}, errands)
    assert (request.done, request.answer) == (False, "the disk is full")
    assert errands.wishes.waiting() == []


def test_whoever_waits_for_a_daemon_that_died_hears_it_soon_and_what_it_left_on(
    lab, store, monkeypatch
):
    """It was waited for 15 min, and then called idle, with outputs on all that time."""
    monkeypatch.setattr(asking, "WAIT", 0.5)
    monkeypatch.setattr(asking, "LOOK", 0.05)
    store.activity("t1 on q0")
    said, waits = [], {"target": "q0", "calibration": "t1"}

    def ask() -> None:
        try:
            said.append(errand(lab.database, "measure", waits, "ada@pc"))
        except StoreError as problem:
            said.append(str(problem))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    with Inbox(store.place) as box:
        until = time.monotonic() + 20.0
        while time.monotonic() < until:
            if attend(store, box, errands=Measuring(lab, CALIBRATIONS)):
                break
            time.sleep(0.02)
    thread.join(0.7)
    assert thread.is_alive(), "while a daemon is there it is waited for"
    store.close()
    thread.join(20.0)
    assert said == [
        "no daemon runs any more, and none has come back within 0 s: measure was taken up, and "
        "what came of it is not known (see `kammerton log`); CAUTION: outputs may be on, process "
        f"{os.getpid()} did not switch them off (t1 on q0)"
    ]


@contextmanager
def daemon(lab, store, outcome):
    """Grant every wish by storing what `outcome` makes of it."""
    errands, end = Measuring(lab, CALIBRATIONS), threading.Event()

    def work() -> None:
        with Inbox(store.place) as box:
            while not end.wait(0.02):
                attend(store, box, errands=errands)
                if (wish := begun(errands)) is not None:
                    words, done = outcome(wish)
                    errands.wishes.answer(wish, words, done=done)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def measured(store, verdict=Verdict.ACCEPTED, *, believed=True):
    """Return what grants a wish: by storing a run."""

    def outcome(wish):
        found = fit(wish.target, verdict, reason="a clean decay")
        changes = {f"{wish.target}.t1": estimate()} if believed else {}
        done = run((wish.target,), {wish.target: found}, wish.calibration)
        return store.commit(done, changes).run_id, True

    return outcome


def test_the_command_prints_value_verdict_and_picture(lab, store):
    def drawn(wish):
        run_id, done = measured(store)(wish)
        store.run(run_id).data.with_suffix(".png").touch()
        return run_id, done

    store.activity("ramsey on q1")
    with daemon(lab, store, drawn):
        done = call("measure", "q0", "t1", str(lab.database), "--shots", "500")
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert "q0.t1 51.00 µs ± 600 ns" in text
    assert "verdict accepted: a clean decay" in text
    assert "from t1, run r000001, 1000 shots" in text
    assert "r000001.png" in done.stdout.replace("\n", "")
    assert done.stderr == "... ramsey on q1\n"


def test_no_picture_is_waited_for_where_none_are_drawn(lab, store, monkeypatch):
    monkeypatch.setattr(measuring, "DRAWING", 60.0)
    measured(store)(SimpleNamespace(target="q0", calibration="t1"))
    began = time.monotonic()
    with daemon(lab, store, measured(store)):
        assert call("measure", "q0", "t1", str(lab.database)).exit_code == 0
    assert time.monotonic() - began < 30


def test_what_is_not_accepted_or_withheld_says_so(lab, store, monkeypatch):
    monkeypatch.setattr(measuring, "DRAWING", 0.0)
    with daemon(lab, store, measured(store, Verdict.REJECTED, believed=False)):
        done = call("measure", "q0", "t1", "--lab", str(lab.database))
    assert done.exit_code == 3
    assert "q0.t1" not in done.stdout
    with daemon(lab, store, measured(store, believed=False)):
        done = call("measure", "q0", "t1", "--lab", str(lab.database))
    assert done.exit_code == 0
    assert "withheld" not in done.stdout, "no reason was told"


WHY = "q0.t1: 12 µs is far from 51 µs, which was believed; it counts when it is found again"


def test_what_is_withheld_says_why_in_one_sentence(lab, store, monkeypatch):
    monkeypatch.setattr(measuring, "DRAWING", 0.0)

    def surprise(wish):
        run_id, done = measured(store, believed=False)(wish)
        return f"{run_id}; {WHY}", done

    with daemon(lab, store, surprise):
        done = call("measure", "q0", "t1", "--lab", str(lab.database))
        found = Client(lab.database).measure("q0", "t1")
    assert f"withheld {WHY} from" in " ".join(done.stdout.split())
    assert WHY in repr(found).splitlines()


def test_refusals_reach_the_one_who_asked(lab, store):
    with daemon(lab, store, lambda wish: ("t1 of q0 needs f01 first", False)):
        done = call("measure", "q0", "t1", str(lab.database))
    assert (done.exit_code, done.stderr) == (2, "t1 of q0 needs f01 first\n")
    row = store.log(1)[0]
    assert (row.what, row.new) == ("measure", "refused")
    assert row.why == "target=q0 calibration=t1: t1 of q0 needs f01 first"


def test_without_a_daemon_it_says_how_to_start_one(lab):
    Store.open(lab.database, "two-qubits").close()
    done = call("measure", "q0", "t1", str(lab.database))
    assert done.exit_code == 2
    assert "no daemon runs here" in done.stderr
    assert "kammerton run lab.toml" in done.stderr
    with Inbox(lab.database) as box:
        assert box.waiting() == []


def test_a_daemon_that_does_not_turn_is_not_waited_for(lab, store, monkeypatch):
    monkeypatch.setattr(asking, "WAIT", 0.2)
    with pytest.raises(StoreError, match="nothing was changed"):
        errand(lab.database, "measure", {"target": "q0", "calibration": "t1"})


def test_one_that_is_taken_up_is_waited_for_longer_but_not_for_ever(lab, store, monkeypatch):
    monkeypatch.setattr(asking, "WAIT", 0.1)
    monkeypatch.setattr(asking, "PATIENCE", 0.6)
    with Inbox(store.place) as box:

        def take():
            for each in box.waiting():
                box.take(each.number)

        with pytest.raises(StoreError, match="measure was taken up, outcome unknown"):
            errand(lab.database, "measure", {"target": "q0", "calibration": "t1"}, meanwhile=take)


def test_over_mqtt_what_cannot_be_read_in_time_is_not_called_undone(store, monkeypatch):
    monkeypatch.setattr(obedience, "PATIENCE", 0.3)
    now = datetime.now(UTC)
    command = Command("hold", {"scope": "q0"}, "ada", "0" * 32, now, now + timedelta(minutes=1))

    def locked(*_):
        raise StoreUnavailable("lock timeout")

    with monkeypatch.context() as patched:
        patched.setattr(Inbox, "request", locked)
        done, words = asyncio.run(obedience.obedient(store.place)(command))
    assert (done, "outcome unknown, it may be done yet: lock timeout" in words) == (None, True)
    with Inbox(store.place) as box:
        attend(store, box)
    assert [each.owner for each in store.leases()] == ["ada over MQTT"]


@pytest.mark.parametrize("where", ["__init__", "ask", "request"])
def test_over_mqtt_a_hold_that_is_not_done_says_that_nothing_is_held(store, monkeypatch, where):
    def fails(*what):
        raise StoreUnavailable("cannot open requests: database is locked")

    monkeypatch.setattr(obedience, "PATIENCE", 0.2)
    if where != "request":  # else nobody attends, and it is given up
        monkeypatch.setattr(Inbox, where, fails)
    obey, words = obedience.obedient(store.place), "nothing is held: switch off at the instruments"
    assert words in asyncio.run(obey(commanded("hold", scope="q0")))[1]
    other = asyncio.run(obey(commanded("release", "1" * 32, scope="q0")))
    assert (other[0], "held" in other[1]) == (False, False)


def test_over_mqtt_the_same_hold_again_is_not_said_to_be_none(store, monkeypatch):
    monkeypatch.setattr(obedience, "PATIENCE", 0.2)
    obey = obedience.obedient(store.place)
    for words in ("given up", "seen before"):
        done, said = asyncio.run(obey(commanded("hold", scope="q0")))
        assert (done, words in said) == (False, True)
    assert said == "seen before"


def test_over_mqtt_several_are_held_and_a_group_as_its_members(store):
    obey = obedience.obedient(store.place, {"left": ("q0", "lo")})

    async def scenario():
        async with attending(store, scopes=frozenset({"q0", "q1", "lo"})):
            held = await obey(commanded("hold", targets=["left", "q1"], why="cool-down"))
            scopes = [each.scope for each in store.leases()]
            back = await obey(commanded("release", nonce="1" * 32, targets=["left", "q1"]))
            alone = await obey(commanded("hold", nonce="2" * 32, scope="left", why="x"))
            return held, scopes, back, alone

    held, scopes, back, alone = asyncio.run(scenario())
    said = "q0, lo and q1 are held by ada over MQTT until they are released"
    assert held == (True, said)
    assert scopes == ["q0", "lo", "q1"]
    assert back == (
        True,
        "q0, lo and q1 are released; the daemon measures again what rests on them",
    )
    assert alone[1].startswith("q0 and lo are held by ada over MQTT")


def commanded(verb, nonce="0" * 32, **arguments):
    now = datetime.now(UTC)
    return Command(verb, arguments, "ada", nonce, now, now + timedelta(minutes=1))


def test_over_mqtt_it_is_answered_when_it_is_accepted_or_refused(lab, store, monkeypatch):
    monkeypatch.setattr(obedience, "BRIEF", 3.0)
    obey = obedience.obedient(store.place)

    def command(target):
        now, asked = datetime.now(UTC), {"target": target, "calibration": "t1"}
        return Command("measure", asked, "ada", "0" * 32, now, now + timedelta(minutes=1))

    errands = Measuring(lab, CALIBRATIONS)

    async def scenario():
        async with attending(store, errands=errands):
            return await obey(command("q0"))

    assert asyncio.run(scenario()) == (True, obedience.ACCEPTED)
    assert store.log(1)[0].who == "ada over MQTT"
    with daemon(lab, store, measured(store)):
        done, words = asyncio.run(obey(replace(command("q9"), nonce="1" * 32)))
    assert (done, "there is no qubit q9" in words) == (False, True)
    monkeypatch.setattr(obedience, "BRIEF", 60.0)
    with daemon(lab, store, lambda wish: (f"r000007; {WHY}", True)):
        answer = asyncio.run(obey(replace(command("q0"), nonce="2" * 32)))
    assert answer == (True, "r000007"), "a program reads the name of the run"


def test_who_does_not_wait_for_the_picture_is_told_that_it_is_stored(lab, store, monkeypatch):
    def interrupted(*what):
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "_picture", interrupted)
    with daemon(lab, store, measured(store)), pytest.raises(KeyboardInterrupt) as end:
        measuring.measure(lab.database, "q0", "t1")
    assert str(end.value) == "r000001 is measured and stored (kammerton log)"


def test_from_a_notebook(lab, store, monkeypatch):
    monkeypatch.setattr(measuring, "DRAWING", 0.0)
    client = Client(lab.database)
    with daemon(lab, store, measured(store)):
        found = client.measure("q0", "t1")
    assert found.accepted
    assert found.parameters["q0.t1"].value == 5.1e-5
    assert repr(found) == ("r000001 t1 of q0: accepted; a clean decay\nq0.t1 = 51.00 µs ± 600 ns")
    client.close()


def call(*words):
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
