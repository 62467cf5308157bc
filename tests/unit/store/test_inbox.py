"""Commands of other processes reach the one that writes, or say that they did not."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from kammerton.model import OutcomeUnknown, StoreError, StoreInUse, StoreUnavailable
from kammerton.store import (
    Inbox,
    Store,
    acting,
    asking,
    attend,
    change,
    clock,
    errand,
    inbox,
    request,
    sqlite,
)
from tests.postgres import Server
from tests.stored import estimate, run


@contextmanager
def attended(store: Store) -> Iterator[None]:
    """Take up requests, as the daemon does."""
    end = threading.Event()

    def work() -> None:
        with Inbox(store.place) as box:
            while not end.wait(0.02):
                attend(store, box)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_without_a_daemon_the_command_does_it_itself(place: Path | str) -> None:
    Store.open(place, "two-qubits").close()
    assert change(place, "hold", {"scope": "q3", "why": "wiring"}, "anna") == (
        "q3 is held by anna until it is released"
    )
    with Store.read(place) as store:
        assert store.leases()[0].why == "wiring"
    with pytest.raises(StoreError, match="q3 is held by anna: wiring"):
        change(place, "hold", {"scope": "q3"}, "bert")
    assert change(place, "release", {"scope": "q3"}, "anna") == (
        "q3 is released; the daemon measures again what rests on it"
    )


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("release", {"scope": "computer"}),
        ("hold", {"scope": "computer", "why": "mine"}),
        ("revert", {"to": 99, "names": []}),
        ("drop", {}),
    ],
)
def test_a_refusal_without_a_daemon_is_in_the_audit_log(
    place: Path | str, verb: str, arguments: dict[str, object]
) -> None:
    with Store.open(place, "two-qubits") as store:
        store.hold("computer", "anna", "cable")
    with pytest.raises(StoreError) as refused:
        change(place, verb, arguments, "bob")
    with Store.read(place) as store:
        line = store.log(1)[0]
        assert (line.who, line.what, line.new) == ("bob", verb, "refused")
        assert line.why.endswith(f": {refused.value}")
        assert [lease.owner for lease in store.leases()] == ["anna"]


def test_what_is_asked_is_not_large_without_a_daemon_either(place: Path | str) -> None:
    Store.open(place, "two-qubits").close()
    with pytest.raises(StoreError, match="more than 10000"):
        change(place, "hold", {"scope": "q3", "why": "x" * 20_000}, "bob")
    with Store.read(place) as store:
        assert (store.leases(), store.log()) == ((), [])


def test_a_running_daemon_does_what_is_asked(store: Store, place: Path | str) -> None:
    for value in (1.0, 2.0):
        store.commit(run(), {"q0.t1": estimate(value)})
    with attended(store):
        said = change(place, "revert", {"to": 1, "names": ["q0"], "why": "flux"}, "anna")
        assert said == "revision 3: q0.t1 as at revision 1"
        assert store.parameters()["q0.t1"].value == 1.0
        with pytest.raises(StoreError, match="no revision r9"):
            change(place, "revert", {"to": 9, "names": []}, "anna")
    assert store.log(1)[0].who == "anna"


def test_many_may_open_the_requests_at_once_where_there_were_none(place: Path | str) -> None:
    Store.open(place, "two-qubits").close()
    together, opened = threading.Barrier(8), []

    def come(number: int) -> None:
        together.wait()
        with Inbox(place) as box:
            opened.append(box.ask("hold", {"scope": f"q{number}"}, "anna"))

    threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each - min(opened) for each in sorted(opened)] == list(range(8))


def test_a_silent_daemon_is_named_and_nothing_is_done_later(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WAIT", 0.2)
    store.commit(run(), {"q0.t1": estimate()})
    store.activity("t1 on q0")
    with pytest.raises(StoreError, match=r"process \d+ \(t1 on q0\).*nothing was changed"):
        change(path, "revert", {"to": 1, "names": []}, "anna")
    with Inbox(path) as box:
        assert attend(store, box) == []
    assert store.revision() == 1


def test_a_daemon_that_ends_while_it_is_asked_is_not_said_to_be_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WAIT", 0.5)
    store = Store.open(path, "two-qubits")
    with pytest.raises(StoreError, match=r"^the daemon has ended, .*nothing was changed$"):
        errand(path, "measure", {"target": "q0", "calibration": "t1"}, "ann", store.close)


def test_a_hold_waits_for_a_daemon_that_hangs(
    place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WAIT", 0.2)
    with Store.open(place, "two-qubits"), pytest.raises(OutcomeUnknown, match="request stays"):
        change(place, "hold", {"scope": "computer"}, "anna")
    with Store.open(place, "two-qubits") as store, Inbox(place) as box:
        assert [each.verb for each in attend(store, box)] == ["hold"]
        assert store.leases()[0].scope == "computer"


def test_an_old_request_is_not_done(store: Store, place: Path | str) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    with Inbox(place) as box:
        late = box.ask("revert", {"to": 1, "names": []}, "anna")
        ago = inbox.micros(datetime.now(UTC) - timedelta(hours=2))
        with box._engine.begin() as connection:
            connection.execute(inbox.update(inbox.table).values(asked=ago))
        attend(store, box)
        answer = box.request(late)
    assert (answer.done, answer.answer) == (False, "too late: asked 120 min ago")


def test_the_clock_of_another_computer_that_asks_makes_no_request_old(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.database()
    with Store.open(url, "two-qubits", data=tmp_path / "runs") as store, Inbox(url) as box:
        with monkeypatch.context() as there:
            there.setattr(clock, "wall", lambda: datetime.now(UTC) - timedelta(hours=2))
            number = box.ask("hold", {"scope": "q0", "why": "wiring"}, "anna")
            held = box.ask("release", {"scope": "q0"}, "anna")
        assert [0.0 <= each.age < 60.0 for each in attend(store, box)] == [True, True]
        assert (box.request(number).done, box.request(held).done) == (True, True)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [("drop", {}), ("hold", {}), ("hold", {"scope": "q3", "shell": "rm"}), ("__class__", {})],
)
def test_what_is_not_understood_is_refused(
    store: Store, path: Path, verb: str, arguments: dict[str, str]
) -> None:
    with Inbox(path) as box:
        number = box.ask(verb, arguments, "mallory")
        attend(store, box)
        assert not box.request(number).done
    assert store.leases() == ()


@pytest.mark.parametrize("way", ["here", "by the daemon"])
@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("hold", {"targets": "q0", "why": "wiring"}),
        ("hold", {"scope": "q0", "why": ["wiring"]}),
        ("hold", {"scope": "q0", "why": "wiring", "until": 7}),
        ("hold", {"scope": "q0", "why": "wiring", "now": "no"}),
        ("release", {"scope": "q1", "force": "no"}),
        ("release", {"targets": ["q1", "q2"], "leases": ["1", True]}),
        ("revert", {"to": True, "names": []}),
        ("revert", {"to": 1.0, "names": []}),
        ("revert", {"to": "1", "names": []}),
        ("revert", {"to": 1, "names": "q0"}),
        ("revert", {"to": 1, "names": [["q0"]]}),
        ("revert", {"to": 1, "names": ["q0"], "force": "false"}),
        ("approve", {"which": 1}),
    ],
)
def test_what_is_of_another_shape_is_refused_and_guessed_by_nobody(
    path: Path, verb: str, arguments: dict[str, object], way: str
) -> None:
    """A text for "false" was yes; of targets that were one name "None" was held, and said to be."""
    with Store.open(path, "two-qubits") as store:
        for value in (1.0, 2.0):
            store.commit(run(), {"q0.t1": estimate(value)})
        store.hold("q1", "bob", "wiring")
        if way != "here":
            with Inbox(path) as box:
                number = box.ask(verb, arguments, "anna")
                attend(store, box)
                assert "cannot be read" in (box.request(number).answer or "")
    if way == "here":
        with pytest.raises(StoreError, match="cannot be read"):
            change(path, verb, arguments, "anna")
    with Store.read(path) as after:
        assert [(each.scope, each.owner) for each in after.leases()] == [("q1", "bob")]
        assert after.revision() == 2


@pytest.mark.parametrize(
    ("until", "said"),
    [("9999-12-31T23:59:59-01:00", "longer than ten"), ("soon", "no time"), (7, "cannot be read")],
)
def test_a_hold_that_cannot_be_is_refused_and_the_next_one_is_done(
    store: Store, path: Path, until: object, said: str
) -> None:
    with Inbox(path) as box:
        bad = box.ask("hold", {"scope": "q3", "until": until}, "ada over MQTT")
        good = box.ask("hold", {"scope": "computer"}, "bob")
        attend(store, box)
        assert said in (box.request(bad).answer or "")
        assert box.request(good).done
    assert [lease.scope for lease in store.leases()] == ["computer"]


def test_a_request_is_not_large(path: Path) -> None:
    with Inbox(path) as box, pytest.raises(StoreError, match="more than"):
        box.ask("hold", {"scope": "q" * 20_000}, "mallory")


def test_who_is_in_the_way_is_named(store: Store, path: Path) -> None:
    store.activity("ramsey on q1")
    with pytest.raises(StoreInUse, match=r"process \d+ \(ramsey on q1\) has"):
        Store.open(path, "two-qubits")


def test_what_waits_is_done_before_a_command_that_finds_no_daemon(place: Path | str) -> None:
    with Store.open(place, "two-qubits") as store, Inbox(place) as box:
        store.hold("computer", "anna", "wiring")
        stale = box.ask("release", {"scope": "computer"}, "anna")
    change(place, "hold", {"scope": "computer", "why": "in the rack"}, "bob")
    with Store.open(place, "two-qubits") as store, Inbox(place) as box:
        assert box.request(stale).done
        attend(store, box)
        assert [lease.owner for lease in store.leases()] == ["bob"]


@pytest.mark.parametrize("torn", [True, False], ids=["file", "row"])
def test_damaged_requests_keep_nobody_from_a_hold_and_say_what_helps(
    path: Path, caplog: pytest.LogCaptureFixture, torn: bool
) -> None:
    Store.open(path, "two-qubits").close()
    requests = path.with_name(f"{path.name}.requests")
    with Inbox(path) as box:
        box.ask("release", {"scope": "q1"}, "anna")
        with box._engine.begin() as connection:
            connection.execute(inbox.update(inbox.table).values(arguments="{"))
    if torn:
        requests.write_bytes(b"this is no database, and long enough to be told so" * 1000)
    said = change(path, "hold", {"scope": "computer", "why": "in the rack"}, "bob")
    assert said == "computer is held by bob until it is released"
    helps = f"see {requests}: beyond repair, delete it"
    assert helps in caplog.text
    with pytest.raises(StoreError, match="not done") as refused:
        change(path, "release", {"scope": "computer"}, "bob")
    assert helps in str(refused.value)
    with Store.read(path) as store:
        assert [lease.owner for lease in store.leases()] == ["bob"]
    requests.unlink()
    assert change(path, "release", {"scope": "computer"}, "bob") == (
        "computer is released; the daemon measures again what rests on it"
    )


@pytest.mark.parametrize("whole", [False, True], ids=["head", "pages"])
def test_no_handle_of_damaged_requests_stays_open(
    path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """On Windows the file could not be deleted otherwise, which is the cure."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite._connect

    def counted(*how: Any) -> sqlite3.Connection:
        opened.append(connect(*how))
        return opened[-1]

    requests = path.with_name(f"{path.name}.requests")
    with Inbox(path) as box:
        box.ask("hold", {"scope": "q3"}, "anna")
    head = requests.read_bytes()[:100] if whole else b""
    requests.write_bytes(head + b"this is no database, and long enough to be told so" * 1000)
    monkeypatch.setattr(sqlite, "_connect", counted)
    for _ in range(3):
        with pytest.raises(StoreError):
            Inbox(path)
    assert len(opened) == 3
    for each in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            each.execute("SELECT 1")


def test_nobody_releases_what_another_holds_unless_forced(store: Store, place: Path | str) -> None:
    store.hold("computer", "bob", "in the rack")
    with Inbox(place) as box:
        plain = box.ask("release", {"scope": "computer"}, "ada over MQTT")
        attend(store, box)
        assert "held by bob" in (box.request(plain).answer or "")
        assert store.leases()
        forced = box.ask("release", {"scope": "computer", "force": True}, "anna")
        attend(store, box)
        assert box.request(forced).done
    assert store.leases() == ()


def test_what_is_under_way_cannot_be_given_up(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WAIT", 2.0)  # within which the daemon takes it up
    store.hold("computer", "anna", "wiring")
    given_up, numbers, take = threading.Event(), list[int](), Inbox.take

    def slow(*_: object, **__: object) -> str:
        given_up.wait(60)
        return "late"

    def taken(box: Inbox, number: int) -> bool:
        numbers.append(number)
        return take(box, number)

    monkeypatch.setattr(acting, "do", slow)
    monkeypatch.setattr(Inbox, "take", taken)
    with attended(store):
        with pytest.raises(OutcomeUnknown, match="under way, outcome unknown"):
            change(path, "release", {"scope": "computer"}, "anna")
        given_up.set()
    with Inbox(path) as box:
        assert box.request(numbers[0]).answer == "late"


def locked_after(monkeypatch: pytest.MonkeyPatch, looks: int) -> list[int]:
    """Let no request be read for so many looks, as while somebody locks its table."""
    left, read = [looks], Inbox.request

    def request(box: Inbox, number: int) -> request.Request:
        here = threading.current_thread() is threading.main_thread()  # not the daemon's
        left[0] -= here
        if here and left[0] >= 0:
            raise StoreUnavailable("cannot read requests: lock timeout")
        return read(box, number)

    monkeypatch.setattr(Inbox, "request", request)
    return left


def test_a_command_goes_on_asking_while_requests_cannot_be_read(
    store: Store, place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = locked_after(monkeypatch, 3)
    with attended(store):
        assert change(place, "hold", {"scope": "q0"}, "anna").startswith("q0 is held by anna")
    assert left[0] < 0


@pytest.mark.parametrize(
    ("verb", "arguments", "stays"),
    [("hold", {"scope": "q0"}, "it stays and is done"), ("release", {"scope": "q0"}, "may be")],
)
def test_a_command_whose_answer_cannot_be_read_says_that_the_outcome_is_unknown(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, arguments, stays: str
) -> None:
    """It is done afterwards: to call that refused was untrue."""
    monkeypatch.setattr(asking, "WAIT", 0.3)
    if verb == "release":
        store.hold("q0", "anna", "wiring")
    locked_after(monkeypatch, 10**6)
    with pytest.raises(OutcomeUnknown, match=f"lock timeout; the outcome of {verb} .*{stays}"):
        change(path, verb, arguments, "anna")
    monkeypatch.undo()
    with Inbox(path) as box:
        attend(store, box)
    assert [each.scope for each in store.leases()] == (["q0"] if verb == "hold" else [])


def interrupting(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Press Ctrl-C while a request is left, or read."""
    before = getattr(Inbox, where)

    def interrupted(*what: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return before(*what)

    monkeypatch.setattr(Inbox, where, interrupted)


@pytest.mark.parametrize("where", ["ask", "request"])
def test_who_waits_no_longer_withdraws_what_nobody_has_taken_up(
    store: Store, place: Path | str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    interrupting(monkeypatch, where)
    with pytest.raises(KeyboardInterrupt, match="withdrawn; nothing is done"):
        change(place, "release", {"scope": "q0"}, "anna")
    monkeypatch.undo()
    with Inbox(place) as box:
        assert attend(store, box) == []


def test_ctrl_c_that_comes_while_a_connection_is_fetched_keeps_nobody_from_withdrawing(
    store: Store, place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an exception cuts off there stays with its traceback, and the pool has only one."""
    look, connect, due = Inbox.request, Engine.connect, list[int]()

    def looks(box: Inbox, number: int) -> object:
        due.append(number)
        return look(box, number)

    def interrupted(engine: Engine) -> object:
        fetched = connect(engine)
        if due:
            due.clear()
            signal.raise_signal(signal.SIGINT)
        return fetched

    monkeypatch.setattr(Inbox, "request", looks)
    monkeypatch.setattr(Engine, "connect", interrupted)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt, match="withdrawn; nothing is done"):
        change(place, "release", {"scope": "q0"}, "anna")
    assert time.monotonic() - began < 3.0
    monkeypatch.undo()
    with Inbox(place) as box:
        assert attend(store, box) == []


def test_a_hold_is_never_withdrawn_by_who_waits_no_longer(
    store: Store, place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupting(monkeypatch, "ask")
    with pytest.raises(KeyboardInterrupt, match=r"stays asked for, .* nothing is held"):
        change(place, "hold", {"scope": "q0"}, "anna")
    monkeypatch.undo()
    with Inbox(place) as box:
        attend(store, box)
    assert [each.scope for each in store.leases()] == ["q0"]


def test_what_cannot_be_withdrawn_now_may_be_done_yet(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> bool:
        raise StoreUnavailable("database is locked")

    interrupting(monkeypatch, "ask")
    monkeypatch.setattr(Inbox, "give_up", locked)
    with pytest.raises(KeyboardInterrupt, match="is locked; release may be done yet"):
        change(path, "release", {"scope": "q0"}, "anna")


def test_before_anything_was_left_ctrl_c_says_that_nothing_is_held(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupting(monkeypatch, "__init__")
    with pytest.raises(KeyboardInterrupt, match=r"nothing was asked for.*; nothing is held"):
        change(path, "hold", {"scope": "q0"}, "anna")


def test_what_is_done_here_is_done_whole_though_ctrl_c_comes(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*what: object, **how: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return before(*what, **how)  # type: ignore[arg-type]

    store.close()
    before = Store.hold
    monkeypatch.setattr(Store, "hold", held)
    assert change(path, "hold", {"scope": "q0"}, "anna").startswith("q0 is held by anna")


def test_what_was_given_up_is_not_done_by_who_looked_before(
    store: Store, place: Path | str
) -> None:
    with Inbox(place) as box:
        number = box.ask("hold", {"scope": "q3"}, "ada over MQTT")
        looked = box.waiting()
        assert box.give_up(number, "given up")
        box.waiting = lambda: looked  # type: ignore[method-assign] - the daemon's look is older
        attend(store, box)
        assert box.request(number).answer == "given up"
    assert store.leases() == ()


@pytest.mark.parametrize(("verb", "held"), [("hold", True), ("release", False)])
def test_what_a_daemon_that_died_had_taken_up(
    store: Store, place: Path | str, verb: str, held: bool
) -> None:
    with Inbox(place) as box:
        number = box.ask(verb, {"scope": "q3"}, "anna")
        assert box.take(number)
        attend(store, box)
        assert box.request(number).done is held, "a hold is done again, anything else is not"
        assert held or box.request(number).answer == acting.UNKNOWN


def test_a_hold_of_what_there_is_not_is_refused(store: Store, path: Path) -> None:
    with Inbox(path) as box:
        number = box.ask("hold", {"scope": "drive_l0", "why": "cable"}, "ada over MQTT")
        attend(store, box, {"computer", "drive_lo"})
        assert box.request(number).answer == "there is nothing called 'drive_l0' to be held"
    assert store.leases() == ()


def test_a_hold_of_what_can_have_no_name_is_refused(store: Store, path: Path) -> None:
    with Inbox(path) as box:
        number = box.ask("hold", {"scope": ["q3"], "why": "cable"}, "ada over MQTT")
        attend(store, box, frozenset({"computer", "q3"}))
        assert not box.request(number).done
        assert (box.request(number).answer or "").startswith("there is nothing called")
    assert store.leases() == ()


def test_a_word_is_taken_once_by_whatever_process(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inbox, "REMEMBERED", 3)
    with Inbox(path) as box:
        box.ask("hold", {"scope": "q3"}, "ada", "ada 1")
    with Inbox(path) as box:
        with pytest.raises(StoreError, match="seen before"):
            box.ask("hold", {"scope": "q3"}, "ada", "ada 1")
        assert len(box.waiting()) == 1
        for n in range(2, 5):
            box.ask("hold", {"scope": "q3"}, "ada", f"ada {n}")
        box.ask("hold", {"scope": "q3"}, "ada", "ada 1")


def test_a_hold_reaches_a_daemon_whose_file_of_requests_somebody_deleted(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise no person could take anything out of its hands until it is started again."""
    with attended(store):
        change(path, "hold", {"scope": "q3", "why": "wiring"}, "anna")
        path.with_name(f"{path.name}.requests").unlink()
        change(path, "hold", {"scope": "q4", "why": "wiring"}, "anna")
    assert [lease.scope for lease in store.leases()] == ["q3", "q4"]
    assert "deleted or replaced" in caplog.text


def test_the_audit_says_plainly_what_was_asked_for():
    asked = {"to": 0, "names": ["q0", "q1"], "why": "", "force": False, "lease": None}
    who, verb, _, new, why = request.refusal("ann", "revert", asked, "there is no revision 0")
    assert (who, verb, new) == ("ann", "revert", "refused")
    assert why == "to=0 names=q0,q1: there is no revision 0"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Store, sqlite3.Connection]]:
    """A store whose database another program has locked."""
    with (
        Store.open(tmp_path / "kammerton.sqlite", "two-qubits", busy=0.05) as store,
        closing(sqlite3.connect(store.path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        yield store, other


def test_a_hold_that_cannot_be_recorded_counts_and_is_recorded_as_soon_as_it_can_be(locked):
    store, other = locked
    with attended(store):
        said = change(store.path, "hold", {"scope": "computer", "why": "a cable"}, "anna")
        assert said.startswith("computer is held by anna; that is recorded as soon as the database")
    with Inbox(store.place) as box:  # as the next daemon finds it
        (kept,) = box.waiting()
        assert (kept.verb, kept.who, kept.kept) == ("hold", "anna", True)
        other.execute("ROLLBACK")
        attend(store, box)
        assert box.request(kept.number).answer == "computer is held by anna until it is released"
        assert not box.waiting()
    assert [(each.owner, each.why) for each in store.leases()] == [("anna", "a cable")]


def test_a_hold_is_released_before_it_is_recorded_by_whoever_asked_for_it_or_with_force(locked):
    store, other = locked
    with attended(store):
        for who, force in (("anna", False), ("bert", True)):
            change(store.path, "hold", {"scope": "q3", "why": "a cable"}, "anna")
            with pytest.raises(StoreError, match=r"q3 is held by anna: a cable; .*--force"):
                change(store.path, "release", {"scope": "q3"}, "bert")
            released = change(store.path, "release", {"scope": "q3", "force": force}, who)
            assert released == "q3 is released; the hold was not recorded yet, and never is"
    other.execute("ROLLBACK")
    with Inbox(store.place) as box:
        attend(store, box)
    assert store.leases() == ()


def test_nobody_takes_what_another_holds_while_the_database_is_locked(locked):
    store, other = locked
    other.execute("ROLLBACK")
    store.hold("q0", "carl", "wiring")
    other.execute("BEGIN IMMEDIATE")
    with attended(store):
        change(store.path, "hold", {"scope": "q3", "why": "a cable"}, "anna")
        for scope, holder in (("q3", "anna: a cable"), ("q0", "carl: wiring")):
            with pytest.raises(StoreError, match=f"{scope} is held by {holder}"):
                change(store.path, "hold", {"scope": scope, "why": "mine"}, "bert")


def test_a_thread_that_waits_for_another_that_waits_for_the_lock_may_try_again(locked):
    store, _ = locked
    with store._writer.connect(), pytest.raises(StoreUnavailable):
        store.hold("q3", "anna", "a cable")


def test_what_does_not_last_is_refused_where_the_database_cannot_be_written(locked):
    store, _ = locked
    with attended(store), pytest.raises(StoreError, match="locked"):
        change(store.path, "revert", {"to": 1, "names": []}, "anna")
