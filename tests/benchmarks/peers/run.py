"""Fit saved arrays with one peer: `python -m tests.benchmarks.peers.run PEER FILE.npz`.

Imports nothing of ours. The file holds kind, x in units of the window, y (N, M), sigma (N, M),
shots (0 where y is no population) and zero and span of the axis in SI. Prints JSON: version, and
for each trace CPU seconds, values with errors in units of the window, and the peer's own verdict
where it has one.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

DISTRIBUTIONS = {
    "curve_fit": "scipy",
    "lmfit": "lmfit",
    "qiskit-experiments": "qiskit-experiments",
    "qibocal": "qibocal",
}
MODULES = {name: f"tests.benchmarks.peers.of_{name.replace('-', '_')}" for name in DISTRIBUTIONS}


def main() -> None:
    """Fit and print."""
    peer, path = sys.argv[1], Path(sys.argv[2])
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with np.load(path, allow_pickle=False) as held:
        case = {name: held[name] for name in held.files}
    fit = importlib.import_module(MODULES[peer]).fitter(str(case["kind"]), case)
    if fit is None:
        print(json.dumps(None))
        return
    first_calls(fit)
    traces = [timed(fit, n) for n in range(len(case["y"]))]
    print(json.dumps({"version": version(DISTRIBUTIONS[peer]), "traces": traces}))


def first_calls(fit) -> None:
    """Imports and caches are not the fit."""
    for _ in range(2):
        timed(fit, 0)


def timed(fit, n: int) -> dict:
    """Fit trace n; a peer may give its own CPU time, if it makes its input objects first."""
    start = time.process_time()
    try:
        with np.errstate(all="ignore"):
            found = fit(n)
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer to this trace
        found = {"error": f"{type(error).__name__}: {error}"[:80]}
    return {"seconds": time.process_time() - start, **found}


if __name__ == "__main__":
    main()
