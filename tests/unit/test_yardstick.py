"""Bounds on time that hold on any machine: too slow is seen, a busy machine is no failure."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests import yardstick
from tests.yardstick import IDLE, least, within


def ten_fits() -> float:
    """Return what ten times the yardstick takes, on this machine and now."""
    return 10 * yardstick.yardstick()


def test_what_is_quick_enough_passes_on_any_machine():
    assert least(ten_fits, 30 * IDLE) < 30 * IDLE


def test_what_is_slower_does_not_however_often_it_is_tried():
    assert least(ten_fits, 3 * IDLE) > 3 * IDLE


def test_what_is_quick_once_is_not_measured_again():
    asked = []
    assert least(lambda: asked.append(1) or 0.0, 1.0) == 0.0
    assert len(asked) == 1


@pytest.mark.parametrize(("slow", "passes"), [(1.0, False), (3.0, True)])
def test_who_waits_waits_longer_on_a_slow_machine(monkeypatch, slow, passes):
    monkeypatch.setattr(yardstick, "stretch", lambda: slow)
    there = time.monotonic() + 0.6

    async def main() -> None:
        await within(0.3, lambda: time.monotonic() > there, "it")

    if passes:
        asyncio.run(main())
    else:
        with pytest.raises(pytest.fail.Exception, match="it was not there within"):
            asyncio.run(main())
