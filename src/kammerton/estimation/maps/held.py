"""Columns and rows of a map that were not measured: values held, or a whole column read again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.maps import Maps
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.stuck import counted

Mask = NDArray[np.bool_]

LEAST = 4  # points in a row that are never equal by chance, unless they are counts
SHARE = 0.08  # of a map that may be so; then those points count as missing


def without_held(maps: Maps) -> tuple[Maps, Mask]:
    """Silence what is held in each map; return also in which maps it is too much (N,)."""
    marks = np.stack([held(y) for y in maps.y])
    there = maps.w > 0
    much = (marks & there).sum(axis=(1, 2)) > SHARE * np.maximum(there.sum(axis=(1, 2)), 1)
    silent = marks & ~much[:, None, None]
    if not silent.any():
        return maps, much
    y = np.where(silent, np.nan, maps.y)
    return replace(maps, y=y, w=np.where(silent, 0.0, maps.w)), much


def judge_held(findings: Findings, much: Mask) -> None:
    """Object to maps much of which was not measured."""
    findings.rejected(much, "stuck data", "columns or rows of the map hold one value, or another's")


def held(y: NDArray[Any]) -> Mask:
    """Return the points of a map (A, B) that are held along an axis or copied from a neighbour.

    Counts of few shots repeat by chance, and stay at 0 or 1: there a whole row must be alike.
    """
    values = y[~np.isnan(y)]
    if (values == values[0]).all():
        return np.zeros(y.shape, dtype=bool)  # no signal, which has its own words
    return _along(y) | _along(y.T).T


def _along(y: NDArray[Any]) -> Mask:
    """Return what is held along the second axis, and rows that repeat the one before."""
    same = y[:, 1:] == y[:, :-1]
    copied = np.zeros(y.shape, dtype=bool)
    copied[1:] = (y[1:] == y[:-1]).all(axis=1)[:, None]
    run = same[:, : -LEAST + 2] & same[:, 1 : -LEAST + 3] & same[:, LEAST - 2 :]
    if not (run.any() or copied.any()):
        return copied
    whole = np.broadcast_to(same.all(axis=1)[:, None], y.shape)
    values = y[~np.isnan(y)]
    if not np.iscomplexobj(y) and counted(np.ascontiguousarray(values)):
        end = (y == values.min()) | (y == values.max())
        return np.asarray((whole | copied) & ~(whole & end))
    for k in range(LEAST):
        copied[:, k : k + run.shape[1]] |= run
    return copied
