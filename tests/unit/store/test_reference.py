"""The store against a reference of a few lines, over any sequence of calls and restarts."""

from __future__ import annotations

import tempfile
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

from kammerton.store import Store, write
from tests.stored import estimate, run

NAMES = st.sampled_from(["q0.f01", "q0.t1", "r0.frequency"])
VALUES = st.floats(allow_nan=False, allow_infinity=False)


class Reference(RuleBasedStateMachine):
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
        self.waiting: list[str] = []
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
        assert done.revision == (len(self.history) if values else None)

    @precondition(lambda self: self.waiting)
    @rule()
    def hand_over(self) -> None:
        self.store.mark_sent(self.store.waiting(1)[0].number)
        self.waiting.pop(0)

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
        assert [each.run.id for each in self.store.waiting(1000)] == self.waiting
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
        def new_place(self, folder: Path) -> Path | str:
            return server.database() if server else folder / "db.sqlite"

    brief = settings(max_examples=3 if server else 10, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(Here, settings=brief)
