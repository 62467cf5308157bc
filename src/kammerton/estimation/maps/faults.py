"""What a map shows of the digitizer's faults, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.held import held
from kammerton.estimation.maps.maps import Maps
from kammerton.estimation.maps.rails import railed
from kammerton.estimation.verdict.findings import SATURATED, Findings

Mask = NDArray[np.bool_]

SHARE = 0.08  # of a map that may be held; then those points count as missing


@dataclass(frozen=True, eq=False)
class Faults:
    """Maps that are not worth a fit (N,): cut at a rail, or held for too large a part."""

    cut: Mask
    stuck: Mask

    @property
    def hopeless(self) -> Mask:
        """Either of them (N,)."""
        return np.asarray(self.cut | self.stuck)

    def judge(self, findings: Findings) -> None:
        """Object to those maps."""
        findings.rejected(self.cut, "saturated", SATURATED)
        findings.rejected(self.stuck, "stuck data", "columns, rows or blocks of the map hold one "
                          "value, or another's")  # fmt: skip


def without_faults(maps: Maps) -> tuple[Maps, Faults]:
    """Silence what is held in each map; return also in which maps there is too much of it."""
    marks = np.stack([held(y) for y in maps.y])
    there = maps.w > 0
    much = (marks & there).sum(axis=(1, 2)) > SHARE * np.maximum(there.sum(axis=(1, 2)), 1)
    faults = Faults(np.array([railed(y) for y in maps.y]), much)
    silent = marks & ~faults.hopeless[:, None, None]
    if not silent.any():
        return maps, faults
    y = np.where(silent, np.nan, maps.y)
    return replace(maps, y=y, w=np.where(silent, 0.0, maps.w)), faults
