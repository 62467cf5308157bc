"""Compile what is kept on the disk, before the tests: none of them shall wait for it.

Run as a program: python -m tests.warm
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np

MAPS = ("avoided_crossing", "cz_chevron", "punch_out", "qubit_flux_map", "resonator_flux_map")


def fits(maps: bool) -> None:
    """Fit two traces of every law in the catalogue, over one axis or over two."""
    from kammerton.estimation import fit_batch
    from tests.catalogue.registry import truths

    rng = np.random.default_rng(1)
    for truth in truths().values():
        if maps is not (truth.kind in MAPS):
            continue
        traces = truth.measured(rng, truth.benign(rng, 2), 20.0)
        fit_batch(truth.kind, traces.x, traces.y, traces.sigma, **traces.known)


def traces() -> None:
    """Fit what has one axis, first all that a daemon wants compiled."""
    from kammerton.estimation.compiled import compile_all

    compile_all()
    fits(maps=False)


def maps() -> None:
    """Fit what has two."""
    fits(maps=True)


def world() -> None:
    """Play to a qubit and to a pair in the simulated laboratory."""
    from kammerton_sim.world.warm import warm

    warm(coupled=True)


def assertions() -> None:
    """Let pytest rewrite the assertions of every file, which each of its workers would do at once.

    What is wrong with a file the tests themselves will say.
    """
    collect = (sys.executable, "-m", "pytest", "--collect-only", "--quiet")
    subprocess.run(collect, stdout=subprocess.DEVNULL, check=False)


def main() -> None:
    """Do all side by side, the longest first."""
    jobs = (traces, maps, world, assertions)
    with ProcessPoolExecutor(2) as pool:
        all_of_it: list[Future[None]] = [pool.submit(each) for each in jobs]
        for one in all_of_it:
            one.result()


if __name__ == "__main__":
    main()
