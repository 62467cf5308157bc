"""Single shots in the IQ plane, and what they are called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from kammerton.estimation.pictures.page import (
    INK,
    SMALL,
    STATES,
    Page,
    key_above,
    label,
    plain,
    square,
)
from kammerton.estimation.pictures.scales import labelled, prefix_of, written
from kammerton.model import Fit, Trace, Value
from kammerton.model.trace import ComplexArray, FloatArray

MOST = 2000
"""Shots of one state that are drawn; the histogram counts all."""

BINS, FEW = 80, 30
"""Bins of the histogram, and shots in the fullest with which it has more numbers than powers."""

LEFT, RIGHT = (0.10, 0.14, 0.40, 0.52), (0.62, 0.14, 0.34, 0.52)

Values = Mapping[str, Value]
Sets = Sequence[ComplexArray]


def shots_of(trace: Trace) -> list[ComplexArray]:
    """Return the shots of each prepared state, without those that are missing."""
    y = np.asarray(trace.y, dtype=np.complex128)
    return [y[(trace.x == state) & np.isfinite(y)] for state in np.unique(trace.x)]


def draw_shots(page: Page, sets: Sets, fit: Fit | None, unit: str) -> None:
    """Draw the shots by what was prepared, with the discriminator where one was found."""
    if any(z.size == 0 for z in sets):
        return
    values: Values = {} if fit is None else fit.values
    factor, prefix = prefix_of(max(float(np.abs(z).max()) for z in sets), unit)
    plane = page.add_axes(LEFT)
    _plane(plane, [z / factor for z in sets], prefix + unit)
    _boundaries(plane, values, factor)
    right = page.add_axes(RIGHT)
    if len(sets) > 2:
        _assignment(right, values, len(sets))
    else:
        _projected(right, sets, values, factor, prefix + unit)


def _plane(axes: Axes, sets: Sets, unit: str) -> None:
    for state, (z, colour) in enumerate(zip(sets, STATES, strict=False)):
        axes.plot(z[:MOST].real, z[:MOST].imag, "o", ms=1.8, mew=0, alpha=0.35, color=colour,
                  label=f"prepared {state}")  # fmt: skip
    plain(axes)
    square(axes)
    key_above(axes, len(sets), scale=4)
    label(axes, labelled("I", unit), labelled("Q", unit))


def _centres(values: Values, factor: float) -> ComplexArray:
    """Return the centres of the clouds, in order of the states."""
    names = [f"centre_{state}" for state in range(3) if f"centre_{state}_i" in values]
    found = [complex(values[f"{n}_i"].value, values[f"{n}_q"].value) for n in names]
    return np.array(found, dtype=np.complex128) / factor


def _boundaries(axes: Axes, values: Values, factor: float) -> None:
    """Draw the threshold of two states, or where the nearest of three centres changes."""
    centres = _centres(values, factor)
    if "readout_threshold" in values:
        angle = values["readout_angle"].value
        point = values["readout_threshold"].value / factor * np.exp(1j * angle)
        axes.axline((point.real, point.imag), slope=math.tan(angle + math.pi / 2), lw=1,
                    color=INK, ls="--")  # fmt: skip
    elif centres.size > 2:
        x, y = (np.linspace(*limits, 300) for limits in (axes.get_xlim(), axes.get_ylim()))
        z = x + 1j * y[:, None]
        nearest = np.abs(z[..., None] - centres).argmin(axis=-1)
        for state in range(centres.size):
            axes.contour(x, y, nearest == state, [0.5], colors=INK, linewidths=0.8,
                         linestyles="--")  # fmt: skip
    axes.plot(centres.real, centres.imag, "+", ms=9, mew=1.6, color=INK)


def _projected(axes: Axes, sets: Sets, values: Values, factor: float, unit: str) -> None:
    """Shots along the line from 0 to 1, with the fitted mixture."""
    apart = sets[1].mean() - sets[0].mean()
    angle = values["readout_angle"].value if "readout_angle" in values else float(np.angle(apart))
    along = [(z * np.exp(-1j * angle)).real / factor for z in sets]
    low, high = min(float(u.min()) for u in along), max(float(u.max()) for u in along)
    edges = np.linspace(low, high + 1e-9, BINS + 1)
    plain(axes)
    for u, colour in zip(along, STATES, strict=False):
        axes.stairs(np.histogram(u, edges)[0] + 0.1, edges, lw=1.0, color=colour)
    if "readout_threshold" in values:
        boundary = values["readout_threshold"].value / factor
        axes.axvline(boundary, lw=1, color=INK, ls="--")
        axes.text(boundary, 1.0, "threshold", transform=axes.get_xaxis_transform(), va="bottom",
                  ha="center", fontsize=SMALL - 1, color=INK)  # fmt: skip
    mixture = _mixture(values, factor, angle, edges)
    for u, fitted, colour in zip(along, mixture, STATES, strict=False):
        axes.plot(0.5 * (edges[1:] + edges[:-1]), u.size * fitted, "-", lw=1.6, color=colour)
    _count_up(axes)
    _as_prepared(axes, values)
    label(axes, labelled("from 0 to 1", unit), "shots")


def _count_up(axes: Axes) -> None:
    """Give an axis of counts a logarithmic scale in plain numbers."""
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    if axes.get_ylim()[1] < FEW:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _as_prepared(axes: Axes, values: Values) -> None:
    """Say how many shots are on the wrong side, which the errors of preparation are part of."""
    names = {"P(1|0)": "counted_1_given_0", "P(0|1)": "counted_0_given_1"}
    if all(name in values for name in names.values()):
        shares = ((symbol, values[name]) for symbol, name in names.items())
        said = "   ".join(f"{symbol} = {written(v.value, '', v.stderr)}" for symbol, v in shares)
        axes.text(1.0, 1.08, f"as prepared: {said}", transform=axes.transAxes, va="bottom",
                  ha="right", fontsize=SMALL - 1, color=INK, parse_math=False)  # fmt: skip


def _mixture(values: Values, factor: float, angle: float, edges: FloatArray) -> list[FloatArray]:
    """Return the part of each preparation's shots in every bin; nothing without the values.

    Nothing either where a third state leaks in: its cloud is not on the line.

    A shot that decays after a fraction f of the readout lies at that fraction of the way.
    """
    needed = ("decay_1", "cloud_width", "thermal_population", "preparation_error_1")
    centres = _centres(values, factor)
    if centres.size != 2 or "leakage" in values or any(name not in values for name in needed):
        return []
    decay, width, thermal, failed = (values[name].value for name in needed)
    place = (centres * np.exp(-1j * angle)).real
    middle = 0.5 * (edges[1:] + edges[:-1])
    nodes, weights = np.polynomial.legendre.leggauss(24)
    f = 0.5 * (nodes + 1)
    chance = np.append(0.5 * weights * decay * np.exp(-decay * f), math.exp(-decay))
    means = np.append(place[0] + f * (place[1] - place[0]), place[1])
    step = float(edges[1] - edges[0])
    zero = step * _gauss(middle, place[:1], width / factor)[0]
    one = step * chance @ _gauss(middle, means, width / factor)
    return [(1 - thermal) * zero + thermal * one, failed * zero + (1 - failed) * one]


def _gauss(x: FloatArray, means: FloatArray, width: float) -> FloatArray:
    result: FloatArray = np.exp(-0.5 * ((x - means[:, None]) / width) ** 2)
    return result / (width * math.sqrt(2 * math.pi))


def _assignment(axes: Axes, values: Values, states: int) -> None:
    """Draw the assignment matrix: what a state is called."""
    names = [[f"p{called}_given_{state}" for called in range(states)] for state in range(states)]
    if any(name not in values for row in names for name in row):
        axes.set_axis_off()
        return
    matrix = np.array([[values[name].value for name in row] for row in names])
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1)
    for (row, column), part in np.ndenumerate(matrix):
        counted = values.get(f"counted_{column}_given_{row}")
        more = "" if counted is None else f"\n({counted.value:.3f})"
        axes.text(column, row, f"{max(part, 0.0):.3f}{more}", ha="center", va="center",
                  fontsize=SMALL, color="white" if part > 0.5 else INK)  # fmt: skip
    axes.set_title("(in brackets: by what was prepared)", fontsize=SMALL - 1, color=INK, pad=3)
    places = np.arange(states)
    axes.set_xticks(places, [str(state) for state in places])
    axes.set_yticks(places, [str(state) for state in places])
    axes.tick_params(labelsize=SMALL, color=INK, labelcolor=INK, length=0)
    axes.spines[:].set_visible(False)
    label(axes, "called", "state at the start")
