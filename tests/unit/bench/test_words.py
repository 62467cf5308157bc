"""What the audit and the log say of settings: numbers with units, never Python."""

from __future__ import annotations

import logging

import pytest

from kammerton.bench import words
from kammerton.model import Fit, Verdict
from kammerton.model.alarm import Alarm
from kammerton.publish import Alarms


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("frequency", 4.9e9, 4950000000.12, "frequency is 4.95000000012 GHz, not 4.9 GHz"),
        ("power", 13.0, -30.0, "power is -30 dBm, not 13 dBm"),
        ("on.3", True, False, "output 3 is off, not on"),
        ("on", False, True, "output is on, not off"),
        ("amplitude.1", 1.0, 0.9, "amplitude.1 is 900 mV, not 1 V"),
        ("clock_source", "EFIX", "INT", "clock_source is INT, not EFIX"),
        ("resolution.2", 16.0, 12.0, "resolution.2 is 12, not 16"),
    ],
)
def test_a_difference_is_said_with_units(name, old, new, said):
    assert words.difference(name, old, new) == said


def test_channels_that_say_the_same_say_it_once():
    found = [(f"amplitude.{n}", 1.0, 0.5) for n in (1, 2, 8)]
    found += [("clock_source", "EFIX", "INT"), ("amplitude.3", 0.7, 0.5)]
    found += [("on.1", False, True), ("on.5", False, True), ("on.6", True, False)]
    assert words.differences(found) == (
        "amplitude of 1, 2, 8 is 500 mV, not 1 V, clock_source is INT, not EFIX, "
        "amplitude.3 is 500 mV, not 700 mV, outputs 1, 5 are on, not off, output 6 is off, not on"
    )


def test_channels_and_pulses_are_said_in_words():
    assert (words.channels([]), words.channels({8, 1, 7})) == ("none", "1, 7, 8")
    assert words.pulse(0.35, 2e-7) == "350 mV for 200 ns"


def test_a_calibrations_own_rejection_is_said_once():
    fit = Fit("ramsey", "q0", {}, Verdict.ACCEPTED, "success", "", 1.0)
    assert fit.said() == "accepted"
    assert fit.rejected("the beat runs backwards").said() == "rejected: the beat runs backwards"


def test_what_befalls_several_instruments_is_not_called_an_instrument(caplog):
    caplog.set_level(logging.ERROR)
    Alarms().tell(Alarm("instrument", "several instruments", "lo: no answer"))
    assert caplog.messages == ["several instruments: lo: no answer"]
