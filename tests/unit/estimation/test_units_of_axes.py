"""The unit of an axis, where its zero lies and the gain of the readout change no verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kammerton.estimation import FitBatch, fit_batch
from kammerton.estimation.files.layouts import LAYOUTS, OF_Y, Form
from tests.catalogue.registry import truths
from tests.catalogue.truth import Traces, Truth
from tests.unit.estimation.good_traces import MAPS, good
from tests.unit.estimation.map_inputs import NOTHING
from tests.unit.estimation.shot_inputs import KIND as SHOTS

SAME = 1e-6
"""Of a value: how far it may be from the scaled one."""

FEW, SOME = 6, 12
"""Good traces, and maps of nothing, of which a few are always between two findings."""

BIAS = {kind: 0 if kind == "cz_chevron" else 1 for kind in MAPS}
"""The axis of a map that may have any unit; a power in dBm has one, but its zero is anywhere."""

SWEEPS = [kind for kind in LAYOUTS if LAYOUTS[kind].form in (Form.SWEEP, Form.SERIES)]
NUMBERED = [kind for kind in SWEEPS if LAYOUTS[kind].axes[-1].unit == ""]
"""Kinds whose axis counts pulses: it has no unit."""

BOUNDED = ("randomized_benchmarking", "interleaved_randomized_benchmarking")
"""Kinds whose y is a population, which lies between 0 and 1."""

LEVELS = {"offset", "contrast", "ground", "excited", "population"}
FROM_NOTHING = ("resonator_spectroscopy", "dispersive_shift")
"""Kinds whose y has a zero: what comes through."""

Change = tuple[float, float]
"""What an axis is multiplied with, and what is then added."""


def first(kind: str) -> Truth:
    return next(iter(truths(kind).values()))


def well(kind: str) -> Traces:
    rng, truth = np.random.default_rng(3), first(kind)
    return truth.measured(rng, truth.benign(rng, FEW), 50.0)


def fitted(kind: str, traces: Traces, x: Any = None, gain: float = 1.0, offset: float = 0.0
           ) -> FitBatch:  # fmt: skip
    x = traces.x if x is None else x
    return fit_batch(kind, x, traces.y * gain + offset, traces.sigma * gain, **traces.known)


def power(kind: str, name: str, unit: str) -> int:
    """Return with which power of the axis that is changed a value goes."""
    own = (LAYOUTS[kind].own or {}).get(name)
    if own is not None:
        return {"V": 1, "Hz/V": -1, "y/V": -1, "Hz/V^2": -2}[own]
    swept = LAYOUTS[kind].axes[-1].unit
    if kind in MAPS or unit == "" or swept is None:
        return 0
    return 1 if unit == swept else {("s", "Hz"): -1}.get((swept, unit), 0)


def alike(kind: str, one: FitBatch, other: FitBatch, right: Callable[[str, Any], Any]) -> None:
    """Demand the same verdicts, and values that are right(name, value) where they are accepted."""
    for name in ("verdict", "status"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    accepted = one.verdict == "accepted"
    for name, value in one.values.items():
        expected = right(name, value)[accepted]
        np.testing.assert_allclose(other.values[name][accepted], expected, SAME, err_msg=name)


def moved(kind: str, traces: Traces, one: FitBatch, change: Change) -> None:
    """Demand that a change of the free axis of a map changes nothing else. one: without it."""
    factor, more = change
    x = list(traces.x)
    x[BIAS[kind]] = x[BIAS[kind]] * factor + more
    places = ("sweet_spot", "crossing_bias", "amplitude", "power")

    def right(name: str, value: Any) -> Any:
        scaled = value * factor ** power(kind, name, one.units[name])
        return scaled + more if name in places else scaled

    alike(kind, one, fitted(kind, traces, tuple(x)), right)


def changes(kind: str) -> list[Change]:
    shifts: list[Change] = [(1.0, 0.4), (1.0, -7.0)]
    scales: list[Change] = [(10.0**n, 0.0) for n in (-3, 3, -9, 9)]
    return shifts if kind == "punch_out" else [*scales, *shifts, (1e3, 70.0)]


@pytest.mark.parametrize("kind", MAPS)
def test_a_good_map_in_other_units(kind: str) -> None:
    traces = well(kind)
    one = fitted(kind, traces)
    assert (one.verdict == "accepted").mean() > 0.5
    for change in changes(kind):
        moved(kind, traces, one, change)


@pytest.mark.parametrize("name", ["stripes along the second axis", "walk in each column"])
@pytest.mark.parametrize("kind", MAPS)
def test_a_map_of_nothing_in_other_units(kind: str, name: str) -> None:
    """Where no line is, the last digit of a place once chose between two findings."""
    axes = first(kind).axis
    assert isinstance(axes, tuple)
    y = NOTHING[name](np.random.default_rng(5), SOME, len(axes[0]), len(axes[1]))
    nothing = Traces(axes, y, np.ones(y.shape))
    one = fitted(kind, nothing)
    for change in changes(kind)[:4]:
        moved(kind, nothing, one, change)


@pytest.mark.parametrize("kind", [kind for kind in SWEEPS if kind not in NUMBERED])
def test_a_sweep_in_other_units(kind: str) -> None:
    traces = well(kind)
    if kind == "rabi_length":  # what is usual of a rise is so in seconds
        traces = replace(traces, known={**traces.known, "rise": 1e-9})
    one = fitted(kind, traces)
    assert (one.verdict == "accepted").any()
    for factor in (1e-9, 1e-3, 1e3, 1e9):
        x = (
            (traces.x[0], traces.x[1] * factor)
            if isinstance(traces.x, tuple)
            else traces.x * factor
        )

        def right(name: str, value: Any, factor: float = factor) -> Any:
            return value * factor ** power(kind, name, one.units[name])

        known = {n: v * factor if n == "rise" else v for n, v in traces.known.items()}
        alike(kind, one, fitted(kind, replace(traces, known=known), x), right)


READ_OUT = [
    kind for kind in (*SWEEPS, *MAPS) if kind not in BOUNDED and not LEVELS & set(well(kind).known)
]


@pytest.mark.parametrize("kind", READ_OUT)
def test_another_gain_and_another_offset_of_the_readout(kind: str) -> None:
    traces = well(kind)
    one = fitted(kind, traces)
    assert (one.verdict == "accepted").any()
    for gain, offset in [(1e-6, 0.0), (1e6, 0.0), (1.0, 3.0), (1.0, -40.0)]:
        if offset and (LAYOUTS[kind].phase or kind in FROM_NOTHING):
            continue

        def right(name: str, value: Any, gain: float = gain, offset: float = offset) -> Any:
            scaled = value * gain if name in (*OF_Y, "slope") and kind not in MAPS else value
            scaled = value * gain if name == "visibility" else scaled
            return scaled + offset if name == "offset" else scaled

        alike(kind, one, fitted(kind, traces, None, gain, offset), right)


def test_shots_through_another_amplifier() -> None:
    x, y, _, _ = good(SHOTS, given=False)
    one = fit_batch(SHOTS, x, y)
    assert (one.verdict == "accepted").all()
    for gain in (1e-6, 1e6):

        def right(name: str, value: Any, gain: float = gain) -> Any:
            return value * gain if one.units[name] == "V" else value

        alike(SHOTS, one, fit_batch(SHOTS, x, y * gain), right)
