"""While a look at the leases has failed and the next is not done: nothing is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kammerton.bench import Bench, Gate
from kammerton.lab import InstrumentEntry, Limit
from kammerton.model import DriveInhibited, Held, InstrumentError
from kammerton.model.roles import FrequencySweep
from tests.unit.bench.conftest import Fake
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


class Vna(Fake):
    """A network analyzer."""

    async def configure(self) -> None:
        await self.did("configure")

    async def transmission(self, sweep: FrequencySweep) -> None:
        await self.did("transmission")


class Pulses(Fake):
    """A pulse generator."""

    fastest_edge = 1e-9

    async def set_pulse(self, channel: int, volts: float, width: float) -> None:
        await self.did("pulse")

    async def enable(self, channel: int, *, on: bool) -> None:
        await self.did("enable", on)

    async def settings(self, channel: int) -> tuple[float, float, bool]:
        return 0.1, 1e-9, False


SWEEP = FrequencySweep(4.5e9, 5e9, 11, 1e3, 0.0)
VOLTS = {"volts": Limit(-0.5, 0.5, 1e9)}

WRITES = {
    "tune": lambda bench, make: bench.gate.tune("lo", 7e9, 13.0),
    "load": lambda bench, make: bench.gate.load("awg", make.compiled().playlists["awg"]),
    "channels": lambda bench, make: bench.gate.enable_channels("awg", [5]),
    "source": lambda bench, make: bench.gate.enable_source("lo"),
    "run": lambda bench, make: bench.gate.run("awg"),
    "trigger": lambda bench, make: bench.gate.trigger("awg"),
    "analyzer": lambda bench, make: bench.gate.others.transmission("vna", SWEEP),
    "pulse": lambda bench, make: bench.gate.others.set_pulse("pulses", 1, 0.1, 1e-9),
    "pulser": lambda bench, make: bench.gate.others.enable_pulse("pulses", 1),
    "configure": lambda bench, make: bench.configure(),
}


def complete(fake, make, holds: Doubtful) -> Bench:
    """Return a bench with an analyzer and a pulse generator too."""
    lab, entry = make.lab(), InstrumentEntry
    further = {
        "vna": entry("vna", "analyzer", "addr-vna", lab.instruments["lo"].limits),
        "pulses": entry("pulses", "pulser", "addr-pulses", VOLTS),
    }
    lab = replace(lab, instruments={**lab.instruments, **further})
    instruments = {
        **fake.instruments, "vna": Vna("vna", fake.log), "pulses": Pulses("pulses", fake.log),
    }  # fmt: skip
    return Bench(lab, fake.clock, instruments, Gate(lab, instruments, fake.clock, holds=holds))


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_while_nobody_knows_what_is_held(fake, make, write, held):
    holds = Doubtful()
    bench = complete(fake, make, holds)
    gate = bench.gate

    async def main() -> None:
        holds.known.set()
        await gate.cold.refresh()
        if write == "source":
            await gate.tune("lo", 7e9, 13.0)
        holds.known.clear()
        fake.log.clear()
        writing = asyncio.create_task(WRITES[write](bench, make))
        await asyncio.sleep(0.05)
        assert holds.asked
        assert not writing.done()
        assert fake.log == []
        await gate.safe()  # what makes safe waits for nobody
        fake.log.clear()
        if write == "source":
            gate._set.carriers["lo"] = (7e9, 13.0)
        holds.held = [HOLD] if held else []
        holds.known.set()
        await asyncio.gather(writing, return_exceptions=True)
        assert isinstance(writing.exception(), Held) == held
        assert bool(fake.log) != held

    asyncio.run(main())


class Lost(Doubtful):
    """Holds that are known until they were asked for `looks` times."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks, self.waits = looks, asyncio.Event()

    async def certain(self) -> None:
        if self.asked >= self.looks:
            self.waits.set()
            await super().certain()
        self.asked += 1


@pytest.mark.parametrize("looks", [0, 1])
@pytest.mark.parametrize("write", ["channels", "source", "run", "trigger", "analyzer", "pulser"])
def test_f1_nothing_goes_on_after_a_trip_that_came_while_nobody_knew_what_is_held(
    fake, make, write, looks
):
    holds = Lost(99)
    bench = complete(fake, make, holds)
    gate = bench.gate

    async def main() -> None:
        await gate.cold.refresh()
        await gate.tune("lo", 7e9, 13.0)
        holds.asked, holds.looks = 0, looks
        fake.log.clear()
        writing = asyncio.create_task(WRITES[write](bench, make))
        waits = asyncio.create_task(holds.waits.wait())
        await asyncio.wait({writing, waits}, return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()
        if writing.done():  # it asks less often, and was over before
            return
        fake.fridge.kelvin = 0.5
        await gate.cold.refresh()
        await gate.safe("interlock")
        gate._set.carriers["lo"] = (7e9, 13.0)
        fake.log.clear()
        holds.known.set()
        with pytest.raises(DriveInhibited, match="reads 500 mK"):
            await writing
        assert fake.log == []

    asyncio.run(main())


@pytest.mark.parametrize("held", [False, True])
def test_what_is_recovered_is_switched_off_but_not_set_up_while_nobody_knows(fake, make, held):
    """Of several, those that nobody holds are set up, and the one that is held is named."""
    holds = Doubtful()
    bench = complete(fake, make, holds)
    configured = lambda: sorted(entry[0] for entry in fake.log if entry[1] == "configure")  # noqa: E731 - it says what it is

    async def main() -> None:
        recovering = asyncio.create_task(bench.recover(InstrumentError("no triggers")))
        await asyncio.sleep(0.05)
        assert ("lo", "safe") in fake.log
        assert configured() == []
        holds.held = [Hold("lo")] if held else []
        holds.known.set()
        await asyncio.gather(recovering, return_exceptions=True)
        failure = recovering.exception()
        assert configured() == (["awg", "dig"] if held else ["awg", "dig", "lo"])
        assert isinstance(failure, InstrumentError) == held
        assert not held or "lo: hands off" in str(failure)

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
