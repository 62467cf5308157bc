"""Verdicts: an ordered list of objections; a trace without any is accepted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Evidence, Mask
from kammerton.estimation.verdict.misfit import misfit, neither, too_few
from kammerton.estimation.verdict.said import interleaved
from kammerton.estimation.verdict.stuck import between_rails, stuck
from kammerton.estimation.verdict.ties import RAILED
from kammerton.estimation.verdict.traits import clumped
from kammerton.model import Advice, Verdict

Array = NDArray[np.float64]
Counts = NDArray[np.intp]
ACCEPTED, INSUFFICIENT, REJECTED = (
    str(Verdict.ACCEPTED), str(Verdict.INSUFFICIENT), str(Verdict.REJECTED),
)  # fmt: skip
NOTHING = Advice()

CLEAR = 10.0  # delta-BIC over every simpler law
STEADY = 8.0  # delta-BIC over a random walk where drift cannot follow x
UNSURE = 6.0  # so far below CLEAR there may be a weak signal; further below there is none
VISIBLE = 4.0  # amplitude in its own sigmas
PLAIN = 8.0  # the same of a signal that is plain to see, and of too few points where it is doubted
OUTSIDE = Advice(window_times=2.0)  # a line that is not in the window may be beside it
EVEN = "the trace is flat within its noise"
SATURATED = "many points sit at one and the same extreme value: the readout is saturated"
UNIQUE = 0.98  # share of different values above which a trace is not counts
NARROW = 1.3  # distances of points below which a line's shape is not seen
WIDEST, BROAD = 0.8, 0.25  # of the window: a line, and one whose shoulders must both be seen
OTHERS_LAG, OTHERS_SUM = 5.0, 60.0  # lag-1 correlation in sigmas, Ljung-Box sum: another law's
PRECISE = 0.33  # relative error of a time or a width
FLAT, STRAY, OTHER, CUT, WEAK, JUMPS, WALKS, MISFIT = range(1, 9)  # objections, as kernels say them


class Findings:
    """The first objection to each trace decides; `accept` closes the rest."""

    def __init__(self, traces: int) -> None:
        self._open = np.ones(traces, dtype=bool)
        self.verdict = np.zeros(traces, dtype="<U12")
        self.status = np.zeros(traces, dtype="<U48")  # the field's words are shorter than that
        self.reason, self.advice = np.empty(traces, dtype=object), np.empty(traces, dtype=object)
        self.reason[:], self.advice[:] = "", NOTHING

    def object_to(
        self, which: Mask, verdict: str, status: str, reason: str | Callable[[int], str],
        advice: Advice | Callable[[int], Advice] = NOTHING,
    ) -> None:  # fmt: skip
        """Close the open traces of `which` with a finding; reason and advice may depend on n."""
        closed = which & self._open
        if not np.count_nonzero(closed):
            return
        self._open &= ~closed
        self.verdict[closed], self.status[closed] = verdict, status
        for column, words in ((self.reason, reason), (self.advice, advice)):
            if callable(words):
                for n in closed.nonzero()[0]:
                    column[n] = words(int(n))
            else:
                column[closed] = words

    def insufficient(
        self, which: Mask, status: str, reason: str | Callable[[int], str],
        advice: Advice | Callable[[int], Advice],
    ) -> None:  # fmt: skip
        """Object that the information is too little, and say what to change."""
        self.object_to(which, INSUFFICIENT, status, reason, advice)

    def rejected(self, which: Mask, status: str, reason: str | Callable[[int], str]) -> None:
        """Object that there is no signal, or not the expected one."""
        self.object_to(which, REJECTED, status, reason)

    def accept(self, reason: str | Callable[[int], str]) -> None:
        """Accept what nobody objected to."""
        self.object_to(self._open, ACCEPTED, "success", reason)

    def replaced(self, which: NDArray[np.intp], part: Findings) -> Findings:
        """Return these findings with those of the traces `which` from `part`."""
        whole = Findings(len(self.verdict))
        for mine, old, new in (
            (whole.verdict, self.verdict, part.verdict), (whole.status, self.status, part.status),
            (whole.reason, self.reason, part.reason), (whole.advice, self.advice, part.advice),
        ):  # fmt: skip
            mine[:] = old
            mine[which] = new
        whole._open[:] = False
        return whole

    def is_open(self) -> Mask:
        """Return the traces nobody has objected to yet (N,)."""
        return self._open.copy()


def judge_signal(
    findings: Findings, batch: Batch, evidence: Evidence, snr: Array, law: str,
    clear: float = CLEAR, elsewhere: Advice = NOTHING, nothing: str = EVEN,
) -> None:  # fmt: skip
    """Object to traces without a signal, with too weak a one, and with another law's.

    snr: amplitude in its own sigmas (N,). law: what was expected, e.g. "a decaying oscillation".
    elsewhere: what to try when there is nothing here. nothing: what a trace without a signal is.
    """
    judge_source(findings, batch, evidence, elsewhere)
    cut = evidence.railed >= RAILED
    code = np.empty(batch.traces, dtype=np.intp)
    of_signal(
        snr, evidence.gain_flat, evidence.gain_line, evidence.gain_step, evidence.dull,
        evidence.stray, clipped(batch, cut) if cut.any() else cut, evidence.jumped,
        evidence.misfit, evidence.railed, batch.rows, clear, code,
    )  # fmt: skip
    if not code.any():
        return
    plain = (code == FLAT) & (snr > PLAIN) | (code == WEAK) & (snr > 2.0 * PLAIN)
    findings.insufficient(
        plain & batch.known_noise, "sampling too coarse", lambda n: too_few(batch, n, law), NOTHING
    )
    findings.object_to(code == FLAT, REJECTED, "no signal", nothing, elsewhere)
    judge_stray(findings, evidence, code == STRAY)
    findings.rejected(
        code == OTHER, "model does not fit",
        lambda n: neither(batch, evidence, n, law),
    )  # fmt: skip
    findings.rejected(code == CUT, "saturated", SATURATED)
    findings.insufficient(
        code == WEAK, "signal too weak",
        lambda n: f"the signal is only {snr[n]:.1f} times its error",
        lambda n: Advice(shots_times=float(np.clip((8.0 / max(snr[n], 1.0)) ** 2, 2.0, 16.0))),
    )  # fmt: skip
    findings.rejected(
        code == JUMPS, "drift during scan", f"the data jump once instead of following {law}"
    )
    findings.rejected(
        code == MISFIT, "model does not fit",
        lambda n: misfit(batch, evidence, n, law),
    )  # fmt: skip


def judge_residuals(
    findings: Findings, batch: Batch, evidence: Evidence, residual: Array, snr: Array, law: str
) -> None:
    """Object to another law's trace before its signal is called weak: shots do not mend that.

    Without sigma all that a law leaves counts as noise, so that another law's signal looks weak.
    residual: (N, R). The limits are such that noise does not pass them (p < 1e-6).
    """
    if batch.known_noise:
        return
    seen = (evidence.gain_flat >= CLEAR - UNSURE) & np.isfinite(snr)
    weak = seen & ((snr < VISIBLE) | (evidence.gain_flat < CLEAR))
    weak &= ~(batch.constant | evidence.copied | (evidence.railed >= RAILED))
    if weak.any():
        findings.rejected(
            weak & clumped(batch, residual, OTHERS_LAG, OTHERS_SUM), "model does not fit",
            lambda n: misfit(batch, evidence, n, law),
        )  # fmt: skip


@careful_kernel
def of_signal(
    snr: Array, flat: Array, line: Array, step: Array, dull: Mask, stray: Mask, cut: Mask,
    jumped: Mask, misfit: Mask, railed: Array, rows: Counts, clear: float, code: Counts,
) -> None:  # fmt: skip
    """Fill code (N,) with the first objection to a signal, 0 for none."""
    for n in range(snr.size):
        code[n] = 0
        if flat[n] < clear - UNSURE or not math.isfinite(snr[n]):
            code[n] = FLAT if dull[n] else STRAY if stray[n] else OTHER
        elif cut[n]:
            code[n] = CUT
        elif snr[n] < VISIBLE or flat[n] < clear:
            code[n] = OTHER if misfit[n] else WEAK  # more shots would make no noise of it
        elif step[n] < -UNSURE and step[n] < line[n] and jumped[n]:
            code[n] = JUMPS
        elif misfit[n]:
            code[n] = CUT if railed[n] >= max(4.0, 0.05 * rows[n]) else MISFIT


def judge_doubt(
    findings: Findings, evidence: Evidence, law: str, clear: float, drift: float
) -> None:
    """Object, after everything that says more, to what a jump or drift would explain too.

    clear, drift: delta-BIC over a jump and over a random walk that are asked for.
    """
    code = np.empty(len(findings.verdict), dtype=np.intp)
    of_doubt(evidence.gain_line, evidence.gain_step, evidence.gain_walk, clear, drift, code)
    if not code.any():
        return
    findings.insufficient(
        code == JUMPS, "signal too weak",
        f"a single jump could explain the trace nearly as well as {law}", Advice(shots_times=4.0),
    )  # fmt: skip
    findings.rejected(
        code == OTHER,
        "model does not fit",
        f"drift explains the trace better than {law}: it drifted, or follows another law",
    )
    findings.insufficient(
        code == WALKS, "signal too weak",
        f"drift could explain the trace nearly as well as {law}", Advice(shots_times=4.0),
    )  # fmt: skip


@careful_kernel
def of_doubt(
    line: Array, step: Array, walk: Array, clear: float, drift: float, code: Counts
) -> None:
    """Fill code (N,) with what explains a trace nearly as well, 0 for nothing."""
    for n in range(line.size):
        code[n] = 0
        if not step[n] > clear and step[n] < line[n]:
            code[n] = JUMPS
        elif walk[n] < -UNSURE:  # where a law holds, however weak its signal, that does not happen
            code[n] = OTHER
        elif not walk[n] > drift:
            code[n] = WALKS


def drift_asked(
    batch: Batch, known: dict[str, object], strict: float, unsure: float = STEADY
) -> float:
    """Return the delta-BIC over a random walk to ask for.

    Where every turn of a sweep visits all points (known: interleaved), drift is alike at all of
    them and cannot be taken for the law. Without sigma a walk and a law each take the noise to
    be what they leave, and less can be asked: `unsure`.
    """
    if interleaved(known):
        return STEADY
    return strict if batch.known_noise else unsure


def judge_source(
    findings: Findings, batch: Batch, evidence: Evidence, elsewhere: Advice = NOTHING
) -> None:
    """Object to what no instrument that works would deliver."""
    if batch.constant.any():
        findings.object_to(
            batch.constant, REJECTED, "no signal", "every point has the same value", elsewhere
        )
    if evidence.copied.any():
        copies = stuck(batch, evidence.copied & ~batch.constant)
        findings.rejected(copies, "stuck data", "the same values come again and again: stuck data")


def judge_stray(findings: Findings, evidence: Evidence, among: Mask) -> None:
    """Object to a signal that is one stray point."""
    findings.rejected(
        among & evidence.stray, "stray point",
        "a single point stands out; the others show no signal",
    )  # fmt: skip


def judge_line(
    findings: Findings, batch: Batch, found: Derived, widest: float = WIDEST, *,
    shoulders: bool = False,
) -> None:  # fmt: skip
    """Object to lines that are badly placed in their window, or a single point.

    widest: how wide a line may be, in windows, with two of its errors. shoulders: both of a broad
    line must be seen.
    """
    if not findings.is_open().any():
        return
    values, stderr = found.values, found.stderr
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    centre, width = (values["frequency"] - zero) / span, values["linewidth"] / span
    doubt = 2.0 * np.nan_to_num(stderr["linewidth"]) / span
    upper, lower = width + doubt, width - doubt
    step = 1.0 / (batch.points - 1)
    inside = np.abs(centre - 0.5) < 0.5 + step  # else its tail is seen, of which it can be any
    sampled_too_coarsely(findings, inside & (width < NARROW * step), values["frequency"])
    findings.insufficient(
        upper > widest, "range too narrow", "the line may be as wide as the window",
        lambda n: Advice(window_times=float(np.clip(4 * width[n], 2.0, 5.0))),
    )  # fmt: skip
    findings.insufficient(
        (centre < 0.02) | (centre > 0.98), "line at the edge",
        "the line lies at the edge of the window",
        lambda n: Advice(centre_on=float(zero[n] + np.clip(centre[n], -0.2, 1.2) * span[n])),
    )  # fmt: skip
    findings.insufficient(
        (width > BROAD) & (2.0 * np.minimum(centre, 1.0 - centre) < lower)
        & shoulders, "line at the edge",
        "a shoulder of a broad line lies beyond the window: a smooth step would look like it",
        lambda n: Advice(centre_on=float(values["frequency"][n])),
    )  # fmt: skip
    findings.insufficient(
        imprecise(values["linewidth"], stderr["linewidth"], 0.5), "error too large",
        lambda n: "the linewidth is known only to "
        + percent(values["linewidth"][n], stderr["linewidth"][n]),
        Advice(shots_times=4.0),
    )  # fmt: skip


def sampled_too_coarsely(findings: Findings, which: Mask, frequency: Array) -> None:
    """Object to lines of which two points at most show anything."""
    findings.insufficient(
        which, "sampling too coarse",
        "the line is no wider than the distance of two points: it may be a stray point",
        lambda n: Advice(window_times=0.2, centre_on=float(frequency[n])),
    )  # fmt: skip


def flattened(batch: Batch, evidence: Evidence) -> Mask:
    """Return where so many points lie at one extreme that the law cannot be seen (N,)."""
    result: Mask = evidence.railed >= np.maximum(4, 0.05 * batch.rows)
    return result


def clipped(batch: Batch, railed: Mask) -> Mask:
    """Return where, besides a rail, hardly a value occurs twice (N,).

    A law can follow clipped data well. Counts of a few shots also pile up at exactly 0 or 1, but
    they repeat elsewhere too, and are no fault.
    """
    result = railed.copy()
    which = railed.nonzero()[0]
    if len(which):
        inner, kinds = between_rails(batch, which)
        result[which] = kinds >= np.maximum(4, UNIQUE * inner)
    return result


def imprecise(value: Array, stderr: Array, relative: float = PRECISE) -> Mask:
    """Return where an error is too large a part of its value, or not a number."""
    result: Mask = ~(stderr < relative * np.abs(value))
    return result


def percent(value: Any, stderr: Any) -> str:
    """Return a relative error in words."""
    value, stderr = float(value), float(stderr)
    if not math.isfinite(stderr) or value == 0 or abs(stderr / value) > 9.99:
        return "more than 999 %"
    parts = 100 * abs(stderr / value)
    if parts < 0.05:
        return "less than 0.1 %"
    return f"{parts:.0f} %" if parts >= 1 else f"{parts:.1g} %"
