"""What configuring sets is what the driver names, all of it and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import MagicMock

import pytest

from kammerton.model.setup import Setting, sets_up, setup_of
from kammerton_drivers import alazar_ats9360, rohde_schwarz_sgs100a, tektronix_awg5208

RATE = 1.25e9


def written(configure: Callable[[MagicMock], object]) -> list[Setting]:
    """Return every parameter that was set on an instrument that takes all of them."""
    box, channels = MagicMock(name="box"), [MagicMock(name="channel"), MagicMock(name="channel")]
    box.channels = channels
    box.ask.return_value = '0,"No error"'
    box.ref_osc_source.get.return_value = "EXT"
    configure(box)
    assert sets(channels[0], "channels.") == sets(channels[1], "channels.")
    return sets(box) + sets(channels[0], "channels.")


def sets(mock: MagicMock, prefix: str = "") -> list[Setting]:
    calls = [(name.removesuffix(".set"), *args) for name, args, _ in mock.mock_calls
             if name.endswith(".set")]  # fmt: skip
    return [Setting(prefix + name, value) for name, value in calls]


@pytest.mark.parametrize(
    ("driver", "configure"),
    [
        (
            tektronix_awg5208,
            lambda awg: tektronix_awg5208.Awg5208._configure(MagicMock(), awg, RATE),
        ),
        (
            rohde_schwarz_sgs100a,
            lambda source: rohde_schwarz_sgs100a._lock_to_reference(source, "lo"),
        ),
        (alazar_ats9360, lambda board: alazar_ats9360._configured(board, "digitizer", RATE)),
    ],
)
def test_configuring_sets_what_the_driver_names(driver, configure):
    setup = setup_of(driver.connect)
    assert setup is not None
    named = [Setting(s.quantity, s.value) for s in setup(RATE)]
    assert len(named) >= 2
    assert written(configure) == named


def test_a_setting_is_said_with_its_unit():
    assert str(Setting("sample_rate", 1.25e9, "Hz")) == "1.25 GHz"
    assert str(Setting("ref_osc_source", "EXT")) == "EXT"
    assert str(Setting("decimation", 1)) == "1"


def test_a_driver_that_names_nothing():
    def connect(name: str, address: str) -> None:
        pass

    assert setup_of(connect) is None
    assert sets_up(lambda rate: ())(connect) is connect
    assert setup_of(connect) is not None
