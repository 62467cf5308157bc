"""Kernels: three-level states under sampled drives, exactly.

Per half sample the Hamiltonian part is exp(-i H dt/2) in closed form (Cayley-Hamilton with
divided differences over the eigenvalues). The dissipator, weak in a sample, acts at its two ends
and in its middle with the weights 1/6, 2/3, 1/6: Simpson's rule for the first order of the
interaction picture, exact to fourth order in H dt. A frozen extra detuning of an ensemble member
commutes with the dissipator and is folded into it, so one exponential serves the ensemble.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.evolution import Evolution
from kammerton_sim.world.jit import kernel

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_SQRT2 = np.sqrt(2.0)
_THIRD_TURN = 2 * np.pi / 3


@kernel
def unitary(c: complex, delta: float, alpha: float, dt: float, u: ComplexArray) -> None:
    """Fill u (3, 3) with exp(-i H dt).

    H = [[0, c*, 0], [c, delta, s c*], [0, s c, 2 delta + alpha]] with s^2 = 2, rad/s.
    """
    d1 = delta
    d2 = 2 * delta + alpha
    m = c.real * c.real + c.imag * c.imag
    mean = (d1 + d2) / 3
    a0 = -mean
    a1 = d1 - mean
    a2 = d2 - mean
    p = np.sqrt((a0 * a0 + a1 * a1 + a2 * a2 + 6 * m) / 6)
    p = max(p, 1e-30)
    determinant = a0 * (a1 * a2 - 2 * m) - m * a2
    angle = np.arccos(min(1.0, max(-1.0, determinant / (2 * p * p * p)))) / 3
    l0 = mean + 2 * p * np.cos(angle)
    l2 = mean + 2 * p * np.cos(angle + _THIRD_TURN)
    l1 = 3 * mean - l0 - l2
    e0 = np.cos(l0 * dt) - 1j * np.sin(l0 * dt)
    f01 = divided(l0, l1, dt)
    f = (f01 - divided(l1, l2, dt)) / (l0 - l2)
    g = f01 - f * (l0 + l1)
    k = e0 - f01 * l0 + f * l0 * l1
    cc = c.conjugate()
    u[0, 0] = k + f * m
    u[0, 1] = cc * (g + f * d1)
    u[0, 2] = f * _SQRT2 * cc * cc
    u[1, 0] = c * (g + f * d1)
    u[1, 1] = k + g * d1 + f * (d1 * d1 + 3 * m)
    u[1, 2] = _SQRT2 * cc * (g + f * (d1 + d2))
    u[2, 0] = f * _SQRT2 * c * c
    u[2, 1] = _SQRT2 * c * (g + f * (d1 + d2))
    u[2, 2] = k + g * d2 + f * (d2 * d2 + 2 * m)


@kernel
def divided(a: float, b: float, dt: float) -> complex:
    """(exp(-i a dt) - exp(-i b dt)) / (a - b), stable where a and b meet."""
    m = 0.5 * (a + b) * dt
    h = 0.5 * (a - b) * dt
    sinc = math.sin(h) / h if abs(h) > 1e-8 else 1.0
    return -1j * dt * sinc * (math.cos(m) - 1j * math.sin(m))


@kernel
def _relax(s: FloatArray, p: FloatArray, c: ComplexArray, o: complex, phase: complex) -> None:
    """Let the dissipator act on a state for a part of a step; `phase`: what r01 turns.

    p, c, o: what it does to populations, to r01 and r12, and to r02.
    """
    p0, p1, p2 = s[0], s[1], s[2]
    s[0] = p[0, 0] * p0 + p[0, 1] * p1 + p[0, 2] * p2
    s[1] = p[1, 0] * p0 + p[1, 1] * p1 + p[1, 2] * p2
    s[2] = p[2, 0] * p0 + p[2, 1] * p1 + p[2, 2] * p2
    x = complex(s[3], s[4])
    y = complex(s[5], s[6]) * (o * phase * phase)
    z = complex(s[7], s[8])
    new = (c[0, 0] * x + c[0, 1] * z) * phase
    z = (c[1, 0] * x + c[1, 1] * z) * phase
    s[3], s[4], s[5], s[6], s[7], s[8] = new.real, new.imag, y.real, y.imag, z.real, z.imag


@kernel
def _rotate(s: FloatArray, u: ComplexArray) -> None:
    """Turn rho into u rho u^dag, of the six numbers that a Hermitian matrix has."""
    x = complex(s[3], s[4])
    y = complex(s[5], s[6])
    z = complex(s[7], s[8])
    xc, yc, zc = x.conjugate(), y.conjugate(), z.conjugate()
    u00, u01, u02 = u[0, 0], u[0, 1], u[0, 2]
    u10, u11, u12 = u[1, 0], u[1, 1], u[1, 2]
    u20, u21, u22 = u[2, 0], u[2, 1], u[2, 2]
    w00 = u00 * s[0] + u01 * xc + u02 * yc
    w01 = u00 * x + u01 * s[1] + u02 * zc
    w02 = u00 * y + u01 * z + u02 * s[2]
    w10 = u10 * s[0] + u11 * xc + u12 * yc
    w11 = u10 * x + u11 * s[1] + u12 * zc
    w12 = u10 * y + u11 * z + u12 * s[2]
    w20 = u20 * s[0] + u21 * xc + u22 * yc
    w21 = u20 * x + u21 * s[1] + u22 * zc
    w22 = u20 * y + u21 * z + u22 * s[2]
    v10, v11, v12 = u10.conjugate(), u11.conjugate(), u12.conjugate()
    v20, v21, v22 = u20.conjugate(), u21.conjugate(), u22.conjugate()
    s[0] = (w00 * u00.conjugate() + w01 * u01.conjugate() + w02 * u02.conjugate()).real
    s[1] = (w10 * v10 + w11 * v11 + w12 * v12).real
    s[2] = (w20 * v20 + w21 * v21 + w22 * v22).real
    x = w00 * v10 + w01 * v11 + w02 * v12
    y = w00 * v20 + w01 * v21 + w02 * v22
    z = w10 * v20 + w11 * v21 + w12 * v22
    s[3], s[4], s[5], s[6], s[7], s[8] = x.real, x.imag, y.real, y.imag, z.real, z.imag


@kernel
def drive(
    states: FloatArray, detunings: FloatArray, c: ComplexArray, shifts: FloatArray, e: Evolution
) -> None:
    """Take states (R, 9) with frozen detunings (R,) in rad/s through a drive c (N,).

    c: coefficient of a^dag in rad/s, twice the matrix element <1|H|0>; one value a sample.
    shifts: (N, 2) in rad/s by which flux moves f01 and anharmonicity, or (0, 2).
    """
    steered = shifts.shape[0] > 0
    delta, alpha = e.delta, e.alpha
    u = np.empty((3, 3), np.complex128)
    phases = np.empty((states.shape[0], 3), np.complex128)
    for k in range(states.shape[0]):
        for part in range(3):
            turn = e.step * detunings[k] * e.parts[part]
            phases[k, part] = complex(math.cos(turn), math.sin(turn))
    for k in range(states.shape[0]):
        _relax(states[k], e.p[0], e.c[0], e.o[0], phases[k, 0])
    for n in range(c.size):
        new = n == 0 or c[n] != c[n - 1]
        if steered:
            new = new or shifts[n, 0] != shifts[n - 1, 0]
            delta, alpha = e.delta + shifts[n, 0], e.alpha + shifts[n, 1]
        if new:
            unitary(0.5 * c[n], delta, alpha, 0.5 * e.step, u)
        after = 2 if n < c.size - 1 else 0
        for k in range(states.shape[0]):
            _rotate(states[k], u)
            _relax(states[k], e.p[1], e.c[1], e.o[1], phases[k, 1])
            _rotate(states[k], u)
            _relax(states[k], e.p[after], e.c[after], e.o[after], phases[k, after])


@kernel
def idle(states: FloatArray, detunings: FloatArray, samples: float, e: Evolution) -> None:
    """Free evolution of states (R, 9) for any number of samples, in closed form."""
    t = samples * e.step
    p = np.zeros((3, 3))
    for m in range(3):
        factor = np.exp(e.rates[m] * t)
        for i in range(3):
            for j in range(3):
                p[i, j] += e.vectors[i, m] * factor * e.inverse[m, j]
    a = 1j * e.delta - e.decay[0]
    b = 1j * (e.delta + e.alpha) - e.decay[2]
    middle = (a + b) / 2
    d = (a - b) / 2
    root = np.sqrt(d * d + e.down * e.up)
    plus = np.exp((middle + root) * t)
    minus = np.exp((middle - root) * t)
    even = (plus + minus) / 2
    odd = (plus - minus) / (2 * root)
    outer = np.exp((1j * (2 * e.delta + e.alpha) - e.decay[1]) * t)
    for k in range(states.shape[0]):
        s = states[k]
        p0, p1, p2 = s[0], s[1], s[2]
        for i in range(3):
            s[i] = p[i, 0] * p0 + p[i, 1] * p1 + p[i, 2] * p2
        if s[3] == 0 and s[4] == 0 and s[5] == 0 and s[6] == 0 and s[7] == 0 and s[8] == 0:
            continue
        turn = detunings[k] * t
        phase = np.cos(turn) + 1j * np.sin(turn)
        x = complex(s[3], s[4])
        y = complex(s[5], s[6]) * outer * phase * phase
        z = complex(s[7], s[8])
        new = ((even + d * odd) * x + e.down * odd * z) * phase
        z = (e.up * odd * x + (even - d * odd) * z) * phase
        s[3], s[4], s[5], s[6], s[7], s[8] = new.real, new.imag, y.real, y.imag, z.real, z.imag
