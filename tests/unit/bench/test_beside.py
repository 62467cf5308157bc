"""What must not silently stop: it ends the process, which makes its outputs safe."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from kammerton.bench.beside import beside


async def dies() -> None:
    await asyncio.sleep(0.01)
    raise ZeroDivisionError


async def stops() -> None:
    await asyncio.sleep(0.01)


async def is_cancelled_from_below() -> None:
    await asyncio.sleep(0.01)
    raise asyncio.CancelledError


async def goes_on() -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("work", "failure"),
    [
        (dies, ZeroDivisionError),
        (stops, RuntimeError),
        (is_cancelled_from_below, RuntimeError),
    ],
)
def test_work_that_ends_ends_the_body_and_is_what_is_raised(work, failure):
    safe = []

    async def main() -> None:
        async with beside(work(), "leases"):
            try:
                await asyncio.sleep(5)
            finally:
                safe.append(True)

    with pytest.raises(failure):
        asyncio.run(main())
    assert safe == [True]


def test_a_cancelled_body_stays_cancelled_and_a_finished_one_is_finished():
    async def main() -> bool:
        async with beside(goes_on(), "leases"):
            pass
        task = asyncio.create_task(held())
        await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return task.cancelled()

    async def held() -> None:
        async with beside(goes_on(), "leases"):
            await asyncio.sleep(5)

    assert asyncio.run(main())


@pytest.mark.parametrize("turns", range(7))
@pytest.mark.parametrize("failure", [None, KeyError])
def test_work_that_dies_while_the_body_ends_is_no_cancellation(turns, failure):
    """Whoever is cancelled by nobody would count as told to end, and all as well."""

    async def dies_soon() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def main() -> None:
        async with beside(dies_soon(), "leases"):
            for _ in range(turns):
                await asyncio.sleep(0)
            if failure is not None:
                raise failure

    try:
        with contextlib.suppress(ZeroDivisionError, KeyError):
            asyncio.run(main())
    except asyncio.CancelledError:
        pytest.fail("nobody has cancelled it")


@pytest.mark.parametrize("turns", range(5))
def test_what_fails_on_the_way_out_is_raised_with_why_and_leaves_no_cancellation(turns):
    """It may be an output that is not known to be off; and what is beside it may die as well."""

    async def dies_soon() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ZeroDivisionError("watch died")

    async def main() -> tuple[list[str], int]:
        try:
            async with beside(dies_soon(), "watch"):
                try:
                    await asyncio.sleep(5)
                finally:
                    raise KeyError("not known to be off")
        except KeyError as failure:
            return failure.__notes__, asyncio.current_task().cancelling()

    assert asyncio.run(main()) == (["watch died"], 0)


class Stop(BaseException):
    """As a KeyboardInterrupt, which a test's loop would take for its own."""


def test_what_ends_the_process_is_raised_though_the_work_has_died_too():
    async def main() -> None:
        async with beside(dies(), "leases"):
            try:
                await asyncio.sleep(5)
            finally:
                raise Stop

    with pytest.raises(Stop) as caught:
        asyncio.run(main())
    assert caught.value.__notes__ == ["ZeroDivisionError()"]


@pytest.mark.parametrize(
    ("failure", "raised"), [(KeyError("not known to be off"), asyncio.CancelledError), (Stop, Stop)]
)
def test_what_the_body_fails_with_is_not_lost_where_it_is_told_to_end_meanwhile(
    failure, raised, caplog
):
    """What ends the process counts more than that; what does not stands in the log."""

    async def ends_late() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with beside(ends_late(), "leases"):
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
            raise failure

    with pytest.raises(raised):
        asyncio.run(main())
    assert ("told to end meanwhile: 'not known to be off'" in caplog.text) == (raised is not Stop)


def test_why_work_died_is_not_lost_where_the_body_is_told_to_end_too(caplog):
    async def main() -> None:
        async with beside(dies(), "leases"):
            asyncio.get_running_loop().call_later(0.01, asyncio.current_task().cancel)
            try:
                await asyncio.sleep(5)
            finally:
                await asyncio.sleep(0.03)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert "told to end meanwhile: ZeroDivisionError()" in caplog.text
