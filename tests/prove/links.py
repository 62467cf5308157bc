"""Every fault on every instrument link, in the middle of calibrations that never rest.

Rows I1-I5 of the catalogue. What no calibration uses (network analyzer, pulse generator, another
thermometer) is asked meanwhile, again and again, who it is or what it reads. Wrong: values ever
committed that the hidden truth contradicts by more than five sigma. Unsafe: spans of the ledger
outside the limits, outputs left on at the end, and sessions that another instrument lost. Stuck: no
run within a minute after the fault had gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kammerton.model import InstrumentError
from kammerton.model.roles import FridgeMonitor
from tests.prove.frame import Row, proof
from tests.proxied import STUCK, Site, furnished, proxied, running
from tests.proxy import faults

FAULTS: Sequence[tuple[str, faults.Fault, float]] = (
    ("I1 answer lost", faults.Swallow(), 0.0),
    ("I2 half-open", faults.HalfOpen(), 0.0),
    ("I2 black hole for 3 s", faults.Blackhole(), 3.0),
    ("I3 answer 8 s late", faults.Late(seconds=8.0), 0.0),
    ("I3 answer twice", faults.Duplicate(), 0.0),
    ("I4 cut in the middle", faults.CutAfter(), 0.0),
    ("I4 byte by byte", faults.Slices(), 0.0),
    ("I5 a bit flipped in an answer", faults.Flip(), 0.0),
    ("I5 a bit flipped in a command", faults.Flip(ways=("up",)), 0.0),
    ("I1 reset", faults.Reset(), 0.0),
    ("I11 seven of ten connections end, 3 s", faults.FlakyConnect(), 3.0),
    ("I1 40 ms more, 3 s", faults.Latency(seconds=0.02), 3.0),
    ("I1 100 kB/s, 3 s", faults.Bandwidth(rate=1e5), 3.0),
)
"""What it is called, the fault, and how many s it stays."""

WITHIN = 30.0
"""s that recovery may take; stricter than a percentile of 99."""

SOURCES = ("drive_lo", "readout_lo")
"""Spoken to while they are set; the others all the time."""

BESIDE = ("rohde_schwarz_znb20", "keysight_33522b", "lakeshore_372", "bluefors_api")
"""Spoken to by no calibration."""

SPACING = 0.05  # s between two questions to these
ROUNDS = int(os.environ.get("KAMMERTON_ROUNDS", "10"))


class Told:
    """When something came, by the wall."""

    def __init__(self) -> None:
        self.aborted: list[float] = []
        self.committed: list[float] = []
        self.answered: list[float] = []

    def on(self, site: Site) -> None:
        site.loop.committed = lambda *_: self.committed.append(time.monotonic())
        said = site.loop.said

        def listen(what: str) -> None:
            said(what)
            if what.startswith("waiting"):
                self.aborted.append(time.monotonic())

        site.loop.said = listen


async def inject(site: Site, told: Told, link: str, fault: faults.Fault, seconds: float) -> Row:
    """Put one fault on one link while the loop turns; return what became of it."""
    proxy = site.proxies[link]
    if link in SOURCES:
        await site.bench.gate.verify(link, "test")  # one that is set already is not spoken to
    since, hits, began = site.index(), proxy.hits, time.monotonic()
    over = asyncio.Event()
    turning = asyncio.create_task(_turn(site))
    beside = [
        asyncio.create_task(_beside(site, told, each, over)) for each in BESIDE if each == link
    ]
    await asyncio.sleep(0.0 if link in SOURCES else site.chance.uniform(0.0, 0.6))
    proxy.put(fault)
    while proxy.hits == hits and time.monotonic() - began < STUCK:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    struck = time.monotonic()
    await asyncio.sleep(seconds)
    if seconds:
        proxy.clear()
    gone = time.monotonic()
    recovered = await _after(told.committed, gone, 2)
    if link in BESIDE and recovered is not None:
        answered = await _after(told.answered, gone, 2)
        recovered = answered and max(answered, recovered)
    over.set()
    await asyncio.gather(*beside)  # a question that is broken off costs its session
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
    aborted = [t for t in told.aborted if t > struck]
    others = site.lost(since) - {link}
    if others:
        print(f"a fault on {link} cost sessions of {', '.join(sorted(others))}", file=sys.stderr)
    return Row(
        f"{link}: ", int(proxy.hits > hits),
        t_det=aborted[0] - struck if aborted else None,
        t_rec=None if recovered is None else recovered - gone,
        unsafe=len(others), stuck=int(recovered is None),
    )  # fmt: skip


async def _turn(site: Site) -> None:
    while True:
        await site.loop.step()


async def _beside(site: Site, told: Told, link: str, over: asyncio.Event) -> None:
    """Ask an instrument until it is over; bring it back where that fails, as the loop would."""
    instrument = site.bench.instruments[link]
    while not over.is_set():
        try:
            if isinstance(instrument, FridgeMonitor):
                await instrument.temperature()
            else:
                await instrument.identity()
        except InstrumentError as failure:
            told.aborted.append(time.monotonic())
            if not isinstance(instrument, FridgeMonitor):
                with contextlib.suppress(InstrumentError):  # it is asked again
                    await site.bench.recover(failure)
        else:
            told.answered.append(time.monotonic())
        await asyncio.sleep(SPACING)


async def _after(moments: list[float], since: float, nth: int) -> float | None:
    """Wait for the n-th moment after another: a run that had begun before may end first."""
    until = time.monotonic() + STUCK
    while time.monotonic() < until:
        if len(later := [t for t in moments if t > since]) >= nth:
            return later[nth - 1]
        await asyncio.sleep(0.02)
    return None


def together(name: str, rows: Sequence[Row]) -> Row:
    """Return one row of many."""
    detected = [r.t_det for r in rows if r.t_det is not None]
    recovered = [r.t_rec for r in rows if r.t_rec is not None]
    return Row(
        name, sum(r.injected for r in rows),
        max(detected, default=None), max(recovered, default=None),
        unsafe=sum(r.unsafe or 0 for r in rows), stuck=sum(r.stuck or 0 for r in rows),
    )  # fmt: skip


async def _prove(folder: Path, times: int, name: str, fault: faults.Fault, seconds: float) -> Row:
    """Put one fault on every link, each time while a loop of its own laboratory turns."""
    with proxied(folder, chip=furnished()) as (laboratory, proxies, lab):
        async with running(laboratory, proxies, lab) as site:
            told = Told()
            told.on(site)
            hit = [
                await inject(site, told, link, fault, seconds)
                for _ in range(times)
                for link in proxies
            ]
            wrong, unsafe = len(site.wrong()), len(site.unsafe())
        unsafe += len(site.outputs_on())
    row = together(f"{name}, each of {len(proxies)} links", hit)
    return replace(row, wrong=wrong, unsafe=unsafe + (row.unsafe or 0), within=WITHIN)


@proof("links")
def links(quick: bool) -> Iterator[Row]:
    """Put every fault on every link ten times (KAMMERTON_ROUNDS), once when quick."""
    for name, fault, seconds in FAULTS:
        with TemporaryDirectory() as folder:
            yield asyncio.run(_prove(Path(folder), 1 if quick else ROUNDS, name, fault, seconds))
