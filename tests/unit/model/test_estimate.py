"""A printed estimate is a number with its error and unit; its repr has all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kammerton.client.follower import Update
from kammerton.model import Estimate

F01 = Estimate(4.91e9, 2e5, "Hz", datetime(2026, 1, 1, tzinfo=UTC), "r000001", note="simulated")


@pytest.mark.parametrize(
    ("value", "stderr", "unit", "said"),
    [(4.91e9, 2e5, "Hz", "4.91000(20) GHz"), (0.045, 0.0, "V", "45 mV"),
     (0.9944, 0.0015, "", "0.9944(15)")],
)  # fmt: skip
def test_it_prints_as_a_person_writes_it(value, stderr, unit, said) -> None:
    assert str(replace(F01, value=value, stderr=stderr, unit=unit)) == said


def test_its_repr_is_that_of_a_program() -> None:
    assert repr(F01).startswith("Estimate(value=4910000000.0, stderr=200000.0")


def test_an_update_of_a_subscriber_prints_name_value_and_quality() -> None:
    update = Update("q0.f01", F01, "good", "e1", 7)
    assert str(update) == "q0.f01 = 4.91000(20) GHz (good)"
    assert "revision=7" in repr(update)
