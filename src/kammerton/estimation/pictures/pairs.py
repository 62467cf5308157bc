"""AllXY: the 21 pairs beside the steps that perfect pulses would leave."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.curves.pulse_pairs import IDEAL, PAIRS
from kammerton.estimation.pictures.page import (
    CURVE,
    DATA,
    INK,
    PALE,
    SMALL,
    Page,
    axes_pair,
    key_above,
    label,
    remainder,
    settle,
)
from kammerton.estimation.pictures.scales import called, labelled, largest, prefix_of
from kammerton.model import Fit, Trace, Verdict


def draw_pairs(page: Page, trace: Trace, fit: Fit | None) -> None:
    """Draw every pair with its name, the fitted levels, and the ideal ones as steps."""
    above, below = axes_pair(page, left=0.10, right=0.97, top=0.71)
    doubled = bool(np.nanmax(trace.x) > len(PAIRS) - 1)
    pair = (trace.x // 2 if doubled else trace.x).astype(int)
    apart = 0.12 * (2 * (trace.x % 2) - 1) if doubled else np.zeros(pair.size)
    factor, prefix = prefix_of(largest(trace.y), trace.y_unit)
    known = bool((trace.sigma > 0).any())
    places = np.arange(len(PAIRS))
    if fit is not None and fit.verdict is Verdict.ACCEPTED:
        steps = fit.values["offset"].value + fit.values["amplitude"].value * IDEAL
        above.plot(places, steps / factor, drawstyle="steps-mid", lw=4, color=PALE, zorder=1,
                   label="perfect pulses")  # fmt: skip
    above.errorbar(pair + apart, trace.y / factor, trace.sigma / factor if known else None, fmt="o",
                   ms=3.2, mew=0, lw=0.8, color=DATA, label="measured", zorder=3)  # fmt: skip
    if fit is not None and fit.curve is not None and np.isfinite(fit.curve).all():
        curve = np.real(fit.curve)
        once, first = np.unique(pair, return_index=True)
        above.plot(once, curve[first] / factor, "_", ms=9, mew=1.6, color=CURVE, label="fit",
                   zorder=4)  # fmt: skip
        scale = np.where(trace.sigma > 0, trace.sigma, np.nan) if known else factor
        below.plot(pair + apart, (trace.y - curve) / scale, "o", ms=2.6, mew=0, color=DATA)
    below.axhline(0, lw=0.8, color=CURVE)
    settle(above, below)
    key_above(above, 3, gap=0.5)
    name = called(np.real(trace.y), trace.y_unit, trace.y_name)
    label(above, "", labelled(name, prefix + trace.y_unit))
    label(below, "pulses (capitals π, small letters π/2; I idle)",
          remainder(known, prefix + trace.y_unit))  # fmt: skip
    below.set_xticks(places, [name.replace(" ", "") for name in PAIRS], fontsize=SMALL,
                     color=INK)  # fmt: skip
    below.set_xlim(-0.7, len(PAIRS) - 0.3)
