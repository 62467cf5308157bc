"""Fit many traces of one kind at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.decay import t1, t2_echo
from kammerton.estimation.line import qubit_spectroscopy
from kammerton.estimation.oscillation import ramsey
from kammerton.estimation.outcome import Outcome
from kammerton.estimation.prepare import Batch, prepare
from kammerton.estimation.rabi import rabi_amplitude
from kammerton.estimation.resonator import resonator_spectroscopy
from kammerton.model import Advice, Fit, TraceError, Value, Verdict

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """One kind of fit: how it is done and what it takes."""

    fit: Callable[[Batch, dict[str, object]], Outcome]
    least: int
    complex_too: bool
    from_zero: bool
    known: tuple[str, ...] = ()


FIT_KINDS: dict[str, Kind] = {
    "t1": Kind(t1, 4, False, True, ("offset", "contrast")),
    "t2_echo": Kind(t2_echo, 5, False, True, ("offset", "contrast")),
    "ramsey": Kind(ramsey, 7, False, True),
    "rabi_amplitude": Kind(rabi_amplitude, 5, False, True),
    "resonator_spectroscopy": Kind(resonator_spectroscopy, 8, True, False, ("geometry",)),
    "qubit_spectroscopy": Kind(qubit_spectroscopy, 6, True, False),
}


@dataclass(frozen=True, eq=False)
class FitBatch:
    """N fits of one kind.

    values, stderr: name -> (N,), NaN where a trace does not give it; units: name -> SI unit.
    verdict, status, reason: (N,) words; advice: (N,) of Advice. chi2_reduced: (N,), NaN where
    sigma was not given. curve: (N, M), the fitted y in the order of the caller's x.
    """

    kind: str
    values: dict[str, Array]
    stderr: dict[str, Array]
    units: dict[str, str]
    verdict: NDArray[np.str_]
    status: NDArray[np.str_]
    reason: NDArray[np.object_]
    advice: NDArray[np.object_]
    chi2_reduced: Array
    curve: NDArray[np.float64] | NDArray[np.complex128]

    def __len__(self) -> int:
        return len(self.verdict)

    def fit(self, n: int, target: str) -> Fit:
        """Return the fit of trace n."""
        values = {
            name: Value(float(v[n]), float(self.stderr[name][n]), self.units[name])
            for name, v in self.values.items()
            if np.isfinite(v[n]) and np.isfinite(self.stderr[name][n])
        }
        advice = self.advice[n]
        return Fit(
            self.kind, target, values, Verdict(str(self.verdict[n])), str(self.status[n]),
            str(self.reason[n]), float(self.chi2_reduced[n]),
            advice if isinstance(advice, Advice) else Advice(), self.curve[n],
        )  # fmt: skip

    def fits(self, targets: Sequence[str]) -> dict[str, Fit]:
        """Return the fits by target, in the order of the traces."""
        if len(targets) != len(self):
            raise TraceError(f"{len(targets)} targets for {len(self)} traces")
        return {target: self.fit(n, target) for n, target in enumerate(targets)}


def fit_batch(
    kind: str, x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None = None, **known: object
) -> FitBatch:
    """Fit N traces of one kind and judge each.

    x: (M,) or (N, M), SI, in any order and spacing. y: (M,) or (N, M), real, or complex for
    spectroscopy; NaN is a missing point. sigma: one standard deviation of each point (of each part
    of a complex one), (M,) or (N, M); 0 and NaN are replaced by the neighbours'. known: "offset"
    and "contrast" of decays, from the readout calibration; "geometry" of a resonator.

    Error bars are one standard deviation: from sigma as given, unless chi-square disproves it
    (p < 0.01), else from the scatter about the fit; wider where the residuals are correlated.
    Never raises for data that merely cannot be fitted: that is a verdict.

    Raises
    ------
    TraceError
        The kind is unknown, or an array cannot be used; the message says which and why.
    """
    if kind not in FIT_KINDS:
        raise TraceError(f"no fit of kind {kind!r}; there are {', '.join(sorted(FIT_KINDS))}")
    how = FIT_KINDS[kind]
    unknown = set(known) - set(how.known)
    if unknown:
        raise TraceError(f"a fit of kind {kind} cannot use {', '.join(sorted(unknown))}")
    batch = prepare(
        x, y, sigma, complex_too=how.complex_too, from_zero=how.from_zero, least=how.least
    )
    found = how.fit(batch, known)
    said = found.findings
    return FitBatch(
        kind, found.values, found.stderr, found.units, said.verdict.astype(str),
        said.status.astype(str), said.reason, said.advice, found.evidence.chi2_reduced,
        batch.restore(found.curve),
    )  # fmt: skip


def warm() -> None:
    """Compile every kernel, or load it from the disk, before it is needed."""
    x = np.linspace(0.0, 1.0, 16)
    fit_batch("t1", x, np.exp(-3.0 * x))
