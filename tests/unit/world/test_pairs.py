"""A pair of transmons against exact solutions of its master equation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.sparse import csr_array

from kammerton_sim.chip.couplings import Coupling
from kammerton_sim.chip.flux import Flux
from kammerton_sim.world.evolution import Qubit, evolution, transition_rates
from kammerton_sim.world.flux import Loop
from kammerton_sim.world.pairs.basis import (
    FIRST,
    LABELS,
    LOWERING_FIRST,
    LOWERING_SECOND,
    PLACE,
    SECOND,
)
from kammerton_sim.world.pairs.carry import flux
from kammerton_sim.world.pairs.coupler import Exchange
from kammerton_sim.world.pairs.idle import liouvillian, rest, sectors
from kammerton_sim.world.pairs.play import joint_populations
from kammerton_sim.world.pairs.rest import Rest, at_rest, hamiltonian
from kammerton_sim.world.pairs.script import DRIVEN, FLUX, IDLE, MEASURE, Script, Segment

TURN = 2 * np.pi
STEP, FRAME = 1e-9, 4.9e9
A = Qubit(5.15e9, -200e6, 40e-6, 1 / 30e-6 - 1 / 80e-6, 0.0, 0.75e9, 0.08)
B = Qubit(4.78e9, -210e6, 30e-6, 1 / 25e-6 - 1 / 60e-6, 0.0, 0.75e9, 0.07)
G = TURN * 8e6
CZ = A.f01 + A.anharmonicity - B.f01
"""Hz by which A must come down for 11 to meet 20."""
LOOP = Loop(6e9, -100e6, Flux(0.0))


def moving() -> tuple:
    return evolution(A, FRAME, STEP), evolution(B, FRAME, STEP)


def still(g: float = G, shift: float | None = None) -> Rest:
    a, b = moving()
    return at_rest(a.delta, b.delta, a.alpha, b.alpha, g, shift)


def exact(h: NDArray) -> NDArray[np.complex128]:
    """Liouvillian of a Hamiltonian (9, 9) with the collapse operators of both qubits."""
    one = np.eye(9)
    total = -1j * (np.kron(h, one) - np.kron(one, h.T))
    for qubit, a in ((A, LOWERING_FIRST), (B, LOWERING_SECOND)):
        down, up = transition_rates(qubit)
        rates = (np.sqrt(down) * a, np.sqrt(up) * a.T, np.sqrt(2 * qubit.dephasing_rate) * a.T @ a)
        for jump in rates:
            loss = jump.T @ jump
            total = total + np.kron(jump, jump)
            total = total - (np.kron(loss, one) + np.kron(one, loss.T)) / 2
    return total


def advanced(h: NDArray, rho: NDArray) -> NDArray[np.complex128]:
    """One sample of `h`, exactly: a Taylor series of the whole Liouvillian."""
    generator = csr_array(exact(h) * STEP)
    term, total = rho, rho.astype(complex)
    for n in range(1, 60):
        term = generator @ term / n
        total = total + term
        if abs(term).max() < 1e-16:
            return total
    raise AssertionError


def some_state(seed: int) -> NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    psi = rng.normal(size=9) + 1j * rng.normal(size=9)
    psi /= np.linalg.norm(psi)
    return np.outer(psi, psi.conj()).ravel()


def upper(rho: NDArray) -> NDArray:
    """The elements that are kept up to date."""
    n = FIRST + SECOND
    return np.where(n[:, None] <= n[None, :], rho.reshape(9, 9), 0)


def shaped(seed: int, samples: int = 60) -> NDArray[np.float64]:
    """Shifts of a random smooth pulse that brings A near the crossing of 11 and 20."""
    rng = np.random.default_rng(seed)
    window = np.sin(np.pi * (np.arange(samples) + 0.5) / samples) ** rng.uniform(0.1, 2)
    wiggles = np.convolve(rng.normal(size=samples + 8), np.ones(9) / 9, "valid")
    out = np.zeros((samples, 5))
    out[:, 0] = -TURN * window * (CZ + 15e6 * wiggles)
    out[:, 1] = -TURN * 5e6 * window
    out[:, 4] = TURN * 2e6 * window * wiggles
    return out


def base(r: Rest) -> NDArray[np.float64]:
    return np.array([r.first, r.alpha_first, r.second, r.alpha_second, r.g])


def at(r: Rest, shift: NDArray[np.float64]) -> NDArray[np.float64]:
    x = base(r) + shift
    return hamiltonian(x[0], x[2], x[1], x[3], x[4], r.zz)


# ---------------------------------------------------------------- at rest


def test_what_is_measured_at_rest_is_what_was_asked_for():
    a, b = moving()
    pair = still()
    assert pair.energies[PLACE[1, 0]] == pytest.approx(a.delta, rel=1e-12)
    assert pair.energies[PLACE[0, 1]] == pytest.approx(b.delta, rel=1e-12)
    h = pair.states @ np.diag(pair.energies) @ pair.states.T
    assert h == pytest.approx(hamiltonian(*pair[:6]), abs=1e-3)


def test_the_zz_shift_is_that_of_perturbation_theory():
    """2 g^2 (1/(D - aB) - 1/(D + aA)), to the second order in g."""
    apart = A.f01 - B.f01
    second = 2 * 1e6**2 * (1 / (apart - B.anharmonicity) - 1 / (apart + A.anharmonicity))
    assert still(TURN * 1e6).shift / TURN == pytest.approx(second, rel=0.01)
    assert still(0.0).shift == 0


def test_a_given_zz_shift_is_made_up():
    pair = still(shift=TURN * -120e3)
    assert pair.shift / TURN == pytest.approx(-120e3, abs=1e-3)
    assert pair.energies[PLACE[1, 0]] == still().energies[PLACE[1, 0]]


@pytest.mark.parametrize("seconds", [1e-9, 3e-7, 3e-6, 2e-4])
def test_resting_is_exact_for_any_time(seconds):
    pair, (a, b) = still(), moving()
    levels = np.diag(pair.energies)
    assert liouvillian(pair.energies, a, b) == pytest.approx(exact(levels), abs=1e-6)
    detuned = TURN * np.array([[0.0, 0.0], [3e3, -5e3]])
    states = np.stack([some_state(1)] * 2)
    rest(states, detuned, seconds, sectors(pair.energies, a, b))
    for n, (x, y) in enumerate(detuned):
        generator = exact(levels + np.diag(x * FIRST + y * SECOND))
        truth = expm(generator * seconds) @ some_state(1)
        assert abs(upper(states[n]) - upper(truth)).max() < 1e-10


# ---------------------------------------------------------------- flux pulses


@pytest.mark.parametrize("seed", range(5))
def test_a_random_flux_pulse_agrees_with_the_exact_liouvillian(seed):
    pair = still()
    shifts = shaped(seed, 60 + seed % 2)
    detuned = TURN * np.array([[4e3, 2e3]]) * (seed % 2)
    states = some_state(seed)[None].copy()
    flux(states, detuned, shifts, base(pair), pair.zz, moving())
    for n, (x, y) in enumerate(detuned):
        truth = some_state(seed)
        for shift in shifts:
            h = at(pair, shift) + np.diag(x * FIRST + y * SECOND)
            truth = advanced(h, truth)
        assert abs(upper(states[n]) - upper(truth)).max() < 1e-6


def test_half_a_period_swaps_01_and_10():
    pair = still()
    samples = round(1 / (4 * G / TURN) / STEP)
    shifts = np.zeros((samples, 5))
    shifts[:, 0] = pair.second - pair.first
    states = np.zeros((1, 81), complex)
    states[0, 10 * PLACE[0, 1]] = 1
    flux(states, np.zeros((1, 2)), shifts, base(pair), 0.0, moving())
    assert states[0, 10 * PLACE[1, 0]].real > 0.99


# ---------------------------------------------------------------- a whole script


def script(*segments: Segment, gap: int = 300) -> Script:
    """Segments with gaps of rest between them, a measurement, and rest."""
    rows = []
    for n, segment in enumerate(segments):
        rows += [(FLUX if segment.silent else DRIVEN, n, segment.c.shape[0]), (IDLE, 0, gap)]
    rows += [(MEASURE, 0, 0), (IDLE, 0, 1_000_000)]
    kinds, values, lengths = np.array(rows, np.int64).T.copy()
    return Script(kinds, values, lengths, segments, 1)


def driven(seed: int, samples: int, both: bool = True) -> Segment:
    """About half a turn of each qubit with a random phase."""
    rng = np.random.default_rng(seed)
    envelope = np.exp(-(((np.arange(samples) + 0.5) / samples - 0.5) ** 2) * 8)
    c = np.zeros((samples, 2), complex)
    n = np.arange(samples) + 0.5
    for k, qubit in enumerate((A, B)[: 1 + both]):
        tone = np.exp(-1j * TURN * ((qubit.f01 - FRAME) * n * STEP + rng.uniform()))
        c[:, k] = rng.uniform(0.3, 0.6) * np.pi / envelope.sum() / STEP * envelope * tone
    return Segment(c, np.zeros((samples, 5)))


def reference(played: Script) -> NDArray[np.float64]:
    """Populations at the measurement, sample by sample, from rest."""
    pair, (a, b) = still(), moving()
    start = np.outer(a.rest, b.rest)
    rho = np.diag([start[label] for label in LABELS]).astype(complex).ravel()
    bare = np.kron(pair.states, pair.states)
    for kind, value, length in zip(played.kinds, played.values, played.lengths, strict=True):
        if kind == MEASURE:
            return rho.reshape(9, 9).diagonal().real
        if kind == IDLE:
            rho = expm(exact(np.diag(pair.energies)) * length * STEP) @ rho
            continue
        segment, rho = played.segments[value], bare @ rho
        for c, shift in zip(segment.c, segment.shifts, strict=True):
            h = at(pair, shift).astype(complex)
            for x, lowering in zip(c, (LOWERING_FIRST, LOWERING_SECOND), strict=True):
                h += (x * lowering.T + np.conj(x) * lowering) / 2
            rho = advanced(h, rho)
        rho = bare.T @ rho
    raise AssertionError


@pytest.mark.parametrize("samples", [40, 37, 5])
def test_pulses_on_both_and_a_gate_between_agree_with_the_exact_liouvillian(samples):
    gate = Segment(np.zeros((60, 2), complex), shaped(3))
    played = script(driven(1, samples), gate, driven(2, samples))
    found = joint_populations(played, (A, B), G, None, FRAME, STEP)[0]
    assert found.sum() == pytest.approx(1, abs=1e-9)
    assert abs(found - reference(played)).max() < 3e-6


def test_without_coupling_two_qubits_know_nothing_of_each_other():
    played = script(driven(1, 40), gap=2000)
    alone = script(driven(1, 40, both=False), gap=2000)
    both = joint_populations(played, (A, B), 0.0, None, FRAME, STEP)[0][PLACE]
    one = joint_populations(alone, (A, B), 0.0, None, FRAME, STEP)[0][PLACE]
    assert both == pytest.approx(np.outer(both.sum(1), both.sum(0)), abs=1e-9)
    assert both.sum(1) == pytest.approx(one.sum(1), abs=1e-6)


def test_slow_noise_of_both_blurs_their_phases():
    noisy = A._replace(slow_dephasing=60e3), B._replace(slow_dephasing=60e3)
    played = script(driven(1, 40), driven(1, 40), gap=3000)
    quiet = joint_populations(played, (A, B), 0.0, None, FRAME, STEP)[0][PLACE]
    blurred = joint_populations(played, noisy, 0.0, None, FRAME, STEP)[0][PLACE]
    assert abs(blurred.sum(1)[1] - quiet.sum(1)[1]) > 0.01
    assert blurred.sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("f_coupler", [6.2e9, 6.8e9, 3.9e9])
def test_the_eliminated_coupler_is_that_of_three_oscillators(f_coupler):
    """Modes of x-x coupled oscillators, counter-rotating terms and all, two of them alike."""
    f, g, direct = 5e9, 60e6, 5e6
    size = np.array([f, f, f_coupler])
    stiffness = np.diag(size**2)
    for i, j, coupling in ((0, 2, g), (1, 2, g), (0, 1, direct)):
        stiffness[i, j] = stiffness[j, i] = 2 * coupling * np.sqrt(size[i] * size[j])
    squares, modes = np.linalg.eigh(stiffness)
    alike = modes[0] * modes[1] > 0
    qubits = abs(modes[2]) < 0.5
    together, against = (np.sqrt(squares[qubits & which].item()) for which in (alike, ~alike))
    exchange = Exchange(Coupling("a", "b", direct, to_first=g, to_second=g, coupler="c"), LOOP)
    at = np.array([f_coupler])
    both = np.array([f])
    shift = exchange.moved(both, at, second=False).item()
    effective = exchange.effective(both, both, at).item()
    assert (together - against) / 2 == pytest.approx(effective, rel=0.02, abs=0.05e6)
    assert (together + against) / 2 - f == pytest.approx(shift, rel=0.03)
