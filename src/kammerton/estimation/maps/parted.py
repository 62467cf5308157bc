"""An arc that only a part of a map shows, or only neighbouring columns together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kammerton.estimation.maps.arc import Found, Model
from kammerton.estimation.maps.arcfit import found_soon
from kammerton.estimation.maps.objections import LEAST, LOOSE, SHARE, no_lines
from kammerton.estimation.maps.ridge import Columns

MOVED = 5.0  # sigmas by which the tops of both halves must differ
SMOOTHED = 5  # columns averaged where a line may be faint


def faint(c: Columns, model: Model) -> bool:
    """Return whether an arc shows when neighbouring columns are averaged."""
    if len(c.b) < 4 * SMOOTHED:
        return False
    kernel = np.ones(SMOOTHED)
    w2 = c.w * c.w
    weight = np.apply_along_axis(np.convolve, 0, w2, kernel, "same")
    z = np.apply_along_axis(np.convolve, 0, w2 * c.z, kernel, "same") / np.maximum(weight, 1e-300)
    part = slice(SMOOTHED // 2, None, SMOOTHED)
    smooth = Columns(c.f, c.b[part], z[part], np.sqrt(weight[part]), c.parts)
    best = found_soon(smooth, replace(model, law=model.law.part(part)))
    return best is not None and best.misses.share > SHARE and best.misses.kept.sum() >= LEAST


def may_differ(found: Found) -> bool:
    """Return whether halves of the scan are asked: columns show lines, but not all on one arc."""
    held = found.misses
    shown = held.share > 0.8 and held.scatter < 2 * LOOSE
    return bool(held.kept.sum() >= LEAST) and not shown and not no_lines(held)


def halves_differ(c: Columns, model: Model, found: Found) -> bool:
    """Return whether either half of the scan shows an arc, but at different places."""
    if not may_differ(found):
        return False
    middle = len(c.b) // 2
    tops = []
    for part in (slice(None, middle), slice(middle, None)):
        half = Columns(c.f, c.b[part], c.z[part], c.w[part], c.parts)
        best = found_soon(half, replace(model, law=model.law.part(part)))
        if best is None or best.misses.share < 0.7 or best.misses.kept.sum() < LEAST:
            return False
        tops.append((best.fit.theta[model.top], best.fit.cov[model.top, model.top]))
    return bool(abs(tops[0][0] - tops[1][0]) > MOVED * np.sqrt(tops[0][1] + tops[1][1]))
