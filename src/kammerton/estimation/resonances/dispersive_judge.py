"""Verdicts on a pair of resonances, with the qubit in 0 and in 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.maps import Maps
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.resonances.compression import compressed_pairs
from kammerton.estimation.resonances.narrow import judge_narrow
from kammerton.estimation.resonances.nulls import BARE
from kammerton.estimation.resonances.plane import Plane
from kammerton.estimation.resonances.read_again import read_again
from kammerton.estimation.resonances.resonator import (
    COMPRESSED,
    DRIFT,
    SEARCHED_PLANE,
    WIDEST_PLANE,
)
from kammerton.estimation.resonances.shared_plane import BACKGROUND, MIXED, Pairs
from kammerton.estimation.verdict.evidence import Evidence, Mask
from kammerton.estimation.verdict.findings import (
    ACCEPTED,
    OUTSIDE,
    REJECTED,
    Findings,
    imprecise,
    judge_doubt,
    judge_line,
    judge_signal,
    percent,
)
from kammerton.estimation.verdict.kind import Known
from kammerton.estimation.verdict.place import judge_place
from kammerton.estimation.verdict.rail import judge_rails
from kammerton.model import Advice
from kammerton.model.quantity import show

Array = NDArray[np.float64]

UNLIKE = 3.0  # times that linewidths or depths of one resonator may differ
SEEN = 3.0  # sigmas of a shift that is there
NONE = 0.03  # of the linewidth: error with which a shift of 0 is known
COARSE = "sampling too coarse"
LAW = "one resonance over a smooth background"
HIDDEN = "; too small by the part of the shots of 1 that were in 0, which is not seen"
SHARED = {MIXED: "; the trace of 1 holds shots in 0", BACKGROUND: "; lines of unlike shape"}


@dataclass(frozen=True, eq=False)
class Sides:
    """What N pairs gave; arrays of 2 N are traces, 0 before 1.

    theta (N, 3): centres and linewidth in windows, with cov. widths, sizes: (N, 2) of each line.
    mixed: (N,) part of 1 that was in 0. shared: (N,). findings: of the 2 N traces. nothing: (2 N,)
    no resonance where its pair has one. chi2: (2 N,). curve: (2 N, R).
    """

    theta: Array
    cov: Array
    widths: Array
    sizes: Array
    mixed: Array
    shared: NDArray[np.intp]
    findings: Findings
    nothing: Mask
    chi2: Array
    curve: NDArray[Any]


def judge_planes(
    pairs: Pairs, plane: Plane, unmixed: Mask, evidence: Evidence, snr: Array
) -> Findings:
    """Judge each of the 2 N traces by itself.

    plane: each trace's own fit. unmixed: (2 N,) it shows one line; two look like a compressed one.
    """
    batch, findings = pairs.batch, Findings(pairs.batch.traces)
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    error = np.sqrt(np.maximum(np.einsum("nii->ni", pairs.cov), 0.0))
    noise = np.sqrt(evidence.noise)
    values = {"frequency": zero + span * pairs.theta[:, :2].ravel(),
              "linewidth": span * pairs.widths.ravel()}  # fmt: skip
    stderr = {"frequency": span * noise * error[:, :2].ravel(),
              "linewidth": span * noise * np.repeat(error[:, 2], 2)}  # fmt: skip
    judge_rails(findings, batch)
    if not findings.is_open().any():
        return findings
    judge_narrow(
        findings, batch, evidence, pairs.each.residual,
        (pairs.theta[:, :2].ravel(), pairs.widths.ravel()), SEARCHED_PLANE,
    )  # fmt: skip
    judge_signal(findings, batch, evidence, snr, LAW, SEARCHED_PLANE, OUTSIDE, BARE)
    asked = unmixed & findings.is_open()
    flat = compressed_pairs(plane.turned, plane.fit, asked)
    findings.rejected(flat, "saturated", COMPRESSED)
    judge_line(findings, batch, Derived(values, stderr, np.empty(0)), WIDEST_PLANE)
    judge_doubt(findings, evidence, LAW, SEARCHED_PLANE, DRIFT)
    findings.accept("a clear resonance")
    return findings


def judge(maps: Maps, sides: Sides, found: Derived, known: Known) -> Findings:
    """Judge pairs: both traces, that they are of one resonator, and the shift."""
    findings = Findings(len(sides.theta))
    _judge_copies(findings, maps)
    _judge_missing(findings, sides)
    _judge_each(findings, sides.findings)
    judge_place(findings, maps, maps.window[1], found, known, "frequency_0",
                "the line with the qubit in 0")  # fmt: skip
    if not findings.is_open().any():
        return findings
    _judge_likeness(findings, sides)
    _judge_shift(findings, sides, found, known)
    return findings


def _judge_missing(findings: Findings, sides: Sides) -> None:
    """Object to a resonance that is only there with the qubit in one state."""
    nothing = sides.nothing.reshape(-1, 2)
    if not nothing.any():
        return
    status = sides.findings.status.reshape(-1, 2)
    shown = ~nothing & (sides.findings.verdict.reshape(-1, 2) != REJECTED)
    for state in (0, 1):
        other = 2 * np.arange(len(status)) + 1 - state
        findings.insufficient(
            nothing[:, state] & shown[:, 1 - state] & (status[:, 1 - state] == COARSE), COARSE,
            f"the line with the qubit in {1 - state} is no wider than the distance of two points: "
            f"in {state} it may lie between them, or this one is a stray point",
            lambda n, other=other: replace(sides.findings.advice[other[n]], axis=1),  # type: ignore[misc]  # bound
        )  # fmt: skip
        findings.insufficient(
            nothing[:, state] & shown[:, 1 - state], "resonator missing",
            f"there is a resonance with the qubit in {1 - state}, but none in {state}: it may "
            "have moved out of the window", replace(OUTSIDE, axis=1),
        )  # fmt: skip


def _judge_copies(findings: Findings, maps: Maps) -> None:
    y = maps.y
    same = (y[:, 0] == y[:, 1]).all(axis=1) & y.any(axis=(1, 2))
    findings.rejected(same, "stuck data", "the traces for 0 and 1 are the same numbers")
    findings.rejected(
        read_again(y, maps.w) & ~same, "stuck data",
        "the trace for 1 goes on with values of the trace for 0: one block was read again",
    )  # fmt: skip


def _judge_each(findings: Findings, each: Findings) -> None:
    """Take over what was objected to either trace; said once if it is the same."""
    verdict = each.verdict.reshape(-1, 2)
    for n in (verdict != ACCEPTED).any(axis=1).nonzero()[0]:
        bad = [k for k in (0, 1) if verdict[n, k] != ACCEPTED]
        k = 2 * n + bad[0]
        common = len(bad) == 2 and each.status[k] == each.status[k + 1]
        words = each.reason[k] if common else f"with the qubit in {bad[0]}: {each.reason[k]}"
        one = np.arange(len(verdict)) == n
        advice = replace(each.advice[k], axis=1) if each.advice[k] != Advice() else each.advice[k]
        findings.object_to(one, each.verdict[k], each.status[k], words, advice)


def _judge_likeness(findings: Findings, sides: Sides) -> None:
    """Object to two lines that cannot be of one resonator."""
    for name, pair in (("wide", sides.widths), ("deep", sides.sizes)):
        ratio = pair.max(axis=1) / np.maximum(pair.min(axis=1), 1e-300)
        findings.rejected(
            ratio > UNLIKE, "wrong peak",
            lambda n, name=name, ratio=ratio: f"one line is {ratio[n]:.1f} times as {name} as the "  # type: ignore[misc]  # bound
            "other: they are not of one resonator",
        )  # fmt: skip


def _judge_shift(findings: Findings, sides: Sides, found: Derived, known: Known) -> None:
    chi, error = found.values["dispersive_shift"], found.stderr["dispersive_shift"]
    width = found.values["linewidth"]
    unseen = np.abs(chi) < SEEN * error
    findings.object_to(
        unseen & (error < NONE * width), ACCEPTED, "no dispersive shift",
        _hertz(chi, error, "the resonator does not move: chi is {}"),
    )  # fmt: skip
    findings.insufficient(
        unseen | imprecise(chi, error), "error too large",
        _hertz(chi, error, "chi is known only to {}"), lambda n: Advice(shots_times=4.0),
    )  # fmt: skip
    mixed = sides.mixed
    unsure = (2.0 * np.abs(chi) < width) & (known.get("population_1") is None)
    findings.accept(
        lambda n: (
            f"chi is {100 * chi[n] / width[n]:.0f} % of the linewidth, known to "
            + percent(chi[n], error[n])
            + SHARED.get(int(sides.shared[n]), HIDDEN if unsure[n] else "")
            + (f" ({100 * mixed[n]:.0f} %)" if sides.shared[n] == MIXED else "")
        )
    )


def _hertz(chi: Array, error: Array, words: str) -> Callable[[int], str]:
    return lambda n: words.format(show(float(chi[n]), "Hz", float(error[n])))
