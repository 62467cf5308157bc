"""Coupled qubits of a chip, through the samples: gates, ZZ, couplers, who is engaged with whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from kammerton_sim.chip import ChipError, random_chip, read_chip, write_chip
from kammerton_sim.chip.couplings import Coupler, Coupling
from kammerton_sim.chip.flux import Flux
from kammerton_sim.chip.noise import Charge
from kammerton_sim.signals import Wave
from kammerton_sim.world import WorldError
from kammerton_sim.world.pairs import couple
from kammerton_sim.world.transmon import arc
from tests.unit.world.conftest import RATE, Lab, Loop, iq, still

G = 8e6
FREQUENCIES = (5.15e9, 4.78e9, 4.66e9)
ALPHA = -200e6
FLUX = ("awg2", 5), ("awg2", 6), ("awg2", 7)
QUIET = {"slow_dephasing": 0.0, "t1": 300e-6, "t2": 300e-6, "anharmonicity": ALPHA}


def lab(
    qubits: int = 2, couplings: Sequence[Coupling] = (Coupling("q0", "q1", G),), **more: object
) -> Lab:
    """q0 and q1 tunable, each by a channel of its own, at 1 V per flux quantum."""
    chip = still(random_chip(qubits, 7), **QUIET)
    chip = replace(chip, wiring=replace(chip.wiring, generators=("awg1", "awg2")))
    tuned = tuple(
        replace(q, f01=FREQUENCIES[n], flux=Flux(0.2, line=f"awg2.{5 + n}") if n < 2 else None)
        for n, q in enumerate(chip.qubits)
    )
    return Lab(replace(chip, qubits=tuned, couplings=tuple(couplings), **more))


def volts(qubit: int, hertz: float) -> float:
    """Flux volts that bring a qubit down by so many Hz."""
    moved = arc(FREQUENCIES[qubit], ALPHA, 0.2)
    quanta = np.linspace(0, 0.45, 20001)
    return float(np.interp(hertz, FREQUENCIES[qubit] - moved(quanta)[:, 0], quanta))


def crossing(off: float = 0.0) -> float:
    """Flux volts at which 20 of the two lies `off` Hz below 11."""
    quanta = np.linspace(0, 0.45, 20001)
    twenty = arc(FREQUENCIES[0], ALPHA, 0.2)(quanta).sum(axis=1)
    return float(np.interp(off, FREQUENCIES[1] - twenty, quanta))


def pulses(lab: Lab, at: float, **fractions: float) -> dict:
    """Waves of 40 samples that turn qubits by fractions of pi, `at` samples after the start."""
    waves: dict = {}
    for name, fraction in fractions.items():
        number, line = int(name[1:]), lab.wiring.drive[name]
        offset = lab.offset(number)
        pulse = lab.drag(fraction * lab.pi(number), offset, ALPHA)
        waves |= iq(line.i, line.q, pulse * np.exp(2j * np.pi * offset * at / RATE))
    return waves


def square(channel: tuple[str, int], level: float, samples: int) -> dict:
    return {channel: Wave("flux", np.full(samples, 2 * level, np.float32))}


def play(lab: Lab, *blocks: tuple[dict, int], reset: int = 5000) -> np.ndarray:
    """(qubits, 3) populations after blocks of waves of so many samples."""
    loop = Loop()
    for waves, samples in blocks:
        if samples:
            loop.step(waves, samples)
    loop.step(iq(lab.wiring.readout.i, lab.wiring.readout.q, lab.tone(), trigger=True), 2400)
    loop.silence(1000, reset)
    return lab.play(loop).populations[0]


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize("fraction", [0.25, 0.5, 1.0])
def test_eleven_goes_to_twenty_and_back_with_root_two_g(fraction):
    both = lab()
    period = 1 / (2 * np.sqrt(2) * G)
    samples = round(fraction * period * RATE)
    found = play(
        both,
        (pulses(both, 0, q0=1, q1=1), 40),
        (square(FLUX[0], crossing(), samples), samples),
    )
    twenty = np.sin(2 * np.pi * np.sqrt(2) * G * samples / RATE) ** 2
    assert found[0, 2] == pytest.approx(twenty, abs=0.03)
    assert found[1, 1] == pytest.approx(1 - twenty, abs=0.03)


@pytest.mark.parametrize("off", [-35e6, -15e6, 20e6, 40e6])
def test_beside_the_crossing_three_levels_decide(off):
    """02, 11, 20 from the eigenstate at rest that resembles 11 to the one that resembles 20."""
    both, samples = lab(), 17

    def block(f0: float, alpha0: float) -> np.ndarray:
        f1, k = FREQUENCIES[1], np.sqrt(2) * G
        return np.array([[f1 + ALPHA, k, 0], [k, f0, k], [0, k, 2 * f0 + alpha0 - f1]])

    at_rest = np.linalg.eigh(block(FREQUENCIES[0], ALPHA))[1]  # 02, 11, 20 lie in another order
    eleven, twenty = (at_rest[:, np.argmax(abs(at_rest[n]))] for n in (1, 2))
    moved = block(*arc(FREQUENCIES[0], ALPHA, 0.2)(crossing(off)))
    psi = expm(-2j * np.pi * moved * samples / RATE) @ eleven
    found = play(
        both,
        (pulses(both, 0, q0=1, q1=1), 40),
        (square(FLUX[0], crossing(off), samples), samples),
    )
    assert found[0, 2] == pytest.approx(abs(np.vdot(twenty, psi)) ** 2, abs=0.025)


@pytest.mark.parametrize("swaps", [1, 2.5])
def test_on_resonance_one_excitation_swaps(swaps):
    both = lab()
    samples = round(swaps * RATE / (4 * G))
    down = FREQUENCIES[0] - FREQUENCIES[1]
    found = play(
        both,
        (pulses(both, 0, q0=1), 40),
        (square(FLUX[0], volts(0, down), samples), samples),
    )
    swapped = np.sin(2 * np.pi * G * samples / RATE) ** 2
    assert found[1, 1] == pytest.approx(swapped, abs=0.03)
    assert found[0, 1] == pytest.approx(1 - swapped, abs=0.03)


def fringe(both: Lab, control: float, gate: tuple[dict, int], gap: int) -> float:
    """Phase of q1 after a gate, with q0 turned by `control` pi before."""
    quadratures = []
    for turn in (0.0, np.pi / 2):
        first = pulses(both, 0, q0=control) if control else {}
        line = both.wiring.drive["q1"]
        last = both.drag(both.pi(1) / 2, both.offset(1), ALPHA, turn)
        last = last * np.exp(2j * np.pi * both.offset(1) * (80 + gap) / RATE)
        found = play(
            both,
            (first, 40),
            (pulses(both, 40, q1=0.5), 40),
            gate,
            ({}, gap - gate[1]),
            (iq(line.i, line.q, last), 40),
        )
        quadratures.append(2 * found[1, 1] - 1)
    return float(np.angle(quadratures[0] + 1j * quadratures[1]))


def test_a_full_turn_of_eleven_is_a_controlled_phase_of_pi():
    both = lab()
    samples = round(RATE / (2 * np.sqrt(2) * G))
    gate = square(FLUX[0], crossing(), samples), samples
    phases = [fringe(both, control, gate, samples) for control in (0.0, 1.0)]
    assert abs(np.exp(1j * (phases[1] - phases[0])) + 1) < 0.25  # a sudden pulse is not ideal
    three = round(3 * RATE / (2 * np.sqrt(2) * G))
    found = play(
        both,
        (pulses(both, 0, q0=1, q1=1), 40),
        (square(FLUX[0], crossing(), three), three),
    )
    assert found[0, 2] < 0.05


# ---------------------------------------------------------------- outcomes go together


def entangled(**more: object) -> tuple[Lab, Loop]:
    """Half of a swap: 10 becomes 10 and 01 in equal parts."""
    both, samples = lab(**more), round(RATE / (8 * G))  # type: ignore[arg-type]
    loop = Loop()
    loop.step(pulses(both, 0, q0=1), 40)
    down = volts(0, FREQUENCIES[0] - FREQUENCIES[1])
    loop.step(square(FLUX[0], down, samples), samples)
    readout = both.wiring.readout
    loop.step(iq(readout.i, readout.q, both.tone(), trigger=True), 2400)
    loop.silence(1000, 3000)
    return both, loop


def test_two_qubits_that_share_one_excitation_are_never_found_alike():
    both, loop = entangled()
    playback = both.play(loop)
    states = playback.states_of(0, 4000)
    assert 0.4 < (states[:, 0] == 1).mean() < 0.6
    assert (states[:, 1] == 1).mean() == pytest.approx(playback.populations[0, 1, 1], abs=0.04)
    assert (states[:, 0] == states[:, 1]).mean() < 0.03


def test_records_show_the_outcomes_that_are_told():
    both, loop = entangled()
    playback = both.play(loop)
    a, b = np.empty((2, 600, 1280), np.uint16)
    playback.records(0, a, b)
    resonator = both.chip.resonators[0]
    offset = resonator.frequency + resonator.chi / 2 - both.carriers["readout_lo"].frequency
    turning = np.exp(-2j * np.pi * offset * np.arange(1280) / RATE)
    z = ((a - 32768.0 + 1j * (b - 32768.0)) * turning)[:, 200:1000].mean(1)
    levels = playback.states[:, 0]  # the tone is q0's
    apart = abs(z[levels == 1].mean() - z[levels == 0].mean())
    assert apart > 3 * z[levels == 0].std()


# ---------------------------------------------------------------- ZZ


@pytest.mark.parametrize("word", [Coupling("q0", "q1", 4e6), Coupling("q0", "q1", 4e6, 300e3)])
def test_the_zz_shift_is_that_of_the_truth(word):
    both = lab(couplings=[word])
    shift, gap = both.world.truth("q0-q1.zz"), 400
    assert abs(shift) > 50e3
    phases = [fringe(both, control, ({}, 0), gap) for control in (0.0, 1.0)]
    turned = np.angle(np.exp(1j * (phases[0] - phases[1])))
    seconds = (gap + 40) / RATE  # half of each pulse counts
    assert abs(turned) / (2 * np.pi * seconds) == pytest.approx(abs(shift), rel=0.06)
    assert both.world.truth("q0-q1.g") == 4e6


def test_what_is_not_coupled_has_no_truth():
    with pytest.raises(WorldError, match="q1-q0"):
        lab().world.truth("q1-q0.zz")
    with pytest.raises(WorldError, match=r"q0-q1\.charm"):
        lab().world.truth("q0-q1.charm")


# ---------------------------------------------------------------- who is engaged


@pytest.fixture
def joint(monkeypatch):
    """Pairs that were propagated together."""
    calls = []
    inner = couple.Played._computed

    def computed(self):
        calls.append(self.couple.name)
        return inner(self)

    monkeypatch.setattr(couple.Played, "_computed", computed)
    return calls


def test_single_pulses_leave_both_alone_and_change_nothing(joint):
    coupled, alone = lab(), lab(couplings=[])
    found = [play(x, (pulses(x, 0, q0=1, q1=1), 40)) for x in (coupled, alone)]
    # The last bits depend on what ran before in the process.
    assert np.allclose(found[0], found[1], rtol=0.0, atol=1e-12)
    assert joint == []


def test_a_flux_pulse_engages_a_pair_once(joint):
    both = lab()
    play(both, (pulses(both, 0, q0=1), 40), (square(FLUX[0], 0.01, 20), 20))
    assert joint == ["q0-q1"]


def test_the_pair_that_comes_closest_is_engaged(joint):
    chain = lab(3, [Coupling("q0", "q1", G), Coupling("q1", "q2", G)])
    near = volts(1, FREQUENCIES[1] - FREQUENCIES[2])
    play(chain, (pulses(chain, 0, q1=1), 40), (square(FLUX[1], near, 31), 31))
    assert joint == ["q1-q2"]


def test_an_uncoupled_pair_together_is_what_it_is_alone(joint):
    """The two ways to the same answer."""
    slow = {"slow_dephasing": 5e3, "t1": 20e-6, "t2": 15e-6}
    found = []
    for g in (0.0, None):
        both = lab(couplings=[] if g is None else [Coupling("q0", "q1", g)])
        chip = replace(both.chip, qubits=tuple(replace(q, **slow) for q in both.chip.qubits))
        both = Lab(chip)
        found.append(
            play(
                both,
                (pulses(both, 0, q0=0.5, q1=0.7), 40),
                (square(FLUX[0], 0.02, 20), 700),
                (pulses(both, 740, q0=0.5, q1=0.3), 40),
            )
        )
    assert joint == ["q0-q1"]
    assert found[0] == pytest.approx(found[1], abs=5e-6)


def noisy() -> Lab:
    qubits = tuple(replace(q, charge=Charge(1e3)) for q in lab().chip.qubits)
    return Lab(replace(lab().chip, qubits=qubits))


def test_where_shots_are_unlike_a_fluxed_pair_is_as_it_is_on_average(joint):
    both = noisy()
    loop = Loop()
    loop.step(pulses(both, 0, q0=1, q1=1), 40)
    loop.step(square(FLUX[0], crossing(), 44), 44)
    readout = both.wiring.readout
    loop.step(iq(readout.i, readout.q, both.tone(), trigger=True), 2400)
    loop.silence(1000, 3000)
    playback = both.play(loop)
    states = playback.states_of(0, 2000)
    expected = playback.populations[0, 0, 2]
    assert (states[:, 0] == 2).mean() == pytest.approx(expected, abs=0.05)
    assert joint == ["q0-q1"]


def test_where_shots_are_unlike_zz_alone_engages_nobody(joint):
    both = noisy()
    halves = [pulses(both, at, q0=0.5, q1=0.5) for at in (0, 1040)]
    play(both, (halves[0], 40), ({}, 1000), (halves[1], 40))
    assert joint == []
    quiet = lab()
    halves = [pulses(quiet, at, q0=0.5, q1=0.5) for at in (0, 1040)]
    play(quiet, (halves[0], 40), ({}, 1000), (halves[1], 40))
    assert joint == ["q0-q1"]


# ---------------------------------------------------------------- three bodies


def test_a_spectator_is_left_out_and_costs_little():
    """The pair alone against the whole chain of three, 27 levels, sample by sample."""
    chain = lab(3, [Coupling("q0", "q1", G), Coupling("q1", "q2", 2e6)])
    samples = 31
    moved = crossing()
    found = play(
        chain,
        (pulses(chain, 0, q0=1, q1=1), 40),
        (square(FLUX[0], moved, samples), samples),
    )
    f0, alpha0 = arc(FREQUENCIES[0], ALPHA, 0.2)(moved)
    lowering = np.diag(np.sqrt([1.0, 2.0]), 1)
    one = np.eye(3)
    a, b, c = (
        np.kron(np.kron(*(lowering if n == k else one for n in range(2))), one)
        if k < 2
        else np.kron(np.eye(9), lowering)
        for k in range(3)
    )

    h = np.zeros((27, 27))
    for x, f, alpha in zip((a, b, c), (f0, *FREQUENCIES[1:]), (alpha0, ALPHA, ALPHA), strict=True):
        n = x.T @ x
        h += (f - FREQUENCIES[1]) * n + alpha / 2 * (n @ n - n)
    for x, y, g in ((a, b, G), (b, c, 2e6)):
        h += g * (x.T @ y + y.T @ x)

    start = np.zeros(27, complex)
    start[9 + 3] = 1  # 110
    psi = expm(-2j * np.pi * h * samples / RATE) @ start
    twenty = sum(abs(psi[18 + n]) ** 2 for n in range(9))
    assert found[0, 2] == pytest.approx(twenty, abs=0.03)


# ---------------------------------------------------------------- tunable coupler

COUPLER = Coupler(asymmetry=0.1, line="awg2.8", frequency=6.4e9, anharmonicity=-150e6)
THROUGH = Coupling("q0", "q1", 7e6, coupler="c", to_first=90e6, to_second=85e6)


def by_formula(coupler: float) -> float:
    (f0, f1), (g0, g1) = FREQUENCIES[:2], (90e6, 85e6)
    away = 1 / (f0 - coupler) + 1 / (f1 - coupler) - 1 / (f0 + coupler) - 1 / (f1 + coupler)
    return 7e6 + g0 * g1 / 2 * away


def tunable() -> Lab:
    return lab(couplings=[THROUGH], couplers={"c": COUPLER})


def test_a_coupler_adds_to_the_exchange():
    both = tunable()
    assert both.world.truth("q0-q1.g") == pytest.approx(by_formula(6.4e9))
    chip = replace(both.chip, couplers={"c": replace(COUPLER, bias="b", bias_volts=2.0)})
    moved = Lab(chip)
    moved.world.bias = {"b": 0.4}
    at = float(arc(6.4e9, -150e6, 0.1)(0.2)[0])
    assert moved.world.truth("q0-q1.g") == pytest.approx(by_formula(at))


def test_a_pulse_on_the_coupler_switches_the_exchange_on():
    """q0 is held at q1's frequency; 01 and 10 swap with the g of the coupler's place."""
    both, samples = tunable(), 40
    down = volts(0, FREQUENCIES[0] - FREQUENCIES[1])
    swapped = []
    for level in (0.0, 0.25):
        gate = square(FLUX[0], down, samples) | square(("awg2", 8), level, samples)
        found = play(both, (pulses(both, 0, q0=1), 40), (gate, samples))
        swapped.append(found[1, 1])
    pushed = float(arc(6.4e9, -150e6, 0.1)(0.25)[0])
    far, near = abs(by_formula(6.4e9)), abs(by_formula(pushed))
    assert near > 3 * far
    assert swapped[0] == pytest.approx(np.sin(2 * np.pi * far * samples / RATE) ** 2, abs=0.15)
    assert swapped[1] > 2 * swapped[0]


def pushed(f: float, g: float, coupler: float) -> float:
    return g**2 * (1 / (f - coupler) - 1 / (f + coupler))


@pytest.mark.parametrize("which", [0, 1])
def test_a_pulse_on_the_coupler_pushes_both_qubits(which):
    """The phase that one qubit gathers with the other in |0>: an eigenvalue of two levels."""
    both, samples, level = tunable(), 30, 0.24
    phases = []
    for volts_ in (0.0, level):
        quadratures = []
        for turn in (0.0, np.pi / 2):
            line, offset = both.wiring.drive[f"q{which}"], both.offset(which)
            last = both.drag(both.pi(which) / 2, offset, ALPHA, turn)
            last = last * np.exp(2j * np.pi * offset * (40 + samples) / RATE)
            found = play(
                both,
                (pulses(both, 0, **{f"q{which}": 0.5}), 40),
                (square(("awg2", 8), volts_, samples), samples),
                (iq(line.i, line.q, last), 40),
            )
            quadratures.append(2 * found[which, 1] - 1)
        phases.append(np.angle(quadratures[0] + 1j * quadratures[1]))
    there = float(arc(6.4e9, -150e6, 0.1)(level)[0])
    f = np.array(FREQUENCIES[:2])
    g = np.array([90e6, 85e6])
    moved = f + pushed(f, g, there) - pushed(f, g, 6.4e9)
    now = np.linalg.eigvalsh(np.diag(moved) + by_formula(there) * np.eye(2)[::-1])[::-1]
    expected = 2 * np.pi * (now - f)[which] * samples / RATE
    assert abs(expected) > 0.5
    turned = np.angle(np.exp(1j * (phases[1] - phases[0] - expected)))
    assert abs(turned) < 0.01


# ---------------------------------------------------------------- the file


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "chip.toml"
    write_chip(
        lab(3, [THROUGH, Coupling("q1", "q2", G, -40e3)], couplers={"c": COUPLER}).chip, path
    )
    return path


def test_couplings_survive_their_file(written):
    chip = read_chip(written)
    assert chip.couplings == (THROUGH, Coupling("q1", "q2", G, -40e3))
    assert chip.couplers == {"c": COUPLER}
    assert chip.couplings[0].zz is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('first = "q1"', 'first = "q11"', "couplings[1]: there is no qubit 'q11' (did you mean"),
        ('second = "q2"', 'second = "q1"', "couplings[1]: 'q1' cannot couple to itself"),
        ('first = "q1", second = "q2"', 'first = "q1", second = "q0"', "q1-q0 is coupled already"),
        ('coupler = "c"', 'coupler = "d"', "couplings[0]: there is no coupler 'd'"),
        ('line = "awg2.8"', 'line = "awg2.5"', "channel awg2.5 is used more than once"),
        ('line = "awg2.8"', 'line = "eight"', "couplers.c.line: 'eight' is not a channel"),
        ("frequency_hz = 6400000000.0", "frequency_hz = 0.0", "must lie between 1 MHz and"),
        ("to_first_hz = ", "to_first_hz = 9999", "must lie between -1 and 1 GHz"),
    ],
)
def test_a_bad_coupling_is_refused_by_name(written, old, new, problem):
    text = written.read_text()
    assert old in text
    written.write_text(text.replace(old, new, 1))
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    assert problem in str(caught.value)
