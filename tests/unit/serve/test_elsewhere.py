"""Which boxes other computers' daemons have is asked beside the start, and delays no safe state."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kammerton.lab import Broker, InstrumentEntry
from kammerton.model import BrokerError
from kammerton.model.roles import Identity
from kammerton.serve import elsewhere as module
from kammerton.serve.elsewhere import Elsewhere
from tests.unit.loop.laboratory import two_qubits

CLAIMS = {"maker box serial 7": "the daemon of large-chip on pc7/41 (host/process)"}


@pytest.fixture
def lab(tmp_path):
    return replace(two_qubits(tmp_path), broker=Broker("127.0.0.1", 1))


def test_it_is_waited_for_where_all_is_known_to_be_off(lab, monkeypatch):
    async def slow(broker):
        await asyncio.sleep(0.05)
        return CLAIMS

    monkeypatch.setattr(module, "claimed", slow)

    async def main() -> None:
        found = Elsewhere(lab)
        assert await found.claimed(wait=True) == CLAIMS
        await found.end()

    asyncio.run(main())


def test_r2_what_may_be_on_after_a_kill_waits_for_no_broker(lab, monkeypatch):
    told = asyncio.Event()

    async def slow(broker):
        await told.wait()
        return CLAIMS

    monkeypatch.setattr(module, "claimed", slow)

    async def main() -> None:
        found = Elsewhere(lab)
        boxes = await found.claimed(wait=False)
        assert boxes == {}
        told.set()
        await asyncio.sleep(0.01)
        assert boxes == CLAIMS, "who asks later knows"
        await found.end()

    asyncio.run(main())


def test_a_broker_that_is_away_keeps_no_daemon(lab, monkeypatch):
    async def away(broker):
        raise BrokerError("nobody answers")

    monkeypatch.setattr(module, "claimed", away)

    async def main() -> None:
        found = Elsewhere(lab)
        assert await found.claimed(wait=True) == {}
        await found.end()

    asyncio.run(main())


def test_what_nobody_foresaw_keeps_no_daemon_either(lab, monkeypatch, caplog):
    """As a name of a host that cannot be encoded."""

    async def odd(broker):
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(module, "claimed", odd)
    assert asyncio.run(Elsewhere(lab).claimed(wait=True)) == {}
    assert "label empty or too long" in caplog.text


def test_what_a_bench_has_is_ours_while_it_is_open(lab):
    entries = {n: InstrumentEntry(n, "d", f"TCPIP0::10.0.0.{k}::INSTR", {})
               for k, n in enumerate(("lo", "mute"))}  # fmt: skip
    answered = {"lo": Identity("Maker", "Box", "7", "1"), "mute": Identity("Maker", "Box", "0", "")}
    guard = SimpleNamespace(boxes=SimpleNamespace(answered=answered))
    bench = SimpleNamespace(gate=SimpleNamespace(guard=guard), instruments={})
    found = Elsewhere(replace(lab, instruments=entries))
    with found.having() as has:
        assert found.mine == frozenset(), "nobody has answered yet"
        has(bench)
        assert found.mine == {"maker box serial 7"}, "of another nobody can tell which it is"
    assert found.mine == frozenset()
