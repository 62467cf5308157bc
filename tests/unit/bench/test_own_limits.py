"""What instruments are told to keep to themselves, and when."""

from dataclasses import dataclass, replace

import pytest

from kammerton.bench import Bench
from kammerton.bench.limits import check_value
from kammerton.bench.own_limits import allowed
from kammerton.lab import Channel, InstrumentEntry, IqLine, Limit, QubitEntry
from kammerton.model import Held, InstrumentError, OutputRefused, SettingsChanged
from kammerton.model.setup import Allowed, Setting, limits_itself, own_limits_of
from tests.unit.bench.conftest import FakeSource
from tests.unit.bench.test_bench import use
from tests.unit.bench.test_bias import LIMIT, BiasedLab, FakeBias, Hold

LIMITS = {"power": Limit(-60.0, 10.0, 100.0), "frequency": Limit(4e9, 8e9, 1e10)}
ENTRY = InstrumentEntry("lo", "some_driver", "TCPIP0::somewhere", LIMITS)


def test_an_instrument_is_allowed_what_the_gate_lets_pass():
    assert allowed(ENTRY) == {"power": (-60.0, 10.0), "frequency": (4e9, 8e9)}
    assert allowed(replace(ENTRY, limits={})) == {}


@pytest.mark.parametrize(("at_device", "most"), [(-30.0, 0.0), (-10.0, 10.0)])
def test_what_may_arrive_at_the_device_counts_too(at_device, most):
    behind = replace(ENTRY, attenuation=30.0, max_at_device=at_device)
    assert allowed(behind)["power"] == (-60.0, most)


@pytest.mark.parametrize(("at_device", "most"), [(-30.0, 0.2236), (-10.0, 0.5), (-16.0, 0.5)])
def test_what_volts_may_arrive_at_the_device_counts_too(make, at_device, most):
    """0 dBm into 50 ohm are 0.2236 V of a level that stays; -16 dBm behind 30 dB are 1.12 V."""
    limits = {"volts": Limit(-0.3, 0.5, 1e9)}
    behind = replace(ENTRY, limits=limits, attenuation=30.0, max_at_device=at_device)
    assert allowed(behind)["volts"] == pytest.approx((-min(most, 0.3), most), abs=1e-4)
    lab = replace(make.lab(), instruments={"lo": behind})
    for end in allowed(behind)["volts"]:
        check_value(lab, "lo", "volts", end * (1 - 1e-9))
        with pytest.raises(OutputRefused):
            check_value(lab, "lo", "volts", end * (1 + 1e-9))


def test_a_driver_is_marked_with_the_limits_of_its_instrument():
    def connect(name: str, address: str) -> None:
        """Connect to nothing."""

    assert own_limits_of(connect) is None
    assert limits_itself(lambda allowed: (Setting("most", 1.0, "V"),))(connect) is connect
    own = own_limits_of(connect)
    assert own is not None
    assert own({}) == (Setting("most", 1.0, "V"),)


@dataclass
class Limiting(FakeSource):
    async def limit(self, allowed: Allowed) -> None:
        await self.did("limit", *allowed["power"])


def test_own_limits_are_set_once_outputs_are_off_and_anew_with_all_else(fake, make, tmp_path):
    fake.lo = Limiting("lo", fake.log)
    least, most = allowed(make.lab().instruments["lo"])["power"]
    setup = [("safe",), ("limit", str(least), str(most)), ("configure",)]

    async def body(bench: Bench) -> None:
        assert fake.log.of("lo") == setup
        fake.log.clear()
        await bench.recover(InstrumentError("lo is gone", instrument="lo"))
        assert fake.log.of("lo") == setup

    use(fake, make, tmp_path, body)


def test_an_own_limit_that_was_another_is_in_the_audit_with_both(fake, make, tmp_path):
    """Somebody may have set a lower one by hand, and rely on it."""
    limit = {"power_limit": -10.0}
    fake.lo = Limiting("lo", fake.log)

    async def state() -> dict[str, float]:
        return dict(limit)

    async def set_limit(allowed: Allowed) -> None:
        limit["power_limit"] = allowed["power"][1]

    fake.lo.state, fake.lo.limit = state, set_limit

    async def body(bench: Bench) -> None:
        def found() -> list[tuple[object, ...]]:
            changes = bench.gate.changes
            return [(c.old, c.new) for c in changes if c.what == "lo power_limit"]

        assert found() == [("-10 dBm", "16 dBm")]
        await bench.recover(InstrumentError("lo is gone", instrument="lo"))
        assert len(found()) == 1

    use(fake, make, tmp_path, body)


def test_own_limits_are_not_set_while_a_person_holds_the_instrument(fake, make, tmp_path):
    fake.lo = Limiting("lo", fake.log)
    with pytest.raises(Held):
        use(fake, make, tmp_path, nothing, holds=lambda: [Hold("lo")])
    assert "limit" not in [entry[0] for entry in fake.log.of("lo")]


async def nothing(bench: Bench) -> None:
    """Do nothing."""


@dataclass
class LimitingBias(FakeBias):
    limiter: float = 30.0

    async def limit(self, allowed: Allowed) -> None:
        await self.did("limit", *allowed["volts"])

    async def state(self) -> dict[str, float]:
        return {"voltage_limit": self.limiter}


@pytest.mark.parametrize("held", [False, True])
def test_the_bias_of_a_held_qubit_is_neither_limited_nor_looked_at(make, tmp_path, held):
    fake = BiasedLab()
    fake.bias = LimitingBias("bias", fake.log)
    bias = InstrumentEntry("bias", "source", "addr-bias", {"volts": LIMIT})
    drive = IqLine(Channel("awg", 1), Channel("awg", 2), "lo", 7e9, 0.0)
    lab = make.lab()
    lab = replace(
        lab,
        instruments={**lab.instruments, "bias": bias},
        qubits={"q0": QubitEntry("q0", "r0", drive, {}, bias="bias")},
    )

    async def body(bench: Bench) -> None:
        assert (("limit", "-1.0", "1.0") in fake.log.of("bias")) is not held
        fake.bias.limiter = 5.0
        if held:
            assert await bench.look()
        else:
            with pytest.raises(SettingsChanged, match="voltage_limit is 5 V, not 30 V"):
                await bench.look()

    use(fake, make, tmp_path, body, lab=lab, holds=lambda: [Hold("q0")] if held else [])
