"""What is left of a resonance beyond its line: a ripple of the cable, and no amplifier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Mask

Array = NDArray[np.float64]

REACH = 1.0  # linewidths from the centre, beyond which a compression leaves little
SHARE = 0.4  # of what neighbours have in common that lies there; a compression leaves up to 0.33
SEEN = 4.0  # sigmas by which that is seen


def rippled(batch: Batch, residual: Array, found: Derived, among: Mask) -> Mask:
    """Return where what is left swings beyond the line, too (N,); only `among` these is asked.

    residual: (N, R), weighted; found: with centre and width of the line.
    """
    result = np.zeros(batch.traces, dtype=bool)
    which = np.flatnonzero(among)
    if len(which):
        beyond = _beyond(batch, found)[which]
        left = residual[which].reshape(len(which), batch.parts, batch.points)
        alike = (left[:, :, 1:] * left[:, :, :-1]).sum(axis=1)
        there, pairs = (alike * beyond).sum(axis=1), batch.parts * beyond.sum(axis=1)
        noise = np.square(left).sum(axis=(1, 2)) / batch.rows[which]
        result[which] = there > np.maximum(
            SHARE * alike.sum(axis=1), SEEN * noise * np.sqrt(np.maximum(pairs, 1))
        )
    return result


def _beyond(batch: Batch, found: Derived) -> Mask:
    """Return which pairs of neighbours lie off the line (N, M - 1)."""
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    centre = (found.values["frequency"] - zero) / span
    reach = REACH * found.values["linewidth"] / span
    off = np.abs(batch.x - centre[:, None]) > reach[:, None]
    return np.asarray(off[:, 1:] & off[:, :-1])
