"""What happens while outputs are switched on or off: a trip, a failure, a bias that still ramps."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kammerton.bench import Gate, switching
from kammerton.bench import gate as gate_module
from kammerton.lab import InstrumentEntry
from kammerton.model import DriveInhibited, InstrumentError
from kammerton.model.alarm import Alarm
from tests.unit.bench.test_bias import LIMIT, BiasedLab
from tests.unit.bench.test_gate import all_on, soon
from tests.unit.bench.test_nobody_knows import Doubtful, Pulses, complete


class Asked(Pulses):
    """A pulse generator whose answer comes when the test lets it."""

    def answered_by(self, come: asyncio.Event) -> None:
        self.asked, self.come = asyncio.Event(), come

    async def settings(self, channel: int) -> tuple[float, float, bool]:
        self.asked.set()
        await self.come.wait()
        return await super().settings(channel)


def test_no_pulse_is_switched_on_after_a_trip_that_came_while_the_box_was_asked(fake, make):
    """It would stay on: drive is off already, and nobody looks again."""
    holds = Doubtful()
    holds.known.set()
    bench = complete(fake, make, holds)
    pulses = Asked("pulses", fake.log)
    bench.gate.others._devices["pulses"] = pulses

    async def main() -> None:
        gate = bench.gate
        await gate.cold.refresh()
        pulses.answered_by(asyncio.Event())
        enabling = asyncio.create_task(gate.others.enable_pulse("pulses", 1))
        await pulses.asked.wait()
        fake.fridge.kelvin = 0.5
        await gate.cold.refresh()
        await gate.safe("interlock")
        pulses.come.set()
        with pytest.raises(DriveInhibited, match="reads 500 mK"):
            await enabling

    asyncio.run(main())
    assert ("pulses", "enable", "True") not in fake.log


@pytest.fixture
def ramping(make) -> tuple[BiasedLab, list[Alarm], Gate]:
    """A bench whose bias takes as long to come to 0 V as the test wants."""
    fake, told = BiasedLab(), list[Alarm]()
    fake.bias.pause = 3600.0
    bias = InstrumentEntry("bias", "bias", "addr", limits={"volts": LIMIT}, line=30, safe="zero")
    lab = make.lab()
    lab = replace(lab, instruments={**lab.instruments, "bias": bias})
    return fake, told, Gate(lab, fake.instruments, fake.clock, alarm=told.append)


def test_what_did_not_go_off_is_tried_again_while_a_bias_still_ramps(ramping, make, monkeypatch):
    monkeypatch.setattr(switching, "ORDER", 0.01)
    monkeypatch.setattr(switching, "AGAIN", 0.01)
    fake, _, gate = ramping

    async def main() -> None:
        await gate.cold.refresh()
        await all_on(gate, make.compiled())
        fake.lo.fail["safe"] = InstrumentError("lo: no answer")
        safe = asyncio.create_task(gate.safe())
        await soon(lambda: fake.log.of("lo").count(("safe",)) >= 2)
        fake.lo.fail.clear()
        await soon(lambda: not fake.anything_on)
        assert not safe.done()
        fake.bias.pause = 0.0
        safe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await safe

    asyncio.run(main())


def test_two_that_hang_do_not_keep_each_other_going_for_ever(fake, make, monkeypatch):
    """Each is tried for a while, and begun at another time; meanwhile nobody would say a word."""
    for name, seconds in (("SAFE_DEADLINE", 0.15), ("ORDER", 0.02), ("AGAIN", 0.02)):
        monkeypatch.setattr(switching, name, seconds)
    gate = Gate(make.lab(), fake.instruments, fake.clock)
    fake.awg.hang.add("safe")
    fake.lo.hang.add("safe")

    async def main() -> None:
        async with asyncio.timeout(5.0):
            await gate.safe()

    with pytest.raises(InstrumentError, match=r"awg .*no answer within .*\nlo .*no answer within"):
        asyncio.run(main())
    assert str(gate.changes[-1].refused).startswith("awg is not known to be off")


def test_an_alarm_does_not_wait_until_a_bias_has_ramped(ramping, monkeypatch):
    monkeypatch.setattr(switching, "ORDER", 0.01)
    monkeypatch.setattr(gate_module, "LONG", 0.05)
    fake, told, gate = ramping

    async def main() -> None:
        watch = asyncio.create_task(gate.watch(0.001))
        await soon(lambda: gate.cold.allowed)
        fake.fridge.kelvin = 0.5
        await soon(lambda: any(alarm.on for alarm in told))
        watch.cancel()
        await asyncio.wait([watch])

    asyncio.run(main())
    assert "not every output is known to be off: the mixing chamber reads 500 mK" in told[-1].text


def test_a_generator_that_does_not_stop_leaves_nothing_on(fake, make):
    """It plays on, into whatever is on."""
    gate = Gate(make.lab(), fake.instruments, fake.clock)
    fake.awg.fail["stop"] = InstrumentError("awg: still playing")

    async def main() -> None:
        await gate.cold.refresh()
        await all_on(gate, make.compiled())
        with pytest.raises(InstrumentError, match="awg did not stop: still playing"):
            await gate.stop(["awg"])

    asyncio.run(main())
    assert not fake.anything_on
