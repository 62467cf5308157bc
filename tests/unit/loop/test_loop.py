"""The loop from cold start to settled, on a bench whose answers the test decides."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from kammerton.loop import runner
from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.catalogue import load_calibrations
from kammerton.loop.loop import Loop
from kammerton.loop.patience import PAUSE, TRIES
from kammerton.loop.planner import Planner
from kammerton.model import (
    DriveInhibited,
    InstrumentError,
    LabClock,
    OutputRefused,
    ProgramError,
    SettingsChanged,
    StoreError,
    Verdict,
)
from kammerton.store import Store
from tests.stored import run
from tests.unit.loop.laboratory import Chip, ScriptedBench, two_qubits

pytestmark = pytest.mark.usefixtures("without_files")

EVERYTHING = {
    "resonator_spectroscopy", "qubit_spectroscopy", "rabi_amplitude", "readout", "ramsey", "t1",
    "t2_echo",
}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "kammerton.sqlite", "two")
    yield store
    store.close()


def make(tmp_path, store, chip, calibrations=None, committed=None):
    lab, clock = two_qubits(tmp_path), LabClock()
    book = BeliefBook(lab, clock.now())
    book.update(store.parameters())
    book.recall(store.doubts())
    bench = ScriptedBench(chip.answer)
    planner = Planner(calibrations or load_calibrations())
    loop = Loop(lab, store, bench, clock, planner, book)
    if committed:
        loop.committed = committed
    return loop, bench


def test_a_cold_start_settles_with_every_parameter_at_its_true_value(tmp_path, store):
    loop, bench = make(tmp_path, store, Chip())
    assert asyncio.run(loop.settle()) == {}
    held = store.parameters()
    truth = {"f01": 4.903e9, "pi_amplitude": 0.21, "t1": 60e-6, "t2_star": 30e-6, "t2_echo": 50e-6}
    for qubit in ("q0", "q1"):
        for name, true in truth.items():
            e = held[f"{qubit}.{name}"]
            assert abs(e.value - true) < 5 * e.stderr, (qubit, name, e)
    assert {p.name for p in bench.played} == EVERYTHING


def test_every_estimate_names_its_run_and_lies_within_it(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    for name, e in store.parameters().items():
        run = store.run(e.run)
        assert run.started <= e.time <= run.ended, name


def test_an_error_bar_holds_what_may_drift_while_it_is_measured(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    found = store.parameters()["q0.f01"]
    run = store.run(found.run)
    lasted = (run.ended - run.started).total_seconds()
    fitted = run.fits["q0"].values["frequency"].stderr
    drift = loop.book.kind("q0.f01").drift_of(found.value)
    assert lasted > 0 < drift
    assert found.stderr**2 == pytest.approx(fitted**2 + drift**2 * lasted / 12)


def test_a_search_ends_where_the_generators_reach_ends_and_says_so(tmp_path, store):
    """P3: a qubit far from its design; the drive line plays 4.4 to 5.2 GHz."""
    loop, bench = make(tmp_path, store, Chip(dead=("q0",)))
    loop.book._designs["q0.f01"] = dataclasses.replace(loop.book["q0.f01"], mean=4.43e9, sigma=40e6)
    loop.book._beliefs["q0.f01"] = loop.book._designs["q0.f01"]
    parked = asyncio.run(loop.settle())
    swept = [
        p.axis["q0"] for p in bench.played if p.name == "qubit_spectroscopy" and "q0" in p.axis
    ]
    assert swept
    assert all(each.min() >= 4.4e9 and each.max() <= 5.2e9 for each in swept)
    assert 4.54e9 < swept[0].max() < 4.56e9, "the other side is searched as before"
    assert parked["q0"] == (
        "qubit_spectroscopy: no line between 4.4 GHz and 5.2 GHz; "  # wider with every try
        "the search ends where the generator's reach ends (4.4 GHz and 5.2 GHz)"
    )


def test_p3_a_dead_qubit_parks_with_a_reason_and_the_other_goes_on(tmp_path, store):
    loop, bench = make(tmp_path, store, Chip(dead=("q1",)))
    parked = asyncio.run(loop.settle())
    assert list(parked) == ["q1"]
    assert parked["q1"].startswith("qubit_spectroscopy: ")
    held = store.parameters()
    assert "q0.t2_echo" in held
    assert "q1.f01" not in held
    tries = [p for p in bench.played if p.name == "qubit_spectroscopy" and "q1" in p.sequences]
    assert len(tries) == TRIES


def test_a_restart_from_the_database_measures_nothing_again(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    again, bench = make(tmp_path, store, Chip())
    assert asyncio.run(again.settle()) == {}
    assert bench.played == []


def test_a_jump_of_f01_is_found_again(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    moved = Chip()
    moved.f01 = Chip.f01 + 40e3
    again, bench = make(tmp_path, store, moved)
    again.book.doubt(["q0.f01", "q1.f01"], 200.0, again.clock.now())
    asyncio.run(again.settle())
    assert store.parameters()["q0.f01"].value == pytest.approx(moved.f01, abs=2e3)
    assert "ramsey" in {p.name for p in bench.played}


def test_a_surprise_is_withheld_and_counts_when_it_is_found_again(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    known = store.parameters()
    moved = Chip()
    moved.f01 = Chip.f01 + 40e3  # over a hundred sigma from what is believed
    told = []
    again, bench = make(tmp_path, store, moved, committed=lambda *said: told.append(said[1:]))
    again.book.doubt(["q0.t2_star"], 100.0, again.clock.now())  # so that Ramsey is worth it
    before = again.book["q0.pi_amplitude"].sigma, again.book["q1.pi_amplitude"].sigma
    asyncio.run(again.step())
    assert [p.name for p in bench.played] == ["ramsey"]
    assert store.parameters() == known
    _, counted, withheld = told[0]
    assert (counted, list(withheld)) == ({}, ["q0"])
    assert withheld["q0"].endswith("it counts when it is found again")
    assert again.book["q0.pi_amplitude"].sigma == pytest.approx(5 * before[0], rel=0.01)
    assert again.book["q1.pi_amplitude"].sigma == before[1]
    assert again.book["q0.f01"].sigma == pytest.approx(40e3, rel=0.1)
    asyncio.run(again.settle())
    assert store.parameters()["q0.f01"].value == pytest.approx(moved.f01, abs=2e3)
    assert store.parameters()["q1.f01"] == known["q1.f01"]
    assert told[-1][2] == {}
    history = [change.estimate for change in store.history("q0.f01")]
    of_f01 = [(run_id, counted["q0.f01"]) for run_id, counted, _ in told if "q0.f01" in counted]
    assert of_f01
    for run_id, estimate in of_f01:
        assert estimate.run == run_id
        assert estimate.value in [each.value for each in history if each.run == run_id]


def sigmas(loop):
    return {name: loop.book[name].sigma for name in loop.store.parameters()}


def test_r9_a_restart_does_not_forget_what_a_surprise_made_doubtful(tmp_path, store):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    sure, moved = sigmas(loop), Chip()
    moved.f01 = Chip.f01 + 40e3
    loop, _ = make(tmp_path, store, moved)
    loop.book.doubt(["q0.t2_star"], 100.0, loop.clock.now())  # so that Ramsey is worth it
    asyncio.run(loop.step())
    doubted = sigmas(loop)
    assert doubted["q0.f01"] > 10 * sure["q0.f01"]
    assert doubted["q0.pi_amplitude"] > 4 * sure["q0.pi_amplitude"]
    killed, bench = make(tmp_path, store, moved)
    assert sigmas(killed) == doubted
    asyncio.run(killed.settle())
    assert "ramsey" in {program.name for program in bench.played}
    assert store.parameters()["q0.f01"].value == pytest.approx(moved.f01, abs=2e3)
    again, bench = make(tmp_path, store, moved)
    assert asyncio.run(again.settle()) == {}
    assert bench.played == [], "what was measured again is doubted no more"


@pytest.mark.parametrize("move", [-3e6, -300e3, -200e3, 100e3, 300e3, 3e6])
def test_however_far_f01_jumps_no_wrong_value_is_ever_stored(tmp_path, store, move):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    moved = Chip()
    moved.f01 = Chip.f01 + move
    again, bench = make(tmp_path, store, moved)
    again.book.doubt(["q0.f01", "q0.t2_star"], 20.0, again.clock.now())
    asyncio.run(again.settle())
    stored = [c.estimate for c in store.history("q0.f01") if c.estimate.run > "r000007"]
    assert stored, [p.name for p in bench.played]
    for e in stored:
        assert abs(e.value - moved.f01) < 6 * e.stderr + 1e3, (move, e)


def test_p3_a_healed_qubit_comes_back_by_itself(tmp_path, store, monkeypatch):
    monkeypatch.setattr("kammerton.loop.loop.IDLE", 0.01)
    monkeypatch.setattr("kammerton.loop.patience.PAUSE", timedelta(seconds=2))
    chip = Chip(dead=("q1",))
    loop, _ = make(tmp_path, store, chip)
    healthy = asyncio.Event()

    def committed(run, run_id, counted, withheld):
        if "q1" in loop.patience.parked:
            chip.dead = ()
        if "q1.t2_echo" in store.parameters():
            healthy.set()

    loop.committed = committed

    async def live():
        task = asyncio.create_task(loop.keep())
        async with asyncio.timeout(60):
            await healthy.wait()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(live())
    assert loop.patience.parked == {}


def test_an_inhibited_drive_is_waited_for_and_nothing_is_stored(tmp_path, store, monkeypatch):
    loop, bench = make(tmp_path, store, Chip())
    monkeypatch.setattr("kammerton.loop.loop.IDLE", 0.0)

    async def refuse(program):
        raise DriveInhibited("the mixing chamber reads 4 K")

    real, bench.acquire = bench.acquire, refuse
    assert asyncio.run(loop.step()) is True
    assert store.runs() == []
    assert "4 K" in store.current_activity().what
    bench.acquire = real
    assert asyncio.run(loop.step()) is True
    assert len(store.runs()) == 1


def test_f1_while_the_interlock_forbids_drive_an_idle_loop_says_so(tmp_path, store, monkeypatch):
    loop, _ = make(tmp_path, store, Chip())
    off = "drive is off: the mixing chamber reads 200 mK"
    loop.drive_off = lambda: off
    monkeypatch.setattr(Planner, "choose", lambda *_: None)

    async def live():
        keeping = asyncio.create_task(loop.keep())
        while store.current_activity() is None:  # noqa: ASYNC110 - a database cannot be awaited
            await asyncio.sleep(0.01)
        keeping.cancel()
        await asyncio.wait([keeping])

    asyncio.run(live())
    assert store.current_activity().what == f"idle: {off}"


def test_a_parked_target_is_an_alarm_until_it_gets_another_chance(tmp_path, store):
    told = []
    lab, bench = two_qubits(tmp_path), ScriptedBench(Chip().answer)
    clock = LabClock()
    book = BeliefBook(lab, clock.now())
    planner = Planner(load_calibrations())
    loop = Loop(lab, store, bench, clock, planner, book, alarm=told.append)
    loop.patience.park("q1", "ramsey: no oscillation is seen", clock.now())
    loop.patience.release(clock.now())
    assert [(a.kind, a.subject, a.on) for a in told] == [("target", "q1", True)]
    assert told[0].text == "q1 is parked: ramsey: no oscillation is seen"
    loop.patience.release(clock.now() + 2 * PAUSE)
    assert [(a.kind, a.subject, a.on) for a in told[1:]] == [("target", "q1", False)]


@pytest.mark.parametrize("error", [OutputRefused, ProgramError])
def test_a_target_that_cannot_be_played_parks_alone_and_at_once(tmp_path, store, error):
    loop, bench = make(tmp_path, store, Chip())
    play = bench.acquire

    async def refuse(program):
        if "q1" in program.sequences:
            raise error("q1: 0.7 V is above the limit of 0.5 V")
        return await play(program)

    bench.acquire = refuse
    parked = asyncio.run(loop.settle())
    assert list(parked) == ["q1"]
    assert "0.7 V is above" in parked["q1"]
    assert "q0.t2_echo" in store.parameters()


def test_a_locked_database_costs_a_heartbeat_and_nothing_else(tmp_path, store, monkeypatch):
    loop, _ = make(tmp_path, store, Chip())

    def locked(what):
        raise StoreError("another program holds the database locked")

    monkeypatch.setattr(store, "activity", locked)
    assert asyncio.run(loop.step()) is True
    assert len(store.runs()) == 1


def test_a_calibrations_own_objection_rejects_an_accepted_fit(tmp_path, store):
    def objection(fit, target):
        return "the moon is wrong"

    (first,) = [c for c in load_calibrations() if c.name == "resonator_spectroscopy"]
    loop, _ = make(tmp_path, store, Chip(), (dataclasses.replace(first, reject=objection),))
    parked = asyncio.run(loop.settle())
    assert parked == dict.fromkeys(("q0", "q1"), "resonator_spectroscopy: the moon is wrong")
    assert store.parameters() == {}
    assert all(f.verdict is Verdict.REJECTED for r in store.runs() for f in r.fits.values())


def test_cancellation_passes(tmp_path, store):
    loop, bench = make(tmp_path, store, Chip())

    async def hang(program):
        await asyncio.sleep(60)

    bench.acquire = hang

    async def cancelled():
        task = asyncio.create_task(loop.settle())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


def test_committed_is_told_of_every_run(tmp_path, store):
    told = []
    loop, _ = make(tmp_path, store, Chip(), committed=lambda run, run_id, *_: told.append(run_id))
    asyncio.run(loop.settle())
    assert told == [r.id for r in reversed(store.runs(limit=100))]


@pytest.mark.parametrize(("held", "level"), [((), "WARNING"), (("maintenance",), "INFO")])
def test_f5_maintenance_mutes_the_alarm_and_keeps_the_interlock(
    tmp_path, store, monkeypatch, caplog, held, level
):
    loop, bench = make(tmp_path, store, Chip())
    loop.held = lambda: frozenset(held)
    monkeypatch.setattr("kammerton.loop.loop.IDLE", 0.0)

    async def refuse(program):
        raise DriveInhibited("the mixing chamber reads 4 K")

    bench.acquire = refuse
    with caplog.at_level("INFO", "kammerton.loop"):
        asyncio.run(loop.step())
    assert [r.levelname for r in caplog.records if "4 K" in r.message] == [level]
    assert store.runs() == []


def test_i10_what_rests_on_a_box_that_somebody_changed_is_measured_again(tmp_path, store):
    loop, bench = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    before = {n: loop.book[n].sigma for n in ("q0.f01", "q1.t1", "r0.linewidth")}
    play, runs = bench.acquire, len(store.runs(100))

    async def changed(program):
        bench.acquire = play
        raise SettingsChanged("lo is not set as it was: power is 3.0, not 13.0", instrument="lo")

    async def recover(failure):
        assert failure.instrument == "lo"
        return frozenset()

    bench.acquire, bench.recover = changed, recover
    loop.book.doubt(["q0.t2_star"], 100.0, loop.clock.now())
    asyncio.run(loop.step())
    assert len(store.runs(100)) == runs
    for name, sigma in before.items():
        assert loop.book[name].sigma > 2 * sigma, name
    doubted = sigmas(loop)
    assert sigmas(make(tmp_path, store, Chip())[0]) == doubted, "a restart forgets nothing of it"


def test_i7_what_rests_on_a_box_that_lost_its_settings_with_another_is_measured_again(
    tmp_path, store
):
    loop, bench = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    before, play = loop.book["q0.f01"].sigma, bench.acquire

    async def cycled(program):
        bench.acquire = play
        raise InstrumentError("awg: no answer", instrument="awg")

    async def recover(failure):
        return frozenset({"lo"})

    bench.acquire, bench.recover = cycled, recover
    loop.book.doubt(["q0.t2_star"], 100.0, loop.clock.now())
    asyncio.run(loop.step())
    assert loop.book["q0.f01"].sigma > 2 * before
    assert sigmas(make(tmp_path, store, Chip())[0]) == sigmas(loop), "a restart forgets nothing"


def test_what_its_forecast_calls_stale_is_believed_no_better(tmp_path, store):
    """As after reverts: drift is less than was thought then, but nobody takes it for good."""
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    known = store.parameters()["q0.f01"]
    over = replace(known, valid_until=loop.clock.now() - timedelta(minutes=1))
    store.commit(run(), {"q0.f01": over})
    before = len(store.runs(100))
    asyncio.run(loop._conclusions.follow())
    assert "q0.f01 is stale" in loop._idle()
    asyncio.run(loop.settle())
    assert len(store.runs(100)) > before
    assert loop._idle() == "idle: everything is known well enough"
    assert store.parameters()["q0.f01"].valid_until > loop.clock.now()
    assert store.doubts() == {}, "it is no doubt"


@pytest.mark.parametrize("scope", ["q0", "r0"])
def test_what_is_stale_though_held_is_told_with_who_holds_it(tmp_path, store, scope):
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    loop.whose = lambda name: f"{name} is held by anna: two-tone by hand"
    assert loop._idle() == "idle: everything is known well enough"
    loop.book.widen("q0.t1", 1.0)
    assert loop._idle() == (
        "idle: q0.t1 is stale, and measured again once that is worth its time; "
        "everything else is known well enough"
    )
    loop.held = lambda: frozenset({scope})
    assert loop._idle() == (
        f"idle: q0.t1 is stale and not measured: {scope} is held by anna: two-tone by hand; "
        "everything else is known well enough"
    )
    loop.drive_off = lambda: "drive is off: 4 K"
    assert "everything else" not in loop._idle()


def test_d1_what_was_clipped_is_not_fitted_and_changes_nothing(tmp_path, store):
    loop, bench = make(tmp_path, store, Chip())
    acquire = bench.acquire

    async def clipped(program):
        return dataclasses.replace(await acquire(program), clipped=1e-6)

    bench.acquire = clipped
    asyncio.run(loop.step())
    (run,) = store.runs()
    assert {fit.status for fit in run.fits.values()} == {"overload"}
    assert all(fit.verdict is Verdict.REJECTED for fit in run.fits.values())
    assert store.parameters() == {}


def test_a_fit_that_takes_long_is_said_again_and_again(tmp_path, store, monkeypatch):
    """A first fit may compile for a minute; who looks shall not think that the daemon hangs."""
    monkeypatch.setattr("kammerton.loop.runner.SLOW", 0.02)
    loop, _ = make(tmp_path, store, Chip())
    said: list[str] = []
    loop.said = said.append
    judge = runner._judge

    def slowly(*arguments):
        time.sleep(0.3)
        return judge(*arguments)

    monkeypatch.setattr(runner, "_judge", slowly)
    assert asyncio.run(loop.step())
    assert said[0] == "resonator_spectroscopy on q0, q1"
    assert len(said) > 3
    assert set(said[1:]) == {f"{said[0]}: fitting; the first fit of a kind compiles its kernels"}


def test_a_coherence_measurement_waits_for_the_heat_of_a_sweep_of_powers(tmp_path, store):
    loop, bench = make(tmp_path, store, Chip())
    acquire, said = bench.acquire, []
    loop.said, loop._rest.budget = said.append, {"mxc": 1.0}

    async def hot(program):
        lasts = {"mxc": 2.0}  # twice the sweep: longer than a busy machine computes after it
        return replace(await acquire(program), heat=lasts)

    bench.acquire = hot
    assert asyncio.run(loop.settle()) == {}
    waits = [words for words in said if "the refrigerator rests after " in words]
    assert waits
    assert all(words.startswith(("t1 ", "ramsey ", "t2_echo ")) for words in waits)
