"""An arc that is refused because the period that was given for known is not its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kammerton.estimation.maps.maps import Maps
from kammerton.estimation.verdict.findings import ACCEPTED, NOTHING, REJECTED
from kammerton.estimation.verdict.kind import Known
from kammerton.estimation.verdict.outcome import Outcome, per_trace

APART = 5.0  # sigmas by which a map's own period differs from the one that was given


def name_other_periods(
    maps: Maps, known: Known, outcome: Outcome, fit: Callable[[Maps, Known], Outcome]
) -> None:
    """Say of maps that are not accepted where they show a clear arc of another period.

    What else is said of them, as a drift, would send people the wrong way.
    """
    period = per_trace(known, "period", maps)
    said = outcome.findings
    refused = np.flatnonzero(said.verdict != ACCEPTED)
    if period is None or len(refused) == 0:
        return
    given = {name: per_trace(known, name, maps) for name in ("anharmonicity", "asymmetry")}
    for n in refused.tolist():
        one = replace(maps, y=maps.y[n : n + 1], w=maps.w[n : n + 1])
        free = fit(one, {name: None if v is None else v[n] for name, v in given.items()})
        own, error = (float(each["period"][0]) for each in (free.found.values, free.found.stderr))
        clear = free.findings.verdict[0] == ACCEPTED
        if clear and abs(own - period[n]) > APART * error:
            said.verdict[n], said.status[n] = REJECTED, "model does not fit"
            said.advice[n] = NOTHING
            said.reason[n] = (
                f"the map shows a clear arc, but its period is {own:.4g} ± {error:.2g}, and not "
                f"{period[n]:.4g}, which is said to be known"
            )
