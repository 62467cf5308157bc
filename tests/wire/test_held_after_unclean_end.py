"""R2, unclean end: a person's hold is not touched nor called "off"; what else is on goes off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import AsyncMock

import pytest

from kammerton.serve.computer import run_computer
from kammerton.serve.kernels import Kernels
from kammerton.store import Store, change
from tests.prove.gate import site
from tests.wire.test_told_to_end import left_on, on


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0.1)


def log_of(database) -> str:
    with Store.read(database) as store:
        return "\n".join(row.why for row in store.log())


@pytest.mark.timeout(240)
def test_r2_what_a_person_holds_is_not_called_off_while_it_is_on(monkeypatch, caplog):
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    caplog.set_level("INFO")
    said: list[str] = []
    with site() as (laboratory, lab):
        lab = replace(lab, broker=None, pictures=False)
        left_on(laboratory, lab)
        words = change(lab.database, "hold", {"scope": "computer", "why": "in the rack"}, "ada")
        assert "CAUTION: outputs may be on" in words

        async def main() -> None:
            task = asyncio.ensure_future(run_computer(lab, doing=said.append))
            try:
                await until(lambda: any("hands off" in words for words in said))
                assert on(laboratory) >= {"drive_lo", "readout_lo"}
                words = "outputs are NOT known to be off since the unclean end"
                assert said[-1] == f"hands off: computer is held by ada: in the rack; {words}"
                assert f"{lab.computer}: {words}" in caplog.text
                assert not any("outputs were off" in each for each in said)
                await asyncio.to_thread(
                    change, lab.database, "release", {"scope": "computer"}, "ada"
                )
                await until(lambda: "all outputs verified off" in log_of(lab.database))
                assert f"{lab.computer}: all outputs are off, read back" in caplog.text
                hold = {"scope": "computer", "why": "again", "now": True}
                again = await asyncio.to_thread(change, lab.database, "hold", hold, "ada")
                assert "CAUTION" not in again
                await until(lambda: said[-1].endswith(", when the daemon let go of them"))
                assert not on(laboratory)
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

        asyncio.run(main())


@pytest.mark.timeout(240)
def test_r2_damaged_requests_keep_no_output_on_after_an_unclean_end(monkeypatch):
    """A power cut makes both at once; nobody is known to be at the bench."""
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    said: list[str] = []
    with site() as (laboratory, lab):
        lab = replace(lab, broker=None, pictures=False)
        left_on(laboratory, lab)
        requests = lab.database.with_name(f"{lab.database.name}.requests")
        requests.write_bytes(b"this is no database, and long enough to be told so" * 1000)
        assert on(laboratory) >= {"drive_lo", "readout_lo"}

        async def main() -> None:
            task = asyncio.ensure_future(run_computer(lab, doing=said.append))
            try:
                await until(lambda: any("hands off" in words for words in said))
                assert not on(laboratory)
                assert said[-1].endswith(" UTC, when the daemon let go of them")
                await until(lambda: "all outputs verified off" in log_of(lab.database))
                requests.unlink()
                await until(lambda: said[-1].startswith("connecting"))
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

        asyncio.run(main())
