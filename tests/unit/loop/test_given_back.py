"""What a person had in hand is measured again, and nothing else is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from kammerton.store import Store, clock
from kammerton.store.leases import DAEMON
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make, store

__all__ = ["store"]

pytestmark = pytest.mark.usefixtures("without_files")


def anew(store: Store, before: dict[str, str]) -> set[str]:
    """Return which values that have errors are of another run than before."""
    return {n for n, e in store.parameters().items() if e.stderr > 0 and before.get(n) != e.run}


def of(store: Store, *elements: str) -> set[str]:
    """Return which values of elements have errors."""
    known = store.parameters().items()
    return {n for n, e in known if e.stderr > 0 and n.split(".")[0] in elements}


def test_a_released_qubit_is_measured_again_and_no_other(tmp_path: Path, store: Store) -> None:
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    before = {name: e.run for name, e in store.parameters().items()}
    loop.held = lambda: frozenset(lease.scope for lease in store.leases())
    store.hold("q0", "anna", "two-tone by hand")
    asyncio.run(loop.settle())
    assert anew(store, before) == set(), "it is held"
    store.release("q0", "anna")
    asyncio.run(loop.settle())
    assert anew(store, before) == of(store, "q0", "r0")


def test_s6_a_clock_that_is_set_back_in_a_hold_hides_nothing_that_is_given_back(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, off = clock.wall, timedelta()
    monkeypatch.setattr(clock, "wall", lambda: wall() + off)
    loop, _ = make(tmp_path, store, Chip())
    loop.clock.utc = clock.wall
    loop.held = lambda: frozenset(lease.scope for lease in store.leases())
    asyncio.run(loop.settle())
    before = {name: e.run for name, e in store.parameters().items()}
    store.hold("awg1", "anna", "new cable")
    asyncio.run(loop.settle())
    off = timedelta(hours=-1)
    store.release("awg1", "anna")
    asyncio.run(loop.settle())
    assert anew(store, before) == of(store, "q0", "r0", "q1", "r1")
    runs = len(store.runs(100))
    asyncio.run(make(tmp_path, store, Chip())[0].settle())
    assert len(store.runs(100)) == runs, "once"


@pytest.mark.parametrize("scope", ["computer", "awg1"])
def test_what_rests_on_what_a_person_gave_back_is_measured_again_once(
    tmp_path: Path, store: Store, scope: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where it was released while no daemon ran, or one that began ended at once."""
    asyncio.run(make(tmp_path, store, Chip())[0].settle())
    before = {name: e.run for name, e in store.parameters().items()}
    store.hold(scope, "anna", "new cable")
    store.release(scope, "anna")
    with caplog.at_level("INFO", "kammerton.loop"):
        asyncio.run(make(tmp_path, store, Chip())[0].settle())
    assert f"{scope} was given back by anna (new cable)" in caplog.text
    assert anew(store, before) == of(store, "q0", "r0", "q1", "r1")
    runs = len(store.runs(100))
    asyncio.run(make(tmp_path, store, Chip())[0].settle())
    assert len(store.runs(100)) == runs, "once"


def test_what_a_person_saw_to_for_the_daemon_is_measured_again(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever was asked to see to the cables may have mated another one."""
    asyncio.run(make(tmp_path, store, Chip())[0].settle())
    before = {name: e.run for name, e in store.parameters().items()}
    store.hold("awg1", DAEMON, "see to the cable")
    store.release("awg1", "anna")
    with caplog.at_level("INFO", "kammerton.loop"):
        asyncio.run(make(tmp_path, store, Chip())[0].settle())
    assert "awg1 was given back by anna (see to the cable)" in caplog.text
    assert anew(store, before) == of(store, "q0", "r0", "q1", "r1")


def test_what_is_given_back_is_doubted_in_the_database(tmp_path: Path, store: Store) -> None:
    asyncio.run(make(tmp_path, store, Chip())[0].settle())
    store.hold("computer", "anna", "new cable")
    store.release("computer", "anna")
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop._conclusions.follow())
    assert set(store.doubts()) == of(store, "q0", "r0", "q1", "r1")
