"""A source that is on moves from where it is, in the steps and at the rate of lab.toml."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kammerton.bench import Gate, ramp
from kammerton.lab import Limit
from kammerton.model import InstrumentError

LIMITS = {"frequency": Limit(4e9, 8e9, 1e9), "power": Limit(-20.0, 16.0, 20.0)}
"""Of a tenth of a second each: 100 MHz and 2 dB a step."""

FORBIDDEN = [{"hz": 9e9}, {"hz": 3e9}, {"dbm": 17.0}, {"dbm": -21.0}]
INSIDE = {"hz": 5e9, "dbm": 0.0}


@pytest.fixture
def gate(fake, make, monkeypatch) -> Gate:
    """A gate whose pauses, and whose questions to the source, are in the log instead of taken."""

    async def pause(seconds: float) -> None:
        fake.log.append(("lo", "pause", str(seconds)))

    answered = fake.lo.settings

    async def settings() -> tuple[float, float, bool]:
        fake.log.append(("lo", "settings"))
        return await answered()

    monkeypatch.setattr(ramp, "asyncio", SimpleNamespace(sleep=pause))
    monkeypatch.setattr(fake.lo, "settings", settings)
    lab = make.lab()
    lo = replace(lab.instruments["lo"], limits=LIMITS)
    return Gate(
        replace(lab, instruments={**lab.instruments, "lo": lo}), fake.instruments, fake.clock
    )


def tuned(gate: Gate, fake, to_hz: float, to_dbm: float, **now: object) -> list[tuple[str, ...]]:
    """Tune a source that stands at `now`; return what it was told and asked meanwhile."""
    for key, value in now.items():
        setattr(fake.lo, key, value)
    del fake.log[:]
    asyncio.run(gate.tune("lo", to_hz, to_dbm))
    return fake.log.of("lo")


def moves(log: list[tuple[str, ...]], kind: str) -> list[tuple[float, float]]:
    """Return each value of a kind and the pause that followed it, s; NaN where none did."""
    found = []
    for this, then in zip(log, [*log[1:], ("end",)], strict=True):
        if this[0] == kind:
            found.append((float(this[1]), float(then[1]) if then[0] == "pause" else math.nan))
    return found


def near(expected: list[tuple[float, float]]) -> list[object]:
    return [pytest.approx(pair, rel=1e-9, abs=1e-9) for pair in expected]


@pytest.mark.parametrize(
    ("start", "target", "expected"),
    [
        (5e9, 5.3e9, [(5.1e9, 0.1), (5.2e9, 0.1), (5.3e9, 0.1)]),
        (5.15e9, 5e9, [(5.075e9, 0.075), (5e9, 0.075)]),
        (5e9, 5.01e9, [(5.01e9, 0.01)]),
    ],
)
def test_a_source_that_is_on_goes_to_its_frequency_in_steps(gate, fake, start, target, expected):
    log = tuned(gate, fake, target, 0.0, hz=start, dbm=0.0, on=True)
    assert log[0] == ("settings",)  # where it is comes from the box, not from what was set last
    assert moves(log, "frequency") == near(expected)
    assert fake.lo.on


@pytest.mark.parametrize(
    ("start", "target", "expected"),
    [
        (-5.0, 1.0, [(-3.0, 0.1), (-1.0, 0.1), (1.0, 0.1)]),
        (0.0, -3.0, [(-1.5, 0.075), (-3.0, 0.075)]),
        (0.0, 1.0, [(1.0, 0.05)]),
    ],
)
def test_a_source_that_is_on_goes_to_its_power_in_steps(gate, fake, start, target, expected):
    log = tuned(gate, fake, 5e9, target, hz=5e9, dbm=start, on=True)
    assert log[0] == ("settings",)
    assert moves(log, "power") == near(expected)
    assert fake.lo.on


def test_a_source_that_somebody_moved_starts_from_where_it_is_now(gate, fake):
    tuned(gate, fake, 5e9, 0.0)
    log = tuned(gate, fake, 5.1e9, 0.0, hz=5.3e9, on=True)
    assert moves(log, "frequency") == near([(5.2e9, 0.1), (5.1e9, 0.1)])


def test_a_source_that_is_off_is_set_at_once(gate, fake):
    log = tuned(gate, fake, 7.9e9, 10.0, hz=1e9, dbm=-100.0)
    assert log == [("settings",), ("power", "10.0"), ("frequency", "7900000000.0"), ("settings",)]
    assert not fake.lo.on


@pytest.mark.parametrize("outside", FORBIDDEN)
def test_a_source_that_is_on_outside_its_limits_goes_off_before_it_moves(gate, fake, outside):
    log = tuned(gate, fake, 5.1e9, 1.0, **INSIDE | outside, on=True)
    assert [kind for kind, *_ in log] == [
        "settings", "safe", "settings", "power", "frequency", "settings"
    ]  # fmt: skip
    assert not fake.lo.on
    assert (fake.lo.hz, fake.lo.dbm) == (5.1e9, 1.0)


@pytest.mark.parametrize("outside", FORBIDDEN)
def test_a_source_outside_its_limits_that_does_not_go_off_is_not_moved(gate, fake, outside):
    fake.lo.ignores_off = True
    with pytest.raises(InstrumentError, match="reads back on after it was switched off"):
        tuned(gate, fake, 5.1e9, 1.0, **INSIDE | outside, on=True)
    assert moves(fake.log.of("lo"), "power") == moves(fake.log.of("lo"), "frequency") == []


def test_a_source_that_went_off_for_that_is_switched_on_again(gate, fake):
    async def twice() -> None:
        await gate.cold.refresh()
        await gate.tune("lo", 5e9, 0.0)
        await gate.enable_source("lo")
        fake.lo.hz = 9e9
        await gate.tune("lo", 5.1e9, 0.0)
        assert not fake.lo.on
        await gate.enable_source("lo")

    asyncio.run(twice())
    assert fake.lo.on
