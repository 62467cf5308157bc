"""Measured maps: our value beside the laboratory's own, which stored no errors."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.real_data.further import folder, grid, stored

present = pytest.mark.skipif(
    not (folder() / "flux_map_qibo_d1.csv").is_file(), reason=f"no measured maps in {folder()}"
)


@present
def test_the_arc_is_the_laboratorys():
    """It took equal junctions and a charging energy of 200 MHz."""
    frequencies, biases, (signal, _) = grid("flux_map_qibo_d1")
    found = fit_batch("qubit_flux_map", (frequencies, biases), signal,
                      anharmonicity=-200e6, asymmetry=0.0)  # fmt: skip
    assert found.verdict[0] == "accepted", found.reason
    lab = stored("flux_map_qibo_d1")
    theirs = lab['"fitted_parameters"']['"D1"']
    values = {name: each[0] for name, each in found.values.items()}
    print(values, lab)
    assert values["frequency"] == pytest.approx(1e9 * theirs['"w_max"'], abs=5e4)
    assert values["sweet_spot"] == pytest.approx(lab['"sweetspot"']['"D1"'], abs=2e-4)
    assert values["period"] == pytest.approx(1 / theirs['"normalization"'], rel=0.01)


@present
def test_what_is_not_known_of_the_junctions_is_in_the_periods_error():
    frequencies, biases, (signal, phase) = grid("flux_map_qibo_d1")
    for y in (signal, signal * np.exp(1j * phase)):
        found = fit_batch("qubit_flux_map", (frequencies, biases), y)
        assert found.verdict[0] == "accepted", found.reason
        theirs = 1 / stored("flux_map_qibo_d1")['"fitted_parameters"']['"D1"']['"normalization"']
        assert abs(found.values["period"][0] - theirs) < 3 * found.stderr["period"][0]


@present
@pytest.mark.parametrize("qubit", [0, 1], ids=["high", "low"])
def test_the_amplitude_of_the_chevron_is_the_laboratorys(qubit):
    """Its duration is a point of the map; ours is the first full return, and both qubits agree."""
    amplitudes, lengths, maps = grid("chevron_qibo_d1_d2")
    found = fit_batch("cz_chevron", (amplitudes, 1e-9 * lengths), maps[qubit])
    assert found.verdict[0] == "accepted", found.reason
    theirs = next(iter(stored("chevron_qibo_d1_d2")['"amplitude"'].values()))
    print(found.values, theirs)
    step = amplitudes[1] - amplitudes[0]
    assert abs(found.values["amplitude"][0] - theirs) < 3 * found.stderr["amplitude"][0] + step / 2
    assert found.values["coupling"][0] == pytest.approx(10.5e6, rel=0.05)
    assert found.values["cz_length"][0] == pytest.approx(48.5e-9, rel=0.05)
