"""Programs through the bench, with fakes: what is done in which order, and what is left behind."""

import asyncio
import gc
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.bench import Bench, Lane, coming, hangs, open_bench
from kammerton.bench import bench as bench_module
from kammerton.bench.gate import Gate
from kammerton.lab import Limit
from kammerton.model import Held, InstrumentError, OutputRefused, ProgramError
from tests.unit.bench.conftest import FakeDigitizer, FakeGenerator


def use(fake, make, tmp_path, body: Callable[[Bench], Awaitable[object]], **options):
    """Run body(bench) on an opened bench of fakes."""
    options.setdefault("lab", make.lab())
    compiled = options.pop("compiled", make.compiled())
    clock = fake.clock

    async def main() -> object:
        async with open_bench(
            options.pop("lab"),
            clock,
            drivers=fake.drivers,
            compiler=lambda program, lab: compiled,
            fridge_period=0.001,
            lock_folder=tmp_path,
            **options,
        ) as bench:
            return await body(bench)

    return asyncio.run(main())


async def soon(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0.001)


def instrument_words(fake) -> list[tuple[str, ...]]:
    return [entry for entry in fake.log if entry[0] != "fridge"]


def test_a_program_in_the_order_that_works(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        fake.log.clear()
        await bench.acquire(make.program())
        assert instrument_words(fake) == [
            ("lo", "power", "13.0"),
            ("awg", "load", "t1"),
            ("lo", "frequency", "7000000000.0"),
            ("awg", "enable", "[5, 6]", "True"),
            ("lo", "enable", "True"),
            ("awg", "run"),
            ("dig", "acquire"),
            ("awg", "trigger"),
            ("awg", "stop"),
        ]

    use(fake, make, tmp_path, body)


def test_the_records_are_volts_by_target(fake, make, tmp_path):
    weights = np.zeros((1, make.samples, 2), np.complex64)
    weights[0, :, 0], weights[0, :, 1] = 1 / make.samples, 1j / make.samples
    fake.dig.codes = lambda n: (32768 + 16 * (1 + n % make.points), 32768 - 16)

    async def body(bench: Bench) -> object:
        return await bench.acquire(make.program(shots=41))

    records = use(fake, make, tmp_path, body, compiled=make.compiled(weights=weights))
    expected = 16 * make.lsb * (np.arange(1, make.points + 1) - 1j)
    assert set(records.blocks) == {"q0", "q1"}
    assert records.blocks["q0"].shape == (20, make.points)
    np.testing.assert_allclose(records.blocks["q0"], np.tile(expected, (20, 1)), rtol=1e-5)
    np.testing.assert_allclose(records.blocks["q1"], 1j * records.blocks["q0"], rtol=1e-5)
    assert records.shots == {}
    assert records.seconds == pytest.approx(60 * 1e-3)
    assert records.clipped == 0.0


def test_shots_are_kept_when_asked_for(fake, make, tmp_path):
    fake.dig.codes = lambda n: (32768 + n // make.points, 65535)

    async def body(bench: Bench) -> object:
        return await bench.acquire(make.program(shots=40, keep_shots=True))

    records = use(fake, make, tmp_path, body)
    assert records.shots["q0"].shape == (40, make.points)
    np.testing.assert_allclose(
        records.shots["q0"].real, np.tile(np.arange(40)[:, None] * make.lsb, (1, 3)), atol=1e-7
    )
    np.testing.assert_allclose(
        records.blocks["q0"].real[:, 0], (np.arange(20) * 2 + 0.5) * make.lsb, atol=1e-7
    )
    assert records.clipped == 0.5


def test_laboratory_time_passes_by_what_is_played_and_by_the_wall_while_it_is_armed(
    fake, make, tmp_path
):
    """40 turns of 1 ms are played at once, after 0.3 s of arming: as the laboratory counts."""
    fake.dig.arming = 0.3

    async def body(bench: Bench) -> float:
        await bench.acquire(make.program(shots=40))
        return bench.clock.ahead

    assert use(fake, make, tmp_path, body) == pytest.approx(0.04, abs=0.02)


def test_only_what_changed_is_sent_again(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        fake.log.clear()
        await bench.acquire(make.program())
        assert instrument_words(fake) == [
            ("awg", "run"),
            ("dig", "acquire"),
            ("awg", "trigger"),
            ("awg", "stop"),
        ]
        bench._compile = lambda program, lab: make.compiled(peak=0.3)
        await bench.acquire(make.program())
        assert ("awg", "load", "t1") in fake.log

    use(fake, make, tmp_path, body)


def test_a_playlist_that_failed_to_load_is_loaded_again(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        bench._compile = lambda program, lab: make.compiled(peak=0.3)
        fake.awg.fail["load"] = InstrumentError("awg: file refused")
        with pytest.raises(InstrumentError, match="file refused"):
            await bench.acquire(make.program())
        fake.awg.fail.clear()
        bench._compile = lambda program, lab: make.compiled()
        fake.log.clear()
        await bench.acquire(make.program())
        assert ("awg", "load", "t1") in fake.log

    use(fake, make, tmp_path, body)


def test_stages_and_progress_are_told(fake, make, tmp_path):
    seen: list[float] = []

    async def body(bench: Bench) -> dict[str, float]:
        await bench.acquire(make.program(shots=1000), seen.append)
        return bench.last_stages

    stages = use(fake, make, tmp_path, body)
    assert set(stages) == {"compile", "upload", "acquire", "read back", "demodulate"}
    assert all(seconds >= 0 for seconds in stages.values())
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 3


def test_laboratory_time_passes_by_what_was_played(fake, make, tmp_path):
    before = fake.clock.now()

    async def body(bench: Bench) -> None:
        compiled = replace(make.compiled(), turn_seconds=2.0)
        bench._compile = lambda program, lab: compiled
        await bench.acquire(make.program(shots=40))

    use(fake, make, tmp_path, body)
    assert 80 <= (fake.clock.now() - before).total_seconds() < 95


def test_programs_wait_for_each_other(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await asyncio.gather(*(bench.acquire(make.program()) for _ in range(3)))
        order = [e[1] for e in instrument_words(fake) if e[1] in ("acquire", "stop")]
        assert order == ["acquire", "stop"] * 3

    use(fake, make, tmp_path, body)


# refusals and faults


def test_over_limit_reaches_no_instrument(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        fake.log.clear()
        with pytest.raises(OutputRefused, match="600 mV is outside"):
            await bench.acquire(make.program())
        assert instrument_words(fake) == []

    use(fake, make, tmp_path, body, compiled=make.compiled(peak=0.6))


def test_a_warm_fridge_lets_nothing_play(fake, make, tmp_path):
    fake.fridge.kelvin = 4.2

    async def body(bench: Bench) -> None:
        fake.log.clear()
        with pytest.raises(OutputRefused, match=r"reads 4.2 K"):
            await bench.acquire(make.program())
        assert instrument_words(fake) == []

    use(fake, make, tmp_path, body)


def test_silence_names_the_digitizer_and_what_to_look_at(fake, make, tmp_path):
    fake.dig.silent = True

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match=r"dig: no triggers .* marker 1 of awg.5, start"):
            await bench.acquire(make.program())
        assert not fake.awg.playing

    use(fake, make, tmp_path, body)


def test_a_digitizer_that_hangs_is_named(fake, make, tmp_path, monkeypatch):
    fake.dig.hang.add("acquire")
    monkeypatch.setattr(bench_module, "OVERTIME", -4.9)

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match="dig gave no record for 0 s"):
            await bench.acquire(make.program())
        assert ("awg", "stop") in fake.log

    use(fake, make, tmp_path, body)


def test_a_digitizer_whose_records_come_far_too_slowly_is_named(fake, make, tmp_path, monkeypatch):
    """Each comes in its time, and all together would keep the computer for hours."""
    fake.dig.pause = 0.01
    shots, timeout = 20_000, 5.0
    limit = 0.1 - timeout - 2 * shots * make.compiled().turn_seconds
    monkeypatch.setattr(bench_module, "LONGEST", limit)

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match=r"dig did not finish within \d+ s"):
            await bench.acquire(make.program(shots=shots))
        assert not fake.awg.playing

    use(fake, make, tmp_path, body)


@pytest.mark.parametrize("how", ["safe", "close"])
def test_a_cancellation_passes_though_an_instrument_fails_on_the_way_out(
    fake, make, tmp_path, how, caplog
):
    """Or who gave it a minute would never hear that the minute is over."""

    async def body(bench: Bench) -> None:
        fake.awg.fail[how] = InstrumentError("awg: no answer")
        task = asyncio.current_task()
        asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.sleep(20)

    with pytest.raises(asyncio.CancelledError) as caught:
        use(fake, make, tmp_path, body)
    assert ": no answer" in caught.value.__notes__[0]
    assert re.search("on the way out: awg .*: no answer", caplog.text)


def test_what_went_wrong_is_not_lost_where_a_cancellation_comes_on_the_way_out(
    fake, make, tmp_path, caplog
):
    async def body(bench: Bench) -> None:
        def stop() -> None:
            asyncio.get_running_loop().call_soon(task.cancel)

        task = asyncio.current_task()
        bench.gate.guard.switched_off = lambda *_: stop()  # in the middle of switching off
        raise ProgramError("a program that nobody foresaw")

    with pytest.raises(asyncio.CancelledError):
        use(fake, make, tmp_path, body)
    assert caplog.text.count("told to end meanwhile: a program that nobody foresaw") == 1


def test_a_digitizer_is_given_up_only_once_its_records_have_ceased_to_come():
    collector = SimpleNamespace(turns=0)

    async def body() -> float:
        coming = asyncio.create_task(bench_module.coming(collector, 0.4))
        for _ in range(10):
            collector.turns += 1
            await asyncio.sleep(0.1)
        assert not coming.done(), "it is slow, and goes on"
        return await coming

    assert 0.4 < asyncio.run(body()) < 5


def test_a_digitizer_is_given_up_within_a_second_of_its_time(monkeypatch):
    """Its patience is long, the looks at it are not: they would come on top."""
    now, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        slept.append(seconds)
        collector.turns += now[0] < 5.0

    collector = SimpleNamespace(turns=0)
    monkeypatch.setattr(coming, "perf_counter", lambda: now[0])
    monkeypatch.setattr(coming.asyncio, "sleep", sleep)
    waited = asyncio.run(coming.coming(collector, 40.0))
    assert 40.0 < waited <= 40.5
    assert now[0] <= 5.0 + 41.0
    assert len(slept) < 1000


def test_a_lost_buffer_is_an_error(fake, make, tmp_path):
    fake.dig.skip = 3

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match="buffer 4 came out of order: records were lost"):
            await bench.acquire(make.program(shots=1000))
        assert not fake.awg.playing

    use(fake, make, tmp_path, body)


def test_a_generator_that_fails_to_start_is_stopped_all_the_same(fake, make, tmp_path):
    fake.awg.fail["trigger"] = InstrumentError("awg: no answer")

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match="awg: no answer"):
            await bench.acquire(make.program())
        assert [entry for entry in fake.log if entry[0] == "awg"][-1] == ("awg", "stop")

    use(fake, make, tmp_path, body)


def test_the_first_failure_is_the_one_that_is_raised(fake, make, tmp_path):
    fake.dig.silent = True
    fake.awg.fail["stop"] = InstrumentError("awg: does not stop either")

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match="no triggers") as caught:
            await bench.acquire(make.program())
        assert "does not stop either" in caught.value.__notes__[0]

    use(fake, make, tmp_path, body)


def test_a_generator_that_does_not_stop_after_a_good_run_is_an_error(fake, make, tmp_path):
    fake.awg.fail["stop"] = InstrumentError("still playing")

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match="awg did not stop: still playing"):
            await bench.acquire(make.program())

    use(fake, make, tmp_path, body)


def test_records_of_the_wrong_length_are_refused(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        with pytest.raises(ProgramError, match="dig records multiples of 128 samples, not 300"):
            await bench.acquire(make.program())

    use(fake, make, tmp_path, body, compiled=make.compiled(samples=300))


def test_a_trip_in_mid_run_switches_off_and_ends_the_program(fake, make, tmp_path):
    fake.dig.pause = 0.01

    async def body(bench: Bench) -> None:
        running = asyncio.create_task(bench.acquire(make.program(shots=20_000)))
        await soon(lambda: fake.awg.playing)
        fake.fridge.kelvin = 0.12
        with pytest.raises(OutputRefused, match=r"drive was switched off: .* reads 120 mK"):
            await running
        await soon(lambda: not fake.anything_on)
        with pytest.raises(OutputRefused, match="reads 120 mK"):
            await bench.acquire(make.program())

    use(fake, make, tmp_path, body)


def test_cancelling_in_mid_run_stops_the_generators_and_passes(fake, make, tmp_path):
    fake.dig.pause = 0.01

    async def body(bench: Bench) -> None:
        running = asyncio.create_task(bench.acquire(make.program(shots=20_000)))
        await soon(lambda: fake.awg.playing)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not fake.awg.playing
        fake.dig.pause = 0
        assert (await bench.acquire(make.program())).blocks["q0"].shape == (20, make.points)

    use(fake, make, tmp_path, body)


@pytest.mark.parametrize("step", ["load", "enable", "run", "acquire", "trigger"])
def test_cancelling_at_any_step_leaves_nothing_playing(fake, make, tmp_path, step):
    owner = fake.dig if step == "acquire" else fake.awg

    async def body(bench: Bench) -> None:
        owner.hang.add(step)
        running = asyncio.create_task(bench.acquire(make.program()))
        await soon(lambda: step in [entry[0] for entry in fake.log.of(owner.name)])
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert [entry for entry in fake.log if entry[0] == "awg"][-1] == ("awg", "stop")
        owner.hang.clear()

    use(fake, make, tmp_path, body)
    assert not fake.anything_on


def test_a_second_cancellation_does_not_interrupt_switching_off(fake, make, tmp_path):
    async def main() -> None:
        async with open_bench(
            make.lab(), fake.clock, drivers=fake.drivers, lock_folder=tmp_path,
            compiler=lambda program, lab: make.compiled(),
        ) as bench:  # fmt: skip
            await bench.acquire(make.program())
            assert fake.lo.on
            await asyncio.Event().wait()

    async def twice() -> None:
        task = asyncio.create_task(main())
        await soon(lambda: ("awg", "stop") in fake.log)
        fake.log.clear()
        task.cancel()
        await soon(lambda: ("awg", "safe") in fake.log)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(twice())
    assert not fake.anything_on
    assert all(device.closed for device in fake.instruments.values())


# opening and closing


def test_opening_switches_off_before_it_configures(fake, make, tmp_path):
    fake.lo.on = True

    async def body(bench: Bench) -> None:
        words = instrument_words(fake)
        assert words[:2] == [("awg", "safe"), ("lo", "safe")]
        assert sorted(words[2:]) == [
            ("awg", "configure", "1000000000.0"),
            ("dig", "configure", "1000000000.0"),
            ("lo", "configure"),
        ]
        assert not fake.anything_on

    use(fake, make, tmp_path, body)


def test_closing_switches_off_verifies_and_closes(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        assert fake.lo.on
        fake.log.clear()

    use(fake, make, tmp_path, body)
    words = instrument_words(fake)
    assert words[:2] == [("awg", "safe"), ("lo", "safe")]
    assert all(device.closed for device in fake.instruments.values())


def test_an_output_that_stays_on_at_the_end_is_an_error_and_sessions_close(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        fake.lo.ignores_off = True

    with pytest.raises(InstrumentError, match="lo is not known to be off"):
        use(fake, make, tmp_path, body)
    assert all(device.closed for device in fake.instruments.values())


def test_an_output_that_stays_on_at_the_start_opens_no_bench(fake, make, tmp_path):
    fake.lo.on = fake.lo.ignores_off = True

    async def body(bench: Bench) -> None:
        pytest.fail("the bench was opened")

    with pytest.raises(InstrumentError, match="lo is not known to be off"):
        use(fake, make, tmp_path, body)
    assert all(device.closed for device in fake.instruments.values())


def test_an_error_inside_still_switches_off(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use(fake, make, tmp_path, body)
    assert not fake.anything_on


def test_a_session_that_does_not_close_is_named(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        fake.fridge.fail["close"] = InstrumentError("gone")

    with pytest.raises(InstrumentError, match="fridge did not close: gone"):
        use(fake, make, tmp_path, body)


def test_the_audit_reaches_whoever_opened_the_bench(fake, make, tmp_path):
    seen = []

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())

    use(fake, make, tmp_path, body, on_change=seen.append, who="loop")
    assert [(c.what, c.who) for c in (seen[0], seen[-1])] == [
        ("all outputs", "opening"),
        ("all outputs", "closing"),
    ]
    assert {c.who for c in seen[1:-1]} == {"loop"}
    assert {"awg", "lo"} <= {c.what for c in seen}


def test_limits_are_those_of_the_lab_file(fake, make, tmp_path):
    lab = make.lab()
    entry = replace(lab.instruments["awg"], limits={"volts": Limit(-0.1, 0.1, 1e9)})
    lab = replace(lab, instruments={**lab.instruments, "awg": entry})

    async def body(bench: Bench) -> None:
        with pytest.raises(OutputRefused, match="outside -100 mV to 100 mV"):
            await bench.acquire(make.program())

    use(fake, make, tmp_path, body, lab=lab)


def test_a_hold_that_came_while_connecting_is_asked_for_before_anything_is_set(
    fake, make, tmp_path, monkeypatch
):
    configured = []

    async def configure(bench: Bench) -> None:
        configured.append(bench)

    async def body(bench: Bench) -> None:
        pytest.fail("the bench is a person's")

    monkeypatch.setattr(Bench, "configure", configure)
    hold = SimpleNamespace(scope="computer", owner="bob", why="in the rack", until=None)
    with pytest.raises(Held, match="computer is held by bob"):
        use(fake, make, tmp_path, body, holds=lambda: (hold,))
    assert configured == []


def test_r4_a_watch_of_the_refrigerator_that_dies_ends_the_bench_with_outputs_off(
    fake, make, tmp_path, monkeypatch
):
    """Nobody would trip any more: what is on goes off, and the failure is heard."""

    async def dies(gate: Gate, period: float) -> None:
        raise LookupError("the watch is broken")

    async def body(bench: Bench) -> None:
        fake.log.clear()
        await asyncio.sleep(10)

    monkeypatch.setattr(Gate, "watch", dies)
    with pytest.raises(LookupError, match="the watch is broken"):
        use(fake, make, tmp_path, body)
    assert ("lo", "enable", "False") in fake.log or ("lo", "safe") in fake.log


def test_r4_a_call_beyond_reach_ends_the_bench_with_the_others_off(
    fake, make, tmp_path, monkeypatch
):
    """Its thread may switch on when it comes back: the process ends, and the next switches off."""
    monkeypatch.setattr(hangs, "LOOK", 0.01)
    begun, go = threading.Event(), threading.Event()

    def upload() -> None:
        begun.set()
        go.wait(30)

    async def body(bench: Bench) -> None:
        lane = Lane("usb")
        hanging = asyncio.create_task(lane.run(upload))
        await asyncio.to_thread(begun.wait, 10)
        hanging.cancel()
        fake.lo.on = True
        lane.rebuild(loose=0.0)
        lane.close()
        await asyncio.sleep(10)

    try:
        with pytest.raises(InstrumentError, match=r"usb: .*upload hangs, .* this process ends"):
            use(fake, make, tmp_path, body)
    finally:
        go.set()
    assert not fake.lo.on


@dataclass
class Stuck(FakeDigitizer):
    """One whose acquisition does not end when it is given up, until it is let go."""

    go: asyncio.Event | None = None

    async def acquire(self, capture, armed, sink) -> None:
        try:
            await super().acquire(capture, armed, sink)
        finally:
            if self.go is not None:
                await self.go.wait()


def test_r1_a_digitizer_that_does_not_end_keeps_no_generator_playing(
    fake, make, tmp_path, monkeypatch
):
    """Its library may wait for a buffer for long, or hang: outputs do not wait for it."""
    monkeypatch.setattr(bench_module, "ABORTED", 0.01)
    monkeypatch.setattr(bench_module, "LATE", 0.01)
    fake.dig = Stuck("dig", fake.log, generator=fake.awg, pause=0.01)

    async def body(bench: Bench) -> None:
        fake.dig.go = asyncio.Event()
        running = asyncio.create_task(bench.acquire(make.program(shots=20_000)))
        await soon(lambda: fake.awg.playing)
        running.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({running})
        assert running.cancelled()
        assert not fake.awg.playing
        with pytest.raises(InstrumentError, match="dig: the last acquisition was given up"):
            await bench.acquire(make.program())
        fake.dig.go.set()
        fake.dig.pause = 0.0
        await bench.acquire(make.program())
        fake.dig.go.clear()
        fake.dig.pause = 0.01
        running = asyncio.create_task(bench.acquire(make.program(shots=20_000)))
        await soon(lambda: fake.awg.playing)
        running.cancel()
        await asyncio.wait({running})
        assert not bench._given_up.done()

    use(fake, make, tmp_path, body)  # and no task is left pending
    assert not fake.anything_on


@dataclass
class Complaining(FakeDigitizer):
    """One whose driver has its own word for an acquisition that is given up."""

    async def acquire(self, capture, armed, sink) -> None:
        try:
            await super().acquire(capture, armed, sink)
        except asyncio.CancelledError:
            raise InstrumentError("dig: aborted") from None


def test_how_an_acquisition_ends_that_was_given_up_is_no_traceback(fake, make, tmp_path, caplog):
    fake.dig = Complaining("dig", fake.log, generator=fake.awg, pause=0.01)

    async def body(bench: Bench) -> None:
        running = asyncio.create_task(bench.acquire(make.program(shots=20_000)))
        await soon(lambda: fake.awg.playing)
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()

    use(fake, make, tmp_path, body)
    gc.collect()
    assert "never retrieved" not in caplog.text


@dataclass
class Obedient(FakeGenerator):
    """One that does what it is told, though whoever told it does not wait for that."""

    async def enable(self, channels, *, on: bool) -> None:
        self.on |= set(channels)
        await super().enable(channels, on=on)


def test_a_channel_whose_switching_on_is_broken_off_is_not_called_off(fake, make, tmp_path):
    """Read back on it would be a stranger's hand, and drive would pause for a minute."""
    fake.awg = fake.dig.generator = Obedient("awg", fake.log)

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        await bench.gate.safe()
        assert bench.gate.commanded("awg") == {"on.5": False, "on.6": False}
        fake.awg.hang.add("enable")
        running = asyncio.create_task(bench.acquire(make.program()))
        await soon(lambda: fake.awg.on)
        running.cancel()
        await asyncio.wait({running})
        assert bench.gate.commanded("awg") == {}
        fake.awg.hang.clear()
        await bench.acquire(make.program())
        assert bench.gate.commanded("awg") == {"on.5": True, "on.6": True}
        await bench.gate.safe()
        assert bench.gate.commanded("awg") == {"on.5": False, "on.6": False}

    use(fake, make, tmp_path, body)
