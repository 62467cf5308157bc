"""Transitions of a transmon against brute force, and its arc with flux."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.world.transmon import Arc, arc, energies, transitions


def by_phase(ej: float, ec: float, offset: float = 0.25) -> np.ndarray:
    """The lowest levels in the phase basis: an independent discretisation."""
    size = 201
    n = np.fft.fftfreq(size, 1 / size)
    transform = np.exp(2j * np.pi * np.outer(np.arange(size), n) / size) / np.sqrt(size)
    kinetic = transform @ np.diag(4 * ec * (n - offset) ** 2) @ transform.conj().T
    potential = np.diag(-ej * np.cos(2 * np.pi * np.arange(size) / size))
    return np.linalg.eigvalsh(kinetic + potential)[:3]


@pytest.mark.parametrize("ratio", [12.0, 50.0, 120.0])
def test_transitions_agree_with_the_phase_basis(ratio):
    e = by_phase(ratio, 1.0)
    assert transitions(ratio, 1.0) == pytest.approx((e[1] - e[0], e[2] - 2 * e[1] + e[0]), abs=1e-9)


def test_a_large_ratio_is_an_anharmonic_oscillator():
    """Koch et al. (2007), eq. 2.11: f01 = sqrt(8 EJ EC) - EC, anharmonicity -EC."""
    f01, anharmonicity = transitions(2e3, 1.0)
    assert f01 == pytest.approx(np.sqrt(8 * 2e3) - 1, rel=2e-4)
    assert anharmonicity == pytest.approx(-1, rel=0.02)


@given(f01=st.floats(3.5e9, 7e9), anharmonicity=st.floats(-350e6, -150e6))
def test_energies_undo_transitions(f01, anharmonicity):
    assert transitions(*energies(f01, anharmonicity)) == pytest.approx((f01, anharmonicity))


@pytest.mark.parametrize("asymmetry", [0.15, 0.4, 0.8])
def test_the_arc_is_the_charge_basis_everywhere(asymmetry):
    moving = Arc(5.6e9, -220e6, asymmetry)
    ej, ec = energies(5.6e9, -220e6)
    quanta = np.linspace(-0.5, 1.0, 61)
    effective = ej * np.sqrt(
        np.cos(np.pi * quanta) ** 2 + (asymmetry * np.sin(np.pi * quanta)) ** 2
    )
    exact = np.array([transitions(x, ec) for x in effective])
    assert abs(moving(quanta) - exact)[:, 0].max() < 10
    assert abs(moving(quanta) - exact)[:, 1].max() < 100


def test_sweet_spots_are_flat_and_the_arc_is_even_and_periodic():
    moving = arc(5.6e9, -220e6, 0.3)
    assert tuple(moving(0.0)) == (5.6e9, -220e6)
    assert abs(moving.slope(0.0)) < 1e4
    assert abs(moving.slope(0.5)) < 1e4
    assert moving.slope(0.25) < -1e9
    assert moving(0.2) == pytest.approx(moving(-0.2))
    assert moving(0.2) == pytest.approx(moving(1.2))
    assert moving(0.5)[1] < -220e6  # anharmonicity grows as EJ / EC falls


def test_half_a_quantum_of_a_symmetric_loop_is_finite():
    assert np.isfinite(Arc(5.6e9, -220e6, 0.0)(np.linspace(0, 1, 11))).all()
