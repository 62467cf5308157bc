"""The refrigerator warms while the whole daemon calibrates: nothing of it is published."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.prove.warm import warmed
from tests.system.test_publish import needs_mosquitto

pytestmark = [pytest.mark.system, pytest.mark.timeout(300), needs_mosquitto]


def test_f1_values_published_while_it_is_warm_are_none(tmp_path: Path) -> None:
    seen = asyncio.run(warmed(tmp_path, 1, stays=2.5, slack=15.0, pace=3.0))
    assert seen.times == 1
    assert (seen.stored, seen.heard, seen.unsafe) == ([], [], [])
