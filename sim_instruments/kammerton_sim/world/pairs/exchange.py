"""Kernel: the pair without microwaves, in closed form, block by block.

H = sum of delta n + alpha n (n - 1) / 2 over both + zz |11><11| + g (a^dag b + a b^dag), in a
frame that both share. The block of three (02, 11, 20), where a CZ gate happens, is exponentiated
by Cayley-Hamilton with divided differences over its eigenvalues, the blocks of two as spins.
"""

from __future__ import annotations

import numpy as np

from kammerton_sim.world.jit import kernel
from kammerton_sim.world.propagate import ComplexArray, divided

_SQRT2 = np.sqrt(2.0)
_THIRD_TURN = 2 * np.pi / 3


@kernel
def _turned(energy: float, dt: float) -> complex:
    return complex(np.cos(energy * dt), -np.sin(energy * dt))


@kernel
def _two(u: ComplexArray, at: int, low: float, high: float, g: float, dt: float) -> None:
    """Fill the block of the states at, at + 1 with energies low and high and coupling g."""
    half = 0.5 * (low - high)
    w = np.sqrt(half * half + g * g)
    phase = _turned(0.5 * (low + high), dt)
    c = np.cos(w * dt)
    s = np.sin(w * dt) / w if w > 1e-30 else dt
    u[at, at] = phase * complex(c, -s * half)
    u[at + 1, at + 1] = phase * complex(c, s * half)
    u[at, at + 1] = u[at + 1, at] = phase * complex(0.0, -s * g)


@kernel
def _three(u: ComplexArray, h0: float, h1: float, h2: float, k: float, dt: float) -> None:
    """Fill the block of 02, 11, 20 with energies h0, h1, h2 and coupling k to the middle one."""
    phase = _turned(h1, dt)
    d0 = h0 - h1
    d2 = h2 - h1
    mean = (d0 + d2) / 3
    a0 = d0 - mean
    a1 = -mean
    a2 = d2 - mean
    p = max(np.sqrt((a0 * a0 + a1 * a1 + a2 * a2 + 4 * k * k) / 6), 1e-30)
    determinant = a0 * (a1 * a2 - k * k) - k * k * a2
    angle = np.arccos(min(1.0, max(-1.0, determinant / (2 * p * p * p)))) / 3
    l0 = mean + 2 * p * np.cos(angle)
    l2 = mean + 2 * p * np.cos(angle + _THIRD_TURN)
    l1 = 3 * mean - l0 - l2
    f01 = divided(l0, l1, dt)
    f = (f01 - divided(l1, l2, dt)) / (l0 - l2)
    g = f01 - f * (l0 + l1)
    e = _turned(l0, dt) - f01 * l0 + f * l0 * l1
    u[3, 3] = phase * (e + g * d0 + f * (d0 * d0 + k * k))
    u[4, 4] = phase * (e + 2 * f * k * k)
    u[5, 5] = phase * (e + g * d2 + f * (d2 * d2 + k * k))
    u[3, 4] = u[4, 3] = phase * k * (g + f * d0)
    u[4, 5] = u[5, 4] = phase * k * (g + f * d2)
    u[3, 5] = u[5, 3] = phase * f * k * k


@kernel
def exchange(
    first: float,
    second: float,
    alpha_first: float,
    alpha_second: float,
    g: float,
    zz: float,
    dt: float,
    u: ComplexArray,
) -> None:
    """Fill the blocks of u (9, 9) with exp(-i H dt); everything in rad/s, dt in s."""
    both = first + second
    u[0, 0] = 1.0
    _two(u, 1, second, first, g, dt)
    _three(u, 2 * second + alpha_second, both + zz, 2 * first + alpha_first, _SQRT2 * g, dt)
    low = first + 2 * second + alpha_second
    _two(u, 6, low, 2 * first + second + alpha_first, 2 * g, dt)
    u[8, 8] = _turned(2 * both + alpha_first + alpha_second, dt)
