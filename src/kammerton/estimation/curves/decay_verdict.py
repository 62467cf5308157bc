"""What is wrong with a decay, or with the window in which it was swept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Evidence
from kammerton.estimation.verdict.findings import (
    CLEAR,
    PRECISE,
    Findings,
    judge_doubt,
    judge_residuals,
    judge_signal,
    percent,
)
from kammerton.estimation.verdict.kind import Known
from kammerton.estimation.verdict.nulls import Nulls
from kammerton.estimation.verdict.outcome import significance
from kammerton.estimation.verdict.ramp import judge_ramp, over_a_ramp
from kammerton.estimation.verdict.said import interleaved
from kammerton.model import Advice

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

BENT = 16.0  # delta-BIC over a straight line
BENDING = 0.3  # windows of T that are swept at least, where the bend has to be seen
FEWEST = 4  # points within three T: on an even axis T is longer than a step
FEW = 12  # points that hardly tell a bend, however sure each is
LONG, SHORT, STRAIGHT, POOR, UNTOLD = range(1, 6)  # what may be wrong with a window
WHOLE = 2.5  # T in the window that tell a shape
REACH = 0.2  # parts of T that it may hang on the shape


def judge(
    batch: Batch, fit: Solution, evidence: Evidence, nulls: Nulls, found: Derived, name: str,
    law: str, drift: float, *, slope: bool = False, reach: Array | None = None,
) -> Findings:  # fmt: skip
    """Object to decays that are absent, of another law, or badly placed in their window.

    law: in words. slope: it need not be seen to bend. reach: how far, in parts of the time, a shape
    takes it that is not ruled out (N,); a short window may not tell it. inf: no window would.
    """
    findings = Findings(batch.traces)
    time, error = found.values[name], found.stderr[name]
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_residuals(findings, batch, evidence, fit.residual, snr, law)
    code, rate = np.empty(batch.traces, dtype=np.intp), np.empty(batch.traces)
    line, least = evidence.gain_line, BENDING
    if slope:
        line, least = np.full(batch.traces, np.inf), 0.0
    if reach is None:
        reach = np.zeros(batch.traces)
    of_window(batch.x, batch.w, batch.span, time, error, line, least, reach, rate, code)
    judge_signal(findings, batch, _fast_or_jumped(evidence, code), snr, law)
    if code.any():
        _object(findings, code, rate, time, error, batch.rows)
    judge_doubt(findings, evidence, law, CLEAR, drift)
    return findings


def judge_order(
    findings: Findings, batch: Batch, fit: Solution, evidence: Evidence, known: Known
) -> None:
    """Object to decays over uneven delays that a drift from point to point would give as well."""
    if interleaved(known) or batch.step.all():
        return
    gain = over_a_ramp(batch, fit.cost, fit.free, evidence.noise)
    gain[batch.column((batch.step > 0)[:, None])] = np.inf
    judge_ramp(findings, gain, "the decay", "points")


def _fast_or_jumped(evidence: Evidence, code: Codes) -> Evidence:
    """Return the evidence without the jumps that a decay within the first points explains as well.

    What to do is the same in both cases: measure there.
    """
    return replace(evidence, jumped=evidence.jumped & (code != LONG))


def _object(
    findings: Findings, code: Codes, rate: Array, time: Array, error: Array, rows: Codes
) -> None:
    findings.insufficient(
        code == LONG, "window too long",
        "the decay is over within the first points: sampling too coarse",
        lambda n: Advice(window_times=float(np.clip(4.0 / rate[n], 0.02, 0.5))),
    )  # fmt: skip
    findings.insufficient(
        code == SHORT, "range too narrow",
        "the window ends before the decay bends: only a slope is seen",
        lambda n: Advice(window_times=float(np.clip(3.0 / max(rate[n], 0.1), 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        code == STRAIGHT, "signal too weak",
        lambda n: ("the decay cannot be told from a straight line" if rows[n] >= FEW else
                   f"{rows[n]} points are too few to be sure of a bend: sweep {FEW} or more"),
        Advice(shots_times=4.0),
    )  # fmt: skip
    findings.insufficient(
        code == UNTOLD, "range too narrow",
        "the window does not tell the shape of the decay, and the time hangs on it: sweep from "
        "zero to three times or more",
        lambda n: Advice(window_times=float(np.clip(5.0 / rate[n], 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        code == POOR, "error too large",
        lambda n: f"the time is known only to {percent(time[n], error[n])}",
        Advice(shots_times=4.0),
    )  # fmt: skip


@careful_kernel
def of_window(
    x: Array, w: Array, span: Array, time: Array, error: Array, line: Array, least: float,
    reach: Array, rate: Array, code: Codes,
) -> None:  # fmt: skip
    """Fill the rates (N,), in windows, and what is wrong with the window (N,), 0 for nothing.

    line: delta-BIC over a straight line. least: rates below it are not seen to bend.
    """
    for n in range(time.size):
        k = n if x.shape[0] > 1 else 0
        rate[n], seen = span[k, 0] / time[n], 0
        for i in range(x.shape[1]):  # within three T, where the decay is seen
            seen += w[n, i] > 0.0 and x[k, i] * rate[n] < 3.0
        poor = not error[n] < PRECISE * abs(time[n])
        code[n] = 0
        if seen < FEWEST or (poor and rate[n] > 8.0):
            code[n] = LONG
        elif rate[n] < least or ((poor or line[n] < BENT) and rate[n] < 1.2):
            code[n] = SHORT
        elif reach[n] > REACH and (rate[n] < WHOLE or reach[n] == np.inf):
            code[n] = UNTOLD
        elif line[n] < BENT:
            code[n] = STRAIGHT
        elif poor:
            code[n] = POOR
