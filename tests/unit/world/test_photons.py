"""Photons of a tone that does not read: Stark shift, dephasing, ring-down, transitions."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from kammerton_sim.chip import Photons, Transitions, random_chip
from kammerton_sim.world.cavity import Cavity, fill_up
from kammerton_sim.world.evolution import evolution
from kammerton_sim.world.photons import beat
from kammerton_sim.world.propagate import drive
from tests.unit.world.conftest import Lab, iq, still

RESET = 1_000_000
TURN = 2 * math.pi
PER_SQUARE_VOLT = 4e4
LEAD = 4000  # samples in which the field settles


def lab_with(chi=-0.2e6, **sections) -> Lab:
    chip = still(random_chip(1, 7), slow_dephasing=0.0)
    r = replace(chip.resonators[0], chi=chi, **sections)
    return Lab(replace(chip, resonators=(r,)))


def fields(lab, volts, hertz):
    """Steady fields in |0> and |1> of a tone at `hertz`, in roots of photons."""
    r = lab.chip.resonators[0]
    away = TURN * (r.frequency + r.chi * np.arange(2) - hertz)
    loss = math.pi * r.linewidth
    return loss * math.sqrt(PER_SQUARE_VOLT) * volts / (loss - 1j * away)


def shown(lab, pulses, tone, after=0):
    """P1 and P2 after drive and tone, equally long, played together, and a pause."""
    points = [{0: p} for p in pulses]
    loop = lab.loop(points, wait=[after] * len(points), reset=RESET)
    wiring = lab.wiring
    waves = iq(wiring.readout.i, wiring.readout.q, tone)
    driven = [n for n, (step, _, _) in enumerate(loop.steps) if wiring.drive["q0"].i in step]
    for n in driven:
        step, size, repeats = loop.steps[n]
        loop.steps[n] = {**step, **waves}, size, repeats
    return lab.play(loop).populations[:, 0]


def ramsey(lab, wait, phase=0.0, lead=LEAD):
    offset = lab.offset(0)
    half = lab.drag(lab.pi() / 2, offset)
    turned = TURN * offset * (40 + wait) * 1e-9 + phase
    parts = [np.zeros(lead), half, np.zeros(wait), lab.drag(lab.pi() / 2, offset, phase=turned)]
    return np.concatenate(parts)


def fringe(lab, wait, tone_of, lead=LEAD):
    """Complex: P1 at four phases of the second pulse."""
    pulses = [ramsey(lab, wait, n * np.pi / 2, lead) for n in range(4)]
    p = shown(lab, pulses, tone_of(pulses[0].size))[:, 1]
    return (p[0] - p[2]) + 1j * (p[1] - p[3])


def steady(lab, volts, hertz):
    offset = hertz - lab.carriers["readout_lo"].frequency
    return lambda size: lab.square(volts, offset, size)


@pytest.mark.parametrize("away", [0.0, 1.5e6])
def test_a_steady_tone_shifts_and_dephases(away):
    """Both from conj(a_0) a_1 of the steady fields; on resonance about 8 chi^2 n / kappa."""
    lab = lab_with(photons=Photons(PER_SQUARE_VOLT))
    hertz = lab.chip.resonators[0].frequency + away
    volts = 0.01
    a0, a1 = fields(lab, volts, hertz)
    beaten = TURN * lab.chip.resonators[0].chi * np.conj(a0) * a1
    waits = (400, 1600)
    loud = [fringe(lab, w, steady(lab, volts, hertz)) for w in waits]
    quiet = [fringe(lab, w, steady(lab, 0.0, hertz)) for w in waits]
    ratio = (loud[1] / quiet[1]) / (loud[0] / quiet[0])
    expected = np.exp(-beaten.imag * 1.2e-6)
    assert abs(ratio) == pytest.approx(expected, abs=0.02)
    turned = np.angle(ratio)
    assert turned == pytest.approx(np.angle(np.exp(1j * beaten.real * 1.2e-6)), abs=0.03)
    if not away:
        chi, kappa = TURN * 0.1e6, TURN * lab.chip.resonators[0].linewidth
        assert beaten.imag == pytest.approx(8 * chi**2 * abs(a0) ** 2 / kappa, rel=0.05)


@pytest.mark.parametrize("away", [0.0, 0.4e6, -1e6])
def test_the_fields_turn_a_coherence_as_the_master_equation_does(away):
    """Slowest decay of |0><1| over all numbers of photons of a driven resonator."""
    shift, loss, push, size = -TURN * 0.3e6, math.pi * 1e6, TURN * 0.25e6, 16
    turns = TURN * away + shift * np.arange(3)
    a = np.diag(np.sqrt(np.arange(1, size)), 1)
    one, n = np.eye(size), a.T @ a
    h0, h1 = (w * n + push * (a + a.T) for w in turns[:2])
    generator = -1j * (np.kron(h0, one) - np.kron(one, h1))
    generator += loss * (2 * np.kron(a, a) - np.kron(n, one) - np.kron(one, n))
    exact = max(np.linalg.eigvals(generator), key=lambda value: value.real)
    cavity = Cavity(turns, loss, 0.0, 0.0, push)
    field, beats = np.empty((2, 3, 4000), np.complex128)
    fill_up(np.ones(4000, np.complex128), cavity, 1e-9, field)
    beat(field, cavity, beats)
    assert abs(field[0, -1]) ** 2 > 0.04
    assert 1j * beats[0, -1] == pytest.approx(exact, rel=1e-3)


def test_a_steady_tone_moves_the_line_down():
    """A long pulse meets the shifted, dephased qubit: chi is negative."""
    lab = lab_with(photons=Photons(PER_SQUARE_VOLT))
    hertz, volts = lab.chip.resonators[0].frequency, 0.01
    a0, a1 = fields(lab, volts, hertz)
    beaten = TURN * lab.chip.resonators[0].chi * np.conj(a0) * a1
    shift = beaten.real / TURN
    assert shift < -0.5e6
    q = lab.world.qubit(0)
    moved = q._replace(f01=q.f01 + shift, dephasing_rate=q.dephasing_rate + beaten.imag)
    carrier = lab.carriers["drive_lo"].frequency
    for detuning in (shift, 0.0, -shift):
        pulse = lab.square(TURN * 0.5e6 / q.rabi_rate, lab.offset(0) + detuning, 1000)
        states = np.zeros((1, 9))
        states[0, 0] = 1.0
        c = np.conj(pulse) * q.rabi_rate
        drive(states, np.zeros(1), c, np.empty((0, 2)), evolution(moved, carrier, 1e-9))
        train = np.concatenate([np.zeros(LEAD), pulse])
        found = shown(lab, [train], steady(lab, volts, hertz)(train.size))[0, 1]
        assert found == pytest.approx(states[0, 1], abs=0.02)


def test_photons_left_by_a_tone_go_with_the_resonator():
    """A Ramsey in the ring-down: the integral of conj(a_0) a_1 exp((j chi - kappa) t)."""
    lab = lab_with(photons=Photons(PER_SQUARE_VOLT))
    r = lab.chip.resonators[0]
    volts, wait = 0.01, 600
    a0, a1 = fields(lab, volts, r.frequency)
    rate = 1j * TURN * r.chi - TURN * r.linewidth
    for pause in (100, 400):
        lead = LEAD + pause

        def tone(size, lead=LEAD):
            return lab.padded(steady(lab, volts, r.frequency)(lead), size, at_end=False)

        loud = fringe(lab, wait, tone, lead=lead)
        quiet = fringe(lab, wait, lambda size: np.zeros(size, complex), lead=lead)
        begin, end = (pause + 20) * 1e-9, (pause + 60 + wait) * 1e-9
        integral = (np.exp(rate * end) - np.exp(rate * begin)) / rate
        beaten = TURN * r.chi * np.conj(a0) * a1 * integral
        assert abs(loud / quiet) == pytest.approx(np.exp(-beaten.imag), abs=0.02)
        assert np.angle(loud / quiet) == pytest.approx(beaten.real, rel=0.07)


def test_a_tone_does_nothing_to_populations_below_the_threshold():
    lab = lab_with(photons=Photons(PER_SQUARE_VOLT))
    plain = lab_with()
    pulse = np.concatenate([lab.drag(lab.pi(), lab.offset(0)), np.zeros(3000)])
    tone = steady(lab, 0.05, lab.chip.resonators[0].frequency)(pulse.size)
    late = np.concatenate([np.zeros(200, complex), tone[200:]])
    a, b = (shown(each, [pulse], late) for each in (lab, plain))
    assert a == pytest.approx(b, abs=1e-3)


@pytest.mark.parametrize("level", [0, 1])
def test_a_strong_tone_throws_the_qubit_out(level):
    lab = lab_with(
        photons=Photons(PER_SQUARE_VOLT), transitions=Transitions(2e5, threshold=30.0, width=2.0)
    )
    plain = lab_with()
    hertz = lab.chip.resonators[0].frequency
    pulse = np.concatenate([level * lab.drag(lab.pi(), lab.offset(0)), np.zeros(LEAD)])
    for volts in (0.02, math.sqrt(30 / PER_SQUARE_VOLT), 0.08):
        tone = steady(lab, volts, hertz)(LEAD + 40)
        tone[:60] = 0
        thrown = shown(lab, [pulse], tone)[0]
        kept = shown(plain, [pulse], tone)[0]
        photons = abs(fields(lab, volts, hertz)[level]) ** 2
        rate = 2e5 / (1 + math.exp(-(photons - 30) / 2))
        # while the field settles the rate is less
        late = math.exp(-rate * 3.3e-6), math.exp(-rate * 3.98e-6)
        share = thrown[level] / kept[level]
        assert min(late) - 0.01 < share < max(late) + 0.01
        assert thrown.sum() == pytest.approx(1)


def test_without_any_tone_nothing_changes():
    lab, plain = lab_with(photons=Photons(PER_SQUARE_VOLT)), lab_with()
    assert fringe(lab, 500, lambda n: np.zeros(n, complex)) == pytest.approx(
        fringe(plain, 500, lambda n: np.zeros(n, complex)), abs=2e-5
    )


def test_the_reading_tone_does_not_change_what_it_reads():
    lab, plain = lab_with(photons=Photons(PER_SQUARE_VOLT)), lab_with()
    pulses = [{0: ramsey(lab, w, lead=0)} for w in (100, 700)]
    assert lab.excited(pulses, reset=RESET) == pytest.approx(
        plain.excited(pulses, reset=RESET), abs=1e-4
    )


# ---------------------------------------------------------------- in the records

RATE, STRONG = 1e6, 0.06
SAMPLES = 2304
BEGUN = 64  # samples after which the tone shows


def reading(level=0, transitions=None, count=4000, **changes):
    """Records (R, N) of a long reading tone without noise, and the levels as it began."""
    chip = still(random_chip(1, 7), slow_dephasing=0.0)
    r = replace(chip.resonators[0], chi=-5e6, linewidth=20e6, photons=Photons(PER_SQUARE_VOLT))
    offset = r.frequency - 7e6 - chip.wiring.carriers["readout_lo"]
    r = replace(r, transitions=transitions, **changes)
    lab = Lab(replace(chip, resonators=(r,), wiring=replace(chip.wiring, noise=0.0)))
    tone = lab.padded(lab.square(STRONG, offset, 2400), 2400)
    pulse = level * lab.drag(lab.pi(), lab.offset(0))
    playback = lab.play(lab.loop([{0: pulse}], [tone], reset=RESET), SAMPLES)
    a, b = np.empty((2, count, SAMPLES), np.uint16)
    playback.records(0, a, b)
    scale = lab.wiring.full_scale / 32768
    z = (a.astype(float) - 32768 + 1j * (b.astype(float) - 32768)) * scale
    return z * np.exp(-TURN * 1j * offset * np.arange(SAMPLES) * 1e-9), playback.states[:, 0]


@cache
def references():
    """The record of each level: a resonator that sits where that level has it."""
    where = random_chip(1, 7).resonators[0].frequency
    return [reading(count=1, frequency=where - 5e6 * s, chi=-1e-3)[0][0] for s in range(3)]


def levels_at(records, sample, known):
    shown = records[:, sample - 20 : sample].mean(1)
    centres = np.array([each[sample - 20 : sample].mean() for each in known])
    return np.argmin(abs(shown[:, None] - centres), axis=1)


@pytest.mark.parametrize("level", [0, 1])
def test_a_strong_reading_tone_throws_the_qubit_out_in_flight(level):
    records, begun = reading(level, Transitions(RATE, threshold=1.0, width=0.1))
    known = references()
    lost = RATE + level / still(random_chip(1, 7)).qubits[0].t1
    mine = records[begun == level]
    for sample in (500, 1000, 2000):
        seen = levels_at(mine, sample, known)
        stays = math.exp(-lost * (sample - BEGUN - 20) * 1e-9)  # 20 ns: the field follows
        sigma = math.sqrt(stays * (1 - stays) / mine.shape[0])
        assert (seen == level).mean() == pytest.approx(stays, abs=4 * sigma + 0.015)
        assert (seen == 2).mean() == pytest.approx(1 - stays, abs=4 * sigma + 0.03)


def test_the_field_follows_a_jump_without_one_of_its_own():
    records, _ = reading(0, Transitions(RATE, threshold=1.0, width=0.1))
    loss = math.pi * 20e6 * 1e-9
    change = abs(np.diff(records[:, BEGUN + 200 :], axis=1)).max()
    apart = max(abs(a[2000] - b[2000]) for a in references() for b in references())
    assert change < 2 * loss * apart + 1e-3


def test_a_threshold_out_of_reach_leaves_the_decay_as_it_is():
    """The two kernels that follow a qubit agree where only decay is left."""
    means = []
    for transitions in (None, Transitions(RATE, threshold=1e6)):
        records, begun = reading(1, transitions)
        means.append(records[begun == 1][:, [300, 1000, 2200]].mean(0))
    scale = abs(references()[1][2000] - references()[0][2000])
    assert abs(means[0] - means[1]).max() < 0.03 * scale
