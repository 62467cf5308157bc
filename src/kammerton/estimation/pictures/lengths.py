"""The axis of lengths of sequences, which mostly grow by factors."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from kammerton.estimation.files.layouts import CLIFFORDS, LAYOUTS
from kammerton.model.trace import FloatArray

DECADES = 100.0
CROWDED = 0.2
"""Of the longest: half of the lengths are shorter, and would be one blot."""


def spread_out(axes: Axes, kind: str, x: FloatArray) -> None:
    """Give lengths over two decades of which most are short a logarithmic axis; 0 may be one."""
    lengths = np.unique(x[np.isfinite(x)])
    if kind not in LAYOUTS or LAYOUTS[kind].axes[-1] is not CLIFFORDS or not _crowded(lengths):
        return
    if lengths[0] > 0:
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=lengths[1], linscale=0.4)
        axes.set_xlim(-0.2 * lengths[1], 1.3 * lengths[-1])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _crowded(lengths: FloatArray) -> bool:
    """Return whether ascending lengths would lie on each other at one end of an even axis."""
    some = lengths[lengths > 0]
    if some.size < 2 or lengths[0] < 0 or some[-1] < DECADES * some[0]:
        return False
    return bool(np.median(lengths) < CROWDED * some[-1])
