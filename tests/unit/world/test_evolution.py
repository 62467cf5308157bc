"""The kernels against exact solutions of the master equation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from kammerton_sim.world.evolution import (
    Evolution,
    Qubit,
    evolution,
    population_generator,
    transition_rates,
)
from kammerton_sim.world.propagate import drive, idle
from kammerton_sim.world.tape import superoperators
from kammerton_sim.world.thermal import effective_temperature, excitation_ratio

HOT = Qubit(4.95e9, -200e6, 40e-6, 1 / 30e-6 - 1 / 80e-6, 4e3, 0.75e9, 0.08)
CARRIER = 4.9e9
STILL = np.empty((0, 2))


def liouvillian(c: complex, e: Evolution, q: Qubit, extra: float = 0.0) -> NDArray[np.complex128]:
    a = np.diag(np.sqrt([1.0, 2.0]), 1).astype(complex)
    number, one = np.diag([0.0, 1.0, 2.0]), np.eye(3)
    h = (e.delta + extra) * number + e.alpha * np.diag([0, 0, 1])
    h = h + (c * a.conj().T + np.conj(c) * a) / 2
    down, up = transition_rates(q)
    total = -1j * (np.kron(h, one) - np.kron(one, h.T))
    for jump in (
        np.sqrt(down) * a,
        np.sqrt(up) * a.T,
        np.sqrt(2 * q.dephasing_rate) * number,
    ):
        loss = jump.conj().T @ jump
        total = total + np.kron(jump, jump.conj())
        total = total - (np.kron(loss, one) + np.kron(one, loss.T)) / 2
    return total


def reals(rho: NDArray[np.complex128]) -> NDArray[np.float64]:
    x, y, z = rho[0, 1], rho[0, 2], rho[1, 2]
    return np.array([*rho.diagonal().real, x.real, x.imag, y.real, y.imag, z.real, z.imag])


def pure(psi) -> NDArray[np.complex128]:
    psi = np.asarray(psi, complex)
    return np.outer(psi, psi.conj()) / np.vdot(psi, psi)


def some_state() -> NDArray[np.complex128]:
    return pure(STARTS["all three"])


def pulse(lab_drag, q: Qubit) -> NDArray[np.complex128]:
    return np.conj(lab_drag(0.18, q.f01 - CARRIER, q.anharmonicity)) * q.rabi_rate


STARTS = {
    "ground": [1, 0, 0],
    "superposition": [1, 1j, 0],
    "all three": [0.6, 0.5 + 0.3j, 0.2 - 0.5j],
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("carrier", [4.9e9, 4.65e9, 5.25e9])
def test_a_drag_pulse_agrees_with_the_exact_liouvillian(make_lab, start, carrier):
    e = evolution(HOT, carrier, 1e-9)
    volts = make_lab(1, 0).drag(0.18, HOT.f01 - carrier, HOT.anharmonicity)
    c = np.conj(volts) * HOT.rabi_rate
    rho = pure(STARTS[start])
    states = reals(rho)[None].copy()
    for value in c:
        rho = (expm(liouvillian(value, e, HOT) * 1e-9) @ rho.ravel()).reshape(3, 3)
    drive(states, np.zeros(1), c, STILL, e)
    assert abs(states[0] - reals(rho)).max() < 2e-7
    assert states[0, :3].sum() == pytest.approx(1, abs=1e-12)


def exponentials(generators: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Of many small matrices at once: Taylor's series of a 256th, squared eight times."""
    part = generators / 256
    steps = term = np.broadcast_to(np.eye(9, dtype=complex), part.shape)
    for k in range(1, 13):
        term = term @ part / k
        steps = steps + term
    for _ in range(8):
        steps = steps @ steps
    for n in (0, len(steps) // 2):
        assert abs(steps[n] - expm(generators[n])).max() < 1e-12
    return steps


@pytest.mark.parametrize(("seed", "samples"), [(1, 40), (2, 17), (3, 200), (4, 1000)])
def test_random_shaped_pulses_are_exact(seed, samples):
    """Any drive and any flux within the band: 1e-6 against the exact Liouvillian."""
    rng = np.random.default_rng(seed)
    e = evolution(HOT, CARRIER, 1e-9)
    window = np.sin(np.pi * (np.arange(samples) + 0.5) / samples) ** rng.uniform(0.1, 2)
    noise = rng.normal(size=(4, samples + 6))
    smooth = np.array([np.convolve(x, np.ones(7) / 7, "valid") for x in noise])
    c = (
        2
        * np.pi
        * 60e6
        * window
        * (smooth[0] + 1j * smooth[1])
        * np.exp(-2j * np.pi * (HOT.f01 - CARRIER) * np.arange(samples) * 1e-9)
    )
    shifts = 2 * np.pi * window[:, None] * np.stack([300e6 * smooth[2], 10e6 * smooth[3]], axis=1)
    rho = some_state()
    states = reals(rho)[None].copy()
    generators = np.stack(
        [
            liouvillian(value, e._replace(alpha=e.alpha + bent), HOT, moved)
            for value, (moved, bent) in zip(c, shifts, strict=True)
        ]
    )
    for step in exponentials(generators * 1e-9):
        rho = (step @ rho.ravel()).reshape(3, 3)
    drive(states, np.zeros(1), c, shifts, e)
    assert abs(states[0] - reals(rho)).max() < 1e-6


def test_a_frozen_detuning_may_be_folded_into_the_dissipator(make_lab):
    e = evolution(HOT, CARRIER, 1e-9)
    c = pulse(make_lab(1, 0).drag, HOT)
    extra = 2 * np.pi * 4e3
    rho = some_state()
    states = reals(rho)[None].copy()
    for value in c:
        rho = (expm(liouvillian(value, e, HOT, extra) * 1e-9) @ rho.ravel()).reshape(3, 3)
    drive(states, np.array([extra]), c, STILL, e)
    assert abs(states[0] - reals(rho)).max() < 2e-7


@pytest.mark.parametrize("samples", [1.0, 17.0, 3217.0, 300_000.0])
def test_idling_is_exact_for_any_time(samples):
    e = evolution(HOT, CARRIER, 1e-9)
    extra = 2 * np.pi * 5e3
    rho = some_state()
    states = np.stack([reals(rho), reals(rho)])
    idle(states, np.array([0.0, extra]), samples, e)
    for n, detuning in enumerate((0.0, extra)):
        step = expm(liouvillian(0, e, HOT, detuning) * samples * 1e-9)
        exact = reals((step @ rho.ravel()).reshape(3, 3))
        assert abs(states[n] - exact).max() < 2e-9


def test_a_map_does_what_the_pulse_does(make_lab):
    e = evolution(HOT, CARRIER, 1e-9)
    c = pulse(make_lab(1, 0).drag, HOT)
    detunings = np.array([-2e4, 3e4])
    maps = np.empty((2, 9, 9))
    superoperators(c, STILL, detunings, e, maps)
    states = np.stack([reals(some_state())] * 2)
    mapped = np.einsum("kij,kj->ki", maps, states)
    drive(states, detunings, c, STILL, e)
    assert abs(mapped - states).max() < 1e-13


@pytest.mark.parametrize("mixing_chamber", [0.0, 0.012, 0.05, 0.2])
def test_rest_is_thermal_equilibrium(mixing_chamber):
    temperature = effective_temperature(0.035, mixing_chamber)
    e = evolution(HOT._replace(temperature=temperature), CARRIER, 1e-9)
    ratio = np.exp(-6.62607015e-34 * HOT.f01 / (1.380649e-23 * temperature))
    assert e.rest[1] / e.rest[0] == pytest.approx(ratio)
    states = np.array([[0.0, 1.0, 0, 0, 0, 0, 0, 0, 0]])
    idle(states, np.zeros(1), 2e6, e)
    assert states[0, :3] == pytest.approx(e.rest, abs=1e-12)


@pytest.mark.parametrize("step", [1e-9, 4e-9])
def test_in_a_sample_far_longer_than_t1_nothing_grows(step):
    """A warm chip: the pair's coarse steps are four times as long as the shortest T1 there is."""
    warm = HOT._replace(t1=1e-9, temperature=1.0)
    e = evolution(warm, CARRIER, step)
    exact = expm(population_generator(*transition_rates(warm)) * step * e.parts[:, None, None])
    assert e.p == pytest.approx(exact, rel=1e-6)
    assert abs(e.c).max() < 1


def test_a_cold_qubit_is_excited_one_time_in_a_thousand():
    assert 0.0005 < excitation_ratio(4.9e9, effective_temperature(0.035, 0.012)) < 0.002
    assert excitation_ratio(4.9e9, effective_temperature(0.035, 0.2)) > 0.25
