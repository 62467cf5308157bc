"""What several things at once end with."""

from __future__ import annotations

import asyncio

import pytest

from kammerton.bench.tasks import together, unbroken
from kammerton.model import InstrumentError, LastingFault

GONE = InstrumentError("awg1: no answer", instrument="awg1")
ELSE = InstrumentError("awg2: no answer", instrument="awg2")
LASTS = LastingFault('50,"no reference"', "see to the cable", instrument="drive_lo")


async def ends(failure: Exception | None) -> None:
    if failure is not None:
        raise failure


@pytest.mark.parametrize(
    ("failures", "raised"),
    [([None, GONE, ELSE], GONE), ([GONE, LASTS, ELSE], LASTS), ([LASTS, GONE], LASTS)],
)
def test_what_lasts_is_raised_before_what_may_pass(
    failures: list[Exception | None], raised: Exception
) -> None:
    with pytest.raises(InstrumentError) as found:
        asyncio.run(together(ends(each) for each in failures))
    assert found.value is raised


def test_a_cancellation_passes_though_what_must_not_be_broken_off_fails(caplog) -> None:
    """It comes only once: who loses it goes on, without the watch that had died, say."""

    async def main() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def stop() -> None:
            begun.set()
            await go.wait()
            raise GONE

        task = asyncio.create_task(unbroken(stop()))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError) as passed:
            await task
        assert passed.value.__cause__ is GONE

    asyncio.run(main())
    assert "awg1: no answer" in caplog.text, "nobody looks at the cause of a cancellation"
