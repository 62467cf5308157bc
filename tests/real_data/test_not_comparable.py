"""Where our value is not the laboratory's, the laboratory's own law is: the data are read right.

Each law is fitted here as the laboratory did, by plain least squares from its stored result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from kammerton.estimation import fit_batch
from kammerton.estimation.files.columns import Choice, choose
from kammerton.estimation.files.table import read_table
from kammerton.model import Trace
from tests.real_data import laboratories

Array = NDArray[np.float64]

ENTRIES: dict[str, dict[str, Any]] = {
    entry["name"]: entry for entry in laboratories.entries(set(laboratories.LABORATORY))
}
pytestmark = pytest.mark.skipif(
    not ENTRIES,
    reason=f"no measured traces in {laboratories.folder()}; KAMMERTON_REAL_DATA names the folder",
)


def decaying_cosine(t: Array, a: float, tau: float, f: float, phase: float, offset: float) -> Array:
    return a * np.exp(-t / tau) * np.cos(2 * np.pi * f * t + phase) + offset


def gaussian_cosine(t: Array, a: float, tau: float, f: float, phase: float, offset: float) -> Array:
    return a * np.exp(-((t / tau) ** 2)) * np.cos(2 * np.pi * f * t + phase) + offset


def lorentzian(f: Array, a: float, f0: float, kappa: float, offset: float) -> Array:
    return offset + a / np.pi * kappa / ((f - f0) ** 2 + kappa**2)


def two_lorentzians(
    f: Array, a: float, f0: float, kappa: float, a2: float, f2: float, kappa2: float, offset: float
) -> Array:
    return lorentzian(f, a, f0, kappa, offset) + lorentzian(f, a2, f2, kappa2, 0.0)


def sloped_hanger(
    f: Array, a: float, f0: float, q: float, qe: float, theta: float, slope: float
) -> Array:
    x = (f - f0) / f0
    return np.asarray(
        np.abs(a * (1 + slope * x) * (1 - q / qe * np.exp(1j * theta) / (1 + 2j * q * x)))
    )


def from_the_ground_state(trace: Trace) -> Array:
    """Distance in the IQ plane from where most points lie."""
    apart = trace.y - (np.median(trace.y.real) + 1j * np.median(trace.y.imag))
    return np.abs(apart)


def measured(name: str) -> Trace:
    entry = ENTRIES[name]
    choice = Choice(cal_points=entry["calibration_points_at_end"])
    return choose(read_table(laboratories.folder() / f"{name}.csv"), entry["kind"], choice).trace


def refitted(
    name: str, law: Callable[..., Array], y: Callable[[Trace], Array], names: list[str]
) -> dict[str, tuple[float, float]]:
    """Return value and standard error of a law of the laboratory, by its own names."""
    trace, lab = measured(name), ENTRIES[name]["lab_fit"]
    unit = 1e9 if "Qe" in names else 1.0  # that laboratory counted in GHz
    start = [lab[n][0] for n in names]
    found, covariance = curve_fit(law, trace.x / unit, y(trace), start)
    return dict(zip(names, zip(found, np.sqrt(np.diag(covariance)), strict=True), strict=True))


@pytest.mark.parametrize(
    ("name", "law", "y", "names", "held"),
    [
        ("qubit_spec_delft_q9", lorentzian, from_the_ground_state,
         ["A", "f0", "kappa", "offset"], ["f0", "kappa"]),
        ("qubit_spec_delft_two_photon", two_lorentzians, from_the_ground_state,
         ["A", "f0", "kappa", "A_gf_over_2", "f0_gf_over_2", "kappa_gf_over_2", "background"],
         ["f0", "kappa"]),
        ("resonator_delft_hanger", sloped_hanger, lambda t: np.abs(t.y),
         ["A", "f0", "Q", "Qe", "theta", "slope"], ["f0", "Q", "Qe", "theta"]),
    ],
)  # fmt: skip
def test_the_laboratorys_law_gives_the_laboratorys_numbers(
    name: str, law: Callable[..., Array], y: Callable[[Trace], Array], names: list[str],
    held: list[str],
) -> None:  # fmt: skip
    found, lab = refitted(name, law, y, names), ENTRIES[name]["lab_fit"]
    for parameter in held:
        value, stderr = found[parameter]
        theirs, error = lab[parameter]
        print(name, parameter, value, stderr, theirs, error)
        assert abs(value - theirs) < 3 * np.hypot(stderr, error), parameter


def test_our_own_fit_of_the_hangers_magnitudes_alone_gives_the_laboratorys_width() -> None:
    """So that the phase makes the difference, and not the law or the solver."""
    trace, lab = measured("resonator_delft_hanger"), ENTRIES["resonator_delft_hanger"]["lab_fit"]
    found = fit_batch("resonator_spectroscopy", trace.x, np.abs(trace.y))
    assert found.values["q_loaded"][0] == pytest.approx(lab["Q"][0], abs=lab["Q"][1])


def test_the_qubits_line_is_no_lorentzian() -> None:
    """What the Lorentzian leaves is alike from point to point, which noise is not."""
    name = "qubit_spec_delft_q9"
    trace = measured(name)
    found = refitted(name, lorentzian, from_the_ground_state, ["A", "f0", "kappa", "offset"])
    left = from_the_ground_state(trace) - lorentzian(trace.x, *(v for v, _ in found.values()))
    assert left[1:] @ left[:-1] / (left @ left) > 5 / np.sqrt(left.size)


def test_the_beating_trace_does_not_tell_an_exponential_from_a_gaussian() -> None:
    """Both envelopes leave the same, and their 1/e times differ by more than either error."""
    name, names = "ramsey_delft_qr_beating", ["amplitude", "tau", "frequency", "phase"]
    trace, lab = measured(name), ENTRIES["ramsey_delft_qr_beating"]["lab_fit"]
    start = [*(lab[n][0] for n in names), 0.5]
    left, times = [], []
    for law in (decaying_cosine, gaussian_cosine):
        found, _ = curve_fit(law, trace.x, trace.y, start)
        left.append(float(((trace.y - law(trace.x, *found)) ** 2).sum()))
        times.append(float(found[1]))
    print(name, left, times)
    assert abs(trace.x.size * np.log(left[1] / left[0])) < 2.0
    assert times[0] - times[1] > 3e-6
