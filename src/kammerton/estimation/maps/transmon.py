"""A transmon's frequency along its flux, for several theta at once.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel, careful_piece

Array = NDArray[np.float64]

LOWEST, HIGHEST = -3.0, 7.0  # logarithm of a period that is taken
LEAST = 1e-9  # of what the fourth root is taken of


@careful_kernel
def fill_law(theta: Array, b: Array, base: float, out: Array) -> None:
    """Fill out (T, B) with `flux.qubit_law` at theta (T, 5). base: of the window, in windows.

    What theta shares with the first one is not computed anew: most are beside it, for slopes.
    """
    sine, root, own = np.empty((2, b.size)), np.empty((2, b.size)), 0
    for t in range(theta.shape[0]):
        f_max, top, log_period, square, e_c = theta[t]
        turned = t == 0 or top != theta[0, 1] or log_period != theta[0, 2]
        own = 0 if t == 0 else 1
        if turned:
            fill_squares(b, top, log_period, sine[own])
        bent = turned or square != theta[0, 3]
        if bent:
            fill_roots(sine[own if turned else 0], square, root[own])
        shape = root[own if bent else 0]
        shift = base + e_c
        for i in range(b.size):
            out[t, i] = (f_max + shift) * shape[i] - shift


@careful_piece
def fill_squares(b: Array, top: float, log_period: float, out: Array) -> None:
    """Fill the squared sine of the phase (B,)."""
    turn = math.pi * math.exp(-min(max(log_period, LOWEST), HIGHEST))
    for i in range(b.size):
        sine = math.sin((b[i] - top) * turn)
        out[i] = sine * sine


@careful_piece
def fill_roots(sine: Array, square: float, out: Array) -> None:
    """Fill the square root of E_J (B,), in parts of the largest."""
    for i in range(sine.size):
        part = 1.0 + (square - 1.0) * sine[i]
        out[i] = math.sqrt(math.sqrt(max(part, LEAST)))
