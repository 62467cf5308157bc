"""Laboratory time is wall time plus the instrument seconds that were skipped."""

from datetime import UTC, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kammerton.model import LabClock

SECONDS = st.floats(0, 1e6)


def test_is_aware_and_does_not_go_back():
    clock = LabClock()
    first = clock.now()
    assert first.tzinfo is UTC
    assert clock.now() >= first


def test_skips_what_passed_faster_than_the_wall():
    clock = LabClock()
    before = clock.now()
    clock.played(instrument_seconds=3600.0, wall_seconds=0.5)
    skipped = clock.now() - before
    assert timedelta(seconds=3599.5) <= skipped < timedelta(seconds=3659.5)


@given(SECONDS, SECONDS)
def test_a_slow_program_skips_nothing_and_never_turns_time_back(instrument, wall):
    clock = LabClock()
    clock.played(instrument, wall)
    assert clock._skipped == max(0.0, instrument - wall)
