"""Rows D1 to D3: the digitizer's data are not what they should be.

T_det: s until a run that met the fault had ended and none of it was believed, or it was said that
it is aborted, the largest; none where something of one or more of them was believed. Wrong: values
committed while a fault was on, or ever, that the hidden truth contradicts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kammerton.model import Verdict
from kammerton.store import StoredRun
from tests.prove.frame import Row, proof
from tests.proxied import Site, proxied, running

FAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("D1 input overloaded", "overload", {}),
    ("D2 one trigger in a hundred lost", "trigger-loss", {"share": 0.01}),
    ("D2 one trigger in 20,000 lost", "trigger-loss", {"share": 0.00005}),
    ("D2 channels swapped", "swapped-channels", {}),
    ("D2 records end early", "short-record", {"keep": 0.99}),
    ("D3 samples lost in every record", "dropped-samples", {"samples": 8}),
    ("D3 a buffer comes again", "stuck-buffer", {"buffers": 1}),
)


class _Aborted(logging.Handler):
    """The runs of which the loop's log says that they are aborted; nothing of them is stored."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if " is aborted, " in record.getMessage():
            self.words.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    log, heard = logging.getLogger("kammerton.loop.loop"), _Aborted()
    log.addHandler(heard)
    try:
        yield heard.words
    finally:
        log.removeHandler(heard)


async def _struck(
    site: Site, aborted: list[str], title: str, fault: str, given: dict[str, Any], times: int
) -> Row:
    """Let the loop turn with a fault on; count what met it, and what of that is contradicted."""
    before, patience, took = len(site.wrong()), site.loop.patience, list[float | None]()
    for _ in range(times):
        for kept in (patience.parked, patience.failures, patience.efforts, patience.aside):
            kept.clear()  # else a qubit is parked after a few, and no data meet the fault
        acquired, newest = len(site.laboratory.board.acquisitions), site.store.runs(1)[0].id
        aborted.clear()
        site.laboratory.faults.inject(fault, **given)
        began = time.monotonic()
        await asyncio.wait_for(site.loop.step(), 60)
        if len(site.laboratory.board.acquisitions) > acquired:
            new = [run for run in site.store.runs(5) if run.id > newest]
            refused = (new or aborted) and not any(map(_believed, new))
            took.append(time.monotonic() - began if refused else None)
        site.laboratory.faults.clear(None)
    told = [t for t in took if t is not None]
    longest = max(told) if told and len(told) == len(took) else None
    return Row(title, len(took), t_det=longest, wrong=len(site.wrong()) - before)


def _believed(run: StoredRun) -> bool:
    return any(fit.verdict is Verdict.ACCEPTED for fit in run.fits.values())


async def _prove(folder: Path, times: int) -> list[Row]:
    with proxied(folder) as (laboratory, proxies, lab):
        async with running(laboratory, proxies, lab) as site:
            with _listening() as aborted:
                return [await _struck(site, aborted, *each, times) for each in FAULTS]


@proof("digitizer")
def digitizer(quick: bool) -> Iterator[Row]:
    """Spoil what the digitizer records; quick: six runs of each, otherwise sixty."""
    with TemporaryDirectory() as folder:
        yield from asyncio.run(_prove(Path(folder), 6 if quick else 60))
