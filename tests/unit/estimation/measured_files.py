"""Simulated measurements, hidden truth, as the files of a laboratory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kammerton.estimation.files.layouts import LAYOUTS, Form
from tests.catalogue.truth import Traces, Truth


def written(path: Path, truth: Truth, rng: np.random.Generator, snr: float = 20.0) -> list[str]:
    """Write one benign trace of a truth; return the arguments for `kammerton fit`."""
    return saved(path, truth, truth.measured(rng, truth.benign(rng, 1), snr))


def saved(path: Path, truth: Truth, traces: Traces) -> list[str]:
    """Write the first of some traces of a truth; return the arguments for `kammerton fit`."""
    layout = LAYOUTS[truth.kind]
    x = traces.x if isinstance(traces.x, tuple) else (traces.x,)
    axes = [np.asarray(axis, dtype=float) for axis in np.meshgrid(*x, indexing="ij")]
    titles = [f"{axis.name} [{_unit(axis.unit)}]" for axis in layout.axes]
    columns = [*axes, *_parts(traces)]
    titles += (
        ["signal", "phase [rad]", "error"] if np.iscomplexobj(traces.y) else ["signal", "error"]
    )
    table = np.column_stack([np.asarray(c).reshape(-1) for c in columns])
    np.savetxt(path, table, delimiter=",", header=",".join(titles), comments="", fmt="%.17g")
    known = [f"--known={name}={_number(value)}" for name, value in traces.known.items()]
    sigma = [] if layout.form is Form.SHOTS else ["--sigma", "error"]
    return [str(path), "--kind", truth.kind, *sigma, *known]


def _unit(unit: str | None) -> str:
    return "V" if unit is None else unit


def _parts(traces: Traces) -> list[np.ndarray]:
    y, sigma = traces.y[0], traces.sigma[0]
    return [np.abs(y), np.angle(y), sigma] if np.iscomplexobj(y) else [y, sigma]


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(float(np.ravel(value)[0]))
