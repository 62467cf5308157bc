"""What laboratories stored of their fits and ours do not give, and why; and what is no result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from tests.real_data.further import SHOTS, stored
from tests.real_data.laboratories import Comparison, Stored

Numbers = tuple[float, float]

AS_STORED = 1.0
OF_HALF_A_WIDTH = 2.0


def _pair(name: str, factor: float = AS_STORED) -> Callable[[Stored], Numbers]:
    return lambda lab: (factor * lab[name][0], factor * lab[name][1])


LEFT_OUT: dict[tuple[str, str], tuple[str, Callable[[Stored], Numbers], str, str]] = {
    ("echo_delft_ql", "exponent of the decay"): (
        "n", _pair("n"), "",
        "ours decays as exp(-t/2T1 - (t/Tphi)^2), and t2_echo is its 1/e time",
    ),
    ("resonator_delft_hanger", "asymmetry"): (
        "theta", _pair("theta"), "rad", "fitted, but no number of ours: q_coupling is without it",
    ),
    ("resonator_delft_hanger", "q_coupling, magnitude"): (
        "Qe", _pair("Qe"), "", "of the complex one; its inverse's real part is that of q_coupling",
    ),
    ("qubit_spec_delft_two_photon", "linewidth of the two-photon line"): (
        "kappa_gf_over_2", _pair("kappa_gf_over_2", OF_HALF_A_WIDTH), "Hz",
        "twice its kappa; of further lines we give the frequency only",
    ),
    ("rb_delft_qr", "error_per_gate"): (
        "error_per_gate", _pair("error_per_gate"), "",
        "of 1.875 gates a Clifford; ours is of a Clifford",
    ),
    (SHOTS, "qnd"): (
        "qnd", lambda lab: (lab['"qnd"']['"D3"'], math.nan), "",
        "of two readings in a row; a fit is of one reading",
    ),
    (SHOTS, "effective temperature"): (
        "effective_temperature", lambda lab: tuple(lab['"effective_temperature"']['"D3"']), "K",
        "ours is thermal_population, 0.77(13) % before reading 0: as at 56 mK and 5.652 GHz",
    ),
}  # fmt: skip
"""Trace and name -> the laboratory's key, its number, the unit, and why we give none."""

COMPARED = {
    "Amplitude", "Lambda_M", "Lambda_M2", "Q", "Qc", "Qi", "amplitude", "assignment_fidelity",
    "delta_fitting", "duration", "error_per_Clifford", "f0", "f0_gf_over_2", "fitted_parameters",
    "frequency", "kappa", "offset", "p", "period", "sweetspot", "t1", "t2", "tau",
}  # fmt: skip
"""The laboratories' keys that lines of the table with a number of ours are of."""

ANOTHER_FORM = {"Q_ef", "fidelity", "fidelity_per_Clifford", "fidelity_per_gate", "matrix_element"}
"""Keys that say once more, in another form, what is in the table."""

NO_RESULT = {
    "A", "A_gf_over_2", "attenuation", "background", "bare_frequency", "chi2", "chi2_reduced",
    "delta_phys", "error_fit_pars", "exponential_offset", "n", "native", "oscillation_offset",
    "pcov", "phase", "slope",
}  # fmt: skip
"""Keys of levels and heights, of what was held or set, of how good the fit was."""


def left_out() -> Iterator[Comparison]:
    """Yield a line for every number of a laboratory that ours do not give."""
    for (trace, name), (_, number, unit, why) in LEFT_OUT.items():
        yield Comparison(trace, name, None, number(stored(trace)), why, unit=unit)
