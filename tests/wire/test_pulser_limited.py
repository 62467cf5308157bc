"""The limits that a 33522B keeps by itself, as a bench sets them, looks at them and plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kammerton.bench import Bench, guard
from kammerton.lab import Lab
from kammerton.model import InstrumentError, OutputRefused, SettingsChanged
from kammerton_sim.laboratory import Laboratory
from tests.wire.beside import lab_of, laboratory_with, use
from tests.wire.test_k33522b_own_limits import limits


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    with laboratory_with("pulser", "keysight_33522b") as laboratory:
        yield laboratory


@pytest.fixture
def lab(laboratory: Laboratory, tmp_path: Path) -> Lab:
    return lab_of(laboratory, tmp_path)


def test_i10_a_limit_that_somebody_switches_off_is_noticed(laboratory, lab, monkeypatch):
    monkeypatch.setattr(guard, "PAUSE", 30.0)

    async def body(bench: Bench) -> None:
        assert await bench.look()
        assert limits(laboratory.further["pulser"], 2) == (-1.0, 1.0, True)
        changed = {c.what: (c.old, c.new) for c in bench.gate.changes}
        assert changed["pulser voltage_limit_high.2"] == ("5 V", "1 V")
        assert changed["pulser voltage_limits.2"] == ("off", "on")
        laboratory.faults.inject(
            "front-panel", instrument="pulser", setting="voltage_limits", value="0", output="2"
        )
        with pytest.raises(SettingsChanged, match=r"pulser .*: voltage_limits.2 is off, not on"):
            await bench.look()

    use(lab, body)


def test_i10_limits_that_a_power_cycle_took_are_noticed_and_set_anew(laboratory, lab):
    async def body(bench: Bench) -> None:
        assert await bench.look()
        pulser = laboratory.further["pulser"]
        pulser.power_cycle()
        with pytest.raises(SettingsChanged, match="pulser was switched off and on, and lost") as e:
            await bench.look()
        assert await bench.recover(e.value) == {"pulser"}
        assert limits(pulser, 1) == limits(pulser, 2) == (-1.0, 1.0, True)
        assert await bench.look()

    use(lab, body)


def test_pulses_of_a_bench_play_within_them(laboratory, lab):
    async def body(bench: Bench) -> None:
        assert await bench.look()
        await bench.gate.cold.refresh_when_older(10.0)
        for volts in (1.0, -1.0, 0.3):
            await bench.gate.others.set_pulse("pulser", 1, volts, 1e-6)
        await bench.gate.others.enable_pulse("pulser", 1)
        assert await bench.look(), "whose answers come after what was said before"
        assert laboratory.outputs()["pulser.1"]["high"] == pytest.approx(0.3)

    use(lab, body)


def test_c4_a_pulse_may_move_no_faster_than_lab_toml_says(laboratory, lab):
    """Its edges take 8.4 ns at least, so that 1 V is 119 V/us."""
    entry = lab.instruments["pulser"]
    slower = replace(entry.limits["volts"], max_rate=1e8)
    slow = replace(entry, limits={"volts": slower})

    async def body(bench: Bench) -> None:
        await bench.gate.others.set_pulse("pulser", 1, 0.8, 1e-6)
        with pytest.raises(OutputRefused, match=r"1 V moves at up to 119 MV/s, faster than 100"):
            await bench.gate.others.set_pulse("pulser", 1, 1.0, 1e-6)
        volts, _, _ = await bench.instruments["pulser"].settings(1)  # type: ignore[attr-defined]
        assert volts == pytest.approx(0.8)

    use(replace(lab, instruments={**lab.instruments, "pulser": slow}), body)


@pytest.mark.parametrize(
    ("turned", "said"),
    [
        ("VOLT:OFFS 3", "volts = 3.15 V is outside -1 V to 1 V"),
        ("VOLT:UNIT VRMS;:VOLT 0.9", "volts = 1.05 V is outside"),
        ("VOLT:OFFS -0.5", "set to PULS of -0.65 to -0.35 V, which is no pulse that rests at 0 V"),
        ("FUNC SIN", "set to SIN of 0 to 0.3 V, which is no pulse"),
        ("FUNC DC;VOLT:OFFS 4", "volts = 4.15 V is outside"),
    ],
)
def test_i10_what_a_hand_has_turned_since_its_pulse_was_set_does_not_go_on(
    laboratory, lab, turned, said
):
    """Its own limits were switched off as well, of which the next look would tell."""

    async def body(bench: Bench) -> None:
        await bench.gate.cold.refresh_when_older(10.0)
        await bench.gate.others.set_pulse("pulser", 1, 0.3, 1e-6)
        laboratory.further["pulser"].receive(f"VOLT:LIM:STAT 0;:{turned}".encode())
        with pytest.raises((OutputRefused, InstrumentError), match=said):
            await bench.gate.others.enable_pulse("pulser", 1)
        assert laboratory.outputs()["pulser.1"] is None

    use(lab, body)
