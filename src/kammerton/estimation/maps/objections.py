"""Objections to the line in a map, each with its reason."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.maps.level import level_jump
from kammerton.estimation.maps.misses import JUMP, Misses
from kammerton.estimation.maps.ridge import Columns, median
from kammerton.estimation.verdict.findings import percent
from kammerton.estimation.verdict.objection import Objection, insufficient, rejected
from kammerton.model import Advice

LEAST = 8  # columns that must show a line
SHARE = 0.5  # part of the columns that must show it where it should be
STRAY = 0.3  # part of the columns that may show something else
TOGETHER = 4, 0.08  # neighbouring columns that may, or that part of all, whichever are more
LOOSE = 0.12  # rms miss, in widths, that a law may leave
WIDEST = 0.35  # linewidth in parts of the frequency window
UNEVEN = 0.3  # structure in the image beside a line that passes, in parts of its height
DOUBTED = 0.15  # the same where what it shows is no more than that the window is too narrow
POINTED = 0.2  # the same beside a line narrower than the distance of two frequencies
VAGUE, FEW_POINTS = 0.2, 2.0  # error of the width of a line so many points wide at most
FAR_UNEVEN, SHOWN = 0.45, 0.9  # far more, where so many columns show the line: what looks like one


def empty(c: Columns) -> Objection | None:
    """Object to a map without any structure."""
    there = c.w > 0
    values = c.z[there]
    if np.ptp(values.real) == 0 and np.ptp(values.imag) == 0:
        return rejected("no signal", "every point has the same value")
    return None


def no_line(c: Columns, known_noise: bool, what: str) -> Objection:
    """Object to a map in which no line was found."""
    if known_noise and not _noise_only(c):
        return rejected("model does not fit", f"the map is not flat, but shows no {what}")
    return rejected("no signal", f"no {what} stands out of the noise")


def _noise_only(c: Columns) -> bool:
    there = c.w > 0
    z = (c.z - median(c.z, there, 1)) * c.w
    chi2 = float((z * z.conj()).real.sum()) / (c.parts * max(1, int(there.sum()) - len(z)))
    return bool(chi2 < 1.0 + 6.0 / np.sqrt(there.sum()))


def lost(c: Columns, found: Misses, known_noise: bool, what: str) -> Objection | None:
    """Object where too few columns show the line where it should be."""
    if found.kept.sum() >= LEAST and found.share >= SHARE:
        return None
    if found.seen.sum() >= LEAST and found.kept.sum() < 0.6 * found.seen.sum():
        return rejected("model does not fit", f"the lines do not lie on one {what}")
    return no_line(c, known_noise, what)


def switched(c: Columns) -> Objection | None:
    """Object where the level jumps once along the frequency, alike at all biases."""
    at = level_jump(c)
    if at is None:
        return None
    return rejected(
        "drift during scan",
        f"the level jumps once, before point {at + 1} of the frequency, alike at all biases: "
        "that is no line",
    )


def jumped(jump: tuple[float, int], what: str, otherwise: str = "") -> Objection | None:
    """Object where a jump of `what` in mid-scan explains much; jump: chi-square, and where.

    otherwise: what else may look like it.
    """
    if jump[0] < JUMP:
        return None
    return rejected(
        "drift during scan",
        f"{what} moves during the scan, near point {jump[1] + 1} of the bias{otherwise}",
    )


def unlike(found: Misses, step: float, elsewhere: float, what: str) -> Objection | None:
    """Object where the columns scatter about the law, or the image is not made of lines.

    step: distance of two frequencies, in linewidths. elsewhere: part of the columns that show a
    line, but not there. Columns of a walk show bright points about many an arc, as a line that
    falls between two points does, and are uneven besides: of both together less passes.
    """
    strays = max(1.0 - found.kept.sum() / max(1, found.seen.sum()), elsewhere)
    if strays > STRAY:
        return rejected(
            "model does not fit", f"{100 * strays:.0f} % of the columns do not lie on the {what}"
        )  # fmt: skip
    loose = max(LOOSE, 0.5 * step)
    if found.scatter > loose and (found.related > 3.0 or found.scatter > 2 * LOOSE):
        return rejected(
            "model does not fit",
            f"the line misses the {what} by {found.scatter:.2f} linewidths rms",
        )
    return uneven(found, DOUBTED if found.scatter > 1.5 * LOOSE else UNEVEN)


def uneven(found: Misses, most: float = UNEVEN) -> Objection | None:
    """Object where what is beside the line is not noise; most: in parts of the line's height."""
    excess = _uneven(found)
    if excess <= most:
        return None
    return rejected(
        "model does not fit",
        f"the image beside the line is not noise, but {excess:.1f} times as uneven as the line",
    )


def pointed(
    found: Misses, width: float, error: float, step: float, frequency: float
) -> Objection | None:
    """Object to a line that may be single points: bright ones of a walk, one in each column.

    width: of the line, its error, and the distance of two frequencies, in one unit.
    """
    bare = width < step and _uneven(found) > POINTED
    if not bare and (width > FEW_POINTS * step or error < VAGUE * width):
        return None
    return insufficient(
        "sampling too coarse",
        f"what may be a line is {width / step:.1f} points wide, known to {percent(width, error)}: "
        "single bright points look so, too",
        Advice(window_times=0.3, centre_on=frequency, axis=0),
    )  # fmt: skip


def no_lines(found: Misses) -> bool:
    """Return whether the image is so uneven beside a line that its columns show as no line is.

    No better place of the arc would make it a line's.
    """
    return found.share > SHOWN and _uneven(found) > FAR_UNEVEN


def aside(together: int, columns: int, what: str) -> Objection | None:
    """Object where so many neighbours of all columns show a line, but not there.

    Defects and stray lines are met by few; many are the arc itself, whose law is another.
    """
    if together <= max(TOGETHER[0], TOGETHER[1] * columns):
        return None
    return rejected(
        "model does not fit",
        f"{together} neighbouring columns show a line that does not lie on the {what}",
    )


def _uneven(found: Misses) -> float:
    """Return the structure in the image beside the line, in parts of its height."""
    return float(np.sqrt(max(0.0, found.chi2_reduced - 1.0)) / max(found.size, 1e-9))


def coarse(
    width: float, step: float, lowest: float, frequency: float, apart: float = 0.0
) -> Objection | None:
    """Object to a line that falls between the points of its frequency axis, or fills it.

    apart: windows about `frequency` that show all of it, where it has two places.
    """
    if width > WIDEST:
        return insufficient(
            "range too narrow", f"the line is {width:.2f} times as wide as the frequency window",
            Advice(window_times=float(np.clip(4 * width, 2.0, 5.0)), axis=0),
        )  # fmt: skip
    if width > 1.05 * lowest * step:
        return None
    return insufficient(
        "sampling too coarse", "the line is narrower than the distance of two frequencies",
        Advice(window_times=max(0.3, apart), centre_on=frequency, axis=0),
    )  # fmt: skip
