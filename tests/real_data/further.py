"""Measured gates, maps and single shots: our value of each beside the laboratory's own.

They are no sweeps of one column, so that each is read in its own way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import fit_batch
from kammerton.model import Fit
from tests.real_data.laboratories import Comparison, Numbers, folder, verdict

Array = NDArray[np.float64]

NO_FIT = "the laboratory stored no fit"
NO_ERROR = math.nan
SHOTS = "readout_shots_qibo_d3"
REMARKS = {
    "cz_length": "the laboratory's lies beyond the longest pulse of the map, 59 ns; ours is the "
    "first full return, which a cosine along its own amplitude has at 47.6 ns",
}
"""Why a number of the laboratory is another one than ours."""


def further() -> Iterator[Comparison]:
    """Yield one comparison for every number of these traces that somebody would publish."""
    yield from _side_by_side("rb_delft_qr", benchmarking(), _benchmarking())
    for name in ("angle_error", "detuning_angle", "drag_error", "allxy_deviation"):
        yield _ours_alone("allxy_delft_qr", name, allxy())
    yield from _side_by_side("flux_map_qibo_d1", arc(), _arc())
    for qubit in ("high", "low"):
        trace = f"chevron_qibo_d1_d2, {qubit}"
        yield from _side_by_side(trace, chevron(qubit), _chevron())
        yield _ours_alone(trace, "coupling", chevron(qubit))
    for setting in (0, 1):
        yield from _side_by_side(f"{SHOTS}, reading {setting}", shots(setting), _shots(setting))
    yield _assignment(shots(0))


def _side_by_side(trace: str, fit: Fit, theirs: Numbers) -> Iterator[Comparison]:
    for name, number in theirs.items():
        usual = "" if math.isfinite(number[1]) else "the laboratory gives no error"
        remark = REMARKS.get(name, usual)
        yield Comparison(trace, name, fit.values[name], number, remark, verdict(fit))


def _ours_alone(trace: str, name: str, fit: Fit) -> Comparison:
    return Comparison(trace, name, fit.values[name], None, NO_FIT, verdict(fit))


def _assignment(fit: Fit) -> Comparison:
    """Return the fidelity beside the laboratory's of the same name, which is another quantity."""
    lab, ours = stored(SHOTS)['"assignment_fidelity"']['"D3"'], fit.values
    counted = (ours["counted_0_given_0"].value + ours["counted_1_given_1"].value) / 2
    remark = (
        "the laboratory counts what was prepared, ours is of the states at the start of the "
        f"readout, without errors of preparation; counted as there it is {counted:.4f}"
    )
    name = "assignment_fidelity"
    return Comparison(
        f"{SHOTS}, reading 0", name, ours[name], (lab, NO_ERROR), remark, verdict(fit)
    )


def benchmarking() -> Fit:
    """Fit a hundred sequences, averaged by the laboratory, between its calibration points."""
    lengths, signal = columns("rb_delft_qr")
    zero, one = signal[12:14].mean(), signal[14:].mean()
    survival = (signal[:12] - zero) / (one - zero)
    return fit_batch("randomized_benchmarking", lengths[:12], survival).fit(0, "")


def allxy() -> Fit:
    """Fit the pairs, each twice, in volts."""
    return fit_batch("allxy", *columns("allxy_delft_qr")).fit(0, "")


def arc() -> Fit:
    """Fit the flux map as its laboratory did: equal junctions, a charging energy of 200 MHz."""
    frequencies, biases, (signal, _) = grid("flux_map_qibo_d1")
    known = {"anharmonicity": -200e6, "asymmetry": 0.0}
    return fit_batch("qubit_flux_map", (frequencies, biases), signal, **known).fit(0, "")


def chevron(qubit: str) -> Fit:
    """Fit the chevron in the population of the high or of the low qubit."""
    amplitudes, lengths, maps = grid("chevron_qibo_d1_d2")
    signal = maps[("high", "low").index(qubit)]
    return fit_batch("cz_chevron", (amplitudes, 1e-9 * lengths), signal).fit(0, "")


def shots(reading: int) -> Fit:
    """Fit the single shots of the first or of the second of two readings in a row."""
    clouds = [columns(f"{SHOTS}__D3___{prepared}__{reading}") for prepared in (0, 1)]
    y = np.concatenate([i + 1j * q for i, q in clouds])
    prepared = np.repeat([0, 1], [clouds[0].shape[1], clouds[1].shape[1]])
    return fit_batch("single_shot_readout", prepared, y).fit(0, "")


def columns(name: str) -> Array:
    """Return the columns of a file of the folder, (columns, rows)."""
    return np.loadtxt(folder() / f"{name}.csv", delimiter=",", skiprows=1).T


def grid(name: str) -> tuple[Array, Array, Array]:
    """Return both axes, and every further column as a map."""
    first, second, *signals = columns(name)
    a, b = np.unique(first), np.unique(second)
    maps = np.full((len(signals), len(a), len(b)), np.nan)
    maps[:, np.searchsorted(a, first), np.searchsorted(b, second)] = signals
    return a, b, maps


def stored(name: str) -> dict[str, Any]:
    """Return what the laboratory stored of its own fit."""
    index = json.loads((folder() / "index.json").read_text())
    found: dict[str, Any] = next(entry["lab_fit"] for entry in index if entry["name"] == name)
    return found


def _benchmarking() -> Numbers:
    lab = stored("rb_delft_qr")
    error = lab["fidelity_per_Clifford"][1]
    return {
        "error_per_clifford": (lab["error_per_Clifford"][0], error),
        "depolarization": (lab["p"][0], lab["p"][1]),
        "amplitude": (lab["Amplitude"][0], lab["Amplitude"][1]),
        "offset": (lab["offset"][0], lab["offset"][1]),
    }


def _arc() -> Numbers:
    lab = stored("flux_map_qibo_d1")
    law = lab['"fitted_parameters"']['"D1"']
    return {
        "frequency": (1e9 * law['"w_max"'], NO_ERROR),
        "sweet_spot": (lab['"sweetspot"']['"D1"'], NO_ERROR),
        "period": (1 / law['"normalization"'], NO_ERROR),
    }


def _chevron() -> Numbers:
    lab = stored("chevron_qibo_d1_d2")
    (amplitude,), (nanoseconds,) = lab['"amplitude"'].values(), lab['"duration"'].values()
    return {"amplitude": (amplitude, NO_ERROR), "cz_length": (1e-9 * nanoseconds, NO_ERROR)}


def _shots(reading: int) -> Numbers:
    """Return its assignment matrices, which count: a column for each prepared state."""
    matrix = stored(SHOTS)[('"Lambda_M"', '"Lambda_M2"')[reading]]['"D3"']
    return {
        "counted_0_given_0": (matrix[0][0], NO_ERROR),
        "counted_1_given_1": (matrix[1][1], NO_ERROR),
    }
