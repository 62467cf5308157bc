"""Measured traces of real laboratories, our fit of each, and the laboratories' own.

The traces are not part of this repository: they are looked for in KAMMERTON_REAL_DATA, or beside
the repository in shared/real-data.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file
from kammerton.model import Fit, Value

Stored = dict[str, Any]

CHOICES = {
    "t1_qibo_d3": Choice(sigma="error", x_unit="ns"),
    "ramsey_qibo_d3": Choice(sigma="errors", x_unit="ns"),
}

TOLD = {"ramsey_delft_qr_beating": {"envelope": "exponential"}}
"""What the laboratory took for known, and our fit is told: the trace does not tell it."""

NOT_COMPARABLE = {
    ("qubit_spec_delft_q9", "linewidth"): "a Lorentzian was fitted to a line of another shape",
    ("resonator_qibo_d1", "linewidth"):
        "twice the half width of a Lorentzian of |S|; ours is of the complex S, or of |S|^2",
    **{("qubit_spec_delft_two_photon", name): "Lorentzians were fitted to lines of another shape"
       for name in ("frequency", "linewidth", "frequency_gf_half")},
    **{("resonator_delft_hanger", name):
       "magnitudes only, over a straight background; the phase shows it is not straight"
       for name in ("linewidth", "q_loaded", "q_internal", "q_coupling")},
}  # fmt: skip
"""Where the laboratory's number is not the same quantity, and why.

test_not_comparable.py shows that the laboratory's own law gives the laboratory's number.
"""

OF_KAPPA = "the laboratory's is twice its kappa, half of the full width"
OF_Q = "the laboratory's is its f0/Q"
OF_PERIOD = "the laboratory's is half of its period"
CONVERTED = {
    ("qubit_spec_delft_q9", "linewidth"): OF_KAPPA,
    ("qubit_spec_delft_two_photon", "linewidth"): OF_KAPPA,
    ("resonator_delft_hanger", "linewidth"): OF_Q,
    ("resonator_delft_transmission", "linewidth"): OF_Q,
    ("rabi_delft_qr", "pi_amplitude"): OF_PERIOD,
    ("rabi_delft_q9", "pi_amplitude"): OF_PERIOD,
    (
        "ramsey_delft_qr_beating",
        "t2_star",
    ): "ours is told that the envelope is exponential, as the laboratory's is; else the window is "
    "too narrow to tell T2*",
}
"""What was done before the laboratory's number stands beside ours."""


@dataclass(frozen=True)
class Comparison:
    """One parameter: ours, the laboratory's (None where it has none) and why not, if so.

    ours: None where the fit gives no such number; the laboratory's then has the unit. verdict: of
    our fit, with the status where that is not the usual one.
    """

    trace: str
    name: str
    ours: Value | None
    theirs: tuple[float, float] | None
    remark: str
    verdict: str = ""
    unit: str = ""

    @property
    def pull(self) -> float:
        """Difference in combined standard errors; NaN without a laboratory's error."""
        if self.ours is None or self.theirs is None or not math.isfinite(self.theirs[1]):
            return math.nan
        return (self.ours.value - self.theirs[0]) / math.hypot(self.ours.stderr, self.theirs[1])


def folder() -> Path:
    """Return where the traces should be."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "real-data"
    return Path(os.environ.get("KAMMERTON_REAL_DATA", beside))


def entries(kinds: set[str]) -> list[Stored]:
    """Return what the index says of the traces of some kinds; nothing where it is absent."""
    index = folder() / "index.json"
    if not index.is_file():
        return []
    stored: list[Stored] = json.loads(index.read_text())
    return [entry for entry in stored if entry["kind"] in kinds]


def fitted(entry: Stored) -> Fit:
    """Fit one trace as `kammerton fit` would."""
    choice = CHOICES.get(entry["name"], Choice(cal_points=entry["calibration_points_at_end"]))
    known = TOLD.get(entry["name"], {})
    return fit_file(folder() / f"{entry['name']}.csv", entry["kind"], choice, **known)[1]


def compared(entry: Stored, fit: Fit) -> Iterator[Comparison]:
    """Yield one comparison for every parameter of our fit."""
    theirs = LABORATORY[entry["kind"]](entry)
    for name, ours in fit.values.items():
        stored = theirs.get(name)
        both = (NOT_COMPARABLE.get((entry["name"], name)), CONVERTED.get((entry["name"], name)))
        remark = "; ".join(filter(None, both))
        if stored is None:
            remark = remark or "the laboratory gives none"
        elif not math.isfinite(stored[1]):
            remark = remark or "the laboratory gives no error"
        yield Comparison(entry["name"], name, ours, stored, remark, verdict(fit))


def verdict(fit: Fit) -> str:
    """Return the verdict, and what was found where that is more than success."""
    return str(fit.verdict) + ("" if fit.status == "success" else f": {fit.status}")


Numbers = dict[str, tuple[float, float]]


def _of_qibocal(entry: Stored) -> Stored:
    return {k.strip('"'): next(iter(v.values())) for k, v in entry["lab_fit"].items()
            if isinstance(v, dict) and v}  # fmt: skip


def _times(pair: list[float], factor: float) -> tuple[float, float]:
    return pair[0] * factor, pair[1] * factor


def _t1(entry: Stored) -> Numbers:
    lab = entry["lab_fit"]
    return {"t1": _times(lab["tau"], 1) if "tau" in lab else _times(_of_qibocal(entry)["t1"], 1e-9)}


def _ramsey(entry: Stored) -> Numbers:
    lab = entry["lab_fit"]
    if "tau" in lab:
        return {"frequency": _times(lab["frequency"], 1), "t2_star": _times(lab["tau"], 1)}
    qibo = _of_qibocal(entry)  # its sign says on which side of the drive the qubit is
    frequency, stderr = qibo["delta_fitting"]
    return {"frequency": (abs(frequency), stderr), "t2_star": _times(qibo["t2"], 1e-9)}


def _t2_echo(entry: Stored) -> Numbers:
    return {"t2_echo": _times(entry["lab_fit"]["tau"], 1)}


def _rabi(entry: Stored) -> Numbers:
    period = entry["lab_fit"]["period"]
    return {"period": _times(period, 1), "pi_amplitude": _times(period, 0.5)}


def _resonator(entry: Stored) -> Numbers:
    lab = entry["lab_fit"]
    if "f0" not in lab:
        qibo = _of_qibocal(entry)  # the third number of its Lorentzian is half of the full width
        width = 2e9 * qibo["fitted_parameters"][2]
        return {"frequency": (qibo["frequency"], math.nan), "linewidth": (width, math.nan)}
    f0 = _times(lab["f0"], 1e9 if lab["f0"][0] < 1e3 else 1.0)  # this one is stored in GHz
    width = f0[0] / lab["Q"][0], f0[0] / lab["Q"][0] ** 2 * lab["Q"][1]
    numbers = {"frequency": f0, "q_loaded": _times(lab["Q"], 1), "linewidth": width}
    if "Qi" in lab:
        numbers |= {"q_internal": _times(lab["Qi"], 1), "q_coupling": _times(lab["Qc"], 1)}
    return numbers


def _qubit(entry: Stored) -> Numbers:
    """Its Lorentzian is A/pi kappa/((f - f0)^2 + kappa^2): kappa is half of the full width."""
    lab = entry["lab_fit"]
    numbers = {"frequency": _times(lab["f0"], 1), "linewidth": _times(lab["kappa"], 2)}
    if "f0_gf_over_2" in lab:
        numbers["frequency_gf_half"] = _times(lab["f0_gf_over_2"], 1)
    return numbers


LABORATORY = {
    "t1": _t1,
    "ramsey": _ramsey,
    "t2_echo": _t2_echo,
    "rabi_amplitude": _rabi,
    "resonator_spectroscopy": _resonator,
    "qubit_spectroscopy": _qubit,
}
"""Kind -> the laboratory's numbers under our names, in SI units."""
