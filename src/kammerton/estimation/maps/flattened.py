"""A map's resonances that an amplifier compresses: deepest where they should be deeper still.

As for a single one (`kammerton.estimation.resonances.compression`) a compressed line,
d (1 - a |d|^2 / max |d|^2) instead of d, is tried to first order in a (a score test, Rao 1948).
Every column has its own line and background, and what a change of any of them could do is taken off
first; only the compression is one for all, since one amplifier saw them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.ridge import Columns

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

SURE = 4.0  # sigmas of a compression that is not chance
CHANCE = 2.0  # standard deviations of chi-square that noise alone may leave
MUCH = 0.03  # compression that matters, in parts of the line
MOST = 0.3  # part of what is left beyond noise that must be compression: hums bend lines, too
LINE = 3  # which of the tangents is the line
FLATTENED = "the resonator's line is flattened where it is deepest: the amplifier saturates"


@dataclass(frozen=True, eq=False)
class Alone:
    """Columns with a line, each fitted alone to first order, in sigmas.

    here: which columns these are (B,) of C. w (C, A): 1/sigma. line (C, A): of height 1. tangents
    (C, A, 5): of length 1; height (C,): of the lines; left (C, A): what is left.
    """

    here: NDArray[np.bool_]
    w: Array
    line: Complex
    tangents: Complex
    height: Complex
    left: Complex


def alone(c: Columns, at: Array, width: float) -> Alone | None:
    """Fit complex resonances column by column; None where there are none.

    at: where each column's line is (B,), width: of all, in windows; NaN where a column has none.
    A background may bend; place and width move the line along its own square.
    """
    here = np.isfinite(at) & (np.count_nonzero(c.w, axis=1) > 2 * LINE)
    if c.parts == 1 or not here.any():
        return None
    w, z = c.w[here], c.z[here] * c.w[here]
    line = np.asarray(1.0 / (1.0 + 2j * (c.f - at[here, None]) / width), dtype=np.complex128)
    tangents, triangle = np.linalg.qr(moves(c.f, line) * w[:, :, None])
    along = np.einsum("bak,ba->bk", tangents.conj(), z)
    height = _solved(triangle, along)[:, LINE]
    return Alone(here, w, line, tangents, height, z - _spanned(tangents, z))


def moves(f: Array, line: Complex) -> Complex:
    """Return what background, height, place and width move (.., A, 5) of lines (.., A)."""
    ones = np.ones_like(line)
    return np.stack([ones, (f - 0.5) * ones, (f - 0.5) ** 2 * ones, line, line**2], axis=-1)


def flattened(columns: Alone | None) -> bool:
    """Return whether complex resonances are compressed beyond chance, and by so much it matters."""
    if columns is None:
        return False
    w, tangents, left = columns.w, columns.tangents, columns.left
    bright = np.abs(columns.line) ** 2
    moved = w * columns.height[:, None] * columns.line * bright / bright.max(axis=1, keepdims=True)
    moved = moved - _spanned(tangents, moved)
    size = max(float(np.vdot(moved, moved).real), 1e-300)
    along = float(np.vdot(moved, left).real)
    cost = float(np.vdot(left, left).real)
    freedom = max(1, 2 * int(np.count_nonzero(w)) - 2 * tangents.shape[2] * len(w))
    if along**2 / size < MOST * (cost - freedom - CHANCE * np.sqrt(2.0 * freedom)):
        return False
    return bool(-along / size > max(MUCH, SURE * np.sqrt(cost / freedom / size)))


def _solved(triangle: Complex, along: Complex) -> Complex:
    return np.asarray(np.linalg.solve(triangle, along[:, :, None])[:, :, 0], dtype=np.complex128)


def _spanned(tangents: Complex, rows: Complex) -> Complex:
    """Return the part of weighted columns (B, A) that lies in the span of their tangents."""
    along = np.einsum("bak,ba->bk", tangents.conj(), rows)
    return np.asarray(np.einsum("bak,bk->ba", tangents, along), dtype=np.complex128)
