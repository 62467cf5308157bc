"""Success beside the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kammerton.estimation import FitBatch
from tests.benchmarks.fits_common import Effort, mark, percent, progress, row
from tests.benchmarks.fits_drawn import Set, drawn, fitted
from tests.catalogue.bound import UNTOLD, choosing_oracle, rows_of, stacked
from tests.catalogue.registry import truths
from tests.catalogue.truth import Array, Truth
from tests.catalogue.truths_study import FROM

WORSE = 4.0  # chi-square above the oracle's


def lines(effort: Effort) -> Iterator[str]:
    """Yield the section on success."""
    yield "## 2. Success beside the oracle\n"
    yield (
        "The oracle is least squares started at the truth. Right: every value within 5 % (a "
        "centre: of the linewidth; a power that lies between two of the sweep: of ten steps) or 3 "
        "Cramer-Rao bounds; decay times by their rates. A value "
        "that is not given counts as right where its bound is above 10 %. Worse: "
        f"chi-square more than {WORSE:g} above the oracle's, so another minimum, or a law with "
        "fewer parameters. Goals: within 1 point of the oracle; none worse. Where the law is "
        "chosen by evidence, the oracle chooses, too: it fits both laws from the truth, and takes "
        "the true one for as large a gain in chi-square as the fit asks for (two lines over a "
        "single one of either shape; of two shapes of a decay, the better one, and where their "
        f"chi-squares differ by less than {UNTOLD:g}, whatever is as near as the other's answer is "
        "right); `knowing` is the share it has right if somebody tells it the law, which no fit "
        "can know. A line is a mixture of both shapes, not their difference, for the oracle; "
        "envelopes may miss their range by half of it, and the rate of an echo's decay be -1 in "
        "the window, in fit and oracle: tests/catalogue says beside each bound what it changes. "
        f"The truths of the {FROM} are drawn as those that the method was first tried on, and the "
        "goal is its oracle, which knows its laws. That fringes decay exponentially, or that no "
        "background slopes, a fit is not told: there the points are those to `knowing`, and "
        "`oracle` is one that has to find the shape, or the slope, as the fit has, by the bounds "
        "of whoever knows it. With `envelope known` the fit is told, as the oracle is. "
        "Counts are weighted with their own scatter, the oracle with the true one; their "
        "chi-squares are not "
        "compared.\n"
    )
    yield row("truth", "chosen", "SNR", "traces", "right", "oracle", "knowing", "points", "worse",
              "")  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for truth in truths(effort.kind).values():
        progress(f"success: {truth.name}")
        for snr in truth.snrs if truth.shots is None else (None,):
            yield _success_row(truth, snr, effort)
    yield ""


def _success_row(truth: Truth, snr: float | None, effort: Effort) -> str:
    held = drawn(truth, effort.seed, effort.some(truth, effort.success), snr)
    found = fitted(held)
    best = choosing_oracle(truth, held.hidden, held.traces)
    right, chosen, knowing = (
        float(np.mean(held.right(each, best.alike)))
        for each in (found.values, best.values, best.told)
    )
    worse = float(np.mean(~(_chi2(held, found) - best.chi2 < WORSE)))
    points = 100 * (right - (knowing if truth.freed else chosen))
    label = f"{truth.shots} shots" if snr is None else f"{snr:g}"
    counts = truth.shots is not None
    return row(
        truth.name, truth.choice, label, len(held.traces), percent(right), percent(chosen),
        percent(knowing) if truth.others else "", f"{points:+.1f}",
        "" if counts else percent(worse, 2),
        mark(points >= -1.0 and (counts or worse == 0.0)),
    )  # fmt: skip


def _chi2(held: Set, found: FitBatch) -> Array:
    sigma = held.truth.noise(held.hidden, held.traces)
    y = held.traces.y
    result: Array = ((stacked(y - found.curve) / rows_of(sigma, y)) ** 2).sum(axis=1)
    return result
