"""A wrong set that passed the verdict once is taken back by itself, and never where it must not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from kammerton.loop.loop import Loop
from kammerton.model import Program, StoreError
from kammerton.model.alarm import Alarm
from kammerton.store import Store
from kammerton.store.leases import DAEMON
from kammerton.verify import verify
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make, store

__all__ = ["store"]

pytestmark = pytest.mark.usefixtures("without_files")

OFF = 4.5e6


class OnceWrong(Chip):
    """Whose line of q0 lies elsewhere in the next spectroscopy, and at no other time."""

    next_off = 0.0

    def qubit_spectroscopy(self, program: Program, target: str) -> np.ndarray:
        off = self.next_off if target == "q0" else 0.0
        self.next_off -= off
        return 0.9 * np.exp(-(((program.axis[target] - self.f01 - off) / 1e6) ** 2))


def disturbed(folder: Path, store: Store) -> tuple[Loop, OnceWrong, list[Alarm]]:
    """Return a loop that has measured all, and doubts f01 of q0 as after insufficient runs."""
    chip = OnceWrong()
    loop, _ = make(folder, store, chip)
    told: list[Alarm] = []
    loop._record = loop._conclusions.record = replace(loop._record, tell=told.append)
    loop._conclusions._going_back.record = loop._record
    asyncio.run(loop.settle())
    told.clear()
    loop.book.widen("q0.f01", 1.2e6)
    chip.next_off = OFF
    return loop, chip, told


def until_contradicted(loop: Loop, store: Store) -> None:
    """Go on until the first run has contradicted what is wrong."""
    for _ in range(8):
        asyncio.run(loop.step())
        (trial,) = loop._conclusions._last_good._trials
        assert trial.core == {"q0.f01"}
        if trial.against:
            return
    raise AssertionError("nothing has contradicted it")


def by_itself(store: Store) -> list[int]:
    return [r.number for r in store.revisions(200) if r.who == DAEMON and r.reverts is not None]


def test_a_wrong_set_is_taken_back_with_all_that_was_measured_with_it(
    tmp_path: Path, store: Store
) -> None:
    loop, _, told = disturbed(tmp_path, store)
    before, head = store.parameters(), store.revision()
    until_contradicted(loop, store)
    assert store.parameters()["q0.f01"].value == pytest.approx(Chip.f01 + OFF, abs=50e3)
    wrong = store.runs(1)[0].id
    noted, doubt = list[str](), store.doubt
    store.doubt = lambda found: (noted.extend(d.why for d in found.values()), doubt(found))
    while not by_itself(store):
        asyncio.run(loop.step())
    assert not [why for why in noted if "went back" in why], "with the revision, or a kill loses it"
    (made,) = (r for r in store.revisions(1))
    assert (made.reverts, made.who) == (head, DAEMON)
    assert {"q0.f01", "q0.pi_amplitude", "r0.readout_angle"} <= set(made.names)
    assert store.parameters() == before
    assert wrong in made.why
    assert store.runs(1)[0].id in made.why
    assert ("ramsey", "q0") not in loop.patience.failures, "nothing is wrong with it"
    doubts = store.doubted()
    assert doubts.keys() >= {"q0.f01", "q0.pi_amplitude", "r0.readout_angle"}
    assert doubts["q0.f01"].why == f"revision {made.number} went back to it"
    back = [alarm for alarm in told if alarm.kind == "went back"]
    assert [(a.subject, a.on) for a in back] == [("q0", True)]
    assert made.why in back[0].text
    assert asyncio.run(loop.settle()) == {}
    assert [a.on for a in told if a.kind == "went back"] == [True, False], "measured anew"
    now = store.parameters()["q0.f01"]
    assert now.run > wrong
    assert abs(now.value - Chip.f01) < 5 * now.stderr
    assert len(by_itself(store)) == 1
    assert verify(tmp_path / "kammerton.sqlite", data=False).findings == ()


def test_p2_a_true_hop_is_not_taken_back_though_a_run_contradicts_it(
    tmp_path: Path, store: Store
) -> None:
    loop, chip, _ = disturbed(tmp_path, store)
    chip.f01, chip.next_off = Chip.f01 + OFF, 0.0
    for _ in range(3):
        asyncio.run(loop.step())
    (trial,) = loop._conclusions._last_good._trials
    assert trial.core == {"q0.f01"}
    chip.coherence = chip.dephasing = 1e-9  # of one run there is nothing to be seen
    asyncio.run(loop.step())
    chip.coherence, chip.dephasing = Chip.coherence, Chip.dephasing
    assert asyncio.run(loop.settle()) == {}
    assert by_itself(store) == []
    now = store.parameters()["q0.f01"]
    assert abs(now.value - chip.f01) < 5 * now.stderr


def person(loop: Loop, store: Store) -> None:
    store.revert(store.revision() - 1, ["q0"], who="anna")


def held(loop: Loop, store: Store) -> None:
    store.hold("q0", "anna", "two-tone by hand")
    store.release("q0", "anna")
    loop._conclusions._given_back._before = frozenset({"q0"})


def cycled(loop: Loop, store: Store) -> None:
    asyncio.run(loop._doubt({"awg1"}, "awg1 was switched off and on"))


def warm(loop: Loop, store: Store) -> None:
    loop.warm()


def parked(loop: Loop, store: Store) -> None:
    loop._conclusions.forget("q0")


def clock_set(loop: Loop, store: Store) -> None:
    said = iter([timedelta(minutes=1)])
    loop._conclusions._steps.due = lambda: next(said, timedelta())  # type: ignore[method-assign]
    asyncio.run(loop._conclusions.by_the_clock())


@pytest.mark.parametrize("event", [person, held, cycled, warm, parked, clock_set])
def test_nobody_goes_back_across_what_changed_meanwhile(
    tmp_path: Path, store: Store, event: Callable[[Loop, Store], None]
) -> None:
    loop, _, _ = disturbed(tmp_path, store)
    until_contradicted(loop, store)
    event(loop, store)
    asyncio.run(loop._conclusions.follow())
    assert loop._conclusions._last_good._trials == []
    asyncio.run(loop.settle())
    assert by_itself(store) == []
    now = store.parameters()["q0.f01"]
    assert abs(now.value - Chip.f01) < 5 * now.stderr


def test_a_set_that_went_back_within_the_hour_does_not_again(tmp_path: Path, store: Store) -> None:
    loop, chip, _ = disturbed(tmp_path, store)
    asyncio.run(loop.settle())
    assert len(by_itself(store)) == 1
    loop.book.widen("q0.f01", 1.2e6)
    chip.next_off = OFF
    until_contradicted(loop, store)
    asyncio.run(loop.settle())
    assert len(by_itself(store)) == 1


def test_what_a_person_holds_by_then_stays(tmp_path: Path, store: Store) -> None:
    loop, _, _ = disturbed(tmp_path, store)
    until_contradicted(loop, store)
    store.hold("r0", "anna", "two-tone by hand")  # the store refuses it, whatever the loop knows
    asyncio.run(loop.settle())
    assert by_itself(store) == []


def test_nothing_goes_back_on_top_of_what_was_not_looked_at(tmp_path: Path, store: Store) -> None:
    loop, _, _ = disturbed(tmp_path, store)
    newest = store.revision()
    until_contradicted(loop, store)
    with pytest.raises(StoreError, match="was made after"):
        store.revert(newest, ["q0"], who=DAEMON, expected=newest)


def test_values_that_are_doubted_at_the_start_are_nothing_to_go_back_to(
    tmp_path: Path, store: Store
) -> None:
    loop, _, _ = disturbed(tmp_path, store)
    asyncio.run(loop.keep_doubts("insufficient runs"))
    again, _ = make(tmp_path, store, OnceWrong())
    assert again._conclusions._last_good.tainted == {"q0.f01"}


def test_how_long_ago_it_went_back_is_in_the_record(tmp_path: Path, store: Store) -> None:
    loop, _, _ = disturbed(tmp_path, store)
    asked = loop._record.went_back
    assert asyncio.run(asked({"q0.f01"})) is None
    asyncio.run(loop.settle())
    ago = asyncio.run(asked({"q0.f01"}))
    assert ago is not None
    assert timedelta() <= ago < timedelta(minutes=2)
    assert asyncio.run(asked({"q1.f01"})) is None
    store.revert(store.revision() - 1, who="anna")
    assert asyncio.run(asked({"q1.f01"})) is None, "a person did"
