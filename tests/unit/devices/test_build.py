"""Chips from devices: what the table says is kept, the rest is drawn and can be served."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kammerton_sim.chip import read_chip, write_chip
from kammerton_sim.devices import Device, DeviceQubit, device_chip, drawn_device, read_device
from kammerton_sim.devices import draw as published
from kammerton_sim.devices.carriers import REACH, carriers
from kammerton_sim.devices.readout import AMPLITUDE, distance, visibility
from kammerton_sim.world import World
from tests.unit.devices.conftest import REAL
from tests.unit.world.conftest import Lab, still

REAL_TABLES = {"lagos": 7, "guadalupe": 16, "montreal": 27, "brisbane": 127}


def offsets(chip) -> np.ndarray:
    wiring = chip.wiring
    return np.array([q.f01 - wiring.carriers[wiring.drive[q.name].source] for q in chip.qubits])


def test_what_the_table_tells_is_kept(table):
    device = read_device(table())
    chip = device_chip(device, 4)
    for entry, qubit in zip(device.qubits, chip.qubits, strict=True):
        told = (entry.name, entry.t1, entry.t2, entry.f01, entry.anharmonicity)
        assert (qubit.name, qubit.t1, qubit.t2, qubit.f01, qubit.anharmonicity) == told
    assert [r.name for r in chip.resonators] == ["r0", "r1", "r2"]
    assert chip.resonators[1].visibility < chip.resonators[0].visibility  # reads worse


def test_the_seed_draws_the_rest_and_only_that(table):
    device = read_device(table())
    chip, again, other = (device_chip(device, seed) for seed in (4, 4, 5))
    assert chip == again
    assert chip.qubits[0].f01 == other.qubits[0].f01
    assert chip.qubits[0].slow_dephasing != other.qubits[0].slow_dephasing
    assert chip.resonators[0].frequency != other.resonators[0].frequency


def test_gaps_are_filled_near_the_others():
    known = DeviceQubit("q0", 1e-4, 8e-5, 5e9, -3e8, 0.02)
    chip = device_chip(Device("gaps", (known, DeviceQubit("q1"))), 2)
    filled = chip.qubits[1]
    assert filled.t1 == pytest.approx(1e-4, rel=0.11)
    assert filled.t2 == pytest.approx(8e-5, rel=0.11)
    assert filled.f01 == pytest.approx(5e9, abs=31e6)
    assert filled.anharmonicity == -3e8


def test_a_t2_that_is_told_is_kept_where_t1_is_not():
    known = DeviceQubit("q0", 1e-4, 8e-5, 5e9, -3e8, 0.02)
    chip = device_chip(Device("gaps", (known, DeviceQubit("q1", None, 4e-4))), 2)
    assert chip.qubits[1].t2 == 4e-4
    assert chip.qubits[1].t1 == 2e-4


def test_a_table_without_values_is_filled_with_published_ones():
    (qubit,) = device_chip(Device("empty", (DeviceQubit("q0"),)), 2).qubits
    assert qubit.t1 == pytest.approx(published.T1[0], rel=0.11)
    assert qubit.t2 <= 2 * qubit.t1


def test_names_of_qubits_are_those_of_the_table():
    entries = tuple(DeviceQubit(name, 1e-4, 1e-4, 5e9, -3e8) for name in ("q7", "ancilla"))
    chip = device_chip(Device("named", entries), 1)
    assert [q.name for q in chip.qubits] == list(chip.wiring.drive) == ["q7", "ancilla"]
    assert [r.name for r in chip.resonators] == ["r7", "rancilla"]


def test_pairs_are_coupled_on_demand(table):
    device = read_device(table())
    assert device_chip(device, 4).couplings == ()
    chip = device_chip(device, 4, coupled=True)
    assert [c.name for c in chip.couplings] == ["q0-q1", "q1-q2"]
    assert all(1.5e6 < c.g < 2.5e6 for c in chip.couplings)
    assert replace(chip, couplings=()) == device_chip(device, 4)
    assert 20e3 < abs(World(chip).truth("q0-q1.zz")) < 500e3


# ---------------------------------------------------------------- readout


@pytest.mark.parametrize("error", [0.003, 0.02, 0.1, 0.3])
def test_the_notch_is_as_deep_as_the_error_needs(error):
    t1, chi, linewidth, gain, noise = 1e-4, -1e6, 2e6, 0.3, 0.036
    depth = visibility(error, t1, chi, linewidth, gain, noise)
    sigmas = AMPLITUDE * gain * depth * distance(chi, linewidth) / 2 / noise
    assert math.erfc(sigmas / math.sqrt(2)) / 2 + 1e-6 / (4 * t1) == pytest.approx(error, rel=1e-6)


def test_a_fast_resonator_answers_as_in_its_steady_state():
    x = 0.5  # chi / linewidth
    assert distance(-50e6, 100e6) == pytest.approx(math.sqrt(1000) * 2 * x / (1 + x**2), rel=5e-3)
    assert distance(-0.5e6, 1e6) < 0.9 * distance(-50e6, 100e6)


def test_a_notch_cannot_be_deeper_than_deep_or_without_depth():
    assert visibility(0.0, 1e-4, -1e6, 2e6, 0.3, 0.2) == 0.9
    assert visibility(0.6, 1e-4, -1e6, 2e6, 0.3, 0.036) == 0.01


@pytest.mark.parametrize("error", [0.02, 0.1])
def test_shots_are_misread_as_often_as_the_table_says(error):
    """Shots of |0> and |1>, through the world's records, best filtered."""
    entry = DeviceQubit("q0", 1e-4, 1e-4, 5e9, -3e8, error)
    lab = Lab(still(device_chip(Device("one", (entry,)), 3)))
    pulse = lab.drag(lab.pi(), lab.offset(0))
    playback = lab.play(lab.loop([{0: 0 * pulse}, {0: pulse}]))
    a, b = np.empty((2, 8000, 1280), np.uint16)
    playback.records(0, a, b)
    records = (a.astype(float) + 1j * b.astype(float)) - 32768 * (1 + 1j)
    states = playback.states_of(0, 8000)[:, 0]
    filter_ = playback.scene.fields.change[0, 0, 0, 64:1064]  # while the tone sounds
    along = (records[:, 64:1064] @ filter_.conj()).real
    middle = along[states == 0].mean() / 2 + along[states == 1].mean() / 2
    wrong = [np.mean((along > middle) != (level == 1), where=states == level) for level in (0, 1)]
    assert np.mean(wrong) == pytest.approx(error, rel=0.2)


# ---------------------------------------------------------------- sources


def test_a_source_reaches_its_qubits_and_hits_none():
    frequencies = [4.6e9, 4.9e9, 5.2e9, 4.91e9]
    ((carrier, places),) = carriers(frequencies, 1)
    assert places == [0, 1, 2, 3]
    assert all(12e6 <= abs(f - carrier) <= REACH for f in frequencies)


def test_qubits_too_far_apart_get_sources_of_their_own():
    found = carriers([4.0e9, 6.0e9, 4.2e9], 1)
    assert [places for _, places in found] == [[0, 2], [1]]
    chip = device_chip(
        Device("wide", tuple(DeviceQubit(f"q{n}", 1e-4, 1e-4, f, -3e8)
                             for n, f in enumerate((4.0e9, 6.0e9, 4.2e9)))), 1
    )  # fmt: skip
    assert chip.wiring.drive["q1"].source == "drive_lo_2"
    assert set(chip.wiring.carriers) == {"drive_lo", "drive_lo_2", "readout_lo"}
    assert abs(offsets(chip)).max() <= REACH


def test_a_carrier_does_not_tell_where_its_only_qubit_is():
    """Nor does it together with the seed, which lab.toml tells: qubits alike but for 1 kHz."""
    found = [
        f - carriers([f], seed)[0][0] for seed in range(20) for f in np.arange(5) * 1e3 + 5.3217e9
    ]
    assert np.abs(found).min() >= 12e6 - 1e3
    assert np.ptp(np.abs(found)) > 40e6
    assert min(found) < 0 < max(found)
    by_seed = np.reshape(found, (20, 5))
    assert np.median(np.ptp(by_seed, axis=1)) > 40e6
    assert carriers([12.7e9], 1)[0][0] <= 12.75e9


# ---------------------------------------------------------------- draws


def test_drawn_devices_have_the_published_spread():
    qubits = drawn_device(1000, 5).qubits
    assert drawn_device(1000, 5) != drawn_device(1000, 6)
    log_t1 = np.log([q.t1 for q in qubits])
    assert np.exp(np.median(log_t1)) == pytest.approx(published.T1[0], rel=0.05)
    assert log_t1.std() == pytest.approx(published.T1[1], rel=0.1)
    f01 = np.array([q.f01 for q in qubits])
    assert f01.mean() == pytest.approx(published.F01[0], abs=12e6)
    assert f01.std() == pytest.approx(published.F01[1], rel=0.1)
    errors = np.log([q.readout_error for q in qubits])
    assert np.exp(np.median(errors)) == pytest.approx(published.READOUT_ERROR[0], rel=0.1)
    assert all(q.t2 <= 2 * q.t1 and q.anharmonicity < -3e8 for q in qubits)


@pytest.mark.parametrize("qubits", [0, -1, 1001])
def test_so_many_cannot_be_drawn(qubits):
    with pytest.raises(ValueError, match="1 to 1000"):
        drawn_device(qubits, 1)


@pytest.mark.parametrize("qubits", [1, 10, 11, 40])
def test_a_drawn_chip_survives_its_file_and_can_be_driven(tmp_path, qubits):
    chip = device_chip(drawn_device(qubits, 2), 2)
    write_chip(chip, tmp_path / "chip.toml")
    again = read_chip(tmp_path / "chip.toml")
    assert again.qubits == chip.qubits
    assert again.wiring.drive == chip.wiring.drive
    assert abs(offsets(chip)).min() > 5e6
    assert abs(offsets(chip)).max() <= REACH


# ---------------------------------------------------------------- devices that exist


@pytest.fixture(params=list(REAL_TABLES))
def real(request) -> Path:
    path = REAL / f"{request.param}.csv"
    if not path.exists():
        pytest.skip(f"no tables of real devices in {REAL}; KAMMERTON_REAL_DEVICES names the folder")
    return path


def test_a_real_device_becomes_a_chip(real, tmp_path):
    device = read_device(real, mend=True)
    chip = device_chip(device, 1)
    assert len(chip.qubits) == REAL_TABLES[real.stem]
    assert len(chip.feedlines) == math.ceil(len(chip.qubits) / 10)
    assert device.couplings
    assert len(device.mended) == (2 if real.stem == "brisbane" else 0)
    assert abs(offsets(chip)).min() > 5e6
    assert abs(offsets(chip)).max() <= REACH
    write_chip(chip, tmp_path / "chip.toml")
    assert read_chip(tmp_path / "chip.toml").qubits == chip.qubits
