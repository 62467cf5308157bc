"""Purcell decay and residual photons, against the equations that they come from."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import (
    ChipError,
    Photons,
    Purcell,
    random_chip,
    read_chip,
    write_chip,
)
from kammerton_sim.world import WorldError
from kammerton_sim.world.dispersive import dispersive, pulls, purcell_rate, residual_dephasing
from tests.unit.world.conftest import Lab, still

TURN = 2 * math.pi
CHIP = still(random_chip(1, 7))
QUBIT, RESONATOR = CHIP.qubits[0], CHIP.resonators[0]


def lab_with(**sections) -> Lab:
    resonator = replace(RESONATOR, **sections)
    return Lab(replace(CHIP, resonators=(resonator,)))


def test_the_circuit_has_the_declared_shift():
    """Against the levels of three qubit levels and a few photons, exchanging one at a time."""
    c = dispersive(QUBIT, RESONATOR)
    size = 12
    a = np.diag(np.sqrt(np.arange(1, size)), 1)
    b = np.diag(np.sqrt(np.arange(1, 5)), 1)
    n, m = np.kron(np.eye(5), a.T @ a), np.kron(b.T @ b, np.eye(size))
    swap = np.kron(b, a.T)
    h = c.bare * n + QUBIT.f01 * m + QUBIT.anharmonicity / 2 * (m @ m - m)
    h = h + c.coupling * (swap + swap.T)
    energies, vectors = np.linalg.eigh(h)

    def energy(excited, photons):
        return energies[np.argmax(abs(vectors[excited * size + photons]))]

    f0 = energy(0, 1) - energy(0, 0)
    chi = energy(1, 1) - energy(1, 0) - f0
    assert f0 - c.bare == pytest.approx(RESONATOR.frequency - c.bare, rel=0.01)
    assert chi == pytest.approx(RESONATOR.chi, rel=0.03)
    second = energy(2, 1) - energy(2, 0) - f0
    assert pulls(QUBIT, RESONATOR) == pytest.approx([0.0, chi, second], rel=0.03)
    assert second == pytest.approx(1.75 * chi, rel=0.03)
    assert 20 < c.critical < 200


def test_where_no_coupling_explains_chi_two_pulls_twice_as_far():
    straddling = replace(QUBIT, f01=RESONATOR.frequency + 0.5 * abs(QUBIT.anharmonicity))
    resonant = replace(QUBIT, f01=RESONATOR.frequency + 2.01 * abs(QUBIT.anharmonicity))
    for qubit, chi in ((straddling, -1e6), (resonant, -1e6)):
        found = pulls(qubit, replace(RESONATOR, chi=chi))
        assert found.tolist() == [0.0, chi, 2 * chi]


def test_a_shift_of_the_wrong_sign_has_no_circuit():
    straddling = replace(QUBIT, f01=RESONATOR.frequency + 0.5 * abs(QUBIT.anharmonicity))
    with pytest.raises(WorldError, match="r0: no coupling to q0"):
        dispersive(straddling, RESONATOR)


@pytest.mark.parametrize("filtered", [0.0, 200e6])
def test_the_purcell_rate_is_that_of_coupled_amplitudes(filtered):
    """Slowest decay of qubit, resonator and, if there is one, a filter that carries kappa away."""
    resonator = replace(RESONATOR, purcell=Purcell(filtered))
    g = TURN * dispersive(QUBIT, resonator).coupling
    kappa, width = TURN * resonator.linewidth, TURN * filtered
    delta = TURN * (QUBIT.f01 - resonator.frequency)
    if filtered:
        exchange = math.sqrt(kappa * width) / 2
        h = np.array([[delta, g, 0], [g, 0, exchange], [0, exchange, -0.5j * width]])
    else:
        h = np.array([[delta, g], [g, -0.5j * kappa]])
    values, vectors = np.linalg.eig(h)
    mine = np.argmax(abs(vectors[0]))
    expected = -2 * values[mine].imag
    assert purcell_rate(QUBIT, resonator, QUBIT.f01) == pytest.approx(expected, rel=0.03)
    assert purcell_rate(QUBIT, RESONATOR, QUBIT.f01) == 0


def test_a_filter_spares_the_qubit():
    rates = [
        purcell_rate(QUBIT, replace(RESONATOR, purcell=Purcell(w)), QUBIT.f01) for w in (0, 2e8)
    ]
    assert rates[1] < 0.005 * rates[0]


def test_t1_shortens_by_the_purcell_rate():
    plain, lab = lab_with(), lab_with(purcell=Purcell())
    rate = purcell_rate(QUBIT, lab.chip.resonators[0], QUBIT.f01)
    assert 1 / lab.world.truth("q0.t1") - 1 / plain.world.truth("q0.t1") == pytest.approx(rate)
    pulse = lab.drag(lab.pi(), lab.offset(0))
    waits = [0, 10_000, 30_000]
    shown = lab.excited([{0: pulse}] * 3, wait=waits, reset=2_000_000)
    rest = lab.excited([{}], reset=2_000_000)[0]
    decay = np.exp(-np.array(waits) * 1e-9 / lab.world.truth("q0.t1"))
    assert (shown - rest) / (shown[0] - rest) == pytest.approx(decay, abs=1e-3)


@pytest.mark.parametrize("residual", [1e-3, 0.02, 0.3])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 2.0])
def test_residual_photons_dephase_as_the_master_equation_says(residual, ratio):
    """Slowest decay of |0><1| with all numbers of photons under thermal jumps."""
    kappa = TURN * 2e6
    size = 40
    n = np.arange(size)
    up, down = kappa * residual * (n + 1), kappa * (residual + 1) * n
    generator = np.diag(1j * ratio * kappa * n - up - down).astype(complex)
    generator += np.diag(up[:-1], -1) + np.diag(down[1:], 1)
    slowest = -np.linalg.eigvals(generator).real.max()
    resonator = replace(
        RESONATOR, linewidth=2e6, chi=-ratio * 2e6, photons=Photons(5e3, residual=residual)
    )
    assert residual_dephasing(resonator, 1e-3) == pytest.approx(slowest, rel=1e-6)


def test_residual_photons_shorten_the_shown_echo():
    lab = lab_with(photons=Photons(5e3, residual=0.01))
    rate = residual_dephasing(lab.chip.resonators[0], lab.world.temperature)
    assert rate > 2e3
    plain = lab_with()
    shorter = 1 / lab.world.truth("q0.t2_echo") - 1 / plain.world.truth("q0.t2_echo")
    assert shorter == pytest.approx(rate)


def test_a_warm_mixing_chamber_fills_the_resonator():
    """At 80 mK as many photons as Planck has, and the coherence that they leave."""
    lab = lab_with(photons=Photons(5e3))
    lab.world.temperature = 0.08
    thermal = 1 / (math.exp(6.62607015e-34 * RESONATOR.frequency / (1.380649e-23 * 0.08)) - 1)
    assert thermal > 0.01
    same = replace(RESONATOR, photons=Photons(5e3, residual=thermal))
    plain = lab_with()
    plain.world.temperature = 0.08
    added = 1 / lab.world.truth("q0.t2_echo") - 1 / plain.world.truth("q0.t2_echo")
    assert added == pytest.approx(residual_dephasing(same, 1e-3), rel=1e-6)


def test_a_chip_that_no_coupling_explains_is_refused_by_name(tmp_path):
    path = tmp_path / "chip.toml"
    between = replace(RESONATOR, frequency=QUBIT.f01 - 50e6, purcell=Purcell())
    write_chip(replace(CHIP, resonators=(between,)), path)
    with pytest.raises(ChipError, match=r"resonators\.r0\.purcell: no coupling to q0 gives"):
        read_chip(path)
