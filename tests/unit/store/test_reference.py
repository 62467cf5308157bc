"""The store against a reference of a few lines, over any sequence of calls and restarts.

Values, revisions, going back, outbox, holds of persons and of the daemon, and clocks that are set.
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kammerton.model import StoreError
from kammerton.store import Store, write
from kammerton.store.leases import DAEMON
from tests.clocks import Clocks
from tests.stored import estimate, run

NAMES = st.sampled_from(["q0.f01", "q0.t1", "r0.frequency"])
SCOPES = st.sampled_from(["q0", "computer", "q0.f01"])
PEOPLE = st.sampled_from(["anna", "berta", DAEMON])
MINUTES = st.integers(1, 30)
VALUES = st.floats(allow_nan=False, allow_infinity=False)


class Reference(RuleBasedStateMachine):
    clocks: Clocks

    def new_place(self, folder: Path) -> Path | str:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.place = self.new_place(Path(self.folder.name))
        self.store = self._open()
        self.epoch = self.store.epoch
        self.head: dict[str, tuple[float, str]] = {}
        self.history: list[dict[str, float]] = []
        self.heads: list[dict[str, tuple[float, str]]] = []
        self.waiting: list[str | None] = []
        self.held: dict[str, tuple[str, timedelta | None]] = {}  # owner, end by what has passed
        self.runs = 0

    def _open(self) -> Store:
        return Store.open(self.place, "c", data=Path(self.folder.name) / "runs")

    @rule(values=st.dictionaries(NAMES, VALUES, max_size=3))
    def commit(self, values: dict[str, float]) -> None:
        changes = {name: estimate(value) for name, value in values.items()}
        done = self.store.commit(run(("q0",), points=2), changes)
        self.runs += 1
        assert done.run_id == f"r{self.runs:06d}"
        self.waiting.append(done.run_id)
        if values:
            self.history.append(values)
            self.head |= {name: (value, done.run_id) for name, value in values.items()}
            self.heads.append(dict(self.head))
        assert done.revision == (len(self.history) if values else None)

    @precondition(lambda self: self.waiting)
    @rule()
    def hand_over(self) -> None:
        self.store.mark_sent(self.store.waiting(1)[0].number)
        self.waiting.pop(0)

    @precondition(lambda self: self.heads)
    @rule(which=st.integers(0, 100), who=PEOPLE)
    def revert(self, which: int, who: str) -> None:
        to = which % len(self.heads)
        back = {n: v for n, v in self.heads[to].items() if self.head[n] != v}
        scopes = {"computer", *back, *(name.partition(".")[0] for name in back)}
        owners = {owner for scope, owner in self._holding() if scope in scopes}
        if not back or owners - {who, DAEMON}:
            with pytest.raises(StoreError):
                self.store.revert(to + 1, who=who)
            return
        assert self.store.revert(to + 1, who=who) == len(self.history) + 1
        self.history.append({name: value for name, (value, _) in back.items()})
        self.head |= back
        self.heads.append(dict(self.head))
        self.waiting.append(None)

    def _holding(self) -> list[tuple[str, str]]:
        now = self.clocks.passed
        held = self.held.items()
        return [(s, owner) for s, (owner, end) in held if end is None or end > now]

    @rule(scope=SCOPES, owner=PEOPLE, minutes=st.none() | MINUTES)
    def hold(self, scope: str, owner: str, minutes: int | None) -> None:
        lasts = None if minutes is None else timedelta(minutes=minutes)
        until = None if lasts is None else self.clocks.wall + lasts
        if dict(self._holding()).get(scope, owner) not in (owner, DAEMON):
            with pytest.raises(StoreError):
                self.store.hold(scope, owner, "cable", until)
            return
        self.store.hold(scope, owner, "cable", until)
        self.held[scope] = owner, None if lasts is None else self.clocks.passed + lasts

    @rule(scope=SCOPES, who=PEOPLE, force=st.booleans())
    def release(self, scope: str, who: str, force: bool) -> None:
        owner = dict(self._holding()).get(scope)
        if owner is None or (owner not in (who, DAEMON) and not force):
            with pytest.raises(StoreError):
                self.store.release(scope, who, force=force)
            return
        self.store.release(scope, who, force=force)
        del self.held[scope]

    @rule(minutes=MINUTES)
    def time_passes(self, minutes: int) -> None:
        self.clocks.passes(timedelta(minutes=minutes))

    @rule(hours=st.integers(-48, 48))
    def somebody_sets_the_clock(self, hours: int) -> None:
        self.clocks.is_set(timedelta(hours=hours))

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._open()

    @invariant()
    def equal(self) -> None:
        snapshot = self.store.snapshot()
        held = {name: each.estimate for name, each in snapshot.parameters.items()}
        assert {name: (each.value, each.run) for name, each in held.items()} == self.head
        assert (snapshot.epoch, snapshot.revision) == (self.epoch, len(self.history))
        waiting = [each.run and each.run.id for each in self.store.waiting(1000)]
        assert waiting == self.waiting
        holding = sorted((each.scope, each.owner) for each in self.store.leases())
        assert holding == sorted(self._holding())
        assert len(self.store.runs(1000)) == self.runs
        past = [each.estimate.value for each in self.store.history("q0.t1", 1000)]
        assert past == [was["q0.t1"] for was in reversed(self.history) if "q0.t1" in was]

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_store_equals_its_reference(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "write_traces", lambda *_: None)  # the slow part
    server = request.getfixturevalue("postgresql") if kind == "postgresql" else None

    class Here(Reference):
        clocks = Clocks(monkeypatch)

        def new_place(self, folder: Path) -> Path | str:
            return server.database() if server else folder / "db.sqlite"

    many = int(os.environ.get("KAMMERTON_MODELS", "100"))
    brief = settings(max_examples=5 if server else many, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(Here, settings=brief)
