"""While a look at the leases has failed and the next is not done: nothing is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kammerton.bench import Gate
from kammerton.lab import InstrumentEntry, Limit
from kammerton.model import Held
from tests.unit.bench.test_bias import LIMIT, BiasedLab, Hold

HOLD = Hold("computer")


class Doubtful:
    """Holds of which nobody knows until `known`; then `held`."""

    def __init__(self) -> None:
        self.known, self.held, self.asked = asyncio.Event(), [], 0

    def __call__(self) -> list[object]:
        return self.held

    async def certain(self) -> None:
        self.asked += 1
        await self.known.wait()


WRITES = {
    "tune": lambda gate, make: gate.tune("lo", 7e9, 13.0),
    "load": lambda gate, make: gate.load("awg", make.compiled().playlists["awg"]),
    "channels": lambda gate, make: gate.enable_channels("awg", [5]),
    "source": lambda gate, make: gate.enable_source("lo"),
    "run": lambda gate, make: gate.run("awg"),
    "trigger": lambda gate, make: gate.trigger("awg"),
}


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_while_nobody_knows_what_is_held(fake, make, write, held):
    holds = Doubtful()
    gate = Gate(make.lab(), fake.instruments, fake.clock, holds=holds)

    async def main() -> None:
        holds.known.set()
        await gate.cold.refresh()
        if write == "source":
            await gate.tune("lo", 7e9, 13.0)
        holds.known.clear()
        fake.log.clear()
        writing = asyncio.create_task(WRITES[write](gate, make))
        await asyncio.sleep(0.05)
        assert holds.asked
        assert not writing.done()
        assert fake.log == []
        await gate.safe()  # what makes safe waits for nobody
        fake.log.clear()
        if write == "source":
            gate._carriers["lo"] = (7e9, 13.0)
        holds.held = [HOLD] if held else []
        holds.known.set()
        await asyncio.gather(writing, return_exceptions=True)
        assert isinstance(writing.exception(), Held) == held
        assert bool(fake.log) != held

    asyncio.run(main())


def test_a_carrier_that_is_on_stands_still_while_nobody_knows_what_is_held(fake, make):
    holds, lab = Doubtful(), make.lab()
    entry = lab.instruments["lo"]
    slow = {**entry.limits, "frequency": Limit(4e9, 8e9, 1e9)}
    lab = replace(lab, instruments={**lab.instruments, "lo": replace(entry, limits=slow)})
    gate = Gate(lab, fake.instruments, fake.clock, holds=holds)

    async def main() -> None:
        holds.known.set()
        await gate.cold.refresh()
        await gate.tune("lo", 5e9, 13.0)
        await gate.enable_source("lo")
        walking = asyncio.create_task(gate.tune("lo", 7e9, 13.0))
        await asyncio.sleep(0.25)
        holds.known.clear()
        await asyncio.sleep(0.15)
        stood = fake.lo.hz
        assert 5e9 < stood < 7e9
        await asyncio.sleep(0.25)
        assert fake.lo.hz == stood
        holds.held = [HOLD]
        holds.known.set()
        with pytest.raises(Held):
            await walking
        assert fake.lo.hz == stood

    asyncio.run(main())


def test_a_bias_that_is_ramped_stands_still_while_nobody_knows_what_is_held(make):
    holds, fake, lab = Doubtful(), BiasedLab(), make.lab()
    bias = InstrumentEntry("bias", "bias", "addr-bias", limits={"volts": LIMIT}, line=30)
    lab = replace(lab, instruments={**lab.instruments, "bias": bias})
    gate = Gate(lab, fake.instruments, fake.clock, holds=holds)
    fake.bias.pause = 0.15

    async def main() -> None:
        holds.known.set()
        await gate.cold.refresh()
        ramping = asyncio.create_task(gate.set_bias("bias", 0.9))
        await asyncio.sleep(0.2)
        holds.known.clear()
        await asyncio.sleep(0.25)
        stood = fake.levels()
        assert 1 <= len(stood) < 7
        await asyncio.sleep(0.3)
        assert fake.levels() == stood
        holds.known.set()
        await ramping
        assert fake.bias.volts == 0.9

    asyncio.run(main())
