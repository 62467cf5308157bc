"""What a person asks for is measured next, or it is said why not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.catalogue import calibration_names, load_calibrations
from kammerton.loop.loop import Loop
from kammerton.loop.planner import Planner
from kammerton.loop.wishes import ENDED, MOST, Wish, Wishes, given_up
from kammerton.model import (
    DriveInhibited,
    InstrumentError,
    LabClock,
    LastingFault,
    OutputRefused,
    Program,
    Records,
    StoreUnavailable,
)
from kammerton.store import Store
from kammerton.store.errands import UNKNOWN
from tests.stored import run
from tests.unit.loop.laboratory import Chip, ScriptedBench, two_qubits

pytestmark = pytest.mark.usefixtures("without_files")


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything is known well enough."""
    folder = tmp_path_factory.mktemp("settled")
    with Store.open(folder / "kammerton.sqlite", "two") as store:
        asyncio.run(loop_of(folder, store).settle())
    return folder


@pytest.fixture
def loop(settled: Path):
    with Store.open(settled / "kammerton.sqlite", "two") as store:
        yield loop_of(settled, store)


def loop_of(folder: Path, store: Store) -> Loop:
    lab, clock = two_qubits(folder), LabClock()
    book = BeliefBook(lab, clock.now())
    book.update(store.parameters())
    return Loop(lab, store, ScriptedBench(Chip().answer), clock, Planner(load_calibrations()), book)


def granted(loop: Loop, wish: Wish) -> tuple[bool, str]:
    loop.wishes.add(wish)
    while not (answers := loop.wishes.answered()):
        assert asyncio.run(loop.step()), "a wish is a step, whatever it is worth"
    ((number, done, words),) = answers
    assert number == wish.number
    assert number not in loop.wishes
    return done, words


def answers(loop: Loop, *wishes: Wish) -> list[tuple[int, bool, str]]:
    """Return what is answered, in that order, to wishes that were made together."""
    for wish in wishes:
        loop.wishes.add(wish)
    found: list[tuple[int, bool, str]] = []
    while len(found) < len(wishes):
        assert asyncio.run(loop.step())
        found += loop.wishes.answered()
    return found


def played(loop: Loop) -> list[tuple[str, list[str]]]:
    return [(program.name, sorted(program.sequences)) for program in loop.bench.played]


def test_the_names_are_known_without_running_anybodys_code():
    assert calibration_names() == {each.name for each in load_calibrations()}


def test_it_is_measured_although_it_is_known_well_enough(loop):
    assert not asyncio.run(loop.step())
    done, run = granted(loop, Wish(7, "t1", "q1", "ada"))
    assert done
    stored = loop.store.run(run)
    assert (stored.calibration, stored.targets) == ("t1", ("q1",))
    assert loop.store.parameters()["q1.t1"].run == run
    assert loop.store.attempts(1)[0].outcome == run


@pytest.mark.parametrize("shots", [200, 5000])
def test_the_shots_are_those_asked_for(loop, shots):
    done, run = granted(loop, Wish(7, "t1", "q0", "ada", shots))
    assert (done, loop.store.run(run).shots, loop.bench.played[-1].shots) == (True, shots, shots)


TAKEN = Wish(7, "t1", "q0", "ada", 200, taken=True)


def test_r9_what_was_interrupted_comes_back_once_as_it_was_asked_for(loop, caplog):
    caplog.set_level("INFO")
    left = loop.store.begin("t1", ["q0"])
    loop.wishes.add(TAKEN)
    asyncio.run(loop.settle())
    ((number, done, run),) = loop.wishes.answered()
    assert (number, done, loop.store.run(run).shots) == (7, True, 200)
    assert [program.name for program in loop.bench.played] == ["t1"]
    assert loop.store.attempts(1)[0].again == left
    said = [each for each in caplog.messages if "interrupted" in each]
    assert said == [
        "t1 on q0 was interrupted when the last process ended, and ada had asked for it: it is "
        "measured next as that was asked for"
    ]
    assert loop_of(loop.lab.database.parent, loop.store).store.abort_open() == ()


def test_r9_what_was_asked_for_and_ends_the_process_twice_is_not_measured_a_third_time(loop):
    left = loop.store.begin("t1", ["q0"])
    loop.store.abort_open()
    loop.store.begin("t1", ["q0"], left)
    loop.wishes.add(TAKEN)
    asyncio.run(loop.settle())
    assert loop.wishes.answered() == [(7, False, given_up("the process ended twice while it ran"))]
    assert loop.bench.played == []


@pytest.mark.parametrize("left", [None, ("ramsey", ["q0"]), ("t1", ["q0", "q1"]), ("t1", ["q1"])])
def test_r9_of_what_was_taken_up_and_left_nothing_open_nobody_knows_what_came(loop, left):
    """It may have been measured just before the process ended; the loop goes its own way."""
    if left is not None:
        loop.store.begin(*left)
    loop.wishes.add(TAKEN)
    asyncio.run(loop.settle())
    ((number, done, words),) = loop.wishes.answered()
    assert (number, done, words) == (7, False, UNKNOWN)
    assert all(program.shots != 200 for program in loop.bench.played)


def test_what_is_coarser_than_what_is_known_stays_in_the_record_alone(loop):
    """Spectroscopy knows f01 to kHz, a Ramsey fringe to hundreds of Hz: the fringe's stays."""
    known, head = loop.store.parameters()["q0.f01"], loop.store.revision()
    done, words = granted(loop, Wish(7, "qubit_spectroscopy", "q0", "ada"))
    run, _, why = words.partition("; ")
    stored = loop.store.run(run).fits["q0"]
    assert done
    assert why.startswith("q0.f01: 4.90")
    assert why.endswith("which is finer and stays")
    assert stored.verdict == "accepted"
    assert stored.values["frequency"].stderr > 3 * known.stderr
    assert (loop.store.parameters()["q0.f01"], loop.store.revision()) == (known, head)
    assert loop.book["q0.f01"].run == known.run


def test_a_ramsey_planned_for_f01_leaves_a_decay_that_is_better_known(loop):
    """In doubt of f01 its points are dense, and it ends long before such an envelope does."""
    chip = Chip()
    chip.dephasing = 40e-6
    loop.bench.answer, loop.bench.noise = chip.answer, 3e-4
    known = loop.store.parameters()["q0.t2_star"]
    loop.book.update({"q0.t2_star": replace(known, value=40e-6, stderr=0.4e-6)})
    loop.book.widen("q0.f01", 140e3)
    assert asyncio.run(loop.step())
    assert loop.bench.played[-1].name == "ramsey"
    f01 = loop.book["q0.f01"]
    found = loop.store.run(f01.run).fits["q0"].values["t2_star"]
    assert found.stderr > 3 * 0.4e-6
    assert f01.sigma < 2e3
    assert (loop.book["q0.t2_star"].mean, loop.book["q0.t2_star"].run) == (40e-6, known.run)
    assert loop.store.parameters()["q0.t2_star"] == known
    asyncio.run(loop.settle())
    assert [program.name for program in loop.bench.played].count("ramsey") == 1


def test_what_surprises_says_so_to_the_one_who_asked(loop):
    loop.book.update({"q0.t1": replace(loop.store.parameters()["q0.t1"], value=10e-6)})
    done, words = granted(loop, Wish(7, "t1", "q0", "ada"))
    assert done
    assert words.endswith("which was believed; it counts when it is found again")


def test_what_waits_for_a_pulse_says_so_to_the_one_who_asked(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        wish = Wish(1, "resonator_spectroscopy", "q0", "ada")
        done, words = granted(loop_of(tmp_path, store), wish)
    assert done
    assert words == "r000001; what is found of q0 counts once it answers to a pulse"


def test_what_is_coarser_counts_once_the_finer_is_doubted(loop):
    loop.book.widen("q0.f01", 1e6)
    _, run = granted(loop, Wish(7, "qubit_spectroscopy", "q0", "ada"))
    assert loop.book["q0.f01"].run == run


def test_few_shots_do_not_teach_the_planner_to_expect_little(loop):
    before = dict(loop.planner.delivered)
    granted(loop, Wish(7, "t1", "q0", "ada", 100))
    assert loop.planner.delivered == before
    granted(loop, Wish(8, "t1", "q0", "ada"))
    assert ("t1", "q0.t1") in loop.planner.delivered


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(1, "t11", "q0", "ada"), 'there is no calibration t11; did you mean "t1"?'),
        (Wish(1, "t1", "q0", "ada", 1_000_000), "of instrument time, more than 10 min: ask for"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_played(loop, wish, words):
    done, said = granted(loop, wish)
    assert (done, words in said) == (False, True), said
    assert loop.bench.played == []


def test_what_it_rests_on_must_be_known(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        done, said = granted(loop_of(tmp_path, store), Wish(1, "t1", "q0", "ada"))
    assert not done
    assert said == (
        "t1 of q0 first needs f01, r0.readout_contrast, pi_amplitude, not measured yet; "
        "ask again when that is measured"
    )


def test_what_is_only_doubted_as_after_a_release_is_measured_before(loop):
    loop.book.widen("q0.pi_amplitude", 0.1)
    done, run = granted(loop, Wish(1, "t1", "q0", "ada"))
    assert done, run
    assert [program.name for program in loop.bench.played] == ["rabi_amplitude", "t1"]


DOUBTED = (
    "t1 of q0 first needs pi_amplitude again, doubted or measured too long ago; "
    "ask again when that is measured"
)


def test_where_that_is_left_alone_nobody_waits_for_it(loop):
    loop.book.widen("q0.pi_amplitude", 0.1)
    loop.book.widen("q1.pi_amplitude", 0.1)
    loop.patience.park("q0", "no line found", loop.clock.now())
    assert granted(loop, Wish(1, "t1", "q0", "ada")) == (False, DOUBTED)
    assert loop.bench.played == [], "what else there is to do comes after the answer"


def test_where_nothing_is_worth_its_time_nobody_waits_for_it(loop, monkeypatch):
    loop.book.widen("q0.pi_amplitude", 0.1)
    monkeypatch.setattr(Planner, "gain", lambda *_: 0.0)
    assert granted(loop, Wish(1, "t1", "q0", "ada")) == (False, DOUBTED)


@pytest.mark.parametrize("aside", ["rabi_amplitude", "readout"])
def test_where_what_measures_that_is_set_aside_nobody_waits_for_it(loop, aside):
    """The pi pulse waits for nothing; the contrast is measured with it, and before no T1."""
    loop.book.widen("q0.pi_amplitude", 0.1)
    loop.book.widen("r0.readout_contrast", 0.1)
    loop.book.widen("q0.t2_star", 1.0)
    loop.patience.set_aside(aside, ["q0"], "it fails", loop.clock.now())
    done, words = granted(loop, Wish(1, "t1", "q0", "ada"))
    assert not done
    assert words.startswith("t1 of q0 first needs r0.readout_contrast, pi_amplitude again, doubted")
    assert loop.bench.played == []


def test_a_wish_that_waits_stands_in_nobodys_way(loop):
    loop.book.widen("q0.pi_amplitude", 0.1)
    waits, free, too = (Wish(n, "t1", q, "ada") for n, q in ((1, "q0"), (2, "q1"), (3, "q1")))
    found = answers(loop, waits, free, too)
    assert [(number, done) for number, done, _ in found] == [(2, True), (1, True), (3, True)]
    assert played(loop) == [
        ("t1", ["q1"]), ("rabi_amplitude", ["q0"]), ("t1", ["q0"]), ("t1", ["q1"]),
    ], "and nobody in its: what it rests on is measured between"  # fmt: skip


def test_all_that_wait_hear_at_once_that_drive_is_refused(loop, monkeypatch):
    async def refuse(program):
        raise DriveInhibited("drive is refused: 300 mK")

    monkeypatch.setattr("kammerton.loop.loop.IDLE", 0.0)
    monkeypatch.setattr(loop.bench, "acquire", refuse)
    loop.book.widen("q0.pi_amplitude", 0.1)
    for number, calibration in enumerate(("t1", "t2_echo")):
        loop.wishes.add(Wish(number, calibration, "q0", "ada"))
    assert asyncio.run(loop.step())
    words = given_up("drive is refused: 300 mK; ask again then")
    assert loop.wishes.answered() == [(0, False, words), (1, False, words)]


@pytest.mark.parametrize("doubted", [True, False])
def test_all_that_wait_hear_at_once_that_the_store_cannot_be_written(loop, monkeypatch, doubted):
    full, begin = [StoreUnavailable("the disk is full")], loop.store.begin

    def begun(*words):
        if full:
            raise full.pop()
        return begin(*words)

    monkeypatch.setattr("kammerton.loop.record.PAUSE", 0.0)
    monkeypatch.setattr(loop.store, "begin", begun)
    if doubted:
        loop.book.widen("q0.pi_amplitude", 0.1)
    loop.wishes.add(Wish(1, "t1", "q0", "ada"))
    loop.wishes.add(Wish(2, "t1", "q0", "ada"))
    assert asyncio.run(loop.step())
    words = given_up("the disk is full; ask again when that is over")
    assert loop.wishes.answered() == [(1, False, words), (2, False, words)]
    assert "t1" not in [program.name for program in loop.bench.played]


def test_a_wish_whose_time_is_over_is_not_measured_and_says_what_it_waited_for(loop):
    loop.book.widen("q0.pi_amplitude", 0.1)
    loop.wishes.add(Wish(1, "t1", "q0", "ada", until=time.monotonic() + 0.2))
    _, waits = asyncio.run(loop._granting().grant())
    assert waits
    loop.wishes.doing = "waiting: lo does not answer"
    time.sleep(0.3)
    assert loop.wishes.answered() == [(1, False, (
        "t1 of q0 waits for pi_amplitude, doubted or measured too long ago; not begun within"
        " 10 min of asking; the daemon is at: waiting: lo does not answer; ask again"
    ))]  # fmt: skip
    asyncio.run(loop.step())
    assert [program.name for program in loop.bench.played] == ["rabi_amplitude"]


def test_what_waits_behind_another_is_answered_in_its_time_too(loop):
    loop.wishes.add(Wish(1, "t1", "q0", "ada"))
    late = Wish(2, "t1", "q1", "ada", until=time.monotonic() - 1)
    loop.wishes.add(late)
    assert not loop.wishes.begin(late)
    assert asyncio.run(loop.step())
    assert [(number, done) for number, done, _ in loop.wishes.answered()] == [(2, False), (1, True)]
    assert played(loop) == [("t1", ["q0"])]


def test_a_hold_that_was_released_just_before_is_not_in_the_way(loop):
    """The leases are read twice a second; whoever gives back and asks at once is faster."""
    looks = [frozenset({"q0"})] * 2
    loop.held = lambda: looks.pop() if looks else frozenset()
    done, run = granted(loop, Wish(1, "t1", "q0", "ada"))
    assert done, run


@pytest.mark.parametrize("scope", ["q0", "r0"])
def test_what_a_person_holds_is_not_measured(loop, scope):
    loop.held = lambda: frozenset({scope})
    assert granted(loop, Wish(1, "t1", "q0", "ada")) == (False, f"{scope} is held by a person")
    assert loop.bench.played == []


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OutputRefused("too much power"), "refused: too much power"),
        (DriveInhibited("50 mK is too warm"), "not measured: 50 mK is too warm; ask again then"),
        (
            InstrumentError("awg1: no answer"),
            "aborted twice, first: awg1: no answer; then: awg1: no answer; ask again",
        ),
    ],
)
def test_what_goes_wrong_is_answered_and_parks_nothing(loop, monkeypatch, failure, words):
    async def fail(program):
        raise failure

    async def recover(failure):
        return frozenset()

    monkeypatch.setattr("kammerton.loop.loop.IDLE", 0.0)
    monkeypatch.setattr(loop.bench, "acquire", fail)
    monkeypatch.setattr(loop.bench, "recover", recover, raising=False)
    assert granted(loop, Wish(1, "t1", "q0", "ada")) == (False, words)
    assert loop.patience.left_alone() == {}


class Hiccup(ScriptedBench):
    """A bench that loses one run; how it is brought back the test decides."""

    def __init__(self, recover: Callable[[], Awaitable[frozenset[str]]]) -> None:
        super().__init__(Chip().answer)
        self.failures, self._recover = 1, recover

    async def acquire(self, program: Program) -> Records:
        if self.failures:
            self.failures -= 1
            raise InstrumentError("lo: no answer", instrument="lo")
        return await super().acquire(program)

    async def recover(self, failure: InstrumentError) -> frozenset[str]:
        return await self._recover()


def hiccup(loop: Loop, recover: Callable[[], Awaitable[frozenset[str]]]) -> Hiccup:
    bench = loop.bench = loop._outage.bench = Hiccup(recover)
    return bench


async def back() -> frozenset[str]:
    return frozenset()


def test_what_an_instrument_aborted_is_measured_once_it_is_back(loop, caplog):
    hiccup(loop, back)
    done, run = granted(loop, Wish(7, "t1", "q1", "ada"))
    assert done, run
    assert [each.outcome for each in loop.store.attempts(2)] == [run, "aborted: lo: no answer"]
    assert "t1 on q1 is aborted, and nothing of it is stored: lo: no answer" in caplog.text


def test_first_what_it_rests_on_is_measured_again(loop):
    async def recover() -> frozenset[str]:
        loop.book.widen("q0.pi_amplitude", 0.1)
        return frozenset()

    bench = hiccup(loop, recover)
    done, run = granted(loop, Wish(7, "t1", "q0", "ada"))
    assert done, run
    assert [program.name for program in bench.played] == ["rabi_amplitude", "t1"]


def test_what_was_set_back_while_the_instrument_was_away_is_what_is_driven_then(loop):
    """A person who waits for an instrument looks at what the daemon believes, and sets it right."""
    store, head = loop.store, loop.store.revision()
    known = store.parameters()["q0.f01"]
    store.commit(run(), {"q0.f01": replace(known, value=known.value + 2e6)})

    async def recover() -> frozenset[str]:
        store.revert(head, ["q0.f01"], who="anna")
        return frozenset()

    bench = hiccup(loop, recover)
    done, words = granted(loop, Wish(7, "t1", "q0", "ada"))
    assert done, words
    (pulse,) = {p.frequency for p in bench.played[-1].sequences["q0"] if hasattr(p, "frequency")}
    assert pulse == pytest.approx(known.value, abs=1.0)


def test_who_asked_hears_that_somebody_set_it_back_while_it_was_measured(loop, monkeypatch):
    """Else a result is withheld, and nobody knows why but who reads the daemon's log."""
    store, head = loop.store, loop.store.revision()
    known, play = store.parameters()["q0.t1"], loop.bench.acquire
    store.commit(run(), {"q0.t1": replace(known, value=1.01 * known.value)})

    async def set_back(*program):
        store.revert(head, ["q0.t1"], who="anna")
        return await play(*program)

    monkeypatch.setattr(loop.bench, "acquire", set_back)
    done, words = granted(loop, Wish(7, "t1", "q0", "ada"))
    assert done, words
    assert words.endswith("; q0.t1 was set back while it was measured; the result is not taken")


def test_a_wish_is_not_granted_again_when_nobody_waits_for_it_any_more(loop):
    """It is told so while the instrument is away still, and the loop waits for that."""
    told: list[tuple[int, bool, str]] = []

    async def recover() -> frozenset[str]:
        await asyncio.sleep(0.6)
        told.extend(loop.wishes.answered())
        return frozenset()

    hiccup(loop, recover)
    loop.wishes.add(Wish(7, "t1", "q1", "ada", until=time.monotonic() + 0.5))
    assert asyncio.run(loop.step())
    ((_, done, words),) = told
    assert not done
    assert words.startswith("aborted: lo: no answer; not tried again: not begun within 10 min")
    assert words.endswith("ask again")
    assert loop.wishes.answered() == []
    assert loop.bench.played == []


def test_a_qubit_that_a_person_took_meanwhile_is_left_alone(loop):
    async def recover() -> frozenset[str]:
        loop.held = lambda: frozenset({"q1"})
        return frozenset()

    bench = hiccup(loop, recover)
    done, words = granted(loop, Wish(7, "t1", "q1", "ada"))
    assert not done
    assert words == ("aborted: lo: no answer; not tried again: q1 is held by a person; ask again")
    assert bench.played == []


def test_a_wish_outweighs_that_a_qubit_is_parked(loop):
    loop.patience.park("q0", "no line found", loop.clock.now())
    done, _ = granted(loop, Wish(1, "t1", "q0", "ada"))
    assert done


HELD = "awg1 is held by anna: cabling"


@pytest.mark.parametrize(("leave", "why"), [("", ENDED), (HELD, HELD)])
def test_a_wish_under_way_when_the_loop_ends_hears_why(loop, monkeypatch, leave, why):
    async def scenario() -> None:
        begun = asyncio.Event()

        async def hang(program):
            begun.set()
            await asyncio.sleep(60)

        monkeypatch.setattr(loop.bench, "acquire", hang)
        loop.wishes.add(Wish(1, "t1", "q0", "ada"))
        loop.wishes.add(Wish(2, "t1", "q1", "ada"))
        step = asyncio.create_task(loop.step())
        await begun.wait()
        loop.leave = leave
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        loop.wishes.withdraw(why)

    asyncio.run(scenario())
    assert loop.wishes.answered() == [(1, False, given_up(why)), (2, False, given_up(why))]


def test_a_hold_that_comes_while_a_wish_is_looked_at_begins_nothing(loop, monkeypatch):
    """The next calibration was begun all the same, and kept the person waiting."""

    async def grant() -> tuple[bool, bool]:
        loop.leave = HELD
        return False, False

    monkeypatch.setattr(loop, "_granting", lambda: SimpleNamespace(grant=grant))
    monkeypatch.setattr(loop, "_go_on", lambda: pytest.fail("it goes on"))
    assert asyncio.run(loop.step())


def test_a_wish_that_finds_an_instrument_that_is_to_be_seen_to_hears_what_to_do(loop, monkeypatch):
    fault = LastingFault("50", "see to the cable", instrument="drive_lo")

    async def fail(program):
        raise fault

    monkeypatch.setattr(loop.bench, "acquire", fail)
    loop.wishes.add(Wish(1, "t1", "q0", "ada"))
    with pytest.raises(LastingFault):
        asyncio.run(loop.step())
    assert loop.wishes.answered() == [(1, False, given_up(str(fault)))]


def test_not_more_than_some_may_wait():
    wishes = Wishes()
    taken = [wishes.add(Wish(n, "t1", "q0", "ada")) for n in range(MOST + 3)]
    assert taken.count(True) == MOST
    assert MOST - 1 in wishes
    assert MOST not in wishes
