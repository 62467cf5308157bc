"""T1 is in the records only if every sample, setting and cable is as it must be.

A hostile tester plays a T1 measurement and spoils one thing; what the digitizer then sees is judged
here, by hand-made demodulation, and nothing that the world keeps about itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import curve_fit

from kammerton_sim.signals import Carrier
from tests.unit.world.conftest import RATE, Lab, padded, square

FACTORS = np.array([0.0, 0.3, 0.7, 1.2, 2.0, 4.0])
TURNS, SAMPLES, RESET = 500, 1280, 1_000_000
DELAY, LENGTH = 64, 1000
CLEAR = 20.0
"""Standard errors between the first and the last delay, at least, of a sound measurement."""


class Attempt:
    """A T1 measurement of one qubit, each part of which can be spoilt before it is played."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.delays = lab, (FACTORS * lab.world.truth("q0.t1") * RATE).astype(int)
        self.pulse = lab.drag(lab.pi(), lab.offset(0))
        self.tone, self.samples, self.first = lab.tone(), SAMPLES, 0
        self.begin, self.length = DELAY, LENGTH
        self.swap: tuple = ()
        self.turn: Callable = lambda z: z

    def means(self) -> SimpleNamespace:
        """Mean of every delay as the host would demodulate it, and its standard error."""
        outputs = self.lab.loop(
            [{0: self.pulse}] * 6, [self.tone] * 6, wait=self.delays.tolist(), reset=RESET
        ).outputs()
        for one, other in self.swap:
            outputs[one], outputs[other] = outputs[other], outputs[one]
        playback = self.lab.world.play(outputs, self.lab.carriers, self.samples)
        a, b = np.empty((2, 6 * TURNS, self.samples), np.uint16)
        playback.records(self.first, a, b)
        z = self.turn(a.astype(float) + 1j * b) - 32768 * (1 + 1j)
        window = slice(self.begin, self.begin + self.length)
        t = np.arange(self.samples)[window] / RATE
        meant = self.lab.chip.resonators[0].frequency + self.lab.chip.resonators[0].chi / 2
        frequency = meant - self.lab.wiring.carriers["readout_lo"]
        shots = (z[:, window] * np.exp(-2j * np.pi * frequency * t)).sum(1).reshape(TURNS, 6)
        spread = np.std(shots.real) + np.std(shots.imag)
        return SimpleNamespace(z=shots.mean(0), error=spread / np.sqrt(TURNS))

    def contrast(self) -> float:
        """Standard errors between the shortest and the longest delay."""
        means = self.means()
        return float(abs(means.z[0] - means.z[-1]) / means.error)

    def t1(self) -> float:
        """T1 in units of the true one, as a fit finds it."""
        z = self.means().z
        axis = np.exp(-1j * np.angle(z[0] - z[-1]))
        y = ((z - z[-1]) * axis).real
        law = lambda x, height, tau, rest: height * np.exp(-x / tau) + rest  # noqa: E731
        (_, tau, _), _ = curve_fit(law, FACTORS, y / y[0], (1, 1, 0), maxfev=5000)
        return float(tau)


@pytest.fixture
def attempt(one) -> Attempt:
    return Attempt(one)


def test_a_sound_measurement_finds_t1(attempt):
    assert attempt.contrast() > CLEAR
    assert attempt.t1() == pytest.approx(1, abs=0.15)


def _other_frequency(attempt: Attempt) -> None:
    attempt.pulse = attempt.lab.drag(attempt.lab.pi(), attempt.lab.offset(0) + 60e6)


def _lower_sideband(attempt: Attempt) -> None:
    attempt.pulse = attempt.pulse.conj()


def _other_tone(attempt: Attempt) -> None:
    meant = attempt.lab.chip.resonators[0].frequency + 25e6
    offset = meant - attempt.lab.carriers["readout_lo"].frequency
    attempt.tone = padded(square(0.045, offset, 1000), 2400, at_end=False)


def _swapped(*lines: str) -> Callable[[Attempt], None]:
    def spoil(attempt: Attempt) -> None:
        wiring = attempt.lab.wiring
        found = {"drive": wiring.drive["q0"], "readout": wiring.readout}
        attempt.swap = tuple((found[line].i, found[line].q) for line in lines)
        if "readout" in lines:  # the trigger's marker is of the channel, and goes along
            box, channel, marker = wiring.trigger
            channel = wiring.readout.q[1] if channel == wiring.readout.i[1] else channel
            moved = replace(wiring, trigger=(box, channel, marker))
            attempt.lab = Lab(replace(attempt.lab.chip, wiring=moved))

    return spoil


def _source(name: str, carrier: Callable[[Carrier], Carrier]) -> Callable[[Attempt], None]:
    def spoil(attempt: Attempt) -> None:
        attempt.lab.carriers[name] = carrier(attempt.lab.carriers[name])

    return spoil


def _window(begin: int, length: int) -> Callable[[Attempt], None]:
    def spoil(attempt: Attempt) -> None:
        attempt.samples, attempt.begin, attempt.length = 3200, begin, length

    return spoil


SPOILT: dict[str, Callable[[Attempt], None]] = {
    "no amplitude": lambda a: setattr(a, "pulse", 0 * a.pulse),
    "a full turn": lambda a: setattr(a, "pulse", np.concatenate([a.pulse, a.pulse])),
    "a pulse on another frequency": _other_frequency,
    "the lower sideband": _lower_sideband,
    "I and Q of the drive exchanged": _swapped("drive"),
    "I and Q of the readout exchanged": _swapped("readout"),
    "channels A and B exchanged": lambda a: setattr(a, "turn", lambda z: z.imag + 1j * z.real),
    "no tone": lambda a: setattr(a, "tone", 0 * a.tone),
    "a tone beside the resonator": _other_tone,
    "drive source off": _source("drive_lo", lambda c: replace(c, on=False)),
    "drive source retuned": _source("drive_lo", lambda c: replace(c, frequency=c.frequency + 8e7)),
    "readout source off": _source("readout_lo", lambda c: replace(c, on=False)),
    "a window before the tone arrives": _window(0, 60),
    "a window after the tone": _window(2000, LENGTH),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_without_any_one_of_these_there_is_no_decay(attempt, spoil):
    spoil(attempt)
    assert attempt.contrast() < 6


def test_half_the_angle_is_half_the_contrast_and_the_same_t1(attempt):
    whole = attempt.contrast()
    attempt.pulse = attempt.pulse / 2
    assert attempt.contrast() == pytest.approx(whole / 2, rel=0.2)
    assert attempt.t1() == pytest.approx(1, abs=0.3)


def test_a_short_window_sees_less(attempt):
    whole = attempt.contrast()
    attempt.length = 150
    assert attempt.contrast() < whole / 3


def test_a_digitizer_that_was_armed_late_mixes_up_the_delays(attempt):
    attempt.first = 2  # the third delay comes first
    y = attempt.means().z
    assert abs(y[4] - y[3]) > abs(y[0] - y[3])  # no decay from the first to the last
