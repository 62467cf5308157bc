"""Small runs and estimates for tests of what is stored, published and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from kammerton.model import (
    Advice,
    Estimate,
    Fit,
    Program,
    Readout,
    Records,
    Run,
    Trace,
    Value,
    Verdict,
    Wait,
)

NOON = datetime(2026, 1, 21, 12, 0, 0, 123456, tzinfo=UTC)


def estimate(value: float = 5.1e-5, stderr: float = 6e-7, unit: str = "s", **more) -> Estimate:
    return Estimate(value, stderr, unit, more.pop("time", NOON), more.pop("run", ""), **more)


def fit(target: str = "q0", verdict: Verdict = Verdict.ACCEPTED, **more) -> Fit:
    values = {"t1": Value(5.1e-5, 6e-7, "s")}
    return Fit(
        more.pop("kind", "t1"),
        target,
        more.pop("values", values),
        verdict,
        more.pop("status", "success"),
        more.pop("reason", "a clean decay"),
        more.pop("chi2_reduced", 1.04),
        more.pop("advice", Advice()),
        more.pop("curve", np.linspace(1.0, 0.1, 5)),
    )


def run(
    targets: tuple[str, ...] = ("q0", "q1"),
    fits: dict[str, Fit] | None = None,
    calibration: str = "t1",
    points: int = 5,
    started: datetime = NOON - timedelta(seconds=21),
    complex_y: bool = False,
) -> Run:
    """Return a run of T1 on some qubits, as the loop would hand it to the store."""
    random = np.random.default_rng(7)
    axis = {name: np.linspace(0, 1e-4, points) * (1 + i) for i, name in enumerate(targets)}
    y = random.normal(size=points) + (1j * random.normal(size=points) if complex_y else 0)
    traces = {
        name: Trace(name, axis[name], y, np.full(points, 0.01), "delay", "s") for name in targets
    }
    blocks = {
        name: random.normal(size=(20, points)) + 1j * random.normal(size=(20, points))
        for name in targets
    }
    program = Program(
        calibration,
        {name: (Wait(axis[name]),) for name in targets},
        {name: Readout(6.8e9, 0.05, 1e-6) for name in targets},
        axis,
        "delay",
        "s",
        1000,
        3e-4,
    )
    return Run(
        calibration,
        targets,
        started,
        NOON,
        20.6,
        program,
        Records(blocks, {}, 20.6),
        traces,
        {name: fit(name) for name in targets} if fits is None else fits,
    )
