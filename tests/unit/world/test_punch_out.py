"""The resonator at high power, seen through the records."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import ChipError, Photons, PunchOut, random_chip, read_chip, write_chip
from kammerton_sim.signals import Carrier
from kammerton_sim.world.cavity import Cavity, steady_turn
from kammerton_sim.world.cavity import cavity as cavity_of
from kammerton_sim.world.dispersive import dispersive
from tests.unit.world.conftest import Lab, still
from tests.yardstick import least, spent

SAMPLES = 5120
PER_SQUARE_VOLT = 2e5
TURN = 2 * math.pi


def lab_with(qubits=1, **sections) -> Lab:
    chip = still(random_chip(qubits, 7))
    resonators = tuple(replace(r, **sections) for r in chip.resonators)
    wiring = replace(chip.wiring, noise=0.0)
    lab = Lab(replace(chip, resonators=resonators, wiring=wiring))
    near = chip.resonators[0].frequency - 20e6
    lab.carriers["readout_lo"] = Carrier(near, 13.0, True)
    return lab


def transmitted(lab, volts, hertz):
    """S21 in the steady state of a tone at each of `hertz`."""
    carrier = lab.carriers["readout_lo"].frequency
    tones = [lab.padded(lab.square(volts, f - carrier, 4800), 4800) for f in hertz]
    playback = lab.play(lab.loop([{}] * len(tones), tones, reset=20_000), SAMPLES)
    a, b = np.empty((2, len(tones), SAMPLES), np.uint16)
    playback.records(0, a, b)
    scale = lab.wiring.full_scale / 32768
    z = (a.astype(float) - 32768 + 1j * (b.astype(float) - 32768)) * scale
    n = np.arange(3500, 4700)
    delay = round(lab.wiring.delay * 1e9)
    turned = np.exp(-2j * np.pi * (hertz - carrier)[:, None] * (n - delay + 0.5) * 1e-9)
    return (z[:, n] * turned).mean(-1) / (volts * lab.wiring.gain)


def steady(lab, volts, hertz):
    """S21 by the algebra of the steady state, from below (few photons) upwards."""
    r = lab.chip.resonators[0]
    circuit = dispersive(lab.chip.qubits[0], r)
    out = []
    for f in hertz:
        n = 0.0
        for _ in range(2000):
            pulled = circuit.bare + (r.frequency - circuit.bare) / math.sqrt(
                1 + n / circuit.critical
            )
            s = 1 / (1 + 2j * (f - pulled) / r.linewidth)
            n += 0.05 * (PER_SQUARE_VOLT * volts**2 * abs(s) ** 2 - n)
        out.append(1 - r.visibility * np.exp(1j * r.asymmetry) * s)
    return np.array(out)


@pytest.fixture(scope="module")
def hot() -> Lab:
    return lab_with(photons=Photons(PER_SQUARE_VOLT), punch_out=PunchOut())


def grid(lab):
    r = lab.chip.resonators[0]
    bare = lab.world.truth("r0.bare_frequency")
    return np.linspace(bare - 4e6, r.frequency + 4e6, 57)


def test_with_few_photons_the_resonator_is_dressed(hot):
    plain = lab_with()
    hertz = grid(hot)
    low = transmitted(hot, 1.5e-3, hertz)  # at most half a photon
    assert low == pytest.approx(transmitted(plain, 1.5e-3, hertz), abs=0.04)
    dip = hertz[np.argmin(abs(low))]
    assert dip == pytest.approx(hot.chip.resonators[0].frequency, abs=0.4e6)


def test_with_many_photons_it_is_bare(hot):
    hertz = grid(hot)
    high = transmitted(hot, 0.45, hertz)  # 40,000 photons
    dip = hertz[np.argmin(abs(high))]
    assert dip == pytest.approx(hot.world.truth("r0.bare_frequency"), abs=0.5e6)
    away = abs(hertz - hot.chip.resonators[0].frequency) < 0.4e6
    assert abs(high[away]).min() > 0.8


@pytest.mark.parametrize("volts", [0.0095, 0.019])
def test_in_between_it_is_where_the_steady_state_has_it(hot, volts):
    """18 and 72 photons at the dip, around the critical number, where one branch exists."""
    hertz = hot.chip.resonators[0].frequency + np.linspace(-4e6, 4e6, 17)
    seen, expected = transmitted(hot, volts, hertz), steady(hot, volts, hertz)
    close = abs(seen - expected) < 0.05
    assert close.sum() >= 15  # of 17: at an edge the field may be on the other branch
    plain = transmitted(lab_with(), volts, hertz)
    assert abs(seen - plain).max() > 0.1


@pytest.mark.parametrize("photons", [0, 20, 80, 500])
def test_the_shift_falls_as_on_the_ladder_of_one_qubit_and_its_resonator(photons):
    """Energy of one photon more, of two levels that exchange g sqrt(n + 1) each."""
    bare, delta, g = 7e9, -1.8e9, 0.1e9
    f01 = bare + delta

    def lower(n: int) -> float:  # the eigenstate that begins as |0, n>
        block = [[n * bare, g * math.sqrt(n)], [g * math.sqrt(n), (n - 1) * bare + f01]]
        return float(np.linalg.eigvalsh(block)[1])  # the qubit lies below the resonator

    critical = delta**2 / (4 * g**2)
    dressed = lower(1) - lower(0)
    ladder = lower(photons + 1) - lower(photons)
    cavity = Cavity(TURN * np.full(3, dressed), 1.0, TURN * bare, critical, 1.0)
    away = np.array([TURN * bare])
    volts = math.sqrt(photons * (1 + (away[0] - TURN * ladder) ** 2))  # so many photons
    turn = float(steady_turn(cavity, 0, away, volts)[0]) / TURN
    assert turn - bare == pytest.approx(ladder - bare, rel=0.02)


@pytest.mark.parametrize("volts", [0.0, 1e-3, 0.0095, 0.019, 0.1, 0.45])
def test_the_steady_state_is_the_least_of_the_solutions(hot, volts):
    """Where the photons come to in small parts, near the resonator and far from it."""
    resonator = hot.chip.resonators[0]
    cavity = cavity_of(hot.chip.qubits[0], resonator, 0.0)
    hertz = resonator.frequency + np.array([-3e9, -3e8, -30e6, *np.linspace(-9e6, 4e6, 53), 1e9])
    photons = np.zeros(hertz.size)
    pulled = cavity.turns[1] - cavity.bare
    for _ in range(4000):
        turn = cavity.bare + pulled / np.sqrt(1 + photons / cavity.critical)
        full = (cavity.scale * volts) ** 2 / (cavity.loss**2 + (TURN * hertz - turn) ** 2)
        photons += 0.05 * (full - photons)
    found = steady_turn(cavity, 1, TURN * hertz, volts)
    assert found / TURN == pytest.approx(turn / TURN, abs=1.0)


def test_a_long_sweep_is_not_long_in_coming(hot):
    """100,001 points over 4 GHz: one level took 0.25 s when every point went all the steps."""
    cavity = cavity_of(hot.chip.qubits[0], hot.chip.resonators[0], 0.0)
    away = TURN * np.linspace(4e9, 8e9, 100_001)
    steady_turn(cavity, 0, away[:2], 0.1)  # compiled
    assert least(lambda: spent(lambda: steady_turn(cavity, 0, away, 0.1)), 0.05) < 0.05


def test_the_critical_number_may_be_given():
    lab = lab_with(photons=Photons(PER_SQUARE_VOLT), punch_out=PunchOut(1e9))
    hertz = grid(lab)
    high = transmitted(lab, 0.45, hertz)
    assert hertz[np.argmin(abs(high))] == pytest.approx(lab.chip.resonators[0].frequency, abs=0.4e6)


def test_one_punched_resonator_leaves_the_others_alone():
    lab, plain = lab_with(2, photons=Photons(PER_SQUARE_VOLT)), lab_with(2)
    first, second = lab.chip.resonators
    chip = replace(lab.chip, resonators=(replace(first, punch_out=PunchOut()), second))
    mixed = Lab(chip, lab.carriers)
    hertz = second.frequency + np.linspace(-3e6, 3e6, 7)
    assert transmitted(mixed, 0.01, hertz) == pytest.approx(
        transmitted(plain, 0.01, hertz), abs=5e-3
    )


def test_punch_out_needs_photons(tmp_path):
    path = tmp_path / "chip.toml"
    lab = lab_with(photons=Photons(1e5), punch_out=PunchOut(50.0))
    write_chip(lab.chip, path)
    assert read_chip(path).resonators == lab.chip.resonators
    path.write_text(path.read_text().replace("photons = {", "purcell = {}\n#"))
    with pytest.raises(
        ChipError, match=r"resonators\.r0\.punch_out: needs resonators\.r0\.photons"
    ):
        read_chip(path)
