"""What several things at once end with."""

from __future__ import annotations

import asyncio

import pytest

from kammerton.bench.tasks import together
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
