"""What measures coherence waits after a sweep of powers, for as long as its heat asks for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.loop.rest import Rest, strains
from kammerton.model import Program, Pulse, Readout, Records
from kammerton_calibrations.qubit_spectroscopy import QUBIT_SPECTROSCOPY
from kammerton_calibrations.rabi_amplitude import RABI_AMPLITUDE
from kammerton_calibrations.ramsey import RAMSEY
from kammerton_calibrations.t1 import T1
from kammerton_calibrations.t2_echo import T2_ECHO

BUDGET = {"4k": 1e-3, "mxc": 1e-6}


def program(amplitude=0.1, frequency=5e9, tone=7e9) -> Program:
    pulse = Pulse("gaussian", amplitude, 40e-9, frequency, sigma=10e-9)
    return Program(
        "p", {"q0": (pulse,)}, {"q0": Readout(tone, 0.05, 1e-6)},
        {"q0": np.linspace(0, 1, 3)}, "x", "s", 10, 1e-3,
    )  # fmt: skip


SWEPT = program(amplitude=np.array([0.0, 0.1, 0.2]))


class Made:
    """A clock that only the test moves."""

    at = 0.0

    def elapsed(self) -> float:
        return self.at


def after(rest: Rest, played: Program = SWEPT, heat=None, seconds: float = 20.0) -> Rest:
    heat = {"4k": 1e-4, "mxc": 0.5e-6} if heat is None else heat
    run = SimpleNamespace(
        calibration="sweep", program=played, records=Records({}, {}, seconds, heat=heat)
    )

    async def play():
        return run

    async def said(what: str) -> None:
        pass

    assert asyncio.run(rest.around(RABI_AMPLITUDE, play, said)) is run
    return rest


def test_it_lasts_as_long_as_the_budget_takes_to_carry_the_same_heat_away():
    """Half the budget of the chamber for 20 s."""
    time = Made()
    rest = after(Rest(time, BUDGET))
    for calibration in (T1, T2_ECHO, RAMSEY):
        assert rest.left(calibration) == pytest.approx(10.0)
    for calibration in (RABI_AMPLITUDE, QUBIT_SPECTROSCOPY):
        assert rest.left(calibration) == 0.0
    time.at = 4.0
    after(rest, heat={"4k": 1e-5, "mxc": 0.0})
    assert rest.left(T1) == pytest.approx(6.0), "one that left less does not end it"
    time.at = 10.0
    assert rest.left(T1) == 0.0


@pytest.mark.parametrize(
    ("played", "expected"),
    [
        (program(), False),
        (SWEPT, True),
        (program(frequency=np.array([5e9, 5.1e9, 5.2e9])), True),
        (program(tone=np.array([7e9, 7.1e9, 7.2e9])), True),
        (program(amplitude=np.full(3, 0.1)), False),
    ],
)
def test_sweeps_of_powers_and_searches_ask_for_one(played, expected):
    assert strains(played) is expected
    assert (after(Rest(Made(), BUDGET), played).left(T1) > 0) is expected


def test_without_a_budget_nothing_waits():
    assert after(Rest(Made(), {}), heat={}).left(T1) == 0.0


def test_a_coherence_measurement_begins_when_it_is_over_and_says_why_it_waits(monkeypatch):
    time, said = Made(), []
    rest = after(Rest(time, BUDGET))

    async def sleep(seconds: float) -> None:
        assert seconds <= 0.5
        time.at += seconds

    async def say(what: str) -> None:
        said.append(what)

    async def play():
        assert time.at >= 10.0
        return SimpleNamespace(calibration="t1", program=program(), records=Records({}, {}, 1.0))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(rest.around(T1, play, say))
    assert time.at == pytest.approx(10.0, abs=0.5)
    assert said == ["t1 waits 10 s: the refrigerator rests after sweep (mxc)"]
