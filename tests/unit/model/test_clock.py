"""Laboratory time is wall time plus the instrument seconds that were skipped."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kammerton.model import LabClock
from kammerton.model.clock import Step

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


NOON, YEAR = datetime(2026, 11, 21, 12, tzinfo=UTC), timedelta(days=365)


class Computer:
    """A computer whose clock a test sets."""

    def __init__(self) -> None:
        self.set, self.passed = timedelta(), 0.0

    def clock(self, before: datetime | None = None) -> LabClock:
        return LabClock(
            before,
            lambda: NOON + self.set + timedelta(seconds=self.passed),
            lambda: 100.0 + self.passed,
        )


def test_what_the_computers_clock_was_set_by_is_known_and_followed_once():
    for step in (YEAR, -YEAR):
        computer = Computer()
        clock = computer.clock()
        clock.played(60.0, 0.0)
        computer.set, computer.passed = step, 14.0
        assert (clock.apart(), clock.elapsed()) == (step.total_seconds(), 74.0)
        assert clock.now() == NOON + timedelta(seconds=74), "not before it is followed"
        assert clock.wall() == NOON + timedelta(seconds=14)
        clock.follow(clock.apart())
        assert (clock.apart(), clock.elapsed(), clock.ahead) == (0.0, 74.0, 60.0)
        assert clock.now() == NOON + step + timedelta(seconds=74)


def test_a_start_that_is_later_than_the_wall_stays_as_far_ahead_of_it():
    computer = Computer()
    clock = computer.clock(NOON + timedelta(hours=1))
    computer.set = -YEAR
    clock.follow(clock.apart())
    assert clock.ahead == 3600.0
    assert clock.now() == NOON + timedelta(hours=1) - YEAR


def test_every_step_lasts_before_it_is_due_though_one_as_large_was_followed():
    computer = Computer()
    clock = computer.clock()
    step = Step(clock)
    for looked in (True, False):  # nobody may have looked between the two
        computer.set -= timedelta(seconds=120)
        assert step.due() == timedelta(), "it may be set right at once"
        computer.passed += 2.0
        assert step.due() == timedelta(seconds=-120)
        clock.follow(-120.0)
        assert not looked or step.due() == timedelta()
    computer.set -= timedelta(seconds=120)
    assert step.due() == timedelta()
