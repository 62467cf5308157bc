"""What everybody says of traces in which there is nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.benchmarks.fits_common import Effort, percent, progress, row
from tests.benchmarks.fits_speed import PEERS, SHOTS, Case, as_counts, theirs
from tests.catalogue.registry import truths
from tests.catalogue.truth import Array, Traces

EMPTY = {
    "flat": lambda x, rng, n: np.broadcast_to(rng.uniform(0.2, 0.6, (n, 1)), (n, len(x))),
    "a line": lambda x, rng, n: 0.5 + rng.uniform(-0.3, 0.3, (n, 1)) * (2 * x - 1),
}


def lines(effort: Effort) -> Iterator[str]:
    """Yield the section."""
    yield "### Peers on traces without a signal\n"
    yield (
        f"{SHOTS} shots a point of a constant, or of a straight line. `number` is the share for "
        "which a value with a finite error came out (qibocal gives no errors of lines: a value), "
        "`good` the share that the peer's own quality check calls good, where it has one.\n"
    )
    yield row("kind", "trace", "ours accepted", *PEERS)
    yield "|---|---|---|" + "---|" * len(PEERS)
    for truth in truths(effort.kind).values():
        if truth.breaks and as_counts(truth).shots and isinstance(truth.axis, np.ndarray):
            for name, law in EMPTY.items():
                progress(f"peers on nothing: {truth.name}, {name}")
                rng = np.random.default_rng([effort.seed, 3])
                p = law(truth.windows(), rng, effort.peer_traces)
                y = rng.binomial(SHOTS, p) / SHOTS
                sigma = np.sqrt(y * (1 - y) / SHOTS)
                yield _row(Case(as_counts(truth), {}, Traces(truth.axis, y, sigma)), name)
    yield ""


def _row(case: Case, name: str) -> str:
    verdict = case.truth.fit(case.traces).verdict
    said = [_said(theirs(case, peer, len(case.traces))) for peer in PEERS]
    return row(case.truth.name, name, percent(float(np.mean(verdict == "accepted"))), *said)


def _said(answer: dict[str, list[dict[str, object]]] | str | None) -> str:
    if answer is None:
        return ""
    if isinstance(answer, str):
        return answer
    traces = answer["traces"]
    numbers = float(np.mean([_number(trace) for trace in traces]))
    judged = [bool(trace["good"]) for trace in traces if "good" in trace]
    good = f", good {percent(sum(judged) / len(traces))}" if judged else ""
    return f"number {percent(numbers)}{good}"


def _number(trace: dict[str, object]) -> bool:
    values = trace.get("values")
    if not isinstance(values, dict) or not values:
        return False
    pairs: Array = np.array(list(values.values()), dtype=float)
    errors = pairs[:, 1]
    return bool(np.isfinite(pairs[:, 0]).all() and (np.isfinite(errors) | np.isnan(errors)).all())
