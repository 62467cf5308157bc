"""The simulated 33522B keeps its levels to limits of its own, whoever sets them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.k33522b import Keysight33522b

ON = "VOLT:LIM:LOW -0.2;HIGH 0.6;STAT ON"


@pytest.fixture
def box() -> Keysight33522b:
    return Keysight33522b("fg", Ledger(lambda: 0.0))


def told(box: Keysight33522b, message: str) -> str:
    return box.receive(message.encode()).decode()


def value(box: Keysight33522b, what: str) -> float:
    return float(told(box, what))


def error(box: Keysight33522b) -> int:
    return int(told(box, "SYST:ERR?").partition(",")[0])


def limits(box: Keysight33522b, channel: int = 1) -> tuple[float, float, bool]:
    low, high = (value(box, f"SOUR{channel}:VOLT:LIM:{end}?") for end in ("LOW", "HIGH"))
    return low, high, told(box, f"SOUR{channel}:VOLT:LIM:STAT?") == "1"


def test_they_are_5_v_and_off_until_they_are_set_and_after_a_reset(box):
    assert (limits(box, 1), limits(box, 2)) == ((-5.0, 5.0, False),) * 2
    told(box, f"SOUR2:{ON}")
    assert (limits(box, 1), limits(box, 2)) == ((-5.0, 5.0, False), (-0.2, 0.6, True))
    told(box, "*RST")
    assert limits(box, 2) == (-5.0, 5.0, False)
    told(box, f"SOUR2:{ON}")
    box.power_cycle()
    assert limits(box, 2) == (-5.0, 5.0, False)
    assert error(box) == 0


def test_the_values_alone_limit_nothing(box):
    told(box, "VOLT:LIM:LOW -0.2;HIGH 0.6;:VOLT 2")
    assert (value(box, "VOLT?"), error(box)) == (2.0, 0)


@pytest.mark.parametrize(
    ("command", "low", "high"),
    [
        ("VOLT 2", -0.2, 0.2),
        ("VOLT:OFFS 0.59", 0.5, 0.6),
        ("VOLT:OFFS -4", -0.2, -0.1),
        ("VOLT:HIGH 0.7", -0.05, 0.6),
        ("VOLT:HIGH -1", -0.2, -0.199),
        ("VOLT:LOW -1", -0.2, 0.05),
        ("VOLT:LOW 4", 0.599, 0.6),
        ("FUNC DC;VOLT:OFFS 1", 0.6, 0.6),
        ("FUNC DC;VOLT:OFFS 0.6;:FUNC PULS", 0.5, 0.6),
        ("FUNC DC;VOLT 9;:FUNC PULS", -0.2, 0.6),
        ("VOLT 1 VRMS", -0.2, 0.2),
    ],
)
def test_a_level_beyond_a_limit_is_clipped_to_it_and_said(box, command, low, high):
    told(box, f"{ON};:OUTP ON;:{command}")
    found = box.levels()["fg.1"]
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert error(box) == -221


@pytest.mark.parametrize(
    "commands",
    ["VOLT 0.4", "VOLT 0.001;VOLT:OFFS 0.3;:VOLT 0.6", "VOLT:HIGH 0.6;LOW -0.2", "VOLT:OFFS 0.55",
     "VOLT:OFFS 0.2;:VOLT 0.8", "FUNC DC;VOLT:OFFS 0.6"],
)  # fmt: skip
def test_what_lies_within_is_taken_as_it_is(box, commands):
    told(box, f"{ON};:{commands}")
    assert error(box) == 0


@pytest.mark.parametrize(
    ("before", "command", "left"),
    [
        ("VOLT 2", "STAT ON", (-0.2, 0.6, False)),
        ("VOLT:LIM:STAT ON", "HIGH 0.02", (-0.2, 0.05, True)),
        ("VOLT:LIM:STAT ON", "LOW 0", (-0.05, 0.6, True)),
        ("VOLT 0.1", "HIGH -0.3", (-0.2, 0.6, False)),
        ("VOLT 0.1", "LOW 0.6", (-0.2, 0.6, False)),
    ],
)
def test_limits_that_would_cut_the_signal_or_cross_are_not_taken(box, before, command, left):
    told(box, f"VOLT:LIM:LOW -0.2;HIGH 0.6;:{before}")
    signal = value(box, "VOLT:LOW?"), value(box, "VOLT:HIGH?")
    told(box, f"VOLT:LIM:{command}")
    assert (error(box), limits(box)) == (-221, left)
    assert (value(box, "VOLT:LOW?"), value(box, "VOLT:HIGH?")) == signal


def test_the_load_cannot_be_changed_while_they_are_on(box):
    told(box, f"{ON};:OUTP1:LOAD INF")
    assert (error(box), value(box, "OUTP1:LOAD?")) == (-221, 50.0)
    told(box, "OUTP1:LOAD 50")
    assert error(box) == 0
    told(box, "VOLT:LIM:STAT OFF;:OUTP1:LOAD INF;:VOLT:LIM:HIGH? MAX")
    assert (error(box), value(box, "VOLT:LIM:HIGH? MAX")) == (0, 10.0)
    told(box, "OUTP1:LOAD 50;:VOLT:LIM:HIGH 7;LOW MIN")
    assert (error(box), limits(box)[:2]) == (-222, (-5.0, 5.0))


@pytest.mark.parametrize(
    ("key", "wanted", "said"),
    [
        ("voltage_limit_high", 0.01, "the signal is beyond that limit"),
        ("voltage_limit_high", -0.3, "must be above the low one"),
        ("load", 1e3, "cannot be changed while"),
        ("amplitude", 3.0, "it is 0.001 to 0.4 V at present"),
        ("offset", 3.0, "it is -0.15 to 0.55 V at present"),
    ],
)
def test_a_knob_ends_where_the_limits_are(box, key, wanted, said):
    told(box, ON)
    assert said in box.objection(key, (1,), wanted)
    box.turn(key, (1,), wanted)
    low, high = value(box, "VOLT:LOW?"), value(box, "VOLT:HIGH?")
    assert -0.2 - 1e-9 <= low <= high <= 0.6 + 1e-9
    assert (limits(box), value(box, "OUTP1:LOAD?")) == ((-0.2, 0.6, True), 50.0)


def test_what_was_set_is_in_the_ledger(box):
    told(box, f"SOUR2:{ON};:SOUR2:VOLT 2")
    noted = [(c["output"], c["what"], c["new"]) for c in box.ledger.since()]
    assert noted[:3] == [
        ("2", "voltage_limit_low", -0.2), ("2", "voltage_limit_high", 0.6),
        ("2", "voltage_limits", True),
    ]  # fmt: skip
    assert ("2", "high", 0.2) in noted, "and what came of 2 Vpp"
    assert ("2", "high", 1.0) not in noted


VOLTS = st.sampled_from([-4, -0.2, -0.1, 0, 0.05, 0.3, 0.6, 5])
COMMANDS = st.one_of(
    st.builds("VOLT {}".format, st.sampled_from([0.001, 0.1, 0.8, 3, "2 VRMS", "MAX"])),
    st.builds("VOLT:{} {}".format, st.sampled_from(["OFFS", "HIGH", "LOW"]), VOLTS),
    st.builds("FUNC {}".format, st.sampled_from(["DC", "PULS", "SIN", "RAMP"])),
    st.builds("OUTP1:LOAD {}".format, st.sampled_from([25, 50, "INF"])),
)


@given(st.lists(COMMANDS, max_size=12))
def test_no_level_is_ever_beyond_them(commands):
    box = Keysight33522b("fg", Ledger(lambda: 0.0))
    told(box, f"{ON};:OUTP1 ON")
    since = len(box.ledger.since())
    for command in commands:
        told(box, command)
    noted = [c["new"] for c in box.ledger.since(since) if c["what"] in ("low", "high")]
    assert all(-0.2 - 1e-9 <= level <= 0.6 + 1e-9 for level in noted)
    assert limits(box) == (-0.2, 0.6, True)
