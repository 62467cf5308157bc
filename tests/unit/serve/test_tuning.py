"""What a computer's next loop believes after an instrument was set aside, and a locked database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from kammerton.bench.bias import RULE
from kammerton.bench.switching import OutputChange
from kammerton.lab import InstrumentEntry
from kammerton.loop.conclusion import DOUBT
from kammerton.loop.wishes import Wish, Wishes
from kammerton.model import (
    Held,
    InstrumentError,
    LabClock,
    LastingFault,
    StoreLost,
    StoreUnavailable,
)
from kammerton.model.roles import Identity
from kammerton.serve import computer
from kammerton.serve.background import Background
from kammerton.serve.computer import Tuning
from kammerton.serve.kernels import Kernels
from kammerton.serve.moved import last_seen
from kammerton.serve.outputs import Outputs
from kammerton.store import Store
from kammerton.store.plates import Plates, known
from kammerton.store.rows import Lease
from tests.stored import NOON, estimate, run
from tests.unit.loop.laboratory import two_qubits


class Asked:
    """An instrument with an error queue."""

    async def errors(self) -> list[str]:
        return []


class Holding:
    """Nobody holds anything; the first loop ends at a fault of `instrument`, the next at once."""

    def __init__(self, instrument: str, held: frozenset[str]) -> None:
        self.instrument, self.held = instrument, held
        self.sigmas: list[float] = []

    def on_bench(self) -> None:
        return None

    def elements(self) -> frozenset[str]:
        return frozenset()

    def whose(self, scope: str) -> str:
        return f"{scope} is free"

    def aside(self) -> frozenset[str]:
        return self.held

    async def set_aside(self, fault: LastingFault) -> None:
        self.held = frozenset()

    async def obeyed(self, loop, work):
        work.close()
        self.sigmas.append(loop.book["q0.t1"].sigma)
        if len(self.sigmas) == 1:
            raise LastingFault("590", "see to the cable", instrument=self.instrument)
        return {}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        store.commit(run(), {"q0.t1": estimate(60e-6, 1e-6)})
        yield store


def tuned(
    tmp_path: Path, store: Store, monkeypatch, device: object, *, held: bool = False,
    restarted: frozenset[str] = frozenset(), meant: list[str | None] | None = None,
    more: tuple[InstrumentEntry, ...] = (), levels: dict[str, tuple[float, bool]] | None = None,
    safe: frozenset[str] = frozenset(),
):  # fmt: skip
    """Return by how much q0.t1 is doubted in the first loop, and after the digitizer's fault."""
    lab = two_qubits(tmp_path)
    digitizer = next(iter(lab.feedlines.values())).digitizer
    addresses = {digitizer: "ats://1/1", "mute": "TCPIP0::10.0.0.9::INSTR"}
    entries = {name: InstrumentEntry(name, "d", where, {}) for name, where in addresses.items()}
    entries |= {each.name: each for each in more}
    lab = replace(lab, instruments=entries)
    holds = Holding(digitizer, frozenset({digitizer} if held else ()))
    told = {digitizer: "B7", "mute": "0"}
    boxes = SimpleNamespace(answered={n: Identity("a", "b", each, "1") for n, each in told.items()})
    guard = SimpleNamespace(boxes=boxes)
    biases = SimpleNamespace(levels=AsyncMock(return_value=levels or {}), made_safe=safe.copy)
    gate = SimpleNamespace(
        inhibition=SimpleNamespace(words=lambda: None), guard=guard, biases=biases
    )
    bench = SimpleNamespace(instruments={digitizer: device}, gate=gate)
    seen: list[frozenset[str]] = []
    outputs = SimpleNamespace(
        changed=print, known_off=True, caution="", found_off=lambda: None, at_work=print,
        audit=store.audit, known=lambda: "outputs are off",
    )  # fmt: skip

    @contextlib.asynccontextmanager
    async def opened(wanted, *words, on_restart, **how):
        if meant is not None:
            meant.append(wanted.instruments[digitizer].before)
        if restarted and not seen:
            seen.append(restarted)
            await on_restart(restarted)
            raise Held("a person came while its clocks were set")
        how["warmth"].look(0.012)
        yield bench

    monkeypatch.setattr(computer, "open_bench", opened)
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    answered: list[int] = []
    tuning = Tuning(
        lab, store, LabClock(), holds, outputs, print, print, lambda: None, print, Wishes(),
        answered=lambda: answered.append(1),
    )  # fmt: skip
    assert asyncio.run(tuning.run(once=False)) == {}
    assert len(answered) == len(holds.sigmas), "once each time that all are connected"
    assert known(lab, store) == {digitizer: "B7"}
    return [sigma / 1e-6 for sigma in holds.sigmas]


def test_what_rests_on_a_digitizer_that_nobody_asked_is_doubted(tmp_path, store, monkeypatch):
    first, after = tuned(tmp_path, store, monkeypatch, object())
    assert first == pytest.approx(1.0)
    assert after >= 0.99 * DOUBT
    stored = store.doubts()["q0.t1"] / 1e-6
    assert stored == pytest.approx(after), "a hold may end the loop before its first step"


def test_so_it_is_where_it_was_set_aside_before_the_start(tmp_path, store, monkeypatch):
    first, _ = tuned(tmp_path, store, monkeypatch, object(), held=True)
    assert first >= 0.99 * DOUBT


def test_i7_what_rests_on_who_was_switched_off_and_on_while_no_daemon_ran_is_doubted(
    tmp_path, store, monkeypatch, caplog
):
    """Also where a person takes the instruments before a loop came of it: they say it once."""
    source = two_qubits(tmp_path).qubits["q0"].drive.source
    anew = frozenset({source})
    first, _ = tuned(tmp_path, store, monkeypatch, Asked(), restarted=anew)
    assert first >= 0.99 * DOUBT
    assert f"switched off and on since it was last asked: {source}" in caplog.text
    assert store.doubts(), "the next process knows it too"


@pytest.mark.parametrize("since", [True, False])
def test_what_was_measured_before_a_bias_was_made_safe_is_doubted(
    tmp_path, store, monkeypatch, since
):
    """As the daemon does at its end: the next one finds it at 0 V, and all qubits elsewhere."""
    bias = InstrumentEntry("bias", "d", "TCPIP0::10.0.0.8::INSTR", {}, safe="zero")
    rule = RULE.format("zero", "bias")
    outputs = Outputs(store, lambda act, *of: act(*of))
    outputs.changed(OutputChange("bias", "0.2 V", "0 V", "daemon", rule=rule))
    if not since:
        store.commit(run(), {"q0.t1": estimate(60e-6, 1e-6)})
    first, _ = tuned(tmp_path, store, monkeypatch, Asked(), more=(bias,))
    assert (first >= 0.99 * DOUBT) is since
    assert bool(store.doubts()) is since


@pytest.mark.parametrize(
    ("level", "far"),
    [((0.2, True), False), ((0.20001, True), False), ((0.0, True), True), ((0.2, False), True)],
)
def test_what_was_measured_before_a_bias_moved_unseen_is_doubted(
    tmp_path, store, monkeypatch, level, far
):
    """Somebody turned it, or it lost its power, while no daemon ran."""
    seen = {"levels": {"bias": (0.2, True)}}
    assert tuned(tmp_path, store, monkeypatch, Asked(), **seen)[0] == pytest.approx(1.0)
    first, _ = tuned(tmp_path, store, monkeypatch, Asked(), levels={"bias": level})
    assert (first >= 0.99 * DOUBT) is far
    assert last_seen(store, "bias") == ("0 V" if not level[0] else "0.2 V" if level[1] else "off")


def test_so_it_is_where_this_start_itself_made_one_safe(tmp_path, store, monkeypatch):
    first, _ = tuned(tmp_path, store, monkeypatch, Asked(), safe=frozenset({"bias"}))
    assert first >= 0.99 * DOUBT


def test_where_a_bias_was_seen_last_every_line_tells_that_says_so(store):
    assert last_seen(store, "bias") is None
    outputs = Outputs(store, lambda act, *of: act(*of))
    for change, seen in {
        OutputChange("bias", "off", "on, 0 V", "daemon"): "on, 0 V",
        OutputChange("bias", "0 V", "-0.25 V", "daemon"): "-0.25 V",
        OutputChange("bias", None, 0.7, "daemon", "outside"): "-0.25 V",
        OutputChange("bias", None, "any change", "daemon", "held"): "-0.25 V",
        OutputChange("bias", "-0.25 V", "1e-05 V", "somebody else", found=True): "1e-05 V",
    }.items():
        outputs.changed(change)
        assert last_seen(store, "bias") == seen


def test_who_was_asked_after_every_run_is_believed(tmp_path, store, monkeypatch):
    assert tuned(tmp_path, store, monkeypatch, Asked()) == pytest.approx([1.0, 1.0])


def test_i6_a_start_expects_the_box_that_answered_at_the_earlier_one(tmp_path, store, monkeypatch):
    meant: list[str | None] = []
    for _ in range(2):
        tuned(tmp_path, store, monkeypatch, object(), meant=meant)
    assert meant == [None, "B7", "B7", "B7"], "two loops each, and the second start is another"


def test_a_first_start_names_the_line_to_paste_once_and_for_whom_there_is_one(
    tmp_path, store, monkeypatch, caplog
):
    tuned(tmp_path, store, monkeypatch, object())
    said = [words for words in caplog.messages if "no serial in lab.toml" in words]
    assert len(said) == 1, "of two loops, and not of who tells no number"
    assert 'serial = "B7"' in said[0]


def test_a_server_that_is_silent_about_earlier_boxes_ends_no_start(
    tmp_path, store, monkeypatch, caplog
):
    class Once(Plates):
        def before(self):
            if not meant:
                raise StoreUnavailable("the server said nothing for 15 s")
            return super().before()

    meant: list[str | None] = []
    monkeypatch.setattr(computer, "Plates", Once)
    tuned(tmp_path, store, monkeypatch, object(), meant=meant)
    assert meant == [None, "B7"], "it connects, and knows it once the server answers"
    assert "is not known: the server said nothing for 15 s" in caplog.text


def test_a_database_that_is_locked_ends_no_process_that_compiles(tmp_path, store, monkeypatch):
    """And hears as soon as it can that outputs may be on: the process may be killed."""
    said, activity = [], store.activity

    def locked(what: str) -> None:
        monkeypatch.setattr(store, "activity", activity)
        raise StoreUnavailable("locked")

    monkeypatch.setattr(store, "activity", locked)
    with Background("audit log") as audit:
        tuning = Tuning(
            two_qubits(tmp_path), store, LabClock(), None, Outputs(store, audit.add), print,
            said.append, print, print, Wishes(),
        )  # fmt: skip
        asyncio.run(tuning._waiting())
    assert said == ["loading the fits"]
    assert store.current_activity().what == "loading the fits"


def test_who_waits_for_a_measurement_when_a_start_fails_hears_which_instrument_is_away(
    tmp_path, store, monkeypatch
):
    """Not that the daemon has ended: its next process tries again."""
    lab, wishes = two_qubits(tmp_path), Wishes()
    wishes.add(Wish(7, "t1", "q0", "ada"))

    @contextlib.asynccontextmanager
    async def opened(*words, **how):
        raise InstrumentError("awg1 does not connect: nobody answers there")
        yield

    monkeypatch.setattr(computer, "open_bench", opened)
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    outputs = Outputs(store, lambda act, *args: act(*args))
    holds = Holding("awg1", frozenset())
    tuning = Tuning(
        lab, store, LabClock(), holds, outputs, print, print, lambda: None, print, wishes
    )
    with pytest.raises(InstrumentError):
        asyncio.run(computer._tuned(tuning, once=False))
    ((_, done, words),) = wishes.answered()
    assert not done
    assert words == (
        "given up before it was measured: awg1 does not connect: nobody answers there; "
        "ask again when that is over"
    )


def test_s6_the_loop_follows_a_clock_that_was_set_while_it_calibrates_and_only_then(
    tmp_path, store, monkeypatch
):
    lab, turn, seen = two_qubits(tmp_path), asyncio.Lock(), []

    class Held(Holding):
        leases = iter([Lease(1, "computer", "ada", "a cable", datetime.now(UTC), None)])

        def on_bench(self) -> Lease | None:
            return next(self.leases, None)

        async def free(self, outputs: str) -> None:
            seen.append(("held", turn.locked()))

        async def obeyed(self, loop, work):
            work.close()
            seen.append(("calibrates", turn.locked()))
            return {}

    bench = SimpleNamespace(
        instruments={},
        gate=SimpleNamespace(
            inhibition=SimpleNamespace(words=lambda: None),
            biases=SimpleNamespace(levels=AsyncMock(return_value={}), made_safe=frozenset),
            guard=SimpleNamespace(boxes=SimpleNamespace(answered={})),
        ),
    )
    opened = contextlib.nullcontext(bench)
    monkeypatch.setattr(computer, "open_bench", lambda *_, **__: opened)
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    outputs = Outputs(store, lambda act, *args: act(*args))
    tuning = Tuning(
        lab, store, LabClock(), Held("awg1", frozenset()), outputs, print, print, lambda: None,
        print, Wishes(), by_the_loop=turn,
    )  # fmt: skip
    asyncio.run(tuning.run(once=False))
    assert seen == [("held", False), ("calibrates", True)]
    assert not turn.locked()


def test_s3_once_ends_where_the_database_is_damaged_and_nobody_would_release_it(
    tmp_path, store, monkeypatch
):
    lab = replace(two_qubits(tmp_path), instruments={})

    class Held(Holding):
        async def obeyed(self, loop, work):
            work.close()
            store.condemn("kammerton.sqlite is damaged")  # noticed in a run; the loop leaves

        async def free(self, outputs: str) -> None:
            await asyncio.Event().wait()

        def on_bench(self) -> Lease | None:
            return Lease(0, "computer", "nobody", "damaged", NOON, None) if store.lost else None

    bench = SimpleNamespace(
        instruments={},
        gate=SimpleNamespace(
            inhibition=SimpleNamespace(words=lambda: None),
            biases=SimpleNamespace(levels=AsyncMock(return_value={}), made_safe=frozenset),
            guard=SimpleNamespace(boxes=SimpleNamespace(answered={})),
        ),
    )
    opened = contextlib.nullcontext(bench)
    monkeypatch.setattr(computer, "open_bench", lambda *_, **__: opened)
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    outputs = Outputs(store, lambda act, *args: act(*args))
    tuning = Tuning(
        lab, store, LabClock(), Held("awg1", frozenset()), outputs, print, print, lambda: None,
        print, Wishes(),
    )  # fmt: skip
    with pytest.raises(StoreLost, match="is damaged"):
        asyncio.run(asyncio.wait_for(tuning.run(once=True), 20))
