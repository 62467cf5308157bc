"""Success beside the oracle, and whether errors are what the error bars say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import FitBatch
from kammerton.estimation.kinds import FIT_KINDS
from tests.benchmarks.fits_common import Effort, mark, percent, progress, row
from tests.catalogue.bound import UNTOLD, bound, choosing_oracle, rows_of, stacked
from tests.catalogue.registry import truths
from tests.catalogue.truth import Array, Parameters, Traces, Truth

Mask = NDArray[np.bool_]

NEAR = 0.05  # relative error that counts as right, and bound below which a value is identifiable
SURE = 3.0  # bounds within which it is right anyway
WORSE = 4.0  # chi-square above the oracle's
FAR = 5.0  # bounds beyond which an error is no scatter
MOST = 10_000
FEW = 5000
STD, COVER = (0.95, 1.05), 0.02
GOOD_REFUSED = 0.01  # share of good traces
WITHIN = {"68": (1.0, 0.6827), "95": (1.96, 0.95)}


@dataclass(frozen=True, eq=False)
class Set:
    """Traces with their truth and bounds."""

    truth: Truth
    hidden: Parameters
    traces: Traces
    best: dict[str, Array]

    @property
    def scored(self) -> list[str]:
        """The names of the values that this truth has."""
        return [name for name, v in self.traces.low.items() if np.isfinite(v).any()]

    def size(self, name: str) -> Array:
        """Return what 5 % is a part of (N,)."""
        default = self.traces.low[name]
        return np.abs(self.truth.scale(self.hidden).get(name, default))

    def known(self, name: str) -> Array:
        """Return where a value can be told (N,)."""
        return np.asarray(self.best[name] < NEAR * self.size(name))

    def off(self, name: str, value: Array) -> Array:
        """Return how far a value is from the truth (N,); a decay time's by its rate, T^2 d(1/T).

        A rate's error is Gaussian where T is longer than the window; the bound of T is then so
        large that even a negative T would be within it.
        """
        true = self.traces.low[name]
        if name not in self.truth.times:
            return np.abs(value - true)
        with np.errstate(divide="ignore"):
            return np.abs(true * (true / value - 1.0))

    def right(self, values: dict[str, Array], alike: dict[str, Array]) -> Array:
        """Return where every value is near enough (N,).

        alike: what another law gives that no trace rules out, NaN elsewhere; that near the truth,
        a value is right, too. The fit's own error bars do not count.
        """
        ok = np.ones(len(self.traces), dtype=bool)
        for name in self.scored:
            room = np.maximum(NEAR * self.size(name), SURE * self.best[name])
            room = np.fmax(room, self.off(name, alike[name]))
            with np.errstate(invalid="ignore"):
                ok &= self.off(name, values[name]) <= room
        return ok


def drawn(truth: Truth, seed: int, n: int, snr: float | None) -> Set:
    """Return n traces of one signal-to-noise ratio, or of many."""
    rng = np.random.default_rng([seed, 2])
    p = truth.draw(rng, n)
    traces = truth.measured(rng, p, snr)
    return Set(truth, p, traces, bound(truth, p, traces))


def fitted(held: Set) -> FitBatch:
    """Fit, and insist that every scored value has its name."""
    found = held.truth.fit(held.traces)
    missing = set(held.scored) - set(found.values)
    if missing:
        raise KeyError(f"{held.truth.name}: the fit gives no {', '.join(sorted(missing))}")
    return found


def success_lines(effort: Effort) -> Iterator[str]:
    """Yield the section on success."""
    yield "## 2. Success beside the oracle\n"
    yield (
        "The oracle is least squares started at the truth. Right: every value within 5 % (a "
        "centre: of the linewidth) or 3 Cramer-Rao bounds; decay times by their rates. Worse: "
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
    points = 100 * (right - chosen)
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


def honesty_lines(effort: Effort) -> Iterator[str]:
    """Yield the section on errors and error bars."""
    yield "## 3. Honesty of the error bars\n"
    yield (
        f"Traces at an SNR from 5 to 100 ({ranges()}) whose value is identifiable: "
        f"its Cramer-Rao bound is below 5 %; {MOST} of them, or as many as were among "
        f"{effort.honest} draws (maps: a twentieth). Whatever the verdict, all count. std is that "
        f"of error/bound within {FAR:g} bounds, far the number beyond; coverage is the share "
        "whose 68 % and 95 % bars hold the truth, and the last the 95 % bars of accepted traces. "
        "Goals: std .95 to 1.05, coverage within 2 points, far below 0.1 %; below "
        f"{FEW} traces their own scatter (2 sigma) is allowed for.\n"
    )
    yield row("truth", "value", "traces", "std", "bias", "far", "68 %", "95 %",
              "95 %, accepted", "")  # fmt: skip
    yield "|---|---|---|---|---|---|---|---|---|---|"
    refusals = []
    for truth in truths(effort.kind).values():
        progress(f"honesty: {truth.name}")
        held = drawn(truth, effort.seed + 1, effort.some(truth, effort.honest), None)
        found = fitted(held)
        for name in held.scored:
            yield _honesty_row(held, found, name)
        refusals.append(_refusals(held, found))
    yield "\n### False rejects\n"
    yield (
        "Traces of any window in which every value is identifiable: the share that is not "
        "accepted, sigma given. Goal: below 1 %. Interleaved: the same traces, and it is known "
        "that every turn of the sweep visited all points, as when the daemon measures; then no "
        "drift can look like the law.\n"
    )
    yield row("truth", "traces", "not accepted", "most often", "", "interleaved", "")
    yield "|---|---|---|---|---|---|---|"
    yield from refusals
    yield ""


def ranges() -> str:
    """Return which truths are measured at another SNR than 5 to 100, of those without counts."""
    others: dict[tuple[float, float], list[str]] = {}
    for truth in truths().values():
        if truth.mixed != Truth.mixed and truth.shots is None:
            others.setdefault(truth.mixed, []).append(truth.name)
    return "; ".join(f"{low:g} to {high:g}: {', '.join(names)}"
                     for (low, high), names in sorted(others.items()))  # fmt: skip


def _honesty_row(held: Set, found: FitBatch, name: str) -> str:
    which = np.flatnonzero(held.known(name))[:MOST]
    if len(which) == 0:
        return row(held.truth.name, name, 0, *[""] * 6, mark(False))
    off = (found.values[name] - held.traces.low[name])[which]
    error = off / held.best[name][which]
    far = ~(np.abs(error) < FAR)
    with np.errstate(invalid="ignore", divide="ignore"):
        pull = np.abs(off / found.stderr[name][which])
    cover = {label: float(np.mean(pull < z)) for label, (z, _) in WITHIN.items()}
    accepted = found.verdict[which] == "accepted"
    published = float(np.mean(pull[accepted] < 1.96)) if accepted.any() else np.nan
    spread = float(np.std(error[~far]))
    good = honest(spread, cover, int(far.sum()), len(which))
    return row(
        held.truth.name, name, len(which), f"{spread:.3f}", f"{np.mean(error[~far]):+.3f}",
        int(far.sum()), percent(cover["68"]), percent(cover["95"]), percent(published), mark(good),
    )  # fmt: skip


def honest(spread: float, cover: dict[str, float], far: int, n: int) -> bool:
    """Return whether the goals are reached; few traces may miss them by their own scatter."""
    few = n < FEW
    room = 2 * spread / np.sqrt(2 * n) if few else 0.0
    ok = STD[0] - room <= spread <= STD[1] + room and far < 1e-3 * n + few
    for label, (_, share) in WITHIN.items():
        room = 2 * np.sqrt(share * (1 - share) / n) if few else 0.0
        ok &= abs(cover[label] - share) <= COVER + room
    return bool(ok)


def _refusals(held: Set, found: FitBatch) -> str:
    enough = np.logical_and.reduce([held.known(name) for name in held.scored])
    refused = enough & (found.verdict != "accepted")
    share = refused.sum() / max(enough.sum(), 1)
    words, counts = np.unique(found.status[refused].astype(str), return_counts=True)
    often = ", ".join(f"{words[k]} {counts[k]}" for k in np.argsort(-counts)[:3])
    return row(
        held.truth.name, int(enough.sum()), percent(share, 2), often,
        mark(enough.any() and share < GOOD_REFUSED), *_interleaved(held, refused, share),
    )  # fmt: skip


def _interleaved(held: Set, refused: Mask, share: float) -> tuple[str, str]:
    """Return the share that is refused even so, and its mark; only more can be accepted."""
    if "interleaved" not in FIT_KINDS[held.truth.kind].known:
        return "", ""
    again = held.traces.take(refused)
    still = 1.0
    if len(again):
        known = {**again.known, "interleaved": True}
        still = float(np.mean(held.truth.fit(replace(again, known=known)).verdict != "accepted"))
    return percent(share * still, 2), mark(share * still < GOOD_REFUSED)
