"""T1 of a warm chip: stimulated decay, quasiparticles, and no qubit above the film's end."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy.constants import h, k
from scipy.integrate import quad

from kammerton_sim.chip import read_chip, write_chip
from kammerton_sim.chip.film import ALUMINIUM, Superconductor
from kammerton_sim.world import WorldError
from kammerton_sim.world.thermal import effective_temperature, quasiparticle_rate
from tests.unit.world.conftest import Lab

CRITICAL = ALUMINIUM.critical_temperature  # K


def golden_rule(frequency: float, kelvin: float, critical: float = CRITICAL) -> float:
    """1/s by Catelani's spectral density with Fermi's function instead of Boltzmann's.

    E_C / h f of sin(phi / 2) squared, and 8 E_J E_C = (h f)^2.
    """
    quantum, gap = h * frequency / k, 1.764 * critical

    def fermi(energy: float) -> float:
        return 1 / (math.exp(min(energy / kelvin, 700.0)) + 1)

    def one_way(gained: float) -> float:
        def density(root: float) -> float:  # x = root^2: no singularity
            x, above = root**2, max(0.0, -gained) / gap
            energy = (1 + x + above) * gap
            rest = math.sqrt(x + abs(gained) / gap)
            return 2 * fermi(energy) * (1 - fermi(energy + gained)) / rest

        return quad(density, 0, 4, limit=200)[0]

    return 4 * frequency * (one_way(quantum) + one_way(-quantum))


@pytest.mark.parametrize("kelvin", [0.1, 0.15, 0.2, 0.3])
@pytest.mark.parametrize("frequency", [3e9, 5e9, 8e9])
def test_quasiparticles_tunnel_as_fermis_golden_rule_says(frequency, kelvin):
    assert quasiparticle_rate(frequency, kelvin, CRITICAL) == pytest.approx(
        golden_rule(frequency, kelvin), rel=0.02
    )


def test_heat_shortens_t1_by_two_n_plus_one_and_then_by_quasiparticles(make_lab):
    lab = make_lab(1, 11, t1=50e-6)
    world, floor = lab.world, lab.chip.qubits[0].floor_temperature
    cold, f01 = world.truth("q0.t1"), world.truth("q0.f01")

    def stimulated(kelvin: float) -> float:
        return 1 / math.tanh(h * f01 / (2 * k * effective_temperature(floor, kelvin)))

    began = world.clock.now()
    for kelvin in (0.08, 0.1, 0.15):
        world.temperature = kelvin
        rate = stimulated(kelvin) / stimulated(0.012) / cold + golden_rule(f01, kelvin)
        assert world.truth("q0.t1") == pytest.approx(1 / rate, rel=0.01)
    assert world.truth("q0.t1") < 30e-6  # as transmons of aluminium have it at 150 mK
    assert world.truth("q0.t1", at=began) == pytest.approx(cold, rel=1e-3)  # it was cold then


def test_above_the_end_of_superconductivity_there_is_no_qubit(make_lab):
    world = make_lab(1, 11).world
    began = world.clock.now()
    world.temperature = 295.0
    for parameter in ("q0.t1", "q0.f01", "r0.frequency"):
        with pytest.raises(WorldError, match=f"{parameter}: no truth at 295 K; above 1.2 K"):
            world.truth(parameter)
        assert world.truth(parameter, at=began) > 0
    with pytest.raises(WorldError, match=r"no truth of 'q0\.t9'"):
        world.truth("q0.t9")


def test_another_metal_has_another_gap_and_another_end(make_lab, tmp_path):
    lab = make_lab(1, 11, t1=50e-6)
    path = tmp_path / "chip.toml"
    write_chip(replace(lab.chip, superconductor=Superconductor(2.0)), path)
    world = Lab(read_chip(path)).world
    cold, f01 = world.truth("q0.t1"), world.truth("q0.f01")
    world.temperature = 0.2
    floor = world.chip.qubits[0].floor_temperature
    warm = effective_temperature(floor, 0.2), effective_temperature(floor, 0.012)
    more = math.tanh(h * f01 / (2 * k * warm[1])) / math.tanh(h * f01 / (2 * k * warm[0]))
    rate = more / cold + golden_rule(f01, 0.2, 2.0)
    assert world.truth("q0.t1") == pytest.approx(1 / rate, rel=0.01)
    assert golden_rule(f01, 0.2, 2.0) < 0.01 * golden_rule(f01, 0.2)
    world.temperature = 1.5
    assert world.truth("q0.f01") > 0  # aluminium would be none any more
    world.temperature = 2.1
    with pytest.raises(WorldError, match=r"no truth at 2.1 K; above 2 K"):
        world.truth("q0.f01")
