"""Row I10: somebody moves a GS200 under the daemon; judged by the ledger, the driver unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from kammerton.bench import Bench, guard
from kammerton.lab import Lab
from kammerton.model import DriveInhibited, SettingsChanged
from kammerton_sim.laboratory import Laboratory
from tests.wire.beside import lab_of, laboratory_with, use
from tests.wire.test_bench_on_the_laboratory import program


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    with laboratory_with("bias", "yokogawa_gs200") as laboratory:
        yield laboratory


@pytest.fixture
def lab(laboratory: Laboratory, tmp_path: Path) -> Lab:
    return lab_of(laboratory, tmp_path)


def moved(laboratory: Laboratory, since: int) -> list[tuple[object, object]]:
    """What became of the source's level and output: "what" and the new value."""
    return [
        (c["what"], c["new"])
        for c in laboratory.ledger.since(since)
        if c["instrument"] == "bias" and c["what"] not in ("connection", "fault")
    ]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("level", "0.3", r"bias is not as it was: 0\.3 V, not 0\.1 V"),
        ("on", "0", "bias .* off, not"),
    ],
)
def test_i10_a_bias_turned_at_its_front_panel_is_seen_and_left_where_it_is(
    laboratory, lab, monkeypatch, setting, value, said
):
    monkeypatch.setattr(guard, "PAUSE", 30.0)

    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        since = len(laboratory.ledger.since(0))
        laboratory.faults.inject("front-panel", instrument="bias", setting=setting, value=value)
        with pytest.raises(SettingsChanged, match=said) as change:
            await bench.acquire(program(lab, 40))
        assert change.value.instrument == "bias"
        with pytest.raises(DriveInhibited, match=r"refused for .* s more: .*kammerton hold bias"):
            await bench.acquire(program(lab, 40))
        assert "somebody else" in {c.who for c in bench.gate.changes if c.what == "bias"}
        assert len(moved(laboratory, since)) == 1  # by hand; the daemon moved nothing back

    laboratory.further["bias"].receive(b":SOUR:LEV 0.1;:OUTP ON")
    use(lab, body)


def test_i10_a_bias_moved_while_a_run_plays_spoils_that_run(laboratory, lab):
    async def body(bench: Bench) -> None:
        running = asyncio.ensure_future(bench.acquire(program(lab, 4000)))
        async with asyncio.timeout(60):
            while not (laboratory.rig.playing or running.done()):  # noqa: ASYNC110 - another thread knows
                await asyncio.sleep(0.001)
        laboratory.further["bias"].receive(b":SOUR:LEV 0.11")
        with pytest.raises(SettingsChanged, match=r"bias is not as it was: 0\.11 V, not 0\.1 V"):
            await running

    laboratory.further["bias"].receive(b":SOUR:LEV 0.1;:OUTP ON")
    use(lab, body)


def test_i10_a_limiter_that_somebody_sets_back_is_noticed(laboratory, lab, monkeypatch):
    monkeypatch.setattr(guard, "PAUSE", 30.0)
    most = max(map(abs, (lab.instruments["bias"].limits["volts"].maximum, 1.0)))

    async def body(bench: Bench) -> None:
        assert await bench.look()
        device = laboratory.further["bias"]
        assert device.value("voltage_limit") == -(-most // 1)
        laboratory.faults.inject(
            "front-panel", instrument="bias", setting="voltage_limit", value="30"
        )
        with pytest.raises(SettingsChanged, match="bias is not set as it was: voltage_limit is 30"):
            await bench.look()

    use(lab, body)
