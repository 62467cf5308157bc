"""Every link of the bench with a fault on it, while a program is played, then recovery.

The proof with committed values and every fault is `make prove` (tests/prove/links.py).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from kammerton.bench import Bench, open_bench
from kammerton.bench.deadline import Deadline, live_under
from kammerton.lab import Lab, load
from kammerton.model import InstrumentError, LabClock, Records
from kammerton.serve.rules import Rules
from kammerton.serve.words import SPARED
from kammerton_sim import board_link
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.proxy import (
    Blackhole,
    CutAfter,
    Duplicate,
    Fault,
    Flip,
    HalfOpen,
    Late,
    Proxy,
    Reset,
    Slices,
    Swallow,
)
from tests.wire.test_bench_on_the_laboratory import program
from tests.yardstick import stretch

pytestmark = [
    pytest.mark.timeout(120),
    # pyvisa-py leaves sockets that could not connect, or were left behind, to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DEADLINE = 5.0
"""s for one call: an answer takes 0.4 s at most, a new session as long as its driver wants."""

FAULTS = {
    "i1_swallow": Swallow(),
    "i2_half_open": HalfOpen(),
    "i2_black_hole": Blackhole(),
    "i3_late": Late(seconds=0.8),
    "i3_duplicate": Duplicate(),
    "i4_cut": CutAfter(),
    "i4_slices": Slices(),
    "i5_flip": Flip(),
    "i5_flip_of_a_command": Flip(ways=("up",)),
    "i1_reset": Reset(),
}


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(random_chip(2, 3)) as laboratory:
        yield laboratory


@pytest.fixture(scope="module")
def proxies(laboratory: Laboratory) -> Iterator[dict[str, Proxy]]:
    proxies = {n: Proxy(port, 11) for n, port in laboratory.ports.items() if n != "control"}
    yield proxies
    for proxy in proxies.values():
        proxy.close()
    gc.collect()


@pytest.fixture
def lab(laboratory: Laboratory, proxies: dict[str, Proxy], tmp_path: Any) -> Lab:
    path = tmp_path / "lab.toml"
    ports = {name: proxy.port for name, proxy in proxies.items()}
    path.write_text(write_lab(laboratory.chip, ports, 3), encoding="utf-8")
    return load(path)


async def hurry(bench: Bench, link: str) -> None:
    """Let the session that is open now wait 0.4 s for an answer, not 5; longer on a busy machine.

    The others keep their time: nothing is late there but by the machine. The board has its own.
    """
    seconds = 0.4 * stretch()
    if link == "fridge":
        await bench.instruments[link].session.do("hurry", lambda s: s.set_timeout(seconds))  # type: ignore[attr-defined]
    elif link != "board":
        await bench.instruments[link].session.do("hurry", lambda s: s.timeout.set(seconds))  # type: ignore[attr-defined]


async def struck(proxy: Proxy, before: int) -> float:
    """Wait until a fault has hit; return when. A black hole closes soon after."""
    async with asyncio.timeout(20):
        while proxy.hits == before:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.005)
    when = asyncio.get_running_loop().time()
    if isinstance(proxy.fault, Blackhole):
        await asyncio.sleep(0.3)
        proxy.clear()
    return when


def alike(records: Records, others: Records) -> bool:
    """Whether two records of the same program agree within their noise, at six sigma."""
    for target, blocks in records.blocks.items():
        error = np.hypot(
            *(r.blocks[target].std() / np.sqrt(len(blocks)) for r in (records, others))
        )
        if np.abs(blocks.mean(0) - others.blocks[target].mean(0)).max() > 6 * error:
            return False
    return True


def sessions(laboratory: Laboratory, name: str) -> int:
    ledger = laboratory.ledger.since(0)
    return sum(
        c["instrument"] == name and c["what"] == "connection" and c["new"] is not None
        for c in ledger
    )


@pytest.mark.parametrize("link", ["awg1", "drive_lo", "fridge", "board"])
def test_i1_i2_i3_i4_i5_links_recover_and_the_others_keep_their_sessions(
    laboratory: Laboratory,
    proxies: dict[str, Proxy],
    lab: Lab,
    link: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience = stretch()  # the board's: 1 s on an idle machine
    monkeypatch.setattr(board_link, "_PATIENCE", patience)
    late: dict[str, float] = {}

    async def strike(bench: Bench, name: str, fault: Fault, sound: Records) -> None:
        before = {n: sessions(laboratory, n) for n in proxies}
        await bench.gate.verify(link, "test")  # so that a source is spoken to
        await hurry(bench, link)
        hits = proxies[link].hits
        proxies[link].put(fault)
        hit = asyncio.create_task(struck(proxies[link], hits))
        try:
            assert alike(await bench.acquire(program(lab, 200)), sound)
        except InstrumentError as failure:
            late[name] = asyncio.get_running_loop().time() - await hit
            proxies[link].clear()
            await bench.recover(failure)
        if link == "fridge":
            await bench.gate.cold.refresh()
        await hit
        proxies[link].clear()
        assert alike(await bench.acquire(program(lab, 200)), sound)
        others = {n: c for n, c in before.items() if n != link}
        assert {n: sessions(laboratory, n) for n in others} == others, name

    async def main() -> None:
        async with open_bench(
            lab, LabClock(), fridge_period=0.05, lock_folder=lab.path.parent
        ) as bench:
            sound = await bench.acquire(program(lab, 200))
            for name, fault in FAULTS.items():
                await strike(bench, name, fault, sound)

    asyncio.run(main())
    assert all(level is None for level in laboratory.outputs().values())
    assert link == "fridge" or {"i2_half_open", "i2_black_hole"} <= set(late), late
    most = DEADLINE + patience + stretch()
    assert all(s < most for name, s in late.items() if name[:2] == "i2"), late


def test_r1_told_to_end_a_line_that_is_dead_is_given_up_and_its_source_is_off_in_time(
    laboratory: Laboratory, proxies: dict[str, Proxy], lab: Lab
) -> None:
    """A driver waits 5 s for an answer; there is less, and a new connection switches off."""

    async def main() -> None:
        ends = Deadline()
        live_under(ends)
        async with open_bench(lab, LabClock(), lock_folder=lab.path.parent) as bench:
            await bench.acquire(program(lab, 200))
            proxies["drive_lo"].put(HalfOpen())
            ends.tell(Rules.stop - SPARED)

    try:
        asyncio.run(main())  # raises where an output is not known to be off
    finally:
        proxies["drive_lo"].clear()
    assert all(level is None for level in laboratory.outputs().values())
