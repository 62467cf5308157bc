"""The look of every picture: colours, axes, labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from kammerton.estimation.pictures.scales import labelled
from kammerton.model import Fit, Verdict
from kammerton.model.trace import FloatArray

INK, DATA, CURVE, ONE, PALE = "#333333", "#1f4e79", "#d9541e", "#b3246b", "#b8c0c8"
BACK = "#7d8790"
"""Of a curve that was rejected: it stands back, and is seen among many points."""

STATES = (DATA, CURVE, "#009e73")
"""Colours of 0, 1 and 2, which the colour-blind can tell too (after Okabe and Ito)."""
MARKS = ("o", "s", "^", "D", "v", "P")
COLOURS = {
    Verdict.ACCEPTED: "#2e7d32",
    Verdict.INSUFFICIENT: "#b26a00",
    Verdict.REJECTED: "#b00020",
}
SMALL = 8.0
"""Points."""

SMALLEST, LETTER = 5.5, 0.56
"""Points of words that are too long for their place, and the width of a letter in its size."""

LEAST_ROOM = 58.0
"""Points that the name of a low axis may take: it reaches beyond, where nothing is."""

ROUNDING = 1e-9
"""Of a signal: less than this is no change of it."""

ROUND = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Numbers, and their tenfold and so on, that may stand at an axis."""

POINTS, MEANS = "single points", "their means"
"""What faint and hollow marks are, where a sweep came to a place more than once."""

Page = Figure | SubFigure


def axes_pair(page: Page, top: float = 0.74, **place: float) -> tuple[Axes, Axes]:
    """Return axes for the data, and below them axes for what the fit leaves.

    Between them is room for two halves of a number: a tick may be at the very end of each.
    """
    grid = page.add_gridspec(
        2, 1, height_ratios=(3.6, 1), hspace=0.14, bottom=0.14, top=top, **place
    )
    above = page.add_subplot(grid[0])
    below = page.add_subplot(grid[1], sharex=above)
    above.tick_params(labelbottom=False)
    for axes in (above, below):
        plain(axes)
    below.margins(y=0.12)
    return above, below


def settle(above: Axes, below: Axes) -> None:
    """Give both axes their ends once all is drawn: below alike on both sides of 0.

    What does not change is shown as a line, and not by its rounding in 15 digits.
    """
    low, high = above.get_ylim()
    size, end = max(abs(low), abs(high)), max(map(abs, below.get_ylim()))
    if high - low < ROUNDING * size:
        middle = 0.5 * (low + high)
        above.set_ylim(middle - 0.1 * size, middle + 0.1 * size)
    end = 0.1 * size if end < ROUNDING * size else end
    power = 10.0 ** math.floor(math.log10(end))
    mark = max(n * power for n in ROUND if n * power <= end)
    below.set_yticks((-mark, 0.0, mark))
    below.set_ylim(-end, end)


def plain(axes: Axes) -> None:
    """Take off what is not needed."""
    axes.tick_params(labelsize=SMALL, color=INK, labelcolor=INK, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.ticklabel_format(useOffset=False, style="plain")


def label(axes: Axes, x: str = "", y: str = "") -> None:
    """Name both axes, along their length; no character of a name means anything to a typesetter."""
    size, dots = SMALL + 0.5, 72 / axes.figure.dpi
    style: dict[str, Any] = {"color": INK, "parse_math": False, "labelpad": 2}
    words, points = fitted(x, size, dots * axes.bbox.width)
    axes.set_xlabel(words, fontsize=points, **style)
    words, points = fitted(y, size, max(dots * axes.bbox.height, LEAST_ROOM))
    axes.set_ylabel(words, fontsize=points, **style)


ROUNDING = 1e-6  # of a letter: what was made to fit does


def fitted(words: str, size: float, room: float) -> tuple[str, float]:
    """Return words that are no longer than `room` points, and their size; the middle may go."""
    points = max(SMALLEST, min(size, room / (LETTER * max(len(words), 1))))
    most = int(room / (LETTER * points) + ROUNDING)
    if len(words) <= most:
        return words, points
    return f"{words[: most // 2]}…{words[1 - most // 2 :]}", points


def legend(axes: Axes, **place: Any) -> None:
    """Name what is drawn."""
    shown = axes.legend(fontsize=SMALL - 1, frameon=False, labelcolor=INK, **place)
    for text in shown.get_texts():
        text.set_parse_math(False)


def key_above(axes: Axes, count: int, scale: float = 1.5, gap: float = 0.1) -> None:
    """Name what is drawn in one line above the axes, where it hides nothing."""
    legend(axes, markerscale=scale, loc="lower left", bbox_to_anchor=(-0.03, 0.99), ncols=count,
           handletextpad=gap, columnspacing=1.0, borderpad=0)  # fmt: skip


def key_to_means(axes: Axes) -> None:
    """Say which marks are means, where there are any and no key has said so; call it last."""
    if MEANS in axes.get_legend_handles_labels()[1]:
        legend(axes, loc="best", handletextpad=0.1, borderpad=0)


def measured(
    axes: Axes, x: FloatArray, y: FloatArray, bars: FloatArray | None, colour: str = DATA,
    mark: str = "o", name: str = "",
) -> None:  # fmt: skip
    """Draw points with error bars; where x repeats, faint points and their means with errors.

    name: of all of it, in a key; where it has none, a key says which marks are the means.
    """
    if _repeats(x):
        each, mean = ("", name) if name else (POINTS, MEANS)
        _points_and_means(axes, x, y, colour, mark, 3.4, mean, each)
    else:
        axes.errorbar(x, y, bars, fmt=mark, ms=2.8, mew=0, lw=0.8, color=colour, label=name)


def left_over(
    axes: Axes, x: FloatArray, y: FloatArray, colour: str = DATA, mark: str = "o"
) -> None:
    """Draw what a fit leaves of points, and of their means where x repeats."""
    if _repeats(x):
        _points_and_means(axes, x, y, colour, mark, 2.4)
    else:
        axes.plot(x, y, mark, ms=2.2, mew=0, color=colour)


def _repeats(x: FloatArray) -> bool:
    return bool(2 * np.unique(x).size < x.size)


def _points_and_means(
    axes: Axes, x: FloatArray, y: FloatArray, colour: str, mark: str, size: float, name: str = "",
    each: str = "",
) -> None:  # fmt: skip
    there = np.isfinite(y)
    axes.plot(x[there], y[there], mark, ms=2.2, mew=0, alpha=0.3, color=colour, label=each)
    groups = [(one, y[there & (x == one)]) for one in np.unique(x[there])]
    errors = [float(v.std(ddof=1)) / math.sqrt(v.size) if v.size > 1 else 0.0 for _, v in groups]
    axes.errorbar([one for one, _ in groups], [float(v.mean()) for _, v in groups], errors,
                  fmt=mark, ms=size, mew=0.8, lw=1, capsize=size, capthick=0.8, mec=colour,
                  mfc="white", color=colour, zorder=4, label=name)  # fmt: skip


def line_style(fit: Fit | None) -> dict[str, Any]:
    """Return how a fitted curve is drawn: one that was rejected stands back."""
    rejected = fit is not None and fit.verdict is Verdict.REJECTED
    return {"lw": 1.1, "color": BACK} if rejected else {"lw": 1.4, "color": CURVE}


def remainder(known: bool, unit: str) -> str:
    """Return the label of what a fit leaves: in sigmas where they are known."""
    return "res. / σ" if known else labelled("res.", unit)


def square(axes: Axes) -> None:
    """Give both axes one scale."""
    axes.set_aspect("equal", adjustable="datalim")


def draw_curve(
    axes: Axes, x: FloatArray, y: FloatArray, joined: bool, mark: str = "_", **style: Any
) -> None:
    """Draw a fitted curve: a line, or only marks where nobody can tell what is between."""
    drawn = {"ls": "-"} if joined else {"ls": "", "marker": mark, "ms": 6, "mew": 1.4}
    axes.plot(x, y, zorder=3, **(style | drawn))
