"""Bias sources behind the gate: where a ramp begins, how it goes, how it ends, what safe means."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np
import pytest

from kammerton.bench import Gate
from kammerton.lab import Channel, InstrumentEntry, IqLine, Limit, QubitEntry
from kammerton.model import (
    DriveInhibited,
    Held,
    InstrumentError,
    OutputRefused,
    SettingsChanged,
)
from tests.unit.bench.conftest import Fake, FakeLab
from tests.unit.bench.test_gate import soon

LIMIT = Limit(-1.0, 1.0, 0.5, 0.1)


@dataclass
class FakeBias(Fake):
    """Level 0.2 V, on, as somebody left it; `stuck` takes no level, `lies` reads another one."""

    volts: float = 0.2
    on: bool = True
    stuck: bool = False
    lies: float = 0.0
    pause: float = 0.0

    async def set_voltage(self, volts: float, *, rate: float) -> None:
        await self.did("set", round(volts, 6), rate)
        await asyncio.sleep(self.pause)
        if not self.stuck:
            self.volts = volts

    async def enable(self, *, on: bool) -> None:
        await self.did("enable", on)
        self.on = on

    async def settings(self) -> tuple[float, bool]:
        await self.did("read")
        return self.volts + self.lies, self.on

    async def safe(self) -> None:
        await super().safe()
        self.volts, self.on = 0.0, False


@dataclass
class Hold:
    scope: str
    owner: str = "Ada"
    why: str = "measuring by hand"
    until: None = None


@dataclass
class BiasedLab(FakeLab):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.bias = FakeBias("bias", self.log)

    @property
    def instruments(self) -> dict[str, Fake]:
        return {**super().instruments, "bias": self.bias}

    def levels(self) -> list[float]:
        return [float(entry[1]) for entry in self.log.of("bias") if entry[0] == "set"]


@pytest.fixture
def fake() -> BiasedLab:
    return BiasedLab()


@pytest.fixture
def gate(fake, make) -> Gate:
    return gate_of(fake, make)


def gate_of(fake, make, holds=(), **entry) -> Gate:
    words = {"limits": {"volts": LIMIT}, "line": 30, **entry}
    bias = InstrumentEntry("bias", "bias", "addr-bias", **words)
    lab = make.lab()
    lab = replace(lab, instruments={**lab.instruments, "bias": bias})
    gate = Gate(lab, fake.instruments, fake.clock, holds=lambda: holds)
    asyncio.run(gate.cold.refresh())
    return gate


def test_a_ramp_begins_where_the_box_is_and_takes_small_steps(gate, fake):
    asyncio.run(gate.set_bias("bias", -0.25))
    assert fake.log.of("bias")[0] == ("read",)
    hops = np.abs(np.diff([0.2, *fake.levels()]))
    assert hops.max() <= 0.1 + 1e-9
    assert fake.levels()[-1] == -0.25
    assert all(entry[2] == "0.5" for entry in fake.log.of("bias") if entry[0] == "set")
    assert fake.log.of("bias")[-1] == ("read",)
    assert (gate.changes[-1].old, gate.changes[-1].new) == ("0.2 V", "-0.25 V")


def test_an_output_that_is_off_goes_on_at_zero(gate, fake):
    fake.bias.on = False
    asyncio.run(gate.set_bias("bias", 0.05))
    assert [entry for entry in fake.log.of("bias") if entry[0] != "read"] == [
        ("set", "0.0", "0.5"), ("enable", "True"), ("set", "0.05", "0.5"),
    ]  # fmt: skip


@pytest.mark.parametrize("least", [0.1, -0.9])
def test_an_output_that_is_off_does_not_go_on_where_zero_is_forbidden(fake, make, least):
    fake.bias.on = False
    limit = Limit(least, least + 0.8, 0.5, 0.1)
    gate = gate_of(fake, make, limits={"volts": limit})
    with pytest.raises(OutputRefused, match="is off and would begin at 0 V, outside its own"):
        asyncio.run(gate.set_bias("bias", least + 0.4))
    assert {entry[0] for entry in fake.log.of("bias")} == {"read"}


@pytest.mark.parametrize("volts", [1.01, -1.01, np.nan, np.inf])
def test_nothing_beyond_the_limits_reaches_the_box(gate, fake, volts):
    with pytest.raises(OutputRefused, match="bias bias: volts = "):
        asyncio.run(gate.set_bias("bias", volts))
    assert fake.log.of("bias") == []


def test_c6_without_limits_it_stays_as_it_is(fake, make):
    gate = gate_of(fake, make, limits={})
    with pytest.raises(OutputRefused, match=r"volts cannot be set without limits\.volts"):
        asyncio.run(gate.set_bias("bias", 0.0))
    assert fake.log.of("bias") == []


def test_a_box_that_stands_outside_is_not_brought_back_through_what_is_forbidden(gate, fake):
    fake.bias.volts = 1.5
    with pytest.raises(OutputRefused, match=r"is at 1.5 V, outside its own limits"):
        asyncio.run(gate.set_bias("bias", 0.0))
    assert fake.levels() == []


def test_a_warm_fridge_lets_a_bias_only_go_to_zero(gate, fake):
    fake.fridge.kelvin = 4.0
    asyncio.run(gate.cold.refresh())
    with pytest.raises(OutputRefused, match="bias: drive is refused"):
        asyncio.run(gate.set_bias("bias", 0.1))
    asyncio.run(gate.set_bias("bias", 0.0))
    assert fake.bias.volts == 0.0


def test_a_ramp_can_be_cancelled_at_any_step_and_says_where_it_stopped(gate, fake):
    async def main() -> None:
        ramp = asyncio.create_task(gate.set_bias("bias", 1.0))
        while len(fake.levels()) < 3:  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0)
        ramp.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ramp

    asyncio.run(main())
    assert fake.bias.volts == pytest.approx(0.4)
    assert len(fake.levels()) == 3
    assert gate.changes[-1].new == "0.4 V"
    assert "ramp to 1 V ended by CancelledError" in gate.changes[-1].rule


def test_a_person_ends_a_ramp_at_the_next_step(fake, make):
    holds: list[Hold] = []
    gate = gate_of(fake, make, holds=holds)

    async def main() -> None:
        ramp = asyncio.create_task(gate.set_bias("bias", 1.0))
        while len(fake.levels()) < 3:  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0)
        holds.append(Hold("bias"))
        with pytest.raises(Held, match="bias is held by Ada: measuring by hand"):
            await ramp

    asyncio.run(main())
    assert len(fake.levels()) == 3


def ramp_into_the_warmth(gate, fake, start: float, volts: float) -> None:
    """Ramp; after the first step the mixing chamber reads 4 K."""

    async def main() -> None:
        ramp = asyncio.create_task(gate.set_bias("bias", volts))
        while not fake.levels():  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0)
        fake.fridge.kelvin = 4.0
        await gate.cold.refresh()
        await ramp

    fake.bias.volts, fake.bias.pause = start, 0.02
    asyncio.run(main())


@pytest.mark.parametrize(("start", "volts"), [(0.2, 1.0), (-0.2, -1.0), (0.1, -1.0)])
def test_f1_a_ramp_ends_where_it_gets_warm(gate, fake, start, volts):
    with pytest.raises(DriveInhibited, match="bias: drive is refused: the mixing chamber reads 4"):
        ramp_into_the_warmth(gate, fake, start, volts)
    assert len(fake.levels()) < 3
    assert "ended by bias: drive is refused" in gate.changes[-1].rule


@pytest.mark.parametrize("start", [0.6, -0.6])
def test_f1_where_it_gets_warm_a_ramp_towards_zero_goes_on(gate, fake, start):
    ramp_into_the_warmth(gate, fake, start, start / 10)
    assert fake.bias.volts == start / 10


@pytest.mark.parametrize("fault", ["stuck", "lies"])
def test_a_level_that_does_not_read_back_is_named(gate, fake, fault):
    setattr(fake.bias, fault, 0.01)
    with pytest.raises(InstrumentError, match=r"ramped to 300 mV but reads back"):
        asyncio.run(gate.set_bias("bias", 0.3))


# safe


def test_by_default_it_holds_and_is_read_back(gate, fake):
    asyncio.run(gate.set_bias("bias", 0.3))
    fake.log.clear()
    asyncio.run(gate.safe())
    assert fake.log.of("bias") == [("read",)]
    assert fake.bias.volts == 0.3


def test_one_that_did_not_hold_is_named(gate, fake):
    asyncio.run(gate.set_bias("bias", 0.3))
    fake.bias.volts = 0.0
    with pytest.raises(InstrumentError, match=r"bias was left at 0\.3 V but reads 0 V"):
        asyncio.run(gate.safe())


@pytest.mark.parametrize(("state", "on"), [("zero", True), ("off", False)])
def test_it_ramps_to_zero_where_lab_toml_wants_that_after_everything_else(fake, make, state, on):
    gate = gate_of(fake, make, safe=state)
    asyncio.run(gate.safe())
    assert fake.levels() == [0.1, 0.0]
    assert (fake.bias.volts, fake.bias.on) == (0.0, on)
    order = [entry[0] for entry in fake.log if entry[0] != "fridge"]
    assert order.index("bias") > max(order.index("awg"), order.index("lo"))
    (moved,) = (line for line in gate.changes if line.what == "bias")
    assert (moved.old, moved.new) == ("0.2 V", "0 V" if on else "off")
    assert moved.rule == f'safe = "{state}" of bias'
    asyncio.run(gate.safe())
    assert [line.what for line in gate.changes].count("bias") == 1, "nothing moved"


def test_without_a_limit_the_driver_ramps_as_it_knows(fake, make):
    gate = gate_of(fake, make, safe="off", limits={})
    asyncio.run(gate.safe())
    assert ("safe",) in fake.log.of("bias")


def test_one_that_stays_is_named(fake, make):
    gate = gate_of(fake, make, safe="zero")
    fake.bias.stuck = True
    with pytest.raises(InstrumentError, match=r"bias is not known to be as lab\.toml wants it"):
        asyncio.run(gate.safe())


# leases on other instruments


@pytest.mark.parametrize("scope", ["awg", "lo", "computer"])
def test_what_a_person_holds_is_not_driven(fake, make, scope):
    gate = gate_of(fake, make, holds=[Hold(scope)])
    with pytest.raises(Held, match=f"{scope} is held by Ada"):
        asyncio.run(gate.admit(make.compiled()))
    with pytest.raises(Held):
        asyncio.run(gate.tune("lo", 7e9, 0.0) if scope == "lo" else gate.run("awg"))
    assert [e for e in fake.log if e[0] in ("awg", "lo")] == []
    assert "held by Ada" in (gate.changes[-1].refused or "")


def test_a_hold_on_a_qubit_is_the_planners_business(fake, make):
    gate = gate_of(fake, make, holds=[Hold("q0")])
    asyncio.run(gate.admit(make.compiled()))
    assert [change.refused for change in gate.changes if change.refused] == []


@pytest.mark.parametrize(("moved", "said"), [
    ({"volts": 0.3}, "0.3 V, not 0.2 V"), ({"on": False}, "off, not 0.2 V"),
])  # fmt: skip
def test_i10_a_bias_that_somebody_else_moved_is_noticed_once(gate, fake, moved, said):
    asyncio.run(gate.biases.as_left())
    asyncio.run(gate.biases.as_left())
    for key, value in moved.items():
        setattr(fake.bias, key, value)
    with pytest.raises(SettingsChanged, match=said) as change:
        asyncio.run(gate.biases.as_left())
    assert change.value.instrument == "bias"
    assert "somebody else" in str(gate.changes[-1])
    assert gate.changes[-1].found
    asyncio.run(gate.biases.as_left())  # after the pause what is found counts as meant


def test_a_bias_that_the_gate_moved_is_as_it_was_left(gate, fake):
    asyncio.run(gate.biases.as_left())
    asyncio.run(gate.set_bias("bias", -0.25))
    asyncio.run(gate.biases.as_left())
    fake.bias.volts = 0.0
    with pytest.raises(SettingsChanged, match=r"0 V, not -0\.25 V"):
        asyncio.run(gate.biases.as_left())


def test_after_a_ramp_that_did_not_arrive_what_is_found_is_the_start(gate, fake):
    asyncio.run(gate.biases.as_left())
    fake.bias.stuck = True
    with pytest.raises(InstrumentError):
        asyncio.run(gate.set_bias("bias", -0.25))
    asyncio.run(gate.biases.as_left())


def test_a_bias_that_is_misheard_once_was_moved_by_nobody(gate, fake, caplog):
    def misheard(*volts: float) -> None:
        heard = iter(volts)

        async def settings() -> tuple[float, bool]:
            return next(heard, 0.2), True

        fake.bias.settings = settings

    misheard(0.3)
    asyncio.run(gate.biases.as_left())  # not even at the first look, which others are held against
    asyncio.run(gate.biases.as_left())
    misheard(0.3)
    asyncio.run(gate.biases.as_left())
    assert caplog.text.count("bias: an answer was disturbed") == 2
    misheard(0.3, 0.3)
    with pytest.raises(SettingsChanged, match=r"bias is not as it was: 0\.3 V, not 0\.2 V"):
        asyncio.run(gate.biases.as_left())


# a bias that belongs to a qubit


def gate_of_qubit(fake, make, *held: str, **entry) -> tuple[Gate, list[Hold]]:
    """Return a gate whose bias belongs to q0, and the holds of persons."""
    holds = [Hold(scope) for scope in held]
    gate = gate_of(fake, make, holds=holds, **entry)
    lab = gate.lab
    drive = IqLine(Channel("awg", 1), Channel("awg", 2), "lo", 7e9, 0.0)
    qubits = {"q0": QubitEntry("q0", "r0", drive, {}, bias="bias")}
    gate = Gate(replace(lab, qubits=qubits), fake.instruments, fake.clock, holds=lambda: holds)
    asyncio.run(gate.cold.refresh())
    return gate, holds


def test_a_hold_of_a_qubit_keeps_its_bias(fake, make):
    gate, holds = gate_of_qubit(fake, make, "q0")
    with pytest.raises(Held, match="q0 is held by Ada: measuring by hand"):
        asyncio.run(gate.set_bias("bias", 0.5))
    assert fake.levels() == []
    holds[:] = [Hold("q1")]
    asyncio.run(gate.set_bias("bias", 0.5))
    assert fake.bias.volts == 0.5


@pytest.mark.parametrize("goal", [0.9, -0.9])
def test_a_hold_of_its_qubit_ends_a_ramp_of_a_bias_either_way(fake, make, goal):
    gate, holds = gate_of_qubit(fake, make)
    fake.bias.volts = -0.5 if goal < 0 else 0.5
    fake.bias.pause = 0.02

    async def main() -> None:
        ramp = asyncio.create_task(gate.set_bias("bias", 0.0 if goal < 0 else goal))
        while not fake.levels():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        holds.append(Hold("q0"))
        with pytest.raises(Held):
            await ramp

    asyncio.run(main())
    assert 1 <= len(fake.levels()) <= 2


@pytest.mark.parametrize("state", ["hold", "zero", "off"])
def test_making_safe_leaves_the_bias_of_a_held_qubit_where_its_person_put_it(fake, make, state):
    gate, holds = gate_of_qubit(fake, make, safe=state)
    asyncio.run(gate.set_bias("bias", 0.3))
    holds.append(Hold("q0"))
    fake.bias.volts = 0.7
    fake.log.clear()
    asyncio.run(gate.safe())
    assert (fake.levels(), fake.bias.volts, fake.bias.on) == ([], 0.7, True)
    holds.clear()
    asyncio.run(gate.safe())
    assert fake.bias.volts == (0.7 if state == "hold" else 0.0)


def test_who_holds_a_qubit_may_move_its_bias_as_often_as_wanted(fake, make):
    """A run that saw it is not believed; nobody is waited for, and nothing is set aside."""
    gate, _ = gate_of_qubit(fake, make, "q0")
    asyncio.run(gate.biases.as_left())
    for volts in (0.3, 0.4, 0.5):
        fake.bias.volts = volts
        with pytest.raises(SettingsChanged, match=f"{volts} V, not .*; q0 is held by Ada"):
            asyncio.run(gate.biases.as_left())
        asyncio.run(gate.biases.as_left())
        asyncio.run(gate.guard.require_cold("q1"))


def test_a_bias_that_belongs_to_nobody_is_waited_for_as_before(fake, make):
    gate = gate_of(fake, make, holds=[Hold("q0")])
    asyncio.run(gate.biases.as_left())
    fake.bias.volts = 0.3
    with pytest.raises(SettingsChanged):
        asyncio.run(gate.biases.as_left())
    with pytest.raises(DriveInhibited, match="s more"):
        asyncio.run(gate.guard.require_cold("lo"))


def test_a_hold_of_its_qubit_ends_a_ramp_that_makes_it_safe_too(fake, make):
    gate, holds = gate_of_qubit(fake, make, safe="zero")
    fake.bias.volts, fake.bias.pause = 0.9, 0.02

    async def main() -> None:
        ramp = asyncio.create_task(gate.safe())
        while not fake.levels():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        holds.append(Hold("q0"))
        await ramp

    asyncio.run(main())
    assert 1 <= len(fake.levels()) <= 2
    assert fake.bias.volts > 0.5


def test_all_is_safe_though_a_person_has_unplugged_the_bias_of_a_held_qubit(fake, make):
    gate, holds = gate_of_qubit(fake, make, "q0")
    fake.bias.fail["read"] = InstrumentError("bias: no route to host")
    asyncio.run(gate.safe())
    holds.clear()
    with pytest.raises(InstrumentError, match="no route"):
        asyncio.run(gate.safe())


def test_nothing_is_measured_while_the_flux_of_an_unplugged_bias_is_unknown_held_or_not(fake, make):
    gate, _ = gate_of_qubit(fake, make, "q0")
    asyncio.run(gate.biases.as_left())
    fake.bias.fail["read"] = InstrumentError("bias: no route to host")
    with pytest.raises(InstrumentError, match="no route"):
        asyncio.run(gate.biases.as_left())


@pytest.mark.parametrize("state", ["zero", "off"])
def test_what_was_made_safe_moves_qubits_as_any_hand_would_but_nobody_is_waited_for(
    fake, make, state
):
    gate = gate_of(fake, make, safe=state)
    asyncio.run(gate.safe())
    with pytest.raises(SettingsChanged, match=r"bias was made safe: .*, not 0\.2 V"):
        asyncio.run(gate.biases.as_left())
    asyncio.run(gate.biases.as_left())
    asyncio.run(gate.safe())
    asyncio.run(gate.biases.as_left())
    asyncio.run(gate.guard.require_cold("lo"))


def test_who_asks_what_was_made_safe_is_told_once_and_instead_of_the_next_look(fake, make):
    gate = gate_of(fake, make, safe="zero")
    asyncio.run(gate.safe())
    assert (gate.biases.made_safe(), gate.biases.made_safe()) == ({"bias"}, frozenset())
    asyncio.run(gate.biases.as_left())
    assert asyncio.run(gate.biases.levels()) == {"bias": (0.0, True)}
    fake.bias.fail["read"] = InstrumentError("no answer")
    assert asyncio.run(gate.biases.levels()) == {}


def test_a_hand_on_a_bias_is_told_though_all_was_made_safe_since(fake, make):
    """After the interlock it stays where it was, and so do the qubits."""
    gate = gate_of(fake, make)
    asyncio.run(gate.biases.as_left())
    asyncio.run(gate.safe())
    fake.bias.volts = 0.3
    with pytest.raises(SettingsChanged, match=r"0\.3 V, not 0\.2 V"):
        asyncio.run(gate.biases.as_left())


def test_a_bias_that_fails_on_the_way_to_zero_was_moved_as_the_audit_says(fake, make):
    gate = gate_of(fake, make, safe="zero")
    fake.bias.volts, fake.bias.pause = 0.8, 0.005

    async def main() -> None:
        safe = asyncio.create_task(gate.safe())
        await soon(lambda: fake.bias.volts < 0.65)
        fake.bias.fail["set"] = InstrumentError("bias: no answer")
        with pytest.raises(InstrumentError, match="bias is not known to be as lab"):
            await safe

    asyncio.run(main())
    line = next(change for change in gate.changes if change.what == "bias")
    assert (line.old, line.new) == ("0.8 V", "unknown, on the way to 0 V")
    assert line.rule == 'a ramp ended by bias: no answer: safe = "zero" of bias'


def test_a_bias_that_a_hold_stops_on_the_way_to_zero_was_moved_as_the_audit_says(fake, make):
    gate, holds = gate_of_qubit(fake, make, safe="zero")
    fake.bias.volts, fake.bias.pause = 0.8, 0.005

    async def main() -> None:
        safe = asyncio.create_task(gate.safe())
        await soon(lambda: fake.bias.volts < 0.65)
        holds.append(Hold("q0"))
        await safe

    asyncio.run(main())
    line = next(change for change in gate.changes if change.what == "bias")
    assert (line.old, line.new) == ("0.8 V", f"{fake.bias.volts:g} V")
    assert 0.0 < fake.bias.volts < 0.65


def test_a_bias_that_its_driver_took_off_was_moved_as_the_audit_says(fake, make):
    gate = gate_of(fake, make, limits={}, safe="zero")
    asyncio.run(gate.safe())
    line = next(change for change in gate.changes if change.what == "bias")
    assert (line.old, line.new, line.rule) == ("0.2 V", "off", 'safe = "zero" of bias')
